"""Items whose article pages could not be read yet: noted to be tried again, forgotten when they are entries."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, exists, or_, select

from aggregator.model import Attachment, Entry, EntryAddress, Item, Pending, Tombstone, Visit
from aggregator.store.bulk import given

if TYPE_CHECKING:
    from aggregator.store import Store

entry, address, pending = Entry.__table__, EntryAddress.__table__, Pending.__table__  # type: ignore[attr-defined]
tombstone = Tombstone.__table__  # type: ignore[attr-defined]

# an Item as it is kept: all of it but the full text, which is None where there is a page to read
SAID = tuple(field.name for field in fields(Item) if field.name != "html")
PENDING_OF = select(pending).where(pending.c.source_id == bindparam("source_id"))


def of(connection: Connection, source_id: int) -> dict[str, Item]:
    """The pending items of a source, by their identity keys."""
    rows = connection.execute(PENDING_OF, {"source_id": source_id}).all()
    return {row.uid: _item(row) for row in rows}


class Backlogs:
    """Of all sources, kept in the transactions that record visits."""

    def __init__(self, store: "Store") -> None:
        insert = store.insert(pending)
        again = {"tries": pending.c.tries + insert.excluded.tries, "tried_at": insert.excluded.tried_at}
        self._note = insert.on_conflict_do_update(index_elements=["uid", "source_id"], set_=again)
        keys_of = (entry.c.uid, address.c.uid, tombstone.c.uid)
        is_settled = or_(*(exists().where(uid == pending.c.uid) for uid in keys_of))
        self._forget = pending.delete().where(pending.c.uid.in_(select(given(store).c.value)), is_settled)

    def keep(self, connection: Connection, visits: Sequence[Visit]) -> None:
        """Note what is to be tried again, and forget what has become an entry, here or at another source."""
        rows = _rows(visits)
        if rows:
            connection.execute(self._note, [rows[key] for key in sorted(rows)])
        settled = [*(uid for uid, _ in rows), *(new.uid for visit in visits for new in visit.entries)]
        if settled:
            connection.execute(self._forget, {"keys": settled})


def _rows(visits: Sequence[Visit]) -> dict[tuple[str, int], dict[str, Any]]:
    return {
        (uid, visit.source_id): {
            "uid": uid,
            "source_id": visit.source_id,
            **{name: getattr(item, name) for name in SAID},
            "tries": tries,
            "tried_at": visit.polled_at,
        }
        for visit in visits
        for tries, items in ((0, visit.resting), (1, visit.pending))
        for uid, item in items
    }


def _item(row: Row[Any]) -> Item:
    said = {name: getattr(row, name) for name in SAID}
    said |= {"tags": tuple(row.tags), "attachments": tuple(Attachment(**one) for one in row.attachments)}
    return Item(**said)
