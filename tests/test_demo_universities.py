"""The three universities of the demo: what stands on their pages, and how it changes."""

import re
import tomllib
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from aggregator import rules
from aggregator.demo.stories import read_stories
from aggregator.demo.universities import CAMPUSES, Demo
from tests.university import NOW

NAMES = ["demo-yunling", "demo-haitang", "demo-xinghu"]
TAG = re.compile(r"<[^>]+>")
ENCODINGS = {"demo-haitang": "gbk", "demo-yunling": "utf-8", "demo-xinghu": "utf-8"}


def read(url, **headers):
    with urlopen(Request(url, headers=headers), timeout=5) as answer:
        return answer.read(), answer.headers


def text(demo, published):
    site = next(name for name in NAMES if published.source.startswith(name))
    return read(published.url)[0].decode(ENCODINGS[site])


def sources(demo):
    return {source.name: source.url for site in demo.sites() for source in site.sources}


def test_every_list_and_feed_names_what_is_published_in_it(demo):
    pages = {name: read(url)[0] for name, url in sources(demo).items()}
    newest = {published.source: published for published in reversed(demo.published)}

    assert set(pages) == set(newest)
    for name, published in newest.items():
        path = published.url.split("/", 3)[3]
        assert path.encode() in pages[name]


def test_every_article_stands_at_its_address_with_title_and_text(demo):
    for published in demo.published:
        shown = unescape(TAG.sub("", text(demo, published)))
        assert [] == [line for line in (published.title, *published.text.splitlines()) if line not in shown]


def test_the_news_are_of_the_last_two_weeks_and_differ_in_time(demo):
    moments = [published.published for published in demo.published if published.source == "demo-haitang-news"]

    assert NOW > moments[0] > NOW - timedelta(days=1)
    assert NOW - timedelta(days=14) < moments[-1]
    assert sorted(set(moments), reverse=True) == moments


@pytest.mark.parametrize("hour", [0, 12, 16, 23])
def test_at_no_hour_do_news_stand_in_the_future(hour):
    now = datetime(2025, 3, 20, hour, 1, tzinfo=UTC)

    with Demo(now) as demo:
        assert all(published.published < now for published in demo.published)


def test_the_same_moment_gives_the_same_pages(demo):
    with Demo(NOW) as again:
        for one, other in zip(demo.published, again.published, strict=True):
            assert (one.title, one.published, one.text) == (other.title, other.published, other.text)
            assert read(one.url)[0] == read(other.url)[0]


def test_a_vsb_page_is_gbk_that_calls_itself_gb2312(demo):
    body, headers = read(sources(demo)["demo-haitang-news"])

    assert "text/html" == headers["content-type"]
    assert b"charset=gb2312" in body
    assert "我校水稻耐旱研究" in body.decode("gbk")


def test_the_pages_of_a_vsb_list_count_backwards(demo):
    url = sources(demo)["demo-haitang-news"]

    assert b'href="/xwzx/xxyw/1.htm"' in read(url)[0]
    assert "新学期第一天" in read(url.replace("xxyw.htm", "xxyw/1.htm"))[0].decode("gbk")


def test_an_unchanged_page_is_not_sent_twice(demo):
    for url in sources(demo).values():
        _, headers = read(url)

        with pytest.raises(HTTPError) as by_tag:
            read(url, **{"If-None-Match": headers["ETag"]})
        with pytest.raises(HTTPError) as by_date:
            read(url, **{"If-Modified-Since": headers["Last-Modified"]})

        assert (304, 304) == (by_tag.value.code, by_date.value.code)
        by_tag.value.close()
        by_date.value.close()


def test_a_new_story_appears_in_its_list_and_at_its_address(demo):
    before = {name: read(url) for name, url in sources(demo).items()}

    title = demo.publish_next(NOW + timedelta(minutes=1))

    newest = demo.published[0]
    assert (title, NOW + timedelta(minutes=1)) == (newest.title, newest.published)
    assert title in text(demo, newest)
    changed = [name for name, (_, headers) in before.items() if read(sources(demo)[name])[1]["ETag"] != headers["ETag"]]
    assert [newest.source] == changed


def test_new_stories_push_the_older_ones_to_the_next_page(demo):
    second = sources(demo)["demo-yunling-news"].replace("list.htm", "list2.htm")
    pushed = "心理学院发布乡村儿童阅读与情绪研究报告"
    assert pushed not in read(second)[0].decode()

    while pushed not in read(second)[0].decode():
        assert demo.publish_next(NOW)


def test_when_all_is_told_nothing_more_is_published(demo):
    told = len(demo.published)
    to_come = demo.still_to_come

    while demo.publish_next(NOW):
        pass

    assert to_come >= 19
    assert told + to_come == len(demo.published)
    assert 0 == demo.still_to_come
    assert len({published.url for published in demo.published}) == len(demo.published)


def test_a_republished_story_keeps_its_text_and_its_dates(demo):
    by_title = {published.title: published for published in demo.published}
    first = by_title["一块屏幕连起四十七所乡村小学"]
    again = by_title["他山之石丨云岭师范大学：一块屏幕连起四十七所乡村小学"]

    assert first.text == again.text
    assert first.published < again.published
    assert "来源：云岭师范大学新闻网" in text(demo, again)


def test_pictures_and_attachments_can_be_fetched(demo):
    served = {}
    for name, university in demo.universities.items():
        paths = [path for path in university.paths if path.endswith((".png", ".pdf")) or "download.jsp" in path]
        served[name] = {read(university.url + path)[0][:4] for path in paths}

    assert {name: {b"\x89PNG", b"%PDF"} for name in NAMES} == served


def test_the_site_files_say_what_the_demo_says(demo, tmp_path):
    paths = demo.write_sites(tmp_path)

    assert [tmp_path / "sites" / f"{name}.toml" for name in NAMES] == paths
    assert demo.sites() == [rules.read_site(path.stem, tomllib.loads(path.read_text()), path.name) for path in paths]


def test_a_feeds_front_page_leads_to_its_feeds(demo):
    front = read(demo.universities["demo-xinghu"].url + "/")[0].decode()

    assert '<link rel="alternate" type="application/rss+xml"' in front
    assert '<link rel="alternate" type="application/atom+xml"' in front


@pytest.mark.parametrize("campus", CAMPUSES, ids=lambda campus: campus.name)
def test_stories_have_a_known_column_and_enough_text(campus):
    stories = read_stories(campus.name)

    assert len({story.key for story in stories}) == len(stories)
    for story in stories:
        assert story.column in campus.columns
        assert len(story.blocks) >= 2
