"""Addresses without a query, for files: what stands behind ? on a server that thinks becomes part of the path.

The one place where a static site's addresses are made: links in pages and feeds, and the files they lead to, come
from here. Knows no page and no store.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from flask import Flask
from werkzeug.routing import Map, MapAdapter

from aggregator.publish import FORMATS

PLACES = ("before", "archive")  # parts of a list or a feed: a folder of that name
DIGEST_FORMS = {"text": "txt", "json": "json"}
HASHED = "~"  # names that cannot be a file's begin so; so does no other
LONGEST = 200  # bytes of a name; file systems take 255, endings included
# what no segment of a path may hold, or means something else there
UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]|^[.~ ]|[. ]$")
# a tag's folder beside another tag's feed, or beside the list of tags
TAKEN = re.compile(rf"(^index\.html|\.({'|'.join(FORMATS)}))(\.gz)?$", re.IGNORECASE)


def segment(name: str) -> str:
    """*name* as one segment of a path, and of a file's: itself where any file system takes it, else a hash of it."""
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) <= LONGEST and not UNSAFE.search(name) and not TAKEN.search(name):
        return name
    return HASHED + hashlib.sha256(encoded).hexdigest()[:32]


def file_of(path: str, root: str) -> str:
    """The file, below the site's folder, that a server gives for *path*, which begins with the site's *root*."""
    found = unquote(path.removeprefix(root)).lstrip("/")
    return f"{found}index.html" if found.endswith("/") or not found else found


class Paths(MapAdapter):
    """Builds addresses of files. Requests are routed as everywhere."""

    map: "PathMap"

    def dynamic(self, endpoint: str, values: Mapping[str, Any]) -> str:
        """The path and query by which the app is asked for what becomes a file."""
        return super().build(endpoint, values)

    def build(
        self,
        endpoint: Any,
        values: Mapping[str, Any] | None = None,
        method: str | None = None,
        force_external: bool = False,
        append_unknown: bool = True,
        url_scheme: str | None = None,
    ) -> str:
        rest = {name: value for name, value in (values or {}).items() if value is not None}
        language = rest.pop("lang", None)
        places = [(name, segment(str(rest.pop(name)))) for name in PLACES if name in rest]
        form = DIGEST_FORMS.get(rest.pop("format", "html"))
        if "name" in rest:
            rest["name"] = segment(str(rest["name"]))
        plain = urlsplit(super().build(endpoint, rest, method, force_external, append_unknown, url_scheme))
        path = plain.path
        for name, value in places:
            path = _within(path, name, value)
        if form:
            path = f"{path.rstrip('/')}.{form}"
        if language and language != self.map.language:
            path = f"{self.script_name}{language}/{path.removeprefix(self.script_name)}"
        return urlunsplit(plain._replace(path=path))


class PathMap(Map):
    """The addresses of an app whose answers become files; *language* is the one that addresses do not name."""

    language = ""

    def bind(self, *args: Any, **kwargs: Any) -> Paths:
        return _paths(super().bind(*args, **kwargs))

    def bind_to_environ(self, *args: Any, **kwargs: Any) -> Paths:
        return _paths(super().bind_to_environ(*args, **kwargs))


class PathApp(Flask):
    """A Flask app whose links lead to files."""

    url_map_class = PathMap


def _paths(made: MapAdapter) -> Paths:
    return Paths(
        made.map,
        made.server_name,
        made.script_name,
        made.subdomain,
        made.url_scheme,
        made.path_info,
        made.default_method,
        made.query_args,
    )


def _within(path: str, name: str, value: str) -> str:
    """The part called *value* of what stands at *path*: ``/tags/a/before/1-2/``, ``/feed/before/1-2.atom``."""
    if path.endswith("/"):
        return f"{path}{name}/{value}/"
    stem, _, extension = path.rpartition(".")
    return f"{stem}/{name}/{value}.{extension}"
