"""The hosts that are this process's to visit for a while, and which of their due sources is next.

Claims them, keeps them by renewing, leaves those that were lost, gives the rest back. Knows no page and no network.
"""

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aggregator.errors import StoreError
from aggregator.model import Lease, Source, SourceRule, Visit
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.leases import Claim, Holder
from aggregator.visit.rhythm import longest_pause

log = logging.getLogger(__name__)

# polls of one host at once: they wait for each other, and must not fill all the room
POLLS_PER_HOST = 2
# due sources taken with a host: what is more comes with its next turn, so that none waits long behind a large host
SOURCES_PER_TURN = 20
# hosts claimed at once for each poll that may run: one transaction for many, and still some left for other workers
HOSTS_AHEAD = 2
# a lease is renewed so many times in its length: one that fails now and then does not lose it
RENEWALS = 3
# a source of which this process has no rule is left to others for so long
UNKNOWN_PAUSE = timedelta(hours=1)


@dataclass(slots=True, eq=False)
class Turn:
    """One host that is ours until *until*, with what is to be polled there."""

    lease: Lease
    until: datetime
    waiting: deque[Source]
    open: set[int | None] = field(default_factory=set)  # ids of sources whose visit is not handed to the store yet
    is_ready: bool = False  # stands in the queue of those of which a poll may begin


class Turns:
    """*knows* tells whether a source can be polled here; *on_loss* hears of a turn whose polls must end."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        now: Callable[[], datetime],
        knows: Callable[[Source], bool],
        on_loss: Callable[[Turn], None],
    ) -> None:
        self._hosts_at_once = HOSTS_AHEAD * settings.fetch.concurrency
        self._lease = timedelta(seconds=settings.schedule.lease_seconds)
        self._pause = timedelta(seconds=settings.fetch.per_host_delay_seconds)
        self._owner = f"process {os.getpid()} on {socket.gethostname()}"
        self._store = store
        self._now = now
        self._knows = knows
        self._on_loss = on_loss
        self._turns: set[Turn] = set()
        self._ready: deque[Turn] = deque()  # of which another poll may begin, longest due first
        self._left: list[Lease] = []  # to be given back as soon as something can be stored
        self._more = False  # whether the last claim may have left something
        self._renewing: asyncio.Task[None] | None = None

    def claim(self) -> None:
        """Take hosts with something due, unless there are some to begin with."""
        if self._ready:
            return
        if self._left:
            self._store.leases.release(self._left)
            self._left.clear()
        now = self._now()
        claims = self._store.leases.claim(self._owner, now, now + self._lease, self._hosts_at_once, SOURCES_PER_TURN)
        # behind sources that nobody here knows there may be others
        self._more = self._take(claims) or len(claims) == self._hosts_at_once

    def claim_named(self, names: Sequence[str]) -> list[Holder]:
        """Take the hosts of the sources called *names*, due or not; those that other processes hold."""
        now = self._now()
        claims, held = self._store.leases.claim_named(self._owner, now, now + self._lease, names)
        self._take(claims)
        return held

    def begin(self) -> tuple[Source, Turn] | None:
        """The source to poll next, longest due first, not too many of one host; claims more when none is left."""
        while not self._ready and self._more:
            self.claim()
        if not self._ready:
            return None
        turn = self._ready.popleft()
        turn.is_ready = False
        source = turn.waiting.popleft()
        turn.open.add(source.id)
        self.go_on(turn)
        return source, turn

    def go_on(self, turn: Turn) -> None:
        """Let another poll of *turn* begin, if one waits and not too many run."""
        if turn.waiting and len(turn.open) < POLLS_PER_HOST and not turn.is_ready:
            turn.is_ready = True
            self._ready.append(turn)

    def seal(self, visit: Visit, turn: Turn, seconds: float) -> Visit:
        """*visit*, which took so long, as it goes to the store: under its lease, which the turn's last visit ends.

        It is written on, not copied: nobody else has it yet, and a copy costs a tenth of an unchanged source.
        """
        turn.open.discard(visit.source_id)
        is_last = not turn.open and not turn.waiting
        if is_last:
            self._turns.discard(turn)
        visit.milliseconds = round(seconds * 1000)
        visit.lease = turn.lease
        visit.free_at = self._now() + self._pause if is_last else None
        return visit

    def drop(self, turn: Turn) -> None:
        """Have no more to do with a host; its lease, if it is still ours, runs out by itself."""
        self._turns.discard(turn)
        turn.waiting.clear()
        if turn.is_ready:
            turn.is_ready = False
            self._ready.remove(turn)

    def drop_waiting(self, failed: Turn | None) -> None:
        """Begin nothing more of what is claimed: nothing can be stored now, nor could the last visit of *failed*."""
        self._more = False
        for turn in [*self._turns, *([failed] if failed else [])]:
            turn.waiting.clear()
            if not turn.open:
                self.drop(turn)
                self._left.append(turn.lease)
        self._ready.clear()

    async def stop(self) -> None:
        """Keep no lease any longer. Call ``give_back`` when all polls have ended."""
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

    def give_back(self) -> None:
        """Let others have the hosts whose sources were not all polled. Raises StoreError."""
        self._store.leases.release([*self._left, *(turn.lease for turn in self._turns)])

    def _take(self, claims: Iterable[Claim]) -> bool:
        """Begin turns of *claims*; whether a host was given back, since none of its sources is known here."""
        is_given_back = False
        for claim in claims:
            unknown = [source for source in claim.sources if not self._knows(source)]
            known = [source for source in claim.sources if source not in unknown]
            if unknown:
                self._store.sources.postpone(unknown, self._now() + UNKNOWN_PAUSE)
            if known:
                turn = Turn(claim.lease, self._now() + self._lease, deque(known))
                self._turns.add(turn)
                self.go_on(turn)
            else:
                self._store.leases.release([claim.lease])
                is_given_back = True
        if self._turns and self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
        return is_given_back

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / RENEWALS)
            turns, until = list(self._turns), self._now() + self._lease
            try:
                void = await asyncio.to_thread(self._store.leases.renew, [turn.lease for turn in turns], until)
            except StoreError as error:
                log.error("the leases of %d hosts were not renewed: %s", len(turns), error)
                void = {turn.lease for turn in turns if turn.until <= self._now()}
            else:
                for turn in turns:
                    turn.until = until
            for turn in turns:
                if turn in self._turns and turn.lease in void:
                    log.warning("host=%s is left: its lease ran out", turn.lease.host)
                    self.drop(turn)
                    self._on_loss(turn)


def furthest(settings: Settings, rules: Iterable[SourceRule]) -> dict[str, timedelta]:
    """How far ahead polls (*pause*) and leases (*lease*) are ever set."""
    fixed = [timedelta(minutes=rule.interval_minutes) for rule in rules if rule.interval_minutes is not None]
    schedule = settings.schedule
    return {
        "pause": longest_pause(timedelta(minutes=schedule.max_interval_minutes), fixed),
        "lease": timedelta(seconds=schedule.lease_seconds),
    }
