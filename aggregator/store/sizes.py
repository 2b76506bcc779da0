"""How much room what takes: tables, indexes, search, and pages of the file that are free."""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from aggregator.store import Store

# tables by what they are for; of all others together it is "the rest"
MEANT = {
    "entry": "entries",
    "entry_body": "texts",
    "entry_address": "entries",
    "entry_tag": "tags",
    "tag": "tags",
    "tombstone": "tombstones",
    "kept_response": "kept responses",
    "rendered_feed": "stored feeds",
    "edition": "digests",
    "edition_entry": "digests",
    "revision": "revisions",
    "entry_signature": "stories",
    "story": "stories",
    "story_member": "stories",
    "archived": "archive",
    "archive_look": "archive",
    "blob": "archive",
    "poll": "polls",
    "search_doc": "search index",
    "search_due": "search index",
    "search_text": "search index",
}
INDEXES, REST = "indexes", "the rest"
# to look at every page of a larger file takes too long for a look
LOOKED_THROUGH = 4_000_000_000
PAGES = """
    SELECT page_size, page_count, freelist_count FROM pragma_page_size, pragma_page_count, pragma_freelist_count
"""
FREE = "SELECT page_size * freelist_count FROM pragma_page_size, pragma_freelist_count"


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes in all, those that are free within the file, and parts of it, the largest first; none: not looked at."""

    total: int
    free: int
    parts: dict[str, int]


class Sizes:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def room(self) -> Room:
        """How much room the database takes, and for what."""
        with self._store.read() as connection:
            total, free, sizes = self._sqlite(connection) if self._store.is_sqlite else _postgresql(connection)
        parts: dict[str, int] = defaultdict(int)
        for table, is_index, size in sizes:
            is_search = table.startswith("search_")
            parts["search index" if is_search else INDEXES if is_index else MEANT.get(table, REST)] += size
        return Room(total, free, dict(sorted(parts.items(), key=lambda part: -part[1])))

    def free(self) -> int:
        """Bytes of the SQLite file that hold nothing now."""
        with self._store.read() as connection:
            return int(connection.execute(text(FREE)).scalar_one())

    def _sqlite(self, connection: Connection) -> tuple[int, int, list[tuple[str, bool, int]]]:
        page, count, free = connection.execute(text(PAGES)).one()
        total = page * count
        has_dbstat = "ENABLE_DBSTAT_VTAB" in connection.execute(text("PRAGMA compile_options")).scalars().all()
        if total > LOOKED_THROUGH or not has_dbstat:
            return total, page * free, []
        # a table of search_text's is called search_text_data; an index without a name belongs to its table
        rows = connection.execute(
            text(
                "SELECT coalesce(tbl_name, name), coalesce(type = 'index', 0), pgsize FROM "
                "(SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE) LEFT JOIN sqlite_master USING (name)"
            )
        )
        return total, page * free, [(row[0], bool(row[1]), row[2]) for row in rows]


def _postgresql(connection: Connection) -> tuple[int, int, list[tuple[str, bool, int]]]:
    total = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    rows = connection.execute(
        text(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    ).all()
    return total, 0, [(row[0], is_index, row[2 if is_index else 1]) for row in rows for is_index in (False, True)]
