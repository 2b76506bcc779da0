"""What is deleted, what stays, and that nothing deleted comes back: on SQLite and PostgreSQL."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from aggregator.errors import Gone
from aggregator.identity import identity, slug
from aggregator.model import Edition, Item, NewEntry, Site, SourceRule, Terms, Visit
from aggregator.query import Selection, tagged
from aggregator.question import parse
from aggregator.store import Store
from aggregator.store.retention import Leaving, Reason

NOW = datetime(2025, 3, 21, 2, 30, tzinfo=UTC)
MONTH = datetime(2025, 2, 28, 16, tzinfo=UTC)
DAY = timedelta(days=1)
SITE = Site("haitang", "海棠大学")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    postgresql = request.param == "postgresql"
    opened = Store(request.getfixturevalue("postgresql") if postgresql else f"sqlite:///{tmp_path}/aggregator.db")
    opened.upgrade()
    rules = [(SITE, SourceRule(name=name, title=name, url=f"http://{name}.example/")) for name in ("one", "two")]
    opened.sources.sync(rules, NOW)
    yield opened
    opened.close()


def entry(number, *, days, tags=("海棠大学",), source="one", **fields):
    url = fields.pop("url", f"http://{source}.example/{number}.htm")
    values = {"title": f"第{number}条新闻", "published": NOW - timedelta(days=days), "precision": "day", "text": "正文"}
    values |= {"uid": identity(url), "html": "<p>正文</p>", "seen_at": NOW - timedelta(days=days)}
    return NewEntry(url=url, slug=slug(url), atom_id=f"tag:localhost,2025:{slug(url)}", tags=tags, **values | fields)


def visit(source_id, *entries, **fields):
    values = {"polled_at": NOW, "next_poll_at": NOW + timedelta(hours=1)} | fields
    return Visit(source_id=source_id, entries=entries, **values)


def expire(store, terms, **fields):
    gone = Leaving()
    for piece in store.retention.pieces(terms, NOW, MONTH, **fields):
        gone.add(piece)
    return gone


def edition(*entries, last, counted=()):
    items = [{"rank": 1, "topic": "", "late": False, "entries": [{"id": one.id} for one in entries]}] if entries else []
    facts = {"ids": [one.id for one in counted]}
    return Edition(name=str(last), number=1, first=last, last=last, items=items, facts=facts, made_at=NOW)


def titles(entries):
    return {one.title for one in entries}


def test_the_longest_of_what_source_and_tags_say_counts_before_the_age_of_all(store):
    store.entries.record([
        visit(
            1,
            entry(1, days=400),
            entry(2, days=90),
            entry(3, days=90, tags=("海棠大学", "后勤")),
            entry(4, days=2000, tags=("海棠大学", "后勤", "校史")),
        ),
        visit(2, entry(5, days=70, source="two"), entry(6, days=50, source="two"), entry(7, days=90, source="two", tags=("后勤",))),
    ])  # fmt: skip
    terms = Terms(365, {"two": 60}, {"后勤": 80, "校史": 0})

    foreseen = expire(store, terms, dry_run=True)
    gone = expire(store, terms)

    assert {"第2条新闻", "第4条新闻", "第6条新闻"} == titles(store.entries.newest(10))
    counts = {reason: amount.entries for reason, amount in gone.gone.items()}
    assert {Reason("age", "", 365): 1, Reason("source", "two", 60): 1, Reason("tag", "后勤", 80): 2} == counts
    assert foreseen.gone == gone.gone
    assert 4 * len("<p>正文</p>正文".encode()) == gone.total.bytes


def test_nothing_goes_where_nobody_says_for_how_long(store):
    store.entries.record([visit(1, entry(1, days=5000))])

    assert {} == expire(store, Terms()).gone
    assert {} == expire(store, Terms(0, {"two": 10}, {"没有": 10})).gone
    assert 1 == store.entries.count()


def test_a_deleted_entry_is_gone_from_counts_lists_search_and_feeds(store):
    store.entries.record([visit(1, entry(1, days=400), entry(2, days=1))])
    store.index.catch_up()
    scopes = ("all", "sources", "source:1", "tag:1")
    store.feeds.keep("/feed.atom", store.feeds.version(("all",)) + ";shape", "text/xml", "第1条新闻".encode(), NOW)
    before, state = store.feeds.version(scopes), store.feeds.versions()
    store.announcements.claim(["http://hub.example/"], NOW)

    expire(store, Terms(365))
    store.feeds.forget_stale()

    assert 1 == store.entries.tag("海棠大学").entry_count
    assert {"第2条新闻"} == titles(store.entries.newest(10, Selection(tagged("海棠大学"))))
    assert {"第2条新闻"} == titles(store.search.find(parse("条新闻", UTC), limit=10).entries)
    assert before != store.feeds.version(scopes)
    assert {"all": 2, "source:1": 2, "tag:1": 2} == {
        key: value for key, value in store.feeds.versions().items() if state.get(key) != value
    }
    assert [] == store.announcements.claim(["http://hub.example/"], NOW)
    with store.read() as connection:
        assert b"" == bytes(connection.execute(text("SELECT body FROM rendered_feed")).scalar_one())
    assert [] == [*store.check(), *store.index.check()]


def test_a_deleted_entry_never_comes_back_by_any_address(store):
    old = entry(1, days=400)
    store.entries.record([visit(1, old)])
    one = store.entries.newest(1)[0]
    store.entries.record([visit(1, moved=(("one.example/other", "http://one.example/other", one.id),))])
    store.entries.record([visit(2, pending=((old.uid, Item(old.url, old.title)),))])

    expire(store, Terms(365))

    assert {} == store.entries.unknown([old.uid, "one.example/other"])
    again = entry(
        9, days=400, title=old.title, url="http://one.example/redesigned/1", published=old.published - DAY / 2
    )
    other = entry(8, days=399, title=old.title, url="http://one.example/weekly/2")
    double = entry(1, days=400, uid="a guid", title=old.title)
    brought = store.entries.record(
        [visit(1, old, again, double), visit(2, old, pending=((old.uid, Item(old.url, old.title)),))]
    )
    assert [0, 0] == brought
    assert {} == store.entries.unknown([again.uid, "a guid"])
    assert [1] == store.entries.record([visit(1, other)])
    assert {} == store.entries.pending_of(2)
    with pytest.raises(Gone) as gone:
        store.entries.by_slug(old.slug)
    assert ("第1条新闻", "http://one.example/other") == (gone.value.title, gone.value.url)


def test_another_story_at_the_address_of_a_deleted_one_is_an_entry(store):
    store.entries.record([visit(1, entry(1, days=400, uid="first", url="http://one.example/login"))])
    expire(store, Terms(365))

    later = entry(2, days=1, uid="second", url="http://one.example/login")

    assert [1] == store.entries.record([visit(1, later)])


def test_what_a_digest_lists_or_may_still_be_corrected_by_stays(store):
    store.entries.record([visit(1, *(entry(number, days=40) for number in range(1, 5)))])
    first, second, third, _ = sorted(store.entries.newest(10), key=lambda one: one.title)
    store.digests.keep(edition(first, last=date(2025, 2, 9), counted=[first, second]))
    store.digests.keep(edition(last=date(2025, 2, 28), counted=[third]))

    gone = expire(store, Terms(30))

    assert {first.id, third.id} == {one.id for one in store.entries.newest(10)}
    assert {"digest": 2} == gone.needed


def test_entries_of_the_month_and_of_the_last_days_stay_for_their_digests(store):
    store.entries.record([visit(1, entry(1, days=20), entry(2, days=25))])

    expire(store, Terms(1))

    assert {"第1条新闻"} == titles(store.entries.newest(10))


def test_a_visit_that_saw_a_deleted_entry_elsewhere_is_recorded(store):
    store.entries.record([visit(1, entry(1, days=400))])
    one = store.entries.newest(1)[0]
    expire(store, Terms(365))

    brought = store.entries.record([visit(1, entry(2, days=1), moved=(("moved", "http://one.example/moved", one.id),))])

    assert [1] == brought


def test_who_told_a_story_first_stays_while_others_who_tell_it_do(store):
    text = (
        "本报讯，今天上午九时学校在大礼堂举行2025年开学典礼。校长向3215名新生致辞，勉励大家珍惜时光。典礼由副校长主持，全体新生参加。"
        * 2
    )
    one, two = (entry(number, days=days, source=source, title="学校举行2025年开学典礼", text=text)
                for number, days, source in ((1, 400, "one"), (2, 399, "two")))  # fmt: skip
    store.entries.record([visit(1, one)])
    store.entries.record([visit(2, two, entry(3, days=398, source="two"))])
    first = store.entries.by_slug(one.slug)
    assert first.story is not None

    kept = expire(store, Terms(30, {"two": 0}))
    gone = expire(store, Terms(30))

    assert ({}, {"story": 1}) == (kept.gone, kept.needed)
    assert (3, 0) == (gone.total.entries, store.entries.count())
    assert [] == store.check()


def test_who_told_a_story_first_stays_while_others_are_of_the_running_month(store):
    text = "今天上午九时学校在大礼堂举行2025年开学典礼。校长向3215名新生致辞，勉励大家珍惜时光。" * 3
    one, two = (entry(number, days=days, source=source, title="学校举行2025年开学典礼", text=text)
                for number, days, source in ((1, 40, "one"), (2, 12, "two")))  # fmt: skip
    store.entries.record([visit(1, one)])
    store.entries.record([visit(2, two)])

    assert ({}, {"story": 1}) == ((left := expire(store, Terms(10))).gone, left.needed)
    assert store.entries.by_slug(one.slug).story is not None


def test_a_deleted_entry_is_not_brought_back_by_an_import(store):
    store.entries.record([visit(1, entry(1, days=400), entry(2, days=1))])
    parcels = list(store.parcels.walk())
    expire(store, Terms(365))

    assert 0 == store.parcels.add(parcels, NOW)
    assert 1 == store.entries.count()


def test_what_refers_to_an_entry_that_another_has_deleted_since_is_done_anew(postgresql):
    store = Store(postgresql)
    store.upgrade()
    store.sources.sync([(SITE, SourceRule(name="one", title="one", url="http://one.example/"))], NOW)
    store.entries.record([visit(1, entry(1, days=1))])
    tried = []

    def work(connection):
        tried.append(99 if not tried else 1)
        connection.execute(text("INSERT INTO story_due VALUES (:id)"), {"id": tried[-1]})

    store.transact(work)

    assert [99, 1] == tried
    store.close()
