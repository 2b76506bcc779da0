"""What a source has said since the last poll and the store does not know: of its page, of older pages, of what waits.

Asks the store and follows the pager; reads no article.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from aggregator.errors import OtherListError, SourceError, placed
from aggregator.gather.fetch import Fetcher
from aggregator.model import Item, KnownEntry, Listing, Site, Source, SourceRule
from aggregator.store import Store
from aggregator.visit.bring import ARTICLE_TRIES, apart
from aggregator.visit.compose import keyed, own_key, says_more
from aggregator.visit.heal import Memory, moved, read_older

# list pages followed when a whole page is unknown: the source said more since the last poll than one page holds
CATCH_UP_PAGES = 5


@dataclass(slots=True)
class Found:
    """The *items* by identity key, *tries* of those to bring, *elsewhere* those known at another address."""

    items: dict[str, Item]
    tries: dict[str, int]
    elsewhere: dict[str, KnownEntry]
    faults: list[str]


class Backlog:
    """*same* makes aliases of one address one key; *now* is the clock."""

    def __init__(
        self, store: Store, fetcher: Fetcher, same: tuple[tuple[str, str], ...], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._same = same
        self._now = now

    async def of(self, source: Source, site: Site, rule: SourceRule, listing: Listing, memory: Memory) -> Found:
        """What is to be brought after *listing* was read. Raises SourceError where an older page may come yet."""
        items = keyed(listing, source.url, self._same)
        tries = self._unknown(items)
        elsewhere = {} if source.news_at is None else moved(items, tries, memory.entries)
        faults = [f"{source.url} gives {len(elsewhere)} known articles new addresses"] if elsewhere else []
        tries = {key: tried for key, tried in tries.items() if key not in elsewhere}
        if source.news_at is not None and says_more(items, tries):
            faults += await self._catch_up(source, site, rule, listing, items, tries)
        # a visit that left something to be tried again kept no hash
        may_wait = source.polled_at is not None and source.body_hash is None
        waiting = self._store.entries.pending_of(source.id or 0) if may_wait else {}
        items |= {key: item for key, item in waiting.items() if key not in items}  # gone from the page, not forgotten
        tries |= self._store.entries.unknown([key for key in waiting if key not in tries])
        return Found(items, tries, elsewhere, faults)

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
