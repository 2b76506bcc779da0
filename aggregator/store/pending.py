"""Items whose article pages could not be read yet: noted to be tried again, forgotten when they are entries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, exists, select

from aggregator.model import Entry, Item, Pending, Visit
from aggregator.store.bulk import UIDS, chunks

if TYPE_CHECKING:
    from aggregator.store import Store

entry, pending = Entry.__table__, Pending.__table__  # type: ignore[attr-defined]

PENDING_OF = select(pending).where(pending.c.source_id == bindparam("source_id"))
SETTLED = pending.delete().where(pending.c.uid.in_(UIDS), exists().where(entry.c.uid == pending.c.uid))


def of(connection: Connection, source_id: int) -> dict[str, Item]:
    """The pending items of a source, by their identity keys."""
    rows = connection.execute(PENDING_OF, {"source_id": source_id}).all()
    return {row.uid: Item(row.url, row.title, row.published, row.precision) for row in rows}


def keep(store: "Store", connection: Connection, visits: Sequence[Visit]) -> None:
    """Note what is to be tried again, and forget what has become an entry, here or at another source."""
    rows = {
        uid: {
            "uid": uid,
            "source_id": visit.source_id,
            "url": item.url,
            "title": item.title,
            "published": item.published,
            "precision": item.precision,
            "tries": tries,
            "tried_at": visit.polled_at,
        }
        for visit in visits
        for tries, items in ((0, visit.resting), (1, visit.pending))
        for uid, item in items
    }
    if rows:
        insert = store.insert(pending)
        again = {"tries": pending.c.tries + insert.excluded.tries, "tried_at": insert.excluded.tried_at}
        connection.execute(
            insert.on_conflict_do_update(index_elements=["uid"], set_=again), [rows[uid] for uid in sorted(rows)]
        )
    settled = [*rows, *(new.uid for visit in visits for new in visit.entries)]
    for chunk in chunks(settled):
        connection.execute(SETTLED, {"uids": chunk})
