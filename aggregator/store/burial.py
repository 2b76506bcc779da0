"""Entries out of the store for good: their rows go, tombstones with their identity stay, so that none comes back.

All in the transaction it is given. Knows nothing of why an entry goes: retention.py does.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update
from sqlmodel import SQLModel

from aggregator.model import Announcement, EditionEntry, Entry, EntryAddress, EntryTag, Pending, Tag, Tombstone
from aggregator.store import feeds
from aggregator.store.bulk import IDS, chunks

if TYPE_CHECKING:
    from aggregator.store import Store

# no younger entry is deleted; so none is looked for among the dead
YOUNGEST = timedelta(days=8)

entry, address, waiting = Entry.__table__, EntryAddress.__table__, Pending.__table__  # type: ignore[attr-defined]
tag, entry_tag, tombstone = Tag.__table__, EntryTag.__table__, Tombstone.__table__  # type: ignore[attr-defined]
announcement, listed = Announcement.__table__, EditionEntry.__table__  # type: ignore[attr-defined]

# locked, so that no digest takes one up until it is gone
LEAVING = (
    select(entry.c.id, entry.c.uid, entry.c.slug, entry.c.url, entry.c.title, entry.c.source_id, entry.c.sort)
    .where(entry.c.id.in_(IDS))
    .order_by(entry.c.id)
    .with_for_update()
)
LISTED = select(listed.c.entry_id).where(listed.c.entry_id.in_(IDS))
ADDRESSES = select(address.c.entry_id, address.c.uid).where(address.c.entry_id.in_(IDS))
TAGS = select(entry_tag.c.tag_id, func.count()).where(entry_tag.c.entry_id.in_(IDS)).group_by(entry_tag.c.tag_id)
FEWER_ENTRIES = (
    update(tag).where(tag.c.id == bindparam("tag_id")).values(entry_count=tag.c.entry_count - bindparam("fewer"))
)
ANY = select(tombstone.c.uid).limit(1)
DEAD_THEN = select(tombstone.c.title, tombstone.c.sort, tombstone.c.slug).where(
    tombstone.c.source_id == bindparam("source"), tombstone.c.sort.between(bindparam("first"), bindparam("last"))
)
SAME_DAY = 86_400 - 1  # seconds: a redesigned page may tell the day alone, or the minute, too


def bury(store: "Store", connection: Connection, ids: Collection[int], now: datetime) -> set[int]:
    """Delete the entries *ids* but those that a digest lists; which are gone.

    What readers are shown follows at once: counts, feeds and pages; search and hubs are not told of it as of news.
    """
    buried: set[int] = set()
    scopes = {"all"}
    for chunk in chunks(sorted(ids)):
        rows = connection.execute(LEAVING, {"ids": chunk}).all()
        kept = set(connection.execute(LISTED, {"ids": [row.id for row in rows]}).scalars())
        leaving = {row.id: row for row in rows if row.id not in kept}
        if not leaving:
            continue
        these = {"ids": list(leaving)}
        keys = [*((row.id, row.uid) for row in leaving.values()), *connection.execute(ADDRESSES, these).all()]
        _set_stones(store, connection, [(uid, leaving[id_]) for id_, uid in keys], now)
        fewer = sorted(tuple(row) for row in connection.execute(TAGS, these))
        if fewer:  # before stories and feeds, as whoever stores entries
            connection.execute(FEWER_ENTRIES, [{"tag_id": id_, "fewer": number} for id_, number in fewer])
        scopes.update(f"tag:{tag_id}" for tag_id, _ in fewer)
        store.stories.forget(connection, list(leaving))
        connection.execute(delete(waiting).where(waiting.c.uid.in_([uid for _, uid in keys])))
        for column in DEPENDENT:
            connection.execute(delete(column.table).where(column.in_(IDS)), these)
        connection.execute(delete(entry).where(entry.c.id.in_(IDS)), these)
        scopes.update(f"source:{row.source_id}" for row in leaving.values())
        buried |= leaving.keys()
    if buried:
        feeds.count_change(store, connection, scopes)
        # as if the hubs had been told: nobody waits for news of what is gone
        told = update(announcement).where(announcement.c.scope == bindparam("changed"))
        connection.execute(
            told.values(version=announcement.c.version + 1), [{"changed": scope} for scope in sorted(scopes)]
        )
    return buried


def known_again(
    store: "Store", connection: Connection, places: Mapping[str, tuple[int, int, str]], now: datetime
) -> list[str]:
    """Of new keys, each with its (source, sort, title), those of dead entries whose site gave them other addresses.

    From now on they are known by these, too.
    """
    old = {uid: place for uid, place in places.items() if place[1] < (now - YOUNGEST).timestamp()}
    if not old or connection.execute(ANY).first() is None:
        return []
    found: dict[str, str] = {}
    for source_id in {place[0] for place in old.values()}:
        its = {uid: (sort, title) for uid, (of, sort, title) in old.items() if of == source_id}
        sorts = [sort for sort, _ in its.values()]
        then = {"source": source_id, "first": min(sorts) - SAME_DAY, "last": max(sorts) + SAME_DAY}
        titles = {title for _, title in its.values()}
        dead = [row for row in connection.execute(DEAD_THEN, then) if row.title in titles]
        for uid, (sort, title) in its.items():
            same = [row.slug for row in dead if row.title == title and abs(row.sort - sort) <= SAME_DAY]
            found.update({uid: same[0]} if same else {})
    know_too(store, connection, found)
    return list(found)


def know_too(store: "Store", connection: Connection, keys: Mapping[str, str]) -> None:
    """Know dead entries by more keys, each with the slug of one."""
    for chunk in chunks(sorted(keys)):
        slugs = {keys[uid] for uid in chunk}
        stones = {row.slug: row for row in connection.execute(select(tombstone).where(tombstone.c.slug.in_(slugs)))}
        rows = [{**stones[keys[uid]]._mapping, "uid": uid} for uid in chunk if keys[uid] in stones]
        if rows:
            connection.execute(store.insert(tombstone).on_conflict_do_nothing(), rows)


def _set_stones(store: "Store", connection: Connection, keys: Sequence[tuple[str, Any]], now: datetime) -> None:
    rows = [
        {"uid": uid, **{name: getattr(row, name) for name in ("slug", "url", "title", "source_id", "sort")}}
        for uid, row in keys
    ]
    stones = [{**row, "gone_at": now} for row in sorted(rows, key=lambda row: str(row["uid"]))]
    connection.execute(store.insert(tombstone).on_conflict_do_nothing(), stones)


def _dependent() -> list[ColumnElement[int]]:
    """The columns that name an entry, those first whose tables depend on others; what a digest lists is not deleted."""
    tables = [table for table in reversed(SQLModel.metadata.sorted_tables) if table is not listed]
    return [key.parent for table in tables for key in table.foreign_keys if key.column is entry.c.id]


DEPENDENT = _dependent()
