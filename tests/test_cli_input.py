"""Bad input to the command line: one clear sentence, a non-zero exit, nothing half written."""

import re
import socket
import sqlite3
from pathlib import Path

import pytest
from cli import Running, campus, refused

from campus.cli.app import COMMANDS
from campus.cli.options import SHOWN
from campus.records import open_records
from campus.telemetry.stores import open_telemetry

CSV = "t,co2,occ\n2024-01-01 07:00:00,800,1\n2024-01-01 07:01:00,810,1\n"


def test_help_lists_every_command_and_each_command_teaches(tmp_path: Path):
    """`campus --help` names all commands, and each command's help has a sentence and its options."""
    listed = campus("--help", cwd=tmp_path).stdout
    for name in COMMANDS:
        assert re.search(rf"│ {name} ", listed), name
        own = campus(name, "--help", cwd=tmp_path)
        assert own.returncode == 0
        assert len(own.stdout.split()) > 15, name


@pytest.mark.parametrize("name", ["up", "doctor"])
def test_the_settings_are_options(tmp_path: Path, name: str):
    """Every setting that is shown can be given to the commands that run everything."""
    own = campus(name, "--help", cwd=tmp_path).stdout
    for setting in SHOWN:
        assert f"--{setting}" in own
        assert f"CAMPUS_{setting.upper()}" in own


def test_an_unknown_command_or_option_is_a_usage_error(tmp_path: Path):
    """The exit code says that the request was wrong."""
    assert campus("nonsense", cwd=tmp_path).returncode == 2
    assert campus("demo", "--nonsense", cwd=tmp_path).returncode == 2


def test_a_port_in_use_is_refused_and_nothing_is_left_behind(tmp_path: Path):
    """The sentence names the address and the way out; the folder can be used at once by the next start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refused(campus("demo", "--http", address, "--data", "d", cwd=tmp_path))
    assert address in said
    assert "--http" in said
    assert not (tmp_path / "d" / "run.json").exists()
    again = campus("demo", "--http", "127.0.0.1:0", "--data", "d", "--seconds", 1, "--days", 0, cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--data", "/proc/self/nowhere"], "data folder"),
        (["up", "--data", "d", "--http", "nonsense"], "HOST:PORT"),
        (["up", "--data", "d", "--telemetry", "postgres://x"], "telemetry"),
        (["up", "--data", "d", "--telemetry", "influxdb://u:secret@127.0.0.1:1/x"], "127.0.0.1"),
        (["up", "--data", "d", "--records", "mysql://u:secret@h/x"], "mysql"),
        (["up", "--data", "d", "--records", "postgresql://u:secret@127.0.0.1:1/x"], "127.0.0.1"),
        (["up", "--data", "d", "--http", "127.0.0.1:0", "--mqtt", "http://u:secret@h"], "mqtt://"),
        (["collector", "--data", "d"], "needs a broker"),
        (["inventory", "none.json", "--data", "d"], "none.json"),
        (["indicators", "--data", "d", "--room", "a-101"], "no data folder"),
        (["export", "readings", "--data", "d"], "no data folder"),
        (["export", "readings", "--data", "d", "--format", "xml"], "csv, parquet or xlsx"),
        (["export", "readings", "--data", "d", "--from", "yesterday"], "YYYY-MM-DD"),
        (["simulate", "--data", "d"], "No system"),
        (["simulate", "--mqtt", "mqtt://127.0.0.1:1", "--backfill", "1"], "broker"),
        (["simulate", "--rooms", "0"], "rooms"),
        (["simulate", "--faults", "meteor"], "meteor"),
        (["replay", "room.csv", "--board", "b", "--data", "d"], "No system"),
        (["replay", "room.csv", "--board", "Not An Id", "--data", "d"], "not a board id"),
        (["replay", "room.csv", "--board", "b", "--map", "pir=motion"], "no column 'pir'"),
        (["replay", "none.csv", "--board", "b"], "none.csv"),
        (["evaluate", "room.csv", "--truth", "people"], "no column 'people'"),
        (["evaluate", "room.csv", "--tz", "Mars/Olympus"], "time zone"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, arguments: list[str], said: str):
    """What is wrong is named, secrets are not repeated, and no stack trace is shown."""
    (tmp_path / "room.csv").write_text(CSV)
    line = refused(campus(*arguments, cwd=tmp_path))
    assert said in line
    assert "secret" not in line


def test_reading_commands_make_no_data_folder(tmp_path: Path):
    """Asking for what is not there leaves nothing there."""
    refused(campus("indicators", "--data", "d", "--room", "x", cwd=tmp_path))
    refused(campus("export", "readings", "--data", "d", cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_newer_stores_are_refused(tmp_path: Path):
    """Stores of a later version are left as they are, and the way out is to upgrade."""
    data = tmp_path / "d"
    data.mkdir(mode=0o700)
    open_records("sqlite", data).close()
    with sqlite3.connect(data / "records.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = (data / "records.sqlite").read_bytes()
    assert "newer version" in refused(campus("up", "--data", "d", "--http", "127.0.0.1:0", cwd=tmp_path))
    assert "newer version" in campus("doctor", "--data", "d", cwd=tmp_path).stdout
    assert (data / "records.sqlite").read_bytes() == before


def test_a_dry_run_writes_nothing(tmp_path: Path):
    """`campus inventory --dry-run` shows the changes and makes no folder; the real run then makes the same ones."""
    assert campus("simulate", "--rooms", 2, "--inventory", "school.json", cwd=tmp_path).returncode == 0
    tried = campus("inventory", "school.json", "--data", "d", "--dry-run", cwd=tmp_path)
    assert tried.returncode == 0, tried.stderr
    assert not (tmp_path / "d").exists()
    done = campus("inventory", "school.json", "--data", "d", cwd=tmp_path)
    assert done.stdout.splitlines()[:-1] == tried.stdout.splitlines()[:-1]
    assert campus("inventory", "school.json", "--data", "d", cwd=tmp_path).stdout.startswith("0 changes")


def test_an_inventory_with_one_bad_field_changes_nothing(tmp_path: Path):
    """The field is named, and what stood before it in the file is not imported either."""
    campus("simulate", "--rooms", 2, "--inventory", "school.json", cwd=tmp_path)
    file = tmp_path / "school.json"
    file.write_text(file.read_text().replace('"capacity": ', '"capacity": -', 1))
    assert "rooms[0].capacity" in refused(campus("inventory", "school.json", "--data", "d", cwd=tmp_path))
    with open_records("sqlite", tmp_path / "d") as records:
        assert records.sites() == []


def test_doctor_finds_what_is_wrong_and_says_what_to_do(tmp_path: Path):
    """A healthy start exits 0; a broker that is away, a taken port and an open folder are each named."""
    assert campus("doctor", "--data", "d", "--http", "127.0.0.1:0", cwd=tmp_path).returncode == 0
    (tmp_path / "d").mkdir(mode=0o755)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sick = campus(
            "doctor",
            "--data",
            "d",
            "--http",
            f"127.0.0.1:{port}",
            "--mqtt",
            "mqtt://127.0.0.1:1",
            cwd=tmp_path,
        )
    assert sick.returncode == 1
    wrong = [line for line in sick.stdout.splitlines() if line.startswith("wrong")]
    assert [line.split()[1].rstrip(":") for line in wrong] == ["data", "broker", "address"]
    assert sick.stdout.count("→") == 3


def test_separate_processes_on_the_embedded_store_are_refused(tmp_path: Path):
    """One owner per data folder: the second process is told who it is and what separate processes need."""
    owner = Running("api", "--data", "d", "--http", "127.0.0.1:0", cwd=tmp_path)
    try:
        owner.told(r"http://\S+")
        for command in (["api", "--http", "127.0.0.1:0"], ["collector", "--mqtt", "mqtt://127.0.0.1:1"]):
            said = refused(campus(*command, "--data", "d", cwd=tmp_path))
            assert f"process {owner.process.pid}" in said
            assert "server store" in said
        assert owner.stop() == 0
    finally:
        owner.kill()
    open_telemetry("duckdb", tmp_path / "d").close()


def test_every_command_takes_the_same_settings(tmp_path: Path):
    """`--data`, `--mqtt`, `--telemetry`, `--records` and `--http` mean the same everywhere."""
    for name in ("demo", "up", "collector", "api", "simulate", "replay", "evaluate", "indicators", "doctor"):
        own = campus(name, "--help", cwd=tmp_path).stdout
        assert all(f"--{setting}" in own for setting in ("data", "mqtt", "telemetry", "records", "http")), (
            name
        )
    assert "--telemetry" in campus("export", "readings", "--help", cwd=tmp_path).stdout
