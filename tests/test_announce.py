"""Hubs hear of our news: once a change, each feed by its own address, and again when they did not take it."""

import asyncio
from datetime import timedelta

import pytest

from aggregator.announce import Announcer
from aggregator.gather.fetch import Fetcher
from aggregator.settings import FetchSettings
from aggregator.store import Store
from aggregator.web.render import feed_addresses
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, rules, settings, story, visit


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    if request.param == "sqlite":
        with empty_store(tmp_path) as opened:
            yield opened
        return
    opened = Store(request.getfixturevalue("postgresql"))
    opened.upgrade()
    opened.sources.sync(rules(), NOW)
    yield opened
    opened.close()


def tell(store, folder, *hubs, now=NOW):
    async def work():
        config = FetchSettings(allow_private_networks=True, per_host_delay_seconds=0)
        async with Fetcher(config, "tests") as fetcher:
            await Announcer(store, fetcher, hubs, feed_addresses(settings(folder)), lambda: now).tell()

    asyncio.run(work())


def announced(hub):
    assert {"publish"} >= {form["hub.mode"] for form in hub.forms}
    found = [form["hub.url"].removeprefix(SITE_URL) for form in hub.forms]
    hub.forms.clear()
    return found


@pytest.fixture
def hub(hub):
    hub.is_prompt = False
    return hub


def test_a_hub_hears_of_each_feed_that_changed_once(store, tmp_path, hub):
    store.entries.record([visit(1, story(1))])
    tell(store, tmp_path, hub.url)
    assert [] == announced(hub)  # what was there before it was asked to tell

    store.entries.record([visit(3, story(2, tags=("甲 乙",)))])
    for _ in range(2):
        tell(store, tmp_path, hub.url)

    feeds = (
        "/feed",
        "/sources/yunling-news",
        "/universities/%E4%BA%91%E5%B2%AD%E5%B8%88%E8%8C%83%E5%A4%A7%E5%AD%A6",
        "/tags/%E7%94%B2%20%E4%B9%99",
    )
    assert sorted(f"{feed}.{form}" for feed in feeds for form in ("atom", "rss", "json")) == sorted(announced(hub))


def test_what_is_announced_is_how_the_feed_calls_itself(store, tmp_path, hub):
    tell(store, tmp_path, hub.url)
    store.entries.record([visit(1, story(1, tags=("C++", "a/b", "“引”")))])
    tell(store, tmp_path, hub.url)
    client = app_of(store, tmp_path).test_client()

    for address in announced(hub):
        assert (
            f'"{SITE_URL}{address}"' in client.get(address).text or f">{SITE_URL}{address}<" in client.get(address).text
        )


def test_a_hub_that_is_down_is_told_later_and_less_and_less_often(store, tmp_path, hub):
    tell(store, tmp_path, hub.url)
    store.entries.record([visit(1, story(1, tags=()))])
    hub.status = 500
    tries = []

    for minute in range(16):
        tell(store, tmp_path, hub.url, now=NOW + timedelta(minutes=minute))
        tries += [minute] * ("/feed.atom" in announced(hub))
    failing = store.announcements.failing()
    hub.status = 204
    tell(store, tmp_path, hub.url, now=NOW + timedelta(hours=9))

    assert [0, 1, 3, 7, 15] == tries
    assert {hub.url} == {url for url, _ in failing}
    assert "/feed.atom" in announced(hub)
    for hours in (20, 30):
        tell(store, tmp_path, hub.url, now=NOW + timedelta(hours=hours))
    assert [] == store.announcements.failing()


def test_hubs_do_not_wait_for_each_other(store, tmp_path, hub):
    down = "http://127.0.0.1:9/hub"
    tell(store, tmp_path, down, hub.url)
    store.entries.record([visit(1, story(1, tags=()))])

    tell(store, tmp_path, down, hub.url)

    assert "/feed.atom" in announced(hub)
    assert {down} == {url for url, _ in store.announcements.failing()}


def test_a_tag_that_is_part_of_another_one_now_holds_up_no_announcement(store, tmp_path, hub):
    tell(store, tmp_path, hub.url)
    store.entries.record([visit(1, story(1, tags=("要闻",))), visit(3, story(2, tags=("头条",)))])
    store.tagging.rename("要闻", "头条")

    for _ in range(2):
        tell(store, tmp_path, hub.url)

    assert {"/feed.atom", "/tags/%E5%A4%B4%E6%9D%A1.atom"} < set(announced(hub))
