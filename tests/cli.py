"""Runs the real `campus` program, as a user would, in an environment of its own."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

CAMPUS = str(Path(sys.executable).with_name("campus"))


def environment(**settings: str) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("CAMPUS_")}
    return own | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"} | settings


def campus(
    *arguments: object, cwd: Path, timeout: float = 120, **settings: str
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [CAMPUS, *map(str, arguments)],
        cwd=cwd,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def refused(done: subprocess.CompletedProcess) -> str:
    """The one line on standard error of a command that failed in good order."""
    assert done.returncode in (1, 2), done
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("campus: ")
    return lines[0]


class Running:
    """A `campus demo` or `campus up` in the background; `stop()` ends it as Ctrl-C does and returns its exit code."""

    def __init__(self, *arguments: object, cwd: Path, **settings: str) -> None:
        self.log = cwd / "running.log"
        self._file = self.log.open("w")
        self.process = subprocess.Popen(
            [CAMPUS, *map(str, arguments)],
            cwd=cwd,
            env=environment(**settings),
            stdout=self._file,
            stderr=self._file,
        )

    def told(self, pattern: str, timeout: float = 60) -> str:
        """The first group of `pattern` in what it printed so far; waits for it."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if found := re.search(pattern, self.log.read_text()):
                return found[1] if found.groups() else found[0]
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(f"{pattern} did not come:\n{self.log.read_text()}")

    def stop(self, timeout: float = 60) -> int:
        self.process.send_signal(2)
        try:
            return self.process.wait(timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._file.close()


def token(data: Path) -> tuple[str, str]:
    """(address, token) of the system that runs on a data folder."""
    told = json.loads((data / "run.json").read_text())
    return told["http"], told["token"]
