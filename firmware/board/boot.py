"""The id of this boot: random hex drawn once, plus a counter that is raised before anything is sent.

`(site, board, boot, seq)` names a record for ever, so no boot may ever repeat: not after a power cut, not after an
erased flash (it draws anew).
"""

import os

from campus.wire.parsing import valid_boot

FILE = "boot.txt"


def next_boot(folder="."):
    """The id of a new boot: 16 hex digits, already written to `folder`; all random if that cannot be written."""
    path = folder + "/" + FILE
    try:
        with open(path) as file:
            drawn, counter = file.read().split()
        fresh = len(drawn) != 8 or not valid_boot(drawn) or not 0 <= int(counter) < 0xFFFFFFFF
    except (OSError, ValueError):
        fresh = True
    if fresh:
        drawn, counter = _draw(4), -1
    counter = int(counter) + 1
    try:
        with open(path + ".new", "w") as file:
            file.write("%s %d\n" % (drawn, counter))
        os.rename(path + ".new", path)  # a power cut leaves the old file or the new one, never a half
    except OSError:
        return _draw(8)
    return "%s%08x" % (drawn, counter)


def _draw(count):
    return "".join(["%02x" % byte for byte in os.urandom(count)])
