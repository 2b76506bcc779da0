"""What follows when stored entries change, all in the transaction that changes them: feeds, search, tags, stories."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import BindParameter, Connection, bindparam, select

from aggregator.model import Entry, EntryTag, NewEntry
from aggregator.store import feeds, indexing, stories
from aggregator.store.bulk import chunks

if TYPE_CHECKING:
    from aggregator.store import Store

entry, entry_tag = Entry.__table__, EntryTag.__table__  # type: ignore[attr-defined]

IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)
SOURCES = select(entry.c.source_id).where(entry.c.id.in_(IDS)).distinct()
TAGS = select(entry_tag.c.tag_id).where(entry_tag.c.entry_id.in_(IDS)).distinct()


def change(store: "Store", connection: Connection, changed: Mapping[int, NewEntry | None]) -> None:
    """Let everything know that the entries with these ids say what they say now: their rows are written already.

    The NewEntry is what was read, from which tags and stories are found anew; None: nothing was, the entry's text was
    only withheld or given back.
    """
    scopes = {"all"}
    for chunk in chunks(sorted(changed)):
        scopes.update(f"source:{id_}" for id_ in connection.execute(SOURCES, {"ids": chunk}).scalars())
        scopes.update(f"tag:{id_}" for id_ in connection.execute(TAGS, {"ids": chunk}).scalars())
        indexing.note(connection, chunk)
    read = {id_: new for id_, new in changed.items() if new is not None}
    # tags before feeds, as whoever stores entries: of two that lock them in another order PostgreSQL breaks one off
    store.tagging.settle(connection, {id_: new.tags for id_, new in read.items()})
    stories.note(store, connection, read)
    feeds.count_change(store, connection, scopes)
