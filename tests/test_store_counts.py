from datetime import timedelta

import pytest

from aggregator.query import Selection, tagged
from aggregator.store.counts import Share, Size
from tests.newsroom import NOW, UNIVERSITIES, empty_store, fill, rules, story, visit

BOUNDS = [NOW - timedelta(hours=20), NOW - timedelta(hours=10), NOW + timedelta(hours=1)]


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        opened.entries.record(
            [
                visit(
                    1,
                    story(1, hours=0, tags=("甲",)),
                    story(2, hours=10, tags=("甲", "乙")),
                    story(3, hours=15, tags=("乙",)),
                ),
                visit(3, story(4, hours=20, tags=("丙",)), story(5, hours=21, tags=("丙",))),
            ]
        )
        yield opened


def test_spans_count_what_begins_in_them(store):
    assert [2, 2] == store.counts.between(BOUNDS)


def test_a_tag_is_counted_alone(store):
    assert [1, 1] == store.counts.between(BOUNDS, Selection(tagged("乙")))


def test_every_university_has_its_share(store):
    shares = [Share("海棠大学", (1, 2)), Share("云岭师范大学", (1, 0)), Share("星湖理工学院", (0, 0))]

    assert shares == store.counts.by_university(BOUNDS)


def test_the_fullest_tags_have_their_share(store):
    assert {Share("甲", (0, 2)), Share("乙", (1, 1)), Share("丙", (1, 0))} == set(store.counts.by_tag(BOUNDS, 10))
    assert 2 == len(store.counts.by_tag(BOUNDS, 2))


def test_what_is_switched_off_does_not_count(store):
    assert Size(3, 5) == store.counts.size()

    store.sources.sync(rules(UNIVERSITIES[1:]), NOW)

    assert Size(2, 3) == store.counts.size()


def test_sources_stand_with_their_newest_poll_and_their_entries(store):
    fill(store)

    states = {state.source.name: state for state in store.counts.of_sources()}

    one_by_one = {state.source.name: state for state in store.sources.all(polls=1)}
    assert list(one_by_one) == list(states)
    for name, state in one_by_one.items():
        assert (state.entry_count, [poll.id for poll in state.polls]) == (
            states[name].entry_count, [poll.id for poll in states[name].polls]
        )  # fmt: skip
        assert state.ref == states[name].ref


def test_a_source_never_polled_has_no_poll(tmp_path):
    with empty_store(tmp_path) as opened:
        assert [()] * 5 == [state.polls for state in opened.counts.of_sources()]


def test_a_changed_site_file_moves_the_sources_scope(store):
    before = store.feeds.version(["sources"])

    store.sources.sync(rules(), NOW)
    assert before == store.feeds.version(["sources"])

    store.sources.sync(rules(UNIVERSITIES[1:]), NOW)
    assert before != store.feeds.version(["sources"])


def test_a_feed_that_changed_is_modified_later_than_before(store):
    first = store.feeds.keep("/feed.atom", "1", "application/atom+xml", b"one", NOW)
    second = store.feeds.keep("/feed.atom", "2", "application/atom+xml", b"two", NOW)
    third = store.feeds.keep("/feed.atom", "3", "application/atom+xml", b"two", NOW + timedelta(days=1))

    assert NOW == first.last_modified
    assert NOW + timedelta(seconds=1) == second.last_modified == third.last_modified
