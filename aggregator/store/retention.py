"""Which entries have been kept for long enough, and what still needs them; deleted in pieces, each a transaction.

What remains of one stands in burial.py.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import Connection, LargeBinary, bindparam, cast, exists, func, select, tuple_

from aggregator.model import Edition, EditionEntry, Entry, EntryBody, EntryTag, Source, Story, StoryMember, Tag, Terms
from aggregator.store import burial
from aggregator.store.bulk import IDS
from aggregator.store.burial import YOUNGEST

if TYPE_CHECKING:
    from aggregator.store import Store

PIECE = 200  # entries deleted in one transaction, which polls wait for
# a digest is corrected for a month after its period (editions.py): until then what it counted must not go
CORRECTED_DAYS = timedelta(days=32)

entry, body, entry_tag = Entry.__table__, EntryBody.__table__, EntryTag.__table__  # type: ignore[attr-defined]
source, tag = Source.__table__, Tag.__table__  # type: ignore[attr-defined]
story, member = Story.__table__, StoryMember.__table__  # type: ignore[attr-defined]
edition, listed = Edition.__table__, EditionEntry.__table__  # type: ignore[attr-defined]

IS_LISTED = exists().where(listed.c.entry_id == entry.c.id).label("is_listed")
OLDEST = (
    select(entry.c.id, entry.c.sort, entry.c.source_id, IS_LISTED)
    .where(entry.c.sort < bindparam("before"))
    .where(tuple_(entry.c.sort, entry.c.id) > tuple_(bindparam("sort"), bindparam("id")))
    .order_by(entry.c.sort, entry.c.id)
    .limit(bindparam("most"))
)
TELLERS = (
    select(entry.c.id, entry.c.sort, entry.c.source_id, IS_LISTED, story.c.id.label("story_id"), story.c.first_entry_id)
    .join(member, member.c.entry_id == entry.c.id)
    .join(story, story.c.id == member.c.story_id)
)


class Reason(NamedTuple):
    """Why an entry goes: by what all are kept for, or what its source or a tag of that *name* says."""

    by: Literal["age", "source", "tag"]
    name: str
    days: int


class Amount(NamedTuple):
    entries: int = 0
    bytes: int = 0  # of their texts

    def plus(self, other: "Amount") -> "Amount":
        return Amount(self.entries + other.entries, self.bytes + other.bytes)


@dataclass(slots=True)
class Leaving:
    """What goes, by reason, and how many entries stay though their days are over, by what needs them."""

    gone: dict[Reason, Amount] = field(default_factory=dict)
    needed: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Leaving") -> None:
        for reason, amount in other.gone.items():
            self.gone[reason] = self.gone.get(reason, Amount()).plus(amount)
        self.needed += other.needed

    @property
    def total(self) -> Amount:
        return Amount(sum(one.entries for one in self.gone.values()), sum(one.bytes for one in self.gone.values()))


@dataclass(frozen=True, slots=True)
class _Judged:
    """Terms by the numbers of sources and tags, with names; *counted*: the entries of digests that may change yet.

    What is dated *before*, in seconds since 1970, and nothing younger, may go at all.
    """

    days: int
    before: int
    sources: Mapping[int, Reason]
    tags: Mapping[int, Reason]
    counted: frozenset[int]

    def reason(self, source_id: int, tag_ids: list[int]) -> Reason:
        said = [*([self.sources[source_id]] if source_id in self.sources else []), *(self.tags[id_] for id_ in tag_ids)]
        return max(said, key=lambda one: one.days or FOR_EVER, default=Reason("age", "", self.days))


FOR_EVER = 1_000_000  # days


class Retention:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def pieces(self, terms: Terms, now: datetime, month: datetime, *, dry_run: bool = False) -> Iterator[Leaving]:
        """Delete what *terms* keep no longer, oldest first, a piece at each step; what went, or *dry_run* would.

        Entries dated in the month that began at *month*, where the site is, are in no final digest yet, and stay.
        """
        shortest = min((days for days in _all_days(terms) if days), default=0)
        if not shortest:
            return
        before = min(now - timedelta(days=shortest), now - YOUNGEST, month)
        with self._store.read() as connection:
            judged = _judged(connection, terms, now, int(before.timestamp()))
        place: Mapping[str, int] = {"sort": -(2**62), "id": 0}
        while True:
            with self._store.read() as connection:
                asked = {**place, "before": judged.before, "most": PIECE}
                rows = connection.execute(OLDEST, asked).all()
                leaving, reasons = self._sorted_out(connection, rows, judged, now)
                sizes = self._sizes(connection, list(reasons))
            if not rows:
                return
            if not dry_run and reasons:
                buried = self._store.transact(lambda connection: burial.bury(self._store, connection, reasons, now))  # noqa: B023
                reasons = {id_: reason for id_, reason in reasons.items() if id_ in buried}
            for id_, reason in reasons.items():
                leaving.gone[reason] = leaving.gone.get(reason, Amount()).plus(Amount(1, sizes.get(id_, 0)))
            yield leaving
            place = {"sort": rows[-1].sort, "id": rows[-1].id}

    def _sorted_out(
        self, connection: Connection, rows: Sequence[Any], judged: _Judged, now: datetime
    ) -> tuple[Leaving, dict[int, Reason]]:
        """Those of *rows* that may go with the reason, and how many may not."""
        leaving, over = Leaving(), self._over(connection, rows, judged, now)
        may_go = {row.id for row in rows if not (row.is_listed or row.id in judged.counted)} & over.keys()
        leaving.needed["digest"] = len(over) - len(may_go)
        told = self._needed_by_stories(connection, may_go, judged, now)
        leaving.needed["story"] = len(told)
        leaving.needed = +leaving.needed  # without zeros
        return leaving, {id_: over[id_] for id_ in over if id_ in may_go - told}

    def _over(self, connection: Connection, rows: Sequence[Any], judged: _Judged, now: datetime) -> dict[int, Reason]:
        """Those of *rows* whose days are over, with the reason."""
        tags: dict[int, list[int]] = {row.id: [] for row in rows}
        if judged.tags and rows:
            query = select(entry_tag.c.entry_id, entry_tag.c.tag_id)
            query = query.where(entry_tag.c.entry_id.in_(IDS), entry_tag.c.tag_id.in_(judged.tags))
            for entry_id, tag_id in connection.execute(query, {"ids": list(tags)}):
                tags[entry_id].append(tag_id)
        reasons = {row.id: (row.sort, judged.reason(row.source_id, tags[row.id])) for row in rows}
        return {
            id_: reason
            for id_, (sort, reason) in reasons.items()
            if reason.days and sort < min((now - timedelta(days=reason.days)).timestamp(), judged.before)
        }

    def _needed_by_stories(
        self, connection: Connection, ids: Collection[int], judged: _Judged, now: datetime
    ) -> set[int]:
        """Those of *ids* that were first to tell a story, or are shown for it, while others who tell it stay."""
        its = select(member.c.story_id).where(member.c.entry_id.in_(IDS))
        tellers = connection.execute(TELLERS.where(member.c.story_id.in_(its)), {"ids": list(ids)}).all()
        over = self._over(connection, tellers, judged, now)
        staying = {row.story_id for row in tellers if row.id not in over or row.is_listed or row.id in judged.counted}
        shown: dict[int, int] = {}
        for row in tellers:
            shown[row.story_id] = min(row.id, shown.get(row.story_id, row.id))
        return {
            row.id
            for row in tellers
            if row.story_id in staying and row.id in ids and row.id in (row.first_entry_id, shown[row.story_id])
        }

    def _sizes(self, connection: Connection, ids: list[int]) -> dict[int, int]:
        """Bytes of the texts of *ids*."""
        if self._store.is_sqlite:
            html, plain = (func.length(cast(column, LargeBinary)) for column in (body.c.html, body.c.text))
        else:
            html, plain = (func.octet_length(column) for column in (body.c.html, body.c.text))
        rows = connection.execute(select(body.c.entry_id, html + plain).where(body.c.entry_id.in_(IDS)), {"ids": ids})
        return {row[0]: row[1] for row in rows}


def _all_days(terms: Terms) -> list[int]:
    return [terms.days, *terms.sources.values(), *terms.tags.values()]


def _judged(connection: Connection, terms: Terms, now: datetime, before: int) -> _Judged:
    sources = connection.execute(select(source.c.id, source.c.name).where(source.c.name.in_(terms.sources)))
    tags = connection.execute(select(tag.c.id, tag.c.name).where(tag.c.name.in_(terms.tags)))
    last: date = (now - CORRECTED_DAYS).date()
    facts = connection.execute(select(edition.c.facts).where(edition.c.last >= last)).scalars()
    return _Judged(
        terms.days,
        before,
        {row.id: Reason("source", row.name, terms.sources[row.name]) for row in sources},
        {row.id: Reason("tag", row.name, terms.tags[row.name]) for row in tags},
        frozenset(id_ for one in facts for id_ in one["ids"]),
    )
