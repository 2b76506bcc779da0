"""A list page without a rule -> its items, and the rule that finds them again.

Of the groups of rows that repeat, the one that reads most like a list of articles wins. Knows no network.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from datetime import datetime
from functools import partial
from itertools import takewhile
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.errors import ParseError
from aggregator.gather.group import (
    DEEPEST,
    SHAPE_STEPS,
    Candidate,
    Group,
    around,
    groups_of,
    links_of,
)
from aggregator.gather.links import absolute
from aggregator.gather.pager import Pager, next_page, turns
from aggregator.gather.row import Row, is_shortened, plain, read_row
from aggregator.gather.selector import rule_of
from aggregator.gather.tree import parse, remove
from aggregator.gather.worth import is_article
from aggregator.model import Item, Listing

LOWEST_SCORE = 1.2  # two rows of navigation with long names and numbers stay below
PAGER_NEAR = 2.0  # what the pager says by standing nearest to one group
ASIDE = 0.5  # what a name says that means a part beside the content
POINTING = 0.25  # what a heading says that points to articles of other lists
FINALISTS = 4  # groups whose surroundings are looked at
MOST_SHARING = 30  # articles behind one address, that of a login page
KIN_STEPS = 3  # elements between a list and the box of an item set apart from it
HEADING_STEPS = 3
LONGEST_HEADING = 20  # characters
LONGEST_PATH = 60  # characters of 当前位置：首页 > 新闻 > 要闻
NAMED = 1.5  # what it says that the name of the page stands over a group
ALONE = 0.8  # of a link without a date that has no like
SEPARATOR = re.compile(r"\s*[-_|—–]+\s*")
EMPTY = re.compile(r"共\s*0\s*条(?!\s*(?:评论|回复|留言))|总共\s*0\s*(?:条\s*)?记录|记录总数[:：]\s*0(?!\d)")
PLACE = re.compile(r"(?:当前|所在|现在|您的|你的)的?位置|位置\s*[:：]")
ENDS = re.compile(r"下一?页|尾页|末页|暂无|没有(?:内容|数据|信息|记录|文章|新闻)")
SETTLED = re.compile(r"^\W*(?:提示信息|系统提示|统一身份认证)")  # titles of pages that stand where a list should

AROUND = re.compile(
    r"(?:^|[-_\s])(?:nav|menu|foot|footer|copyright|crumb|breadcrumb|links?|friend|banner|topbar|header|head|hot"
    r"|rank|recommend|sidebar|aside|side|subnav|login|search|share)s?\d*(?:$|[-_\s])",
    re.IGNORECASE,
)
AROUND_TAGS = {"nav", "footer", "aside", "header"}
# what stands over a list that only points to articles of others
POINTERS = re.compile(
    r"更多(?!\W*$)|热门|热点|热文|排行|点击|推荐|相关|猜你|\b(?:hot|popular|most|related|recommended)\b", re.IGNORECASE
)


def induce(html: str, url: str, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """The items of the list on the page, in its order, each address once; ParseError says why there are none."""
    tree = shown(html)
    if tree.body is None:
        raise ParseError(f"{url} is no page with a list: nothing is shown in it")
    base, title = base_of(tree, url), title_of(tree)
    links = links_of(tree)
    groups = [] if _says_empty(tree) else groups_of(links.articles)
    content = None if any(map(turns, links.pagers)) else _content(tree.body)
    for group in _ranked(groups, links.pagers, title or ""):
        if content is not None and not _stands_in(content, group):
            continue
        rows = _addressed(_with_kin(group, groups), base, url)
        if items := items_of(rows, partial(read_row, timezone=timezone, now=now)):
            following = next_page(tree, links.pagers, html, base, url)
            return Listing("list", title, items, following, rule_of(tree, rows))
    raise ParseError(_why_empty(tree, url, len(links.articles)))


def shown(html: str) -> LexborHTMLParser:
    """The tree of *html* without what no list stands in."""
    tree = parse(html)
    remove(tree.css("script, style, noscript, template, select"))
    return tree


def items_of(rows: Sequence[Row], read: Callable[[Row], Item | None]) -> list[Item]:
    """What *read* makes of *rows*, each article once.

    Neighbours that share an address, that of a login page, are articles of their own where their titles differ.
    """
    items: list[Item] = []
    known: dict[str, list[tuple[int | None, str]]] = defaultdict(list)
    for row in rows:
        parent = row.nodes[0].parent
        place = parent.mem_id if parent is not None else None
        item = read(row)
        if item is None or len(known[row.url]) == MOST_SHARING:
            continue
        if any(
            place != other or is_shortened(item.title, title) or is_shortened(title, item.title)
            for other, title in known[row.url]
        ):
            continue
        known[row.url].append((place, item.title))
        items.append(item)
    return items


def leads_away(target: str, url: str) -> bool:
    """Whether *target* is another page than the one at *url*; what follows ``#/`` is a page of a script."""
    return target.partition("#")[0] != url.partition("#")[0] or "#/" in target


def base_of(tree: LexborHTMLParser, url: str) -> str:
    """What relative addresses of the page are resolved against (HTML §4.2.3)."""
    node = tree.css_first("base[href]")
    return (absolute(node.attributes.get("href"), url) if node else None) or url


def title_of(tree: LexborHTMLParser) -> str | None:
    node = tree.css_first("title")
    return (plain(node.text()) if node else "") or None


def _ranked(groups: Sequence[Group], pagers: Sequence[Pager], title: str) -> list[Group]:
    """The groups that may be the list of the page called *title*, the likeliest first."""
    total = sum(len(one.row.links) for group in groups for one in group.rows)
    asides: dict[int, bool] = {}
    scored = sorted(((_score(group, total, asides), group) for group in groups), key=lambda pair: -pair[0])
    finalists = [(score, group) for score, group in scored[:FINALISTS] if score > 0]
    turning = [[node.mem_id for node in around(pager[0])] for pager in pagers if turns(pager)]
    steps = [_steps_to(turning, group) for _, group in finalists]
    column = SEPARATOR.split(title)[0]
    rated = []
    for (score, group), distance in zip(finalists, steps, strict=True):
        heading = _heading(group.rows[0].row.nodes[0] if len(group.rows) == 1 else group.parents[0])
        if distance == min(steps) < SHAPE_STEPS:
            score *= PAGER_NEAR
        if column and column in heading:
            score *= NAMED
        elif len(heading) <= LONGEST_HEADING and POINTERS.search(heading) and heading not in title:
            score *= POINTING if group.is_dated else 0
        rated.append((score, group))
    return [group for score, group in sorted(rated, key=lambda pair: -pair[0]) if score >= LOWEST_SCORE]


def _score(group: Group, total: int, asides: dict[int, bool]) -> float:
    """How much a group reads like the list of a page with *total* links: the worth of its mean row, and how many.

    *asides* has what is known of elements around groups.
    """
    score = group.worth * math.sqrt(len(group.rows))
    if len(group.rows) == 1 and not group.is_dated:
        score *= ALONE  # any long link
    if len(group.rows) == 1 and not is_article(group.rows[0].row.url):
        return 0.0
    if score <= 0:
        return score
    for node in around(group.parents[0]):
        if node.mem_id not in asides:
            asides[node.mem_id] = _is_aside(node, total)
        if asides[node.mem_id]:
            return score * ASIDE
    return score


def _is_aside(node: LexborNode, total: int) -> bool:
    """Whether *node* is named as a part beside the content, and is a part: wrappers of all are called header, too."""
    attributes = node.attributes
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    return (node.tag in AROUND_TAGS or AROUND.search(names) is not None) and 2 * len(node.css("a[href]")) < total


def _content(body: LexborNode) -> LexborNode | None:
    """The part of a page that reaches from 当前位置 to 下一页 or 暂无: what stands beside it is another list."""
    place: LexborNode | None = None
    for node in body.traverse(include_text=True):
        if not node.is_text_node:
            continue
        text = node.text_content or ""
        if place is None:
            place = node if "位" in text and PLACE.search(text) else None
        elif ENDS.search(text):
            before = {above.mem_id for above in around(place, DEEPEST)}
            return next((above for above in around(node, DEEPEST) if above.mem_id in before), None)
    return None


def _stands_in(part: LexborNode, group: Group) -> bool:
    return any(node.mem_id == part.mem_id for node in around(group.rows[0].row.links[0], DEEPEST))


def _steps_to(turning: Sequence[Sequence[int]], group: Group) -> int:
    """How far up from a link that turns pages, each given as what is around it, the element is that holds *group*."""
    chain = {node.mem_id for node in around(group.parents[0], DEEPEST)}
    steps = (next((step for step, key in enumerate(up) if key in chain), SHAPE_STEPS) for up in turning)
    return min(steps, default=SHAPE_STEPS)


def _heading(parent: LexborNode) -> str:
    """The short text that stands before a list; empty where there is none."""
    for node in around(parent, HEADING_STEPS):
        before = node.prev
        while before is not None and not before.is_element_node:
            before = before.prev
        if before is not None and (text := plain(before.text())):
            return text if len(text) <= LONGEST_PATH else ""
    return ""


def _with_kin(best: Group, groups: Sequence[Group]) -> Group:
    """*best* with the rows set apart from it: the first as a headline over the others, or one in a box of its own."""
    own = {parent.mem_id for parent in best.parents}
    above = {node.mem_id for parent in best.parents[:1] for node in around(parent, KIN_STEPS)}
    tags = {parent.tag for parent in best.parents}
    rows = list(best.rows)
    known = {one.row.url for one in rows}
    for group in groups:
        if group is best or group.worth < best.worth / 3 or known.issuperset(one.row.url for one in group.rows):
            continue
        near = {node.mem_id for node in around(group.parents[0], KIN_STEPS)}
        if _are_rows_of(best, group):
            rows += _raised(group)
        elif _are_rows_of(group, best):
            rows = [*_raised(Group(rows, best.parents)), *group.rows]
        elif best.is_dated and group.is_dated and (near & own or above & {one.mem_id for one in group.parents}):
            rows += [_lowered(one, tags) for one in group.rows]
        elif len(group.rows) == 1 and group.parents[0].mem_id in above and group.rows[0].row.nodes[0].tag in tags:
            rows.append(_lowered(group.rows[0], tags))
    return Group(sorted(rows, key=lambda one: one.number), best.parents)


def _are_rows_of(best: Group, group: Group) -> bool:
    """Whether each parent of *group* is one row of *best*, with a link more than the others: to its category."""
    if len(group.parents) != len(group.rows) or group.parents[0].tag != best.rows[0].row.nodes[0].tag:
        return False
    above = {None if parent.parent is None else parent.parent.mem_id for parent in group.parents}
    return above <= {parent.mem_id for parent in best.parents}


def _raised(group: Group) -> list[Candidate]:
    """The rows of *group* with all that its parents hold."""
    parents = {parent.mem_id for parent in group.parents}
    for one in group.rows:
        one.row.nodes[:] = [
            node for node in around(one.row.links[0], DEEPEST) if node.mem_id in parents
        ] or one.row.nodes
    return group.rows


def _lowered(one: Candidate, tags: Container[str | None]) -> Candidate:
    """*one* on the floor of the others: the only cell of the last line is a cell, though the line is all about it."""
    top = one.row.nodes[0]
    if top.tag in tags:
        inner = list(takewhile(lambda node: node.mem_id != top.mem_id, around(one.row.links[0], DEEPEST)))
        one.row.nodes[:1] = inner[-1:] or [top]
    return one


def _addressed(group: Group, base: str, url: str) -> list[Row]:
    """The rows of *group* with absolute addresses, without those that lead nowhere or to the page itself."""
    rows = []
    for one in group.rows:
        target = absolute(one.row.url, base)
        if target and leads_away(target, url):
            rows.append(Row(target, one.row.nodes, one.row.links))
    return rows


def _says_empty(tree: LexborHTMLParser) -> bool:
    """Whether the page itself says that it has no list, so that what else stands on it is none."""
    text = tree.body.text() if tree.body else ""
    return SETTLED.match(title_of(tree) or "") is not None or EMPTY.search(text) is not None


def _why_empty(tree: LexborHTMLParser, url: str, count: int) -> str:
    text = plain(tree.body.text() if tree.body else "")
    title = title_of(tree) or ""
    if tree.css_first("input[type=password]"):
        return f"{url} is a login page ({title!r}); only public pages can be followed"
    if "提示" in title or text.startswith(("提示信息", "系统提示")):
        return f"{url} says {text[:60]!r}: the column is closed or moved; correct the source's url"
    if EMPTY.search(text):
        return f"{url} says that it has no articles yet; give the address of a column that has some"
    if len(text) < 100 and count < 5:
        return f"{url} shows nothing without a script ({len(text)} characters of text); follow another page of the site"
    return f"{url} has no list of articles ({count} links, none of them like one); give the address of a column"
