"""The real system for a benchmark: `campus up` on a fresh folder, in a process of its own, its boards placed."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from campus.cli.bench_parts import HOST, SITE, START_S, end, free_port, wait_for
from campus.cli.running import running
from campus.errors import CampusError
from campus.records import open_records
from campus.records.inventory import Inventory


def room_of(board: str) -> str:
    """Every board has a room of its own."""
    return f"room-of-{board}"


def place(data: Path, boards: Sequence[str], records: str = "sqlite") -> None:
    """Make the records of a school with a room for each board, since yesterday."""
    since = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    told: dict[str, Any] = {
        "site": {"id": SITE, "name": "Bench"},
        "room_types": [{"id": "classroom", "name_vi": "Phòng học", "name_en": "Classroom"}],
        "rooms": [
            {"id": room_of(board), "name": board, "room_type": "classroom", "capacity": 45}
            for board in boards
        ],
        "boards": [{"id": board} for board in boards],
        "placements": [{"board": board, "room": room_of(board), "from": since} for board in boards],
    }
    data.mkdir(parents=True, exist_ok=True)
    with closing(open_records(records, data)) as opened:
        opened.import_inventory(Inventory.model_validate(told))


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """Where it answers, and the token that may ask everything."""

    pid: int
    http: str
    token: str
    process: "subprocess.Popen[bytes]"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def health(self) -> dict[str, Any]:
        """ready, reasons, counters. Raises CampusError."""
        try:
            answer = httpx.get(
                f"{self.http}/api/v1/health", headers=self.headers, timeout=30, trust_env=False
            )
            answer.raise_for_status()
            return dict(answer.json())
        except httpx.HTTPError as error:
            raise CampusError(f"The system that is measured did not answer: {error}.") from error


@contextmanager
def system(data: Path, mqtt: str, log: Path) -> Iterator[RunningSystem]:
    """`campus up`, ready, on the records that `place` made. Raises CampusError."""
    command = [
        sys.executable, "-c", "from campus.cli import main; main()", "up",
        f"--data={data}", f"--mqtt={mqtt}", f"--http={HOST}:{free_port()}",
        "--telemetry=duckdb", "--records=sqlite",
    ]  # fmt: skip
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    failed = "The system that is measured did not start."
    try:
        wait_for(lambda: running(data) is not None, [process], failed, START_S)
        told = running(data)
        if told is None or told.http is None:
            raise CampusError(failed)
        up = RunningSystem(process.pid, told.http, told.token, process)
        wait_for(lambda: bool(_ready(up)), [process], failed, START_S)
        yield up
    except CampusError as error:
        lines = log.read_text(errors="replace").strip().splitlines()
        last = f" It says last: {lines[-1][:200]}" if process.poll() is not None and lines else ""
        raise CampusError(f"{error}{last}") from error
    finally:
        end(process, 60)


def _ready(up: RunningSystem) -> bool:
    try:
        return bool(up.health()["ready"])
    except CampusError:
        return False
