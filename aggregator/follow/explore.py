"""A page's address in, what could be followed there out, the best first: behind `aggregator add` and /follow/.

The walk: the page itself and the list on it -> the feeds it names, else those its program usually serves -> where it is
a home page, or has no list, the columns it leads to. Few requests, one at a time. Knows the readers, writes nothing.
"""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Literal
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from aggregator.errors import FetchError, ParseError, SourceError, placed
from aggregator.follow.catalogue import Catalogue
from aggregator.follow.recognise import column_title, site_at, university_named
from aggregator.gather.charset import decode
from aggregator.gather.columns import asks_for_password, columns, frames, is_front, name_worth, sent_on
from aggregator.gather.feed import looks_like_feed, read_feed
from aggregator.gather.feed_places import named_feeds, usual_feeds
from aggregator.gather.fetch import Fetcher
from aggregator.gather.induce import title_of
from aggregator.gather.listing import read_listing
from aggregator.gather.tree import parse
from aggregator.gather.worth import is_article
from aggregator.identity import domain_of, identity
from aggregator.model import Allowance, Listing, Response
from aggregator.rules import feed_timezone

How = Literal["here", "named", "usual", "column"]  # at the address, named by its page, where such feeds are, linked
Sureness = Literal["sure", "likely", "doubtful"]

MOST_COLUMNS = 6
MOST_INNER = 2  # of a column that is a home page itself
EXTRA_SECONDS = 45.0  # for all that is visited beside the address itself
SURE, LIKELY = 0.8, 0.5
FEW, SHORT = 3, 5  # items: fewer make hardly a list, or a short one
SHORT_TITLE = 6  # characters, at the median
OLD, ANCIENT = timedelta(days=400), timedelta(days=1200)
RANKS: Sequence[Sureness] = ("sure", "likely", "doubtful")
# of a feed that tells nothing of what the column's own list has: it is of the whole site
OF_SITE = 0.7
# of the list on a home page, which shows only the newest of a column
OF_FRONT = 0.7
# families of programs that serve no feeds
FEEDLESS = ("vsb", "webplus", "trs", "enorth", "hanweb")
FILES = re.compile(
    rb"%PDF-|PK\x03\x04|\xd0\xcf\x11\xe0|\x89PNG|\xff\xd8\xff|GIF8|Rar!|7z\xbc\xaf|\x1f\x8b|RIFF|\x00\x00\x00.ftyp"
)
FILE_TYPES = re.compile(r"(?:image|video|audio|font)/|application/(?:pdf|zip|msword|vnd\.|x-rar|octet-stream)")


@dataclass(frozen=True, slots=True)
class Find:
    """A feed or list that could be followed, with the page it was read from; *worth* says how surely it is one."""

    url: str
    title: str  # of the column, without its university
    listing: Listing
    response: Response
    how: How
    worth: float

    @property
    def sureness(self) -> Sureness:
        return "sure" if self.worth >= SURE else "likely" if self.worth >= LIKELY else "doubtful"

    @property
    def dated(self) -> int:
        return sum(item.published is not None for item in self.listing.items)

    @property
    def newest(self) -> datetime | None:
        return max((item.published for item in self.listing.items if item.published), default=None)


@dataclass(slots=True)
class Exploration:
    """What was found at *url*, the best first, and whose it is, where the pages say so."""

    url: str  # after redirects
    finds: list[Find] = field(default_factory=list)
    university: str | None = None
    trouble: str = ""  # why the page itself has no list; empty where it has


async def explore(
    fetcher: Fetcher, url: str, known: Catalogue, *, timezone: ZoneInfo, now: datetime, is_intranet: bool = False
) -> Exploration:
    """What could be followed at *url*. Raises SourceError where nothing is, saying what to do.

    *is_intranet*: private addresses may be visited on its own domain.
    """
    explorer = _Explorer(fetcher, known, timezone, now, Allowance(url, private_networks=is_intranet))
    try:
        return await explorer.explore(url)
    except ParseError as error:
        raise ParseError(placed(error, url)) from error


def worth_of(listing: Listing, url: str, now: datetime) -> float:
    """How surely *listing* is what people mean by the news of a site: from 0 to 1."""
    items = listing.items
    if not items:
        return 0.0
    worth = 1.0
    dates = sorted(item.published for item in items if item.published)
    if listing.kind == "list":
        worth *= 0.4 if len(items) < FEW else 0.8 if len(items) < SHORT else 1.0
        worth *= 0.65 if not dates else 0.85 if 2 * len(dates) < len(items) else 1.0
        if 2 * sum(domain_of(item.url) == domain_of(url) for item in items) < len(items):
            worth *= 0.8
        if 2 * sum(is_article(item.url) for item in items) < len(items):
            worth *= 0.9
    if median(len(item.title) for item in items) < SHORT_TITLE:
        worth *= 0.5
    if dates:
        worth *= 0.6 if now - dates[-1] > ANCIENT else 0.85 if now - dates[-1] > OLD else 1.0
    return worth


def _rank(find: Find) -> tuple[int, bool, float, float]:
    """What comes first: what is surer, a feed, what is worth more, then news before notices."""
    name = name_worth(find.title) or 0.0
    return RANKS.index(find.sureness), find.listing.kind != "feed", -round(find.worth, 2), -name


class _Explorer:
    def __init__(
        self, fetcher: Fetcher, known: Catalogue, timezone: ZoneInfo, now: datetime, allowance: Allowance
    ) -> None:
        self._fetcher = fetcher
        self._known = known
        self._zone = timezone
        self._now = now
        self._allowance = allowance
        self._found: dict[str, Find] = {}
        self._university: str | None = None

    async def explore(self, url: str) -> Exploration:
        response = await self._page(url)
        if looks_like_feed(response):
            self._add(response.url, self._feed(response), response, "here")
            if not self._found:
                raise ParseError(f"{url} is a feed without any entry; add it when it has one, or another page")
            return await self._result(response.url)
        html = decode(response.body, response.content_type)
        target = sent_on(html, response.url)
        # a page with a list sends only telephones on
        if target and domain_of(target) == domain_of(url) and not self._list(response)[0]:
            response = await self._page(target)
            html = decode(response.body, response.content_type)
        here, trouble = self._list(response)
        if here is None and (framed := await self._framed(html, response.url)):
            self._university = self._owner(html, response.url)
            outer = title_of(parse(html))
            # a page that names columns itself may show no more than a banner in a frame
            other = response if columns(html, response.url, 1) else framed[0]
            response = next((page for page in framed if self._list(page)[0]), other)
            html = decode(response.body, response.content_type)
            here, trouble = self._list(response)
            here = replace(here, title=here.title or outer) if here else None
        front = is_front(html, response.url)
        if here and front and here.next_page is None:
            self._add(response.url, here, response, "here", OF_FRONT)
        elif here:
            self._add(response.url, here, response, "here")
        self._university = self._university or self._owner(html, response.url)
        if here or not asks_for_password(html):
            await self._patiently(self._look_around(html, response.url, front))
        if not self._found:
            raise ParseError(trouble)
        return await self._result(response.url, trouble)

    async def _look_around(self, html: str, url: str, front: bool) -> None:
        """The feeds of the page, and its columns where the page itself is not surely the list."""
        feedless = any(mark in html for name in FEEDLESS for mark in self._marks(name))
        column = [] if front else [item.url for find in self._found.values() for item in find.listing.items]
        for place in named_feeds(html, url):
            await self._try_feed(place, "named", column)
        if not any(find.listing.kind == "feed" for find in self._found.values()):
            for place in usual_feeds(html, url, is_front=front, is_feedless=feedless):
                await self._try_feed(place, "usual", column)
        best = max((find.worth for find in self._found.values()), default=0.0)
        if front or best < LIKELY:
            fronts = [await self._try_column(place) for place in columns(html, url, MOST_COLUMNS)]
            for page in filter(None, fronts):  # 新闻网, a home page of its own
                for place in columns(decode(page.body, page.content_type), page.url, MOST_INNER):
                    await self._try_column(place)

    async def _result(self, url: str, trouble: str = "") -> Exploration:
        if self._university is None and not site_at(self._known, url):
            await self._patiently(self._ask_home(url))
        finds = [
            replace(find, title=column_title(find.listing.title, self._university)) for find in self._found.values()
        ]
        finds.sort(key=_rank)
        return Exploration(url, finds, self._university, trouble)

    async def _page(self, url: str) -> Response:
        """The page at *url*, of the same site. Raises SourceError for files, and for what leads elsewhere."""
        response = await self._fetcher.fetch(url, allowance=self._allowance)
        if domain_of(response.url) != domain_of(self._allowance.home):
            raise FetchError(
                f"{url} leads to {response.url}, which is another site; add that address if it is the one you mean",
                cause="redirect",
            )
        kind = response.media_type
        if FILES.match(response.body) or (FILE_TYPES.match(kind) and not looks_like_feed(response)):
            raise ParseError(
                f"{url} is a file ({kind or 'no page'}), nothing that could be followed; "
                "give the address of the page that links to it"
            )
        return response

    async def _framed(self, html: str, url: str) -> list[Response]:
        """The pages that the page at *url* shows in frames, the longest first."""
        pages = []
        for place in frames(html, url):
            with suppress(SourceError):
                pages.append(await self._page(place))
        return sorted(pages, key=lambda page: -len(page.body))

    async def _try_feed(self, url: str, how: How, column: Sequence[str]) -> None:
        """Add the feed at *url* where there is a live one; *column* has the articles that it should tell of.

        A page often names feeds that are long dead.
        """
        try:
            response = await self._fetcher.fetch(url, allowance=self._allowance)
            feed = self._feed(response) if looks_like_feed(response) else None
        except SourceError:
            return
        if feed:
            told = {identity(item.url) for item in feed.items}
            is_of_site = bool(column) and told.isdisjoint(identity(one) for one in column)
            self._add(url, feed, response, how, OF_SITE if is_of_site else 1.0)

    async def _try_column(self, url: str) -> Response | None:
        """Add the list at *url*; the page where it is a home page of several columns itself, else None."""
        try:
            response = await self._page(url)
        except SourceError:
            return None
        html = decode(response.body, response.content_type)
        listing, _ = self._list(response)
        front = is_front(html, response.url) and (listing is None or listing.next_page is None)
        if listing:
            self._add(response.url, listing, response, "column", OF_FRONT if front else 1.0)
            self._university = self._university or self._owner(html, response.url)
        return response if front else None

    async def _ask_home(self, url: str) -> None:
        """Ask the home page of the domain whose it is, where the pages of a department do not say."""
        domain = domain_of(url)
        host = urlsplit(url).hostname or ""
        if host in (domain, f"www.{domain}") and urlsplit(url).path in ("", "/"):
            return
        home = urljoin(url, "/") if host == domain else f"{urlsplit(url).scheme}://www.{domain}/"
        try:
            response = await self._page(home)
            self._university = self._owner(decode(response.body, response.content_type), response.url)
        except SourceError:
            return

    async def _patiently(self, work: Awaitable[None]) -> None:
        """Do what is done beside the page itself; what has been found when the time is over is kept."""
        try:
            await asyncio.wait_for(work, EXTRA_SECONDS)
        except TimeoutError:
            return

    def _list(self, response: Response) -> tuple[Listing | None, str]:
        """The list on the page, or why there is none."""
        try:
            return read_listing(response, None, timezone=self._zone, now=self._now), ""
        except ParseError as error:
            return None, str(error)

    def _feed(self, response: Response) -> Listing:
        return read_feed(response, timezone=feed_timezone(response.url, self._zone), now=self._now)

    def _owner(self, html: str, url: str) -> str | None:
        known = site_at(self._known, url)
        try:
            return known.university if known else university_named(html, self._known)
        except ParseError:  # markup built to keep a parser busy
            return None

    def _marks(self, family: str) -> Sequence[str]:
        found = self._known.families.get(family)
        return found.marks if found else ()

    def _add(self, url: str, listing: Listing, response: Response, how: How, factor: float = 1.0) -> None:
        worth = worth_of(listing, response.url, self._now) * factor
        if listing.items:
            self._found.setdefault(identity(url), Find(url, listing.title or "", listing, response, how, worth))
