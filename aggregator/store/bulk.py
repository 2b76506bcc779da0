"""Many rows of one table -> one executemany of the driver; many keys -> one table to join with. Knows no table of ours.

SQLAlchemy finds the words of the statement and how values are converted, once; row by row that costs half an insert.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import CTE, JSON, Connection, bindparam, func, select
from sqlalchemy.sql.dml import Insert

if TYPE_CHECKING:
    from aggregator.store import Store

# parameters in one IN (...): SQLite allows 32,766, and short lists keep the compiled statement in the cache
CHUNK = 500
T = TypeVar("T")


class BulkInsert:
    """Call it with a connection and rows, all with the same columns, of hashable values; no rows are none inserted."""

    def __init__(self, statement: Insert) -> None:
        self._statement = statement.inline()  # no RETURNING
        self._sql = ""

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        if not self._sql:
            self._prepare(connection, list(rows[0]))
        columns = list(zip(*map(self._values, rows), strict=True))
        for place, convert in self._converters:
            # one value may stand in many rows: our clock in all of them, no pictures in most
            columns[place] = tuple(map(cache(convert), columns[place]))
        connection.exec_driver_sql(self._sql, list(zip(*columns, strict=True)))

    def _prepare(self, connection: Connection, columns: list[str]) -> None:
        dialect = connection.dialect
        if not dialect.positional:
            dialect = type(dialect)(paramstyle="format")  # type: ignore[call-arg]  # rows are tuples
        compiled = self._statement.compile(dialect=dialect, column_keys=columns)
        names = compiled.positiontup or ()
        kinds = [self._statement.table.c[name].type.dialect_impl(dialect) for name in names]
        self._values = itemgetter(*names)
        self._converters: list[tuple[int, Callable[[Any], Any]]] = [
            (place, convert) for place, kind in enumerate(kinds) if (convert := kind.bind_processor(dialect))
        ]
        self._sql = str(compiled)


def given(store: "Store") -> CTE:
    """A table of the keys, its column *value*, that a statement is given as its parameter ``keys`` when it runs.

    One parameter, and a statement made once: IN would be written anew for every number of keys, which costs more than
    looking them up.
    """
    elements = func.json_each if store.is_sqlite else func.json_array_elements_text
    return select(elements(bindparam("keys", type_=JSON)).table_valued("value").c.value).cte("given")


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """*values* in order, at most CHUNK at a time."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
