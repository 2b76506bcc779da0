"""Visits from many polls, recorded together: one writer thread, one transaction for all that wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from aggregator.errors import StoreError
from aggregator.model import Visit

if TYPE_CHECKING:
    from aggregator.store import Store

# visits in one transaction: enough to share its cost, few enough that readers never wait long
BATCH = 50
# how long a visit waits for others: a transaction of its own costs more than all that an unchanged source does
LINGER_SECONDS = 0.1


class Recorder:
    """Give it visits from any number of tasks of one event loop, of which *running* more may come soon."""

    def __init__(self, store: "Store", running: Callable[[], int]) -> None:
        self._store = store
        self._running = running
        self._here = 0  # visits that are in no transaction yet
        self._all_here = asyncio.Event()
        self._waiting: asyncio.Queue[tuple[Visit, asyncio.Future[int | None]]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._task: asyncio.Task[None] | None = None

    async def record(self, visit: Visit) -> int | None:
        """Wait until *visit* is stored for good; how many new entries it brought, None where its lease is void.

        Raises StoreError.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        done: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((visit, done))
        self._here += 1
        if self._here >= min(BATCH, self._running()):
            self._all_here.set()
        # a poll that is cancelled now does not take its visit back: it may be in a transaction already
        return await asyncio.shield(done)

    async def close(self) -> None:
        """Finish what waits, then stop."""
        if self._task is not None:
            await self._waiting.join()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()

    async def _work(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            if self._running() > 1:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LINGER_SECONDS):
                        await self._all_here.wait()
            self._all_here.clear()
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            self._here -= len(batch)
            try:
                await self._record(batch)
            finally:
                for _ in batch:
                    self._waiting.task_done()

    async def _record(self, batch: list[tuple[Visit, "asyncio.Future[int | None]"]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            counts = await loop.run_in_executor(self._thread, self._store.entries.record, [visit for visit, _ in batch])
        except Exception as error:
            if len(batch) == 1 or isinstance(error, StoreError):
                for _, done in batch:
                    done.set_exception(error)
                    done.exception()  # a cancelled poll may never ask: that is no fault of its own
            else:
                for one in batch:  # one visit that cannot be stored must not take the others with it
                    await self._record([one])
            return
        for (_, done), count in zip(batch, counts, strict=True):
            done.set_result(count)
