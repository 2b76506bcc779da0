"""The controls that turn the pages of a list -> the address of the next page. Knows no network and no rows.

What only a script of the page knows is worked out where the page says how: TRS counts its pages aloud.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.links import absolute

_ARROWS = r"[\s<>«»‹›←→]*"
PAGER = re.compile(
    rf"{_ARROWS}(?:(?:首|上|前|下|后|尾|末|第|共)?一?[页頁]|末尾|\d{{1,4}}"
    rf"|(?:previous|next|first|last|end|pre)\s*(?:page)?)?{_ARROWS}",
    re.IGNORECASE,
)
_TURNS = re.compile(r"[上下前后後尾末]一?[页頁]|page|next|prev", re.IGNORECASE)
NO_ADDRESS = re.compile(r"\s*(?:#(?!/)|javascript:|mailto:|tel:|data:|$)", re.IGNORECASE)
_NEXT = re.compile(r"\s*(?:下一?[页頁]|[后後]一?[页頁]|next\s*(?:page)?)[\s>»›→]*", re.IGNORECASE)
_ARROW = re.compile(r"\s*(?:>|›|»|→|>>)\s*")
# TRS: createPageHTML(pages, this one from 0, "index", "html"); others put an element first and count from 1
_CALL = re.compile(
    r"createPageHTML\(\s*(?:[\"'][\w#.-]*[\"']\s*,\s*)?(\d{1,6})\s*,\s*(\d{1,6})\s*,"
    r"\s*[\"']([\w./-]{1,80})[\"']\s*,\s*[\"'](\w{1,8})[\"']"
)


Pager = tuple[LexborNode, str]  # a link that reads like a pager's, and what it says


def named(link: LexborNode) -> str:
    """What is said of *link* that shows no text: a picture, or a mark made by a style."""
    picture = link.css_first("img[alt]")
    said = link.attributes.get("title") or (picture.attributes.get("alt") if picture is not None else None) or ""
    return " ".join(said.split())


def turns(pager: Pager) -> bool:
    """Whether *pager* turns pages for sure: a number alone may be a slide's, 首页 alone the site's."""
    return _TURNS.search(pager[1]) is not None


def next_page(tree: LexborHTMLParser, pagers: Sequence[Pager], html: str, base: str, url: str) -> str | None:
    """The address behind 下一页, else behind the number after this page's, else behind an arrow.

    *html* is the page with its scripts. None on the last page, and where only a script knows the next.
    """
    words = (link for link, text in pagers if _NEXT.fullmatch(text))
    marked = (link for link in tree.css("link[rel=next][href], a[rel=next][href]"))
    numbers = (link for link, text in pagers if _follows_this_page(link, text, base, url))
    arrows = (link for link, text in pagers if _ARROW.fullmatch(text))
    for links in (words, marked, numbers, arrows):
        for link in links:
            if target := _other_page(link, base, url):
                return target
    return _counted(html, base, url)


def _other_page(link: LexborNode, base: str, url: str) -> str | None:
    """Where *link* leads: to another page of this host, or None."""
    target = absolute(link.attributes.get("href"), base)
    if target is None or urlsplit(target).hostname != urlsplit(url).hostname:
        return None
    return None if target.partition("#")[0] == url.partition("#")[0] else target


def _follows_this_page(link: LexborNode, text: str, base: str, url: str) -> bool:
    """Whether *text* is a number, and the number before it in the pager is this page's: it leads nowhere else."""
    if not text.isdecimal():
        return False
    box: LexborNode | None = link
    while box is not None and _before(box) is None and box.tag in ("a", "span", "li"):
        box = box.parent
    before = _before(box) if box is not None else None
    if before is None or before.text(separator=" ").strip() != str(int(text) - 1):
        return False
    links = [before] if before.tag == "a" else before.css("a[href]")
    return not any(
        _other_page(other, base, url) for other in links if not NO_ADDRESS.match(other.attributes.get("href") or "")
    )


def _before(node: LexborNode) -> LexborNode | None:
    before = node.prev
    while before is not None and not before.text(separator=" ").strip():
        before = before.prev
    return before


def _counted(html: str, base: str, url: str) -> str | None:
    """The page after this one where a script is told how many there are and what they are called."""
    call = _CALL.search(html) if "createPageHTML" in html else None
    if call is None:
        return None
    count, this, name, extension = int(call[1]), int(call[2]), call[3], call[4]
    from_one = this == 1 and not urlsplit(url).path.endswith(f"_1.{extension}")
    if this + 1 >= count + from_one:
        return None
    return absolute(f"{name}_{this + 1}.{extension}", base)
