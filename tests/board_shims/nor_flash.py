"""A NOR flash in memory, with littlefs on it, whose power can be cut in the middle of a write."""

import random

import vfs

FLASH = "/flash"
FOREVER = 1 << 30
BLOCK, PROGRAM = 4096, 256
ERASED = b"\xff" * BLOCK


class Device:
    """A block device: erased to ones, programmed piece by piece. `left`: writes until the power goes.

    A dead one answers with an error number and allocates nothing: it is also asked by finalisers, in a locked heap.
    """

    def __init__(self, blocks):
        self.blocks = blocks
        self.left = FOREVER
        self._memory = bytearray(ERASED * blocks)
        vfs.VfsLfs2.mkfs(self, progsize=PROGRAM, readsize=PROGRAM)

    @property
    def dead(self):
        return self.left < 0

    def mount(self, left=FOREVER):
        """The power is back, for so many writes; the files are at FLASH."""
        self.left = left
        vfs.mount(vfs.VfsLfs2(self, progsize=PROGRAM, readsize=PROGRAM), FLASH)

    def readblocks(self, block, buffer, offset=0):
        if self.left < 0:
            return -5
        at = block * BLOCK + offset
        buffer[:] = self._memory[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        return self._write(block * BLOCK + offset, buffer)

    def _write(self, at, data):
        if self.left < 0:
            return -5
        self.left -= 1
        part = len(data) if self.left >= 0 else random.getrandbits(16) % (len(data) + 1)
        self._memory[at : at + part] = data[:part]
        return 0 if self.left >= 0 else -5

    def ioctl(self, op, argument):
        if op == 4:
            return self.blocks
        if op == 5:
            return BLOCK
        if op == 6:
            return self._write(argument * BLOCK, ERASED)
