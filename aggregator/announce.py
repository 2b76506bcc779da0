"""Tells hubs which of our feeds have news, so that they tell the readers (WebSub §6 and its publishers' custom).

What is to be told stands in the database: any worker may tell it, and one that dies leaves it to the next try.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.store import Store
from aggregator.store.announcements import Change

log = logging.getLogger(__name__)


class Announcer:
    """*addresses* gives those of a feed, by kind and name, one a format; *now* is the clock."""

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        hubs: Sequence[str],
        addresses: Callable[[str, str], list[str]],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._hubs = hubs
        self._addresses = addresses
        self._now = now

    async def tell(self) -> None:
        """Tell each hub what is due now, one thing after another, all hubs side by side. Raises StoreError."""
        changes = await asyncio.to_thread(self._store.announcements.claim, self._hubs, self._now())
        by_hub = [[one for one in changes if one.hub == hub] for hub in self._hubs]
        await asyncio.gather(*map(self._tell, by_hub))

    async def _tell(self, changes: Sequence[Change]) -> None:
        """A university's feed changes with each of its sources; it is told once a round."""
        told = set[str]()
        for change in changes:
            addresses = self._addresses(change.kind, change.name)
            if change.university:
                addresses += self._addresses("university", change.university)
            try:
                for address in addresses:
                    if address not in told:
                        await self._fetcher.send_form(change.hub, {"hub.mode": "publish", "hub.url": address})
                        told.add(address)
            except FetchError as error:
                log.warning("hub=%s feed=%s not announced: %s", change.hub, addresses[0], error)
                await asyncio.to_thread(self._store.announcements.failed, change, str(error))
                return  # the others wait for their own next try: the hub is not asked again at once
            await asyncio.to_thread(self._store.announcements.told, change)
            log.info("hub=%s feed=%s announced", change.hub, addresses[0])
