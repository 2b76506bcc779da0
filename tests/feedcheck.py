"""What is wrong with a feed, by the rules that can be looked up: RFC 4287, RSS 2.0 with its profile, JSON Feed 1.1.

A table a format says which elements may stand where and how often; the rest are checks of values.
"""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from lxml import etree, html

ATOM, HISTORY = "http://www.w3.org/2005/Atom", "http://purl.org/syndication/history/1.0"
CONTENT, DC = "http://purl.org/rss/1.0/modules/content/", "http://purl.org/dc/elements/1.1/"
PREFIXES = {ATOM: "a", HISTORY: "fh", CONTENT: "content", DC: "dc"}
ONE, MAYBE, ANY, SOME = (1, 1), (0, 1), (0, None), (1, None)

# RFC 4287 §4.1 and §4.2, RFC 5005 §2 and §4: holder -> element -> (least, most)
ATOM_CHILDREN = {
    "a:feed": {
        "a:id": ONE, "a:title": ONE, "a:updated": ONE, "a:author": SOME, "a:link": SOME, "a:generator": MAYBE,
        "a:icon": MAYBE, "a:logo": MAYBE, "a:rights": MAYBE, "a:subtitle": MAYBE, "a:category": ANY,
        "fh:archive": MAYBE, "fh:complete": MAYBE, "a:entry": ANY,
    },
    "a:entry": {
        "a:id": ONE, "a:title": ONE, "a:updated": ONE, "a:published": MAYBE, "a:author": SOME, "a:link": SOME,
        "a:category": ANY, "a:summary": MAYBE, "a:content": MAYBE, "a:source": MAYBE, "a:rights": MAYBE,
    },
    "a:source": {"a:id": ONE, "a:title": ONE, "a:updated": ONE, "a:link": SOME},
    "a:author": {"a:name": ONE, "a:uri": MAYBE, "a:email": MAYBE},
}  # fmt: skip
ATOM_ATTRIBUTES = {
    "a:link": ({"href", "rel"}, {"type", "hreflang", "title", "length"}),
    "a:category": ({"term"}, {"scheme", "label"}),
    "a:content": ({"type"}, set()),
    "a:summary": ({"type"}, set()),
}
# https://www.rssboard.org/rss-specification
RSS_CHILDREN = {
    "rss": {"channel": ONE},
    "channel": {
        "title": ONE, "link": ONE, "description": ONE, "language": ONE, "copyright": MAYBE, "lastBuildDate": ONE,
        "generator": MAYBE, "docs": MAYBE, "ttl": MAYBE, "image": MAYBE, "a:link": SOME, "fh:archive": MAYBE,
        "fh:complete": MAYBE, "item": ANY,
    },
    "image": {"url": ONE, "title": ONE, "link": ONE},
    "item": {
        "title": ONE, "link": ONE, "description": MAYBE, "content:encoded": MAYBE, "guid": ONE, "category": ANY,
        "enclosure": MAYBE, "pubDate": MAYBE, "source": MAYBE, "dc:creator": ONE, "a:link": ANY,
    },
}  # fmt: skip
RSS_ATTRIBUTES = {
    "rss": ({"version"}, set()),
    "guid": ({"isPermaLink"}, set()),
    "category": (set(), {"domain"}),
    "enclosure": ({"url", "length", "type"}, set()),
    "source": ({"url"}, set()),
    "a:link": ATOM_ATTRIBUTES["a:link"],
}
# https://www.jsonfeed.org/version/1.1/: name -> (needed, type)
JSON_FEED = {
    "version": (True, str), "title": (True, str), "home_page_url": (True, str), "feed_url": (True, str),
    "description": (False, str), "next_url": (False, str), "icon": (False, str), "favicon": (False, str),
    "authors": (True, list), "language": (True, str), "hubs": (False, list), "items": (True, list),
}  # fmt: skip
JSON_ITEM = {
    "id": (True, str), "url": (True, str), "external_url": (False, str), "title": (True, str),
    "content_html": (False, str), "content_text": (False, str), "summary": (False, str), "image": (False, str),
    "date_published": (False, str), "date_modified": (True, str), "authors": (True, list), "tags": (False, list),
    "language": (True, str), "attachments": (False, list), "_source": (False, dict),
}  # fmt: skip
JSON_ATTACHMENT = {
    "url": (True, str), "mime_type": (True, str), "title": (False, str), "size_in_bytes": (False, int),
}  # fmt: skip

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+", re.IGNORECASE)
TAG_URI = re.compile(r"tag:[a-z0-9.-]+,\d{4}(-\d\d)?(-\d\d)?:\S+")
# RFC 4287, RFC 5005, WebSub; all are registered with IANA
RELATIONS = {
    "self", "alternate", "via", "enclosure", "related", "hub", "first", "last", "next", "previous", "current",
    "prev-archive", "next-archive",
}  # fmt: skip


def faults(extension, document, address=None, now=None):
    """What a reader could stumble over in *document*, served at *address*; nothing where all is well."""
    return list(CHECKS[extension](document, address, now or datetime.now(UTC)))


def _atom(document, address, now):  # noqa: C901
    root = etree.fromstring(document)
    yield from _structure(root, "a:feed", ATOM_CHILDREN, ATOM_ATTRIBUTES)
    yield from _language(root.get("{http://www.w3.org/XML/1998/namespace}lang"))
    for element in root.iter():
        name = _name(element)
        if name in ("a:id", "a:icon", "a:logo", "a:uri"):
            yield from _absolute(element.text)
        elif name in ("a:updated", "a:published"):
            yield from _rfc_3339(element.text, now)
        elif name == "a:link":
            yield from _link(element)
        elif name == "a:content" and element.get("type") == "html":
            yield from _safe_html(element.text)
        elif name in ("a:title", "a:name", "a:summary", "a:rights", "a:subtitle") and not (element.text or "").strip():
            yield f"{name} is empty"
    entries = root.findall(f"{{{ATOM}}}entry")
    for entry in entries:
        if entry.find(f"{{{ATOM}}}content") is None and not _hrefs(entry, "alternate"):
            yield "an entry without content and page"  # §4.1.2
        if not TAG_URI.fullmatch(entry.findtext(f"{{{ATOM}}}id")):
            yield "an id that is no tag: URI"
    for name in ("id", "updated"):
        yield from _doubled(name, [entry.findtext(f"{{{ATOM}}}{name}") for entry in entries])
    updated = max((datetime.fromisoformat(one.findtext(f"{{{ATOM}}}updated")) for one in entries), default=None)
    if updated and datetime.fromisoformat(root.findtext(f"{{{ATOM}}}updated")) < updated.replace(microsecond=0):
        yield "the feed was updated before an entry of it"
    yield from _paging(
        {link.get("rel"): link.get("href") for link in root.iterfind(f"{{{ATOM}}}link")},
        address,
        root.find(f"{{{HISTORY}}}archive") is not None,
        root.find(f"{{{HISTORY}}}complete") is not None,
    )


def _rss(document, address, now):  # noqa: C901
    root = etree.fromstring(document)
    yield from _structure(root, "rss", RSS_CHILDREN, RSS_ATTRIBUTES)
    channel = root[0]
    yield from _language(channel.findtext("language"))
    for element in root.iter():
        name = _name(element)
        if name == "link" or (name == "url" and _name(element.getparent()) == "image"):
            yield from _absolute(element.text, ascii_only=True)
        elif name in ("lastBuildDate", "pubDate"):
            yield from _rfc_822(element.text, now)
        elif name == "a:link":
            yield from _link(element)
        elif name == "content:encoded" or (name == "description" and _name(element.getparent()) == "item"):
            yield from _safe_html(element.text)
        elif name in ("enclosure", "source"):
            yield from _absolute(element.get("url"), ascii_only=True)
        if name == "enclosure" and not (element.get("length").isdigit() and MEDIA_TYPE.fullmatch(element.get("type"))):
            yield "an enclosure without length or type"
    items = channel.findall("item")
    for item in items:
        if item.find("guid").get("isPermaLink") != "false" or not TAG_URI.fullmatch(item.findtext("guid")):
            yield "a guid that is no tag: URI, or a permanent link"
    yield from _doubled("guid", [item.findtext("guid") for item in items])
    image = channel.find("image")
    if image is not None and (image.findtext("title"), image.findtext("link")) != (
        channel.findtext("title"), channel.findtext("link")
    ):  # fmt: skip
        yield "an image that is not the channel's"
    yield from _paging(
        {link.get("rel"): link.get("href") for link in channel.iterfind(f"{{{ATOM}}}link")},
        address,
        channel.find(f"{{{HISTORY}}}archive") is not None,
        channel.find(f"{{{HISTORY}}}complete") is not None,
    )


def _json(document, address, now):  # noqa: C901
    feed = json.loads(document)
    yield from _keys(feed, JSON_FEED, "the feed")
    yield from _language(feed.get("language"))
    if feed["version"] != "https://jsonfeed.org/version/1.1":
        yield "another version"
    if address and feed["feed_url"] != address:
        yield f"feed_url is {feed['feed_url']}, not {address}"
    if feed.get("next_url") == feed["feed_url"]:
        yield "next_url is this very document"
    for name in ("home_page_url", "feed_url", "next_url", "icon", "favicon"):
        if name in feed:
            yield from _absolute(feed[name])
    for item in feed["items"]:
        yield from _keys(item, JSON_ITEM, "an item")
        if not item.get("content_html") and not item.get("content_text"):
            yield "an item without content"
        yield from _absolute(item["url"])
        yield from _safe_html(item.get("content_html", ""))
        for name in ("date_published", "date_modified"):
            if name in item:
                yield from _rfc_3339(item[name], now)
        for attachment in item.get("attachments", ()):
            yield from _keys(attachment, JSON_ATTACHMENT, "an attachment")
            yield from _absolute(attachment["url"])
            if not MEDIA_TYPE.fullmatch(attachment["mime_type"]):
                yield f"no media type: {attachment['mime_type']}"
        if not TAG_URI.fullmatch(item["id"]):
            yield "an id that is no tag: URI"
    yield from _doubled("id", [item["id"] for item in feed["items"]])


CHECKS = {"atom": _atom, "rss": _rss, "json": _json}


def _name(element):
    name = etree.QName(element)
    return f"{PREFIXES.get(name.namespace, '?')}:{name.localname}" if name.namespace else name.localname


def _structure(root, expected, children, attributes):
    if _name(root) != expected:
        yield f"the document is {_name(root)}"
    for element in root.iter():
        name = _name(element)
        allowed, counts = children.get(name, {}), Counter(map(_name, element))
        for child in counts.keys() - allowed.keys():
            yield f"{child} in {name}"
        for child, (least, most) in allowed.items():
            if not least <= counts[child] <= (counts[child] if most is None else most):
                yield f"{counts[child]} {child} in {name}"
        if allowed and (element.text or "").strip():
            yield f"text in {name}"
        needed, possible = attributes.get(name, (set(), set()))
        found = {one for one in element.attrib if not one.startswith("{http://www.w3.org/XML")}
        if not needed <= found <= needed | possible:
            yield f"attributes of {name}: {sorted(found)}"


def _keys(values, allowed, what):
    for name, value in values.items():
        if name not in allowed:
            yield f"{name} in {what}"
        elif not isinstance(value, allowed[name][1]) or (value in ("", []) and name != "items"):
            yield f"{name} of {what} is {value!r}"
    yield from (f"{what} without {name}" for name, (needed, _) in allowed.items() if needed and name not in values)


def _hrefs(holder, rel):
    return [link.get("href") for link in holder.iterfind(f"{{{ATOM}}}link") if link.get("rel") == rel]


def _link(element):
    yield from _absolute(element.get("href"))
    if element.get("rel") not in RELATIONS:
        yield f"an unregistered relation {element.get('rel')}"
    if "type" in element.attrib and not MEDIA_TYPE.fullmatch(element.get("type")):
        yield f"no media type: {element.get('type')}"
    if "length" in element.attrib and not element.get("length").isdigit():
        yield f"no length: {element.get('length')}"


def _absolute(text, ascii_only=False):
    parts = urlsplit(text or "")
    if not (parts.scheme == "tag" or (parts.scheme in ("http", "https") and parts.hostname)):
        yield f"not an absolute address: {text!r}"
    elif re.search(r'[\x00-\x20<>"{}|\\^`]', text) or (ascii_only and not text.isascii()):
        yield f"characters that an address cannot hold: {text!r}"


def _rfc_3339(text, now):
    if not RFC_3339.fullmatch(text or ""):
        yield f"not a time of RFC 3339: {text!r}"
    elif datetime.fromisoformat(text) > now:
        yield f"a time that is yet to come: {text}"


def _rfc_822(text, now):
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        yield f"not a time of RFC 822: {text!r}"
    else:
        if moment > now:
            yield f"a time that is yet to come: {text}"


def _language(text):
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", text or ""):
        yield f"no language: {text!r}"


def _safe_html(text):
    """W3C's SecurityRisk and ContainsRelRef."""
    if not (text or "").strip():
        return
    for element in html.fragments_fromstring(f"<div>{text}</div>")[0].iter(etree.Element):
        if element.tag in ("script", "style", "object", "embed", "iframe", "form", "meta", "link", "base", "svg"):
            yield f"<{element.tag}> in content"
        for name, value in element.attrib.items():
            if name.startswith("on") or name == "style":
                yield f"{name}= in content"
            if name in ("href", "src", "poster", "cite") and not re.match(r"(https?|mailto|tel|data):", value):
                yield f"a relative address in content: {value}"


def _doubled(name, values):
    yield from (f"{name} {value} twice" for value, count in Counter(values).items() if count > 1)


def _paging(links, address, is_archive, is_complete):
    """RFC 5005"""
    if address and links.get("self") != address:
        yield f"self is {links.get('self')}, not {address}"
    if is_archive and "current" not in links:
        yield "an archive that does not link to the feed"
    if is_complete and links.keys() & {"next", "previous", "prev-archive", "next-archive"}:
        yield "a complete feed in several documents"
    for rel in ("next", "previous", "prev-archive", "next-archive"):
        if rel in links and links[rel] == links.get("self"):
            yield f"{rel} is this very document"
