"""Entries into the search index, some time after they were stored. What it is asked stands in search.py.

Its words are made here for SQLite (FTS5) and PostgreSQL (tsvector) alike, so that both find the same. FTS5 forgets a
document only when told all its words: here a document without its row in search_doc is void, and changed entries get a
new one.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text

from aggregator.model import Entry, EntryBody, EntryTag, SearchDoc, SearchDue
from aggregator.store.bulk import IDS, Bulk, chunks
from aggregator.store.match import POSTGRESQL, SQLITE, Branch
from aggregator.store.spans import span_keys
from aggregator.words import fold, letters, words

if TYPE_CHECKING:
    from aggregator.store import Store

LONGEST_TEXT = 100_000  # characters; what comes after them is not searched, and a tsvector holds no more
INDEXED_AT_ONCE = 500  # entries, in one transaction
SAMPLE = 1000  # entries that a check looks for

entry, body, entry_tag = Entry.__table__, EntryBody.__table__, EntryTag.__table__  # type: ignore[attr-defined]
doc, due = SearchDoc.__table__, SearchDue.__table__  # type: ignore[attr-defined]

DUE = (
    select(due.c.id.label("turn"), entry.c.id, entry.c.sort, entry.c.source_id, entry.c.title, body.c.text)
    .join(entry, entry.c.id == due.c.entry_id)
    .outerjoin(body, body.c.entry_id == entry.c.id)
    .order_by(due.c.id)
    .limit(bindparam("most"))
)
TAGS = select(entry_tag.c.entry_id, entry_tag.c.tag_id).where(entry_tag.c.entry_id.in_(IDS))
TAKEN = delete(due).where(due.c.id.in_(IDS)).returning(due.c.entry_id)
VOID = delete(doc).where(doc.c.entry_id.in_(IDS))
WAIT = Bulk(insert(due))
NUMBERS = select(doc.c.entry_id, doc.c.doc).where(doc.c.entry_id.in_(IDS))


def note(connection: Connection, entry_ids: Collection[int]) -> None:
    """In the transaction that stored or changed entries (title, text, tags): have them indexed, anew if need be.

    Until then a changed entry is found by what it said before. One that is deleted is found no more at once.
    """
    WAIT(connection, [{"entry_id": id_} for id_ in entry_ids])


class Index:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def catch_up(self, limit: int = INDEXED_AT_ONCE) -> int:
        """Index entries that wait for it, those first that wait longest; how many were looked at, at most *limit*.

        Fewer than *limit*: none waits any more. Any number of processes may do this at once: what one has taken, the
        others leave alone. The words are made before the transaction, which so holds up no poll.
        """
        with self._store.read() as connection:
            rows = connection.execute(DUE, {"most": limit}).all()
            latest = {row.id: row for row in rows}
            tags: dict[int, list[int]] = {id_: [] for id_ in latest}
            for chunk in chunks(list(latest)):
                for entry_id, tag_id in connection.execute(TAGS, {"ids": chunk}):
                    tags[entry_id].append(tag_id)
        keys = {id_: _keys(row, tags[id_]) for id_, row in latest.items()}
        if rows:
            self._store.transact(lambda connection: self._keep(connection, rows, keys))
        return len(rows)

    def behind(self, most: int = 100_000) -> int:
        """How many entries wait to be indexed, counted up to *most*."""
        some = select(due.c.id).limit(most).subquery()
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(some)).scalar_one()

    def rebuild(self) -> int:
        """Throw the index away and have all entries indexed anew, which ``catch_up`` does; how many they are."""

        def work(connection: Connection) -> int:
            if self._store.is_sqlite:
                connection.exec_driver_sql("INSERT INTO search_text (search_text) VALUES ('delete-all')")
            connection.execute(delete(doc))
            connection.execute(delete(due))
            every = select(entry.c.id).order_by(entry.c.id)
            connection.execute(insert(due).from_select(["entry_id"], every))
            return connection.execute(select(func.count()).select_from(due)).scalar_one()

        return self._store.transact(work)

    def tidy(self) -> None:
        """Join the pieces of the index: smaller, and quicker to search. At a million entries it takes minutes."""
        with self._store.write() as connection:
            if self._store.is_sqlite:
                connection.exec_driver_sql("INSERT INTO search_text (search_text) VALUES ('optimize')")

    def check(self) -> list[str]:
        """What is wrong with the index: entries that it lacks, and newest ones that are not found by their titles."""
        waiting = select(due.c.entry_id)
        lost = select(func.count()).select_from(entry)
        lost = lost.where(entry.c.id.not_in(select(doc.c.entry_id)), entry.c.id.not_in(waiting))
        some = select(doc.c.doc, entry.c.title).join(entry, entry.c.id == doc.c.entry_id)
        some = some.where(doc.c.entry_id.not_in(waiting)).order_by(doc.c.doc.desc()).limit(SAMPLE)
        with self._store.read() as connection:
            lacking = connection.execute(lost).scalar_one()
            missed = sum(not self._is_titled(connection, *row) for row in connection.execute(some).all())
        advice = "run `aggregator db index --rebuild`"
        return [
            *([f"{lacking} entries are not in the search index; {advice}"] if lacking else []),
            *([f"{missed} entries are not found by their titles; {advice}"] if missed else []),
        ]

    def _is_titled(self, connection: Connection, number: int, title: str) -> bool:
        """Whether the document *number* is found by the words of *title*."""
        dialect = SQLITE if self._store.is_sqlite else POSTGRESQL
        groups = tuple((f"={word}",) for word in words(fold(title)))
        holds = text(f"SELECT 1 FROM search_text WHERE {dialect.asked} AND {dialect.number} = :doc")  # noqa: S608 - ours
        asked = {"match": dialect.match([Branch(groups)]), "doc": number}
        return not groups or connection.execute(holds, asked).first() is not None

    def _keep(self, connection: Connection, rows: Sequence[Any], keys: dict[int, set[str]]) -> None:
        taken: set[int] = set()
        for chunk in chunks([row.turn for row in rows]):
            taken.update(connection.execute(TAKEN, {"ids": chunk}).scalars())
        for part in chunks([row for row in {row.id: row for row in rows}.values() if row.id in taken]):
            ids = {"ids": [row.id for row in part]}
            connection.execute(VOID, ids)
            connection.execute(insert(doc).inline(), [{"entry_id": row.id, "sort": row.sort} for row in part])
            numbers = {row.entry_id: row.doc for row in connection.execute(NUMBERS, ids)}
            if self._store.is_sqlite:
                connection.exec_driver_sql(
                    "INSERT INTO search_text (rowid, words) VALUES (?, ?)",
                    [(numbers[row.id], " ".join(keys[row.id])) for row in part],
                )
            else:
                connection.execute(
                    text("INSERT INTO search_text VALUES (:doc, :id, :sort, array_to_tsvector(:words))"),
                    [{"doc": numbers[r.id], "id": r.id, "sort": r.sort, "words": list(keys[r.id])} for r in part],
                )


def _keys(row: Any, tags: Sequence[int]) -> set[str]:
    """By what an entry is found: its words, those of its title, its tags, its source, and the times it falls in."""
    title = fold(row.title)
    titled = words(title)
    keys = titled | words(fold((row.text or "")[:LONGEST_TEXT]))
    keys.update(f"={word}" for word in titled | letters(title))
    keys.update(f"#{tag_id}" for tag_id in tags)
    keys.update(span_keys(row.sort))
    keys.add(f"${row.source_id}")
    return keys
