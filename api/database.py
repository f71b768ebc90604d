"""The database: connections, transactions and migrations on SQLite and PostgreSQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy import exc as sql

from api.errors import StoreError
from triage.errors import ConfigError

BUSY_SECONDS = 10
UPGRADE_LOCK = 0x7472696167  # any number that nobody else uses
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
UNREACHABLE = (sql.OperationalError, sql.InterfaceError, sql.InternalError, sql.TimeoutError)


class Database:
    """One database; nothing is opened before the first transaction.

    Parameters
    ----------
    url : str
        ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
    pool_connections : int, default=8
        Most connections at once.

    Examples
    --------
    >>> Database("sqlite:///var/triage.sqlite").is_sqlite
    True
    """

    def __init__(self, url: str, *, pool_connections: int = 8) -> None:
        self.url = read_url(url)
        self.pool_connections = pool_connections
        self._engine: Engine | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this process's machine."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database or "") if self.is_sqlite else None

    @property
    def engine(self) -> Engine:
        """The engine, made at first use."""
        if self._engine is None:
            self._engine = self._connect()
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection to read with.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        with translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are all kept at the end, or none.

        Raises
        ------
        StoreError
            If the database does not answer or cannot write.
        """
        with translated(), self.engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def check(self) -> None:
        """Ask for an answer; raise `StoreError` where there is none."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        if self._engine:
            self._engine.dispose()
            self._engine = None

    def revision(self) -> str | None:
        """Give the revision of the tables; None where there are none."""
        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def is_current(self) -> bool:
        """Say whether the tables are those that this program needs."""
        return self.revision() == newest_revision()

    def upgrade(self, revision: str = "head") -> None:
        """Bring the tables up to date; several processes may do so at once."""
        self._make_folder()
        with self._migration() as config:
            command.upgrade(config, revision)

    def downgrade(self, revision: str) -> None:
        """Take the tables back to a revision; ``base`` removes them all."""
        with self._migration() as config:
            command.downgrade(config, revision)

    @contextmanager
    def _migration(self) -> Iterator[Config]:
        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK}
                )
            config = _migrations()
            config.attributes["connection"] = connection
            yield config

    def _make_folder(self) -> None:
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)

    def _connect(self) -> Engine:
        engine = create_engine(
            self.url,
            hide_parameters=True,  # an error must not carry a complaint into a log
            pool_size=self.pool_connections,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            pool_pre_ping=not self.is_sqlite,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
            if self.is_sqlite
            else {"connect_timeout": BUSY_SECONDS},
        )
        if self.is_sqlite:
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return engine

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()


def read_url(url: str) -> URL:
    """Read the address of a database.

    Raises
    ------
    ConfigError
        If it is neither SQLite in a file nor PostgreSQL.

    Examples
    --------
    >>> read_url("postgresql://triage@db/triage").drivername
    'postgresql+psycopg'
    >>> read_url("mysql://triage@db/triage")
    Traceback (most recent call last):
    triage.errors.ConfigError: setting TRIAGE_DATABASE_URL: expected sqlite:///FILE or...
    """
    expected = "setting TRIAGE_DATABASE_URL: expected sqlite:///FILE or postgresql://USER@HOST/NAME"
    try:
        parsed = make_url(url)
    except sql.ArgumentError as error:
        raise ConfigError(expected) from error
    backend = parsed.get_backend_name()
    if backend == "postgres":
        backend = "postgresql"
    if backend not in DRIVERS or not parsed.database or parsed.database == ":memory:":
        raise ConfigError(f"{expected}; got the kind {backend!r}")
    return parsed.set(drivername=DRIVERS[backend])


def newest_revision() -> str | None:
    """Give the revision that this program needs."""
    return ScriptDirectory.from_config(_migrations()).get_current_head()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the ways in which a database can be away into one error."""
    try:
        yield
    except UNREACHABLE as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        raise StoreError(
            f"the database does not answer or cannot write ({cause}): nothing was stored; "
            "try again, and ask `triage doctor`"
        ) from error


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "api:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:  # noqa: ANN401
    connection.isolation_level = None  # SQLAlchemy begins and ends transactions, not the driver
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what was answered with 201 survives a power cut
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "cache_size=-16000",
        "temp_store=MEMORY",
        "wal_autocheckpoint=4000",
        "secure_delete=ON",  # erased text must not linger in free pages
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer that begins as a reader could be refused at its first write.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
