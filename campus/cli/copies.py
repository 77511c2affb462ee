"""What a backup is made of: copies of the stores that fit together, and the rest of the data folder."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from campus.boards.files import DRAFT
from campus.boards.setup import Setup
from campus.cli import contents
from campus.cli.archive import (
    JOURNAL,
    SINGLE,
    STORES,
    TELEMETRY,
    File,
    Manifest,
    hash_of,
    stream,
    stream_size,
)  # fmt: skip
from campus.cli.running import DataFolder
from campus.errors import StoreError, UsageError
from campus.records import Records, open_records
from campus.records.snapshot import check
from campus.settings import Settings
from campus.telemetry import TelemetryStore
from campus.telemetry.stores import open_telemetry
from collector.journal import MIN_FREE_BYTES, Journal
from collector.journal_copy import JournalCopy

STAGING = ".backup-"
DUCKDB, INFLUXDB = "duckdb", "influxdb"
MADE_HERE = ("lock", "mosquitto.conf", "acl", "passwords")
"""Of the broker's folder, what each start writes anew."""
BESIDE = "The readings are in InfluxDB: back that server up with its own tool, right after this."
_one = threading.Lock()


class Copies:
    """The files of one archive, open and nowhere on the disk any more; `pieces` gives them, once."""

    def __init__(self, manifest: Manifest, files: list[BinaryIO]) -> None:
        self.manifest, self._files = manifest, files
        self.size = stream_size(manifest)

    def pieces(self) -> Iterator[bytes]:
        with ExitStack() as stack:
            for file in self._files:
                stack.enter_context(file)
            yield from stream(self.manifest, self._files)


def copies(
    settings: Settings,
    records: Records,
    telemetry: TelemetryStore,
    journal: Journal,
    told: Callable[[str], object] = lambda step: None,
) -> Copies:
    """Copy everything while it is in use. `told` hears each step.

    Records, then readings, then the journal, which meanwhile forgets nothing: so its copy has each batch that the
    readings' copy lacks, and each late arrival that the records' copy does not know of.
    Raises StoreError: no room on the disk, a store that is away; UsageError while another backup is being made.
    """
    if not _one.acquire(blocking=False):
        raise UsageError("A backup is being made already: wait for it.")
    try:
        for left in settings.data.glob(f"{STAGING}*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        _require_room(settings.data)
        with tempfile.TemporaryDirectory(prefix=STAGING, dir=settings.data) as name:
            folder = Path(name)
            copy_rest(settings.data, folder)
            with journal.holding():
                told("records")
                contents.hold(settings.data, folder)
                records.snapshot(folder)
                contents.hold(settings.data, folder)
                if settings.telemetry == DUCKDB:
                    told("readings")
                    telemetry.snapshot(folder / TELEMETRY)
                told("journal")
                journal.copy_to(folder / JOURNAL)
            told("photos and documents")
            lacking = contents.pack(folder)
            return _described(settings, folder, telemetry, lacking)
    except OSError as error:
        raise StoreError(f"The stores of {settings.data} cannot be copied: {error.strerror}.") from error
    finally:
        _one.release()


def _described(settings: Settings, folder: Path, telemetry: TelemetryStore, lacking: int) -> Copies:
    copy = JournalCopy(folder / JOURNAL)
    if settings.telemetry == DUCKDB:
        cursor = cursor_of(folder)
        copy.prune(cursor)
    else:
        cursor = telemetry.cursor()
    waiting = copy.waiting(cursor)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files: list[BinaryIO] = [path.open("rb") for path in paths]
    sqlite, duckdb = settings.records == "sqlite", settings.telemetry == DUCKDB
    manifest = Manifest(
        program=version("campus-monitor"),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        records="sqlite" if sqlite else "postgresql",
        telemetry=DUCKDB if duckdb else INFLUXDB,
        cursor=cursor,
        waiting=waiting,
        beside=None if duckdb else BESIDE,
        lacking=lacking,
        files=tuple(
            File(path.relative_to(folder).as_posix(), path.stat().st_size, hash_of(file))
            for path, file in zip(paths, files, strict=True)
        ),
    )
    return Copies(manifest, files)


def copy_rest(data: Path, folder: Path) -> None:
    """Copy what is neither a store nor made anew by each start.

    The broker's keys, accounts and sessions, settings, and which topics are to be cleared at the broker some day.
    """
    broker = Setup.folder(data)
    found = [path for path in (data / name for name in SINGLE) if path.is_file()]
    found += [
        path
        for path in (*broker.glob("*"), *broker.glob("persistence/*.db"))
        if path.is_file() and path.name not in MADE_HERE and path.suffix not in (DRAFT, ".log")
    ]
    for path in found:
        target = folder / path.relative_to(data)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def cursor_of(folder: Path) -> int:
    """The cursor of `folder`/telemetry.duckdb, which is opened for it. Raises StoreError."""
    with closing(open_telemetry(DUCKDB, folder)) as telemetry:
        return telemetry.cursor()


def examine(folder: Path, manifest: Manifest) -> None:
    """Open each database of an unpacked archive. Raises StoreError: damaged, or newer than this program."""
    check(folder)
    if manifest.format > 1:
        contents.examine(folder, manifest.lacking)
    JournalCopy(folder / JOURNAL).check()
    if manifest.holds(TELEMETRY) and cursor_of(folder) != manifest.cursor:
        raise StoreError("The readings of the backup end at another batch than it says: take another backup.")


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Records, TelemetryStore, Journal]]:
    """The stores of a folder that nobody runs on, owned meanwhile. Raises CampusError, also where nothing is."""
    data = settings.data
    if not any((data / name).exists() for name in (*STORES, "broker")):
        raise UsageError(f"There is nothing to back up in {data}: name the data folder with --data.")
    folder = DataFolder(data)
    folder.claim()
    try:
        with ExitStack() as stack:
            records = stack.enter_context(open_records(settings.records, data))
            telemetry = stack.enter_context(closing(open_telemetry(settings.telemetry, data)))
            journal = stack.enter_context(closing(Journal(data / JOURNAL)))
            yield records, telemetry, journal
    finally:
        folder.release()


def _require_room(data: Path) -> None:
    """The copies lie beside the stores for a while: the collector must not come to a standstill by that."""
    needed = sum(path.stat().st_size for name in STORES for path in data.glob(f"{name}*") if path.is_file())
    needed += contents.size(data)
    free = shutil.disk_usage(data).free - 2 * MIN_FREE_BYTES
    if needed > free:
        raise StoreError(
            f"A backup needs {megabytes(needed)} beside the stores for a while, and {data} has "
            f"{megabytes(max(free, 0))} to spare: make room there."
        )


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:.1f} MB"
