"""FORMATS: the documents a Feed is published as. Knows no format itself: each is imported when first rendered,
so that commands which publish nothing start without feedgen and lxml.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.model import FeedInfo, FullEntry


@dataclass(frozen=True, slots=True)
class Format:
    """*render* is pure: the same feed and entries give the same bytes at any time."""

    media_type: str
    render: Callable[[FeedInfo, Sequence[FullEntry]], bytes]


def _atom(info: FeedInfo, entries: Sequence[FullEntry]) -> bytes:
    from aggregator.publish import atom

    return atom.render(info, entries)


def _rss(info: FeedInfo, entries: Sequence[FullEntry]) -> bytes:
    from aggregator.publish import rss

    return rss.render(info, entries)


def _json(info: FeedInfo, entries: Sequence[FullEntry]) -> bytes:
    from aggregator.publish import jsonfeed

    return jsonfeed.render(info, entries)


# extension of the address -> format
FORMATS: Mapping[str, Format] = {
    "atom": Format("application/atom+xml", _atom),
    "rss": Format("application/rss+xml", _rss),
    "json": Format("application/feed+json", _json),
}
