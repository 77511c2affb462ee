"""Sessions of people's browsers. Of a session's token only the SHA-256 is kept."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campus.errors import NotFound
from campus.records.accounts import person_of
from campus.records.base import LABEL
from campus.records.entities import Person, SignedIn
from campus.records.instants import from_ms, to_ms
from campus.records.passwords import digest, new_token
from campus.records.people_tables import PersonTable, SignInTable

ID_SIGNS = 16
"""Of the token's hash: enough to name a session, and worth nothing to a thief."""


def create(
    session: Session, person: Person, hours: float, now: datetime, address: str | None, agent: str | None
) -> str:
    session.execute(delete(SignInTable).where(SignInTable.expires_at_ms <= to_ms(now)))
    token = new_token()
    session.add(
        SignInTable(
            token_hash=digest(token),
            person=person.id,
            created_at_ms=to_ms(now),
            expires_at_ms=to_ms(now + timedelta(hours=hours)),
            address=_cut(address, 64),
            agent=_cut(agent, LABEL.length or 0),
        )
    )
    return token


def holder(session: Session, token: str, now: datetime) -> Person | None:
    query = (
        select(PersonTable)
        .join(SignInTable, SignInTable.person == PersonTable.id)
        .where(SignInTable.token_hash == digest(token), SignInTable.expires_at_ms > to_ms(now))
    )
    row = session.scalars(query).first()
    return None if row is None else person_of(session, row)


def of_person(session: Session, person: Person, now: datetime, token: str | None) -> list[SignedIn]:
    """The newest first; `token` says which one is asking."""
    own = digest(token) if token else None
    query = (
        select(SignInTable)
        .where(SignInTable.person == person.id, SignInTable.expires_at_ms > to_ms(now))
        .order_by(SignInTable.created_at_ms.desc(), SignInTable.token_hash)
    )
    return [
        SignedIn(
            row.token_hash[:ID_SIGNS],
            from_ms(row.created_at_ms),
            from_ms(row.expires_at_ms),
            row.address,
            row.agent,
            row.token_hash == own,
        )
        for row in session.scalars(query)
    ]


def end(session: Session, token: str) -> None:
    session.execute(delete(SignInTable).where(SignInTable.token_hash == digest(token)))


def end_one(session: Session, person: Person, id: str) -> None:
    """Raises NotFound for a session that is not of this person."""
    rows = session.scalars(select(SignInTable).where(SignInTable.person == person.id))
    row = next((row for row in rows if row.token_hash[:ID_SIGNS] == id), None)
    if row is None:
        raise NotFound("You have no such session; list your sessions to see which there are.")
    session.delete(row)


def end_all(session: Session, person: Person) -> int:
    """How many there were."""
    hashes = session.scalars(select(SignInTable.token_hash).where(SignInTable.person == person.id)).all()
    session.execute(delete(SignInTable).where(SignInTable.person == person.id))
    return len(hashes)


def _cut(text: str | None, most: int) -> str | None:
    """What a browser tells may be anything."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:most]) if text else None
