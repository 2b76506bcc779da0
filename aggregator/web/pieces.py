"""A feed's entries in documents of some size: the newest, older ones page by page, and archives (RFC 5005 §3, §4).

Knows no format. A month that is over is an archive, a day where its month holds too much or is the newest: readers keep
archives and ask for them no more. What is over is told by the newest entry, not by a clock, as all of a document is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from aggregator.errors import NotFound
from aggregator.model import FullEntry
from aggregator.publish.digest import Period, digest_address, parse_address, period_bounds
from aggregator.query import Selection
from aggregator.question import parse
from aggregator.store.entries import Cursor
from aggregator.web.asking import first_length
from aggregator.web.service import service

LENGTH = 50  # entries in one document
ARCHIVE_LENGTH = 500  # entries of a month that is one archive
LONGEST = 100_000  # entries of a day: no limit that news could reach

NEWEST: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Piece:
    """Entries, newest first, and where the others are: relation -> parameters of the feed's address."""

    entries: list[FullEntry]
    paging: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_archive: bool = False
    is_complete: bool = False


def newest(selection: Selection) -> Piece:
    """The document that readers subscribe to."""
    entries, older = _page(selection, None)
    if not older:
        return Piece(entries, is_complete=not selection.words)
    if selection.words:
        return Piece(entries, _around(selection, older))
    archive = _archive_of(selection, service().day_of(entries[-1].sort), service().day_of(entries[0].sort))
    return Piece(entries, {**_around(selection, older), "prev-archive": {"archive": archive}})


def before(selection: Selection, place: str) -> Piece:
    """The page of what is older than *place*, a Cursor; raises NotFound."""
    entries, older = _page(selection, place or "-")
    return Piece(entries, _around(selection, older))


def archive(selection: Selection, name: str) -> Piece | str:
    """The archive called *name*, a month or a day; another name where that month is kept in days. Raises NotFound.

    The newest day has one, which grows: a feed leads there only where its newest entries are all of that day.
    """
    period, first = parse_address(name)
    if period == "week" or selection.words:
        raise NotFound("archives are months and days of all entries, a tag, a source, a university")
    start, end = period_bounds(period, first, service().settings.zone)
    latest = next((service().day_of(one.sort) for one in service().store.entries.newest(1, selection)), None)
    if latest is None or first > latest:
        raise NotFound(f"there is no archive of {name} yet")
    if period == "month" and _is_month_of(first, latest):
        return digest_address("day", latest)
    within, most = replace(selection, since=start, until=end), ARCHIVE_LENGTH if period == "month" else LONGEST
    entries = service().store.entries.newest(most + 1, within, bodies=True)
    if len(entries) > ARCHIVE_LENGTH and period == "month":
        return digest_address("day", service().day_of(entries[0].sort))
    paging: dict[str, Mapping[str, str]] = {"current": NEWEST}
    former = service().store.entries.newest(1, selection, before=Cursor(int(start.timestamp()), 0))
    if former:
        paging["prev-archive"] = {"archive": _archive_of(selection, service().day_of(former[0].sort), latest)}
    later = service().store.entries.oldest(1, replace(selection, since=end))
    if later and (next_day := service().day_of(later[0].sort)) < latest:
        paging["next-archive"] = {"archive": _archive_of(selection, next_day, latest)}
    return Piece(entries, paging, is_archive=True)


def _page(selection: Selection, place: str | None) -> tuple[list[FullEntry], str | None]:
    """A document's entries, and the place that older ones follow; None: there are none."""
    here = service()
    if selection.words:
        question = parse(selection.words, here.settings.zone, replace(selection, words=""))
        found = here.store.search.find(question, limit=LENGTH, before=place, bodies=True)
        return found.entries, found.after
    cursor = Cursor.parse(place) if place else None
    length = LENGTH if place else first_length(LENGTH)
    entries = here.store.entries.newest(length + 1, selection, before=cursor, bodies=True)
    more, entries = len(entries) > length, entries[:length]
    return entries, str(Cursor(entries[-1].sort, entries[-1].id)) if more else None


def _around(selection: Selection, older: str | None) -> dict[str, Mapping[str, str]]:
    """RFC 5005 §3; the last page holds the oldest entries."""
    paging: dict[str, Mapping[str, str]] = {"first": NEWEST}
    if older:
        paging["next"] = {"before": older}
    if selection.words:
        return paging  # where a search ends is known when one is there
    oldest = service().store.entries.oldest(LENGTH + 1, selection)
    if len(oldest) > LENGTH:
        paging["last"] = {"before": str(oldest[LENGTH])}
    return paging


def _archive_of(selection: Selection, day: date, latest: date) -> str:
    """The name of the archive in which the entries of *day* are; *latest* is the day of the newest of all."""
    period: Period = "month"
    bounds = period_bounds(period, day, service().settings.zone)
    if _is_month_of(day, latest) or service().store.counts.between(bounds, selection)[0] > ARCHIVE_LENGTH:
        period = "day"
    return digest_address(period, day)


def _is_month_of(day: date, other: date) -> bool:
    return (day.year, day.month) == (other.year, other.month)
