"""Who may sign in to the broker. DIR/broker/accounts.json is the truth; mosquitto reads two projections of it.

A board's account is its id, bound to one site. Passwords are random and kept as hashes only; no password is ever an
argument of a process. Any process may change accounts, one at a time; the one that runs mosquitto calls `project()`.
"""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from campus.boards.files import locked, replace
from campus.boards.rights import BOARD, FOREIGN, READER, SERVICES, rules
from campus.errors import NotFound, StoreError, UsageError
from campus.wire.topics import valid_id

ITERATIONS = 101  # mosquitto_passwd's own; a password of 160 random bits needs no slow hash
HOUR_MS = 3600 * 1000
SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
CODE_SIGNS = 20  # the last one is the check sign: 95 random bits
HASH = re.compile(r"\$7\$\d+\$[\w+/]+=*\$[\w+/]+=*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Account:
    """One user of the broker.

    `claim_expires_ms`: until when its password, a claim code, is good; None where the password is a lasting one.
    """

    user: str
    kind: str
    site: str
    hash: str
    created_ms: int
    claim_expires_ms: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, TypeError: a person can edit the file, and each account becomes lines of mosquitto's."""
        known = valid_id(self.site) if self.kind in (BOARD, FOREIGN, READER) else self.kind in SERVICES
        if not (known and valid_id(self.user) and HASH.fullmatch(self.hash)):
            raise ValueError(self.user)
        if type(self.claim_expires_ms) not in (int, type(None)):
            raise TypeError(self.user)

    def valid(self, now_ms: int) -> bool:
        """Whether it may sign in: not a claim that has run out."""
        return self.claim_expires_ms is None or now_ms < self.claim_expires_ms


class Accounts:
    """The accounts of one broker's folder. Every method raises StoreError when the files cannot be used."""

    def __init__(self, folder: Path, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.folder = folder
        self._file = folder / "accounts.json"
        self._now_ms = now_ms

    # boards

    def add_board(self, site: str, board: str) -> str:
        """Let a board in; returns its password. Again for the same board: a new password, the old one ends.

        Raises UsageError for a bad id, or a board that belongs to another site.
        """
        password = new_password()
        self._put(site, board, password, None)
        return password

    def add_foreign(self, site: str, source: str) -> str:
        """Let a foreign device in, as `add_board` does a board; returns its password."""
        password = new_password()
        self._put(site, source, password, None, FOREIGN)
        return password

    def add_reader(self, site: str, name: str) -> str:
        """Let a program in that reads the live states of a site; returns its password. Raises as `add_board`."""
        password = new_password()
        self._put(site, name, password, None, READER)
        return password

    def claim_board(self, site: str, board: str, hours: float = 24) -> str:
        """Let a board in with a code that a person types at the board; returns it as `XXXX-XXXX-XXXX-XXXX-XXXX`.

        The board's password is the code without its dashes. It ends after `hours`, or as soon as
        `replace_password` gives the board a lasting one. Raises UsageError as `add_board` does.
        """
        if not 0 < hours <= 24 * 31:
            raise UsageError("A claim code is good for more than 0 hours and at most 31 days.")
        code = new_code()
        self._put(site, board, code, self._now_ms() + int(hours * HOUR_MS))
        return "-".join(code[at : at + 4] for at in range(0, CODE_SIGNS, 4))

    def replace_password(self, board: str, password: str) -> None:
        """Give an account that is there this lasting password; a claim code ends. Raises NotFound, UsageError."""
        if len(password) < 20:
            raise UsageError("A board's password has at least 20 signs.")
        with locked(self.folder):
            accounts = self._read()
            held = self._board(accounts, board)
            accounts[board] = Account(board, BOARD, held.site, hashed(password), self._now_ms())
            self._write(accounts)

    def remove(self, board: str) -> None:
        """Shut a board, a foreign device or a reader out; its connection ends too. Raises NotFound."""
        with locked(self.folder):
            accounts = self._read()
            if (held := accounts.get(board)) is None or held.kind in SERVICES:
                raise NotFound(f"There is no account of a board '{board}'.")
            del accounts[board]
            self._write(accounts)

    def boards(self, kinds: tuple[str, ...] = (BOARD,)) -> list[Account]:
        """Every board's account in order of its id, claims that have run out among them; or those of other `kinds`."""
        return [account for account in self._read().values() if account.kind in kinds]

    # services of this server

    def missing_services(self) -> list[str]:
        """Those of SERVICES that have no account yet, or whose password file does not hold its password."""
        accounts = self._read()
        return [name for name in SERVICES if name not in accounts or not self._signs_in(accounts[name])]

    def ensure_services(self) -> list[str]:
        """Make what `missing_services` tells, and return it."""
        with locked(self.folder):
            accounts, missing = self._read(), self.missing_services()
            for name in missing:
                password = new_password()
                replace(self._password_file(name), f"{password}\n".encode())
                accounts[name] = Account(name, name, "", hashed(password), self._now_ms())
            if missing:
                self._write(accounts)
        return missing

    def service_password(self, name: str) -> str:
        """The password of one of SERVICES, from DIR/broker/{name}.password."""
        file = self._password_file(name)
        try:
            return file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise StoreError(f"Cannot read {file}: {error.strerror}. Run `campus init`.") from error
        except ValueError as error:
            raise StoreError(f"{file} holds no password: run `campus init`.") from error

    def _signs_in(self, account: Account) -> bool:
        try:
            salt = base64.b64decode(account.hash.split("$")[3])
            return hashed(self.service_password(account.user), salt) == account.hash
        except (StoreError, ValueError):
            return False

    # what mosquitto reads

    def require(self) -> None:
        """Raises StoreError where there are no accounts at all: to go on would shut out every board."""
        if not self._file.exists():
            raise StoreError(
                f"{self._file} is gone: bring it back from a backup, or run `campus init` and let every board in anew."
            )

    def project(self) -> bool:
        """Write `passwords` and `acl` where they differ from the accounts that are valid now; whether any did."""
        with locked(self.folder):
            self.require()
            now_ms = self._now_ms()
            valid = [account for account in self._read().values() if account.valid(now_ms)]
            passwords = "".join(f"{one.user}:{one.hash}\n" for one in valid)
            acl = "\n".join(line for one in valid for line in [*rules(one.kind, one.site, one.user), ""])
            changed = False
            for name, text in (("acl", acl), ("passwords", passwords)):
                file, content = self.folder / name, text.encode()
                if not file.exists() or file.read_bytes() != content:
                    replace(file, content)
                    changed = True
            return changed

    # the file

    def _put(
        self, site: str, board: str, password: str, claim_expires_ms: int | None, kind: str = BOARD
    ) -> None:
        if not valid_id(site):
            raise UsageError(f"'{site}' is not the id of a site: 1 to 64 signs a-z, 0-9 or -.")
        if not valid_id(board) or board in SERVICES:
            raise UsageError(
                f"'{board}' is not the id of a board: 1 to 64 signs a-z, 0-9 or -, and no reserved word."
            )
        with locked(self.folder):
            accounts = self._read()
            if (held := accounts.get(board)) and held.site != site:
                raise UsageError(f"The board '{board}' belongs to site '{held.site}': remove it there first.")
            if held and held.kind != kind:
                raise UsageError(
                    f"'{board}' is let in as another kind of board: remove it first, or choose another id."
                )
            accounts[board] = Account(board, kind, site, hashed(password), self._now_ms(), claim_expires_ms)
            self._write(accounts)

    def _board(self, accounts: dict[str, Account], board: str) -> Account:
        held = accounts.get(board)
        if held is None or held.kind != BOARD:
            raise NotFound(f"There is no account of a board '{board}'.")
        return held

    def _read(self) -> dict[str, Account]:
        try:
            return {told["user"]: Account(**told) for told in json.loads(self._file.read_text())}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"Cannot read {self._file}: {error.strerror}.") from error
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{self._file} is spoilt: bring it back from a backup, or delete it, run `campus init` and let every "
                "board in anew."
            ) from error

    def _write(self, accounts: dict[str, Account]) -> None:
        told = [asdict(accounts[user]) for user in sorted(accounts)]
        replace(self._file, json.dumps(told, indent=1).encode())

    def _password_file(self, name: str) -> Path:
        return self.folder / f"{name}.password"


def new_password() -> str:
    """160 random bits as text."""
    return secrets.token_hex(20)


def hashed(password: str, salt: bytes | None = None) -> str:
    """mosquitto's own form: $7$, PBKDF2 with SHA-512 over a random salt."""
    salt = secrets.token_bytes(12) if salt is None else salt
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def new_code() -> str:
    """A claim code: random signs of SIGNS and their check sign."""
    signs = "".join(secrets.choice(SIGNS) for _ in range(CODE_SIGNS - 1))
    return signs + _check_sign(signs)


def _check_sign(signs: str) -> str:
    """Luhn's algorithm modulo 32: finds every single error, and every swap of neighbours but 0 with Z."""
    total = 0
    for at, sign in enumerate(reversed(signs)):
        value = SIGNS.index(sign) * (2 - at % 2)
        total += value // 32 + value % 32
    return SIGNS[-total % 32]
