"""A JSON Feed 1.0 or 1.1 (jsonfeed.org) -> Listing.

Knows no XML. A value of another type than the standard's is as good as none.
"""

import html
import json
from collections.abc import Iterable
from typing import Any

from aggregator.errors import ParseError
from aggregator.gather.discovery import preferred
from aggregator.gather.feed_values import (
    MOST_ITEMS,
    Reading,
    address_of,
    attachment,
    claimed_date,
    one_line,
    own_address,
    person,
)
from aggregator.model import Attachment, Item, Listing

# an object without any of these is no item: other programs call their lists "items" too
SAYING = {"id", "url", "external_url", "title", "content_html", "content_text", "summary"}


def listing_of_json(document: str, reading: Reading) -> Listing:
    """The feed that *document* is; ParseError where it is other JSON or none."""
    try:
        feed = json.loads(document, strict=False)  # line breaks inside of texts are frequent
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{reading.url} begins like JSON, but cannot be read: {error}") from error
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise ParseError(f"{reading.url} is JSON, but no JSON Feed: it has no list of items")
    if len(feed["items"]) > MOST_ITEMS:
        raise ParseError(f"{reading.url} has {len(feed['items']):,} items, too many for a feed")
    home = address_of(_text(feed, "home_page_url") or _text(feed, "feed_url"), reading.url) or reading.url
    items = [item for said in feed["items"] if (item := item_of_json(said, feed, home, reading))]
    hubs = [hub for hub in _list(feed, "hubs") if isinstance(hub, dict) and _text(hub, "type").lower() == "websub"]
    return Listing(
        "feed",
        one_line(_text(feed, "title")) or None,
        items,
        hub=preferred(address_of(_text(hub, "url"), reading.url) for hub in hubs),
        topic=preferred([address_of(_text(feed, "feed_url"), reading.url)]),
    )


def item_of_json(item: object, feed: dict[str, Any], home: str, reading: Reading) -> Item | None:
    """One member of a feed's items; None where it says nothing. *home* is where its relative addresses lead."""
    if not isinstance(item, dict) or not SAYING & item.keys():
        return None
    title = one_line(_text(item, "title"))
    guid = one_line(_text(item, "id")) or None
    content = _text(item, "content_html").strip() or html.escape(_text(item, "content_text").strip(), quote=False)
    summary = html.escape(_text(item, "summary").strip(), quote=False)
    published = claimed_date(_text(item, "date_published"), reading) or claimed_date(
        _text(item, "date_modified"), reading
    )
    updated = claimed_date(_text(item, "date_modified"), reading)
    url = _text(item, "url") or _text(item, "external_url")
    if not url and guid and guid.startswith(("https://", "http://")):
        url = guid
    url = address_of(url, home) if url else ""
    if not url:
        content = content or summary  # all there is
    return Item(
        url=url or own_address(home, guid, title + content),
        title=title,
        published=published[0] if published else None,
        precision=published[1] if published else None,
        updated=updated[0] if updated else None,
        guid=guid,
        author=_authors(item) or _authors(feed),
        summary=summary if summary and summary != content else None,
        html=content if content or not url else None,  # "" where there is no page to fetch
        tags=tuple(dict.fromkeys(one_line(tag) for tag in _list(item, "tags") if isinstance(tag, str) and tag.strip())),
        attachments=tuple(_attachments(item, home)),
    )


def _authors(owner: dict[str, Any]) -> str | None:
    """Names of ``authors`` (1.1) or ``author`` (1.0)."""
    people = _list(owner, "authors") or [owner.get("author")]
    names = (person(_text(one, "name")) for one in people if isinstance(one, dict))
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


def _attachments(item: dict[str, Any], home: str) -> Iterable[Attachment]:
    for file in _list(item, "attachments"):
        if isinstance(file, dict) and (url := address_of(_text(file, "url"), home)) and _text(file, "url"):
            yield attachment(
                url, title=_text(file, "title"), media_type=_text(file, "mime_type"), length=file.get("size_in_bytes")
            )


def _text(owner: dict[str, Any], key: str) -> str:
    """The text under *key*, "" where there is none; an id may be a number (JSON Feed 1.1, "id")."""
    value = owner.get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _list(owner: dict[str, Any], key: str) -> list[Any]:
    value = owner.get(key)
    return value if isinstance(value, list) else []
