"""Stored bytes of feeds, and the versions that tell whether they are current."""

import gzip
import hashlib
import sqlite3
from collections.abc import Collection, Hashable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, literal_column, select, update

from aggregator.errors import StoreError
from aggregator.model import Entry, EntryTag, FeedVersion, RenderedFeed
from aggregator.store.bulk import IDS, Bulk, chunks

if TYPE_CHECKING:
    from aggregator.store import Store

# where every question is a journey to a server, it is asked no more often
STATE_SECONDS = 1.0
# scopes one of which moves with every change of what is published
ALL_SCOPES = ("all", "sources")
SECOND = timedelta(seconds=1)  # what HTTP dates can tell apart

feed_version, rendered = FeedVersion.__table__, RenderedFeed.__table__  # type: ignore[attr-defined]
entry, entry_tag = Entry.__table__, EntryTag.__table__  # type: ignore[attr-defined]

# made once: making a statement costs more than asking it
TAGS_OF = select(entry_tag.c.tag_id).where(entry_tag.c.entry_id.in_(IDS)).distinct()
SOURCES_OF = select(entry.c.source_id).where(entry.c.id.in_(IDS)).distinct()
VERSIONS = select(feed_version.c.scope, feed_version.c.version).where(
    feed_version.c.scope.in_(bindparam("scopes", expanding=True))
)


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """A feed as it is served: *etag* is strong and unquoted, *gzipped* the same body compressed."""

    media_type: str
    etag: str
    last_modified: datetime
    body: bytes
    gzipped: bytes

    @classmethod
    def made(cls, media_type: str, body: bytes, changed_at: datetime) -> "StoredFeed":
        """*body* as it is served when it is not kept."""
        etag = hashlib.sha256(body).hexdigest()[:32]
        return cls(media_type, etag, changed_at, body, gzip.compress(body, 6, mtime=0))


class Feeds:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._lock = Lock()
        self._watcher: sqlite3.Connection | None = None
        self._state: tuple[float, Hashable] = (-STATE_SECONDS, None)
        more = {"version": feed_version.c.version + literal_column("1")}
        self.count = Bulk(store.insert(feed_version).on_conflict_do_update(index_elements=["scope"], set_=more))

    def state(self) -> Hashable:
        """A value that differs from an earlier one of this process if anything published has changed since.

        Of SQLite at once, by whichever process it was changed, in microseconds; of PostgreSQL after a second.
        """
        with self._lock:
            if self._store.path is None:
                asked_at, state = self._state
                if monotonic() - asked_at >= STATE_SECONDS:
                    now = monotonic()
                    state = self.version(ALL_SCOPES)
                    self._state = now, state
                return state
            try:
                if self._watcher is None:
                    self._watcher = sqlite3.connect(self._store.path, check_same_thread=False, isolation_level=None)
                # https://www.sqlite.org/pragma.html#pragma_data_version: moves with each commit of another connection
                return int(self._watcher.execute("PRAGMA data_version").fetchall()[0][0])
            except sqlite3.Error as error:
                raise StoreError(f"{self._store.name}: {error}") from error

    def close(self) -> None:
        with self._lock:  # closed under the query of another thread it would end the process
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None

    def version(self, scopes: Collection[str]) -> str:
        """A text that changes when an entry of any of *scopes* ("all", "tag:7", "source:3") does."""
        with self._store.read() as connection:
            found = {row.scope: row.version for row in connection.execute(VERSIONS, {"scopes": list(scopes)})}
        return ",".join(f"{scope}={found.get(scope, 0)}" for scope in sorted(scopes))

    def versions(self) -> dict[str, int]:
        """How often each scope has changed; one that is not named has not."""
        with self._store.read() as connection:
            return {row.scope: row.version for row in connection.execute(select(feed_version))}

    def current(self, key: str, version: str) -> StoredFeed | None:
        """The stored feed called *key*, None where it was not made at *version*."""
        with self._store.read() as connection:
            row = connection.execute(
                select(rendered).where(rendered.c.key == key, rendered.c.version == version)
            ).first()
        return StoredFeed(row.media_type, row.etag, row.last_modified, row.body, row.gzipped) if row else None

    def keep(self, key: str, version: str, media_type: str, body: bytes, changed_at: datetime) -> StoredFeed:
        """Store *body* as the feed called *key* and return it as it will be served.

        Where the bytes did not change, neither do ETag and Last-Modified, whatever else the version counted; where they
        did, Last-Modified is *changed_at* or later than before, so that nobody who asks by time misses the change.
        """
        made = StoredFeed.made(media_type, body, changed_at)
        with self._store.write() as connection:
            known = select(rendered.c.etag, rendered.c.last_modified).where(rendered.c.key == key).with_for_update()
            former = connection.execute(known).first()
            if former is not None:
                later = max(changed_at, former.last_modified + SECOND)
                made = replace(made, last_modified=former.last_modified if former.etag == made.etag else later)
            row = {"version": version, **asdict(made)}
            insert = self._store.insert(rendered).values(key=key, **row)
            connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=row))
        return made

    def forget_stale(self) -> None:
        """Empty the stored feeds that are not current: what was deleted stands in none of them any more.

        What they were stays known, so that who asks for what has changed since is told.
        """
        versions = self.versions()
        with self._store.read() as connection:
            rows = connection.execute(select(rendered.c.key, rendered.c.version)).all()
        stale = []
        for row in rows:
            scopes = [one.rpartition("=") for one in row.version.partition(";")[0].split(",")]
            if any(versions.get(scope, 0) != int(version or 0) for scope, _, version in scopes):
                stale.append({"this": row.key, "then": row.version})
        if stale:
            of_it = (rendered.c.key == bindparam("this")) & (rendered.c.version == bindparam("then"))
            emptied = update(rendered).where(of_it).values(body=b"", gzipped=b"")
            self._store.transact(lambda connection: connection.execute(emptied, stale))


def scopes_of(connection: Connection, ids: Collection[int]) -> set[str]:
    """The scopes of all feeds that show one of the entries *ids*; none of no entries."""
    found = {"all"} if ids else set()
    for chunk in chunks(sorted(ids)):
        found.update(f"tag:{id_}" for id_ in connection.execute(TAGS_OF, {"ids": chunk}).scalars())
        found.update(f"source:{id_}" for id_ in connection.execute(SOURCES_OF, {"ids": chunk}).scalars())
    return found


def count_change(store: "Store", connection: Connection, scopes: Iterable[str]) -> None:
    """Let no stored feed of any of *scopes* be current any more: the last that a transaction does, and once.

    Tags go before: of two transactions that lock them in another order PostgreSQL breaks one off.
    """
    store.feeds.count(connection, [{"scope": scope, "version": 1} for scope in sorted(scopes)])
