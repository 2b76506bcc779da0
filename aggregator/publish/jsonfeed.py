"""A Feed and its entries into JSON Feed 1.1; the same bytes for the same entries.

The standard: https://www.jsonfeed.org/version/1.1/. Knows no database and no clock.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aggregator.model import Attachment, FeedInfo, FullEntry, Note
from aggregator.publish import wire

VERSION = "https://jsonfeed.org/version/1.1"


def render(info: FeedInfo, entries: Sequence[FullEntry | Note]) -> bytes:
    """The JSON document, UTF-8, items in the order given; what is not known is left out."""
    return "".join(pieces(info, entries)).encode("utf-8", "ignore")  # lone surrogates


def pieces(info: FeedInfo, entries: Iterable[FullEntry | Note]) -> Iterator[str]:
    """The same document piece by piece, so that all entries ever stored need no memory."""
    yield dumps(_known(feed(info))).removesuffix("}") + ',"items":['
    for number, entry in enumerate(entries):
        yield (",\n" if number else "") + dumps(_note(info, entry) if isinstance(entry, Note) else item(info, entry))
    yield "]}"


def feed(info: FeedInfo) -> dict[str, Any]:
    """All that a document says but its items."""
    return {
        "version": VERSION,
        "title": wire.one_line(info.title) or info.url,
        "home_page_url": wire.address(info.url),
        "feed_url": wire.address(info.self_url),
        "description": wire.one_line(info.subtitle or ""),
        # RFC 5005 has prev-archive for who wants all, JSON Feed one way back
        "next_url": wire.address(info.paging.get("next") or info.paging.get("prev-archive", "")),
        "icon": wire.address(info.icon or ""),
        "favicon": wire.address(info.icon or ""),
        "authors": [{"name": wire.one_line(info.title) or info.url, "url": info.site_url}],
        "language": info.language,
        "hubs": [{"type": "WebSub", "url": wire.address(url)} for url in info.hub_urls],
    }


def item(info: FeedInfo, entry: FullEntry) -> dict[str, Any]:
    """One item of a document."""
    published = wire.published(entry)
    said: dict[str, Any] = {
        "id": wire.address(entry.atom_id),
        "url": wire.entry_url(info.site_url, entry),
        "external_url": wire.address(entry.url),
        "title": wire.title(entry),
        "content_html": entry.html,
        "summary": wire.one_line(entry.summary),
        "image": wire.address(entry.image or ""),
        "date_published": published.isoformat() if published else "",
        "date_modified": wire.utc(entry.updated).isoformat(),
        "authors": [{"name": wire.author(entry)}],
        "tags": [wire.one_line(tag) for tag in entry.tags],
        "language": info.language,
        "attachments": [_attachment(attachment) for attachment in entry.attachments],
    }
    if not entry.html:  # an item must have one of the two
        said["content_text"] = wire.writable(entry.text) or wire.one_line(entry.summary) or wire.title(entry)
    # extensions of our own, as the standard allows: where the entry comes from, and who else tells it
    said["_source"] = {
        "title": wire.one_line(entry.source.title),
        "university": wire.one_line(entry.source.university),
        "url": wire.address(entry.source.url),
    }
    if entry.story:
        said["_story"] = {
            "url": f"{info.site_url}/stories/{entry.story.key}/",
            "first": wire.telling_url(info.site_url, entry.story.first),
            "also": [
                {
                    "title": wire.source_title(one.source),
                    "university": wire.one_line(one.source.university),
                    "url": wire.telling_url(info.site_url, one),
                    "external_url": wire.address(one.url),
                }
                for one in entry.story.others(entry.id)
            ],
        }
    return _known(said)


def _note(info: FeedInfo, note: Note) -> dict[str, Any]:
    text = wire.one_line(note.text)
    return _known(
        {
            "id": wire.address(note.id),
            "url": wire.address(note.url),
            "title": wire.one_line(note.title),
            "content_html": note.html,
            "content_text": "" if note.html else text,
            "summary": text,
            "date_published": wire.utc(note.published).isoformat(),
            "date_modified": wire.utc(note.updated).isoformat(),
            "authors": [{"name": wire.one_line(note.author)}],
            "language": info.language,
        }
    )


def _attachment(attachment: Attachment) -> dict[str, Any]:
    return _known(
        {
            "url": wire.address(attachment.url),
            "mime_type": wire.media_type(attachment) or wire.UNKNOWN_TYPE,
            "title": wire.one_line(attachment.title),
            "size_in_bytes": wire.length(attachment),
        }
    )


def dumps(values: dict[str, Any]) -> str:
    """*values* as JSON without needless spaces, Chinese as it is."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """*values* in their order, without those that say nothing."""
    return {key: value for key, value in values.items() if value not in (None, "", [])}
