"""Requests that are made once: a person's key claims a row before the work, which then keeps the answer for a day."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from campus.records.people_tables import RequestKeyTable
from campus.records.upsert import insert_or_keep

KEPT_MS = 24 * 3_600_000
MOST_KEYS = 1000
"""Of a person; of more, the oldest goes, and what is still running last."""

WHOLE, SECRET, LARGE = "whole", "secret", "large"
"""What of an answer is kept: all of it; nothing but that there was one, because of what it held."""


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """A request that claimed its key before. `kept` None: no answer was kept; `holder` may still be at work."""

    fingerprint: str
    holder: str
    claimed_at_ms: int
    kept: str | None
    status: int
    headers: Mapping[str, str]
    body: str


def claim(
    session: Session, person: int, key: str, fingerprint: str, holder: str, now_ms: int
) -> KeptRequest | None:
    """Claim a key; None: it is `holder`'s now. Otherwise the request that has it."""
    table = RequestKeyTable
    session.execute(delete(table).where(table.claimed_at_ms <= now_ms - KEPT_MS))
    row = {
        "person": person,
        "key": key,
        "fingerprint": fingerprint,
        "holder": holder,
        "claimed_at_ms": now_ms,
        "kept": None,
        "status": 0,
        "headers": {},
        "body": "",
    }
    insert_or_keep(session, table, row)
    found = session.scalars(select(table).where(table.person == person, table.key == key)).one()
    if found.holder != holder:
        return KeptRequest(
            found.fingerprint,
            found.holder,
            found.claimed_at_ms,
            found.kept,
            found.status,
            found.headers,
            found.body,
        )
    _make_room(session, person, key)
    return None


def keep(
    session: Session,
    person: int,
    key: str,
    holder: str,
    kept: str,
    status: int,
    headers: Mapping[str, str],
    body: str,
) -> None:
    """Keep the answer to the request that `holder` claimed the key for."""
    values = {"kept": kept, "status": status, "headers": dict(headers), "body": body}
    session.execute(update(RequestKeyTable).where(*_own(person, key, holder)).values(values))


def release(session: Session, person: int, key: str, holder: str) -> None:
    """Nothing was done: the key is free again."""
    session.execute(delete(RequestKeyTable).where(*_own(person, key, holder)))


def _own(person: int, key: str, holder: str) -> tuple[ColumnElement[bool], ...]:
    table = RequestKeyTable
    return table.person == person, table.key == key, table.holder == holder


def _make_room(session: Session, person: int, but: str) -> None:
    table = RequestKeyTable
    count = session.scalar(select(func.count()).where(table.person == person)) or 0
    if count <= MOST_KEYS:
        return
    oldest = (
        select(table.key)
        .where(table.person == person, table.key != but)
        .order_by(table.kept.is_(None), table.claimed_at_ms, table.key)
        .limit(count - MOST_KEYS)
    )
    gone = list(session.scalars(oldest))
    session.execute(delete(table).where(table.person == person, table.key.in_(gone)))
