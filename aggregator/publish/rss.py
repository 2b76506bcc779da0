"""A Feed and its entries into RSS 2.0 through feedgen; the same bytes for the same entries.

Knows no database and no clock. What RSS lacks comes from Atom (links), Dublin Core (author, first publication)
and the content module (full text), as https://www.rssboard.org/rss-profile advises.
"""

from collections.abc import Sequence
from email.utils import format_datetime
from html import escape

import feedgen.entry
import feedgen.feed
from feedgen.ext.dc import DcEntryExtension, DcExtension
from lxml import etree

from aggregator.model import FeedInfo, FullEntry
from aggregator.publish import wire
from aggregator.publish.atom import GENERATOR, entry_links, feed_links

ATOM_LINK = "{http://www.w3.org/2005/Atom}link"

# feedgen sets the locale of the whole process while it writes a date, under the feet of every other thread
feedgen.feed.formatRFC2822 = feedgen.entry.formatRFC2822 = format_datetime


def render(info: FeedInfo, entries: Sequence[FullEntry]) -> bytes:
    """The RSS document, UTF-8, items in the order given. ``lastBuildDate`` is what *info* says, never now."""
    links = [link | {"href": wire.uri(link["href"])} for link in feed_links(info, "application/rss+xml")]
    feed = feedgen.feed.FeedGenerator()
    feed.register_extension("dc", DcExtension, DcEntryExtension)
    feed.register_extension("paging", _Paging)
    feed.paging.links = [link for link in links if link["rel"] not in ("self", "alternate")]
    # the last link given is the channel's; feedgen writes the one to the document itself beside it
    feed.link(sorted(links, key=lambda link: link["rel"] == "alternate"))
    feed.title(wire.one_line(info.title) or wire.address(info.url))
    feed.description(wire.one_line(info.subtitle or "") or wire.one_line(info.title) or wire.address(info.url))
    feed.lastBuildDate(wire.utc(info.updated))
    feed.language(info.language)
    feed.generator(GENERATOR)
    if info.rights:
        feed.rights(wire.one_line(info.rights))
    for entry in entries:
        _fill(feed.add_entry(order="append"), info, entry)  # feedgen would prepend
    return bytes(feed.rss_str())


class _Paging:
    """A feedgen extension: the links of the channel beyond the one feedgen writes."""

    links: Sequence[dict[str, str]] = ()

    def extend_ns(self) -> dict[str, str]:
        return {}

    def extend_rss(self, root: etree._Element) -> None:
        for link in self.links:
            etree.SubElement(root[0], ATOM_LINK, link)


def _fill(item: feedgen.entry.FeedEntry, info: FeedInfo, entry: FullEntry) -> None:
    item.guid(wire.address(entry.atom_id), permalink=False)
    item.title(wire.title(entry))
    item.link(href=wire.uri(wire.entry_url(info.site_url, entry)))
    item.source(url=wire.uri(entry.source.url), title=wire.source_title(entry.source))
    item.dc.dc_creator(wire.author(entry))  # RSS's own author is a mail address
    item.dc.dc_source(wire.address(entry.url))
    if entry.published:
        item.pubDate(wire.utc(entry.published))
    for tag in entry.tags:
        item.category(term=wire.one_line(tag), scheme=wire.tag_scheme(info.site_url))
    if entry.html:
        item.content(wire.writable(entry.html), type="html")
    if entry.summary:
        item.description(escape(wire.one_line(entry.summary), quote=False), isSummary=True)  # RSS reads it as HTML
    enclosure = next((link for link in entry_links(info, entry) if link["rel"] == "enclosure"), None)
    if enclosure:  # readers take one; type and length must stand, 0 where the publisher does not say
        item.enclosure(
            wire.uri(enclosure["href"]), enclosure.get("length", "0"), enclosure.get("type", wire.UNKNOWN_TYPE)
        )
