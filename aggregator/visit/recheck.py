"""Known articles, looked at again: what their publishers changed, removed or brought back since they were last read.

    due -> fetch, with validators -> 304 or the same bytes? then done
                                  -> 404, home page, a notice? gone when it is so a day later, with 410 at once
                                  -> read_article, all its pages -> compare with what is kept
                                  -> another text? read again: what readings do not agree on is no change
                                  -> there for the first time? in doubt, until it is there an hour later, too, unless
                                     the list tells its new title

A page that is broken for the moment, or shows something else, is neither a change nor a removal: it is asked for later.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from aggregator.classify.revise import Difference, compare, is_another, is_other_title, state_of
from aggregator.classify.tag import Tagger
from aggregator.errors import FetchError, ParseError, SourceError, StoreError
from aggregator.gather.fetch import Fetcher
from aggregator.gather.fingerprint import fingerprint
from aggregator.identity import domain_of
from aggregator.model import (
    Article,
    Attachment,
    Change,
    Family,
    Item,
    Looked,
    Response,
    Site,
    Source,
    SourceRule,
    Told,
    Validators,
    Watch,
    Watched,
)
from aggregator.store import Store
from aggregator.visit.bring import file_type, is_on_page, read_page, whole
from aggregator.visit.compose import article_of
from aggregator.visit.diagnose import fault_of, says_missing
from aggregator.visit.files import measured
from aggregator.visit.looks import FLAPPING, is_regular, later, missed, onward
from aggregator.visit.redirects import is_sent_home
from aggregator.visit.reread import (
    after,
    as_sure,
    doubted,
    edited,
    entry_now,
    passed,
    said_by,
    title_now,
    told_before,
    told_by,
    unchanged,
    weighed,
)

log = logging.getLogger(__name__)

# articles that are asked for in one visit; the others come with the next
MOST = 20
# further readings of a page on which something differs, and those before it is told: a page of which two copies take
# turns by lot must say the same to all of them, in both looks (once in 2,000)
AGAIN, BEFORE_TOLD = 3, 6
# as if so much time had passed: a date that is told by the distance from now ("3 小时前") is another one then
MUCH_LATER = timedelta(days=7)
COMPARED_APART = 200_000  # characters
NEWS_OR_NOT = Validators()  # to ask with: the whole page
# failures that say that nobody is there, rather than something of one page
OF_HOST = ("dns", "connect", "timeout", "tls", "address")
# what is wrong with a page that lost its article, where the list lost it, too
EMPTIED = ("moved", "empty", "redesigned")


@dataclass(frozen=True, slots=True)
class Reading:
    """A page that was read: *article* is None where it is what it was; the rest is what to ask with next time."""

    article: Article | None
    validators: Validators
    body_hash: str | None
    is_notice: bool = False  # it may say that the article is not there


class _MissingError(Exception):
    """The article is not there; *how* that shows."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Rechecker:
    """*tagger* is by the rules of the hour, *now* is the clock."""

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        families: Sequence[Family],
        tagger: Callable[[], Tagger],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._families = families
        self._tagger = tagger
        self._now = now

    async def look(self, source: Source, site: Site, rule: SourceRule, seconds: float) -> tuple[Looked, ...]:
        """What the articles of *source* that are due say now, at most MOST of them, begun within *seconds*."""
        now, until = self._now(), monotonic() + seconds
        found: list[Looked] = []
        due = self._store.rechecks.due(source.id or 0, now, MOST)
        for number, one in enumerate(due):
            if monotonic() > until:
                break
            try:
                async with asyncio.timeout(seconds / 2):
                    found.append(await self._look_at(one, source, site, rule, now))
            except FetchError as error:
                wait = error.retry_after or timedelta(0)
                is_of_host = error.cause in OF_HOST or error.retry_after is not None
                unseen = due[number:] if is_of_host else [one]
                found += [after(each.watch, now, later(each.watch, now, wait)) for each in unseen]
                if is_of_host:
                    break
            except Exception as error:  # one article must not cost the others
                if isinstance(error, StoreError):
                    raise
                if not isinstance(error, SourceError | TimeoutError):
                    log.exception("article %s fault of the program", one.url)
                found.append(after(one.watch, now, later(one.watch, now)))
        news = [one.new for one in found if one.new]  # with files, perhaps, that they did not have before
        fresh = iter(await measured(news, self._fetcher, rule.allowance, until - monotonic()))
        return tuple(replace(one, new=next(fresh)) if one.new else one for one in found)

    async def _look_at(self, one: Watched, source: Source, site: Site, rule: SourceRule, now: datetime) -> Looked:
        """Raises SourceError where the page tells nothing now."""
        watch = one.watch
        # by a feed, which tells its text: the page only, that it is there
        is_carried = watch.kind == "feed" or not is_on_page(rule)
        if is_carried and not (is_on_page(rule) and (watch.is_unlisted or one.removed_at)):
            return after(watch, now, onward(watch, now))
        asked = Validators(watch.etag, watch.last_modified) if is_regular(watch) else NEWS_OR_NOT
        try:
            reading = await self._read(one, site, rule, asked, watch.body_hash, now)
            if is_carried:
                return unchanged(watch, now, one.removed_at)
            fresh = replace(
                watch,
                etag=reading.validators.etag,
                last_modified=reading.validators.last_modified,
                body_hash=reading.body_hash,
            )
            if reading.article is None:
                return unchanged(fresh, now, one.removed_at)
            return await self._compare(one, fresh, reading, site, rule, now)
        except _MissingError as missing:
            return _missing(one, source, now, missing.how)

    async def _read(
        self, one: Watched, site: Site, rule: SourceRule, asked: Validators, known: str | None, at: datetime
    ) -> Reading:
        """The article's page as of *at*, not read where it is still *known*. Raises SourceError, _MissingError."""
        response = await self._fetch(one, rule, asked)
        if response.not_modified:
            fresh = response.validators
            asked = Validators(fresh.etag or asked.etag, fresh.last_modified or asked.last_modified)
            return Reading(None, asked, one.watch.body_hash)
        digest = fingerprint(response)
        if known is not None and digest == known:
            return Reading(None, response.validators, digest)
        if (media_type := file_type(response)) is not None:
            file = Attachment(one.url, one.entry_title, media_type, len(response.body))
            article = replace(article_of(Item(one.url, one.watch.title or "")), attachments=(file,))
            return Reading(article, response.validators, digest)
        try:
            article = await read_page(response, site, rule, self._families, at)
        except ParseError as error:
            raise _explained(error, response, one) from error
        is_notice = says_missing(response)
        if article.next_page is None:
            return Reading(article, response.validators, digest, is_notice)
        # told on several pages: whether the others are what they were, the first one does not say
        article = await whole(article, partial(self._read_next, site, rule, at))
        return Reading(article, NEWS_OR_NOT, None, is_notice)

    async def _fetch(self, one: Watched, rule: SourceRule, asked: Validators) -> Response:
        """The answer of the article's own page, or 304. Raises SourceError, _MissingError."""
        try:
            response = await self._fetcher.fetch(one.url, asked, allowance=rule.allowance)
        except FetchError as error:
            if error.cause == "status" and error.status in (404, 410):
                raise _MissingError(str(error.status)) from error
            raise
        if response.not_modified and asked == NEWS_OR_NOT:
            raise ParseError(f"{one.url} answered 304 to an unconditional request; its server is at fault")
        if domain_of(one.url) != domain_of(response.url):
            raise ParseError(f"{one.url} leads to another site, {response.url}")
        if is_sent_home(one.url, response.url):
            raise _MissingError("home")
        return response

    async def _read_next(self, site: Site, rule: SourceRule, at: datetime, url: str) -> Article:
        response = await self._fetcher.fetch(url, allowance=rule.allowance)
        return await read_page(response, site, rule, self._families, at)

    async def _compare(
        self, one: Watched, watch: Watch, reading: Reading, site: Site, rule: SourceRule, now: datetime
    ) -> Looked:
        """*watch* asks next time with what *reading* brought. Raises SourceError, _MissingError for something else."""
        entry, article = self._store.revisions.whole(watch.entry_id), reading.article
        assert article is not None
        if entry is None:
            return Looked(watch.entry_id, now, None)
        before, told = told_before(entry, watch), told_by(article)
        if watch.kind == "list":  # its page is there at last
            read = said_by(replace(watch, kind="page"), told)
            title = title_now(entry, watch, told, is_new=False)
            return after(
                read,
                now,
                onward(read, now),
                new=entry_now(one, entry, article, title, site, rule, self._tagger(), is_dated=True),
            )
        found = await _compared(before, told)
        if found is None:
            return unchanged(passed(said_by(watch, told)), now, one.removed_at)
        if before.text and not told.text and any(file.url == one.url for file in article.attachments):
            raise ParseError(f"{one.url} gives a file in place of its article")
        if is_another(replace(before, title=before.title or entry.title), told):
            if reading.is_notice:
                raise _MissingError("notice")
            raise ParseError(f"{one.url} shows another article")
        # asked without validators next time: should it stay so, it is told when it is no longer new
        unsure = replace(watch, etag=None, last_modified=None, body_hash=None)
        times = BEFORE_TOLD if found.only(watch.doubt) else AGAIN
        agreed = await self._confirmed(one, before, told, found, site, rule, times)
        if agreed is None:
            return unchanged(passed(unsure, found.marks), now, one.removed_at)
        was_left = state_of(told) in self._store.revisions.states(watch.entry_id, now - FLAPPING)
        is_listed = watch.listed_title != "" and not is_other_title(watch.listed_title, told.title)
        is_told = is_listed and "title" in agreed.what
        fresh, sure = weighed(unsure, agreed, now, is_told=is_told, was_left=was_left)
        if sure is None:
            restored = (Change("restored"),) if one.removed_at else ()
            return after(fresh, now, doubted(watch, fresh, now), restored)
        # of what is left in doubt, its page is asked as it is of all that is
        watch = fresh if fresh.doubt else replace(watch, passing=fresh.passing, doubt=(), doubted_at=None)
        title = title_now(entry, watch, told, is_new=True) if "title" in sure.what else entry.title
        said = said_by(watch, told, sure.what)
        changes = (*((Change("restored"),) if one.removed_at else ()), edited(before, sure))
        article = as_sure(article, entry, found, sure)
        new = entry_now(one, entry, article, title, site, rule, self._tagger(), is_dated="date" in sure.what)
        then = doubted(replace(said, doubt=()), said, now) if said.doubt else onward(said, now)
        return after(said, now, then, changes, new)

    async def _confirmed(
        self, one: Watched, before: Told, told: Told, found: Difference, site: Site, rule: SourceRule, times: int
    ) -> Difference | None:
        """What of *found* the page says as many *times* when it is read again at once; None: nothing.

        Raises SourceError.
        """
        for _ in range(times):
            again = await self._read(one, site, rule, NEWS_OR_NOT, None, self._now() + MUCH_LATER)
            assert again.article is not None  # nothing is known of it
            still = await _compared(before, told, told_by(again.article))
            shared = still and found.only(still.marks)
            if still is None or shared is None:
                return None
            found = replace(shared, words=min(shared.words, still.words))
        return found


async def _compared(*told: Told) -> Difference | None:
    """What ``compare`` finds, long texts in a thread, so that the polls need not wait."""
    is_long = sum(len(one.text) for one in told) > COMPARED_APART
    return await asyncio.to_thread(compare, *told) if is_long else compare(*told)


def _explained(error: ParseError, response: Response, one: Watched) -> Exception:
    """What it means that a page has no article."""
    error.response = response
    if says_missing(response):
        return _MissingError("notice")
    if one.watch.is_unlisted and fault_of(error, one.url) in EMPTIED:
        return _MissingError("list")
    return error


def _missing(one: Watched, source: Source, now: datetime, how: str) -> Looked:
    """The look that did not find an article."""
    watch = one.watch
    if one.removed_at or watch.kind == "list":  # which is known, or was so from the beginning
        return after(watch, now, onward(watch, now))
    if source.failures:  # a site that falls, or moves, takes all its articles with it
        return after(watch, now, later(watch, now))
    then, is_sure = missed(watch, now, how)
    return after(watch, now, then, (Change("removed", (how,)),) if is_sure else ())
