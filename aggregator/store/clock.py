"""Times that no right clock can have written: left by a machine whose clock was far ahead once, found and set right.

Whatever waits for such a time would wait for days or years. Knows no settings: what is too far, its caller says.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from aggregator.model import Host, HubSubscription, Recheck, Robots, Source, Subscriber
from aggregator.store import leases
from aggregator.websub import LONGEST_LEASE

if TYPE_CHECKING:
    from aggregator.store import Store

# clocks of several workers differ a little, and a lease may just have been renewed
TOLERANCE = timedelta(hours=1)
# a robots.txt is asked for again after a day
ROBOTS = timedelta(days=1)
# an article is looked at again after a month at the latest
RECHECK = timedelta(days=31)
# the longest pause before a letter is tried again
LETTER = timedelta(days=1)

source, host = Source.__table__, Host.__table__  # type: ignore[attr-defined]
robots, subscription = Robots.__table__, HubSubscription.__table__  # type: ignore[attr-defined]

recheck = Recheck.__table__  # type: ignore[attr-defined]
subscriber = Subscriber.__table__  # type: ignore[attr-defined]

# what has happened cannot lie ahead
PAST = (
    *(source.c.fetched_at, source.c.moved_at, source.c.kept_at, subscription.c.failed_at),
    *(recheck.c.since, recheck.c.missing_at, recheck.c.doubted_at),
)


class Clock:
    """*pause* is the longest that anything computes between two polls, *lease* how long a host is held at most."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def ahead(self, now: datetime, *, pause: timedelta, lease: timedelta) -> int:
        """How many times stand further ahead of *now* than this program sets any."""
        with self._store.read() as connection:
            return sum(
                connection.execute(select(func.count()).where(is_far)).scalar_one()
                for _, is_far in _far(now, pause, lease)
            )

    def mend(self, now: datetime, *, pause: timedelta, lease: timedelta) -> int:
        """Set them to *now*: what waits is due, what has happened is over. How many there were."""
        if not self.ahead(now, pause=pause, lease=lease):
            return 0  # as ever: no write lock

        def work(connection: Connection) -> int:
            far = _far(now, pause, lease)
            held = host.c.owner.is_not(None) & (host.c.next_at > now + lease + TOLERANCE)
            late = select(source.c.host).where(source.c.next_poll_at > now + pause + TOLERANCE)
            hosts = {
                *connection.execute(late).scalars(),
                *connection.execute(select(host.c.name).where(held)).scalars(),
            }
            connection.execute(update(host).where(held).values(owner=None))
            count = 0
            for column, is_far in far:
                count += connection.execute(update(column.table).where(is_far).values({column.name: now})).rowcount
            leases.schedule(connection, hosts)
            return count

        return self._store.transact(work)


def _far(now: datetime, pause: timedelta, lease: timedelta) -> list[tuple[Any, ColumnElement[bool]]]:
    """(column, what tells that its time is too far ahead)"""
    longest = [
        (source.c.next_poll_at, pause),
        (source.c.list_at, pause),
        (source.c.recheck_at, RECHECK),
        (recheck.c.due_at, RECHECK),
        (host.c.next_at, max(pause, lease)),
        (robots.c.ask_at, ROBOTS),
        (subscriber.c.letter_at, LETTER),
        (subscription.c.next_ask_at, LONGEST_LEASE),
        (subscription.c.until, LONGEST_LEASE),
        *((column, timedelta(0)) for column in PAST),
    ]
    return [(column, column > now + wait + TOLERANCE) for column, wait in longest]
