"""`campus bench api`: every read of a school with a year of facts at a steady rate, and exports of its readings."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any

import duckdb
import httpx
import typer
from rich.console import Console

from api.security import COOKIE
from campus.cli.bench_api_plan import plan
from campus.cli.bench_api_school import Filled, fill
from campus.cli.bench_indicators_latency import quantiles
from campus.cli.bench_indicators_school import SITE
from campus.cli.bench_parts import cpu_s, end, machine_s, rss_mb
from campus.errors import CampusError

LIMIT_MS = 50.0
LIMIT_ROWS_PER_S = 200_000
ALONE = 5  # times that each operation is asked by itself
FULL = 0.9


@dataclass(frozen=True, slots=True)
class _Server:
    pid: int
    client: httpx.Client
    token: str

    def answers(self, address: str) -> bool:
        """Whether it is asked rightly: this credential has it, and there is such a thing."""
        return self.client.get(address).status_code not in (403, 404, 409)

    def get(self, address: str) -> Any:
        answer = self.client.get(address)
        if answer.status_code != 200:
            raise CampusError(f"{address} was answered with {answer.status_code}: {answer.text[:300]}")
        return answer.json()


def api(
    rooms: Annotated[int, typer.Option(help="Rooms of the school", min=1, max=500)] = 60,
    pieces: Annotated[int, typer.Option(help="Pieces of equipment in them", min=1, max=5000)] = 300,
    days: Annotated[int, typer.Option(help="Local days from the start of the school year", min=7, max=366)] = 365,
    readings: Annotated[int, typer.Option(help="Readings stored and exported", min=1000, max=10**8)] = 1_000_000,
    rate: Annotated[float, typer.Option(help="Requests a second", min=1, max=1000)] = 50,
    seconds: Annotated[float, typer.Option(help="How long the load lasts", min=1, max=3600)] = 120,
    writes: Annotated[
        float, typer.Option(help="Room days of facts written a second meanwhile; 0: none", min=0, max=20)
    ] = 1.0,
    anew: Annotated[bool, typer.Option(help="Read every range from the store, as for the first time")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder that keeps the school for the next time")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:  # fmt: skip
    """Latency of every read operation under a steady load, and what exports of all readings cost.

    50 ms for 95 % of the answers of each operation, at 50 requests a second, and 200,000 rows a second in flat memory
    are aimed at, on a machine of two cores with nothing else to do; the server's CPU is told beside it. Meanwhile each
    second the facts of a room's day are written anew, as in a school of 60 rooms in session.
    """
    console = Console(stderr=True, highlight=False)
    folder: Any = tempfile.TemporaryDirectory(prefix="campus-bench-") if data is None else nullcontext(data)
    with folder as place:
        told = _measured(Path(place), rooms, pieces, days, readings, rate, seconds, (writes, anew), console)
    if as_json:
        print(json.dumps(told))
        return
    for part in ("school", "load", "limited_by"):
        console.print(f"[bold]{part}[/bold] {told[part]}")
    for name, one in sorted(told["operations"].items(), key=lambda item: -item[1]["p95_ms"]):
        console.print(
            f"{name:62} p50 {one['p50_ms']:8} p95 {one['p95_ms']:8} max {one['max_ms']:8}  cpu {one['alone_cpu_ms']:7}"
        )
    for name, one in told["exports"].items():
        console.print(f"[bold]export {name}[/bold] {one}")


def _measured(
    data: Path,
    rooms: int,
    pieces: int,
    days: int,
    readings: int,
    rate: float,
    seconds: float,
    state: tuple[float, bool],
    console: Console,
) -> dict[str, Any]:
    console.print("Making the school ...")
    school = fill(data, rooms, pieces, days, readings, console)
    with _server(data, school, *state) as server:
        asked, left_out = plan(server.get("/api/v1/openapi.json"), server.get, school.today)
        for name in [name for name, addresses in asked.items() if not server.answers(addresses[0])]:
            left_out.append(name)
            del asked[name]
        console.print(f"Asking {len(asked)} operations, each by itself ...")
        alone = {name: _alone(server, addresses) for name, addresses in asked.items()}
        console.print(f"Asking them at {rate:g} a second ...")
        load, found = _load(server, asked, rate, seconds)
        console.print("Exporting ...")
        exports = {
            f"readings {format}": _exported(
                server, f"/api/v1/readings/export?site={SITE}&format={format}", format, readings
            )
            for format in ("csv", "parquet")
        }
        exports |= {
            f"facts {format}": _exported(
                server, f"/api/v1/sites/{SITE}/export/facts?format={format}", format, None
            )
            for format in ("csv", "parquet")
        }
    operations = {
        name: {**quantiles(took), "alone_cpu_ms": alone[name], "bytes": found["bytes"][name]}
        for name, took in found["latencies_ms"].items()
        if took
    }
    everything = [took for each in found["latencies_ms"].values() for took in each]
    return {
        "school": {"rooms": rooms, "pieces": pieces, "days": days, "readings": readings},
        "load": {
            "rate": rate, "seconds": seconds, "writes": state[0], "anew": state[1], **quantiles(everything), **load,
            "ms_limit": LIMIT_MS, "operations": len(operations),
            "in_time": sum(one["p95_ms"] <= LIMIT_MS for one in operations.values()),
            "slow": sorted(name for name, one in operations.items() if one["p95_ms"] > LIMIT_MS),
            "alone_cpu_over_limit": sorted(name for name, ms in alone.items() if ms > LIMIT_MS),
            "failed": found["failed"], "not_asked": left_out,
        },
        "operations": operations,
        "exports": exports,
        "limited_by": _limit(load),
    }  # fmt: skip


def _limit(load: dict[str, float]) -> str:
    if load["server_cores"] >= FULL:
        return "Python on one core of the server"
    if load["other_cores"] >= 1:
        return "other programs on this machine, the load among them"
    return "nothing: the server waits for requests most of the time; a slow operation delays those beside it"


@contextmanager
def _server(data: Path, school: Filled, writes: float, anew: bool) -> Iterator[_Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "campus.cli.bench_api_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        given, got = process.stdin, process.stdout
        assert given is not None and got is not None  # noqa: S101 - pipes were asked for
        state = {
            "data": str(data),
            "now_ms": school.now_ms,
            "today": str(school.today),
            "writes": writes,
            "anew": anew,
        }
        print(json.dumps(state), file=given, flush=True)
        line = got.readline()
        if not line:
            raise CampusError("The server that is measured did not start; its message is above.")
        told = json.loads(line)
        headers = {"Cookie": f"{COOKIE}={told['token']}"}
        with httpx.Client(base_url=told["url"], headers=headers, trust_env=False, timeout=600) as client:
            yield _Server(process.pid, client, told["token"])
        given.close()
        if process.wait(30):
            raise CampusError("The server that is measured failed; its message is above.")
    finally:
        end(process)


def _alone(server: _Server, addresses: list[str]) -> float:
    """CPU of the server in ms for one request, in the mean of some; once asked before, so that it is warm."""
    server.get(addresses[0])
    before = _precise_cpu_s(server.pid)
    for n in range(ALONE):
        server.get(addresses[n % len(addresses)])
    return round(1e3 * (_precise_cpu_s(server.pid) - before) / ALONE, 2)


def _precise_cpu_s(pid: int) -> float:
    """CPU seconds of a process's threads, in ns of the kernel; threads that ended are not in it."""
    used = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            used += int((thread / "schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue
    return used / 1e9


def _load(
    server: _Server, asked: dict[str, list[str]], rate: float, seconds: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What it cost, and what the generator says."""
    told = {
        "url": str(server.client.base_url),
        "token": server.token,
        "rate": rate,
        "seconds": seconds,
        "plan": asked,
    }
    own, machine, begun = cpu_s(server.pid), machine_s(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "campus.cli.bench_api_load"], input=json.dumps(told) + "\n", stdout=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    lasted = time.monotonic() - begun
    if done.returncode:
        raise CampusError("The load generator failed; its message is above.")
    own, machine = cpu_s(server.pid) - own, machine_s() - machine
    found = json.loads(done.stdout)
    cores = {"server_cores": round(own / lasted, 3), "other_cores": round((machine - own) / lasted, 3)}
    return {**cores, "server_rss_mb": round(rss_mb(server.pid), 1)}, found


def _exported(server: _Server, address: str, format: str, rows: int | None) -> dict[str, Any]:
    """Rows a second through HTTP, and by how much the server's memory rose at most while it was made and sent."""
    with tempfile.NamedTemporaryFile() as file:
        before = rss_mb(server.pid)
        Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak begins anew
        own, begun = _precise_cpu_s(server.pid), time.monotonic()
        with server.client.stream("GET", address) as answer:
            if answer.status_code != 200:
                raise CampusError(f"{address} was answered with {answer.status_code}.")
            first = None
            for piece in answer.iter_bytes():
                first = first or time.monotonic() - begun
                file.write(piece)
        lasted, spent = time.monotonic() - begun, _precise_cpu_s(server.pid) - own
        peak = _peak_mb(server.pid)
        file.flush()
        count = _count(file, format)
    if rows is not None and count != rows:
        raise CampusError(f"{address} has {count} rows where {rows} are stored: its figures mean nothing.")
    return {
        "rows": count, "rows_per_s": round(count / lasted), "rows_per_cpu_s": round(count / max(spent, 1e-9)),
        "seconds": round(lasted, 2), "cpu_s": round(spent, 2), "first_byte_s": round(first or 0.0, 2),
        "rss_before_mb": round(before, 1), "rss_rose_mb": round(peak - before, 1), "rows_per_s_limit": LIMIT_ROWS_PER_S,
    }  # fmt: skip


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _count(file: IO[bytes], format: str) -> int:
    if format == "csv":
        with Path(file.name).open("rb") as made:
            return sum(1 for _ in made) - 1
    with duckdb.connect() as reading:
        ((rows,),) = reading.execute("SELECT count(*) FROM read_parquet(?)", [file.name]).fetchall()
    return int(rows)
