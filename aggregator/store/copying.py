"""One database into another, of either kind: every table that the models know, row by row, then compared.

Reads one state of the whole source, however long that takes, and holds a batch of rows in memory. What stands in no
model, the words of the search index, is made anew (indexing.py).
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, Table, func, select, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import SQLModel

from aggregator.errors import StoreError
from aggregator.model import SearchDoc, SearchDue
from aggregator.store.bulk import Bulk

if TYPE_CHECKING:
    from aggregator.store import Store

# rows, and characters they are written in, that are in memory at once
BATCH_ROWS, BATCH_SIZE = 1000, 4_000_000
# what the schema's revision is until a copy is whole: no program takes it for a database until then
UNFINISHED = "copying"
CHECKSUM_BITS = 128


@dataclass(frozen=True, slots=True)
class Sum:
    """What tells the rows of one table from others, in whatever order they come."""

    rows: int = 0
    checksum: int = 0

    def plus(self, told: Iterable[str]) -> "Sum":
        """This and the rows that are written so."""
        count, sum_ = self.rows, self.checksum
        for written in told:
            count += 1
            digest = hashlib.blake2b(written.encode("utf-8", "surrogatepass"), digest_size=CHECKSUM_BITS // 8).digest()
            sum_ += int.from_bytes(digest, "big")
        return Sum(count, sum_ % (1 << CHECKSUM_BITS))


@dataclass(frozen=True, slots=True)
class Step:
    """So many rows of *table* more are copied, or, when *is_check*, compared."""

    table: str
    rows: int
    is_check: bool = False


def tables() -> list[Table]:
    """All that are copied, those first on which others depend."""
    derived = (SearchDoc.__tablename__, SearchDue.__tablename__)
    return [table for table in SQLModel.metadata.sorted_tables if table.name not in derived]


def rows_in(store: "Store") -> int:
    """How many rows there are to copy."""
    with store.read() as connection:
        return sum(_count(connection, table) for table in tables())


def copy(source: "Store", target: "Store") -> Iterator[Step]:
    """Copy *source*, whose schema is today's, into *target*: empty, or what an earlier copy of it left unfinished.

    Begun again after a fault it goes on where it was. StoreError: *target* holds something else, or differs in the end.
    """
    _prepare(target)
    with source.snapshot() as reading:
        sums: dict[str, Sum] = {}
        for table in tables():
            with target.read() as connection:
                there = _count(connection, table)
            sums[table.name] = yield from _fill(reading, target, table, there)
        with target.snapshot() as written:
            for table in tables():
                found = Sum()
                for batch in _batches(written, table):
                    found = found.plus(told for _, told in batch)
                    yield Step(table.name, len(batch), is_check=True)
                if found != sums[table.name]:
                    raise StoreError(
                        f"{target.name}: table {table.name} differs from {source.name} ({found.rows} rows of "
                        f"{sums[table.name].rows}): it was written to meanwhile; empty the database, then copy again"
                    )
    _finish(target)


def _prepare(target: "Store") -> None:
    """Make the tables of *target*, which holds nothing yet, and mark it as unfinished."""
    if target.is_unfinished():
        return
    if target.schema() is not None and rows_in(target):
        raise StoreError(f"{target.name} is in use: it holds {rows_in(target)} rows; name an empty database")
    target.upgrade()
    with target.write() as connection:
        _mark(connection, UNFINISHED)
        for table in tables():
            for index in table.indexes:
                index.drop(connection, checkfirst=True)  # made when all rows are there: half the work


def _finish(target: "Store") -> None:
    from aggregator.store import revisions

    with target.write() as connection:
        for table in tables():
            for index in table.indexes:
                index.create(connection, checkfirst=True)
            key = table.autoincrement_column
            if key is not None and not target.is_sqlite:
                sequence = text("SELECT pg_get_serial_sequence(:table, :column)")
                named = connection.execute(sequence, {"table": f'"{table.name}"', "column": key.name}).scalar_one()
                last = connection.execute(select(func.max(key))).scalar_one()
                if named and last:
                    connection.execute(select(func.setval(named, last)))
        _mark(connection, revisions()[-1])
    target.index.rebuild()


def _mark(connection: Connection, revision: str) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def _fill(reading: Connection, target: "Store", table: Table, there: int) -> Generator[Step, None, Sum]:
    """Copy the rows of *table* after the first *there*; the sum of all of them comes back."""
    insert = Bulk(table.insert())
    names = [column.name for column in table.columns]
    passed = Sum()
    for batch in _batches(reading, table):
        new = batch[max(there - passed.rows, 0) :]
        if new:
            with_names = [dict(zip(names, row, strict=True)) for row, _ in new]
            try:
                target.transact(partial(insert, rows=with_names))
            except (IntegrityError, DataError) as error:
                raise StoreError(f"{target.name} refuses a row of table {table.name}: {error.orig}") from error
        passed = passed.plus(told for _, told in batch)
        yield Step(table.name, len(batch))
    return passed


def _batches(connection: Connection, table: Table) -> Iterator[list[tuple[tuple[Any, ...], str]]]:
    """All rows in the order of the primary key, each with what it is written as, as many at once as memory allows."""
    batch, size = [], 0
    for row in connection.execute(_all(table), execution_options={"yield_per": 100}):
        values = tuple(row)
        told = repr(values)
        if "\\x00" in told:
            values = tuple(value.replace("\0", "") if isinstance(value, str) else value for value in values)
            told = repr(values)  # PostgreSQL stores no NUL
        batch.append((values, told))
        size += len(told)
        if len(batch) >= BATCH_ROWS or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _all(table: Table) -> Select[Any]:
    return select(table).order_by(*table.primary_key.columns)


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()
