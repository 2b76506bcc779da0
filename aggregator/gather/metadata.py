"""The words around an article -> when it was published, by whom, where from and under which section.

Takes texts, one text node of the page a line. Knows no trees, no families and no network.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from aggregator.gather.dates import FoundDate, date_in_url, find_dates, read_date
from aggregator.model import Precision

Dated = tuple[datetime, Precision]
Kind = Literal["published", "time", "author", "origin", "editor", "event", "clicks", "other"]


class Around(NamedTuple):
    """The lines of a page *above* the title, *below* it down to the article, and *after* the article."""

    above: Sequence[str]
    below: Sequence[str]
    after: Sequence[str]


@dataclass(frozen=True, slots=True)
class Field:
    """``发布时间：2025-03-20`` as *kind* and *value*; a label with nothing after it is no field."""

    kind: Kind
    value: str


def read_fields(text: str) -> list[Field]:
    """The labelled values of *text* in its order."""
    labels = list(_labels(text))
    fields = []
    for label, following in zip_longest(labels, labels[1:]):
        end = following.start if following else len(text)
        value = _VALUE_END.split(text[label.end : end].strip(), maxsplit=1)[0].strip(" ,，;；-/|\u3000\xa0")
        if value:
            fields.append(Field(label.kind, value))
    return fields


class _Label(NamedTuple):
    start: int
    end: int
    kind: Kind


def _labels(text: str) -> Iterator[_Label]:
    """The labels of *text*, read backwards from where they may end: so many names take long to look for everywhere."""
    for sign in _LABEL_END.finditer(text):
        at = sign.start()
        found = _LABEL_BACKWARDS.match(text[max(0, at - _LONGEST_LABEL) : at][::-1])
        if found and (kind := _KINDS.get("".join(found[1].split())[::-1].lower())):
            yield _Label(at - found.end(), at + (sign[0] in ":："), kind)


def first_value(fields: Sequence[Field], kind: Kind) -> str | None:
    """The first value of *kind* that reads like a name."""
    named = (field.value for field in fields if field.kind == kind and len(field.value) <= _LONGEST_NAME)
    return next((value for value in named if not _NO_NAME.fullmatch(value)), None)


def find_published(
    around: Around, near: Sequence[Field], metas: Mapping[str, str], url: str, *, timezone: ZoneInfo, now: datetime
) -> Dated | None:
    """When the article was published: as lines by the title say, as *metas* say, as lines after it, as *url* does.

    *near*: the fields of the lines below the title.
    """
    read = partial(read_date, timezone=timezone, now=now)
    dates = partial(find_dates, timezone=timezone, now=now)
    meta = next((date for name in _METAS if name in metas and (date := read(metas[name]))), None)
    shown = (
        _labelled_date(near, read)
        or _bare_date("\n".join(around.below), dates)
        or _labelled_date(read_fields("\n".join(around.above[-_LINES:])), read)
        or _bare_date("\n".join(around.above[-2:]), dates)
    )
    if not shown:
        after = read_fields("\n".join(around.after[:_LINES]))
        return meta or _labelled_date(after, read) or date_in_url(url, timezone=timezone, now=now)
    if meta and shown[1] == "day" and timedelta(0) <= meta[0] - shown[0] < timedelta(days=1):
        return meta  # the same day, with its minute
    return shown


def _labelled_date(fields: Sequence[Field], read: Callable[[str], Dated | None]) -> Dated | None:
    """The date a label claims for the article, 发布时间 before a bare 时间, which beside a place is an event's."""
    is_event = any(field.kind == "event" for field in fields)
    for kind in ("published",) if is_event else ("published", "time"):
        for field in fields:
            if field.kind == kind and (date := read(field.value[:_LONGEST_DATE])):
                return date
    return None


def _bare_date(text: str, dates: Callable[[str], list[FoundDate]]) -> Dated | None:
    """The last date of *text* that names its year and is not today's, as the clock of a page header shows it."""
    for date in reversed(dates(text)):
        if date.has_year and not _CLOCK.search(text[max(0, date.start - 6) : date.start]):
            return date.at, date.precision
    return None


def find_byline(text: str) -> str | None:
    """The writers named in brackets after 讯 or at the very end: （记者 张三 通讯员 李四） gives 张三 李四."""
    found = _OPENING_BYLINE.search(text[:_NEAR]) or _CLOSING_BYLINE.search(text[-_NEAR:])
    if not found:
        return None
    names, writes, after_role = [], False, False
    for word in _BYLINE_WORD.findall(found[1]):
        if word in _WRITING or word in _OTHER_ROLES:
            writes = word in _WRITING or (writes and after_role)
            after_role = True
        elif writes:
            names.append(word)
            after_role = False
    return " ".join(names) or None


def find_section(lines: Sequence[str], title: str) -> tuple[str, ...]:
    """The breadcrumb of a page whose text before the article is *lines*, as read_section gives it."""
    start = _breadcrumb_start(lines)
    if start is None:
        return ()
    number, place = start
    return read_section("\n".join((lines[number][place:], *lines[number + 1 : number + 1 + _MOST_LINES])), title)


def read_section(text: str, title: str) -> tuple[str, ...]:
    """The parts of the breadcrumb that *text* begins with, outermost first, without 首页, 正文 and the *title*."""
    parts: list[str] = []
    signs = False  # "首页 > 新闻": then what comes without one is no longer of it
    for between, written in _PARTS.findall(text):
        part, sign = written.strip(), bool(between.strip())
        words = _SPACES.sub("", part.rstrip(".…"))
        is_title = words == _SPACES.sub("", title) or (len(words) > 5 and _SPACES.sub("", title).startswith(words))
        if is_title or _BREADCRUMB_END.fullmatch(part) or len(part) > _LONGEST_SECTION or (signs and not sign):
            break
        signs = signs or (sign and bool(parts))
        if part not in parts and not _HOME.fullmatch(part):
            parts.append(part)
        if len(parts) > (_MOST_SECTIONS if signs else _MOST_WITHOUT_SIGNS):  # a menu that begins with 首页, too
            return ()
    return tuple(parts)


def read_keywords(said: str) -> tuple[str, ...]:
    """The keywords that a page's head names in *said*, each once: divided by commas and the like, else by spaces."""
    parts = _KEYWORD_ENDS.split(said) if _KEYWORD_ENDS.search(said) else said.split()
    words = (" ".join(part.split()) for part in parts[:_MOST_KEYWORDS])
    return tuple(dict.fromkeys(word for word in words if 1 < len(word) <= _LONGEST_KEYWORD))


_LABELS: dict[Kind, str] = {
    "published": "发布时间 发布日期 发表时间 发表日期 发稿时间 发稿日期 编稿时间 发文时间 发文日期 发布于 发表于"
    " published posted",
    "time": "更新时间 更新日期 录入时间 录入日期 添加时间 添加日期 创建时间 创建日期 上传时间 上传日期 编辑时间"
    " 撰写时间 修改时间 更新于 日期 时间 date time",
    "author": "作者 文章作者 撰稿 撰稿人 撰文 记者 通讯员 发布者 发布人 供稿人 投稿人 文字 文 author by publisher",
    "origin": "来源 信息来源 文章来源 稿件来源 新闻来源 稿源 转载自 转自 出处 供稿 供稿单位 发布单位 发布部门 source",
    "editor": "编辑 责任编辑 责编 网络编辑 本文编辑 editor",
    "event": "地点 主讲人 主讲 报告人 演讲人 主持人 嘉宾",
    "clicks": "浏览次数 浏览量 浏览数 浏览 点击次数 点击数 点击率 点击量 点击 阅读次数 阅读量 阅读数 阅读 访问次数"
    " 访问量 访问 人气 views hits clicks",
    "other": "审核 审核人 审稿 初审 复审 终审 校对 校审 摄影 图片 图 供图 字体 字号 分享 分享到 关键词 标签 签发",
}
_KINDS: dict[str, Kind] = {label: kind for kind, labels in _LABELS.items() for label in labels.split()}


def _label_pattern() -> re.Pattern[str]:
    names = (name[::-1] for name in sorted(_KINDS, key=len, reverse=True))
    spaced = (r"\s{0,6}".join(name) if len(name) == 2 else name for name in names)
    # 会议时间 and 报告时间 are of the event
    return re.compile(rf"\s{{0,6}}({'|'.join(spaced)})(?![\u4e00-\u9fffA-Za-z])", re.IGNORECASE)


_LABEL_BACKWARDS = _label_pattern()
_LABEL_END = re.compile(r"[:：]|[12]\d{3}[-年./]")  # a colon may be left out before a number
_LONGEST_LABEL = max(map(len, _KINDS)) + 13  # with white space, and what stands before it
_METAS = ("pubdate", "publishdate", "article:published_time", "datepublished", "og:release_date", "date")
_LINES = 8  # above a title or after an article that may tell of it
_SPACES = re.compile(r"\s+")
_KEYWORD_ENDS = re.compile(r"[,，、;；|｜]")
_MOST_KEYWORDS, _LONGEST_KEYWORD = 40, 30
_VALUE_END = re.compile(r"\s*\n\s*|[|｜【\[]|\s{2,}")
_LONGEST_NAME = 40
_NO_NAME = re.compile(r"[\W\d_年月日时分秒]*")
_LONGEST_DATE = 40
_LONGEST_SECTION = 24
_MOST_SECTIONS = 6
_MOST_WITHOUT_SIGNS = 3
_MOST_LINES = 18
_NEAR = 400  # characters
_CLOCK = re.compile(r"今天|今日|现在|当前")

_OPENING_BYLINE = re.compile(r"讯[】\]]?\s*[（(]([^（）()]{2,80})[）)]")
_CLOSING_BYLINE = re.compile(
    r"[（(]\s*((?:文|图|撰稿|作者|供稿|记者|通讯员|文字|撰文|摄影)[^（）()]{1,80})[）)]\s*(?:[（(][^（）()]{1,80}[）)]\s*)?$"
)
_WRITERS = "文 文字 撰稿 撰文 作者 供稿 记者 通讯员 学生记者 实习记者 本网记者 本报记者 特约记者 特约通讯员"
_WRITING = frozenset(_WRITERS.split())
_OTHERS = "图 图片 摄影 摄影报道 报道 编辑 责编 责任编辑 审核 审稿 校对 视频 供图 制图 排版 文图"
_OTHER_ROLES = frozenset(_OTHERS.split())
_BYLINE_WORD = re.compile(r"[\u4e00-\u9fff·]+|[A-Za-z][A-Za-z. ]*[A-Za-z.]")

_HERE = re.compile(
    r"(?:当前|您的|现在|所在|你的|目前)(?:所在)?(?:的)?\s*位置(?:是)?\s*[:：]?"
    r"|^(?:location|position|you are here)\s*[:：]",
    re.IGNORECASE,
)
_HOME = re.compile(
    r"首\s*页|网站首页|本站首页|主\s*页|返回首页|站点首页|学校首页|(?:home|index|main)(?:\s?page)?", re.IGNORECASE
)
_BREADCRUMB_END = re.compile(r"正\s*文|正文内容|文章正文|内容|详细内容|内容详情|文章内容|查看|content", re.IGNORECASE)
_SIGN = r"(?:[>＞»›→|｜\\·•]|/{1,2}|::|-{1,2}>?|—+)"
_PARTS = re.compile(rf"((?:\s|{_SIGN})*)((?:(?!{_SIGN}|\n|\s\s).)+)")


def _breadcrumb_start(lines: Sequence[str]) -> tuple[int, int] | None:
    """Line and place in it where the breadcrumb begins: after 当前位置, else at the last 首页."""
    for number in range(len(lines) - 1, -1, -1):
        if here := _HERE.search(lines[number]):
            return number, here.end()
    for number in range(len(lines) - 1, -1, -1):
        first = _PARTS.match(lines[number])
        if first and _HOME.fullmatch(first[2].strip()):
            return number, 0
    return None
