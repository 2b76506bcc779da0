from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.errors import NotFound
from aggregator.mail.mailbox import mailbox
from aggregator.model import Choice, Report
from aggregator.store import Store
from aggregator.store.subscribers import FORGOTTEN_AFTER, LETTER_LEASE, LETTER_TRIES, MOST_ASKS, MOST_BOUNCES
from tests.university import NOW

LIN = mailbox("lin@example.org")
DAILY = Choice()
DAY = timedelta(days=1)
HARD = Report(key="1", kind="hard", address="lin@example.org", code="5.1.1", reason="no such user")


@pytest.fixture(params=["sqlite", "postgresql"])
def people(request, tmp_path):
    """The subscribers of an empty store, on either database."""
    if request.param == "postgresql":
        opened = Store(request.getfixturevalue("postgresql"))
    else:
        opened = Store(f"sqlite:///{tmp_path}/aggregator.db")
    opened.upgrade()
    yield opened.subscribers
    opened.close()


def letters(people, now=NOW):
    return [(one.address, one.letter) for one in people.claim_letters(now)]


def signed_up(people, choice=DAILY, now=NOW):
    people.sign_up(LIN, choice, now)
    return people.by_address(LIN)


def active(people, choice=DAILY, now=NOW):
    assert people.confirm(signed_up(people, choice, now), "trace", now)
    return people.by_address(LIN)


def test_who_signs_up_is_asked_whether_it_is_true(people):
    one = signed_up(people, Choice(language="en", period="weekly", hour=9, weekday=4, tags="科研"))

    assert ("pending", "en", "weekly", 9, 4, "科研") == (
        one.state, one.language, one.period, one.hour, one.weekday, one.tags,
    )  # fmt: skip
    assert [("lin@example.org", "confirm")] == letters(people)


def test_who_says_yes_is_a_subscriber(people):
    one = active(people)

    assert ("active", NOW) == (one.state, one.confirmed_at)
    assert [] == letters(people)
    assert people.confirm(one, "trace", NOW + DAY)
    assert NOW == people.by_address(LIN).confirmed_at


def test_a_stranger_changes_nothing_of_a_subscriber(people):
    active(people, Choice(tags="科研"))

    one = signed_up(people, Choice(tags="讲座"), NOW + DAY)

    assert ("active", "科研") == (one.state, one.tags)
    assert [("lin@example.org", "preferences")] == letters(people, NOW + DAY)


def test_an_address_gets_few_letters_a_day(people):
    sent = 0
    for second in range(20):
        signed_up(people, Choice(hour=second), NOW + timedelta(seconds=second))
        for one in people.claim_letters(NOW + timedelta(seconds=second)):
            people.letter_sent(one)
            sent += 1

    assert MOST_ASKS == sent
    assert MOST_ASKS - 1 == people.by_address(LIN).hour  # what no letter tells of is not kept
    signed_up(people, Choice(), NOW + DAY)
    assert 1 == len(letters(people, NOW + DAY))


def test_who_left_gets_no_mail_and_may_come_back(people):
    old = active(people)
    people.leave(old, NOW)
    people.leave(old, NOW + DAY)

    assert ("left", NOW) == (people.by_address(LIN).state, people.by_address(LIN).left_at)
    assert not people.confirm(old, "trace", NOW)
    again = signed_up(people, Choice(), NOW + DAY)
    assert "pending" == again.state
    assert old.token_salt != again.token_salt


def test_who_never_answers_is_forgotten(people):
    signed_up(people)

    assert 0 == people.tidy(NOW + FORGOTTEN_AFTER)
    assert 1 == people.tidy(NOW + FORGOTTEN_AFTER + DAY)
    with pytest.raises(NotFound):
        people.by_address(LIN)


def test_who_had_left_and_does_not_answer_is_kept_as_left(people):
    people.leave(active(people), NOW)
    signed_up(people)

    people.tidy(NOW + 2 * FORGOTTEN_AFTER)

    assert "left" == people.by_address(LIN).state


def test_mails_returned_for_good_stop_an_address_at_last(people):
    active(people)

    states = [people.returned(replace(HARD, key=str(number)), NOW) for number in range(MOST_BOUNCES)]

    assert ["active"] * (MOST_BOUNCES - 1) + ["bounced"] == states
    assert NOW == people.by_address(LIN).left_at


def test_a_report_counts_once(people):
    active(people)

    assert ["active"] * 5 == [people.returned(HARD, NOW) for _ in range(5)]
    assert 1 == people.by_address(LIN).bounces


def test_returned_mails_of_long_ago_do_not_count(people):
    active(people)

    for number in range(MOST_BOUNCES * 2):
        people.returned(replace(HARD, key=str(number)), NOW + 61 * DAY * number)

    assert ("active", 1) == (people.by_address(LIN).state, people.by_address(LIN).bounces)


def test_mails_that_are_late_stop_nobody(people):
    active(people)

    for number in range(10):
        people.returned(replace(HARD, key=str(number), kind="soft"), NOW)

    assert ("active", 0) == (people.by_address(LIN).state, people.by_address(LIN).bounces)


def test_who_complains_gets_nothing_more_not_even_a_letter(people):
    one = active(people)

    assert "complained" == people.returned(Report(key="c", kind="complaint", subscriber_id=one.id), NOW)
    assert "complained" == signed_up(people, Choice(), NOW + DAY).state
    assert [] == letters(people, NOW + DAY)


def test_reports_on_strangers_are_nothing_to_us(people):
    assert people.returned(HARD, NOW) is None
    assert people.returned(Report(key="c", kind="complaint", subscriber_id=7), NOW) is None


def test_a_letter_is_sent_by_one_and_comes_again_where_it_was_not(people):
    signed_up(people)

    assert 1 == len(letters(people))
    assert 0 == len(letters(people))
    later = NOW + LETTER_LEASE
    again = people.claim_letters(later)
    assert 1 == len(again)
    people.letter_sent(again[0])
    assert 0 == len(letters(people, later + 10 * DAY))


def test_a_letter_of_a_clock_that_was_far_ahead_does_not_wait_for_it(people):
    signed_up(people, DAILY, NOW + 400 * DAY)
    hour = timedelta(hours=1)

    assert 1 == people._store.clock.mend(NOW, pause=hour, lease=hour)
    assert 1 == len(letters(people))


def test_a_letter_that_nobody_takes_is_given_up(people):
    signed_up(people)

    assert LETTER_TRIES == sum(len(letters(people, NOW + number * DAY)) for number in range(3 * LETTER_TRIES))


def test_a_letter_asked_for_while_another_is_on_its_way_is_sent_too(people):
    signed_up(people)
    claimed = people.claim_letters(NOW)[0]
    signed_up(people, Choice(hour=8))

    people.letter_sent(claimed)

    assert 1 == len(letters(people))


def test_the_operator_adds_who_is_neither_known_nor_erased(people):
    assert "added" == people.add(LIN, Choice(), "trace", NOW)
    assert "known" == people.add(LIN, Choice(hour=1), "trace", NOW, state="left")
    assert ("active", 7) == (people.by_address(LIN).state, people.by_address(LIN).hour)
    assert people.erase(LIN, "trace", NOW)
    assert "erased" == people.add(LIN, Choice(), "trace", NOW)
    assert not people.erase(LIN, "trace", NOW)


def test_another_case_is_the_same_person_to_an_operator(people):
    people.leave(active(people), NOW)
    shouting = mailbox("LIN@example.org")

    assert "known" == people.add(shouting, DAILY, "trace", NOW)
    assert "lin@example.org" == people.by_address(shouting).address
    assert people.erase(shouting, "trace", NOW)
    assert {} == people.counts()


def test_erasing_leaves_nothing_of_a_person(people):
    one = active(people)
    people.returned(HARD, NOW)
    assert [1, 0, 1] == [len(rows) for rows in people.everything(one).values()]

    people.erase(LIN, "trace", NOW)

    assert [0, 0, 0] == [len(rows) for rows in people.everything(one).values()]


def test_who_was_erased_may_sign_up_again_by_the_own_hand(people):
    people.erase(LIN, "trace", NOW)
    active(people)
    people.leave(people.by_address(LIN), NOW)

    assert "known" == people.add(LIN, Choice(), "trace", NOW)


def test_all_are_walked_through_and_counted(people):
    for number in range(1203):
        people.add(mailbox(f"reader{number}@example.org"), Choice(), f"trace {number}", NOW)
    people.leave(people.by_address(mailbox("reader7@example.org")), NOW)

    assert 1203 == len({one.address for one in people.walk()})
    assert ["reader7@example.org"] == [one.address for one in people.walk("left")]
    assert {"active": 1202, "left": 1} == people.counts()
