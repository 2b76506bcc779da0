"""A list page without a rule -> its items, and the rule that finds them again.

What repeats is found first: for each link the largest element around it that holds links to nothing else is its row,
and the rows of one parent are a group. The group that reads most like a list of articles wins. Knows no network.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.errors import ParseError
from aggregator.gather.links import absolute
from aggregator.gather.row import Row, plain, read_row
from aggregator.gather.tree import parse, remove
from aggregator.model import Item, Listing, ListingRule

# beyond these a page is no list for people; they bound the work on a page made to be heavy
MOST_LINKS = 5_000
DEEPEST = 60
# a link with one text that stands so often is the category of its rows
CATEGORY_PLACES = 4
SHAPE_STEPS = 8  # ancestors whose tags and classes make the shape of a parent
BETWEEN = 6  # nodes after a row that may belong to it
LOWEST_SCORE = 2.0

NEXT = re.compile(
    r"\s*(?:下一?页|后一?页|下一頁|next\s*(?:page)?|nextpage)\s*[>»›→]*\s*|\s*(?:>|›|»|>>)\s*", re.IGNORECASE
)
PAGER = re.compile(
    r"[\s<>«»‹›←→]*(?:(?:首|上|前|下|后|尾|末|第|共)?一?[页頁]|末尾|\d{1,4}"
    r"|(?:previous|next|first|last|end|pre)\s*(?:page)?)?[\s<>«»‹›←→]*",
    re.IGNORECASE,
)
AROUND = re.compile(
    r"(?:^|[-_\s])(?:nav|menu|foot|footer|copyright|crumb|breadcrumb|position|links?|friend|banner|top|topbar|header|head|hot"
    r"|rank|recommend|sidebar|aside|side|subnav|page|pager|pagination|paging|pages|login|search|share)s?\d*(?:$|[-_\s])",
    re.IGNORECASE,
)
AROUND_TAGS = {"nav", "footer", "aside", "header"}
# addresses that articles have: of VSB, WebPlus, TRS, enorth, WeChat, then numbers and names of home-made systems
ARTICLE = re.compile(
    r"/info/\d+/\d+\.htm|/c\d+a\d+/|urltype=news|/t?20\d{6}|/20\d\d[-/]?\d\d|_redirect\?|mp\.weixin\.qq\.com/s"
    r"|[?&]\w*(?:id|article|news)=\w+|/[0-9a-f]{16,}|/\d{2,}(?:\.|$|/)|\.s?html?$"
    r"|(?:content|article|detail|show|view|read|notice|news)\w*[/_=-]\d+",
    re.IGNORECASE,
)
COLUMN = re.compile(r"/(?:index|list|main|default)\d*\.\w+$|/$|/list\b", re.IGNORECASE)
TAG = re.compile(r"[a-z][a-z0-9]*")
SAFE_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]*")


def induce(html: str, url: str, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """The items of the list on the page, in its order, each address once; ParseError says why there are none."""
    tree = parse(html)
    if tree.body is None:
        raise ParseError(f"{url} is no page with a list: nothing is shown in it")
    remove(tree.css("script, style, noscript, template, select"))
    base = base_of(tree, url)
    links = _links(tree, base, url)
    best: tuple[float, list[Row], list[Item]] = (0.0, [], [])
    for rows in _groups(links):
        items = items_of(rows, timezone=timezone, now=now)
        score = _score(rows, items)
        if score > best[0]:
            best = (score, rows, items)
    score, rows, items = best
    if score < LOWEST_SCORE:
        raise ParseError(_why_empty(tree, url, len(links)))
    return Listing("list", title_of(tree), items, next_page(tree, base, url), _rule(tree, rows))


def items_of(rows: Sequence[Row], *, timezone: ZoneInfo, now: datetime) -> list[Item]:
    """The items of *rows*, those without a title left out; of rows with one address the first stays."""
    items: dict[str, Item] = {}
    for row in rows:
        if row.url not in items and (item := read_row(row, timezone=timezone, now=now)):
            items[row.url] = item
    return list(items.values())


def next_page(tree: LexborHTMLParser, base: str, url: str) -> str | None:
    """The address behind 下一页, None where there is none or a script makes it."""
    for link in tree.css("a[href]"):
        if NEXT.fullmatch(link.text()):
            target = absolute(link.attributes.get("href"), base)
            if target and target.partition("#")[0] != url.partition("#")[0]:
                return target
    return None


def base_of(tree: LexborHTMLParser, url: str) -> str:
    """What relative addresses of the page are resolved against (HTML §4.2.3)."""
    node = tree.css_first("base[href]")
    return (absolute(node.attributes.get("href"), url) if node else None) or url


def title_of(tree: LexborHTMLParser) -> str | None:
    node = tree.css_first("title")
    return (plain(node.text()) if node else "") or None


def _links(tree: LexborHTMLParser, base: str, url: str) -> list[tuple[LexborNode, str]]:
    """(link, address) of every link that may lead to an article."""
    here = url.partition("#")[0]
    found = []
    for link in tree.css("a[href]")[:MOST_LINKS]:
        target = absolute(link.attributes.get("href"), base)
        is_here = target is not None and target.partition("#")[0] == here and "#/" not in target
        text = link.text()
        if target and not is_here and not (text.strip() and (PAGER.fullmatch(text) or NEXT.fullmatch(text))):
            found.append((link, target, text.strip()))
    places = Counter((target, text) for _, target, text in found if text)
    return [(link, target) for link, target, text in found if places[target, text] < CATEGORY_PLACES]


def _groups(links: Sequence[tuple[LexborNode, str]]) -> list[list[Row]]:
    """Rows that may be one list, each group in the order of the page."""
    chains = [_chain(link) for link, _ in links]
    owner: dict[int, str | None] = {}  # None: links to several addresses
    for (_, target), chain in zip(links, chains, strict=True):
        for node in chain:
            owner[node.mem_id] = target if owner.setdefault(node.mem_id, target) == target else None
    by_parent: dict[int, list[Row]] = {}
    parents: dict[int, LexborNode] = {}
    for (link, target), chain in zip(links, chains, strict=True):
        top = link
        for node in chain:
            if owner[node.mem_id] != target:
                break
            top = node
        parent = top.parent
        if parent is None:
            continue
        parents[parent.mem_id] = parent
        rows = by_parent.setdefault(parent.mem_id, [])
        if not rows or rows[-1].url != target:
            rows.append(Row(target))
        row = rows[-1]
        row.links.append(link)
        if not row.nodes or row.nodes[-1].mem_id != top.mem_id:
            row.nodes.append(top)
    for key, rows in by_parent.items():
        _widen(rows, parents[key])
    return _united(by_parent, parents)


def _widen(rows: list[Row], parent: LexborNode) -> None:
    """Give each row what stands beside it: alone in its parent all of it, else what comes before the next row."""
    if len(rows) == 1:
        rows[0].nodes = [parent]
        return
    taken = {node.mem_id for row in rows for node in row.nodes}
    for row in rows:
        node = row.nodes[-1].next
        for _ in range(BETWEEN):
            if node is None or node.mem_id in taken or (node.is_element_node and node.css_first("a[href]")):
                break
            row.nodes.append(node)
            node = node.next


def _united(by_parent: dict[int, list[Row]], parents: dict[int, LexborNode]) -> list[list[Row]]:
    """Groups of parents that have one shape and stand together: rows in boxes of their own, a list in several parts."""
    united: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for key, rows in by_parent.items():
        parent = parents[key]
        shape = tuple(_step(node) for node in _chain(parent)[:SHAPE_STEPS])
        # rows in boxes of their own may be deep; parts of a list stand two floors below one element
        floor = parent.parent.parent if parent.parent is not None and len(rows) > 1 else None
        united[(*shape, rows[0].links[0].tag, floor.mem_id if floor is not None else len(rows) > 1)] += rows
    return list(united.values())


def _chain(node: LexborNode | None) -> list[LexborNode]:
    """*node* and the elements around it, innermost first, without the body."""
    chain: list[LexborNode] = []
    while node is not None and node.tag not in ("body", "html") and len(chain) < DEEPEST:
        chain.append(node)
        node = node.parent
    return chain


def _step(node: LexborNode) -> str:
    classes = (node.attributes.get("class") or "").split()
    return f"{node.tag}.{re.sub(r'[0-9]+', '', classes[0]) if classes else ''}"


def _score(rows: Sequence[Row], items: Sequence[Item]) -> float:
    """How much a group reads like a list of articles: many rows, long titles, dates, addresses of articles."""
    if not items:
        return 0.0
    total = 0.0
    for item in items:
        length = _width(item.title)
        path = item.url.partition("://")[2].partition("/")[2]
        is_column = COLUMN.search("/" + urlsplit(item.url).path.lstrip("/")) is not None
        total += min(length, 25) / 25 - 0.2 + (item.published is not None)
        total += 0.5 if ARTICLE.search("/" + path) and not is_column else 0.0
        total -= 0.6 if is_column and length < 8 else 0.0
    if any(_is_around(node) for node in _chain(rows[0].nodes[0])):
        total *= 0.5
    dated = sum(item.published is not None for item in items) / len(items)
    if dated < 0.5 and sum(_width(item.title) for item in items) / len(items) < 7:
        total *= 0.1  # the names of columns and people
    return total if len(items) > 1 or dated else total * 0.2


def _width(text: str) -> float:
    """Characters of Chinese; a Latin letter says half as much."""
    return sum(1.0 if letter > "\u2e80" else 0.5 for letter in text)


def _is_around(node: LexborNode) -> bool:
    names = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
    return node.tag in AROUND_TAGS or AROUND.search(names) is not None


def _rule(tree: LexborHTMLParser, rows: Sequence[Row]) -> ListingRule:
    """The shortest path of names down to the rows that finds all of them and, where it can be, nothing else."""
    tops = [_around_title(row) for row in rows]
    wanted = {node.mem_id for node in tops}
    chain = _chain(tops[0])
    best, least = "", -1.0
    path = ""
    for number, node in enumerate(chain[:SHAPE_STEPS]):
        path = _named(node) if number == 0 else f"{_named(node)} > {path}"
        found = {match.mem_id for match in tree.css(path)}
        right = len(found & wanted) / max(len(found | wanted), 1)
        if right > least:
            best, least = path, right
        if right == 1.0:
            break
    return ListingRule(best)


def _around_title(row: Row) -> LexborNode:
    """The part of *row* that holds the link with the most to say."""
    link = max(row.links, key=lambda link: len(plain(link.text())))
    around = {node.mem_id for node in _chain(link)}
    return next((node for node in row.nodes if node.mem_id in around), row.nodes[0])


def _named(node: LexborNode) -> str:
    """A selector step of tag and stable names; numbers in them belong to one page or one edition."""
    tag = node.tag if TAG.fullmatch(node.tag or "") else "*"  # broken markup makes tags like li"
    name = node.attributes.get("id") or ""
    if SAFE_NAME.fullmatch(name):
        return f"{tag}#{name}"
    classes = [one for one in (node.attributes.get("class") or "").split() if SAFE_NAME.fullmatch(one)]
    return f"{tag}.{classes[0]}" if classes else str(tag)


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
