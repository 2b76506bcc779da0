"""Breaks that are told: through a real mail server and a real webhook, once each, and again only where it failed."""

import asyncio
import json
from datetime import datetime, timedelta
from functools import partial

import pytest

from aggregator.alert import Alerts
from aggregator.demo.server import Answer
from aggregator.gather.connect import post
from aggregator.model import Begun
from aggregator.settings import AlertSettings
from aggregator.web.render import alert_mail
from tests.newsroom import empty_store, settings, visit
from tests.postoffice import post_office
from tests.university import NOW  # Friday, 10:30


class Desk:
    """A service whose alerts run when they are asked to, and its clock."""

    def __init__(self, store, folder, office=None, **alert):
        said = {"alert": AlertSettings(settle_hours=4, **alert)} | ({"mail": office} if office else {})
        self.settings = settings(folder).model_copy(update=said)
        self.store = store
        self.now = NOW

    def breaks(self, *ids, cause="timeout"):
        begun = Begun(cause, "http://haitang.example/ did not answer in time")
        self.store.entries.record(
            [visit(id_, cause="timeout", polled_at=self.now, begun=begun, broken_by=cause) for id_ in ids]
        )

    def lasts(self, *ids, hours):
        """Polls meet the breaks again after so many hours."""
        self.now += timedelta(hours=hours)
        self.store.entries.record([visit(id_, cause="timeout", polled_at=self.now, broken_by="timeout") for id_ in ids])

    def mends(self, *ids):
        self.store.entries.record([visit(id_, polled_at=self.now, ended=True) for id_ in ids])

    def tell(self, hours=0):
        """Run the job after so many hours, in which nothing was polled."""
        self.now += timedelta(hours=hours)
        webhook = partial(post, timeout_seconds=2)
        draw = partial(alert_mail, self.settings)
        asyncio.run(Alerts(self.settings, self.store, draw, webhook, lambda: self.now).tell())


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def mailed(store, tmp_path):
    """(desk, letters that arrived)"""
    with post_office() as (office, mail):
        yield Desk(store, tmp_path, mail, mail="a@example.org, b@example.org"), office


def texts(office):
    return [letter.get_content() for _, _, letter in office.letters]


def test_a_break_is_mailed_once_and_its_end_once(mailed):
    desk, office = mailed
    desk.breaks(1)
    desk.lasts(1, hours=2)
    desk.tell(hours=20)
    assert [] == office.letters  # nobody knows whether it lasts: it may have been weather

    desk.lasts(1, hours=100)
    desk.tell()
    desk.tell(hours=1)

    ((_, recipients, letter),) = office.letters
    assert ["a@example.org", "b@example.org"] == recipients
    assert "[高校新闻] 1 个来源失效" == letter["Subject"]
    for part in (
        "海棠大学 学校要闻 · 等待超时",
        "did not answer in time",
        "本机的网络被拒",
        "https://news.example.org/sources/haitang-news/",
    ):
        assert part in letter.get_content()

    desk.mends(1)
    desk.tell(hours=0)
    desk.tell(hours=9)

    assert ["[高校新闻] 1 个来源失效", "[高校新闻] 1 个来源恢复"] == [one["Subject"] for _, _, one in office.letters]
    assert "恢复" in texts(office)[1]


def test_an_outage_of_many_sources_is_one_mail(mailed):
    desk, office = mailed
    desk.breaks(1, 2, 3)
    desk.lasts(1, 2, 3, hours=5)
    desk.tell()
    desk.mends(1, 2)
    desk.breaks(4)
    desk.lasts(3, 4, hours=24 * 3)
    desk.tell()

    assert ["[高校新闻] 3 个来源失效", "[高校新闻] 1 个来源失效，2 个来源恢复"] == [
        letter["Subject"] for _, _, letter in office.letters
    ]


def test_a_break_that_mends_before_it_is_told_is_nobodys_business(mailed):
    desk, office = mailed
    desk.breaks(1)
    desk.now += timedelta(hours=3)
    desk.mends(1)

    desk.tell(hours=0)
    desk.tell(hours=100)

    assert [] == office.letters


def test_a_weekend_of_maintenance_is_no_alarm(mailed):
    desk, office = mailed
    desk.now = datetime.fromisoformat("2025-03-21T18:30:00+08:00")
    desk.breaks(1, 2)

    desk.lasts(1, 2, hours=61.5)  # Monday, 08:00
    desk.tell()
    assert [] == office.letters

    desk.lasts(1, 2, hours=4)
    desk.tell()
    assert 1 == len(office.letters)


def test_a_mail_server_that_is_closed_is_asked_again(mailed, caplog):
    desk, office = mailed
    office.is_closed = True
    desk.breaks(1)
    desk.lasts(1, hours=5)
    desk.tell()
    assert "alert channel=mail not sent" in caplog.text
    assert "come again later" in caplog.text

    office.is_closed = False
    desk.tell(hours=1)

    assert 1 == len(office.letters)


def test_a_source_that_is_switched_off_is_not_said_to_be_well(mailed, store):
    desk, office = mailed
    desk.breaks(1)
    desk.lasts(1, hours=5)
    desk.tell()

    store.sources.sync([], desk.now)
    desk.tell(hours=1)

    assert 1 == len(office.letters)
    assert (desk.now - timedelta(hours=1)) == store.breaks.newest(1)[0].ended_at
    assert store.sources.by_name("haitang-news").source.broken_by is None


def test_the_webhook_gets_breaks_and_recoveries(store, tmp_path, university):
    bodies = []
    university.serve("/hook", lambda request: bodies.append(json.loads(request.body)) or Answer(b"", status=204))
    desk = Desk(store, tmp_path, webhook=university.url + "/hook")
    desk.breaks(1, 3)
    desk.lasts(1, 3, hours=5)
    desk.tell()
    desk.tell(hours=5)
    desk.mends(3)
    desk.tell(hours=0)

    assert [(["haitang-news", "yunling-news"], []), ([], ["yunling-news"])] == [
        ([one["source"] for one in body["broken"]], [one["source"] for one in body["recovered"]]) for body in bodies
    ]
    said = bodies[0]["broken"][0]
    assert ("timeout", "学校要闻", "2025-03-21T02:30:00+00:00") == (said["cause"], said["title"], said["began_at"])
    assert "https://news.example.org/sources/haitang-news/" == said["page"]


def test_a_webhook_that_fails_is_asked_again_and_the_mail_is_not_sent_twice(store, tmp_path, university, caplog):
    status = [500]
    hook = university.serve("/hook", lambda request: Answer(b"", status=status[0]))
    with post_office() as (office, mail):
        desk = Desk(store, tmp_path, mail, mail="a@example.org", webhook=hook)
        desk.breaks(1)
        desk.lasts(1, hours=5)
        desk.tell()
        desk.tell(hours=1)
        assert "the webhook answered 500" in caplog.text
        status[0] = 200
        desk.tell(hours=1)
        desk.tell(hours=1)

    assert ([500, 500, 200], 1) == ([request.status for request in university.requests], len(office.letters))


def test_a_webhook_that_nobody_answers_stops_nothing(store, tmp_path, caplog):
    desk = Desk(store, tmp_path, webhook="http://127.0.0.1:9/hook?key=secret")
    desk.breaks(1)
    desk.lasts(1, hours=5)

    desk.tell()

    assert "the webhook cannot be reached" in caplog.text
    assert "secret" not in caplog.text


def test_whoever_wants_no_alert_gets_none(store, tmp_path):
    desk = Desk(store, tmp_path)
    desk.breaks(1)
    desk.lasts(1, hours=5)

    desk.tell()

    assert 1 == len(store.breaks.lasting_untold("mail"))


def test_two_workers_on_one_postgresql_do_not_tell_the_same(postgresql):
    from aggregator.store import Store

    one, other = Store(postgresql), Store(postgresql)
    one.upgrade()
    with one.breaks.telling() as first, other.breaks.telling() as second:
        assert (True, False) == (first, second)
    with other.breaks.telling() as later:
        assert later
    one.close()
    other.close()


# ------------------------------------------------------------ nothing can be reached


def lost(store, since, hours, *ids):
    """Polls of the sources *ids* every two hours, none of which reaches anybody."""
    for hour in range(0, hours + 1, 2):
        at = since + timedelta(hours=hour)
        store.entries.record([visit(id_, cause="offline", polled_at=at, message="no host answered") for id_ in ids])
    return at


def test_a_service_that_reaches_nobody_for_hours_says_so_once_and_when_it_is_over(mailed, store):
    desk, office = mailed
    store.entries.record([visit(1, polled_at=desk.now), visit(2, polled_at=desk.now)])
    desk.now = lost(store, desk.now + timedelta(hours=1), 4, 1, 2)
    desk.tell()
    assert ([], None) == (office.letters, store.breaks.of_service())

    desk.now = lost(store, desk.now + timedelta(hours=2), 0, 1, 2)
    desk.tell()
    desk.now = lost(store, desk.now + timedelta(hours=2), 20, 1, 2)
    desk.tell()

    own = store.breaks.of_service()
    assert ("offline", None, NOW + timedelta(hours=1), desk.now) == (own.cause, own.source, own.began_at, own.seen_at)
    assert ["[高校新闻] 所有来源都读不到"] == [letter["Subject"] for _, _, letter in office.letters]
    for part in (
        "高校新闻 · 本机网络不通",
        "aggregator doctor",
        "详情：none of 2",
        "https://news.example.org/sources/",
    ):
        assert part in texts(office)[0]

    desk.now += timedelta(hours=1)
    store.entries.record([visit(2, polled_at=desk.now)])
    desk.tell()

    assert "[高校新闻] 来源又读得到了" == office.letters[1][2]["Subject"]
    assert (None, desk.now) == (store.breaks.of_service(), store.breaks.newest(1)[0].ended_at)


def test_a_service_that_never_reached_anybody_says_so_too(store, tmp_path):
    lost(store, NOW, 6, 1, 2)

    store.breaks.note_network()

    assert NOW == store.breaks.of_service().began_at


def test_sources_that_are_down_beside_others_are_no_break_of_the_service(store, tmp_path):
    for hour in range(0, 24, 2):
        at = NOW + timedelta(hours=hour)
        store.entries.record([visit(1, cause="timeout", polled_at=at), visit(2, polled_at=at)])

    store.breaks.note_network()

    assert store.breaks.of_service() is None


def test_the_webhook_is_told_of_the_service_itself(store, tmp_path, university):
    bodies = []
    university.serve("/hook", lambda request: bodies.append(json.loads(request.body)) or Answer(b"", status=204))
    desk = Desk(store, tmp_path, webhook=university.url + "/hook")
    desk.now = lost(store, NOW, 8, 1)

    desk.tell()

    (said,) = bodies[0]["broken"]
    assert (None, "offline", "https://news.example.org/sources/") == (said["source"], said["cause"], said["page"])
