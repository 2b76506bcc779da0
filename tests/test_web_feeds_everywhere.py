"""Every kind of feed: one address each, valid, and back to the very first entry."""

import json
import re
from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit

import pytest
from lxml import etree

from aggregator.settings import Settings, WebSettings
from aggregator.store import Store
from aggregator.web.app import create_app
from tests.feedcheck import faults
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, fill, rules, settings, story, visit
from tests.test_web_feeds import breaks, links, titles

ATOM = "{http://www.w3.org/2005/Atom}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
EXTENSIONS = ("atom", "rss", "json")
PLACES = (
    "/feed", "/tags/海棠大学", "/tags/海棠大学+要闻-通知", "/sources/haitang-news", "/universities/海棠大学",
    "/feed?q=水稻", "/feed?tag=要闻&university=海棠大学", "/digest", "/sources",
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


def address_of(place, extension):
    path, _, query = place.partition("?")
    return f"{quote(path, safe='/')}.{extension}{'?' * bool(query)}{quote(query, safe='=&')}"


def public(place):
    """The address as we write it ourselves."""
    return SITE_URL + place.replace("%2B", "+")


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("place", PLACES)
def test_every_feed_is_valid(client, store, place, extension):
    fill(store)
    breaks(store, 1, hours=5)
    while store.index.catch_up():
        pass
    address = address_of(place, extension)

    response = client.get(address)

    assert 200 == response.status_code
    assert [] == faults(extension, response.data, public(address), now=NOW + timedelta(days=30))
    found = json.loads(response.data)["items"] if extension == "json" else etree.fromstring(response.data)
    assert len(found) if extension == "json" else b"<entry>" in response.data or b"<item>" in response.data


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("place", PLACES)
def test_two_renders_at_any_two_times_are_the_same_bytes(store, tmp_path, place, extension):
    fill(store)
    breaks(store, 1, hours=5)
    while store.index.catch_up():
        pass
    address = address_of(place, extension)

    first = app_of(store, tmp_path, now=NOW + timedelta(days=30)).test_client().get(address)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM rendered_feed")
    again = app_of(store, tmp_path, now=NOW + timedelta(days=400)).test_client().get(address)

    assert (first.data, first.headers["ETag"]) == (again.data, again.headers["ETag"])


# ------------------------------------------------------------ one address


@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        ("/feed.atom?tag=甲", "/tags/甲.atom"),
        ("/feed.rss?source=haitang-news", "/sources/haitang-news.rss"),
        ("/feed.json?university=海棠大学", "/universities/海棠大学.json"),
        ("/feed.atom?tag=乙%2B甲", "/tags/乙+甲.atom"),
        ("/feed.atom?tag=甲%2B乙&before=9-9", "/tags/乙+甲.atom?before=9-9"),
        ("/tags/甲%2B乙.atom", "/tags/乙+甲.atom"),
        ("/tags/甲＋乙.rss?before=9-9", "/tags/乙+甲.rss?before=9-9"),
        ("/tags/甲%2B(乙%7C甲).atom", "/tags/甲.atom"),
        ("/feed.atom?q=水稻&tag=甲", "/feed.atom?tag=甲&q=水稻"),
        ("/feed.atom?q=%20水稻%20%20耐旱", "/feed.atom?q=水稻+耐旱"),
        ("/feed.atom?q=", "/feed.atom"),
        ("/feed.atom?university=海棠大学&source=haitang-news&before=9-9", "/feed.atom?before=9-9&source=haitang-news&university=海棠大学"),
    ],
)  # fmt: skip
def test_what_means_the_same_is_one_address(client, store, asked, canonical):
    store.entries.record([visit(1, story(1, tags=("甲", "乙")))])

    response = client.get(asked)

    assert (301, canonical) == (response.status_code, unquote(response.headers["Location"]))
    assert 200 == client.get(response.headers["Location"]).status_code


def test_a_redirect_stays_on_the_host(client, store):
    store.entries.record([visit(1, story(1, tags=("//evil.example/x", "甲")))])

    locations = [
        client.get(path, query_string=query).headers["Location"]
        for path, query in (("/feed.atom", {"tag": "//evil.example/x"}), ("/tags/甲＋乙.atom".replace("乙", "甲"), {}))
    ]

    assert all(urlsplit(one).netloc == "" and one.startswith("/tags/") for one in locations)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/tags/甲%2B%2B乙.atom", 400),
        ("/tags/甲%2B没有.atom", 404),
        ("/feed.atom?source=none", 404),
        ("/feed.atom?university=无", 404),
        ("/universities/无.rss", 404),
        ("/feed.atom?archive=2025", 404),
        ("/feed.atom?archive=2025-W12", 404),
        ("/feed.atom?archive=2025-03&before=9-9", 404),
        ("/digest.atom?before=2999-01-01", 404),
        ("/digest.atom?before=x", 404),
    ],
)
def test_what_is_not_there_is_said_shortly(client, store, address, status):
    store.entries.record([visit(1, story(1, tags=("甲", "乙")))])

    response = client.get(address, follow_redirects=True)

    assert (status, "text/plain; charset=utf-8") == (response.status_code, response.headers["Content-Type"])
    assert response.text.startswith(str(status))
    assert len(response.text) < 300


# ------------------------------------------------------------ back to the first entry


def test_pages_lead_to_the_first_entry_and_say_where_they_are(client, store):
    store.entries.record([visit(1, *(story(n, hours=n // 3, title=str(n)) for n in range(120)))])

    newest = links(client.get("/tags/海棠大学.atom").data)
    second = links(client.get(newest["next"].removeprefix(SITE_URL)).data)
    last = client.get(newest["last"].removeprefix(SITE_URL)).data

    assert newest["self"] == newest["first"] == second["first"]
    assert [str(n) for n in range(70, 120)] == titles(last)
    assert "next" not in links(last)


def seen_by_archives(client, address):
    """The titles that a reader of RFC 5005 §4 has in the end, and the archives it read."""
    found, read = set(), []
    while address:
        body = client.get(address.removeprefix(SITE_URL)).data
        found |= set(titles(body))
        read.append(address)
        address = links(body).get("prev-archive")
        assert address not in read
    return found, read


def test_archives_hold_every_entry(client, store):
    store.entries.record([visit(1, *(story(n, hours=n * 20, title=str(n)) for n in range(200)))])

    found, read = seen_by_archives(client, f"{SITE_URL}/tags/海棠大学.atom")

    assert {str(n) for n in range(200)} == found
    assert ["2025-02", "2025-01", "2024-12", "2024-11", "2024-10"] == [one.partition("archive=")[2] for one in read[1:]]


def test_an_archive_is_a_document_of_the_feed(client, store):
    store.entries.record([visit(1, *(story(n, hours=n * 20, title=str(n)) for n in range(200)))])

    feed = client.get("/feed.atom").data
    body = client.get("/feed.atom?archive=2025-01").data

    assert etree.fromstring(feed).findtext(f"{ATOM}id") == etree.fromstring(body).findtext(f"{ATOM}id")
    assert etree.fromstring(body).find(f"{HISTORY}archive") is not None
    assert {
        "self": f"{SITE_URL}/feed.atom?archive=2025-01",
        "alternate": f"{SITE_URL}/",
        "current": f"{SITE_URL}/feed.atom",
        "prev-archive": f"{SITE_URL}/feed.atom?archive=2024-12",
        "next-archive": f"{SITE_URL}/feed.atom?archive=2025-02",
    } == links(body)
    assert all(
        one.text.startswith(("2025-01", "2024-12-31T"))
        for one in etree.fromstring(body).iterfind(f".//{ATOM}published")
    )
    for extension in EXTENSIONS:
        address = f"/feed.{extension}?archive=2025-01"
        assert [] == faults(extension, client.get(address).data, SITE_URL + address, now=NOW + timedelta(days=1))


def test_a_month_of_many_entries_is_kept_in_days(client, store):
    many = [story(n, hours=24 * 30 + n / 2, title=str(n)) for n in range(900)]
    store.entries.record([visit(1, *many, *(story(9000 + n, title=f"新{n}") for n in range(3)))])

    found, read = seen_by_archives(client, f"{SITE_URL}/feed.atom")
    month = client.get("/feed.atom?archive=2025-02")

    assert {str(n) for n in range(900)} | {f"新{n}" for n in range(3)} == found
    assert "2025-02-18" in read[1]
    assert (302, "/feed.atom?archive=2025-02-19") == (month.status_code, month.headers["Location"])


def test_an_archive_that_a_feed_leads_to_does_not_grow(client, store):
    store.entries.record([visit(1, *(story(n, hours=n * 4, title=str(n)) for n in range(200)))])
    _, read = seen_by_archives(client, f"{SITE_URL}/feed.atom")
    places = [one.removeprefix(SITE_URL) for one in read[1:]]
    former = [titles(client.get(one).data) for one in places]

    store.entries.record([visit(1, *(story(900 + n, hours=-n, title=f"新{n}") for n in range(60)))])

    assert ["2025-03-13", "2025-03-12"] == [one.partition("archive=")[2] for one in read[1:3]]
    assert former == [titles(client.get(one).data) for one in places]
    assert {str(n) for n in range(200)} | {f"新{n}" for n in range(60)} == seen_by_archives(client, "/feed.atom")[0]


def test_the_newest_month_is_kept_in_days(client, store):
    store.entries.record([visit(1, *(story(n, hours=n * 4, title=str(n)) for n in range(200)))])

    month, day = client.get("/feed.atom?archive=2025-03"), client.get("/feed.atom?archive=2025-03-20")

    assert (302, "/feed.atom?archive=2025-03-21") == (month.status_code, month.headers["Location"])
    assert "prev-archive" in links(day.data)
    assert "next-archive" not in links(day.data)
    assert [404, 404] == [client.get(f"/feed.atom?archive={name}").status_code for name in ("2025-03-22", "2025-04")]


def test_a_day_of_more_entries_than_a_document_is_read_to_its_first(client, store):
    store.entries.record([visit(1, *(story(n, hours=n / 20, title=str(n)) for n in range(120)))])

    assert {str(n) for n in range(120)} == seen_by_archives(client, "/feed.atom")[0]


def test_a_feed_that_is_all_there_is_says_so(client, store):
    store.entries.record([visit(1, story(1))])

    assert etree.fromstring(client.get("/feed.atom").data).find(f"{HISTORY}complete") is not None
    assert {"self", "alternate"} == links(client.get("/feed.atom").data).keys()


# ------------------------------------------------------------ digests


def test_each_day_that_is_over_is_a_digest(client, store):
    late = NOW + timedelta(hours=5)
    news = [
        story(1, hours=1, title="今天"),
        story(2, hours=24, title="昨天"),
        story(3, hours=72, title="早先", seen_at=late),
    ]
    store.entries.record([visit(1, *news)])

    feed = etree.fromstring(client.get("/digest.atom").data)

    assert [
        ("tag:news.example.org,2026:digest:2025-03-20", "日报 2025年3月20日", "2025-03-20T16:00:00+00:00"),
        ("tag:news.example.org,2026:digest:2025-03-18", "日报 2025年3月18日", late.replace(microsecond=0).isoformat()),
    ] == [
        (one.findtext(f"{ATOM}id"), one.findtext(f"{ATOM}title"), re.sub(r"\.\d+", "", one.findtext(f"{ATOM}updated")))
        for one in feed.iterfind(f"{ATOM}entry")
    ]
    assert "昨天" in feed.findtext(f"{ATOM}entry/{ATOM}content")


def test_digests_go_back_to_the_first_day(client, store):
    store.entries.record([visit(1, *(story(n, hours=24 * n) for n in range(40)))])

    days, address = [], "/digest.atom"
    while address:
        body = client.get(address).data
        days += [one.text[-10:] for one in etree.fromstring(body).iterfind(f"{ATOM}entry/{ATOM}id")]
        address = links(body).get("next", "").removeprefix(SITE_URL)

    assert [f"{(NOW - timedelta(days=n)):%Y-%m-%d}" for n in range(1, 40)] == days


# ------------------------------------------------------------ hubs


def test_feeds_name_the_hubs_that_announce_them(store, tmp_path):
    fill(store)
    hubs = WebSettings(hubs="https://a.example/hub, https://b.example/hub")
    site = settings(tmp_path)
    client = create_app(Settings(instance=tmp_path, site=site.site, web=hubs), store, now=lambda: NOW).test_client()

    feed, page = client.get("/feed.json"), client.get("/tags/海棠大学%2B要闻.json")

    assert ["https://a.example/hub", "https://b.example/hub"] == [hub["url"] for hub in json.loads(feed.data)["hubs"]]
    assert [
        '<https://a.example/hub>; rel="hub"', '<https://b.example/hub>; rel="hub"', f'<{SITE_URL}/feed.json>; rel="self"'
    ] == feed.headers.getlist("Link")  # fmt: skip
    assert ("hubs" in json.loads(page.data), page.headers.getlist("Link")) == (False, [])


@pytest.mark.parametrize(
    "place", ["/feed", "/tags/海棠大学+要闻|通知", "/universities/海棠大学", "/sources/haitang-news"]
)
def test_postgresql_gives_the_same_documents(postgresql, store, tmp_path, place):
    other = Store(postgresql)
    other.upgrade()
    other.sources.sync(rules(), NOW)
    fill(store)
    fill(other)
    clients = [app_of(one, tmp_path).test_client() for one in (store, other)]

    for address in (address_of(place, "atom"), address_of(place, "atom") + "?archive=2025-03"):
        documents = [client.get(address, follow_redirects=True).data for client in clients]
        assert documents[0] == documents[1]
        assert b"<entry>" in documents[0]
    other.close()
