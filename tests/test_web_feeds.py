import gzip
import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from lxml import etree
from sqlalchemy import text

from aggregator.model import Begun, Site, SourceRule
from aggregator.store import Store
from aggregator.web.app import create_app
from tests.newsroom import NOW, SITE_URL, UNIVERSITIES, app_of, empty_store, fill, rules, settings, story, visit

ATOM = "{http://www.w3.org/2005/Atom}"
FORMATS = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json",
}
CACHED = "max-age=300, stale-while-revalidate=3600, stale-if-error=86400"


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


def titles(body):
    return [title.text for title in etree.fromstring(body).iterfind(f"{ATOM}entry/{ATOM}title")]


def links(body):
    return {link.get("rel"): link.get("href") for link in etree.fromstring(body).iterfind(f"{ATOM}link")}


@pytest.mark.parametrize("place", ["/feed", "/tags/海棠大学", "/sources/haitang-news"])
@pytest.mark.parametrize("extension", FORMATS)
def test_every_feed_comes_in_every_format(client, store, place, extension):
    fill(store)

    response = client.get(f"{place}.{extension}")

    assert (200, FORMATS[extension]) == (response.status_code, response.headers["Content-Type"])
    assert "我校水稻耐旱研究取得新进展" in response.text
    age = 1380 if place.startswith("/sources/") else 300  # until it is visited again
    assert (CACHED.replace("300", str(age), 1), "*") == (
        response.headers["Cache-Control"], response.headers["Access-Control-Allow-Origin"]
    )  # fmt: skip


def test_a_feed_says_where_it_lives(client, store):
    fill(store)

    body = client.get("/tags/海棠大学.atom").data

    tag = "/tags/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6"
    assert {"self": f"{SITE_URL}{tag}.atom", "alternate": f"{SITE_URL}{tag}/"} == links(body)
    assert f"tag:news.example.org,2026:feed:{tag}/" == etree.fromstring(body).findtext(f"{ATOM}id")
    assert "海棠大学 · 高校新闻" == etree.fromstring(body).findtext(f"{ATOM}title")


def test_a_feed_holds_only_what_it_is_about(client, store):
    store.entries.record([visit(1, story(1, tags=("甲",))), visit(3, story(2, tags=("乙",)))])

    assert 2 == len(titles(client.get("/feed.atom").data))
    assert 1 == len(titles(client.get("/tags/甲.atom").data))
    assert 1 == len(titles(client.get("/sources/yunling-news.atom").data))


@pytest.mark.parametrize(
    "name", ["a/b", "C++", "<script>alert(1)</script>", "50% & more?", "a//b", "/a", "x.atom", "#", "。", "a b"]
)
def test_a_tag_of_any_characters_has_its_feed_and_page(client, store, name):
    store.entries.record([visit(1, story(1, tags=(name,)))])

    line = etree.fromstring(client.get("/feeds.opml").data).find(f".//outline[@title='{name}']")
    feed = client.get(line.get("xmlUrl").removeprefix(SITE_URL))
    page = client.get(line.get("htmlUrl").removeprefix(SITE_URL))

    assert (200, 200) == (feed.status_code, page.status_code)
    assert (1, line.get("xmlUrl")) == (len(titles(feed.data)), links(feed.data)["self"])
    assert "<script>" not in page.text


def test_older_entries_follow_page_by_page(client, store):
    store.entries.record([visit(1, *(story(n, hours=n // 3, title=str(n)) for n in range(120)))])

    seen, address = [], "/feed.atom"
    while address:
        body = client.get(address).data
        seen += titles(body)
        address = links(body).get("next", "").removeprefix(SITE_URL)

    assert [str(n) for n in range(120)] == seen


@pytest.mark.parametrize("cursor", ["", "x", "1-", f"{10**30}-1", "1-1%00"])
def test_a_page_of_nothing_is_not_found(client, cursor):
    assert 404 == client.get(f"/feed.atom?before={cursor}").status_code


@pytest.mark.parametrize("address", ["/feed.xml", "/tags/没有.atom", "/sources/none.rss", "/feed", "/feed."])
def test_a_feed_that_is_not_there_is_not_found(client, address):
    assert 404 == client.get(address).status_code


def test_a_feed_without_entries_is_a_feed(client):
    first, again = client.get("/feed.atom"), client.get("/feed.atom")

    assert (200, []) == (first.status_code, titles(first.data))
    assert "2000-01-01T00:00:00+00:00" == etree.fromstring(first.data).findtext(f"{ATOM}updated")
    assert first.data == again.data


@pytest.mark.parametrize("extension", FORMATS)
def test_the_same_entries_are_the_same_bytes_at_any_time(store, tmp_path, extension):
    fill(store)
    first = app_of(store, tmp_path).test_client().get(f"/feed.{extension}")
    store.feeds.keep(f"/feed.{extension}", "none", "", b"", NOW)  # forget what was kept

    again = app_of(store, tmp_path, now=NOW + timedelta(days=400)).test_client().get(f"/feed.{extension}")

    assert (first.data, first.headers["ETag"]) == (again.data, again.headers["ETag"])


# ------------------------------------------------------------ kept bytes


def test_a_kept_feed_is_answered_without_feedgen(store, tmp_path):
    fill(store)
    app_of(store, tmp_path).test_client().get("/feed.atom")

    program = (
        "import sys; from pathlib import Path; from tests.newsroom import app_of; from aggregator.store import Store\n"
        f"folder = Path({str(tmp_path)!r}); store = Store(f'sqlite:///{{folder}}/aggregator.db')\n"
        "assert 200 == app_of(store, folder).test_client().get('/feed.atom').status_code; store.close()\n"
        "assert 'feedgen' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_new_entry_is_in_the_feed_at_once(client, store):
    store.entries.record([visit(1, story(1, title="甲"))])
    before = client.get("/feed.atom")

    store.entries.record([visit(1, story(2, title="乙"))])

    after = client.get("/feed.atom")
    assert (["甲"], {"甲", "乙"}) == (titles(before.data), set(titles(after.data)))
    assert before.headers["ETag"] != after.headers["ETag"]


def test_an_entry_elsewhere_changes_nothing(client, store):
    store.entries.record([visit(1, story(1))])
    before = client.get("/sources/haitang-news.atom")

    store.entries.record([visit(3, story(2))])

    after = client.get("/sources/haitang-news.atom", headers={"If-None-Match": before.headers["ETag"]})
    assert 304 == after.status_code


def test_a_source_under_a_new_title_is_named_so(client, store):
    store.entries.record([visit(1, story(1))])
    client.get("/feed.atom")

    site, rule = rules()[0]
    store.sources.sync([(site, replace(rule, title="海棠要闻")), *rules()[1:]], NOW)

    assert "海棠要闻" in client.get("/feed.atom").text


def test_a_new_name_of_the_service_is_in_kept_feeds(store, tmp_path):
    app_of(store, tmp_path).test_client().get("/feed.atom")

    renamed = app_of(store, tmp_path, name="各校要闻").test_client()

    assert "各校要闻" in renamed.get("/feed.atom").text


def test_a_database_that_cannot_be_written_still_gives_feeds(client, store):
    fill(store)
    with store.write() as connection:  # SQLite's own limit answers as a full disk does: SQLITE_FULL
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    response = client.get("/feed.atom")

    assert (200, 50) == (response.status_code, len(titles(response.data)))


# ------------------------------------------------------------ conditional requests


@pytest.mark.parametrize("condition", ["{0}", "W/{0}", '"other", {0}', '"other",W/{0}', "*"])
def test_who_has_the_feed_is_told_so(client, condition):
    etag = client.get("/feed.atom").headers["ETag"]

    response = client.get("/feed.atom", headers={"If-None-Match": condition.format(etag)})

    assert (304, b"", etag) == (response.status_code, response.data, response.headers["ETag"])
    assert CACHED == response.headers["Cache-Control"]


def test_the_entity_tag_counts_before_the_time(client):
    modified = client.get("/feed.atom").headers["Last-Modified"]

    by_time = client.get("/feed.atom", headers={"If-Modified-Since": modified})
    by_both = client.get("/feed.atom", headers={"If-Modified-Since": modified, "If-None-Match": '"other"'})

    assert (304, 200) == (by_time.status_code, by_both.status_code)


@pytest.mark.parametrize("place", ["/feed.atom?q=水稻", "/sources.atom", "/sources.opml", "/feed.rss?before=9-9"])
def test_the_same_bytes_have_the_same_time(store, tmp_path, place):
    hours = count()
    client = create_app(settings(tmp_path), store, lambda: NOW + timedelta(hours=next(hours))).test_client()
    modified = client.get(place).headers["Last-Modified"]

    again = client.get(place, headers={"If-Modified-Since": modified})

    assert 304 == again.status_code


def test_who_asks_by_time_does_not_miss_an_entry_that_was_seen_early_and_stored_late(client, store):
    store.entries.record([visit(1, story(1, hours=1))])
    modified = client.get("/feed.atom").headers["Last-Modified"]

    store.entries.record([visit(1, story(2, hours=2))])

    response = client.get("/feed.atom", headers={"If-Modified-Since": modified})
    assert (200, 2) == (response.status_code, len(titles(response.data)))


@pytest.mark.parametrize("wanted", ["gzip", "br;q=1.0, gzip;q=0.8", "*"])
def test_a_feed_travels_compressed(client, store, wanted):
    fill(store)
    plain = client.get("/feed.atom")

    packed = client.get("/feed.atom", headers={"Accept-Encoding": wanted})

    assert ("gzip", plain.data) == (packed.headers["Content-Encoding"], gzip.decompress(packed.data))
    assert ["Accept-Encoding"] * 2 == [plain.headers["Vary"], packed.headers["Vary"]]
    assert plain.headers["ETag"] != packed.headers["ETag"]
    again = client.get("/feed.atom", headers={"Accept-Encoding": wanted, "If-None-Match": packed.headers["ETag"]})
    assert (304, packed.headers["ETag"]) == (again.status_code, again.headers["ETag"])


@pytest.mark.parametrize("wanted", ["", "identity", "gzip;q=0", "br"])
def test_who_cannot_unpack_gets_plain_bytes(client, wanted):
    assert "Content-Encoding" not in client.get("/feed.atom", headers={"Accept-Encoding": wanted}).headers


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_head_says_what_get_would(client, store, encoding):
    fill(store)
    headers = {"Accept-Encoding": encoding}

    got, head = client.get("/feed.rss", headers=headers), client.head("/feed.rss", headers=headers)

    assert b"" == head.data
    assert {k: v for k, v in got.headers if k != "Date"} == {k: v for k, v in head.headers if k != "Date"}


# ------------------------------------------------------------ breaks


def breaks(store, source_id, *, hours, ended=True, cause="timeout"):
    """A break of so many working hours, this morning."""
    for hour in (0, hours):
        begun = Begun(cause, "it did not answer") if not hour else None
        at = NOW + timedelta(hours=hour)
        store.entries.record([visit(source_id, polled_at=at, cause=cause, broken_by=cause, begun=begun)])
    if ended:
        store.entries.record([visit(source_id, polled_at=NOW + timedelta(hours=hours + 0.5), ended=True)])


def test_breaks_and_recoveries_are_a_feed(client, store):
    breaks(store, 1, hours=5)
    breaks(store, 5, hours=6, ended=False, cause="redesigned")
    breaks(store, 3, hours=1)  # weather

    response = client.get("/sources.atom")

    assert "application/atom+xml; charset=utf-8" == response.headers["Content-Type"]
    assert [
        "海棠大学 学校要闻 恢复",
        "星湖理工学院讲座与展览 失效：页面改版，读不出列表",
        "海棠大学 学校要闻 失效：等待超时",
    ] == titles(response.data)
    feed = etree.fromstring(response.data)
    assert ["1:end", "2", "1"] == [one.text.partition(":break:")[2] for one in feed.iterfind(f"{ATOM}entry/{ATOM}id")]
    assert f"{SITE_URL}/sources/haitang-news/" == feed.find(f"{ATOM}entry/{ATOM}link").get("href")
    assert "2025-03-21T08:00:00+00:00" == feed.findtext(f"{ATOM}updated")
    assert {"self": f"{SITE_URL}/sources.atom", "alternate": f"{SITE_URL}/sources/"} == links(response.data)


def test_the_feed_of_breaks_is_the_same_bytes_until_one_begins_or_ends(store, tmp_path):
    breaks(store, 1, hours=5, ended=False)
    first = app_of(store, tmp_path).test_client().get("/sources.atom")
    store.entries.record([visit(1, polled_at=NOW + timedelta(days=9), cause="timeout", broken_by="timeout")])

    later = app_of(store, tmp_path, now=NOW + timedelta(days=400)).test_client()
    again = later.get("/sources.atom", headers={"If-None-Match": first.headers["ETag"]})

    assert (304, first.data) == (again.status_code, later.get("/sources.atom").data)


def test_a_service_whose_sources_are_well_has_an_empty_feed_of_breaks(client):
    response = client.get("/sources.atom")

    assert (200, []) == (response.status_code, titles(response.data))


# ------------------------------------------------------------ OPML


def test_the_sources_are_listed_for_readers(client, store):
    store.entries.record([visit(1, kind="feed")])

    response = client.get("/sources.opml")

    folders = etree.fromstring(response.data).findall("body/outline")
    lines = {line.get("text"): line.get("xmlUrl") for folder in folders for line in folder}
    assert sorted(university for _, university, _ in UNIVERSITIES) == sorted(one.get("text") for one in folders)
    assert "http://haitang.example/haitang-news/" == lines["学校要闻"]  # a feed
    assert f"{SITE_URL}/sources/haitang-rural.atom" == lines["乡村振兴"]  # a list page


def test_a_source_that_is_switched_off_is_not_listed(client, store):
    store.sources.sync(rules(UNIVERSITIES[1:]), NOW)

    assert "乡村振兴" not in client.get("/sources.opml").text


def test_every_feed_we_publish_is_listed(client, store):
    store.entries.record([visit(1, story(1, tags=("a/b",)))])

    lines = etree.fromstring(client.get("/feeds.opml").data).findall("body/outline")

    assert ["高校新闻", "a/b"] == [line.get("text") for line in lines[:2]]
    assert [200] * 10 == [client.get(line.get("xmlUrl").removeprefix(SITE_URL)).status_code for line in lines]


# ------------------------------------------------------------ the service below a path


def test_a_service_below_a_path_links_below_it(store, tmp_path):
    fill(store)
    client = app_of(store, tmp_path, url="https://example.org/news").test_client()

    feed = json.loads(client.get("/feed.json").data)
    page = client.get("/", environ_overrides={"SCRIPT_NAME": "/news"}).text

    assert ("https://example.org/news/", "https://example.org/news/feed.json") == (
        feed["home_page_url"],
        feed["feed_url"],
    )
    assert feed["items"][0]["url"].startswith("https://example.org/news/entries/")
    assert 'href="/news/tags/"' in page
    assert 'rel="canonical" href="https://example.org/news/"' in page


def test_two_apps_in_one_process_know_nothing_of_each_other(store, tmp_path):
    other = Store(f"sqlite:///{tmp_path}/other.db")
    other.upgrade()
    other.sources.sync([(Site("x", "别处大学"), SourceRule("x", "别处", "http://x.example/"))], NOW)
    fill(store)

    clients = [app_of(one, tmp_path).test_client() for one in (store, other)]

    assert [50, 0] == [len(titles(client.get("/feed.atom").data)) for client in clients]
    other.close()
