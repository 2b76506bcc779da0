"""Two readings of one article -> what its publisher changed between them, if anything. Pure.

Left out is what pages write anew for every visitor or every day: white space, counters, clocks, the neighbours of an
article, lists of other articles. What two readings made at once do not agree on is no change either.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from itertools import groupby
from posixpath import basename
from urllib.parse import urlsplit

from aggregator.classify.difference import common_ends
from aggregator.identity import identity
from aggregator.model import Attachment, Told

FEW_WORDS = 10  # that changed: a misprint, a name; of Chinese, characters
# sentences and words that are compared one by one; where there are more, all that differs counts as rewritten
MOST_SENTENCES, MOST_WORDS = 5_000, 3_000
LEAST_LINKS = 3  # lines in a row that are links and nothing else make a list of other articles
LONGEST_LISTED = 60  # characters of a line in such a list
ALIKE = 0.5  # of two titles that they are one, changed
KEPT = 0.1  # of the sentences of an article that are left where it was rewritten, not replaced
MOST_MARKS = 50  # that a change is known again by
LONGEST_CUT = 40  # characters of what says that a text goes on elsewhere

UNSEEN = re.compile("[\\s\u3000\xad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]+")
SIGNS = re.compile(r"[\W_]+")
SENTENCE = re.compile(r"[^。！？!?；;]*[。！？!?；;]+[”’』」）)]*|[^。！？!?；;]+")
WORD = re.compile(r"[A-Za-z0-9]+|.", re.DOTALL)
COUNTED = r"(?:点击|浏览|阅读|访问|查看|下载|点赞|评论|转发|收藏|人气|热度|在线|hits?|views?|reads?)"
COUNT = r"\d[\d,.]*[万千kw+]*"
# 点击数：12, 阅读（12）, but not 收藏600件文物, 阅读量12万册
COUNTER = re.compile(
    rf"({COUNTED}(?:(?:次数|人数|总数|数|量)[:：为]?|[:：])[\[(（]?|{COUNTED}[\[(（]|已下载|您是第)"
    r"\d[\d,.]*+[万千kw+]*+(?![册本件部篇卷])",
    re.IGNORECASE,
)
# a line of counters and nothing else, be it without its number yet: 点赞12｜收藏3, 浏览次数：, 阅读：加载中
LONE_COUNTER = re.compile(
    rf"(?:[【\[(（]?(?:本文|累计|总)?{COUNTED}(?:次数|人数|总数|数|量)?[:：为]?[\[(（]?"
    rf"(?:{COUNT}|加载中|loading|[-.…]+)?(?:人次|次|人)?[\])）】]?[|｜/·,，]?)+|{COUNT}(?:人次|次|人)?{COUNTED}",
    re.IGNORECASE,
)
CLOCK = re.compile(
    r"(?:今天|今日|现在|当前|北京)(?:日期|时间)?(?:是|为)?[:：]?\d{4}[年/-]\d{1,2}[月/-]\d{1,2}日?(?:星期[一二三四五六日天])?(?:\d{1,2}:\d{2}(?::\d{2})?)?"
    r"(?:[晴阴多云雨雪雾霾转小中大到暴雷阵]{1,8}-?\d{1,2}(?:[~～-]-?\d{1,2})?°C)?"
)
# 上一篇：…, [下一条] …, 下一篇没有了, Next: …, but not 下个月起…; 您的IP是…; ©2025…
NEIGHBOUR = re.compile(
    r"[\[【<«‹]?[上下前后]一?[篇条则页](?:文章|新闻)?(?:[\]】>»›:：].{0,100}|没有了?.?|无)?"
    r"|(?:previous|prev|next)(?:article|news|post|page)?[:：].{0,100}"
    r"|您的ip(?:地址)?[是为:：].{0,60}|(?:copyright|©|版权所有).{0,100}",
    re.IGNORECASE,
)
# parameters by which a server knows who may have a file, and until when
SIGNED = re.compile(
    r"(?<=[?&])(?:sid|(?:access_?)?token|ticket|sign|signature|expires|ossaccesskeyid|security-token|auth_key|nonce"
    r"|(?:x-(?:amz|oss|cos)|q)-[\w-]+|ws(?:secret|time)|timestamp|t|ts|_|rand(?:om)?)=[^&\s]*&?",
    re.IGNORECASE,
)
# 相关阅读, ◆热门推荐：
OTHERS = re.compile(
    r"[\[【◆■●▶]*(?:(?:相关|推荐|延伸|热门|热点|热搜|精彩|猜你喜欢|您可能|你可能|大家都在看)(?:感兴趣的?|喜欢的?)?"
    r"(?:阅读|新闻|文章|链接|推荐|资讯|报道|内容|排行|动态|精选|专题|回顾)?"
    r"|(?:最新|最近|更多|图片|本月|一周)(?:阅读|新闻|文章|推荐|资讯|报道|排行|动态|精选|专题))"
    r"(?:排行榜?|推荐|列表|榜)?[\]】]*[:：>»]*"
)
CUT = re.compile(
    r"(?:[\[(（【]?(?:…|\.{3}|阅读全文|查看全文|查看详情|了解更多|readmore|more)[\])）】>»]*)*$", re.IGNORECASE
)
LINK = re.compile(r"<a\s[^<>]*>(.*?)</a>", re.DOTALL)
MARKUP = re.compile(r"<[^<>]*>")
Hunk = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed, by the words of Change.what, and how many *words* of the text; it is known again by its *marks*."""

    what: tuple[str, ...]
    words: int
    marks: frozenset[str] = frozenset()

    @property
    def matters(self) -> bool:
        """Whether who has read it should read it again."""
        return "title" in self.what or self.words > FEW_WORDS

    def only(self, marks: Collection[str]) -> "Difference | None":
        """As much of it as has one of *marks*; None: nothing."""
        shared = self.marks.intersection(marks)
        what = tuple(name for name in self.what if any(mark.startswith(name) for mark in shared))
        return Difference(what, self.words if "body" in what else 0, shared) if what else None


def compare(before: Told, after: Told, again: Told | None = None) -> Difference | None:
    """What changed from *before* to *after*; None: nothing. What *again*, read after *after*, says otherwise passes."""
    what: dict[str, Iterable[str]] = {}  # with the texts that tell it from another change
    if is_other_title(before.title, after.title) and (again is None or not is_other_title(after.title, again.title)):
        what["title"] = [_letters(after.title)]
    if _is_other_date(before, after) and (again is None or not _is_other_date(after, again)):
        what["date"] = [str(after.published)]
    words = _words_changed(before, after, again)
    if words:
        what["body"] = _sentences_changed(before, after, again)
    files = unsigned(after.files)
    if unsigned(before.files) != files and (again is None or unsigned(again.files) == files):
        what["attachments"] = ["\n".join(sorted(files))]
    pictures = _pictures(after)
    if _pictures(before) != pictures and (again is None or _pictures(again) == pictures):
        what["pictures"] = ["\n".join(sorted(pictures))]
    marks = (mark for name, texts in what.items() for mark in _marks(name, texts))
    return Difference(tuple(what), words, frozenset(marks)) if what else None


def is_cut(before: Told, after: Told) -> bool:
    """Whether *after* has the beginning of the text of *before*, and nothing else."""
    whole, part = ("".join(sentences(told)) for told in (before, after))
    # looked for at the end alone: of a text of points it would be looked for at each of them
    return whole != part and whole.startswith(part[:-LONGEST_CUT] + CUT.sub("", part[-LONGEST_CUT:]))


def is_another(before: Told, after: Told) -> bool:
    """Whether *after* is no edited *before* but something else that stands in its place: another article, a notice."""
    if not is_other_title(before.title, after.title):
        return False
    one, other = (_letters(title) for title in (before.title, after.title))
    if SequenceMatcher(None, one, other, autojunk=False).ratio() >= ALIKE:
        return False
    kept, text = set(sentences(after)), sentences(before)
    shared = sum(len(sentence) for sentence in text if sentence in kept)
    return shared <= KEPT * sum(map(len, text))


def state_of(told: Told) -> str:
    """A hash that two readings share if ``compare`` finds nothing between them."""
    said = [_letters(told.title), str(told.published), *sorted(unsigned(told.files)), "", *sorted(_pictures(told)), ""]
    digest = hashlib.blake2b("\n".join(said).encode("utf-8", "surrogatepass"), digest_size=12)
    digest.update("".join(sentences(told)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def file_key(file: Attachment) -> str:
    """What tells an attachment from another one, and from what it was."""
    return identity(file.url) + (f" {file.length}" if file.length is not None else "")


def unsigned(keys: Iterable[str]) -> set[str]:
    """*keys* of files without what a page may sign anew at each reading."""
    return {SIGNED.sub("", key) for key in keys}


def is_other_title(one: str, other: str) -> bool:
    """Whether two titles differ by more than how they are typed, or cut."""
    first, second = _letters(one), _letters(other)
    if first == second or not (first and second):
        return False
    for whole, cut, written in ((first, second, other), (second, first, one)):
        if written.rstrip().endswith(("...", "…")) and whole.startswith(cut):
            return False
    return True


def sentences(told: Told) -> list[str]:
    """The sentences of an article without what passes, each without white space."""
    links = {_squeezed(MARKUP.sub("", link)) for link in LINK.findall(told.html)} if "<a " in told.html else set()
    lines = [line for line in map(_squeezed, told.text.split("\n")) if line]
    return [
        sentence
        for line in _own(lines, links)
        for sentence in SENTENCE.findall(CLOCK.sub("", COUNTER.sub(r"\1", line)))
        if sentence
    ]


def _own(lines: Sequence[str], links: set[str]) -> Iterator[str]:
    """The *lines* that are the article's own; *links* are lines that lead elsewhere."""
    among_others = False
    for is_link, group in groupby(lines, links.__contains__):
        run = list(group)
        if is_link and (len(run) >= LEAST_LINKS or among_others):
            continue
        for line in run:
            if OTHERS.fullmatch(line):
                among_others = True
                continue
            if among_others and (is_link or len(line) <= LONGEST_LISTED) and not line.endswith(("。", "！", "？")):
                continue
            among_others = False
            if not (NEIGHBOUR.fullmatch(line) or LONE_COUNTER.fullmatch(line)):
                yield line


def _words_changed(before: Told, after: Told, again: Told | None) -> int:
    one, two = sentences(before), sentences(after)
    if "".join(one) == "".join(two):
        return 0
    # places in *two* where each reading says something else, and those where only some readings say anything
    passing, between = set[int](), set[int]()
    for start, end, _, _ in _hunks(two, sentences(again)) if again is not None else ():
        passing.update(range(start, end))
        between.update((start,) if start == end else ())
    words = 0
    for a, b, c, d in _hunks(one, two):
        if passing.isdisjoint(range(c, d)) and between.isdisjoint(range(c, d + 1)):
            words += _extent("".join(one[a:b]), "".join(two[c:d]))
        else:  # what is new beside it, and lasts
            lasting = (two[place] for place in range(c, d) if place not in passing)
            words += sum(len(WORD.findall(sentence)) for sentence in lasting if sentence not in one[a:b])
    return words


def _sentences_changed(before: Told, after: Told, again: Told | None) -> list[str]:
    """The sentences that came and, marked so, those that went; the whole where others only stand in their places."""
    one, two = sentences(before), sentences(after)
    come, gone = set(two) - set(one), set(one) - set(two)
    if again is not None:
        still = set(sentences(again))
        come, gone = come & still, gone - still
    return [*come, *(f"-{sentence}" for sentence in gone)] or ["".join(two)]


def _marks(name: str, texts: Iterable[str]) -> list[str]:
    """Hashes of *texts*; of many always the same ones, so that changes that share most of these share marks."""
    hashes = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest() for text in texts)
    return [f"{name} {hash_}" for hash_ in sorted(hashes)[:MOST_MARKS]]


def _hunks(one: Sequence[str], two: Sequence[str]) -> list[Hunk]:
    """Where *one* and *two* differ: (from, to) in each."""
    start, end = common_ends(one, two)
    a, b = one[start : len(one) - end], two[start : len(two) - end]
    if max(len(a), len(b)) > MOST_SENTENCES:
        return [(start, len(one) - end, start, len(two) - end)]
    found = [
        (i + start, j + start, k + start, m + start)
        for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        if tag != "equal"
    ]
    # a line broken elsewhere is no other text
    return [(i, j, k, m) for i, j, k, m in found if "".join(one[i:j]) != "".join(two[k:m])]


def _extent(before: str, after: str) -> int:
    """How many words differ."""
    one, two = WORD.findall(before), WORD.findall(after)
    if max(len(one), len(two)) > MOST_WORDS:
        return max(len(one), len(two))
    matcher = SequenceMatcher(None, one, two, autojunk=False)
    return sum(max(j - i, m - k) for tag, i, j, k, m in matcher.get_opcodes() if tag != "equal")


def _is_other_date(one: Told, other: Told) -> bool:
    if one.published is None or other.published is None:
        return False
    if one.precision == other.precision:
        return one.published != other.published
    # the start of a day, and a minute of it
    day, minute = (one, other) if one.precision == "day" else (other, one)
    return not timedelta(0) <= minute.published - day.published < timedelta(days=1)  # type: ignore[operator]


def _pictures(told: Told) -> set[str]:
    """The pictures by the names of their files: they move from server to server."""
    return {basename(urlsplit(url).path) or url for url in told.pictures}


def _letters(title: str) -> str:
    return SIGNS.sub("", unicodedata.normalize("NFKC", title)).casefold()


def _squeezed(text: str) -> str:
    return UNSEEN.sub("", unicodedata.normalize("NFKC", text))
