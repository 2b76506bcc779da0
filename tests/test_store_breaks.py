"""Breaks and kept responses, on SQLite and on PostgreSQL."""

import gzip
from datetime import timedelta

import pytest

from aggregator.model import Begun, Kept, Silence, Site, SourceRule, Visit
from aggregator.store import Store
from tests.university import NOW

SITE = Site("haitang", "海棠大学")
RULES = [(SITE, SourceRule(name=name, title=name, url=f"http://{name}.example/")) for name in ("one", "two")]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    opened = Store(url)
    opened.upgrade()
    opened.sources.sync(RULES, NOW)
    yield opened
    opened.close()


def record(store, *, hours=0, source_id=1, **said):
    at = NOW + timedelta(hours=hours)
    store.entries.record([Visit(source_id=source_id, polled_at=at, next_poll_at=at, **said)])
    return at


def begins(store, cause="timeout", **said):
    return record(store, fault=cause, strikes=3, broken_by=cause, begun=Begun(cause, "why"), **said)


def test_a_break_begins_lasts_and_ends(store):
    began = begins(store)
    seen = record(store, hours=3, fault="server", strikes=4, broken_by="timeout")
    (found,) = store.breaks.of(1)
    assert ("one", "timeout", "why", None) == (found.source.name, found.cause, found.reason, found.ended_at)
    assert (began, seen) == (found.began_at, found.seen_at)
    row = store.sources.by_name("one").source
    assert ("server", 4, "timeout") == (row.fault, row.strikes, row.broken_by)

    ended = record(store, hours=4, ended=True)

    assert (seen, ended) == (store.breaks.of(1)[0].seen_at, store.breaks.of(1)[0].ended_at)
    assert (None, 0, None) == tuple(
        getattr(store.sources.by_name("one").source, name) for name in ("fault", "strikes", "broken_by")
    )
    assert [] == store.breaks.of(2)


def test_one_break_may_follow_another_within_a_visit(store):
    begins(store)
    record(store, hours=1, broken_by="stale", begun=Begun("stale", "silent"), ended=True)

    newest, first = store.breaks.newest(9)

    assert ("stale", None) == (newest.cause, newest.ended_at)
    assert NOW + timedelta(hours=1) == first.ended_at


def test_each_channel_is_told_of_by_itself(store):
    begins(store)
    (found,) = store.breaks.lasting_untold("mail")
    store.breaks.tell("mail", [found], [], NOW)
    assert ([], 1) == (store.breaks.lasting_untold("mail"), len(store.breaks.lasting_untold("webhook")))

    record(store, hours=1, ended=True)
    (over,) = store.breaks.ended_untold("mail")
    assert [] == store.breaks.ended_untold("webhook") == store.breaks.lasting_untold("webhook")
    store.breaks.tell("mail", [], [over], NOW)
    assert [] == store.breaks.ended_untold("mail")


def test_what_is_switched_off_is_broken_no_more(store):
    begins(store)
    store.breaks.tell("mail", store.breaks.lasting_untold("mail"), [], NOW)

    store.sources.sync(RULES[1:], NOW + timedelta(hours=1))

    assert NOW + timedelta(hours=1) == store.breaks.of(1)[0].ended_at
    assert [] == store.breaks.ended_untold("mail")
    assert store.sources.by_name("one").source.broken_by is None


def test_the_last_response_of_each_kind_is_kept(store):
    def kept(body, *, is_good):
        return Kept(is_good, "http://one.example/x", 200, {"server": "VSB"}, gzip.compress(body), is_cut=False)

    record(store, kept=kept(b"first", is_good=True))
    second = record(store, hours=1, kept=kept(b"second", is_good=True))
    record(store, hours=2)

    proof = store.breaks.proof(1, good=True)
    assert (b"second", second, {"server": "VSB"}) == (proof.body, proof.fetched_at, proof.headers)
    assert store.breaks.proof(1, good=False) is None is store.breaks.proof(2, good=True)


def test_the_moments_of_silence_stay_until_news_come(store):
    quiet, stale = NOW + timedelta(days=7), NOW + timedelta(days=30)
    record(store, silence=Silence(quiet, stale))
    record(store, hours=1)

    row = store.sources.by_name("one").source

    assert (quiet, stale) == (row.quiet_at, row.stale_at)


def test_the_numbers_of_the_service_are_counted(store):
    begins(store)

    standing = store.counts.standing(NOW, NOW - timedelta(hours=1))

    assert ({"broken": 1, "new": 1}, 2, NOW, 0) == (
        standing.states, standing.due, standing.due_since, standing.entries
    )  # fmt: skip
    assert [("unchanged", "timeout", 1)] == standing.polls
    assert standing.stored_bytes > 10_000


def test_a_break_of_the_service_itself_begins_lasts_and_ends(store):
    for hours in (0, 3, 6):
        seen = record(store, hours=hours, cause="offline", message="down")
    store.breaks.note_network()
    store.breaks.note_network()

    (found,) = store.breaks.lasting_untold("mail")
    assert (None, "offline", NOW, seen) == (found.source, found.cause, found.began_at, found.seen_at)
    assert "none of 1 sources was reached in 3 polls; the last one: down" == found.reason

    ended = record(store, hours=7)
    store.breaks.note_network()
    assert ended == store.breaks.newest(1)[0].ended_at
    assert store.breaks.of_service() is None
