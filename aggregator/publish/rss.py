"""A Feed and its entries into RSS 2.0 through feedgen; the same bytes for the same entries.

Knows no database and no clock. What RSS lacks comes from Atom (links, first publication), Dublin Core (author)
and the content module (full text), as https://www.rssboard.org/rss-profile advises. As in atom.py, the items are ours:
feedgen writes the channel.
"""

from collections.abc import Sequence
from email.utils import format_datetime
from html import escape

import feedgen.feed
from feedgen.feed import FeedGenerator
from lxml import etree

from aggregator.model import FeedInfo, FullEntry, Note
from aggregator.publish import wire
from aggregator.publish.atom import GENERATOR, History, entry_links, feed_links, related_links, spliced

ATOM_LINK = "{http://www.w3.org/2005/Atom}link"
DC = "http://purl.org/dc/elements/1.1/"

# feedgen sets the locale of the whole process while it writes a date, under the feet of every other thread
feedgen.feed.formatRFC2822 = format_datetime


def render(info: FeedInfo, entries: Sequence[FullEntry | Note]) -> bytes:
    """The RSS document, UTF-8, items in the order given. ``lastBuildDate`` is what *info* says, never now."""
    links = [link | {"href": wire.uri(link["href"])} for link in feed_links(info, "application/rss+xml")]
    feed = FeedGenerator()
    feed.register_extension("channel", _Channel, atom=False)
    feed.channel.info = info
    feed.channel.links = [link for link in links if link["rel"] not in ("self", "alternate")]
    # the last link given is the channel's; feedgen writes the one to the document itself beside it
    feed.link(sorted(links[:2], key=lambda link: link["rel"] == "alternate"))
    title = wire.one_line(info.title) or wire.address(info.url)
    feed.title(title)
    feed.description(wire.one_line(info.subtitle or "") or title)
    feed.lastBuildDate(wire.utc(info.updated))
    feed.language(info.language)
    feed.generator(GENERATOR)
    if info.rights:
        feed.rights(wire.one_line(info.rights))
    if info.ttl_minutes:
        feed.ttl(info.ttl_minutes)
    if info.icon:
        feed.image(url=wire.uri(info.icon), title=title, link=wire.uri(info.url))
    written = [_note(entry) if isinstance(entry, Note) else _entry(info, entry) for entry in entries]
    return spliced(feed.rss_str(), written, b"</channel></rss>")


class _Channel(History):
    """A feedgen extension: namespaces, and the links of the channel beyond the one that feedgen writes."""

    links: Sequence[dict[str, str]] = ()

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DC} | super().extend_ns()

    def extend_rss(self, root: etree._Element) -> None:
        for link in self.links:
            etree.SubElement(root[0], ATOM_LINK, link)
        self.extend_atom(root[0])


def _entry(info: FeedInfo, entry: FullEntry) -> str:
    # RSS reads a description as HTML: a text is escaped once for that and once for XML
    summary = wire.text(wire.text(wire.summary(entry)))
    texts = [f"<description>{summary}</description>"] if summary else []
    if entry.html:
        name = "content:encoded" if summary else "description"
        texts.append(f"<{name}>{wire.cdata(entry.html)}</{name}>")
    scheme = escape(wire.tag_scheme(info.site_url))
    texts += [f'<category domain="{scheme}">{_plain(wire.one_line(tag))}</category>' for tag in entry.tags]
    enclosure = next((link for link in entry_links(info, entry) if link["rel"] == "enclosure"), None)
    if enclosure:  # readers take one; type and length must stand, 0 where the publisher does not say
        address, media_type = escape(wire.uri(enclosure["href"])), enclosure.get("type", wire.UNKNOWN_TYPE)
        texts.append(f'<enclosure url="{address}" length="{enclosure.get("length", "0")}" type="{media_type}"/>')
    published = wire.published(entry)
    if published:
        texts.append(f"<pubDate>{format_datetime(published)}</pubDate>")
    # not dc:source: to W3C's validator it says what <source> says
    texts.append(f'<atom:link rel="via" href="{escape(wire.uri(entry.url))}"/>')
    for link in related_links(info, entry):
        href, title = escape(wire.uri(link["href"])), escape(link["title"])
        texts.append(f'<atom:link rel="related" href="{href}" type="text/html" title="{title}"/>')
    return (
        f"<item><title>{_plain(wire.title(entry))}</title>"
        f"<link>{escape(wire.uri(wire.entry_url(info.site_url, entry)))}</link>{''.join(texts)}"
        f'<guid isPermaLink="false">{escape(wire.address(entry.atom_id))}</guid>'
        f'<source url="{escape(wire.uri(entry.source.url))}">{_plain(wire.source_title(entry.source))}</source>'
        f"<dc:creator>{_plain(wire.author(entry))}</dc:creator></item>"  # RSS's own author is a mail address
    )


def _note(note: Note) -> str:
    content = f"<content:encoded>{wire.cdata(note.html)}</content:encoded>" if note.html else ""
    return (
        f"<item><title>{_plain(wire.one_line(note.title))}</title><link>{escape(wire.uri(note.url))}</link>"
        f"<description>{wire.text(wire.text(wire.one_line(note.text)))}</description>{content}"
        f'<guid isPermaLink="false">{escape(wire.address(note.id))}</guid>'
        f"<pubDate>{format_datetime(wire.utc(note.published))}</pubDate>"
        f"<dc:creator>{_plain(wire.one_line(note.author))}</dc:creator></item>"
    )


def _plain(text: str) -> str:
    """*text* where RSS does not say whether it is HTML: readers of either mind take numbers for the character itself.

    https://www.rssboard.org/rss-profile#data-types-characterdata
    """
    return text.replace("&", "&#x26;").replace("<", "&#x3C;").replace(">", "&#x3E;")
