"""`campus init`: made once, kept for ever, said in words; what it cannot do is one sentence."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from cli import campus, refused
from processes import free_port, program

from campus.boards.accounts import Accounts
from campus.boards.authority import Authority
from campus.boards.setup import SERVER_NAME, Setup, checked_host, own_hosts
from campus.cli.app import run
from campus.cli.brokers import broker_kind, find_broker, operator_url
from campus.cli.unit import unit
from campus.errors import StoreError, UsageError
from campus.settings import Settings

STEPS = ["certificate authority", "server certificate", "update key", "accounts", "broker", "systemd unit"]


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def verdicts(text: str) -> dict[str, str]:
    """step -> "made", "there" or "to make"."""
    return {
        step: line.partition(step)[0].strip()
        for line in text.splitlines()
        for step in STEPS
        if f"{step}: " in line
    }


def test_a_first_and_a_second_run(tmp_path: Path):
    """The first makes everything, private; the second finds everything there and changes no byte."""
    first = campus("init", "--data", "d", "--host", "pi.school.lan", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert verdicts(first.stdout) == dict.fromkeys(STEPS, "made")
    assert "Boards will connect to pi.school.lan:8883 with TLS." in first.stdout
    for said in ("sudo cp ", "sudo systemctl daemon-reload", "sudo systemctl enable --now campus", "chrony"):
        assert said in first.stdout
    data = tmp_path / "d"
    for path in (data, *data.rglob("*")):
        assert path.name == "lock" or path.stat().st_mode & 0o077 == 0, path
    before = content(data)
    second = campus("init", "--data", "d", cwd=tmp_path)
    assert verdicts(second.stdout) == dict.fromkeys(STEPS, "there")
    assert content(data) == before
    assert set(Authority(data / "broker").server_hosts()) == {"pi.school.lan", *own_hosts()}


def test_a_dry_run_writes_nothing(tmp_path: Path):
    """It says what would be made, also where some is there already."""
    said = campus("init", "--data", "d", "--dry-run", cwd=tmp_path).stdout
    assert verdicts(said) == dict.fromkeys(STEPS, "to make")
    assert "Nothing was written" in said
    assert not (tmp_path / "d").exists()
    assert campus("init", "--data", "d", cwd=tmp_path).returncode == 0
    before = content(tmp_path / "d")
    said = campus("init", "--data", "d", "--host", "more", "--dry-run", cwd=tmp_path).stdout
    due = {step for step, verdict in verdicts(said).items() if verdict == "to make"}
    assert due == {"server certificate", "broker"}
    assert content(tmp_path / "d") == before


def test_what_is_named_later_is_kept(tmp_path: Path):
    """Other names are another certificate; keys, passwords and the port that was chosen stay."""
    made = campus("init", "--data", "d", "--port", 9999, "--listen", "127.0.0.1", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    broker = tmp_path / "d" / "broker"
    Accounts(broker).add_board("school", "esp32-1")
    kept = {
        name: content(broker)[name]
        for name in ("ca.key", "ca.pem", "update.key", "accounts.json", "operator.password")
    }
    for hosts in (["--host", "Pi.School.lan", "--host", "10.1.2.3"], []):
        assert campus("init", "--data", "d", *hosts, cwd=tmp_path).returncode == 0
        setup = Setup.load(broker)
        assert setup is not None
        assert setup.named == ("pi.school.lan", "10.1.2.3")
        assert (setup.listen, setup.port) == ("127.0.0.1", 9999)
        assert set(Authority(broker).server_hosts()) == set(setup.hosts)
    assert kept.items() <= content(broker).items()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "http://pi"], "'http://pi' is neither a name nor an address"),
        (["--host", "10.0.0.1:8883"], "neither a name nor an address"),
        (["--host", "10.0.0.300"], "neither a name nor an address"),
        (["--host", "-pi"], "neither a name nor an address"),
        (["--host", "fe80::1%eth0"], "neither a name nor an address"),
        (["--host", "0.0.0.0"], "neither a name nor an address"),
        (["--host", "224.0.0.1"], "neither a name nor an address"),
        (["--listen", "224.0.0.1"], "no address of this machine"),
        (["--host", "trường"], "neither a name nor an address"),
        (["--host", ""], "neither a name nor an address"),
        (["--host", "a." * 150 + "a"], "neither a name nor an address"),
        (["--listen", "203.0.113.1"], "no address of this machine"),
        (["--listen", "localhost"], "no address of this machine"),
        (["--data", "file"], "is not a folder"),
    ],
)
def test_a_bad_request_is_one_sentence(tmp_path: Path, arguments: list[str], said: str):
    """Nothing is made by halves."""
    (tmp_path / "file").write_text("")
    assert said in refused(campus("init", "--data", "d", *arguments, cwd=tmp_path))
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_bad_port_is_a_usage_error(tmp_path: Path, port: str):
    """The option itself refuses it."""
    assert campus("init", "--data", "d", "--port", port, cwd=tmp_path).returncode == 2


def test_a_demos_folder_is_refused(tmp_path: Path):
    """A made-up school's readings never mix with a real one's."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "demo.json").write_text("{}")
    assert "holds a demo's school" in refused(campus("init", "--data", "d", cwd=tmp_path))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"hosts": None},
        {"hosts": []},
        {"hosts": ["pi\nallow_anonymous true"]},
        {"named": [""]},
        {"listen": "0.0.0.0 allow"},
        {"port": "8883"},
        {"port": 0},
        {"port": None},
        {"surprise": 1},
    ],
)
def test_a_spoilt_setup_is_named(tmp_path: Path, spoilt: dict):
    """It is not taken for none: the embedded broker would serve in place of the real one."""
    folder = Setup.folder(tmp_path)
    Setup(hosts=("pi",)).save(folder)
    told = json.loads((folder / "setup.json").read_text())
    (folder / "setup.json").write_text(json.dumps(told | spoilt))
    with pytest.raises(StoreError, match=r"setup\.json"):
        broker_kind(Settings(data=tmp_path))


def test_half_a_broker_is_not_replaced_by_another(tmp_path: Path):
    """`campus init` was cut off, or setup.json is gone: the embedded broker would serve no board, without a word."""
    Setup.folder(tmp_path).mkdir()
    with pytest.raises(UsageError, match="not to the end: run `campus init`"):
        broker_kind(Settings(data=tmp_path))


@pytest.mark.parametrize("cut", ["ca.pem", "server.pem", "accounts.json", "setup.json"])
def test_what_a_power_cut_left_is_completed(tmp_path: Path, cut: str):
    """Cut off while that file was written, a second run makes the rest, and the doctor finds nothing."""
    pid = os.fork()
    if pid == 0:
        replace, link = Path.replace, Path.hardlink_to
        Path.replace = lambda one, to: os._exit(9) if to.name == cut else replace(one, to)  # type: ignore[method-assign]
        Path.hardlink_to = lambda one, to: os._exit(9) if one.name == cut else link(one, to)  # type: ignore[method-assign]
        os._exit(run(["init", "--data", str(tmp_path / "d"), "--listen", "127.0.0.1"]))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert not (tmp_path / "d" / "broker" / cut).exists()
    again = campus("init", "--data", "d", "--listen", "127.0.0.1", "--port", free_port(), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    well = campus("doctor", "--data", "d", "--http", "127.0.0.1:0", cwd=tmp_path)
    assert well.returncode == 0, well.stdout
    assert not list((tmp_path / "d").rglob("*.draft"))


def test_names_and_addresses_have_one_form():
    """So that a second run compares equal."""
    assert checked_host("PI.local") == "pi.local"
    assert checked_host("2001:DB8::0:1") == "2001:db8::1"
    assert SERVER_NAME in own_hosts()
    assert not {"127.0.0.1", "localhost"} & set(own_hosts()) - {socket.gethostname()}


def test_boards_are_told_an_address_where_no_name_was_given():
    """What a person named comes first; looking up a name halts a board for a moment."""
    hosts = ("campus-monitor", "pi", "192.168.1.10")
    assert Setup(hosts=hosts).board_host() == "192.168.1.10"
    assert Setup(named=("pi.lan",), hosts=("pi.lan", *hosts)).board_host() == "pi.lan"
    assert Setup(hosts=hosts[:1]).board_host() == "campus-monitor"
    assert Setup(hosts=hosts, listen="10.0.0.1").board_host() == "10.0.0.1"
    assert own_hosts("10.0.0.1")[-1] == "10.0.0.1"


def test_auto_means_mosquitto_once_it_is_prepared(tmp_path: Path):
    """Before it is the embedded broker; a broker that is named is that one."""
    auto = Settings(data=tmp_path)
    assert broker_kind(auto) == "embedded"
    with pytest.raises(UsageError, match="campus init"):
        broker_kind(Settings(data=tmp_path, mqtt="mosquitto"))
    Setup(hosts=("campus-monitor",)).save(Setup.folder(_made(tmp_path)))
    assert broker_kind(auto) == broker_kind(Settings(data=tmp_path, mqtt="mosquitto")) == "mosquitto"
    assert broker_kind(Settings(data=tmp_path, mqtt="embedded")) == "embedded"
    assert broker_kind(Settings(data=tmp_path, mqtt="mqtt://h")) == "named"
    assert operator_url(Settings(data=tmp_path, mqtt="mqtt://a:b@h")) == "mqtt://a:b@h"
    with pytest.raises(UsageError, match="No system with a broker of its own"):
        operator_url(auto)
    with pytest.raises(UsageError, match="for enrolled boards only"):
        find_broker(auto)


def _made(data: Path) -> Path:
    Setup.folder(data).mkdir()
    return data


def test_systemd_accepts_the_unit(tmp_path: Path):
    """Of a folder with a space, a percent sign and a dollar in its name too."""
    analyze = program("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    data = tmp_path / "a school's 100% $HOME"
    assert campus("init", "--data", data, cwd=tmp_path).returncode == 0
    done = subprocess.run([analyze, "verify", data / "campus.service"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_signs_of_a_path_are_quoted_as_systemd_reads_them(tmp_path: Path):
    """A dollar begins a variable in a command and nowhere else; a percent sign begins a specifier everywhere."""
    lines = unit(Settings(data=Path('/srv/a "b" 5%/$c'))).splitlines()
    assert r'ReadWritePaths="/srv/a \"b\" 5%%/$c"' in lines
    assert next(line for line in lines if line.startswith("ExecStart=")).endswith(r' "/srv/a \"b\" 5%%/$$c"')
    assert 'EnvironmentFile=-/srv/a "b" 5%%/$c/campus.env' in lines


def test_the_unit_names_what_it_runs_and_no_secret(tmp_path: Path):
    """Absolute paths, this user, what was set; a database's password is left to a file of the data folder."""
    settings = Settings(
        data=tmp_path, http="0.0.0.0:80", records="postgresql://u:secret@h/d", tz="Asia/Bangkok"
    )
    text = unit(settings)
    (command,) = (line for line in text.splitlines() if line.startswith("ExecStart="))
    path, *words = command.removeprefix("ExecStart=").split()
    assert os.access(path, os.X_OK)
    assert words == ["up", "--data", str(tmp_path), "--http", "0.0.0.0:80", "--tz", "Asia/Bangkok"]
    assert "secret" not in text
    assert f"EnvironmentFile=-{tmp_path}/campus.env" in text


def test_a_user_without_a_name_is_a_number(tmp_path: Path):
    """As in a container; and root writes the unit for the folder's owner."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(tmp_path, 4242, 4242)
    assert "\nUser=4242\n" in unit(Settings(data=tmp_path))


@pytest.mark.parametrize("command", ["init", "doctor"])
def test_a_folder_out_of_reach_is_told(command: str, monkeypatch: pytest.MonkeyPatch, capsys):
    """Below a folder of another user nothing can even be looked for."""
    stat = Path.stat

    def out_of_reach(path: Path, **_: object) -> os.stat_result:
        if path.is_relative_to("/of"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path)

    monkeypatch.setattr(Path, "stat", out_of_reach)
    assert run([command, "--data", "/of/another"]) == 1
    told = capsys.readouterr()
    assert "Permission denied" in told.out + told.err


def test_doctor_finds_lost_keys_and_accounts(tmp_path: Path):
    """While all still runs without them."""
    made = campus("init", "--data", "d", "--listen", "127.0.0.1", "--port", free_port(), cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    for name in ("ca.key", "accounts.json"):
        (tmp_path / "d" / "broker" / name).unlink()
    sick = campus("doctor", "--data", "d", "--http", "127.0.0.1:0", cwd=tmp_path)
    assert sick.returncode == 1
    wrong = {line[6:].partition(":")[0] for line in sick.stdout.splitlines() if line.startswith("wrong")}
    assert wrong == {"keys", "accounts"}


def test_doctor_looks_at_what_boards_need(tmp_path: Path):
    """Files that others can read, a certificate without a name of this machine, a taken port: each with the way out."""
    made = campus("init", "--data", "d", "--listen", "127.0.0.1", "--port", 1, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    broker = tmp_path / "d" / "broker"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert campus("init", "--data", "d", "--port", port, cwd=tmp_path).returncode == 0
        (broker / "ca.key").chmod(0o644)
        Authority(broker).ensure(["elsewhere"])
        sick = campus("doctor", "--data", "d", "--http", "127.0.0.1:0", cwd=tmp_path)
    assert sick.returncode == 1
    wrong = {line[6:].partition(":")[0] for line in sick.stdout.splitlines() if line.startswith("wrong")}
    assert wrong == {"broker files", "certificate", "boards' port"}
    (broker / "ca.key").chmod(0o600)
    assert campus("init", "--data", "d", cwd=tmp_path).returncode == 0
    well = campus("doctor", "--data", "d", "--http", "127.0.0.1:0", cwd=tmp_path)
    assert well.returncode == 0, well.stdout
    assert "version 2." in well.stdout
