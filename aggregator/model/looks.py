"""In flight: articles that are known, looked at again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from aggregator.model.incoming import NewEntry


@dataclass(frozen=True, slots=True)
class Told:
    """What an article says, as far as its readers care: two of them are compared."""

    title: str
    published: datetime | None
    precision: str | None
    html: str
    text: str
    files: tuple[str, ...]  # keys of its attachments
    pictures: tuple[str, ...]  # addresses


@dataclass(frozen=True, slots=True)
class Watch:
    """An entry whose article is looked at again, and how it stood at the last look; its fields mean what Recheck's do.

    It grows old by itself: *step* is the next one of recheck.STEPS, counted from *since*.
    """

    entry_id: int
    source_id: int
    since: datetime
    step: int
    due_at: datetime
    tries: int
    kind: Literal["page", "feed", "list"]
    etag: str | None
    last_modified: str | None
    body_hash: str | None
    title: str | None
    published: datetime | None
    precision: str | None
    files: Sequence[str]
    listed_title: str
    is_unlisted: bool
    missing_at: datetime | None
    missing_by: str | None
    passing: Sequence[str]
    is_untold: bool
    doubt: Sequence[str]
    doubted_at: datetime | None


class Watched(NamedTuple):
    """A Watch with what its entry is known by."""

    watch: Watch
    uid: str
    url: str
    entry_title: str
    removed_at: datetime | None


class Glance(NamedTuple):
    """As much of a Watched as tells whether a list or feed says anything new of it."""

    entry_id: int
    uid: str
    kind: Literal["page", "feed", "list"]
    body_hash: str | None
    listed_title: str
    entry_title: str
    is_unlisted: bool
    is_removed: bool
    is_settled: bool  # it is not missed, and no change is in doubt


ChangeKind = Literal["edited", "removed", "restored"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an article at its source. *what*: "title", "date", "body", "attachments", "pictures"; of a removal
    how it showed: "410", "404", "home", "notice", "list".
    """

    kind: ChangeKind
    what: tuple[str, ...] = ()
    words: int = 0  # of the text that changed; of Chinese, characters
    matters: bool = False  # to readers who have read it
    state: str = ""  # a hash of what it said before


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at an article, or at what its list or feed says of it, brought."""

    entry_id: int
    looked_at: datetime
    watch: Watch | None  # from now on; None: it is not looked at any more
    changes: tuple[Change, ...] = ()
    new: NewEntry | None = None  # what the entry says from now on; None: as before
