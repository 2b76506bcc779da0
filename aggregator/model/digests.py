"""In flight: a digest and its parts."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from aggregator.model.outgoing import FullEntry


@dataclass(frozen=True, slots=True)
class DigestStory:
    """One item of a digest: a story, told by the entry that was first, and by others elsewhere."""

    entry: FullEntry
    also: tuple[FullEntry, ...] = ()
    topic: str = ""  # "": none
    rank: int = 0  # from 1, the best first

    @property
    def entries(self) -> tuple[FullEntry, ...]:
        return (self.entry, *self.also)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The other universities that tell it."""
        names = dict.fromkeys(one.source.university for one in self.also)
        return tuple(name for name in names if name != self.entry.source.university)


@dataclass(frozen=True, slots=True)
class DigestPart:
    """The stories of one university under one topic, the best first."""

    university: str
    stories: tuple[DigestStory, ...]


@dataclass(frozen=True, slots=True)
class DigestGroup:
    """The stories of one topic; *count* is how many it has, of which not all need be listed."""

    topic: str  # "": of none
    count: int
    parts: tuple[DigestPart, ...]


@dataclass(frozen=True, slots=True)
class First:
    """Who speaks, or what is spoken of, in a digest for the first time ever."""

    kind: Literal["university", "source", "topic"]
    name: str
    university: str = ""  # of a source


@dataclass(frozen=True, slots=True)
class Corrections:
    """What an edition of a digest changed in the one before: numbers of entries."""

    added: int = 0
    withdrawn: int = 0
    retitled: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.withdrawn or self.retitled)


@dataclass(frozen=True, slots=True)
class Digest:
    """A dated selection: *first* and *last* day inclusive, in the site's time zone."""

    period: Literal["day", "week", "month"]
    first: date
    last: date
    groups: tuple[DigestGroup, ...]
    tag: str | None = None
    late: tuple[DigestStory, ...] = ()  # of earlier days, found only now
    firsts: tuple[First, ...] = ()
    chart: tuple[tuple[str, int], ...] = ()  # entries a day (ISO 8601), of one day: a university
    ids: tuple[int, ...] = ()  # of all entries dated in it
    story_count: int = 0
    university_count: int = 0
    # what follows differs from edition to edition
    edition: int = 0  # from 1; 0: provisional, its period is not over
    editions: int = 0  # how many there are
    made_at: datetime | None = None  # None: not kept
    corrections: Corrections = Corrections()

    @property
    def entry_count(self) -> int:
        return len(self.ids)

    @property
    def stories(self) -> list[DigestStory]:
        """Those listed, the best first."""
        listed = [story for group in self.groups for part in group.parts for story in part.stories]
        return sorted(listed, key=lambda story: story.rank)

    @property
    def most_covered(self) -> list[DigestStory]:
        """The best of the stories that more than one university tells."""
        return [story for story in self.stories if story.elsewhere][:3]

    @property
    def is_empty(self) -> bool:
        return not (self.ids or self.late)
