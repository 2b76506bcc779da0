"""When readers want their digest into the newest edition that is theirs by now. Knows no database and no reader's name.

A reader gets one edition for each of his days (or weeks), whatever summer time does to his clock or to ours, and of
several that he has missed the newest alone.
"""

from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aggregator.model import Appointment, Slot
from aggregator.publish.digest import digest_address, period_bounds


def newest(appointment: Appointment, now: datetime, site: ZoneInfo, grace: timedelta) -> Slot | None:
    """What has fallen due last by *now*; None: nothing has for as long as any reader waits.

    The edition is of the day (or ISO week) of the *site* that ended last before the hour, and due at that hour, or
    *grace* after the edition's end where that is later.
    """
    zone = _zone(appointment.timezone, site)
    today = now.astimezone(zone).date()
    # how many days the site's calendar is ahead at that hour, by winter time: in summer time it would skip a day
    hour = timedelta(hours=appointment.hour)
    ahead = (hour - _winter(zone, now) + _winter(site, now)) // timedelta(days=1)
    is_weekly = appointment.period == "weekly"
    for back in range(16 if is_weekly else 4):
        day = today - timedelta(days=back)
        if is_weekly and day.weekday() != appointment.weekday:
            continue
        before = day + timedelta(days=ahead) - timedelta(days=7 if is_weekly else 1)
        _, end = period_bounds("week" if is_weekly else "day", before, site)
        at = max(datetime.combine(day, time(appointment.hour), tzinfo=zone), end + grace)
        if at <= now:
            return Slot(digest_address("week" if is_weekly else "day", before), at.astimezone(now.tzinfo))
    return None


def _winter(zone: ZoneInfo, now: datetime) -> timedelta:
    local = now.astimezone(zone)
    return (local.utcoffset() or timedelta(0)) - (local.dst() or timedelta(0))


@lru_cache(maxsize=1000)
def _zone(name: str, site: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the names change with the years: nobody goes without mail
        return site
