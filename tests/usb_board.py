"""A board on a serial port: a pseudo-terminal, and behind it a real MicroPython with a folder as its flash.

As on the chip main.py starts by itself, Ctrl-C ends it, and then the console takes commands (board_shims/raw_repl.py).
"""

import os
import pty
import select
import signal
import subprocess
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import finish, launch

from campus.boards.images import PARTITIONS_AT, PARTITIONS_MAGIC

SHIMS = Path(__file__).parent / "board_shims"
ID = "esp32-a0b1c2d3e4f5"  # of the shim's chip
HARD_RESET, SOFT_RESET = 75, 76
HEAP_KIB = 96


class UsbBoard:
    """`flash`: its folder. `port`: what a USB cable shows as a serial port. `log`: what its program printed."""

    def __init__(self, folder: Path, micropython: list[str]) -> None:
        self.flash = folder / "flash"
        self.flash.mkdir(parents=True)
        self.log = folder / "serial.log"
        self.port = str(
            folder / "port"
        )  # a link: under its own name mpremote waits for a pseudo-terminal for ever
        self.resets = 0
        self._micropython = micropython
        self._chip, self._cable = pty.openpty()
        tty.setraw(self._cable)
        Path(self.port).symlink_to(os.ttyname(self._cable))
        self._early = b""  # typed before the console was there to read it
        self._stopping = threading.Event()
        self._process: subprocess.Popen | None = None
        self._power = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> "UsbBoard":
        self._power.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._power.join()
        os.close(self._chip)
        os.close(self._cable)

    @property
    def files(self) -> dict[str, bytes]:
        """All that is on its flash."""
        found = (file for file in self.flash.rglob("*") if file.is_file())
        return {file.relative_to(self.flash).as_posix(): file.read_bytes() for file in found}

    def _live(self) -> None:
        """One turn per reset: a hard one starts main.py if there is one, a soft one stays in the console."""
        mode = "program"
        while not self._stopping.is_set():
            if mode == "program" and (self.flash / "main.py").exists():
                ended, mode = self._program(), "friendly"
            else:
                ended, mode = self._console(mode), "friendly"
            if ended == HARD_RESET:
                self.resets += 1
                mode = "program"
            elif ended == SOFT_RESET:
                os.write(self._chip, b"MPY: soft reboot\r\n")
                mode = "raw"

    def _program(self) -> int:
        """Run main.py until it ends or Ctrl-C comes; what else is typed waits for the console."""
        with self.log.open("ab") as log:
            process = self._start(["main.py"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            while process.poll() is None and not self._stopping.is_set():
                typed = self._typed()
                if b"\x03" in typed:
                    process.send_signal(signal.SIGINT)
                    process.wait(30)
                self._early += typed.rpartition(b"\x03")[2]
            return finish(process)

    def _console(self, mode: str) -> int:
        process = self._start([str(SHIMS / "raw_repl.py"), mode], stdin=subprocess.PIPE, stdout=self._chip)
        assert process.stdin is not None
        while process.poll() is None and not self._stopping.is_set():
            typed, self._early = self._early + self._typed(), b""
            try:
                process.stdin.write(typed)
                process.stdin.flush()
            except BrokenPipeError:
                self._early = typed
        process.stdin.close()
        return finish(process)

    def _start(self, arguments: list[str], **pipes: object) -> subprocess.Popen:
        environment = {
            **os.environ,
            "MICROPYPATH": f".frozen:{SHIMS}",
        }  # nothing of the checkout: only its flash
        command = [*self._micropython, "-X", f"heapsize={HEAP_KIB}wk", *arguments]
        return launch(command, cwd=self.flash, env=environment, **pipes)

    def _typed(self) -> bytes:
        ready, _, _ = select.select([self._chip], [], [], 0.02)
        return os.read(self._chip, 4096) if ready else b""


@contextmanager
def silent_port(folder: Path) -> Iterator[str]:
    """A serial port where nobody answers."""
    chip, cable = pty.openpty()
    tty.setraw(cable)
    port = folder / "silent"
    port.symlink_to(os.ttyname(cable))
    yield str(port)
    os.close(chip)
    os.close(cable)


def an_image(file: Path, chip: int = 0) -> Path:
    """What tells a whole MicroPython image: magic, chip and where its partition table lies."""
    held = bytearray(40_000)
    held[0], held[12] = 0xE9, chip
    at = PARTITIONS_AT - (0x1000 if chip == 0 else 0)
    held[at : at + 2] = PARTITIONS_MAGIC
    file.write_bytes(held)
    return file
