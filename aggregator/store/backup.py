"""A database into one file, while it is in use, and back: the file is a SQLite database, whatever the service runs on.

Knows no settings and no other file of the instance.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store import Store, revisions
from aggregator.store.copying import UNFINISHED, Step, copy

# the bytes that whoever has a SQLite file open in WAL mode has locked, to read or to write:
# SHARED_FIRST and SHARED_SIZE of https://www.sqlite.org/src/file/src/os_unix.c
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that can be restored: the schema it has, and how many entries it holds."""

    path: Path
    schema: str
    entries: int


def backup(store: Store, path: Path) -> Iterator[Step]:
    """Write *store* as it is now to *path*, which must not exist; whole or not at all. Only of PostgreSQL in steps."""
    if path.exists():
        raise StoreError(f"{path} exists already; name another file")
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        if store.path is None:
            # of a copy that goes back as it is a person needs no search index, and the service makes it anew
            target = Store(f"sqlite:///{part}")
            yield from copy(store, target)
            target.close()
        else:
            with closing(sqlite3.connect(store.path)) as source, closing(sqlite3.connect(part)) as into:
                source.backup(into)
        _settle(part)
        part.rename(path)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"cannot back up {store.name} to {path}: {error}") from error
    finally:
        for left in (part, *_beside(part)):
            left.unlink(missing_ok=True)


def examine(path: Path) -> Backup:
    """What *path* holds, every page of it read; raises StoreError where it cannot be restored."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    if head.startswith(b"\x1f\x8b"):
        raise StoreError(f"{path} is compressed; unpack it first: gunzip -k {path}")
    if head != b"SQLite format 3\0":
        raise StoreError(f"{path} is no backup of ours; a dump of pg_dump is restored by pg_restore or psql")
    try:
        # of a file that something writes to, what it says would not count
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall():
                raise StoreError(f"{path} is a SQLite database, but not of this program")
            (schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            faults = [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
            faults += [
                f"row {row[1]} of {row[0]}" for row in connection.execute("PRAGMA foreign_key_check").fetchmany(5)
            ]
            (entries,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} is damaged: {error}; restore another backup") from error
    if faults:
        raise StoreError(f"{path} is damaged: {'; '.join(faults)}; restore another backup")
    if schema == UNFINISHED:
        raise StoreError(f"{path} is a copy that was not finished; make it anew")
    if schema not in revisions():
        raise StoreError(
            f"{path} was written by a newer version of this program (schema {schema}, this one knows "
            f"{revisions()[-1]}); install the newer program first"
        )
    return Backup(path, schema, entries)


def restore(store: Store, kept: Backup, now: datetime) -> Path | None:
    """Put *kept* in the place of *store*'s file, brought to today's schema; where what was there before stands now.

    None: nothing was there. A file that a service has open is left alone (StoreError); one that fails is, too.
    """
    path = store.path
    if path is None:
        raise StoreError("a PostgreSQL database is filled, not replaced")
    if path.exists() and path.samefile(kept.path):
        raise StoreError(f"{path} is the database itself; name a backup of it")
    former = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%S}") if path.exists() else None
    new = path.with_name(path.name + ".restoring")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _unused(path):
            new.unlink(missing_ok=True)
            # by SQLite, not by the system: what stands in its log beside it comes along
            read_only = f"{kept.path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(read_only, uri=True)) as source, closing(sqlite3.connect(new)) as into:
                source.backup(into)
            restored = Store(f"sqlite:///{new}")
            restored.upgrade()
            restored.close()
            _settle(new)
            if former:
                os.link(path, former)
                for log in _beside(path):  # it belongs to the file that was there
                    log.rename(former.with_name(log.name.replace(path.name, former.name, 1)))
            new.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"cannot restore {kept.path} to {path}: {error}; {path} is as it was") from error
    finally:
        for left in (new, *_beside(new)):
            left.unlink(missing_ok=True)
    return former


def refill(store: Store, kept: Backup) -> Iterator[Step]:
    """Copy *kept* into *store*, an empty PostgreSQL database."""
    if kept.schema != revisions()[-1]:
        raise StoreError(
            f"{kept.path} has an older schema ({kept.schema}); run `AGGREGATOR_DATABASE__URL=sqlite:///{kept.path} "
            "aggregator db upgrade` first"
        )
    source = Store(f"sqlite:///{kept.path}")
    yield from copy(source, store)
    source.close()


def _settle(path: Path) -> None:
    """Bring all that belongs to the SQLite file *path* into it, and to the disk."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _beside(path: Path) -> list[Path]:
    return [log for log in (path.with_name(path.name + end) for end in ("-wal", "-shm")) if log.exists()]


@contextmanager
def _unused(path: Path) -> Iterator[None]:
    """Hold *path* against all programs for the time of the block; raises StoreError where one has it open."""
    if not path.exists():
        yield
        return
    with Store(f"sqlite:///{path}").sole_scheduler(), path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
        except BlockingIOError as error:
            raise StoreError(
                f"{path} is in use; stop the service first (`systemctl stop aggregator`, or Ctrl-C where `run`, "
                "`worker` or `web` runs), then restore again"
            ) from error
        yield
