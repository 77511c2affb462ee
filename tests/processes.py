"""Processes and ports of tests: nothing started here outlives the test run."""

import os
import shutil
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path

START_WITHIN_S = 60


def program(name: str) -> str | None:
    """Where a server's program is: on PATH, or where Debian keeps servers."""
    places = [Path("/usr/sbin"), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return shutil.which(name) or next((str(p / name) for p in places if os.access(p / name, os.X_OK)), None)


def _ports(worker: str | None, workers: int) -> tuple[int, int]:
    """The share of one of pytest's processes: another must not be given the port of a server that is down.

    Below the range of outgoing connections, so that no client takes a port between the look and the start.
    """
    share = 12_000 // workers
    first = 20_000 + share * int((worker or "gw0")[2:])
    return first, first + share


_PORTS = _ports(os.environ.get("PYTEST_XDIST_WORKER"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))
_next_port = _PORTS[0] + os.getpid() * 97 % (_PORTS[1] - _PORTS[0])
_port_lock = threading.Lock()


def free_port() -> int:
    """A TCP port of loopback that nothing listens on; not given twice in one run of the range."""
    global _next_port
    with _port_lock:
        for _ in range(_PORTS[1] - _PORTS[0]):
            port, _next_port = _next_port, _next_port + 1
            if _next_port >= _PORTS[1]:
                _next_port = _PORTS[0]
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    raise OSError("no free port on loopback")


class Watchdog:
    """Kills what was started when this process ends in any way, SIGKILL too: the pipe to it closes then.

    PR_SET_PDEATHSIG would not do: it fires when the starting thread ends, and a server that drops its rights
    clears it.
    """

    SCRIPT = """
    while read -r sign pid; do
        if [ "$sign" = + ]; then pids="$pids $pid "; else pids=$(echo " $pids " | sed "s/ $pid / /g"); fi
    done
    for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: int | None = None

    def tell(self, sign: str, pid: int) -> None:
        with self._lock:
            if self._pipe is None:
                process = subprocess.Popen(
                    ["sh", "-c", self.SCRIPT],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # a Ctrl-C meant for the tests must not end it first
                )
                assert process.stdin is not None
                self._pipe = os.dup(process.stdin.fileno())
                os.set_inheritable(self._pipe, False)
                process.stdin.close()
                process.returncode = 0  # it is not waited for: it outlives this process by a moment
            os.write(self._pipe, f"{sign} {pid}\n".encode())


_watchdog = Watchdog()


def launch(command: list[str], **options) -> subprocess.Popen:
    """Start a process that cannot outlive this one. End it with `finish`."""
    process = subprocess.Popen(command, **options)
    _watchdog.tell("+", process.pid)
    return process


def finish(process: subprocess.Popen, *, gently: bool = False, timeout: float = 30) -> int:
    """End a process and take its exit code: killed, or first asked to stop."""
    if process.poll() is None:
        if gently:
            process.terminate()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
        else:
            process.kill()
    code = process.wait()
    _watchdog.tell("-", process.pid)
    return code


class Server(ABC):
    """One server process. `folder` holds its configuration, its data and `log`."""

    host = "127.0.0.1"
    name = "server"

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"
        self.port = port or free_port()
        self._fixed = port is not None
        self._process: subprocess.Popen | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    def start(self) -> "Server":
        """Start and wait until it answers. The port stays the same over restarts."""
        if self.running:
            return self
        for attempt in range(3):
            command = self.prepare()
            with self.log.open("ab") as log:
                self._process = launch(
                    command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            if self._wait():
                self._fixed = True
                self.ready()
                return self
            self.kill()
            if not self._fixed and attempt < 2:  # somebody took the port since it was free
                self.port = free_port()
            else:
                break
        raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Ask it to stop, as a shutdown does, and wait."""
        if self._process is not None:
            finish(self._process, gently=True)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process is not None:
            finish(self._process)

    def restart(self) -> None:
        """Stop and start on the same port and disk."""
        self.stop()
        self.start()

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write the configuration and return the command."""

    def answers(self) -> bool:
        """Whether it serves, beyond an open port."""
        return True

    def ready(self) -> None:  # noqa: B027 (most have nothing to do)
        """Called each time it answers after a start."""

    def _wait(self) -> bool:
        until = time.monotonic() + START_WITHIN_S
        while time.monotonic() < until and self.running:
            try:
                with socket.create_connection((self.host, self.port), timeout=2):
                    pass
                if self.answers() and self.running:
                    return True
            except OSError:
                pass
            time.sleep(0.02)
        return False

    def __enter__(self):
        return self.start()

    def __exit__(self, *error) -> None:
        self.kill()
