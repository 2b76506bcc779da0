"""A list page without a rule -> its items, and the rule that finds them again.

Of the groups of rows that repeat, the one that reads most like a list of articles wins. Knows no network.
"""

import math
import re
from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.errors import ParseError
from aggregator.gather.group import (
    ARTICLE,
    DEEPEST,
    NO_ADDRESS,
    SHAPE_STEPS,
    Candidate,
    Group,
    around,
    groups_of,
    links_of,
)
from aggregator.gather.links import absolute
from aggregator.gather.row import Row, plain, read_row
from aggregator.gather.tree import parse, remove
from aggregator.model import Item, Listing, ListingRule

LOWEST_SCORE = 1.2  # two rows of navigation with long names and numbers stay below
PAGER_NEAR = 2.0  # what the pager says by standing nearest to one group
ASIDE = 0.5  # what a name or a heading says that points to articles of other lists
FINALISTS = 4  # groups whose surroundings are looked at
KIN_STEPS = 3  # elements between a list and the box of an item set apart from it
HEADING_STEPS = 3
LONGEST_HEADING = 20  # characters

NEXT = re.compile(
    r"\s*(?:下一?页|后一?页|下一頁|next\s*(?:page)?|nextpage)\s*[>»›→]*\s*|\s*(?:>|›|»|>>)\s*", re.IGNORECASE
)
TURNS = re.compile(r"[页頁]|page|next|prev", re.IGNORECASE)  # a number alone may be a slide's
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
TAG = re.compile(r"[a-z][a-z0-9]*")
SAFE_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)


def induce(html: str, url: str, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """The items of the list on the page, in its order, each address once; ParseError says why there are none."""
    tree = parse(html)
    if tree.body is None:
        raise ParseError(f"{url} is no page with a list: nothing is shown in it")
    remove(tree.css("script, style, noscript, template, select"))
    base, title = base_of(tree, url), title_of(tree)
    links = links_of(tree)
    groups = groups_of(links.articles)
    for group in _ranked(groups, links.pagers, title or ""):
        rows = _addressed(_with_kin(group, groups), base, url)
        if items := items_of(rows, timezone=timezone, now=now):
            return Listing("list", title, items, next_page(links.pagers, base, url), _rule(tree, rows))
    raise ParseError(_why_empty(tree, url, len(links.articles)))


def items_of(rows: Sequence[Row], *, timezone: ZoneInfo, now: datetime) -> list[Item]:
    """The items of *rows*, those without a title left out; of rows with one address the first stays."""
    items: dict[str, Item] = {}
    for row in rows:
        if row.url not in items and (item := read_row(row, timezone=timezone, now=now)):
            items[row.url] = item
    return list(items.values())


def next_page(pagers: Sequence[LexborNode], base: str, url: str) -> str | None:
    """The address behind 下一页, or behind the number after this page's; None where a script makes it."""
    numbered = None
    for link in pagers:
        text = link.text(separator=" ")
        if NEXT.fullmatch(text) and (target := _other_page(link, base, url)):
            return target
        if numbered is None and text.strip().isdecimal() and _follows_this_page(link, int(text)):
            numbered = _other_page(link, base, url)
    return numbered


def _other_page(link: LexborNode, base: str, url: str) -> str | None:
    target = absolute(link.attributes.get("href"), base)
    return target if target and target.partition("#")[0] != url.partition("#")[0] else None


def _follows_this_page(link: LexborNode, number: int) -> bool:
    """Whether the number before *link* in a pager is this page's: it leads nowhere."""
    box: LexborNode | None = link
    while box is not None and box.prev is None and box.tag in ("a", "span", "li"):
        box = box.parent
    before = box.prev if box is not None else None
    while before is not None and not before.text(separator=" ").strip():
        before = before.prev
    if before is None or plain(before.text()) != str(number - 1):
        return False
    return all(NO_ADDRESS.match(other.attributes.get("href") or "") for other in before.css("a[href]"))


def base_of(tree: LexborHTMLParser, url: str) -> str:
    """What relative addresses of the page are resolved against (HTML §4.2.3)."""
    node = tree.css_first("base[href]")
    return (absolute(node.attributes.get("href"), url) if node else None) or url


def title_of(tree: LexborHTMLParser) -> str | None:
    node = tree.css_first("title")
    return (plain(node.text()) if node else "") or None


def _ranked(groups: Sequence[Group], pagers: Sequence[LexborNode], title: str) -> list[Group]:
    """The groups that may be the list of the page called *title*, the likeliest first."""
    total = sum(len(one.row.links) for group in groups for one in group.rows)
    scored = sorted(((_score(group, total), group) for group in groups), key=lambda pair: -pair[0])
    finalists = [(score, group) for score, group in scored[:FINALISTS] if score > 0]
    turning = {node.mem_id for pager in pagers if TURNS.search(pager.text()) for node in around(pager)}
    steps = [_steps_to(turning, group) for _, group in finalists]
    rated = []
    for (score, group), distance in zip(finalists, steps, strict=True):
        heading = _heading(group.parents[0])
        if distance == min(steps) < SHAPE_STEPS and steps.count(distance) == 1:
            score *= PAGER_NEAR
        if heading and heading not in title and POINTERS.search(heading):
            score *= ASIDE
        rated.append((score, group))
    return [group for score, group in sorted(rated, key=lambda pair: -pair[0]) if score >= LOWEST_SCORE]


def _score(group: Group, total: int) -> float:
    """How much a group reads like the list of a page with *total* links: the worth of its mean row, and how many."""
    if len(group.rows) == 1 and not (group.is_dated and ARTICLE.search(f"/{group.rows[0].row.url}")):
        return 0.0  # any long link
    score = group.worth * math.sqrt(len(group.rows))
    return score * ASIDE if any(_is_aside(node, total) for node in around(group.parents[0])) else score


def _is_aside(node: LexborNode, total: int) -> bool:
    """Whether *node* is named as a part beside the content, and is a part: wrappers of all are called header, too."""
    attributes = node.attributes
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    return (node.tag in AROUND_TAGS or AROUND.search(names) is not None) and 2 * len(node.css("a[href]")) < total


def _steps_to(turning: Container[int], group: Group) -> int:
    """How far up from *group* the element is that holds a pager too."""
    chain = around(group.parents[0])
    return next((step for step, node in enumerate(chain) if node.mem_id in turning), SHAPE_STEPS)


def _heading(parent: LexborNode) -> str:
    """The short text that stands before a list; empty where there is none."""
    for node in around(parent, HEADING_STEPS):
        before = node.prev
        while before is not None and not before.is_element_node:
            before = before.prev
        if before is not None and (text := plain(before.text())):
            return text if len(text) <= LONGEST_HEADING else ""
    return ""


def _with_kin(best: Group, groups: Sequence[Group]) -> Group:
    """*best* with the dated rows set apart from it: the first as a headline over the others, or one in its own box."""
    own = {parent.mem_id for parent in best.parents}
    above = {node.mem_id for parent in best.parents[:1] for node in around(parent, KIN_STEPS)}
    tags = {parent.tag for parent in best.parents}
    rows = list(best.rows)
    for group in groups:
        if group is best or not (best.is_dated and group.is_dated) or group.worth < best.worth / 3:
            continue
        near = {node.mem_id for node in around(group.parents[0], KIN_STEPS)}
        if near & own or above & {parent.mem_id for parent in group.parents}:
            rows += [_lowered(one, tags) for one in group.rows]
    return Group(sorted(rows, key=lambda one: one.number), best.parents)


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
        if target and (target.partition("#")[0] != url.partition("#")[0] or "#/" in target):
            rows.append(Row(target, one.row.nodes, one.row.links))
    return rows


def _rule(tree: LexborHTMLParser, rows: Sequence[Row]) -> ListingRule:
    """A selector for the rows; where the first of them stand apart, one for each kind of place."""
    places: dict[tuple[object, ...], list[LexborNode]] = defaultdict(list)
    for row in rows:
        top = _around_title(row)
        places[top.tag, top.parent.tag if top.parent is not None else None].append(top)
    return ListingRule(", ".join(_path(tree, tops) for tops in places.values()))


def _path(tree: LexborHTMLParser, tops: Sequence[LexborNode]) -> str:
    """The shortest path of names down to *tops* that finds all of them and, where it can be, nothing else."""
    wanted = {node.mem_id for node in tops}
    common = set.intersection(*({node.mem_id for node in around(top, DEEPEST)} for top in tops))
    shared = set.intersection(*(set(_classes(node)) for node in tops))
    own = [f"{_tag(tops[0])}.{name}" for name in _classes(tops[0]) if name in shared]
    best, least = f"body > {_tag(tops[0])}", -1.0
    for is_placed, steps in ((False, SHAPE_STEPS), (True, DEEPEST)):
        for row_name in (*own, _tag(tops[0])):
            path = row_name
            for node in islice(around(tops[0], steps), 1, None):
                path = f"{_placed(node) if is_placed and node.mem_id in common else _named(node)} > {path}"
                found = {match.mem_id for match in tree.css(path)}
                right = len(found & wanted) / len(found | wanted)
                if right > least:
                    best, least = path, right
                if right == 1.0:
                    return path
    return best


def _around_title(row: Row) -> LexborNode:
    """The part of *row* that holds the link with the most to say."""
    link = max(row.links, key=lambda link: len(link.text()))
    parts = {node.mem_id: node for node in row.nodes}
    return next((parts[node.mem_id] for node in around(link, DEEPEST) if node.mem_id in parts), row.nodes[0])


def _named(node: LexborNode) -> str:
    """A selector step for *node*: its id, else its first class, else its tag alone."""
    name = node.attributes.get("id") or ""
    if SAFE_NAME.fullmatch(name):
        return f"{_tag(node)}#{name}"
    classes = _classes(node)
    return f"{_tag(node)}.{classes[0]}" if classes else _tag(node)


def _placed(node: LexborNode) -> str:
    """A selector step for *node*: its id, else its place among its neighbours."""
    named = _named(node)
    if "#" in named or named == "*":
        return named
    place, other = 1, node.prev
    while other is not None:
        place += other.tag == node.tag
        other = other.prev
    return f"{named}:nth-of-type({place})"


def _tag(node: LexborNode) -> str:
    """The tag of *node*; any where broken markup made one like ``li"``."""
    return node.tag if node.tag and TAG.fullmatch(node.tag) else "*"


def _classes(node: LexborNode) -> list[str]:
    return [name for name in (node.attributes.get("class") or "").split() if SAFE_NAME.fullmatch(name)]


def _why_empty(tree: LexborHTMLParser, url: str, count: int) -> str:
    text = plain(tree.body.text() if tree.body else "")
    title = title_of(tree) or ""
    if tree.css_first("input[type=password]"):
        return f"{url} is a login page ({title!r}); only public pages can be followed"
    if "提示" in title or text.startswith(("提示信息", "系统提示")):
        return f"{url} says {text[:60]!r}: the column is closed or moved; correct the source's url"
    if len(text) < 100 and count < 5:
        return f"{url} shows nothing without a script ({len(text)} characters of text); follow another page of the site"
    return f"{url} has no list of articles ({count} links, none of them like one); give the address of a column"
