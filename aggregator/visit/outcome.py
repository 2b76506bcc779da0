"""What a visit comes to: what was asked, read, found and brought in, the Visit that is recorded out.

Asks the store of hubs only; knows no network and no clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aggregator.errors import AggregatorError, FetchError, placed
from aggregator.gather.discovery import advertised
from aggregator.health import ACCUSTOMED_AFTER, silence_of
from aggregator.mask import masked
from aggregator.model import (
    Fault,
    Item,
    ListingRule,
    NewEntry,
    Response,
    Rhythm,
    Site,
    Source,
    SourceRule,
    Validators,
    Visit,
)
from aggregator.settings import Settings
from aggregator.visit.backlog import Found
from aggregator.visit.bring import Brought
from aggregator.visit.diagnose import fault_of, proof, strangeness
from aggregator.visit.heal import Memory, Reading
from aggregator.visit.hubs import Trust
from aggregator.visit.redirects import address_of, is_same_page, moved_of, vouched_at
from aggregator.visit.rhythm import WorkingHours, freshness, next_poll_at, rhythm_of
from aggregator.websub import owed_after, was_pushed

# a good response is kept as proof so often
KEPT_AFTER = timedelta(days=1)
# what is wrong with a page that is what it was when it was read last
STILL: dict[str, str] = {
    "moved": "still leads elsewhere",
    "shape": "still shows a list that is not like the one before",
    "articles": "still shows articles that could not be read",
    "empty": "still has no items",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server of *source* said at *polled_at*, asked with *validators*; *digest* is its body's fingerprint."""

    source: Source
    site: Site
    rule: SourceRule
    polled_at: datetime
    response: Response
    validators: Validators
    digest: str | None
    moved_to: str | None
    moved_at: datetime | None

    @property
    def is_known(self) -> bool:
        """Whether the page is what it was when it was read last."""
        return self.digest == self.source.body_hash and self.digest is not None


class Outcomes:
    """*trust* knows which hubs are relied on."""

    def __init__(self, settings: Settings, trust: Trust) -> None:
        self._settings = settings
        self._trust = trust

    def read(self, answer: Answer, reading: Reading, memory: Memory, found: Found, brought: Brought) -> Visit:
        """Of a page that was read, and of which what was new was brought."""
        source, polled_at, response = answer.source, answer.polled_at, answer.response
        listing, items, tries = reading.listing, found.items, found.tries
        faults = [*([reading.note] if reading.note else []), *found.faults, *brought.faults]
        complete = not (brought.pending or brought.resting or brought.left)
        said: list[Item | NewEntry] = [*listing.items, *brought.entries]
        dated = [(one.published, one.precision) for one in said if one.published]
        rhythm = rhythm_of(dated, polled_at, self._hours(answer.site)) or _rhythm(source)
        silence = None
        if tries or source.stale_at is None:
            earlier = memory.entries() if source.news_at else []  # none came yet
            before = [one.published for one in earlier if one.published]
            silence = silence_of([time for time, _ in dated], before, len(said), polled_at)
        fault = _strangeness(answer, reading, brought)
        known = len(items) - len(tries)
        moved_at = vouched_at(answer.moved_to, answer.moved_at, known, len(items), polled_at)
        if answer.moved_to and moved_at is None:
            faults.insert(
                0, f"{source.url} leads for good to {answer.moved_to}, another site; too little of it is known"
            )
        elif fault == "moved":
            faults.insert(0, f"{source.url} leads to {response.url}")
        elif fault == "empty":
            faults.insert(0, f"{source.url} has no items any more")
        if brought.left:
            faults.append(f"{brought.left} more articles are left for the next poll")
        hub, topic = advertised(response, listing)
        subscription = self._trust.subscription(source, polled_at)
        if subscription and (hub, topic) != (subscription.hub, subscription.topic):
            subscription = None  # the feed has left this hub: it announces nothing any more
        new = [items[key] for key, tried in tries.items() if not tried]
        verdicts = self._trust.verdicts(source, subscription, new, polled_at)
        owed = owed_after(subscription.owed, verdicts) if subscription else None
        return Visit(
            source_id=source.id or 0,
            polled_at=polled_at,
            rule_hash=source.rule_hash,
            next_poll_at=self._next_poll_at(
                source,
                answer.site,
                answer.rule,
                polled_at,
                None if owed == 0 else rhythm,  # a hub that is trusted says when to look
                more_waits=not complete or (not tries and was_pushed(source)),
                fresh_for=max(freshness(response.headers, polled_at), listing.refresh or timedelta(0)),
            ),
            status=response.status,
            message=masked("; ".join(faults[:3])) or None,
            items=len(listing.items),
            entries=tuple(brought.entries),
            pending=tuple(brought.pending),
            resting=tuple(brought.resting),
            moved=tuple((key, items[key].url, one.id) for key, one in found.elsewhere.items()),
            # what was not read to the end must be seen again, changed or not
            validators=response.validators if complete else Validators(),
            body_hash=answer.digest if complete else None,
            kind=listing.kind,
            rule=listing.rule,
            # an ailing look is not what the list is measured by
            look=None if fault == "shape" else reading.look,
            rhythm=rhythm,
            fetched_at=polled_at,
            moved_to=answer.moved_to,
            moved_at=moved_at,
            repair=f"{polled_at:%Y-%m-%d}: {reading.note}" if reading.is_repaired else None,
            refresh=listing.refresh,
            hub=hub,
            topic=topic,
            pushed_at=source.pushed_at,
            owed=owed,
            was_missed=False in verdicts,
            fault=fault,
            silence=silence,
            kept=proof(
                response,
                fault,
                source.fault,
                good=source.kept_at is None or polled_at - source.kept_at >= KEPT_AFTER,
            ),
        )

    def unchanged(self, answer: Answer) -> Visit:
        """Of a page that is what it was when it was read last."""
        source, polled_at, response = answer.source, answer.polled_at, answer.response
        fresh_for = max(freshness(response.headers, polled_at), timedelta(seconds=source.refresh_seconds or 0))
        subscription = self._trust.subscription(source, polled_at)
        rhythm = None if subscription and subscription.owed == 0 else _rhythm(source)
        # a hub may be quicker than its publisher's caches: one more look
        waits = was_pushed(source)
        # the page is what it was when it was read last
        fault = None if source.failures else source.fault
        # RFC 9111 §4.3.4: a 304 may bring newer validators, and keeps those it does not name
        fresh, asked = response.validators, answer.validators
        return _kept(
            source,
            polled_at,
            self._next_poll_at(
                source, answer.site, answer.rule, polled_at, rhythm, fresh_for=fresh_for, more_waits=waits
            ),
            status=response.status,
            message=masked(f"{source.url} {STILL.get(fault, 'is what it was when it was read last')}")
            if fault
            else None,
            fault=fault,
            validators=Validators(fresh.etag or asked.etag, fresh.last_modified or asked.last_modified),
            fetched_at=None if response.not_modified else polled_at,
            moved_to=answer.moved_to,
            moved_at=vouched_at(answer.moved_to, answer.moved_at, is_same_page(source, response), 1, polled_at),
        )

    def failed(
        self,
        source: Source,
        site: Site,
        rule: SourceRule,
        error: Exception,
        polled_at: datetime,
        *,
        is_offline: bool,
    ) -> Visit:
        """Of a page that did not come, or could not be read. *is_offline*: it may well be our own network."""
        moved_to, moved_at = moved_of(source, address_of(source, polled_at), None, polled_at)
        failures = source.failures + 1
        fault: Fault | None = fault_of(error, source.url)
        status, wait = getattr(error, "status", None), getattr(error, "retry_after", None)
        cause: str = (
            error.cause
            if isinstance(error, FetchError)
            else "parse"
            if isinstance(error, AggregatorError)
            else "program"
        )
        message = (
            placed(error, source.url)
            if isinstance(error, AggregatorError)
            else f"a fault of this program ({error!r}); please report it with the log"
        )
        if is_offline:
            # no source is blamed for what is ours: its count stays, and it is asked again soon
            cause, fault, failures = "offline", None, source.failures
            message = f"our own network seems to be down: no host has answered for a while; {message}"
        visit = _kept(
            source,
            polled_at,
            self._next_poll_at(
                source,
                site,
                rule,
                polled_at,
                None,
                failures=max(failures, 1),
                is_gone=status == 410,
                retry_after=wait,
            ),
            cause=cause,
            status=status,
            message=masked(message),
            failures=failures,
            is_put_off=wait is not None,
            validators=Validators(source.etag, source.last_modified),
            moved_to=moved_to,
            moved_at=moved_at,
            look=getattr(error, "look", None),
            fault=fault,
            kept=proof(getattr(error, "response", None), fault, source.fault),
        )
        was_strange = source.fault is not None and not source.failures
        if was_strange and not is_offline:
            # that stands in the row's fault alone, which is another from now on: the same page is read again
            return replace(visit, body_hash=None, validators=Validators())
        return visit

    def _next_poll_at(
        self, source: Source, site: Site, rule: SourceRule, polled_at: datetime, rhythm: Rhythm | None, **said: Any
    ) -> datetime:
        schedule = self._settings.schedule
        return next_poll_at(
            polled_at,
            rhythm,
            self._hours(site),
            shortest=timedelta(minutes=schedule.min_interval_minutes),
            longest=timedelta(minutes=schedule.max_interval_minutes),
            key=source.name,
            fixed=None if rule.interval_minutes is None else timedelta(minutes=rule.interval_minutes),
            **said,
        )

    def _hours(self, site: Site) -> WorkingHours:
        return WorkingHours.parse(self._settings.schedule.working_hours, site.timezone)


def _strangeness(answer: Answer, reading: Reading, brought: Brought) -> Fault | None:
    """What is wrong with a source though it was read."""
    is_full = answer.rule.article is None or answer.rule.article.full_text
    is_accustomed = answer.source.strikes >= ACCUSTOMED_AFTER
    empty = sum(not (entry.text or entry.images or entry.attachments) for entry in brought.entries)
    return strangeness(
        answer.source.url,
        answer.response,
        reading.listing.items,
        is_changed=reading.is_changed and not is_accustomed,
        had_items=answer.source.news_at is not None and not is_accustomed,
        tried=len(brought.entries) + len(brought.pending) if is_full else 0,
        unread=empty + len(brought.pending),
    )


def _kept(source: Source, polled_at: datetime, next_poll_at: datetime, **said: Any) -> Visit:
    """A visit that taught nothing about the page: what the source's row holds of it stays."""
    kind = source.found_kind
    return Visit(
        source_id=source.id or 0,
        polled_at=polled_at,
        next_poll_at=next_poll_at,
        rule_hash=source.rule_hash,
        body_hash=source.body_hash,
        kind=kind if kind in ("feed", "list") else None,  # type: ignore[arg-type]
        rule=ListingRule(**source.rule) if source.rule else None,
        refresh=timedelta(seconds=source.refresh_seconds) if source.refresh_seconds else None,
        hub=source.hub,
        topic=source.topic,
        pushed_at=source.pushed_at,
        **said,
    )


def _rhythm(source: Source) -> Rhythm | None:
    """What earlier polls learned of how *source* publishes."""
    if source.newest is None or source.per_day is None or source.working_share is None:
        return None
    return Rhythm(source.newest, source.per_day, source.working_share)
