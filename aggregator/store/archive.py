"""What is asked of all entries by time and place: the neighbours of one, the first, the addresses of every one.

Never reads their texts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Select, bindparam, func, select, tuple_

from aggregator.model import Entry, EntryTag, FullEntry, Source, Story, StoryMember, Tag

if TYPE_CHECKING:
    from aggregator.store import Store

BATCH = 2000  # rows of a sitemap read at once

entry, source, tag = Entry.__table__, Source.__table__, Tag.__table__  # type: ignore[attr-defined]
entry_tag, story, member = EntryTag.__table__, Story.__table__, StoryMember.__table__  # type: ignore[attr-defined]

NEIGHBOUR = (
    select(entry.c.slug, entry.c.title, entry.c.url)
    .join(source, source.c.id == entry.c.source_id)
    .where(source.c.name == bindparam("name"))
    .limit(1)
)
HERE, THERE = tuple_(entry.c.sort, entry.c.id), tuple_(bindparam("sort"), bindparam("id"))
NEWER = NEIGHBOUR.where(HERE > THERE).order_by(entry.c.sort, entry.c.id)
OLDER = NEIGHBOUR.where(HERE < THERE).order_by(entry.c.sort.desc(), entry.c.id.desc())
LINES = (
    select(
        entry.c.id, entry.c.sort, entry.c.source_id, entry.c.slug, entry.c.url, entry.c.updated,
        entry.c.changed_at, story.c.id, story.c.version,
    )
    .outerjoin(member, member.c.entry_id == entry.c.id)
    .outerjoin(story, story.c.id == member.c.story_id)
)  # fmt: skip
LINES = LINES.order_by(entry.c.sort, entry.c.id)
TAGGED = select(entry_tag.c.entry_id).where(entry_tag.c.tag_id == bindparam("tag_id"))
TAGGED = TAGGED.order_by(entry_tag.c.sort, entry_tag.c.entry_id)
ADDRESSES = (
    select(entry.c.id, entry.c.slug, entry.c.updated)
    .where(entry.c.id > bindparam("after"), entry.c.id <= bindparam("last"))
    .order_by(entry.c.id)
    .limit(BATCH)
)

RAREST = (
    select(tag)
    .where(tag.c.name.in_(bindparam("names", expanding=True)), tag.c.entry_count > 1)
    .order_by(tag.c.entry_count)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """As much of an entry as a link to it says."""

    slug: str
    title: str
    url: str


class Line(NamedTuple):
    """As much of an entry as tells where it stands in lists, and whether it is still the same."""

    id: int
    sort: int
    source_id: int
    slug: str
    url: str
    updated: datetime
    changed_at: datetime | None = None
    story: int | None = None  # None: nobody else tells it
    told: int | None = None  # how often that story has changed


class Archive:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def neighbours(self, one: FullEntry) -> tuple[Neighbour | None, Neighbour | None]:
        """The entries before and after *one* in its source: the older and the newer."""
        place = {"name": one.source.name, "sort": one.sort, "id": one.id}
        with self._store.read() as connection:
            older, newer = (connection.execute(query, place).first() for query in (OLDER, NEWER))
        return (Neighbour(*older) if older else None), (Neighbour(*newer) if newer else None)

    def first_at(self) -> datetime | None:
        """The time that the oldest entry is dated by, None where there is no entry."""
        return self._time(select(func.min(entry.c.sort)))

    def before(self, moment: datetime) -> datetime | None:
        """The time of the newest entry dated before *moment*."""
        return self._time(select(func.max(entry.c.sort)).where(entry.c.sort < int(moment.timestamp())))

    def since(self, moment: datetime) -> datetime | None:
        """The time of the oldest entry dated at *moment* or after it."""
        return self._time(select(func.min(entry.c.sort)).where(entry.c.sort >= int(moment.timestamp())))

    def last_id(self) -> int:
        """The largest number of an entry, 0 where there is none."""
        with self._store.read() as connection:
            return connection.execute(select(func.max(entry.c.id))).scalar_one() or 0

    def lines(self) -> list[Line]:
        """Every entry, in the order of lists turned round: the oldest first."""
        with self._store.read() as connection:
            return [Line(*row) for row in connection.execute(LINES)]

    def tagged(self, tag_id: int) -> list[int]:
        """The numbers of a tag's entries, in the order of ``lines``."""
        with self._store.read() as connection:
            return list(connection.execute(TAGGED, {"tag_id": tag_id}).scalars())

    def addresses(self, after: int, last: int) -> Iterator[tuple[str, datetime]]:
        """(slug, when it changed last) of the entries numbered above *after*, up to *last*; a batch in memory."""
        while True:
            with self._store.read() as connection:
                rows = connection.execute(ADDRESSES, {"after": after, "last": last}).all()
            yield from ((row.slug, row.updated) for row in rows)
            if len(rows) < BATCH:
                return
            after = rows[-1].id

    def _time(self, query: Select[Any]) -> datetime | None:
        with self._store.read() as connection:
            found = connection.execute(query).scalar_one()
        return None if found is None else datetime.fromtimestamp(found, UTC)

    def rarest_tag(self, names: tuple[str, ...]) -> Tag | None:
        """The tag among *names* that says most of an entry: the one with fewest entries, yet more than one."""
        with self._store.read() as connection:
            row = connection.execute(RAREST, {"names": names}).first()
        return Tag(**row._mapping) if row else None
