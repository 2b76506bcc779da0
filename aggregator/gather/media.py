"""An element that shows a picture, a film or a document -> the address behind it, as a script would have found it.

Knows VSB's and WebPlus's players and the attributes of lazy loaders; writes no HTML and fetches nothing.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from aggregator.gather.links import absolute, attachment


class Player(NamedTuple):
    """What an element plays.

    A "page" is a player elsewhere, a "file" a document shown in the page, a "formula" TeX, its *title*, to be set.
    """

    kind: Literal["video", "audio", "page", "file", "formula"]
    url: str
    title: str


def picture(attributes: Mapping[str, str | None], base_url: str) -> str | None:
    """The address of an ``<img>``; None for placeholders, spacers, counters and the icons of file types."""
    if not _TRACKING_SIZES.isdisjoint((attributes.get("width"), attributes.get("height"))):
        return None
    first_of_set = (attributes.get("srcset") or attributes.get("data-srcset") or "").split(",")[0].split(" ")[0]
    for value in (*map(attributes.get, (*_LAZY, "src", *_NOTED)), first_of_set):
        if value and not value.startswith(("{", "data:")):
            url = absolute(value, base_url)
            if url and not _PLACEHOLDER.search(url):
                return None if _FILE_ICON.search(url) else url
    return None


def player(node: LexborNode, base_url: str) -> Player | None:
    """What *node*, an element of one of PLAYERS, plays; None where it plays nothing."""
    attributes = node.attributes
    found: tuple[tuple[str, str | None], ...]
    match node.tag:
        case "script" if (attributes.get("type") or "").lower().startswith(FORMULA_TYPE):
            tex = node.text().strip()
            display = "display" in (attributes["type"] or "")
            return Player("formula", "", rf"\[{tex}\]" if display else rf"\({tex}\)")
        case "script":
            call = _VSB_PDF.search(node.text())
            found = (("video", attributes.get("vurl")), ("file", call[1] if call else None))
        case "iframe":
            found = (("page", attributes.get("src")), ("page", attributes.get("data-src")))
        case "figure":
            return _linked(node, base_url)
        case "div":
            found = (("video", attributes.get("sudy-wp-src")), ("file", attributes.get("pdfsrc")))
        case "embed":
            found = (("embed", attributes.get("src")),)
        case "object":
            inner = node.css_first("embed")
            found = (("embed", attributes.get("data")), ("embed", inner.attributes.get("src") if inner else None))
        case _:
            source = node.css_first("source")
            found = (("video", attributes.get("src")), ("video", source.attributes.get("src") if source else None))
    for kind, href in found:
        url = absolute(href, base_url) if href else None
        played = _player(kind, url, sudy_title(node)) if url else None
        if played:
            return played
    return None


def sudy_title(node: LexborNode) -> str | None:
    """WebPlus: ``sudyfile-attr="{'title':'report.docx'}"`` has the whole name where the text is cut or a phrase."""
    found = _SUDY_TITLE.search(node.attributes.get("sudyfile-attr") or "")
    return found[1].strip() if found else None


FORMULA_TYPE = "math/tex"  # of a script that MathJax sets
PLAYERS = frozenset(("script", "iframe", "embed", "object", "video", "audio", "div", "figure"))
_FILM_TITLE, _FILE_TITLE = "视频", "PDF"


def _linked(figure: LexborNode, base_url: str) -> Player | None:
    """What was cleaned before: a player elsewhere or a document as the only link of a figure, without a picture."""
    link = figure.first_child
    if link is None or link.tag != "a" or link.next is not None or link.css_first("img") is not None:
        return None
    url, title = absolute(link.attributes.get("href"), base_url), " ".join(link.text().split())
    if url and title == _FILM_TITLE:
        return Player("page", url, title)
    return Player("file", url, title) if url and (title == _FILE_TITLE or attachment(url, title)) else None


def _player(kind: str, url: str, title: str | None) -> Player | None:
    if _SOUND.search(url):
        return Player("audio", url, title or "音频")
    if kind == "video" or _FILM.search(url):
        return Player("video", url, title or _FILM_TITLE)
    if kind == "file" or attachment(url, ""):
        return Player("file", url, title or _FILE_TITLE)
    if kind == "page" and _HOSTS.search(urlsplit(url).hostname or ""):
        return Player("page", url, _FILM_TITLE)
    return None


# where lazy loaders put the address while src shows a placeholder; then src; then what an editor noted beside
_LAZY = tuple(
    f"data-{name}" for name in ("src", "original", "lazy-src", "lazyload", "lazy", "echo", "actualsrc", "url")
)
_NOTED = ("original-src", "orisrc", "data-original-src", "_src")
_PLACEHOLDER = re.compile(
    r"/(?:spacer|space|blank|transparent|pixel|clear|dot|1x1|loading|lazy(?:load)?|placeholder|gr[ae]y)\w{0,12}"
    r"\.(?:gif|png|jpe?g|svg)(?:$|\?)",
    re.IGNORECASE,
)
# pictures of file types, as UEditor, eWebEditor, KindEditor and WebPlus put them before links to files
_FILE_ICON = re.compile(
    r"/(?:icon_\w{2,8}|(?:file|attach)?_?icons?(?:16|32)?/\w{2,8}|sysimage/\S{1,40}|filetype\w{0,10}/\w{2,10}"
    r"|ext/\w{2,5}|(?:u?e?w?editor|kindeditor)/[^?]{1,80}/(?:icon|file)[^?/]{0,20})\.(?:gif|png|jpe?g|svg)(?:$|\?)",
    re.IGNORECASE,
)
_TRACKING_SIZES = frozenset(("0", "1", "0px", "1px"))
_HOSTS = re.compile(
    r"(?:^|\.)(?:qq|bilibili|youku|iqiyi|tudou|ixigua|cctv|youtube|youtube-nocookie|vimeo)\.com$|(?:^|\.)cctv\.cn$"
)
_SOUND = re.compile(r"\.(?:mp3|m4a|wav|ogg|aac)(?:$|\?)", re.IGNORECASE)
_FILM = re.compile(r"\.(?:mp4|m4v|webm|ogv|mov|flv|m3u8)(?:$|\?)", re.IGNORECASE)
_VSB_PDF = re.compile(r"showVsbpdfIframe\(\s*[\"']([^\"']{1,500})", re.IGNORECASE)
_SUDY_TITLE = re.compile(r"'title'\s*:\s*'([^']{1,300})'")
