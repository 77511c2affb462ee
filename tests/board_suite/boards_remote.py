"""What the server asks: each command once, each configuration whole or not at all, and every mistake an answer."""

import asyncio
import json
import os

from boards_nvs import Chip

from campus.wire import server as wire
from campus.wire.errors import WireError
from firmware.board import remote as module
from firmware.board.config import parse
from firmware.board.nvs import Nvs
from firmware.board.refused import Refused
from firmware.board.remote import Remote

CONFIG = "remote-config.json"
NOW_MS = 1795326683120
SECRET = "made-up-word"
DOCUMENT = {
    "site": "demo",
    "board": "esp32-a0b1c2",
    "broker": {"host": "192.168.1.10", "password": SECRET},
    "wifi": {"ssid": "Trường học", "password": SECRET},
    "sensors": [{"kind": "pir", "pin": 27}],
}


class Clock:
    word = "ntp"

    def quality(self):
        return self.word

    def now_ms(self):
        return NOW_MS if self.word != "up" else 5000


class Board:
    """A Remote whose ops note that they ran."""

    def __init__(self):
        for name in ("old", "new"):
            if document(name):
                os.remove(CONFIG[:-4] + name)
        with open(CONFIG, "w") as file:
            json.dump(DOCUMENT, file)
        self.ran = []
        self.clock = Clock()
        self.nvs = Nvs(Chip())
        self.remote = Remote(
            self.nvs,
            self.clock,
            {
                "identify": lambda args: self.ran.append(("identify", args)),
                "reboot": lambda args: self.ran.append(("reboot", args)),
                "rebirth": lambda args: {"births": 2},
                "update": self.update,
                "breaks": self.breaks,
            },
            parse,
            CONFIG,
        )

    async def update(self, args):
        await asyncio.sleep(0)
        self.ran.append(("update", args))
        if "at" in args:
            raise Refused("offset", "board/app.mpy", {"at": 512})
        return {"need": []} if "file" in args else None

    def breaks(self, args):
        raise {"value": ValueError, "memory": MemoryError, "os": OSError, "wire": Refused}[args["how"]](
            args["says"]
        )

    def ask(self, id, op, args=None, exp_ms=None):
        """The Reply to a command."""
        answer = asyncio.run(self.remote.on_command(wire.encode_command(id, op, args, exp_ms)))
        return wire.decode_reply(answer)

    def code(self, *command):
        """The error of a command; None when it was done."""
        reply = self.ask(*command)
        return reply.error and reply.error["code"]

    def desire(self, rev, config):
        """The Reported, or None."""
        answer = self.remote.on_desired(wire.encode_desired(rev, config))
        return answer and wire.decode_reported(answer)


def document(name="json"):
    try:
        with open(CONFIG[:-4] + name) as file:
            return json.load(file)
    except OSError:
        return None


def test_a_command_is_run_and_answered():
    """Plain functions and coroutines, with and without something to tell."""
    board = Board()
    assert board.ask("1", "identify", {"seconds": 5}) == ("1", True, None, None)
    assert board.ask("2", "rebirth") == ("2", True, None, {"births": 2})
    assert board.ask("3", "update", {"file": "x"}) == ("3", True, None, {"need": []})
    assert board.ran == [("identify", {"seconds": 5}), ("update", {"file": "x"})]


def test_a_repeated_id_is_answered_again_and_not_run_again():
    """Of the last eight; older ones are forgotten."""
    board = Board()
    first = board.ask("0", "identify", {"seconds": 1})
    for n in range(1, 8):
        board.ask(str(n), "identify")
    assert board.ask("0", "reboot") == first and len(board.ran) == 8
    board.ask("8", "identify")
    board.ask("0", "identify")
    assert len(board.ran) == 10


def test_a_refusal_too_is_remembered():
    board = Board()
    assert board.code("1", "update", {"at": 0}) == "offset"
    assert board.code("1", "update", {"at": 0}) == "offset"
    assert len(board.ran) == 1


def test_a_command_past_its_time_is_not_run():
    board = Board()
    assert board.code("1", "identify", {}, NOW_MS - 1) == "expired"
    assert board.code("2", "identify", {}, 0) == "expired"
    assert board.code("3", "identify", {}, NOW_MS) is None
    board.clock.word = "hold"
    assert board.code("4", "identify", {}, NOW_MS - 1) == "expired"
    assert board.ran == [("identify", {})]


def test_a_board_that_does_not_know_the_time_runs_what_has_no_end():
    """It says `clock` to the rest: nobody can tell how old that is. So it can still be restarted and updated."""
    board = Board()
    board.clock.word = "up"
    assert board.code("1", "reboot", {}, NOW_MS + 60000) == "clock" and board.ran == []
    assert board.code("2", "reboot") is None and board.ran == [("reboot", {})]


def test_every_mistake_is_an_answer():
    """An unknown op, wrong args, an op that breaks: the next command works."""
    board = Board()
    assert board.code("1", "explode") == "unknown"
    for n, (how, code) in enumerate(
        (("value", "args"), ("memory", "failed"), ("os", "failed"), ("wire", "busy"))
    ):
        assert board.code("x%d" % n, "breaks", {"how": how, "says": "busy"}) == code, how
    assert board.code("2", "breaks", {}) == "failed"  # a KeyError
    for n, says in enumerate(("", "a\nb\x00\x7f", "ứng", "x" * 5000, 28)):
        reply = board.ask(
            "y%d" % n, "breaks", {"how": "value", "says": says if says != "x" * 5000 else "x" * 900}
        )
        assert reply.error["code"] == "args" and 1 <= len(reply.error["message"]) <= 200
    reply = board.ask("3", "update", {"at": 0})
    assert reply == ("3", False, {"code": "offset", "message": "board/app.mpy"}, {"at": 512})
    assert board.code("4", "rebirth") is None


def test_what_is_no_command_raises_and_runs_nothing():
    """There is no id to answer to; `run` says so on the serial line and goes on."""
    board = Board()
    good = wire.encode_command("1", "identify")
    for payload in (b"", b"{", good[:9], b"[]", b'{"v":2,"id":"1","op":"identify"}', b'{"v":1,"op":"identify"}',
                    b"\xff" * 20, good + b" " * 2000):  # fmt: skip
        try:
            asyncio.run(board.remote.on_command(payload))
            raise AssertionError(payload)
        except WireError:
            pass
    assert board.ran == []


def test_the_last_step_of_an_update_asks_for_the_restart():
    board = Board()
    assert board.code("1", "update", {"finish": True}) is None
    assert [name for name, _ in board.ran] == ["update", "reboot"]
    board = Board()
    assert board.code("1", "update", {"finish": True, "at": 1}) == "offset"
    assert [name for name, _ in board.ran] == ["update"]


def test_a_configuration_waits_whole_beside_the_old_one_and_asks_for_a_restart():
    """config.json itself is only replaced at the start (board/recovery.py)."""
    board = Board()
    assert board.desire(3, {"sample_ms": 2000, "wifi": {"ssid": "new", "password": SECRET}}) is None
    assert document() == document("old") == DOCUMENT
    new = dict(DOCUMENT, sample_ms=2000, wifi={"ssid": "new", "password": SECRET})
    assert document("new") == new
    assert board.nvs.number("config_trial") == 3 and board.ran == [("reboot", {})]
    assert board.desire(3, {"sample_ms": 2000, "wifi": {"ssid": "new", "password": SECRET}}) is None
    assert board.desire(4, {"wifi": None}) is None and "wifi" not in document("new")
    assert board.nvs.number("config_trial") == 4


def test_one_mistake_refuses_all_of_it_and_says_which():
    """Nothing is written; the same rev is answered the same without being looked at again."""
    board = Board()
    for rev, config, wrong in (
        (1, {"sample_ms": 2000, "resend_ms": "soon"}, "resend_ms"),
        (2, {"site": "other"}, "site"),
        (3, {"board": "other", "sample_ms": 2000}, "board"),
        (4, {"sensors": None}, "sensors"),
        (5, {"sensors": [{"kind": "unheard-of"}]}, "sensors"),
        (6, {"broker": {"port": 1883}}, "broker.host"),
        (7, {"wifi": {"ssid": "x", "pass": SECRET}}, "wifi.pass"),
        (8, {"no\nsuch\x01key": SECRET}, "no?such?key"),
    ):
        reported = board.desire(rev, config)
        assert reported[:2] == (rev, False) and wrong in reported.errors[0], reported
        assert SECRET not in reported.errors[0]
        assert board.desire(rev, {"sample_ms": 2000}) == reported
        assert wire.decode_reported(board.remote.reported()) == reported
    assert document() == DOCUMENT and document("new") is None and board.ran == []
    assert board.nvs.text("config_trial") is None


def test_a_refused_revision_is_followed_by_a_better_one():
    board = Board()
    assert not board.desire(1, {"sample_ms": 1}).ok
    assert board.desire(2, {"sample_ms": 5000}) is None and document("new")["sample_ms"] == 5000


def test_what_changes_nothing_needs_no_restart_and_an_older_rev_is_not_applied():
    board = Board()
    assert board.desire(5, {"sensors": DOCUMENT["sensors"], "ntp": None}) == (5, True, [])
    for rev in (5, 4, 1):
        assert board.desire(rev, {"sample_ms": 2000}) == (5, True, [])
    assert board.ran == [] and document("new") is None


def test_an_unreadable_desire_is_reported_as_revision_0():
    board = Board()
    for payload in (b"", b'{"v":1,"rev":0,"config":{}}', b'{"v":1,"rev":1,"config":[]}', b"x" * 3000):
        reported = wire.decode_reported(board.remote.on_desired(payload))
        assert reported[:2] == (0, False) and len(reported.errors) == 1
    assert board.desire(1, {"ntp": None}).ok


def test_a_flash_that_fails_is_reported_and_the_same_revision_may_come_again():
    board = Board()

    def fail(document, path):
        raise OSError(28)

    replace, module.replace = module.replace, fail
    try:
        reported = board.desire(1, {"sample_ms": 2000})
    finally:
        module.replace = replace
    assert reported[:2] == (1, False) and len(reported.errors) == 1
    assert board.nvs.text("config_trial") is None and board.ran == []
    assert board.desire(1, {"sample_ms": 2000}) is None


def test_a_power_cut_while_files_are_written_leaves_no_half_configuration_on_trial():
    """The trial is noted after both files are whole, and an earlier one is forgotten before either is touched."""
    board = Board()
    board.desire(1, {"sample_ms": 2000})
    noted = []

    def note_and_replace(document, path):
        noted.append((path[-3:], board.nvs.text("config_trial")))
        replace(document, path)

    replace, module.replace = module.replace, note_and_replace
    try:
        board.desire(2, {"sample_ms": 3000})
    finally:
        module.replace = replace
    assert noted == [("old", None), ("new", None)] and board.nvs.number("config_trial") == 2


async def test_messages_wait_their_turn_and_too_many_are_dropped():
    """They are answered in order by one task, the commands on `reply`, the rest retained on `config/reported`."""
    board = Board()
    said = []
    running = asyncio.create_task(board.remote.run(lambda *each: said.append(each)))
    board.remote.receive("command", b"rubbish")
    for n in range(12):
        board.remote.receive("command", wire.encode_command(str(n), "update", {"file": "x"}))
    for _ in range(60):
        await asyncio.sleep(0)
    assert [wire.decode_reply(payload).id for _, payload, _ in said] == [str(n) for n in range(7)]
    assert all([leaf == "reply" and not retain for leaf, _, retain in said])
    board.remote.receive("config/desired", wire.encode_desired(1, {"sample_ms": 1}))
    board.remote.receive("command", wire.encode_command("a", "identify"))
    for _ in range(20):
        await asyncio.sleep(0)
    (leaf, _, retain), (last, _, _) = said[-2:]
    assert (leaf, retain, last) == ("config/reported", True, "reply")
    running.cancel()
