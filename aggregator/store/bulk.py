"""Many rows of one table -> one executemany of the driver; many keys -> lists for IN. Knows no table.

SQLAlchemy finds the words of the statement and how values are converted, once; row by row that costs half an insert.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Connection, bindparam
from sqlalchemy.sql.dml import Insert

# parameters in one IN (...): SQLite allows 32,766, and short lists keep the compiled statement in the cache
CHUNK = 500
T = TypeVar("T")

# a list of keys, put in when a statement that was made once runs
UIDS: BindParameter[Any] = bindparam("uids", expanding=True)


class BulkInsert:
    """Call it with a connection and rows, all with the same columns; no rows are none inserted."""

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
            columns[place] = tuple(map(convert, columns[place]))
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


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """*values* in order, at most CHUNK at a time."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
