"""What went wrong, for programs: problem details of RFC 9457 in place of a page."""

import json
from collections.abc import Mapping

from flask import Blueprint, Response, current_app, url_for
from werkzeug.exceptions import HTTPException

from aggregator.errors import NotFound, QueryError, SearchError, StoreError

MEDIA_TYPE = "application/problem+json"
# kind -> what it is called; each has its lines on the page for people
KINDS = {
    "not-found": "There is nothing here",
    "parameter": "A parameter cannot be read",
    "expression": "The tag expression cannot be read",
    "search": "The search cannot be read",
    "method": "Here one can only read",
    "too-many": "Too many searches",
    "unavailable": "The database cannot be read now",
    "fault": "A fault of ours",
}
BY_STATUS = {404: "not-found", 405: "method", 429: "too-many", 503: "unavailable"}


class ParameterError(Exception):
    """A parameter that is unknown, given twice, or whose value cannot be read."""


def problem(kind: str, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    """The answer of that *kind*; *more* are further members."""
    about = {"type": f"{url_for('api.page')}#{kind}", "title": KINDS[kind], "status": status, "detail": detail}
    body = json.dumps(about | {name: value for name, value in more.items() if value}, ensure_ascii=False).encode(
        "utf-8", "replace"
    )
    response = Response(body, status, content_type=MEDIA_TYPE)
    response.headers.update(dict(headers or {}))
    response.cache_control.no_store = True
    return response


def register(blueprint: Blueprint) -> None:
    """Let the errors of *blueprint*'s views be answered so."""
    blueprint.register_error_handler(NotFound, _not_found)
    blueprint.register_error_handler(ParameterError, lambda error: problem("parameter", 400, str(error)))
    blueprint.register_error_handler(
        QueryError, lambda error: problem("expression", 400, str(error), column=error.column)
    )
    blueprint.register_error_handler(SearchError, lambda error: problem("search", 400, str(error), column=error.column))
    blueprint.register_error_handler(StoreError, _unavailable)
    blueprint.register_error_handler(HTTPException, _http)


def _not_found(error: NotFound) -> Response:
    return problem("not-found", 404, str(error), near=list(error.near))


def _unavailable(error: StoreError) -> Response:
    current_app.logger.error("503: %s", error)
    return problem("unavailable", 503, "try again in a minute; the log says why", {"Retry-After": "60"})


def _http(error: HTTPException) -> Response:
    if error.response is not None:  # a redirect
        return error.response  # type: ignore[return-value]  # Flask's own
    status = error.code or 500
    kind = BY_STATUS.get(status, "fault" if status >= 500 else "parameter")
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return problem(kind, status, error.description or KINDS[kind], headers)
