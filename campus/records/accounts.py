"""People who may sign in, and their grants: a role at one site, or at every site of this server."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.records import audit
from campus.records.base import ID
from campus.records.entities import ADMINISTRATOR, LANGUAGES, ROLES, Grant, Person
from campus.records.passwords import hash_password, new_password, unmatched
from campus.records.people_tables import (
    AccessTokenTable,
    GrantTable,
    PersonTable,
    RequestKeyTable,
    SignInTable,
)
from campus.records.places import shown
from campus.records.places import site as known_site

ADMIN = "admin"
MOST_GRANTS, MOST_IDENTITY = 100, 255
NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
Guard = Callable[[Person], None]
"""Called within the transaction with the person as stored; raises to refuse the change."""


def credentials(session: Session, name: str) -> tuple[Person | None, str]:
    """The person and the stored hash; None and a hash that nothing matches for an unknown name."""
    row = _by_name(session, name)
    return (None, unmatched()) if row is None else (person_of(session, row), row.password_hash)


def renew(session: Session, person: Person, stored: str, renewed: str) -> None:
    """Replace the hash, unless the password was changed meanwhile."""
    session.execute(
        update(PersonTable)
        .where(PersonTable.id == person.id, PersonTable.password_hash == stored)
        .values(password_hash=renewed)
    )


def ensure_admin(session: Session, now_ms: int) -> str | None:
    if _by_name(session, ADMIN) is not None or _administrators(session):
        return None
    password = new_password()
    _insert(session, ADMIN, [Grant(ADMINISTRATOR)], "vi", None, hash_password(password), now_ms)
    return password


def people(session: Session) -> list[Person]:
    """By name."""
    granted: dict[int, list[Grant]] = {}
    for row in session.scalars(select(GrantTable).order_by(GrantTable.id)):
        granted.setdefault(row.person, []).append(Grant(row.role, row.site))
    rows = session.scalars(select(PersonTable).order_by(PersonTable.name))
    return [
        Person(row.id, row.name, tuple(granted.get(row.id, ())), row.language, row.identity) for row in rows
    ]


def person(session: Session, name: str) -> Person:
    return person_of(session, _existing(session, name))


def by_identity(session: Session, identities: Sequence[str]) -> Person | None:
    """The person with one of these identities; None also where they are of several people."""
    wanted = {one for text in identities if _is_identity(one := _canonical(text))}
    rows = session.scalars(select(PersonTable).where(PersonTable.identity.in_(wanted))).all()
    return person_of(session, rows[0]) if len(rows) == 1 else None


def person_of(session: Session, row: PersonTable) -> Person:
    query = select(GrantTable).where(GrantTable.person == row.id).order_by(GrantTable.id)
    grants = tuple(Grant(one.role, one.site) for one in session.scalars(query))
    return Person(row.id, row.name, grants, row.language, row.identity)


def add(
    session: Session,
    name: str,
    grants: Sequence[Grant],
    language: str,
    identity: str | None,
    hashed: str,
    now_ms: int,
) -> Person:
    if not NAME.fullmatch(name):
        raise UsageError(
            "name: a name to sign in with has 1 to 64 signs, a-z, 0-9 and . _ @ + -, and begins with a letter or digit."
        )
    if _by_name(session, name) is not None:
        raise UsageError(f"name: '{name}' is taken; choose another name.")
    return _insert(session, name, grants, language, identity, hashed, now_ms)


def change(
    session: Session,
    name: str,
    grants: Sequence[Grant] | None,
    language: str | None,
    identity: str | None,
    guard: Guard | None,
    now_ms: int,
) -> Person:
    """None leaves a field; an empty `identity` takes it away."""
    row = _existing(session, name)
    before = person_of(session, row)
    if guard:
        guard(before)
    if language is not None:
        row.language = _language(language)
    if identity is not None:
        row.identity = _identity(session, identity, row.id)
    if grants is not None:
        session.execute(delete(GrantTable).where(GrantTable.person == row.id))
        _grant(session, row.id, grants)
        _keep_an_administrator(session, before)
    after = person_of(session, row)
    if after != before:
        audit.note(session, now_ms, "person.changed", "person", name, told(before), told(after), _site(after))
    return after


def remove(session: Session, name: str, guard: Guard | None, now_ms: int) -> None:
    row = _existing(session, name)
    before = person_of(session, row)
    if guard:
        guard(before)
    for table in (SignInTable, AccessTokenTable, GrantTable, RequestKeyTable):
        session.execute(delete(table).where(table.person == row.id))
    session.delete(row)
    session.flush()
    _keep_an_administrator(session, before)
    audit.note(session, now_ms, "person.removed", "person", name, told(before), None, _site(before))


def set_password(session: Session, name: str, hashed: str, guard: Guard | None, now_ms: int) -> None:
    """Every session ends and every token is revoked: after a suspicion this one act is enough."""
    row = _existing(session, name)
    found = person_of(session, row)
    if guard:
        guard(found)
    row.password_hash = hashed
    for table in (SignInTable, AccessTokenTable):
        session.execute(delete(table).where(table.person == row.id))
    audit.note(session, now_ms, "person.password", "person", name, None, None, _site(found))


def told(person: Person) -> dict[str, Any]:
    """What the audit log tells of a person."""
    return {
        "grants": [{"role": one.role, "site": one.site} for one in person.grants],
        "language": person.language,
        "identity": person.identity,
    }


def _insert(
    session: Session,
    name: str,
    grants: Sequence[Grant],
    language: str,
    identity: str | None,
    hashed: str,
    now_ms: int,
) -> Person:
    row = PersonTable(
        name=name,
        language=_language(language),
        identity=_identity(session, identity or "", None),
        password_hash=hashed,
    )
    session.add(row)
    session.flush()
    _grant(session, row.id, grants)
    made = person_of(session, row)
    audit.note(session, now_ms, "person.added", "person", name, None, told(made), _site(made))
    return made


def _grant(session: Session, person: int, grants: Sequence[Grant]) -> None:
    if not 1 <= len(grants) <= MOST_GRANTS or len(set(grants)) != len(grants):
        raise UsageError(
            f"grants: give 1 to {MOST_GRANTS} of them, each once; to take an account away, remove the person."
        )
    for grant in grants:
        if grant.role not in ROLES:
            raise UsageError(f"role: '{shown(grant.role)}' is no role; use one of {', '.join(ROLES)}.")
        if grant.site is not None:
            known_site(session, grant.site)
        session.add(GrantTable(person=person, role=grant.role, site=grant.site))
        session.flush()  # in this order, so that they are read in it


def _administrators(session: Session) -> int:
    """Of the whole server."""
    query = select(func.count()).where(GrantTable.role == ADMINISTRATOR, GrantTable.site.is_(None))
    return session.scalar(query) or 0


def _keep_an_administrator(session: Session, before: Person) -> None:
    if Grant(ADMINISTRATOR) in before.grants and not _administrators(session):
        raise UsageError(
            "Nobody would be left who administers the whole server: "
            "first make someone else an administrator of all sites."
        )


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise UsageError(f"language: '{shown(language)}' is not known; use one of {', '.join(LANGUAGES)}.")
    return language


def _identity(session: Session, identity: str, own: int | None) -> str | None:
    identity = _canonical(identity)
    if not identity:
        return None
    if not _is_identity(identity):
        raise UsageError(
            f"identity: the e-mail or subject at the sign-in service has at most {MOST_IDENTITY} printable signs."
        )
    query = select(PersonTable.id).where(PersonTable.identity == identity)
    if any(id != own for id in session.scalars(query)):
        raise UsageError("identity: another person has it already; each person has their own.")
    return identity


def _is_identity(text: str) -> bool:
    """Other text a database may refuse instead of finding nothing."""
    return 0 < len(text) <= MOST_IDENTITY and text.isprintable()


def _canonical(identity: str) -> str:
    """E-mail addresses do not differ by case, subjects do."""
    identity = identity.strip()
    return identity.lower() if "@" in identity else identity


def _site(person: Person) -> str | None:
    """The one site a person belongs to; None where it is not one."""
    sites = {one.site for one in person.grants}
    return sites.pop() if len(sites) == 1 else None


def _existing(session: Session, name: str) -> PersonTable:
    row = _by_name(session, name)
    if row is None:
        raise NotFound("There is no person of this name; check its spelling.")
    return row


def _by_name(session: Session, name: str) -> PersonTable | None:
    if not name.isprintable() or len(name) > (ID.length or 0):
        return None  # a database may refuse such text instead of finding nothing
    return session.scalars(select(PersonTable).where(PersonTable.name == name)).first()
