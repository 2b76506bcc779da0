"""Digests to their readers, through a real mail server that misbehaves: nobody is forgotten and nobody is mailed twice."""

from datetime import timedelta
from threading import Event

import pytest

from aggregator.deliver import WAITS
from aggregator.editions import Editions
from aggregator.errors import MailError
from aggregator.mail.mailbox import mailbox
from aggregator.publish.digest import parse_address
from aggregator.store import Store
from tests.mailing import Room
from tests.newsroom import empty_store, fill, story, visit
from tests.sink import sink


@pytest.fixture
def office(tmp_path):
    with sink(tmp_path / "sink", timeout_seconds=0.5) as opened:
        yield opened


@pytest.fixture
def room(tmp_path, office):
    with empty_store(tmp_path) as store:
        fill(store)
        yield Room(store, tmp_path, *office)


def states(room):
    return room.store.deliveries.counts()


def test_each_reader_gets_the_digest_once(room):
    room.add("a", "b")
    room.add("c", language="en")

    assert {"sent": 3} == room.deliver()
    assert {} == room.deliver(hours=5)

    assert ["a", "b", "c"] == room.recipients
    assert ({"sent": 3}, "2025-03-16") == (states(room), room.one("a").last_edition)


def test_nobody_is_mailed_before_the_hour_or_before_he_said_yes(room):
    just_now = room.now - timedelta(minutes=1)
    room.add("late", hour=9, subscribed=just_now)
    room.add("weekly", period="weekly", weekday=1, subscribed=just_now)
    room.add("new", subscribed=just_now)

    assert {} == room.deliver()
    assert {"sent": 1} == room.deliver(hours=2)
    assert {"sent": 2} == room.deliver(hours=22)

    assert ["late", "new", "weekly"] == room.recipients


def test_after_a_pause_of_days_the_newest_digest_comes_once(room):
    room.add("a")
    room.deliver()

    room.deliver(days=4, hours=9)

    assert (["a", "a"], "2025-03-20") == (room.recipients, room.one("a").last_edition)


def test_nobody_gets_an_empty_mail(room):
    room.add("a", tags="海棠大学")
    room.now += timedelta(days=400)

    assert {"empty": 1} == room.deliver()
    assert {} == room.deliver(minutes=5)

    assert ([], {"empty": 1}) == (room.recipients, states(room))


def test_who_changes_his_tags_or_his_hour_gets_no_second_mail_that_day(room):
    room.add("a")
    room.deliver()
    from aggregator.model import Choice

    room.store.subscribers.choose(room.one("a"), Choice(tags="海棠大学", hour=8))

    assert {} == room.deliver(hours=3)
    assert {"sent": 1} == room.deliver(hours=22)
    assert "2025-03-17#海棠大学" == room.one("a").last_edition


def test_who_leaves_between_plan_and_mail_gets_none(room):
    room.add("a", "b")
    room.deliverer().plan()
    room.store.subscribers.leave(room.one("a"), room.now)

    assert {"left": 1, "sent": 1} == room.deliver()

    assert (["b"], {"failed": 1, "sent": 1}) == (room.recipients, states(room))


def test_a_greylisted_mail_is_sent_a_quarter_of_an_hour_later_with_the_same_id(room):
    room.add("grey1-a", "b")

    assert {"later": 1, "sent": 1} == room.deliver()
    assert {} == room.deliver(minutes=14)
    assert {"sent": 1} == room.deliver(minutes=1)

    assert ["b", "grey1-a"] == room.recipients


def test_a_mail_whose_acceptance_was_not_seen_is_sent_again_with_the_same_id(room):
    room.add("lost-a")

    assert {"later": 1} == room.deliver()
    assert {"sending": 1} == states(room)
    assert {"sent": 1} == room.deliver(minutes=15)

    first, second = room.sink.taken
    assert first["id"] == second["id"]


@pytest.mark.parametrize("name", ["full-a", "drop-a", "hang-a", "bye-a"])
def test_what_does_not_pass_is_tried_for_three_days(room, name):
    room.add(name, period="weekly", weekday=0)

    came = [room.deliver(seconds=pause.total_seconds()) for pause in (timedelta(0), *WAITS)]

    assert [{"later": 1}] * len(WAITS) + [{"failed": 1}] == came
    assert timedelta(days=2) < sum(WAITS, timedelta(0)) < timedelta(days=3)
    assert ({}, {"failed": 1}) == (room.deliver(days=1), states(room))


def test_an_old_edition_gives_way_to_the_next(room):
    room.add("full-a")
    room.deliver()

    room.deliver(days=1)

    assert {"failed": 1, "planned": 1} == states(room)


def test_an_address_that_is_refused_for_good_counts_against_its_reader_and_stops_in_the_end(room):
    room.add("nobody-a", "spam-a", "z")

    came = [room.deliver(days=day and 1) for day in range(4)]

    assert [{"failed": 2, "sent": 1}] * 3 + [{"failed": 1, "sent": 1}] == came
    assert ("bounced", 3) == (room.one("nobody-a").state, room.one("nobody-a").bounces)
    assert ("active", 0) == (room.one("spam-a").state, room.one("spam-a").bounces)
    assert ["z"] * 4 == room.recipients


def test_a_refusal_that_may_mean_us_is_believed_when_the_server_takes_another_mail(room):
    room.add("gone-a", "gone-b")

    assert {"later": 2} == room.deliver()
    assert ({"planned": 2}, 0) == (states(room), room.one("gone-a").bounces)
    room.add("z")

    assert {"failed": 2, "sent": 1} == room.deliver(minutes=15)
    assert [1, 1, 0] == [room.one(name).bounces for name in ("gone-a", "gone-b", "z")]


def test_a_sender_whom_the_server_refuses_for_each_reader_costs_nobody_a_mail_or_a_bounce(room):
    room.add("a", *(f"relay-{n:02}" for n in range(12)))

    with pytest.raises(MailError, match="one mail after the other"):
        room.deliver()

    assert {"planned": 12, "sent": 1} == states(room)
    assert [0] * 12 == [room.one(f"relay-{n:02}").bounces for n in range(12)]


def test_what_a_wrong_clock_put_off_for_a_year_is_mailed_after_the_next_night(room):
    room.add("a")
    room.deliverer().plan()
    year = room.now + timedelta(days=365)
    held = room.store.deliveries.claim(room.now, year, 1)[0]
    room.store.deliveries.begin(held, year, room.now)
    assert {} == room.deliver()

    room.store.deliveries.tidy(room.now)

    assert {"sent": 1} == room.deliver()


def test_deliveries_are_forgotten_after_a_year_and_nobody_is_mailed_again(room):
    room.add("a")
    room.deliver()
    assert 0 == room.store.deliveries.tidy(room.now + timedelta(days=399))

    assert 1 == room.store.deliveries.tidy(room.now + timedelta(days=401))

    assert ({}, {}) == (states(room), room.deliver())


def test_who_is_erased_while_a_mail_is_due_gets_none(room):
    room.add("a", "b")
    made = room.deliverer()
    made.plan()
    drawn = made._draw

    def draw(edition, language):
        box = mailbox("a@example.org")
        room.store.subscribers.erase(box, "trace", room.now)
        return drawn(edition, language)

    made._draw = draw

    assert {"left": 1, "sent": 1} == dict(made.run(Event()))
    assert (["b"], {"sent": 1}) == (room.recipients, states(room))


def test_an_edition_that_is_corrected_after_it_was_mailed_is_not_mailed_again(room):
    room.add("a")
    room.deliver()
    late = story(900, published=room.now - timedelta(hours=12), seen_at=room.now + timedelta(hours=1))
    room.store.entries.record([visit(1, late)])
    room.add("b", subscribed=room.now - timedelta(days=1))

    assert {"sent": 1} == room.deliver(hours=3)

    assert ["a", "b"] == room.recipients
    day = parse_address("2025-03-16")
    assert 2 == Editions(room.settings, room.store, lambda: room.now).digest(*day).edition


def test_who_chose_a_tag_that_is_no_more_gets_what_is_left(room):
    room.add("a", tags="海棠大学|没有这个标签")
    room.add("b", tags="没有这个标签")
    room.add("c", tags="-没有这个标签")

    assert {"sent": 2, "empty": 1} == room.deliver()

    assert ["a", "c"] == room.recipients


def test_a_server_that_is_full_or_down_loses_nobody(room):
    room.add(*"abc")
    room.sink.close()
    with pytest.raises(MailError, match="insufficient system storage"):
        room.deliver()
    assert {"planned": 3} == states(room)

    room.sink.open()

    assert {"sent": 3} == room.deliver()


def test_a_server_that_refuses_all_is_left_alone(room):
    room.add(*(f"spam-{n}" for n in range(15)))

    with pytest.raises(MailError, match="one mail after the other"):
        room.deliver()

    assert {"planned": 15} == states(room)
    assert {"later": 5} == room.deliver(minutes=1)


def test_a_digest_that_cannot_be_drawn_keeps_no_other_and_is_tried_again(room, caplog):
    room.add("a")
    room.add("b", tags="海棠大学")
    room.add("c", tags="没有这个标签")
    room.deliverer().plan()
    made = room.deliverer()
    drawn = made._draw

    def draw(edition, language):
        if "海棠" in edition:
            raise ZeroDivisionError("a fault")
        return drawn(edition, language)

    made._draw = draw

    assert {"sent": 1, "later": 1, "empty": 1} == dict(made.run(Event()))
    assert "cannot be drawn" in caplog.text
    assert {"sent": 1} == room.deliver(minutes=15)
    assert ["a", "b"] == room.recipients


def test_a_limit_is_kept_and_the_rest_comes_next(room):
    room.add(*"abcde")

    assert [{"sent": 2}, {"sent": 2}, {"sent": 1}] == [room.deliver(2) for _ in range(3)]

    assert list("abcde") == room.recipients


def test_a_row_is_held_by_one_process_until_its_lease_is_over(room):
    room.add(*"abc")
    room.deliverer().plan()
    ledger = room.store.deliveries
    until = room.now + timedelta(minutes=2)
    first = ledger.claim(room.now, until, 2)
    second = ledger.claim(room.now, until, 2)
    assert ([2, 1], []) == ([len(first), len(second)], ledger.claim(room.now, until, 2))

    later = until + timedelta(seconds=1)
    taken = ledger.claim(later, later + timedelta(minutes=2), 5)

    assert 3 == len(taken)
    assert (None, True) == (ledger.begin(first[0], later, later), ledger.begin(taken[0], later, later) is not None)


def test_two_on_one_postgresql_share_the_work(postgresql, tmp_path, office):
    store, other = Store(postgresql), Store(postgresql)
    store.upgrade()
    from tests.newsroom import rules
    from tests.university import NOW

    store.sources.sync(rules(), NOW)
    fill(store)
    room, beside = Room(store, tmp_path, *office), Room(other, tmp_path, *office)
    room.add(*(f"reader{n}" for n in range(120)))
    from threading import Thread

    threads = [Thread(target=one.deliver) for one in (room, beside)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {"sent": 120} == states(room)
    assert 120 == len(set(room.recipients)) == len(room.recipients)
    assert 120 == len(room.told) + len(beside.told)
    assert {} == store.deliveries.failures(room.now - timedelta(days=7))
    assert 120 == store.deliveries.tidy(room.now + timedelta(days=401))
    store.close()
    other.close()
