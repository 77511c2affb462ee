"""Photos and documents of equipment: rows in the records, contents in the data folder under their SHA-256.

What a file is, its first bytes say, never its name; it is handed out for download only.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from campus.errors import NotFound, StoreError, UsageError
from campus.records import places, register
from campus.records.instants import from_ms, to_ms
from campus.records.isolation import everywhere
from campus.records.register_tables import AttachmentTable

FOLDER = "attachments"
MOST_BYTES = 10_000_000
MOST_FILES = 50  # of one piece
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"%PDF-", "application/pdf"),
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """`media` is one of image/jpeg, image/png, application/pdf; `size` in bytes."""

    number: int
    site: str
    equipment: str
    name: str
    media: str
    size: int
    sha256: str
    added_at: datetime
    added_by: str


def media_of(content: bytes) -> str:
    """Raises UsageError for what is empty, too large, or neither JPEG, PNG nor PDF."""
    if not content:
        raise UsageError("The file is empty.")
    if len(content) > MOST_BYTES:
        raise UsageError(f"The file has {len(content)} bytes; at most {MOST_BYTES} are kept.")
    for magic, media in _MAGIC:
        if content.startswith(magic):
            return media
    raise UsageError("The file is neither a JPEG or PNG image nor a PDF document; save it as one of these.")


def keep(folder: Path, content: bytes) -> str:
    """Write a content whole, or not at all; the same again is kept once. Returns its SHA-256. Raises StoreError."""
    digest = hashlib.sha256(content).hexdigest()
    file = _file(folder, digest)
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = file.with_name(f".{digest}.{os.getpid()}.part")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            part.replace(file)
    except OSError as error:
        raise StoreError(f"The file cannot be kept in {folder}: {error.strerror}.") from error
    return digest


def content(folder: Path, digest: str) -> bytes:
    """Raises StoreError where it is not there, or is not what was kept."""
    try:
        found = _file(folder, digest).read_bytes()
    except OSError as error:
        raise StoreError(f"The file {digest[:12]} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(found).hexdigest() != digest:
        raise StoreError(f"The file {digest[:12]} is damaged: it is not what was kept.")
    return found


def add(
    session: Session,
    site: str,
    equipment: str,
    name: str,
    media: str,
    size: int,
    digest: str,
    by: str,
    now: datetime,
) -> Attachment:
    register.lock(session, site)
    register.one(session, site, equipment, register.local_date(session, site, now))
    table = AttachmentTable
    held = select(func.count()).where(table.site == site, table.equipment == equipment)
    if (session.scalar(held) or 0) >= MOST_FILES:
        raise UsageError(f"'{equipment}' has {MOST_FILES} files already; remove one first.")
    shown = "".join(one for one in name.replace("\\", "/").rpartition("/")[2].strip() if one.isprintable())
    values = {
        "site": site,
        "equipment": equipment,
        "name": shown[-120:] or "file",
        "media": media,
        "size": size,
        "sha256": digest,
        "added_ms": to_ms(now),
        "added_by": by[:120],
    }
    number = session.connection().execute(insert(table).values(values)).inserted_primary_key
    return one(session, site, number[0] if number else 0)


def one(session: Session, site: str, number: int) -> Attachment:
    """Raises NotFound."""
    return _attachment(_row(session, site, number))


def listed(session: Session, site: str, equipment: str) -> list[Attachment]:
    """The oldest first."""
    table = AttachmentTable
    query = select(table).where(table.site == site, table.equipment == equipment).order_by(table.number)
    return [_attachment(row) for row in session.scalars(query)]


def remove(session: Session, site: str, number: int) -> str | None:
    """Take a row away; returns the SHA-256 of a content that no row has any more."""
    row = _row(session, site, number)
    digest = row.sha256
    session.delete(row)
    session.flush()
    with everywhere(session):  # another school may have the same manual
        left = session.scalar(select(func.count()).where(AttachmentTable.sha256 == digest))
    return None if left else digest


def forget(folder: Path, digest: str) -> None:
    _file(folder, digest).unlink(missing_ok=True)


def _file(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest


def _row(session: Session, site: str, number: int) -> AttachmentTable:
    row = session.get(AttachmentTable, number) if 0 < number < 2**31 else None
    if row is None or row.site != site:
        places.site(session, site)
        raise NotFound(f"There is no file {number} in site '{site}'.")
    return row


def _attachment(row: AttachmentTable) -> Attachment:
    return Attachment(
        row.number,
        row.site,
        row.equipment,
        row.name,
        row.media,
        row.size,
        row.sha256,
        from_ms(row.added_ms),
        row.added_by,
    )
