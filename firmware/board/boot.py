"""The id of this boot: random hex drawn once, plus a counter that is raised before anything is sent.

`(site, board, boot, seq)` names a record for ever, so no boot may ever repeat: not after a power cut, not after an
erased flash (it draws anew).
"""

import os

from campus.wire.parsing import valid_boot


def next_boot(folder="."):
    """The id of a new boot: 16 hex digits, already written to boot.txt; all random if that cannot be written."""
    path = folder + "/boot.txt"
    boot = _after(path) or os.urandom(4).hex() + "00000000"
    try:
        with open(path + ".new", "w") as file:
            file.write(boot)
        os.rename(path + ".new", path)  # a power cut leaves the old file or the new one, never a half
    except OSError:
        return os.urandom(8).hex()
    return boot


def _after(path):
    """The boot after the one in the file; None where there is no whole one, or no number is left."""
    try:
        with open(path) as file:
            boot = file.read()
        if len(boot) == 16 and valid_boot(boot) and boot[8:] != "ffffffff":
            return "%016x" % (int(boot, 16) + 1)
    except (OSError, ValueError):  # ValueError: not even text
        pass
