"""A tree that no rule fits -> the element where the prose of the article stands, by what texts look like.

Knows no system's names and no network. Sentences are prose; links, imprints and lines about the article are not.
"""

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.title import bare, is_name, remnant, squeezed, standing
from aggregator.gather.tree import remove
from aggregator.gather.weight import Text, is_imprint, walk


@dataclass(frozen=True, slots=True)
class Prose:
    """Where the article stands. *heading* and *ending*: the texts and pictures in *node* that come before and after."""

    node: LexborNode
    characters: float
    heading: tuple[LexborNode, ...]
    ending: tuple[LexborNode, ...]

    @property
    def length(self) -> int:
        """Characters of text in *node* without heading and ending."""
        around = sum(len(text.text_content or "") for text in (*self.heading, *self.ending) if text.is_text_node)
        return len(self.node.text()) - around

    def cut(self) -> None:
        """Moves heading and ending from inside *node* to before and after it, where title and date are looked for."""
        for text in self.heading:
            if text.is_text_node:
                self.node.insert_before(f"\n{text.text_content}\n")
        for text in reversed(self.ending):
            if text.is_text_node:
                self.node.insert_after(f"\n{text.text_content}\n")
        remove([*self.heading, *self.ending, *(node for node in self.node.css(_BESIDE) if node != self.node)])


def find_prose(tree: LexborHTMLParser, title: str) -> Prose | None:
    """The element that holds the prose after the title; None where there is none. *title* is what ``<title>`` says.

    One walk over the page. The title, or else the line about date and source, shows where to begin: in the smallest
    element around it that has prose after it. From there down to where most of the prose is, and up again as long as
    more of the article comes in and nothing else.
    """
    if tree.body is None:
        return None
    page = _Page(*walk(tree.body))
    border = page.heading_end(title)
    page.weigh(border)
    if border >= 0 and page.prose[0] < _LEAST_AFTER_A_TITLE:
        border = -1
        page.weigh(border)
    if page.prose[0] < (_LEAST_PROSE if border < 0 else _LEAST_AFTER_A_TITLE):
        return None
    region = page.region(border)
    place = page.densest(region)
    if border < 0:
        border = page.about_before(place)
    place = page.widened(place, region, border)
    begin, end = page.first[place], page.end(place)
    heading = [text.node for text in page.texts[begin : border + 1]]
    ending = [text.node for text in page.texts[page.closing(max(begin, border + 1), end) : end]]
    return Prose(page.elements[place], page.prose[place], tuple(heading), tuple(ending))


_CONTAINER_TAGS = "body div section article main td table tbody tr form center ul ol dl dd li blockquote"
_CONTAINERS = frozenset(_CONTAINER_TAGS.split())
_BESIDE = "nav, footer"
_LEAST_PROSE = 8.0  # characters
_LEAST_AFTER_A_TITLE = 3.0  # 详见附件。 is an article
_DOMINANT = 0.6
_OUTWEIGHED, _OUTWEIGHED_BY = 4, 150.0  # what is near the title is no article beside four times as much elsewhere
_JUNK, _LEAST_JUNK = 0.3, 5
_PART = 0.2  # so much of the article outside of its element is worth a heading to be cut
_SUBTITLE = 5.0
_SHORTEST_TITLE = 4
_LITTLE = 20
_TITLE = 40.0  # so much prose before the line about date and source may be a title
_SMALL = frozenset(["li", "span", "i", "em", "b", "small", "td", "dd", "font", "a"])
_COLUMN = 8  # characters: a linked text so short is the name of a column
_LIST = 3  # dates on a page; so many are of a list
# 时间 and 日期 are also of what the article announces, 编辑 stands below it
_SAYS_WHENCE = re.compile(r"发布|发表|发稿|更新|浏览|点击|阅读|访问|来\s*源|作\s*者")
_YEAR = re.compile(r"(?:19|20)\d\d")
_TIME = re.compile(r"\W{0,3}(?:时\s*间|日\s*期)")
_OTHERS = "新闻|文章|阅读|信息|资讯|内容|报道|专题|通知|公告|动态|推荐|评论|排行"
_DATED = re.compile(
    r"\W{0,3}(?:(?:时\s*间|日\s*期)\s*[:：]\s*)?(?:19|20)\d\d\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}日?"
    r"(?:\s+\d{1,2}:\d\d(?::\d\d)?)?\W{0,3}"
)
_END = re.compile(
    rf"\W{{0,3}}(?:(?:相关|热门|热点|最新|推荐|更多|点击|图片){{1,2}}(?:{_OTHERS}){{1,2}}\W{{0,3}}$|网友评论|发表评论|我要评论"
    r"|(?:相关链接|热点|猜你喜欢|友情链接|分享到|扫一扫\w{0,12})\W{0,3}$|[上下前后]一[篇条页则个](?:\W|$|新闻|文章)|[上下]篇\s*[:：])"
)
_AFTER_THE_END = 0.1
_FIRST = 3
_NEAR = 15  # texts between title and article at most


@dataclass(slots=True)
class _Page:
    """The walk: elements and texts in the order of the page; *prose* and *junk* are sums over all an element holds."""

    elements: list[LexborNode]
    parents: list[int]
    texts: list[Text]
    first: list[int]  # the first text at or after the beginning of each element
    prose: list[float] = field(default_factory=list)
    junk: list[int] = field(default_factory=list)
    ending: int = -1  # the first text after the article: what is related, who comments, whose page it is

    def heading_end(self, title: str) -> int:
        """The last text of the heading: the title, or what is said about date and source after it; -1 for none."""
        document = squeezed(title)
        start = self._title_end(document)
        if start < 0:
            return self._only_about()
        end, passed = start, 0.0
        for number in range(start + 1, min(start + _NEAR, len(self.texts))):
            text = self.texts[number]
            if not text.about:
                # a subtitle, or the title again
                again = text.words.startswith("—") or (end == start and "" != bare(text.words) in document)
                passed += 0.0 if again else text.prose
            elif passed < _SUBTITLE or _SAYS_WHENCE.search(text.words):
                end = number
            if passed >= _SUBTITLE * 2 or "。" in text.words:
                break
        return self._with_remnants(end) if end > start else end

    def _with_remnants(self, end: int) -> int:
        """The last of the texts after *end*, a line about the article, that belong to the line."""
        for number in range(end + 1, min(end + _NEAR, len(self.texts) - 1)):
            words = self.texts[number].words
            counts = words.isdecimal() and (
                self.texts[number - 1].words.endswith((":", "：", "[")) or self.texts[number + 1].words.startswith("次")
            )
            # 教务处 and 1024 without a label, beside the date
            beside = self._row(number) == self._row(end) and (words.isdecimal() or is_name(words))
            counts = counts or beside
            if not words or not (self.texts[number].about or remnant(words) or counts):
                return number - 1
        return end

    def _row(self, number: int) -> int:
        """The element that holds the small element of a text."""
        owner = self.texts[number].owner
        return self.parents[owner] if self.elements[owner].tag in _SMALL else -number

    def _title_end(self, document: str) -> int:
        best, end = (True, False, 3), -1
        columns = {text.words for text in self.texts if text.linked and len(text.words) <= _COLUMN}
        for number, text in enumerate(self.texts):
            if len(text.words) < _SHORTEST_TITLE or text.words in columns or (text.linked and end >= 0):
                continue
            found = standing(bare(text.words), document)
            if found and (found > best or (found == best and not self._told(end, number))):
                best, end = found, number
        while (
            0 <= end < len(self.texts) - 1
            and len(self.texts[end + 1].words) > 1
            and squeezed(self.texts[end + 1].words) in document
        ):
            end += 1  # a title in several elements
        return end

    def _told(self, title: int, number: int) -> bool:
        """Whether date or source stand between the texts, or too much else: then the title is said again."""
        return number >= title + _NEAR or any(text.about for text in self.texts[title:number])

    def _only_about(self) -> int:
        """The one line of the page about date and source; a bare date stands in every item of a list, too."""
        lines = self._abouts()
        labelled = [number for number in lines if _SAYS_WHENCE.search(self.texts[number].words)]
        dated = [number for number in lines if _DATED.fullmatch(self.texts[number].words)]
        dated = [number for number in dated if _TIME.match(self.texts[number].words)] or dated
        first = labelled[0] if labelled else dated[0] if 0 < len(dated) < _LIST else -1
        prose = [text.prose for text in self.texts]
        if first < 0 or sum(prose[first + 1 :]) < _LEAST_AFTER_A_TITLE:
            return -1
        title = max((text.prose for text in self.texts[:first] if "。" not in text.words), default=0.0)
        if sum(prose[:first]) - title > 2 * sum(prose[first + 1 :]) + _LITTLE:  # it stands below the article
            return -1
        return self._with_remnants(first)

    def _abouts(self) -> list[int]:
        return [number for number, text in enumerate(self.texts) if text.about]

    def weigh(self, border: int) -> None:
        """Sums up prose and junk per element, prose only after the text *border*."""
        self.prose = [0.0] * len(self.elements)
        self.junk = [0] * len(self.elements)
        self.ending = self._ending(border)
        for number, text in enumerate(self.texts):
            after_the_end = 0 <= self.ending <= number  # is cut out wherever it stands
            self.junk[text.owner] += 0 if after_the_end or number <= border else text.junk
            if number > border and (border >= 0 or text.words):
                self.prose[text.owner] += text.prose * (_AFTER_THE_END if after_the_end else 1.0)
        for place in range(len(self.elements) - 1, 0, -1):
            self.prose[self.parents[place]] += self.prose[place]
            self.junk[self.parents[place]] += self.junk[place]

    def _ending(self, border: int) -> int:
        """The first text after the article, -1 where none says so: a neighbour, a box of other news, an imprint."""
        read = 0.0
        if border < 0:
            return -1
        for number in range(border + 1, len(self.texts)):
            words = self.texts[number].words
            if read >= _LEAST_AFTER_A_TITLE and (_END.match(words) or is_imprint(words)):
                rest = sum(text.prose for text in self.texts[number:])
                return number if rest <= _OUTWEIGHED * read + _OUTWEIGHED_BY else -1
            read += self.texts[number].prose
        return -1

    def closing(self, begin: int, end: int) -> int:
        """Where of the texts from *begin* to *end* those begin that are no part of the article."""
        closing = max(self.ending, begin) if self.ending >= 0 else end
        last = min(closing, end)
        first = last
        while first > begin and self.texts[first - 1].about:
            first -= 1
        while first < last and not _SAYS_WHENCE.search(self.texts[first].words):
            first += 1  # a bare date is that of the signature
        return first if any(_YEAR.search(text.words) for text in self.texts[first:last]) else last

    def end(self, place: int) -> int:
        """The text after the last one in the element at *place*."""
        last = place + 1
        while last < len(self.elements) and self.parents[last] >= place:
            last += 1
        number = self.first[place]
        while number < len(self.texts) and place <= self.texts[number].owner < last:
            number += 1
        return number

    def region(self, border: int) -> int:
        """The smallest element around the text *border* that holds the article, the page where there is no border."""
        if border < 0:
            return 0
        place = self.texts[border].owner
        while place and (self.prose[place] < _LEAST_AFTER_A_TITLE or self._outweighed(place)):
            place = self.parents[place]
        return place

    def _outweighed(self, place: int) -> bool:
        outside = self.prose[0] - self.prose[place]
        return outside > _OUTWEIGHED_BY and outside > _OUTWEIGHED * self.prose[place]

    def densest(self, region: int) -> int:
        """The smallest container in *region* that most of its prose stands in."""
        best = [0] * len(self.elements)
        for place in range(region + 1, len(self.elements)):
            parent = self.parents[place]
            if self.elements[place].tag in _CONTAINERS and (
                not best[parent] or self.prose[place] > self.prose[best[parent]]
            ):
                best[parent] = place
        place = region
        while best[place] and self.prose[best[place]] >= _DOMINANT * self.prose[place]:
            place = best[place]
        return place

    def about_before(self, place: int) -> int:
        """The last line about date and source shortly before the article or among its first texts, -1 where none is."""
        first = self.first[place]
        inside = [n for n in self._abouts() if first <= n < first + _FIRST and not _TIME.match(self.texts[n].words)]
        inside = [n for n in inside if sum(text.prose for text in self.texts[first:n]) <= _TITLE]
        before = (n for n in self._abouts() if first - _NEAR <= n < first)
        return max((*inside, *before), default=-1)

    def widened(self, place: int, region: int, border: int) -> int:
        """*place*, or the largest element around it in *region* that adds more of the article and little else."""
        while place > region:
            parent = self.parents[place]
            more_prose, more_junk = self.prose[parent] - self.prose[place], self.junk[parent] - self.junk[place]
            if self.first[parent] <= border and more_prose < _PART * self.prose[place]:
                break
            if more_junk > _JUNK * more_prose + _LEAST_JUNK:
                break
            place = parent
        return place
