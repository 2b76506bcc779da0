"""How many entries each of some days has, as a template draws it. Knows no store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from aggregator.model import Digest


@dataclass(frozen=True, slots=True)
class Chart:
    """One bar a day, the oldest first."""

    days: tuple[tuple[date, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.days)

    @property
    def most(self) -> tuple[date, int]:
        """The fullest day, the newest of several."""
        return max(self.days, key=lambda day: (day[1], day[0]))


def days_before(today: date, number: int) -> list[date]:
    """The *number* days that end with *today*, and tomorrow: the bounds of as many spans."""
    return [today + timedelta(days=away) for away in range(1 - number, 2)]


def chart(bounds: Sequence[date], counts: Sequence[int]) -> Chart:
    return Chart(tuple(zip(bounds, counts, strict=False)))


def of_digest(digest: Digest) -> Chart:
    """The days of a week or a month."""
    return Chart(tuple((date.fromisoformat(day), count) for day, count in digest.chart))
