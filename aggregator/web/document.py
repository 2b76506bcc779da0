"""A body that is answered again and again, in both encodings, with all that HTTP says of it worked out beforehand.

Knows no address and no store: requests come as WSGI hands them out.
"""

import gzip
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, NamedTuple

from werkzeug.http import parse_accept_header, parse_date, parse_etags

Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]

# seconds; what a reader is content with, and what a cache may give when we cannot be reached
LEAST_AGE, GREATEST_AGE = 300, 3600
STALE = "stale-while-revalidate=3600, stale-if-error=86400"
LONGEST_HEADER = 500  # characters of an Accept-Encoding that are read, and remembered
# RFC 9110 §8.3 to §8.8: they tell of a body, and are ours to write
OF_BODY = ("content-length", "content-encoding", "etag", "last-modified", "vary")
# §15.4.5: what a 304 leaves out, since the client has it
KNOWN_TO_CLIENT = ("content-type", "content-language", "last-modified", "link")


class Form(NamedTuple):
    """A document in one encoding; each has a strong entity tag of its own."""

    etag: str  # without quotes
    quoted: str
    body: bytes
    headers: Headers
    headers_unmodified: Headers


class Document:
    """*headers* are those of the whole answer. With *due*, caches keep it until then, within our limits."""

    def __init__(
        self,
        body: bytes,
        headers: Iterable[tuple[str, str]],
        etag: str,
        last_modified: datetime | None = None,
        gzipped: bytes | None = None,
        due: datetime | None = None,
    ) -> None:
        vary = ", ".join(dict.fromkeys([*(value for name, value in headers if name == "Vary"), "Accept-Encoding"]))
        common = [(name, value) for name, value in headers if name.lower() not in OF_BODY] + [("Vary", vary)]
        if due is not None:
            common = [(name, value) for name, value in common if name != "Cache-Control"]
        gzipped = gzip.compress(body, 6, mtime=0) if gzipped is None else gzipped
        self._last_modified = last_modified and last_modified.replace(microsecond=0)
        self._due = due
        self._plain = self._form(body, common, etag, {})
        self._gzipped = self._form(gzipped, common, f"{etag}-gz", {"Content-Encoding": "gzip"})
        self.size = len(body) + len(gzipped)

    def answer(self, environ: Mapping[str, Any], start_response: StartResponse, now: datetime) -> list[bytes]:
        """What a GET or HEAD request gets: all of it, 304 or 412 (RFC 9110 §13.2.2). Ranges are not served."""
        form = self._gzipped if takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")) else self._plain
        status = self._status(environ, form)
        headers = form.headers[:] if status == "200 OK" else form.headers_unmodified[:]
        if self._due is not None:
            headers.append(("Cache-Control", f"max-age={_age(self._due, now)}, {STALE}"))
        start_response(status, headers)
        return [form.body] if status == "200 OK" and environ["REQUEST_METHOD"] == "GET" else []

    def _form(self, body: bytes, common: Headers, etag: str, extra: Mapping[str, str]) -> Form:
        quoted = f'"{etag}"'
        headers = [*common, *extra.items(), ("ETag", quoted), ("Content-Length", str(len(body)))]
        if self._last_modified:
            headers.append(("Last-Modified", format_datetime(self._last_modified, usegmt=True)))
        unmodified = [(name, value) for name, value in common if name.lower() not in KNOWN_TO_CLIENT]
        return Form(etag, quoted, body, headers, [*unmodified, ("ETag", quoted)])

    def _status(self, environ: Mapping[str, Any], form: Form) -> str:
        seen = environ.get("HTTP_IF_NONE_MATCH")
        if "HTTP_IF_MATCH" in environ:
            matched = parse_etags(environ["HTTP_IF_MATCH"])
            if not (matched.star_tag or matched.contains(form.etag)):
                return "412 Precondition Failed"
        elif "HTTP_IF_UNMODIFIED_SINCE" in environ and self._is_later_than(environ["HTTP_IF_UNMODIFIED_SINCE"]):
            return "412 Precondition Failed"
        if seen is not None:
            unmodified = seen == form.quoted or _names(seen, form.etag)
        else:
            since = environ.get("HTTP_IF_MODIFIED_SINCE")
            unmodified = since is not None and self._is_later_than(since) is False
        return "304 Not Modified" if unmodified else "200 OK"

    def _is_later_than(self, text: str) -> bool | None:
        """Whether it was changed after the date in *text*; None: that is no date, or nobody knows."""
        date = parse_date(text)
        return self._last_modified > date if date and self._last_modified else None


def takes_gzip(header: str) -> bool:
    """Whether gzip is right for this Accept-Encoding (RFC 9110 §12.5.3). Who takes nothing gets it plain."""
    return _takes_gzip(header[:LONGEST_HEADER])


@lru_cache(maxsize=1024)
def _takes_gzip(header: str) -> bool:
    wanted = {value.lower(): quality for value, quality in parse_accept_header(header)}
    quality = wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", 0)))
    return quality > 0 and quality >= wanted.get("identity", 0)


def _names(seen: str, etag: str) -> bool:
    """If-None-Match, by weak comparison (RFC 9110 §13.1.2)."""
    tags = parse_etags(seen)
    return bool(tags.star_tag or tags.contains_weak(etag))


def _age(due: datetime, now: datetime) -> int:
    return min(max(int((due - now).total_seconds()), LEAST_AGE), GREATEST_AGE)
