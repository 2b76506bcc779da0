"""An item of a JSON Feed archive that this program wrote (publish/parcels.py) -> the Parcel it was.

The file was in other hands since: every value is checked and its HTML made safe again. Knows no store.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from aggregator.errors import ParseError
from aggregator.gather.clean import still_safe
from aggregator.gather.front_matter import UNSTORABLE, plain
from aggregator.identity import bounded, is_slug
from aggregator.model import Attachment, Front, FullEntry, Parcel, Precision, Revision, SourceRef

WEB = ("http://", "https://")
LARGEST = 1 << 40  # seconds, words; years beyond any date
YEARS = range(1000, 9000)  # of times that every zone has
SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# what pages have words for
KINDS: Mapping[str, tuple[str, ...]] = {
    "edited": ("title", "date", "body", "attachments", "pictures"),
    "removed": ("410", "404", "home", "notice", "list"),
    "restored": (),
}


def is_ours(item: Mapping[str, Any]) -> bool:
    """Whether *item* is a Parcel's, not one of any JSON Feed."""
    own = item.get("_aggregator")
    return isinstance(own, dict) and "uid" in own


def read_parcel(item: Mapping[str, Any]) -> Parcel:
    """What *item*, which ``is_ours``, says. Raises ParseError that names a key."""
    own = _Values(item["_aggregator"], "_aggregator")
    seen_at = own.time("seen_at") or own.time("published") or own.time("updated")
    if seen_at is None:
        raise ParseError("_aggregator.seen_at is missing")
    images = tuple(url for url in own.texts("images") if url.startswith(WEB))
    entry = FullEntry(
        id=0,
        slug=own.text("slug", required=True),
        atom_id=own.text("atom_id", required=True),
        url=own.address("url"),
        title=own.text("title"),
        published=own.time("published"),
        precision=_precision(own.text("precision")),
        updated=own.time("updated") or seen_at,
        sort=own.number("sort"),
        seen_at=seen_at,
        source=_source(own.table("source")),
        author=own.text("author") or None,
        origin=own.text("origin") or None,
        section=own.texts("section"),
        summary=own.text("summary"),
        image=images[0] if images else None,
        tags=own.texts("tags"),
        keywords=own.texts("keywords"),
        html=still_safe(_Values(item, "item").text("content_html")),
        text=own.text("text") if "text" in own.values else _Values(item, "item").text("content_text"),
        images=images,
        attachments=tuple(_attachments(own.tables("attachments"))),
        removed_at=own.time("removed_at"),
        changed_at=own.time("changed_at"),
    )
    front = own.table("front")
    parcel = Parcel(
        entry,
        bounded(own.text("uid", required=True)),
        tuple(map(bounded, own.texts("addresses"))),
        own.texts("given"),
        Front(front.text("title"), plain(front.table("values").values, 1)) if front.values else None,
        tuple(map(_revision, own.tables("revisions"))),
        own.values.get("withheld") is True,
    )
    return _sound(parcel)


def checked(parcel: Parcel) -> Parcel:
    """*parcel* as another database gave it, its HTML safe whoever wrote it there."""
    entry = parcel.entry
    images = tuple(url for url in entry.images if url.startswith(WEB))
    files = tuple(file for file in entry.attachments if file.url.startswith(WEB))
    if not entry.url.startswith(WEB):
        raise ParseError(f"its address {entry.url[:80]!r} cannot be visited")
    safe = entry._replace(html=still_safe(entry.html), images=images, attachments=files)
    return _sound(replace(parcel, entry=safe, revisions=tuple(map(_checked, parcel.revisions))))


def _sound(parcel: Parcel) -> Parcel:
    """*parcel*, whose names are names and whose times are times; raises ParseError."""
    entry = parcel.entry
    if not is_slug(entry.slug):  # an export would write where it likes
        raise ParseError(f"its slug {entry.slug[:40]!r} is no part of an address")
    if not SOURCE.fullmatch(entry.source.name):
        raise ParseError(f"the name of its source {entry.source.name[:40]!r} is none: {SOURCE.pattern}")
    times = (entry.published, entry.updated, entry.seen_at, entry.removed_at, entry.changed_at)
    for time in (*times, *(at for past in parcel.revisions for at in (past.seen_at, past.published))):
        if time is not None and time.year not in YEARS:
            raise ParseError(f"{time.isoformat()} is no time of any news")
    for past in parcel.revisions:
        if past.kind not in KINDS or not set(past.what) <= set(KINDS[past.kind]):
            raise ParseError(f"its revision {past.kind[:40]!r} {past.what!r:.80} is none")
    is_removed = entry.removed_at is not None and any(past.kind == "removed" for past in parcel.revisions)
    return replace(parcel, is_withheld=parcel.is_withheld and is_removed)


def _revision(said: "_Values") -> Revision:
    seen_at = said.time("seen_at")
    if seen_at is None:
        raise ParseError("_aggregator.revisions: seen_at is missing")
    return _checked(
        Revision(
            entry_id=0,
            kind=said.text("kind", required=True),
            seen_at=seen_at,
            what=list(said.texts("what")),
            words=said.number("words"),
            is_told=said.values.get("is_told") is True,
            state=said.text("state"),
            title=said.text("title"),
            published=said.time("published"),
            precision=_precision(said.text("precision")),
            summary=said.text("summary"),
            html=said.text("html"),
            text=said.text("text"),
            images=list(said.texts("images")),
            attachments=[asdict(file) for file in _attachments(said.tables("attachments"))],
        )
    )


def _checked(past: Revision) -> Revision:
    images = [url for url in past.images if url.startswith(WEB)]
    files = [file for file in past.attachments if str(file.get("url", "")).startswith(WEB)]
    safe = {"html": still_safe(past.html), "images": images, "attachments": files}
    return past.model_copy(update=safe)


def _source(said: "_Values") -> SourceRef:
    return SourceRef(
        said.text("name", required=True),
        said.text("title", required=True),
        said.address("url"),
        said.text("university", required=True),
    )


def _attachments(said: "Iterable[_Values]") -> Iterable[Attachment]:
    for file in said:
        length = file.values.get("length")
        if (url := file.text("url")).startswith(WEB):
            yield Attachment(
                url, file.text("title"), file.text("media_type") or None, length if isinstance(length, int) else None
            )


def _precision(said: str) -> Precision | None:
    return "day" if said == "day" else "minute" if said == "minute" else None


class _Values:
    """An object of a document; a value of another type than its key's is a ParseError."""

    def __init__(self, values: object, path: str) -> None:
        if not isinstance(values, dict):
            raise ParseError(f"{path} is no object")
        self.values: dict[str, Any] = values
        self._path = path

    def text(self, key: str, *, required: bool = False) -> str:
        value = self.values.get(key)
        if value is None:
            value = ""
        if not isinstance(value, str) or (required and not value):
            raise ParseError(f"{self._path}.{key} must be a text, not {value!r:.40}")
        return UNSTORABLE.sub("", value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ParseError(f"{self._path}.{key} must be a list of texts, not {value!r:.40}")
        return tuple(UNSTORABLE.sub("", one) for one in value)

    def number(self, key: str) -> int:
        value = self.values.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
            raise ParseError(f"{self._path}.{key} must be a whole number, not {value!r:.40}")
        return value

    def address(self, key: str) -> str:
        value = self.text(key)
        if not value.startswith(WEB):
            raise ParseError(f"{self._path}.{key} must be an http or https address, not {value[:40]!r}")
        return value

    def time(self, key: str) -> datetime | None:
        said = self.text(key)
        if not said:
            return None
        try:
            return datetime.fromisoformat(said).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ParseError(f"{self._path}.{key} must be a time (ISO 8601), not {said[:40]!r}") from error

    def table(self, key: str) -> "_Values":
        return _Values(self.values.get(key) or {}, f"{self._path}.{key}")

    def tables(self, key: str) -> "list[_Values]":
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise ParseError(f"{self._path}.{key} must be a list, not {value!r:.40}")
        return [_Values(one, f"{self._path}.{key}") for one in value]
