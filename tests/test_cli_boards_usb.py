"""`campus board` over USB: the real mpremote and esptool, and a real MicroPython at the other end of the cable."""

import base64
import io
import json
import re
import shutil
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli import campus, refused
from firmware_collector import wait_for
from usb_board import ID, UsbBoard, an_image, silent_port

from campus.boards import bundle, usb
from campus.boards.accounts import Accounts, hashed
from campus.boards.authority import Authority
from campus.boards.bundle import main_source
from campus.cli.app import run
from campus.cli.asking import secret
from campus.errors import UsageError
from campus.records import open_records

WIFI_PASSWORD = "made-up-Wi-Fi-word"
SENSORS = [{"kind": "pir", "pin": 27}, {"kind": "health"}]
INVENTORY = {
    "site": {"id": "demo", "name": "Trường thử", "tz": "Asia/Ho_Chi_Minh", "level": "lower-secondary"}
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A data folder after `campus init` and `campus inventory`."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "school.json").write_text(json.dumps(INVENTORY))
    for command in (["init", "--host", "127.0.0.1"], ["inventory", "school.json"]):
        done = campus(*command, "--data", "d", cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder / "d"


@pytest.fixture
def data(prepared, tmp_path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "d"))


@pytest.fixture
def board(tmp_path, micropython):
    with UsbBoard(tmp_path / "usb", micropython.command) as plugged:
        yield plugged


@pytest.fixture
def silent(tmp_path):
    with silent_port(tmp_path) as port:
        yield port


class Arguments:
    """The arguments of every process of this machine while the block runs."""

    def __enter__(self):
        self.seen: set[bytes] = set()
        self._ending = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._looking.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._looking.join()

    def _look(self):
        while not self._ending.wait(0.02):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(process.read_bytes())
                except OSError:  # it has just ended
                    continue


def in_nvs(board: UsbBoard) -> dict[str, str]:
    return json.loads(board.files["nvs.json"])["campus"]


def lets_in(data: Path, password: str) -> bool:
    """Whether the account of the one board is valid and has this password."""
    (account,) = Accounts(data / "broker").boards()
    salt = base64.b64decode(account.hash.split("$")[3])
    return account.valid(time.time_ns() // 1_000_000) and account.hash == hashed(password, salt)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_one_command_makes_a_blank_chip_a_board_that_runs(board, data, tmp_path):
    """Its program really starts; what it was told is in place; no secret showed in an argument or in the output."""
    (tmp_path / "sensors.json").write_text(json.dumps(SENSORS))
    (tmp_path / "secret").write_text(WIFI_PASSWORD + "\n")
    words = ["--wifi", "Trường Hòa Bình", "--wifi-password-file", "secret", "--sensors", "sensors.json"]
    with Arguments() as arguments:
        done = campus("board", "flash", board.port, "--data", "d", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    wait_for(lambda: "boot.txt" in board.files, "the boot that the program counts")

    held, files = in_nvs(board), board.files
    assert files["main.py"] == main_source()
    manifest = json.loads(files["a/manifest.json"])
    assert {path for path in files if path.startswith("a/")} == {
        "a/manifest.json",
        *(f"a/{path}" for path in manifest["files"]),
    }
    assert json.loads(files["config.json"]) == {
        "site": "demo",
        "broker": {"host": "127.0.0.1", "port": 8883, "tls": True, "name": "campus-monitor"},
        "wifi": {"ssid": "Trường Hòa Bình", "password": WIFI_PASSWORD},
        "sensors": SENSORS,
    }
    authority = Authority(data / "broker")
    assert held["ca"] == authority.ca_pem()
    assert held["update_key"] == authority.update_modulus()
    assert (held["slot"], held["version"]) == ("a", str(manifest["version"]))
    assert abs(int(held["time_s"]) - time.time()) < 300
    assert lets_in(data, held["password"])
    assert ID in board.log.read_text()

    assert f"Board {ID} is ready for site demo." in done.stdout
    assert held["ap_password"] in done.stdout  # for the label; the others are nobody's to read
    for hidden in (WIFI_PASSWORD, held["password"], held["ca"].splitlines()[1]):
        assert hidden not in done.stdout + done.stderr
    for hidden in (WIFI_PASSWORD, held["password"], held["ap_password"], held["ca"].splitlines()[1]):
        assert not [one for one in arguments.seen if hidden.encode() in one]
    assert [one for one in arguments.seen if b"mpremote" in one]  # the control: it was watched

    again = campus("board", "flash", board.port, "--data", "d", cwd=tmp_path)
    assert "--yes" in refused(again)
    assert in_nvs(board)["password"] == held["password"]


def test_a_running_board_is_set_up_anew_and_enrolled_over_usb(
    data, tmp_path, micropython, monkeypatch, capsys
):
    """Also after a cable was pulled out in the middle; a later credential ends the one before."""
    board = UsbBoard(tmp_path / "usb", micropython.command)
    old = {"campus": {"trial": "b", "tried": "b", "attempts": "7", "config_rev": "3", "e_pzem": "42"}}
    running = "import time\nprint('the old program')\nwhile True:\n    time.sleep(1)\n"
    texts = {"main.py": running, "config.json": '{"site": "elsewhere"}', "nvs.json": json.dumps(old)}
    for path, text in {**texts, "b/board/old": "", "spool/old": ""}.items():
        (board.flash / path).parent.mkdir(parents=True, exist_ok=True)
        (board.flash / path).write_text(text)
    small = tmp_path / "app.py"  # the way of the whole program is the test above
    small.write_text("def run(safe, slot):\n    print('slot', slot)\n    while True:\n        pass\n")
    monkeypatch.chdir(tmp_path)

    def told(line: str) -> None:
        wait_for(lambda: board.log.exists() and line in board.log.read_text(), line)

    with board:
        told("the old program")
        monkeypatch.setattr(usb, "COPY_S", 1.5)  # mpremote is killed in the middle
        assert run(["board", "flash", board.port, "--data", "d", "--yes"]) == 1
        assert "did not answer in time" in capsys.readouterr().err
        assert "main.py" not in board.files and "a/board/__init__.mpy" in board.files
        assert Accounts(data / "broker").boards() == []

        monkeypatch.setattr(usb, "COPY_S", 60.0)
        monkeypatch.setattr(bundle, "sources", lambda: [("board/app.py", small)])
        assert run(["board", "flash", board.port, "--data", "d", "--yes"]) == 0, capsys.readouterr()
        told("slot a")
        files, held = board.files, in_nvs(board)
        assert not [path for path in files if path.endswith("/old")]
        assert {"trial", "tried", "config_rev"}.isdisjoint(held)
        assert (held["e_pzem"], held["attempts"]) == ("42", "1")
        assert json.loads(files["config.json"])["sensors"] == [{"kind": "network"}, {"kind": "health"}]

        board.log.write_text("")
        assert run(["board", "enroll", ID, "--port", board.port, "--data", "d"]) == 0, capsys.readouterr()
        told("slot a")
        renewed = in_nvs(board)
        assert renewed["password"] != held["password"]
        assert renewed["ap_password"] == held["ap_password"]
        assert lets_in(data, renewed["password"]) and not lets_in(data, held["password"])
        assert renewed["password"] not in capsys.readouterr().out

        assert run(["board", "enroll", "esp32-000000000000", "--port", board.port, "--data", "d"]) == 2
        assert f"is {ID}, not esp32-000000000000" in capsys.readouterr().err
        assert lets_in(data, renewed["password"])


def test_control_a_secret_among_the_arguments_would_be_seen():
    """The same look at all processes finds one that has a word of ours in its arguments."""
    with Arguments() as arguments:
        subprocess.run(["sleep", "0.25", "0.0"], check=True)
    assert b"sleep\x000.25\x000.0\x00" in arguments.seen


def test_a_dry_run_prints_every_command_and_touches_nothing(data, silent, tmp_path):
    """The board is not even spoken to, and no account, version or key is made."""
    image = an_image(tmp_path / "micropython.bin")
    before = snapshot(data)
    done = campus(
        "board",
        "flash",
        silent,
        "--image",
        image,
        "--erase",
        "--wifi",
        "x",
        "--data",
        "d",
        "--dry-run",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    commands = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert commands == ["esptool", *["mpremote"] * 5]
    assert f"write-flash --erase-all 0x1000 {image}" in done.stdout
    assert done.stdout.endswith("Nothing was changed.\n")
    assert snapshot(data) == before


def test_nobody_at_the_other_end_is_one_sentence(data, silent, tmp_path):
    """esptool asks a port that stays silent: nothing was written, no account was made."""
    image = an_image(tmp_path / "micropython.bin")
    said = refused(
        campus("board", "flash", silent, "--image", image, "--data", "d", cwd=tmp_path, timeout=100)
    )
    assert "No ESP32 answers" in said and "BOOT" in said
    assert Accounts(data / "broker").boards() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flash", "nonsense"], "no serial port nonsense"),
        (["flash", "/dev/null/x"], "no serial port"),
        (["flash", "d"], "not a serial port"),
        (["flash", "PORT", "--erase"], "name its file with --image"),
        (["flash", "PORT", "--image", "none.bin"], "Cannot read none.bin"),
        (["flash", "PORT", "--site", "mars"], "no site 'mars'"),
        (["flash", "PORT", "--site", "Not An Id"], "is not an id"),
        (["flash", "PORT", "--host", "http://x"], "neither a name nor an address"),
        (["flash", "PORT", "--wifi", "x" * 33], "1 to 32 bytes"),
        (["flash", "PORT", "--wifi", "x", "--wifi-password-file", "short"], "8 to 63 signs"),
        (["flash", "PORT", "--wifi", "x", "--wifi-password-file", "none"], "Cannot read none"),
        (["flash", "PORT", "--sensors", "none.json"], "Cannot read none.json"),
        (["flash", "PORT", "--sensors", "broken.json"], "broken.json is not JSON"),
        (["flash", "PORT", "--sensors", "object.json"], "has to be a list"),
        (["flash", "PORT", "--sensors", "unknown.json"], "each kind one of"),
        (["flash", "PORT", "--sensors", "empty.json"], "sensors has to be a list"),
        (["enroll", "Not An Id"], "not the id of a board"),
        (["enroll", "collector"], "not the id of a board"),
        (["enroll", ID, "--site", "mars"], "no site 'mars'"),
        (["enroll", ID, "--hours", "nan"], "at most 31 days"),
        (["enroll", ID, "--port", "nonsense"], "no serial port nonsense"),
        (["remove", ID], "no account of a board"),
        (["list", "--data", "nowhere"], "campus init"),
        (["flash", "PORT", "--data", "nowhere"], "campus init"),
        (["enroll", ID, "--data", "nowhere"], "campus init"),
        (["remove", ID, "--data", "nowhere"], "campus init"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    prepared, silent, tmp_path, monkeypatch, capsys, words, said
):
    """What is wrong is named before the board or an account is touched."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").symlink_to(prepared)
    texts = {"short": "seven77", "broken.json": "[{", "object.json": "{}", "empty.json": "[]"}
    for name, text in {**texts, "unknown.json": '[{"kind": "meteor"}]'}.items():
        (tmp_path / name).write_text(text)
    before = snapshot(prepared)
    words = [silent if word == "PORT" else word for word in words]
    assert run(["board", *words, *([] if "--data" in words else ["--data", "d"])]) in (1, 2)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and said in lines[0], lines
    assert snapshot(prepared) == before
    assert not (tmp_path / "nowhere").exists()


def test_a_secret_comes_from_a_file_the_environment_or_a_pipe(tmp_path, monkeypatch):
    """In this order; where there is none of them nobody waits."""
    (tmp_path / "secret").write_text("of the file\nanother line\n")
    monkeypatch.setenv("WIFI_PASSWORD", "of the environment")
    assert secret("Password", tmp_path / "secret", "--file", "WIFI_PASSWORD") == "of the file"
    assert secret("Password", None, "--file", "WIFI_PASSWORD") == "of the environment"
    monkeypatch.delenv("WIFI_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO("of the pipe\n"))
    assert secret("Password", None, "--file", "WIFI_PASSWORD") == "of the pipe"
    with pytest.raises(UsageError, match="name a file with --file, or put it in WIFI_PASSWORD"):
        secret("Password", None, "--file", "WIFI_PASSWORD")


def test_a_board_of_another_school_is_left_alone(board, data, tmp_path):
    """Its account there has to end first; the board was not touched."""
    Accounts(data / "broker").add_board("another", ID)
    said = refused(campus("board", "flash", board.port, "--data", "d", cwd=tmp_path))
    assert "belongs to site another" in said
    assert board.files == {}


@pytest.fixture
def board_command(tmp_path, monkeypatch, capsys):
    """`campus board ...` in this process: what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("campus.cli.boards.console.width", 200)  # a table in one line a row

    def command(*words: str) -> str:
        assert run(["board", *words, "--data", "d"]) == 0, capsys.readouterr()
        return capsys.readouterr().out

    return command


def test_a_claim_code_is_shown_once_and_listed_until_it_ends(data, board_command, capsys):
    """Without USB: the code, until when, and where to type it; `remove` takes it back."""
    told = board_command("enroll", ID)
    (code,) = re.findall(r"(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}", told)
    assert lets_in(data, code.replace("-", ""))
    assert "campus-d3e4f5" in told and "127.0.0.1" in told and "docs/provisioning.md" in told
    (row,) = json.loads(board_command("list", "--json"))
    assert (row["board"], row["site"]) == (ID, "demo")
    assert row["state"].startswith("claim code until")
    assert code not in board_command("list")
    assert "Nothing was changed" in board_command("remove", ID, "--dry-run")
    assert run(["board", "remove", ID, "--data", "d"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert lets_in(data, code.replace("-", ""))
    board_command("remove", ID, "--yes")
    assert Accounts(data / "broker").boards() == []


def test_nobody_is_let_in_where_the_accounts_are_gone(data, board_command, capsys):
    """One board alone in a new file would shut out all others."""
    (data / "broker" / "accounts.json").unlink()
    assert run(["board", "enroll", ID, "--data", "d"]) == 1
    assert "accounts.json is gone" in capsys.readouterr().err
    assert not (data / "broker" / "accounts.json").exists()


def test_the_list_tells_what_was_heard(data, board_command):
    """An enrolled board that spoke, and one whose code ran out."""
    Accounts(data / "broker", now_ms=lambda: 1_700_000_000_000).claim_board("demo", "esp32-b")
    Accounts(data / "broker").add_board("demo", ID)
    with open_records("sqlite", data) as records:
        birth = {"firmware": "0.2.0", "hardware": "esp32", "points": {}}
        records.saw_board(
            "demo", ID, datetime(2026, 11, 26, 1, tzinfo=UTC), birth=birth, availability="online"
        )
    shown = board_command("list")
    assert re.search(rf"{ID} +demo +enrolled +online +2026-11-26 08:00.* +0\.2\.0", shown)
    assert re.search(r"esp32-b +demo +claim code ran out +never", shown)


def test_the_list_shows_what_a_board_said_as_it_is(data, board_command, monkeypatch):
    """Brackets are no markup, which could end the command; in a narrow window its id is whole, to be typed again."""
    monkeypatch.setattr("campus.cli.boards.console.width", 80)
    Accounts(data / "broker").add_board("demo", ID)
    with open_records("sqlite", data) as records:
        birth = {"firmware": "[/red]", "hardware": "esp32", "points": {}}
        records.saw_board("demo", ID, datetime(2026, 11, 26, 1, tzinfo=UTC), birth=birth)
    shown = board_command("list")
    assert ID in shown and "[/red]" in shown, shown
