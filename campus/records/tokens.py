"""Personal API tokens: part of what their person may, for a time. Only the SHA-256 is kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.records import audit
from campus.records.accounts import person_of
from campus.records.base import LABEL
from campus.records.entities import AccessToken, Limits, Person
from campus.records.instants import from_ms, to_ms
from campus.records.passwords import digest, new_token
from campus.records.people_tables import AccessTokenTable, PersonTable
from campus.records.places import site as known_site

DAYS, MOST_DAYS = 365, 730
USED_EVERY_MS = 3_600_000
"""`last used` is written this often at most: a write at each request would be the dearest part of it."""


def create(
    session: Session, person: Person, label: str, now: datetime, limits: Limits, days: int = DAYS
) -> str:
    label = label.strip()
    if not label or len(label) > (LABEL.length or 0) or not label.isprintable():
        raise UsageError(f"A token's label has 1 to {LABEL.length} printable characters; say what uses it.")
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(f"days: a token is valid for 1 to {MOST_DAYS} days; make a new one before it ends.")
    if limits.site is not None:
        known_site(session, limits.site)
    token = new_token()
    row = AccessTokenTable(
        token_hash=digest(token),
        person=person.id,
        label=label,
        created_at_ms=to_ms(now),
        expires_at_ms=to_ms(now + timedelta(days=days)),
        rights=None if limits.rights is None else sorted(limits.rights),
        reads_only=limits.reads_only,
        site=limits.site,
    )
    session.add(row)
    session.flush()
    audit.note(session, to_ms(now), "token.made", "token", str(row.id), None, _told(row, person), limits.site)
    return token


def holder(session: Session, token: str, now: datetime) -> tuple[Person | None, int | None]:
    """The person with the token's limits; and the number of the token where its use should be noted."""
    query = (
        select(AccessTokenTable, PersonTable)
        .join(PersonTable, AccessTokenTable.person == PersonTable.id)
        .where(AccessTokenTable.token_hash == digest(token), AccessTokenTable.expires_at_ms > to_ms(now))
    )
    found = session.execute(query).first()
    if found is None:
        return None, None
    row, owner = found
    person = person_of(session, owner)
    is_due = row.last_used_ms is None or to_ms(now) - row.last_used_ms >= USED_EVERY_MS
    person = Person(person.id, person.name, person.grants, person.language, person.identity, _limits(row))
    return person, row.id if is_due else None


def used(session: Session, id: int, now: datetime) -> None:
    session.execute(update(AccessTokenTable).where(AccessTokenTable.id == id).values(last_used_ms=to_ms(now)))


def of_person(session: Session, person: Person) -> list[AccessToken]:
    """Also those that are over, until they are revoked."""
    query = select(AccessTokenTable).where(AccessTokenTable.person == person.id).order_by(AccessTokenTable.id)
    return [
        AccessToken(
            row.id,
            row.person,
            row.label,
            from_ms(row.created_at_ms),
            from_ms(row.expires_at_ms),
            None if row.last_used_ms is None else from_ms(row.last_used_ms),
            _limits(row),
        )
        for row in session.scalars(query)
    ]


def revoke(session: Session, id: int, person: Person | None, now: datetime) -> None:
    row = session.get(AccessTokenTable, id) if 0 < id < 2**31 else None
    if row is None or (person is not None and row.person != person.id):
        raise NotFound(f"There is no token {id}; list the tokens to see which exist.")
    owner = session.get_one(PersonTable, row.person)
    session.delete(row)
    before = _told(row, person_of(session, owner))
    audit.note(session, to_ms(now), "token.revoked", "token", str(id), before, None, row.site)


def _limits(row: AccessTokenTable) -> Limits:
    rights: Sequence[str] | None = row.rights
    return Limits(None if rights is None else frozenset(rights), row.reads_only, row.site)


def _told(row: AccessTokenTable, person: Person) -> dict[str, object]:
    return {
        "person": person.name,
        "label": row.label,
        "rights": row.rights,
        "reads_only": row.reads_only,
        "site": row.site,
        "expires_at_ms": row.expires_at_ms,
    }
