"""Stored bytes of feeds, and the versions that tell whether they are current."""

import gzip
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from aggregator.model import FeedVersion, RenderedFeed

if TYPE_CHECKING:
    from aggregator.store import Store

feed_version, rendered = FeedVersion.__table__, RenderedFeed.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """A feed as it is served: *etag* is strong and unquoted, *gzipped* the same body compressed."""

    media_type: str
    etag: str
    last_modified: datetime
    body: bytes
    gzipped: bytes


class Feeds:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def version(self, scopes: Collection[str]) -> str:
        """A text that changes when an entry of any of *scopes* ("all", "tag:7", "source:3") does."""
        with self._store.read() as connection:
            rows = connection.execute(
                select(feed_version.c.scope, feed_version.c.version).where(feed_version.c.scope.in_(list(scopes)))
            )
            found = {row.scope: row.version for row in rows}
        return ",".join(f"{scope}={found.get(scope, 0)}" for scope in sorted(scopes))

    def current(self, key: str, version: str) -> StoredFeed | None:
        """The stored feed called *key*, None where it was not made at *version*."""
        with self._store.read() as connection:
            row = connection.execute(
                select(rendered).where(rendered.c.key == key, rendered.c.version == version)
            ).first()
        return StoredFeed(row.media_type, row.etag, row.last_modified, row.body, row.gzipped) if row else None

    def keep(self, key: str, version: str, media_type: str, body: bytes, changed_at: datetime) -> StoredFeed:
        """Store *body* as the feed called *key* and return it as it will be served.

        Where the bytes did not change, neither do ETag and Last-Modified, whatever else the version counted.
        """
        etag = hashlib.sha256(body).hexdigest()[:32]
        feed = StoredFeed(media_type, etag, changed_at, body, gzip.compress(body, 6, mtime=0))
        row = {
            "key": key,
            "version": version,
            "media_type": media_type,
            "etag": etag,
            "last_modified": feed.last_modified,
            "body": body,
            "gzipped": feed.gzipped,
        }
        with self._store.write() as connection:
            connection.execute(rendered.delete().where(rendered.c.key == key))
            connection.execute(rendered.insert(), row)
        return feed
