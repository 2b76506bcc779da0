"""Sources and feeds into OPML 2.0 (http://opml.org/spec2.opml) subscription lists; the same bytes for the same lists.

Knows no database and no clock: the dates that OPML allows in its head would change without news, so none stands there.
"""

from collections.abc import Collection, Sequence

from lxml import etree

from aggregator.model import SourceRef
from aggregator.publish import wire


def render_sources(title: str, site_url: str, sources: Sequence[SourceRef], feeds: Collection[str] = ()) -> bytes:
    """What we read, one folder a university, in the order given; *feeds* names the sources that are feeds.

    A feed is given with its own address and our page of it; a list page, which no reader can follow,
    with our feed of it and its own address as the page.
    """
    root, body = _document(title)
    folders: dict[str, etree._Element] = {}
    for source in sources:
        university = wire.one_line(source.university)
        if university not in folders:
            folders[university] = etree.SubElement(body, "outline", text=university)
        own = wire.address(source.url)
        if source.name in feeds:
            addresses = own, wire.source_page_url(site_url, source)
        else:
            addresses = wire.source_feed_url(site_url, source), own
        _subscription(folders[university], source.title, *addresses)
    return _bytes(root, body)


def render_feeds(title: str, site_url: str, feeds: Sequence[tuple[str, str, str]]) -> bytes:
    """What we publish, in the order given: *feeds* holds (title, address of the feed, address of its page)."""
    root, body = _document(title, owner=site_url)
    for name, xml_url, html_url in feeds:
        _subscription(body, name, xml_url, html_url)
    return _bytes(root, body)


def _document(title: str, owner: str | None = None) -> tuple[etree._Element, etree._Element]:
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = wire.one_line(title)
    if owner:
        etree.SubElement(head, "ownerId").text = wire.address(owner)
    return root, etree.SubElement(root, "body")


def _subscription(parent: etree._Element, title: str, xml_url: str, html_url: str) -> None:
    name = wire.one_line(title) or wire.address(xml_url)
    addresses = {"xmlUrl": wire.address(xml_url), "htmlUrl": wire.address(html_url)}
    etree.SubElement(parent, "outline", {"type": "rss", "text": name, "title": name, **addresses})


def _bytes(root: etree._Element, body: etree._Element) -> bytes:
    if not len(body):  # a body without an outline is not valid
        etree.SubElement(body, "outline", text=root.findtext("head/title") or "")
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
