"""OPML (http://opml.org/spec2.opml), whole or broken -> the feeds that it lists. Knows no network and no rule file."""

from dataclasses import dataclass, field

from lxml import etree

from aggregator.errors import ParseError
from aggregator.gather.charset import decode

MOST_OUTLINES = 50_000
DEEPEST = 50  # folders in one another
LONGEST = 200  # characters of a name


@dataclass(frozen=True, slots=True)
class Outline:
    """One feed: the names of the folders it lies in, outermost first, and the *line* it stands in."""

    line: int
    title: str
    feed_url: str
    page_url: str
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What a document lists; *faults* holds (line, reason) of what could not be read."""

    outlines: list[Outline] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def read_opml(document: bytes) -> Subscriptions:
    """The feeds in the order of the document; of a broken one those that can be read. ParseError: it is no OPML."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False)
    text = decode(document, "text/xml").encode()  # a charset that is another than the declared one would cost names
    if text.startswith(b"<?xml"):
        text = b"<?xml version='1.0'?" + text[text.find(b"?>") + 1 :]
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise ParseError(f"line {error.lineno or 1}: it is no XML: {error.msg}") from error
    found = Subscriptions()
    found.faults.extend(
        (fault.line, fault.message) for fault in list(parser.error_log)[:20] if fault.level_name != "WARNING"
    )
    if root is None or (etree.QName(root).localname.lower() != "opml" and root.find(".//outline") is None):
        raise ParseError("line 1: it is no OPML: there is no <opml> and no <outline> in it")
    # a stack of (element, its folders): a document may be nested deeper than functions call one another
    todo: list[tuple[etree._Element, tuple[str, ...]]] = [(root, ())]
    while todo and len(found.outlines) < MOST_OUTLINES:
        element, folders = todo.pop()
        if isinstance(element.tag, str) and etree.QName(element).localname.lower() == "outline":
            folders = _read(element, folders, found)
        todo += [(child, folders) for child in reversed(element)]
    return found


def _read(element: etree._Element, folders: tuple[str, ...], found: Subscriptions) -> tuple[str, ...]:
    """Notes the feed that *element* is; the folders that what it holds lies in."""
    said = {str(name).lower(): " ".join(str(value).split()) for name, value in element.attrib.items()}
    line = element.sourceline if isinstance(element.sourceline, int) else 0
    name = (said.get("title") or said.get("text") or "")[:LONGEST]
    url = said.get("xmlurl", "")
    if not url:
        if said.get("type", "").lower() in ("rss", "atom", "feed"):
            found.faults.append((line, f"{name or 'an outline'} is a feed without an address (xmlUrl)"))
        return (*folders, name)[:DEEPEST] if name else folders
    if url.startswith(("http://", "https://")):
        found.outlines.append(Outline(line, name, url, said.get("htmlurl", ""), folders))
    else:
        found.faults.append((line, f"{url[:80]!r} is no address of a feed (http or https)"))
    return folders
