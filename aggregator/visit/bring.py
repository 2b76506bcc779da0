"""Unknown items -> entries: each item's page fetched, read to its last page, and kept under its key.

One page that cannot be read costs no other, and no entry is lost for it. Knows no store.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Literal, TypeVar

from aggregator.classify.tag import Tagger
from aggregator.errors import FetchError, ParseError, SourceError, StoreError, placed
from aggregator.gather.article import joined, read_article
from aggregator.gather.fetch import Fetcher
from aggregator.identity import domain_of
from aggregator.model import Article, Attachment, Family, Item, NewEntry, Response, Site, SourceRule
from aggregator.visit.compose import article_of, entry_of, trace_of
from aggregator.visit.files import measured
from aggregator.visit.redirects import is_sent_home

log = logging.getLogger(__name__)
T = TypeVar("T")

# after so many failures an article page is given up and its entry kept with what the list says: no entry is lost
ARTICLE_TRIES = 3
# pages of one article that are read; a story is no book
MOST_PAGES = 20
# pages larger than this are read in a thread, so that the others need not wait
READ_APART_BYTES = 300_000
PAGE_TYPES = ("text/", "application/xhtml", "application/xml")


@dataclass(slots=True)
class Brought:
    """What became of the unknown items of a page."""

    entries: list[NewEntry] = field(default_factory=list)  # newest first
    pending: list[tuple[str, Item]] = field(default_factory=list)  # failed, to be tried again
    resting: list[tuple[str, Item]] = field(default_factory=list)  # their host wants to be left alone for a while
    faults: list[str] = field(default_factory=list)
    left: int = 0  # not looked at for want of time


class Bringer:
    """Reads the pages of items. *host* names the minter of Atom ids, *now* is the clock; *on_page* is given each
    article's page as it came, with the address that was asked for.

    *tagger* is asked for when there is something to tag: building one takes time that a visit without news saves.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        families: Sequence[Family],
        tagger: Callable[[], Tagger],
        now: Callable[[], datetime],
        host: str | None,
        on_page: Callable[[str, Response], None] | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._families = families
        self._tagger = tagger
        self._now = now
        self._host = host
        self._on_page = on_page

    async def bring(
        self,
        site: Site,
        rule: SourceRule,
        items: Mapping[str, Item],
        tries: Mapping[str, int],
        *,
        most: int,
        seconds: float,
    ) -> Brought:
        """The entries of those *items* that are in *tries*, which says how often each failed so far.

        Begins with the oldest; after *most* articles or *seconds* it leaves the rest, which the list then still shows.
        """
        brought = Brought()
        tagger = self._tagger() if tries else None
        seen_at, until, fetched = self._now(), monotonic() + seconds, 0
        todo = [(key, item) for key, item in items.items() if key in tries]
        while todo:
            key, item = todo[-1]
            article: Article | None = None
            kind: Literal["page", "feed", "list"] = "feed"
            if item.html is None and is_on_page(rule):
                kind = "page"
                if fetched == most or monotonic() > until:
                    break
                fetched += 1
                # half of the time: one book page by page must not cost the poll, and all that was read before it
                article, fault = await self._story(site, rule, item, seconds / 2)
                if fault:
                    kind = "list"
                    brought.faults.append(placed(fault, item.url))
                    # where robots.txt cannot be read for weeks, the entry must not wait for it
                    is_resting = (
                        isinstance(fault, FetchError) and fault.retry_after is not None and fault.cause != "robots"
                    )
                    fetched -= is_resting  # those of other hosts must not wait for it
                    if is_resting or tries[key] + 1 < ARTICLE_TRIES:
                        (brought.resting if is_resting else brought.pending).append((key, item))
                        todo.pop()
                        continue
            article = article or article_of(item)
            trace = trace_of(kind, item, article)
            assert tagger is not None, "there is something to bring"
            brought.entries.append(
                entry_of(key, item, article, site, rule, tagger, seen_at=seen_at, host=self._host, trace=trace)
            )
            todo.pop()
        brought.entries.reverse()
        brought.entries = await measured(brought.entries, self._fetcher, rule.allowance, until - monotonic())
        brought.left = len(todo)
        return brought

    async def _story(
        self, site: Site, rule: SourceRule, item: Item, seconds: float
    ) -> tuple[Article | None, Exception | None]:
        """(the article as far as it could be read within *seconds*, what failed)."""
        read_at = partial(self._read_at, site, rule, item)
        first: Article | None = None
        try:
            async with asyncio.timeout(seconds):
                first = await read_at(item.url)
                return await whole(first, read_at), None
        except TimeoutError:
            return first, FetchError(
                f"{item.url} took more than {seconds:g} seconds with all its pages", cause="timeout"
            )
        except Exception as error:  # one article must not cost the others
            if isinstance(error, StoreError):
                raise
            if not isinstance(error, SourceError):
                log.exception("article %s fault of the program", item.url)
            return first, error

    async def _read_at(self, site: Site, rule: SourceRule, item: Item, url: str) -> Article:
        response = await self._fetcher.fetch(url, allowance=rule.allowance)
        if is_sent_home(url, response.url) and domain_of(url) == domain_of(response.url):
            raise ParseError(f"{url} leads to the home page {response.url}; the article may be gone")
        if (media_type := file_type(response)) is not None:
            # the list links a file: the file is the article
            file = Attachment(url, item.title, media_type, len(response.body))
            return replace(article_of(item), attachments=(file,), validators=response.validators)
        article = await read_page(response, site, rule, self._families, self._now())
        if self._on_page and url == item.url:
            self._on_page(url, response)
        return article if article.next_page else replace(article, validators=response.validators)


def file_type(response: Response) -> str | None:
    """The media type of a file, None for a page."""
    media_type = response.media_type or "text/html"
    return None if media_type.startswith(PAGE_TYPES) else media_type


def is_on_page(rule: SourceRule) -> bool:
    """Whether the articles of a source are read on their own pages, where its feed does not carry them."""
    return rule.article is None or rule.article.full_text


async def read_page(
    response: Response, site: Site, rule: SourceRule, families: Sequence[Family], now: datetime
) -> Article:
    """The article on a page. Raises ParseError."""
    read = partial(read_article, response, rule.article, families, timezone=site.timezone, now=now, family=rule.family)
    return await apart(read, response)


async def whole(first: Article, read_at: Callable[[str], Awaitable[Article]]) -> Article:
    """*first* with the pages that go on from it, at most MOST_PAGES. Raises SourceError where one cannot be read."""
    pages = [first]
    seen = {first.url}
    while (url := pages[-1].next_page) and url not in seen and len(pages) < MOST_PAGES:
        seen.add(url)
        pages.append(await read_at(url))
    return joined(first, pages[1:])


async def apart(read: Callable[[], T], response: Response) -> T:
    """What *read* gives, read in a thread when the page is large, so that the other polls need not wait."""
    return await asyncio.to_thread(read) if len(response.body) > READ_APART_BYTES else read()
