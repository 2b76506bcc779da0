"""Asks the hubs that sources name to announce news: subscribes, renews in time, unsubscribes (WebSub §5.1).

What a hub answers later comes to web/websub.py, maybe in another process: all that is known stands in the database.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.model import HubSubscription
from aggregator.store import Store
from aggregator.websub import LEASE

log = logging.getLogger(__name__)


class Hubs:
    """*callback_url* is where the addresses begin that hubs call back; *now* is the clock."""

    def __init__(self, store: Store, fetcher: Fetcher, callback_url: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._fetcher = fetcher
        self._callback_url = callback_url
        self._now = now

    async def tend(self) -> None:
        """Ask all hubs for what is due now, each for one thing after another. Raises StoreError."""
        await asyncio.to_thread(self._store.websub.follow_sources, self._callback_url, self._now())
        while claimed := await asyncio.to_thread(self._store.websub.claim, self._now()):
            await asyncio.gather(*(self._ask(one) for one in claimed))

    async def _ask(self, one: HubSubscription) -> None:
        """Ask to subscribe or to unsubscribe; the hub confirms it by asking back (WebSub §5.1, §5.3)."""
        mode = "subscribe" if one.wanted else "unsubscribe"
        form = {"hub.callback": one.callback, "hub.mode": mode, "hub.topic": one.topic}
        if one.wanted:
            # to a hub without https, too, though others may read it there: a push gains them no more than an early poll
            form |= {"hub.lease_seconds": str(round(LEASE.total_seconds())), "hub.secret": one.secret}
        try:
            await self._fetcher.send_form(one.hub, form)
        except FetchError as error:
            log.warning("hub=%s topic=%s %s failed: %s", one.hub, one.topic, mode, error)
            assert one.id is not None
            await asyncio.to_thread(self._store.websub.refused, one.id, str(error), self._now())
        else:
            log.info("hub=%s topic=%s %s asked", one.hub, one.topic, mode)
