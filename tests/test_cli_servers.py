"""The system over servers: a collector and an API as processes of their own, mosquitto, InfluxDB and PostgreSQL."""

import json
import time
from pathlib import Path

import httpx
import pytest
from cli import Running, campus

CSV = "t,co2,pir\n" + "".join(f"2024-01-01 07:{minute:02d}:00,{600 + minute},1\n" for minute in range(60))


@pytest.mark.parametrize("records", ["sqlite", "postgresql"])
def test_collector_and_api_are_separate_over_server_stores(
    tmp_path: Path, mosquitto, influxdb, postgresql, records
):
    """What one process collects the other one serves, also in one data folder; a killed collector costs nothing."""
    telemetry = influxdb.database()
    telemetry += ("&" if "?" in telemetry else "?") + "api=v1" if "api=v1" not in telemetry else ""
    where = records if records == "sqlite" else postgresql.database()
    stores = ("--data", "d", "--telemetry", telemetry, "--records", where)
    (tmp_path / "room.csv").write_text(CSV)
    assert campus("simulate", "--rooms", 2, "--inventory", "school.json", cwd=tmp_path).returncode == 0
    assert campus("inventory", "school.json", *stores, cwd=tmp_path).returncode == 0
    (tmp_path / "collector").mkdir()
    (tmp_path / "api").mkdir()
    data = ("--data", tmp_path / "d", *stores[2:])
    collector = Running("collector", "--mqtt", mosquitto.url, *data, cwd=tmp_path / "collector")
    api = Running("api", "--http", "127.0.0.1:0", *data, cwd=tmp_path / "api")
    try:
        collector.told("collector is up")
        address = api.told(r"is up: (http://\S+)")
        password = api.told(r"password (\S+)")
        replayed = ("replay", "room.csv", "--board", "recorder", "--site", "demo", "--mqtt", mosquitto.url)
        assert campus(*replayed, cwd=tmp_path).returncode == 0
        collector.kill()
        collector = Running("collector", "--mqtt", mosquitto.url, *data, cwd=tmp_path / "collector")
        collector.told("collector is up")
        assert campus(*replayed, cwd=tmp_path).returncode == 0
        with httpx.Client(base_url=address, headers={"Origin": address}) as browser:
            assert (
                browser.post(
                    "/sign-in", data={"name": "admin", "password": password, "next": "/"}
                ).status_code
                < 400
            )
            query = {"board": "recorder", "format": "csv"}
            until = time.monotonic() + 30
            while time.monotonic() < until:
                lines = browser.get("/api/v1/readings/export", params=query).text.splitlines()
                if len(lines) >= 121:
                    break
                time.sleep(0.5)
            assert len(lines) == 121
            boards = browser.get("/api/v1/sites/demo/boards").json()["items"]
            assert [board["room"] for board in boards if board["id"] == "recorder"] == [None]
        exported = campus("export", "readings", "--board", "recorder", *stores, cwd=tmp_path)
        assert len(exported.stdout.splitlines()) == 121, exported.stderr
        healthy = campus(
            "doctor", *stores, "--mqtt", mosquitto.url, "--http", "127.0.0.1:0", "--json", cwd=tmp_path
        )
        assert json.loads(healthy.stdout)["ok"], healthy.stdout
        assert api.stop() == 0
        assert collector.stop() == 0
    finally:
        api.kill()
        collector.kill()
