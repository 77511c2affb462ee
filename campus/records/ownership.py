"""Which collector takes in which sites: locks that PostgreSQL holds for as long as their connection lives.

Nothing is stored, so nothing is left behind by a collector that is killed. A connection pool between (PgBouncer in
transaction mode) would lose the locks: the records URL has to name PostgreSQL itself.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from campus.errors import StoreError, UsageError
from campus.records.database import _advice, _cause, _parse, _postgresql

EVERY = "every site"
# A peer that lost its power is given up after 25 s, by the server too, which then frees its locks.
PATIENCE = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
RETRY_S = 0.2


class Ownership:
    """Of `sites`, of every one where none are named. `shared`: together with others that share them.

    Who takes in every site excludes all others; who takes in some excludes who takes in one of them.
    """

    def __init__(self, url: str, sites: Sequence[str] = (), shared: bool = False) -> None:
        """`url`: a PostgreSQL URL. Raises StoreError for another."""
        parsed = _parse(url)
        self._where = parsed.render_as_string(hide_password=True)
        self._engine = _postgresql(parsed.update_query_dict(PATIENCE))
        self._sites, self._shared = tuple(sites), shared
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def take(self, within_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Wait for a collector that is just ending. Raises UsageError when another stays, StoreError."""
        until = clock() + within_s
        while True:
            with self._lock:
                taken = self._missing()
            if taken is None:
                return
            if clock() > until:
                self.release()
                raise UsageError(_told(taken) + " Stop it, or name other sites with --sites.")
            time.sleep(RETRY_S)

    def keep(self) -> None:
        """See that the locks are still ours, and take them again on a new connection. Raises StoreError."""
        with self._lock:
            if self._connection is not None:
                try:
                    self._connection.execute(text("SELECT 1"))
                except SQLAlchemyError:
                    self._leave()
            if self._connection is None and (taken := self._missing()) is not None:
                raise StoreError(_told(taken))

    def release(self) -> None:
        with self._lock:
            self._leave()
        self._engine.dispose()

    def _missing(self) -> str | None:
        """Take everything; what somebody else has, of which nothing is kept then."""
        try:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection = connection
            for name, value in PATIENCE.items():
                connection.execute(text(f"SET tcp_{name} = {value}"))
            # Of every site together all may hold a part, or one the whole.
            for site in (EVERY,) if not self._sites else (EVERY, *self._sites):
                whole = not self._sites or (site != EVERY and not self._shared)
                lock = "pg_try_advisory_lock" if whole else "pg_try_advisory_lock_shared"
                if not connection.scalar(text(f"SELECT {lock}(:key)"), {"key": _key(site)}):
                    self._leave()
                    return site
        except SQLAlchemyError as error:
            self._leave()
            raise StoreError(
                f"Cannot open the records database {self._where}: {_cause(error)}. {_advice(self._engine)}"
            ) from error
        return None

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # not back to the pool: the locks go with it
            connection.close()


def _told(taken: str) -> str:
    which = "sites of these records" if taken == EVERY else f"the site '{taken}'"
    return f"Another collector takes in {which}: no site may have two."


def _key(site: str) -> int:
    return int.from_bytes(hashlib.sha256(f"campus site {site}".encode()).digest()[:8], "big", signed=True)
