"""What a static site consists of: every file as the question that the app answers with it, and what it was made from.

Lists are cut from their oldest end, so that only their first document changes with a new entry. Knows no file system.
"""

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from aggregator.editions import CORRECTED_HOURS, LATE_DAYS
from aggregator.health import health
from aggregator.publish import FORMATS
from aggregator.publish.digest import Period, digest_address, parse_address, period_bounds
from aggregator.store import Store
from aggregator.store.archive import Line
from aggregator.store.entries import Cursor
from aggregator.store.sources import SourceState
from aggregator.web import pieces, sitemap
from aggregator.web.language import LANGUAGES
from aggregator.web.notices import DIGESTS
from aggregator.web.pages import LIST_LENGTH
from aggregator.web.paths import DIGEST_FORMS
from aggregator.web.render import STATIC
from aggregator.web.service import Service
from aggregator.web.subject import BEGINNING

NOT_FOUND = "404"  # of no endpoint: what a server gives where it has no file
SINGLE_PAGES = (
    "index", "today", "tags", "universities", "sources", "archive", "stories", "revisions", "about", "readers",
)  # fmt: skip
SINGLES = ("ops.favicon", "ops.icon", "ops.manifest", "sitemap.robots", "sitemap.index", "sitemap.pages")
LISTS_OF_FEEDS = ("feeds.feeds_opml", "feeds.sources_opml")
UNUSED = ("search.js",)  # there is no search
PERIODS: tuple[Period, ...] = ("day", "week", "month")
TWICE_CORRECTED = 2 * CORRECTED_HOURS  # by then no edition is to come from what is known


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file to be: what the app answers when it is asked for *endpoint* with *values*.

    It is the same as long as *fact* is; an empty one says nothing. *length* is how much of a list its first document
    holds, *changed_at* when the newest thing in it changed.
    """

    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)
    fact: str = ""
    changed_at: datetime | None = None
    length: int | None = None

    @property
    def key(self) -> str:
        return "\n".join([self.endpoint, *(f"{name}={value}" for name, value in self.values.items())])


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files that change together if at all: none of them has, where *version* is the same. Empty: nobody knows."""

    name: str
    version: str
    sheets: Callable[[], Iterable[Sheet]]


class Plan:
    """All bundles of one moment, by the app's *here*."""

    def __init__(self, here: Service) -> None:
        self._store: Store = here.store
        self._zone = here.settings.zone
        self._day_of = here.day_of
        self._today = here.today
        self._now = here.now()
        # pages in the site's own language have plain addresses
        self._languages = (None, *(code for code in LANGUAGES if code != here.settings.site.language))
        self._versions = here.store.feeds.versions()  # before anything else is read
        self._states = here.store.counts.of_sources()
        self._lines = here.store.archive.lines()
        self._shown = _folded(self._lines)
        self._by_id = {line.id: line for line in self._lines}
        self._of_sources: dict[int, list[Line]] = {}
        for line in self._lines:
            self._of_sources.setdefault(line.source_id, []).append(line)

    @property
    def base(self) -> str:
        """What every file may show: the sources' names and places."""
        named = [(state.ref, state.source.enabled) for state in self._states]
        return hashlib.sha256(repr(named).encode()).hexdigest()

    def bundles(self) -> Iterator[Bundle]:
        everything = self._version("all")
        yield Bundle("singles", "", self._singles)
        yield Bundle("entries", everything, self._entries)
        yield Bundle("stories", everything, self._stories)
        yield Bundle("sitemaps", everything, self._sitemaps)
        yield Bundle("days", f"{everything} {self._today}", self._days)
        yield Bundle("digests", f"{everything} {self._now:%Y-%m-%d %H}", self._digests)
        feed = "feeds.everything"
        yield Bundle("all", everything, lambda: self._documents(feed, {}, self._lines, everything))
        for state in self._states:
            yield self._source(state)
        for name, its in groupby(self._states, lambda state: state.source.university):
            yield self._university(name, list(its))
        for tag in self._store.entries.tags():
            yield self._list(
                f"tag {tag.id}", "tag", tag.name, self._version(f"tag:{tag.id}"), self._tagged(tag.id or 0)
            )

    # ------------------------------------------------------------ lists

    def _source(self, state: SourceState) -> Bundle:
        id_ = state.source.id or 0
        version = f"{self._version(f'source:{id_}')} {self._verdict(state)}"
        return self._list(f"source {id_}", "source", state.source.name, version, lambda: self._of_sources.get(id_, []))

    def _university(self, name: str, states: Sequence[SourceState]) -> Bundle:
        ids = [state.source.id or 0 for state in states]
        versions = [f"{self._version(f'source:{state.source.id}')} {self._verdict(state)}" for state in states]

        def lines() -> list[Line]:
            found = [line for id_ in ids for line in self._of_sources.get(id_, [])]
            return sorted(found, key=lambda line: (line.sort, line.id))

        return self._list(f"university {name}", "university", name, ", ".join(versions), lines)

    def _tagged(self, id_: int) -> Callable[[], list[Line]]:
        # an entry may be younger than our lines
        return lambda: [self._by_id[one] for one in self._store.archive.tagged(id_) if one in self._by_id]

    def _list(self, bundle: str, kind: str, name: str, version: str, lines: Callable[[], list[Line]]) -> Bundle:
        """The pages and the feeds of one tag, source or university."""

        def sheets() -> Iterator[Sheet]:
            found, values = lines(), {"name": name}
            yield from self._pages(f"pages.{kind}", values, found, version)
            yield from self._documents(f"feeds.{kind}", values, found, version)

        return Bundle(bundle, version, sheets)

    def _pages(self, endpoint: str, values: Mapping[str, Any], every: Sequence[Line], version: str) -> Iterator[Sheet]:
        lines = _folded(every)
        first, older = _cut(lines, LIST_LENGTH)
        for spoken in self._spoken(values):
            yield Sheet(endpoint, spoken, version, _newest(every), len(first) or None)
            for cursor, chunk in older:
                fact = _fact(chunk, chunk[0] is lines[0])
                yield Sheet(endpoint, {**spoken, "before": cursor}, fact, _newest(chunk))

    def _documents(
        self, endpoint: str, values: Mapping[str, Any], every: Sequence[Line], version: str
    ) -> Iterator[Sheet]:
        """A feed, its pages and its archives (RFC 5005)."""
        lines = _folded(every)
        first, older = _cut(lines, pieces.LENGTH)
        last = older[-1][0] if older else ""
        archives = self._archives(lines, first, every) if older else []
        names = ["", *(name for name, _ in archives), ""]
        for extension in FORMATS:
            given = {**values, "extension": extension}
            yield Sheet(endpoint, given, version, _newest(every), len(first) or None)
            for cursor, chunk in older:
                yield Sheet(endpoint, {**given, "before": cursor}, _fact(chunk, last), _newest(chunk))
            for number, (name, chunk) in enumerate(archives):
                fact = _fact(chunk, names[number], names[number + 2])
                yield Sheet(endpoint, {**given, "archive": name}, fact, _newest(chunk))

    def _archives(
        self, lines: Sequence[Line], first: Sequence[Line], every: Sequence[Line]
    ) -> list[tuple[str, list[Line]]]:
        """The archives of *lines* by name, the oldest first, as pieces.py makes them; *first* are the newest.

        How much a month holds is told by *every* entry of it.
        """
        found = []
        sizes = Counter(digest_address("month", self._day_of(line.sort)) for line in every)
        latest = self._day_of(lines[-1].sort)
        for month, its in groupby(lines, lambda line: digest_address("month", self._day_of(line.sort))):
            chunk = list(its)
            if sizes[month] <= pieces.ARCHIVE_LENGTH and month != digest_address("month", latest):
                found.append((month, chunk))
            else:
                found += [
                    (day.isoformat(), list(one)) for day, one in groupby(chunk, lambda line: self._day_of(line.sort))
                ]
        # the newest day still grows: nobody is led there but who finds no other day before
        return found if self._day_of(first[0].sort) == latest else found[:-1]

    # ------------------------------------------------------------ all else

    def _singles(self) -> Iterator[Sheet]:
        """What shows a little of everything, or how things stand today: looked at each time."""
        for page in SINGLE_PAGES:
            yield from map(_sheet_of(f"pages.{page}"), self._spoken({}))
        yield from map(Sheet, (NOT_FOUND, *SINGLES, *LISTS_OF_FEEDS))
        for extension in FORMATS:
            yield Sheet("feeds.breaks", {"extension": extension})
            yield Sheet("feeds.revisions", {"extension": extension})
        for path in sorted(STATIC.iterdir()):
            if path.name not in UNUSED:
                yield Sheet("static", {"filename": path.name})

    def _entries(self) -> Iterator[Sheet]:
        for lines in self._of_sources.values():
            slugs = ["", *(line.slug for line in lines), ""]
            for number, line in enumerate(lines):
                fact = _fact([line], slugs[number], slugs[number + 2])
                for spoken in self._spoken({"slug": line.slug}):
                    yield Sheet("pages.entry", spoken, fact, line.updated)
                    if line.changed_at:
                        yield Sheet("pages.history", spoken, fact, line.changed_at)

    def _stories(self) -> Iterator[Sheet]:
        for key, version in self._store.stories.versions():
            for spoken in self._spoken({"key": key}):
                yield Sheet("pages.story", spoken, str(version))

    def _sitemaps(self) -> Iterator[Sheet]:
        last = max(self._by_id, default=0)
        for number in range(1, (last + sitemap.PART - 1) // sitemap.PART + 1):
            ids = range((number - 1) * sitemap.PART + 1, number * sitemap.PART + 1)
            lines = [self._by_id[id_] for id_ in ids if id_ in self._by_id]
            yield Sheet("sitemap.entries", {"number": number}, _fact(lines), _newest(lines))

    def _days(self) -> Iterator[Sheet]:
        """The archive's days and months."""
        shown: dict[date, list[Line]] = {}
        for line in self._shown:
            shown.setdefault(self._day_of(line.sort), []).append(line)
        for day, lines, earlier, later in self._periods("day"):
            if lines:
                values = {"year": day.year, "month": day.month, "day": day.day}
                fact = _fact(lines, earlier, later, _fact(shown.get(day, [])))
                yield from self._pages_of_day(values, shown.get(day, []), fact)
        for month, lines, earlier, later in self._periods("month"):
            if lines:
                for spoken in self._spoken({"year": month.year, "month": month.month}):
                    yield Sheet("pages.month", spoken, _fact(lines, earlier, later), _newest(lines))

    def _pages_of_day(self, values: Mapping[str, Any], lines: Sequence[Line], fact: str) -> Iterator[Sheet]:
        for sheet in self._pages("pages.day", values, lines, fact):
            # each of them names the days before and after, and how many entries the day has
            yield Sheet(sheet.endpoint, sheet.values, fact, sheet.changed_at, sheet.length)

    def _digests(self) -> Iterator[Sheet]:
        for period in PERIODS:
            for day, lines, earlier, later in self._periods(period):
                fact = _fact(lines, earlier, later, self._edition(period, day, lines))
                for spoken in self._spoken({"name": digest_address(period, day)}):
                    for form in (None, *DIGEST_FORMS):
                        values = {**spoken, "format": form} if form else spoken
                        yield Sheet("pages.digest", values, fact, _newest(lines))
        days = [(day, lines) for day, lines, *_ in self._periods("day") if lines and day < self._today]
        older = [
            days[place : place + DIGESTS] for place in range(0, len(days) - len(days) % DIGESTS - DIGESTS, DIGESTS)
        ]
        first = days[len(older) * DIGESTS :]
        for extension in FORMATS:
            lines = [line for _, its in first for line in its]
            fact = _fact(lines, len(older))
            yield Sheet("feeds.digests", {"extension": extension}, fact, _newest(lines), len(first) or None)
            for number, chunk in enumerate(older):
                before = (older[number + 1] if number + 1 < len(older) else first)[0][0]
                lines = [line for _, its in chunk for line in its]
                values = {"extension": extension, "before": before.isoformat()}
                yield Sheet("feeds.digests", values, _fact(lines, number == 0), _newest(lines))

    def _edition(self, period: Period, day: date, lines: Sequence[Line]) -> str:
        """What else a digest depends on: late finds of days before and, while a correction may be due, the hour."""
        begin, end = period_bounds(period, day, self._zone)
        moments = [moment.timestamp() for moment in (begin - LATE_DAYS, begin)]
        first, last = (bisect_left(self._lines, moment, key=attrgetter("sort")) for moment in moments)
        before = self._lines[first:last]
        changed = max(_newest([*lines, *before]), end)
        return _fact(before, f"{self._now:%Y-%m-%d %H}" if self._now - changed < TWICE_CORRECTED else "")

    def _periods(self, period: Period) -> list[tuple[date, list[Line], str, str]]:
        """(first day, entries, the period before, the period after) of each with news, and of the one that is now."""
        found = {
            parse_address(name)[1]: list(its)
            for name, its in groupby(self._lines, lambda line: digest_address(period, self._day_of(line.sort)))
        }
        found.setdefault(parse_address(digest_address(period, self._today))[1], [])
        names = ["", *(digest_address(period, day) if lines else "" for day, lines in sorted(found.items())), ""]
        return [
            (day, lines, names[number], names[number + 2]) for number, (day, lines) in enumerate(sorted(found.items()))
        ]

    def _spoken(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """*values* in each language."""
        return [{**values, **({"lang": code} if code else {})} for code in self._languages]

    def _version(self, scope: str) -> str:
        # of "sources", too: an entry that moved is nobody's news
        return f"{self._versions.get(scope, 0)} {self._versions.get('sources', 0)}"

    def _verdict(self, state: SourceState) -> str:
        """What pages say of how a source stands."""
        verdict = health(state.source, state.polls, self._now)
        return f"{verdict.state} {verdict.cause}"


def _sheet_of(endpoint: str) -> Callable[[dict[str, Any]], Sheet]:
    return lambda values: Sheet(endpoint, values)


def _cut(lines: Sequence[Line], length: int) -> tuple[Sequence[Line], list[tuple[str, Sequence[Line]]]]:
    """The entries of a list's first document, and the full ones after it, newest first, by the place they follow."""
    full = max(len(lines) // length - 1, 0)
    older = [
        (str(Cursor(lines[end].sort, lines[end].id)), lines[end - length : end])
        for end in range(full * length, 0, -length)
    ]
    return lines[full * length :], older


def _folded(lines: Sequence[Line]) -> list[Line]:
    """*lines* as lists show them: of those that tell one story the one that we saw first."""
    firsts: dict[int, int] = {}
    for line in lines:
        if line.story is not None:
            firsts[line.story] = min(line.id, firsts.get(line.story, line.id))
    return [line for line in lines if line.story is None or firsts[line.story] == line.id]


def _fact(lines: Iterable[Line], *more: object) -> str:
    """What a document that shows *lines* and *more* was made from."""
    # an entry stays what it is, only that it may move, that its publisher may change it, and others may tell it, too
    said = (
        f"{line.id} {line.url}{line.changed_at or ''}" + (f" {line.story}.{line.told}" if line.story else "")
        for line in lines
    )
    text = " ".join(map(str, [*said, "", *more]))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _newest(lines: Iterable[Line]) -> datetime:
    return max((line.updated for line in lines), default=BEGINNING)
