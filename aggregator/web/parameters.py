"""The parameters of a request of the API, checked against publish/operations.py and brought into their one form."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypeVar

from flask import abort, redirect, request, url_for

from aggregator.errors import NotFound
from aggregator.model import FullEntry
from aggregator.publish.digest import Period, parse_address
from aggregator.publish.operations import MOST, USUAL, Operation, Parameter
from aggregator.query import Selection
from aggregator.question import day, parse
from aggregator.store.entries import Cursor
from aggregator.web.asking import tags_asked
from aggregator.web.problem import ParameterError
from aggregator.web.service import service

T = TypeVar("T")


def values_of(operation: Operation) -> dict[str, str]:
    """The parameters of this request in their one form; sends the client on where they are written otherwise.

    Raises ParameterError for what *operation* does not know, QueryError and NotFound as ``names.expression``.
    """
    known = {parameter.name: parameter for parameter in operation.parameters}
    for name, given in request.args.lists():
        if name not in known:
            raise ParameterError(f"{name[:40]!r} is no parameter here; there are: {', '.join(known) or 'none'}")
        if len(given) > 1:
            raise ParameterError(f"{name} is given {len(given)} times")
    written = {name: " ".join(request.args.get(name, "").split()) for name in known}
    values = {name: _canonical(known[name], value) for name, value in written.items() if value}
    values = {name: value for name, value in values.items() if value != str(known[name].schema.get("default", ""))}
    if list(request.args.items()) != list(values.items()):
        place: dict[str, Any] = {**(request.view_args or {}), **values}
        abort(redirect(url_for(str(request.endpoint), **place), 301))
    return values


def _canonical(parameter: Parameter, value: str) -> str:
    schema = parameter.schema
    if parameter.name == "tag" and (tags := tags_asked()):
        return tags.address
    if parameter.name == "university":
        return service().store.names.university(value)
    if "enum" in schema and value not in schema["enum"]:
        raise ParameterError(f"{parameter.name}: {value[:40]!r} is none of {', '.join(schema['enum'])}")
    if "const" in schema and value != schema["const"]:
        raise ParameterError(f"{parameter.name}: it is {schema['const']}, or left out")
    if schema["type"] != "integer":
        return value
    most = schema.get("maximum", 10**9 - 1)
    if not (value.isascii() and value.isdigit() and len(value) < 10 and schema["minimum"] <= int(value) <= most):
        raise ParameterError(f"{parameter.name}: {value[:40]!r} is no whole number from {schema['minimum']} to {most}")
    return str(int(value))


def selection_of(values: Mapping[str, str]) -> Selection:
    """What *values* select. Raises SearchError for a day that is none."""
    zone = service().settings.zone
    chosen = Selection(
        tags=tags_asked(),
        source=values.get("source"),
        university=values.get("university"),
        since=day(values["since"], 1, zone)[0] if "since" in values else None,
        until=day(values["until"], 1, zone)[1] if "until" in values else None,
        every="all" in values,
    )
    if chosen.since and chosen.until and chosen.since >= chosen.until:
        raise ParameterError("since: it is after until")
    return chosen


def limit_of(values: Mapping[str, str], most: int = MOST, usual: int = USUAL) -> int:
    return min(int(values.get("limit", usual)), most)


def entries_of(selection: Selection, values: Mapping[str, str]) -> tuple[list[FullEntry], str | None]:
    """The entries that are asked for, and the cursor behind them; None where there are no more."""
    here, limit, bodies, cursor = service(), limit_of(values), "body" in values, values.get("cursor")
    try:
        place = Cursor.parse(cursor) if cursor else None
    except NotFound as error:
        raise misplaced(str(cursor)) from error
    if selection.words:
        question = parse(selection.words, here.settings.zone, replace(selection, words=""))
        found = here.store.search.find(question, limit=limit, before=cursor, bodies=bodies)
        return found.entries, found.after
    listed = here.store.entries.newest(limit + 1, selection, before=place, bodies=bodies)
    more, listed = len(listed) > limit, listed[:limit]
    return listed, str(Cursor(listed[-1].sort, listed[-1].id)) if more else None


def behind(known: Sequence[T], values: Mapping[str, str], name: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """Those of *known*, in order of their names, behind the cursor, and the next one."""
    cursor, limit = values.get("cursor", ""), limit_of(values)
    left = [one for one in known if name(one) > cursor] if cursor else known
    return left[:limit], name(left[limit - 1]) if len(left) > limit else None


def number_behind(values: Mapping[str, str]) -> int | None:
    """The cursor of a list that goes by numbers."""
    cursor = values.get("cursor")
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise misplaced(cursor)
    return int(cursor) if cursor else None


def day_behind(values: Mapping[str, str], period: Period) -> date:
    """A day of the first digest that is listed."""
    cursor = values.get("cursor")
    if not cursor:
        return service().today
    try:
        of, first = parse_address(cursor)
    except NotFound as error:
        raise misplaced(cursor) from error
    if of != period:
        raise misplaced(cursor)
    return first - timedelta(days=1)


def misplaced(cursor: str) -> ParameterError:
    return ParameterError(f"cursor: {cursor[:40]!r} is no place in this list; follow *next*")
