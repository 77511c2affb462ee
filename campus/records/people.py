"""Who may sign in. Passwords are kept as Argon2 hashes; of tokens only the SHA-256 is kept."""

import hashlib
import secrets
from base64 import b64encode
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.records.base import ID, LABEL
from campus.records.entities import ADMINISTRATOR, AccessToken, Person
from campus.records.instants import from_ms, to_ms
from campus.records.tables import AccessTokenTable, PersonTable, SignInTable

ADMIN = "admin"
LEAST_PASSWORD, MOST_PASSWORD = 10, 1024
# OWASP's parameters for Argon2id: 19 MiB, so that a few sign-ins at once fit on a mini PC.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """The Argon2id hash. Raises UsageError for a password too short or too long."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise UsageError(
            f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters; choose another one."
        )
    return _HASHER.hash(_bytes(password))


def matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, _bytes(password[:MOST_PASSWORD]))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def credentials(session: Session, name: str) -> tuple[Person | None, str]:
    """The person and the stored hash; None and a hash that nothing matches for an unknown name."""
    row = _by_name(session, name)
    return (None, _unmatched()) if row is None else (_person(row), row.password_hash)


def renew(session: Session, person: Person, stored: str, renewed: str) -> None:
    """Replace the hash, unless the password was changed meanwhile."""
    session.execute(
        update(PersonTable)
        .where(PersonTable.id == person.id, PersonTable.password_hash == stored)
        .values(password_hash=renewed)
    )


def ensure_admin(session: Session) -> str | None:
    if _by_name(session, ADMIN) is not None:
        return None
    password = secrets.token_urlsafe(12)
    session.add(
        PersonTable(name=ADMIN, role=ADMINISTRATOR, language="vi", password_hash=hash_password(password))
    )
    return password


def set_password(session: Session, name: str, hashed: str) -> None:
    row = _by_name(session, name)
    if row is None:
        raise NotFound("There is no person of this name; check its spelling.")
    row.password_hash = hashed
    session.execute(delete(SignInTable).where(SignInTable.person == row.id))


def create_session(session: Session, person: Person, hours: float, now: datetime) -> str:
    session.execute(delete(SignInTable).where(SignInTable.expires_at_ms <= to_ms(now)))
    token = secrets.token_urlsafe(32)
    session.add(
        SignInTable(
            token_hash=_digest(token),
            person=person.id,
            created_at_ms=to_ms(now),
            expires_at_ms=to_ms(now + timedelta(hours=hours)),
        )
    )
    return token


def session_person(session: Session, token: str, now: datetime) -> Person | None:
    query = (
        select(PersonTable)
        .join(SignInTable, SignInTable.person == PersonTable.id)
        .where(SignInTable.token_hash == _digest(token), SignInTable.expires_at_ms > to_ms(now))
    )
    row = session.scalars(query).first()
    return None if row is None else _person(row)


def end_session(session: Session, token: str) -> None:
    session.execute(delete(SignInTable).where(SignInTable.token_hash == _digest(token)))


def create_token(session: Session, person: Person, label: str, now: datetime) -> str:
    label = label.strip()
    if not label or len(label) > (LABEL.length or 0) or not label.isprintable():
        raise UsageError(f"A token's label has 1 to {LABEL.length} printable characters; say what uses it.")
    token = secrets.token_urlsafe(32)
    session.add(
        AccessTokenTable(token_hash=_digest(token), person=person.id, label=label, created_at_ms=to_ms(now))
    )
    return token


def token_person(session: Session, token: str) -> Person | None:
    query = (
        select(PersonTable)
        .join(AccessTokenTable, AccessTokenTable.person == PersonTable.id)
        .where(AccessTokenTable.token_hash == _digest(token))
    )
    row = session.scalars(query).first()
    return None if row is None else _person(row)


def tokens(session: Session, person: Person) -> list[AccessToken]:
    query = select(AccessTokenTable).where(AccessTokenTable.person == person.id).order_by(AccessTokenTable.id)
    return [
        AccessToken(row.id, row.person, row.label, from_ms(row.created_at_ms))
        for row in session.scalars(query)
    ]


def revoke_token(session: Session, id: int, person: Person | None) -> None:
    row = session.get(AccessTokenTable, id) if 0 < id < 2**31 else None
    if row is None or (person is not None and row.person != person.id):
        raise NotFound(f"There is no token {id}; list the tokens to see which exist.")
    session.delete(row)


def _by_name(session: Session, name: str) -> PersonTable | None:
    if not name.isprintable() or len(name) > (ID.length or 0):
        return None  # a database may refuse such text instead of finding nothing
    return session.scalars(select(PersonTable).where(PersonTable.name == name)).first()


def _person(row: PersonTable) -> Person:
    return Person(row.id, row.name, row.role, row.language)


def _unmatched() -> str:
    """A hash of today's parameters whose password nobody knows: an unknown name costs what a known one does."""
    salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _digest(token: str) -> str:
    # Tokens are 256 random bits, so a plain hash is enough: nothing can be guessed from it.
    return hashlib.sha256(_bytes(token)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
