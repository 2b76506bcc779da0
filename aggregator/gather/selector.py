"""Rows found on a page -> the rule that finds them again, in the site file's own form. Knows no articles.

The rule is kept: it names what stays when rows come and go, and when another list comes to the page.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.gather.group import DEEPEST, SHAPE_STEPS, around
from aggregator.gather.row import Row
from aggregator.model import ListingRule

PLACED = ":nth-of-type"
TAG = re.compile(r"[a-z][a-z0-9]*")
SAFE_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)


def rule_of(tree: LexborHTMLParser, rows: Sequence[Row]) -> ListingRule:
    """A selector for the rows; where the first of them stand apart, one for each kind of place."""
    places: dict[tuple[object, ...], list[LexborNode]] = defaultdict(list)
    for row in rows:
        top = _around_title(row)
        places[top.tag, top.parent.tag if top.parent is not None else None].append(top)
    return ListingRule(", ".join(_path(tree, tops) for tops in places.values()))


def _path(tree: LexborHTMLParser, tops: Sequence[LexborNode]) -> str:
    """The shortest path of names down to *tops* that finds all of them and, where it can be, no other links.

    A class or an id is on it where there is one: tags alone would find a list that comes to the page later. Places
    among neighbours are on it only where names do not tell, as few as do.
    """
    wanted = {node.mem_id for node in tops}
    linked: dict[int, bool] = {}
    best, most = f"body > {_tag(tops[0])}", (-1.0, False)
    for path in _paths(tops):
        if most[0] == 1.0 and PLACED in path and PLACED not in best:
            break
        found = tree.css(path)
        others = sum(one.mem_id not in wanted and _has_link(one, linked) for one in found)
        right = sum(one.mem_id in wanted for one in found) / (len(wanted) + others)
        fitness = (right, "." in path or "#" in path)
        if fitness > most:
            best, most = path, fitness
        if fitness == (1.0, True):
            break
    return best


def _paths(tops: Sequence[LexborNode]) -> Iterator[str]:
    """Ways to name *tops*, the simplest first."""
    row_names = _row_names(tops)
    for number, way in enumerate(_ways(tops)):
        for row_name in row_names:
            for height in range(max(number, 1) if number <= SHAPE_STEPS else 1, len(way) + 1):
                yield " > ".join([*reversed(way[:height]), row_name])


def _ways(tops: Sequence[LexborNode]) -> Iterator[list[str]]:
    """The steps from *tops* up: by names, with one element by its place, with all of them. Most need the first only."""
    steps = list(islice(around(tops[0], DEEPEST), 1, None))
    names = [_named(node) for node in steps]
    yield names[:SHAPE_STEPS]
    common = set.intersection(*({node.mem_id for node in around(top, DEEPEST)} for top in tops))
    places = [_placed(node) if node.mem_id in common else name for node, name in zip(steps, names, strict=True)]
    for at in range(min(len(steps), SHAPE_STEPS)):
        yield [*names[:at], places[at], *names[at + 1 : at + 3]]
    yield places


def _has_link(node: LexborNode, known: dict[int, bool]) -> bool:
    """Whether *node* is or holds a link; *known* has the answers given before."""
    key = node.mem_id
    if key not in known:
        known[key] = node.tag == "a" or node.css_first("a[href]") is not None
    return known[key]


def _row_names(tops: Sequence[LexborNode]) -> list[str]:
    """The ways to call the rows, the best first: by a class that all share; a row alone has its own by chance."""
    shared = set.intersection(*(set(_classes(node)) for node in tops))
    tag = _tag(tops[0])
    classes = [f"{tag}.{name}" for name in _classes(tops[0]) if name in shared]
    return [*classes, tag] if len(tops) > 1 else [tag, *classes]


def _around_title(row: Row) -> LexborNode:
    """The part of *row* that holds the link with the most to say."""
    link = max(row.links, key=lambda link: len(link.text()))
    parts = {node.mem_id: node for node in row.nodes}
    return next((parts[node.mem_id] for node in around(link, DEEPEST) if node.mem_id in parts), row.nodes[0])


def _named(node: LexborNode) -> str:
    """A selector step for *node*: its id, else its first class, else its tag alone."""
    name = node.attrs.get("id") or ""
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
    return f"{named}{PLACED}({place})"


def _tag(node: LexborNode) -> str:
    """The tag of *node*; any where broken markup made one like ``li"``."""
    return node.tag if node.tag and TAG.fullmatch(node.tag) else "*"


def _classes(node: LexborNode) -> list[str]:
    return [name for name in (node.attrs.get("class") or "").split() if SAFE_NAME.fullmatch(name)]
