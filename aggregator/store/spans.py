"""Candidates newest first without reading all of them: the index is asked for one span of time after the other.

It gives the matches of a span in no order, so a span with too many is parted until the parts have few. Each entry has
the keys of the spans that hold it among its words. Knows no database.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

# span lengths as powers of two, in seconds: a day and a half, three weeks and a half, a year
LEVELS: Mapping[str, int] = {"d": 17, "m": 21, "y": 25}
NARROWER = {"y": "m", "m": "d", "": "y"}  # "": all of time
FEW = 300  # matches that are read and sorted at once
ALL = 1_000_000_000  # of those of the shortest span


class Place(NamedTuple):
    """Where an entry stands in the list of all; larger is newer."""

    sort: int
    id: int


def span_keys(sort: int) -> list[str]:
    """The keys of the spans that an entry dated *sort* falls in; what is older than 1970 falls in the first ones."""
    return [_key(level, max(sort, 0) >> power) for level, power in LEVELS.items()]


@dataclass(frozen=True, slots=True)
class Spans:
    """Iterate over it for the matches below *newest*, newest first.

    *ask(key, below, most)* gives some *most* matches of the span called *key* ("": any), none dated before *first*.
    """

    ask: Callable[[str, Place, int], list[Place]]
    first: int
    newest: Place

    def below(self, place: Place) -> "Spans":
        """Only what comes after *place*."""
        return replace(self, newest=min(self.newest, place))

    def count(self, most: int) -> int:
        """How many matches there are, up to *most*."""
        return len(self.ask("", self.newest, most))

    def __iter__(self) -> Iterator[Place]:
        """The span that holds the newest, then the rest of a wider one, and so on: most lists end in the first."""
        below = self.newest
        for level, power in LEVELS.items():
            number = max(below.sort, 0) >> power
            yield from self._within(level, number, below)
            if number << power <= self.first or number == 0:
                return
            below = Place(number << power, 0)
        yield from self._within("", 0, below)

    def _within(self, level: str, number: int, below: Place) -> Iterator[Place]:
        """The matches of the span *number* of *level* that come after *below*, newest first."""
        narrower = NARROWER.get(level)
        places = self.ask(_key(level, number) if level else "", below, FEW + 1 if narrower else ALL)
        if narrower is None or len(places) <= FEW:
            yield from sorted(places, reverse=True)
            return
        power = LEVELS[narrower]
        end = (number + 1) << LEVELS[level] if level else below.sort + 1
        newest = max(min(below.sort, end - 1), 0) >> power
        oldest = max(self.first, number << LEVELS[level] if level else 0, 0) >> power
        for part in range(newest, oldest - 1, -1):
            yield from self._within(narrower, part, below)


def _key(level: str, number: int) -> str:
    return f"@{level}{number}"
