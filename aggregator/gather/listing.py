"""A Response that should be a list page -> Listing, by the rule of its site or without one. Knows no network."""

from datetime import datetime
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from aggregator.errors import ParseError
from aggregator.gather.charset import decode
from aggregator.gather.dates import read_date
from aggregator.gather.group import PAGER, Candidate, complete, links_of, title_worth
from aggregator.gather.induce import base_of, induce, next_page, title_of
from aggregator.gather.links import absolute
from aggregator.gather.row import Row, plain, read_row
from aggregator.gather.tree import parse, select, texts
from aggregator.model import Item, Listing, ListingRule, Response


def read_listing(response: Response, rule: ListingRule | None, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """The items of the page in its order; with *rule* those it finds, else those of the list that reads most like one.

    Raises ParseError for a page without items: a list that is empty is a list that is broken.
    """
    html = decode(response.body, response.content_type)
    if rule is None:
        return induce(html, response.url, timezone=timezone, now=now)
    tree = parse(html)
    base = base_of(tree, response.url)
    found = select(tree, rule.item)
    rows = [row for number, node in enumerate(found) if (row := _row(node, number, rule, base))]
    complete(rows)
    items: dict[str, Item] = {}
    for row in rows:
        if item := _item(row.row, rule, timezone, now):
            items.setdefault(item.url, item)
    if not items:
        lists = len(tree.css("ul, ol, tbody, dl"))
        what = f"no links in the {len(found)} items that match" if found else "no items match"
        raise ParseError(f"{what} {rule.item!r} at {response.url} ({lists} lists on the page); mend or drop the rule")
    following = next_page(links_of(tree).pagers, base, response.url)
    return Listing("list", title_of(tree), list(items.values()), following, rule)


def _row(node: LexborNode, number: int, rule: ListingRule, base: str) -> Candidate | None:
    """The row that *node* is; None where no link in it leads anywhere."""
    links = [node] if node.tag == "a" and rule.link == "a" else select(node, rule.link)
    targets = [(link, target) for link in links if (target := absolute(link.attributes.get("href"), base))]
    if not targets:
        return None
    if rule.link == "a":  # one selector for several links: the article's, not its category's or its file's
        best, url = max(targets, key=lambda found: title_worth(plain(found[0].text()), found[1]))
        if PAGER.fullmatch(plain(best.text()) or "-"):
            return None
    else:
        best, url = targets[0]
    links = [link for link, target in targets if target == url]
    return Candidate(Row(url, [node], links), plain(best.text(separator=" ")), number)


def _item(row: Row, rule: ListingRule, timezone: ZoneInfo, now: datetime) -> Item | None:
    read = read_row(row, timezone=timezone, now=now)
    titles = texts(row.nodes[0], rule.title) if rule.title else []
    title = plain(titles[0]) if titles else read.title if read else ""
    published, precision = (read.published, read.precision) if read else (None, None)
    if rule.date:
        dated = read_date(" ".join(texts(row.nodes[0], rule.date)), timezone=timezone, now=now)
        published, precision = dated or (published, precision)
    return Item(row.url, title, published, precision) if title else None
