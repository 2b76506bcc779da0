"""The links of a page -> groups of rows that repeat, each with how much it reads like a list of articles.

For each link the largest element around it that holds links to nothing else is its row, and the rows of one parent are
a group. Addresses stay as written, dates are known by their look only. Knows no network.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.row import MORE, Row, plain

MOST_LINKS = 5_000  # a page with more is no list for people
DEEPEST = 60  # elements around a link that are looked at; a page built deeper loses its rows, not our time
SHAPE_STEPS = 8  # elements whose tags and classes make the shape of a parent
CATEGORY_PLACES = 4  # a link with one text that stands so often is the category of its rows
BETWEEN = 6  # nodes beside a row that may belong to it
MOST_KINDS = 4  # links to different addresses that one row may have
LITTLE = 12  # characters that a larger part may add to a row: the day beside its month
LONGEST_ROW = 400  # characters; a text with more says nothing of a title in it
FULL_WIDTH = 20.0  # characters; a longer title says no more
COLUMN_WIDTH = 8.0  # where the names of columns end and titles begin
ADDRESS_WORTH = 0.4
LOWEST_KIND = 0.15  # worth of a link that stands beside another in its row; below are categories and files

PAGER = re.compile(
    r"[\s<>«»‹›←→]*(?:(?:首|上|前|下|后|尾|末|第|共)?一?[页頁]|末尾|\d{1,4}"
    r"|(?:previous|next|first|last|end|pre)\s*(?:page)?)?[\s<>«»‹›←→]*",
    re.IGNORECASE,
)
LICENCE = re.compile(r"ICP备|ICP证|公网安备", re.IGNORECASE)
NO_ADDRESS = re.compile(r"\s*(?:#(?!/)|javascript:|mailto:|tel:|data:|$)", re.IGNORECASE)
# addresses that articles have: of VSB, WebPlus, TRS, enorth, WeChat, then numbers and names of home-made systems
ARTICLE = re.compile(
    r"/info/\d+/\d+\.htm|/c\d+a\d+/|urltype=news|/t?20\d{6}|/20\d\d[-/]?\d\d|_redirect\?|mp\.weixin\.qq\.com/s"
    r"|[?&]\w*(?:id|article|news)=\w+|/[0-9a-f]{16,}|/[0-9a-f]{8}-[0-9a-f]{4}-|/\d{2,}(?:\.|$|/)|/[^/]*\d{4,}[^/]*$"
    r"|(?:content|article|detail|show|view|read|notice|news)\w*[/_=-]\d+|/\w+(?:-\w+){3,}/?$",
    re.IGNORECASE,
)
COLUMN = re.compile(r"/(?:index|list|main|default)\d*\.\w+(?:$|[?#])|/list(?:$|[/?#])", re.IGNORECASE)
NAME_ONLY = re.compile(r"/[a-z_]{1,20}(?:\.s?html?|\.aspx?|\.php|\.jsp|/)?$", re.IGNORECASE)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
# what has the look of a date beside a title, and inside its link, where a date in the title must not have it
DATE = re.compile(
    r"(?:19|20)\d\d\s?[-./年]\s?\d{1,2}(?!\d)|20\d{4}[-./]\d\d|(?<![\d.])\d{1,2}[-/.月]\d{1,2}(?![\d.])"
    rf"|月[,，\s]*20\d\d|\d{{1,2}}\s+\d{{1,2}}月|[天时钟]前|[今昨前]天|\b{_MONTH}\.?[\s,]*\d|\d[\s,]+{_MONTH}\b",
    re.IGNORECASE,
)
DATE_INSIDE = re.compile(
    r"^[\[(（【]?\d{1,2}[-/.月]\d{1,2}日?[\])）】]?\s|20\d\d\s\d\d[-.]\d\d|20\d\d\s?[-./]\s?\d{1,2}(?!\d)"
    r"|20\d\d年\d{1,2}月\d{1,2}日\s*$|\d{1,2}月[,，\s]*20\d\d(?!年)"
)
DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class Candidate:
    """A row before it is read: what its links say, its place among the links of the page, what it is worth."""

    row: Row
    shown: str
    number: int
    dated: bool = False
    worth: float = 0.0  # about one each for a long title, a date, an article's address; below nought is navigation


@dataclass(slots=True)
class Group:
    """Rows that may be one list, in the order of the page, and the elements they stand in."""

    rows: list[Candidate]
    parents: list[LexborNode]

    @property
    def worth(self) -> float:
        """Of the mean row."""
        return sum(one.worth for one in self.rows) / len(self.rows)

    @property
    def is_dated(self) -> bool:
        return 2 * sum(one.dated for one in self.rows) >= len(self.rows)


@dataclass(slots=True)
class Links:
    """The links of a page that may lead to articles, and those of its pagers."""

    articles: list[tuple[LexborNode, str, str]]  # link, address as written, text
    pagers: list[LexborNode]


def links_of(tree: LexborHTMLParser) -> Links:
    """The links of *tree* with an address, without those that stand in many rows as their category."""
    found, pagers = [], []
    for link in tree.css("a[href]")[:MOST_LINKS]:
        href = (link.attributes.get("href") or "").strip()
        text = plain(link.text(separator=" "))
        if text and PAGER.fullmatch(text):
            pagers.append(link)
        elif not NO_ADDRESS.match(href) and not LICENCE.search(text):
            found.append((link, href, text))
    places = Counter((href, text) for _, href, text in found if text)
    return Links([one for one in found if places[one[1:]] < CATEGORY_PLACES], pagers)


def groups_of(links: Sequence[tuple[LexborNode, str, str]]) -> list[Group]:
    """All groups of *links*, each row with what stands beside it."""
    owner = _owners(links)
    by_parent: dict[int, Group] = {}
    for number, (link, href, text) in enumerate(links):
        top = _top(link, owner)
        parent = top.parent
        if parent is None:
            continue
        group = by_parent.setdefault(parent.mem_id, Group([], [parent]))
        if not group.rows or group.rows[-1].row.url != href:
            group.rows.append(Candidate(Row(href), text, number))
        one = group.rows[-1]
        one.row.links.append(link)
        one.shown = max(one.shown, text, key=len)
        if not one.row.nodes or one.row.nodes[-1].mem_id != top.mem_id:
            one.row.nodes.append(top)
    for group in by_parent.values():
        _weigh(group)
    return _united(by_parent.values())


def complete(rows: Sequence[Candidate]) -> None:
    """Find out which rows show a date; where few do, give each what stands beside it, up to the next row."""
    for one in rows:
        one.dated = _shows_date(one)
    if len(rows) > 1 and 2 * sum(one.dated for one in rows) < len(rows):
        _widen(rows)
        for one in rows:
            one.dated = _shows_date(one)


def title_worth(title: str, href: str) -> float:
    """How much a link reads like one to an article: up to one for its length, more or less for its address."""
    # characters of Chinese; a Latin letter says half as much
    width = len(title) - len(title.encode("ascii", "ignore")) / 2
    worth = (min(width, FULL_WIDTH) - COLUMN_WIDTH) / (FULL_WIDTH - COLUMN_WIDTH)
    address = f"/{href}"
    if COLUMN.search(address):
        return worth - ADDRESS_WORTH
    if ARTICLE.search(address):
        return worth + ADDRESS_WORTH
    return worth - ADDRESS_WORTH if NAME_ONLY.search(address) else worth


def around(node: LexborNode | None, most: int = SHAPE_STEPS) -> Iterator[LexborNode]:
    """*node* and the elements around it, innermost first, at most *most*, without the body."""
    while node is not None and node.tag not in ("body", "html") and most:
        yield node
        node = node.parent
        most -= 1


def _owners(links: Sequence[tuple[LexborNode, str, str]]) -> dict[int, str | None]:
    """For each element around a link the one address that its links lead to, None where there are several."""
    owner: dict[int, str | None] = {}
    for link, href, _ in links:
        node: LexborNode | None = link
        while node is not None:
            key = node.mem_id
            if key not in owner:
                owner[key] = href
            elif owner[key] is None or owner[key] == href:
                break  # and so is all that is around it
            else:
                owner[key] = None
            node = node.parent
    return owner


def _top(link: LexborNode, owner: dict[int, str | None]) -> LexborNode:
    """The largest element around *link* whose links all lead to one address."""
    top = link
    for node in around(link, DEEPEST):
        if owner[node.mem_id] is None:
            break
        top = node
    return top


def _weigh(group: Group) -> None:
    """Find out what each row is worth; leave navigation out of a group that is articles else."""
    complete(group.rows)
    for one in group.rows:
        one.worth = _worth(one)
    articles = [one for one in group.rows if one.worth >= 0]
    if sum(one.worth for one in articles) >= len(articles) > 0:
        group.rows = articles
    if len(group.rows) == 1:
        only = group.rows[0]
        _look_again(only, _part_of_one(only, group.parents[0]))


def _look_again(one: Candidate, node: LexborNode) -> None:
    one.row.nodes = [node]
    one.dated = _shows_date(one)
    one.worth = _worth(one)


def _worth(one: Candidate) -> float:
    shown = one.shown
    if not shown or MORE.fullmatch(shown):
        shown = one.row.links[0].attributes.get("title") or _text(one.row.nodes[:1])
        shown = shown if len(shown) < LONGEST_ROW else ""
    return title_worth(shown, one.row.url) + one.dated


def _shows_date(one: Candidate) -> bool:
    return bool(DATE_INSIDE.search(one.shown) or DATE.search(_text(one.row.nodes).replace(one.shown, " ", 1)))


def _widen(rows: Sequence[Candidate]) -> None:
    taken = {node.mem_id for one in rows for node in one.row.nodes}
    before = [_beside(one.row.nodes[0], "prev", taken) for one in rows]
    after = [_beside(one.row.nodes[-1], "next", taken) for one in rows]
    # dates that stand before the links would else be read one row too high
    leads = DATE.search(_text(before[0])) and not DATE.search(_text(after[-1]))
    for one, beside in zip(rows, before if leads else after, strict=True):
        one.row.nodes += beside


def _beside(node: LexborNode, side: str, taken: set[int]) -> list[LexborNode]:
    """The neighbours of *node* on one side, up to the next row or link."""
    found: list[LexborNode] = []
    other: LexborNode | None = getattr(node, side)
    while other is not None and len(found) < BETWEEN and other.mem_id not in taken:
        if other.is_element_node and other.css_first("a[href]"):
            break
        found.append(other)
        other = getattr(other, side)
    return found


def _part_of_one(one: Candidate, parent: LexborNode) -> LexborNode:
    """What is said of the only row of *parent*: the smallest part that shows a date, and around it what adds little."""
    best: LexborNode | None = None
    length = 0
    for node in around(one.row.links[0]):
        text = _text([node])
        if len(text) > (length + LITTLE if best is not None else LONGEST_ROW):
            break
        if best is not None or DATE.search(text.replace(one.shown, " ", 1)):
            best, length = node, len(text)
        if node.mem_id == parent.mem_id:
            break
    return best if best is not None else one.row.nodes[0]


def _text(nodes: Sequence[LexborNode]) -> str:
    texts = [(node.text_content or "") if node.is_text_node else node.text(separator=" ") for node in nodes]
    return plain(" ".join(texts))


def _united(groups: Iterable[Group]) -> list[Group]:
    """Groups of one shape that stand together are one: rows in boxes of their own, a list in several parts."""
    alike: dict[tuple[object, ...], list[Group]] = defaultdict(list)
    for group in groups:
        chain = list(around(group.parents[0]))
        # boxes of single rows may stand far apart, the parts of a list stand two floors below one element
        floor = next((node.mem_id for node in chain[2:3]), None) if len(group.rows) > MOST_KINDS else None
        alike[tuple(map(_step, chain)), group.is_dated, floor].append(group)
    return [_joined(parts) for parts in alike.values()]


def _joined(parts: Sequence[Group]) -> Group:
    """The rows of *parts*; where each part holds the same few links, only the kinds that lead to articles."""
    rows = [one for part in parts for one in part.rows]
    kinds = max(len(part.rows) for part in parts)
    if len(parts) > 1 and 1 < kinds <= MOST_KINDS:
        columns = [[part.rows[kind] for part in parts if kind < len(part.rows)] for kind in range(kinds)]
        worths = [sum(one.worth - one.dated for one in column) / len(column) for column in columns]
        kept = [number for number, worth in enumerate(worths) if worth >= min(LOWEST_KIND, max(worths))]
        rows = [one for number in kept for one in columns[number]]
        if len(kept) == 1:  # one article in each part: all of the part is said of it
            for part in parts:
                for one in islice(part.rows, kept[0], kept[0] + 1):
                    _look_again(one, part.parents[0])
    return Group(sorted(rows, key=lambda one: one.number), [part.parents[0] for part in parts])


def _step(node: LexborNode) -> str:
    """The tag of *node* with its first class, or with what tells the columns of an old layout table apart."""
    attributes = node.attributes
    classes = (attributes.get("class") or "").split()
    return f"{node.tag}.{DIGITS.sub('', classes[0]) if classes else attributes.get('width') or ''}"
