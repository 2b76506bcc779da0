"""The tree of an RSS, RDF or Atom document -> Listing, whatever its version and namespaces.

Knows no bytes and no broken XML; JSON Feed is feed_json's, and feed_roles says which element is which field.
"""

import html
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from aggregator.errors import ParseError
from aggregator.gather.discovery import links_of, preferred, refresh_of
from aggregator.gather.feed_roles import ATOM, Parts, parts_of, roles_in
from aggregator.gather.feed_values import (
    MOST_ITEMS,
    Reading,
    address_of,
    attachment,
    claimed_date,
    is_full_text,
    one_line,
    own_address,
    person,
    resolve_links,
    title_of_markup,
)
from aggregator.model import Attachment, Item, Listing, Precision

ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
BASE = "{http://www.w3.org/XML/1998/namespace}base"

ROOTS = ("rss", "feed", "RDF", "channel")
ALTERNATE = ("alternate", "", "http://www.iana.org/assignments/relation/alternate")
MARKUP_TYPES = ("html", "text/html", "xhtml", "application/xhtml+xml")
# an id that is an address, whole or from the root, and one that looks like a file in a folder
ADDRESS = re.compile(r"https?://|/", re.IGNORECASE)
FILE = re.compile(r"[\w.~%-]{1,100}/[\w./~%-]{1,500}\.[a-z]{3,5}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Feed:
    """What every item of one feed shares."""

    reading: Reading
    base: str  # what the items' relative addresses are relative to
    home: str  # the feed's page for people
    based: bool  # an xml:base holds for all of it
    typed: bool  # Atom: an element says whether it holds text or markup
    author: str | None
    roles: Mapping[str, str]


def listing_of(root: etree._Element, reading: Reading) -> Listing:
    """The feed under *root*, one of ROOTS, its items in the order of the document; an item that is empty is none."""
    channel = next(root.iterchildren("{*}channel"), root)
    entries = [entry for holder in _holders(root) for entry in holder.iterchildren("{*}item", "{*}entry") if len(entry)]
    entries = entries or [entry for entry in root.iter("{*}item", "{*}entry") if len(entry)]  # <channel><items><item>
    if len(entries) > MOST_ITEMS:
        raise ParseError(f"{reading.url} has {len(entries):,} items, too many for a feed")
    namespace = _namespace(entries[0] if entries else channel)
    feed = _feed(channel, namespace, reading)
    title = next(channel.iterchildren(namespace + "title"), None)
    return Listing(
        "feed",
        (_title(title, feed.typed) or None) if title is not None else None,
        [_item(entry, feed) for entry in entries],
        refresh=refresh_of(channel),
        hub=preferred(links_of(channel, "hub", reading.url)),
        topic=preferred(links_of(channel, "self", reading.url)),
    )


def local_name(element: etree._Element) -> str:
    """The element's name without namespace and prefix."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def _holders(root: etree._Element) -> Iterable[etree._Element]:
    """Where items stand: in channels (RSS 0.9x, 2.0), beside the channel (RSS 1.0), under the root (Atom)."""
    yield from root.iterchildren("{*}channel")
    yield root


def _namespace(element: etree._Element) -> str:
    name, closed, _ = str(element.tag).rpartition("}")
    return name + closed


def _feed(channel: etree._Element, namespace: str, reading: Reading) -> _Feed:
    parts = parts_of(channel, roles_in(namespace))
    typed = local_name(channel) == "feed"
    base = reading.url
    holders = [*channel.iterancestors(), channel]
    for holder in holders:
        base = _based(holder, base)
    home = _linked(parts, base) or base
    based = any(BASE in holder.attrib for holder in holders)
    return _Feed(
        reading=reading,
        # RFC 4287 resolves against the feed's own address; RSS says nothing, and readers take the site's
        base=base if typed or based else home,
        home=home,
        based=based,
        typed=typed,
        author=_author(parts) if typed else None,
        roles=roles_in(namespace),
    )


def _item(entry: etree._Element, feed: _Feed) -> Item:
    parts = parts_of(entry, feed.roles)
    base = _based(entry, feed.base)
    guid = _guid(parts) or entry.get(ABOUT)
    title = _titled(parts, feed.typed)
    published = _date(parts, feed.reading, "published", "other date", "created", "updated")
    updated = _date(parts, feed.reading, "updated")
    based = feed.based or base != feed.base
    content, summary, other = (
        _body(parts[role], feed.typed, base, based) if role in parts else ""
        for role in ("content", "summary", "other summary")
    )
    summary = summary or other
    attachments = _attachments(parts, base)
    url = _linked(parts, base) or _permalink(parts, guid, base) or (attachments[0].url if attachments else "")
    has_page = bool(url)
    if not has_page:
        url = own_address(feed.home, guid, f"{title} {summary or content} {published}")
    if not content and (not has_page or is_full_text(summary)):
        content = summary  # all there is
    return Item(
        url,
        title,
        published[0] if published else None,
        published[1] if published else None,
        updated[0] if updated else None,
        guid,
        _author(parts) or feed.author,
        summary if summary and summary != content else None,
        content if content or not has_page else None,  # "" where there is no page to fetch
        _tags(parts) if "category" in parts else (),
        attachments,
    )


def _based(element: etree._Element, base: str) -> str:
    """*base* as the element's xml:base changes it."""
    return address_of(own, base) or base if (own := element.get(BASE)) else base


# ---------------------------------------------------------------- addresses


def _guid(parts: Parts) -> str | None:
    for element in parts.get("id", ()):
        if guid := one_line(element.text):
            return guid
    return None


def _linked(parts: Parts, base: str) -> str:
    """The address of the page for people: text in RSS; in Atom the alternate link, one of type HTML first."""
    others = ""
    for link in parts.get("link", ()):
        href = link.get("href")
        if href is None:
            href, is_page = link.text or _behind(link), True
        elif link.get("rel", "alternate") not in ALTERNATE:
            continue
        else:
            is_page = link.get("type", "text/html") in MARKUP_TYPES
        url = address_of(href, _based(link, base)) if href and href.strip() else ""
        if url and is_page:
            return url
        others = others or url
    return others


def _behind(link: etree._Element) -> str:
    """The address behind an empty link: what becomes of RSS that an HTML parser has written again."""
    behind = (link.tail or "").lstrip()
    return behind if behind.startswith("http") else ""


def _permalink(parts: Parts, guid: str | None, base: str) -> str:
    """The id where it is an address, or the place of an Atom content that is elsewhere."""
    for content in parts.get("content", ()):
        if source := content.get("src"):
            return address_of(source, _based(content, base))
    if not guid:
        return ""
    says = next(((element.get("isPermaLink") or "").lower() for element in parts.get("id", ())), "")
    is_address = says == "true" or ADDRESS.match(guid) or (says == "" and FILE.match(guid))
    return address_of(guid, base) if is_address else ""


def _attachments(parts: Parts, base: str) -> tuple[Attachment, ...]:
    """RSS enclosures, Atom links with rel=enclosure, Media RSS contents that are no pictures of the article."""
    offered = [*parts.get("enclosure", ())]
    offered += [link for link in parts.get("link", ()) if link.get("rel") == "enclosure"]
    offered += [media for media in parts.get("media", ()) if _is_file(media)]
    if not offered:
        return ()
    found: dict[str, Attachment] = {}
    for element in offered:
        href = element.get("url") or element.get("href")
        url = address_of(href, _based(element, base)) if href and href.strip() else ""
        if url and url not in found:
            size = element.get("length") or element.get("fileSize")
            found[url] = attachment(url, title=element.get("title"), media_type=element.get("type"), length=size)
    return tuple(found.values())


def _is_file(media: etree._Element) -> bool:
    kind = media.get("type")
    return media.get("medium") in ("audio", "video", "document") or (kind is not None and not kind.startswith("image/"))


# ---------------------------------------------------------------- text, markup, people, times


def _titled(parts: Parts, typed: bool) -> str:
    for role in ("title", "other title"):
        for element in parts.get(role, ()):
            if title := _title(element, typed):
                return title
    return ""


def _title(element: etree._Element, typed: bool) -> str:
    if len(element):
        return one_line("".join(str(text) for text in element.itertext()))
    if not typed and not element.tag.startswith(ATOM):
        return title_of_markup(element.text)
    text, kind = _text(element), element.get("type")
    # without a type it is text, but "&amp;" in it shows that the type was forgotten
    is_markup = kind in MARKUP_TYPES or (kind is None and "&" in text)
    return title_of_markup(text) if is_markup else one_line(text)


def _body(elements: Sequence[etree._Element], typed: bool, base: str, based: bool) -> str:
    """The longest of the elements as HTML; where an xml:base holds, its addresses are absolute already."""
    best = ""
    for element in elements:
        own = _based(element, base)
        markup = _markup(element, typed or element.tag.startswith(ATOM))
        if len(markup) > len(best):
            best = resolve_links(markup, own) if based or own != base else markup
    return best


def _markup(element: etree._Element, typed: bool) -> str:
    """What an element holds, as HTML: its text is HTML in RSS, and what its type says in Atom."""
    if len(element):
        return _serialised(element)
    if not typed:
        return (element.text or "").strip()
    text = _text(element).strip()
    kind = element.get("type")
    if kind in MARKUP_TYPES or element.get("mode") == "escaped" or (kind is None and ("</" in text or "<br" in text)):
        return text  # the last: feeds that forget the type
    return html.escape(text, quote=False)


def _text(element: etree._Element) -> str:
    """What an element says, which Atom 0.3 may give in base64."""
    text = element.text or ""
    if element.get("mode") == "base64":
        try:
            return b64decode(text).decode("utf-8", "replace")
        except ValueError:  # it is no base64
            return text
    return text


def _serialised(element: etree._Element) -> str:
    """The elements inside *element* as HTML: Atom's xhtml without its div, RSS bodies that nobody escaped."""
    inside = element[0] if len(element) == 1 and local_name(element[0]) == "div" else element
    if inside is not element and f"{element.text or ''}{inside.tail or ''}".strip():
        inside = element
    for node in inside.iter(etree.Element):  # <br> in a namespace would become <br></br>, which is two
        node.tag = local_name(node)
    inside.attrib.clear()
    markup: str = etree.tostring(inside, encoding="unicode", method="html", with_tail=False)
    return markup[markup.index(">") + 1 : markup.rindex("<")].strip()  # without its own tags, and all xmlns with them


def _author(parts: Parts) -> str | None:
    names: dict[str, None] = {}
    for element in parts.get("author") or parts.get("other author") or ():
        inside = next(element.iterchildren("{*}name"), None) if len(element) else element
        if inside is not None and (name := person(inside.text)):
            names[name] = None
    # RSS may have the address in author and the name in dc:creator
    return ", ".join([name for name in names if "@" not in name] or names) or None


def _tags(parts: Parts) -> tuple[str, ...]:
    tags: dict[str, None] = {}
    for element in parts["category"]:
        if tag := one_line(element.text or element.get("label") or element.get("term")):
            tags[tag] = None
    return tuple(tags)


def _date(parts: Parts, reading: Reading, *roles: str) -> tuple[datetime, Precision] | None:
    """The first date that can be read, of the first role that has one."""
    for role in roles:
        for element in parts.get(role, ())[:2]:
            if date := claimed_date(element.text, reading):
                return date
    return None
