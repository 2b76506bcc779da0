"""What is asked of entries: which are unknown, and the newest of a Selection.

What visits write stands in recording.py.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Connection, Integer, Row, Select, bindparam, cast, func, null, select, union_all

from aggregator.errors import NotFound
from aggregator.model import (
    Attachment,
    Entry,
    EntryAddress,
    EntryBody,
    EntryTag,
    FullEntry,
    Item,
    KnownEntry,
    Pending,
    Source,
    SourceRef,
    Tag,
    Visit,
)
from aggregator.query import EVERYTHING, Selection
from aggregator.store import pending
from aggregator.store.bulk import UIDS, chunks
from aggregator.store.recording import Recording
from aggregator.store.selecting import Shape, newest_ids, oldest, question

if TYPE_CHECKING:
    from aggregator.store import Store

# seconds since 1970, less than none for what is older; 18 digits fit into the database's integers
CURSOR = re.compile(r"(-?[0-9]{1,18})-([0-9]{1,18})")

entry, body, address = Entry.__table__, EntryBody.__table__, EntryAddress.__table__  # type: ignore[attr-defined]
tag, entry_tag = Tag.__table__, EntryTag.__table__  # type: ignore[attr-defined]
source, waiting = Source.__table__, Pending.__table__  # type: ignore[attr-defined]

ENTRY_WITH_SOURCE = select(
    entry,
    source.c.name.label("source_name"),
    source.c.title.label("source_title"),
    source.c.url.label("source_url"),
    source.c.university,
).join(source, source.c.id == entry.c.source_id)

BY_SLUG = ENTRY_WITH_SOURCE.where(entry.c.slug == bindparam("slug"))
BY_ID = ENTRY_WITH_SOURCE.where(entry.c.id.in_(bindparam("ids", expanding=True)))
IDS: BindParameter[Any] = bindparam("ids", expanding=True)
TAGS_OF = (
    select(entry_tag.c.entry_id, tag.c.name)
    .join(tag, tag.c.id == entry_tag.c.tag_id)
    .where(entry_tag.c.entry_id.in_(IDS))
    .order_by(tag.c.id)
)
BODIES_OF = select(body).where(body.c.entry_id.in_(IDS))

UNTRIED = cast(null(), Integer)
# (key, NULL) of stored entries, (key, tries) of pending ones
KNOWN = union_all(
    select(entry.c.uid, UNTRIED.label("tries")).where(entry.c.uid.in_(UIDS)),
    select(address.c.uid, UNTRIED).where(address.c.uid.in_(UIDS)),
    select(waiting.c.uid, waiting.c.tries).where(waiting.c.uid.in_(UIDS)),
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list that is ordered newest first: what comes after it is older (keyset paging)."""

    sort: int
    id: int

    def __str__(self) -> str:
        return f"{self.sort}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor that *text* (a str of one) names; raises NotFound."""
        found = CURSOR.fullmatch(text)
        if found is None:
            raise NotFound(f"{text[:40]!r} is no place in a list")
        return cls(int(found[1]), int(found[2]))


class Entries:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._recording = Recording(store)

    # ------------------------------------------------------------ in

    def unknown(self, uids: Sequence[str]) -> dict[str, int]:
        """Which of *uids* are not stored, each with how often its article page failed so far (0: never tried)."""
        tries = dict.fromkeys(uids, 0)
        stored = set()
        with self._store.read() as connection:
            for chunk in chunks(list(tries)):
                for uid, tried in connection.execute(KNOWN, {"uids": chunk}):
                    if tried is None:
                        stored.add(uid)
                    else:
                        tries[uid] = tried
        return {uid: tried for uid, tried in tries.items() if uid not in stored}

    def pending_of(self, source_id: int) -> dict[str, Item]:
        """The items of a source whose article pages could not be read yet, by their identity keys."""
        with self._store.read() as connection:
            return pending.of(connection, source_id)

    def known(self, source_id: int, limit: int = 200) -> list[KnownEntry]:
        """The newest entries of a source, with what tells them again, newest first."""
        query = select(entry.c.id, entry.c.uid, entry.c.title, entry.c.published)
        query = query.where(entry.c.source_id == source_id).order_by(entry.c.sort.desc(), entry.c.id.desc())
        with self._store.read() as connection:
            return [KnownEntry(*row) for row in connection.execute(query.limit(limit))]

    def record(self, visits: Sequence[Visit]) -> list[int | None]:
        """Keep what *visits* found, all of it or nothing, and end the leases they end; how many entries each brought.

        None: not recorded, since its lease is void and another worker visits that host by now. Entries known by then
        (another source was quicker) are left as they are.
        """
        return self._store.transact(lambda connection: self._recording.record(connection, visits))

    # ------------------------------------------------------------ out

    def newest(
        self,
        limit: int,
        selection: Selection = EVERYTHING,
        *,
        before: Cursor | None = None,
        bodies: bool = False,
    ) -> list[FullEntry]:
        """The newest entries of *selection*, newest first, at most *limit*; only those after *before*.

        Raises NotFound where *selection* names a tag, source or university that there is not.
        """
        with self._store.read() as connection:
            place = (before.sort, before.id) if before else None
            asked = question(connection, selection, place)
            if asked is None:
                return []
            rows = connection.execute(_newest(asked.shape), {**asked.values, "limit": limit}).all()
            return _full(connection, rows, bodies=bodies)

    def oldest(self, limit: int, selection: Selection = EVERYTHING) -> list[Cursor]:
        """Where the oldest entries of *selection* stand, oldest first, at most *limit*. Raises as ``newest``."""
        with self._store.read() as connection:
            asked = question(connection, selection)
            if asked is None:
                return []
            rows = connection.execute(_oldest(asked.shape), {**asked.values, "limit": limit})
            return [Cursor(row.sort, row.id) for row in rows]

    def between(
        self, first: datetime, end: datetime, selection: Selection = EVERYTHING, limit: int = 1000
    ) -> list[FullEntry]:
        """The entries of *selection* dated from *first* to before *end*, newest first, at most *limit*."""
        return self.newest(limit, replace(selection, since=first, until=end))

    def by_slug(self, name: str) -> FullEntry:
        """The entry with its body; raises NotFound."""
        with self._store.read() as connection:
            found = _full(connection, connection.execute(BY_SLUG, {"slug": name}).all(), bodies=True)
        if not found:
            raise NotFound(f"there is no entry {name}")
        return found[0]

    def of(self, ids: Sequence[int], *, bodies: bool = False) -> list[FullEntry]:
        """The entries with these *ids*, in this order; those that are gone are left out."""
        found: dict[int, FullEntry] = {}
        with self._store.read() as connection:
            for chunk in chunks(ids):
                rows = connection.execute(BY_ID, {"ids": chunk}).all()
                found.update((one.id, one) for one in _full(connection, rows, bodies=bodies))
        return [found[id_] for id_ in ids if id_ in found]

    def walk(self, batch: int = 200) -> Iterator[FullEntry]:
        """Every entry with its body, newest first; memory stays that of one batch."""
        before: Cursor | None = None
        while page := self.newest(batch, before=before, bodies=True):
            yield from page
            before = Cursor(page[-1].sort, page[-1].id)

    def tags(self) -> list[Tag]:
        """Every tag that has entries, fullest first."""
        query = select(tag).where(tag.c.entry_count > 0).order_by(tag.c.entry_count.desc(), tag.c.name)
        with self._store.read() as connection:
            return [Tag(**row._mapping) for row in connection.execute(query)]

    def tag(self, name: str) -> Tag:
        """The tag called *name*; raises NotFound."""
        with self._store.read() as connection:
            row = connection.execute(select(tag).where(tag.c.name == name)).first()
        if row is None:
            raise NotFound(f"there is no tag called {name!r}")
        return Tag(**row._mapping)

    def count(self) -> int:
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(entry)).scalar_one()


@lru_cache(maxsize=500)
def _newest(shape: Shape) -> Select[Any]:
    query = ENTRY_WITH_SOURCE.where(entry.c.id.in_(newest_ids(shape)))
    return query.order_by(entry.c.sort.desc(), entry.c.id.desc())


@lru_cache(maxsize=500)
def _oldest(shape: Shape) -> Select[Any]:
    return oldest(shape)


def _full(connection: Connection, rows: Sequence[Any], *, bodies: bool) -> list[FullEntry]:
    tags: dict[int, list[str]] = {row.id: [] for row in rows}
    texts: dict[int, Row[Any]] = {}
    for chunk in chunks(list(tags)):
        for row in connection.execute(TAGS_OF, {"ids": chunk}):
            tags[row.entry_id].append(row.name)
        if bodies:
            texts.update((row.entry_id, row) for row in connection.execute(BODIES_OF, {"ids": chunk}))
    return [_full_entry(row, tags[row.id], texts.get(row.id)) for row in rows]


def _full_entry(row: Row[Any], tags: Sequence[str], texts: Row[Any] | None) -> FullEntry:
    return FullEntry(
        id=row.id,
        slug=row.slug,
        atom_id=row.atom_id,
        url=row.url,
        title=row.title,
        published=row.published,
        precision=row.precision,
        updated=row.updated,
        sort=row.sort,
        seen_at=row.seen_at,
        source=SourceRef(row.source_name, row.source_title, row.source_url, row.university),
        author=row.author,
        origin=row.origin,
        section=tuple(row.section),
        summary=row.summary,
        image=row.image,
        tags=tuple(tags),
        html=texts.html if texts else "",
        text=texts.text if texts else "",
        images=tuple(texts.images) if texts else (),
        attachments=tuple(Attachment(**one) for one in texts.attachments) if texts else (),
    )
