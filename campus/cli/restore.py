"""`campus restore`: a backup becomes a data folder, whole or not at all."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from campus.boards.setup import Setup
from campus.cli import archive, contents
from campus.cli.archive import JOURNAL, RECORDS, RETAINED, TELEMETRY, Manifest
from campus.cli.backup import has_broker, holds
from campus.cli.copies import DUCKDB, copy_rest, cursor_of, examine, megabytes
from campus.cli.folders import is_empty, left_over, put_in_place, staging
from campus.cli.options import with_settings
from campus.cli.running import DataFolder
from campus.errors import StoreError, UsageError
from campus.records import open_records
from campus.records.snapshot import attached, load, occupied
from campus.settings import Settings
from campus.telemetry.stores import open_telemetry
from collector.installed import end_stale
from collector.journal_copy import JournalCopy
from collector.retained import listed

DOUBT_MS = 7 * 86_400_000
"""How far back boards may send what they kept while nobody answered."""
BEFORE = "records-before-restore"


@with_settings()
def restore(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="What `campus backup` made", show_default=False)],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where data is: the old folder is moved aside, and named")
    ] = False,
    keep_journal: Annotated[
        bool,
        typer.Option(
            "--keep-journal",
            help="Bring back records and readings only, and let the folder's own journal bring them up to date",
        ),
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Also where batches are missing that boards no longer have")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would happen")] = False,
) -> None:
    """Make the data folder what it was when FILE was made. Nothing may run on it meanwhile.

    FILE is checked as a whole before anything is touched. What boards still hold they send again by themselves.
    """
    _Restore(settings, file, replace, keep_journal, accept_loss, dry_run).run()


class _Restore:
    def __init__(
        self,
        settings: Settings,
        file: Path,
        replace: bool,
        keep_journal: bool,
        accept_loss: bool,
        dry_run: bool,
    ) -> None:
        self._settings, self._file, self._data = settings, file, settings.data.absolute().resolve()
        self._replace, self._keep_journal = replace, keep_journal
        self._accept_loss, self._dry_run = accept_loss, dry_run
        self._into_server = settings.records != "sqlite"
        self._manifest: Manifest

    def run(self) -> None:
        self._manifest = archive.read(self._file)
        try:
            self._refuse_what_cannot_be()
            with self._owned(), staging(self._data) as folder:
                self._unpack(folder)
                print(f"{self._file}: made at {self._manifest.made_at}; {holds(self._manifest)}.")
                if without := self._without(folder):
                    print(f"{without} photos or documents that the records name are not in it.")
                self._bring_together(folder)
                for step in self._steps():
                    print(step)
                if self._dry_run:
                    print("Nothing was changed: this would happen without --dry-run.")
                    return
                if self._into_server:
                    self._load(folder)
                end_stale(Setup.folder(self._data) / "mosquitto.conf")  # which a killed process left
                aside = put_in_place(folder, self._data)
        except OSError as error:
            raise StoreError(
                f"{self._data} cannot be restored: {error.strerror or error}. It is as it was; is it a folder of its "
                "own, on a disk with room?"
            ) from error
        if aside is not None and is_empty(aside):
            shutil.rmtree(aside, ignore_errors=True)
            aside = None
        print(f"{self._data} is restored." + (f" The folder of before is {aside}." if aside else ""))
        if self._manifest.records != "sqlite" and not self._into_server:
            print("The records were in PostgreSQL and are a file now: start with --records sqlite.")
        for left in left_over(self._data):
            print(f"{left} is of a restore that ended half way: look at it, and remove it.")
        if has_broker(self._manifest):
            print("On another machine run `campus init`; boards look for it by its old name or address.")

    def _refuse_what_cannot_be(self) -> None:
        """Before anything is touched. Raises UsageError."""
        data, manifest = self._data, self._manifest
        if not (manifest.holds(RECORDS) and manifest.holds(JOURNAL)):
            raise UsageError(f"{self._file} lacks records or journal: take another backup.")
        if manifest.holds(TELEMETRY) and self._settings.telemetry != DUCKDB:
            raise UsageError(
                "The readings of this backup are a DuckDB file: restore with --telemetry duckdb."
            )
        if data.exists() and not data.is_dir():
            raise UsageError(f"{data} is no folder: name another with --data.")
        if data.is_mount():
            raise UsageError(f"{data} is where a disk is mounted: name a folder on it with --data.")
        empty = is_empty(data)
        if not empty and not self._replace:
            raise UsageError(
                f"{data} holds data already: add --replace to move it aside, or name another folder with --data."
            )
        if self._keep_journal and (empty or not (data / JOURNAL).exists()):
            raise UsageError(f"There is no journal in {data} to keep: leave --keep-journal out.")
        if self._into_server and occupied(self._settings.records) and not self._replace:
            raise UsageError("The records database holds records already: add --replace, or name another.")
        place = next(folder for folder in (data.parent, *data.parents) if folder.exists())
        needed = manifest.size + sum(one.size for one in manifest.files if one.name == archive.CONTENTS)
        if needed > (free := shutil.disk_usage(place).free):
            raise UsageError(
                f"The backup unpacks to {megabytes(needed)}, and {place} has {megabytes(free)} left: make room."
            )

    @contextmanager
    def _owned(self) -> Iterator[None]:
        """Nobody else runs on the folder meanwhile. Raises UsageError."""
        if not self._data.exists():
            yield
            return
        folder = DataFolder(self._data)
        folder.claim()
        try:
            yield
        finally:
            folder.release()

    def _unpack(self, folder: Path) -> None:
        archive.read(self._file, folder)
        try:
            examine(folder, self._manifest)
        except StoreError as error:
            raise StoreError(f"{self._file} is no good: {error} Nothing was changed.") from error
        contents.unpack(folder)
        self._remember_topics(folder)

    def _without(self, folder: Path) -> int:
        """How many contents the backup lacks; one of an earlier version has none at all."""
        return len(attached(folder)) if self._manifest.format == 1 else self._manifest.lacking

    def _remember_topics(self, folder: Path) -> None:
        """What was retained since the backup is known too, so that the next start clears what nobody wants any more."""
        later = listed(self._data / RETAINED)
        if later:
            topics = sorted(later | listed(folder / RETAINED))
            (folder / RETAINED).write_text(json.dumps(topics, indent=0), encoding="utf-8")

    def _bring_together(self, folder: Path) -> None:
        """The journal that fits the stores, or a sentence on why there is none. Raises UsageError."""
        journal = JournalCopy(folder / JOURNAL)
        if self._keep_journal:
            self._take_present(folder, journal)
        cursor = cursor_of(folder) if self._settings.telemetry == DUCKDB else self._on_the_server(journal)
        if missing := journal.missing(cursor):
            self._tell_missing(missing, cursor)
        print(
            f"The readings end at batch {cursor}; {journal.waiting(cursor)} batches of the journal go in at the start."
        )

    def _on_the_server(self, journal: JournalCopy) -> int:
        """The cursor of readings that are not in the backup. Where they went on after it, some of them may be late."""
        with closing(open_telemetry(self._settings.telemetry, self._data)) as telemetry:
            cursor = telemetry.cursor()
            if cursor > journal.check().newest:
                made_ms = int(datetime.fromisoformat(self._manifest.made_at).timestamp() * 1000)
                journal.doubt(telemetry, made_ms - DOUBT_MS, made_ms)
                print(f"The readings on the server end at batch {cursor}, after the backup: they stay.")
        return cursor

    def _tell_missing(self, missing: list[tuple[int, int]], cursor: int) -> None:
        count = sum(last - first + 1 for first, last in missing)
        ranges = ", ".join(
            f"{first} to {last}" if last > first else str(first) for first, last in missing[:5]
        )
        told = (
            f"{count} batches are in neither the readings, which end at {cursor}, nor the journal, and no board has "
            f"them any more: {ranges}{' ...' if len(missing) > 5 else ''}"
        )
        if not self._accept_loss:
            server = self._manifest.beside and self._settings.telemetry == DUCKDB
            advice = "Name the InfluxDB with --telemetry" if server else "Take a newer backup"
            raise UsageError(f"{told}. {advice}, or add --accept-loss.")
        print(f"{told}.")

    def _take_present(self, folder: Path, journal: JournalCopy) -> None:
        """The folder's own journal and all that is no store, under the records and readings of the backup."""
        then = folder / f"{JOURNAL}.then"
        journal.path.rename(then)
        JournalCopy.of(self._data / JOURNAL, journal.path)
        if JournalCopy(then).check().identity != journal.check().identity:
            raise UsageError(f"The journal in {self._data} is of another system: leave --keep-journal out.")
        journal.take_late(JournalCopy(then))
        then.unlink()
        for path in (*folder.glob("broker"), *(folder / name for name in archive.SINGLE)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        copy_rest(self._data, folder)

    def _load(self, folder: Path) -> None:
        """The records into their server; what it held is kept in the folder that is moved aside."""
        url = self._settings.records
        if occupied(url):
            before = self._data / BEFORE
            before.mkdir(parents=True, mode=0o700)
            with open_records(url, self._data) as records:
                records.snapshot(before)
        load(folder, url, replace=self._replace)
        (folder / RECORDS).unlink()

    def _steps(self) -> Iterator[str]:
        """What will happen, in sentences."""
        if not is_empty(self._data):
            yield f"The folder that is there is moved aside, to {self._data}.before-restore-TIME."
        yield f"{self._data} becomes what is in the backup{', but for the journal' if self._keep_journal else ''}."
        if self._into_server:
            yield "The records database is filled with the records, in place of what it holds."
