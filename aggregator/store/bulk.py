"""Many rows of one table -> one executemany of the driver; many keys -> one table to join with. Knows no table of ours.

SQLAlchemy finds the words of the statement and how values are converted, once; row by row that costs half an insert.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import CTE, JSON, BindParameter, Connection, Dialect, bindparam, func, select
from sqlalchemy.sql.dml import Delete, Insert, Update

if TYPE_CHECKING:
    from aggregator.store import Store

# parameters in one IN (...): SQLite allows 32,766, and short lists keep the compiled statement in the cache
CHUNK = 500
T = TypeVar("T")
# a statement's parameter ``ids``: an IN (...) of as many as it is given, at most CHUNK
IDS: BindParameter[Any] = bindparam("ids", expanding=True)


class Bulk:
    """An INSERT, UPDATE or DELETE: call it with a connection and rows, all with the same names."""

    def __init__(self, statement: Insert | Update | Delete) -> None:
        self._statement = statement if isinstance(statement, Delete) else statement.inline()  # no RETURNING
        self._prepared: dict[str, _Prepared] = {}  # by dialect

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write *rows*; how many are in the table, or were changed or deleted there."""
        if not rows:
            return 0
        prepared = self._prepared.get(connection.dialect.name)
        if prepared is None:
            prepared = self._prepared[connection.dialect.name] = self._prepare(connection.dialect, list(rows[0]))
        columns = list(zip(*map(prepared.values, rows), strict=True))
        for place, convert in prepared.converters:
            columns[place] = _converted(convert, columns[place])
        return connection.exec_driver_sql(prepared.sql, list(zip(*columns, strict=True))).rowcount

    def _prepare(self, dialect: Dialect, names: list[str]) -> "_Prepared":
        if not dialect.positional:
            dialect = type(dialect)(paramstyle="format")  # type: ignore[call-arg]  # rows are tuples
        compiled = self._statement.compile(dialect=dialect, column_keys=names)
        places = compiled.positiontup or ()
        kinds = [compiled.binds[name].type.dialect_impl(dialect) for name in places]
        converters = [(place, convert) for place, kind in enumerate(kinds) if (convert := kind.bind_processor(dialect))]
        return _Prepared(str(compiled), _picker(places), converters)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement in a dialect's words, the values of a row in their places, and what converts some of them."""

    sql: str
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    converters: Sequence[tuple[int, Callable[[Any], Any]]]


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) == 1:  # itemgetter gives a tuple of two and more only
        return lambda row: (row[names[0]],)
    return itemgetter(*names)


def _converted(convert: Callable[[Any], Any], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """One value may stand in many rows: our clock in all of them, no pictures in most."""
    try:
        return tuple(map(cache(convert), values))
    except TypeError:  # some are dicts, which no cache takes
        return tuple(map(convert, values))


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
