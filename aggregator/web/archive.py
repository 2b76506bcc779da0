"""The archive: all months, the days of a month, the entries of a day. Endpoints of the pages' blueprint.

Knows no HTML: what a page looks like stands in templates/.
"""

from calendar import Calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from flask import render_template, request

from aggregator.errors import NotFound
from aggregator.query import Selection
from aggregator.store.entries import Cursor
from aggregator.web.asking import every_asked, first_length
from aggregator.web.pages import LIST_LENGTH, Page, blueprint, by_day, midnight
from aggregator.web.service import service
from aggregator.web.stored import kept_until_news

OLDEST_YEAR = 1900  # before it there is no year in the overview; its days have pages all the same
DAY = timedelta(days=1)


@blueprint.get("/archive/")
@kept_until_news
def archive() -> str:
    """All years and months with their counts."""
    return render_template("archive.html", years=_years(), today=service().today)


@blueprint.get("/archive/<int(fixed_digits=4):year>/<int(fixed_digits=2):month>/")
@kept_until_news
def month(year: int, month: int) -> str:
    first = _date(year, month, 1)
    end = _month_after(first)
    weeks = Calendar().monthdatescalendar(year, month)
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    counts = dict(zip(days, _counts([*days, end]), strict=True))
    earlier, later = _around(first, end)
    return render_template(
        "month.html",
        first=first,
        weeks=weeks,
        counts=counts,
        earlier=earlier and earlier.replace(day=1),
        later=later and later.replace(day=1),
        today=None if service().is_static else service().today,
    )


@blueprint.get("/archive/<int(fixed_digits=4):year>/<int(fixed_digits=2):month>/<int(fixed_digits=2):day>/")
@kept_until_news
def day(year: int, month: int, day: int) -> str:
    here = service()
    first = _date(year, month, day)
    begin, end = midnight(first), midnight(first + DAY)
    is_first = "before" not in request.args
    before = Cursor(int(end.timestamp()), 0) if is_first else Cursor.parse(request.args["before"])
    length = first_length(LIST_LENGTH) if is_first else LIST_LENGTH
    every = every_asked()
    entries = here.store.entries.newest(length + 1, Selection(every=every), before=before)
    entries = [one for one in entries if begin.timestamp() <= one.sort < end.timestamp()]
    more, entries = len(entries) > length, entries[:length]
    older = Cursor(entries[-1].sort, entries[-1].id) if more else None
    (count,) = here.store.counts.between([begin, end])
    earlier, later = _around(first, first + DAY)
    return render_template(
        "day.html",
        day=first,
        count=count,
        page=Page(by_day(entries), older, is_first, every),
        earlier=earlier,
        later=later,
    )


def _years() -> list[tuple[int, list[int]]]:
    """(year, entries of each of its months) of every year that has news, the newest first."""
    here = service()
    first_at = here.store.archive.first_at()
    if first_at is None:
        return []
    first = max(first_at.astimezone(here.settings.zone).year, OLDEST_YEAR)
    counted = [
        (year, _counts([date(year, number, 1) for number in range(1, 13)] + [date(year + 1, 1, 1)]))
        for year in range(here.today.year, first - 1, -1)
    ]
    return [(year, counts) for year, counts in counted if any(counts)]


def _counts(bounds: Sequence[date]) -> list[int]:
    return service().store.counts.between([midnight(day) for day in bounds])


def _around(first: date, end: date) -> tuple[date | None, date | None]:
    """The nearest days with news before *first*, and from *end* on."""
    here = service()
    found = here.store.archive.before(midnight(first)), here.store.archive.since(midnight(end))
    earlier, later = (at and _day_of(at) for at in found)
    return earlier, later


def _day_of(at: datetime) -> date:
    return at.astimezone(service().settings.zone).date()


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _date(year: int, month: int, day: int) -> date:
    """Raises NotFound for a day that no calendar has, and for years at its ends, which have no day before or after."""
    try:
        found = date(year, month, day)
    except ValueError as error:
        raise NotFound(f"there is no day {year}-{month}-{day}") from error
    if not OLDEST_YEAR <= year < 9999:
        raise NotFound(f"there is no archive of {year}")
    return found
