"""The part of `Records` about people: accounts, sessions, tokens, and the log of what people changed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from campus.records import accounts, audit, idempotency, passwords, sign_ins, tokens
from campus.records.accounts import Guard
from campus.records.database import Database
from campus.records.entities import AccessToken, AuditHead, AuditRow, Grant, Limits, Person, SignedIn, Verdict
from campus.records.idempotency import KeptRequest
from campus.records.instants import to_ms
from campus.records.paging import Page

ALL = Limits()


class PeopledRecords:
    """Every method is one transaction; what changes something is noted in the audit log within it.

    A `guard` is called in the transaction with the person as stored, and raises to refuse.

    These transactions reach every site, whoever asks, but for `audit_log`: who may do what with an account depends on
    all of its grants, also on those at schools of which the one who asks may not know.
    """

    _database: Database
    _now: Callable[[], datetime]

    # accounts

    def ensure_admin(self) -> str | None:
        """Create `admin` and return its generated password, which is kept nowhere.

        None if it exists, or if someone else administers the whole server.
        """
        with self._database.write(everywhere=True) as session:
            return accounts.ensure_admin(session, to_ms(self._now()))

    def people(self) -> list[Person]:
        """By name."""
        with self._database.read(everywhere=True) as session:
            return accounts.people(session)

    def person(self, name: str) -> Person:
        """Raises NotFound."""
        with self._database.read(everywhere=True) as session:
            return accounts.person(session, name)

    def add_person(
        self, name: str, grants: Sequence[Grant], language: str = "vi", identity: str | None = None
    ) -> tuple[Person, str]:
        """The person and a generated password, which is kept nowhere. Raises UsageError; NotFound for a site."""
        password = passwords.new_password()
        hashed = passwords.hash_password(password)
        with self._database.write(everywhere=True) as session:
            made = accounts.add(session, name, grants, language, identity, hashed, to_ms(self._now()))
        return made, password

    def change_person(
        self,
        name: str,
        grants: Sequence[Grant] | None = None,
        language: str | None = None,
        identity: str | None = None,
        guard: Guard | None = None,
    ) -> Person:
        """What is None stays; an empty `identity` takes it away. Raises NotFound, UsageError."""
        with self._database.write(everywhere=True) as session:
            return accounts.change(session, name, grants, language, identity, guard, to_ms(self._now()))

    def remove_person(self, name: str, guard: Guard | None = None) -> None:
        """With sessions and tokens. Raises NotFound; UsageError for the last administrator of all sites."""
        with self._database.write(everywhere=True) as session:
            accounts.remove(session, name, guard, to_ms(self._now()))

    def set_password(self, name: str, password: str, guard: Guard | None = None) -> None:
        """Ends the person's sessions and tokens. Raises NotFound, UsageError if it is too short."""
        hashed = passwords.hash_password(password)
        with self._database.write(everywhere=True) as session:
            accounts.set_password(session, name, hashed, guard, to_ms(self._now()))

    def new_password(self, name: str, guard: Guard | None = None) -> str:
        """set_password with a generated one, which is kept nowhere."""
        password = passwords.new_password()
        self.set_password(name, password, guard)
        return password

    # signing in

    def sign_in(self, name: str, password: str) -> Person | None:
        """The person, or None; an unknown name costs as much work as a wrong password."""
        with self._database.read(everywhere=True) as session:
            person, stored = accounts.credentials(session, name)
        # Outside the transaction: hashing is slow by design.
        if not passwords.matches(stored, password) or person is None:
            return None
        if passwords.is_outdated(stored):
            renewed = passwords.hash_password(password)
            with self._database.write(everywhere=True) as session:
                accounts.renew(session, person, stored, renewed)
        return person

    def identified(self, identities: Sequence[str]) -> Person | None:
        """The one person whom a sign-in service knows by one of these."""
        with self._database.read(everywhere=True) as session:
            return accounts.by_identity(session, identities)

    def create_session(
        self, person: Person, hours: float, address: str | None = None, agent: str | None = None
    ) -> str:
        """A new session's token. Only its hash is stored. Address and agent are shown to the person."""
        with self._database.write(everywhere=True) as session:
            return sign_ins.create(session, person, hours, self._now(), address, agent)

    def session(self, token: str) -> Person | None:
        """Who a session's token belongs to; None when it is unknown, ended or expired."""
        with self._database.read(everywhere=True) as session:
            return sign_ins.holder(session, token, self._now())

    def sessions(self, person: Person, token: str | None = None) -> list[SignedIn]:
        """The newest first; `token` says which one asks."""
        with self._database.read(everywhere=True) as session:
            return sign_ins.of_person(session, person, self._now(), token)

    def end_session(self, token: str) -> None:
        with self._database.write(everywhere=True) as session:
            sign_ins.end(session, token)

    def end_one_session(self, person: Person, id: str) -> None:
        """Raises NotFound."""
        with self._database.write(everywhere=True) as session:
            sign_ins.end_one(session, person, id)

    def end_sessions(self, name: str, guard: Guard | None = None) -> int:
        """All of a person; returns how many there were. Raises NotFound."""
        with self._database.write(everywhere=True) as session:
            person = accounts.person(session, name)
            if guard:
                guard(person)
            ended = sign_ins.end_all(session, person)
            if ended:
                after = {"ended": ended}
                audit.note(session, to_ms(self._now()), "sessions.ended", "person", name, None, after)
            return ended

    # tokens

    def create_token(self, person: Person, label: str, limits: Limits = ALL, days: int = tokens.DAYS) -> str:
        """A new API token, valid for 1 to 730 days. Only its hash is stored."""
        with self._database.write(everywhere=True) as session:
            return tokens.create(session, person, label, self._now(), limits, days)

    def token(self, token: str) -> Person | None:
        """Who an API token belongs to, with its limits; None when it is unknown, revoked or over."""
        with self._database.read(everywhere=True) as session:
            person, due = tokens.holder(session, token, self._now())
        if due is not None:
            with self._database.write(everywhere=True) as session:
                tokens.used(session, due, self._now())
        return person

    def tokens(self, person: Person) -> list[AccessToken]:
        with self._database.read(everywhere=True) as session:
            return tokens.of_person(session, person)

    def revoke_token(self, id: int, person: Person | None = None) -> None:
        """Revoke a token, of `person` only when given. Raises NotFound."""
        with self._database.write(everywhere=True) as session:
            tokens.revoke(session, id, person, self._now())

    # requests made once

    @property
    def is_shared(self) -> bool:
        """Whether other processes may answer requests over these records too."""
        return self._database.engine.dialect.name != "sqlite"

    def claim_request(self, person: int, key: str, fingerprint: str, holder: str) -> KeptRequest | None:
        """Claim a key of a person (0: the token of the run) for a request; None: it is `holder`'s now."""
        with self._database.write(everywhere=True) as session:
            return idempotency.claim(session, person, key, fingerprint, holder, to_ms(self._now()))

    def keep_answer(
        self,
        person: int,
        key: str,
        holder: str,
        kept: str,
        status: int,
        headers: Mapping[str, str],
        body: str,
    ) -> None:
        """Keep what `holder` answered; `kept`: WHOLE, SECRET or LARGE of campus.records.idempotency."""
        with self._database.write(everywhere=True) as session:
            idempotency.keep(session, person, key, holder, kept, status, headers, body)

    def release_request(self, person: int, key: str, holder: str) -> None:
        """Nothing was done for `holder`'s request: its key is free again."""
        with self._database.write(everywhere=True) as session:
            idempotency.release(session, person, key, holder)

    def request_age_ms(self, kept: KeptRequest) -> int:
        """How long ago a request claimed its key, by the records' clock."""
        return to_ms(self._now()) - kept.claimed_at_ms

    # audit log

    def audit_log(
        self,
        before: int | None = None,
        limit: int = 100,
        sites: Collection[str] | None = None,
        who: str | None = None,
        what: str | None = None,
        page: Page | None = None,
    ) -> list[AuditRow]:
        """The newest first, below number `before`, or a page; of these sites only, or all and what concerns no single
        site.
        """
        with self._database.read() as session:
            return audit.read(session, before, limit, sites, who, what, page)

    def audit_head(self) -> AuditHead:
        with self._database.read(everywhere=True) as session:
            return audit.head(session)

    def verify_audit(self, noted: str | None = None) -> Verdict:
        """Walk the whole log; `noted`: the hash of a head noted elsewhere, which must be in it."""
        with self._database.read(everywhere=True) as session:
            return audit.verify(session, noted)
