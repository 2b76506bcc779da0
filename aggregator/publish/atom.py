"""A Feed and its entries into Atom (RFC 4287) through feedgen; the same bytes for the same entries.

Knows no database, no clock and no other format. Mends feedgen 1.0.0 where it loses or refuses what Atom allows:
each mend says so, and another version of feedgen needs them looked at.
"""

from collections.abc import Sequence

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator
from lxml import etree

from aggregator.model import FeedInfo, FullEntry, Note
from aggregator.publish import wire

GENERATOR = "aggregator"  # without a version: an update of the program is no news for readers


def render(info: FeedInfo, entries: Sequence[FullEntry]) -> bytes:
    """The Atom document, UTF-8, entries in the order given. ``updated`` is what *info* says, never now."""
    feed = _feed(info)
    for entry in entries:
        feed.add_entry(_entry(info, entry), order="append")  # feedgen would prepend
    return bytes(feed.atom_str())


def render_notes(info: FeedInfo, notes: Sequence[Note]) -> bytes:
    """The Atom document of *notes* in the order given, as bit-stable as `render`."""
    feed = _feed(info)
    for note in notes:
        item = FeedEntry()
        item.id(wire.address(note.id))
        item.title(wire.one_line(note.title))
        item.updated(wire.utc(note.updated))
        item.author(name=wire.one_line(note.author))
        item.link(href=wire.address(note.url))
        item.summary(wire.one_line(note.text), type="text")
        feed.add_entry(item, order="append")
    return bytes(feed.atom_str())


def _feed(info: FeedInfo) -> FeedGenerator:
    """The document without entries."""
    feed = FeedGenerator()
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
    if info.rights:
        feed.rights(wire.one_line(info.rights))
    return feed


def feed_links(info: FeedInfo, media_type: str) -> list[dict[str, str]]:
    """The links of the feed: the document itself, the page for people, older entries (RFC 5005 §3), the WebSub hub."""
    links = [
        {"rel": "self", "href": wire.address(info.self_url), "type": media_type},
        {"rel": "alternate", "href": wire.address(info.url), "type": "text/html"},
    ]
    if info.next_url:
        links.append({"rel": "next", "href": wire.address(info.next_url), "type": media_type})
    if info.hub_url:
        links.append({"rel": "hub", "href": wire.address(info.hub_url)})
    return links


def entry_links(info: FeedInfo, entry: FullEntry) -> list[dict[str, str]]:
    """The links of an entry: our page, the first publication, each attachment once."""
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
    return links


class _Mends:
    """A feedgen extension: puts into a finished entry what feedgen 1.0.0 leaves out of it."""

    links: Sequence[dict[str, str]]
    source_id: str
    source_updated: str

    def extend_atom(self, element: etree._Element) -> None:
        # lkiesow/python-feedgen#135: every attribute of an entry's links but href is lost
        for link, attributes in zip(element.findall("link"), self.links, strict=True):
            for name, value in attributes.items():
                link.set(name, value)
        # RFC 4287 §4.2.11: a source should hold id, title and updated; feedgen writes title and link
        source = element.find("source")
        assert source is not None
        etree.SubElement(source, "id").text = self.source_id
        etree.SubElement(source, "updated").text = self.source_updated


def _entry(info: FeedInfo, entry: FullEntry) -> FeedEntry:
    links = entry_links(info, entry)
    updated = wire.utc(entry.updated)
    source_url = wire.address(entry.source.url)
    item = FeedEntry()
    item.register_extension("mends", _Mends)
    item.mends.links = links
    item.mends.source_id = source_url
    item.mends.source_updated = updated.isoformat()  # the source had changed no later than the entry that shows it

    item.id(wire.address(entry.atom_id))
    item.title(wire.title(entry))
    item.updated(updated)  # feedgen's own default is now
    item.author(name=wire.author(entry))
    item.link([dict(link) for link in links])
    item.source(url=source_url, title=wire.source_title(entry.source))
    if entry.published:
        item.published(wire.utc(entry.published))
    for tag in entry.tags:
        item.category(term=wire.one_line(tag), label=wire.one_line(tag), scheme=wire.tag_scheme(info.site_url))
    if entry.summary:
        item.summary(wire.one_line(entry.summary), type="text")
    if entry.html:
        item.content(wire.writable(entry.html), type="html")  # xhtml would have to be well-formed
    return item
