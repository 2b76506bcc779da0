"""What every reader promises for any bytes at all: a result that keeps to its limits, or a SourceError.

A promise that is broken is an AssertionError; whatever else comes out of ``keep`` is a fault of its own.
"""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.errors import SourceError
from aggregator.gather.article import read_article
from aggregator.gather.charset import decode
from aggregator.gather.clean import clean
from aggregator.gather.feed import find_feeds, looks_like_feed, read_feed
from aggregator.gather.listing import read_listing
from aggregator.model import ListingRule, Response
from aggregator.rules import load
from aggregator.visit.compose import keyed

URL = "https://news.example.edu.cn/xw/index.htm"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
FAMILIES = list(load(None).families.values())
RULE = ListingRule(item="li, tr, div.item", link="a", title="a/@title", date="span, td")
ADDRESS_SCHEMES = {"http", "https"}
LINK_SCHEMES = {*ADDRESS_SCHEMES, "mailto", "tel"}
RUNS = {"script", "style", "iframe", "object", "embed", "form", "input", "svg", "math", "base", "meta", "link"}


def keep(kind, body, content_type=None):
    """Reads *body* as *kind* and holds the result to the promises; None where there is one, else the SourceError."""
    response = Response(URL, 200, body, {"content-type": content_type} if content_type else {})
    try:
        result = READERS[kind](response)
    except SourceError as error:
        return error
    PROMISES[kind](result)
    return None


def text_of(response):
    return decode(response.body, response.content_type)


READERS = {
    "decode": text_of,
    "clean": lambda response: clean(text_of(response), URL),
    "list": lambda response: read_listing(response, None, timezone=SHANGHAI, now=NOW),
    "ruled list": lambda response: read_listing(response, RULE, timezone=SHANGHAI, now=NOW),
    "article": lambda response: read_article(response, None, FAMILIES, timezone=SHANGHAI, now=NOW),
    "feeds of a page": lambda response: (looks_like_feed(response), find_feeds(text_of(response), URL)),
    "feed": lambda response: read_feed(response, timezone=SHANGHAI, now=NOW),
}


def hold_text(text):
    text.encode()


def hold_cleaned(cleaned):
    is_safe(cleaned.html)
    for url in (*cleaned.images, *(file.url for file in cleaned.attachments)):
        is_address(url)


def hold_list(listing):
    assert listing.items
    assert len({(item.url, item.title) for item in listing.items}) == len(listing.items)
    if listing.next_page:
        is_address(listing.next_page)
    for item in listing.items:
        is_address(item.url)
        is_text(item.title)
        is_past(item.published, item.precision)


def hold_article(article):
    is_safe(article.html)
    for url in (article.url, *article.images, *(file.url for file in article.attachments)):
        is_address(url)
    for text in (article.title, article.text, article.author, article.origin, article.editor, *article.section):
        if text:
            is_text(text)
    is_past(article.published, article.precision)


def hold_feed(listing):
    for item in listing.items:
        assert item.published is None or 1970 <= item.published.year <= 2100, item.published
        assert item.published is None or item.published.utcoffset() == timedelta(0)
    for item in (*listing.items, *keyed(listing, URL, ()).values()):
        is_address(item.url)
        for file in item.attachments:
            is_address(file.url)


def hold_feeds_of_a_page(found):
    is_feed, links = found
    assert is_feed in (True, False)
    for url, title in links:
        assert url
        title.encode()


PROMISES = {
    "decode": hold_text,
    "clean": hold_cleaned,
    "list": hold_list,
    "ruled list": hold_list,
    "article": hold_article,
    "feeds of a page": hold_feeds_of_a_page,
    "feed": hold_feed,
}
KINDS = tuple(READERS)


def is_address(url):
    parts = urlsplit(url)
    assert parts.scheme in ADDRESS_SCHEMES, url
    assert parts.hostname, url


def is_text(text):
    assert text.strip(), text
    text.encode()
    assert "\0" not in text, text


def is_past(at, precision):
    if at is None:
        assert precision is None
        return
    assert at.utcoffset() == timedelta(0), at
    assert at >= datetime(1990, 1, 1, tzinfo=SHANGHAI) - timedelta(hours=14), at
    assert at <= NOW + timedelta(days=1), at
    local = at.astimezone(SHANGHAI)
    assert precision == "minute" or (precision == "day" and local.hour in (0, 1)), (local, precision)


def is_safe(html):
    parser = Watch()
    parser.feed(html)
    parser.close()


class Watch(HTMLParser):
    """Another parser than the cleaner's looks for what must not be there."""

    def handle_starttag(self, tag, attrs):
        assert tag not in RUNS, tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name != "style", value
            if name in ("href", "src"):
                scheme = urlsplit((value or "").strip()).scheme.lower()
                assert scheme in (LINK_SCHEMES if name == "href" else ADDRESS_SCHEMES), value

    handle_startendtag = handle_starttag

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data!r}")

    def handle_decl(self, decl):
        raise AssertionError(f"a declaration: {decl!r}")

    handle_pi = unknown_decl = handle_decl
