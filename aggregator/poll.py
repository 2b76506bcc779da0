"""The conductor of one visit to one source. Whoever reads this file knows the service.

    claim (turns) -> fetch -> 304 or the same bytes? then done
                           -> read_source (feed or list, healed after a redesign) -> unknown (store)
                           -> fetch, read_article, clean -> tag, summarize (stories)
                           -> record (store): entries, poll, validators, next_poll_at, feed versions in one transaction

Every call returns here; no worker calls the next one.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from aggregator.compose import keyed, own_key, says_more
from aggregator.connectivity import Connectivity
from aggregator.diagnose import fault_of, proof, strangeness
from aggregator.errors import (
    AggregatorError,
    FetchError,
    OtherListError,
    ParseError,
    RuleError,
    SourceError,
    StoreError,
    placed,
)
from aggregator.gather.discovery import advertised
from aggregator.gather.fetch import Fetcher
from aggregator.gather.fingerprint import fingerprint
from aggregator.heal import Memory, Reading, moved, read_older, read_source
from aggregator.health import ACCUSTOMED_AFTER, judged, silence_of
from aggregator.identity import turn_of
from aggregator.model import (
    Fault,
    HubSubscription,
    Item,
    Listing,
    ListingRule,
    Look,
    NewEntry,
    Response,
    Rhythm,
    Site,
    Source,
    SourceRule,
    Validators,
    Visit,
)
from aggregator.redirects import address_of, moved_of
from aggregator.rhythm import WorkingHours, freshness, next_poll_at, rhythm_of
from aggregator.rules import Rules, load
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.leases import Holder
from aggregator.store.recorder import Recorder
from aggregator.store.sources import rule_hash
from aggregator.stories import ARTICLE_TRIES, Brought, Stories, apart
from aggregator.turns import Turn, Turns
from aggregator.websub import announced, is_active, owed_after

log = logging.getLogger(__name__)

# a poll fetches no further articles after so long, and is given up after twice that
POLL_SECONDS = 600
# a conditional request is trusted for so long
WHOLE_AFTER = timedelta(days=1)
# a good response is kept as proof so often
KEPT_AFTER = timedelta(days=1)
# list pages followed when a whole page is unknown: the source said more since the last poll than one page holds
CATCH_UP_PAGES = 5


class Poller:
    """Polls sources. *now* is the clock; *on_visit* hears of every recorded visit with the number of new entries.

    Each poll begins after a part of *spread_seconds*, drawn by lot, so that what falls due together comes apart.
    """

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        store: Store,
        fetcher: Fetcher,
        now: Callable[[], datetime],
        on_visit: Callable[[Source, Visit, int], None] | None = None,
        spread_seconds: float = 0,
    ) -> None:
        self._settings = settings
        self._rules = _by_name(rules)
        self._hashes: dict[str, str] = {}  # rule_hash of the source's row for which its rule was last looked up
        self._families = tuple(rules.families.values())
        self._same = tuple(pair for family in self._families for pair in family.same)
        self._store = store
        self._fetcher = fetcher
        self._now = now
        self._on_visit = on_visit
        self._spread = spread_seconds
        self._stories = Stories(fetcher, self._families, now, urlsplit(settings.site.url).hostname)
        self._turns = Turns(settings, store, now, self._knows, self._cancel)
        self._running: dict[asyncio.Task[None], Turn] = {}
        self._one_finished = asyncio.Event()
        self._stopping = False
        self._recorder = Recorder(store)
        self._fault: StoreError | None = None
        self._is_awaited = False  # by poll_all_due, which raises a fault; else it is logged
        self._network = Connectivity(len({turn_of(rule.url) for _, rule in rules.sources if rule.enabled}))

    async def poll_due(self) -> int:
        """Claim what is due and start it, without waiting; how many polls now run."""
        self._fault = None  # a full disk may have room again
        self._turns.claim()
        self._start()
        return len(self._running)

    async def poll_all_due(self, names: Sequence[str] | None = None) -> list[Holder]:
        """Poll everything that is due (or *names*, once) and wait; which hosts of *names* others hold, not polled.

        Raises StoreError when nothing can be stored.
        """
        self._is_awaited = True
        held = self._turns.claim_named(names) if names is not None else []
        self._start()
        while self._running or (names is None and await self.poll_due()):
            await self._one_finished.wait()
            self._one_finished.clear()
            if self._fault is not None:
                raise self._fault
        return held

    async def stop(self) -> None:
        """End all polls: what is being recorded is finished, all else is dropped and its hosts given back."""
        self._stopping = True
        await self._turns.stop()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._recorder.close()
        try:
            self._turns.give_back()
        except StoreError as error:
            if self._fault is None:
                raise
            log.debug("the leases run out by themselves: %s", error)

    def _start(self) -> None:
        """Begin polls as far as there is room."""
        while not self._stopping and len(self._running) < self._settings.fetch.concurrency:
            if (begun := self._turns.begin()) is None:
                return
            task = asyncio.create_task(self._poll(*begun))
            self._running[task] = begun[1]
            task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        turn = self._running.pop(task)
        self._one_finished.set()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreError):
            self._fail(error, turn)
        elif error is not None:
            log.error("a poll ended in a fault of the program", exc_info=error)
            self._turns.drop(turn)
        if self._fault is not None:
            return
        self._turns.go_on(turn)
        try:
            self._start()
        except StoreError as fault:
            self._fail(fault)

    def _fail(self, fault: StoreError, turn: Turn | None = None) -> None:
        """Begin nothing more before the next tick: nothing can be written now."""
        if self._fault is None and not self._is_awaited:
            log.error("nothing can be stored: %s", fault)
        self._fault = fault
        self._turns.drop_waiting(turn)

    def _cancel(self, turn: Turn) -> None:
        """End the polls of a host that is no longer ours."""
        for task, its in self._running.items():
            if its is turn and task is not asyncio.current_task():
                task.cancel()

    def _knows(self, source: Source) -> bool:
        """Whether there is a rule for *source*; reads the files again where another process knows a newer one."""
        name = source.name
        if name in self._rules and name not in self._hashes:
            self._hashes[name] = rule_hash(*self._rules[name])
        if self._hashes.get(name) != source.rule_hash:
            self._hashes[name] = source.rule_hash  # the files are read once for each change: it may not be in ours
            try:
                written = load(self._settings.instance).source(name)
            except RuleError as error:
                log.error("the rules were not read again: %s", error)
            else:
                self._rules |= {name: written} if written else {}
        if name not in self._rules:
            log.warning("source=%s is in no site file; `aggregator sources` switches it off", name)
        return name in self._rules

    async def _poll(self, source: Source, turn: Turn) -> None:
        await asyncio.sleep(random.random() * self._spread)  # noqa: S311 - no secret
        started = monotonic()
        try:
            async with asyncio.timeout(2 * POLL_SECONDS):
                visit = await self._visit(source)
            self._network.heard(turn_of(source.url), None)
            visit = judged(source, replace(visit, milliseconds=round((monotonic() - started) * 1000)))
            visit = self._turns.seal(visit, turn)
            brought = await self._recorder.record(visit)
        except StoreError:
            raise
        except Exception as error:  # the one place: a fault of ours fails this poll, never the service
            if isinstance(error, TimeoutError):
                error = FetchError(f"{source.url} took more than {2 * POLL_SECONDS} seconds in all", cause="timeout")
            self._network.heard(turn_of(source.url), getattr(error, "cause", None))
            if not isinstance(error, AggregatorError):
                log.exception("poll source=%s fault of the program", source.name)
            visit = replace(self._failed(source, error), milliseconds=round((monotonic() - started) * 1000))
            visit = self._turns.seal(judged(source, visit), turn)
            brought = await self._recorder.record(visit)
        if brought is None:
            log.warning("poll source=%s is not recorded: another worker claimed its host meanwhile", source.name)
            self._turns.drop(turn)
            self._cancel(turn)
            return
        log.info(
            "poll source=%s outcome=%s cause=%s status=%s entries=%d items=%d ms=%d%s",
            source.name,
            visit.outcome(brought),
            visit.met or visit.cause or "-",
            visit.status or "-",
            brought,
            visit.items,
            visit.milliseconds,
            f" message={visit.message!r}" if visit.message else "",
        )
        if self._on_visit:
            self._on_visit(source, visit, brought)

    async def _visit(self, source: Source) -> Visit:
        """One visit, all but the storing."""
        site, rule = self._rules[source.name]
        polled_at = self._now()
        # once a day the whole body is asked for: some servers answer 304 whatever happened
        is_due = source.fetched_at is None or polled_at - source.fetched_at >= WHOLE_AFTER
        validators = Validators() if is_due else Validators(source.etag, source.last_modified)
        asked = address_of(source, polled_at)
        response = await self._fetcher.fetch(asked, validators, allowance=rule.allowance)
        if response.not_modified and validators == Validators():
            raise ParseError(f"{asked} answered 304 to an unconditional request; its server is at fault")
        moved_to, moved_at = moved_of(source, asked, response, polled_at)
        digest = source.body_hash if response.not_modified else fingerprint(response)
        if digest == source.body_hash and source.body_hash is not None:
            # RFC 9111 §4.3.4: a 304 may bring newer validators, and keeps those it does not name
            fresh = response.validators
            kept = Validators(fresh.etag or validators.etag, fresh.last_modified or validators.last_modified)
            return self._unchanged(
                source,
                polled_at,
                response,
                validators=kept,
                fetched_at=None if response.not_modified else polled_at,
                moved_to=moved_to,
                moved_at=moved_at,
            )

        memory = Memory(
            ListingRule(**source.rule) if source.rule else None,
            Look(**source.look) if source.look else None,
            cache(partial(self._store.entries.known, source.id or 0)),  # healing, moves and silence ask the same
            self._same,
        )
        read = partial(read_source, response, rule, memory, timezone=site.timezone, now=polled_at)
        try:
            reading = await apart(read, response)
        except ParseError as error:
            error.response = response  # it tells why
            raise
        listing = reading.listing
        items = keyed(listing, source.url, self._same)
        tries = self._unknown(items)
        faults = [reading.note] if reading.note else []
        elsewhere = {} if source.news_at is None else moved(items, tries, memory.entries)
        if elsewhere:
            faults.append(f"{source.url} gives {len(elsewhere)} known articles new addresses")
        tries = {key: tried for key, tried in tries.items() if key not in elsewhere}
        if source.news_at is not None and says_more(items, tries):
            faults += await self._catch_up(source, site, rule, listing, items, tries)
        waiting = self._store.entries.pending_of(source.id or 0)
        items |= {key: item for key, item in waiting.items() if key not in items}  # gone from the page, not forgotten
        tries |= self._store.entries.unknown([key for key in waiting if key not in tries])

        brought = await self._stories.bring(
            site, rule, items, tries, most=self._settings.fetch.max_articles, seconds=POLL_SECONDS
        )
        faults += brought.faults
        complete = not (brought.pending or brought.resting or brought.left)
        said: list[Item | NewEntry] = [*listing.items, *brought.entries]
        dated = [(one.published, one.precision) for one in said if one.published]
        rhythm = rhythm_of(dated, polled_at, self._hours(site)) or _rhythm(source)
        silence = None
        if tries or source.stale_at is None:
            known = [one.published for one in memory.entries() if one.published]
            silence = silence_of([time for time, _ in dated], known, len(said), polled_at)
        fault = self._strangeness(source, rule, response, reading, brought)
        if fault == "moved":
            faults.insert(0, f"{source.url} leads to {response.url}")
        if brought.left:
            faults.append(f"{brought.left} more articles are left for the next poll")
        hub, topic = advertised(response, listing)
        subscription = self._subscription(source, polled_at)
        verdicts = self._verdicts(source, subscription, [items[key] for key, tried in tries.items() if not tried])
        owed = owed_after(subscription.owed, verdicts) if subscription else None
        return Visit(
            source_id=source.id or 0,
            polled_at=polled_at,
            next_poll_at=self._next_poll_at(
                source,
                polled_at,
                None if owed == 0 else rhythm,  # a hub that is trusted says when to look
                more_waits=not complete or (not tries and _was_pushed(source)),
                fresh_for=max(freshness(response.headers, polled_at), listing.refresh or timedelta(0)),
            ),
            status=response.status,
            message="; ".join(faults[:3]) or None,
            items=len(listing.items),
            entries=tuple(brought.entries),
            pending=tuple(brought.pending),
            resting=tuple(brought.resting),
            moved=tuple((key, items[key].url, one.id) for key, one in elsewhere.items()),
            # what was not read to the end must be seen again, changed or not
            validators=response.validators if complete else Validators(),
            body_hash=digest if complete else None,
            kind=listing.kind,
            rule=listing.rule,
            # an ailing look is not what the list is measured by
            look=None if fault == "shape" else reading.look,
            rhythm=rhythm,
            fetched_at=polled_at,
            moved_to=moved_to,
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

    def _strangeness(
        self,
        source: Source,
        rule: SourceRule,
        response: Response,
        reading: Reading,
        brought: Brought,
    ) -> Fault | None:
        """What is wrong with a source though it was read."""
        is_full = rule.article is None or rule.article.full_text
        empty = sum(not (entry.text or entry.images or entry.attachments) for entry in brought.entries)
        return strangeness(
            source.url,
            response,
            reading.listing.items,
            is_changed=reading.is_changed and source.strikes < ACCUSTOMED_AFTER,
            tried=len(brought.entries) + len(brought.pending) if is_full else 0,
            unread=empty + len(brought.pending),
        )

    def _subscription(self, source: Source, now: datetime) -> HubSubscription | None:
        """The hub that announces the news of *source*, None where none has agreed to."""
        if source.hub is None or source.id is None or self._settings.callback_url is None:
            return None
        found = self._store.websub.of_source(source.id)
        return found if found and is_active(found, now) else None

    def _verdicts(self, source: Source, subscription: HubSubscription | None, new: Sequence[Item]) -> list[bool | None]:
        """Of each of the *new* items, whether the hub announced it; None where that cannot be told."""
        if subscription is None or subscription.since is None:
            return []
        judged = partial(
            announced,
            subscribed_at=subscription.since,
            pushed_at=self._store.websub.pushed_at(subscription.source_id),
            read_at=None if source.failures else source.polled_at,  # nobody knows what a failed poll would have seen
            now=self._now(),
        )
        return [judged(item.published, item.precision) for item in new]

    def _unknown(self, items: dict[str, Item]) -> dict[str, int]:
        """The keys of *items* that are not stored, with how often each was tried."""
        own = {key: own_key(key, item) for key, item in items.items()}
        unknown = self._store.entries.unknown([*items, *own.values()])
        # a story that shared its address when it was stored is known, though it stands alone now
        return {key: unknown[key] for key in items if key in unknown and own[key] in unknown}

    async def _catch_up(
        self,
        source: Source,
        site: Site,
        rule: SourceRule,
        listing: Listing,
        items: dict[str, Item],
        tries: dict[str, int],
    ) -> list[str]:
        """Follow the pager while pages hold nothing known, so that a busy day or a long pause loses nothing.

        Adds to *items* and *tries*; what went wrong. An older page that fails a few times is done without.
        """
        for _ in range(CATCH_UP_PAGES - 1):
            if not listing.next_page:
                return []
            try:
                response = await self._fetcher.fetch(listing.next_page, allowance=rule.allowance)
                read = partial(read_older, response, listing, timezone=site.timezone, now=self._now())
                listing = await apart(read, response)
            except OtherListError as error:
                return [f"{placed(error, source.url)}; older pages were not read"]
            except SourceError as error:
                # nothing is stored, so that the next poll sees the same gap; what is gone for good does not come back,
                # and says nothing of the source itself
                if source.failures < ARTICLE_TRIES and getattr(error, "status", None) != 410:
                    raise
                return [placed(error, source.url)]
            older = {key: item for key, item in keyed(listing, source.url, self._same).items() if key not in items}
            unknown = self._unknown(older)
            items.update(older)
            tries.update(unknown)
            if not says_more(older, unknown):
                return []
        return [f"{source.url}: more than {CATCH_UP_PAGES} pages are new; the older ones were not read"]

    def _unchanged(self, source: Source, polled_at: datetime, response: Response, **said: Any) -> Visit:
        fresh_for = max(freshness(response.headers, polled_at), timedelta(seconds=source.refresh_seconds or 0))
        subscription = self._subscription(source, polled_at)
        rhythm = None if subscription and subscription.owed == 0 else _rhythm(source)
        # a hub may be quicker than its publisher's caches: one more look
        waits = _was_pushed(source)
        # the page is what it was when it was read last
        fault = None if source.failures else source.fault
        return self._kept(
            source,
            polled_at,
            self._next_poll_at(source, polled_at, rhythm, fresh_for=fresh_for, more_waits=waits),
            status=response.status,
            message=f"{source.url} is what it was when it was read last" if fault else None,
            fault=fault,
            **said,
        )

    def _next_poll_at(self, source: Source, polled_at: datetime, rhythm: Rhythm | None, **said: Any) -> datetime:
        site, rule = self._rules[source.name]
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

    def _failed(self, source: Source, error: Exception) -> Visit:
        polled_at = self._now()
        moved_to, moved_at = moved_of(source, address_of(source, polled_at), None, polled_at)
        failures = source.failures + 1
        fault: Fault | None = fault_of(error, source.url)
        status = getattr(error, "status", None)
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
        if self._network.is_down:
            # no source is blamed for what is ours: its count stays, and it is asked again soon
            cause, fault, failures = "offline", None, source.failures
            message = f"our own network seems to be down: no host has answered for a while; {message}"
        return self._kept(
            source,
            polled_at,
            self._next_poll_at(
                source,
                polled_at,
                None,
                failures=max(failures, 1),
                is_gone=status == 410,
                retry_after=getattr(error, "retry_after", None),
            ),
            cause=cause,
            status=status,
            message=message,
            failures=failures,
            validators=Validators(source.etag, source.last_modified),
            moved_to=moved_to,
            moved_at=moved_at,
            look=getattr(error, "look", None),
            fault=fault,
            kept=proof(getattr(error, "response", None), fault, source.fault),
        )

    def _kept(self, source: Source, polled_at: datetime, next_poll_at: datetime, **said: Any) -> Visit:
        """A visit that taught nothing about the page: what the source's row holds of it stays."""
        kind = source.found_kind
        return Visit(
            source_id=source.id or 0,
            polled_at=polled_at,
            next_poll_at=next_poll_at,
            body_hash=source.body_hash,
            kind=kind if kind in ("feed", "list") else None,  # type: ignore[arg-type]
            rule=ListingRule(**source.rule) if source.rule else None,
            refresh=timedelta(seconds=source.refresh_seconds) if source.refresh_seconds else None,
            hub=source.hub,
            topic=source.topic,
            pushed_at=source.pushed_at,
            **said,
        )


def _was_pushed(source: Source) -> bool:
    """Whether a hub announced news since the last poll of *source* began."""
    return source.pushed_at is not None and (source.polled_at is None or source.pushed_at > source.polled_at)


def _rhythm(source: Source) -> Rhythm | None:
    """What earlier polls learned of how *source* publishes."""
    if source.newest is None or source.per_day is None or source.working_share is None:
        return None
    return Rhythm(source.newest, source.per_day, source.working_share)


def _by_name(rules: Rules) -> dict[str, tuple[Site, SourceRule]]:
    return {rule.name: (site, rule) for site, rule in rules.sources}
