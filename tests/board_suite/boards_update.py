"""A new program over the air: in pieces, in any order that makes sense, whole or not at all."""

import asyncio
import json
import os
from binascii import unhexlify

from boards_nvs import Chip
from boards_run import HERE

from campus.wire.errors import WireError
from campus.wire.server import encode_update
from campus.wire.update import MANIFEST
from firmware.board import update as module
from firmware.board.nvs import Nvs
from firmware.board.refused import Refused
from firmware.board.update import Update

GOLDEN = HERE + "/../golden/update/"


def golden():
    """name -> bytes of signatures.txt."""
    with open(GOLDEN + "signatures.txt") as file:
        return {name: unhexlify(text) for name, text in [line.split() for line in file]}


def signed():
    with open(GOLDEN + "good.manifest", "rb") as file:
        return file.read()


def content(path, size):
    """What a file of the program holds, as in golden/update/make.py."""
    return (path * (size // len(path) + 1))[:size].encode()


def number(name):
    return int.from_bytes(golden()[name], "big")


PROGRAM = {path: content(path, size) for path, (size, _) in json.loads(signed())["files"].items()}
OLD = {"board/app.mpy": b"the old program", "campus/__init__.mpy": b""}


def put(path, data):
    with module._opened(path):
        pass
    with open(path, "wb") as file:
        file.write(data)


def held(folder):
    """path -> content of all files below a folder; empty where there is none."""
    found = {}
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        path = folder + "/" + name
        if os.stat(path)[0] & 0x4000:
            inner = held(path)
            found.update({name + "/" + below: inner[below] for below in inner})
        else:
            with open(path, "rb") as file:
                found[name] = file.read()
    return found


class Board:
    """A flash in the folder `flash` with an old program in a/, and what its chip remembers."""

    def __init__(self, old=OLD, **nvs):
        asyncio.run(module._clear("flash"))
        for path in old:
            put("flash/a/" + path, old[path])
        put("flash/a/manifest.json", b"{}")
        self.chip = Chip()
        self.nvs = Nvs(self.chip)
        self.nvs.set(update_key="%x" % number("modulus"), version=2, slot="a")
        self.nvs.set(**nvs)
        self.running = held("flash/a")
        self.update = Update(self.nvs, "a", "flash")

    def step(self, *step):
        """(code, result) of one step; code is "ok" when it was done."""
        try:
            return "ok", asyncio.run(self.update.step(encode_update(*step)))
        except Refused as error:
            return error.args[0], (error.args + (None, None))[2]

    def send(self, path, data, chunk=1024):
        """The answer to the last piece, or to the first that is refused."""
        for at in range(0, max(len(data), 1), chunk):
            answer = self.step("file", path, at, data[at : at + chunk])
            if answer[0] != "ok":
                return answer
        return answer

    def offer(self, manifest=None, signature=None, chunk=1024):
        """Begin and send the manifest; the answer to its last piece."""
        manifest = signed() if manifest is None else manifest
        assert self.step("begin", len(manifest), signature or golden()["good"]) == ("ok", None)
        return self.send(MANIFEST, manifest, chunk)

    def untouched(self):
        """Whether the board would start as it did before."""
        nvs = self.nvs
        state = nvs.text("slot"), nvs.text("trial"), nvs.number("version")
        return held("flash/a") == self.running and state == ("a", None, 2)

    def updated(self):
        """Whether all of the new program is there and waits for its trial."""
        there = held("flash/b")
        whole = there.pop(MANIFEST, None) == signed() and there == PROGRAM
        return whole and held("flash/a") == self.running and self.nvs.text("trial") == "b"

    def whole_update(self):
        code, result = self.offer()
        assert code == "ok", code
        for path in result["need"]:
            assert self.send(path, PROGRAM[path]) == ("ok", None)
        return self.step("finish")


def test_an_update_arrives_in_pieces_and_waits_for_its_trial():
    """Only what differs is sent; what the running slot has is copied."""
    board = Board({"board/__init__.mpy": PROGRAM["board/__init__.mpy"], "board/app.mpy": b"old"})
    put("flash/b/board/left.mpy", b"of the program before")
    code, result = board.offer(chunk=100)
    assert code == "ok"
    assert sorted(result["need"]) == sorted([path for path in PROGRAM if path != "board/__init__.mpy"])
    assert board.untouched() and MANIFEST not in held("flash/b")
    for path in result["need"]:
        assert board.send(path, PROGRAM[path], 300) == ("ok", None)
    assert board.untouched()
    assert board.step("finish") == ("ok", None)
    assert board.updated() and board.nvs.number("trial_version") == 3
    assert board.nvs.number("version") == 2  # the floor rises when it is confirmed


def test_pieces_out_of_order_are_told_where_to_go_on():
    """A gap and an overlap are refused with the place; a repetition changes nothing."""
    board = Board()
    text = signed()
    board.step("begin", len(text), golden()["good"])
    assert board.step("file", MANIFEST, 5, text[5:10]) == ("offset", {"at": 0})
    assert board.step("file", MANIFEST, 0, text[:200]) == ("ok", None)
    assert board.step("file", MANIFEST, 0, text[:200]) == ("ok", None)
    assert board.step("file", MANIFEST, 100, text[100:200]) == ("ok", None)
    assert board.step("file", MANIFEST, 100, text[100:300]) == ("offset", {"at": 200})
    assert board.step("file", MANIFEST, 300, text[300:]) == ("offset", {"at": 200})
    need = board.step("file", MANIFEST, 200, text[200:])
    assert need[0] == "ok" and board.step("file", MANIFEST, 200, text[200:]) == need
    path, data = "board/app.mpy", PROGRAM["board/app.mpy"]
    for at, piece in ((0, data[:1000]), (1000, data[1000:2000]), (0, data[:1000]), (2000, data[2000:])):
        assert board.step("file", path, at, piece) == ("ok", None)
    assert board.step("file", path, 2499, data[2499:]) == ("ok", None)
    assert held("flash/b")[path] == data


def test_more_than_was_announced_is_refused():
    board = Board()
    text = signed()
    board.step("begin", len(text) - 1, golden()["good"])
    assert board.send(MANIFEST, text) == ("size", None)
    assert board.offer()[0] == "ok"
    assert board.send("board/app.mpy", PROGRAM["board/app.mpy"] + b"x") == ("size", None)
    assert board.step("file", "board/unlisted.mpy", 0, b"x") == ("file", None)
    assert board.untouched()


def test_a_file_that_is_missing_short_or_wrong_ends_nothing_but_the_finish():
    """It is named by its code, can be sent again, and then the update is done."""
    board = Board()
    need = board.offer()[1]["need"]
    for path in need[1:]:
        board.send(path, PROGRAM[path])
    path = need[0]
    data = PROGRAM[path]
    board.send(path, data[:-1]) if data else None
    if data:
        assert board.step("finish") == ("size", None)
        assert board.step("file", path, len(data) - 1, b"\x00") == ("ok", None)
        assert board.step("finish") == ("hash", None)
    assert board.untouched() and MANIFEST not in held("flash/b")
    board.send(path, data)
    assert board.step("finish") == ("ok", None)
    assert board.updated()


def test_steps_without_their_beginning_are_refused():
    board = Board()
    assert board.step("finish") == ("state", None)
    assert board.step("file", "board/app.mpy", 0, b"x") == ("state", None)
    assert board.step("file", MANIFEST, 0, b"x") == ("state", None)
    assert board.whole_update() == ("ok", None)
    assert board.step("finish") == ("state", None)
    flat = Update(board.nvs, None, "flash")
    try:
        asyncio.run(flat.step(encode_update("begin", 9, bytes(256))))
        raise AssertionError("a folder without slots took an update")
    except Refused as error:
        assert error.args[0] == "state"
    try:
        asyncio.run(board.update.step({"file": "../x", "at": 0, "data": ""}))
        raise AssertionError("a path led out")
    except WireError:
        pass


def test_an_update_given_up_can_be_begun_again():
    """Also when the one before was complete and waited for its restart."""
    board = Board()
    board.offer()
    board.send("board/app.mpy", b"half of it")
    assert board.whole_update() == ("ok", None) and board.updated()
    board.offer()
    assert board.nvs.text("trial") is None and MANIFEST not in held("flash/b")
    assert board.whole_update() == ("ok", None) and board.updated()


def test_it_is_written_into_whichever_slot_does_not_run():
    board = Board()
    assert board.whole_update() == ("ok", None)
    board.nvs.set(slot="b", trial=None)
    board.update = Update(board.nvs, "b", "flash")
    board.nvs.set(version=2)
    assert board.offer() == ("ok", {"need": []})
    assert board.step("finish") == ("ok", None) and board.nvs.text("trial") == "a"
    there = held("flash/a")
    assert there.pop(MANIFEST) == signed() and there == PROGRAM
