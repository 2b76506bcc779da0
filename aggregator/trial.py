"""One page and what we make of it: behind `aggregator try` and `aggregator add`. Stores nothing.

Knows the readers; what it gives are the objects that `try --json` prints.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aggregator.classify.tag import Tagger
from aggregator.errors import ParseError
from aggregator.gather.article import read_article
from aggregator.gather.charset import decode
from aggregator.gather.feed import looks_like_feed, read_feed
from aggregator.gather.listing import read_listing
from aggregator.model import Article, Family, Kind, Listing, Response
from aggregator.rules import feed_timezone
from aggregator.visit.compose import entry_keywords

# a page with fewer items is an article with a sidebar rather than a list
LIST_ITEMS = 5


def read_page(
    response: Response, kind: Kind | None, families: Sequence[Family], *, timezone: ZoneInfo, now: datetime
) -> Listing | Article:
    """*response* read as *kind*, or as what it looks like. Raises ParseError."""
    if kind == "feed" or (kind is None and looks_like_feed(response)):
        return read_feed(response, timezone=feed_timezone(response.url, timezone), now=now)
    if kind == "list":
        return read_listing(response, None, timezone=timezone, now=now)
    if kind == "article":
        return read_article(response, None, families, timezone=timezone, now=now)
    return _guess(response, families, timezone, now)


def reader_of(page: Listing | Article, response: Response, families: Sequence[Family]) -> str:
    """Which rule read *page*, or which families' marks *response* bears: for a person who wants to know."""
    if isinstance(page, Listing):
        return f"{page.kind}, by item={page.rule.item!r} date={page.rule.date!r}" if page.rule else page.kind
    html = decode(response.body, response.content_type)
    known = [family.name for family in families if any(mark in html for mark in family.marks)]
    return f"article, with the marks of {', '.join(known)}" if known else "article, of no known family"


def as_json(page: Listing | Article, timezone: ZoneInfo, tagger: Tagger | None = None) -> dict[str, Any]:
    """The object that house rules give `try --json`: times in ISO 8601 as the site means them.

    Tags are those that title, text, section and keywords tell *tagger*; those that a site file gives come beside them.
    """
    if isinstance(page, Article):
        return {
            "kind": "article",
            "url": page.url,
            "title": page.title,
            "published": _iso(page.published, timezone),
            "precision": page.precision,
            "author": page.author,
            "origin": page.origin,
            "editor": page.editor,
            "section": list(page.section),
            "keywords": list(page.keywords),
            "tags": tags_of(page, tagger) if tagger else [],
            "text": page.text,
            "html": page.html,
            "images": list(page.images),
            "attachments": [{"url": one.url, "title": one.title} for one in page.attachments],
        }
    return {
        "kind": page.kind,
        "title": page.title,
        "items": [
            {
                "url": item.url,
                "title": item.title,
                "published": _iso(item.published, timezone),
                "precision": item.precision,
            }
            for item in page.items
        ],
        "next_page": page.next_page,
        "rule": asdict(page.rule) if page.rule else None,
    }


def tags_of(page: Article, tagger: Tagger) -> list[dict[str, str]]:
    """The topics of *page*, and why it has each."""
    title = page.title or ""
    keywords = entry_keywords((), page.keywords, title, page.text)
    return [one._asdict() for one in tagger.reasons((), title, page.text, page.section, keywords)]


def _guess(response: Response, families: Sequence[Family], timezone: ZoneInfo, now: datetime) -> Listing | Article:
    """A list whose items are dated is a list; else the page is an article if it reads as one."""
    try:
        listing = read_listing(response, None, timezone=timezone, now=now)
    except ParseError as no_list:
        try:
            return read_article(response, None, families, timezone=timezone, now=now)
        except ParseError as no_article:
            raise ParseError(f"{no_list}; and {str(no_article).replace(f' at {response.url}', '')}") from no_article
    dated = sum(item.published is not None for item in listing.items)
    if len(listing.items) >= LIST_ITEMS and dated * 2 >= len(listing.items):
        return listing
    try:
        article = read_article(response, None, families, timezone=timezone, now=now)
    except ParseError:
        return listing
    return article if article.published is not None and article.text else listing


def _iso(time: datetime | None, timezone: ZoneInfo) -> str | None:
    return time.astimezone(timezone).isoformat(timespec="seconds") if time else None
