"""Stories in the store, on SQLite and PostgreSQL: who joins, who leaves, what is changed for readers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text as sql

from aggregator.classify.story import Telling
from aggregator.errors import NotFound
from aggregator.model import Site, SourceRule
from aggregator.query import Selection
from aggregator.store import Store, stories
from aggregator.store.joining import MOST_SHARING
from aggregator.store.recording import Recording
from tests.newsroom import NOW, story, text, visit

SITES = [Site(f"u{number}", f"第{number}大学", (f"{number}大",)) for number in range(1, 7)]
SOURCES = [
    (site, SourceRule(f"{site.name}-{part}", part, f"http://{site.name}.example/{part}/"))
    for site in SITES
    for part in "ab"
]
ONCE, EVERY = Selection(), Selection(every=True)


@contextmanager
def opened(address):
    store = Store(address)
    store.upgrade()
    store.sources.sync(SOURCES, NOW)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    address = request.getfixturevalue("postgresql") if request.param == "postgresql" else f"sqlite:///{tmp_path}/a.db"
    with opened(address) as found:
        yield found


def tell(store, *numbers, told=1, **fields):
    """A telling of *told* at each source of these numbers (1, 3, 5 .. are other universities); their ids."""
    for number in numbers:
        values = {"hours": 20 - number, "text": text(told), "tags": (f"第{number}大学",)} | fields
        store.entries.record([visit(number, story(100 * told + number, **values))])
    found = store.entries.newest(1000, EVERY)
    return sorted(one.id for one in found)[-len(numbers) :]


def groups(store):
    """The ids of each story's entries."""
    return sorted(
        {
            tuple(sorted(one.id for one in entry.story.tellings))
            for entry in store.entries.newest(1000, EVERY)
            if entry.story
        }
    )


def shown(store, selection=ONCE):
    return sorted(one.id for one in store.entries.newest(1000, selection))


def test_the_same_news_of_three_sources_is_one_story_and_is_shown_once(store):
    first, second, third = tell(store, 1, 3, 5)
    (other,) = tell(store, 7, told=2)

    assert [(first, second, third)] == groups(store)
    assert [first, other] == shown(store)
    assert [first, second, third, other] == shown(store, EVERY)
    assert [second] == shown(store, Selection(university="第2大学"))


def test_entries_of_one_visit_join_as_those_of_many_do(store):
    store.entries.record([visit(number, story(number, text=text(1))) for number in (1, 3)])

    assert [(1, 2)] == groups(store)


def test_two_entries_of_one_source_join_only_where_they_are_identical(store):
    long = text(1) + "另有后续报道将陆续推出，敬请关注学校新闻网的专题页面。" * 2
    tell(store, 1, told=1, text=long, title="甲")
    store.entries.record([visit(1, story(7, text=long[:-20], title="甲")), visit(3, story(8, text=long))])
    store.entries.record([visit(3, story(9, text=long, title=story(8).title))])

    (found,) = groups(store)
    assert [1, 2] == [len({1, 2} & set(found)), len({3, 4} & set(found))]


def test_a_late_member_does_not_make_the_story_new_for_anybody(store):
    first, _ = tell(store, 1, 3)
    before = store.entries.newest(1)[0]

    tell(store, 5, hours=-5)

    (after,) = store.entries.newest(10)
    assert (first, before.updated, before.sort) == (after.id, after.updated, after.sort)
    assert 3 == len(after.story.tellings)


def test_feeds_that_show_a_member_are_no_longer_current_when_another_joins(store):
    tell(store, 1)
    scopes = {tag.name: f"tag:{tag.id}" for tag in store.entries.tags()}["第1大学"], "source:1", "all"
    before = store.feeds.versions()

    tell(store, 3)

    after = store.feeds.versions()
    assert [before[scope] + 1 for scope in scopes] == [after[scope] for scope in scopes]


def test_the_first_publisher_changes_with_better_evidence_and_the_key_does_not(store):
    tell(store, 1, 3)
    key = store.entries.newest(1)[0].story.key

    tell(store, 5, hours=48)

    told = store.entries.newest(1)[0].story
    assert (key, 3, "time") == (told.key, told.first_id, told.evidence)


def test_what_joins_two_stories_makes_them_one_and_both_addresses_lead_there(store):
    head, tail = (
        "".join(f"甲处第{n}次试验得到{n * 7}组数据并逐一复核。" for n in range(30, 50)),
        "".join(f"乙处完成{n}项调研与{n + 3}场座谈会并形成报告。" for n in range(60, 80)),
    )
    store.entries.record(
        [
            visit(1, story(1, text=head)),
            visit(3, story(2, text=head)),
            visit(5, story(3, text=tail)),
            visit(7, story(4, text=tail)),
        ]
    )
    assert [(1, 2), (3, 4)] == groups(store)
    keys = {one.story.key for one in store.entries.newest(10, EVERY)}

    store.entries.record([visit(9, story(5, text=f"{head}\n{tail}"))])

    assert [(1, 2, 3, 4, 5)] == groups(store)
    assert 1 == len({store.stories.whole(key).key for key in keys})


def test_an_entry_that_changed_leaves_its_story_and_comes_back_to_the_same(store):
    ids = tell(store, 1, 3, 5)
    key = store.entries.newest(1)[0].story.key

    change(store, ids[2], text(77))
    assert [tuple(ids[:2])] == groups(store)
    change(store, ids[1], text(78))
    assert ([], []) == (groups(store), store.stories.whole(key).entries)

    for id_ in ids:
        change(store, id_, text(1))
    assert ([tuple(ids)], key) == (groups(store), store.entries.newest(1)[0].story.key)


def test_who_left_a_story_that_is_called_after_it_founds_another(store):
    ids = tell(store, 1, 3, 5)
    key = store.entries.newest(1)[0].story.key

    change(store, ids[0], text(77))
    (other,) = tell(store, 7, told=2, text=text(77))

    assert [(ids[0], other), tuple(ids[1:])] == groups(store)
    assert [ids[1:], True] == [
        [one.id for one in store.stories.whole(key).entries],
        key != store.entries.of([other])[0].story.key,
    ]


def test_an_origin_that_an_entry_names_only_now_changes_who_was_first(store):
    ids = tell(store, 1, 3)
    scopes = store.feeds.versions()["all"]

    with store.write() as connection:
        connection.execute(sql("UPDATE entry SET origin = '第2大学新闻网' WHERE id = :id"), {"id": ids[0]})
    change(store, ids[0], text(1))

    told = store.entries.of(ids[:1])[0].story
    assert (ids[1], "origin", scopes + 1) == (told.first_id, told.evidence, store.feeds.versions()["all"])


def change(store, id_, said):
    with store.write() as connection:
        connection.execute(sql("UPDATE entry_body SET text = :text WHERE entry_id = :id"), {"text": said, "id": id_})
        stories.note(store, connection, [id_])
    assert [1, 0] == [store.stories.catch_up(), store.stories.catch_up()]


def test_what_was_stored_before_there_were_stories_is_told_once_after_catching_up(store):
    tell(store, 1, 3, 5)
    with store.write() as connection:
        for table in ("story_member", "story", "entry_signature"):
            connection.execute(sql(f"DELETE FROM {table}"))
        stories.note(store, connection, [1, 2, 3])

    assert [2, 1, 0] == [store.stories.catch_up(2), store.stories.catch_up(2), store.stories.behind()]

    assert [(1, 2, 3)] == groups(store)


def test_made_anew_the_stories_are_what_they_were(store):
    tell(store, 1, 3, 5)
    tell(store, 1, 3, told=2)
    before = store.entries.newest(10, EVERY)

    assert 5 == store.stories.rebuild()
    while store.stories.catch_up(2):
        pass

    assert [(one.id, one.story) for one in before] == [(one.id, one.story) for one in store.entries.newest(10, EVERY)]


def test_what_is_withheld_stays_in_its_story_and_leaves_no_signs_behind(store):
    ids = tell(store, 1, 3)
    before = store.entries.newest(10, EVERY)
    with store.write() as connection:
        connection.execute(sql("UPDATE entry SET removed_at = seen_at WHERE id = :id"), {"id": ids[0]})
    store.revisions.withhold(True, NOW)

    store.stories.rebuild()
    while store.stories.catch_up(1):
        pass

    assert [one.story for one in before] == [one.story for one in store.entries.newest(10, EVERY)]
    with store.write() as connection:
        store.stories.forget(connection, ids)
    with store.read() as connection:
        assert 0 == connection.execute(sql("SELECT count(*) FROM entry_signature")).scalar_one()


def test_a_sentence_that_everybody_writes_finds_nobody_and_costs_no_more(store):
    said = "欢迎广大师生关注学校官方网站的最新消息与通知公告。"
    for number in range(MOST_SHARING + 10):
        store.entries.record(
            [visit(1 + number % 12, story(number, text=f"第{number}篇说的是另外的事情，编号{number * 37}。{said}"))]
        )

    with store.read() as connection:
        most = connection.execute(
            sql("SELECT max(n) FROM (SELECT count(*) AS n FROM entry_signature GROUP BY hash) AS t")
        ).scalar_one()
    assert (MOST_SHARING, []) == (most, groups(store))


def test_entries_that_are_to_be_deleted_leave_nothing_behind(store):
    ids = tell(store, 1, 3, 5)

    with store.write() as connection:
        store.stories.forget(connection, ids[:1])
    assert ([tuple(ids[1:])], ids[1]) == (groups(store), store.entries.of(ids[1:2])[0].story.first_id)
    with store.write() as connection:
        store.stories.forget(connection, ids[1:])

    with store.read() as connection:
        left = [
            connection.execute(sql(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in ("story_member", "entry_signature")
        ]
    assert ([], [0, 0]) == (groups(store), left)


def test_who_was_first_stays_so_when_who_said_so_is_deleted(store):
    first, other = tell(store, 3, 1)
    (teller,) = tell(store, 5, origin="第2大学新闻网")

    with store.write() as connection:
        store.stories.forget(connection, [teller])

    told = store.entries.of([other])[0].story
    assert (first, "origin", 2) == (told.first_id, told.evidence, len(told.tellings))


def test_the_stories_that_most_universities_tell_come_first(store):
    tell(store, 1, 3, 5)
    tell(store, 1, 2, 3, told=2)
    tell(store, 1, 2, told=3)
    tell(store, 1, told=4)

    covered = store.stories.most_covered(NOW - timedelta(days=7), NOW + timedelta(days=1), 5)

    assert [2, 1] == [others for _, others in covered]
    assert [] == store.stories.most_covered(NOW + timedelta(days=1), NOW + timedelta(days=2), 5)


def test_a_story_that_there_is_not_is_not_found(store):
    with pytest.raises(NotFound):
        store.stories.whole("0" * 32)


def test_of_two_writers_that_cannot_see_each_other_the_later_joins_what_both_stored(postgresql):
    with opened(postgresql) as one, opened(postgresql) as other:
        first, second = (visit(number, story(number, text=text(1))) for number in (1, 3))
        (new,) = first.entries
        thread = threading.Thread(target=other.entries.record, args=([second],))

        with one.write() as connection:
            Recording(one).record(connection, [first], {new.uid: Telling(new.title, new.text)})
            thread.start()
            while not other_waits(one):
                pass
        thread.join()

        assert [(1, 2)] == groups(one)


def test_what_a_writer_that_was_killed_had_yet_to_join_is_joined_by_the_nights_care(postgresql):
    with opened(postgresql) as store:
        tell(store, 1, 3)
        with store.write() as connection:  # as if neither had seen the other
            connection.execute(sql("DELETE FROM story_member"))

        assert (2, 0) == (store.stories.note_recent(NOW), store.stories.note_recent(NOW + timedelta(days=9)))
        store.stories.catch_up()

        assert [(1, 2)] == groups(store)


def other_waits(store):
    """Whether a transaction waits for another; it has looked for candidates by then."""
    with store.read() as connection:
        return connection.execute(sql("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()


def test_what_changes_while_all_is_made_anew_is_looked_at_once(store):
    (told,) = tell(store, 1)
    other = Store(store.url)
    with ThreadPoolExecutor(1) as pool:
        with other.write() as connection:
            stories.note(other, connection, [told])
            making = pool.submit(store.stories.rebuild)
            with pytest.raises(TimeoutError):
                making.result(0.5)
        assert 1 == making.result(10)
    other.close()
