"""A page's tree -> its texts and pictures in order, each with how much prose and how much junk it is.

Knows no titles and no rules. A sentence is prose, a link, an imprint or a line about the article is not.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from aggregator.gather.links import attachment
from aggregator.gather.media import picture
from aggregator.gather.title import about


class Walk(NamedTuple):
    """The *elements* of a page and the places of their *parents*, the *texts*, and each element's *first* text."""

    elements: list[LexborNode]
    parents: list[int]
    texts: list["Text"]
    first: list[int]  # or the next after the beginning of an element without texts


class Text(NamedTuple):
    """A text node or picture: its element's place, its words, how much prose and how much junk."""

    owner: int
    node: LexborNode
    words: str
    prose: float = 0.0
    junk: int = 0
    linked: bool = False
    about: bool = False  # tells of the article: its date, its source


def walk(body: LexborNode) -> Walk:
    """The elements and texts of *body*, without what no reader sees as text: styles, fields of forms, menus."""
    elements: list[LexborNode] = []
    parents: list[int] = []
    first: list[int] = []
    texts: list[Text] = []
    todo: list[tuple[LexborNode, int, LexborNode | None, float]] = [(body, -1, None, 1.0)]
    while todo and len(texts) < _MOST_TEXTS:
        node, parent, link, factor = todo.pop()
        tag = node.tag or ""
        if parent >= 0 and (following := node.next) is not None:  # one by one: 300,000 nodes at once are 50 MB
            todo.append((following, parent, link, factor))
        if tag == "-text":
            words = " ".join((node.text_content or "").split())
            if words:
                texts.append(_weighed(parent, node, words, link, factor))
        if tag in _PICTURES:
            texts.append(_pictured(parent, node, link, factor))
        if tag in _UNREAD or tag.startswith("-"):
            continue
        place = len(elements)
        elements.append(node)
        parents.append(parent)
        first.append(len(texts))
        attributes = node.attributes
        if not _PLAYING.isdisjoint(attributes):
            texts.append(Text(place, node, "", factor * _PICTURE))
        if _is_aside(tag, attributes):
            factor *= _ASIDE_FACTOR
        child = node.first_child
        if child is not None:
            todo.append((child, place, node if tag == "a" else link, factor))
    return Walk(elements, parents, texts, first)


def _pictured(owner: int, node: LexborNode, link: LexborNode | None, factor: float) -> Text:
    """A picture or player; what is the page's, a logo, a spacer, an icon, says nothing."""
    shown = picture(node.attributes, _ANY_ADDRESS) if node.tag == "img" else ""
    template = link is not None or shown is None or _TEMPLATE.search(shown) is not None
    return Text(owner, node, "", 0.0 if template else factor * _PICTURE)


def _is_aside(tag: str, attributes: Mapping[str, str | None]) -> bool:
    if tag == "header" or not attributes:
        return tag == "header"
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".lower().split()
    return not _ASIDE.isdisjoint(names)


def is_imprint(words: str) -> bool:
    """Whether *words* are of the page, 版权所有 or 技术支持：, not of the article, which may use them in a sentence."""
    return _IMPRINT.match(words) is not None


_UNREAD_TAGS = "style noscript template textarea select button option nav footer svg"
_PICTURES = frozenset(["img", "video", "audio", "embed", "object", "iframe", "script"])  # the scripts left are players
_UNREAD = _PICTURES.union(_UNREAD_TAGS.split())
_ANY_ADDRESS = "http://localhost/"
_SENTENCE = re.compile(r"[，。；！？、,;!?]|\.\s")
_IMPRINT = re.compile(
    r"[^。]{0,60}(?:版权所有|copyright|©|all rights reserved|ICP备|公网安备|备案序?号|技术支持\s*[:：]|保留所有权利"
    r"|您是第\W{0,3}\d*\W{0,3}位)[^。]*$",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(
    r"[^。]{0,20}(?:主办单位|邮政编码|当前位置|现在位置)[^。]*$|\W{0,2}附件\W{0,2}$"
    r"|[^。]{0,20}下载\s*(?:次数)?\W{0,3}\d{0,9}\W{0,3}次?$"
)
_CONTACT = re.compile(
    r"^\W{0,2}(?:通讯|通信|联系|学校)?(?:地\s*址|电\s*话|传\s*真|邮\s*编|邮\s*箱|e-?mail|tel|fax|add)\s*[:：]",
    re.IGNORECASE,
)
_LONGEST_IMPRINT = 200
_ASIDE_NAMES = "foot footer bottom copyright nav menu sidebar header top breadcrumb comment comments related"
_ASIDE = frozenset(_ASIDE_NAMES.split())
_ASIDE_FACTOR = 0.2
_PLAYING = frozenset(("sudy-wp-src", "sudyplayer", "pdfsrc"))
_FILE = 5.0  # the names of files may stand below the article, or be all of it
_WORDS = 20  # characters; what is shorter and has no comma is a cell, a heading, an entry of a menu
_HALF = 0.5
_CELL = 7  # characters; a name, a number
_PICTURE = 30.0  # a picture after the title says as much as so many characters
_LETTER = re.compile(r"\w")
_MOST_TEXTS = 50_000  # a page with more shows by these where its article stands
_SAMPLE = 20_000  # characters whose letters are counted; the rest of a text is like them
_TEMPLATE = re.compile(
    r"\.gif$|/(?:images?|img|css|styles?|assets|tpl|templates?|skins?|icons?|static|themes?)/[^/]*$", re.IGNORECASE
)


def _weighed(owner: int, node: LexborNode, words: str, link: LexborNode | None, factor: float) -> Text:
    length = len(words)
    if link is not None:
        if attachment(link.attributes.get("href") or "", words) is None:
            return Text(owner, node, words, junk=length, linked=True)
        return Text(owner, node, words, factor * _FILE)
    if length <= _LONGEST_IMPRINT and (is_imprint(words) or _NO_PROSE.match(words)):
        return Text(owner, node, words, junk=length)
    if "。" not in words and about(words):
        return Text(owner, node, words, junk=length, about=True)
    if _CONTACT.search(words):
        return Text(owner, node, words)
    whole = length >= _WORDS or _SENTENCE.search(words) is not None
    letters = len(_LETTER.findall(words[:_SAMPLE])) * max(1.0, length / _SAMPLE)
    return Text(owner, node, words, factor * letters * (1.0 if whole else _HALF if letters > _CELL else _HALF / 2))
