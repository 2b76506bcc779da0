"""What follows when stored entries change, all in the transaction that changes them: feeds, search, tags, stories."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from aggregator.model import NewEntry
from aggregator.store import feeds, indexing, stories

if TYPE_CHECKING:
    from aggregator.store import Store


def change(store: "Store", connection: Connection, changed: Mapping[int, NewEntry | None]) -> set[str]:
    """Let everything know that the entries with these ids say what they say now: their rows are written already.

    The NewEntry is what was read, from which tags and stories are found anew; None: nothing was, the entry's text was
    only withheld or given back. The scopes of feeds that show it are to be counted (feeds.count_change).
    """
    scopes = feeds.scopes_of(connection, changed)
    indexing.note(connection, sorted(changed))
    read = {id_: new for id_, new in changed.items() if new is not None}
    scopes |= store.tagging.settle(connection, {id_: new.tags for id_, new in read.items()})
    stories.note(store, connection, read)
    return scopes
