"""What we wrote into a folder, and from what: so that a later run leaves alone what is current, and what is not ours.

An SQLite file in that folder, held by one run at a time. Knows no page.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from aggregator.errors import SettingsError

NAME = ".aggregator-manifest.sqlite"
PART = ".aggregator-part"  # a file being written
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bundle (name TEXT PRIMARY KEY, version TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (key TEXT PRIMARY KEY, bundle TEXT NOT NULL, path TEXT NOT NULL UNIQUE, fact TEXT,
                                 packed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS file_bundle ON file (bundle);
"""


class Written(NamedTuple):
    """A file of ours, below the folder; *fact* is None while nobody knows whether it is right.

    Where it *is_packed*, the gzipped one beside it is ours, too.
    """

    path: str
    fact: str | None
    is_packed: bool


class Manifest:
    """Of one folder, for as long as ``opened`` lasts."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def begin(self, base: str) -> None:
        """Believe what is noted only if it was made from the same *base*, which shapes every file."""
        row = self._database.execute("SELECT value FROM meta WHERE name = 'base'").fetchone()
        if row != (base,):
            with self._transaction():
                self._database.execute("UPDATE file SET fact = NULL")
                self._database.execute("DELETE FROM bundle")
                self._database.execute("INSERT OR REPLACE INTO meta VALUES ('base', ?)", [base])

    def version(self, bundle: str) -> str | None:
        """The version at which all files of *bundle* were right, None where they were not."""
        row = self._database.execute("SELECT version FROM bundle WHERE name = ?", [bundle]).fetchone()
        return row[0] if row else None

    def count(self, bundle: str) -> int:
        return int(self._database.execute("SELECT count(*) FROM file WHERE bundle = ?", [bundle]).fetchone()[0])

    def files(self, bundle: str) -> dict[str, Written]:
        """The files of *bundle* by their keys."""
        rows = self._database.execute("SELECT key, path, fact, packed FROM file WHERE bundle = ?", [bundle])
        return {row[0]: Written(row[1], row[2], bool(row[3])) for row in rows}

    def bundles(self) -> set[str]:
        return {row[0] for row in self._database.execute("SELECT DISTINCT bundle FROM file")}

    def expect(self, bundle: str, files: Iterable[tuple[str, str, bool]]) -> None:
        """Note that each (key, path, is packed) is ours and about to be written, and so never foreign."""
        with self._transaction():
            self._database.execute("DELETE FROM bundle WHERE name = ?", [bundle])
            self._database.executemany(
                "INSERT INTO file (key, bundle, path, packed) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET fact = NULL, packed = max(packed, excluded.packed)",
                [(key, bundle, path, is_packed) for key, path, is_packed in files],
            )

    def settle(self, facts: Iterable[tuple[str, str, bool]]) -> None:
        """Note what the file of each (key, fact, is packed) was made from, now that it is written."""
        with self._transaction():
            self._database.executemany(
                "UPDATE file SET fact = ?, packed = ? WHERE key = ?",
                [(fact, is_packed, key) for key, fact, is_packed in facts],
            )

    def finish(self, bundle: str, version: str) -> None:
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO bundle VALUES (?, ?)", [bundle, version])

    def drop(self, keys: Iterable[str]) -> None:
        with self._transaction():
            self._database.executemany("DELETE FROM file WHERE key = ?", [(key,) for key in keys])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


@contextmanager
def opened(folder: Path) -> Iterator[Manifest]:
    """The manifest of *folder*, made where there is none. Raises SettingsError for one that is not ours, or in use."""
    path = folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists() and any(folder.iterdir()):
        raise SettingsError(f"{folder} holds files that we did not write; name an empty or a new folder")
    database = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        # held until it is closed, by whatever end this process finds
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # a power cut may cost the notes of the last moment, and with them the work, nothing else
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")
        database.executescript(SCHEMA)
        yield Manifest(database)
    except sqlite3.Error as error:
        if error.sqlite_errorname == "SQLITE_BUSY":
            raise SettingsError(f"another export is writing to {folder}; let it end first") from error
        raise SettingsError(f"{path}: {error}; make room, or remove the whole folder and export it anew") from error
    finally:
        database.close()
