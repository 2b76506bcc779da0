"""A page and its address -> whose it is, what its column is called, and a name for a source that follows it.

Pure: what a page says of itself in its title, footer and logo. Knows no network and no file.
"""

import re
from collections.abc import Collection, Iterator
from itertools import count
from urllib.parse import urlsplit

from aggregator.follow.catalogue import Catalogue
from aggregator.gather.row import plain
from aggregator.gather.tree import parse, remove
from aggregator.model import Site

# parts of a host that name no university
COMMON_LABELS = {"www", "news", "edu", "ac", "cn", "com", "org", "net", "hk", "tw", "gov"}
FOOTER = 1_500  # characters at the end of a page in which its owner signs
SEPARATORS = re.compile(r"\s*[-_|—–·>»:：,，、/\\]+\s*|\s{1,}(?=[一-鿿])")
# a school of a university is called 学院 too: it is believed only where nothing is called 大学
UNIVERSITY = re.compile(r"[一-鿿]{2,12}?(?:大学|大學)(?![生城堂英语语文校区])(?:（[一-鿿]{2,6}）|\([一-鿿]{2,6}\))?")
COLLEGE = re.compile(
    r"[一-鿿]{2,14}(?:职业技术学院|职业学院|专科学校|师范学院|医学院|工学院|理工学院|科技学院|学院|科学院|研究院|研究所|党校)"
)
ENGLISH = re.compile(
    r"\b(?:University of (?:[A-Z][\w'-]+ ?){1,4}|(?:[A-Z][\w'-]+ ){1,5}University(?: of (?:[A-Z][\w'-]+ ?){1,4})?)"
)
# what stands before a name and is no part of it
BEFORE = re.compile(
    r"^(?:.*(?:版权所有|版权归|主办单位?|承办单位?|技术支持|地址|单位名称|欢迎(?:您)?(?:来到|访问|光临)|主页|首页|官网|网站|归|于|在|和|与|及|由|是|的|我校|母校)+)"
)
SIGNED = re.compile(r"版权|copyright|©|\(c\)|主办|all rights", re.IGNORECASE)
INNER = re.compile(
    r"外国语学院|马克思主义学院|国际教育学院|继续教育学院|研究生院|计算机|人文学院|法学院|商学院|文学院|理学院|管理学院|信息|经济学院"
)
SAYS_NOTHING = re.compile(r"首页|主页|欢迎.*|网站|官网|列表|栏目|home|index|.*欢迎您|更多|第?\d*页?", re.IGNORECASE)
LONGEST_TITLE, LONGEST_NAME = 60, 64  # characters


def site_at(known: Catalogue, url: str) -> Site | None:
    """The site of the university on whose host *url* is; None where none is known."""
    return known.university_of(urlsplit(url).hostname or "")


def university_named(html: str, known: Catalogue) -> str | None:
    """The university that the page says it belongs to; None where it says nothing that is surely one.

    The title goes before the footer, the footer before the logo; of several names the one that is known.
    """
    places = list(_places(html))
    titles = [text for text, is_title in places if is_title]
    parts = [part for text in titles for part in SEPARATORS.split(text)]
    names = {name: site.university for site in known.sites.values() for name in (site.university, site.english)}
    for pattern in (UNIVERSITY, COLLEGE, ENGLISH):
        # in running text an English name may be anybody's
        texts = [*parts, *titles] if pattern is ENGLISH else [text for text, _ in places]
        found = [name for text in texts for name in _names(pattern, text)]
        if found:
            return next((names[name] for name in found if name in names), found[0])
    return None


def owner_of_title(title: str | None) -> str | None:
    """What stands last in a *title* of several parts: ``苏州中学`` of ``通知公告-苏州中学``; None for one of one."""
    parts = [part for part in SEPARATORS.split(plain(title or "")) if part and not SAYS_NOTHING.fullmatch(part)]
    return parts[-1] if len(parts) > 1 else None


def column_title(title: str | None, university: str | None) -> str:
    """*title* of a page without what it says of its university: ``教务处通知公告`` of ``通知公告-教务处-南开大学``."""
    parts = [part for part in SEPARATORS.split(plain(title or "")) if part]
    kept = []
    for part in parts:
        own = part.removeprefix(university) if university else part
        if own and own not in kept and not SAYS_NOTHING.fullmatch(own):
            kept.append(own)
    return " · ".join(kept)[:LONGEST_TITLE].strip(" ·")


def suggested_name(url: str) -> str:
    """A source name made of *url*: ``https://news.nankai.edu.cn/ywsd/index.shtml`` is ``nankai-news-ywsd``."""
    parts = urlsplit(url)
    labels = (parts.hostname or "source").split(".")
    own = [label for label in labels if label not in COMMON_LABELS][-1:] or labels[:1]
    rest = [label for label in labels[:-1] if label not in (*own, "www", "edu", "ac", "com", "org", "net")]
    path = [piece for piece in re.split(r"[^a-z0-9]+", re.sub(r"\.\w+$", "", parts.path.lower())) if piece]
    words = [*own, *rest, *(piece for piece in path if piece not in ("index", "list", "main"))]
    return re.sub(r"[^a-z0-9-]+", "-", "-".join(words)).strip("-")[:LONGEST_NAME] or "source"


def untaken(name: str, taken: Collection[str]) -> str:
    """*name*, or the first of *name*-2, -3, ... that is not *taken*."""
    tried = (name if number == 1 else f"{name[: LONGEST_NAME - 4]}-{number}" for number in count(1))
    return next(one for one in tried if one not in taken)


def _places(html: str) -> Iterator[tuple[str, bool]]:
    """(text, whether it is a title) wherever a page says whose it is, the surest first."""
    tree = parse(html)
    remove(tree.css("script, style, noscript, template"))
    title = tree.css_first("title")
    yield plain(title.text()) if title else "", True
    for meta in tree.css('meta[property="og:site_name"], meta[name="author" i]')[:4]:
        yield plain(meta.attributes.get("content") or ""), True
    text = plain(tree.body.text(separator=" ")) if tree.body else ""
    footer = text[-FOOTER:]
    if signed := SIGNED.search(footer):
        yield footer[max(0, signed.start() - 60) : signed.end() + 80], False
    for picture in tree.css("img[alt]")[:10]:
        yield plain(picture.attributes.get("alt") or ""), False
    for meta in tree.css('meta[name="description" i], meta[name="keywords" i]')[:2]:
        yield plain(meta.attributes.get("content") or ""), False
    yield text[:300], False


def _names(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for match in pattern.finditer(text):
        name = BEFORE.sub("", match[0]).strip()
        if pattern is COLLEGE and (len(name) < 5 or INNER.search(name)):
            continue
        if len(name) >= 4:
            yield name
