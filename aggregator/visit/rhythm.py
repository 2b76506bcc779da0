"""When a source is polled next: its own rhythm, what its server asks for, and how long it has failed.

Pure: times and numbers in, a time out. Knows no source and no clock.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from itertools import chain, count, pairwise
from statistics import median
from zoneinfo import ZoneInfo

from aggregator.model import SHANGHAI, Precision, Rhythm

DAY, WEEK = timedelta(days=1), timedelta(days=7)
# expected entries at which a look is worth it: half of the looks then bring something
WORTH_A_LOOK = 0.5
# in working hours a source with fresh news is asked this often, so that nine articles in ten are here within the hour
FRESH = timedelta(hours=1)
# as a sleeping source's silence grows, it is asked after this part of it (counted in working time)
OF_SILENCE = 0.1
# share of a university's news in working hours, as long as the source itself says too little: so many items' worth
USUAL_SHARE, USUAL_ITEMS = 0.9, 10
# longest pause after failures: a source is never given up
MAX_BACKOFF = timedelta(days=3)
# silences on a page that tell how long one may last; fewer say nothing
ENOUGH_GAPS = 4
# first and last day: winter vacation around the Spring Festival (its date moves by a month), Labour Day, summer
# vacation, National Day. What a university publishes in them says as little of its rhythm as their silence.
VACATIONS = (((1, 8), (3, 1)), ((5, 1), (5, 5)), ((7, 3), (9, 3)), ((10, 1), (10, 8)))


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Monday to Friday, from *first* to *last* minute of the day, in *zone*."""

    first: int
    last: int
    zone: ZoneInfo

    @classmethod
    @lru_cache(maxsize=64)
    def parse(cls, text: str, zone: ZoneInfo) -> "WorkingHours":
        """Of ``08:00-18:00``, as the setting schedule.working_hours has it."""
        first, last = (int(hour) * 60 + int(minute) for hour, minute in (one.split(":") for one in text.split("-")))
        return cls(first, last, zone)

    def hold(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        return local.weekday() < 5 and self.first <= local.hour * 60 + local.minute < self.last

    def stretch(self, at: datetime) -> tuple[bool, datetime]:
        """Whether *at* is working time, and the first opening, closing or midnight after it: until then it stays so."""
        local = at.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        is_working = local.weekday() < 5 and self.first <= minute < self.last
        edge = self.first if minute < self.first else self.last if minute < self.last else 24 * 60
        return is_working, at + timedelta(minutes=edge - minute, seconds=-local.second, microseconds=-local.microsecond)

    @property
    def share_of_week(self) -> float:
        return 5 * (self.last - self.first) / (7 * 24 * 60)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two times."""
        return max(self._until(end) - self._until(start), timedelta(0))

    def _until(self, at: datetime) -> timedelta:
        """The working time of all days until *at*, counted from the first of January in the year 1, a Monday."""
        local = at.astimezone(self.zone)
        weeks, day = divmod(local.toordinal() - 1, 7)
        whole = timedelta(minutes=self.last - self.first)
        today = timedelta(0)
        if day < 5:
            clock = timedelta(
                hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            today = min(max(clock - timedelta(minutes=self.first), timedelta(0)), whole)
        return (weeks * 5 + min(day, 5)) * whole + today


def rhythm_of(
    published: Sequence[tuple[datetime, Precision | None]], now: datetime, hours: WorkingHours
) -> Rhythm | None:
    """The rhythm of the items on a page; None where none is dated.

    The rate comes from the median age (half of the items are younger): a pinned item of last year does not count.
    An item dated to the day tells its weekday only, and counts as published in the usual hours of it.
    """
    past = [(min(time, now), precision) for time, precision in published]
    if not past:
        return None
    middle = median((now - time) / DAY for time, _ in past)
    working = 0.0
    for time, precision in past:
        if precision == "minute":
            working += hours.hold(time)
        else:
            working += USUAL_SHARE if time.astimezone(hours.zone).weekday() < 5 else 0.0
    share = (working + USUAL_SHARE * USUAL_ITEMS) / (len(past) + USUAL_ITEMS)
    return Rhythm(max(time for time, _ in past), len(past) / 2 / max(middle, 1 / 24), share)


def term_days(start: datetime, end: datetime) -> float:
    """How many days of term lie between two times: all but the VACATIONS of Chinese universities."""
    begin, over = start.timestamp(), end.timestamp()
    seconds = over - begin
    for year in range(start.year, end.year + 1):
        for first, last in _vacations(year):
            seconds -= max(min(over, last) - max(begin, first), 0)
    return max(seconds, 0) / DAY.total_seconds()


def after_term(start: datetime, days: float) -> datetime:
    """When so many days of term have passed since *start*."""
    now, left = start.timestamp(), days * DAY.total_seconds()
    for first, last in chain.from_iterable(map(_vacations, count(start.year))):
        if last <= now:
            continue
        free = max(first - now, 0)
        if left <= free:
            break
        now, left = last, left - free
    return datetime.fromtimestamp(now + left, UTC)


@cache
def _vacations(year: int) -> list[tuple[float, float]]:
    """When the vacations of *year* begin and when they are over, in seconds since 1970."""
    return [
        (
            datetime(year, *first, tzinfo=SHANGHAI).timestamp(),
            (datetime(year, *last, tzinfo=SHANGHAI) + DAY).timestamp(),
        )
        for first, last in VACATIONS
    ]


def longest_gap(times: Sequence[datetime]) -> float | None:
    """The longest silence between two of *times*, in days of term; None where fewer than ENOUGH_GAPS testify.

    With the entries of a year among them it knows a source's seasons.

    Of the newest three quarters only: an old item pinned to the top of a list must not stretch its rhythm.
    """
    newest = sorted(times, reverse=True)[: max(round(len(times) * 0.75), ENOUGH_GAPS + 1)]
    gaps = sorted(pairwise(newest), key=lambda gap: gap[0] - gap[1], reverse=True)
    if len(gaps) < ENOUGH_GAPS:
        return None
    longest = 0.0
    for later, earlier in gaps:
        if (later - earlier) / DAY <= longest:
            break  # nor has it, or any after it, more days of term
        longest = max(longest, term_days(earlier, later))
    return longest


def next_poll_at(
    polled_at: datetime,
    rhythm: Rhythm | None,
    hours: WorkingHours,
    *,
    shortest: timedelta,
    longest: timedelta,
    key: str,
    fixed: timedelta | None = None,
    failures: int = 0,
    more_waits: bool = False,
    fresh_for: timedelta = timedelta(0),
    retry_after: timedelta | None = None,
    is_gone: bool = False,
) -> datetime:
    """When the source called *key* is polled again.

    A look falls due when its urgency, summed up over time, reaches 1. Urgency grows by, whichever is more,

    - the entries to be expected by then over WORTH_A_LOOK: the source's entries a day, told apart by working hours and
      the rest of the week (entry frequency as Miniflux and CommaFeed use it, with the hours they leave out), and
    - in working hours the time over the tolerated age: an hour while news are fresh, OF_SILENCE of the working time
      since the newest entry once they are not; outside of them the time over *longest*.

    The pause is at least *shortest* and what the server asks for (*fresh_for*: Cache-Control and Expires, RFC 9111 §5.2
    and §5.3; ttl of RSS 2.0; sy:updatePeriod of RSS 1.0), at most *longest*. *fixed*: after exactly that. *more_waits*:
    something is left to read, after *shortest*, or *fixed* if that is sooner.

    Failures: *shortest* doubled with each one in a row, at most MAX_BACKOFF, for ever; at once that for a page that is
    gone for good (410). *retry_after* (RFC 9110 §10.2.3) is waited for in any case.

    Up to a tenth is added, fixed by *key* and time, so that sources that began together drift apart.
    """
    if failures:
        limit = max(MAX_BACKOFF, shortest)
        pause = limit if is_gone else min(shortest * (1 << min(failures - 1, 20)), limit)
    elif fixed is not None and not (more_waits and shortest < fixed):
        return polled_at + fixed
    elif more_waits:
        pause = shortest
    else:
        pause = min(max(_pause(polled_at, rhythm, hours, longest), shortest, fresh_for), longest)
    drift = zlib.crc32(f"{key} {polled_at.isoformat()}".encode()) / 2**32
    return polled_at + max(pause * (1 + drift / 10), retry_after or timedelta(0))


def longest_pause(longest: timedelta, fixed: Iterable[timedelta] = ()) -> timedelta:
    """The longest that ``next_poll_at`` ever gives, where sources have these *fixed* intervals."""
    return max(longest, MAX_BACKOFF, *fixed) * 1.1


def _pause(polled_at: datetime, rhythm: Rhythm | None, hours: WorkingHours, longest: timedelta) -> timedelta:
    """Walk from *polled_at* until the urgency of a look reaches 1, at most *longest*."""
    if rhythm is None:
        return longest
    week = rhythm.per_day * 7  # entries
    working = week * rhythm.working_share / (hours.share_of_week * WEEK.total_seconds())
    resting = week * (1 - rhythm.working_share) / ((1 - hours.share_of_week) * WEEK.total_seconds())
    silence = hours.between(rhythm.newest, polled_at)
    tolerated = max(FRESH, silence * OF_SILENCE)
    urgency_at_work = max(working / WORTH_A_LOOK, 1 / tolerated.total_seconds())
    urgency_at_rest = max(resting / WORTH_A_LOOK, 1 / longest.total_seconds())
    at, end, urgency = polled_at, polled_at + longest, 0.0
    while at < end:
        is_working, edge = hours.stretch(at)
        rate = urgency_at_work if is_working else urgency_at_rest
        grown = urgency + rate * (min(edge, end) - at).total_seconds()
        if grown >= 1:
            return at - polled_at + timedelta(seconds=(1 - urgency) / rate)
        at, urgency = edge, grown
    return longest


def freshness(headers: Mapping[str, str], now: datetime) -> timedelta:
    """How long an answer says that it stays fresh (RFC 9111 §4.2.1); zero where it says nothing usable."""
    control = {
        name.strip().lower(): value.strip(' "')
        for name, _, value in (part.partition("=") for part in headers.get("cache-control", "").split(","))
    }
    if "no-cache" in control or "no-store" in control:
        return timedelta(0)
    if control.get("max-age", "").isdecimal():
        age = headers.get("age", "")
        spent = int(age[:9]) if age.isdecimal() else 0
        return timedelta(seconds=max(min(int(control["max-age"][:9]), 10**8) - spent, 0))
    expires, date = _http_date(headers.get("expires")), _http_date(headers.get("date")) or now
    return max(expires - date, timedelta(0)) if expires else timedelta(0)


def _http_date(text: str | None) -> datetime | None:
    """A date of RFC 9110 §5.6.7; None for none, and for ``0`` and ``-1``, which mean already stale."""
    try:
        return parsedate_to_datetime(text or "").replace(tzinfo=UTC)
    except ValueError:
        return None
