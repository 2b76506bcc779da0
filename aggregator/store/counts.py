"""What is asked for numbers: how many entries a time, a university or a tag has, and how each source stands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, func, or_, select, text

from aggregator.model import Entry, EntryTag, Poll, Source, Tag
from aggregator.query import EVERYTHING, Selection
from aggregator.store.selecting import Shape, count, question
from aggregator.store.sources import SourceState

if TYPE_CHECKING:
    from aggregator.store import Store

entry, entry_tag, tag = Entry.__table__, EntryTag.__table__, Tag.__table__  # type: ignore[attr-defined]
source, poll = Source.__table__, Poll.__table__  # type: ignore[attr-defined]

BROKEN_AFTER = 3  # as health.py has it, which this room does not know


@dataclass(frozen=True, slots=True)
class Size:
    """How much the service follows; what is switched off does not count."""

    universities: int
    sources: int


@dataclass(frozen=True, slots=True)
class Share:
    """How many entries *name* has in each of some spans of time."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the service stands, in numbers."""

    states: Mapping[str, int]  # health.State -> sources
    due: int
    due_since: datetime | None  # when the longest due source fell due; None: none is due
    entries: int
    polls: Sequence[tuple[str, str | None, int]]  # since a moment: (outcome, fault, how many)
    stored_bytes: int


class Counts:
    """*bounds* are moments, oldest first; each and the next are a span, its end not included."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def size(self) -> Size:
        query = select(func.count(source.c.university.distinct()), func.count()).where(source.c.enabled)
        with self._store.read() as connection:
            universities, sources = connection.execute(query).one()
        return Size(universities, sources)

    def between(self, bounds: Sequence[datetime], selection: Selection = EVERYTHING) -> list[int]:
        """How many entries of *selection* each span has. Raises NotFound for a name in it that is unknown."""
        with self._store.read() as connection:
            asked = question(connection, selection)
            if asked is None:
                return [0] * (len(bounds) - 1)
            return list(connection.execute(_of(asked.shape, len(bounds)), _moments(bounds) | asked.values).one())

    def by_university(self, bounds: Sequence[datetime]) -> list[Share]:
        """Every university, the one with most entries in the spans first, then by name."""
        with self._store.read() as connection:
            return _shares(connection.execute(_of_universities(len(bounds)), _moments(bounds)))

    def by_tag(self, bounds: Sequence[datetime], limit: int, names: Iterable[str] | None = None) -> list[Share]:
        """The *limit* fullest tags of all or of *names*, the one with most entries in the spans first, then by name."""
        asked = _moments(bounds) | {"limit": limit} | ({} if names is None else {"names": list(names)})
        with self._store.read() as connection:
            return _shares(connection.execute(_of_tags(len(bounds), names is not None), asked))

    def standing(self, now: datetime, since: datetime) -> Standing:
        """All that /metrics says, in a few milliseconds for thousands of sources."""
        state = state_at(now).label("state")
        states = select(state, func.count()).group_by(state)
        due = select(func.count(), func.min(source.c.next_poll_at)).where(
            source.c.enabled, source.c.next_poll_at <= now
        )
        polls = select(poll.c.outcome, poll.c.fault, func.count()).where(poll.c.polled_at >= since)
        polls = polls.group_by(poll.c.outcome, poll.c.fault).order_by(poll.c.outcome, poll.c.fault)
        if self._store.is_sqlite:
            size = text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        else:
            size = text("SELECT pg_database_size(current_database())")
        with self._store.read() as connection:
            due_count, due_since = connection.execute(due).one()
            return Standing(
                {row[0]: row[1] for row in connection.execute(states)},
                due_count,
                due_since,
                connection.execute(select(func.count()).select_from(entry)).scalar_one(),
                [(row[0], row[1], row[2]) for row in connection.execute(polls)],
                connection.execute(size).scalar_one(),
            )

    def of_sources(self, university: str | None = None) -> list[SourceState]:
        """Every source (of *university*) by university and name, with its newest poll; two queries for any number."""
        number = select(func.count()).where(entry.c.source_id == source.c.id).scalar_subquery()
        query = select(source, number.label("entry_count")).order_by(source.c.university, source.c.name)
        newest = select(func.max(poll.c.id)).group_by(poll.c.source_id)
        if university is not None:
            query = query.where(source.c.university == university)
            its = select(source.c.id).where(source.c.university == university)
            newest = newest.where(poll.c.source_id.in_(its))
        with self._store.read() as connection:
            polls = {row.source_id: (row,) for row in connection.execute(select(poll).where(poll.c.id.in_(newest)))}
            return [_state(row, polls.get(row.id, ())) for row in connection.execute(query)]


def state_at(now: datetime) -> ColumnElement[str]:
    """What health.health says of a source's row, for the database to count."""
    its = source.c
    met = its.strikes + its.failures
    return case(
        (~its.enabled, "off"),
        (its.polled_at.is_(None), "new"),
        ((met > 0) & (its.fault == "gone"), "gone"),
        (or_(its.strikes >= BROKEN_AFTER, its.failures >= BROKEN_AFTER), "broken"),
        (met > 0, "failing"),
        (its.stale_at <= now, "stale"),
        (its.quiet_at <= now, "quiet"),
        else_="working",
    )


# statements by their number of bounds, made once: making one costs more than asking it


@lru_cache(maxsize=500)
def _of(shape: Shape, bounds: int) -> Select[*tuple[Any, ...]]:
    return select(*(count(shape, f"moment_{number}", f"moment_{number + 1}") for number in range(bounds - 1)))


@cache
def _of_universities(bounds: int) -> Select[*tuple[Any, ...]]:
    # a seek in the index per source: cheaper than reading the spans' entries to learn their source
    sort = entry.c.sort
    columns = [func.count(sort).filter(_in_span(sort, number)) for number in range(bounds - 1)]
    its = and_(entry.c.source_id == source.c.id, _in_span(sort, 0, bounds - 1))
    return select(source.c.university, *columns).outerjoin_from(source, entry, its).group_by(source.c.university)


@cache
def _of_tags(bounds: int, of_names: bool) -> Select[*tuple[Any, ...]]:
    # a seek per span: the fullest tags have too many entries to look at each
    columns = [
        select(func.count()).where(entry_tag.c.tag_id == tag.c.id, _in_span(entry_tag.c.sort, number)).scalar_subquery()
        for number in range(bounds - 1)
    ]
    fullest = select(tag.c.id).where(tag.c.entry_count > 0).order_by(tag.c.entry_count.desc(), tag.c.name)
    if of_names:
        fullest = fullest.where(tag.c.name.in_(bindparam("names", expanding=True)))
    return select(tag.c.name, *columns).where(tag.c.id.in_(fullest.limit(bindparam("limit"))))


def _in_span(sort: ColumnElement[int], first: int, end: int | None = None) -> ColumnElement[bool]:
    """Whether an entry is between two bounds, adjoining ones unless *end* is given; _moments has their values."""
    return and_(sort >= bindparam(f"moment_{first}"), sort < bindparam(f"moment_{end or first + 1}"))


def _moments(bounds: Sequence[datetime]) -> dict[str, Any]:
    return {f"moment_{number}": int(moment.timestamp()) for number, moment in enumerate(bounds)}


def _shares(rows: Iterable[Row[Any]]) -> list[Share]:
    shares = [Share(row[0], tuple(row[1:])) for row in rows]
    return sorted(shares, key=lambda share: (-sum(share.counts), share.name))


def _state(row: Row[Any], polls: tuple[Row[Any], ...]) -> SourceState:
    # rows have the columns of the objects by name; making objects of them would cost most of the time
    return SourceState(cast(Source, row), row.entry_count, cast(tuple[Poll, ...], polls))
