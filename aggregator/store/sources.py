"""What is asked of sources and polls: which exist, which are due, how their visits went."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Row, bindparam, func, or_, select, update

from aggregator.errors import NotFound
from aggregator.model import Entry, FeedVersion, Poll, Site, Source, SourceRef, SourceRule
from aggregator.store import breaks

if TYPE_CHECKING:
    from aggregator.store import Store

# kept per source for its health; older polls are tidied away
POLLS_KEPT = 200

source, poll, entry = Source.__table__, Poll.__table__, Entry.__table__  # type: ignore[attr-defined]
feed_version = FeedVersion.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source with what its polls say."""

    source: Source
    entry_count: int
    polls: tuple[Poll, ...]  # newest first, at most as many as asked for

    @property
    def ref(self) -> SourceRef:
        return SourceRef(self.source.name, self.source.title, self.source.url, self.source.university)


class Sources:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def sync(self, rules: Sequence[tuple[Site, SourceRule]], now: datetime) -> None:
        """Make the table say what the site files say. A source that left the files is switched off; its entries stay.

        A changed address forgets what the old one taught (validators, rule). Any change moves the scope "sources" of
        feed versions: what is rendered may name a source as it was.
        """
        with self._store.write() as connection:
            known = {row.name: row for row in connection.execute(select(source))}
            changed = False
            for site, rule in rules:
                said = {
                    "site": site.name,
                    "university": site.university,
                    "title": rule.title,
                    "url": rule.url,
                    "kind": rule.kind,
                    "enabled": rule.enabled,
                    "rule_hash": hashlib.sha256(repr((rule, site.timezone.key)).encode()).hexdigest()[:16],
                }
                row = known.pop(rule.name, None)
                changed |= row is None or any(getattr(row, key) != value for key, value in said.items())
                if row is None:
                    connection.execute(source.insert(), {"name": rule.name, "next_poll_at": now, "failures": 0, **said})
                elif any(getattr(row, key) != value for key, value in said.items()):
                    if row.rule_hash != said["rule_hash"]:
                        said |= {
                            "etag": None,
                            "last_modified": None,
                            "body_hash": None,
                            "found_kind": None,
                            "rule": None,
                            "look": None,
                            "repair": None,
                            "newest": None,
                            "per_day": None,
                            "working_share": None,
                            "quiet_at": None,
                            "stale_at": None,
                            "next_poll_at": now,
                        }
                    connection.execute(update(source).where(source.c.id == row.id).values(said))
            gone = [row.id for row in known.values() if row.enabled]
            if gone:
                connection.execute(update(source).where(source.c.id.in_(gone)).values(enabled=False))
            breaks.forget(connection, now)
            if changed or gone:
                _count_change(connection)

    def claim(self, now: datetime, limit: int, lease: timedelta, names: Sequence[str] | None = None) -> list[Source]:
        """At most *limit* sources to poll now, longest due first, leased so that no other worker takes them.

        With *names* these sources, due or not; without, the enabled ones whose next_poll_at has come.
        """
        free = or_(source.c.leased_until.is_(None), source.c.leased_until <= now)
        wanted = source.c.name.in_(names) if names is not None else source.c.enabled & (source.c.next_poll_at <= now)
        due = select(source.c.id).where(wanted, free).order_by(source.c.next_poll_at, source.c.id).limit(limit)
        if not self._store.is_sqlite:
            due = due.with_for_update(skip_locked=True)
        with self._store.read() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []  # the usual tick: nothing due costs no write lock
        statement = update(source).where(source.c.id.in_(due)).values(leased_until=now + lease).returning(*source.c)
        with self._store.write() as connection:
            rows = connection.execute(statement).all()
        return sorted((_source(row) for row in rows), key=lambda one: (one.next_poll_at, one.id))

    def release(self, claimed: Iterable[Source]) -> None:
        """Give back the leases of *claimed* sources that were not polled, unless another holds them by now."""
        mine = (source.c.id == bindparam("this")) & (source.c.leased_until == bindparam("lease"))
        rows = [{"this": one.id, "lease": one.leased_until} for one in claimed]
        with self._store.write() as connection:
            if rows:
                connection.execute(update(source).where(mine).values(leased_until=None), rows)

    def release_all(self) -> None:
        """Give back every lease: for a scheduler that knows it is the only one, after a crash."""
        with self._store.write() as connection:
            connection.execute(update(source).where(source.c.leased_until.is_not(None)).values(leased_until=None))

    def due_count(self, now: datetime) -> int:
        """How many enabled sources are due and free."""
        free = or_(source.c.leased_until.is_(None), source.c.leased_until <= now)
        with self._store.read() as connection:
            query = select(func.count()).where(source.c.enabled, source.c.next_poll_at <= now, free)
            return connection.execute(query).scalar_one()

    def next_due_at(self) -> datetime | None:
        """When the next enabled source falls due, None where there is none."""
        with self._store.read() as connection:
            return connection.execute(select(func.min(source.c.next_poll_at)).where(source.c.enabled)).scalar()

    def all(self, polls: int = 10) -> list[SourceState]:
        """Every source by university and name, with its newest *polls*."""
        with self._store.read() as connection:
            rows = connection.execute(select(source).order_by(source.c.university, source.c.name)).all()
            return [self._state(connection, row, polls) for row in rows]

    def by_name(self, name: str, polls: int = 20) -> SourceState:
        """The source called *name*; raises NotFound."""
        with self._store.read() as connection:
            row = connection.execute(select(source).where(source.c.name == name)).first()
            if row is None:
                raise NotFound(f"there is no source called {name!r}")
            return self._state(connection, row, polls)

    def tidy(self, keep: int = POLLS_KEPT) -> int:
        """Delete polls beyond the newest *keep* of each source; returns how many."""
        number = func.row_number().over(partition_by=poll.c.source_id, order_by=poll.c.id.desc()).label("number")
        numbered = select(poll.c.id, number).subquery()
        with self._store.write() as connection:
            old = poll.delete().where(poll.c.id.in_(select(numbered.c.id).where(numbered.c.number > keep)))
            return connection.execute(old).rowcount

    def _state(self, connection: Connection, row: Row[Any], polls: int) -> SourceState:
        count = connection.execute(select(func.count()).where(entry.c.source_id == row.id)).scalar_one()
        newest = select(poll).where(poll.c.source_id == row.id).order_by(poll.c.id.desc()).limit(polls)
        history = tuple(Poll(**one._mapping) for one in connection.execute(newest))
        return SourceState(_source(row), count, history)


def _count_change(connection: Connection) -> None:
    more = update(feed_version).where(feed_version.c.scope == "sources").values(version=feed_version.c.version + 1)
    if connection.execute(more).rowcount == 0:
        connection.execute(feed_version.insert(), {"scope": "sources", "version": 1})


def _source(row: Row[Any]) -> Source:
    # a row has a Source's columns by name; making the object costs more than polling an unchanged feed
    return cast(Source, row)
