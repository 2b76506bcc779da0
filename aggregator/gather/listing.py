"""A Response that should be a list page -> Listing, by the rule of its site or without one. Knows no network."""

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from aggregator.errors import ParseError
from aggregator.gather.charset import decode
from aggregator.gather.dates import read_date
from aggregator.gather.group import MOST_LINKS, Candidate, links_of, weighed
from aggregator.gather.induce import base_of, induce, items_of, leads_away, shown, title_of
from aggregator.gather.links import absolute
from aggregator.gather.pager import PAGER, next_page
from aggregator.gather.row import Row, plain, read_row
from aggregator.gather.tree import select, texts
from aggregator.gather.worth import title_worth
from aggregator.model import Item, Listing, ListingRule, Response

ANY = "a"  # what a rule says of the link when it leaves the choice to us
MOST_INSIDE = 3  # levels of matches in one; what holds more is a frame of the page, no row
MOST_LINKS_IN_ROWS = 50_000


def read_listing(response: Response, rule: ListingRule | None, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """The items of the page in its order; with *rule* those it finds, else those of the list that reads most like one.

    Raises ParseError for a page without items: a list that is empty is a list that is broken.
    """
    html = decode(response.body, response.content_type)
    if rule is None:
        return induce(html, response.url, timezone=timezone, now=now)
    tree = shown(html)
    base = base_of(tree, response.url)
    found = _without_frames(select(tree, rule.item)[:MOST_LINKS])
    rows = list(_rows(found, rule, base, response.url))
    articles = weighed(rows)
    items = items_of(
        [one.row for one in (articles if rule.link == ANY else rows)],
        partial(_item, rule=rule, timezone=timezone, now=now),
    )
    if not items:
        lists = len(tree.css("ul, ol, tbody, dl"))
        what = f"no links in the {len(found)} items that match" if found else "no items match"
        raise ParseError(f"{what} {rule.item!r} at {response.url} ({lists} lists on the page); mend or drop the rule")
    following = next_page(tree, links_of(tree).pagers, html, base, response.url)
    return Listing("list", title_of(tree), items, following, rule)


def _without_frames(matches: Sequence[LexborNode]) -> list[LexborNode]:
    """*matches*, in the order of the page, without those that hold levels of others: a row is read with all in it."""
    inside = {node.mem_id: 0 for node in matches}  # levels of matches in each
    around: dict[int, int] = {}
    for node in reversed(matches):  # so what stands inside comes first
        if holder := _match_around(node.parent, inside, around):
            inside[holder] = max(inside[holder], inside[node.mem_id] + 1)
    return [node for node in matches if inside[node.mem_id] <= MOST_INSIDE]


def _match_around(node: LexborNode | None, matches: Container[int], around: dict[int, int]) -> int:
    """The nearest of *matches* that is *node* or holds it, 0 for none; *around* has the answers given before."""
    path = []
    while node is not None and node.mem_id not in matches and node.mem_id not in around:
        path.append(node.mem_id)
        node = node.parent
    answer = around.get(node.mem_id, node.mem_id) if node is not None else 0
    around.update(dict.fromkeys(path, answer))
    return answer


def _rows(found: Sequence[LexborNode], rule: ListingRule, base: str, url: str) -> Iterator[Candidate]:
    """The rows that *found* are, without those in which no link leads anywhere."""
    left = MOST_LINKS_IN_ROWS
    for number, node in enumerate(found):
        links = [node] if node.tag == "a" and rule.link == ANY else select(node, rule.link)[:left]
        left -= len(links)
        if row := _row(node, links, number, rule, base, url):
            yield row


def _row(
    node: LexborNode, links: Sequence[LexborNode], number: int, rule: ListingRule, base: str, url: str
) -> Candidate | None:
    targets = [(link, address) for link in links if (address := absolute(link.attributes.get("href"), base))]
    if rule.link == ANY:  # one selector for several links: the article's, not its category's or its file's
        away = [found for found in targets if leads_away(found[1], url)]
        targets = sorted(away, key=lambda found: -title_worth(plain(found[0].text()), found[1]))
        if targets and PAGER.fullmatch(plain(targets[0][0].text()) or "-"):
            return None
    if not targets:
        return None
    best, target = targets[0]
    of_target = [link for link, address in targets if address == target]
    return Candidate(Row(target, [node], of_target), plain(best.text(separator=" ")), number)


def _item(row: Row, rule: ListingRule, timezone: ZoneInfo, now: datetime) -> Item | None:
    read = read_row(row, timezone=timezone, now=now)
    titles = texts(row.nodes[0], rule.title) if rule.title else []
    title = plain(titles[0]) if titles else read.title if read else ""
    published, precision = (read.published, read.precision) if read else (None, None)
    if rule.date:
        dated = read_date(" ".join(texts(row.nodes[0], rule.date)), timezone=timezone, now=now)
        published, precision = dated or (published, precision)
    return Item(row.url, title, published, precision) if title else None
