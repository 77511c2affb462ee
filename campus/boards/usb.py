"""A board on a USB cable, through esptool and mpremote as processes of their own.

No secret is ever an argument of a process: all that goes to the board lies in a folder that only its owner may read.
Until the last step there is no main.py on the board, so a cable pulled out leaves a board that waits, not half a one.
"""

import grp
import json
import os
import re
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campus.boards import scripts
from campus.boards.images import Image
from campus.boards.programs import run
from campus.errors import CampusError, UsageError

BAUD = 460800
IMAGE_S, SESSION_S, COPY_S = 300.0, 45.0, 240.0
BOOT_S = 1.5  # from a reset to the console
ATTEMPTS = 4  # to reach a board that was just reset: its port may go and come back
LEAST_MICROPYTHON = (1, 25)
SLOT = "a"
PROGRAMS = (SLOT, "b", "config.old")
"""What a new program replaces, beside main.py and config.json."""


@dataclass(frozen=True, slots=True)
class Chip:
    """What a board says of itself. `names`: what lies at the root of its flash. `site`: of its config.json, if any."""

    board: str
    machine: str
    site: str | None
    names: frozenset[str]
    free_b: int


class Usb:
    """The board on one serial port. Every method raises CampusError with one sentence.

    `folder`: an empty one of mode 0700; what goes to the board lies there.
    """

    def __init__(self, port: str, folder: Path) -> None:
        self.port = port
        self._folder = folder
        self._starting = False

    def write_image(self, image: Image, erase: bool) -> None:
        """Put MicroPython on the chip; `erase`: the whole flash first, with its files and secrets."""
        done = run(esptool(self.port, image, erase), IMAGE_S)
        if done.returncode:
            raise CampusError(explain("esptool", self.port, done.stdout + done.stderr))
        self._starting = True

    def look(self) -> Chip:
        """What board this is. Raises CampusError where the board's program would not run."""
        told = _told(self._session("look", {"look.py": scripts.LOOK}))
        if told is None:
            raise CampusError(
                f"The board on {self.port} gave no clear answer: press its reset button and repeat."
            )
        if told["chip"] is None:
            raise CampusError(f"The board on {self.port} is no ESP32: it says '{told['machine']}'.")
        version = tuple(told["version"])
        if version < LEAST_MICROPYTHON:
            raise CampusError(
                f"The board on {self.port} has MicroPython {'.'.join(map(str, version))}: "
                f"{'.'.join(map(str, LEAST_MICROPYTHON))} or newer is needed; name its file with --image."
            )
        board = f"esp32-{told['chip']}"  # as the firmware makes it
        return Chip(board, told["machine"], told["site"], frozenset(told["names"]), told["free_b"])

    def halt(self) -> None:
        """Take main.py away and restart, so that neither the program nor its watchdog runs while files change."""
        self._starting = True  # its watchdog may have restarted it while a person was asked
        self._session("halt", {"halt.py": scripts.remove(["main.py"])})
        self._starting = True

    def copy(self, slot: Mapping[str, bytes], remove: Sequence[str] = ()) -> None:
        """Fill slot a in place of what is there, and compare every file on the board.

        The other slot goes, and what `remove` names at the root.
        """
        files = {f"{SLOT}/{path}": held for path, held in slot.items()}
        clear, check = scripts.remove([*PROGRAMS, *remove]), scripts.check(files)
        self._session("copy", {**files, "clear.py": clear, "check.py": check})

    def remember(self, values: Mapping[str, str | None], restart: bool = False) -> None:
        """Put texts into the chip's own store, which outlives updates and the file system; None erases one.

        `restart`: the program that is on the board begins anew with them.
        """
        self._session("renew" if restart else "remember", {"remember.py": scripts.remember(values)})

    def start(self, main: bytes, config: bytes) -> None:
        """Write config.json and main.py, compare them and restart: from now on the board runs its program."""
        files = {"config.json": config, "main.py": main}
        self._session("start", {**files, "check.py": scripts.check(files)})

    def _session(self, name: str, files: Mapping[str, str | bytes]) -> str:
        """The output of one of `sessions`, with the files that it needs in the folder while it runs.

        A board that is starting is given time.
        """
        for path, held in files.items():
            _write(self._folder / path, held.encode() if isinstance(held, str) else held)
        try:
            for left in reversed(range(ATTEMPTS if self._starting else 1)):
                if self._starting:
                    time.sleep(BOOT_S)
                timeout = COPY_S if name == "copy" else SESSION_S
                done = run(["mpremote", *sessions(self.port, self._folder)[name]], timeout)
                if done.returncode == 0:
                    self._starting = False
                    return done.stdout
                output = done.stdout + done.stderr
                if not left or not any(sign in output for sign in NOT_YET):
                    raise CampusError(explain("mpremote", self.port, output))
            raise AssertionError("the last attempt returns or raises")
        finally:
            for path in files:  # they hold secrets
                (self._folder / path).unlink(missing_ok=True)


def sessions(port: str, folder: Path) -> dict[str, list[str]]:
    """mpremote's arguments for each step; `folder` is where the files lie. Each session connects once."""

    def script(name: str) -> list[str]:
        return ["run", str(folder / f"{name}.py")]

    def copy(name: str) -> list[str]:
        # -f: not to ask first, file by file, whether it is there already.
        return ["fs", "cp", "-r", "-f", str(folder / name), f":{name}"]

    parts = {
        "look": [script("look")],
        "halt": [script("halt"), ["reset"]],
        "copy": [script("clear"), copy(SLOT), script("check")],
        "remember": [script("remember")],
        "start": [copy("config.json"), copy("main.py"), script("check"), ["reset"]],
        "renew": [script("remember"), ["reset"]],
    }
    return {
        name: ["connect", port, *[word for part in each for word in ("+", *part)]]
        for name, each in parts.items()
    }


def esptool(port: str, image: Image, erase: bool) -> list[str]:
    """The command that writes an image. esptool refuses by itself when the chip is not the image's."""
    words = ["esptool", "--chip", image.chip, "--port", port, "--baud", str(BAUD), "write-flash"]
    return [*words, *(["--erase-all"] if erase else []), hex(image.offset), str(image.file)]


def check_port(port: str) -> None:
    """Raises UsageError where `port` is no serial port, or this person may not use it."""
    try:
        found = Path(port).stat()
    except OSError as error:
        ports = [str(one) for name in ("ttyUSB*", "ttyACM*", "cu.usb*") for one in Path("/dev").glob(name)]
        here = ", ".join(sorted(ports)) or "no board; some cables carry power only"
        raise UsageError(f"There is no serial port {port}. Plugged in: {here}.") from error
    if not stat.S_ISCHR(found.st_mode):
        raise UsageError(f"{port} is not a serial port.")
    if not os.access(port, os.R_OK | os.W_OK):
        try:
            group = grp.getgrgid(found.st_gid).gr_name
        except KeyError:  # it has no name here
            group = str(found.st_gid)
        raise UsageError(
            f"You may not use {port}: run `sudo usermod -aG {group} $USER`, sign out and in again."
        )


BUSY = "{port} cannot be opened: another program uses it, such as a serial monitor; close that."
GONE = "The board on {port} went away in the middle: plug it in again and repeat the command."
FULL = "The flash of the board on {port} is full: begin anew with --image FILE.bin --erase."
SILENT = (
    "No ESP32 answers on {port}: hold its BOOT button down while the command begins, and use a cable that carries "
    "more than power."
)
LATE = "The board on {port} did not answer in time: press its reset button and repeat the command."
NO_PYTHON = (
    "No MicroPython answers on {port}: press the board's reset button and repeat the command, or put MicroPython on it "
    "with --image FILE.bin."
)
SAID = (
    ("failed to access", BUSY),
    ("port is busy", BUSY),
    ("could not enter raw repl", NO_PYTHON),
    ("timed out", LATE),
    (
        "Wrong chip argument",
        "The board on {port} has another chip than this image is for: take the image of its chip.",
    ),
    ("Failed to connect", SILENT),
    ("No serial data received", SILENT),
    ("ENOSPC", FULL),
    ("No space left", FULL),
    ("SerialException", GONE),
    ("Errno 5]", GONE),
    ("ClearCommError", GONE),
)
"""What a program says, and what it means to the person at the cable; the first that is found counts."""
NOT_YET = ("failed to access", "could not enter raw repl", "SerialException", "Errno 5]")
"""What mpremote says of a board that is still starting."""


def explain(program: str, port: str, output: str) -> str:
    """One sentence on why a program failed."""
    if wrong := re.search(r"not as sent: (\S+)", output):
        return f"The board did not keep {wrong[1]} as it was sent: repeat the command; its flash may be worn."
    for sign, sentence in SAID:
        if sign in output:
            return sentence.format(port=port)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{program} failed on {port}: {lines[-1] if lines else 'it said nothing'}."


def _told(output: str) -> dict[str, Any] | None:
    """The last JSON object that was printed: the chip's own log may stand around it."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            with suppress(ValueError):
                told: dict[str, Any] = json.loads(line)
                return told
    return None


def _write(file: Path, held: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(held)
