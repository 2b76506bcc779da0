"""One row of a list -> its Item: which text is the title, which the date. Knows no page around the row."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from aggregator.gather.dates import find_dates, read_date
from aggregator.model import Item, Precision

CUT = re.compile(r"(?:\.{2,}|…+)\s*$")
SPACES = re.compile(r"\s+")
# links to the article that do not name it
MORE = re.compile(
    r"[\[【(（]?\s*(?:查?看?更多|查看详情|详情|详细|阅读全文|阅读更多|查看|全文|read more|more|details?)"
    r"\s*[\])）】]?[\s>»+…]*",
    re.IGNORECASE,
)
# what stands beside a title inside its link: parts of dates, marks, labels
MARK = re.compile(
    r"[\d/.\-年月日\[\]()（）\s,，:：]+|(?:post|update)?\s?date|发布(?:时间|日期)[:：]?|\W+", re.IGNORECASE
)
BLOCKS = "p, div, dd, dt, h1, h2, h3, h4, h5, h6"
HEADING = "h1, h2, h3, h4, h5, h6, [class*=tit], [class*=Tit]"
SHORTEST_TITLE = 4  # characters; a heading with fewer is a label
FAR = 300  # characters from the title within which its date stands


@dataclass(slots=True)
class Row:
    """The parts of the page that belong to one article: *links* lead to it, *nodes* hold all that is said of it."""

    url: str
    nodes: list[LexborNode] = field(default_factory=list)
    links: list[LexborNode] = field(default_factory=list)


def read_row(row: Row, *, timezone: ZoneInfo, now: datetime) -> Item | None:
    """The Item of *row*; None where no link of it has a title."""
    title = _title(row.links, timezone, now)
    if not title:
        return None
    date = _date(row, title, timezone, now)
    if date is None:
        title, date = _parted(title, timezone, now)
    published, precision = date or (None, None)
    return Item(row.url, title, published, precision)


def plain(text: str) -> str:
    """*text* with its white space made single spaces."""
    return SPACES.sub(" ", text).strip()


def _title(links: Sequence[LexborNode], timezone: ZoneInfo, now: datetime) -> str:
    """The first title that a link gives, rather one that is not cut."""
    best = ""
    for link in links:
        text = _of_link(link, timezone, now)
        if text and (not best or (CUT.search(best) and not CUT.search(text))):
            best = text
    return best


def _of_link(link: LexborNode, timezone: ZoneInfo, now: datetime) -> str:
    shown = _shown(link, timezone, now)
    if MORE.fullmatch(shown):
        shown = ""
    full = plain(link.attributes.get("title") or "")
    if full and not MORE.fullmatch(full) and (not shown or _is_shortened(shown, full)):
        return full
    return shown


def _is_shortened(shown: str, full: str) -> bool:
    """Whether *shown* is *full* with something left out, at the end or within."""
    letters = iter(SPACES.sub("", full))
    return len(full) > len(shown) - 3 and all(letter in letters for letter in SPACES.sub("", CUT.sub("", shown)))


def _shown(link: LexborNode, timezone: ZoneInfo, now: datetime) -> str:
    """The title among what a link shows: its heading, or its text without the date and the summary."""
    for heading in link.css(HEADING):
        text = plain(heading.text())
        if heading.mem_id != link.mem_id and len(text) >= SHORTEST_TITLE:
            full = plain(heading.attributes.get("title") or "")
            return full if full and _is_shortened(text, full) else text
    parts = [part for part in map(plain, _texts([link])) if part]
    if len(parts) < 2:
        return "".join(parts)
    kept = [part for part in parts if not MARK.fullmatch(part) and not _is_date(part, timezone, now)]
    if not kept:
        return " ".join(parts)
    if link.css_first(BLOCKS) is not None:
        return kept[0]  # blocks inside a link: title, then summary
    return plain(link.text()) if kept == parts else (" " if kept[0].isascii() else "").join(kept)


def _is_date(text: str, timezone: ZoneInfo, now: datetime) -> bool:
    """Whether a date is all that *text* says."""
    found = find_dates(text, timezone=timezone, now=now)
    return bool(found) and found[0].end - found[0].start + 8 >= len(text)


def _date(row: Row, title: str, timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision] | None:
    """The date beside the title, never one inside it."""
    text = " ".join(filter(None, map(plain, _texts(row.nodes))))
    shown = " ".join(filter(None, map(plain, _texts(row.links[:1]))))
    for part in (title, shown, CUT.sub("", shown)):
        if part and part in text:
            before, _, after = text.partition(part)
            inside = part.replace(title, "") if part != title else ""
            for near in (before[-FAR:], after[:FAR], inside):
                if date := read_date(near, timezone=timezone, now=now):
                    return date
            if part == title:
                return None
    return None if shown else read_date(text[:FAR], timezone=timezone, now=now)


def _parted(title: str, timezone: ZoneInfo, now: datetime) -> tuple[str, tuple[datetime, Precision] | None]:
    """A title that begins or ends with its date, in two."""
    for date in find_dates(title, timezone=timezone, now=now):
        if date.has_year and (date.start <= 1 or date.end >= len(title) - 1):
            rest = (title[: date.start] + title[date.end :]).strip(" []()（）【】|-—")
            if len(rest) >= SHORTEST_TITLE:
                return rest, (date.at, date.precision)
    return title, None


def _texts(nodes: Sequence[LexborNode]) -> Iterator[str]:
    for node in nodes:
        for inner in node.traverse(include_text=True):
            if inner.is_text_node:
                yield inner.text_content or ""
