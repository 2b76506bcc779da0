import re

import pytest
from lxml import etree

from aggregator.web import sitemap
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, fill, story, visit

MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


def counts(page):
    return [int(number) for number in re.findall(r'<span class="count">(\d+)</span>', page)]


def test_the_archive_counts_every_entry_by_its_month(client, store):
    store.entries.record(
        [visit(1, story(1), story(2, hours=24 * 30), story(3, hours=24 * 365), story(4, hours=25 * 365))]
    )

    page = client.get("/archive/").text

    assert ["2025", "2024"] == re.findall(r"<h2>(\d+) ", page)
    assert [1, 1, 2] == counts(page)
    assert 'href="/archive/2024/03/"' in page


def test_the_archive_changes_with_the_news(client, store):
    assert "还没有读到新闻" in client.get("/archive/").text
    store.entries.record([visit(1, story(1))])
    assert [1] == counts(client.get("/archive/").text)


def test_a_month_counts_its_days_and_leads_to_its_neighbours(client, store):
    store.entries.record([visit(1, story(1), story(2, hours=1), story(3, hours=48), story(4, hours=24 * 90))])

    page = client.get("/archive/2025/03/").text

    assert [1, 2] == counts(page)
    assert {"/archive/2025/03/19/", "/archive/2025/03/21/"} == set(re.findall(r'"(/archive/2025/03/\d\d/)"', page))
    assert 'rel="prev" href="/archive/2024/12/"' in page
    assert 'rel="next"' not in page


def test_a_day_is_a_day_where_the_site_is(client, store):
    store.entries.record([visit(1, story(1, hours=10, title="今晨"), story(2, hours=11, title="昨夜"))])

    today, before = (client.get(f"/archive/2025/03/{day}/").text for day in (21, 20))

    assert ("今晨" in today, "昨夜" in today, "今晨" in before, "昨夜" in before) == (True, False, False, True)


def test_a_day_leads_to_its_last_entry(client, store):
    store.entries.record([visit(1, *(story(n, title=f"第{n}则") for n in range(70)))])

    seen, place = [], "/archive/2025/03/21/"
    while place:
        page = client.get(place).text
        seen += re.findall(r"第(\d+)则", page.partition("</main>")[0])
        place = next(iter(re.findall(r'rel="next" href="(.*?)"', page)), None)

    assert sorted(map(str, range(70))) == sorted(seen)


def test_a_day_without_news_says_so_and_leads_on(client, store):
    store.entries.record([visit(1, story(1, hours=72), story(2))])

    page = client.get("/archive/2025/03/19/").text

    assert "这一天没有新闻" in page
    assert ("/archive/2025/03/18/" in page, "/archive/2025/03/21/" in page) == (True, True)


@pytest.mark.parametrize(
    "place", ["2025/13/", "2025/02/30/", "0000/01/", "0001/01/01/", "9999/12/31/", "2025/3/", "2025/03/1/", "2025/",
              "2025/00/", "１２３４/01/"],
)  # fmt: skip
def test_a_day_that_no_calendar_has_is_not_found(client, place):
    assert 404 == client.get("/archive/" + place).status_code


# ---------------------------------------------------------------- universities


def test_a_university_has_its_sources_and_their_news(client, store):
    fill(store)

    page = client.get("/universities/海棠大学/").text

    assert {"/sources/haitang-news/", "/sources/haitang-rural/"} <= set(re.findall(r'href="(/sources/[\w-]+/)"', page))
    assert "/sources/yunling-news/" not in page.partition("</main>")[0].partition("</header>")[2]
    assert 'href="/universities/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6.atom"' in page


def test_a_university_that_is_unknown_is_not_found(client):
    assert 404 == client.get("/universities/没有/").status_code


# ---------------------------------------------------------------- charts


@pytest.mark.parametrize("place", ["/", "/tags/要闻/", "/universities/海棠大学/", "/sources/haitang-news/"])
def test_a_chart_says_in_words_what_it_shows(client, store, place):
    fill(store)

    page = client.get(place).text

    words = re.search(r"(\d+)天里(\d+)条，最多的是(.*?)：(\d+)条", page)
    said = re.search(r"<desc.*?>(.*?)</desc>", page)[1].split(", ")
    numbers = [int(day.rpartition(" ")[2]) for day in said]
    assert (sum(numbers), max(numbers)) == (int(words[2]), int(words[4]))
    assert len(numbers) == page.count('class="bar')


# ---------------------------------------------------------------- for search engines


def places(document):
    return [loc.text for loc in etree.fromstring(document).iter(f"{MAP}loc")]


def test_sitemaps_name_every_page(client, store):
    fill(store)

    parts = places(client.get("/sitemap.xml").data)
    named = [place for part in parts for place in places(client.get(part.removeprefix(SITE_URL)).data)]

    assert {f"{SITE_URL}/entries/{entry.slug}/" for entry in store.entries.walk()} <= set(named)
    assert len(named) == len(set(named))
    for place in named:
        assert 200 == client.get(place.removeprefix(SITE_URL)).status_code, place


def test_a_sitemap_has_a_bounded_number_of_entries_and_says_when_they_changed(client, store, monkeypatch):
    store.entries.record([visit(1, *(story(n) for n in range(25)))])
    monkeypatch.setattr(sitemap, "PART", 10)

    parts = places(client.get("/sitemap.xml").data)[1:]
    documents = [client.get(part.removeprefix(SITE_URL)).data for part in parts]

    assert [10, 10, 5] == [len(places(document)) for document in documents]
    assert documents[0].count(b"<lastmod>2025-03-21T02:39:00Z</lastmod>") == 10
    assert [404, 404] == [client.get(f"/sitemaps/{number}.xml").status_code for number in (0, 4)]


def test_robots_may_read_all_but_searches(client):
    lines = client.get("/robots.txt").text.splitlines()

    assert ["User-agent: *", "Disallow: /search", "", f"Sitemap: {SITE_URL}/sitemap.xml"] == lines


def test_nothing_is_named_where_nothing_is(tmp_path):
    with empty_store(tmp_path) as store:
        client = app_of(store, tmp_path, now=NOW).test_client()
        assert [f"{SITE_URL}/sitemaps/pages.xml"] == places(client.get("/sitemap.xml").data)
