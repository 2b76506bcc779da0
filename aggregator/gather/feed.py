"""A Response that should be a feed -> Listing: RSS 0.9x, 1.0, 2.0, Atom 0.3, 1.0, JSON Feed.

Knows no network and no clock; cleans nothing: an item's html is the publisher's, its relative addresses against the
item's url. Only where a document has an xml:base they are resolved here, since the base does not travel.

    bytes -> strict parser -> items                       nearly always
    bytes -> text (charset) -> strict parser -> items     another charset than UTF-8
    text  -> repair -> strict parser -> items             not well-formed: one feed in ten
    text  -> feedparser, fenced -> items                  the last resort: CDF, upper case, no root
"""

import re
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from lxml import etree

from aggregator.errors import ParseError
from aggregator.gather.charset import decode
from aggregator.gather.feed_json import listing_of_json
from aggregator.gather.feed_last_resort import reread
from aggregator.gather.feed_repair import ROOT, repaired
from aggregator.gather.feed_values import Reading, address_of, one_line, title_of_markup
from aggregator.gather.feed_xml import ROOTS, listing_of, local_name
from aggregator.model import Listing, Response

# The work is bounded by what a document may hold, so nothing needs a clock: the parser is linear, refuses DTDs, more
# than 256 levels and texts over 10 MB; a mark is an element's or attribute's, and costs up to 270 bytes in the tree.
MAX_BYTES = 10_000_000
MAX_MARKS = 300_000
MAX_BROKEN = 1_000_000  # characters of a document to be repaired; the largest seen has 320,000
HEAD_BYTES = 4096  # a feed says what it is before that
HEAD_CHARACTERS = 200_000  # the longest <head> that is looked through for feeds

FEED_TYPES = re.compile(r"(?:application|text)/(?:(?:rss|atom|rdf)(?:\+xml)?|feed\+json|xml)$")
_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_ITEM_END = re.compile(r"</(?:[A-Za-z_][\w.-]{0,40}:)?(?:item|entry)[\s>]", re.IGNORECASE)
_ONLY_ITEMS = re.compile(r"\s{0,99}(?:<\?xml[^>]{0,200}\?>)?\s{0,99}<(?:item|entry)[\s>]", re.IGNORECASE)
_LATIN_1 = re.compile(
    rb"\s{0,99}<\?xml\s[^>]{0,99}?encoding\s{0,9}=\s{0,9}[\"'](?:iso-8859-15?|windows-1252|us-ascii)[\"']",
    re.IGNORECASE,
)
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
_FIRST_ELEMENT = re.compile(rb"<([A-Za-z_][\w.:-]{0,50})")
_PASSWORD = re.compile(r"""type\s?=\s?["']?password""", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_BINARY = {
    b"%PDF": "a PDF file",
    b"PK\3\4": "a ZIP or Office file",
    b"\x1f\x8b": "compressed data",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}
_OTHER_XML = {"urlset": "a sitemap", "sitemapindex": "a sitemap", "opml": "an OPML list of feeds"}


def read_feed(response: Response, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """The feed in *response*, its items in the order of the document; times without a zone are meant in *timezone*.

    Items without an address of their own get the feed's page with a mark (``#/…``). Raises ParseError, which says what
    the document is instead, for all that is no feed, is too large, or is broken so that no item can be read.
    """
    reading = Reading(response.url, timezone, now)
    body = response.body
    if len(body) > MAX_BYTES or (len(body) > MAX_MARKS and body.count(b"<") + body.count(b"=") > MAX_MARKS):
        raise _too_large(response)
    root = _tree(body)
    if root is None:
        text = _text(body, response.content_type)
        if text[:1000].lstrip().startswith(("{", "[")):
            if text.count(",") + text.count("{") + text.count("[") > MAX_MARKS:
                raise _too_large(response)
            return listing_of_json(text, reading)
        document = text.encode("utf-8", "replace")
        root = _tree(document) if document != body else None
        if root is None:
            return _read_broken(text, reading)
    if local_name(root) in ROOTS:
        return listing_of(root, reading)
    if local_name(root).lower() in ROOTS:  # <RSS>, and CDF, which begins with <CHANNEL>
        return _read_at_last(_text(body, response.content_type), reading)
    raise ParseError(_complaint(body, response.url))


def looks_like_feed(response: Response) -> bool:
    """Whether the first bytes of *response* are a feed's, whatever its content type says."""
    begin = response.body[:HEAD_BYTES]
    head = decode(begin) if b"\0" in begin else begin.decode("latin-1")
    root = ROOT.search(head)
    if root is None:
        return head.lstrip("\xef\xbb\xbf \t\r\n").startswith("{") and "://jsonfeed.org/version/" in head
    is_other_rdf = root[0].endswith("RDF") and "rss" not in head and "<channel" not in head
    return not is_other_rdf and not _HTML.search(head, 0, root.start())


def find_feeds(html: str, url: str) -> list[tuple[str, str]]:
    """The feeds that a page names in its head, as (absolute address, title), in its order; the title may be empty."""
    head = html[:HEAD_CHARACTERS].encode("utf-8", "replace")
    try:
        page = etree.fromstring(head, etree.HTMLParser(encoding="utf-8", no_network=True))
    except etree.XMLSyntaxError:  # nothing in it
        return []
    if page is None:
        return []
    bases = (address_of(element.get("href") or "", url) for element in page.iter("base"))
    base = next(filter(None, bases), url)
    found: dict[str, str] = {}
    for link in page.iter("link"):
        href, title = link.get("href") or "", one_line(link.get("title"))
        relations = (link.get("rel") or "").lower().split()
        kind = (link.get("type") or "").partition(";")[0].strip().lower()
        is_feed = FEED_TYPES.match(kind) or (kind == "application/json" and "feed" in (href + title).lower())
        if is_feed and href.strip() and ("alternate" in relations or "feed" in relations):
            found.setdefault(address_of(href, base), title)
    found.pop("", None)  # links that lead nowhere
    return list(found.items())


def _text(body: bytes, content_type: str | None) -> str:
    """*body* as text.

    Latin-1 is believed of an XML declaration, as it is not of servers, where the bytes look so: accents and quotation
    marks stand alone between ASCII, the letters of other scripts in rows.
    """
    if _LATIN_1.match(body):
        rows = [len(row[0]) for row in islice(_NOT_ASCII.finditer(body), 10_000)]
        if 2 * rows.count(1) > len(rows):
            return body.decode("cp1252", "replace")
    return decode(body, content_type)


def _tree(document: bytes) -> etree._Element | None:
    """The root of a document that is well-formed in UTF-8, whatever it declares; None for any other, and for a DTD.

    None, too, where a CDATA section without end has swallowed another: that is well-formed, but an item is lost.
    """
    sections = document.count(b"<![CDATA[") if len(document) <= MAX_BROKEN else 0
    if sections and sections > document.count(b"]]>"):
        return None
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document.lstrip(), parser)  # a blank line before <?xml: one feed in eighteen
    except etree.XMLSyntaxError:
        return None
    return root if root.getroottree().docinfo.internalDTD is None else None


def _read_broken(text: str, reading: Reading) -> Listing:
    feed = ROOT.search(text) or _ONLY_ITEMS.match(text)
    if feed is None or _HTML.search(text, 0, feed.start()):
        raise ParseError(_complaint(text.encode("utf-8", "replace"), reading.url))
    if len(text) > MAX_BROKEN:
        raise ParseError(
            f"{reading.url} is not well-formed, and with {len(text):,} characters too large to be repaired"
        )
    root = _tree(repaired(text).encode("utf-8", "replace"))
    has_item = _ITEM_END.search(text)
    if root is not None and local_name(root) in ROOTS:
        listing = listing_of(root, reading)
        if listing.items or (not has_item and f"</{feed[0][1:]}" in text):
            return listing
    if not has_item:
        raise _too_broken(reading)
    return _read_at_last(text, reading)


def _read_at_last(text: str, reading: Reading) -> Listing:
    listing = listing_of(reread(text, reading.url), reading)
    if not listing.items:
        raise _too_broken(reading)
    return listing


def _too_broken(reading: Reading) -> ParseError:
    return ParseError(f"{reading.url} is a feed too broken to read: no item was found in it")


def _too_large(response: Response) -> ParseError:
    return ParseError(f"{response.url} is too large for a feed: {len(response.body):,} bytes in too many parts")


def _complaint(document: bytes, url: str) -> str:
    """What a document is instead of a feed, and what to do."""
    return f"{url} is no feed but {_instead(document)}; correct the source's url or its kind"


def _instead(document: bytes) -> str:
    head = document[:HEAD_BYTES].strip()
    if not head and not document.strip():
        return "empty"
    for magic, kind in _BINARY.items():
        if head.startswith(magic):
            return kind
    page = document[:HEAD_CHARACTERS].decode("utf-8", "replace")
    if _HTML.search(page, 0, HEAD_BYTES):
        title = _TITLE.search(page)
        kind = "a login page" if _PASSWORD.search(page) else "an HTML page"
        return f"{kind} titled {title_of_markup(title[1])!r}" if title else kind
    element = _FIRST_ELEMENT.search(head)
    if head.startswith(b"<") and element:
        name = element[1].decode()
        return _OTHER_XML.get(name, f"XML that begins with <{name}>")
    if b"\0" in head or b"\xef\xbf\xbd" in head:
        return "binary data"
    return f"text that begins {one_line(head[:80].decode('utf-8', 'replace'))!r}"
