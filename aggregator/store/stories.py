"""What is asked of stories, and their care: entries looked at again, a second look, the whole made anew.

How entries come together stands in joining.py.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from aggregator.classify.story import Telling
from aggregator.errors import NotFound
from aggregator.model import Entry, EntryBody, EntrySignature, FullEntry, Source, Story, StoryDue, StoryMember
from aggregator.store import feeds
from aggregator.store.bulk import IDS, chunks
from aggregator.store.firsts import outlast
from aggregator.store.joining import TEXTS, Fresh, Joining, members
from aggregator.store.said import SAID

if TYPE_CHECKING:
    from aggregator.store import Store

LOOKED_AT_ONCE = 200  # entries, in one transaction
SECOND_LOOK = timedelta(minutes=10)  # no transaction takes longer
MISSED = timedelta(days=2)  # the night's care may have been missed once

entry, body, source = Entry.__table__, EntryBody.__table__, Source.__table__  # type: ignore[attr-defined]
sign, due = EntrySignature.__table__, StoryDue.__table__  # type: ignore[attr-defined]
story, member = Story.__table__, StoryMember.__table__  # type: ignore[attr-defined]

DUE = (
    select(entry.c.id, entry.c.title, SAID.label("text"))
    .join(due, due.c.entry_id == entry.c.id)
    .outerjoin(body, body.c.entry_id == entry.c.id)
    .order_by(entry.c.id)
    .limit(bindparam("most"))
)
TAKEN = delete(due).where(due.c.entry_id.in_(IDS)).returning(due.c.entry_id)
RECENT = select(entry.c.id).where(entry.c.id.in_(IDS), entry.c.seen_at >= bindparam("since"))
BROUGHT = select(entry.c.id).where(entry.c.seen_at >= bindparam("since")).order_by(entry.c.id)
ITS_STORIES = select(member.c.story_id).where(member.c.entry_id.in_(IDS)).distinct()
UNSIGN = delete(sign).where(sign.c.entry_id == bindparam("of"), sign.c.hash == bindparam("by"))
SIZES = select(member.c.story_id, func.count()).where(member.c.story_id.in_(IDS)).group_by(member.c.story_id)
MEMBERS = select(member.c.entry_id).where(member.c.story_id == bindparam("story"))
MEMBERS = MEMBERS.order_by(member.c.sort, member.c.entry_id)
VERSIONS = select(story.c.key, story.c.version).where(story.c.id.in_(select(member.c.story_id)))
VERSIONS = VERSIONS.order_by(story.c.id)
_ELSEWHERE = func.count(source.c.university.distinct()) - 1
RECENTLY = (
    select(member.c.story_id)
    .where(member.c.sort >= bindparam("since"), member.c.sort < bindparam("until"))
    .distinct()
    .subquery()
)
MOST_COVERED = (
    select(story.c.first_entry_id, _ELSEWHERE.label("others"))
    .join(member, member.c.story_id == story.c.id)
    .join(source, source.c.id == member.c.source_id)
    .where(story.c.id.in_(select(RECENTLY.c.story_id)))
    .group_by(story.c.id, story.c.first_entry_id)
    .having(_ELSEWHERE > 0)
    .order_by(_ELSEWHERE.desc(), func.max(member.c.sort).desc(), story.c.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Whole:
    """A story with all its entries, the oldest first; *key* is the one by which it is known today."""

    key: str
    entries: list[FullEntry]


def note(store: "Store", connection: Connection, entry_ids: Collection[int]) -> None:
    """In the transaction that changed entries (title, text, date, origin): have their stories looked at again."""
    if entry_ids:
        statement = store.insert(due).on_conflict_do_nothing()
        connection.execute(statement, [{"entry_id": id_} for id_ in sorted(entry_ids)])


class Stories:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self.joining = Joining(store)

    # ------------------------------------------------------------ out

    def whole(self, key: str) -> Whole:
        """The story called *key*, or the one that it turned out to be; without entries where it is none any more.

        Raises NotFound.
        """
        with self._store.read() as connection:
            found = connection.execute(select(story).where(story.c.key == key)).first()
            while found is not None and found.into_id is not None:
                found = connection.execute(select(story).where(story.c.id == found.into_id)).first()
            if found is None:
                raise NotFound(f"there is no story {key[:40]}")
            ids = list(connection.execute(MEMBERS, {"story": found.id}).scalars())
        return Whole(found.key, self._store.entries.of(ids))

    def most_covered(self, since: datetime, until: datetime, limit: int) -> list[tuple[FullEntry, int]]:
        """The stories told by most universities, of those told in that time: who was first, and how many others."""
        asked = {"since": int(since.timestamp()), "until": int(until.timestamp()), "most": limit}
        with self._store.read() as connection:
            rows = connection.execute(MOST_COVERED, asked).all()
        firsts = {one.id: one for one in self._store.entries.of([row.first_entry_id for row in rows])}
        return [(firsts[row.first_entry_id], row.others) for row in rows if row.first_entry_id in firsts]

    def versions(self) -> list[tuple[str, int]]:
        """The key of each story that is told, and how often it has changed."""
        with self._store.read() as connection:
            return [(row.key, row.version) for row in connection.execute(VERSIONS)]

    # ------------------------------------------------------------ care

    def behind(self) -> int:
        """How many entries wait to be looked at."""
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(due)).scalar_one()

    def catch_up(self, limit: int = LOOKED_AT_ONCE) -> int:
        """Look at entries that wait for it, the oldest first; how many, at most *limit*.

        They join stories that new evidence shows, and leave those that it does not. Any number of processes may do
        this at once: what one has taken, the others leave alone.
        """
        with self._store.read() as connection:
            rows = connection.execute(DUE, {"most": limit}).all()
        tellings = {row.id: Telling(row.title, row.text or "") for row in rows}
        for telling in tellings.values():  # before the transaction, which holds up every poll
            _ = telling.signature

        def work(connection: Connection) -> None:
            taken: list[int] = []
            for chunk in chunks(list(tellings)):
                taken += connection.execute(TAKEN, {"ids": chunk}).scalars()
            self._join(connection, [Fresh(id_, tellings[id_]) for id_ in sorted(taken)])

        if rows:
            self._store.transact(work, alone=True)
        return len(rows)

    def rebuild(self) -> int:
        """Forget all signatures and have all entries looked at anew, which ``catch_up`` does; how many they are.

        Stories keep their names, and stay what they are until then.
        """

        def work(connection: Connection) -> int:
            connection.execute(delete(sign))
            connection.execute(delete(due))
            connection.execute(insert(due).from_select(["entry_id"], select(entry.c.id).order_by(entry.c.id)))
            return connection.execute(select(func.count()).select_from(due)).scalar_one()

        return self._store.transact(work)

    def look_again(self, fresh: Sequence[Fresh], now: datetime) -> None:
        """After their transaction: let *fresh* join what other writers stored meanwhile, which it could not see.

        Writers of SQLite take turns; of two of PostgreSQL at least the later one finds the other's here.
        """
        if self._store.is_sqlite or not fresh:
            return
        own = {one.id for one in fresh}
        with self._store.read() as connection:
            found = self.joining.sharing(connection, (hash_ for one in fresh for hash_ in one.telling.signature))
            others = {id_ for ids in found.values() for id_ in ids} - own
            asked = {"ids": sorted(others), "since": now - SECOND_LOOK}
            recent = set(connection.execute(RECENT, asked).scalars()) if others else set()
        if missed := [one for one in fresh if any(recent.intersection(found[h]) for h in one.telling.signature)]:
            self._store.transact(lambda connection: self._join(connection, missed), alone=True)

    def note_recent(self, now: datetime) -> int:
        """Have what the last days brought looked at again; how many entries. Of SQLite none: see ``look_again``.

        A process that was killed after it had stored them, and before its second look, leaves a story in two.
        """
        if self._store.is_sqlite:
            return 0

        def work(connection: Connection) -> int:
            recent = list(connection.execute(BROUGHT, {"since": now - MISSED}).scalars())
            note(self._store, connection, recent)
            return len(recent)

        return self._store.transact(work)

    def forget(self, connection: Connection, ids: Sequence[int]) -> None:
        """Before the entries *ids* are deleted, in that transaction: take them out of stories and signatures."""
        stories: set[int] = set()
        for chunk in chunks(ids):
            signed = [
                {"of": row.id, "by": number}
                for row in connection.execute(TEXTS, {"ids": chunk})
                for number in Telling(row.title, row.text or "").signature
            ]
            if signed:
                connection.execute(UNSIGN, signed)
            stories.update(connection.execute(ITS_STORIES, {"ids": chunk}).scalars())
            connection.execute(delete(member).where(member.c.entry_id.in_(chunk)))
        sizes = dict.fromkeys(stories, 0)
        for chunk in chunks(sorted(stories)):
            sizes.update((row[0], row[1]) for row in connection.execute(SIZES, {"ids": chunk}))
        scopes = feeds.scopes_of(connection, members(connection, stories))
        outlast(connection, [story_id for story_id, size in sizes.items() if size > 1], set(ids))
        for story_id in [story_id for story_id, size in sizes.items() if size < 2]:
            connection.execute(delete(member).where(member.c.story_id == story_id))
        if scopes:
            feeds.count_change(self._store, connection, scopes)

    def _join(self, connection: Connection, fresh: Sequence[Fresh]) -> None:
        scopes = self.joining.join(connection, fresh, again=True)
        if scopes:
            feeds.count_change(self._store, connection, scopes)
