"""A backup as one file: a compressed tar, of which the first member tells what follows, with sizes and hashes.

Any tar can unpack it. It is read here without one: what is not exactly as `write` made it is refused.
"""

import gzip
import hashlib
import json
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, Protocol

from campus.errors import StoreError, UsageError

FORMAT = 2
"""1 had neither attachments nor retained.json."""

MANIFEST = "manifest.json"
RECORDS, TELEMETRY, JOURNAL = "records.sqlite", "telemetry.duckdb", "journal.sqlite"
STORES = (RECORDS, TELEMETRY, JOURNAL)
CONTENTS = "attachments.tar"
RETAINED = "retained.json"
SINGLE = ("broker.secret", "campus.env", "demo.json", RETAINED)
NAME = re.compile(r"broker(/[A-Za-z0-9_][A-Za-z0-9._-]{0,59}){1,2}")
PIECE = 256 * 1024
LEVEL = 6
MAX_MANIFEST = 1024 * 1024
MAX_FILES = 1000
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class File(NamedTuple):
    """One file of a data folder; `name` is relative to it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive holds. `made_at` is UTC in ISO 8601.

    `records` and `telemetry`: the engines they were in. Records are a SQLite file whatever it was; readings that a
    server keeps are not in the archive, as `beside` says. `cursor`: the last batch of the readings. `waiting`: how many
    batches of the journal come after it. `lacking`: photos and documents that were not whole on the server any more.
    """

    program: str
    made_at: str
    records: str
    telemetry: str
    cursor: int
    waiting: int
    beside: str | None
    files: tuple[File, ...]
    lacking: int = 0
    format: int = FORMAT

    def encode(self) -> bytes:
        told = asdict(self) | {"files": [file._asdict() for file in self.files]}
        return json.dumps(told, indent=1).encode()

    @classmethod
    def decode(cls, text: bytes) -> "Manifest":
        """Raises ValueError, TypeError or KeyError; UsageError for a newer format."""
        told = json.loads(text)
        if type(told["format"]) is int and told["format"] > FORMAT:
            raise UsageError("The backup was made by a newer version of Campus Monitor: upgrade this one.")
        files = tuple(_file(**one) for one in told["files"])
        names = [file.name for file in files]
        if len(set(names)) != len(names) or len(names) > MAX_FILES or told["format"] not in (1, FORMAT):
            raise ValueError(names)
        datetime.fromisoformat(told["made_at"])
        return cls(
            program=str(told["program"]),
            made_at=told["made_at"],
            records=str(told["records"]),
            telemetry=str(told["telemetry"]),
            cursor=int(told["cursor"]),
            waiting=int(told["waiting"]),
            beside=told["beside"] and str(told["beside"]),
            files=files,
            lacking=int(told.get("lacking", 0)),
            format=told["format"],
        )

    def holds(self, name: str) -> bool:
        return any(file.name == name for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of the files unpacked."""
        return sum(file.size for file in self.files)


def _file(name: str, size: int, sha256: str) -> File:
    if name not in (*STORES, CONTENTS, *SINGLE) and not NAME.fullmatch(name):
        raise ValueError(name)
    if type(size) is not int or size < 0 or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(name)
    return File(name, size, sha256)


def stream_size(manifest: Manifest) -> int:
    """How many bytes `stream` gives."""
    sizes = [len(manifest.encode()), *(file.size for file in manifest.files)]
    return sum(_BLOCK + size + -size % _BLOCK for size in sizes) + len(_END)


def stream(manifest: Manifest, files: Iterable[Readable]) -> Iterator[bytes]:
    """The archive before it is compressed; `files` in the order of the manifest, each from its beginning."""
    told = manifest.encode()
    yield _header(MANIFEST, len(told)) + told + bytes(-len(told) % _BLOCK)
    for (name, size, _), file in zip(manifest.files, files, strict=True):
        yield _header(name, size)
        left = size
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise StoreError(f"The copy of {name} became shorter while it was read.")
            left -= len(piece)
            yield piece
        yield bytes(-size % _BLOCK)
    yield _END


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)  # sizes of any length


def write(file: Path, pieces: Iterable[bytes]) -> tuple[int, Manifest]:
    """Compress `pieces` into `file`, readable by its owner only, which is there when it is whole and was read again.

    Returns its size, and what it holds. Raises UsageError where it cannot be written.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb"
        ) as out:
            os.fchmod(out.fileno(), 0o600)
            with gzip.GzipFile("", "wb", LEVEL, out, 0) as packed:
                for piece in pieces:
                    packed.write(piece)
            out.flush()
            os.fsync(out.fileno())
        manifest = read(part)
        size = part.stat().st_size
        part.replace(file)
        sync(file.parent)
        return size, manifest
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror or error}. No backup was made.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def read(file: Path, into: Path | None = None, told: Callable[[int], Any] = lambda size: None) -> Manifest:
    """Check sizes and hashes of everything; with `into`, an empty folder, unpack it there.

    `told` hears how many bytes are done. Raises UsageError: no backup, damaged, cut short, of a newer format, or with
    anything in it that `write` would not have put there.
    """
    manifest = None
    try:
        with gzip.open(file) as plain:
            size = _member(plain, MANIFEST)
            if size > MAX_MANIFEST:
                raise ValueError(size)
            manifest = Manifest.decode(_exactly(plain, size + -size % _BLOCK)[:size])
            done = 0
            for entry in manifest.files:
                if _member(plain, entry.name) != entry.size:
                    raise ValueError(entry)
                _take(plain, entry, into)
                done += entry.size
                told(done)
            # Other programs fill up with more; to read on to the end is what checks the whole.
            if len(rest := plain.read(PIECE)) < len(_END) or rest.strip(b"\0") or plain.read(1):
                raise ValueError("end")
    except (
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        tarfile.HeaderError,
        ValueError,
        TypeError,
        KeyError,
    ) as error:
        if manifest is None and not isinstance(error, EOFError):
            raise UsageError(f"{file} is no backup of Campus Monitor.") from error
        raise UsageError(f"{file} is damaged or cut short: take another backup.") from error
    except OSError as error:
        what = f"write {into}" if into is not None and error.filename != str(file) else f"read {file}"
        raise UsageError(f"Cannot {what}: {error.strerror or error}.") from error
    return manifest


def _member(plain: Readable, name: str) -> int:
    """The size of the member that comes next, a plain file of this name. Raises ValueError."""
    info = tarfile.TarInfo.frombuf(_exactly(plain, _BLOCK), "ascii", "strict")
    if info.name != name or info.type != tarfile.REGTYPE:
        raise ValueError(info.name)
    return info.size


def _take(plain: Readable, entry: File, into: Path | None) -> None:
    hashed, left = hashlib.sha256(), entry.size
    with Unpacked(into / entry.name if into else None) as out:
        while left:
            piece = _exactly(plain, min(PIECE, left))
            left -= len(piece)
            hashed.update(piece)
            out.write(piece)
    if hashed.hexdigest() != entry.sha256:
        raise ValueError(entry.name)
    _exactly(plain, -entry.size % _BLOCK)


class Unpacked:
    """A new file with mode 0600, durable at the end; None: nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._out: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._out = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, piece: bytes) -> None:
        if self._out is not None:
            self._out.write(piece)

    def __enter__(self) -> "Unpacked":
        return self

    def __exit__(self, *_: object) -> None:
        if self._out is not None:
            with self._out as out:
                out.flush()
                os.fsync(out.fileno())


def _exactly(plain: Readable, size: int) -> bytes:
    held = plain.read(size)
    if len(held) < size:
        raise EOFError
    return held


def sync(folder: Path) -> None:
    """What was renamed in a folder is so after a power cut too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def hash_of(file: BinaryIO) -> str:
    """SHA-256 in hex; the file is at its beginning afterwards."""
    found = hashlib.sha256()
    while piece := file.read(PIECE):
        found.update(piece)
    file.seek(0)
    return found.hexdigest()
