"""A Feed and its entries into Atom (RFC 4287) through feedgen; the same bytes for the same entries.

Knows no database, no clock and no other format. feedgen writes the feed, and we its entries: those of feedgen 1.0.0
lose the attributes of links (lkiesow/python-feedgen#135) and most of a source, fail for one control character, say
"now" unless told otherwise, and take three times as long.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from zlib import crc32

from feedgen.feed import FeedGenerator
from lxml import etree

from aggregator.model import FeedInfo, FullEntry, Note
from aggregator.publish import wire

GENERATOR = "aggregator"  # without a version: an update of the program is no news for readers
HISTORY = "http://purl.org/syndication/history/1.0"  # RFC 5005


def render(info: FeedInfo, entries: Sequence[FullEntry | Note]) -> bytes:
    """The Atom document, UTF-8, entries in the order given. ``updated`` is what *info* says, never now."""
    feed = FeedGenerator()
    feed.register_extension("history", History)
    feed.history.info = info
    feed.id(wire.address(info.id))
    feed.title(wire.one_line(info.title) or wire.address(info.url))
    feed.updated(wire.utc(info.updated))
    feed.language(info.language)
    feed.generator(GENERATOR)
    # RFC 4287 §4.1.1: the feed names an author, so that one without entries is valid too
    feed.author(name=wire.one_line(info.title) or info.site_url, uri=wire.address(info.site_url))
    feed.link(feed_links(info, "application/atom+xml"))
    if info.subtitle:
        feed.subtitle(wire.one_line(info.subtitle))
    if info.icon:
        feed.icon(wire.address(info.icon))
    if info.logo:
        feed.logo(wire.address(info.logo))
    if info.rights:
        feed.rights(wire.one_line(info.rights))
    written = [_note(entry) if isinstance(entry, Note) else _entry(info, entry) for entry in entries]
    return spliced(feed.atom_str(), written, b"</feed>")


def feed_links(info: FeedInfo, media_type: str) -> list[dict[str, str]]:
    """The links of the feed: the document itself, its page for people, its other documents (RFC 5005), its hubs."""
    links = [
        {"rel": "self", "href": wire.address(info.self_url), "type": media_type},
        {"rel": "alternate", "href": wire.address(info.url), "type": "text/html"},
    ]
    links += [{"rel": rel, "href": wire.address(url), "type": media_type} for rel, url in info.paging.items()]
    links += [{"rel": "hub", "href": wire.address(url)} for url in info.hub_urls]
    return links


def entry_links(info: FeedInfo, entry: FullEntry) -> list[dict[str, str]]:
    """The links of an entry: our page, the publication, each attachment once, our pages of who else tells it."""
    links = [
        {"rel": "alternate", "href": wire.entry_url(info.site_url, entry), "type": "text/html"},
        {"rel": "via", "href": wire.address(entry.url)},
    ]
    seen = set()
    for attachment in entry.attachments:
        link = {"rel": "enclosure", "href": wire.address(attachment.url)}
        if not link["href"] or link["href"] in seen:
            continue
        seen.add(link["href"])
        media_type = wire.media_type(attachment)
        if media_type:
            link["type"] = media_type
        length = wire.length(attachment)
        if length is not None:
            link["length"] = str(length)
        name = wire.one_line(attachment.title)
        if name:
            link["title"] = name
        links.append(link)
    return links + related_links(info, entry)


def related_links(info: FeedInfo, entry: FullEntry) -> list[dict[str, str]]:
    """Our pages of who else tells the story of *entry*, who was first before all others (RFC 4287 §4.2.7.2)."""
    others = entry.story.others(entry.id) if entry.story else []
    return [
        {
            "rel": "related",
            "href": wire.telling_url(info.site_url, one),
            "type": "text/html",
            "title": wire.source_title(one.source),
        }
        for one in others
    ]


class History:
    """A feedgen extension: whether the feed's document is an archive or all there is (RFC 5005 §2, §4)."""

    info: FeedInfo

    def extend_ns(self) -> dict[str, str]:
        return {"fh": HISTORY} if self.info.is_archive or self.info.is_complete else {}

    def extend_atom(self, feed: etree._Element) -> None:
        if self.info.is_archive:
            etree.SubElement(feed, f"{{{HISTORY}}}archive")
        if self.info.is_complete:
            etree.SubElement(feed, f"{{{HISTORY}}}complete")


def spliced(document: bytes, entries: Sequence[str], end: bytes) -> bytes:
    """*document*, as feedgen wrote it, with *entries* before its *end*."""
    head = document.removesuffix(end)
    assert head != document
    return head + wire.xml_bytes("".join(entries)) + end


def _entry(info: FeedInfo, entry: FullEntry) -> str:
    updated, source_url = _moment(entry.updated, entry.id), escape(wire.address(entry.source.url))
    when, told = wire.published(entry), wire.summary(entry)
    published = f"<published>{when.isoformat()}</published>" if when else ""
    links = "".join(map(_link, entry_links(info, entry)))
    scheme = escape(wire.tag_scheme(info.site_url))
    categories = "".join(
        f'<category term="{term}" scheme="{scheme}" label="{term}"/>'
        for term in (escape(wire.one_line(tag)) for tag in entry.tags)
    )
    summary = f'<summary type="text">{wire.text(told)}</summary>' if told else ""
    # xhtml would have to be well-formed
    content = f'<content type="html">{wire.cdata(entry.html)}</content>' if entry.html else ""
    return (
        f"<entry><id>{escape(wire.address(entry.atom_id))}</id><title>{wire.text(wire.title(entry))}</title>"
        f"<updated>{updated}</updated>{published}<author><name>{wire.text(wire.author(entry))}</name></author>"
        f"{links}{categories}{summary}{content}"
        # RFC 4287 §4.2.11; a source had changed no later than the entry that shows it
        f"<source><id>{source_url}</id><title>{wire.text(wire.source_title(entry.source))}</title>"
        f'<updated>{updated}</updated><link rel="alternate" href="{source_url}"/></source></entry>'
    )


def _link(attributes: dict[str, str]) -> str:
    return "<link" + "".join(f' {name}="{escape(value)}"' for name, value in attributes.items()) + "/>"


def _note(note: Note) -> str:
    content = f'<content type="html">{wire.cdata(note.html)}</content>' if note.html else ""
    return (
        f"<entry><id>{escape(wire.address(note.id))}</id><title>{wire.text(wire.one_line(note.title))}</title>"
        f"<updated>{_moment(note.updated, crc32(note.id.encode()))}</updated>"
        f"<published>{wire.utc(note.published).isoformat()}</published>"
        f"<author><name>{wire.text(wire.one_line(note.author))}</name></author>"
        f'<link rel="alternate" href="{escape(wire.address(note.url))}" type="text/html"/>'
        f'<summary type="text">{wire.text(wire.one_line(note.text))}</summary>{content}</entry>'
    )


def _moment(updated: datetime, number: int) -> str:
    """When what has a *number* of its own was *updated*. One poll brings many at a time: thousandths tell them apart.

    Readers may go by atom:updated alone, so no two entries of a feed should share it (W3C's validator says).
    """
    return wire.utc(updated).replace(microsecond=number % 1000 * 1000).isoformat(timespec="milliseconds")
