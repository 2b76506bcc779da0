import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.demo.server import Answer
from aggregator.gather.fetch import NOTHING_ALLOWED, Fetcher
from aggregator.gather.guard import resolve
from aggregator.gather.robots import ProcessMemory, Robots, readable, token_of
from aggregator.model import Allowance, RobotsFile
from aggregator.settings import FetchSettings
from aggregator.store import Store
from tests.hostile import hostile
from tests.university import NOW

AGENT = "news-aggregator/1.0 (+http://localhost/)"


class Reader:
    """Fetches with a clock that the test turns."""

    def __init__(self, memory=None, **settings):
        self.now = NOW
        self.memory = memory or ProcessMemory()
        self._settings = {"allow_private_networks": True, "per_host_delay_seconds": 0, "timeout_seconds": 5} | settings

    def fetch(self, *urls, dns=resolve, allowance=NOTHING_ALLOWED):
        """The status of each, or the error it raises."""

        async def work():
            settings = FetchSettings(**self._settings)
            async with Fetcher(settings, AGENT, robots=self.memory, resolve=dns, now=lambda: self.now) as fetcher:
                return await asyncio.gather(
                    *(fetcher.fetch(url, allowance=allowance) for url in urls), return_exceptions=True
                )

        found = asyncio.run(work())
        return found[0] if len(found) == 1 else found


def robots(university, text, content_type="text/plain", **answer):
    return university.serve("/robots.txt", text, content_type=content_type, **answer)


def paths(university):
    return [one.path for one in university.requests]


def allowed(text, target):
    return Robots(readable("http://a.edu.cn", 200, "text/plain", text.encode(), NOW), "news-aggregator").allows(target)


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("User-agent: *\nDisallow: /info/", "/info/1.htm", False),
        ("User-agent: *\nDisallow: /info/\nAllow: /info/public/", "/info/public/1.htm", True),
        ("User-agent: *\nDisallow: /*.jsp$", "/a.jsp", False),
        ("User-agent: *\nDisallow: /*.jsp$", "/a.jsp?id=1", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: News-Aggregator\nDisallow:", "/a", True),
        ("User-agent: news-aggregator\nDisallow: /\n\nUser-agent: *\nDisallow:", "/a", False),
        ("User-agent: Baiduspider\nDisallow: /", "/a", True),
        ("User-agent: Baiduspider\nUser-agent: *\nDisallow: /", "/a", False),
        ("user-agent:*\r\ndisallow:/", "/a", False),
        ("\ufeffUser-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /新闻", "/%E6%96%B0%E9%97%BB/1", False),
        ("nonsense\0\n:::\nUser-agent", "/a", True),
        ("", "/a", True),
    ],
)
def test_rules_are_read_as_rfc_9309_says(text, target, expected):
    assert expected == allowed(text, target)


def test_thousands_of_names_before_thousands_of_rules_cost_little():
    names = "".join(f"User-agent: bot{number}\n" for number in range(10_000))
    rules = "".join(f"Disallow: /{number}/\n" for number in range(10_000))

    assert allowed(names + rules, "/1/")
    assert not allowed("User-agent: *\n" + names + rules, "/1/")


@pytest.mark.parametrize(("agent", "token"), [(AGENT, "news-aggregator"), ("Bot (x)", "Bot"), ("", "*")])
def test_we_are_called_by_our_product_token(agent, token):
    assert token == token_of(agent)


def test_a_page_that_robots_txt_forbids_is_not_asked_for(university):
    robots(university, "User-agent: *\nDisallow: /info/")
    url = university.serve("/info/1.htm", "secret")

    error = Reader().fetch(url)

    assert ("robots", "/robots.txt keeps news-aggregator out" in str(error)) == (error.cause, True)
    assert ["/robots.txt"] == paths(university)


def test_a_redirect_to_what_robots_txt_forbids_is_not_followed(university):
    robots(university, "User-agent: *\nDisallow: /info/")
    url = university.serve("/a", "", status=302, headers={"location": "/info/1.htm"})

    assert "robots" == Reader().fetch(url).cause
    assert ["/robots.txt", "/a"] == paths(university)


def test_robots_txt_is_asked_for_once_a_day_and_process_memory_lasts(university):
    robots(university, "User-agent: *\nDisallow: /x")
    url = university.serve("/a", "here")
    reader = Reader()

    reader.fetch(url, url, url)
    reader.now += timedelta(hours=23)
    reader.fetch(url)
    assert 1 == paths(university).count("/robots.txt")

    reader.now += timedelta(hours=2)
    reader.fetch(url)
    assert 2 == paths(university).count("/robots.txt")


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429])
def test_a_refused_robots_txt_is_none(university, status):
    robots(university, "no", status=status)

    found = Reader().fetch(university.serve("/a", "here"))

    assert status == 429 or 200 == found.status  # 429 asks for a pause, which the page then has to wait for


@pytest.mark.parametrize(
    ("body", "content_type"), [("\n<!DOCTYPE html><p>首页", "text/plain"), ("Disallow: /", "text/html; charset=utf-8")]
)
def test_a_web_page_in_its_place_is_none(university, body, content_type):
    robots(university, body, content_type)

    assert 200 == Reader().fetch(university.serve("/a", "here")).status


@pytest.mark.parametrize("target", ["/robots.txt", "http://127.0.0.1:{port}/x", "file:///etc/passwd", "http://[", ""])
def test_a_redirect_that_leads_nowhere_or_inside_is_none(university, target):
    """The university stands for a public server: it is allowed as the source's own, 127.0.0.1 is not."""
    port = university.url.rpartition(":")[2]
    robots(university, "", status=302, headers={"location": target.format(port=port)})
    university.serve("/x", "User-agent: *\nDisallow: /", content_type="text/plain")
    url = university.serve("/a", "here").replace("127.0.0.1", "own.example.org")

    async def dns(host):
        return ("127.0.0.1",)

    reader = Reader(allow_private_networks=False)
    assert 200 == reader.fetch(url, dns=dns, allowance=Allowance(url, private_networks=True)).status
    assert {"/robots.txt", "/a"} == set(paths(university))


def test_robots_txt_behind_redirects_is_read(university):
    university.serve("/real.txt", "User-agent: *\nDisallow: /", content_type="text/plain")
    robots(university, "", status=301, headers={"location": "/real.txt"})

    assert "robots" == Reader().fetch(university.serve("/a", "here")).cause


def test_only_the_first_500_kib_are_read(university):
    robots(university, "User-agent: *\nDisallow: /a\n" + "#" * 600_000 + "\nDisallow: /b")

    first, second = Reader().fetch(university.serve("/a", "x"), university.serve("/b", "x"))

    assert ("robots", 200) == (first.cause, second.status)


def test_while_robots_txt_has_a_fault_nothing_is_asked_and_the_reason_is_told(university):
    robots(university, "", status=500)
    url = university.serve("/a", "here")
    reader = Reader()

    first, error = reader.fetch(url), reader.fetch(url)

    assert ["robots", "robots"] == [first.cause, error.cause]
    assert "it answers 500" in str(error)
    assert "asked for again at 2025-03-21 03:00 UTC" in str(error)
    assert timedelta(minutes=30) == error.retry_after
    assert ["/robots.txt"] == paths(university)


def test_a_broken_certificate_stays_what_it_is_however_soon_one_asks_again(university):
    url = university.url.replace("http:", "https:") + "/a"
    reader = Reader()

    assert ["tls", "tls"] == [reader.fetch(url).cause, reader.fetch(url).cause]


def test_the_copy_of_robots_txt_holds_while_it_has_a_fault(university):
    robots(university, "User-agent: *\nDisallow: /x")
    url = university.serve("/a", "here")
    reader = Reader()
    reader.fetch(url)
    robots(university, "", status=503)
    reader.now += timedelta(days=3)

    assert 200 == reader.fetch(url).status
    assert "robots" == reader.fetch(university.serve("/x", "secret")).cause


def test_a_robots_txt_that_fails_for_a_month_counts_as_none(university):
    robots(university, "", status=500)
    url = university.serve("/a", "here")
    reader = Reader()
    reader.fetch(url)
    reader.now += timedelta(days=31)

    assert 200 == reader.fetch(url).status


def test_where_nobody_is_reached_the_next_fetch_tries_again():
    with hostile(lambda connection, closing: None) as url:
        error = Reader().fetch(url)
    assert "connect" == error.cause

    assert "connect" == Reader().fetch(url).cause


def test_robots_txt_takes_a_turn_and_its_delay_lengthens_the_pause(university):
    times = []

    def answer(request):
        times.append(datetime.now(UTC))
        return Answer("User-agent: *\nCrawl-delay: 0.3", "text/plain") if request.path == "/robots.txt" else "here"

    university.serve("/robots.txt", answer)
    Reader(per_host_delay_seconds=0.1).fetch(university.serve("/a", answer), university.serve("/b", answer))

    assert times[1] - times[0] >= timedelta(seconds=0.1)
    assert times[2] - times[1] >= timedelta(seconds=0.3)


def test_a_crawl_delay_is_bounded():
    text = b"User-agent: *\nCrawl-delay: 86400"

    assert 60 == Robots(readable("http://a.edu.cn", 200, "text/plain", text, NOW), "news-aggregator").delay_seconds


def test_robots_txt_may_be_left_out_of_account(university):
    robots(university, "User-agent: *\nDisallow: /")

    assert 200 == Reader(respect_robots=False).fetch(university.serve("/a", "here")).status
    assert ["/a"] == paths(university)


def test_each_port_has_its_own_robots_txt(university):
    with hostile(lambda connection, closing: None):
        robots(university, "User-agent: *\nDisallow: /")
        other = university.url.replace("127.0.0.1", "localhost") + "/a"
        Reader().fetch(university.url + "/a", other)

    assert 2 == paths(university).count("/robots.txt")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    one = Store(url)
    one.upgrade()
    yield one
    one.close()


def test_the_store_remembers_for_the_next_process(university, store):
    robots(university, "User-agent: *\nDisallow: /x")
    url = university.serve("/a", "here")

    Reader(store.robots).fetch(url)
    Reader(store.robots).fetch(url)

    assert ["/robots.txt", "/a", "/a"] == paths(university)


def test_a_stored_file_comes_back_as_it_was_put(store):
    file = RobotsFile("http://a.edu.cn", "User-agent: *", NOW, NOW + timedelta(days=1), NOW, "it answers 500")

    store.robots.put(RobotsFile("http://a.edu.cn", "", None, NOW))
    store.robots.put(file)

    assert file == store.robots.get("http://a.edu.cn")
    assert None is store.robots.get("http://b.edu.cn")


def test_files_that_nobody_asked_for_are_tidied_away(store):
    store.robots.put(RobotsFile("http://a.edu.cn", "", NOW, NOW))
    store.robots.put(RobotsFile("http://b.edu.cn", "", NOW, NOW + timedelta(days=90)))

    assert 1 == store.robots.tidy(NOW + timedelta(days=61))
    assert None is store.robots.get("http://a.edu.cn")
