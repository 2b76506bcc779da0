"""The WSGI app: addresses and templates from render.py, put to work with a store and a clock. Starts no scheduler."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from aggregator.errors import NotFound
from aggregator.mail.letters import Letters
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.web import ops, stored, subscribe
from aggregator.web.limit import Limit
from aggregator.web.render import drawing_app, letter
from aggregator.web.service import SERVICE, Service
from aggregator.web.stored import Stored


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings, store: Store, now: Callable[[], datetime] = _utc_now, *, is_static: bool = False
) -> Flask:
    """A new app that answers from *store*; *now* is its clock. If *is_static*, its links lead to files."""
    app = drawing_app(settings, is_static=is_static)
    app.extensions[SERVICE] = Service(settings, store, now, Limit(settings.web.searches_per_minute), is_static)
    app.config["MAX_CONTENT_LENGTH"] = settings.fetch.max_bytes
    app.before_request(_refuse_nul)
    app.after_request(_negotiate)
    ops.register(app, settings)
    subscribe.register(app, settings, Letters(settings, store, partial(letter, settings), now))
    app.wsgi_app = Stored(app.wsgi_app, store, settings.site.language, now)  # type: ignore[method-assign]
    if settings.web.trusted_proxies:
        count = settings.web.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, count, count, count, 0, count)  # type: ignore[method-assign]
    return app


def _refuse_nul() -> None:
    """No name holds the character that PostgreSQL refuses to compare."""
    if "\0" in request.path or any("\0" in value for value in request.args.values()):
        raise NotFound("an address with a NUL character")


def _negotiate(response: Response) -> Response:
    """What names no age is asked for again each time; an ETag spares sending a text twice, and gzip most of it once."""
    if request.method == "OPTIONS" and response.status_code == 200:
        response.status_code = 204  # what it says stands in its head (RFC 9110 §15.3.5)
        del response.headers["Content-Type"]
        return response
    kind = response.mimetype or ""
    if kind in ("text/html", "text/plain"):
        response.vary.add("Accept-Language")
    if response.status_code != 200 or response.cache_control.no_store or request.method not in ("GET", "HEAD"):
        return response
    if "Cache-Control" not in response.headers:
        response.cache_control.no_cache = True
    # what was told to be forgotten may hold a secret, of which the length of a compressed page would tell
    if kind.startswith("text/") or kind.endswith(("xml", "json")):
        return response if stored.is_offered() else stored.offer(response, None)
    return response
