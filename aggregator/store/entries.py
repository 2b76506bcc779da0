"""What is asked of entries: which are unknown, and the newest of a Selection.

What visits write stands in recording.py.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CompoundSelect,
    Integer,
    Select,
    bindparam,
    cast,
    func,
    null,
    select,
    union_all,
)

from aggregator.classify.story import Telling
from aggregator.errors import Gone, NotFound
from aggregator.model import (
    Entry,
    EntryAddress,
    EntryBody,
    EntryTag,
    FullEntry,
    Item,
    KnownEntry,
    Pending,
    Source,
    Tag,
    Tombstone,
    Visit,
)
from aggregator.query import EVERYTHING, Selection
from aggregator.store import pending, reading
from aggregator.store.bulk import IDS, chunks, given
from aggregator.store.recording import Recording
from aggregator.store.selecting import Shape, newest_ids, oldest, question

if TYPE_CHECKING:
    from aggregator.store import Store

# seconds since 1970, less than none for what is older; 18 digits fit into the database's integers
CURSOR = re.compile(r"(-?[0-9]{1,18})-([0-9]{1,18})")

entry, body, address = Entry.__table__, EntryBody.__table__, EntryAddress.__table__  # type: ignore[attr-defined]
tag, entry_tag = Tag.__table__, EntryTag.__table__  # type: ignore[attr-defined]
source, waiting = Source.__table__, Pending.__table__  # type: ignore[attr-defined]
tombstone = Tombstone.__table__  # type: ignore[attr-defined]

UNTRIED = cast(null(), Integer)
KNOWN_OF = (
    select(entry.c.id, entry.c.uid, entry.c.title, entry.c.published)
    .where(entry.c.source_id == bindparam("source_id"))
    .order_by(entry.c.sort.desc(), entry.c.id.desc())
    .limit(bindparam("most"))
)
BURIED = select(tombstone.c.title, tombstone.c.url).where(tombstone.c.slug == bindparam("slug")).limit(1)


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
        self.recording = Recording(store)
        self._known = _known(store)
        # statements are made once for each shape: making one costs more than asking it
        self._newest = lru_cache(maxsize=500)(self._newest_of_shape)
        self._oldest = lru_cache(maxsize=500)(oldest)
        self._by_id = self._whole(bodies=False).where(entry.c.id.in_(IDS))
        self._by_id_with_bodies = self._whole(bodies=True).where(entry.c.id.in_(IDS))
        self._by_slug = self._whole(bodies=True).where(entry.c.slug == bindparam("slug"))

    # ------------------------------------------------------------ in

    def unknown(self, uids: Sequence[str]) -> dict[str, int]:
        """Which of *uids* never were stored, each with how often its article page failed so far (0: never tried)."""
        tries = dict.fromkeys(uids, 0)
        if not tries:
            return {}
        stored = set()
        with self._store.read() as connection:
            for uid, tried in connection.execute(self._known, {"keys": list(tries)}).all():
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
            rows = connection.execute(KNOWN_OF, {"source_id": source_id, "most": limit}).all()
        return [KnownEntry(*row) for row in rows]

    def record(self, visits: Sequence[Visit]) -> list[int | None]:
        """Keep what *visits* found, all of it or nothing, and end the leases they end; how many entries each brought.

        None: not recorded, since its lease is void and another worker visits that host by now. Entries known by then
        (another source was quicker) are left as they are.
        """
        tellings = {new.uid: Telling(new.title, new.text) for visit in visits for new in visit.entries}
        for telling in tellings.values():
            _ = telling.signature
        counts, fresh = self._store.transact(lambda connection: self.recording.record(connection, visits, tellings))
        if fresh:
            self._store.stories.look_again(fresh, max(visit.polled_at for visit in visits))
        return counts

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
            return reading.read(connection, self._newest(asked.shape, bodies), {**asked.values, "limit": limit})

    def oldest(self, limit: int, selection: Selection = EVERYTHING) -> list[Cursor]:
        """Where the oldest entries of *selection* stand, oldest first, at most *limit*. Raises as ``newest``."""
        with self._store.read() as connection:
            asked = question(connection, selection)
            if asked is None:
                return []
            rows = connection.execute(self._oldest(asked.shape), {**asked.values, "limit": limit})
            return [Cursor(*row) for row in rows]

    def between(
        self, first: datetime, end: datetime, selection: Selection = EVERYTHING, limit: int = 1000
    ) -> list[FullEntry]:
        """The entries of *selection* dated from *first* to before *end*, newest first, at most *limit*."""
        return self.newest(limit, replace(selection, since=first, until=end))

    def by_slug(self, name: str) -> FullEntry:
        """The entry with its body; raises NotFound, of a deleted one Gone."""
        with self._store.read() as connection:
            found = reading.read(connection, self._by_slug, {"slug": name})
            if found:
                return found[0]
            dead = connection.execute(BURIED, {"slug": name}).first()
        if dead:
            raise Gone(f"the entry {name} was deleted", title=dead.title, url=dead.url)
        raise NotFound(f"there is no entry {name}")

    def of(self, ids: Sequence[int], *, bodies: bool = False) -> list[FullEntry]:
        """The entries with these *ids*, in this order; those that are gone are left out."""
        query = self._by_id_with_bodies if bodies else self._by_id
        found: dict[int, FullEntry] = {}
        with self._store.read() as connection:
            for chunk in chunks(ids):
                found.update((one.id, one) for one in reading.read(connection, query, {"ids": chunk}))
        return [found[id_] for id_ in ids if id_ in found]

    def walk(self, batch: int = 200) -> Iterator[FullEntry]:
        """Every entry with its body, newest first; memory stays that of one batch."""
        before: Cursor | None = None
        while page := self.newest(batch, Selection(every=True), before=before, bodies=True):
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

    def _newest_of_shape(self, shape: Shape, bodies: bool) -> Select[Any]:
        query = self._whole(bodies=bodies).where(entry.c.id.in_(newest_ids(shape)))
        return query.order_by(entry.c.sort.desc(), entry.c.id.desc())

    def _whole(self, *, bodies: bool) -> Select[Any]:
        return reading.whole(bodies=bodies, is_sqlite=self._store.is_sqlite)


def _known(store: "Store") -> CompoundSelect[Any]:
    """Of the given keys (key, NULL) for those of stored and deleted entries, (key, tries) for those of pending ones."""
    keys = given(store)
    return union_all(
        select(entry.c.uid, UNTRIED.label("tries")).join(keys, keys.c.value == entry.c.uid),
        select(address.c.uid, UNTRIED).join(keys, keys.c.value == address.c.uid),
        select(tombstone.c.uid, UNTRIED).join(keys, keys.c.value == tombstone.c.uid),
        select(waiting.c.uid, waiting.c.tries).join(keys, keys.c.value == waiting.c.uid),
    )
