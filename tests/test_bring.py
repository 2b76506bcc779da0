"""An article on several pages, read from a real server as one."""

import asyncio
from datetime import UTC, datetime

import pytest

from aggregator.classify.tag import Tagger
from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.model import SHANGHAI, Article, Item, Site, SourceRule, Taxonomy
from aggregator.rules import load
from aggregator.settings import FetchSettings
from aggregator.visit.bring import ARTICLE_TRIES, MOST_PAGES, Bringer, whole

NOW = datetime(2025, 3, 21, 2, 30, tzinfo=UTC)
FAMILIES = tuple(load(None).families.values())
SITE = Site("haitang", "海棠大学", timezone=SHANGHAI)


def page(number, count):
    links = "".join(f"<a href='/story{f'_{n}' if n > 1 else ''}.htm'>{n}</a> " for n in range(1, count + 1))
    following = f"<a href='/story_{number + 1}.htm'>下一页</a>" if number < count else ""
    text = f"<p>这是第{number}页的正文，学校召开春季学期工作会议，部署重点工作，师生代表参加。</p>" * 3
    return (
        "<html><head><title>春季学期工作会议召开-海棠大学</title></head><body><h1>春季学期工作会议召开</h1>"
        "<div>发布时间：2025-03-20 09:44</div><form name='_newscontent_fromname'><div id='vsb_content'>"
        f"<div class='v_news_content'>{text}</div></div><p align='center'>{links}{following}</p></form></body></html>"
    )


def bring(university, tries=0, seconds=60):
    item = Item(f"{university.url}/story.htm", "春季学期工作会议召开")
    settings = FetchSettings(allow_private_networks=True, per_host_delay_seconds=0, timeout_seconds=2)

    async def work():
        async with Fetcher(settings, "tests") as fetcher:
            bringer = Bringer(fetcher, FAMILIES, lambda: Tagger(Taxonomy()), lambda: NOW, "localhost")
            rule = SourceRule("haitang-news", "要闻", university.url)
            return await bringer.bring(SITE, rule, {"key": item}, {"key": tries}, most=9, seconds=seconds)

    return asyncio.run(work())


def test_the_pages_of_one_article_are_one_entry(university):
    university.serve("/story.htm", page(1, 3))
    for number in (2, 3):
        university.serve(f"/story_{number}.htm", page(number, 3))

    (entry,) = bring(university).entries

    assert [f"这是第{number}页" for number in (1, 2, 3) for _ in range(3)] == [
        line[:5] for line in entry.text.split("\n")
    ]


def test_an_article_whose_second_page_fails_is_tried_again_and_at_last_kept_as_far_as_it_was_read(university):
    university.serve("/story.htm", page(1, 2))

    again = bring(university)
    assert ([], 1) == (again.entries, len(again.pending))
    assert "/story_2.htm answered 404" in again.faults[0]

    (entry,) = bring(university, tries=ARTICLE_TRIES - 1).entries
    assert entry.text.startswith("这是第1页的正文")


def test_an_article_whose_robots_txt_cannot_be_read_is_tried_again_and_at_last_kept_as_the_list_says(university):
    university.serve("/robots.txt", "busy", status=503)
    university.serve("/story.htm", page(1, 1))

    again = bring(university)
    assert ([], [], 1) == (again.entries, again.resting, len(again.pending))
    assert "robots.txt cannot be read" in again.faults[0]

    (entry,) = bring(university, tries=ARTICLE_TRIES - 1).entries
    assert ("春季学期工作会议召开", "") == (entry.title, entry.text)


def test_a_story_that_takes_too_long_is_kept_as_far_as_it_was_read(university):
    university.serve("/story.htm", page(1, 2))
    university.serve("/story_2.htm", lambda request: university.pause(9) or "late")

    again = bring(university, seconds=3)
    assert ([], 1) == (again.entries, len(again.pending))
    assert "took more than 1.5 seconds with all its pages" in again.faults[0]

    (entry,) = bring(university, tries=ARTICLE_TRIES - 1, seconds=3).entries
    assert entry.text.startswith("这是第1页的正文")


def article(number, following):
    return Article(f"http://a.edu.cn/{number}", "题", None, None, f"<p>{number}</p>", str(number), next_page=following)


def read_all(first, pages):
    async def read_at(url):
        if url not in pages:
            raise FetchError(f"{url} answered 404", cause="status", status=404)
        return pages[url]

    return asyncio.run(whole(first, read_at))


def test_pages_that_lead_in_a_circle_end():
    first = article(1, "http://a.edu.cn/2")
    assert "1\n2" == read_all(first, {"http://a.edu.cn/2": article(2, "http://a.edu.cn/1")}).text


def test_a_story_without_end_is_read_for_so_many_pages():
    pages = {f"http://a.edu.cn/{n}": article(n, f"http://a.edu.cn/{n + 1}") for n in range(2, 100)}
    assert MOST_PAGES == len(read_all(article(1, "http://a.edu.cn/2"), pages).text.split("\n"))


def test_a_page_that_cannot_be_read_is_said():
    with pytest.raises(FetchError):
        read_all(article(1, "http://a.edu.cn/2"), {})


def test_an_entry_keeps_the_keywords_of_its_page_that_it_speaks_of(university):
    head = "<meta name='keywords' content='工作会议，招生；海棠大学'>"
    university.serve("/story.htm", page(1, 1).replace("<head>", f"<head>{head}"))

    (entry,) = bring(university).entries

    assert ("工作会议",) == entry.keywords
