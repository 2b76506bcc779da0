"""A page's tree -> the element that holds the article. Rules first; where none fits, the place where the prose is.

Knows no addresses, no dates and no network. Changes the tree: what is no part of the article is cut out of it.
"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.prose import Prose, find_prose
from aggregator.gather.tree import remove, select
from aggregator.model import ArticleRule, Family


class Container(NamedTuple):
    """The element that holds the article. *empty*: a rule knows it, and nothing is in it."""

    node: LexborNode
    empty: bool = False


def find_body(
    tree: LexborHTMLParser, title: str, rule: ArticleRule | None, families: Sequence[Family]
) -> Container | None:
    """Where the article stands: by the site's own *rule*, the *families* in their order, then by general reading.

    *title* is what ``<title>`` says. None where the page has no prose, picture or player that could be an article.
    """
    empty = None
    named = [family.article for family in families if family.marks]
    for known in ([rule] if rule else []) + named:
        found, first_empty = _by_rule(tree, known.body)
        if found:
            return Container(found)
        empty = empty or first_empty
    reading = find_prose(tree, title)
    if empty and (reading is None or reading.characters < _PROSE_BESIDE_AN_EMPTY_BODY):
        return Container(empty, empty=True)
    if reading is None:
        return None
    for family in families:
        if not family.marks:  # names that many sites use, not always for the article
            found, _ = _by_rule(tree, family.article.body)
            if found and _agree(found, reading):
                return Container(found)
    reading.cut()
    return Container(reading.node)


def remove_surroundings(body: LexborNode, selectors: Sequence[str]) -> None:
    """Cuts out of *body* what *selectors* find, and lines that lead elsewhere: 上一篇, 分享到, 浏览次数, 关闭窗口."""
    going = [node for selector in (_SHARING, *selectors) for node in select(body, selector)]
    if _SURROUNDING_WORD.search(body.text()):
        lines = (node for node in body.traverse(include_text=True) if node.is_text_node and _is_surrounding(node))
        for text in islice(lines, _MOST):
            going += _line_of(text, body)
    remove(node for node in going if node.mem_id != body.mem_id)


def shows_something(node: LexborNode) -> bool:
    """Whether a reader sees anything there: words, a picture, a player."""
    return len(node.text().strip()) >= _LEAST_TEXT or node.css_first(_VISIBLE) is not None


_LEAST_TEXT = 2
_VISIBLE = "img, video, audio, embed, object, iframe, script, [pdfsrc], [sudy-wp-src]"  # the scripts left are players
_PROSE_BESIDE_AN_EMPTY_BODY = 150
_SHARING = ".bdsharebuttonbox, .bdshare, #bdshare, .bshare-custom, .jiathis_style, .social-share, .share-component"
_SURROUNDING_WORD = re.compile(
    r"[上下前后]一|[上下]篇|分享|次数|点击|阅读|浏览|访问|关闭|打印|返回|收藏|字[体号]|附件【|已下载"
)
_NEIGHBOUR = re.compile(
    r"[\s\[【(（<«·•]*(?:[上下前后]一[条篇页则个]|[上下]篇)(?:新闻|文章|信息|通知|公告)?[】\]）)]?\s*(?:[:：]|$|没有|无)"
)
_CONTROL = re.compile(
    r"[\s\[【(（<«·•]*(?:"
    r"(?:浏览|点击|阅读|访问)(?:次数|量|数|率)[】\]）)]?\s*[:：]\s*\[?\s*\d{0,9}\s*\]?\s*次?\s*$"
    r"|(?:浏览|点击|阅读|访问)\s*[:：]\s*\[?\s*\d{1,9}\s*\]?\s*次?\s*$"
    r"|(?:分享到|分享至|一键分享|分享)\s*[:：]?\s*$"
    r"|(?:(?:关闭窗口|关闭本页|关闭|打印本页|打印此页|打印|返回顶部|返回列表|返回上一页|加入收藏|收藏本页)[\s【】\[\]）)|]*){1,6}$"
    r"|字[体号](?:大小)?\s*[:：]\s*(?:[\[【]|[大小](?!\w))"
    r"|[】\]]\s*已?下载\s*(?:$|\d|次)"
    r")"
)
_NONE = re.compile(r"没有|无")
_LONGEST_LINE = 150
_LITTLE = 60
_LINE_TAGS = "p div li tr td th dd dt h1 h2 h3 h4 h5 h6 ul table center section"
_LINES = frozenset(_LINE_TAGS.split())
_MOST = 50  # of one kind that are looked at; a page with more plays with us


def _by_rule(tree: LexborHTMLParser, selectors: Sequence[str]) -> tuple[LexborNode | None, LexborNode | None]:
    """The element the first fitting selector finds, and the first one that is empty."""
    empty = None
    together = len(selectors) > 1 and not any(selector.startswith(("/", "./")) for selector in selectors)
    if together and not select(tree, ", ".join(selectors)):
        return None, None  # most pages have none of them
    for selector in selectors:
        nodes = select(tree, selector)[:_MOST]
        full = [node for node in nodes if shows_something(node)]
        if full:
            return _innermost(max(full, key=_rank), selectors), empty
        empty = empty or (nodes[0] if nodes else None)
    return None, empty


def _rank(node: LexborNode) -> int:
    """More text is more article; a few words more are none, then the first of the page wins."""
    return len(node.text()) // 50


def _innermost(node: LexborNode, selectors: Sequence[str]) -> LexborNode:
    """VSB may put one body around the other, with 上一条 and the files between them; the inner one is the text."""
    text = node.text()
    for selector in selectors:
        for inner in select(node, selector)[:_MOST]:
            if inner.mem_id != node.mem_id and shows_something(inner):
                between = text.replace(inner.text(), "")
                if not between.strip() or (
                    len(between) <= len(text) / 2 + _LONGEST_LINE and _SURROUNDING_WORD.search(between)
                ):
                    return inner
    return node


def _agree(named: LexborNode, general: Prose) -> bool:
    """A vague name is believed where it holds half to twice of what general reading found."""
    ours, theirs = len(named.text()), general.length
    return ours * 2 >= theirs and ours <= theirs * 2 + _LITTLE


def _is_surrounding(text: LexborNode) -> bool:
    words = text.text_content or ""
    return _NEIGHBOUR.match(words) is not None or _CONTROL.match(words) is not None


def _line_of(text: LexborNode, body: LexborNode) -> list[LexborNode]:
    """The block around *text* if it is a line, else what stands in that block from *text* on to the line's end."""
    beginning, block = text, text.parent
    while block is not None and block.tag not in _LINES and block.mem_id != body.mem_id:
        beginning, block = block, block.parent
    if block is None:
        return []
    if _NEIGHBOUR.match(text.text_content or "") and not block.css_first("a") and not _NONE.search(block.text()):
        return []  # 上篇：is a chapter's heading, too
    if block.mem_id != body.mem_id and len(block.text().strip()) <= _LONGEST_LINE:
        return [block]
    line = []
    node: LexborNode | None = beginning
    while node is not None and node.tag != "br" and node.tag not in _LINES and len(node.text()) <= _LONGEST_LINE:
        line.append(node)
        node = node.next
    return line
