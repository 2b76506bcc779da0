"""The state of a source from its row and polls, told on a calendar: 2025-03-21 is a Friday in term."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.health import health, is_settled, judged, silence_of
from aggregator.model import Break, Poll, Source, SourceRef, Visit
from aggregator.visit.rhythm import WorkingHours, term_days
from tests.university import NOW

DAY = timedelta(days=1)
HOURS = WorkingHours.parse("08:00-18:00", ZoneInfo("Asia/Shanghai"))


def source(**fields):
    values = {"enabled": True, "failures": 0, "polled_at": NOW, "news_at": NOW - DAY, "newest": NOW - DAY}
    return Source(name="x", site="x", university="x", title="x", url="x", next_poll_at=NOW, **values | fields)


def poll(outcome="unchanged", **fields):
    return Poll(source_id=1, polled_at=NOW, outcome=outcome, **fields)


def silent(days, gap, **fields):
    """A source that published last so many *days* ago, with *gap* days of term before each of its latest entries."""
    last = NOW - days * DAY
    dates = [last]
    while gap and len(dates) < 12:
        earlier = dates[-1] - gap * DAY
        while term_days(earlier, dates[-1]) < gap:
            earlier -= DAY / 4
        dates.append(earlier)
    silence = silence_of(dates if gap else [], [], len(dates), last)
    return source(newest=last, news_at=last, quiet_at=silence.quiet_at, stale_at=silence.stale_at, **fields)


@pytest.mark.parametrize(
    ("expected", "one", "polls"),
    [
        (("off", None), source(enabled=False), [poll()]),
        (("new", None), source(polled_at=None, news_at=None, newest=None), []),
        (("working", None), source(), [poll()]),
        (("failing", "timeout"), source(failures=2, strikes=2, fault="timeout"), [poll("failed", fault="timeout")]),
        (("broken", "redesigned"), source(failures=3, strikes=3, fault="redesigned"), [poll("failed")]),
        (("broken", "shape"), source(strikes=3, fault="shape"), [poll(message="3 items where it had 20")]),
        (("gone", "gone"), source(failures=1, strikes=1, fault="gone"), [poll("failed")]),
        # as an older version of the program recorded them
        (("broken", "redesigned"), source(failures=3), [poll("failed", cause="parse")]),
        (("failing", "blocked"), source(failures=1), [poll("failed", cause="status", status=403)]),
        (("failing", "server"), source(failures=1), [poll("failed", cause="status", status=503)]),
        (("gone", "gone"), source(failures=1), [poll("failed", cause="status", status=410)]),
        (("broken", "dns"), source(failures=9), [poll("failed", cause="dns")]),
    ],
)
def test_the_polls_tell_the_state(expected, one, polls):
    verdict = health(one, polls, NOW)

    assert expected == (verdict.state, verdict.cause)


@pytest.mark.parametrize(
    ("expected", "one"),
    [
        ("working", silent(6, gap=3)),  # a daily one after a quiet week
        ("quiet", silent(12, gap=3)),
        ("quiet", silent(65, gap=3)),  # since 15 January: winter vacation
        ("stale", silent(100, gap=3)),
        ("working", silent(30, gap=120)),  # twice a year
        ("quiet", silent(250, gap=120)),
        ("stale", silent(700, gap=120)),
        ("working", silent(40, gap=None)),  # too few dates to tell
        ("stale", silent(300, gap=None)),
        ("working", source(newest=NOW - 900 * DAY)),  # nothing tells yet
    ],
)
def test_silence_is_measured_by_the_source_itself(expected, one):
    assert expected == health(one, [poll()], NOW).state


def test_vacations_are_no_silence():
    summer = datetime(2025, 7, 4, tzinfo=UTC), datetime(2025, 9, 3, tzinfo=UTC)

    assert 0 == term_days(*summer)
    assert pytest.approx(20) == term_days(datetime(2025, 3, 2, tzinfo=UTC), datetime(2025, 3, 22, tzinfo=UTC))
    assert pytest.approx(365 - 53 - 5 - 63 - 8) == term_days(
        datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    )


def days_until(silence, last=NOW):
    """(days of term until quiet, until stale)"""
    return round(term_days(last, silence.quiet_at)), round(term_days(last, silence.stale_at))


def daily(start, count):
    return [NOW - day * DAY for day in range(start, start + count)]


@pytest.mark.parametrize(
    ("dates", "known", "items", "expected"),
    [
        (daily(0, 16), [], 16, (7, 21)),
        ([*daily(0, 15), NOW - 900 * DAY], [], 16, (7, 21)),  # an old item is pinned to the top
        (daily(0, 3), [], 3, (60, 120)),  # three items tell no rhythm
        ([], [], 20, (60, 120)),  # nothing is dated
        ([datetime(1, 1, 1, tzinfo=UTC)] * 9 + [datetime(9999, 12, 31, tzinfo=UTC)], [], 10, (365, 365)),  # nonsense
        ([NOW - 900 * DAY], [], 20, (60, 120)),  # but one pinned item
        (daily(0, 20), daily(160, 20), 20, (88, 352)),  # followed through a season: winter is its habit
    ],
)
def test_a_source_tells_how_long_it_may_be_silent(dates, known, items, expected):
    assert expected == days_until(silence_of(dates, known, items, NOW))


def test_an_old_column_is_old_on_the_day_it_is_added():
    silence = silence_of(daily(900, 20), [], 20, NOW)

    assert silence.stale_at < NOW
    first = Visit(source_id=1, polled_at=NOW, next_poll_at=NOW, silence=silence)
    judgement = judged(source(polled_at=None), first)
    assert ("stale", None) == (judgement.broken_by, judgement.begun)  # shown, and news to nobody


def test_the_reason_of_a_failure_is_its_message_and_the_advice_says_what_to_do():
    one = source(failures=3, strikes=3, fault="redesigned")

    verdict = health(one, [poll("failed", message="no items at http://x/")], NOW)

    assert "no items at http://x/ (failed 3 times in a row)" == verdict.reason
    assert verdict.advice.startswith("open the page")
    assert verdict.is_bad


def test_articles_that_fail_are_the_reason_of_a_working_list():
    verdict = health(source(), [poll("new", items=8, message="http://x/1 answered 404")], NOW)

    assert ("working", "http://x/1 answered 404") == (verdict.state, verdict.reason)


# ------------------------------------------------------------ breaks


def visits(one, *faults):
    """The visits to *one* that meet *faults*, each judged on what the ones before it taught."""
    judgements = []
    for number, fault in enumerate(faults):
        failed = {"cause": "timeout", "failures": one.failures + 1} if fault not in (None, "shape") else {}
        visit = Visit(source_id=1, polled_at=NOW + number * DAY, next_poll_at=NOW, fault=fault, message="why", **failed)
        visit = judged(one, visit)
        one = source(
            failures=visit.failures, strikes=visit.strikes, fault=visit.fault, broken_by=visit.broken_by,
            newest=one.newest, news_at=one.news_at,
        )  # fmt: skip
        judgements.append(visit)
    return judgements


def told(judgements):
    return ["begins" if one.begun else "ends" if one.ended else "lasts" if one.broken_by else "" for one in judgements]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([None, None], ["", ""]),
        (["timeout", None, "timeout", "dns", None], [""] * 5),  # weather
        (["timeout"] * 4 + [None], ["", "", "begins", "lasts", "ends"]),
        (["shape", "shape", "shape", None], ["", "", "begins", "ends"]),
        (["gone", "gone", None], ["begins", "lasts", "ends"]),
        (["server", "timeout", "blocked", "blocked", None, "timeout"], ["", "", "begins", "lasts", "ends", ""]),
    ],
)
def test_a_break_begins_and_ends_once(faults, expected):
    assert expected == told(visits(source(), *faults))


@pytest.mark.parametrize("struck", [{}, {"strikes": 2, "fault": "timeout"}, {"strikes": 5, "broken_by": "timeout"}])
def test_a_network_of_ours_that_is_down_says_nothing_of_a_source(struck):
    one = silent(100, gap=3, **struck)

    visit = judged(one, Visit(source_id=1, polled_at=NOW, next_poll_at=NOW, cause="offline", message="down"))

    assert (one.strikes, one.fault, one.broken_by) == (visit.strikes, visit.fault, visit.broken_by)
    assert (None, None, False) == (visit.met, visit.begun, visit.ended)


def test_silence_is_a_break_too_and_news_end_it():
    one = silent(100, gap=3)
    nothing = Visit(source_id=1, polled_at=NOW, next_poll_at=NOW)

    begun = judged(one, nothing)
    assert ("stale", "stale") == (begun.begun.cause, begun.broken_by)
    assert "nothing new since 2024-12-11" in begun.begun.reason

    one.broken_by = "stale"
    assert "lasts" == told([judged(one, nothing)])[0]
    assert "lasts" == told([judged(one, replace(nothing, fault="timeout"))])[0]
    news = replace(nothing, silence=silence_of(daily(0, 20), [], 20, NOW))
    assert judged(one, news).ended


def test_a_source_that_is_well_again_but_silent_begins_another_break():
    one = silent(100, gap=3, strikes=4, fault="timeout", broken_by="timeout")

    judgement = judged(one, Visit(source_id=1, polled_at=NOW, next_poll_at=NOW))

    assert (True, "stale", "stale") == (judgement.ended, judgement.begun.cause, judgement.broken_by)


@pytest.mark.parametrize(
    ("began", "seen", "expected"),
    [
        (datetime(2025, 3, 21, 12, tzinfo=UTC), datetime(2025, 3, 24, 0, tzinfo=UTC), False),  # from Friday 20:00
        (datetime(2025, 3, 21, 12, tzinfo=UTC), datetime(2025, 3, 24, 4, tzinfo=UTC), True),  # to Monday noon
        (datetime(2025, 3, 19, 15, tzinfo=UTC), datetime(2025, 3, 19, 23, tzinfo=UTC), False),  # one night
        (datetime(2025, 3, 19, 2, tzinfo=UTC), datetime(2025, 3, 19, 6, tzinfo=UTC), True),  # a working day
    ],
)
def test_a_break_is_settled_after_hours_of_work(began, seen, expected):
    one = Break(1, SourceRef("x", "x", "x", "x"), began, seen, "timeout", "why", None)

    assert expected == is_settled(one, HOURS, timedelta(hours=4))


def test_a_source_never_read_while_our_own_network_is_down_is_new():
    verdict = health(source(fetched_at=None), [poll("failed", cause="offline", message="our own network")], NOW)

    assert ("new", "never read yet: our own network") == (verdict.state, verdict.reason)
