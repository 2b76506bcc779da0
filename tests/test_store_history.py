"""Revisions in both databases: kept, told of, withheld and given back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from aggregator.model import Attachment, Change, Looked, Trace, Visit
from aggregator.query import EVERYTHING
from aggregator.question import parse
from aggregator.store import Store
from tests.newsroom import NOW, rules, story, visit, watched

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    opened = Store(url)
    opened.upgrade()
    opened.sources.sync(rules(), NOW)
    first = story(
        1,
        title="图书馆东馆今起试运行",
        text="新增阅览座位一千八百个。",
        seen_at=NOW,
        trace=Trace(title="图书馆东馆今起试运行"),
    )
    opened.entries.record([visit(1, first)])
    yield opened
    opened.close()


def edit(store, at, *changes, **fields):
    """A look at *at* that found *changes*, the entry saying *fields* from then on."""
    (one,) = watched(store)
    before = store.revisions.whole(one.watch.entry_id)
    new = None
    if fields:
        new = story(1, **{"title": before.title, "text": before.text, "html": before.html} | fields)
    watch = replace(one.watch, due_at=at + HOUR)
    looked = Looked(one.watch.entry_id, at, watch, changes, new)
    store.entries.record([Visit(1, at, at, looked=(looked,), is_of_articles=True)])


def only(store):
    return store.entries.of([1], bodies=True)[0]


def found(store, words):
    while store.index.catch_up():
        pass
    return [one.id for one in store.search.find(parse(words, NOW.tzinfo, EVERYTHING)).entries]


EDITED = Change("edited", ("body",), 14, matters=True, state="a")
REMOVED, RESTORED = Change("removed", ("410",)), Change("restored")


def test_entries_of_the_last_month_that_nobody_looks_at_are_taken_up_as_their_age_is(store):
    ages = (40, 10, 2, 0)
    entries = [
        story(
            10 + days,
            published=NOW - days * DAY,
            seen_at=NOW - days * DAY,
            attachments=(Attachment("http://a/x", "x"),),
        )
        for days in ages
    ]
    store.entries.record([visit(1, *entries, kind="list")])

    assert [3, 0] == [store.rechecks.adopt(NOW), store.rechecks.adopt(NOW)]

    steps = {one.watch.step: one for one in watched(store)}
    assert {0, 3, 5} == set(steps)
    assert ("page", ("a/x",)) == (steps[5].watch.kind, tuple(steps[5].watch.files))
    assert NOW + 20 * DAY == steps[5].watch.due_at
    assert 0 == store.rechecks.adopt(NOW + 60 * DAY)


def test_an_edit_keeps_what_was_before_and_moves_all_that_shows_the_entry(store):
    versions = store.feeds.versions()

    edit(store, NOW + HOUR, EDITED, text="新增阅览座位两千个，另有研讨间。")

    (past,) = store.revisions.of(only(store))
    assert ("新增阅览座位一千八百个。", "新增阅览座位两千个，另有研讨间。") == (past.before.text, past.after.text)
    assert [past] == store.revisions.newest(10)
    assert [] == store.revisions.newest(10, before=past.id)
    assert {"all", "source:1", "tag:1", "tag:2"} == {
        scope for scope, version in store.feeds.versions().items() if version != versions.get(scope)
    }
    assert [1] == found(store, "研讨间")
    assert [] == found(store, "一千八百个")
    assert {"a"} == store.revisions.states(1, NOW)


def test_feeds_are_told_once_a_day_and_of_the_last_change_later(store):
    told = []
    for hours, change in ((1, EDITED), (2, EDITED), (3, None), (26, None), (27, None)):
        edit(store, NOW + hours * HOUR, *([change] if change else []), **({"text": f"第{hours}稿"} if change else {}))
        told.append(only(store).updated)

    assert [NOW + HOUR, NOW + HOUR, NOW + HOUR, NOW + 26 * HOUR, NOW + 26 * HOUR] == told


def test_a_change_of_little_weight_moves_no_update(store):
    updated = only(store).updated

    edit(store, NOW + HOUR, replace(EDITED, words=2, matters=False), text="新增阅览座位一千九百个。")

    assert updated == only(store).updated


def test_a_removal_is_told_and_the_text_kept(store):
    edit(store, NOW + HOUR, REMOVED)

    assert (NOW + HOUR, "新增阅览座位一千八百个。") == (only(store).removed_at, only(store).text)
    assert ["removed"] == [past.kind for past in store.revisions.of(only(store))]


def test_a_removed_text_is_withheld_everywhere_and_given_back(store):
    store.withholds = True
    before = only(store)
    edit(store, NOW + HOUR, EDITED, text="新增阅览座位两千个，另有研讨间。", images=("http://h.example/1.jpg",))
    edit(store, NOW + 2 * HOUR, REMOVED)

    hidden = only(store)
    assert ("", "", "", (), (), None) == (hidden.summary, hidden.html, hidden.text, hidden.images, hidden.attachments, hidden.image)  # fmt: skip
    assert hidden.updated == NOW + 2 * HOUR
    assert [("", "")] * 2 == [(past.before.text, past.after.text) for past in store.revisions.of(hidden)]
    assert [] == found(store, "研讨间")
    assert [1] == found(store, "图书馆")
    assert "研讨间" in store.revisions.whole(1).text

    edit(store, NOW + DAY, RESTORED)

    back = only(store)
    assert ("新增阅览座位两千个，另有研讨间。", before.summary, "http://h.example/1.jpg", None) == (
        back.text,
        back.summary,
        back.image,
        back.removed_at,
    )
    assert [1] == found(store, "研讨间")


def test_texts_of_what_was_removed_before_follow_the_setting(store):
    edit(store, NOW + HOUR, REMOVED)

    assert (1, 0) == (store.revisions.withhold(True, NOW + DAY), store.revisions.withhold(True, NOW + DAY))
    assert ("", NOW + DAY) == (only(store).text, only(store).changed_at)

    assert 1 == store.revisions.withhold(False, NOW + 2 * DAY)
    assert "新增阅览座位一千八百个。" == only(store).text


def test_what_came_in_removed_is_withheld_and_given_back_without_a_revision_of_it(store):
    with store.write() as connection:
        connection.execute(text("UPDATE entry SET removed_at = seen_at"))

    assert 1 == store.revisions.withhold(True, NOW + DAY)
    assert ("", ["removed"]) == (only(store).text, [past.kind for past in store.revisions.of(only(store))])
    assert 1 == store.revisions.withhold(False, NOW + DAY)
    assert "新增阅览座位一千八百个。" == only(store).text

    with store.write() as connection:  # and without its text
        connection.execute(text("DELETE FROM revision"))
        connection.execute(text("UPDATE entry SET is_withheld = true"))
    assert 1 == store.revisions.withhold(False, NOW + DAY)
    assert "新增阅览座位一千八百个。" == only(store).text


def test_processes_that_withhold_at_once_lose_no_text(store):
    edit(store, NOW + HOUR, REMOVED)
    begin = Barrier(4)

    def withhold(_):
        begin.wait()
        return store.revisions.withhold(True, NOW + DAY)

    with ThreadPoolExecutor(4) as threads:
        assert all(count <= 1 for count in threads.map(withhold, range(4)))

    assert "" == only(store).text
    assert "新增阅览座位一千八百个。" == store.revisions.whole(1).text


def test_a_deleted_entry_takes_its_watch_and_its_revisions_with_it(store):
    edit(store, NOW + HOUR, EDITED, text="二稿")
    with store.write() as connection:
        for table in ("entry_tag", "entry_body", "entry"):
            connection.exec_driver_sql(f"DELETE FROM {table}")

        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in ("recheck", "revision")
        ]
    assert [0, 0] == counts
