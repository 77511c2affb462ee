"""Random power cuts while an update is written to littlefs: `micropython update_cuts.py SEED CUTS [hasty]`.

The flash is a block device in memory; at a random write the power goes, in the middle of that write. Then the file
system is mounted again: the running slot must be as it was, and the other either no program or a whole one. One line of
JSON at the end: {"cuts": ..., "done": ..., "broken": ...}. `hasty` puts the defect back: manifest.json comes first.
"""

import json
import random
import sys

import boards_update as suite
import vfs
from boards_nvs import Chip

from campus.wire.update import MANIFEST
from firmware.board import update as module
from firmware.board.nvs import Nvs
from firmware.board.update import Update

BLOCK, BLOCKS, PROGRAM = 4096, 64, 256
FLASH = "/flash"
ERASED = b"\xff" * BLOCK


class Device:
    """A NOR flash: erased to ones, programmed piece by piece. `left`: writes until the power goes."""

    def __init__(self):
        self.memory = bytearray(ERASED * BLOCKS)
        self.left = 1 << 30

    def readblocks(self, block, buffer, offset=0):
        if self.left < 0:
            return -5
        at = block * BLOCK + offset
        buffer[:] = self.memory[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        return self._write(block * BLOCK + offset, buffer)

    def _write(self, at, data):
        if self.left < 0:
            return -5
        self.left -= 1
        part = len(data) if self.left >= 0 else random.getrandbits(16) % (len(data) + 1)
        self.memory[at : at + part] = data[:part]
        return 0 if self.left >= 0 else -5

    def ioctl(self, op, argument):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            return self._write(argument * BLOCK, ERASED)


class Board(suite.Board):
    def __init__(self, update):
        self.nvs = Nvs(Chip())
        self.nvs.set(update_key="%x" % suite.number("modulus"), version=2, slot="a")
        self.update = update(self.nvs, "a", FLASH)


class Hasty(Update):
    async def _accept(self):
        result = await super()._accept()
        suite.put(self._to + MANIFEST, suite.signed())
        return result


def mount(device):
    vfs.mount(vfs.VfsLfs2(device, progsize=PROGRAM, readsize=PROGRAM), FLASH)


def whole():
    """Whether the running slot is as it was, and the other no program or a whole one."""
    there = suite.held(FLASH + "/b")
    sound = there.pop(MANIFEST, None) is None or there == suite.PROGRAM
    return sound and suite.held(FLASH + "/a") == suite.OLD


def main(seed, cuts, defect=None):
    random.seed(seed)
    module.SPARE_BLOCKS = 8
    device = Device()
    vfs.VfsLfs2.mkfs(device, progsize=PROGRAM, readsize=PROGRAM)
    mount(device)
    for path in suite.OLD:
        suite.put(FLASH + "/a/" + path, suite.OLD[path])
    told = {"cuts": 0, "done": 0, "broken": 0}
    while told["cuts"] < cuts:
        board = Board(Hasty if defect else Update)
        device.left = random.getrandbits(7)
        try:
            board.whole_update()
            told["done"] += 1
        except (OSError, AssertionError):  # a refusal by a flash that is gone
            assert device.left < 0
        told["cuts"] += device.left < 0
        vfs.umount(FLASH)
        device.left = 1 << 30
        mount(device)
        told["broken"] += not whole()
    print(json.dumps(told))


main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
