"""The tables of people, what they may do, how they sign in, what they asked for once, and the audit log."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campus.records.base import LABEL, WORD, Base


class PersonTable(Base):
    """`identity`: the e-mail address or subject at a sign-in service."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str]
    language: Mapped[str] = mapped_column(WORD)
    password_hash: Mapped[str] = mapped_column(String(200))
    identity: Mapped[str | None] = mapped_column(String(255))
    __table_args__ = (UniqueConstraint("name"), Index("ix_person_identity", "identity", unique=True))


class GrantTable(Base):
    """A role of a person at a site; without a site at every site of this server."""

    __tablename__ = "person_grant"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[int] = mapped_column(Integer, ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(WORD)
    site: Mapped[str | None] = mapped_column(ForeignKey("site.id"))


class SignInTable(Base):
    """A session of a person's browser; `token_hash` is the SHA-256 of its token."""

    __tablename__ = "sign_in"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[int] = mapped_column(Integer, ForeignKey("person.id"), index=True)
    created_at_ms: Mapped[int]
    expires_at_ms: Mapped[int] = mapped_column(index=True)
    address: Mapped[str | None]
    agent: Mapped[str | None] = mapped_column(LABEL)


class AccessTokenTable(Base):
    """`rights` NULL: all that its person has; likewise `site`."""

    __tablename__ = "access_token"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    person: Mapped[int] = mapped_column(Integer, ForeignKey("person.id"), index=True)
    label: Mapped[str] = mapped_column(LABEL)
    created_at_ms: Mapped[int]
    expires_at_ms: Mapped[int]
    last_used_ms: Mapped[int | None]
    rights: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    reads_only: Mapped[bool]
    site: Mapped[str | None] = mapped_column(ForeignKey("site.id"))


class RequestKeyTable(Base):
    """See idempotency.py. `person` 0 is the token of the run; `key` is a hash, as keys are chosen by clients."""

    __tablename__ = "request_key"
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    holder: Mapped[str]
    claimed_at_ms: Mapped[int] = mapped_column(index=True)
    kept: Mapped[str | None] = mapped_column(WORD)
    status: Mapped[int] = mapped_column(Integer)
    headers: Mapped[dict[str, Any]]
    body: Mapped[str] = mapped_column(Text)


class AuditTable(Base):
    """See audit.py; triggers refuse to change or delete a row. `before` and `after` are canonical JSON."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at_ms: Mapped[int]
    who: Mapped[str]
    from_where: Mapped[str]
    what: Mapped[str]
    kind: Mapped[str]
    site: Mapped[str | None] = mapped_column(index=True)
    id: Mapped[str] = mapped_column(LABEL)
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str]
    hash: Mapped[str]
