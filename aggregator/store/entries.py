"""What is asked of entries: which are unknown, and the newest of everything, a tag, a source, a day.

What visits write stands in recording.py.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Row,
    Select,
    bindparam,
    cast,
    func,
    null,
    select,
    tuple_,
    union_all,
)

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
from aggregator.store import pending
from aggregator.store.bulk import chunks, given
from aggregator.store.recording import Recording

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

UNTRIED = cast(null(), Integer)
KNOWN_OF = (
    select(entry.c.id, entry.c.uid, entry.c.title, entry.c.published)
    .where(entry.c.source_id == bindparam("source_id"))
    .order_by(entry.c.sort.desc(), entry.c.id.desc())
    .limit(bindparam("most"))
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
        self._known = _known(store)

    # ------------------------------------------------------------ in

    def unknown(self, uids: Sequence[str]) -> dict[str, int]:
        """Which of *uids* are not stored, each with how often its article page failed so far (0: never tried)."""
        tries = dict.fromkeys(uids, 0)
        if not tries:
            return {}
        stored = set()
        with self._store.read() as connection:
            for uid, tried in connection.execute(self._known, {"keys": list(tries)}):
                if tried is None:
                    stored.add(uid)
                else:
                    tries[uid] += tried  # each source that lists it counts for itself
        return {uid: tried for uid, tried in tries.items() if uid not in stored}

    def pending_of(self, source_id: int) -> dict[str, Item]:
        """The items of a source whose article pages could not be read yet, by their identity keys."""
        with self._store.read() as connection:
            return pending.of(connection, source_id)

    def known(self, source_id: int, limit: int = 200) -> list[KnownEntry]:
        """The newest entries of a source, with what tells them again, newest first."""
        with self._store.read() as connection:
            return [KnownEntry(*row) for row in connection.execute(KNOWN_OF, {"source_id": source_id, "most": limit})]

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
        *,
        tag_id: int | None = None,
        source_name: str | None = None,
        before: Cursor | None = None,
        bodies: bool = False,
    ) -> list[FullEntry]:
        """The newest entries, newest first, at most *limit*: of all, a tag or a source; only those after *before*."""
        if tag_id is not None:
            # the covering index of entry_tag gives the ids alone; joining first would sort the whole tag
            place = select(entry_tag.c.entry_id).where(entry_tag.c.tag_id == tag_id)
            place = _page(place, entry_tag.c.sort, entry_tag.c.entry_id, before, limit)
            query = ENTRY_WITH_SOURCE.where(entry.c.id.in_(place)).order_by(entry.c.sort.desc(), entry.c.id.desc())
        else:
            query = ENTRY_WITH_SOURCE
            if source_name is not None:
                query = query.where(source.c.name == source_name)
            query = _page(query, entry.c.sort, entry.c.id, before, limit)
        return self._full(query, bodies=bodies)

    def between(
        self, first: datetime, end: datetime, *, tag_id: int | None = None, limit: int = 1000
    ) -> list[FullEntry]:
        """The entries dated from *first* to before *end*, newest first, at most *limit*."""
        since, until = int(first.timestamp()), int(end.timestamp())
        query = ENTRY_WITH_SOURCE.where(entry.c.sort >= since, entry.c.sort < until)
        if tag_id is not None:
            place = select(entry_tag.c.entry_id).where(
                entry_tag.c.tag_id == tag_id, entry_tag.c.sort >= since, entry_tag.c.sort < until
            )
            query = query.where(entry.c.id.in_(place))
        return self._full(_page(query, entry.c.sort, entry.c.id, None, limit), bodies=False)

    def by_slug(self, name: str) -> FullEntry:
        """The entry with its body; raises NotFound."""
        found = self._full(ENTRY_WITH_SOURCE.where(entry.c.slug == name), bodies=True)
        if not found:
            raise NotFound(f"there is no entry {name}")
        return found[0]

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

    def _full(self, query: Select[Any], *, bodies: bool) -> list[FullEntry]:
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            ids = [row.id for row in rows]
            tags: dict[int, list[str]] = {id_: [] for id_ in ids}
            texts: dict[int, Row[Any]] = {}
            for chunk in chunks(ids):
                named = select(entry_tag.c.entry_id, tag.c.name).join(tag, tag.c.id == entry_tag.c.tag_id)
                for row in connection.execute(named.where(entry_tag.c.entry_id.in_(chunk)).order_by(tag.c.id)):
                    tags[row.entry_id].append(row.name)
                if bodies:
                    texts.update(
                        (row.entry_id, row)
                        for row in connection.execute(select(body).where(body.c.entry_id.in_(chunk)))
                    )
        return [_full_entry(row, tags[row.id], texts.get(row.id)) for row in rows]


def _known(store: "Store") -> CompoundSelect[Any]:
    """Of the given keys (key, NULL) for those of stored entries, (key, tries) for those of pending ones."""
    keys = given(store)
    return union_all(
        select(entry.c.uid, UNTRIED.label("tries")).join(keys, keys.c.value == entry.c.uid),
        select(address.c.uid, UNTRIED).join(keys, keys.c.value == address.c.uid),
        select(waiting.c.uid, waiting.c.tries).join(keys, keys.c.value == waiting.c.uid),
    )


def _page(
    query: Select[Any], sort: ColumnElement[Any], number: ColumnElement[Any], before: Cursor | None, limit: int
) -> Select[Any]:
    if before is not None:
        query = query.where(tuple_(sort, number) < tuple_(before.sort, before.id))
    return query.order_by(sort.desc(), number.desc()).limit(limit)


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
