"""The DuckDB file: opening it with its limits, and what went wrong as a sentence."""

import re
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import duckdb

from campus.errors import StoreError, UsageError
from campus.telemetry.duckdb_schema import prepare

LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "128MB",
    "threads": "2",
    # A day of a school is 0.6 MB: in DuckDB's 256 KiB blocks a third of the file would be air. Under
    # 64 KiB a bit-packed segment no longer fits a block, and DuckDB stores it uncompressed (9 B/reading).
    "default_block_size": "65536",
    # A school is often cut off: never look for an extension on the network.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Open or make the file and its tables. Raises StoreError: the folder, another owner, newer, damaged."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The data folder {path.parent} cannot be used ({error.strerror}); choose another with --data."
        ) from error
    try:
        connection = duckdb.connect(str(path), config=LIMITS)
    except duckdb.Error as error:
        raise _not_opened(path, error) from error
    try:
        prepare(connection, path)
    except duckdb.Error as error:
        connection.close()
        raise _not_opened(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _not_opened(path: Path, error: duckdb.Error) -> StoreError:
    text = str(error)
    if "Conflicting lock" in text or "Could not set lock" in text:
        owner = re.search(r"held in (.*?) \(PID (\d+)\)", text)
        by = f"process {owner[2]} ({Path(owner[1]).name})" if owner else "another process"
        return StoreError(
            f"The readings in {path} are held by {by}: read them through its API, or stop it first."
        )
    if "newer" in text.lower():
        return StoreError(f"{path} was made by a newer version of DuckDB; upgrade the program.")
    if "Permission denied" in text:
        return StoreError(
            f"{path} cannot be read and written by this user; change its rights, or choose --data."
        )
    if "No space left" in text:
        return StoreError(f"The disk of {path} is full; free some space.")
    return StoreError(
        f"{path} is damaged or no DuckDB file ({_first_line(error)}); restore it from a backup, or move it away."
    )


class DuckDBFile:
    """The open file: one connection that writes, a cursor for each concurrent reader, errors as StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mending = threading.Lock()
        self._idle: deque[duckdb.DuckDBPyConnection] = deque()
        self._connection = connect(path)
        self._closed = self._broken = False

    def ask(self, query: str) -> list[tuple]:
        """Rows of a query, on a reader's cursor."""
        with self.reading() as reader:
            return reader.execute(query).fetchall()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor no other thread uses, in a transaction: what it reads is of one moment, whatever is written.

        It is kept for the next reader unless this one failed.
        """
        with self.failing("Reading"):
            try:
                reader = self._idle.pop()
            except IndexError:
                reader = self._connection.cursor()
            try:
                reader.begin()
                yield reader
                reader.commit()
            except BaseException:
                reader.close()
                raise
            if self._closed:
                reader.close()
            else:
                self._idle.append(reader)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The writing connection: committed at the end, rolled back on any error. One thread at a time."""
        self._connection.begin()
        try:
            yield self._connection
            self._connection.commit()
        except BaseException:
            with suppress(duckdb.Error):
                self._connection.rollback()
            raise

    @contextmanager
    def failing(self, doing: str) -> Iterator[None]:
        """Raise DuckDB's errors as StoreError: "{doing} {path} failed: ..."."""
        if self._closed:
            raise StoreError(f"{self.path} was closed.")
        if self._broken:
            self._mend()
        try:
            yield
        except duckdb.Error as error:
            # After such an error, a full disk for one, DuckDB serves nothing until the file is opened anew.
            self._broken |= isinstance(error, duckdb.FatalException)
            raise StoreError(f"{doing} {self.path} failed: {_first_line(error)}") from error

    def _mend(self) -> None:
        with self._mending:
            if self._broken:
                while self._idle:
                    self._idle.pop().close()
                self._connection.close()
                self._connection = connect(self.path)
                self._broken = False

    def checkpoint(self) -> None:
        """Move the log into the file now; left for later while readers hold the old state."""
        with suppress(duckdb.TransactionException):
            self._connection.execute("CHECKPOINT")

    def copy(self, target: Path) -> None:
        """Make `target` a file of its own, of one moment. Raises UsageError where it cannot be written."""
        part = target.with_name(f".{target.name}.part")
        name = f"copy_{secrets.token_hex(8)}"
        try:
            for old in (part, part.with_name(part.name + ".wal")):
                old.unlink(missing_ok=True)
            part.touch()  # DuckDB's own refusal would name no cause
            part.unlink()
            with self.failing("Copying"), closing(self._connection.cursor()) as cursor:
                ((source,),) = cursor.execute("SELECT current_database()").fetchall()
                quoted = str(part).replace("'", "''")
                cursor.execute(f"ATTACH '{quoted}' AS {name} (BLOCK_SIZE {LIMITS['default_block_size']})")
                try:
                    cursor.execute(f'COPY FROM DATABASE "{source}" TO {name}')
                    cursor.execute(f"CHECKPOINT {name}")
                finally:
                    cursor.execute(f"DETACH {name}")
            part.replace(target)
        except OSError as error:
            raise UsageError(f"Cannot write {target}: {error.strerror}; choose another place.") from error
        finally:
            for old in (part, part.with_name(part.name + ".wal")):
                with suppress(OSError):
                    old.unlink(missing_ok=True)

    def size(self) -> int:
        """Bytes on the disk, the log included."""
        files = (self.path, self.path.with_name(self.path.name + ".wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        self._connection.close()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
