"""One visit to one source, start to end: a real server, a real database, a given clock."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from aggregator.demo.server import University
from aggregator.errors import StoreError
from aggregator.gather.fetch import Fetcher
from aggregator.identity import slug
from aggregator.model import ArticleRule, Attachment, Site, SourceRule
from aggregator.poll import Poller
from aggregator.rules import Rules, load
from aggregator.visit.bring import ARTICLE_TRIES
from aggregator.visit.turns import SOURCES_PER_TURN, UNKNOWN_PAUSE
from tests.service import FAMILIES, NOW, article_page, column, list_page, page_of, redesigned, rss, source


def test_a_list_becomes_entries_with_their_articles(service, university):
    one = service(source(column(university), tags=("要闻",)))

    one.poll()

    assert 6 == one.store.entries.count()
    entry = one.store.entries.by_slug(slug(university.url + "/info/1055/0.htm"))
    assert "海棠大学第0号新闻：春季学期工作会议召开" == entry.title
    assert (datetime(2025, 3, 20, 1, 44, tzinfo=UTC), "minute") == (entry.published, entry.precision)
    assert ("海棠大学", "要闻", "会议") == entry.tags
    assert "新闻" in entry.section
    assert "学校召开会议，部署春季学期重点工作，师生代表参加。" in entry.text
    assert "<p>学校召开会议" in entry.html
    assert entry.summary.startswith("学校召开会议")
    assert ("new", 6, 6, None) == (one.last("haitang-news").outcome, one.last("haitang-news").items, one.last("haitang-news").entries, one.last("haitang-news").message)  # fmt: skip


def test_a_second_poll_asks_304_and_stores_nothing(service, university):
    one = service(source(column(university)))
    one.poll()
    asked = len(university.requests)

    one.poll("haitang-news")

    assert [("/xw.htm", 304)] == [(request.path, request.status) for request in university.requests[asked:]]
    assert ("unchanged", 304) == (one.last("haitang-news").outcome, one.last("haitang-news").status)
    assert 6 == one.store.entries.count()


def test_the_same_bytes_without_validators_are_not_read_again(service, university):
    one = service(source(column(university, etag=None)))
    one.poll()
    asked = len(university.requests)

    one.poll("haitang-news")

    assert 1 == len(university.requests) - asked
    assert "unchanged" == one.last("haitang-news").outcome


def test_only_what_is_new_is_fetched(service, university):
    one = service(source(column(university, count=6)))
    one.poll()
    asked = len(university.requests)
    column(university, count=7, etag='"v2"')

    one.poll("haitang-news")

    assert ["/xw.htm", "/info/1055/6.htm"] == [request.path for request in university.requests[asked:]]
    assert 1 == one.last("haitang-news").entries


def test_one_broken_article_does_not_lose_the_others(service, university):
    one = service(source(column(university)))
    university.serve("/info/1055/3.htm", "broken", status=500)

    one.poll()

    assert 5 == one.store.entries.count()
    assert "/info/1055/3.htm answered 500" in one.last("haitang-news").message


def test_a_broken_article_comes_when_it_is_mended_though_the_list_did_not_change(service, university):
    one = service(source(column(university)))
    university.serve("/info/1055/3.htm", "broken", status=500)
    one.poll()
    column(university)

    one.poll("haitang-news")

    assert 6 == one.store.entries.count()


def test_an_article_that_stays_broken_is_kept_with_what_the_list_says(service, university):
    one = service(source(column(university)))
    university.serve("/info/1055/3.htm", "broken", status=404)

    for _ in range(ARTICLE_TRIES):
        one.poll("haitang-news")

    entry = one.store.entries.by_slug(slug(university.url + "/info/1055/3.htm"))
    assert ("海棠大学第3号新闻：春季学期工作会议召开", "day") == (entry.title, entry.precision)


def test_a_broken_source_does_not_stop_the_run(service, university):
    bad = source(university.serve("/bad", "no", status=503), name="bad")
    one = service(bad, source(column(university)))

    one.poll()

    assert 6 == one.store.entries.count()
    assert ("failed", "status", 503) == (one.last("bad").outcome, one.last("bad").cause, one.last("bad").status)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("", ""),
        ("<html><body><h1>系统提示</h1></body></html>", ""),
        (bytes(range(256)) * 50, ""),
        ("<html><body>" + "<div>" * 5000, ""),
        (list_page(), ""),
    ],
)
def test_a_page_without_items_fails_with_a_sentence_and_keeps_what_is_stored(service, university, body, word):
    one = service(source(column(university)))
    one.poll()
    university.serve("/xw.htm", body)

    one.poll("haitang-news")

    assert ("failed", "parse") == (one.last("haitang-news").outcome, one.last("haitang-news").cause)
    assert university.url in one.last("haitang-news").message
    assert 6 == one.store.entries.count()


def test_a_feed_that_is_a_page_fails_with_a_sentence(service, university):
    one = service(source(university.serve("/feed", "<html><body><h1>Login</h1></body></html>"), kind="feed"))

    one.poll()

    assert "parse" == one.last("haitang-news").cause


def test_a_feed_with_its_texts_asks_for_no_pages(service, university):
    feed = university.serve("/feed", rss(("甲", university.url + "/1", "g1")), content_type="application/rss+xml")
    one = service(source(feed))

    one.poll()

    assert ["/feed"] == [request.path for request in university.requests]
    entry = one.store.entries.newest(1, bodies=True)[0]
    assert ("甲", "甲的全文。", datetime(2025, 3, 20, 1, 44, tzinfo=UTC)) == (entry.title, entry.text, entry.published)


def test_feed_items_are_told_apart_by_guid(service, university):
    page = university.url + "/login"
    one = service(source(university.serve("/feed", rss(("甲", page, "g1"), ("乙", page, "g2")))))
    one.poll()
    university.serve("/feed", rss(("丙", page, "g3"), ("甲（改）", page, "g1")))

    one.poll("haitang-news")

    assert {"甲（改）", "乙", "丙"} == set(one.titles())


def test_an_article_followed_by_two_sources_is_one_entry(service, university):
    url = column(university)
    again = university.serve("/again.htm", list_page(("info/1055/0.htm?utm_source=home", "海棠大学第0号新闻：春季学期工作会议召开", "2025-03-20"), *[(f"info/9/{n}.htm", f"另一条足够长的新闻标题之{n}", "2025-03-19") for n in range(5)]))  # fmt: skip
    for n in range(5):
        university.serve(f"/info/9/{n}.htm", article_page(f"另一条足够长的新闻标题之{n}"))
    one = service(source(url), source(again, name="again"))

    one.poll("haitang-news")
    one.poll("again")

    assert 11 == one.store.entries.count()


def test_a_file_on_a_list_is_an_entry_with_an_attachment(service, university):
    rows = [(f"files/{n}.pdf", f"关于公布第{n}批立项名单的通知文件", "2025-03-20") for n in range(5)]
    for path, _, _ in rows:
        university.serve("/" + path, b"%PDF-1.4 ...", content_type="application/pdf")
    one = service(source(university.serve("/xw.htm", list_page(*rows))))

    one.poll()

    entry = one.store.entries.newest(1, bodies=True)[0]
    assert ("application/pdf", 12) == (entry.attachments[0].media_type, entry.attachments[0].length)


def test_without_full_text_no_page_is_fetched(service, university):
    one = service(source(column(university), article=ArticleRule(full_text=False)))

    one.poll()

    assert ["/xw.htm"] == [request.path for request in university.requests]
    assert 6 == one.store.entries.count()


def test_more_than_one_page_of_news_is_read_back_through_the_pager(service, university):
    one = service(source(university.serve("/xw.htm", page_of(university, range(6), "xw2.htm"))))
    one.poll()
    university.serve("/xw.htm", page_of(university, range(20, 26), "xw2.htm"))
    university.serve("/xw2.htm", page_of(university, [*range(10, 13), *range(3)], "xw3.htm"))

    one.poll("haitang-news")

    assert 15 == one.store.entries.count()


def test_articles_beyond_the_limit_come_with_the_next_poll(service, university):
    one = service(source(column(university)), max_articles=4)

    one.poll()
    first = one.store.entries.count()
    one.poll("haitang-news")

    assert (4, 6) == (first, one.store.entries.count())


def test_a_fault_of_ours_fails_that_poll_only(service, university, caplog):
    url = column(university)
    one = service(source(url), source(url, name="other"))
    broken = Site("haitang", "海棠大学", sources=(one.site.sources[0], SourceRule(name="other", title="x", url=one.site.sources[0].url, listing="no rule")))  # fmt: skip
    one.rules = Rules({"haitang": broken}, FAMILIES)

    one.poll()

    assert 6 == one.store.entries.count()
    assert "program" == one.last("other").cause
    assert "fault of the program" in caplog.text


def test_a_full_disk_stops_the_run_with_one_message(service, university):
    one = service(source(column(university)))
    for n in range(6):
        university.serve(f"/info/1055/{n}.htm", article_page("长文", body="<p>会议部署春季学期重点工作。</p>" * 5000))
    with one.store.write() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    with pytest.raises(StoreError, match="disk is full"):
        one.poll()

    assert [] == one.store.check()


def test_a_stopped_poller_gives_its_sources_back(service, university):
    url = university.serve("/slow", lambda request: university.pause(5) or "late")
    one = service(source(url))

    async def work():
        async with Fetcher(one.settings.fetch, "tests") as fetcher:
            poller = Poller(one.settings, one.rules, one.store, fetcher, lambda: NOW)
            await poller.poll_due()
            await asyncio.sleep(0.1)
            await poller.stop()

    asyncio.run(work())

    assert [] == one.store.leases.holders(NOW)
    assert () == one.store.sources.by_name("haitang-news").polls


def test_two_feeds_of_one_host_may_use_the_same_guids(service, university):
    news = university.serve("/news.xml", rss(("甲", university.url + "/n/77", "77")))
    jobs = university.serve("/jobs.xml", rss(("乙", university.url + "/j/77", "77")))
    one = service(source(news), source(jobs, name="jobs"))

    one.poll()

    assert {"甲", "乙"} == set(one.titles())


def test_a_feed_whose_guids_never_change_loses_nothing(service, university):
    url = university.serve("/feed", rss(("甲", university.url + "/1", "x")))
    one = service(source(url))
    one.poll()
    university.serve(
        "/feed",
        rss(("丙", university.url + "/3", "x"), ("乙", university.url + "/2", "x"), ("甲", university.url + "/1", "x")),
    )

    one.poll("haitang-news")

    assert {"甲", "乙", "丙"} == set(one.titles())


def test_a_story_that_shared_its_address_is_known_when_it_stands_alone(service, university):
    page = university.url + "/login"
    one = service(source(university.serve("/feed", rss(("甲", page, "g1"), ("乙", page, "g2")))))
    one.poll()
    university.serve("/feed", rss(("乙", page, "g2")))

    one.poll("haitang-news")

    assert ["乙", "甲"] == sorted(one.titles())


def test_an_article_that_failed_and_left_the_list_is_not_forgotten(service, university):
    one = service(source(column(university)))
    university.serve("/info/1055/3.htm", "broken", status=500)
    one.poll()
    rows = [(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议召开", "2025-03-20") for n in range(40, 46)]
    for path, title, _ in rows:
        university.serve("/" + path, article_page(title))
    university.serve("/info/1055/3.htm", article_page("海棠大学第3号新闻：春季学期工作会议召开"))
    university.serve("/xw.htm", list_page(*rows))

    one.poll("haitang-news")

    assert 12 == one.store.entries.count()


def test_an_older_page_that_fails_once_loses_nothing(service, university):
    one = service(source(university.serve("/xw.htm", page_of(university, range(6), "xw2.htm"))))
    one.poll()
    university.serve("/xw.htm", page_of(university, range(20, 26), "xw2.htm"))
    university.serve("/xw2.htm", "busy", status=503)
    one.poll("haitang-news")
    failed = one.last("haitang-news").cause
    university.serve("/xw2.htm", page_of(university, [*range(10, 13), *range(3)], "xw3.htm"))

    one.poll("haitang-news")

    assert ("status", 15) == (failed, one.store.entries.count())


def test_an_older_page_that_is_gone_for_good_is_no_fault_of_the_source(service, university):
    one = service(source(university.serve("/xw.htm", page_of(university, range(6), "xw2.htm"))))
    one.poll()
    university.serve("/xw.htm", page_of(university, range(20, 26), "xw2.htm"))
    university.serve("/xw2.htm", "gone", status=410)
    one.poll("haitang-news")

    assert ("new", None, 12) == (
        one.last("haitang-news").outcome,
        one.last("haitang-news").fault,
        one.store.entries.count(),
    )
    assert "xw2.htm answered 410" in one.last("haitang-news").message


def test_an_older_page_that_is_another_list_publishes_nothing_of_it(service, university):
    one = service(source(university.serve("/xw.htm", page_of(university, range(6), "xw2.htm"))))
    one.poll()
    university.serve("/xw.htm", page_of(university, range(20, 26), "xw2.htm"))
    other = [(f"zs/{n}.htm", f"招生专题栏目之第{n}篇文章", "2025-03-20") for n in range(8)]
    university.serve("/xw2.htm", redesigned(other, "/"))
    for _ in range(ARTICLE_TRIES + 1):
        one.poll("haitang-news")

    assert 12 == one.store.entries.count()
    assert not any("招生专题" in title for title in one.titles())


def test_an_older_page_that_is_another_list_holds_nothing_up(service, university):
    one = service(source(university.serve("/xw.htm", page_of(university, range(6), "xw2.htm"))))
    one.poll()
    university.serve("/xw.htm", page_of(university, range(20, 26), "xw2.htm"))
    other = [(f"zs/{n}.htm", f"招生专题栏目之第{n}篇文章", "2025-03-20") for n in range(8)]
    university.serve("/xw2.htm", redesigned(other, "/"))

    one.poll("haitang-news")

    assert ("new", 12) == (one.last("haitang-news").outcome, one.store.entries.count())
    assert "older pages were not read" in one.last("haitang-news").message


def test_an_older_page_of_another_design_is_read_at_once(service, university):
    one = service(source(university.serve("/xw.htm", page_of(university, range(6), "xw2.htm"))))
    one.poll()
    university.serve("/xw.htm", page_of(university, range(20, 26), "xw2.htm"))
    page_of(university, range(10, 16), "")
    older = [(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议召开", "2025-03-20") for n in range(10, 16)]
    university.serve("/xw2.htm", redesigned(older, "/"))

    one.poll("haitang-news")

    assert 18 == one.store.entries.count()


def test_an_undated_list_that_begins_anew_is_taken_after_three_days(service, university):
    def column_of(numbers):
        return page_of(university, numbers, "").replace("<span>2025-03-20</span>", "")

    one = service(source(university.serve("/xw.htm", column_of(range(12)))))
    one.poll()
    university.serve("/xw.htm", column_of(range(900, 904)))
    counts = []
    for _ in range(3):
        one.now += timedelta(days=1)
        one.poll("haitang-news")
        counts.append(one.store.entries.count())

    assert [12, 12, 16] == counts
    assert "begun anew" in one.store.sources.by_name("haitang-news").source.repair


def test_a_pinned_item_does_not_hide_that_the_page_is_full(service, university):
    one = service(source(university.serve("/xw.htm", page_of(university, range(6), "xw2.htm"))))
    one.poll()
    university.serve("/xw.htm", page_of(university, [0, *range(20, 26)], "xw2.htm"))
    university.serve("/xw2.htm", page_of(university, [*range(10, 13), *range(1, 4)], "xw2.htm"))

    one.poll("haitang-news")

    assert 15 == one.store.entries.count()


def test_what_is_left_by_the_limit_is_never_lost(service, university):
    one = service(source(column(university, count=12)), max_articles=5)

    for _ in range(3):
        one.poll("haitang-news")

    assert 12 == one.store.entries.count()


def test_articles_of_a_host_at_rest_keep_no_others_waiting(service, university):
    with University() as busy:
        rows = [(f"{busy.url}/{n}.htm", f"兄弟院校第{n}号新闻：春季学期工作会议", "2025-03-19") for n in range(5)]
        for n in range(5):
            busy.serve(f"/{n}.htm", "busy", status=429, headers={"Retry-After": "86400"})
        one = service(source(university.serve("/xw.htm", list_page(*rows))), max_articles=4)
        one.poll()
        column(university, 4)
        one.poll("haitang-news")

    assert 4 == one.store.entries.count()
    assert 5 == len(one.store.entries.pending_of(1))


def test_an_article_that_leads_to_the_home_page_is_kept_with_what_the_list_says(service, university):
    one = service(source(column(university)))
    university.serve("/", article_page("海棠大学欢迎你", body="<p>学校概况、机构设置、招生就业。</p>" * 5))
    university.serve("/info/1055/3.htm", "", status=302, headers={"Location": "/"})
    for _ in range(ARTICLE_TRIES):
        one.poll("haitang-news")

    entry = one.store.entries.by_slug(slug(university.url + "/info/1055/3.htm"))
    assert ("海棠大学第3号新闻：春季学期工作会议召开", "") == (entry.title, entry.text)


def test_a_file_that_page_and_feed_name_is_one_attachment_with_its_length(service, university):
    pdf = university.url + "/a.pdf"
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [
        {"id": "1", "url": university.url + "/1", "title": "好", "content_html": f"<p>正文见附件。</p><p><a href='{pdf}'>名单.pdf</a></p>", "attachments": [{"url": pdf, "mime_type": "application/pdf", "size_in_bytes": 556}]},
    ]}  # fmt: skip
    one = service(source(university.serve("/feed.json", json.dumps(feed), content_type="application/feed+json")))

    one.poll()

    (entry,) = one.store.entries.newest(9, bodies=True)
    assert (Attachment(pdf, "名单.pdf", "application/pdf", 556),) == entry.attachments


def test_a_title_that_no_database_stores_is_mended(service, university):
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [
        {"id": "1", "url": university.url + "/1", "title": "坏\ud800字\0", "content_html": "<p>文</p>"},
        {"id": "2", "url": "javascript:alert(1)", "title": "好", "content_html": "<p>文</p>", "attachments": [{"url": "javascript:x", "mime_type": "a/b"}]},
    ]}  # fmt: skip
    one = service(source(university.serve("/feed.json", json.dumps(feed), content_type="application/feed+json")))

    one.poll()

    assert {"坏字", "好"} == set(one.titles())
    assert all(
        entry.url.startswith("http") and not entry.attachments for entry in one.store.entries.newest(9, bodies=True)
    )


def test_a_source_added_while_we_run_is_polled(service, university, tmp_path):
    one = service(source(column(university)))
    url = university.serve("/feed", rss(("甲", university.url + "/1", "g1")))
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "new.toml").write_text(
        f'university = "新"\n[[source]]\nname = "added"\ntitle = "新"\nurl = "{url}"\n', "utf-8"
    )

    async def work():
        async with Fetcher(one.settings.fetch, "tests") as fetcher:
            poller = Poller(one.settings, one.rules, one.store, fetcher, lambda: one.now)
            added = load(tmp_path).source("added")
            one.store.sources.sync([*one.rules.sources, added], one.now)
            await poller.poll_all_due(["added"])
            await poller.stop()

    asyncio.run(work())

    assert ["甲"] == one.titles()


def test_a_site_file_edited_while_we_run_is_read_again(service, university, tmp_path):
    old, new = column(university), university.serve("/neu.xml", rss(("乙", university.url + "/2", "g2")))
    file = tmp_path / "sites" / "edited.toml"
    file.parent.mkdir()
    text = f'university = "新"\n[[source]]\nname = "edited"\ntitle = "新"\nkind = "list"\nurl = "{old}"\n'
    file.write_text(text, "utf-8")
    one = service()
    one.rules = load(tmp_path).only(["edited"])
    one.store.sources.sync(one.rules.sources, one.now)

    async def work():
        async with Fetcher(one.settings.fetch, "tests") as fetcher:
            poller = Poller(one.settings, one.rules, one.store, fetcher, lambda: one.now)
            file.write_text(text.replace("list", "feed").replace(old, new), "utf-8")
            one.store.sources.sync(load(tmp_path).only(["edited"]).sources, one.now)  # as another process does
            await poller.poll_all_due(["edited"])
            await poller.stop()

    asyncio.run(work())

    assert ["乙"] == one.titles()


def test_a_host_that_hangs_leaves_room_for_the_others(service, university):
    with University() as slow:
        slow.serve("/slow", lambda request: slow.pause(9) or "late")
        there = slow.url.replace("127.0.0.1", "localhost")
        hanging = [source(there + f"/slow?{n}", name=f"slow-{n}") for n in range(8)]
        for n in range(8):
            slow.serve(f"/slow?{n}", lambda request: slow.pause(9) or "late")
        feed = university.serve("/feed", rss(("甲", university.url + "/1", "g1")))
        one = service(*hanging, source(feed), concurrency=4, timeout_seconds=1)
        seen = []

        async def work():
            async with Fetcher(one.settings.fetch, "tests") as fetcher:
                note = lambda polled, visit, brought: seen.append(polled.name)  # noqa: E731
                poller = Poller(one.settings, one.rules, one.store, fetcher, lambda: NOW, note)
                await poller.poll_all_due()
                await poller.stop()

        asyncio.run(work())

    assert "haitang-news" == seen[0]


def test_a_source_of_which_there_is_no_rule_here_is_left_to_others_and_stops_nobody(service, university):
    one = service(source(university.serve("/feed", rss(("甲", university.url + "/1", "g1")))))
    strange = [source(f"{university.url}/{n}", name=f"strange-{n}") for n in range(30)]
    rules = Rules({"haitang": Site("haitang", "海棠大学", sources=(*strange, one.site.sources[0]))}, FAMILIES)
    one.store.sources.sync(rules.sources, NOW)

    one.poll()

    assert ["甲"] == one.titles()
    assert {NOW + UNKNOWN_PAUSE} == {one.store.sources.by_name(rule.name).source.next_poll_at for rule in strange}


def test_a_host_is_polled_again_as_soon_as_the_database_can_be_written(service, university, caplog):
    one = service(source(column(university)))
    with one.store.write() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    for n in range(6):
        university.serve(f"/info/1055/{n}.htm", article_page("长文", body="<p>会议部署春季学期重点工作。</p>" * 5000))

    async def work():
        async with Fetcher(one.settings.fetch, "tests") as fetcher:
            poller = Poller(one.settings, one.rules, one.store, fetcher, lambda: NOW)
            while await poller.poll_due():
                await asyncio.sleep(0.05)
                if "nothing can be stored" in caplog.text:
                    with one.store.write() as connection:
                        connection.execute(text("PRAGMA max_page_count = 100000"))
            await poller.stop()

    asyncio.run(work())

    assert (1, 6) == (caplog.text.count("disk is full"), one.store.entries.count())


# ------------------------------------------------------------ a site that changes its pages


def test_a_redesign_that_changes_every_address_publishes_nothing_twice(service, university):
    rows = [(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议", f"2025-03-{20 - n:02}") for n in range(8)]
    for path, title, day in rows:
        university.serve("/" + path, article_page(title, f"{day} 09:44"))
    one = service(source(university.serve("/xw.htm", list_page(*rows))))
    one.poll()
    before = {entry.title: entry.atom_id for entry in one.store.entries.newest(100)}

    new = ("info/9.htm", "海棠大学新版网站上线后的第一条新闻", "2025-03-21")
    university.serve("/2025/" + new[0], article_page(new[1], "2025-03-21 08:00"))
    university.serve("/xw.htm", redesigned([new, *rows], "/2025/"))
    one.now += timedelta(hours=1)
    one.poll("haitang-news")

    after = one.store.entries.newest(100)
    assert before == {entry.title: entry.atom_id for entry in after if entry.title != new[1]}
    assert [new[1]] == [entry.title for entry in after if entry.title not in before]
    assert all("/2025/info/" in entry.url for entry in after)  # the old addresses lead nowhere now
    state = one.store.sources.by_name("haitang-news")
    assert "8 known articles new addresses" in state.polls[0].message
    assert state.source.repair.startswith("2025-03-21: ")

    university.serve("/xw.htm", redesigned([new, *rows], "/2025/").replace("要闻", "海棠要闻"))
    one.poll("haitang-news")
    assert (0, "unchanged") == (one.last("haitang-news").entries, one.last("haitang-news").outcome)
    assert 9 == one.store.entries.count()


def test_a_page_that_became_another_list_publishes_nothing(service, university):
    one = service(source(column(university, 8)))
    one.poll()
    other = [(f"gk/{n}.htm", f"信息公开第{n}号：年度预算与决算说明", f"2018-03-{20 - n:02}") for n in range(8)]
    university.serve("/xw.htm", redesigned(other, "/"))
    one.now += timedelta(hours=1)
    one.poll("haitang-news")
    last = one.last("haitang-news")
    assert ("failed", 8) == (last.outcome, one.store.entries.count())
    assert "older than what is known" in last.message


def test_an_address_that_leads_to_somebody_elses_list_publishes_nothing(service, university):
    one = service(source(column(university, 8)))
    one.poll()
    with University() as elsewhere:
        there = elsewhere.url.replace("127.0.0.1", "localhost")
        other = [(f"{there}/{n}.htm", f"域名到期以后别家网站的第{n}条消息", "2025-03-21") for n in range(8)]
        elsewhere.serve("/", redesigned(other, ""))
        university.serve("/xw.htm", "", status=302, headers={"Location": there + "/"})
        one.now += timedelta(hours=1)
        one.poll("haitang-news")

    assert ("failed", "moved", 8) == (
        one.last("haitang-news").outcome,
        one.last("haitang-news").fault,
        one.store.entries.count(),
    )
    assert "another site" in one.last("haitang-news").message


def test_a_fault_of_a_page_that_was_read_is_said_at_every_poll(service, university):
    column(university, etag=None)
    one = service(source(university.serve("/old/xw.htm", "", status=302, headers={"Location": "/"})))
    university.serve("/", list_page(*[(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：会议召开", "2025-03-20") for n in range(6)]))  # fmt: skip
    one.poll()
    first = one.last("haitang-news")
    one.poll("haitang-news")

    assert ("moved", f"{university.url}/old/xw.htm leads to {university.url}/") == (first.fault, first.message)
    again = one.last("haitang-news")
    assert ("moved", f"{university.url}/old/xw.htm still leads elsewhere") == (
        again.fault,
        again.message,
    )


def test_a_corrected_source_does_not_wait_for_the_failures_of_its_old_address(service, university):
    one = service(source(university.serve("/old.htm", "no", status=503)))
    for _ in range(8):
        one.poll("haitang-news")
    corrected = source(university.serve("/new.htm", "busy", status=503))
    one.site = Site("haitang", "海棠大学", sources=(corrected,))
    one.rules = Rules({"haitang": one.site}, FAMILIES)
    one.store.sources.sync(one.rules.sources, one.now)
    one.poll()

    state = one.store.sources.by_name("haitang-news").source
    assert (1, 9, True) == (state.failures, state.strikes, state.next_poll_at < one.now + timedelta(hours=1))


def test_a_feed_whose_addresses_all_change_publishes_nothing_twice(service, university):
    stories = [(f"第{n}条海棠新闻公告", f"https://a.edu.cn/{n}", f"id-{n}") for n in range(5)]
    one = service(source(university.serve("/feed.xml", rss(*stories)), kind="feed"))
    one.poll()
    university.serve(
        "/feed.xml", rss(*((title, link.replace("a.edu", "b.edu"), guid) for title, link, guid in stories))
    )
    one.now += timedelta(hours=1)
    one.poll("haitang-news")
    assert 5 == one.store.entries.count()
    assert "5 known articles new addresses" in one.last("haitang-news").message


# ------------------------------------------------------------ servers that say too little, or nothing


def test_a_server_that_says_304_whatever_happens_is_not_believed_for_more_than_a_day(service, university):
    one = service(source(column(university, 6)))
    one.poll()
    column(university, 7)  # a new article, under the same ETag
    one.now += timedelta(hours=23)
    one.poll("haitang-news")
    assert (304, 6) == (one.last("haitang-news").status, one.store.entries.count())
    one.now += timedelta(hours=2)
    one.poll("haitang-news")
    assert (200, 7) == (one.last("haitang-news").status, one.store.entries.count())


def test_a_server_that_says_304_to_whoever_asks_for_all_is_at_fault(service, university):
    one = service(source(column(university)))
    one.poll()
    university.serve("/xw.htm", "", status=304)
    one.now += timedelta(days=2)
    one.poll("haitang-news")

    assert "failed" == one.last("haitang-news").outcome
    assert "304 to an unconditional request" in one.last("haitang-news").message


def test_a_network_that_is_down_is_no_fault_of_the_sources(service):
    one = service(*(source(f"http://127.0.0.{n}:1/xw.htm", name=f"n{n}") for n in range(2, 10)))
    one.poll()
    causes = [one.last(f"n{n}").cause for n in range(2, 10)]
    assert {"connect", "offline"} == set(causes)
    blamed = [one.store.sources.by_name(f"n{n}").source.failures for n in range(2, 10)]
    assert (4, 4) == (blamed.count(1), blamed.count(0))
    struck = [one.store.sources.by_name(f"n{n}").source.strikes for n in range(2, 10)]
    assert blamed == struck
    assert {("connect", "connect"), ("offline", None)} == {
        (one.last(f"n{n}").cause, one.last(f"n{n}").fault) for n in range(2, 10)
    }
    assert all(
        one.store.sources.by_name(f"n{n}").source.next_poll_at < one.now + timedelta(minutes=17) for n in range(2, 10)
    )


def test_a_few_sources_that_are_all_down_are_told_of_as_a_break_of_the_service(service):
    one = service(*(source(f"http://127.0.0.{n}:1/xw.htm", name=f"n{n}") for n in (2, 3)))

    for _ in range(8):
        one.poll("n2", "n3")
        one.now += timedelta(hours=1)
    one.store.breaks.note_network()

    assert "offline" == one.store.breaks.of_service().cause


def test_a_feed_is_visited_as_seldom_as_it_asks_and_that_is_remembered(service, university):
    document = rss(("甲", "/1", "1")).replace("<title>海棠", "<ttl>200</ttl><title>海棠", 1)
    one = service(source(university.serve("/feed", document, etag='"1"', content_type="application/rss+xml")))

    for _ in range(2):
        one.poll("haitang-news")
        waits = one.store.sources.by_name("haitang-news").source.next_poll_at - one.now
        assert timedelta(minutes=200) <= waits <= timedelta(minutes=220)
        one.now += timedelta(hours=4)

    assert "unchanged" == one.last("haitang-news").outcome


def test_a_feed_that_moves_to_another_site_is_asked_there_once_known_entries_stood_there_for_days(service, university):
    stories = [(f"第{n}条海棠新闻公告", f"https://a.edu.cn/{n}", f"id-{n}") for n in range(5)]
    one = service(source(university.serve("/feed.xml", rss(*stories)), kind="feed"))
    one.poll()
    with University() as elsewhere:
        there = elsewhere.serve("/new.xml", rss(*stories[1:])).replace("127.0.0.1", "localhost")
        university.serve("/feed.xml", "", status=301, headers={"Location": there})
        one.poll("haitang-news")
        one.now += timedelta(days=4)
        one.poll("haitang-news")
        asked = len(university.requests)
        one.poll("haitang-news")

    assert asked == len(university.requests)
    assert there == one.store.sources.by_name("haitang-news").source.moved_to


def test_a_feed_that_moves_to_a_site_where_nothing_is_known_stays_at_its_old_address(service, university):
    stories = [(f"第{n}条海棠新闻公告", f"https://a.edu.cn/{n}", f"id-{n}") for n in range(5)]
    one = service(source(university.serve("/feed.xml", rss(*stories)), kind="feed"))
    one.poll()
    with University() as elsewhere:
        others = [(f"别家网站的第{n}条消息", f"https://b.edu.cn/{n}", f"b-{n}") for n in range(5)]
        there = elsewhere.serve("/new.xml", rss(*others)).replace("127.0.0.1", "localhost")
        university.serve("/feed.xml", "", status=301, headers={"Location": there})
        one.poll("haitang-news")
        said = one.last("haitang-news").message
        one.now += timedelta(days=4)
        one.poll("haitang-news")
        asked = len(university.requests)
        one.poll("haitang-news")

    assert 1 == len(university.requests) - asked
    assert f"leads to {there}, another site, where nothing is known" in said
    assert ("moved", 5) == (one.store.sources.by_name("haitang-news").source.fault, one.store.entries.count())


def test_a_page_on_another_site_is_read_where_anything_on_it_is_ours(service, university):
    stories = [(f"第{n}条海棠新闻公告", f"{university.url}/{n}", f"id-{n}") for n in range(9)]
    one = service(source(university.serve("/feed.xml", rss(*stories[:4])), kind="feed"))
    one.poll()
    with University() as elsewhere:
        there = elsewhere.serve("/new.xml", rss(*stories[4:])).replace("127.0.0.1", "localhost")
        university.serve("/feed.xml", "", status=302, headers={"Location": there})
        one.poll("haitang-news")

    assert 9 == one.store.entries.count()


def test_sources_that_no_site_file_names_do_not_hide_those_behind_them(service, university):
    one = service(source(column(university)))
    gone = [source(f"{university.url}/{n}.htm", f"gone-{n}") for n in range(SOURCES_PER_TURN)]
    everything = Site("haitang", "海棠大学", sources=(*gone, *one.site.sources))
    with one.store.write() as connection:
        connection.execute(text("DELETE FROM source"))
    one.store.sources.sync(Rules({"haitang": everything}, FAMILIES).sources, one.now)

    one.poll()

    assert 6 == one.store.entries.count()


@pytest.mark.parametrize("is_broken", [False, True])
def test_no_character_that_a_feed_may_say_costs_an_entry(service, university, is_broken):
    bad = "甲\0乙\ud800"  # what no database stores
    item = {"id": bad, "title": bad, "summary": bad, "authors": [{"name": bad}], "tags": [bad]}
    item |= {"attachments": [{"url": university.url + "/a.pdf", "mime_type": bad, "title": bad}]}
    page = university.serve("/1.htm", article_page("甲", "正文。"), status=500 if is_broken else 200)
    whole = {"id": "2", "url": university.url + "/2.htm", "content_html": f"<p>{bad}</p>"}
    items = [item | {"url": page}, item | whole]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": bad, "items": items}
    feed |= {"feed_url": university.url + "/" + bad, "hubs": [{"type": "WebSub", "url": university.url + "/" + bad}]}
    one = service(source(university.serve("/feed.json", json.dumps(feed), content_type="application/feed+json")))

    for _ in range(ARTICLE_TRIES if is_broken else 1):
        one.poll("haitang-news")

    assert (None, 2) == (one.last("haitang-news").cause, one.store.entries.count())
    assert {"甲乙"} == {file.title for entry in one.store.entries.newest(2, bodies=True) for file in entry.attachments}
