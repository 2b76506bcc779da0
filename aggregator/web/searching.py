"""What comes before any search that a client asks for, for a page or a feed: whether it may, and what is new indexed.

Knows no page and no format.
"""

import math

from flask import current_app, request
from werkzeug.exceptions import TooManyRequests

from aggregator.errors import StoreError
from aggregator.web.service import service

INDEXED = 200  # entries that one request indexes at most before it answers


def spend(price: float = 1.0) -> None:
    """Count *price* searches of the client at hand; raises TooManyRequests where it asks too often."""
    here = service()
    seconds = here.searches.wait(request.remote_addr or "", here.now(), price)
    if seconds:
        raise TooManyRequests(retry_after=math.ceil(seconds))


def catch_up() -> None:
    """Index some of what is new: a search finds what was stored a moment ago."""
    try:
        service().store.index.catch_up(INDEXED)
    except StoreError as error:  # a full disk: what is indexed can be searched
        current_app.logger.warning("search: cannot index what is new: %s", error)
