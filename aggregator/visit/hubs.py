"""Asks the hubs that sources name to announce news, and tells whether they did.

Subscribes, renews in time, unsubscribes (WebSub §5.1). What a hub answers later comes to web/websub.py, maybe in
another process: all that is known stands in the database.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.model import HubSubscription, Item, Source
from aggregator.store import Store
from aggregator.websub import LEASE, announced, is_active

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


class Trust:
    """What a poll asks of hubs. *is_asked*: whether any hub is asked for anything."""

    def __init__(self, store: Store, *, is_asked: bool) -> None:
        self._store = store
        self._is_asked = is_asked

    def subscription(self, source: Source, now: datetime) -> HubSubscription | None:
        """The hub that announces the news of *source*, None where none has agreed to."""
        if source.hub is None or source.id is None or not self._is_asked:
            return None
        found = self._store.websub.of_source(source.id)
        return found if found and is_active(found, now) else None

    def verdicts(
        self, source: Source, subscription: HubSubscription | None, new: Sequence[Item], now: datetime
    ) -> list[bool | None]:
        """Of each of the *new* items, whether the hub announced it; None where that cannot be told."""
        if subscription is None or subscription.since is None:
            return []
        judged = partial(
            announced,
            subscribed_at=subscription.since,
            pushed_at=self._store.websub.pushed_at(subscription.source_id),
            read_at=None if source.failures else source.polled_at,  # nobody knows what a failed poll would have seen
            now=now,
        )
        return [judged(item.published, item.precision) for item in new]
