"""Whose turn it is: one request at a time and a pause between two, for each machine; and whom to leave alone a while.

Knows no HTTP: it is told what came of a request.
"""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.errors import Cause

# machines and hosts remembered at once; beyond it the idle ones are forgotten
REMEMBERED = 10_000
# one broken connection is weather; after two in a row a host is left alone, for a time that doubles with each more
PATIENCE = 2
FIRST_REST_SECONDS = 60.0
LONGEST_REST_SECONDS = 3600.0


class Turn:
    """The turn of one machine: hold *lock* while asking it, after ``wait``; say at the end when it is free again."""

    __slots__ = ("free_at", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.free_at = 0.0  # on the loop's clock

    async def wait(self) -> None:
        """Until the pause after the last request is over."""
        pause = self.free_at - asyncio.get_running_loop().time()
        if pause > 0:
            await asyncio.sleep(pause)


class Turns:
    """The turns of all machines. What shares a domain or an address shares a turn, once that is known."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    def of(self, keys: Iterable[str]) -> Turn:
        """The one turn of all *keys*: a domain, and the addresses it has."""
        keys = tuple(keys)
        found = list(dict.fromkeys(self._turns[key] for key in keys if key in self._turns))
        turn = found[0] if found else Turn()
        if len(found) > 1:
            self._join(turn, found)
        if len(self._turns) > REMEMBERED:
            self._forget()
        self._turns |= dict.fromkeys(keys, turn)
        return turn

    def _join(self, turn: Turn, found: list[Turn]) -> None:
        """Make *turn* that of all machines in *found*, which turn out to be one."""
        turn.free_at = max(one.free_at for one in found)
        self._turns |= {key: turn for key, one in self._turns.items() if one in found}

    def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        self._turns = {key: one for key, one in self._turns.items() if one.lock.locked() or one.free_at > now}


@dataclass(slots=True)
class Rest:
    """Why and until when (on the loop's clock) a host is left alone."""

    until: float = 0.0
    failures: int = 0  # in a row
    cause: Cause = "connect"
    status: int | None = None
    reason: str = ""

    @property
    def seconds(self) -> float:
        """How long it still lasts."""
        return max(self.until - asyncio.get_running_loop().time(), 0.0)


class Rests:
    """The hosts that asked for a pause (Retry-After), or that could not be reached several times in a row."""

    def __init__(self) -> None:
        self._rests: dict[str, Rest] = {}

    def of(self, host: str) -> Rest | None:
        """The rest that *host* is still taking, None where it may be asked."""
        rest = self._rests.get(host)
        return rest if rest and rest.seconds else None

    def asked_for(self, host: str, seconds: float, status: int) -> None:
        """*host* answered *status* and wants to be left alone for so long."""
        now = asyncio.get_running_loop().time()
        self._rests[host] = Rest(now + seconds, 0, "status", status, f"it answered {status}")

    def failed(self, host: str, cause: Cause, reason: str) -> None:
        """*host* could not be reached; from the second time on it gets a rest, with jitter lest all come together."""
        if len(self._rests) > REMEMBERED:
            self._rests.clear()
        rest = self._rests.setdefault(host, Rest())
        rest.failures += 1
        rest.cause, rest.status, rest.reason = cause, None, reason
        if rest.failures >= PATIENCE:
            longest = min(FIRST_REST_SECONDS * (1 << min(rest.failures - PATIENCE, 10)), LONGEST_REST_SECONDS)
            rest.until = asyncio.get_running_loop().time() + longest * random.uniform(0.5, 1)  # noqa: S311

    def reached(self, host: str) -> None:
        """*host* answered: its failures are forgotten."""
        self._rests.pop(host, None)
