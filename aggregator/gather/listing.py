"""A Response that should be a list page -> Listing, by the rule of its site or without one. Knows no network."""

from datetime import datetime
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from aggregator.errors import ParseError
from aggregator.gather.charset import decode
from aggregator.gather.dates import read_date
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
    items: dict[str, Item] = {}
    for node in found:
        item = _item(node, rule, base, timezone, now)
        if item:
            items.setdefault(item.url, item)
    if not items:
        lists = len(tree.css("ul, ol, tbody, dl"))
        what = f"no links in the {len(found)} items that match" if found else "no items match"
        raise ParseError(f"{what} {rule.item!r} at {response.url} ({lists} lists on the page); mend or drop the rule")
    return Listing("list", title_of(tree), list(items.values()), next_page(tree, base, response.url), rule)


def _item(node: LexborNode, rule: ListingRule, base: str, timezone: ZoneInfo, now: datetime) -> Item | None:
    links = [node] if node.tag == "a" and rule.link == "a" else select(node, rule.link)
    targets = [(link, target) for link in links if (target := absolute(link.attributes.get("href"), base))]
    if not targets:
        return None
    # one selector for several links: the article's is the one that says most, beside its category or its file
    url = max(targets, key=lambda found: len(plain(found[0].text())))[1] if rule.link == "a" else targets[0][1]
    row = Row(url, [node], [link for link, target in targets if target == url])
    read = read_row(row, timezone=timezone, now=now)
    titles = texts(node, rule.title) if rule.title else []
    title = plain(titles[0]) if titles else read.title if read else ""
    published, precision = (read.published, read.precision) if read else (None, None)
    if rule.date:
        dated = read_date(" ".join(texts(node, rule.date)), timezone=timezone, now=now)
        published, precision = dated or (published, precision)
    return Item(url, title, published, precision) if title else None
