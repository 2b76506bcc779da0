"""The Store: engines, transactions and the schema's version. Every query of the program stands in this folder.

SQLite by default, PostgreSQL by its address. What a method returns is detached from the database.
"""

import fcntl
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError

from aggregator.errors import StoreError
from aggregator.store.announcements import Announcements
from aggregator.store.archive import Archive
from aggregator.store.breaks import Breaks
from aggregator.store.clock import Clock
from aggregator.store.copying import UNFINISHED
from aggregator.store.counts import Counts
from aggregator.store.deliveries import Deliveries
from aggregator.store.digests import Digests
from aggregator.store.entries import Entries
from aggregator.store.feeds import Feeds
from aggregator.store.history import Revisions
from aggregator.store.holdings import Holdings
from aggregator.store.indexing import Index
from aggregator.store.leases import Leases
from aggregator.store.names import Names
from aggregator.store.parcels import Parcels
from aggregator.store.rechecks import Rechecks
from aggregator.store.retention import Retention
from aggregator.store.robots import RobotsFiles
from aggregator.store.search import Search
from aggregator.store.sizes import Sizes
from aggregator.store.sources import Sources
from aggregator.store.stories import Stories
from aggregator.store.subscribers import Subscribers
from aggregator.store.tagging import Tagging
from aggregator.store.websub import Websub

# how long a writer waits for another before it gives up; a poll's transaction takes milliseconds
BUSY_SECONDS = 10
# the advisory lock of PostgreSQL for those who write what they read before
ALONE = 7_285_001
# two writers of PostgreSQL that wait for each other: one is broken off (serialization_failure, deadlock_detected);
# what one has read to refer to, another may have deleted since (foreign_key_violation), or what was missing, another
# may have added (unique_violation)
BROKEN_OFF = ("40001", "40P01", "23503", "23505")
# how often a transaction is begun before that is an error
ATTEMPTS = 10
# of connections that only read: one query needs no BEGIN and ROLLBACK around it, which cost as much as the query
ONE_BY_ONE: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
# PostgreSQL: a process that was stopped within a transaction holds up the others no longer than this
STOPPED_SECONDS = 30
T = TypeVar("T")


class Store:
    """One database. Safe to use from several threads; *url* is SQLAlchemy's."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
            self._writer = self._engine(writes=True)
            # a second SQLite engine, so that readers never wait for the writer
            self._reader = (
                self._engine(writes=False) if self.is_sqlite else self._writer.execution_options(**ONE_BY_ONE)
            )
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            if "://" not in url:
                raise StoreError(
                    "what is no address cannot be used as a database's; a file's is sqlite:////srv/news/aggregator.db, "
                    "a server's postgresql+psycopg://name:password@host/database"
                ) from error
            kind = url.partition("://")[0]  # not the whole of it: there may be a password in it
            if kind.partition("+")[0] not in ("sqlite", "postgresql"):
                advice = "SQLite (sqlite:////srv/news/aggregator.db) and PostgreSQL (postgresql+psycopg://...) can"
                raise StoreError(f"database.url ({kind}://...) cannot be used: {advice}") from error
            driver = "; install its driver: pip install '.[postgresql]'" if "psycopg" in str(error) else ""
            raise StoreError(f"database.url ({kind}://...) cannot be used: {error}{driver}") from error
        self.sources = Sources(self)
        self.leases = Leases(self)
        self.stories = Stories(self)
        self.entries = Entries(self)
        self.parcels = Parcels(self)
        self.names = Names(self)
        self.feeds = Feeds(self)
        self.counts = Counts(self)
        self.deliveries = Deliveries(self)
        self.archive = Archive(self)
        self.digests = Digests(self)
        self.robots = RobotsFiles(self)
        self.breaks = Breaks(self)
        self.clock = Clock(self)
        self.websub = Websub(self)
        self.announcements = Announcements(self)
        self.index = Index(self)
        self.search = Search(self)
        self.subscribers = Subscribers(self)
        self.retention = Retention(self)
        self.sizes = Sizes(self)
        self.holdings = Holdings(self)
        self.tagging = Tagging(self)
        self.rechecks = Rechecks(self)
        self.revisions = Revisions(self)
        self.withholds = False  # the texts of entries that their publishers removed; see Revisions.withhold

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The database's file, None for PostgreSQL."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @property
    def name(self) -> str:
        """The database as a person knows it, without its password."""
        return str(self.path) if self.path else self.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Connection]:
        """One transaction that may write: committed at the end, rolled back by an exception.

        SQLite's writers take turns, PostgreSQL's write side by side but for those that ask to be *alone*.
        """
        with self._mapped(), self._writer.begin() as connection:
            if alone and not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ALONE})
            yield connection

    def transact(self, work: Callable[[Connection], T], *, alone: bool = False) -> T:
        """What *work* gives, done in one ``write``; begun anew where PostgreSQL broke it off for another's sake."""
        for _ in range(ATTEMPTS - 1):
            try:
                with self.write(alone=alone) as connection:
                    return work(connection)
            except (StoreError, IntegrityError) as error:
                cause = error.__cause__ if isinstance(error, StoreError) else error
                if not isinstance(cause, DBAPIError) or _sqlstate(cause) not in BROKEN_OFF:
                    raise
        with self.write(alone=alone) as connection:
            return work(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries only; each sees the newest state. SQLite refuses to write through it."""
        with self._mapped(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection for queries that all see one state, the one at the first of them, for as long as it is open."""
        with self._mapped(), self._reader.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                connection.exec_driver_sql(
                    "SET LOCAL idle_in_transaction_session_timeout = 0"
                )  # its writes wait elsewhere
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def insert(self, table: Any) -> Any:
        """An INSERT into *table* that may say ON CONFLICT, which each dialect has for itself."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        return insert(table)

    def close(self) -> None:
        self.feeds.close()
        self._writer.dispose()
        self._reader.dispose()

    # ------------------------------------------------------------ the schema

    def schema(self) -> str | None:
        """The revision the database has, None for an empty one. Raises StoreError for a database that is not ours."""
        with self.read() as connection:
            tables = inspect(connection).get_table_names()
            if "alembic_version" in tables:
                return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
        if tables:
            raise StoreError(
                f"{self.name} holds other tables ({', '.join(sorted(tables)[:3])}); "
                "give the program a database of its own"
            )
        return None

    def is_unfinished(self) -> bool:
        """Whether a copy into this database has begun and not ended."""
        return self.schema() == UNFINISHED

    def is_current(self) -> bool:
        """Whether the database has today's schema; False: ``upgrade`` it. StoreError: it is newer than the program."""
        revision, known = self.schema(), revisions()
        if revision == UNFINISHED:
            raise StoreError(
                f"{self.name} holds a copy that is not finished; run `aggregator db copy` again where the original is"
            )
        if revision is not None and revision not in known:
            raise StoreError(
                f"{self.name} was written by a newer version of this program (schema {revision}, "
                f"this one knows {known[-1]}); install the newer program, or give database.url "
                "another database. Nothing was changed."
            )
        return revision == known[-1]

    def upgrade(self) -> None:
        """Bring the database to today's schema; makes the file and its folder where they are missing."""
        if self.path:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"cannot make the folder {self.path.parent}: {error.strerror}; check its permissions"
                ) from error
        if self.is_current():
            return
        from alembic import command  # half a second of imports that only an upgrade needs
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(files("aggregator.migrations")))
        with self.write(alone=True) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    # ------------------------------------------------------------ care

    @contextmanager
    def sole_scheduler(self) -> Iterator[None]:
        """Hold the right to schedule polls on this SQLite file: a second holder gets StoreError."""
        if self.path is None:
            yield
            return
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            handle = lock.open("a+")
        except OSError as error:
            raise StoreError(f"cannot open {lock}: {error.strerror}; check the folder's permissions") from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(
                    f"another `aggregator run` or `worker` is using {self.name}; stop it first, "
                    "or set AGGREGATOR_INSTANCE to another folder, or use PostgreSQL for several workers"
                ) from error
            yield

    def check(self) -> list[str]:
        """What is wrong inside the database, nothing where all is well. Reads all of it."""
        if self.path is None:
            with self.read() as connection:
                connection.execute(text("SELECT 1"))
            return []
        with self.read() as connection:
            faults = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
            faults += [
                f"row {row[1]} of {row[0]} points to a missing row of {row[2]}"
                for row in connection.execute(text("PRAGMA foreign_key_check"))
            ]
        return faults

    # ------------------------------------------------------------ inside

    def _engine(self, *, writes: bool) -> Engine:
        if not self.is_sqlite:
            engine = create_engine(self.url, json_serializer=_json)

            @event.listens_for(engine, "connect")
            def limit(connection: Any, _record: Any) -> None:
                connection.execute(f"SET idle_in_transaction_session_timeout = '{STOPPED_SECONDS}s'")
                connection.commit()

            return engine
        engine = create_engine(
            self.url,
            json_serializer=_json,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            **({} if writes else ONE_BY_ONE),
        )

        @event.listens_for(engine, "connect")
        def configure(connection: sqlite3.Connection, _record: Any) -> None:
            # SQLAlchemy begins transactions (below), not the driver: DDL and PRAGMA then roll back like the rest
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.execute("PRAGMA foreign_keys=ON")
            if not writes:
                cursor.execute("PRAGMA query_only=ON")
            cursor.close()

        if writes:

            @event.listens_for(engine, "begin")
            def begin(connection: Connection) -> None:
                # a writer that begins as a reader fails with SQLITE_BUSY when it upgrades, whatever its timeout
                connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """The one place where database errors become sentences; a row it refuses is no fault of the database."""
        try:
            yield
        except (IntegrityError, DataError):
            raise
        except DBAPIError as error:
            if (_sqlstate(error) or "").startswith(TOO_LARGE):
                raise
            raise StoreError(self._sentence(str(error.orig))) from error

    def _sentence(self, message: str) -> str:
        for sign, advice in ADVICE:
            if sign in message:
                return f"{self.name}: {advice}"
        return f"{self.name}: {message}"


# PostgreSQL's class of errors for what exceeds its limits: a row that is too large for an index
TOO_LARGE = "54"
# what SQLite and PostgreSQL say -> what to do about it
ADVICE = (
    ("disk is full", "the disk is full; make room and start again, nothing stored is lost"),
    (
        "disk I/O error",
        "the disk cannot be written (full, or failing); make room and start again, nothing stored is lost",
    ),
    (
        "database is locked",
        f"the database was busy for more than {BUSY_SECONDS} seconds; stop the other program that writes to it",
    ),
    ("unable to open database file", "the file cannot be opened; check that its folder exists and may be written"),
    ("readonly database", "the file may not be written; check its permissions"),
    ("file is not a database", "this is not a database; name another file in database.url or restore a backup"),
    ("malformed", "the file is damaged; keep a copy of it and put a backup (`aggregator db backup`) in its place"),
    ("no such table", "the database has an older schema; run `aggregator db upgrade`"),
    ("no such column", "the database has an older schema; run `aggregator db upgrade`"),
    ("Connection refused", "the database server does not answer; start it or correct database.url"),
)


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


# json.dumps would make an encoder for each value; our dataclasses are objects of their fields
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=asdict).encode


def revisions() -> list[str]:
    """The schema revisions this program knows, oldest first: the numbers that begin the names of its migrations."""
    folder = files("aggregator.migrations").joinpath("versions")
    return sorted(file.name[:4] for file in folder.iterdir() if file.name[:4].isdigit())
