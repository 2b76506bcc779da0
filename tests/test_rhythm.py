"""When a source is polled next, told on a calendar: 2025-03-20 is a Thursday."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.model import Rhythm
from aggregator.visit.rhythm import MAX_BACKOFF, WorkingHours, freshness, next_poll_at, rhythm_of

ZONE = ZoneInfo("Asia/Shanghai")
HOURS = WorkingHours.parse("08:00-18:00", ZONE)
SHORTEST, LONGEST = timedelta(minutes=15), timedelta(hours=6)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(day, hour=0, minute=0, month=3):
    return datetime(2025, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def pause(polled_at, rhythm=None, **said):
    following = next_poll_at(polled_at, rhythm, HOURS, shortest=SHORTEST, longest=LONGEST, key="haitang", **said)
    return following - polled_at


def about(expected, found):
    """Within the tenth that is added for drift."""
    return expected <= found <= expected * 1.101


DAILY = Rhythm(newest=at(20, 9), per_day=1, working_share=0.95)
BUSY = Rhythm(newest=at(20, 9), per_day=20, working_share=0.95)
ASLEEP = Rhythm(newest=at(1, 9, month=1), per_day=0.02, working_share=0.9)


@pytest.mark.parametrize(
    ("when", "rhythm", "expected"),
    [
        (at(20, 10), DAILY, HOUR),  # fresh news in working hours
        (at(20, 10), BUSY, SHORTEST),  # more than half an entry is expected by then
        (at(20, 10), ASLEEP, LONGEST),
        (at(20, 10), None, LONGEST),  # nothing is dated
        (at(20, 23), DAILY, LONGEST),  # at night
        (at(22, 10), DAILY, LONGEST),  # on a Saturday
        (at(21, 6), DAILY, timedelta(hours=2, minutes=40)),  # soon after the day's work begins
    ],
)
def test_the_pause_follows_the_rhythm_and_the_hours(when, rhythm, expected):
    assert about(expected, pause(when, rhythm))


def test_a_silence_over_the_weekend_is_no_silence():
    friday = Rhythm(newest=at(21, 16), per_day=1, working_share=0.95)
    assert about(HOUR, pause(at(24, 9), friday))


def test_silence_in_working_days_makes_looks_rarer():
    last_week = Rhythm(newest=at(13, 10), per_day=0.5, working_share=0.95)
    assert about(5 * HOUR, pause(at(20, 10), last_week))


def test_what_is_left_to_read_is_read_soon():
    assert about(SHORTEST, pause(at(20, 23), ASLEEP, more_waits=True))


def test_a_fixed_interval_is_exact():
    assert timedelta(minutes=30) == pause(at(20, 23), BUSY, fixed=timedelta(minutes=30))


def test_a_server_that_says_how_long_it_stays_fresh_is_believed_up_to_the_longest_pause():
    assert about(3 * HOUR, pause(at(20, 10), BUSY, fresh_for=3 * HOUR))
    assert about(LONGEST, pause(at(20, 10), BUSY, fresh_for=30 * DAY))


def test_failures_double_the_pause_and_never_end_it():
    for failures, expected in [(1, SHORTEST), (2, 2 * SHORTEST), (5, 16 * SHORTEST), (60, MAX_BACKOFF)]:
        assert about(expected, pause(at(20, 10), BUSY, failures=failures))


def test_a_page_that_is_gone_is_still_asked_for_now_and_then():
    assert about(MAX_BACKOFF, pause(at(20, 10), BUSY, failures=1, is_gone=True))


def test_what_the_server_asks_to_wait_is_waited():
    assert 2 * DAY == pause(at(20, 10), BUSY, failures=1, retry_after=2 * DAY)
    assert about(SHORTEST, pause(at(20, 10), BUSY, failures=1, retry_after=timedelta(seconds=1)))


def test_sources_that_began_together_drift_apart():
    times = {
        next_poll_at(at(20, 23), DAILY, HOURS, shortest=SHORTEST, longest=LONGEST, key=f"source-{number}")
        for number in range(100)
    }
    assert 100 == len(times)
    assert max(times) - min(times) > timedelta(minutes=30)


def test_the_rate_is_that_of_the_younger_half_so_that_a_pinned_item_does_not_count():
    times = [(at(20) - number * DAY, "day") for number in range(20)]
    pinned = [(at(20) - 900 * DAY, "day"), *times[:-1]]
    plain, odd = rhythm_of(times, at(20, 10), HOURS), rhythm_of(pinned, at(20, 10), HOURS)
    assert 0.9 < plain.per_day < 1.1
    assert abs(plain.per_day - odd.per_day) < 0.1
    assert at(20) == plain.newest


def test_the_share_of_working_hours_is_learned():
    nightly = [(at(20, 22) - number * DAY, "minute") for number in range(30)]
    assert rhythm_of(nightly, at(21, 10), HOURS).working_share < 0.3
    office = [(at(20, 10) - number * 7 * DAY, "minute") for number in range(30)]
    assert rhythm_of(office, at(21, 10), HOURS).working_share > 0.95
    assert rhythm_of([], at(21, 10), HOURS) is None


def test_a_date_ahead_of_our_clock_is_now():
    assert at(20, 10) == rhythm_of([(at(25), "day")], at(20, 10), HOURS).newest


def test_working_time_between_two_times_is_counted_over_weeks():
    assert 10 * HOUR == HOURS.between(at(20, 0), at(21, 0))
    assert 3 * HOUR == HOURS.between(at(21, 16), at(24, 9))
    assert 50 * 10 * HOUR == HOURS.between(at(3, 0), at(3, 0) + 70 * DAY)
    assert 4 * 50 * HOUR == HOURS.between(at(20, 12), at(20, 12) + 28 * DAY)
    assert timedelta(0) == HOURS.between(at(20, 12), at(20, 11))


def test_working_time_begins_to_the_minute_and_stays_until_the_next_edge():
    assert (False, at(20, 8)) == HOURS.stretch(at(20, 7, 59))
    assert (True, at(20, 18)) == HOURS.stretch(at(20, 8))
    assert (False, at(21)) == HOURS.stretch(at(20, 18))
    assert (False, at(22, 18)) == HOURS.stretch(at(22, 10) + timedelta(seconds=7))  # on a Saturday


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "public, max-age=3600"}, 3600),
        ({"cache-control": 'max-age="3600"', "age": "600"}, 3000),
        ({"cache-control": "no-cache, max-age=3600"}, 0),
        ({"cache-control": "max-age=-1"}, 0),
        ({"cache-control": "max-age=99999999999999999999"}, 100_000_000),
        ({"expires": "Thu, 20 Mar 2025 04:00:00 GMT", "date": "Thu, 20 Mar 2025 03:00:00 GMT"}, 3600),
        ({"expires": "0"}, 0),
        ({"expires": "Thu, 20 Mar 2020 04:00:00 GMT", "date": "nonsense"}, 0),
    ],
)
def test_how_long_an_answer_stays_fresh(headers, seconds):
    assert timedelta(seconds=seconds) == freshness(headers, at(20, 10))


def test_a_replayed_month_is_polled_rarely_and_news_are_here_within_the_hour():
    """Two articles each working day; beside a poll each half hour there are half the requests, or fewer."""
    published = sorted(
        at(1) + timedelta(days=day, hours=hour, minutes=(day * 17 + hour * 7) % 60)
        for day in range(30)
        for hour in (9, 15)
        if (at(1) + timedelta(days=day)).astimezone(ZONE).weekday() < 5
    )
    now, polls, delays = at(10), 0, []
    seen = [time for time in published if time < now]
    while now < at(31):
        polls += 1
        news = [time for time in published if time <= now and time not in seen]
        delays += [now - time for time in news]
        seen += news
        rhythm = rhythm_of([(time, "minute") for time in seen[-20:]], now, HOURS)
        now = next_poll_at(now, rhythm, HOURS, shortest=SHORTEST, longest=LONGEST, key="haitang")
    assert polls <= 21 * 48 / 2
    assert sorted(delays)[int(len(delays) * 0.9)] <= timedelta(minutes=66)


@pytest.mark.parametrize("fixed", [DAY, timedelta(minutes=5)])
def test_the_rest_of_a_catch_up_does_not_wait_for_a_fixed_interval(fixed):
    assert about(min(fixed, SHORTEST), pause(at(20, 10), DAILY, fixed=fixed, more_waits=True))
    assert fixed == pause(at(20, 10), DAILY, fixed=fixed)
