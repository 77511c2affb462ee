"""mosquitto as this machine has it: the program, its version, and what runs of it."""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from campus.errors import CampusError

LEAST_VERSION = (2, 0)
SBIN = ("/usr/sbin", "/usr/local/sbin")  # where Debian keeps it, not on the PATH of most users
STOP_S = 10.0


def program() -> str:
    """The path of mosquitto. Raises CampusError when there is none, or one that is too old."""
    path = shutil.which("mosquitto") or next(
        filter(None, (shutil.which("mosquitto", path=p) for p in SBIN)), None
    )
    if path is None:
        raise CampusError(
            "mosquitto is not installed: run `sudo apt install mosquitto`. "
            "Debian also starts one of its own on port 1883, which is not needed."
        )
    if (found := version(path)) < LEAST_VERSION:
        raise CampusError(f"{path} is version {'.'.join(map(str, found))}: mosquitto 2.0 or newer is needed.")
    return path


def version(path: str) -> tuple[int, ...]:
    """What a mosquitto says of itself. Raises CampusError."""
    try:
        told = subprocess.run([path, "-h"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CampusError(f"{path} cannot be run: {error}.") from error
    found = re.search(r"mosquitto version (\d+)\.(\d+)\.?(\d+)?", told)
    if found is None:
        raise CampusError(f"{path} does not tell its version: is it mosquitto?")
    return tuple(int(part) for part in found.groups() if part)


def processes(conf: Path) -> list[int]:
    """The ids of all mosquittos that were started with exactly this configuration file."""
    wanted = [b"-c", os.fsencode(conf)]
    return [int(each.name) for each in Path("/proc").glob("[0-9]*") if _words(each)[1:3] == wanted]


def end_stale(conf: Path) -> None:
    """End what a killed process left behind; it would hold the port and the stored sessions."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes(conf):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        until = time.monotonic() + STOP_S
        while processes(conf) and time.monotonic() < until:
            time.sleep(0.02)


def _words(process: Path) -> list[bytes]:
    """The command line of a process, empty when it has ended meanwhile."""
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
