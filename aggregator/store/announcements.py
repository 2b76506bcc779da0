"""What hubs are told of our feeds: which changes they have not heard of yet, and what became of telling them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, or_, select, update

from aggregator.model import Announcement, FeedVersion, Source, Tag

if TYPE_CHECKING:
    from aggregator.store import Store

AT_ONCE = 50  # announcements of one round; the next tick brings the next
BACKOFF, LONGEST_BACKOFF = timedelta(minutes=1), timedelta(hours=6)
LONGEST_MESSAGE = 300

announcement, feed_version = Announcement.__table__, FeedVersion.__table__  # type: ignore[attr-defined]
tag, source = Tag.__table__, Source.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Change:
    """A feed that is new since *hub* was last told; *kind* is "everything", "tag" or "source"."""

    hub: str
    scope: str
    version: int
    kind: str
    name: str
    university: str | None = None  # of a source


class Announcements:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def claim(self, hubs: Sequence[str], now: datetime) -> list[Change]:
        """What to tell *hubs* now, at most AT_ONCE changes. Whoever claims one tells; until then it counts as a try.

        A hub that is new hears of what changes from now on.
        """
        with self._store.read() as connection:
            if not self._due(connection, hubs, now) and not self._unknown(connection, hubs):
                return []
        return self._store.transact(lambda connection: self._claim(connection, hubs, now), alone=True)

    def told(self, change: Change) -> None:
        """The hub has taken it."""
        self._set(change, {"version": change.version, "tries": 0, "next_at": None, "message": None})

    def failed(self, change: Change, message: str) -> None:
        """The hub has not taken it; it is tried again after a while."""
        self._set(change, {"message": message[:LONGEST_MESSAGE]})

    def failing(self) -> list[tuple[str, str]]:
        """(hub, why) of those that could not be told of something."""
        query = select(announcement.c.hub, announcement.c.message).where(announcement.c.message.is_not(None))
        with self._store.read() as connection:
            return [(row.hub, row.message) for row in connection.execute(query.order_by(announcement.c.next_at))]

    def _claim(self, connection: Connection, hubs: Sequence[str], now: datetime) -> list[Change]:
        connection.execute(delete(announcement).where(announcement.c.hub.not_in(hubs)))
        for hub in self._unknown(connection, hubs):
            versions = connection.execute(select(feed_version)).all()
            rows = [{"hub": hub, "scope": row.scope, "version": row.version} for row in versions]
            # a row of its own, so that a hub is known before anything is published
            connection.execute(insert(announcement), [{"hub": hub, "scope": "", "version": 0}, *rows])
        tags = {row.id: row.name for row in connection.execute(select(tag.c.id, tag.c.name))}
        sources = {row.id: row for row in connection.execute(select(source.c.id, source.c.name, source.c.university))}
        changes = []
        for hub, scope, version, tries in self._due(connection, hubs, now):
            kind, _, number = scope.partition(":")
            said = {"tries": tries + 1, "next_at": now + min(BACKOFF * (1 << min(tries, 10)), LONGEST_BACKOFF)}
            if kind == "all":
                changes.append(Change(hub, scope, version, "everything", ""))
            elif kind == "source":
                row = sources[int(number)]
                changes.append(Change(hub, scope, version, "source", row.name, row.university))
            elif int(number) in tags:
                changes.append(Change(hub, scope, version, "tag", tags[int(number)]))
            else:  # part of another one now: nobody is to hear of it
                said = {"version": version}
            statement = self._store.insert(announcement).values({"hub": hub, "scope": scope, "version": 0} | said)
            connection.execute(statement.on_conflict_do_update(index_elements=["hub", "scope"], set_=said))
        return changes

    def _due(self, connection: Connection, hubs: Sequence[str], now: datetime) -> list[tuple[str, str, int, int]]:
        """(hub, scope, version, tries) of what known *hubs* have not heard of and may be told now."""
        known = announcement.alias("known")
        found = []
        for hub in hubs:
            told = announcement.c.hub == hub
            query = (
                select(feed_version.c.scope, feed_version.c.version, announcement.c.tries)
                .outerjoin(announcement, (announcement.c.scope == feed_version.c.scope) & told)
                .where(
                    select(known.c.hub).where(known.c.hub == hub).exists(),
                    feed_version.c.scope != "sources",
                    or_(announcement.c.version.is_(None), announcement.c.version < feed_version.c.version),
                    or_(announcement.c.next_at.is_(None), announcement.c.next_at <= now),
                )
                .order_by(feed_version.c.scope)
            )
            found += [(hub, row.scope, row.version, row.tries or 0) for row in connection.execute(query.limit(AT_ONCE))]
        return found[:AT_ONCE]

    def _unknown(self, connection: Connection, hubs: Sequence[str]) -> list[str]:
        known = set(connection.execute(select(announcement.c.hub).distinct()).scalars())
        return [hub for hub in hubs if hub not in known]

    def _set(self, change: Change, values: dict[str, object]) -> None:
        this = (announcement.c.hub == change.hub) & (announcement.c.scope == change.scope)
        self._store.transact(lambda connection: connection.execute(update(announcement).where(this).values(values)))
