"""A story page and its address -> the address of the story's next page, where it is told on several.

Knows no rules and fetches nothing. The neighbours of an article, 上一篇 and 下一篇, are other stories.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.links import absolute
from aggregator.gather.title import squeezed


class Sequel(NamedTuple):
    """The *url* of the next page of a story, None on its last, and the nodes of the pager that leads to its pages."""

    url: str | None = None
    pager: tuple[LexborNode, ...] = ()


def find_sequel(html: str, tree: LexborHTMLParser, labels: Collection[str], url: str, base_url: str) -> Sequel:
    """The page after the one at *url*; *labels* are the texts of the page's links, squeezed.

    A link leads to a page of the story where it is called so and its address is that of this page with another number:
    ``1234.htm`` and ``1234_2.htm``, ``t2026_8.html`` and ``t2026_8_1.html``, ``page.htm`` and ``page2.htm``, ``?id=7``
    and ``?id=7&page=2``.
    """
    links = []
    if any(len(label) <= _LONGEST_LABEL and _LABEL.fullmatch(label) for label in labels):
        named = (link for link in tree.css("a[href]") if _LABEL.fullmatch(squeezed(link.text())))
        links = [(page, link) for link in named if (page := absolute(link.attributes.get("href"), base_url))]
    if not links and _CALL not in html:
        return Sequel()
    # the number at the end of an address may be the story's own
    for here in dict.fromkeys((_place(url), _place(url, numbered=False))):
        sequel = _among(links, here) or _of_script(html, here, url)
        if sequel:
            return sequel
    return Sequel()


class _Place(NamedTuple):
    """An address taken apart: what all pages of the story share, and the number; 0 where it has none."""

    story: str
    number: int


_LABEL = re.compile(
    r"[\[【(（第<«‹]{0,2}\d{1,2}[\]】)）页>»›]{0,2}|[\[【<«‹]{0,2}[上下前后]一?页[\]】>»›→]{0,3}|[>»›]{1,2}|next(?:page)?[>»›→]{0,2}",
    re.IGNORECASE,
)
_LONGEST_LABEL = 10
_MOST_PAGES = 100
_PARAMETERS = frozenset(["page", "p", "pageno", "pagenum", "pageindex", "pagenumber", "currentpage", "curpage", "pg"])
# two ways to number a file: page2.htm of page.htm (WebPlus), and most others
_FILE = re.compile(
    r"^(.*/(?:page|content)|.*?[^/_-])(?:(?<=page)|(?<=content)|[_-])(\d{1,2})(\.[a-z]{3,5})?$", re.IGNORECASE
)
_PAGER = re.compile(r"[\s\d首尾末上下一前后页第共/\[\]【】〖〗()（）<>«»‹›|…·.,:：全文阅读显示余\u3000\xa0-]*")
_LONGEST_PAGER = 200
_CALL = "createPageHTML"
_TRS = re.compile(
    r"createPageHTML\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*['\"]([\w-]{1,80})['\"]\s*,\s*['\"](\w{3,5})['\"]"
)


def _among(links: Sequence[tuple[str, LexborNode]], here: _Place) -> Sequel | None:
    places = [(_place(page), page, link) for page, link in links]
    pages = [(place.number, page, link) for place, page, link in places if place.story == here.story]
    pages = [page for page in pages if page[0] != here.number]
    numbers = {number for number, _, _ in pages}
    if not pages or (here.number > 1 and not numbers & {0, 1}):  # no way back to the first: the number is no page's
        return None
    following = next((number for number in _following(here.number) if number in numbers), None)
    return Sequel(next((page for number, page, _ in pages if number == following), None), tuple(_pager(pages[0][2])))


def _place(url: str, *, numbered: bool = True) -> _Place:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    numbers = [value for name, value in pairs if name.lower() in _PARAMETERS and value.isdecimal()]
    others = sorted(pair for pair in pairs if pair[0].lower() not in _PARAMETERS or not pair[1].isdecimal())
    path = parts.path
    if numbers:
        return _Place(f"{parts.hostname}{path}?{others}", min(int(numbers[0][:4]), _MOST_PAGES))
    number = 0
    if numbered and (found := _FILE.match(path)):
        path, number = f"{found[1]}{found[3] or ''}", int(found[2])
    return _Place(f"{parts.hostname}{path}?{others}", number)


def _following(number: int) -> tuple[int, ...]:
    """What the next page may be numbered: the first often has no number, the second is then 2, with TRS 1."""
    return (number + 1,) if number else (2, 1)


def _of_script(html: str, here: _Place, url: str) -> Sequel | None:
    """TRS lets a script write the pager: ``createPageHTML(3, 0, "t20260612_8227704", "html")``, pages and this one."""
    call = _TRS.search(html) if _CALL in html else None
    if not call or int(call[2]) + 1 >= min(int(call[1]), _MOST_PAGES):
        return None
    page = absolute(f"{call[3]}_{int(call[2]) + 1}.{call[4]}", url)
    return Sequel(page) if page and _place(page) == _Place(here.story, here.number + 1) else None


def _pager(link: LexborNode) -> Iterator[LexborNode]:
    """The largest element around *link* that holds nothing but a pager, and what of the pager stands beside it."""
    pager = link
    while pager.parent is not None and pager.parent.tag != "body" and _is_pager(pager.parent):
        pager = pager.parent
    yield pager
    for step in ("prev", "next"):
        node: LexborNode | None = getattr(pager, step)
        while node is not None and _is_pager(node):
            yield node
            node = getattr(node, step)


def _is_pager(node: LexborNode) -> bool:
    words = node.text() if node.is_element_node else node.text_content or ""
    return (
        len(words) <= _LONGEST_PAGER
        and _PAGER.fullmatch(words) is not None
        and not (node.is_element_node and node.css_first("img, video, script") is not None)
    )
