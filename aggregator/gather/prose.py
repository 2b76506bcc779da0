"""A tree that no rule fits -> the element where the prose of the article stands, by what texts look like.

Knows no system's names and no network. Sentences are prose; links, imprints and lines about the article are not.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.links import attachment
from aggregator.gather.title import about, squeezed
from aggregator.gather.tree import remove


@dataclass(frozen=True, slots=True)
class Prose:
    """Where the article stands. *heading*: the texts in *node* that come before it, its title, date and source."""

    node: LexborNode
    characters: float
    heading: tuple[LexborNode, ...]

    def cut_heading(self) -> None:
        """Moves the heading from inside *node* to before it, where title and date are looked for."""
        for text in self.heading:
            if text.is_text_node:
                self.node.insert_before(f"\n{text.text_content}\n")
        remove(self.heading)


def find_prose(tree: LexborHTMLParser, title: str) -> Prose | None:
    """The element that holds the prose after the title; None where there is none. *title* is what ``<title>`` says.

    One walk over the page. The title, or else the line about date and source, shows where to begin: in the smallest
    element around it that has prose after it. From there down to where most of the prose is, and up again as long as
    more of the article comes in and nothing else.
    """
    if tree.body is None:
        return None
    page = _walk(tree.body)
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
    heading = [text.node for text in page.texts[page.first[place] : border + 1]]
    return Prose(page.elements[place], page.prose[place], tuple(heading))


_CONTAINER_TAGS = "body div section article main td table tbody tr form center ul ol dl dd li blockquote"
_CONTAINERS = frozenset(_CONTAINER_TAGS.split())
_UNREAD_TAGS = "script style noscript template textarea select button option nav footer svg object"
_UNREAD = frozenset(_UNREAD_TAGS.split())
_PICTURES = frozenset(["img", "video", "audio", "embed", "iframe"])
_SENTENCE = re.compile(r"[，。；！？、,;!?]|\.\s")
_IMPRINT = re.compile(
    r"版权所有|copyright|©|all rights reserved|ICP备|公网安备|备案号|技术支持|保留所有权利|主办单位|邮政编码|您是第"
    r"|当前位置|现在位置",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"^\W{0,2}(?:通讯|通信|联系|学校)?(?:地\s*址|电\s*话|传\s*真|邮\s*编|邮\s*箱|e-?mail|tel|fax|add)\s*[:：]",
    re.IGNORECASE,
)
_ASIDE_NAMES = "foot footer bottom copyright nav menu sidebar header top breadcrumb comment comments related"
_ASIDE = frozenset(_ASIDE_NAMES.split())
_ASIDE_FACTOR = 0.2
_FILE_FACTOR = 0.25  # the names of files may stand below the article, or be all of it
_LEAST_PROSE = 8.0  # characters
_LEAST_AFTER_A_TITLE = 3.0  # 详见附件。 is an article
_WORDS = 20  # characters; what is shorter and has no comma is a cell, a heading, an entry of a menu
_HALF = 0.5
_PICTURE = 30.0  # a picture after the title says as much as so many characters
_DOMINANT = 0.6
_OUTWEIGHED, _OUTWEIGHED_BY = 4, 150.0  # what is near the title is no article beside four times as much elsewhere
_JUNK, _LEAST_JUNK = 0.3, 5
_SUBTITLE = 5.0
_COLUMN = 8  # characters: a linked text so short is the name of a column
_LIST = 3  # dates on a page; so many are of a list
# 时间 and 日期 are also of what the article announces, 编辑 stands below it
_SAYS_WHENCE = re.compile(r"发布|发表|发稿|更新|浏览|点击|阅读|访问|来\s*源|作\s*者")
_TIME = re.compile(r"\W{0,3}(?:时\s*间|日\s*期)")
_END = re.compile(
    r"\W{0,3}(?:相关(?:新闻|文章|阅读|链接|专题|信息|评论|推荐)|网友评论|发表评论|热门|热点|最新|推荐阅读"
    r"|[上下]一[篇条页]|分享到)"
)
_AFTER_THE_END = 0.1
_LETTER = re.compile(r"\w")
_TEMPLATE = re.compile(
    r"\.gif$|/(?:images?|img|css|styles?|assets|tpl|templates?|skins?|icons?|static|themes?)/[^/]*$", re.IGNORECASE
)
_FIRST = 3
_NEAR = 15  # texts between title and article at most


class _Text(NamedTuple):
    """A text node or picture: its element's place, its words, how much prose and how much junk."""

    owner: int
    node: LexborNode
    words: str
    prose: float = 0.0
    junk: int = 0
    linked: bool = False
    about: bool = False  # tells of the article: its date, its source


@dataclass(slots=True)
class _Page:
    """The walk: elements and texts in the order of the page; *prose* and *junk* are sums over all an element holds."""

    elements: list[LexborNode]
    parents: list[int]
    texts: list[_Text]
    first: list[int]  # the first text at or after the beginning of each element
    prose: list[float]
    junk: list[int]

    def heading_end(self, title: str) -> int:
        """The last text of the heading: the title, or what is said about date and source after it; -1 for none."""
        start = self._title_end(squeezed(title))
        if start < 0:
            return self._only_about()
        end, passed = start, 0.0
        for number in range(start + 1, min(start + _NEAR, len(self.texts))):
            text = self.texts[number]
            if not text.about:
                passed += 0.0 if text.words.startswith("—") else text.prose  # a subtitle
            elif passed < _SUBTITLE or _SAYS_WHENCE.search(text.words):
                end = number
            if passed >= _SUBTITLE * 2 or "。" in text.words:
                break
        return end

    def _title_end(self, title: str) -> int:
        length, end = 4, -1
        columns = {text.words for text in self.texts if text.linked and len(text.words) <= _COLUMN}
        for number, text in enumerate(self.texts):
            if len(text.words) < length or text.words in columns or (text.linked and end >= 0):
                continue
            words = squeezed(text.words)
            if title.startswith(words) and (len(words) > length or end < 0 or number < end + _NEAR):
                length, end = len(words), number
        while (
            0 <= end < len(self.texts) - 1
            and len(self.texts[end + 1].words) > 1
            and squeezed(self.texts[end + 1].words) in title
        ):
            end += 1  # a title in several elements
        return end

    def _only_about(self) -> int:
        """The one line of the page about date and source; a bare date stands in every item of a list, too."""
        lines = self._abouts()
        labelled = [number for number in lines if _SAYS_WHENCE.search(self.texts[number].words)]
        dated = [number for number in lines if self.texts[number].words[0].isdecimal()]
        return labelled[0] if labelled else dated[0] if 0 < len(dated) < _LIST else -1

    def _abouts(self) -> list[int]:
        return [number for number, text in enumerate(self.texts) if text.about]

    def weigh(self, border: int) -> None:
        """Sums up prose and junk per element, prose only after the text *border*."""
        self.prose = [0.0] * len(self.elements)
        self.junk = [0] * len(self.elements)
        read, factor = 0.0, 1.0
        for number, text in enumerate(self.texts):
            self.junk[text.owner] += text.junk
            if number > border and (border >= 0 or text.words):
                if border >= 0 and read >= _LEAST_AFTER_A_TITLE and _END.match(text.words):
                    factor = _AFTER_THE_END
                self.prose[text.owner] += text.prose * factor
                read += text.prose
        for place in range(len(self.elements) - 1, 0, -1):
            self.prose[self.parents[place]] += self.prose[place]
            self.junk[self.parents[place]] += self.junk[place]

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
        inside = (n for n in self._abouts() if first <= n < first + _FIRST and not _TIME.match(self.texts[n].words))
        before = (n for n in self._abouts() if first - _NEAR <= n < first)
        return max((*inside, *before), default=-1)

    def widened(self, place: int, region: int, border: int) -> int:
        """*place*, or the largest element around it in *region* that adds more of the article and little else."""
        while place > region:
            parent = self.parents[place]
            more_prose, more_junk = self.prose[parent] - self.prose[place], self.junk[parent] - self.junk[place]
            if self.first[parent] <= border or more_junk > _JUNK * more_prose + _LEAST_JUNK:
                break
            place = parent
        return place


def _walk(body: LexborNode) -> _Page:
    elements, parents, first = [body], [-1], [0]
    texts: list[_Text] = []
    todo: list[tuple[LexborNode, int, LexborNode | None, float]] = [(body, -1, None, 1.0)]
    while todo:
        node, parent, link, factor = todo.pop()
        tag = node.tag or ""
        if tag == "-text":
            words = " ".join((node.text_content or "").split())
            if words:
                texts.append(_weighed(parent, node, words, link, factor))
            continue
        if tag in _PICTURES:
            template = link is not None or _TEMPLATE.search(node.attributes.get("src") or "") is not None
            texts.append(_Text(parent, node, "", 0.0 if template else factor * _PICTURE))
            continue
        if tag in _UNREAD or tag.startswith("-"):
            continue
        if parent >= 0:
            elements.append(node)
            parents.append(parent)
            first.append(len(texts))
        place = len(elements) - 1
        attributes = node.attributes
        if "sudy-wp-src" in attributes or "pdfsrc" in attributes:
            texts.append(_Text(place, node, "", factor * _PICTURE))
        names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".lower().split()
        if tag == "header" or (names and not _ASIDE.isdisjoint(names)):
            factor *= _ASIDE_FACTOR
        child = node.last_child
        while child is not None:
            todo.append((child, place, node if tag == "a" else link, factor))
            child = child.prev
    return _Page(elements, parents, texts, first, [], [])


def _weighed(owner: int, node: LexborNode, words: str, link: LexborNode | None, factor: float) -> _Text:
    length = len(words)
    if link is not None:
        if attachment(link.attributes.get("href") or "", words) is None:
            return _Text(owner, node, words, junk=length, linked=True)
        factor *= _FILE_FACTOR
    if _IMPRINT.search(words):
        return _Text(owner, node, words, junk=length)
    if about(words):
        return _Text(owner, node, words, junk=length, about=True)
    if _CONTACT.search(words):
        return _Text(owner, node, words)
    whole = length >= _WORDS or _SENTENCE.search(words) is not None
    return _Text(owner, node, words, factor * len(_LETTER.findall(words)) * (1.0 if whole else _HALF))
