"""What the benchmarks share: a broker, an InfluxDB, the load generator, and what a process costs."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

import collector
from campus.errors import CampusError, UsageError

CONF = Path(collector.__file__).parent / "mosquitto.conf"
HOST = "127.0.0.1"
START_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SITE = "bench"


def free_port() -> int:
    """A TCP port of loopback that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    """CPU seconds so far of a process, its threads, and its children, those that ended and were waited for too.

    0 where there is no such process. Linux only. Raises CampusError elsewhere.
    """
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    if not Path("/proc/self/stat").exists():
        raise CampusError("CPU of other processes is read from /proc: run this benchmark on Linux.")
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # The name, in parentheses, may hold anything; what follows it does not.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(folder.name))
                used[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS_PER_S
    whole, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        whole += used.get(one, 0.0)
        waiting += children.get(one, [])
    return whole


def machine_s() -> float:
    """CPU seconds so far of everything on this machine, with what its host took away."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    idle, waiting = map(int, fields[3:5])
    return (sum(map(int, fields)) - idle - waiting) / TICKS_PER_S


def rss_mb(pid: int) -> float:
    """Resident memory of one process. Raises CampusError when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
    except (OSError, StopIteration) as error:
        raise CampusError("The process that is measured has ended; its message is above.") from error


def wait_for(
    done: Callable[[], bool], processes: Sequence["subprocess.Popen[Any]"], what: str, seconds: float
) -> None:
    """Raises CampusError with `what` when it does not come, or a process ends before."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until or any(process.poll() is not None for process in processes):
            raise CampusError(what)
        time.sleep(0.05)


def end(process: "subprocess.Popen[Any]", patience_s: float = 20.0) -> None:
    """Ask to stop, then make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def program(name: str, given: Path | None, otherwise: str = "") -> str:
    """Where a program is: as given, on PATH, or where Debian keeps servers. Raises UsageError.

    `otherwise` ends the sentence "install it".
    """
    if given is not None:
        found = shutil.which(given) if given.suffix != ".js" else str(given) if given.is_file() else None
        if found is None:
            raise UsageError(f"There is no program {given}: write the path of {name}.")
        return str(Path(found).absolute())
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise UsageError(f"{name} is not installed: install it{otherwise}.")
    return found


@dataclass(frozen=True, slots=True)
class Broker:
    """`pid` 0: it is not ours, and its CPU is not known."""

    url: str
    pid: int


@contextmanager
def broker(folder: Path, otherwise: str = "") -> Iterator[Broker]:
    """An installed mosquitto with the tree's configuration, empty, on loopback, ended after use."""
    path = program("mosquitto", None, otherwise)
    disk = folder / "broker"
    disk.mkdir(parents=True)
    port = free_port()
    lines = [
        f"listener {port} {HOST}",
        *(line for line in CONF.read_text().splitlines() if not line.startswith("password_file")),
        "allow_anonymous true",
        f"persistence_location {disk}/",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # else it becomes a user who may not enter this folder
    conf = folder / "mosquitto.conf"
    conf.write_text("\n".join(lines))
    process = subprocess.Popen([path, "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        wait_for(
            lambda: _answers(port), [process],
            "mosquitto did not start; run it by hand with collector/mosquitto.conf to see why.", 10,
        )  # fmt: skip
        yield Broker(f"mqtt://{HOST}:{port}", process.pid)
    finally:
        end(process)


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


class Influx:
    """An InfluxDB 1.x of our own with the database `bench`."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self._http = httpx.Client(base_url=f"http://{HOST}:{port}", timeout=60, trust_env=False)

    @property
    def url(self) -> str:
        return f"influxdb://{HOST}:{self.port}/bench?api=v1"

    def query(self, text: str) -> list[list[Any]]:
        """The rows of one statement. Raises CampusError."""
        try:
            answer = self._http.post("/query", data={"db": "bench", "q": text})
            result = answer.json()["results"][0]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise CampusError(f"InfluxDB did not answer: {error}.") from error
        if "error" in result:
            raise CampusError(f"InfluxDB refused a query: {result['error']}.")
        return [row for one in result.get("series", []) for row in one["values"]]

    def count(self, field: str, measurement: str, site: str) -> int:
        """Points of one field."""
        found = self.query(f'SELECT count("{field}") FROM "{measurement}" WHERE site = \'{site}\'')  # noqa: S608
        return int(found[0][1]) if found else 0

    def taken(self) -> int:
        """Points received in all; costs the server next to nothing, as a count does not."""
        try:
            told = self._http.get("/debug/vars").json()
            return sum(one["values"]["pointReq"] for key, one in told.items() if key == "write")
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise CampusError(
                f"InfluxDB does not tell how much it took: {error}. Version 1.x is meant."
            ) from error


@contextmanager
def influxd(path: str, folder: Path) -> Iterator[Influx]:
    """An InfluxDB 1.x, empty, on loopback, ended after use."""
    port, disk = free_port(), folder / "influxdb"
    conf = folder / "influxdb.conf"
    conf.write_text(
        f'reporting-disabled = true\nbind-address = "{HOST}:{free_port()}"\n'
        f'[meta]\n  dir = "{disk}/meta"\n'
        f'[data]\n  dir = "{disk}/data"\n  wal-dir = "{disk}/wal"\n  index-version = "tsi1"\n'
        "[monitor]\n  store-enabled = false\n"
        f'[http]\n  bind-address = "{HOST}:{port}"\n  log-enabled = false\n'
    )
    process = subprocess.Popen(
        [path, "-config", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(
            lambda: _answers(port), [process],
            f"{path} did not start: version 1.x is meant; run it by hand to see why.", START_S,
        )  # fmt: skip
        influx = Influx(port, process.pid)
        influx.query("CREATE DATABASE bench")
        yield influx
    finally:
        end(process)


class Load:
    """The load generator, loaded and waiting; `begin()` starts it, `end()` gives what it says. Also a context."""

    def __init__(self, url: str, **options: object) -> None:
        words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator.load", "--url", url, "--wait", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if _pipe(self.process.stdout).readline().strip() != "ready":
            self.close()
            raise CampusError("The load generator did not start; its message is above.")

    def begin(self) -> None:
        into = _pipe(self.process.stdin)
        into.write("\n")
        into.flush()

    def end(self) -> Mapping[str, Any]:
        """Wait for the last acknowledgement. Raises CampusError."""
        told = _pipe(self.process.stdout).read()
        if self.process.wait():
            raise CampusError("The load generator failed; its message is above.")
        return dict(json.loads(told))

    def close(self) -> None:
        end(self.process)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # noqa: S101 - every process here is started with it
    return pipe
