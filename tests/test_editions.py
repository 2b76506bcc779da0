"""Editions of digests: provisional, frozen, corrected; late finds. On both databases."""

from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import text

from aggregator.editions import Editions
from aggregator.errors import NotFound
from aggregator.model import Corrections, First
from aggregator.query import parse
from aggregator.store import Store
from tests.newsroom import NOW, rules, settings, story, visit

TODAY = date(2025, 3, 21)
YESTERDAY = date(2025, 3, 20)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Room:
    """A store, and a clock that is set by hand."""

    def __init__(self, store, folder):
        self.store, self.now = store, NOW
        self.editions = Editions(settings(folder), store, lambda: self.now)

    def find(self, number, *, hours, source=1, seen=None, **fields):
        """Entry *number* is dated *hours* ago and seen *seen* hours ago, as the test begins."""
        fields |= {"seen_at": NOW - seen * HOUR} if seen is not None else {}
        fields |= {"title": fields.get("title", f"新闻{number}"), "html": "", "summary": ""}
        self.store.entries.record([visit(source, story(number, hours=hours, **fields))])

    def change(self, statement):
        with self.store.write() as connection:
            connection.execute(text(statement))


@pytest.fixture(params=["sqlite", "postgresql"])
def room(request, tmp_path):
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    store = Store(url)
    store.upgrade()
    store.sources.sync(rules(), NOW)
    yield Room(store, tmp_path)
    store.close()


def shown(digest):
    return sorted(story.entry.title for story in digest.stories)


def late(digest):
    return [story.entry.title for story in digest.late]


def test_a_period_that_lasts_is_provisional_and_kept_nowhere(room):
    room.find(1, hours=1)

    digest = room.editions.digest("day", TODAY, keep=True)

    assert (["新闻1"], 0) == (shown(digest), digest.edition)
    assert room.store.digests.newest("2025-03-21", "") is None


def test_a_period_is_final_when_its_grace_is_over(room):
    midnight = datetime(2025, 3, 20, 16, tzinfo=UTC)
    found = []
    for minutes in (-1, 0, 29, 30):
        room.now = midnight + timedelta(minutes=minutes)
        found.append(room.editions.digest("day", YESTERDAY, keep=True).edition)

    assert [0, 0, 0, 1] == found


def test_a_period_to_come_has_no_digest(room):
    with pytest.raises(NotFound):
        room.editions.digest("day", TODAY + DAY)


def test_who_may_not_write_gets_what_an_edition_would_be(room):
    room.find(1, hours=20)

    digest = room.editions.digest("day", YESTERDAY)

    assert (["新闻1"], 0) == (shown(digest), digest.edition)
    assert room.store.digests.newest("2025-03-20", "") is None


def test_an_edition_stays_as_it_was_whatever_becomes_of_its_entries(room):
    room.find(1, hours=20)
    first = room.editions.digest("day", YESTERDAY, keep=True)
    room.change("UPDATE entry SET title = '改了题'")

    again = room.editions.digest("day", YESTERDAY, keep=True)

    assert (1, first) == (again.edition, again)


def test_a_correction_is_the_next_edition_with_a_note_and_the_first_stays(room):
    for number in (1, 2):
        room.find(number, hours=20)
    first = room.editions.digest("day", YESTERDAY, keep=True)
    room.change("UPDATE entry SET title = '改了题' WHERE id = 1")
    room.find(3, hours=21, seen=0)
    room.now += HOUR

    second = room.editions.digest("day", YESTERDAY, keep=True)

    assert (["新闻1", "新闻2"], ["改了题", "新闻2", "新闻3"]) == (shown(first), shown(second))
    assert (2, Corrections(added=1, retitled=1)) == (second.edition, second.corrections)
    assert "1 added, 1 retitled" == room.store.digests.newest("2025-03-20", "").note
    old = room.editions.numbered("day", YESTERDAY, None, 1)
    assert (first.groups, 1, 2) == (old.groups, old.edition, old.editions)
    room.now += HOUR
    assert 2 == room.editions.digest("day", YESTERDAY, keep=True).edition


def test_an_entry_that_is_withdrawn_is_in_the_next_edition_no_more(room):
    for number in (1, 2):
        room.find(number, hours=20)
    room.editions.digest("day", YESTERDAY, keep=True)
    for table in ("entry_tag", "entry_body", "search_due"):
        room.change(f"DELETE FROM {table} WHERE entry_id = 1")
    room.change("DELETE FROM entry WHERE id = 1")
    room.now += HOUR

    digest = room.editions.digest("day", YESTERDAY, keep=True)

    assert (["新闻2"], Corrections(withdrawn=1)) == (shown(digest), digest.corrections)


def test_an_old_digest_is_corrected_no_more(room):
    room.find(1, hours=20)
    room.editions.digest("day", YESTERDAY, keep=True)
    room.find(2, hours=20)
    room.now += 40 * DAY

    assert ["新闻1"] == shown(room.editions.digest("day", YESTERDAY, keep=True))


def test_an_edition_that_there_is_not_is_not_found(room):
    room.find(1, hours=20)
    room.editions.digest("day", YESTERDAY, keep=True)

    for day, number in ((YESTERDAY, 2), (TODAY, 1)):
        with pytest.raises(NotFound):
            room.editions.numbered("day", day, None, number)


def test_a_frozen_digest_tells_nothing_of_a_text_that_was_withheld_since(room):
    entry = story(1, hours=30, summary="密", html="<p>密</p>", images=("http://a.cn/1.jpg",))
    room.store.entries.record([visit(1, entry)])
    frozen = room.editions.digest("day", YESTERDAY, keep=True)
    room.change("UPDATE entry SET is_withheld = true, removed_at = seen_at")

    again = room.editions.digest("day", YESTERDAY, keep=True)
    numbered = room.editions.numbered("day", YESTERDAY, None, 1)

    assert [("密", "http://a.cn/1.jpg")] == [(one.entry.summary, one.entry.image) for one in frozen.stories]
    assert [("", None)] * 2 == [(one.entry.summary, one.entry.image) for one in (*again.stories, *numbered.stories)]


def test_each_selection_has_editions_of_its_own(room):
    room.find(1, hours=20, tags=("海棠大学", "科研"))
    room.find(2, hours=20, tags=("海棠大学", "要闻"))

    everything = room.editions.digest("day", YESTERDAY, keep=True)
    science = room.editions.digest("day", YESTERDAY, parse("科研"), keep=True)

    assert (["新闻1", "新闻2"], ["新闻1"]) == (shown(everything), shown(science))
    assert [""] == [group.topic for group in science.groups]  # all of it is of that topic
    assert 1 == room.store.digests.newest("2025-03-20", "科研").number


def test_what_was_found_too_late_for_its_day_is_a_late_find_of_the_next(room):
    room.find(1, hours=20)
    room.editions.digest("day", YESTERDAY, keep=True)
    room.find(2, hours=22, seen=0)
    room.now += DAY

    assert ["新闻2"] == late(room.editions.digest("day", TODAY, keep=True))


def test_what_an_earlier_edition_has_is_no_late_find(room):
    room.find(1, hours=20, seen=10)  # seen at 00:30: the edition is not frozen yet
    room.editions.digest("day", YESTERDAY, keep=True)
    room.now += DAY

    assert [] == late(room.editions.digest("day", TODAY, keep=True))


def test_a_late_find_is_told_once(room):
    room.find(1, hours=70, seen=0)
    for day in (TODAY, TODAY + DAY, TODAY + 2 * DAY):
        room.now += DAY
        found = late(room.editions.digest("day", day, keep=True))
        assert (["新闻1"] if day == TODAY else []) == found


def test_what_is_older_than_a_week_is_no_late_find(room):
    room.find(1, hours=24 * 9, seen=0)
    room.now += DAY

    assert [] == late(room.editions.digest("day", TODAY, keep=True))


def test_a_late_find_stays_in_the_next_edition(room):
    room.find(1, hours=22, seen=0)
    room.now += DAY
    room.editions.digest("day", TODAY, keep=True)
    room.find(2, hours=1)
    room.now += HOUR

    digest = room.editions.digest("day", TODAY, keep=True)

    assert (2, ["新闻2"], ["新闻1"]) == (digest.edition, shown(digest), late(digest))


def test_who_speaks_for_the_first_time_is_named(room):
    room.find(1, hours=50)
    room.find(2, hours=1, source=3, tags=("云岭师范大学", "天文"))
    room.find(3, hours=1, source=2, tags=("海棠大学", "要闻"))

    found = room.editions.digest("day", TODAY).firsts

    assert (
        First("university", "云岭师范大学"),
        First("source", "乡村振兴", "海棠大学"),
        First("topic", "天文"),
    ) == found


def test_a_service_that_begins_has_no_firsts(room):
    room.find(1, hours=1)

    assert () == room.editions.digest("day", TODAY).firsts


def test_two_who_freeze_at_once_have_one_edition(room):
    room.find(1, hours=20)
    found = []
    threads = [Thread(target=lambda: found.append(room.editions.digest("day", YESTERDAY, keep=True))) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [found[0]] * 4 == found


def test_a_day_on_which_the_clocks_change_is_one_digest(tmp_path, room):
    berlin = Editions(settings(tmp_path, timezone="Europe/Berlin"), room.store, lambda: NOW)
    # 27 October 2024 began at 22:00 UTC and ended at 23:00 UTC
    begins, ends = datetime(2024, 10, 26, 22, tzinfo=UTC), datetime(2024, 10, 27, 23, tzinfo=UTC)
    for number, published in enumerate((begins, ends - timedelta(minutes=1), ends)):
        room.find(number, hours=0, published=published)

    assert ["新闻0", "新闻1"] == shown(berlin.digest("day", date(2024, 10, 27)))
