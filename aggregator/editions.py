"""The digest of a period as it stands now: provisional while the period lasts, then frozen, then corrected.

    not over  -> made of what is stored, kept nowhere
    over      -> edition 1, frozen when it is first asked for
    changed   -> the next edition, at most one an hour, for a month; those before stay

Knows no page and no mail. Who asks says whether an edition may be written.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from aggregator.errors import NotFound
from aggregator.model import Corrections, Digest, Edition, FullEntry
from aggregator.publish.digest import Period, days_of, digest_address, fold, make_digest, period_bounds
from aggregator.publish.freeze import corrections, freeze, thaw
from aggregator.query import Expression, Selection
from aggregator.settings import Settings
from aggregator.store import Store

MOST_ENTRIES = 10_000  # of a digest: two months of the largest service
LATE_DAYS = timedelta(days=7)  # what is dated longer before and found only now stands in the archive
CORRECTED_HOURS = timedelta(hours=1)  # from one edition to the next
CORRECTED_DAYS = timedelta(days=31)  # after these an edition is the last


class Editions:
    """*now* gives an aware time."""

    def __init__(self, settings: Settings, store: Store, now: Callable[[], datetime]) -> None:
        self._zone = settings.zone
        self._grace = timedelta(minutes=settings.site.digest_grace_minutes)
        self._store = store
        self._now = now

    def is_over(self, period: Period, day: date) -> bool:
        """Whether the digest of the period that holds *day* is final: the period is over, and what came last is in."""
        return self._now() >= period_bounds(period, day, self._zone)[1] + self._grace

    def digest(self, period: Period, day: date, tags: Expression | None = None, *, keep: bool = False) -> Digest:
        """The newest edition of that digest; with *keep* it is made where there is none, or it needs correction.

        Raises NotFound for a period that is yet to come, and for unknown tags.
        """
        began = period_bounds(period, day, self._zone)[0]
        name = digest_address(period, day)
        if began > self._now():
            raise NotFound(f"the digest of {name} is yet to come")
        if not self.is_over(period, day):
            return self._made(period, day, tags, None)
        former = self._store.digests.newest(name, tags.address if tags else "")
        if former is None:
            made = self._made(period, day, tags, None)
            return self._kept(made, 1, Corrections()) if keep else made
        shown = thaw(former, former.number)
        age = self._now() - former.made_at
        is_settled = self._now() > period_bounds(period, day, self._zone)[1] + CORRECTED_DAYS
        if not keep or is_settled or age < CORRECTED_HOURS:
            return shown
        made = self._made(period, day, tags, shown)
        changed = corrections(shown, made)
        return self._kept(made, former.number + 1, changed) if changed else shown

    def numbered(self, period: Period, day: date, tags: Expression | None, number: int) -> Digest:
        """An edition as it was frozen; raises NotFound."""
        name = digest_address(period, day)
        return thaw(*self._store.digests.numbered(name, tags.address if tags else "", number))

    def _kept(self, made: Digest, number: int, changed: Corrections) -> Digest:
        edition: Edition = self._store.digests.keep(freeze(made, number, self._now(), changed))
        return thaw(edition, edition.number)

    def _made(self, period: Period, day: date, tags: Expression | None, shown: Digest | None) -> Digest:
        """Of what is stored; finds of earlier days stay those that were *shown*."""
        began, end = period_bounds(period, day, self._zone)
        entries = self._store.entries.between(began, end, Selection(tags, every=True), limit=MOST_ENTRIES)
        no_topics = {*self._store.names.universities(), *(tags.names if tags else ())}
        topics = {tag for entry in entries for tag in entry.tags} - no_topics
        sources = {entry.source.name for entry in entries}
        return make_digest(
            fold(entries),
            period,
            day,
            self._zone,
            tag=tags.address if tags else None,
            no_topics=no_topics,
            late=fold(self._found_late(period, day, tags) if shown is None else self._still(shown)),
            firsts=self._store.digests.firsts(began, sources, topics) if entries else (),
        )

    def _found_late(self, period: Period, day: date, tags: Expression | None) -> list[FullEntry]:
        """Entries of the days before that were first seen in this period, and that no earlier edition has."""
        began, end = period_bounds(period, day, self._zone)
        selection = Selection(tags, since=began - LATE_DAYS, until=began, every=True)
        found = self._store.digests.late(selection, began, min(end + self._grace, self._now()))
        if not found:
            return []
        first = days_of(period, day)[0]
        told = self._store.digests.told(tags.address if tags else "", first - LATE_DAYS, first)
        return [entry for entry in found if entry.id not in told]

    def _still(self, shown: Digest) -> list[FullEntry]:
        return self._store.entries.of([entry.id for story in shown.late for entry in story.entries])
