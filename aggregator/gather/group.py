"""The links of a page -> groups of rows that repeat, each with how much it reads like a list of articles.

For each link the largest element around it that holds links to nothing else is its row, and the rows of one parent are
a group. Addresses stay as written, dates are known by their look only. Knows no network.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.pager import NO_ADDRESS, PAGER, Pager, named
from aggregator.gather.row import MORE, Row, is_shortened, plain
from aggregator.gather.worth import COLUMN_WIDTH, dates_itself, has_date, is_column, may_have_date, title_worth

MOST_LINKS = 5_000  # a page with more is no list for people
DEEPEST = 60  # elements around a link that are looked at; a page built deeper loses its rows, not our time
SHAPE_STEPS = 8  # elements whose tags and classes make the shape of a parent
CATEGORY_PLACES = 4  # a link with one text that stands so often, or twice with a column's address, is a category
BETWEEN = 6  # nodes beside a row that may belong to it
MOST_KINDS = 4  # links to different addresses that one row may have
LITTLE = 12  # characters that a larger part may add to a row: the day beside its month
LONGEST_LINK = 1_000  # characters; a link left open around a table holds all links in it
LONGEST_ROW = 400  # characters; a text with more says nothing of a title in it
LOWEST_KIND = 0.15  # worth of a link that stands beside another in its row; below are categories and files

OUTERMOST = frozenset(("body", "html"))
LISTS = {"ul", "ol", "dl", "table", "tbody"}
ROWS = {"li", "tr", "article"}

# links beside articles and lists: a site's licence, the files of a row
LICENCE = re.compile(r"ICP[备证]|公网安备", re.IGNORECASE)
FILE = re.compile(r"\W*(?:附件|下载|附件下载|点击下载|download|pdf)\d*\W*", re.IGNORECASE)
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
    pagers: list[Pager]


def links_of(tree: LexborHTMLParser) -> Links:
    """The links of *tree* with an address, without those that stand in many rows as their category."""
    found, pagers = [], []
    for link in tree.css("a[href]")[:MOST_LINKS]:
        href = (link.attrs.get("href") or "").strip()
        text = plain(link.text(separator=" "))
        said = text or named(link)
        if said and PAGER.fullmatch(said):
            pagers.append((link, said))
        elif len(text) <= LONGEST_LINK and not NO_ADDRESS.match(href) and not _is_beside(text):
            found.append((link, href, text))
    places = Counter((href, text) for _, href, text in found if text)
    return Links([one for one in found if not _is_category(one[1], places[one[1:]])], pagers)


def groups_of(links: Sequence[tuple[LexborNode, str, str]]) -> list[Group]:
    """All groups of *links*, each row with what stands beside it."""
    owner = _owners(links)
    by_parent: dict[int, Group] = {}
    for number, (link, href, text) in enumerate(links):
        top = _top(link, owner)
        parent = top.parent
        if parent is None:
            continue
        group = by_parent.get(parent.mem_id)
        if group is None:
            group = by_parent[parent.mem_id] = Group([], [parent])
        if not group.rows or group.rows[-1].row.url != href or _is_another(group.rows[-1], top, text):
            group.rows.append(Candidate(Row(href, [top], [link]), text, number))
            continue
        one = group.rows[-1]
        one.row.links.append(link)
        one.shown = max(one.shown, text, key=len)
        if one.row.nodes[-1].mem_id != top.mem_id:
            one.row.nodes.append(top)
    for group in by_parent.values():
        group.rows = _one_each(group.rows)
        _weigh(group)
    return _united(by_parent.values())


def _is_beside(text: str) -> bool:
    """Whether a link's *text* is of the site's licence or of a file in a row."""
    return (("备" in text or "证" in text) and LICENCE.search(text) is not None) or FILE.fullmatch(text) is not None


def _is_category(href: str, places: int) -> bool:
    """Whether a link that stands in so many *places* is the category of the rows there: a phone's copy makes two."""
    return places >= CATEGORY_PLACES or (places > 1 and is_column(href))


def weighed(rows: Sequence[Candidate], *, may_be_dated: bool = True) -> list[Candidate]:
    """*rows* with their worth and all that is said of them, without navigation among what is articles else."""
    _complete(rows, may_be_dated)
    for one in rows:
        one.worth = _worth(one)
    articles = [one for one in rows if one.worth >= 0]
    return articles if sum(one.worth for one in articles) >= len(articles) > 0 else list(rows)


def _complete(rows: Sequence[Candidate], may_be_dated: bool) -> None:
    """Find out which rows show a date; where few do, give each what stands beside it, up to the next row."""
    for one in rows:
        one.dated = may_be_dated and _shows_date(one)
    if 2 * sum(one.dated for one in rows) < len(rows):
        for one in _widened(rows, may_be_dated):
            one.dated = may_be_dated and _shows_date(one)


def around(node: LexborNode | None, most: int = SHAPE_STEPS) -> Iterator[LexborNode]:
    """*node* and the elements around it, innermost first, at most *most*, without the body."""
    while node is not None and node.tag not in OUTERMOST and most:
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
    for _ in range(DEEPEST - 1):
        node = top.parent
        if node is None or owner[node.mem_id] is None or node.tag in OUTERMOST:
            break
        top = node
    return top


def _is_another(one: Candidate, top: LexborNode, text: str) -> bool:
    """Whether *top* is a row of its own, though its link leads where that of *one* does: to a login page, say."""
    before = one.row.nodes[-1]
    if top.tag not in ROWS or top.tag != before.tag or top.mem_id == before.mem_id:
        return False
    if min(len(text), len(one.shown)) < COLUMN_WIDTH:
        return False
    return not is_shortened(text, one.shown) and not is_shortened(one.shown, text)


def _one_each(rows: list[Candidate]) -> list[Candidate]:
    """*rows*; where most addresses have two, title and summary in rows of their own, those with one address as one."""
    doubles = sum(one.row.url == after.row.url for one, after in pairwise(rows))
    if 3 * doubles < len(rows):
        return rows
    merged = rows[:1]
    for one in rows[1:]:
        if one.row.url == merged[-1].row.url:
            merged[-1].row.nodes += one.row.nodes
            merged[-1].row.links += one.row.links
        else:
            merged.append(one)
    return merged


def _weigh(group: Group) -> None:
    """Find out what each row is worth; of a row alone, where it begins and ends."""
    if group.parents[0].tag in ROWS:  # an article beside its category
        group.rows = [one for one in group.rows if not is_column(one.row.url)] or group.rows
    if len(group.rows) > 1:
        group.rows = weighed(group.rows, may_be_dated=may_have_date(group.parents[0].text()))
    if len(group.rows) == 1:
        only = group.rows[0]
        parts = [_part_of_one(link, only.shown, group.parents[0]) for link in only.row.links[:MOST_KINDS]]
        _look_again(only, min(filter(None, parts), key=lambda part: len(part.text()), default=only.row.nodes[0]))


def _look_again(one: Candidate, node: LexborNode) -> None:
    one.row.nodes = [node]
    if len(one.row.links) > 1:
        inside = {link.mem_id for link in node.css("a[href]")}
        one.row.links = [link for link in one.row.links if link.mem_id in inside] or one.row.links
    one.dated = _shows_date(one)
    one.worth = _worth(one)


def _worth(one: Candidate) -> float:
    shown = one.shown
    if not shown or MORE.fullmatch(shown):
        link = one.row.links[0]
        shown = link.attributes.get("title") or _text(one.row.nodes[:1]) or _picture_name(link)
        shown = shown if len(shown) < LONGEST_ROW else ""
    return title_worth(shown, one.row.url) + one.dated


def _picture_name(link: LexborNode) -> str:
    """What the picture in *link* says that it shows."""
    picture = link.css_first("img[alt]")
    return plain(picture.attributes.get("alt") or "") if picture else ""


def _shows_date(one: Candidate) -> bool:
    return dates_itself(one.shown) or has_date(_text(one.row.nodes).replace(one.shown, " ", 1))


def _widened(rows: Sequence[Candidate], may_be_dated: bool) -> Iterator[Candidate]:
    """Those of *rows* that have something beside them, with it."""
    taken = {node.mem_id for one in rows for node in one.row.nodes}
    after = [_beside(one.row.nodes[-1], "next", taken) for one in rows]
    # dates that stand before the links would else be read one row too high
    first = _beside(rows[0].row.nodes[0], "prev", taken) if may_be_dated else []
    if not has_date(_text(after[-1])) and has_date(_text(first)):
        after = [_beside(one.row.nodes[0], "prev", taken) for one in rows]
    for one, beside in zip(rows, after, strict=True):
        if beside:
            one.row.nodes += beside
            yield one


def _beside(node: LexborNode, side: str, taken: set[int]) -> list[LexborNode]:
    """The neighbours of *node* on one side that say something, up to the next row or link."""
    found: list[LexborNode] = []
    other: LexborNode | None = getattr(node, side)
    while other is not None and len(found) < BETWEEN and other.mem_id not in taken:
        if other.is_element_node and other.css_first("a[href]"):
            break
        if not other.is_text_node or (other.text_content or "").strip():
            found.append(other)
        other = getattr(other, side)
    return found


def _part_of_one(link: LexborNode, shown: str, parent: LexborNode) -> LexborNode | None:
    """What is said of the only row of *parent*: the smallest part around *link* that shows a date, and what adds little
    to it; where none does, the row that the markup makes it."""
    best: LexborNode | None = None
    row: LexborNode | None = None
    found, length = False, 0
    for node in around(link):
        text = _text([node])
        if len(text) > (length + LITTLE if best is not None else LONGEST_ROW):
            break
        if best is not None and node.tag in LISTS:
            break
        if row is None and node.tag in ROWS:
            row = node
        if best is None:
            found = dates_itself(text) if text == shown else has_date(text.replace(shown, " ", 1))
        if found and len(text) > length:
            best, length = node, len(text)
        if node.mem_id == parent.mem_id:
            break
    return best if best is not None else row


def _text(nodes: Sequence[LexborNode]) -> str:
    texts = [(node.text_content or "") if node.is_text_node else node.text(separator=" ") for node in nodes]
    return plain(" ".join(texts)) if texts else ""


def _united(groups: Iterable[Group]) -> list[Group]:
    """Groups of one shape that stand together are one: rows in boxes of their own, a list in several parts."""
    alike: dict[tuple[object, ...], dict[int, list[Group]]] = defaultdict(lambda: defaultdict(list))
    steps: dict[int, str] = {}
    for group in groups:
        chain = list(around(group.parents[0]))
        for node in chain:
            if node.mem_id not in steps:
                steps[node.mem_id] = _step(node)
        floor = chain[2].mem_id if len(chain) > 2 else 0
        shape = tuple(steps[node.mem_id] for node in chain)
        alike[shape, group.is_dated][floor].append(group)
    united = []
    for floors in alike.values():
        # the parts of a list stand two floors below one element, boxes of single rows may stand far apart
        boxes: list[Group] = []
        for parts in floors.values():
            if max(len(part.rows) for part in parts) > MOST_KINDS:
                united.append(_joined(parts))
            else:
                boxes += parts
        if boxes:
            united.append(_joined(boxes))
    return united


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
    classes = (node.attrs.get("class") or "").split()
    return f"{node.tag}.{DIGITS.sub('', classes[0]) if classes else node.attrs.get('width') or ''}"
