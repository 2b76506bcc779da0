"""APScheduler: jobs that poll what is due, index for search, ask hubs, tidy. The times live in the rows."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from aggregator.alert import EVERY_MINUTES, Alerts
from aggregator.announce import Announcer
from aggregator.errors import MailError, OperatorError
from aggregator.mail.letters import Letters
from aggregator.mail.returned import read_returned
from aggregator.model import Terms
from aggregator.poll import Poller
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.indexing import INDEXED_AT_ONCE
from aggregator.tidying import tidy as tidied
from aggregator.visit.hubs import Hubs

log = logging.getLogger(__name__)

# a clock that goes back by more was wrong; by less, it is being tuned
SET_BACK = timedelta(minutes=1)
# how often the mailbox of returned mail is read
RETURNED_MINUTES = 10


Work = Callable[[], Awaitable[object]]


def stop_on_signals() -> asyncio.Event:
    """An event of the running loop that SIGTERM and Ctrl-C set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def serve(
    settings: Settings,
    store: Store,
    poller: Poller,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    alerts: Alerts | None = None,
    hubs: Hubs | None = None,
    announcer: Announcer | None = None,
    letters: Letters | None = None,
    deliver: Callable[[], Awaitable[object]] | None = None,
    terms: Callable[[], Terms] = Terms,
    archive: Work | None = None,
    prune: Callable[[], int] | None = None,
) -> None:
    """Poll what is due until *stop* is set, then end cleanly: what is being stored is finished.

    Without *hubs* no hub is asked to announce news, without *announcer* none is told of ours, without *letters* nobody
    is asked to confirm a subscription, without *deliver* nobody is mailed a digest, without *terms* all entries stay,
    without *archive* no page or picture is kept, without *prune* none is thrown away.
    """

    async def tidy() -> None:
        polls, gone = await asyncio.to_thread(lambda: tidied(settings, store, terms(), now(), stop=stop.is_set))
        log.info("tidied polls=%d entries=%d", polls, gone.total.entries)
        if prune:
            log.info("pruned files=%d", await asyncio.to_thread(prune))

    async def returned() -> None:
        log.info("returned %s", await asyncio.to_thread(read_returned, settings, store, now))

    async def index() -> None:
        # a piece at a time, so that it ends soon when asked to
        while await asyncio.to_thread(store.index.catch_up) == INDEXED_AT_ONCE and not stop.is_set():
            pass

    async def stories() -> None:
        # entries that were stored before stories were told, and changed ones: a piece at each tick, polls come first
        await asyncio.to_thread(store.stories.catch_up)

    seconds = settings.schedule.tick_seconds
    # coalesce: after a pause (a laptop asleep) one tick, not all that were missed
    scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    scheduler.add_job(_tried, "interval", ["tick", poller.poll_due], seconds=seconds, id="tick", next_run_time=now())
    scheduler.add_job(_tried, "cron", ["tidy", tidy], hour=4, id="tidy", timezone=settings.zone)
    scheduler.add_job(_tried, "interval", ["index", index], seconds=seconds, id="index")
    scheduler.add_job(_tried, "interval", ["stories", stories], seconds=seconds, id="stories")
    if alerts is not None:
        scheduler.add_job(
            _tried, "interval", ["alert", alerts.tell], minutes=EVERY_MINUTES, id="alert", next_run_time=now()
        )
    works = {
        "hubs": hubs.tend if hubs else None,
        "announce": announcer.tell if announcer else None,
        "archive": archive,
        "letters": partial(asyncio.to_thread, letters.send_due) if letters else None,
    }
    _add_wanted(scheduler, works, seconds)
    if deliver:
        scheduler.add_job(_tried, "interval", ["deliver", deliver], minutes=1, id="deliver", next_run_time=now())
    if settings.mail.bounce_mailbox:
        often = {"minutes": RETURNED_MINUTES, "next_run_time": now()}
        scheduler.add_job(_tried, "interval", ["returned", returned], id="returned", **often)
    scheduler.start()
    watch = asyncio.create_task(_keep_time(scheduler, settings.schedule.tick_seconds, now))
    try:
        await stop.wait()
    finally:
        watch.cancel()
        scheduler.pause()
        await asyncio.sleep(0)  # a tick that has begun ends now; it would be cancelled with a traceback
        scheduler.shutdown(wait=False)
        await poller.stop()


def _add_wanted(scheduler: AsyncIOScheduler, works: Mapping[str, Work | None], seconds: float) -> None:
    for name, work in works.items():
        if work:
            scheduler.add_job(_tried, "interval", [name, work], seconds=seconds, id=name)


async def _keep_time(scheduler: AsyncIOScheduler, seconds: float, now: Callable[[], datetime]) -> None:
    """Let all jobs run when the clock was set back: they would wait until it is again what it was."""
    last = now()
    while True:
        await asyncio.sleep(seconds)
        at = now()
        if last - at > SET_BACK:
            log.warning("the clock was set back from %s to %s", last.isoformat(), at.isoformat())
            for job in scheduler.get_jobs():
                job.modify(next_run_time=at)
        last = at


async def _tried(job: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do *work*; what database, disk, rules or a mail server refuse now, or our end breaks off, is done next turn."""
    try:
        await work()
    except (OperatorError, MailError) as error:
        log.error("%s: %s", job, error)
    except asyncio.CancelledError:  # by the scheduler's end, which would show it with a traceback
        log.debug("%s: broken off", job)
