"""The tables of contract.py and operations.py into an OpenAPI document. The standard: https://spec.openapis.org/oas/v3.1.0.

Knows no database and no request.
"""

from collections.abc import Iterator
from typing import Any

from aggregator.publish.contract import Field, Thing
from aggregator.publish.operations import OPERATIONS, Operation, Parameter

VERSION = "1.0.0"  # of the interface: its first number stands in its addresses
PROBLEM = "application/problem+json"
STATUSES = {
    "301": "Asked for in another form than the canonical one, or by an alias.",
    "304": "What the client has is current (If-None-Match, If-Modified-Since).",
    "400": "A parameter that is unknown, or whose value cannot be read.",
    "404": "There is nothing of that name; *near* has names that may have been meant.",
    "503": "The database cannot be read now.",
}


def openapi(title: str, base: str) -> dict[str, Any]:
    """The document of the site called *title* whose interface is at *base*."""
    things = {thing.name: thing for operation in OPERATIONS.values() for thing in _things(operation.thing)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": VERSION,
            "description": "University news, read-only. Feeds remain the first way: they are smaller and polled by "
            "everybody. Answers carry ETags: ask again with If-None-Match.",
            "license": {"name": "The news belong to their universities; each entry links to its first publication."},
        },
        "servers": [{"url": base}],
        "paths": {operation.path: {"get": _get(operation)} for operation in OPERATIONS.values()},
        "components": {
            "schemas": {
                **{name: _schema(thing) for name, thing in sorted(things.items())},
                "Problem": _PROBLEM,
            },
            "headers": {
                "ETag": {"description": "Of these very bytes (RFC 9110 §8.8.3).", "schema": {"type": "string"}},
                "Link": {"description": 'The next answer, rel="next" (RFC 8288).', "schema": {"type": "string"}},
            },
            "responses": {
                status: {"description": text, "content": {PROBLEM: {"schema": _ref("schemas", "Problem")}}}
                for status, text in STATUSES.items()
                if int(status) >= 400
            },
        },
    }


_PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "near": {"type": "array", "items": {"type": "string"}, "description": "Names that may have been meant."},
        "column": {"type": "integer", "description": "Where in the expression or search, counted from 1."},
    },
}


def answer_schema(operation: Operation) -> dict[str, Any]:
    """What a 200 of *operation* holds."""
    if not operation.is_list:
        return _ref("schemas", operation.thing.name)
    return {
        "type": "object",
        "required": ["items", "next"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": _ref("schemas", operation.thing.name)},
            "next": {
                "type": ["string", "null"],
                "format": "uri",
                "description": "Where what follows is; null at the end.",
            },
        },
    }


def _get(operation: Operation) -> dict[str, Any]:
    headers = {name: _ref("headers", name) for name in ("ETag", *(("Link",) if operation.is_list else ()))}
    found: dict[str, Any] = {
        "description": operation.about,
        "headers": headers,
        "content": {"application/json": {"schema": answer_schema(operation)}},
    }
    refusals = {status: _ref("responses", status) for status in ("400", "404", "503")}
    others = {status: {"description": STATUSES[status]} for status in ("301", "304")}
    more = {
        status: {"description": text, "content": {PROBLEM: {"schema": _ref("schemas", "Problem")}}}
        for status, text in operation.more.items()
    }
    return {
        "operationId": operation.name.replace(".", "_"),
        "summary": operation.about,
        "parameters": list(_parameters(operation)),
        "responses": {"200": found, **others, **refusals, **more},
    }


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.place:
        yield {**_parameter(operation.place), "in": "path", "required": True}
    for parameter in operation.parameters:
        yield {**_parameter(parameter), "in": "query"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": parameter.name,
        "description": parameter.about,
        "schema": dict(parameter.schema),
    }
    return said | ({"example": parameter.example} if parameter.example else {})


def _schema(thing: Thing) -> dict[str, Any]:
    return {
        "type": "object",
        "description": thing.about,
        "required": [field.name for field in thing.fields if not field.is_optional],
        "additionalProperties": False,
        "properties": {field.name: _of(field) for field in thing.fields},
    }


def _of(field: Field) -> dict[str, Any]:
    one = _ref("schemas", field.type.name) if isinstance(field.type, Thing) else dict(field.type)
    if field.is_list:
        one = {"type": "array", "items": one}
    if field.may_be_null:
        one = {"oneOf": [one, {"type": "null"}]}
    return {**one, "description": field.about}


def _things(thing: Thing) -> Iterator[Thing]:
    """*thing* and all that its fields are made of."""
    yield thing
    for field in thing.fields:
        if isinstance(field.type, Thing):
            yield from _things(field.type)


def _ref(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/{kind}/{name}"}
