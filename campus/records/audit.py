"""The audit log: who did what, from where, with what was there before and after. Rows are only ever added.

Each row holds the SHA-256 of itself together with the hash of the row before it, so that one who changes the
database by other means has to change every later row too; a head noted elsewhere finds even that.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from campus.acting import actor
from campus.records.entities import AuditHead, AuditRow, Verdict
from campus.records.instants import from_ms
from campus.records.isolation import everywhere
from campus.records.paging import Page, paged
from campus.records.people_tables import AuditTable

FIRST = "0" * 64
"""What the first row follows."""

CHUNK = 1000
_LOCK = 0x61756474  # "audt": one writer of the log at a time on PostgreSQL; SQLite has one writer anyway


def note(
    session: Session,
    at_ms: int,
    what: str,
    kind: str,
    id: str,
    before: Any = None,
    after: Any = None,
    site: str | None = None,
) -> None:
    """Add a row in the transaction of the change that it tells; call it last: others who note wait from here on.

    `what` like "person.added"; `before` and `after` are what JSON can hold, and never a secret.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    by = actor()
    with everywhere(session):  # the row before may be of any site, and this one of none
        last = _head(session)
        row = AuditTable(
            number=last.number + 1,
            at_ms=at_ms,
            who=_plain(by.who, 64),
            from_where=_plain(by.where, 64),
            what=what,
            kind=kind,
            site=site,
            id=_plain(id, 120),
            before=canonical(before),
            after=canonical(after),
            previous_hash=last.hash,
        )
        row.hash = hash_of(row)
        session.add(row)
        session.flush()


def canonical(value: Any) -> str:
    """JSON with sorted names and no spaces: one text for one value."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)


def hash_of(row: AuditTable) -> str:
    """SHA-256, in hex, over all columns but itself, in this order, as a canonical JSON array."""
    columns = [
        row.number, row.at_ms, row.who, row.from_where, row.what, row.kind, row.site, row.id,
        row.before, row.after, row.previous_hash,
    ]  # fmt: skip
    return hashlib.sha256(canonical(columns).encode()).hexdigest()


def head(session: Session) -> AuditHead:
    """The last row's number and hash; of an empty log 0 and FIRST."""
    return _head(session)


def verify(session: Session, noted: str | None = None) -> Verdict:
    """Walk the whole chain. `noted`: the hash of a head that was noted elsewhere; it must be in the chain."""
    last = AuditHead(0, FIRST)
    found = noted in (None, FIRST)
    query = select(AuditTable).order_by(AuditTable.number).execution_options(yield_per=CHUNK)
    for row in session.scalars(query):
        wrong = _wrong(row, last)
        if wrong:
            return Verdict(last.number, wrong[0], wrong[1])
        last = AuditHead(row.number, row.hash)
        found = found or row.hash == noted
        session.expunge(row)
    if not found:
        told = (
            f"the log ends at row {last.number}, and the noted head is none of its rows: "
            "rows were cut off or rewritten"
        )
        return Verdict(last.number, last.number + 1, told)
    return Verdict(last.number, None, None)


def read(
    session: Session,
    before: int | None,
    limit: int,
    sites: Collection[str] | None = None,
    who: str | None = None,
    what: str | None = None,
    page: Page | None = None,
) -> list[AuditRow]:
    """The newest first, below number `before`, or a page; `sites` None: also what concerns no single site."""
    query = select(AuditTable).order_by(AuditTable.number.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditTable.number < before)
    if sites is not None:
        query = query.where(AuditTable.site.in_(sites))
    if who is not None:
        query = query.where(AuditTable.who == who)
    if what is not None:
        query = query.where(AuditTable.what == what)
    if page is not None:
        query = paged(query, page, AuditTable, ("number",), {"at": "at_ms"})
    return [_row(row) for row in session.scalars(query)]


@contextmanager
def replaceable(connection: Connection) -> Iterator[None]:
    """While records are put in place of others, their log is too. PostgreSQL only."""
    connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
    yield
    connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))


def _head(session: Session) -> AuditHead:
    query = select(AuditTable.number, AuditTable.hash).order_by(AuditTable.number.desc()).limit(1)
    found = session.execute(query).first()
    return AuditHead(0, FIRST) if found is None else AuditHead(found.number, found.hash)


def _wrong(row: AuditTable, last: AuditHead) -> tuple[int, str] | None:
    """(number of the first row that is wrong, why)."""
    expected = last.number + 1
    if row.number != expected:
        return expected, f"row {expected} is missing: it was deleted or moved"
    if row.hash != hash_of(row):
        return row.number, f"row {row.number} was changed after it was written, or exchanged with another"
    if row.previous_hash != last.hash:
        return row.number, f"row {row.number} does not follow row {last.number}: one of them was rewritten"
    return None


def _row(row: AuditTable) -> AuditRow:
    return AuditRow(
        row.number,
        from_ms(row.at_ms),
        row.who,
        row.from_where,
        row.what,
        row.kind,
        row.site,
        row.id,
        json.loads(row.before),
        json.loads(row.after),
        row.hash,
    )


def _plain(text: str, most: int) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text[:most])
