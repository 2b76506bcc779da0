"""A home page -> the columns it leads to, those that read most like news or notices first; and where else it leads.

Knows the looks of names and addresses only: whether a column is a list is for who visits it. Knows no network.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from aggregator.gather.group import around
from aggregator.gather.induce import base_of, leads_away
from aggregator.gather.links import absolute, attachment
from aggregator.gather.row import MORE, plain
from aggregator.gather.tree import parse, remove
from aggregator.gather.worth import is_article, is_column
from aggregator.identity import domain_of, identity

MOST_LINKS = 5_000
MOST_FRAMES = 4
HEADING_STEPS = 4  # elements around 更多 in which the name of its column is looked for
LONGEST_NAME = 16  # characters
SHORTEST_WORTH = 0.5
SEVERAL = 2  # columns that a page says 更多 of: one alone may stand beside any list
MORE_SAID = 0.3  # 更多 stands beside a list
LISTED = 0.2  # the address is one that columns have
LITTLE_TEXT = 300  # characters of a page that only sends on

# what a column is called -> how likely it holds what people want to follow; the first that matches counts
NAMES: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), worth)
    for pattern, worth in (
        # of these names there are columns, but no lists of news
        (
            r"概况|简介|介绍|导航|下载|领导|联系|登录|登陆|邮箱|地图|制度|章程|机构设置|搜索|视频|图片|专题|链接|留言|入口|平台",
            0.0,
        ),
        (r"(?<!新闻)中心$|系统$|(?<!新闻)网$|学院$|大学$|^首页$|^english$|^home$|about|contact|login|video|photo", 0.0),
        (r"要闻|(?:综合|学校|学院|校园|院内|本院|中心|工作|图书馆)新闻|新闻(?:动态|中心|资讯|快讯)|头条", 1.2),
        (r"通知公告|公告通知|通知通告|通告|公示公告|校内通知|最新通知|重要通知", 1.1),
        (r"新闻|快讯|\bnews\b", 1.0),
        (r"通知|公告|公示|notice|announcement", 1.0),
        (r"动态|资讯|最新|updates?\b", 0.9),
        (r"讲座|学术报告|学术活动|学术交流|seminar|lecture|event", 0.8),
        (r"招生|招聘|就业|招标|采购|科研|教学|活动|信息|媒体|学术|admission|research", 0.6),
    )
)
# of addresses, where the name says nothing
PATHS = re.compile(
    r"/(?:\w{0,6}(?:xw|yw|news|tzgg|tzgs|tongzhi|gonggao|notice|dongtai|xwdt|zxdt)\w{0,6})(?:/|\.|$)", re.IGNORECASE
)
_REFRESH = re.compile(r"\burl\s*=\s*['\"]?([^'\";\s]+)", re.IGNORECASE)
_SCRIPT = re.compile(
    r"location(?:\.href)?\s*=\s*['\"]([^'\"]+)['\"]|location\.(?:replace|assign)\(\s*['\"]([^'\"]+)['\"]"
)


def columns(html: str, url: str, limit: int) -> list[str]:
    """The addresses of at most *limit* columns of the site that the page at *url* leads to, the likeliest first."""
    return [target for worth, target in _rated(html, url) if worth >= SHORTEST_WORTH][:limit]


def name_worth(name: str) -> float | None:
    """How likely a column called *name* holds what people want to follow; None where its name says nothing."""
    return next((worth for pattern, worth in NAMES if pattern.search(name)), None) if name else None


def is_front(html: str, url: str) -> bool:
    """Whether the page shows a few of each of several columns: by its address, or since it says 更多 of them."""
    path = urlsplit(url).path
    if re.fullmatch(r"(?:/(?:index|main|default|home)?(?:\.\w+)?)?", path, re.IGNORECASE) and not urlsplit(url).query:
        return True
    return len({target for link, target in _links(html, url) if MORE.fullmatch(_said(link))}) >= SEVERAL


def asks_for_password(html: str) -> bool:
    """Whether the page wants to know who is there before it shows anything."""
    return parse(html).css_first("input[type=password]") is not None


def sent_on(html: str, url: str) -> str | None:
    """Where a page that shows nothing itself sends its reader, by a refresh or a script; None: nowhere."""
    tree = parse(html)
    refreshes = [one.attributes.get("content") or "" for one in tree.css('meta[http-equiv="refresh" i]')]
    scripts = " ".join(script.text() for script in tree.css("script"))
    remove(tree.css("script, style, noscript, template"))
    if tree.css_first("input[type=password]") or (tree.body and len(plain(tree.body.text())) > LITTLE_TEXT):
        return None
    found = [match[1] for text in refreshes if (match := _REFRESH.search(text))]
    found += [match[1] or match[2] for match in _SCRIPT.finditer(scripts[:20_000])]
    targets = (absolute(href, base_of(tree, url)) for href in found)
    return next((target for target in targets if target and leads_away(target, url)), None)


def frames(html: str, url: str) -> list[str]:
    """The addresses of the pages of the same site that the page at *url* shows in frames."""
    tree = parse(html)
    base = base_of(tree, url)
    targets = (absolute(frame.attributes.get("src"), base) for frame in tree.css("frame[src], iframe[src]"))
    found = (target for target in targets if target and domain_of(target) == domain_of(url))
    return list(dict.fromkeys(found))[:MOST_FRAMES]


def _rated(html: str, url: str) -> Sequence[tuple[float, str]]:
    """(worth, address) of each link that may lead to a column, the best first, each address once."""
    best: dict[str, tuple[float, int, str]] = {}
    home = identity(url)
    for number, (link, target) in enumerate(_links(html, url)):
        key = identity(target)
        if key == home or domain_of(target) != domain_of(url) or attachment(target, ""):
            continue
        worth = _worth(link, target)
        if worth > best.get(key, (0.0, 0, ""))[0]:
            best[key] = (worth, number, target)
    return [(worth, target) for worth, _, target in sorted(best.values(), key=lambda one: (-one[0], one[1]))]


def _links(html: str, url: str) -> list[tuple[LexborNode, str]]:
    """The links of the page that lead to another, with their absolute addresses, in its order."""
    tree = parse(html)
    remove(tree.css("script, style, noscript, template"))
    base = base_of(tree, url)
    targets = ((link, absolute(link.attributes.get("href"), base)) for link in tree.css("a[href]")[:MOST_LINKS])
    return [(link, target) for link, target in targets if target and leads_away(target, url)]


def _worth(link: LexborNode, target: str) -> float:
    said, place = _said(link), f"{urlsplit(target).path}?{urlsplit(target).query}".rstrip("?")
    says_more = MORE.fullmatch(said) is not None
    name = _heading(link) if says_more or not said else said
    if len(name) > LONGEST_NAME * (1 if re.search(r"[一-鿿]", name) else 2):
        return 0.0
    if is_article(place) and not is_column(place) and not says_more:
        return 0.0
    named = name_worth(name)
    if named == 0.0 or (named is None and not says_more):
        return 0.0
    by_path = 0.6 if named is None and PATHS.search(place) else 0.0
    worth = named or by_path or 0.4
    return worth + says_more * MORE_SAID + is_column(place) * LISTED


def _said(link: LexborNode) -> str:
    """What a link is called: by its text, else by its title."""
    return plain(link.text()) or plain(link.attributes.get("title") or "")


def _heading(link: LexborNode) -> str:
    """The name of the column that 更多 stands in: the short text that stands nearest before it."""
    said = _said(link)
    for node in around(link, HEADING_STEPS):
        before = node.prev
        while before is not None:
            text = plain((before.text_content or "") if before.is_text_node else before.text())
            if text and len(text) <= 2 * LONGEST_NAME and text != said:
                return text
            if text:
                return ""
            before = before.prev
    return ""
