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
from nor_flash import FLASH, Device

from campus.wire.update import MANIFEST
from firmware.board import update as module
from firmware.board.nvs import Nvs
from firmware.board.update import Update

BLOCKS = 64


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


def whole():
    """Whether the running slot is as it was, and the other no program or a whole one."""
    there = suite.held(FLASH + "/b")
    sound = there.pop(MANIFEST, None) is None or there == suite.PROGRAM
    return sound and suite.held(FLASH + "/a") == suite.OLD


def main(seed, cuts, defect=None):
    random.seed(seed)
    module.SPARE_BLOCKS = 8
    device = Device(BLOCKS)
    device.mount()
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
            assert device.dead
        told["cuts"] += device.dead
        vfs.umount(FLASH)
        device.mount()
        told["broken"] += not whole()
    print(json.dumps(told))


main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
