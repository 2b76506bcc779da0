"""Answers for programs: cached by anybody, read by scripts of any site (CORS), in the right type.

Knows no address and no format.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from flask import Response, current_app, request

from aggregator.errors import StoreError
from aggregator.store.feeds import StoredFeed
from aggregator.web.document import LEAST_AGE, STALE
from aggregator.web.service import service
from aggregator.web.stored import Promise, offer

DAY_SECONDS = 86_400


def kept(key: str, version: str, render: Callable[[], StoredFeed]) -> StoredFeed:
    """The bytes that the database keeps as *key*, made anew by *render* where they are not of *version*."""
    feeds = service().store.feeds
    feed = feeds.current(key, version)
    if feed is None:
        feed = render()
        try:
            feed = feeds.keep(key, version, feed.media_type, feed.body, feed.last_modified)
        except StoreError as error:  # a full disk is no reason to send readers away
            current_app.logger.warning("feed %s is not kept: %s", key, error)
    return feed


def published(
    feed: StoredFeed,
    promise: Promise | None,
    *,
    due: datetime | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> Response:
    """*feed* as an answer that may be given again while *promise* holds; *links* (address, relation) go into a header.

    *due* is when it may next change, None where nobody knows.
    """
    charset = "; charset=utf-8" if feed.media_type.endswith(("xml", "opml")) else ""
    response = Response(feed.body, content_type=feed.media_type + charset)
    response.headers["Cache-Control"] = f"max-age={LEAST_AGE}, {STALE}"
    for url, relation in links:  # RFC 8288; WebSub §4
        response.headers.add("Link", f'<{url}>; rel="{relation}"')
    response.set_etag(feed.etag)
    return offer(response, promise, last_modified=feed.last_modified, gzipped=feed.gzipped, due=due)


def open_to_scripts(response: Response) -> Response:
    """Let readers that live in a browser ask, too (Fetch standard, §3.2)."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        # whatever else is routed here gets a 405 that its sender can read
        response.headers["Allow"] = response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "If-Modified-Since, If-None-Match"
        response.headers["Access-Control-Max-Age"] = str(DAY_SECONDS)
    else:
        response.headers["Access-Control-Expose-Headers"] = "ETag, Link, Retry-After"
    return response
