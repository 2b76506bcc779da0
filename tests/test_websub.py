"""The rules of a WebSub subscriber, and a hub that is trusted, distrusted and trusted again."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from aggregator.gather.fetch import Fetcher
from aggregator.model import Site, SourceRule
from aggregator.poll import Poller
from aggregator.rules import Rules
from aggregator.settings import FetchSettings, ScheduleSettings, Settings, SiteSettings, WebSettings
from aggregator.store import Store
from aggregator.visit.hubs import Hubs
from aggregator.web.app import create_app
from aggregator.web.server import Server
from aggregator.websub import (
    LEASE,
    LONGEST_LEASE,
    PROBATION,
    UNNAMED_LEASE,
    announced,
    early_poll_at,
    lease_of,
    next_ask_at,
    owed_after,
    renewal_at,
    signed_with,
)
from tests.hub import call, signed
from tests.newsroom import blank

NOW = datetime(2025, 3, 21, 2, 30, tzinfo=UTC)  # 10:30 on a Friday in Shanghai
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECRET = "0" * 64


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(("tries", "hours"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 24), (1000, 24)])
def test_a_hub_that_does_not_confirm_is_asked_more_and_more_seldom(tries, hours):
    assert NOW + hours * HOUR == next_ask_at(NOW, tries)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("86400", DAY), ("0", timedelta(0)), (None, UNNAMED_LEASE), ("-5", UNNAMED_LEASE), ("ten days", UNNAMED_LEASE),
        ("٣٦٠٠", UNNAMED_LEASE), ("9" * 50, LONGEST_LEASE),
    ],
)  # fmt: skip
def test_a_lease_is_what_the_hub_says_within_reason(said, expected):
    assert expected == lease_of(said)


def test_a_lease_is_renewed_before_it_ends_but_not_twice_an_hour():
    assert NOW + 8 * DAY == renewal_at(NOW, NOW, 10 * DAY)
    assert NOW + HOUR == renewal_at(NOW, NOW + MINUTE, 10 * MINUTE)


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_a_right_signature_counts(method):
    assert method == signed_with(signed(b"body", method, SECRET), b"body", SECRET, None)


@pytest.mark.parametrize(
    "header",
    [
        None, "", "sha256", "sha256=", "=", "sha256=" + "0" * 64, "sha256=é", signed(b"other", "sha256", SECRET),
        signed(b"body", "sha256", "another"), signed(b"body", "md5", SECRET),
        signed(b"body", "sha256", SECRET).replace("sha256", "sha512"), "new=" + "0" * 64,
    ],
)  # fmt: skip
def test_a_wrong_signature_counts_for_nothing(header):
    assert None is signed_with(header, b"body", SECRET, None)


def test_sha_1_is_refused_of_a_hub_that_can_do_better():
    assert None is signed_with(signed(b"body", "sha1", SECRET), b"body", SECRET, "sha256")
    assert "sha1" == signed_with(signed(b"body", "sha1", SECRET), b"body", SECRET, "sha1")


@pytest.mark.parametrize(
    ("published", "precision", "pushed_at", "read_at", "expected"),
    [
        (NOW - HOUR, "minute", NOW - HOUR, NOW - DAY, True),
        (NOW - HOUR, "minute", NOW - HOUR - MINUTE, NOW - DAY, True),  # clocks differ
        (NOW - HOUR, "minute", NOW - HOUR - 5 * MINUTE, NOW - DAY, False),  # that was another entry
        (NOW - HOUR, "minute", None, NOW - DAY, False),
        (NOW - 5 * MINUTE, "minute", None, NOW - DAY, None),  # may still come
        (NOW + DAY, "minute", None, NOW - DAY, None),  # dated ahead
        (NOW - 30 * DAY, "minute", None, NOW - DAY, None),  # from before the subscription
        (NOW, "day", NOW - HOUR, NOW - DAY, True),
        (NOW, "day", NOW - 2 * DAY, NOW - DAY, False),
        (None, None, NOW - HOUR, NOW - DAY, True),
        (None, None, None, NOW - DAY, False),
        (None, None, None, None, None),  # the last poll failed
    ],
)
def test_an_entry_tells_whether_its_hub_announced_it(published, precision, pushed_at, read_at, expected):
    told = announced(published, precision, subscribed_at=NOW - 10 * DAY, pushed_at=pushed_at, read_at=read_at, now=NOW)
    assert expected is told


@pytest.mark.parametrize(
    ("owed", "verdicts", "expected"),
    [
        (PROBATION, [], PROBATION),
        (PROBATION, [True], PROBATION - 1),
        (PROBATION, [True] * 9, 0),
        (0, [None, None], 0),
        (0, [True, False, True], PROBATION),
        (1, [False], PROBATION),
    ],
)
def test_trust_is_earned_entry_by_entry_and_lost_at_once(owed, verdicts, expected):
    assert expected == owed_after(owed, verdicts)


def test_an_early_poll_is_not_within_a_minute_of_the_last():
    assert NOW == early_poll_at(NOW, None)
    assert NOW == early_poll_at(NOW, NOW - HOUR)
    assert NOW + 50 * SECOND == early_poll_at(NOW, NOW - 10 * SECOND)


@pytest.mark.parametrize(
    ("site", "private", "schedule", "expected"),
    [
        ("https://news.example.org/nus", False, {}, "https://news.example.org/nus/websub/"),
        ("http://8.8.8.8:8000", False, {}, "http://8.8.8.8:8000/websub/"),
        ("https://news.example.org", False, {"websub": False}, None),
        ("http://127.0.0.1:8000", False, {}, None),
        ("http://127.0.0.1:8000", True, {}, None),  # nobody has set it
        ("http://localhost:8000", False, {}, None),
        ("http://10.0.0.7", False, {}, None),
        ("http://[::1]:8000", False, {}, None),
        ("http://news", False, {}, None),
        ("http://news.local", False, {}, None),
        ("http://10.0.0.7", True, {}, "http://10.0.0.7/websub/"),  # an intranet with a hub of its own
    ],
)
def test_hubs_are_asked_only_where_they_can_call_back(site, private, schedule, expected):
    settings = Settings(
        site=SiteSettings(url=site),
        fetch=FetchSettings(allow_private_networks=private),
        schedule=ScheduleSettings(**schedule),
    )
    assert expected == settings.callback_url


# ---------------------------------------------------------------- with a hub


class Stage:
    """A worker and the pages of one service with a clock set by hand, a university's feed, and a hub that it names."""

    def __init__(self, folder, database, university, hub):
        self.now = NOW
        self.university, self.hub = university, hub
        self.server = Server(lambda *request: self.app(*request), WebSettings(port=0), 1_000_000)
        self.settings = Settings.model_construct(
            instance=folder,
            site=SiteSettings(url=self.server.url),
            web=WebSettings(port=0),
            fetch=FetchSettings(
                allow_private_networks=True, per_host_delay_seconds=0, timeout_seconds=5, max_bytes=100_000
            ),
        )
        self.store = Store(database)
        self.store.upgrade()
        self.app = create_app(self.settings, self.store, lambda: self.now)
        self.published = []  # (title, minutes before they are read)
        self.names = hub
        self.topic = university.serve("/feed", lambda request: self.document(), content_type="application/rss+xml")
        self.rule = SourceRule(name="haitang-news", title="要闻", url=self.topic, kind="feed")
        self.follow()

    def follow(self, **changes):
        rule = SourceRule(name="haitang-news", title="要闻", url=self.topic, kind="feed", **changes)
        self.rules = Rules({"haitang": Site("haitang", "海棠大学", sources=(rule,))}, {})
        self.store.sources.sync(self.rules.sources, self.now)

    def document(self):
        items = "".join(
            f"<item><title>{title}</title><link>http://haitang.example/{title}</link>"
            f"<pubDate>{at:%a, %d %b %Y %H:%M:%S} +0000</pubDate><content:encoded>文</content:encoded></item>"
            for title, at in self.published
        )
        hub = f"<atom:link rel='hub' href='{self.names.url}'/>" if self.names else ""
        return (
            "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom' "
            "xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel><title>海棠</title>"
            f"{hub}<atom:link rel='self' href='{self.topic}'/>{items}</channel></rss>"
        )

    def publish(self, title, **ago):
        self.published.insert(0, (title, self.now - timedelta(**ago)))

    def work(self, *, poll=True, tend=True):
        """What a worker does when its jobs come round."""

        async def jobs():
            async with Fetcher(self.settings.fetch, "tests") as fetcher:
                poller = Poller(self.settings, self.rules, self.store, fetcher, lambda: self.now)
                if poll:
                    await poller.poll_all_due()
                if tend:
                    await Hubs(self.store, fetcher, self.settings.callback_url, lambda: self.now).tend()
                await poller.stop()

        asyncio.run(jobs())
        self.hub.settle()

    def subscribe(self):
        self.publish("零", hours=30)
        self.work()

    def earn_trust(self):
        for number in range(PROBATION):
            self.announce(f"试{number}")

    def announce(self, title):
        """News, announced by the hub and polled."""
        self.now += HOUR
        self.publish(title)
        self.hub.distribute()
        self.work()

    @property
    def subscription(self):
        return self.store.websub.of_source(1)

    @property
    def source(self):
        return self.store.sources.by_name("haitang-news").source

    @property
    def titles(self):
        return [entry.title for entry in self.store.entries.newest(100)]

    @property
    def modes(self):
        return [form["hub.mode"] for form in self.hub.forms]


@pytest.fixture
def stage(tmp_path, university, hub):
    (tmp_path / "aggregator.db").write_bytes(blank())
    yield from staged(tmp_path, f"sqlite:///{tmp_path}/aggregator.db", university, hub)


@pytest.fixture(params=["stage", "postgresql"])
def either(request, tmp_path, university, hub):
    """A stage on either database."""
    found = request.getfixturevalue(request.param)
    if request.param == "stage":
        yield found
    else:
        yield from staged(tmp_path, found, university, hub)


def staged(folder, database, university, hub):
    one = Stage(folder, database, university, hub)
    with one.server.in_thread():
        yield one
    hub.settle()
    one.store.close()


def test_a_hub_that_the_feed_names_is_subscribed_to(either):
    either.subscribe()

    (form,) = either.hub.forms
    assert ("subscribe", either.topic, "864000") == (form["hub.mode"], form["hub.topic"], form["hub.lease_seconds"])
    assert form["hub.callback"].startswith(either.settings.site.url + "/websub/")
    assert 64 == len(form["hub.secret"])
    assert [form["hub.callback"]] == list(either.hub.subscribed)
    assert (NOW, NOW + LEASE, PROBATION) == (
        either.subscription.since,
        either.subscription.until,
        either.subscription.owed,
    )


def test_a_hub_that_only_a_header_names_is_subscribed_to(stage):
    stage.names = None
    links = {"Link": f'<{stage.hub.url}>; rel="hub", </self>; rel="self"'}
    stage.university.serve("/feed", lambda request: stage.document(), headers=links)

    stage.subscribe()

    assert [(stage.hub.url, stage.university.url + "/self")] == [
        (stage.subscription.hub, form["hub.topic"]) for form in stage.hub.subscribed.values()
    ]


def test_a_change_in_the_site_file_does_not_end_the_subscription(stage):
    stage.subscribe()
    stage.follow(tags=("要闻",))

    stage.work(poll=False)
    stage.work()

    assert ["subscribe"] == stage.modes


def test_a_confirmed_hub_is_left_in_peace_until_four_fifths_of_the_lease(stage):
    stage.subscribe()
    stage.now = NOW + 8 * DAY - MINUTE
    stage.work(poll=False)
    assert 1 == len(stage.hub.forms)

    stage.now = NOW + 8 * DAY
    stage.work(poll=False)

    assert stage.hub.forms[0] == stage.hub.forms[1]
    assert (NOW, stage.now + LEASE) == (stage.subscription.since, stage.subscription.until)


def test_a_hub_behind_a_redirect_is_asked(stage, hub):
    other = type(hub)()
    other.status, other.location = 307, hub.url
    stage.names = other

    stage.subscribe()

    assert (1, 1) == (len(other.forms), len(hub.subscribed))
    other.close()


def test_a_hub_that_fails_is_asked_again_after_an_hour_and_then_more_seldom(stage):
    stage.hub.status = 500
    stage.subscribe()
    assert "500" in stage.subscription.message

    asked = []
    for hours in range(1, 9):
        stage.now = NOW + hours * HOUR
        stage.work(poll=False)
        asked.append(len(stage.hub.forms))

    assert [2, 2, 3, 3, 3, 3, 4, 4] == asked


def test_a_failing_hub_is_asked_once_an_hour_whatever_the_number_of_its_sources(either):
    rules = [SourceRule(name=f"more-{n}", title="要闻", url=either.topic + f"?{n}", kind="feed") for n in range(5)]
    for rule in rules:
        either.university.serve("/feed?" + rule.url.rpartition("?")[2], lambda request: either.document())
    either.rules = Rules({"haitang": Site("haitang", "海棠大学", sources=tuple(rules))}, {})
    either.store.sources.sync(either.rules.sources, either.now)
    either.hub.status = 503

    either.subscribe()
    either.now += 59 * MINUTE
    either.work(poll=False)
    assert 1 == len(either.hub.forms)

    either.hub.status = 202
    either.now += MINUTE
    either.work(poll=False)
    assert 5 == len(either.hub.subscribed)


def test_a_hub_that_never_asks_back_changes_nothing(stage):
    stage.hub.is_prompt = False
    stage.subscribe()

    assert (None, None) == (stage.subscription.since, stage.subscription.until)
    assert stage.source.next_poll_at < NOW + 2 * HOUR


def test_a_denial_is_noted_and_respected(either):
    either.hub.is_prompt = False
    either.subscribe()

    assert 204 == either.hub.deny(either.hub.forms[0], "not  on\nour\x1b list")

    assert ("not on our list", NOW) == (either.subscription.message, either.subscription.denied_at)
    either.now += 9 * DAY
    either.work(poll=False)
    assert 1 == len(either.hub.forms)


def test_a_hub_may_deny_what_it_had_confirmed(stage):
    stage.subscribe()
    stage.hub.deny(stage.hub.forms[0], "no more")

    assert (None, "no more") == (stage.subscription.until, stage.subscription.message)


def test_a_push_makes_the_source_due_and_nothing_else(either):
    either.subscribe()
    either.publish("快讯")

    assert [202] == either.hub.distribute("<rss><channel><item><title>假</title></item></channel></rss>".encode())

    assert (either.now, either.now) == (either.source.pushed_at, either.source.next_poll_at - MINUTE)
    assert ["零"] == either.titles
    either.now += MINUTE
    either.work()
    assert ["快讯", "零"] == either.titles


def test_pushes_come_through_at_most_once_a_minute(stage):
    stage.subscribe()
    stage.now += HOUR
    stage.work()
    stage.university.requests.clear()

    for _ in range(12):
        stage.now += 5 * SECOND
        stage.hub.distribute()
        stage.work()

    assert ["/feed"] == [request.path for request in stage.university.requests if request.path != "/robots.txt"]
    assert 12 == stage.subscription.pushes


def test_a_push_that_comes_while_the_feed_is_read_is_not_forgotten(either):
    either.subscribe()
    either.now += 10 * HOUR
    document = either.document

    def late():
        either.document = document
        found = document()
        either.now += SECOND
        either.publish("刚刚")
        either.hub.distribute()
        return found

    either.document = late
    either.work()
    assert ["零"] == either.titles

    either.now += MINUTE
    either.work()
    assert ["刚刚", "零"] == either.titles


def test_a_push_before_the_publishers_caches_know_is_followed_by_another_look(stage):
    stage.subscribe()
    stage.earn_trust()
    stage.now += HOUR
    stage.hub.distribute()
    stage.work()

    assert stage.source.next_poll_at <= stage.now + 17 * MINUTE
    stage.now += 17 * MINUTE
    stage.work()
    assert stage.source.next_poll_at >= stage.now + 6 * HOUR


@pytest.mark.parametrize("said", [{"secret": "guessed"}, {"signature": "sha256=00"}, {"method": "md5"}])
def test_a_push_without_a_right_signature_is_answered_and_ignored(either, said):
    either.subscribe()
    due = either.source.next_poll_at

    assert [202] == either.hub.distribute(**said)

    assert (due, None) == (either.source.next_poll_at, either.source.pushed_at)
    assert (0, 1) == (either.subscription.pushes, either.subscription.forged)


def test_a_hub_is_trusted_after_some_entries_announced_in_time_and_then_polled_seldom(stage):
    stage.subscribe()
    assert stage.source.next_poll_at < stage.now + 2 * HOUR

    stage.earn_trust()

    assert 0 == stage.subscription.owed
    assert stage.source.next_poll_at >= stage.now + 6 * HOUR


def test_a_missed_entry_ends_trust_until_it_is_earned_again(either):
    either.subscribe()
    either.earn_trust()

    either.now += 7 * HOUR
    either.publish("漏", hours=2)
    either.work()
    assert (PROBATION, either.now) == (either.subscription.owed, either.subscription.missed_at)
    assert either.source.next_poll_at < either.now + 6 * HOUR
    assert "漏" in either.titles

    either.earn_trust()
    assert 0 == either.subscription.owed


def test_an_entry_that_may_still_be_announced_is_no_miss(stage):
    stage.subscribe()
    stage.earn_trust()
    stage.now += 7 * HOUR
    stage.publish("新", minutes=3)

    stage.work()

    assert ("新", 0) == (stage.titles[0], stage.subscription.owed)


def test_a_lease_that_ran_out_is_no_reason_to_poll_seldom(stage):
    stage.subscribe()
    stage.earn_trust()
    stage.hub.status = 500
    stage.now += 11 * DAY

    stage.work()

    assert 0 == stage.subscription.owed
    assert stage.source.next_poll_at < stage.now + 6 * HOUR


def test_a_hub_that_the_feed_has_left_is_no_reason_to_poll_seldom(stage):
    stage.subscribe()
    stage.earn_trust()
    stage.names = None
    stage.now += 7 * HOUR
    stage.publish("新", minutes=3)

    stage.work()

    assert stage.source.next_poll_at < stage.now + 6 * HOUR


def test_a_source_that_is_switched_off_is_unsubscribed(either):
    either.subscribe()
    either.follow(enabled=False)

    either.work()

    assert ["subscribe", "unsubscribe"] == either.modes
    assert either.hub.forms[0]["hub.callback"] == either.hub.forms[1]["hub.callback"]
    assert ({}, None) == (either.hub.subscribed, either.subscription)


def test_a_feed_that_changes_its_hub_is_subscribed_there_and_left_here(stage, hub):
    stage.subscribe()
    other = type(hub)()
    stage.names = other
    stage.now += 7 * HOUR

    stage.work()
    other.settle()

    assert (0, 1) == (len(hub.subscribed), len(other.subscribed))
    assert hub.forms[0]["hub.secret"] != other.forms[0]["hub.secret"]
    other.close()


def test_a_feed_that_names_no_hub_any_more_is_unsubscribed(stage):
    stage.subscribe()
    stage.names = None
    stage.now += 7 * HOUR

    stage.work()

    assert ["subscribe", "unsubscribe"] == stage.modes
    assert (None, None) == (stage.source.hub, stage.subscription)


def test_a_hub_that_does_not_let_go_is_forgotten_when_its_lease_ends(either):
    either.subscribe()
    either.hub.is_prompt = False
    either.follow(enabled=False)
    either.work()
    either.now += 11 * DAY
    either.work()

    assert [410] == either.hub.distribute()
    with either.store.read() as connection:
        assert 0 == connection.execute(text("SELECT count(*) FROM hub_subscription")).scalar_one()


def test_another_public_address_is_told_to_the_hub(stage):
    stage.subscribe()
    stage.store.websub.follow_sources("https://news.example.org/websub/", stage.now)

    assert stage.subscription.callback.startswith("https://news.example.org/websub/")
    assert None is stage.subscription.asked_at


def test_two_workers_never_want_two_subscriptions_of_one_source(either):
    either.work(tend=False)
    either.store.websub.follow_sources(either.settings.callback_url, either.now)
    with either.store.write() as connection:
        connection.execute(text("UPDATE source SET topic = topic || '#'"))
    either.store.websub.follow_sources(either.settings.callback_url, either.now)
    either.store.websub.follow_sources(either.settings.callback_url, either.now)

    with either.store.read() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM hub_subscription")).scalar_one()


def test_what_one_worker_has_claimed_no_other_asks_for(either):
    either.work(tend=False)
    either.store.websub.follow_sources(either.settings.callback_url, either.now)

    assert [1, 0] == [len(either.store.websub.claim(either.now)) for _ in range(2)]


def test_without_hubs_wanted_nothing_is_asked_and_nothing_confirmed(stage):
    stage.subscribe()
    stage.settings = stage.settings.model_copy(update={"schedule": ScheduleSettings(websub=False)})
    stage.app = create_app(stage.settings, stage.store, lambda: stage.now)

    assert (404, False) == stage.hub.verify(stage.hub.forms[0])
    assert [410] == stage.hub.distribute()


# ---------------------------------------------------------------- the callback


@pytest.mark.parametrize(
    "lie",
    [
        {"topic": "http://other.example/feed"}, {"topic": ""}, {"mode": "unsubscribe"}, {"mode": "publish"},
        {"mode": ""}, {"challenge": ""}, {"challenge": "一"}, {"challenge": "a\nb"}, {"challenge": "a" * 5000},
    ],
)  # fmt: skip
def test_only_what_was_asked_for_is_confirmed(stage, lie):
    stage.hub.is_prompt = False
    stage.subscribe()

    assert (404, False) == stage.hub.verify(stage.hub.forms[0], **lie)
    assert None is stage.subscription.until


def test_an_unknown_callback_is_not_confirmed(stage):
    stage.subscribe()
    form = stage.hub.forms[0] | {"hub.callback": stage.settings.callback_url + "guessed"}

    assert (404, False) == stage.hub.verify(form)
    assert 410 == call("POST", form["hub.callback"], b"x")[0]


def test_a_hub_may_ask_again_whether_we_are_still_here(stage):
    stage.subscribe()
    assert (200, True) == stage.hub.verify(stage.hub.forms[0])


def test_a_challenge_comes_back_as_nothing_that_a_browser_runs(stage):
    stage.subscribe()
    form = stage.hub.forms[0]
    question = {"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "<script>1</script>"}

    answer = stage.app.test_client().get(
        form["hub.callback"].removeprefix(stage.settings.site.url), query_string=question
    )

    assert ("application/octet-stream", "nosniff", "<script>1</script>") == (
        answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"], answer.text,
    )  # fmt: skip
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(stage, method):
    stage.subscribe()
    assert 405 == call(method, stage.hub.forms[0]["hub.callback"])[0]


def test_a_body_that_is_too_large_is_refused(stage):
    stage.subscribe()
    assert [413] == stage.hub.distribute(b"a" * 100_001)
    assert (0, 0) == (stage.subscription.pushes, stage.subscription.forged)


def test_a_body_that_is_far_too_large_is_not_even_read(stage):
    stage.subscribe()
    with socket.create_connection(("127.0.0.1", urlsplit(stage.settings.site.url).port)) as sender:
        sender.sendall(b"POST /websub/key HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n")
        assert sender.recv(100).startswith(b"HTTP/1.1 413 ")


def test_neither_page_nor_listing_tells_callback_or_secret(stage):
    stage.subscribe()
    page = stage.app.test_client().get("/sources/haitang-news/?lang=en").text

    assert "to be trusted after 3 more entries announced in time" in page
    assert stage.hub.url in page
    assert stage.subscription.key not in page
    assert stage.subscription.secret not in page
