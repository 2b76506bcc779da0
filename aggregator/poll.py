"""The conductor of one visit to one source. Whoever reads this file knows the service.

    claim (store) -> fetch -> 304 or the same bytes? then done
                           -> read_source (feed or list, healed after a redesign) -> unknown (store)
                           -> fetch, read_article, clean -> tag, summarize
                           -> record (store): entries, poll, validators, next_poll_at, feed versions in one transaction

Every call returns here; no worker calls the next one.
"""

import asyncio
import hashlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aggregator.compose import article_of, entry_of, keyed, own_key, says_more
from aggregator.diagnose import fault_of, proof, strangeness
from aggregator.errors import AggregatorError, FetchError, ParseError, RuleError, SourceError, StoreError
from aggregator.gather.article import read_article
from aggregator.gather.fetch import Fetcher
from aggregator.heal import Memory, Reading, moved, read_older, read_source
from aggregator.health import ACCUSTOMED_AFTER, judged, silence_of
from aggregator.identity import host_of
from aggregator.model import (
    Article,
    Attachment,
    Fault,
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
from aggregator.rhythm import WorkingHours, freshness, next_poll_at, rhythm_of
from aggregator.rules import Rules, load
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.recorder import Recorder

log = logging.getLogger(__name__)
T = TypeVar("T")

# claimed sources belong to this process for so long; what is claimed at once is polled well before
LEASE = timedelta(hours=2)
# a poll fetches no further articles after so long, and is given up after twice that
POLL_SECONDS = 600
# polls of one host at once: they wait for each other, and must not fill all the room
POLLS_PER_HOST = 2
CLAIM = 200
# after so many failures an article page is given up and its entry kept with what the list says: no entry is lost
ARTICLE_TRIES = 3
# list pages followed when a whole page is unknown: the source said more since the last poll than one page holds
CATCH_UP_PAGES = 5
# pages larger than this are read in a thread, so that the others need not wait
READ_APART_BYTES = 300_000
PAGE_TYPES = ("text/", "application/xhtml", "application/xml")


class Poller:
    """Polls sources. *now* is the clock; *on_visit* hears of every recorded visit with the number of new entries."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        store: Store,
        fetcher: Fetcher,
        now: Callable[[], datetime],
        on_visit: Callable[[Source, Visit, int], None] | None = None,
    ) -> None:
        self._settings = settings
        self._rules = _by_name(rules)
        self._families = tuple(rules.families.values())
        self._same = tuple(pair for family in self._families for pair in family.same)
        self._store = store
        self._fetcher = fetcher
        self._now = now
        self._on_visit = on_visit
        self._host = urlsplit(settings.site.url).hostname
        self._claimed: deque[Source] = deque()
        self._running: dict[asyncio.Task[None], Source] = {}
        self._one_finished = asyncio.Event()
        self._stopping = False
        self._recorder = Recorder(store)
        self._fault: StoreError | None = None

    async def poll_due(self, names: Sequence[str] | None = None) -> int:
        """Claim what is due (or what *names* says) and start it, without waiting; how many polls now run."""
        self._fault = None  # a full disk may have room again
        if not self._claimed:
            limit = CLAIM if names is None else len(names)
            self._claimed.extend(self._store.sources.claim(self._now(), limit, LEASE, names))
            self._start()
        return len(self._running)

    async def poll_all_due(self, names: Sequence[str] | None = None) -> None:
        """Poll everything that is due (or *names*, once) and wait. Raises StoreError when nothing can be stored."""
        running = await self.poll_due(names)
        while running:
            await self._one_finished.wait()
            self._one_finished.clear()
            if self._fault is not None:
                raise self._fault
            if names is not None:
                names = []  # each name once
            running = await self.poll_due(names)

    async def stop(self) -> None:
        """End all polls: what is being recorded is finished, all else is dropped and its lease given back."""
        self._stopping = True
        unfinished = [*self._running.values(), *self._claimed]
        self._claimed.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._recorder.close()
        if unfinished and self._fault is None:
            self._store.sources.release(unfinished)

    def _start(self) -> None:
        """Begin claimed polls as far as there is room, longest due first, not too many of one host."""
        busy = Counter(host_of(source.url) for source in self._running.values())
        for _ in range(len(self._claimed)):
            if self._stopping or len(self._running) >= self._settings.fetch.concurrency:
                return
            source = self._claimed.popleft()
            host = host_of(source.url)
            if busy[host] >= POLLS_PER_HOST:
                self._claimed.append(source)
                continue
            if not self._knows(source):
                continue
            busy[host] += 1
            task = asyncio.create_task(self._poll(source))
            self._running[task] = source
            task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        del self._running[task]
        self._one_finished.set()
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, StoreError):
            self._fault = error
            self._claimed.clear()  # their leases run out by themselves; nothing can be written now
            log.error("nothing can be stored: %s", error)
        elif error is not None:
            log.error("a poll ended in a fault of the program", exc_info=error)
        self._start()

    def _knows(self, source: Source) -> bool:
        """Whether there is a rule for *source*; reads the files again for one that was added while we run."""
        if source.name not in self._rules:
            try:
                self._rules = _by_name(load(self._settings.instance)) | self._rules
            except RuleError as error:
                log.error("the rules were not read again: %s", error)
        if source.name not in self._rules:
            log.warning("source=%s is in no site file; `aggregator sources` switches it off", source.name)
        return source.name in self._rules

    async def _poll(self, source: Source) -> None:
        started = monotonic()
        try:
            async with asyncio.timeout(2 * POLL_SECONDS):
                visit = await self._visit(source)
            visit = judged(source, replace(visit, milliseconds=round((monotonic() - started) * 1000)))
            brought = await self._recorder.record(visit)
        except StoreError:
            raise
        except Exception as error:  # the one place: a fault of ours fails this poll, never the service
            if isinstance(error, TimeoutError):
                error = FetchError(f"{source.url} took more than {2 * POLL_SECONDS} seconds in all", cause="timeout")
            if not isinstance(error, AggregatorError):
                log.exception("poll source=%s fault of the program", source.name)
            visit = replace(self._failed(source, error), milliseconds=round((monotonic() - started) * 1000))
            visit = judged(source, visit)
            brought = await self._recorder.record(visit)
        log.info(
            "poll source=%s outcome=%s cause=%s status=%s entries=%d items=%d ms=%d%s",
            source.name,
            visit.outcome(brought),
            visit.fault,
            visit.status,
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
        validators = Validators(source.etag, source.last_modified)
        response = await self._fetcher.fetch(source.url, validators)
        digest = source.body_hash if response.not_modified else hashlib.sha256(response.body).hexdigest()
        if digest == source.body_hash and source.body_hash is not None:
            # RFC 9111 §4.3.4: a 304 may bring newer validators, and keeps those it does not name
            fresh = response.validators
            kept = Validators(fresh.etag or validators.etag, fresh.last_modified or validators.last_modified)
            return self._unchanged(source, polled_at, response, kept)
        if response.not_modified:
            raise ParseError(f"{source.url} answered 304 to an unconditional request; its server is at fault")

        memory = Memory(
            ListingRule(**source.rule) if source.rule else None,
            Look(**source.look) if source.look else None,
            partial(self._store.entries.known, source.id or 0),
            self._same,
        )
        read = partial(read_source, response, rule, memory, timezone=site.timezone, now=polled_at)
        try:
            reading = await _apart(read, response)
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
            faults += await self._catch_up(source, site, listing, items, tries)
        waiting = self._store.entries.pending_of(source.id or 0)
        items |= {key: item for key, item in waiting.items() if key not in items}  # gone from the page, not forgotten
        tries |= self._store.entries.unknown([key for key in waiting if key not in tries])

        entries, pending, broken, left = await self._articles(site, rule, items, tries, polled_at)
        faults += broken
        complete = not pending and not left
        said: list[Item | NewEntry] = [*listing.items, *entries]
        dated = [(one.published, one.precision) for one in said if one.published]
        rhythm = rhythm_of(dated, polled_at, self._hours(site)) or _rhythm(source)
        silence = None
        if tries or source.stale_at is None:
            known = [one.published for one in memory.entries() if one.published]
            silence = silence_of([time for time, _ in dated], known, len(said), polled_at)
        fault = self._strangeness(source, rule, response, reading, entries, pending)
        if left:
            faults.append(f"{left} more articles are left for the next poll")
        return Visit(
            source_id=source.id or 0,
            polled_at=polled_at,
            next_poll_at=self._next_poll_at(
                source, polled_at, rhythm, more_waits=not complete, fresh_for=freshness(response.headers, polled_at)
            ),
            status=response.status,
            message="; ".join(faults[:3]) or None,
            items=len(listing.items),
            entries=tuple(entries),
            pending=tuple(pending),
            moved=tuple((key, items[key].url, one.id) for key, one in elsewhere.items()),
            # what was not read to the end must be seen again, changed or not
            validators=response.validators if complete else Validators(),
            body_hash=digest if complete else None,
            kind=listing.kind,
            rule=listing.rule,
            # an ailing look is not what the list is measured by
            look=None if fault == "shape" else reading.look,
            rhythm=rhythm,
            repair=f"{polled_at:%Y-%m-%d}: {reading.note}" if reading.is_repaired else None,
            fault=fault,
            silence=silence,
            kept=proof(response, fault, source.fault),
        )

    def _strangeness(
        self,
        source: Source,
        rule: SourceRule,
        response: Response,
        reading: Reading,
        entries: Sequence[NewEntry],
        pending: Sequence[tuple[str, Item]],
    ) -> Fault | None:
        """What is wrong with a source though it was read."""
        is_full = rule.article is None or rule.article.full_text
        unread = sum(not (entry.text or entry.images or entry.attachments) for entry in entries) + len(pending)
        return strangeness(
            source.url,
            response,
            reading.listing.items,
            is_changed=reading.is_changed and source.strikes < ACCUSTOMED_AFTER,
            tried=len(entries) + len(pending) if is_full else 0,
            unread=unread,
        )

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
                response = await self._fetcher.fetch(listing.next_page)
                read = partial(read_older, response, listing, timezone=site.timezone, now=self._now())
                listing = await _apart(read, response)
            except SourceError as error:
                if source.failures < ARTICLE_TRIES:
                    raise  # nothing is stored, so that the next poll sees the same gap
                return [_placed(error, source.url)]
            older = {key: item for key, item in keyed(listing, source.url, self._same).items() if key not in items}
            unknown = self._unknown(older)
            items.update(older)
            tries.update(unknown)
            if not says_more(older, unknown):
                return []
        return [f"{source.url}: more than {CATCH_UP_PAGES} pages are new; the older ones were not read"]

    async def _articles(
        self,
        site: Site,
        rule: SourceRule,
        items: dict[str, Item],
        tries: dict[str, int],
        polled_at: datetime,
    ) -> tuple[list[NewEntry], list[tuple[str, Item]], list[str], int]:
        """(entries, items to try again, what failed, how many were left) of the unknown items, newest first.

        Begins with the oldest: what is left for the next poll then still stands on the first page.
        """
        entries: list[NewEntry] = []
        pending: list[tuple[str, Item]] = []
        faults: list[str] = []
        fetched = 0
        until = monotonic() + POLL_SECONDS
        todo = [(key, item) for key, item in items.items() if key in tries]
        while todo:
            key, item = todo[-1]
            article = article_of(item)
            if item.html is None and (rule.article is None or rule.article.full_text):
                if fetched == self._settings.fetch.max_articles or monotonic() > until:
                    break
                fetched += 1
                try:
                    article = await self._article(site, rule, item)
                except Exception as error:  # one article must not cost the others
                    if isinstance(error, StoreError):
                        raise
                    if not isinstance(error, SourceError):
                        log.exception("article %s fault of the program", item.url)
                    faults.append(_placed(error, item.url))
                    if tries[key] + 1 < ARTICLE_TRIES:
                        pending.append((key, item))
                        todo.pop()
                        continue
            entries.append(entry_of(key, item, article, site, rule, seen_at=polled_at, host=self._host))
            todo.pop()
        return entries[::-1], pending, faults, len(todo)

    async def _article(self, site: Site, rule: SourceRule, item: Item) -> Article:
        response = await self._fetcher.fetch(item.url)
        media_type = (response.content_type or "text/html").lower()
        if not media_type.startswith(PAGE_TYPES):
            # the list links a file: the file is the article
            file = Attachment(item.url, item.title, media_type.partition(";")[0].strip(), len(response.body))
            return replace(article_of(item), attachments=(file,))
        read = partial(
            read_article,
            response,
            rule.article,
            self._families,
            timezone=site.timezone,
            now=self._now(),
            family=rule.family,
        )
        return await _apart(read, response)

    def _unchanged(self, source: Source, polled_at: datetime, response: Response, validators: Validators) -> Visit:
        fresh_for = freshness(response.headers, polled_at)
        return self._kept(
            source,
            polled_at,
            self._next_poll_at(source, polled_at, _rhythm(source), fresh_for=fresh_for),
            status=response.status,
            validators=validators,
            # the page is what it was when it was read last
            fault=None if source.failures else source.fault,
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
        failures = source.failures + 1
        fault = fault_of(error, source.url)
        status = getattr(error, "status", None)
        cause = (
            error.cause
            if isinstance(error, FetchError)
            else "parse"
            if isinstance(error, AggregatorError)
            else "program"
        )
        message = (
            _placed(error, source.url)
            if isinstance(error, AggregatorError)
            else f"a fault of this program ({error!r}); please report it with the log"
        )
        return self._kept(
            source,
            polled_at,
            self._next_poll_at(source, polled_at, None, failures=failures, is_gone=status == 410),
            cause=cause,
            status=status,
            message=message,
            failures=failures,
            validators=Validators(source.etag, source.last_modified),
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
            **said,
        )


async def _apart(read: Callable[[], T], response: Response) -> T:
    """What *read* gives, read in a thread when the page is large, so that the other polls need not wait."""
    return await asyncio.to_thread(read) if len(response.body) > READ_APART_BYTES else read()


def _rhythm(source: Source) -> Rhythm | None:
    """What earlier polls learned of how *source* publishes."""
    if source.newest is None or source.per_day is None or source.working_share is None:
        return None
    return Rhythm(source.newest, source.per_day, source.working_share)


def _by_name(rules: Rules) -> dict[str, tuple[Site, SourceRule]]:
    return {rule.name: (site, rule) for site, rule in rules.sources}


def _placed(error: Exception, url: str) -> str:
    """What *error* says, with the address it is about: a reader of text alone does not know it."""
    return str(error) if url in str(error) else f"{url}: {error}"
