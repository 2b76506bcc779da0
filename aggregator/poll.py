"""The conductor of one visit to one source. Whoever reads this file knows the service.

    claim (turns) -> articles due, and the list not? look at them again (recheck)
                  -> fetch -> 304 or the same bytes? then done (outcome)
                           -> read_source (heal): feed or list, healed after a redesign -> unknown (backlog)
                           -> fetch, read_article, clean -> tag, summarize (bring)
                           -> heard (hearsay): what the list or feed says of articles that are known
                           -> judge (outcome, health): what the visit says of the source, and when the next one is
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
from urllib.parse import urlsplit

from aggregator.errors import AggregatorError, FetchError, ParseError, RuleError, StoreError
from aggregator.gather.fetch import Fetcher
from aggregator.gather.fingerprint import fingerprint
from aggregator.health import judged
from aggregator.identity import turn_of
from aggregator.model import ListingRule, Look, Response, Site, Source, SourceRule, Validators, Visit
from aggregator.rules import Rules, load
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.leases import Holder
from aggregator.store.recorder import Recorder
from aggregator.store.sources import rule_hash
from aggregator.tagging import CurrentTagger
from aggregator.visit.backlog import Backlog
from aggregator.visit.bring import Bringer, apart
from aggregator.visit.connectivity import Connectivity
from aggregator.visit.heal import Memory, Reading, read_source
from aggregator.visit.hearsay import heard
from aggregator.visit.hubs import Trust
from aggregator.visit.outcome import Answer, Outcomes
from aggregator.visit.recheck import Rechecker
from aggregator.visit.redirects import address_of, moved_of
from aggregator.visit.turns import Turn, Turns, furthest

log = logging.getLogger(__name__)

# a poll fetches no further articles after so long, and is given up after twice that
POLL_SECONDS = 600
# how often we look for times that a wrong clock has written
MEND_EVERY = timedelta(hours=1)
# a conditional request is trusted for so long
WHOLE_AFTER = timedelta(days=1)


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
        on_page: Callable[[str, Response], None] | None = None,
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
        self._backlog = Backlog(store, fetcher, self._same, now)
        self._outcomes = Outcomes(settings, Trust(store, is_asked=settings.callback_url is not None))
        self._tagger = CurrentTagger(settings.instance, store, now)
        host = urlsplit(settings.site.url).hostname
        self._bringer = Bringer(fetcher, self._families, self._tagger, now, host, on_page)
        store.withholds = settings.schedule.removed == "withhold"
        self._rechecker = Rechecker(store, fetcher, self._families, self._tagger, now)
        self._named: frozenset[str] = frozenset()  # to be polled whether due or not
        self._turns = Turns(settings, store, now, self._knows, self._cancel)
        self._running: dict[asyncio.Task[None], Turn] = {}
        self._one_finished = asyncio.Event()
        self._stopping = False
        self._recorder = Recorder(store, lambda: len(self._running))
        self._fault: StoreError | None = None
        self._mended_at: datetime | None = None
        self._is_awaited = False  # by poll_all_due, which raises a fault; else it is logged
        self._network = Connectivity(len({turn_of(rule.url) for _, rule in rules.sources if rule.enabled}))

    async def poll_due(self) -> int:
        """Claim what is due and start it, without waiting; how many polls now run."""
        self._fault = None  # a full disk may have room again
        self._mend_times()
        self._turns.claim()
        self._start()
        return len(self._running)

    async def poll_all_due(self, names: Sequence[str] | None = None) -> list[Holder]:
        """Poll everything that is due (or *names*, once) and wait; which hosts of *names* others hold, not polled.

        Raises StoreError when nothing can be stored.
        """
        self._is_awaited = True
        self._named = frozenset(names or ())
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

    def _mend_times(self) -> None:
        """Once an hour, and when the clock has jumped: what a clock that was ahead has written holds nothing up.

        Texts of removed entries follow their setting.
        """
        now = self._now()
        if self._mended_at is not None and abs(now - self._mended_at) < MEND_EVERY:
            return
        self._mended_at = now
        mended = self._store.clock.mend(now, **furthest(self._settings, [rule for _, rule in self._rules.values()]))
        if withheld := self._store.revisions.withhold(self._store.withholds, now):
            log.info("texts of %d removed entries: schedule.removed is %r", withheld, self._settings.schedule.removed)
        if mended:
            log.warning("times=%d stood further ahead than any this program sets: the clock was wrong", mended)

    def _start(self) -> None:
        """Begin polls as far as there is room."""
        while not self._stopping and len(self._running) < self._settings.fetch.concurrency:
            if (begun := self._turns.begin()) is None:
                return
            is_for_articles = self._is_for_articles(begun[0])
            task = asyncio.create_task((self._recheck if is_for_articles else self._poll)(*begun))
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

    def _is_for_articles(self, source: Source) -> bool:
        """Whether *source* was claimed for the sake of its articles, its list not being due yet."""
        return source.list_at is not None and source.list_at > self._now() and source.name not in self._named

    async def _recheck(self, source: Source, turn: Turn) -> None:
        """Look at the articles of *source* that are due."""
        started, polled_at = monotonic(), self._now()
        looked = await self._rechecker.look(source, *self._rules[source.name], POLL_SECONDS)
        visit = Visit(source.id or 0, polled_at, polled_at, looked=looked, is_of_articles=True)
        visit = self._turns.seal(visit, turn, monotonic() - started)
        if await self._recorder.record(visit) is None:
            self._leave(source, turn)
            return
        kinds: list[str] = [change.kind for one in looked for change in one.changes]
        log.info(
            "recheck source=%s articles=%d edited=%d removed=%d restored=%d ms=%d",
            source.name,
            len(looked),
            *map(kinds.count, ("edited", "removed", "restored")),
            visit.milliseconds,
        )
        if self._on_visit:
            self._on_visit(source, visit, 0)

    def _leave(self, source: Source, turn: Turn) -> None:
        """Go on with no other source of a host that is not ours any more."""
        log.warning("poll source=%s is not recorded: another worker claimed its host meanwhile", source.name)
        self._turns.drop(turn)
        self._cancel(turn)

    async def _poll(self, source: Source, turn: Turn) -> None:
        if self._spread:
            await asyncio.sleep(random.random() * self._spread)  # noqa: S311 - no secret
        started = monotonic()
        try:
            async with asyncio.timeout(2 * POLL_SECONDS):
                visit = await self._visit(source)
            self._network.heard(turn_of(source.url), None, started, monotonic())
            visit = self._turns.seal(judged(source, visit), turn, monotonic() - started)
            brought = await self._recorder.record(visit)
        except StoreError:
            raise
        except Exception as error:  # the one place: a fault of ours fails this poll, never the service
            if isinstance(error, TimeoutError):
                error = FetchError(f"{source.url} took more than {2 * POLL_SECONDS} seconds in all", cause="timeout")
            self._network.heard(turn_of(source.url), getattr(error, "cause", None), started, monotonic())
            if not isinstance(error, AggregatorError):
                log.exception("poll source=%s fault of the program", source.name)
            visit = self._turns.seal(judged(source, self._failed(source, error)), turn, monotonic() - started)
            brought = await self._recorder.record(visit)
        if brought is None:
            self._leave(source, turn)
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
        answer = await self._ask(source, site, rule)
        if answer.is_known:
            return self._outcomes.unchanged(answer)
        memory = Memory(
            ListingRule(**source.rule) if source.rule else None,
            Look(**source.look) if source.look else None,
            cache(partial(self._store.entries.known, source.id or 0)),  # healing, moves and silence ask the same
            self._same,
        )
        reading = await self._read(answer, memory)
        found = await self._backlog.of(source, site, rule, reading.listing, memory)
        brought = await self._bringer.bring(
            site, rule, found.items, found.tries, most=self._settings.fetch.max_articles, seconds=POLL_SECONDS
        )
        looked = heard(self._store, source, site, rule, found.items, self._tagger, answer.polled_at)
        visit = replace(self._outcomes.read(answer, reading, memory, found, brought), looked=looked)
        if any(one.watch and one.watch.kind == "feed" and one.watch.doubt for one in looked):
            # what is in doubt is read again, though the feed stay as it is
            return replace(visit, validators=Validators(), body_hash=None)
        return visit

    async def _ask(self, source: Source, site: Site, rule: SourceRule) -> Answer:
        """Fetch the page unless it is what it was. Raises SourceError."""
        polled_at = self._now()
        # some servers answer 304 whatever happened: once a day, and to end a break, the whole body is asked for
        is_due = source.fetched_at is None or polled_at - source.fetched_at >= WHOLE_AFTER
        is_due = is_due or (source.broken_by is not None and source.failures > 0)
        validators = Validators() if is_due else Validators(source.etag, source.last_modified)
        asked = address_of(source, polled_at)
        response = await self._fetcher.fetch(asked, validators, allowance=rule.allowance)
        if response.not_modified and validators == Validators():
            raise ParseError(f"{asked} answered 304 to an unconditional request; its server is at fault")
        digest = source.body_hash if response.not_modified else fingerprint(response)
        return Answer(
            source, site, rule, polled_at, response, validators, digest, *moved_of(source, asked, response, polled_at)
        )

    async def _read(self, answer: Answer, memory: Memory) -> Reading:
        """The feed or list, healed after a redesign. Raises ParseError."""
        response = answer.response
        read = partial(read_source, response, answer.rule, memory, timezone=answer.site.timezone, now=answer.polled_at)
        try:
            return await apart(read, response)
        except ParseError as error:
            error.response = response  # it tells why
            raise

    def _failed(self, source: Source, error: Exception) -> Visit:
        is_offline = self._network.is_down
        return self._outcomes.failed(source, *self._rules[source.name], error, self._now(), is_offline=is_offline)


def _by_name(rules: Rules) -> dict[str, tuple[Site, SourceRule]]:
    return {rule.name: (site, rule) for site, rule in rules.sources}
