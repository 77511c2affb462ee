"""A new program over the air: written into the slot that does not run, checked whole, then started on trial.

Nothing of the running slot is touched, and the other counts as a program only once its manifest.json is there, which is
put there last: a power cut at any byte leaves the board as it was, and a later `begin` starts afresh. A manifest that
is refused has changed nothing but a file beside the slots.
"""

import gc
import json
import os
from binascii import unhexlify
from hashlib import sha256

from campus.wire.update import MANIFEST, PROGRAM_BYTES, decode_update, valid_path

from .port import sleep_ms
from .refused import Refused

MAX_FILES = 80
SPARE_BLOCKS = 16  # of the flash: for folders, and for what the running program writes meanwhile


def verified(digest, signature, n):
    """Whether `signature` is one over the SHA-256 `digest` by the RSA key of modulus `n`: 2048 bits, PKCS#1 v1.5.

    The block that has to come out is built and compared whole (RFC 8017, 8.2.2). Programs that took it apart instead
    have let forgeries through again and again, such as one with rubbish behind the hash (CVE-2006-4339).
    """
    # 0, then the DigestInfo of SHA-256: RFC 8017, 9.2, note 1
    info = b"\x00\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
    block = b"\x00\x01" + b"\xff" * 202 + info + digest
    number = int.from_bytes(signature, "big")
    sound = len(signature) == 256 and n >> 2047 == 1 and number < n
    return sound and pow(number, 65537, n) == int.from_bytes(block, "big")


def listed(manifest, floor):
    """(version, {path: (size, SHA-256)}) of a decoded manifest, whose version is above `floor`. Raises Refused."""
    version = manifest["version"]
    if type(version) is not int or version <= floor:
        raise Refused("version")
    files = manifest["files"]  # the same, made smaller: there is no memory for another beside it
    total = 0
    for path, (size, digest) in files.items():
        if not valid_path(path):
            raise Refused("file", path)
        if type(size) is not int or size < 0:
            raise Refused("size", path)
        files[path] = size, unhexlify(digest)
        total += size
    if not 0 < len(files) <= MAX_FILES or total > PROGRAM_BYTES:
        raise Refused("size")
    return version, files


class Update:
    """nvs: has update_key and version. slot: the one that runs; None where there are none. folder: where they are."""

    def __init__(self, nvs, slot, folder="."):
        self.nvs = nvs
        self.slot = slot
        self._from = "%s/%s/" % (folder, slot)
        self._to = folder + ("/a/" if slot == "b" else "/b/")
        self._manifest = folder + "/manifest.new"
        self._size = 0  # of the manifest that is expected
        self._accepted = False  # whether the manifest is verified
        self._path = None  # of the file that comes, and
        self._room = 0  # its size in the manifest; below 0 where it is not in there

    async def step(self, args):
        """Do one step, as decode_update reads it; its result, or None. Raises Refused, WireError, OSError."""
        name, fields = decode_update(args)
        if not self.slot:
            raise Refused("state", "no slots")
        return await getattr(self, "_" + name)(*fields)

    async def _begin(self, size, signature):
        self._accepted = False
        self._size = size
        self._signature = signature
        await _clear(self._manifest)

    async def _file(self, path, at, data):
        to, size = self._manifest, self._size
        if path != MANIFEST and self._accepted:
            if path != self._path:
                self._room = self._listed()[1].get(path, (-1,))[0]
                self._path = path
            if self._room < 0:
                raise Refused("file", path)
            to, size = self._to + path, self._room
        elif path != MANIFEST or not size:
            raise Refused("state", "begin")
        held = max(_size(to), 0)
        end = at + len(data)
        if at > held or at < held < end:
            raise Refused("offset", path, {"at": held})
        if end > size:
            raise Refused("size", path)
        if at == held:
            with _opened(to) as file:
                file.write(data)
        if path == MANIFEST and end == size:
            return await self._accept()

    async def _accept(self):
        """Verify the manifest, empty the other slot and put in it what need not be sent."""
        self._accepted = False
        self._path = None
        nvs = self.nvs
        n = int(nvs.text("update_key", "0"), 16)
        if not verified(await _digest(self._manifest), self._signature, n):
            raise Refused("signature")
        files = self._listed()[1]
        nvs.set(trial=None)
        await _clear(self._to + MANIFEST)  # first: without it the rest is no program
        await _clear(self._to[:-1])
        space = os.statvfs(self._from)
        if sum([size // space[1] + 1 for size, _ in files.values()]) + SPARE_BLOCKS > space[4]:
            raise Refused("space")
        need = []
        for path in files:
            size, digest = files[path]
            held = self._from + path
            if _size(held) == size and await _digest(held) == digest:
                with _opened(self._to + path) as copy:
                    await _digest(held, copy)
            else:
                need.append(path)
        self._accepted = True
        return {"need": need}

    def _listed(self):
        """As `listed`, of the manifest that came. Read whenever it is needed: kept, its many small pieces would lie all
        over the memory, and leave no room for a message in one piece."""
        gc.collect()
        with open(self._manifest) as file:
            return listed(json.load(file), self.nvs.number("version"))

    async def _finish(self):
        if not self._accepted:
            raise Refused("state", "begin")
        version, files = self._listed()
        for path in files:
            size, digest = files[path]
            to = self._to + path
            if _size(to) != size:
                raise Refused("size", path)
            if await _digest(to) != digest:
                await _clear(to)  # so that it can be sent again
                raise Refused("hash", path)
        os.rename(self._manifest, self._to + MANIFEST)
        self._accepted = False
        self.nvs.set(tried=None, trial_version=version)
        self.nvs.set(trial=self._to[-2])


def _size(path):
    """Bytes of a file; -1 where there is none, for one may well be empty."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def _opened(path):
    """A file to append to; it and its folders are made."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        try:
            os.mkdir("/".join(parts[:count]))
        except OSError:  # it is there
            pass
    return open(path, "ab")


async def _clear(path):
    """Remove a file, or a folder with all in it, if there is one."""
    try:
        os.remove(path)
    except OSError:
        try:
            for name in os.listdir(path):
                await _clear(path + "/" + name)
            os.rmdir(path)
        except OSError:  # there is none
            pass
    await sleep_ms(0)


async def _digest(path, copy=None):
    """SHA-256 of a file; it is written to `copy` on the way, where there is one."""
    total = sha256()
    buffer = bytearray(256)
    with open(path, "rb") as file:
        while True:
            piece = memoryview(buffer)[: file.readinto(buffer)]
            if not piece:
                return total.digest()
            total.update(piece)
            if copy:
                copy.write(piece)
            await sleep_ms(0)  # the other tasks go on
