"""Permanent redirects of a source: noted when first seen, taken as its address once they have stood for days.

Pure: rows and times in, addresses out. The site file's own address is kept, and asked again when the new one fails.
One that leads to another domain counts only from when known entries were found there: a domain may lapse, or be stolen.
"""

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.identity import domain_of
from aggregator.model import Response, Source

# a redirect that stood for so long was no slip of a webmaster's or of a captive portal
STOOD = timedelta(days=3)
# the part of a page's items that must be known before another domain is believed to be a source's new home
KNOWN_AGAIN = 0.5
HOME = re.compile(r"/?(?:(?:index|default|main|home)\.\w+)?", re.IGNORECASE)


def address_of(source: Source, now: datetime) -> str:
    """Where *source* is asked now."""
    if source.moved_to and source.moved_at and now - source.moved_at >= STOOD:
        return source.moved_to
    return source.url


def moved_of(
    source: Source, asked: str, response: Response | None, now: datetime
) -> tuple[str | None, datetime | None]:
    """(moved_to, moved_at) after *asked* was answered with *response*, None where it failed.

    Only redirects that are permanent all the way count (RFC 9110 §15.4.2, §15.4.9): Response.moved_to is empty else.
    Without moved_at nothing has vouched for moved_to yet, see ``vouched_at``.
    """
    if response is None:
        # what was adopted does not answer: the next poll asks the old address, and counts the days anew
        return (None, None) if asked != source.url else (source.moved_to, source.moved_at)
    if asked != source.url:
        there = response.moved_to or asked
        return there, source.moved_at if domain_of(there) == domain_of(asked) else None
    if response.moved_to is None:
        return None, None
    if response.moved_to == source.moved_to:
        return response.moved_to, source.moved_at
    return response.moved_to, now if domain_of(response.moved_to) == domain_of(source.url) else None


def vouched_at(
    moved_to: str | None, moved_at: datetime | None, known: int, items: int, now: datetime
) -> datetime | None:
    """Since when *moved_to* counts, after *known* of the *items* of its page were entries of the source already."""
    if moved_to is None or moved_at is not None:
        return moved_at
    return now if known and known >= items * KNOWN_AGAIN else None


def is_same_page(source: Source, response: Response) -> bool:
    """Whether a redirect that is new led to the very page that the source's own address showed until now."""
    return source.moved_to is None and source.fault is None and not response.not_modified


def is_sent_home(asked: str, landed: str) -> bool:
    """Whether a page below a site's home page led to a home page: what stood there is gone."""
    return _is_home(landed) and not _is_home(asked)


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return HOME.fullmatch(parts.path) is not None and not parts.query and not parts.fragment.startswith(("/", "!"))
