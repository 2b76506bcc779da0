"""What is asked for numbers: how many entries a time, a university or a tag has, and how the sources stand in one look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Label, func, select

from aggregator.model import Entry, EntryTag, Poll, Source, Tag
from aggregator.store.sources import SourceState

if TYPE_CHECKING:
    from aggregator.store import Store

entry, entry_tag, tag = Entry.__table__, EntryTag.__table__, Tag.__table__  # type: ignore[attr-defined]
source, poll = Source.__table__, Poll.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Size:
    """How much the service follows."""

    universities: int
    sources: int


class Counts:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def size(self) -> Size:
        """How many universities and sources are followed; what is switched off does not count."""
        query = select(func.count(source.c.university.distinct()), func.count()).where(source.c.enabled)
        with self._store.read() as connection:
            return Size(*connection.execute(query).one())

    def between(self, bounds: Sequence[datetime], *, tag_id: int | None = None) -> list[int]:
        """How many entries are dated from each of *bounds* to before the next: one number fewer than bounds."""
        if tag_id is None:
            columns = [_number(entry.c.sort, first, end) for first, end in _spans(bounds)]
        else:
            columns = [
                _number(entry_tag.c.sort, first, end, entry_tag.c.tag_id == tag_id) for first, end in _spans(bounds)
            ]
        with self._store.read() as connection:
            return list(connection.execute(select(*columns)).one())

    def by_university(self, bounds: Sequence[datetime]) -> list[tuple[str, list[int]]]:
        """Every university with entries between the first and the last of *bounds*, with their numbers as `between`
        has them; the university with most entries first, then by name.
        """
        columns = [
            func.sum(_number(entry.c.sort, first, end, entry.c.source_id == source.c.id).scalar_subquery())
            for first, end in _spans(bounds)
        ]
        with self._store.read() as connection:
            rows = connection.execute(select(source.c.university, *columns).group_by(source.c.university)).all()
        return _fullest_first(rows)

    def by_tag(self, bounds: Sequence[datetime]) -> list[tuple[str, list[int]]]:
        """Every tag with entries between the first and the last of *bounds*, in the shape and order of `by_university`."""
        columns = [
            _number(entry_tag.c.sort, first, end, entry_tag.c.tag_id == tag.c.id).scalar_subquery()
            for first, end in _spans(bounds)
        ]
        with self._store.read() as connection:
            rows = connection.execute(select(tag.c.name, *columns).where(tag.c.entry_count > 0)).all()
        return _fullest_first(rows)
