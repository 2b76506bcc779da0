"""Whether it is our own network that fails: then no source is blamed. Knows no source and no store."""

# of different owners, one after another, none answering between them: that is no weather over there
HOSTS = 5
CAUSES = {"dns", "connect", "timeout"}


class Connectivity:
    """Hears how every request to a source went; *known* is how many hosts there are at all."""

    def __init__(self, known: int) -> None:
        self._enough = min(HOSTS, max(known, 2))
        self._silent: set[str] = set()

    def heard(self, host: str, cause: str | None) -> None:
        """*cause* of a failure, None where *host* answered, whatever it said."""
        if cause in CAUSES:
            self._silent.add(host)
        else:
            self._silent.clear()

    @property
    def is_down(self) -> bool:
        return len(self._silent) >= self._enough
