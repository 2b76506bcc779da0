"""One row of a list -> its Item: which text is the title, which the date. Knows no page around the row."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from aggregator.gather.dates import FoundDate, find_dates, read_date
from aggregator.model import Item, Precision

_CUT = re.compile(r"(?:\.{2,}|…+)\s*$")
CUT_NUMBER = re.compile(r"\d(?:\.{2,}|…+)$")  # a title that begins with a date
# links to the article that do not name it
MORE = re.compile(
    r"[\[【(（]?\s*(?:查?看?更多|查看详情|详情|详细|阅读全文|阅读更多|查看|全文|read more|more|details?)"
    r"\s*[\])）】]?[\s>»+…]*",
    re.IGNORECASE,
)
# what stands beside a title: parts of dates, numbers, marks, and the labels of these
MARK = re.compile(
    r"(?:[\W\d_年月日时分]|发布|发表|发稿|更新|添加|时间|日期|于|浏览|阅读|点击|访问|次数?|置顶|新"
    r"|\b(?:post(?:ed)?|publish(?:ed)?|update[d]?|date|time|on|views?|new|hot|top|am|pm"
    r"|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?|mon|tue|wed|thu|fri|sat|sun|st|nd|rd|th)\b)*",
    re.IGNORECASE,
)
POSTED = re.compile(r"发布|发表|发稿|post|publish", re.IGNORECASE)
FROM_NOW = re.compile(
    r"(?:[\W\d]|半?个?(?:秒|分钟?|小时|天|周|星期)[以之]?前|刚[刚才]|[今昨前]天"
    r"|an?\b|(?:second|minute|hour|day|week)s? ago|today|yesterday)*",
    re.IGNORECASE,
)
# title attributes that say more than the title
LABELLED = re.compile(
    r"^标题[:：]\s*(.+?)\s*(?:(?:作者|来源|点击\w*|发布\w*|发表\w*|更新\w*|时间|日期)[:：].*)?$", re.DOTALL
)
PROSE = re.compile(r"[^\s\d\])）】|]")  # follows a date that is told of
# a line of facts inside a link is no part of its title
FACTS = re.compile(
    r"\W*(?:来源|作者|发布者|发布人|供稿|点击|浏览|阅读|时间|日期|source|author)\w{0,3}\s*[:：]", re.IGNORECASE
)
BRACKETS = {"[": "]", "(": ")", "（": "）", "【": "】", "〔": "〕"}
UNSEEN = {"script", "style", "template"}
BLOCKS = "p, div, dd, dt, h1, h2, h3, h4, h5, h6"
HEADING = "h1, h2, h3, h4, h5, h6, [class*=tit], [class*=Tit]"
SHORTEST_TITLE = 4  # characters; a heading with fewer is a label
LONGEST_TITLE = 120  # characters; a text with more is a summary
LONGEST_LOOKED_AT = 2_000  # characters of a title in which a part beside it is looked for
LONGEST_MARK = 60  # characters
SHORT = 40  # characters of a text that is a line of facts rather than prose
FAR = 300  # characters of prose within which a date is looked for


@dataclass(slots=True)
class Row:
    """The parts of the page that belong to one article: *links* lead to it, *nodes* hold all that is said of it."""

    url: str
    nodes: list[LexborNode] = field(default_factory=list)
    links: list[LexborNode] = field(default_factory=list)


def read_row(row: Row, *, timezone: ZoneInfo, now: datetime) -> Item | None:
    """The Item of *row*; None where nothing in it can be the title."""
    title = _title(row.links) or _beside_links(row)
    if not title:
        return None
    date = _date(row, title, timezone, now)
    if date is None:
        title, date = _parted(title, timezone, now)
    published, precision = date or (None, None)
    return Item(row.url, title, published, precision)


def plain(text: str) -> str:
    """*text* with its white space made single spaces."""
    return " ".join(text.split())


def _title(links: Sequence[LexborNode]) -> str:
    """The first title that a link gives, rather one that is not cut."""
    best = ""
    for link in links:
        text = _of_link(link)
        if text and (not best or (is_cut(best) and not is_cut(text))):
            best = text
    return best


def _of_link(link: LexborNode) -> str:
    shown = _shown(link)
    if MORE.fullmatch(shown):
        shown = ""
    full = plain(link.attributes.get("title") or "")
    if labelled := LABELLED.match(full):
        full = labelled[1]
    if full and not MORE.fullmatch(full) and (not shown or is_shortened(shown, full)):
        return full
    if is_cut(shown):
        inside = (plain(node.attributes.get("title") or "") for node in link.css("[title]"))
        return next((text for text in inside if text and is_shortened(shown, text)), shown)
    return shown


def is_shortened(shown: str, full: str) -> bool:
    """Whether *shown* is *full* with something left out, at the end or within."""
    if shown == full:
        return True
    letters = iter("".join(full.split()))
    return all(letter in letters for letter in "".join(_uncut(shown).split()))


def is_cut(text: str) -> bool:
    """Whether *text* ends where more was left out."""
    return text.rstrip().endswith(("..", "…"))


def _uncut(text: str) -> str:
    return _CUT.sub("", text) if is_cut(text) else text


def _shown(link: LexborNode) -> str:
    """The title among what a link shows: its heading, or its text without the date and the summary."""
    parts = [part for part in map(plain, _texts([link])) if part]
    if len(parts) < 2:
        return "".join(parts)
    for heading in link.css(HEADING):
        text = plain(heading.text())
        if heading.mem_id != link.mem_id and len(text) >= SHORTEST_TITLE and not _is_mark(text):
            return text
    kept = [part for part in parts if not _is_mark(part) and not FACTS.match(part)]
    if not kept:
        return " ".join(parts)
    if link.css_first(BLOCKS) is not None:
        return kept[0]  # blocks inside a link: title, then summary
    return plain(link.text()) if kept == parts else (" " if kept[0].isascii() else "").join(kept)


def _beside_links(row: Row) -> str:
    """The title of a row whose links are pictures and 查看详情: its heading, its picture's name, its first words."""
    for node in row.nodes:
        for heading in node.css(HEADING) if node.is_element_node else ():
            if len(text := plain(heading.text())) >= SHORTEST_TITLE:
                return text
    for link in row.links:
        for picture in link.css("img[alt]"):
            if len(text := plain(picture.attributes.get("alt") or "")) >= SHORTEST_TITLE:
                return text
    for part in map(plain, _texts(row.nodes)):
        if SHORTEST_TITLE <= len(part) <= LONGEST_TITLE and not _is_mark(part) and not MORE.fullmatch(part):
            return part
    return ""


def _date(row: Row, title: str, timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision] | None:
    """The date beside the title, never one inside it: rather what is nothing but a date than one in prose."""
    sides = _beside_title(row, title)
    # a number before the title is no part of the date after it
    before, after = ([part for part in side if _is_mark(part)] for side in sides)
    text = " ".join(before + after)
    posted = POSTED.search(text)
    for marks in ([text[posted.end() :]] if posted else [], before, after):
        if date := _of_marks(marks, timezone, now):
            return date
    if date := read_date(text, timezone=timezone, now=now):
        return date
    parts = [*sides[0], *sides[1]]
    for part in sorted(parts, key=lambda part: (POSTED.search(part) is None, len(part) > SHORT)):
        for found in find_dates(part[:FAR], timezone=timezone, now=now):
            if (found.has_year or len(part) <= SHORT) and not _is_in_prose(part, found):
                return found.at, found.precision
    return None


def _of_marks(marks: Sequence[str], timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision] | None:
    """The first date with a year that *marks* say, one of them alone rather than several together."""
    for number, mark in enumerate(marks[:-1]):
        if any(date.has_year for date in find_dates(mark, timezone=timezone, now=now)):
            marks = marks[number:]
            break
    dates = find_dates(" ".join(marks), timezone=timezone, now=now) if marks else []
    return next(((date.at, date.precision) for date in dates if date.has_year), None)


def _is_in_prose(text: str, date: FoundDate) -> bool:
    """Whether *date* is what *text* tells of: 5月6日下午，学校举行……"""
    return "月" in text[date.start : date.end] and PROSE.match(text, date.end) is not None


def _beside_title(row: Row, title: str) -> tuple[list[str], list[str]]:
    """The texts of *row* before and after its title."""
    whole = "".join(title.split())[:LONGEST_LOOKED_AT]
    before: list[str] = []
    after: list[str] = []
    parts, run = before, ""
    for part in filter(None, map(plain, _texts(row.nodes))):
        cut = is_cut(part)
        letters = "".join(_uncut(part).split())
        if title in part:
            head, _, tail = part.partition(title)
            parts.append(head.strip())
            parts, run = after, ""
            parts.append(tail.strip())
        # the number of a day may stand in the title too; it belongs to it only after another part of it
        elif letters in whole and (run + letters in whole if run else cut or not _is_mark(part)):
            run = "" if cut else run + letters
            parts = after
        else:
            parts.append(part)
            run = ""
    return [part for part in before if part], [part for part in after if part]


def _parted(title: str, timezone: ZoneInfo, now: datetime) -> tuple[str, tuple[datetime, Precision] | None]:
    """A title that begins or ends with its date, in two."""
    for date in find_dates(title, timezone=timezone, now=now):
        before, after = title[: date.start].rstrip(), title[date.end :].lstrip()
        is_bracketed = before[-1:] in BRACKETS and after[:1] == BRACKETS[before[-1:]]
        if is_bracketed:
            before, after = before[:-1], after[1:]
        rest = (before or after).strip(" |-—·")
        if not is_bracketed and not before and _is_in_prose(title, date):
            continue  # 2024年12月1日开馆
        if (date.has_year or is_bracketed) and not (before and after) and len(rest) >= SHORTEST_TITLE:
            return rest, (date.at, date.precision)
    return title, None


def _is_mark(part: str) -> bool:
    if len(part) > LONGEST_MARK or CUT_NUMBER.search(part):
        return False
    return (MARK.fullmatch(part) or FROM_NOW.fullmatch(part)) is not None


def _texts(nodes: Sequence[LexborNode]) -> Iterator[str]:
    for node in nodes:
        for inner in node.traverse(include_text=True):
            # a click counter is a script, and its numbers are no date
            if inner.is_text_node and (inner.parent is None or inner.parent.tag not in UNSEEN):
                yield inner.text_content or ""
