"""What a clock that was ahead once has written is found and mended, on SQLite and on PostgreSQL."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import update

from aggregator.model import Recheck, RobotsFile, Trace, Visit
from aggregator.store import Store
from aggregator.visit.rhythm import MAX_BACKOFF, longest_pause
from tests.newsroom import story, visit, watched
from tests.service import column, source
from tests.test_store_breaks import RULES
from tests.university import NOW

DAY = timedelta(days=1)
AHEAD = NOW + 400 * DAY
LIMITS = {"pause": longest_pause(timedelta(hours=6)), "lease": timedelta(minutes=10)}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    opened = Store(url)
    opened.upgrade()
    opened.sources.sync(RULES, NOW)
    yield opened
    opened.close()


def polled(store, at, wait):
    store.entries.record([Visit(source_id=1, polled_at=at, next_poll_at=at + wait, fetched_at=at)])


def test_what_a_clock_that_was_ahead_has_written_is_due_now(store):
    polled(store, AHEAD, DAY)
    store.robots.put(RobotsFile("http://one.example", "", AHEAD, AHEAD + DAY))
    store.leases.claim("a worker", NOW, AHEAD, 9, 9)

    assert 5 == store.clock.ahead(NOW, **LIMITS)  # poll, its proof, robots, two hosts
    assert 5 == store.clock.mend(NOW, **LIMITS)

    found = store.sources.by_name("one").source
    assert (NOW, NOW) == (found.next_poll_at, found.fetched_at)
    assert NOW == store.robots.get("http://one.example").ask_at
    assert {"one.example", "two.example"} == {
        claim.lease.host for claim in store.leases.claim("b", NOW, NOW + DAY, 9, 9)
    }
    assert 0 == store.clock.ahead(NOW, **LIMITS)


def test_a_doubt_or_an_absence_that_began_ahead_has_begun(store):
    store.entries.record([visit(1, story(1, trace=Trace()))])
    with store.write() as connection:
        connection.execute(update(Recheck).values(since=NOW, due_at=NOW, doubted_at=AHEAD, missing_at=AHEAD))

    assert 2 == store.clock.mend(NOW, **LIMITS)

    (one,) = watched(store)
    assert (NOW, NOW) == (one.watch.doubted_at, one.watch.missing_at)


def test_what_a_right_clock_has_written_stays(store):
    polled(store, NOW, MAX_BACKOFF * 1.1)
    store.robots.put(RobotsFile("http://one.example", "", NOW, NOW + DAY))
    store.leases.claim("a worker", NOW, NOW + LIMITS["lease"], 9, 9)

    assert 0 == store.clock.mend(NOW, **LIMITS)
    assert NOW + MAX_BACKOFF * 1.1 == store.sources.by_name("one").source.next_poll_at


def test_a_source_is_polled_again_when_the_clock_is_right_again(service, university, caplog):
    caplog.set_level(logging.WARNING)
    one = service(source(column(university)))
    right, one.now = one.now, one.now + 400 * DAY
    one.poll()
    column(university, 8, etag='"v2"')
    one.now = right

    one.poll()

    assert 8 == one.store.entries.count()
    assert "the clock was wrong" in caplog.text
