"""Sixty sources through a simulated year of weather, holidays and bursts: nobody is alarmed for nothing.

Sources are made up, their times drawn from seeded generators; the judging, the pauses and the settling are the
program's own. Calling a source stale counts as a false alarm while it keeps its rhythm.
"""

from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from aggregator.health import is_settled, judged, silence_of
from aggregator.model import Break, SourceRef, Visit
from aggregator.visit.rhythm import WorkingHours, next_poll_at, term_days

ZONE = ZoneInfo("Asia/Shanghai")
HOURS = WorkingHours.parse("08:00-18:00", ZONE)
SETTLE = timedelta(hours=4)  # as the setting has it
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HISTORY, START, END, NEXT = (datetime(year, 3, 1, tzinfo=ZONE) for year in (2020, 2024, 2025, 2026))
PAGE, KNOWN = 20, 200  # items on it, and entries that are remembered

ALL = range(1, 13)
# what a source is: (how many of them, entries a day of term, months in which it publishes, entries at once at most)
KINDS = {
    "busy": (10, 6.0, ALL, 1),
    "daily": (14, 1.0, ALL, 1),
    "twice a week": (12, 0.3, ALL, 1),
    "weekly in bursts": (8, 0.15, ALL, 5),
    "monthly": (6, 0.035, ALL, 1),
    "seasonal": (3, 0.5, (4, 5, 6, 9, 10), 2),  # admissions
    "twice a year": (3, 0.07, (3, 9), 3),
    "undated": (4, 0.5, ALL, 1),
}


def published(random, kind, end):
    """When a source publishes, through the years: less on weekends, hardly anything in vacations."""
    _, rate, months, at_once = KINDS[kind]
    times, day = [], HISTORY
    while day < end:
        share = 1.0 if day.weekday() < 5 else 0.1
        share *= 1.0 if term_days(day, day + DAY) else 0.05
        expected = rate * share * (day.month in months)
        while random.random() < expected:
            moment = day + timedelta(hours=random.uniform(8, 18))
            times += [moment + timedelta(minutes=n) for n in range(random.randint(1, at_once))]
            expected -= 1
        day += DAY
    return sorted(times)


def weather(random, end):
    """The spans in which a source cannot be read, though nothing is wrong with it, and what each looks like."""
    spans, day = [], START
    while day < end:
        if random.random() < 1 / 45:  # a night of maintenance
            spans.append((day + 22 * HOUR, day + 31 * HOUR, "server"))
        if day.weekday() == 4 and random.random() < 1 / 20:  # a weekend of maintenance
            spans.append((day + 18 * HOUR, day + 3 * DAY + 7.5 * HOUR, random.choice(["connect", "timeout"])))
        if random.random() < 1 / 30:  # a name server hiccups
            begin = day + random.uniform(0, 23) * HOUR
            spans.append((begin, begin + random.uniform(0.1, 1) * HOUR, "dns"))
        if random.random() < 1 / 30:  # a server is restarted, or a firewall is nervous, in the middle of the day
            begin = day + random.uniform(8, 18) * HOUR
            spans.append(
                (begin, begin + random.uniform(0.2, 2.5) * HOUR, random.choice(["server", "blocked", "moved"]))
            )
        day += DAY
    return spans


def year(seed, kind, silent_from=None, end=END):
    """(the breaks that would be told of one source, how often it was polled)"""
    random = Random(seed)
    times = published(random, kind, end)
    if silent_from:
        times = [time for time in times if time < silent_from]
    spans = weather(random, end)
    is_daily_dated = random.random() < 0.7
    pinned = random.random() < 0.3
    row = SimpleNamespace(
        polled_at=None, strikes=0, failures=0, fault=None, broken_by=None, newest=None, news_at=None, stale_at=None
    )
    first = bisect_right(times, START)
    begun, told, polls, seen, now = None, [], 0, 0, START + random.uniform(0, 6) * HOUR
    while now < end:
        polls += 1
        fault = next((fault for first, last, fault in spans if first <= now < last), None)
        fault = fault or (random.choice(["timeout", "connect", "server"]) if random.random() < 0.01 else None)
        visit = Visit(
            source_id=1, polled_at=now, next_poll_at=now, fault=fault, failures=row.failures + 1 if fault else 0
        )
        count = bisect_right(times, now)
        if fault is None and count > seen:
            page = times[max(count - PAGE, 0) : count]
            dates = [midnight(time) if is_daily_dated else time for time in page] + [now - 900 * DAY] * pinned
            known = times[max(first - PAGE, count - KNOWN, 0) : count]
            silence = silence_of([] if kind == "undated" else dates, known, len(dates), now)
            visit = Visit(source_id=1, polled_at=now, next_poll_at=now, entries=("new",), silence=silence)
            seen = count
        visit = judged(row, visit)
        begun = None if visit.ended else begun
        if visit.begun:
            begun = Break(1, SourceRef("", "", "", ""), now, now, visit.begun.cause, visit.begun.reason, None)
        if begun and is_settled(replace(begun, seen_at=now), HOURS, SETTLE):
            told.append((begun, now))
            begun = None
        row.polled_at = now
        row.strikes, row.failures, row.fault, row.broken_by = (
            visit.strikes,
            visit.failures,
            visit.fault,
            visit.broken_by,
        )
        row.stale_at = visit.silence.stale_at if visit.silence else row.stale_at
        now = next_poll_at(
            now, None, HOURS, shortest=HOUR / 4, longest=6 * HOUR, key=str(seed), failures=visit.failures
        )
    return told, polls


def midnight(time):
    return time.replace(hour=0, minute=0)


@pytest.mark.slow
def test_fewer_than_one_false_alarm_in_a_hundred_source_months():
    alarms = Counter()
    sources = [(seed, kind) for kind, (number, *_) in KINDS.items() for seed in range(number)]
    for seed, kind in sources:
        told, polls = year(seed, kind)
        assert polls > 1000
        alarms.update(f"{kind}: {one.cause}" for one, _ in told)

    months = 12 * len(sources)
    assert months >= 500
    assert alarms.total() < months / 100, alarms


def test_a_season_is_known_after_a_year():
    """No page of twenty items tells that a source sleeps from November to March; the entries of a year do."""
    for seed in range(3):
        told, _ = year(seed, "seasonal", end=NEXT)

        assert [] == [at for one, at in told if one.cause == "stale" and at >= END]


@pytest.mark.parametrize(
    ("kind", "within"), [("busy", 30), ("daily", 30), ("twice a week", 90), ("weekly in bursts", 120), ("undated", 180)]
)
def test_a_column_that_died_is_stale_in_time(kind, within):
    """*within* days of term: those that follow are weeks of one."""
    died = datetime(2024, 3, 20, tzinfo=ZONE)
    for seed in range(8):
        told, _ = year(seed, kind, silent_from=died)

        (stale,) = [at for one, at in told if one.cause == "stale"]
        assert term_days(died, stale) < within
