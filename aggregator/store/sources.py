"""What is asked of sources and polls: which exist, which are due, how their visits went."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from aggregator.identity import turn_of
from aggregator.model import Entry, Pending, Poll, Site, Source, SourceRef, SourceRule
from aggregator.store import breaks, feeds, leases, names

if TYPE_CHECKING:
    from aggregator.store import Store

# kept per source for its health; older polls are tidied away
POLLS_KEPT = 200
# what the polls of a source taught, where its site file says something else now
TAUGHT = ("etag", "last_modified", "body_hash", "found_kind", "rule", "look", "repair")
RHYTHM = (
    "fetched_at",
    "moved_to",
    "moved_at",
    "newest",
    "per_day",
    "working_share",
    "quiet_at",
    "stale_at",
    "kept_at",
    "list_at",
)
FORGOTTEN = dict.fromkeys((*TAUGHT, *RHYTHM))

source, poll, entry = Source.__table__, Poll.__table__, Entry.__table__  # type: ignore[attr-defined]
pending = Pending.__table__  # type: ignore[attr-defined]

# what a site file says of a source: reading what polls taught, too, would double the cost of a start
SAID = ("site", "university", "title", "url", "host", "kind", "enabled", "rule_hash", "given")
FOLLOWED = select(source.c.id, source.c.name, *(source.c[name] for name in SAID))


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source with what its polls say."""

    source: Source
    entry_count: int
    polls: tuple[Poll, ...]  # newest first, at most as many as asked for

    @property
    def ref(self) -> SourceRef:
        return SourceRef(self.source.name, self.source.title, self.source.url, self.source.university)

    @property
    def next_list_at(self) -> datetime | None:
        """When its list is asked for next, its articles aside; None: it is switched off."""
        return (self.source.list_at or self.source.next_poll_at) if self.source.enabled else None


class Sources:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def sync(self, rules: Sequence[tuple[Site, SourceRule]], now: datetime) -> None:
        """Make the table say what the site files say. A source that left the files is switched off; its entries stay.

        A changed address forgets what the old one taught (validators, rule). Any change moves the scope "sources" of
        feed versions: what is rendered may name a source as it was.
        """
        self._store.transact(lambda connection: self._sync(connection, rules, now), alone=True)

    def _sync(self, connection: Connection, rules: Sequence[tuple[Site, SourceRule]], now: datetime) -> None:
        known = {row.name: row for row in connection.execute(FOLLOWED).all()}
        new, hosts = [], set()
        changed = False
        for site, rule in rules:
            said = _said(site, rule)
            row = known.pop(rule.name, None)
            if row is None:
                new.append({"name": rule.name, "next_poll_at": now, "failures": 0, **said})
                hosts.add(said["host"])
            elif any(getattr(row, key) != value for key, value in said.items()):
                changed = True
                hosts |= {row.host, said["host"]}
                if row.rule_hash != said["rule_hash"]:
                    # failures lengthen the pause: those of the old address are not the new one's
                    said |= {**FORGOTTEN, "next_poll_at": now, "failures": 0}
                connection.execute(update(source).where(source.c.id == row.id).values(said))
        gone = [row for row in known.values() if row.enabled]
        for row in gone:
            connection.execute(update(source).where(source.c.id == row.id).values(enabled=False))
            hosts.add(row.host)
        if new:
            connection.execute(source.insert(), new)
        leases.schedule(connection, hosts)
        breaks.forget(connection, now)
        are_renamed = names.keep_aliases(connection, {site.name: site for site, _ in rules}.values())
        if new or changed or gone or are_renamed:
            feeds.count_change(self._store, connection, {"sources"})

    def postpone(self, sources: Iterable[Source], until: datetime) -> None:
        """Let *sources* not be due before *until*: they cannot be polled here."""
        later = update(source).where(source.c.id.in_([one.id for one in sources])).values(next_poll_at=until)
        self._store.transact(lambda connection: connection.execute(later))

    def due_count(self, now: datetime) -> int:
        """How many enabled sources are due and free."""
        due = select(func.count()).where(
            source.c.host.in_(leases.DUE), source.c.enabled, source.c.next_poll_at <= bindparam("now")
        )
        with self._store.read() as connection:
            return connection.execute(due, {"now": now}).scalar_one()

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
                raise names.unknown("source", name, connection.execute(names.SOURCE_NAMES).scalars())
            return self._state(connection, row, polls)

    def tidy(self, keep: int = POLLS_KEPT) -> int:
        """Delete polls beyond the newest *keep* of each source; returns how many.

        Also what is still noted to be tried again though another worker stored it at the same moment.
        """
        old = poll.delete().where(poll.c.id.in_(_beyond(keep)))

        def work(connection: Connection) -> int:
            connection.execute(pending.delete().where(pending.c.uid.in_(select(entry.c.uid))))
            return connection.execute(old).rowcount

        return self._store.transact(work)

    def outdated(self, keep: int = POLLS_KEPT) -> int:
        """How many polls ``tidy`` would delete."""
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(_beyond(keep).subquery())).scalar_one()

    def _state(self, connection: Connection, row: Row[Any], polls: int) -> SourceState:
        count = connection.execute(select(func.count()).where(entry.c.source_id == row.id)).scalar_one()
        newest = select(poll).where(poll.c.source_id == row.id).order_by(poll.c.id.desc()).limit(polls)
        history = tuple(Poll(**one._mapping) for one in connection.execute(newest))
        return SourceState(_source(row), count, history)


def _beyond(keep: int) -> Select[Any]:
    """The ids of the polls beyond the newest *keep* of each source."""
    number = func.row_number().over(partition_by=poll.c.source_id, order_by=poll.c.id.desc()).label("number")
    numbered = select(poll.c.id, number).subquery()
    return select(numbered.c.id).where(numbered.c.number > keep)


def rule_hash(site: Site, rule: SourceRule) -> str:
    """What tells that a source's site file says something else than it did."""
    return hashlib.sha256(repr((rule, site.timezone.key)).encode()).hexdigest()[:16]


def _said(site: Site, rule: SourceRule) -> dict[str, Any]:
    """What a site file says of a source, as its row holds it."""
    return {
        "site": site.name,
        "university": site.university,
        "title": rule.title,
        "url": rule.url,
        "host": turn_of(rule.url),
        "kind": rule.kind,
        "enabled": rule.enabled,
        "rule_hash": rule_hash(site, rule),
        "given": [list(one) for one in site.given(rule)],
    }


def _source(row: Row[Any]) -> Source:
    # a row has a Source's columns by name; making the object costs more than polling an unchanged feed
    return cast(Source, row)
