"""In flight: what a visit knows of its source, and all that it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from aggregator.model.incoming import Item, NewEntry, Validators
from aggregator.model.looks import Looked
from aggregator.model.rules import ListingRule
from aggregator.model.terms import Fault, Outcome


@dataclass(frozen=True, slots=True)
class RobotsFile:
    """The robots.txt of an origin (scheme, host, port), as far as we know it."""

    origin: str
    text: str  # "": there is none, everything may be asked
    read_at: datetime | None  # None: it could never be read, nothing may be asked
    ask_at: datetime  # when it is asked for again
    failing_since: datetime | None = None  # None: the last answer was good
    reason: str = ""  # why it could not be read


@dataclass(frozen=True, slots=True)
class Look:
    """What a list looked like when it was last read well: how many items, how many of them dated, how many its own."""

    items: int
    dated: int
    own: int  # on the list's domain
    # a list without dates in which nothing is known, found in its place since: on which days, with which identity keys
    doubted_on: Sequence[str] = ()
    doubted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a source publishes: its newest entry, entries a day, and the share of them in working hours."""

    newest: datetime
    per_day: float
    working_share: float


@dataclass(frozen=True, slots=True)
class Silence:
    """From when on a source is quiet, and from when on stale, unless news come."""

    quiet_at: datetime
    stale_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to visit one host for a while; *token* tells it from every other lease of that host."""

    host: str
    token: int


@dataclass(frozen=True, slots=True)
class Terms:
    """For how many days entries are kept, 0: for ever.

    What is said for an entry's source and its tags, by their names, comes before *days*; of several the longest counts.
    """

    days: int = 0
    sources: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """A response kept as proof of a source's health: the beginning of its body, its headers without secrets."""

    is_good: bool  # the source was read from it
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes  # compressed by gzip
    is_cut: bool  # the body was longer


@dataclass(frozen=True, slots=True)
class Begun:
    """A break that begins with a visit; *reason* is a sentence for the operator."""

    cause: Fault
    reason: str


@dataclass(slots=True)  # not frozen: to freeze so many fields is a tenth of what an unchanged source costs
class Visit:
    """All that one poll of one source found, recorded in one transaction. Treat it as frozen."""

    source_id: int
    polled_at: datetime
    next_poll_at: datetime
    cause: str | None = None  # of a failure; None: the source was read
    status: int | None = None
    message: str | None = None
    items: int = 0
    milliseconds: int = 0
    entries: tuple[NewEntry, ...] = ()  # newest first, as on the page
    pending: tuple[tuple[str, Item], ...] = ()  # (identity key, item) that failed, to try again
    resting: tuple[tuple[str, Item], ...] = ()  # the same, not tried: their host wants to be left alone
    moved: tuple[tuple[str, str, int], ...] = ()  # (identity key, URL, entry id) of known entries at new addresses
    # what the source's row holds from now on
    failures: int = 0
    is_put_off: bool = False  # its host wants to be left alone until next_poll_at, with its articles, too
    validators: Validators = Validators()
    body_hash: str | None = None
    kind: Literal["feed", "list"] | None = None
    rule: ListingRule | None = None
    look: Look | None = None  # None: as before
    repair: str | None = None  # how the list is read since it changed; None: as before
    rhythm: Rhythm | None = None  # None: as before
    fetched_at: datetime | None = None  # when the whole body last came; None: as before
    moved_to: str | None = None
    moved_at: datetime | None = None
    lease: Lease | None = None  # under which it was made; None: recorded whoever holds the host
    free_at: datetime | None = None  # the lease ends with this visit: others may claim the host from then on
    # what it says of the source's health
    fault: Fault | None = None  # there may be one though the source was read
    silence: Silence | None = None  # None: as before
    strikes: int = 0  # polls in a row that met a fault
    broken_by: Fault | None = None  # the cause of the break that lasts from now on; None: the source is not broken
    begun: Begun | None = None  # it began with this visit
    ended: bool = False  # the one that lasted until now ended with it
    kept: Kept | None = None  # None: what was kept before stays
    refresh: timedelta | None = None
    hub: str | None = None
    topic: str | None = None
    pushed_at: datetime | None = None  # the last announcement that the visit knew of
    owed: int | None = None  # what its hub owes from now on; None: as before
    was_missed: bool = False  # the hub was silent about an entry
    # looks at articles that are known
    looked: tuple[Looked, ...] = ()
    is_of_articles: bool = False  # it was for them alone, and says nothing of the source
    rule_hash: str | None = None  # of the rule it was made by; None: of whichever there is

    @property
    def met(self) -> Fault | None:
        """The fault that this very visit met; None where our own network was down: the source is as it was."""
        return None if self.cause == "offline" else self.fault

    def outcome(self, brought: int) -> Outcome:
        """What became of the visit, of whose entries *brought* were new to the store."""
        return "failed" if self.cause else "new" if brought else "unchanged"
