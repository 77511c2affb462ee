"""Opens the records database, SQLite or PostgreSQL, and brings its schema up to date."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from campus.acting import Actor, actor
from campus.errors import StoreError
from campus.records import isolation

MIGRATIONS = Path(__file__).parent / "migrations"
FILE = "records.sqlite"
_MIGRATION_LOCK = 0x63616D70  # "camp": one migrating process at a time on PostgreSQL
_MOMENT: ContextVar[tuple["Database", Actor, Session] | None] = ContextVar("moment", default=None)


class Database:
    """The engine and its transactions. Thread-safe."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        # A transaction of SQLite sees one moment; PostgreSQL has to be told.
        one_view = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reader = engine.execution_options(**one_view)
        self._everywhere = engine.execution_options(**one_view, **isolation.EVERYWHERE)
        self._everywhere_writer = engine.execution_options(writes=True, **isolation.EVERYWHERE)
        self._where = where
        # One writer at a time is SQLite's own rule; waiting here is fair, its busy polling is not.
        one_writer = engine.dialect.name == "sqlite"
        self._turn: AbstractContextManager[Any] = threading.Lock() if one_writer else nullcontext()

    @classmethod
    def open(cls, url: str, data: Path) -> "Database":
        """`url` is "sqlite" or a PostgreSQL URL. Raises StoreError; passwords are never shown."""
        if url == "sqlite":
            file = _prepare(data)
            where = f"the records file {file}"
            engine = _sqlite(file)
        else:
            parsed = _parse(url)
            where = f"the records database {parsed.render_as_string(hide_password=True)}"
            engine = _postgresql(parsed)
        try:
            _migrate(engine, where)
        except SQLAlchemyError as error:
            engine.dispose()
            raise StoreError(f"Cannot open {where}: {_cause(error)}. {_advice(engine)}") from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, where)

    @property
    def engine(self) -> Engine:
        """For what concerns the database as a whole."""
        return self._engine

    @contextmanager
    def read(self, everywhere: bool = False) -> Iterator[Session]:
        """One consistent view of the database: on PostgreSQL, of the sites that who acts reaches.

        `everywhere`: of every site, for what the server itself has to know before it can answer anyone.
        """
        held = _MOMENT.get()
        if held is not None and not everywhere and held[:2] == (self, actor()):
            yield held[2]
            return
        with self._translated(), Session(self._everywhere if everywhere else self._reader) as session:
            yield session

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What is read within the block is of one moment, and costs one transaction; writes are not seen in it."""
        with self.read() as session:
            token = _MOMENT.set((self, actor(), session))
            try:
                yield
            finally:
                _MOMENT.reset(token)

    @contextmanager
    def write(self, everywhere: bool = False) -> Iterator[Session]:
        """One transaction, committed at the end, rolled back on any error. `everywhere` as for `read`."""
        engine = self._everywhere_writer if everywhere else self._writer
        with self._turn, self._translated(), Session(engine) as session:
            yield session
            session.commit()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(f"{self._where[0].upper()}{self._where[1:]} failed: {_cause(error)}.") from error

    def close(self) -> None:
        self._engine.dispose()


def _prepare(data: Path) -> Path:
    """The database file, made with its folder. It holds password hashes, so only its owner may read it."""
    file = data / FILE
    try:
        data.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(
            f"Cannot write the records file {file}: {error.strerror}. Choose another data folder, or give its "
            "owner to the user that runs this program."
        ) from error
    return file


def _sqlite(file: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        pool_size=16,
        max_overflow=48,
        connect_args={"isolation_level": None, "timeout": 10.0},  # BEGIN is ours, below
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that turns writer fails at once when another wrote meanwhile: writers say so first.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _parse(url: str) -> URL:
    allowed = "Write 'sqlite' or postgresql://user:password@host:5432/database."
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        # Without the cause: its text may hold the password.
        raise StoreError(f"The records URL cannot be read. {allowed}") from None
    if backend not in ("postgresql", "postgres"):
        raise StoreError(f"The records cannot be kept in '{backend}'. {allowed}")
    if not parsed.database:
        raise StoreError(f"The records URL names no database. {allowed}")
    return parsed.set(drivername="postgresql+psycopg")


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url, pool_pre_ping=True, pool_size=16, max_overflow=16, connect_args={"connect_timeout": 5}
        )
    except ImportError as error:
        raise StoreError(
            "PostgreSQL needs the driver psycopg: install it with pip install 'campus-monitor[postgres]'."
        ) from error
    event.listen(engine, "begin", isolation.begin)
    return engine


def migrations() -> Config:
    """Alembic's configuration, without a file: the scripts lie in this package."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _migrate(engine: Engine, where: str) -> None:
    config = migrations()
    scripts = ScriptDirectory.from_config(config)
    with engine.begin() as connection:
        if _is_current(connection, scripts, where):
            return
    with engine.execution_options(writes=True, **isolation.EVERYWHERE).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if not _is_current(connection, scripts, where):  # another process may have migrated meanwhile
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def inspect_records(url: str, data: Path) -> str:
    """What a person wants to know of the records, found without changing them. Raises StoreError as `open` does."""
    if url == "sqlite":
        file = data / FILE
        if not file.exists():
            return "not there yet; the first start makes them"
        where = f"the records file {file}"
        engine = create_engine(
            URL.create("sqlite", database=f"file:{file}", query={"mode": "ro", "uri": "true"})
        )
    else:
        parsed = _parse(url)
        where = f"the records database {parsed.render_as_string(hide_password=True)}"
        engine = _postgresql(parsed)
    try:
        with engine.connect() as connection:
            current = _is_current(connection, ScriptDirectory.from_config(migrations()), where)
    except SQLAlchemyError as error:
        raise StoreError(f"Cannot open {where}: {_cause(error)}. {_advice(engine)}") from error
    finally:
        engine.dispose()
    return f"{where}, {'up to date' if current else 'the next start brings its schema up to date'}"


def unheld(url: str) -> str | None:
    """Why row-level security does not hold the role of a PostgreSQL URL; None where it does. Raises StoreError."""
    with as_it_is(url) as connection:
        return isolation.unheld(connection)


@contextmanager
def as_it_is(url: str) -> Iterator[Connection]:
    """A PostgreSQL database whose schema is left alone. Raises StoreError."""
    parsed = _parse(url)
    engine = _postgresql(parsed)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        where = parsed.render_as_string(hide_password=True)
        raise StoreError(
            f"Cannot open the records database {where}: {_cause(error)}. {_advice(engine)}"
        ) from error
    finally:
        engine.dispose()


def _is_current(connection: Connection, scripts: ScriptDirectory, where: str) -> bool:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None:
        try:
            scripts.get_revision(revision)
        except CommandError as error:
            raise StoreError(
                f"Cannot open {where}: it was made by a newer version of Campus Monitor (schema {revision}). "
                "Upgrade the program, or choose other records."
            ) from error
    return revision == scripts.get_current_head()


def _cause(error: SQLAlchemyError) -> str:
    """The database's own first sentence: without the statement and its values, which may be secrets."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(original).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(original).__name__


def _advice(engine: Engine) -> str:
    if engine.dialect.name == "sqlite":
        return "Check the disk and the file, or open another data folder."
    return "Check that the server runs, and the host, user, password and database of the URL."
