"""What a server asks of a real board program, through the real commands, broker and collector."""

import json
import shutil
import threading
import time
from types import SimpleNamespace

import pytest
from cli import campus
from real_school import BOARD, School
from test_firmware_end_to_end import ROOT, SHIMS
from test_firmware_troubles import enrolled, values

from campus.boards import bundle
from campus.boards.authority import Authority
from campus.cli.brokers import operator_url
from campus.settings import Settings
from campus.wire.server import encode_update
from collector.operator import Operator

RESTARTS = 75  # how the shims' chip ends when it resets itself


@pytest.fixture
def school(tmp_path):
    with School(tmp_path / "school") as one:
        yield one


class Powered:
    """Starts a board again each time its chip resets, as power does. `starts` counts."""

    def __init__(self, board, program=None):
        self._board, self._program = board, program
        self.starts = 0
        self._off = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._off.set()
        self._board.cut()
        self._thread.join()

    def _keep(self):
        while not self._off.is_set():
            self._board.start(*([self._program] if self._program else []))
            self.starts += 1
            self._board._process.wait()
            if self._board._process.returncode != RESTARTS:
                return


def ask(school, *words):
    """A `campus board` command beside the running system: (exit code, all that it said)."""
    where = ("--site", "demo", "--data", "data")
    done = campus("board", *words, *where, cwd=school.folder, timeout=300)
    return done.returncode, done.stdout + done.stderr


def shown(school):
    (board,) = school.get("/api/v1/sites/demo/boards").json()["items"]
    return board


def call(school, op, args=None, **options):
    url = operator_url(Settings(data=school.data))
    with Operator(url, **options) as operator:
        return operator.call("demo", BOARD, op, args or {}, 20)


def test_commands_are_answered_and_a_restart_loses_nothing(tmp_path, micropython, school):
    """rebirth, reboot, identify without a led, nonsense, and a command past its expiry, each with its answer."""
    board = enrolled(tmp_path, micropython, school)
    with Powered(board) as power:
        school.more(20)
        school.until(lambda: ask(school, "rebirth", BOARD)[0] == 0, "an answer")
        code, said = ask(school, "reboot", BOARD)
        assert code == 0 and power.starts == 2, said
        code, said = ask(school, "identify", BOARD)
        assert code == 1 and "led" in said
        assert call(school, "selfdestruct").error["code"] == "unknown"
        an_hour_ago = lambda: time.time_ns() // 1_000_000 - 3_600_000  # noqa: E731
        assert call(school, "reboot", clock_ms=an_hour_ago).error["code"] == "expired"
        assert power.starts == 2
        school.until(lambda: shown(school)["last_reply"]["code"] == "expired", "the refusal in the records")
        school.measured(boots=2)
        school.more(20)
    school.stop()
    co2, _ = values(school)
    second = co2.index(400, 1)
    assert co2[:second] == [400 + 25 * n for n in range(second)], "the first boot, up to its restart"
    assert co2[second:] == [400 + 25 * n for n in range(len(co2) - second)]


def test_no_number_of_new_passwords_locks_a_board_out(tmp_path, micropython, school):
    """Two new passwords that the broker never heard of, in one session, and a restart: the one that works is kept."""
    board = enrolled(tmp_path, micropython, school)
    with Powered(board) as power:
        school.more(10)
        for password in ("never-heard-of-" + "1" * 20, "never-heard-of-" + "2" * 20):
            assert call(school, "credential", {"password": password}).ok
        assert call(school, "reboot").ok
        school.until(lambda: power.starts == 2, "the restart")
        school.more(10)


def test_a_configuration_is_taken_or_refused_as_a_whole(tmp_path, micropython, school):
    """What is wrong is refused with a sentence that reaches the server, and the board works on as it was; what is right
    is taken, proved and confirmed."""
    board = enrolled(tmp_path, micropython, school)
    before = (board.folder / "config.json").read_text()
    with Powered(board, SHIMS / "impatient.py") as power:
        school.more(20)
        wrong = {"sample_ms": 60, "sensors": [{"kind": "pirr"}]}
        with Operator(operator_url(Settings(data=school.data))) as operator:
            told = operator.desire("demo", BOARD, 1, wrong, 20)
        assert not told.ok and "sensors" in told.errors[0]
        assert json.loads((board.folder / "config.json").read_text()) == json.loads(before)
        assert power.starts == 1
        school.until(lambda: (shown(school)["reported"] or {}).get("errors"), "the refusal in the records")
        school.more(10)
        code, said = ask(school, "configure", BOARD, "--set", "sample_ms=60")
        assert code == 0 and "onfirmed" in said, said
        assert json.loads((board.folder / "config.json").read_text())["sample_ms"] == 60
        assert power.starts == 2
        school.more(10)
        assert shown(school)["reported"]["ok"]


def test_a_wifi_or_broker_that_leads_nowhere_is_taken_back(tmp_path, micropython, school):
    """The new configuration passes every check and reaches no broker: the old one is back, and says so."""
    board = enrolled(tmp_path, micropython, school, wifi={"ssid": "school", "password": "made-up-word"})
    with Powered(board, SHIMS / "impatient.py") as power:
        school.more(10)
        change = tmp_path / "change.json"
        change.write_text(json.dumps({"broker": {**school.broker, "port": 1}}))
        code, said = ask(school, "configure", BOARD, change)
        assert code == 1 and "5 minutes" in said, said
        assert power.starts == 3
        assert json.loads((board.folder / "config.json").read_text())["broker"] == school.broker
        school.more(10)
        school.until(lambda: "config-reverted" in shown(school)["notes"], "the note in the records")


def test_a_broken_config_json_costs_nothing_but_a_note(tmp_path, micropython, school):
    """Somebody edits config.json over a cable and breaks it: the board runs with the last good one, and tells."""
    board = enrolled(tmp_path, micropython, school)
    board.start()
    school.more(20)
    school.until((board.folder / "config.good").exists, "a copy of what works")
    board.stop()
    board.world(scd4x_ms=60)
    (board.folder / "config.json").write_text('{"site": "demo", "sensors": [{"kind": "pirr"}]')
    board.start()
    school.more(20)
    school.until(lambda: "config-broken" in shown(school)["notes"], "the note in the records")
    school.until(lambda: (shown(school)["reported"] or {}).get("errors"), "the sentence in the records")
    board.stop()


def flashed(tmp_path, micropython, school, **config):
    """A board with its program in slot a as a flash over USB leaves it; one module of it is of an older version."""
    board = enrolled(tmp_path, micropython, school, **config)
    program = bundle.build(1)
    older = tmp_path / "older"
    shutil.copytree(ROOT / "firmware" / "board", older)
    file = older / "__init__.py"
    file.write_text(file.read_text().replace(f'"{program.firmware}"', '"0.0.9"'))
    content = dict(program.content)
    content["board/__init__.mpy"] = bundle._compiled("board/__init__.py", file, tmp_path / "out.mpy")
    for path, held in content.items():
        target = board.folder / "a" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(held)
    main = board.folder / "main.py"
    main.write_bytes(bundle.main_source())
    modulus = Authority(school.data / "broker").update_modulus()
    board.nvs(slot="a", version="1", update_key=modulus)
    return board, main


def test_an_update_over_the_air(tmp_path, micropython, school):
    """`campus board update` sends what the board lacks; it runs from the other slot, is confirmed, and measures on.

    A tampered one, an older one and a forged one were refused before, and changed nothing.
    """
    board, main = flashed(tmp_path, micropython, school)
    board.path = (SHIMS,)  # what runs is what was flashed
    with Powered(board, main) as power:
        school.more(20)
        assert shown(school)["firmware"] == "0.0.9"
        newer = bundle.build(2)
        authority = Authority(school.data / "broker")
        forged = bytes(256)
        for program, signature, code in (
            (newer, forged, "signature"),
            (newer, authority.sign_update(newer.manifest + b" "), "signature"),
            (bundle.build(1), authority.sign_update(bundle.build(1).manifest), "version"),
        ):
            assert refused(school, program.manifest, signature) == code
        assert power.starts == 1 and not (board.folder / "b").exists()
        code, said = ask(school, "update", BOARD, "--yes")
        assert code == 0, said
        held = SimpleNamespace(**json.loads((board.folder / "nvs.json").read_text())["campus"])
        assert held.slot == "b" and int(held.version) > 2
        assert power.starts == 2
        assert shown(school)["firmware"] == newer.firmware
        school.measured(boots=2)
        school.more(20)
    school.stop()
    co2, _ = values(school)
    second = co2.index(400, 1)
    assert co2[:second] == [400 + 25 * n for n in range(second)], "up to the restart into the new program"
    print(f"{len(co2)} measurements through the update")


def refused(school, manifest, signature):
    """The code with which a board refuses a manifest."""
    url = operator_url(Settings(data=school.data))
    with Operator(url) as operator:
        assert operator.call("demo", BOARD, "update", encode_update("begin", len(manifest), signature), 20).ok
        for at in range(0, len(manifest), 1024):
            args = encode_update("file", "manifest.json", at, manifest[at : at + 1024])
            answer = operator.call("demo", BOARD, "update", args, 60)
    return answer.error["code"]
