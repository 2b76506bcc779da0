"""In flight: entries, and what feeds and archives say of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from aggregator.model.entries import Revision
from aggregator.model.incoming import Attachment
from aggregator.model.looks import ChangeKind
from aggregator.model.terms import Evidence, Fault, Precision


@dataclass(frozen=True, slots=True)
class SourceRef:
    """The source of an entry, as readers see it."""

    name: str
    title: str
    url: str
    university: str


@dataclass(frozen=True, slots=True)
class Break:
    """A time in which a source was broken; *ended_at* is None while it lasts."""

    id: int
    source: SourceRef | None  # None: the service itself was, no source could be reached
    began_at: datetime
    seen_at: datetime  # by the last poll that met it
    cause: Fault
    reason: str
    ended_at: datetime | None


class Telling(NamedTuple):
    """One entry of a story, as a link to it says."""

    id: int
    slug: str
    url: str
    title: str
    source: SourceRef
    sort: int


class StoryOf(NamedTuple):
    """The story that an entry tells, with all entries that do, the oldest first."""

    key: str  # in its address; never changes
    first_id: int  # the entry that was published first,
    evidence: Evidence  # and how we know
    tellings: tuple[Telling, ...]

    @property
    def first(self) -> Telling:
        return next((one for one in self.tellings if one.id == self.first_id), self.tellings[0])

    def others(self, id_: int) -> list[Telling]:
        """Who tells it besides the entry of that id: who was first, then the oldest."""
        return sorted((one for one in self.tellings if one.id != id_), key=lambda one: one.id != self.first_id)

    def elsewhere(self, university: str) -> int:
        """How many other universities tell it."""
        return len({one.source.university for one in self.tellings} - {university})


class FullEntry(NamedTuple):
    """An Entry with its tags and source, detached from the database. Read for a list, *html* and *text* are empty.

    A tuple, since pages and feeds are made of many: a frozen dataclass of so many fields takes five times as long.
    """

    id: int
    slug: str
    atom_id: str
    url: str
    title: str
    published: datetime | None
    precision: Precision | None
    updated: datetime
    sort: int
    seen_at: datetime
    source: SourceRef
    author: str | None = None
    origin: str | None = None
    section: tuple[str, ...] = ()
    summary: str = ""
    image: str | None = None
    tags: tuple[str, ...] = ()
    html: str = ""
    text: str = ""
    images: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    keywords: tuple[str, ...] = ()
    story: StoryOf | None = None  # None: nobody else tells it
    removed_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """What an entry said at a time."""

    title: str
    published: datetime | None
    precision: Precision | None
    text: str
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """A Revision of *entry*, which comes without its text: what it said before and after.

    Of a removal or a return the two are the same; where the entry's text is withheld, so are these.
    """

    id: int
    seen_at: datetime
    kind: ChangeKind
    what: tuple[str, ...]
    words: int
    before: Version
    after: Version
    entry: FullEntry
    is_withheld: bool


@dataclass(frozen=True, slots=True)
class Front:
    """The front matter of a Hugo post as it stood, and the title that was made of it."""

    title: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parcel:
    """An entry with all that is stored of it, on its way out of one instance or into another.

    What counts in one instance only, as the entry's id, is of no account.
    """

    entry: FullEntry
    uid: str
    addresses: tuple[str, ...] = ()  # its other identity keys
    given: tuple[str, ...] = ()  # those of its tags that came with it and that no rule gave
    front: Front | None = None  # None: it was no Hugo post
    revisions: "tuple[Revision, ...]" = ()  # the oldest first
    is_withheld: bool = False  # the text of what was removed stands in its last revision alone


@dataclass(frozen=True, slots=True)
class FeedInfo:
    """What a Feed says of itself; its entries travel beside it."""

    id: str
    title: str
    url: str  # the page for people
    self_url: str
    site_url: str  # the service's public address, without a slash at the end
    updated: datetime
    subtitle: str | None = None
    language: str = "zh-CN"
    paging: Mapping[str, str] = field(default_factory=dict)  # RFC 5005 §3, §4: relation -> address of that document
    is_archive: bool = False  # RFC 5005 §4: what it holds stays as it is
    is_complete: bool = False  # RFC 5005 §2: there is no entry that it does not hold
    icon: str | None = None  # address of a square picture
    logo: str | None = None  # address of one twice as wide as it is high
    rights: str | None = None
    hub_urls: tuple[str, ...] = ()  # WebSub: who announces its news
    ttl_minutes: int | None = None  # it need not be asked for sooner


@dataclass(frozen=True, slots=True)
class Note:
    """Something of our own for a feed of ours, about a page of ours: a sentence, and maybe safe HTML."""

    id: str
    title: str
    url: str
    author: str
    published: datetime
    updated: datetime
    text: str
    html: str = ""
