"""Whether it is our own network that fails: then no source is blamed. Knows no source and no store."""

from math import inf

# of different owners, one after another, none answering between them: that is no weather over there
HOSTS = 5
CAUSES = {"dns", "connect", "timeout"}


class Connectivity:
    """Hears how every request to a source went; *known* is how many hosts there are at all."""

    def __init__(self, known: int) -> None:
        self._enough = min(HOSTS, max(known, 2))
        self._silent: set[str] = set()
        self._answered_at = -inf

    def heard(self, host: str, cause: str | None, began_at: float = inf, ended_at: float = -inf) -> None:
        """*cause* of a failure, None where *host* answered, whatever it said; times in seconds of any one clock.

        A failure counts that *began_at* a time after which nobody has answered: slow hosts fail together, long after
        the others were done, and that says nothing of our network. Without times every failure counts.
        """
        if cause not in CAUSES:
            self._silent.clear()
            self._answered_at = ended_at
        elif began_at >= self._answered_at:
            self._silent.add(host)

    @property
    def is_down(self) -> bool:
        return len(self._silent) >= self._enough
