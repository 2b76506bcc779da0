"""What readers see of a story that several tell: once in lists and feeds, all of it where they ask for it."""

import json
import re
from datetime import timedelta
from random import Random

import pytest
from lxml import etree

from aggregator.store import stories
from aggregator.store.storylist import newest_stories
from aggregator.web.app import create_app
from aggregator.web.freeze import freeze
from tests.newsroom import NOW, empty_store, settings, story, text, visit

ATOM = "{http://www.w3.org/2005/Atom}"
# the one first published is the one that we saw later
SHOWN, OTHER, FIRST = story(1).slug, story(3).slug, story(2, url="http://yunling.example/2.htm").slug


@pytest.fixture
def store(tmp_path):
    """One story of two universities, first told by the second's source that we read later, and one of one."""
    with empty_store(tmp_path) as found:
        found.entries.record(
            [
                visit(1, story(1, hours=2), story(3, hours=3)),
                visit(
                    3,
                    story(2, hours=9, text=text(1), tags=("云岭师范大学", "科研"), url="http://yunling.example/2.htm"),
                ),
            ]
        )
        yield found


@pytest.fixture
def client(store, tmp_path):
    return create_app(settings(tmp_path), store, lambda: NOW).test_client()


def listed(page):
    """The entries of a list, each once, in order."""
    main = page.text.partition("<main")[2]
    return list(dict.fromkeys(re.findall(r"<h\d><a href=\"[^\"]*/entries/(\w+)/", main)))


@pytest.mark.parametrize("address", ["/", "/archive/2025/03/21/"])
def test_a_list_shows_a_story_once_and_says_that_others_tell_it(client, address):
    page, every = client.get(address), client.get(f"{address}?all=1")

    assert ([SHOWN, OTHER], "另有 1 校" in page.text) == (listed(page), True)
    assert [SHOWN, OTHER, FIRST] == listed(every)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/tags/要闻/", [SHOWN, OTHER]),
        ("/tags/科研/", [FIRST]),
        ("/universities/云岭师范大学/", [FIRST]),
        ("/sources/yunling-news/", [FIRST]),
    ],
)
def test_a_list_without_the_one_that_we_saw_first_shows_another(client, address, expected):
    assert expected == listed(client.get(address))


def test_lists_say_that_their_counts_are_of_every_entry_and_lead_there_and_back(client):
    page = client.get("/tags/科研|要闻/").text
    there = re.search(r'同一则新闻只列一次；条数按全部条目计。<a href="([^"]+)"', page)[1]

    every = client.get(there).text

    assert "all=1" in there
    assert 'rel="canonical" href="https://news.example.org/tags/' in every
    assert "all=1" not in re.search(r'rel="canonical" href="([^"]+)"', every)[1]
    assert all("all=1" in address for address in re.findall(r'<a href="([^"]+)" type="application/', every))
    assert "all=1" not in re.search(r'逐条列出。<a href="([^"]+)"', every)[1]


def test_pages_of_every_entry_stay_so_when_one_pages_on(client, store):
    store.entries.record([visit(1, *(story(number, hours=20 + number) for number in range(10, 60)))])

    older = re.search(r'rel="next" href="([^"]+)"', client.get("/tags/要闻/?all=1").text)[1]

    assert "all=1" in older
    assert "all=1" in client.get("/tags/要闻%2B要闻/?all=1").headers["Location"]


def test_feeds_tell_a_story_once_with_who_else_tells_it_and_are_the_same_bytes_again(client):
    atom = client.get("/feed.atom")
    entries = etree.fromstring(atom.data).findall(f"{ATOM}entry")
    related = [link.get("href") for link in entries[0].iter(f"{ATOM}link") if link.get("rel") == "related"]
    assert (2, [f"https://news.example.org/entries/{FIRST}/"]) == (len(entries), related)
    assert atom.data == client.get("/feed.atom").data

    assert related == re.findall(r'<atom:link rel="related" href="([^"]+)"', client.get("/feed.rss").text)
    (told,) = [item["_story"] for item in client.get("/feed.json").json["items"] if "_story" in item]
    assert (related, related[0]) == ([one["url"] for one in told["also"]], told["first"])


def test_the_feed_of_every_entry_is_another_feed(client):
    once, every = (json.loads(client.get(f"/feed.json{more}").text) for more in ("", "?all=1"))

    assert ([2, 3], "https://news.example.org/feed.json?all=1") == (
        [len(feed["items"]) for feed in (once, every)],
        every["feed_url"],
    )
    assert client.get("/feed.atom?tag=科研&all=1").headers["Location"].endswith("/tags/%E7%A7%91%E7%A0%94.atom?all=1")


def test_a_new_telling_is_no_news_to_who_has_the_story_but_is_named_in_it(client, store):
    before = etree.fromstring(client.get("/feed.atom").data)
    store.entries.record([visit(5, story(7, text=text(1), url="http://xinghu.example/7.htm"))])

    after = etree.fromstring(client.get("/feed.atom").data)

    said = [
        [(one.findtext(f"{ATOM}id"), one.findtext(f"{ATOM}updated")) for one in feed.iter(f"{ATOM}entry")]
        for feed in (before, after)
    ]
    assert said[0] == said[1]
    assert 2 == sum(link.get("rel") == "related" for link in after.find(f"{ATOM}entry").iter(f"{ATOM}link"))


def test_an_entry_names_who_was_first_how_that_is_known_and_all_others(client):
    page = client.get(f"/entries/{SHOWN}/").text
    told = re.search(r'class="also-told".*?</section>', page, re.DOTALL)[0]

    assert ("云岭师范大学" in told, "据发布时间" in told) == (True, True)
    assert f"/entries/{FIRST}/" in told
    assert 'href="http://yunling.example/2.htm" rel="external" class="button"' in page  # where it was published first
    assert "also-told" not in client.get(f"/entries/{OTHER}/").text
    assert "published by" in client.get(f"/entries/{SHOWN}/?lang=en").text


def test_a_story_has_a_page_with_all_who_tell_it_at_an_address_that_stays(client, store):
    key = store.entries.by_slug(SHOWN).story.key
    page = client.get(f"/stories/{key}/")
    assert [FIRST, SHOWN] == listed(page)

    with store.write() as connection:
        store.stories.forget(connection, [store.entries.by_slug(FIRST).id])

    assert (302, f"/entries/{key}/") == ((gone := client.get(f"/stories/{key}/")).status_code, gone.headers["Location"])
    assert 404 == client.get(f"/stories/{'0' * 32}/").status_code


def test_all_stories_stand_on_one_page_each_with_who_else_tells_it(client, store):
    page = client.get("/stories/")

    assert [FIRST] == listed(page)
    assert "七天内报道最多" in page.text
    assert 1 == page.text.count('<details class="detail">')
    assert f"/entries/{SHOWN}/" in page.text.partition("<details")[2]
    assert "Most covered in seven days" in client.get("/stories/?lang=en").text
    assert 'href="/stories/"' in client.get("/").text

    place = max(number for number, _ in newest_stories(store, 9))
    older = client.get(f"/stories/?before={place}").text
    assert ("没有更早的了" in older, "七天内" in older) == (True, False)
    assert [404] * 3 == [client.get(f"/stories/?before={word}").status_code for word in ("", "x", "9" * 40)]


def test_stories_go_on_where_a_page_is_full(client, store):
    draw = Random(1)
    texts = ["".join(chr(draw.randrange(0x4E00, 0x5E00)) for _ in range(120)) + "。" for _ in range(35)]
    for source in (1, 3):
        urls = (f"http://{source}.example/{number}.htm" for number in range(35))
        news = (story(1, text=said, title=said[:12], url=url) for said, url in zip(texts, urls, strict=True))
        store.entries.record([visit(source, *news)])

    seen, address = [], "/stories/"
    while address:
        page = client.get(address)
        seen += re.findall(r"<h\d><a href=\"[^\"]*/entries/(\w+)/", page.text.partition("<main")[2])
        address = (found := re.search(r'rel="next" href="([^"]*)"', page.text)) and found[1]

    assert 36 == len(set(seen))  # what is most covered stands above, too


def test_search_shows_every_match_and_marks_the_story(client):
    page = client.get("/search?q=水稻").text

    assert (3, 2) == (len(re.findall(r'class="item result"', page)), page.count("另有 1 校"))


def test_a_digest_tells_the_story_once_by_who_was_first(client):
    page = client.get("/digest/2025-03-21/").text

    assert FIRST == re.search(r"/entries/(\w+)/", page.partition("<main")[2])[1]
    assert "另有 1 校" in page


def test_files_show_a_story_once_and_are_written_again_when_another_tells_it(store, tmp_path):
    folder = tmp_path / "site"
    freeze(settings(tmp_path), store, folder, lambda: NOW)
    page = folder / "entries" / SHOWN / "index.html"
    key = store.entries.by_slug(SHOWN).story.key
    assert (True, True) == ("云岭师范大学" in page.read_text(), (folder / "stories" / key / "index.html").exists())
    assert 2 == (folder / "feed.atom").read_text().count("<entry>")
    assert "all=1" not in (folder / "tags" / "要闻" / "index.html").read_text()

    store.entries.record([visit(5, story(7, text=text(1), url="http://xinghu.example/7.htm"))])
    freeze(settings(tmp_path), store, folder, lambda: NOW + timedelta(minutes=1))

    assert "星湖理工学院" in page.read_text()
    assert 2 == (folder / "feed.atom").read_text().count("<entry>")


def test_an_entry_that_waits_to_be_compared_is_shown(client, store):
    with store.write() as connection:
        stories.note(store, connection, [1])

    assert 200 == client.get("/").status_code
    assert (1, 1) == (store.stories.behind(), store.stories.catch_up())
