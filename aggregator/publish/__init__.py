"""FORMATS: the documents a Feed is published as. Knows no format itself: each is imported when first rendered,
so that commands which publish nothing start without feedgen and lxml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from aggregator.model import FeedInfo, FullEntry, Note


@dataclass(frozen=True, slots=True)
class Format:
    """A format by its module, which is pure: the same feed and entries give the same bytes at any time."""

    media_type: str
    module: str

    def render(self, info: FeedInfo, entries: Sequence[FullEntry | Note]) -> bytes:
        """The document, UTF-8, with *entries* in the order given; a Note is what we say ourselves."""
        return bytes(import_module(self.module).render(info, entries))


# extension of the address -> format
FORMATS: Mapping[str, Format] = {
    "atom": Format("application/atom+xml", "aggregator.publish.atom"),
    "rss": Format("application/rss+xml", "aggregator.publish.rss"),
    "json": Format("application/feed+json", "aggregator.publish.jsonfeed"),
}
