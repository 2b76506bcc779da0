"""The scheduler with a real database and server, stopped as SIGTERM would."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from aggregator.alert import Alerts
from aggregator.errors import SettingsError
from aggregator.gather.connect import post
from aggregator.gather.fetch import Fetcher
from aggregator.mail.letters import Letters
from aggregator.mail.mailbox import mailbox
from aggregator.model import ArticleRule, Begun, Choice, Site, SourceRule, Visit
from aggregator.poll import Poller
from aggregator.rules import Rules
from aggregator.schedule import serve
from aggregator.settings import AlertSettings, FetchSettings, ScheduleSettings, Settings
from aggregator.store import Store
from tests.imapserver import imap_server
from tests.postoffice import post_office
from tests.test_returned import complaint

FEED = "<rss version='2.0'><channel><item><title>甲</title><link>http://a.edu.cn/1</link><description>文</description></item></channel></rss>"


def staged(folder, url, **schedule):
    settings = Settings.model_construct(
        instance=folder,
        fetch=FetchSettings(
            allow_private_networks=True, respect_robots=False, per_host_delay_seconds=0, timeout_seconds=5
        ),
        schedule=ScheduleSettings(tick_seconds=0.1, **schedule),
    )
    rule = SourceRule(name="one", title="一", url=url, kind="feed", article=ArticleRule(full_text=False))
    rules = Rules({"one": Site("one", "海棠大学", sources=(rule,))}, {})
    store = Store(settings.database_url)
    store.upgrade()
    store.sources.sync(rules.sources, datetime.now(UTC))
    return settings, rules, store


async def run(settings, rules, store, seconds, alerts=None, now=lambda: datetime.now(UTC), **parts):
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    async with Fetcher(settings.fetch, "tests") as fetcher:
        await serve(settings, store, Poller(settings, rules, store, fetcher, now), now, stop, alerts, **parts)


def test_what_is_due_is_polled_again_and_again(tmp_path, university):
    staging = staged(tmp_path, university.serve("/feed", FEED), min_interval_minutes=0.002, max_interval_minutes=0.002)

    asyncio.run(run(*staging, seconds=1.5))

    assert len(university.requests) >= 3
    assert 1 == staging[2].entries.count()
    staging[2].close()


def test_what_the_operator_has_to_mend_is_one_line_in_the_log_and_stops_nothing_else(tmp_path, university, caplog):
    async def refused():
        raise SettingsError("cannot keep a secret")

    staging = staged(tmp_path, university.serve("/feed", FEED))

    asyncio.run(run(*staging, seconds=1, deliver=refused))

    (said,) = (record for record in caplog.records if record.name == "aggregator.schedule")
    assert ("deliver: cannot keep a secret", None) == (said.getMessage(), said.exc_info)
    assert 1 == staging[2].entries.count()
    staging[2].close()


def test_what_is_not_due_is_left_in_peace(tmp_path, university):
    staging = staged(tmp_path, university.serve("/feed", FEED))

    asyncio.run(run(*staging, seconds=1))

    assert 1 == len(university.requests)
    staging[2].close()


def test_a_clock_that_was_set_back_holds_no_job_up(tmp_path, university, caplog):
    caplog.set_level(logging.INFO)
    staging = staged(tmp_path, university.serve("/feed", FEED))
    ahead = iter([timedelta(days=400)] * 3)  # while the jobs are laid down and their first times set
    now = lambda: datetime.now(UTC) + next(ahead, timedelta())  # noqa: E731

    asyncio.run(run(*staging, seconds=1.5, now=now))

    assert "the clock was set back" in caplog.text
    assert "tidied polls=0" in caplog.text  # a job of four in the morning
    assert 1 == staging[2].entries.count()
    staging[2].close()


def test_stopping_does_not_wait_for_a_slow_server(tmp_path, university):
    staging = staged(tmp_path, university.serve("/feed", lambda request: university.pause(20) or FEED))
    started = monotonic()

    asyncio.run(run(*staging, seconds=0.5))

    assert monotonic() - started < 4
    assert () == staging[2].sources.by_name("one").polls
    staging[2].close()


def test_the_operator_is_told_while_the_service_runs(tmp_path, university):
    hook = university.serve("/hook", "")
    settings, rules, store = staged(tmp_path, university.serve("/feed", FEED))
    settings = settings.model_copy(update={"alert": AlertSettings(webhook=hook, settle_hours=0)})
    now = datetime.now(UTC)
    broken = Visit(1, now, now + timedelta(hours=1), begun=Begun("dns", "why"), broken_by="dns")
    store.entries.record([broken])
    alerts = Alerts(settings, store, lambda *_: ("", ""), partial(post, timeout_seconds=2), lambda: now)

    asyncio.run(run(settings, rules, store, 0.8, alerts))

    assert ["/hook"] == [request.path for request in university.requests]
    store.close()


def test_what_is_collected_is_indexed_for_search(tmp_path, university):
    staging = staged(tmp_path, university.serve("/feed", FEED), min_interval_minutes=0.002, max_interval_minutes=0.002)

    asyncio.run(run(*staging, seconds=1.5))

    assert (1, 0) == (staging[2].entries.count(), staging[2].index.behind())
    assert [] == staging[2].index.check()
    staging[2].close()


def test_letters_that_wait_are_sent_and_returned_mail_is_read(tmp_path, university):
    settings, rules, store = staged(tmp_path, university.serve("/feed", FEED))
    lin, yue, now = mailbox("lin@example.org"), mailbox("yue@example.org"), datetime.now(UTC)
    store.subscribers.sign_up(yue, Choice(), now)
    store.subscribers.add(lin, Choice(), "trace", now)
    with post_office() as (office, mail), imap_server() as (server, url):
        server.put(complaint())
        settings = settings.model_copy(update={"mail": mail.model_copy(update={"bounce_mailbox": url})})
        letters = Letters(settings, store, lambda *_: ("请确认", "链接"), lambda: datetime.now(UTC))

        asyncio.run(run(settings, rules, store, 1.5, letters=letters))

    assert [["yue@example.org"]] == [to for _, to, _ in office.letters]
    assert "complained" == store.subscribers.by_address(lin).state
    store.close()
