"""What the archive holds: /entries/<slug>/original, an article's page as it was when it was kept.

It is somebody else's page, below an address of ours: nothing in it may run, load, or be found by a search engine.
"""

import re

from flask import Blueprint, Response, request

from aggregator.archive import Archive
from aggregator.errors import NotFound
from aggregator.web.service import service

blueprint = Blueprint("originals", __name__)

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; sandbox"
HTML = re.compile(r"(?:text/html|application/xhtml\+xml)\b", re.IGNORECASE)
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


@blueprint.get("/entries/<slug>/original")
def original(slug: str) -> Response:
    """The bytes that the publisher's server gave, as a page that can do nothing."""
    here = service()
    one = here.store.entries.by_slug(slug)
    kept = archive().page(one.id)
    if kept is None:
        raise NotFound(f"the page of {slug} was not kept")
    found, body = kept
    media_type = "text/html" if not found.content_type or HTML.match(found.content_type) else "text/plain"
    charset = CHARSET.search(found.content_type)
    # without one the browser looks for it in the page, as it did at the publisher's
    response = Response(body, content_type=f"{media_type}; charset={charset[1]}" if charset else media_type)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Memento-Datetime"] = found.kept_at.strftime("%a, %d %b %Y %H:%M:%S GMT")  # RFC 7089 §2.1.1
    response.set_etag(found.digest[:32])
    response.make_conditional(request)
    return response


def archive() -> Archive:
    """The archive of the app that answers this request: to be read from."""
    here = service()
    return Archive(here.settings.instance, here.settings.archive, here.store)
