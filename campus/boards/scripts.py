"""What a board is asked to run over USB: texts in MicroPython. Each prints nothing secret."""

import hashlib
from collections.abc import Mapping, Sequence

LOOK = """
import json, os, sys
try:
    import esp32, machine
    chip = "".join(["%02x" % byte for byte in machine.unique_id()])
except ImportError:
    chip = None
try:
    with open("config.json") as file:
        site = json.load(file)["site"]
except Exception:
    site = None
room = os.statvfs(".")
print(json.dumps({
    "chip": chip, "version": list(sys.implementation.version[:3]), "site": site, "names": os.listdir(),
    "machine": getattr(sys.implementation, "_machine", sys.platform), "free_b": room[0] * room[3]}))
"""
"""Prints one JSON object: which chip, which MicroPython, what is on the flash."""

_REMOVE = """
import os
def remove(path):
    if os.stat(path)[0] & 0x4000:
        for name in os.listdir(path):
            remove(path + "/" + name)
        os.rmdir(path)
    else:
        os.remove(path)
for name in %r:
    if name in os.listdir():
        remove(name)
"""

_CHECK = """
import binascii, hashlib, os
def check(path):
    if os.stat(path)[0] & 0x4000:
        for name in os.listdir(path):
            check(path + "/" + name)
        return
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).digest()
    found[path] = binascii.hexlify(digest).decode()
wanted = %r
found = {}
for name in {path.split("/")[0] for path in wanted}:
    check(name)
for path in found:
    if found[path] != wanted.pop(path, None):
        raise ValueError("not as sent: " + path)
for path in wanted:
    raise ValueError("not as sent: " + path)
"""

_REMEMBER = """
import esp32
held = esp32.NVS("campus")
values = %r
for key in values:
    if values[key] is None:
        try:
            held.erase_key(key)
        except OSError:
            pass
    else:
        held.set_blob(key, values[key])
held.commit()
for key in values:
    if values[key] is not None:
        room = bytearray(2048)
        if room[:held.get_blob(key, room)] != values[key]:
            raise ValueError("not as sent: " + key)
"""


def remove(names: Sequence[str]) -> str:
    """Removes files and folders of the root, if they are there."""
    return _REMOVE % (tuple(names),)


def check(files: Mapping[str, bytes]) -> str:
    """Fails with "not as sent: PATH" where the flash differs; in a folder of `files` nothing else may lie."""
    return _CHECK % ({path: hashlib.sha256(held).hexdigest() for path, held in files.items()},)


def remember(values: Mapping[str, str | None]) -> str:
    """Puts texts into the chip's own store and reads them back; None erases. Fails with "not as sent: KEY"."""
    return _REMEMBER % ({key: None if text is None else text.encode() for key, text in values.items()},)
