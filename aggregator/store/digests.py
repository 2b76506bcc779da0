"""Editions: digests as they were frozen; and what is asked of entries for a digest alone."""

from collections.abc import Collection
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, exists, func, insert, literal, select

from aggregator.errors import NotFound
from aggregator.model import Edition, EditionEntry, Entry, EntryTag, First, FullEntry, Source, Tag
from aggregator.query import Selection
from aggregator.store import reading
from aggregator.store.bulk import chunks
from aggregator.store.selecting import Shape, newest_ids, question

if TYPE_CHECKING:
    from aggregator.store import Store

MOST_LATE = 200  # finds that a digest takes up; a source that is new brings its whole past
MOST = 2_000_000_000  # what a LIMIT is where there shall be none

edition, entry = Edition.__table__, Entry.__table__  # type: ignore[attr-defined]
listed = EditionEntry.__table__  # type: ignore[attr-defined]
source, tag, entry_tag = Source.__table__, Tag.__table__, EntryTag.__table__  # type: ignore[attr-defined]

OF = select(edition).where(edition.c.name == bindparam("name"), edition.c.tags == bindparam("tags"))
NEWEST = OF.order_by(edition.c.number.desc()).limit(1)
NUMBERED = OF.where(edition.c.number == bindparam("number"))
COUNT = select(func.max(edition.c.number)).where(
    edition.c.name == bindparam("name"), edition.c.tags == bindparam("tags")
)
IS_LISTED = exists().where(listed.c.entry_id == entry.c.id, listed.c.edition_id == bindparam("edition"))
# how old a source's and a tag's first entry is: a seek in an index for each
SOURCE_BEGAN = select(func.min(entry.c.sort)).where(entry.c.source_id == source.c.id).scalar_subquery()
TAG_BEGAN = select(func.min(entry_tag.c.sort)).where(entry_tag.c.tag_id == tag.c.id).scalar_subquery()
WITHHELD = select(entry.c.id).join(listed, listed.c.entry_id == entry.c.id)
WITHHELD = WITHHELD.where(listed.c.edition_id == bindparam("edition"), entry.c.is_withheld)
NAMES: BindParameter[Any] = bindparam("names", expanding=True)


class Digests:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._late = lru_cache(maxsize=500)(self._late_of_shape)

    def newest(self, name: str, tags: str) -> Edition | None:
        """The newest edition of the digest called *name* of *tags*."""
        with self._store.read() as connection:
            row = connection.execute(NEWEST, {"name": name, "tags": tags}).first()
            return _shown(connection, row) if row else None

    def numbered(self, name: str, tags: str, number: int) -> tuple[Edition, int]:
        """The edition of that *number*, and how many there are; raises NotFound."""
        with self._store.read() as connection:
            row = connection.execute(NUMBERED, {"name": name, "tags": tags, "number": number}).first()
            count = connection.execute(COUNT, {"name": name, "tags": tags}).scalar_one()
            if row is None:
                raise NotFound(f"there is no edition {number} of the digest {name}")
            return _shown(connection, row), count

    def keep(self, made: Edition) -> Edition:
        """*made*, or what another process has kept under its number in the meantime."""
        values = made.model_dump(exclude={"id"})
        place = {"name": made.name, "tags": made.tags, "number": made.number}
        adding = self._store.insert(edition).values(values)
        ids = sorted({one["id"] for item in made.items for one in item["entries"]})

        def work(connection: Connection) -> Edition:
            connection.execute(adding.on_conflict_do_nothing(index_elements=list(place)))
            row = connection.execute(NUMBERED, place).one()
            for chunk in chunks(ids):
                # one that is deleted by now stays in what is frozen, and nowhere else
                its = select(entry.c.id, literal(row.id)).where(entry.c.id.in_(chunk), ~IS_LISTED)
                its = its.with_for_update(read=True, key_share=True)
                connection.execute(insert(listed).from_select(["entry_id", "edition_id"], its), {"edition": row.id})
            return _shown(connection, row)

        return self._store.transact(work)

    def told(self, tags: str, first: date, end: date) -> set[int]:
        """The ids of all entries in editions of *tags* whose period ends from *first* to before *end*."""
        query = select(edition.c.facts, edition.c["items"]).where(
            edition.c.tags == tags, edition.c.last >= first, edition.c.last < end
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        listed = {entry["id"] for _, items in rows for item in items for entry in item["entries"]}
        return listed.union(*(facts["ids"] for facts, _ in rows))

    def late(self, selection: Selection, seen_from: datetime, seen_until: datetime) -> list[FullEntry]:
        """The entries of *selection*, which has bounds, that were first seen in that time; newest first."""
        with self._store.read() as connection:
            asked = question(connection, selection)
            if asked is None:
                return []
            values = {**asked.values, "limit": MOST, "seen_from": seen_from, "seen_until": seen_until}
            return reading.read(connection, self._late(asked.shape), values)

    def firsts(self, began: datetime, sources: Collection[str], tags: Collection[str]) -> list[First]:
        """Which of *sources*, their universities and *tags* have no entry dated before *began*.

        None where no entry at all is: a service that begins has nothing but firsts.
        """
        moment = int(began.timestamp())
        of_universities = select(source.c.university, func.min(SOURCE_BEGAN)).group_by(source.c.university)
        theirs = select(source.c.university).where(source.c.name.in_(NAMES))
        of_its = select(source.c.name, SOURCE_BEGAN, source.c.title, source.c.university)
        asked: tuple[tuple[Any, Collection[str]], ...] = (
            (of_universities.where(source.c.university.in_(theirs)), sources),
            (of_its.where(source.c.name.in_(NAMES)), sources),
            (select(tag.c.name, TAG_BEGAN).where(tag.c.name.in_(NAMES)), tags),
        )
        with self._store.read() as connection:
            oldest = connection.execute(select(func.min(entry.c.sort))).scalar_one()
            if oldest is None or oldest >= moment:
                return []
            universities, of_sources, topics = (
                connection.execute(query, {"names": list(names)}).all() for query, names in asked
            )
        found = [First("university", row[0]) for row in universities if row[1] is not None and row[1] >= moment]
        new = {one.name for one in found}
        # of a new university all sources are new
        found += [
            First("source", row[2], row[3]) for row in of_sources if (row[1] or 0) >= moment and row[3] not in new
        ]
        return found + [First("topic", row[0]) for row in topics if row[1] is not None and row[1] >= moment]

    def _late_of_shape(self, shape: Shape) -> Select[Any]:
        query = reading.whole(bodies=False, is_sqlite=self._store.is_sqlite).where(
            entry.c.id.in_(newest_ids(shape)),
            entry.c.seen_at >= bindparam("seen_from"),
            entry.c.seen_at < bindparam("seen_until"),
        )
        return query.order_by(entry.c.sort.desc(), entry.c.id.desc()).limit(MOST_LATE)


def _shown(connection: Connection, row: Any) -> Edition:
    """The edition *row*, without the texts and pictures of entries that were withheld since it was frozen."""
    kept = Edition(**row._mapping)
    hidden = set(connection.execute(WITHHELD, {"edition": row.id}).scalars())
    if hidden:
        bare = {"summary": "", "image": None}
        kept.items = [
            {**item, "entries": [one | bare if one["id"] in hidden else one for one in item["entries"]]}
            for item in kept.items
        ]
    return kept
