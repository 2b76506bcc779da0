"""What feeds say of themselves: how seldom to come, and who announces their news."""

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.gather.discovery import advertised, read_links
from aggregator.gather.feed import read_feed
from aggregator.model import Listing, Response
from tests.university import NOW

URL = "https://news.example.edu.cn/feed/"
HUB, TOPIC = "https://hub.example/", "https://news.example.edu.cn/feed.xml"
ITEM = "<item><title>甲</title><link>http://a.edu.cn/1</link></item>"


def read(body):
    response = Response(URL, 200, body.encode())
    return read_feed(response, timezone=ZoneInfo("Asia/Shanghai"), now=NOW)


def rss(head):
    return f"""<rss version='2.0' xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'
        xmlns:atom='http://www.w3.org/2005/Atom'><channel><title>海棠</title>{head}{ITEM}</channel></rss>"""


def atom(head):
    return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>海棠</title>{head}<entry><title>甲</title><id>1</id></entry></feed>"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", None),
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl> 5\n</ttl>", timedelta(minutes=5)),
        ("<ttl>0</ttl>", None),
        ("<ttl>-60</ttl>", None),
        ("<ttl>1.5</ttl>", None),
        ("<ttl>an hour</ttl>", None),
        ("<ttl>٦٠</ttl>", None),
        ("<ttl/>", None),
        ("<ttl>86400</ttl>", timedelta(days=1)),
        ("<ttl>99999999999999999999</ttl>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", timedelta(hours=1)),
        ("<sy:updatePeriod>\n hourly </sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", timedelta(minutes=30)),
        ("<sy:updateFrequency>4</sy:updateFrequency>", timedelta(hours=6)),
        ("<sy:updatePeriod>yearly</sy:updatePeriod>", timedelta(days=1)),
        ("<sy:updatePeriod>sometimes</sy:updatePeriod>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>100000</sy:updateFrequency>", None),
        ("<ttl>5</ttl><sy:updatePeriod>hourly</sy:updatePeriod>", timedelta(hours=1)),
    ],
)  # fmt: skip
def test_a_feed_says_how_seldom_it_is_visited(head, expected):
    assert expected == read(rss(head)).refresh


def test_rss_1_0_says_it_in_its_channel():
    document = f"""<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'
        xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'><channel><title>海棠</title>
        <sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency></channel>{ITEM}</rdf:RDF>"""
    assert timedelta(hours=12) == read(document).refresh


@pytest.mark.parametrize(
    "document",
    [
        rss(f"<atom:link rel='self' href='{TOPIC}'/><atom:link rel='hub' href='{HUB}'/>"),
        atom(f"<link rel='hub' href='{HUB}'/><link rel='self' href='/feed.xml'/><link href='/'/>"),
        json.dumps({"title": "海棠", "feed_url": TOPIC, "hubs": [{"type": "rssCloud", "url": "https://cloud.example/"}, {"type": "WebSub", "url": HUB}], "items": []}),
    ],
)  # fmt: skip
def test_a_feed_names_its_hub_and_itself(document):
    listing = read(document)
    assert (HUB, TOPIC) == (listing.hub, listing.topic)


@pytest.mark.parametrize(
    "document",
    [
        rss("<link>https://news.example.edu.cn/</link>"),
        rss("<atom:link rel='hub' href=''/>"),
        rss("<atom:link rel='hub' href='mailto:hub@example.org'/>"),
        rss("<atom:link rel='hub' href='http://[注]/'/>"),
        rss(f"<atom:link rel='hub' href='https://hub.example/{'a' * 3000}'/>"),
        json.dumps({"hubs": [7, {"type": "WebSub"}, {"type": 1, "url": HUB}], "items": []}),
        json.dumps({"hubs": {"type": "WebSub", "url": HUB}, "items": []}),
    ],
)
def test_what_is_no_hub_is_none(document):
    assert None is read(document).hub


def test_of_several_hubs_a_secure_one_is_taken():
    hubs = "".join(f"<atom:link rel='hub' href='{url}'/>" for url in ("http://a.example/", "https://b.example/"))
    assert "https://b.example/" == read(rss(hubs)).hub


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("<https://hub.example/>; rel=hub", [("hub", HUB)]),
        ('<https://hub.example/>; rel="hub", </feed.xml>; rel="self"', [("hub", HUB), ("self", TOPIC)]),
        ('</feed.xml>; title="a, b; c"; rel="alternate SELF"', [("alternate", TOPIC), ("self", TOPIC)]),
        ("<https://hub.example/>", []),
        ("https://hub.example/; rel=hub", []),
        ("<<<>>>;;;,,rel=hub", []),
        ("<" * 100_000, []),
        ("<a>;" * 10_000 + '"', []),
    ],
)
def test_links_of_a_header_are_read(header, expected):
    assert expected == list(read_links(header, URL))


def test_the_header_goes_before_the_document():
    header = {"link": '<https://other.example/>; rel="hub"'}
    listing = Listing("feed", None, [], hub=HUB, topic=TOPIC)
    assert ("https://other.example/", TOPIC) == advertised(Response(URL, 200, b"", header), listing)
    assert (HUB, TOPIC) == advertised(Response(URL, 200, b""), listing)


def test_a_feed_that_does_not_name_itself_is_known_by_its_address():
    assert (HUB, URL) == advertised(Response(URL, 200, b""), Listing("feed", None, [], hub=HUB))


def test_without_a_hub_there_is_no_topic():
    assert (None, None) == advertised(Response(URL, 200, b""), Listing("feed", None, [], topic=TOPIC))
