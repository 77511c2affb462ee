"""The disk of the data folder fills to the last byte while records stream in; a kill -9; then there is room again."""

import errno
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from broker_client import until
from chaos import Scenario
from chaos_boards import Fleet
from chaos_collector import Collector, compared, faults_of, stored
from processes import finish, launch
from servers import Mosquitto

DISK_MIB = 192  # the journal's reserve is 64 of them
CHUNK = bytes(1024 * 1024)


@dataclass(frozen=True)
class Size:
    boards: int
    per_second: float
    full_s: float
    not_ready_within_s: float = 5
    resumes_within_s: float = 30


@cache
def missing():
    """Why there can be no disk of our own, or None."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "needs unshare and nsenter (util-linux) for a small disk of its own"
    tried = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    return (
        None
        if tried.returncode == 0
        else "needs the right to mount a small disk (unshare -rm), not given here"
    )


class SmallDisk:
    """A tmpfs that only processes behind `enter` see, at `inside`; for us it is at `path`."""

    def __init__(self, inside):
        self.inside = inside
        inside.mkdir(parents=True, exist_ok=True)
        script = f"mount -t tmpfs -o size={DISK_MIB}m tmpfs '{inside}' && echo mounted && exec sleep infinity"
        self._process = launch(["unshare", "-rm", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "mounted\n"
        pid = self._process.pid
        self.path = Path(f"/proc/{pid}/root{inside}")
        self.enter = ("nsenter", "-t", str(pid), "-U", "-m", "--preserve-credentials", "--")

    def fill(self):
        """Until not one byte more goes on it."""
        with (self.path / "ballast").open("ab", buffering=0) as ballast:
            for chunk in (CHUNK, CHUNK[:4096], CHUNK[:1]):
                with ended_by_full_disk():
                    while True:
                        ballast.write(chunk)

    def make_room(self):
        (self.path / "ballast").unlink()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        finish(self._process)


@contextmanager
def ended_by_full_disk():
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def run(size, folder, *faults, apart=False):
    """`apart`: only the stores are on the small disk, and the journal has all the room it wants."""
    folder.mkdir(parents=True, exist_ok=True)
    with Mosquitto(folder / "mosquitto") as broker, SmallDisk(folder / "disk") as disk:
        inside = disk.inside / "data"
        data, stores = (folder / "data", inside) if apart else (inside, None)
        with (
            Collector(broker.url, data, *faults, stores=stores, enter=disk.enter) as collector,
            Fleet(broker.port, size.boards) as fleet,
        ):
            fleet.stream(1_000_000, size.per_second)
            until(lambda: fleet.freed > size.per_second, 60)
            disk.fill()
            began = time.monotonic()
            told = until(lambda: not collector.ready, size.not_ready_within_s + 10)
            not_ready_s = time.monotonic() - began
            reason = (collector.told.get("reasons") or [""])[0]
            flapped = exits = 0
            while time.monotonic() - began < size.full_s:
                if collector.starts == 1 and time.monotonic() - began > size.full_s / 2:
                    collector.kill()  # and it has to begin where there is no room
                    disk.fill()
                    collector.start()
                    until(lambda: collector.told or not collector.running, 30)
                time.sleep(0.05)
                disk.fill()  # what the collector gave back is taken too
                flapped += told and collector.ready
            committed = fleet.freed
            disk.make_room()
            if not collector.running:  # as whoever looks after it would
                exits += 1
                collector.start()
            began = time.monotonic()
            back = until(lambda: collector.ready and fleet.freed > committed, size.resumes_within_s + 5)
            back_s = time.monotonic() - began
            fleet.enough()
            fleet.drained(90)
            collector.until(lambda: collector.idle, "everything in the store")
            collector.stop()
        shutil.copytree(disk.path / "data", folder / "kept", dirs_exist_ok=True)
    return {
        **compared(fleet, stored("duckdb", folder / "kept")),
        "not_ready_after_s": round(not_ready_s, 1) if told else None,
        "ready_while_full": flapped,
        "reason": reason,
        "ended_by_itself": exits,
        "resumed_after_s": round(back_s, 1) if back else None,
    }


def wrong(figures, size):
    found = faults_of(figures)
    if figures["not_ready_after_s"] is None or figures["not_ready_after_s"] > size.not_ready_within_s:
        found.append(f"not_ready_after_s is over {size.not_ready_within_s}")
    if figures["resumed_after_s"] is None or figures["resumed_after_s"] > size.resumes_within_s:
        found.append(f"resumed_after_s is over {size.resumes_within_s}")
    return found


def every(size, folder, *faults):
    """The whole folder on the disk, with the journal's reserve; without it; and only the stores."""
    figures = run(size, folder / "reserve", *faults)
    if not faults:
        figures["no_reserve"] = run(size, folder / "none", "no_reserve")
        figures["stores_only"] = run(size, folder / "stores", apart=True)
    return figures


def wrong_of_every(figures, size):
    found = wrong(figures, size)
    for which in ("no_reserve", "stores_only"):
        found += [f"{which}: {each}" for each in wrong(figures[which], size)] if which in figures else []
    return found


SCENARIO = Scenario(
    "the disk full to the last byte, for the journal, and for the stores alone",
    every,
    wrong_of_every,
    {"full": Size(50, 100, 60), "tenth": Size(50, 100, 15), "short": Size(20, 100, 3)},
    {"hasty": (("hasty",), "lost")},
    control=Size(20, 100, 3, resumes_within_s=5),
    needs=missing,
)
