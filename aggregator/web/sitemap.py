"""What search engines ask for: robots.txt, and sitemaps that name every page (sitemaps.org).

A part holds entries of one span of numbers, so that what is full never changes its place.
"""

from collections.abc import Iterator
from datetime import UTC
from html import escape

from flask import Blueprint, Response

from aggregator.errors import NotFound
from aggregator.web.service import address, service

blueprint = Blueprint("sitemap", __name__)

PART = 10_000  # entries; sitemaps.org allows 50,000 addresses and 50 MB
XML = "application/xml; charset=utf-8"
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
HOUR_SECONDS = 3600


@blueprint.get("/robots.txt")
def robots() -> Response:
    """All may be read; a search has no end, and its results stand elsewhere."""
    closed = "" if service().is_static else " /search"
    text = f"User-agent: *\nDisallow:{closed}\n\nSitemap: {address('sitemap.index')}\n"
    return _public(Response(text, content_type="text/plain; charset=utf-8"))


@blueprint.get("/sitemap.xml")
def index() -> Response:
    parts = (service().store.archive.last_id() + PART - 1) // PART
    places = [address("sitemap.pages"), *(address("sitemap.entries", number=one) for one in range(1, parts + 1))]
    lines = "".join(f"<sitemap><loc>{escape(place)}</loc></sitemap>\n" for place in places)
    return _public(Response(f"{HEAD}<sitemapindex {SPACE}>\n{lines}</sitemapindex>\n", content_type=XML))


@blueprint.get("/sitemaps/pages.xml")
def pages() -> Response:
    return _written(_page_lines())


@blueprint.get("/sitemaps/<int:number>.xml")
def entries(number: int) -> Response:
    """The *number*-th part; the first is 1."""
    last = service().store.archive.last_id()
    if not 1 <= number <= (last + PART - 1) // PART:
        raise NotFound(f"there is no sitemap {number}")
    return _written(_entry_lines((number - 1) * PART, number * PART))


def _page_lines() -> Iterator[str]:
    store = service().store
    for endpoint in ("index", "today", "tags", "universities", "sources", "archive", "about", "readers"):
        yield _line(address(f"pages.{endpoint}"))
    states = store.counts.of_sources()
    for name in dict.fromkeys(state.source.university for state in states):
        yield _line(address("pages.university", name=name))
    for state in states:
        yield _line(address("pages.source", name=state.source.name))
    for tag in store.entries.tags()[:PART]:
        yield _line(address("pages.tag", name=tag.name))


def _entry_lines(after: int, last: int) -> Iterator[str]:
    # an address of our own making: only the slug differs
    before, _, behind = address("pages.entry", slug="*").partition("*")
    for slug, updated in service().store.archive.addresses(after, last):
        yield _line(f"{before}{slug}{behind}", f"{updated.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")


def _line(place: str, changed: str = "") -> str:
    return f"<url><loc>{escape(place)}</loc>{f'<lastmod>{changed}</lastmod>' if changed else ''}</url>\n"


def _written(lines: Iterator[str]) -> Response:
    """A megabyte at most: what fails on the way is an error page, no half of a document."""
    return _public(Response(f"{HEAD}<urlset {SPACE}>\n{''.join(lines)}</urlset>\n", content_type=XML))


def _public(response: Response) -> Response:
    response.cache_control.max_age = HOUR_SECONDS
    return response
