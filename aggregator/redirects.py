"""Permanent redirects of a source: noted when first seen, taken as its address once they have stood for days.

Pure: rows and times in, addresses out. The site file's own address is kept, and asked again when the new one fails.
"""

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.model import Response, Source

# a redirect that stood for so long was no slip of a webmaster's or of a captive portal
STOOD = timedelta(days=3)
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
    """
    if response is None:
        # what was adopted does not answer: the next poll asks the old address, and counts the days anew
        return (None, None) if asked != source.url else (source.moved_to, source.moved_at)
    if asked != source.url:
        return (response.moved_to or asked), source.moved_at
    if response.moved_to is None:
        return None, None
    return response.moved_to, source.moved_at if response.moved_to == source.moved_to else now


def is_sent_home(asked: str, landed: str) -> bool:
    """Whether a page below a site's home page led to a home page: what stood there is gone."""
    return _is_home(landed) and not _is_home(asked)


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return HOME.fullmatch(parts.path) is not None and not parts.query and not parts.fragment.startswith(("/", "!"))
