"""Which edition a reader gets when: by the hour, the weekday and the time zone, over summer time and downtime."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from aggregator.mail.due import newest
from aggregator.model import Appointment

SHANGHAI = ZoneInfo("Asia/Shanghai")
GRACE = timedelta(minutes=30)


def at(text, zone="Asia/Shanghai"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def edition(now, period="daily", hour=7, weekday=0, timezone="Asia/Shanghai", site=SHANGHAI):
    found = newest(Appointment(period, hour, weekday, timezone), now, site, GRACE)
    return found.edition


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-21T06:59:59", "2026-11-19"),
        ("2026-11-21T07:00:00", "2026-11-20"),
        ("2026-11-21T23:59:59", "2026-11-20"),
        ("2026-01-01T07:00:00", "2025-12-31"),
    ],
)
def test_a_day_is_due_at_the_readers_hour_of_the_next(now, expected):
    assert expected == edition(at(now))


def test_a_digest_of_midnight_waits_until_the_day_is_complete():
    assert ("2026-11-19", "2026-11-20") == tuple(edition(at(f"2026-11-21T00:{m}:00"), hour=0) for m in ("29", "30"))


@pytest.mark.parametrize(
    ("now", "weekday", "expected"),
    [
        ("2026-11-23T06:59:00", 0, "2026-W46"),  # a Monday
        ("2026-11-23T07:00:00", 0, "2026-W47"),
        ("2026-11-25T07:00:00", 2, "2026-W47"),
        ("2026-11-29T07:00:00", 6, "2026-W47"),
        ("2026-11-29T06:00:00", 6, "2026-W46"),
        ("2027-01-04T07:00:00", 0, "2026-W53"),
    ],
)
def test_a_week_is_due_on_the_readers_weekday(now, weekday, expected):
    assert expected == edition(at(now), "weekly", weekday=weekday)


@pytest.mark.parametrize(
    ("now", "zone", "hour", "expected"),
    [
        ("2026-11-20T20:00:00", "America/New_York", 20, "2026-11-20"),  # in Shanghai it is 09:00 on the 21st
        ("2026-11-20T07:00:00", "America/New_York", 7, "2026-11-19"),
        ("2026-11-21T07:00:00", "Pacific/Auckland", 7, "2026-11-20"),
        ("2026-11-21T07:00:00", "Europe/London", 7, "2026-11-20"),
    ],
)
def test_the_hour_is_the_readers_own(now, zone, hour, expected):
    assert expected == edition(at(now, zone), hour=hour, timezone=zone)


def test_a_time_zone_that_is_no_more_is_the_sites():
    assert "2026-11-20" == edition(at("2026-11-21T07:00:00"), timezone="No/Such_Zone")


@pytest.mark.parametrize(
    ("zone", "site"),
    [
        ("America/New_York", "Asia/Shanghai"),
        ("Europe/London", "Asia/Shanghai"),
        ("Pacific/Kiritimati", "Asia/Shanghai"),
        ("Australia/Lord_Howe", "Europe/Berlin"),
        ("Asia/Shanghai", "America/St_Johns"),
    ],
)
@pytest.mark.parametrize("period", ["daily", "weekly"])
def test_no_edition_is_skipped_or_repeated_in_a_year_at_any_hour(zone, site, period):
    step = timedelta(days=1 if period == "daily" else 7)
    for hour in (0, 2, 11, 12, 16, 23):
        start, seen = datetime(2026, 1, 5, tzinfo=UTC), []
        for quarter in range(0, 370 * 24, 6):
            found = edition(start + timedelta(hours=quarter), period, hour, 3, zone, ZoneInfo(site))
            if not seen or seen[-1] != found:
                seen.append(found)
        days = [datetime.fromisoformat(name if period == "daily" else name + "-1") for name in seen]
        assert {step} == {after - before for before, after in pairwise(days)}, (zone, hour)
