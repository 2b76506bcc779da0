"""An XML feed that is not well-formed -> one that is and says the same, as far as one can tell what was meant.

Knows the faults of feeds, not their meaning. Every scan goes over the document once; every repetition has a limit.
Lenient parsers are no substitute: feedparser is quadratic on hostile input and reads fewer of these feeds right,
lxml's recovery drops ``&`` and whole items.
"""

import html
import re
from collections.abc import Iterator
from html.entities import html5
from itertools import islice

from lxml.html import defs

# the first element of a feed, with or without a prefix
ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,40}:)?(?:rss|feed|RDF|channel)(?=[\s/>])", re.IGNORECASE | re.ASCII)
ITEMS = {"item", "entry"}
HOLDERS = {"rss", "rdf:RDF", "channel", "feed"}
# fields without elements inside: what begins in one shows that its end tag is missing
LEAVES = {"title", "link", "guid", "id", "pubDate", "published", "updated", "category", "enclosure"}
BODIES = {"description", "summary", "content"}
FIELDS = LEAVES | BODIES | {"author", "source", "comments"}
HTML = (defs.tags | {"article", "figcaption", "figure", "section", "video"}) - FIELDS
NOT_MISSPELT = HTML | HOLDERS | ITEMS
EMPTY_HTML = HTML & defs.empty_tags
# prefixes that feeds use and forget to declare
KNOWN_PREFIXES = {
    "a10": "http://www.w3.org/2005/Atom",  # .NET's name for it
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
DEEPEST = 100  # elements; real ones end at 40, the parser refuses more than 256
MOST_ATTRIBUTES = 100  # of one tag
MOST_PREFIXES = 50
MOST_ENTITIES = 50
LONGEST_START = 200  # characters of a start tag before a CDATA section
MOST_GROWTH = 100_000  # characters that one entity of a DTD may add

_SECTION = re.compile(r"<!\[CDATA\[|<!--")
_FIELD = re.compile(r"<([A-Za-z_][\w.:-]{0,60})(?:\s[^<>]{0,100})?>\s{0,20}\Z")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SURROGATES = re.compile(
    r"&#([xX][dD][89abAB][0-9a-fA-F]{2}|5[56][0-9]{3});&#([xX][dD][c-fC-F][0-9a-fA-F]{2}|5[67][0-9]{3});"
)
_REFERENCE = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)(?:#([0-9]{1,8})|#[xX]([0-9a-fA-F]{1,8})|([A-Za-z_][\w.-]{0,40}));"
)
_AMPERSAND = re.compile(r"&(?!(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z_][\w.-]{0,40});)")
# quotes are followed as far as the next tag, so that no two searches go over the same text
_TAG = re.compile(
    r"<(/?)([A-Za-z_][\w.-]{0,60}(?::[A-Za-z_][\w.-]{0,60})?)(?=[\s/>])"
    r"((?:[^<>\"']++|\"(?:[^\"<]|<(?![A-Za-z_/!]))*+\"|'(?:[^'<]|<(?![A-Za-z_/!]))*+')*+(?=>)|[^<>]*+)>"
)
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)|([^\s=/]+)")
_DECLARED_ENTITY = re.compile(r"<!ENTITY\s{1,9}([A-Za-z_][\w.-]{0,40})\s{1,9}[\"']([^\"'&%<>]{0,200})[\"']\s{0,9}>")


def repaired(document: str) -> str:
    """*document* from its root's start tag to its end tag, made well-formed; unchanged where there is no such root.

    The prolog goes, and a DTD with it. What cannot be XML is escaped, replaced or taken out: control characters,
    stray ``&`` and ``<``, entities of HTML (a DTD's own where they are plain text), references to no character,
    attributes that are twice there or not quoted. Prefixes are declared, missing end tags added, surplus ones dropped.
    """
    document = _NOT_XML.sub("", document)
    root = ROOT.search(document)
    if root is None:
        return document
    tags = _Tags(root[0][1:])
    entities = _declared_entities(document[: root.start()], document)
    for text, is_cdata in _pieces(document, root.start()):
        if is_cdata:
            tags.add_cdata(text)
        else:
            tags.add(_escaped(text, entities))
        if tags.closed:
            break
    return tags.document()


def _pieces(document: str, position: int) -> Iterator[tuple[str, bool]]:
    """The document from *position* on as (text, whether it is a CDATA section), without its comments.

    A comment that does not end is text.
    """
    begun = position
    last_comment_end = document.rfind("-->")
    while section := _SECTION.search(document, position):
        position = section.end()
        is_cdata = section[0] == "<![CDATA["
        if not is_cdata and position > last_comment_end:
            continue
        yield document[begun : section.start()], False
        if is_cdata:
            text, position = _cdata(document, section)
            yield f"<![CDATA[{text}]]>", True
        else:
            position = document.find("-->", position) + 3
        begun = position
    yield document[begun:], False


def _cdata(document: str, section: re.Match[str]) -> tuple[str, int]:
    """The text of a CDATA section and where the document goes on.

    One that swallows the section of another field or the end of its item ends with its field, one that never ends with
    the document. One that is written twice is one.
    """
    begin = section.end()
    end = document.find("]]>", begin)
    text = document[begin:end] if end >= 0 else document[begin:]
    field = _FIELD.search(document, max(0, section.start() - LONGEST_START), section.start())
    if field:
        own, closed, others = text.partition(f"</{field[1]}>")
        if closed and any(mark in others for mark in ("<![CDATA[", "</item>", "</entry>")):
            return own, begin + len(own)
    if text.startswith("<![CDATA[") and document.startswith("]]>]]>", end):
        return text.removeprefix("<![CDATA["), end + 6
    return text, end + 3 if end >= 0 else len(document)


def _escaped(markup: str, entities: dict[str, str]) -> str:
    """*markup* with every reference one that XML has, and every other ampersand escaped."""
    markup = _AMPERSAND.sub("&amp;", markup)
    markup = _SURROGATES.sub(_joined, markup)
    return _REFERENCE.sub(lambda found: _replacement(found, entities), markup)


def _joined(pair: re.Match[str]) -> str:
    """One character for two references to the halves of its UTF-16 form, as JavaScript's escapes leave them."""
    high, low = (int(number[1:], 16) if number[0] in "xX" else int(number) for number in pair.groups())
    if 0xD800 <= high < 0xDC00 <= low < 0xE000:
        return f"&#{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)};"
    return pair[0]


def _replacement(found: re.Match[str], entities: dict[str, str]) -> str:
    """What stands for a reference that XML does not have by itself; one to nothing is text."""
    if found[1] or found[2]:
        return _character(found[0], int(found[1]) if found[1] else int(found[2], 16))
    if found[3] in entities:
        return entities[found[3]]
    text = html5.get(found[3] + ";")
    return html.escape(text) if text else "&amp;" + found[0][1:]


def _character(reference: str, number: int) -> str:
    if 0x80 <= number < 0xA0:  # meant as Windows-1252, and read so by browsers
        return html.unescape(reference)
    legal = (
        number in (0x9, 0xA, 0xD)
        or 0x20 <= number < 0xD800
        or 0xE000 <= number < 0xFFFE
        or 0x10000 <= number < 0x110000
    )
    return f"&#{number};" if legal else ""  # XML knows no &#X


def _declared_entities(prolog: str, document: str) -> dict[str, str]:
    """The entities that a DTD declares as plain text, but for those whose use would swell the document."""
    declared = {one[1]: one[2] for one in islice(_DECLARED_ENTITY.finditer(prolog), MOST_ENTITIES)}
    return {name: text for name, text in declared.items() if len(text) * document.count("&" + name + ";") < MOST_GROWTH}


class _Tags:
    """The document as it is put together again: what is open, and what was written so far."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.out: list[str] = []
        self.open: list[str] = []
        self.closed = False  # the root is: nothing after it belongs to the feed
        self._item = 0  # where the last item begins in *out*
        self._prefixes: set[str] = set()

    def add(self, markup: str) -> None:
        """*markup* with its tags mended."""
        position = 0
        for tag in _TAG.finditer(markup):
            self._text(markup[position : tag.start()])
            position = tag.end()
            if tag[1]:
                self._end(tag[2])
            else:
                self._start(tag[2], tag[3], tag[0])
            if self.closed:
                return
        self._text(markup[position:])

    def add_cdata(self, section: str) -> None:
        if self.open:
            self.out.append(section)

    def document(self) -> str:
        """All of it, with what is still open closed and every prefix declared."""
        self._drop_stump()
        if not self.out:
            return ""
        self._close(len(self.open))
        start = self.out[0].rstrip("/>")
        missing = sorted(self._prefixes - {"xml", "xmlns"} - set(re.findall(r"\sxmlns:([\w.-]+)=", start)))
        namespaces = (
            (prefix, KNOWN_PREFIXES.get(prefix, f"urn:prefix:{prefix}")) for prefix in missing[:MOST_PREFIXES]
        )
        declarations = [f' xmlns:{prefix}="{namespace}"' for prefix, namespace in namespaces]
        return "".join([start, *declarations, self.out[0][len(start) :], *self.out[1:]])

    def _drop_stump(self) -> None:
        """Take out an item in which the document broke off before its link was whole: half an address is wrong."""
        name = next((one for one in self.open if one in ITEMS), None)
        if name is None:
            return
        written = "".join(self.out[self._item :])
        if self.open[-1] in LEAVES or not ("</link>" in written or "<link " in written):
            del self.out[self._item :]
            del self.open[self.open.index(name) :]

    def _text(self, text: str) -> None:
        if text and self.open:
            self.out.append(text.replace("<", "&lt;").replace("]]>", "]]&gt;"))

    def _start(self, name: str, rest: str, written: str) -> None:
        if not self.out and name != self._root:  # its own start tag was beyond repair
            self._start(self._root, "", "")
        inside = self.open[-1] if self.open else ""
        known = name.lower() in HTML or name in FIELDS or name in HOLDERS or name in ITEMS or ":" in name
        if inside == "title" and not known:
            self._text(written)  # "<K intelligence 2025>"
            return
        if name in ITEMS:
            while len(self.open) > 1 and inside not in HOLDERS:  # an item stands in nothing else
                self._close(1)
                inside = self.open[-1]
        elif self._is_unclosed(inside, name):
            self._close(1)
        if len(self.open) >= DEEPEST:
            return
        attributes = self._attributes(rest)
        self._prefixes.update(name.split(":")[:-1])
        if name in ITEMS:
            self._item = len(self.out)
        if rest.endswith("/") or name.lower() in EMPTY_HTML:
            self.out.append(f"<{name}{attributes}/>")
            self.closed = not self.open
        else:
            self.out.append(f"<{name}{attributes}>")
            self.open.append(name)

    @staticmethod
    def _is_unclosed(inside: str, name: str) -> bool:
        """Whether *name*, which begins inside of that element, shows that its end tag is missing."""
        if inside in LEAVES:
            return name in FIELDS or ":" in name
        return inside in BODIES and (name in FIELDS or name.partition(":")[0] in KNOWN_PREFIXES)

    def _end(self, name: str) -> None:
        if name in self.open:
            self._close_through(name)
        elif self.open and not {name, self.open[-1]} & NOT_MISSPELT and name not in FIELDS:
            self._close(1)  # misspelt

    def _attributes(self, rest: str) -> str:
        """The attributes of a start tag, quoted, each name once."""
        found: dict[str, str] = {}
        for attribute in islice(_ATTRIBUTE.finditer(rest), MOST_ATTRIBUTES):
            name, value = attribute[1], attribute[2]
            if name and name not in found:
                value = value if value[0] in "\"'" else f'"{value.removesuffix("/")}"'
                found[name] = value.replace("<", "&lt;")
                self._prefixes.update(name.split(":")[:-1])
        return "".join(f" {name}={value}" for name, value in found.items())

    def _close_through(self, name: str) -> None:
        self._close(len(self.open) - max(place for place, one in enumerate(self.open) if one == name))

    def _close(self, count: int) -> None:
        for _ in range(count):
            self.out.append(f"</{self.open.pop()}>")
        self.closed = not self.open
