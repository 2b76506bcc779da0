"""Parcels -> a JSON Feed archive: valid JSON Feed 1.1, and in ``_aggregator`` all that the standard has no name for.

gather/parcels.py reads it back. Knows no folder, no database and no clock; the same bytes for the same entries.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from aggregator.model import FeedInfo, Parcel
from aggregator.publish import jsonfeed

FORMAT = 1
TEXTS: Mapping[str, Any] = {"summary": "", "html": "", "text": "", "images": [], "attachments": []}


def pieces(info: FeedInfo, parcels: Iterable[Parcel]) -> Iterator[str]:
    """The document piece by piece, in the order given: all entries ever stored need no memory."""
    yield jsonfeed.dumps(_head(info)).removesuffix("}") + ',"items":['
    for number, parcel in enumerate(parcels):
        yield (",\n" if number else "\n") + jsonfeed.dumps(_item(info, parcel))
    yield "\n]}\n"


def index(info: FeedInfo, pages: Sequence[Mapping[str, Any]]) -> str:
    """The document that names the *pages* of an archive: each its file, its number of entries and its SHA-256."""
    return jsonfeed.dumps(_head(info) | {"_aggregator": {"format": FORMAT, "pages": pages}, "items": []}) + "\n"


def without_texts(parcel: Parcel) -> Parcel:
    """A withheld *parcel* as anybody may see it: that it was changed and removed, not what it said."""
    return replace(parcel, revisions=tuple(past.model_copy(update=TEXTS) for past in parcel.revisions))


def _head(info: FeedInfo) -> dict[str, Any]:
    return {key: value for key, value in jsonfeed.feed(info).items() if value}


def _item(info: FeedInfo, parcel: Parcel) -> dict[str, Any]:
    entry = parcel.entry
    whole = {
        "uid": parcel.uid,
        "addresses": parcel.addresses,
        "slug": entry.slug,
        "atom_id": entry.atom_id,
        "url": entry.url,
        "title": entry.title,
        "published": _time(entry.published),
        "precision": entry.precision,
        "updated": _time(entry.updated),
        "seen_at": _time(entry.seen_at),
        "author": entry.author,
        "origin": entry.origin,
        "section": entry.section,
        "summary": entry.summary,
        "images": entry.images,
        "attachments": [asdict(file) for file in entry.attachments],
        "tags": entry.tags,
        "keywords": entry.keywords,
        "given": parcel.given,
        "sort": entry.sort,
        "removed_at": _time(entry.removed_at),
        "changed_at": _time(entry.changed_at),
        "withheld": parcel.is_withheld or None,
        "revisions": [
            past.model_dump(mode="json", exclude={"id", "entry_id"}, exclude_defaults=True) for past in parcel.revisions
        ],
        "front": {"title": parcel.front.title, "values": parcel.front.values} if parcel.front else None,
        "source": asdict(entry.source),
    }
    kept = {key: value for key, value in whole.items() if value not in (None, "", (), [])}
    said = jsonfeed.item(info, entry)
    if entry.text:
        said["content_text"] = entry.text
    else:
        kept["text"] = ""  # an item may have to have one nevertheless
    return said | {"_aggregator": kept}


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
