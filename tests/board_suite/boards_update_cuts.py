"""An update and the flash: power cuts after every change, no room, and the turn of the other tasks."""

import asyncio
import os
from hashlib import sha256

from boards_nvs import Chip
from boards_update import PROGRAM, Board, held, put, signed

from campus.wire.update import MANIFEST
from firmware.board import update as module
from firmware.board.nvs import Nvs
from firmware.board.update import Update


class PowerCut(BaseException):
    pass


class Flash:
    """os and open for the module, with a power cut after so many changes; a write is cut in its middle."""

    def __init__(self, changes=1 << 30, blocks=4096):
        self.left = self.changes = changes
        self.listdir, self.stat = os.listdir, os.stat
        self.statvfs = lambda path: (4096, 4096, blocks, blocks, blocks)
        for name in ("remove", "rename", "mkdir", "rmdir"):
            setattr(self, name, self._change(getattr(os, name)))

    def _change(self, change):
        def changed(*args):
            self.count()
            change(*args)

        return changed

    def count(self):
        self.left -= 1
        if self.left < 0:
            raise PowerCut()

    def open(self, path, mode="r"):
        file = open(path, mode)
        return file if mode[0] == "r" else Written(file, self)


class Written:
    def __init__(self, file, flash):
        self._file = file
        self._flash = flash

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        try:
            self._flash.count()
        except PowerCut:
            data = data[: len(data) // 2]
            raise
        finally:
            self._file.write(data)


class Wearing(Chip):
    """A chip's NVS whose writes count as changes of the flash."""

    flash = None

    def set_blob(self, key, value):
        if self.flash:
            self.flash.count()
        super().set_blob(key, value)

    def erase_key(self, key):
        if self.flash:
            self.flash.count()
        super().erase_key(key)


def cut_after(changes, act, chip=None):
    """Whether the power went before `act()` was done; what it left is on the real file system."""
    flash = Flash(changes)
    module.os, module.open = flash, flash.open
    if chip:
        chip.flash = flash
    try:
        act()
        return False
    except PowerCut:
        return True
    finally:
        module.os = os
        del module.open
        if chip:
            chip.flash = None


def test_a_power_cut_after_any_change_costs_neither_the_running_program_nor_the_next_update():
    """Every change of file system and NVS of a whole update, one cut each; then an update from the beginning."""
    changes = 0
    while True:
        board = Board()
        board.chip = Wearing()
        board.chip.held = dict(board.nvs.chip.held)
        board.nvs = Nvs(board.chip)
        board.update = Update(board.nvs, "a", "flash")
        put("flash/b/board/left.mpy", b"of the program before")
        put("flash/b/manifest.json", b"{}")
        if not cut_after(changes, board.whole_update, board.chip):
            break
        assert held("flash/a") == board.running, changes
        there = held("flash/b")
        if there.pop(MANIFEST, b"{}") == signed():
            assert there == PROGRAM, changes  # what counts as a program is whole
        else:
            assert board.untouched(), changes
        board.update = Update(board.nvs, "a", "flash")
        assert board.whole_update() == ("ok", None), changes
        assert board.updated(), changes
        changes += 1
    assert changes > 20


class Hasty(Update):
    """With a defect: manifest.json is there as soon as it is verified."""

    async def _accept(self):
        result = await super()._accept()
        put(self._to + MANIFEST, signed())
        return result


def test_control_a_manifest_put_there_first_makes_a_half_program_count():
    """The same cuts with the defect put back: a slot passes for complete and is not."""
    halves = 0
    for changes in range(0, 30, 3):
        board = Board()
        board.update = Hasty(board.nvs, "a", "flash")
        cut_after(changes, board.whole_update)
        there = held("flash/b")
        halves += there.pop(MANIFEST, b"") == signed() and there != PROGRAM
    assert halves


def test_a_flash_that_is_too_full_refuses_before_it_writes():
    board = Board()
    flash = Flash(blocks=20)
    module.os = flash
    try:
        assert board.offer() == ("space", None)
    finally:
        module.os = os
    assert board.untouched() and held("flash/b") == {}
    assert board.step("finish") == ("state", None)
    assert board.whole_update() == ("ok", None)


async def test_the_other_tasks_go_on_while_it_reads_and_copies():
    """A long file is read in pieces, and others have their turn between them."""
    put("flash/a/long", bytes(40000))
    turns = []

    async def tick():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    assert await module._digest("flash/a/long") == sha256(bytes(40000)).digest()
    ticking.cancel()
    assert len(turns) > 40
