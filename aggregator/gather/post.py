"""A Hugo post as nankai.info wrote them, or as this program exports them -> what it says of the article it is about.

Knows no folder, no source and no store.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from aggregator.errors import ParseError
from aggregator.gather.charset import decode
from aggregator.gather.dates import date_in_url, read_date
from aggregator.gather.feed_values import Reading, claimed_date
from aggregator.gather.front_matter import divide
from aggregator.gather.post_repair import repaired
from aggregator.identity import is_slug, slug, without_fragment
from aggregator.model import Precision


@dataclass(frozen=True, slots=True)
class Post:
    """One post. *front* is its front matter as it stands; what a field says is the article's, not the post's."""

    front: dict[str, Any]
    url: str
    slug: str
    title: str
    university: str | None  # None: it does not say
    published: datetime | None
    precision: Precision | None
    seen_at: datetime | None  # when the article was found; None: as published
    tags: tuple[str, ...]
    markdown: str

    @property
    def body(self) -> str:
        """The text in Markdown, its faults mended."""
        return repaired(self.markdown, self.url)


def read_post(content: bytes, *, timezone: ZoneInfo, now: datetime) -> Post | None:
    """The post that *content* is, None for a draft. Raises ParseError: "line 7: reason".

    A date without a zone is meant in *timezone*.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = decode(content)
    front, body = divide(text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n"))
    if front.get("draft") is True:
        return None
    url, markdown = _address(front, body)
    said = _line(front.get("title"))
    if not said:
        raise ParseError("line 1: the front matter names no title")
    categories = _lines(front.get("categories"))
    title, university = _title(said, categories)
    name = _line(front.get("slug")) or _line(front.get("urlname"))
    if not is_slug(name):
        name = slug(url)
    published, precision, seen_at = _dates(front, url, markdown, timezone, now)
    tags = tuple(_lines(front.get("tags")))
    return Post(front, _as_hashed(url, name), name, title, university, published, precision, seen_at, tags, markdown)


# ---------------------------------------------------------------- the article's address

_LINK = "[转入文章首发地址]("
_LAST_LINK = re.compile(rf"^[ \t]*{re.escape(_LINK)}([^\n]*)\)[ \t]*$", re.MULTILINE)
_ADDRESS_KEYS = (
    "original_url",
    "originalurl",
    "source_url",
    "external_url",
    "externalurl",
    "canonical",
    "canonicalurl",
)
_WEB = ("http://", "https://")
# what an export writes as %28: no part of an address that a Markdown link can hold
_ENCODED = re.compile(r"(?:%(?:[01][0-9A-F]|20|22|28|29|3C|3E|5C|5E|60|7B|7C|7D|7F)|%C2%A0|%E3%80%80)+")


def _address(front: dict[str, Any], body: str) -> tuple[str, str]:
    """(the article's address, the body without the line that links it)."""
    first = body.find(_LINK)
    links = list(_LAST_LINK.finditer(body, body.rfind("\n", 0, first) + 1)) if first >= 0 else []
    url = links[-1][1].strip(" \t<>") if links else ""
    if url.startswith(_WEB):
        return url, body[: links[-1].start()] + body[links[-1].end() :]
    said = {key.lower(): _line(value) for key, value in front.items()}
    for key in _ADDRESS_KEYS:
        if said.get(key, "").startswith(_WEB):
            return said[key], body
    raise ParseError("line 1: nothing says which article it is about: no last line [转入文章首发地址](address)")


def _as_hashed(url: str, name: str) -> str:
    """*url*, or as it was before brackets and spaces in it were encoded, where *name* is the hash of that."""
    if "%" in url and slug(url) != name:
        before = _ENCODED.sub(lambda found: unquote(found[0]), url)
        if slug(before) == name:
            return before
    return without_fragment(url)


# ---------------------------------------------------------------- title and tags

# 南开大学->我校召开会议 | nankai.info
_PREFIX = re.compile(r"([^<>|]{1,60}?)\s*-{1,2}[>＞]\s*(?=\S)")
_SUFFIX = re.compile(r"\s*[|｜]\s*([^|｜]{1,60})$")
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)
_SITE_SUFFIX = re.compile(r"\s*[-_—–|｜]{1,2}\s*([^-_—–|｜]{2,30})$")


def _title(said: str, categories: list[str]) -> tuple[str, str | None]:
    """(the article's title, its university) of ``university->title | site``; the site's own suffix goes, too."""
    university = None
    if prefix := _PREFIX.match(said):
        university = prefix[1].strip()
        said = said[prefix.end() :]
    suffix = _SUFFIX.search(said)
    if suffix and suffix.start() and (university or suffix[1] in categories or _DOMAIN.fullmatch(suffix[1])):
        said = said[: suffix.start()]
    own = _SITE_SUFFIX.search(said)
    if own and university and own.start() > 3 and own[1].startswith(university):
        said = said[: own.start()]
    return said.strip(), university


def _line(value: object) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _lines(value: object) -> list[str]:
    """The texts of a list, or of one text; each once."""
    values = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(line for line in map(_line, values) if line))


# ---------------------------------------------------------------- dates

_LATER = timedelta(days=1)
_LABELLED = re.compile(r"(?:发布|发表|发稿|更新)(?:时间|日期)\s*[:：]\s*([^\n]{8,40})")
_EDGE = 400  # characters at either end of a text in which a page says when it was published


def _dates(
    front: dict[str, Any], url: str, markdown: str, timezone: ZoneInfo, now: datetime
) -> tuple[datetime | None, Precision | None, datetime | None]:
    """(published, its precision, when it was found): nankai.info wrote down when it found an article, without a zone.

    It was published on the day that the text or the address names, where that is not later; else then.
    """
    written = _line(front.get("date"))
    claimed = claimed_date(written, Reading(url, timezone, now))
    if claimed is None:
        return *(date_in_url(url, timezone=timezone, now=now) or (None, None)), None
    at, precision = claimed
    if precision == "minute" and at.astimezone(timezone).time() == time.min:
        precision = "day"
    if "urlname" not in front or _has_zone(written):
        return at, precision, None
    edges = (markdown[:_EDGE], markdown[-_EDGE:])
    labels = (found for edge in edges if "时间" in edge or "日期" in edge for found in _LABELLED.finditer(edge))
    for label in labels:
        said = read_date(label[1], timezone=timezone, now=now)
        if said and said[0] <= at + _LATER:
            return *said, at
    if (day := date_in_url(url, timezone=timezone, now=now)) and day[0] <= at:
        return *day, at
    return at, precision, at


def _has_zone(written: str) -> bool:
    return written.endswith(("Z", "z")) or bool(re.search(r"[+-]\d\d:?\d\d(?: \w+)?$", written[10:]))
