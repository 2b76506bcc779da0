"""Answers from memory: the same as those that are made, and never older than the store."""

import gzip
import re
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest

from aggregator.store import Store
from aggregator.web.app import create_app
from aggregator.web.stored import Stored
from tests.newsroom import NOW, app_of, empty_store, fill, rules, settings, story, visit
from tests.processes import until

CACHED = "max-age=300, stale-while-revalidate=3600, stale-if-error=86400"


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


class Counting:
    """The app, and how often it was asked for which address."""

    def __init__(self, app):
        self.asked = Counter()
        self._within = app.wsgi_app._app
        app.wsgi_app._app = self

    def __call__(self, environ, start_response):
        self.asked[environ["PATH_INFO"]] += 1
        return self._within(environ, start_response)


def counted(store, folder, **site):
    app = app_of(store, folder, **site)
    return app.test_client(), Counting(app).asked


@pytest.mark.parametrize("place", ["/feed.atom", "/tags/海棠大学.rss", "/", "/archive/", "/digest.json", "/feeds.opml"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_answer_from_memory_is_the_one_that_was_made(store, tmp_path, place, encoding):
    fill(store)
    client, asked = counted(store, tmp_path)

    # the first may store what it renders, which the second sees
    *_, made, again = [client.get(place, headers={"Accept-Encoding": encoding}) for _ in range(3)]

    assert (made.data, dict(made.headers)) == (again.data, dict(again.headers))
    assert asked.total() <= 2
    assert (encoding == "gzip") == ("Content-Encoding" in again.headers)
    assert len(again.data) == int(again.headers["Content-Length"])


def test_who_sends_a_password_has_304_and_gzip_too(store, tmp_path):
    fill(store)
    client = app_of(store, tmp_path).test_client()
    asked = {"Authorization": "Basic eDp5", "Accept-Encoding": "gzip"}

    first = client.get("/feed.atom", headers=asked)
    again = client.get("/feed.atom", headers=asked | {"If-None-Match": first.headers["ETag"]})

    assert ("gzip", 304) == (first.headers["Content-Encoding"], again.status_code)


@pytest.mark.parametrize("place", ["/search?q=水稻", "/sources/haitang-news/", "/catalogue/", "/sitemaps/1.xml"])
def test_what_is_not_kept_is_compressed(store, tmp_path, place):
    fill(store)
    client = app_of(store, tmp_path).test_client()

    plain, packed = [client.get(place, headers={"Accept-Encoding": one}) for one in ("identity", "gzip")]

    assert plain.data == gzip.decompress(packed.data)
    assert plain.headers["ETag"] != packed.headers["ETag"]


def test_a_file_of_ours_is_compressed_and_kept_for_good_under_the_address_with_its_version(store, tmp_path):
    client = app_of(store, tmp_path).test_client()
    (place,) = set(re.findall(r"/static/style\.css\?v=\w+", client.get("/about/").text))

    versioned, plain = [client.get(one, headers={"Accept-Encoding": "gzip"}) for one in (place, "/static/style.css")]

    assert len(versioned.data) < 12_000
    assert ("immutable, max-age=31536000", "max-age=86400") == (
        versioned.headers["Cache-Control"], plain.headers["Cache-Control"]
    )  # fmt: skip
    assert 404 == client.get("/static/nothing.css").status_code


def test_news_of_another_process_are_there_at_once(store, tmp_path):
    store.entries.record([visit(1, story(1, title="甲"))])
    client, _ = counted(store, tmp_path)
    first = [client.get("/feed.atom").text, client.get("/").text]
    program = (
        "from tests.newsroom import story, visit; from aggregator.store import Store\n"
        f"store = Store('sqlite:///{tmp_path}/aggregator.db')\n"
        "store.entries.record([visit(1, story(2, title='别处来的'))]); store.close()"
    )

    for place in ("/feed.atom", "/"):
        assert "别处来的" not in "".join(first)
        client.get(place)
    subprocess.run([sys.executable, "-c", program], check=True)

    assert ["别处来的" in client.get(place).text for place in ("/feed.atom", "/")] == [True, True]


def test_what_is_polled_elsewhere_does_not_make_a_feed_anew(store, tmp_path):
    store.entries.record([visit(1, story(1))])
    client, asked = counted(store, tmp_path)
    for _ in range(2):
        client.get("/sources/haitang-news.atom")

    store.entries.record([visit(3, story(2))])
    response = client.get("/sources/haitang-news.atom")

    assert (200, 1) == (response.status_code, asked.total())


def test_a_page_that_names_days_is_made_anew_at_midnight(store, tmp_path):
    fill(store)
    times = [NOW]
    app = create_app(settings(tmp_path), store, now=lambda: times[-1])
    client = app.test_client()
    today = client.get("/").text

    times.append(NOW + timedelta(days=1))

    assert today != client.get("/").text


def test_each_language_has_its_own_page(store, tmp_path):
    fill(store)
    client, asked = counted(store, tmp_path)

    pages = [client.get("/", headers={"Accept-Language": wanted}).text for wanted in ("en", "zh", "en-GB", "fr")]

    assert (pages[0], pages[1]) == (pages[2], pages[3])
    assert pages[0] != pages[1]
    assert 2 == asked.total()


def test_memory_is_bounded(store, tmp_path):
    fill(store)
    app = app_of(store, tmp_path)
    within = Counting(app)
    app.wsgi_app = Stored(within, store, "zh", lambda: NOW, memory=400_000)
    client = app.test_client()

    for number in range(100):
        client.get(f"/feed.atom?x={number}")

    assert app.wsgi_app._size <= 400_000
    assert 0 < len(app.wsgi_app._shelf) < 20
    assert 200 == client.get("/feed.atom?x=0").status_code
    assert 101 == within.asked.total()


def test_what_is_for_one_reader_only_is_not_kept(store, tmp_path):
    fill(store)
    client, asked = counted(store, tmp_path)

    for _ in range(3):
        client.get("/sources/haitang-news/")
        client.get("/healthz")
        client.get("/", headers={"Authorization": "Bearer x"})

    assert 9 == asked.total()


def test_a_database_that_cannot_be_read_is_said_so(store, tmp_path):
    client, _ = counted(store, tmp_path)
    client.get("/feed.atom")
    store.close()
    (tmp_path / "aggregator.db").write_bytes(b"this is no database at all, but a text of some length" * 100)

    assert 503 == client.get("/feed.atom").status_code


def test_news_in_postgresql_are_there_within_a_second(postgresql, tmp_path):
    store = Store(postgresql)
    store.upgrade()
    store.sources.sync(rules(), NOW)
    store.entries.record([visit(1, story(1, title="甲"))])
    client, asked = counted(store, tmp_path)
    for _ in range(5):
        assert "甲" in client.get("/feed.atom").text

    store.entries.record([visit(1, story(2, title="新来的"))])

    until(lambda: "新来的" in client.get("/feed.atom").text, seconds=10)
    assert asked.total() <= 4
    store.close()


# ------------------------------------------------------------ what HTTP asks of every such answer


@pytest.fixture
def client(store, tmp_path):
    fill(store)
    return app_of(store, tmp_path).test_client()


@pytest.mark.parametrize("place", ["/feed.atom", "/", "/tags/海棠大学%2B要闻.json"])
def test_who_has_it_is_told_so(client, place):
    first = client.get(place)

    for condition in ("{0}", "W/{0}", '"other", {0}', "*"):
        response = client.get(place, headers={"If-None-Match": condition.format(first.headers["ETag"])})
        assert (304, b"", first.headers["ETag"]) == (response.status_code, response.data, response.headers["ETag"])
        assert not {"Content-Type", "Content-Length", "Content-Encoding"} & set(response.headers.keys())
        assert (first.headers["Vary"], first.headers["Cache-Control"]) == (
            response.headers["Vary"], response.headers["Cache-Control"]
        )  # fmt: skip
    assert 200 == client.get(place, headers={"If-None-Match": '"other"'}).status_code


def test_each_encoding_has_a_tag_of_its_own(client):
    plain = client.get("/feed.atom")
    packed = client.get("/feed.atom", headers={"Accept-Encoding": "gzip"})

    crossed = client.get("/feed.atom", headers={"Accept-Encoding": "gzip", "If-None-Match": plain.headers["ETag"]})

    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert (200, plain.data) == (crossed.status_code, gzip.decompress(crossed.data))


@pytest.mark.parametrize(
    ("wanted", "encoding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0", None),
        ("br, *;q=0.1", "gzip"),
        ("identity;q=0", None),  # nothing we have is wanted: better plain than nothing
        ("identity;q=0, gzip;q=0.001", "gzip"),
        ("zstd, nonsense;;q=", None),
    ],
)
def test_the_encoding_is_the_one_that_is_wanted(client, wanted, encoding):
    response = client.get("/feed.atom", headers={"Accept-Encoding": wanted})

    assert (200, encoding) == (response.status_code, response.headers.get("Content-Encoding"))


def test_times_count_only_without_tags(client):
    modified = client.get("/feed.atom").headers["Last-Modified"]

    def status(**headers):
        return client.get(
            "/feed.atom", headers={name.replace("_", "-"): value for name, value in headers.items()}
        ).status_code

    assert 304 == status(If_Modified_Since=modified)
    assert 304 == status(If_Modified_Since="Fri, 31 Dec 2100 23:59:59 GMT")
    assert 200 == status(If_Modified_Since="Sat, 01 Jan 2000 00:00:00 GMT")
    assert 200 == status(If_Modified_Since="yesterday")
    assert 200 == status(If_Modified_Since=modified, If_None_Match='"other"')
    assert 412 == status(If_Match='"other"')
    assert 200 == status(If_Match="*")
    assert 412 == status(If_Unmodified_Since="Sat, 01 Jan 2000 00:00:00 GMT")
    assert 200 == status(If_Unmodified_Since=modified)


def test_a_piece_of_a_feed_is_not_served(client):
    response = client.get("/feed.atom", headers={"Range": "bytes=0-9"})

    assert (200, True) == (response.status_code, response.data.endswith(b"</feed>"))
    assert "Content-Range" not in response.headers


@pytest.mark.parametrize("place", ["/feed.atom", "/", "/digest.rss", "/sources.opml"])
def test_head_says_what_get_would(client, place):
    client.get(place)
    got, head = client.get(place), client.head(place)

    assert b"" == head.data
    assert dict(got.headers) == dict(head.headers)


def test_a_source_is_fresh_until_it_is_visited_again(store, tmp_path):
    ages = {}
    for minutes in (2, 23, 600):
        store.entries.record([visit(1, next_poll_at=NOW + timedelta(minutes=minutes))])
        response = app_of(store, tmp_path).test_client().get("/sources/haitang-news.atom")
        ages[minutes] = response.headers["Cache-Control"].split(",")[0]

    assert {2: "max-age=300", 23: "max-age=1380", 600: "max-age=3600"} == ages


@pytest.mark.parametrize("place", ["/feed.json", "/tags/x.atom", "/digest.rss", "/feeds.opml", "/api/v1/tags"])
def test_scripts_of_other_sites_may_ask(client, place):
    asked = client.options(place, headers={"Origin": "https://reader.example", "Access-Control-Request-Method": "GET"})

    assert (204, "*", b"") == (asked.status_code, asked.headers["Access-Control-Allow-Origin"], asked.data)
    assert not {"Content-Type", "Content-Length", "ETag"} & set(asked.headers.keys())
    assert "If-None-Match" in asked.headers["Access-Control-Allow-Headers"]
    assert {"GET", "HEAD", "OPTIONS"} == set(asked.headers["Allow"].split(", "))
    assert "ETag, Link, Retry-After" == client.get(place).headers["Access-Control-Expose-Headers"]


def test_nothing_is_taken_at_the_address_of_a_feed(client):
    response = client.post("/feed.atom", data=b"x")

    assert (405, "text/plain; charset=utf-8") == (response.status_code, response.headers["Content-Type"])
    assert {"GET", "HEAD", "OPTIONS"} == set(response.headers["Allow"].split(", "))
    assert len(response.text) < 200


def test_long_addresses_count_as_memory(store, tmp_path):
    fill(store)
    app = app_of(store, tmp_path)
    app.wsgi_app._memory = 300_000
    client = app.test_client()

    for number in range(20):
        client.get(f"/sources/xinghu-lectures.json?{number}{'x' * 50_000}")

    shelf = app.wsgi_app._shelf
    assert 0 < sum(len(part) for key in shelf for part in key) <= 300_000


@pytest.mark.parametrize("header", ["Accept-Language", "Accept-Encoding"])
def test_of_what_a_client_accepts_only_the_beginning_is_read(store, tmp_path, header):
    client = app_of(store, tmp_path).test_client()
    accepted = {"Accept-Language": "en", "Accept-Encoding": "gzip"}[header]

    early, late = (
        client.get("/about/", headers={header: value})
        for value in (f"{accepted}, {'x,' * 10_000}", f"{'x,' * 10_000} {accepted}")
    )

    assert early.data != late.data
