"""The compose file against the specification's own checker, and the Grafana dashboard against a real InfluxDB."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from campus.telemetry import Readings, SeriesKey
from campus.telemetry.stores import open_telemetry
from dashboards.grafana.__main__ import FOLDER, text
from dashboards.grafana.rooms import PANELS

ROOT = Path(__file__).parents[1]


@pytest.fixture
def compose(tmp_path: Path):
    """Runs docker-compose on a copy of the tree's file; no engine is needed to check it."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "compose-secrets", tmp_path / "tools")

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["docker-compose", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    run.folder = tmp_path  # type: ignore[attr-defined]
    return run


@pytest.mark.compose
def test_without_secrets_no_service_starts(compose):
    """There is no default secret: the file is refused, and the message names the way."""
    refused = compose("config", "-q")
    assert refused.returncode != 0
    assert "tools/compose-secrets" in refused.stderr


@pytest.mark.compose
def test_with_generated_secrets_the_file_is_valid(compose):
    """The generated .env is private, every secret differs, and the file passes with every service in it."""
    for _ in range(2):  # the second run must keep the first one's secrets
        subprocess.run([compose.folder / "tools" / "compose-secrets"], check=True, capture_output=True)
    env = compose.folder / ".env"
    secrets = dict(line.split("=") for line in env.read_text().split())
    assert env.stat().st_mode & 0o077 == 0
    assert len(set(secrets.values())) == len(secrets)
    assert all(len(secret) == 48 for secret in secrets.values())
    accepted = compose("--profile", "simulator", "config")
    assert accepted.returncode == 0, accepted.stderr
    services = yaml.safe_load(accepted.stdout)["services"]
    assert set(services) == {
        "mosquitto",
        "influxdb",
        "postgresql",
        "grafana",
        "collector",
        "api",
        "simulator",
    }


@pytest.mark.compose
def test_a_broken_compose_file_would_be_noticed(compose):
    """Control: the checker refuses a key that the specification does not have."""
    subprocess.run([compose.folder / "tools" / "compose-secrets"], check=True, capture_output=True)
    file = compose.folder / "docker-compose.yml"
    file.write_text(
        file.read_text().replace("    restart: unless-stopped", "    restarts: unless-stopped", 1)
    )
    assert compose("config", "-q").returncode != 0


def test_compose_publishes_on_loopback_only():
    """Every published port is bound to 127.0.0.1, and no file holds a secret in clear."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for name, service in document["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN", key):
                assert value.startswith("${") and ":?" in value, (name, key)


def test_the_dashboard_file_is_what_the_code_makes():
    """rooms.json is generated: an edit by hand, or a change without writing it, shows here."""
    assert (FOLDER / "rooms.json").read_text(encoding="utf-8") == text()


@pytest.mark.influxdb
def test_every_panel_shows_what_the_collector_stores(influxdb, tmp_path: Path):
    """Each panel's own query, with Grafana's variables filled in, finds the reading written by the adapter."""
    url = influxdb.database()
    store = open_telemetry(
        url + ("&" if "?" in url else "?") + "api=v1" if "api=v1" not in url else url, tmp_path
    )
    readings = Readings()
    for number, (_, point, _, _) in enumerate(PANELS):
        readings.series.append(SeriesKey("s", "b", point))
        readings.which.append(number)
        readings.observed_at_ms.append(1_795_326_683_120)
        readings.value.append(float(number))
        readings.quality.append(0)
    store.write(1, readings)
    store.close()
    base = httpx.URL(url.replace("influxdb://", "http://"))
    dashboard = json.loads(text())
    for number, panel in enumerate(dashboard["panels"]):
        asked = panel["targets"][0]["query"]
        filled = {"$site": "s", "$board": "b", "$timeFilter": "time > 0", "$__interval": "1d"}
        for name, value in filled.items():
            asked = asked.replace(name, value)
        answer = httpx.get(
            base.copy_with(path="/query", query=None),
            params={"db": base.path.strip("/"), "q": asked, "u": base.username, "p": base.password},
        ).json()
        values = answer["results"][0]["series"][0]["values"]
        assert [row[1] for row in values] == [float(number)], panel["title"]
