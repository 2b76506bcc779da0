"""The nouns: in flight (frozen dataclasses) and at rest (SQLModel tables).

``published`` and ``updated`` are the publisher's claims; whatever ends in ``_at`` is our clock. Times are aware UTC.
No ``from __future__ import annotations`` here: SQLModel reads the annotations when a class is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

Kind = Literal["feed", "list", "article"]
Precision = Literal["minute", "day"]
Outcome = Literal["new", "unchanged", "failed"]
# how we know who published a story first: another's word, the times of publication, or only as we saw them
Evidence = Literal["origin", "time", "seen"]
# what is wrong with a source, as its operator would say it: diagnose.py finds it
Fault = Literal[
    "moved",  # not there any more, or sent on to the home page
    "gone",  # the publisher says: for good
    "redesigned",  # a page, but no list that is surely this source's
    "empty",  # a list without items
    "shape",  # a list, but not what it was: few items, no dates, foreign links, one title for all
    "articles",  # the list is read, its article pages are not
    "blocked",  # a firewall
    "intranet",  # for the campus only
    "login",
    "limited",  # asked too often
    "robots",
    "dns",
    "tls",
    "connect",
    "timeout",
    "server",  # 5xx
    "redirect",
    "protocol",  # no answer that a browser would take
    "size",
    "program",  # ours
    "stale",  # silent for much longer than it ever was
    "offline",  # of the service itself: no source can be reached
]

SHANGHAI = ZoneInfo("Asia/Shanghai")

# ---------------------------------------------------------------- rules: how to read


@dataclass(frozen=True, slots=True)
class ListingRule:
    """Where the items of a list page stand.

    Each selector is CSS, or XPath when it begins with ``/`` or ``./``; ``css/@name`` takes an attribute.
    *link*, *title* and *date* are looked for inside one *item*; an empty one is found by general reading.
    """

    item: str
    link: str = "a"
    title: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class ArticleRule:
    """Where the parts of an article page stand: selectors as in ListingRule, in order of trust, the first hit wins."""

    title: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    full_text: bool = True  # False: keep what the feed or list says and do not fetch the page


@dataclass(frozen=True, slots=True)
class Family:
    """A content-management system and how it writes its pages: rules/families/<name>.toml."""

    name: str
    marks: tuple[str, ...]  # strings in a page's HTML, any of which tells the family
    article: ArticleRule
    same: tuple[tuple[str, str], ...] = ()  # (regular expression on a URL, what it becomes in the identity key)


@dataclass(frozen=True, slots=True)
class SourceRule:
    """One ``[[source]]`` of a site file."""

    name: str
    title: str
    url: str
    kind: Literal["feed", "list", "auto"] = "auto"
    family: str | None = None
    tags: tuple[str, ...] = ()
    enabled: bool = True
    interval_minutes: int | None = None  # None: adaptive
    keep_days: int | None = None  # its entries, 0: for ever; None: as the settings say
    allow_private_networks: bool = False  # on this source's domain, whoever else's pages lead there
    allow_invalid_certificate: bool = False  # likewise
    listing: ListingRule | None = None
    article: ArticleRule | None = None

    @property
    def allowance(self) -> "Allowance":
        return Allowance(self.url, self.allow_private_networks, self.allow_invalid_certificate)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What fetches for one source may do on the domain of *home*, and on no other."""

    home: str = ""
    private_networks: bool = False
    invalid_certificate: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """One university and its sources: rules/sites/<name>.toml."""

    name: str
    university: str
    aliases: tuple[str, ...] = ()
    home: str | None = None
    timezone: ZoneInfo = SHANGHAI
    tags: tuple[str, ...] = ()
    sources: tuple[SourceRule, ...] = ()
    english: str = ""  # its name for readers of English; "": not known
    city: str = ""
    enabled: bool = True  # False: it stands in the catalogue until somebody switches it on
    checked: date | None = None  # when somebody last saw that its sources can be read; None: never
    proof: str = ""  # what showed that, or where the addresses are from

    def given(self, source: SourceRule) -> list["Given"]:
        """The tags of every entry of *source*: the site's, the university, then the source's own, each once."""
        said: dict[str, Given] = {}
        for name in self.tags:
            said.setdefault(name, Given(name, "site"))
        said.setdefault(self.university, Given(self.university, "university"))
        for name in source.tags:
            said.setdefault(name, Given(name, "source"))
        return list(said.values())


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at a source of the catalogue found, on which day: a Fault, or that it works."""

    day: date
    found: Fault | Literal["working"]
    proof: str  # a sentence


@dataclass(frozen=True, slots=True)
class Topic:
    """One tag of rules/tags.toml and what tells it. How words are written stands there."""

    name: str
    english: str = ""
    words: tuple[str, ...] = ()
    title_words: tuple[str, ...] = ()
    where: Literal["lead", "title", "body", "both"] = "lead"  # where *words* count; lead: in the title, too
    exceptions: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    keep_days: int | None = None  # its entries are kept so long, 0: for ever; None: it does not say
    is_broad: bool = False  # it may tag more than half of all entries


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The topics by name, parents and words checked, and what tags that are no more are called today."""

    topics: Mapping[str, Topic] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)  # also tags that only site files give

    @property
    def aliases(self) -> dict[str, str]:
        """Every other name of a tag, with the tag's."""
        said = {alias: topic.name for topic in self.topics.values() for alias in topic.aliases}
        return said | dict(self.renamed)

    def ancestors(self, name: str) -> list[str]:
        """The parents of the topic *name*, their parents, and so on, nearest first, each once."""
        found: dict[str, None] = {}
        waiting = list(self.topics[name].parents)
        while waiting:
            one = waiting.pop(0)
            if one not in found:
                found[one] = None
                waiting += self.topics[one].parents
        return list(found)


# what a tag is there by: what the operator said of the site or source, what the publisher or the text says, a child
Ground = Literal["site", "university", "source", "section", "keyword", "title", "lead", "body", "child"]


class Given(NamedTuple):
    """A tag that the operator gives to all entries of a source, and by what."""

    tag: str
    by: Ground


class Reason(NamedTuple):
    """Why an entry has a tag: *what* the ground is, a word, a section, a name."""

    tag: str
    by: Ground
    what: str


# ---------------------------------------------------------------- in flight: what a visit brings


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to ask again with, byte for byte (RFC 9110 §8.8)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer, its body decompressed and within the size limit."""

    url: str  # after redirects
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    moved_to: str | None = None  # *url*, where every redirect on the way said that it is for good (301, 308)

    @property
    def not_modified(self) -> bool:
        return self.status == 304

    @property
    def content_type(self) -> str | None:
        return self.headers.get("content-type")

    @property
    def validators(self) -> Validators:
        return Validators(self.headers.get("etag"), self.headers.get("last-modified"))


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
class Attachment:
    """A file that an article offers."""

    url: str
    title: str
    media_type: str | None = None
    length: int | None = None  # bytes, where the publisher says


@dataclass(frozen=True, slots=True)
class Item:
    """What a feed or list says of one article, before judgement. *html* is as published: not yet safe."""

    url: str
    title: str
    published: datetime | None = None
    precision: Precision | None = None
    updated: datetime | None = None
    guid: str | None = None
    author: str | None = None
    summary: str | None = None  # HTML as published
    html: str | None = None  # the full text, where a feed carries it
    tags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A feed or list page, read: items in the order of the page."""

    kind: Literal["feed", "list"]
    title: str | None
    items: Sequence[Item]
    next_page: str | None = None
    rule: ListingRule | None = None  # the rule that found the items of a list
    refresh: timedelta | None = None  # how seldom the feed asks to be visited: ttl, sy:updatePeriod
    hub: str | None = None  # WebSub: who announces its news,
    topic: str | None = None  # and the address it is known by there


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
class Article:
    """A story page, read and cleaned. *html* is safe; *text* has one block a line."""

    url: str
    title: str | None
    published: datetime | None
    precision: Precision | None
    html: str
    text: str
    author: str | None = None
    origin: str | None = None  # 来源: who published it first, as the page says
    editor: str | None = None
    section: tuple[str, ...] = ()  # the breadcrumb, outermost first
    keywords: tuple[str, ...] = ()  # what the page calls its keywords
    images: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    next_page: str | None = None  # where the article goes on
    validators: Validators = Validators()  # of its page, where it is told on one


@dataclass(frozen=True, slots=True)
class Trace:
    """How an article stood when it was last read: what the next look is compared with."""

    # where its text is from: its page; the feed or list, which carries it; or the list for want of a readable page
    kind: Literal["page", "feed", "list"] = "page"
    validators: Validators = Validators()
    body_hash: str | None = None  # a fingerprint of the page, or of what the feed says; None: to be read and compared
    title: str | None = None  # as the page says, like the next three
    published: datetime | None = None
    precision: Precision | None = None
    files: tuple[str, ...] = ()  # keys of its attachments (classify/revise.py)
    listed_title: str = ""  # as the list says


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry on its way into the store; what its fields mean stands at Entry."""

    url: str
    slug: str
    uid: str
    atom_id: str
    title: str
    seen_at: datetime
    published: datetime | None = None
    precision: Precision | None = None
    author: str | None = None
    origin: str | None = None
    section: tuple[str, ...] = ()
    summary: str = ""
    html: str = ""
    text: str = ""
    images: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    tags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    trace: Trace | None = None  # None: its article is not looked at again
    updated: datetime | None = None  # None: when it was seen
    sort: int = 0  # 0: by its date


class KnownEntry(NamedTuple):
    """As much of a stored entry as tells it again on a page that changed; hundreds are asked for at a poll."""

    id: int
    uid: str
    title: str
    published: datetime | None


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


class Watched(NamedTuple):
    """A Watch with what its entry is known by."""

    watch: Watch
    uid: str
    url: str
    entry_title: str
    removed_at: datetime | None


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


# ---------------------------------------------------------------- in flight: what goes out


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


@dataclass(frozen=True, slots=True)
class Choice:
    """Which digest somebody wants, and when; see Subscriber."""

    language: str = "zh"
    period: str = "daily"
    hour: int = 7
    weekday: int = 0
    timezone: str = "Asia/Shanghai"
    tags: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail server says of a mail of ours: that it came back, or that its reader called it spam.

    The person is known by *subscriber_id* where the report holds a link that we signed, else by *address*.
    """

    key: str  # what tells it from all other reports
    kind: Literal["hard", "soft", "complaint"]
    address: str = ""
    subscriber_id: int | None = None
    code: str = ""  # RFC 3463
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MailLinks:
    """Addresses that a subscriber's mail carries: signed, for this person alone."""

    preferences: str
    unsubscribe: str  # GET asks whether one is sure, POST is the one click of RFC 8058


@dataclass(frozen=True, slots=True)
class Appointment:
    """The time at which some readers want their digest; *weekday* counts for weekly ones alone, Monday is 0."""

    period: str
    hour: int
    weekday: int
    timezone: str


@dataclass(frozen=True, slots=True)
class Slot:
    """An edition, by the name of its day or week, and since when it is due."""

    edition: str
    at: datetime


# ---------------------------------------------------------------- at rest


class Source(SQLModel, table=True):
    """What we follow. Its rule lives in a site file; here stands what the polls taught us."""

    __tablename__ = "source"
    __table_args__ = (
        Index("ix_source_due", "host", "enabled", "next_poll_at"),
        Index("ix_source_university", "university", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    site: str
    university: str
    title: str
    url: str
    host: str = ""  # the Host whose turn a visit is: identity.turn_of(url)
    kind: str = "auto"
    enabled: bool = True  # False: switched off, or no longer in a site file; its entries stay
    found_kind: str | None = None  # what "auto" turned out to be
    rule_hash: str = ""  # of what its site file says; another one: read the page again, changed or not
    # a Given for each tag of all its entries, as its site file last said; NULL: it was gone before we asked
    given: list[list[str]] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    rule: dict[str, str] | None = Field(default=None, sa_column=Column(JSON))  # the list rule last used
    look: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # a Look
    repair: str | None = None  # when and how a changed list was last healed
    moved_to: str | None = None  # where the server says, for good, that the page is
    moved_at: datetime | None = (
        None  # since when that counts; None: it leads to another site, and nothing vouches for it
    )
    fetched_at: datetime | None = None  # when the whole body last came
    # a Rhythm in three columns: read at each poll, and cheaper than JSON
    newest: datetime | None = None
    per_day: float | None = None
    working_share: float | None = None
    quiet_at: datetime | None = None  # from when on it is quiet, unless news come; NULL: nothing tells
    stale_at: datetime | None = None
    kept_at: datetime | None = None  # when a good response was last kept as proof
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None  # of the last body read; equal: nothing to do
    polled_at: datetime | None = None  # NULL: never
    next_poll_at: datetime
    failures: int = 0  # in a row
    news_at: datetime | None = None  # when a poll last brought a new entry
    fault: str | None = None  # a Fault, of the last poll; NULL: none
    strikes: int = 0  # polls in a row that met a fault, failed or not
    broken_by: str | None = None  # the Fault with which the break began that lasts; NULL: it is not broken
    refresh_seconds: int | None = None  # what the feed last said of ttl and sy:updatePeriod
    hub: str | None = None  # WebSub, as the feed last said: its hub,
    topic: str | None = None  # and the address it is known by there
    pushed_at: datetime | None = None  # when a hub last announced something
    recheck_at: datetime | None = None  # when the first of its articles is to be looked at again; NULL: none is
    # when its list is due, where next_poll_at is earlier for the sake of recheck_at; NULL: at next_poll_at
    list_at: datetime | None = None


class HubSubscription(SQLModel, table=True):
    """What we asked of a hub for one source (WebSub). At most one of a source is wanted; others are being left."""

    __tablename__ = "hub_subscription"
    __table_args__ = (
        Index(
            "ix_hub_subscription_wanted",
            "source_id",
            unique=True,
            sqlite_where=text("wanted"),
            postgresql_where=text("wanted"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(foreign_key="source.id")
    hub: str
    topic: str
    key: str = Field(unique=True)  # the last part of the callback: nobody can guess it
    callback: str  # as the hub knows it; another one is asked for when site.url changes
    secret: str  # the key of the hub's signatures
    wanted: bool = True  # False: to be unsubscribed
    asked_at: datetime | None = None  # NULL: not yet
    next_ask_at: datetime
    tries: int = 0  # requests that the hub has not confirmed
    failed_at: datetime | None = None  # when it last did not take a request
    since: datetime | None = None  # subscribed without a gap; NULL: not subscribed
    until: datetime | None = None  # the end of the lease
    denied_at: datetime | None = None
    message: str | None = None  # why it is not subscribed
    owed: int  # entries it has to announce in time before it is trusted
    missed_at: datetime | None = None  # when a poll last found what it had not announced
    pushes: int = 0
    forged: int = 0  # without a right signature
    method: str | None = None  # the best it has signed with


class Host(SQLModel, table=True):
    """What is claimed: one worker at a time visits the sources of a host. Its row stays, so that tokens only grow."""

    __tablename__ = "host"

    name: str = Field(primary_key=True)
    # when it may be claimed: its first source is due, or, with an owner, the lease ends; NULL: no source is enabled
    next_at: datetime | None = Field(default=None, index=True)
    token: int = 0  # how often it was claimed
    owner: str | None = None  # the process that holds it until next_at; NULL: none


class Entry(SQLModel, table=True):
    """What we keep and publish. *slug* and *atom_id* never change."""

    __tablename__ = "entry"
    __table_args__ = (
        Index("ix_entry_sort", "sort", "id"),
        Index("ix_entry_source", "source_id", "sort", "id"),
        Index(
            "ix_entry_removed",
            "id",
            sqlite_where=text("removed_at IS NOT NULL"),
            postgresql_where=text("removed_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)  # MD5 hex of the URL as first linked: the ancestor's urlname
    uid: str = Field(unique=True)  # the identity key of the URL (identity.py)
    atom_id: str
    source_id: int = Field(foreign_key="source.id")
    url: str
    title: str
    published: datetime | None = None  # NULL: the publisher gives no date
    precision: str | None = None
    updated: datetime  # when we last changed what readers see
    sort: int = Field(
        sa_type=BigInteger
    )  # published, or seen_at where there is none, in seconds since 1970: all lists go by it
    seen_at: datetime
    author: str | None = None
    origin: str | None = None
    section: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    summary: str = ""
    image: str | None = None  # the first picture
    removed_at: datetime | None = None  # when its publisher was found to have removed it; NULL: it is there
    changed_at: datetime | None = None  # when a Revision was last made of it, or its text withheld; NULL: never
    is_withheld: bool = False  # removed, and its text kept from everybody: it stands in the Revision of the removal


class EntryBody(SQLModel, table=True):
    """The bulky part of an Entry, apart so that lists stay quick."""

    __tablename__ = "entry_body"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id")
    html: str
    text: str
    images: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    attachments: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    # the publisher's: the feed's categories, and of the page's keywords those that title or lead say
    keywords: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))


class EntryAddress(SQLModel, table=True):
    """Another identity key of an Entry: its site gave it a new address, or another source links it otherwise."""

    __tablename__ = "entry_address"

    uid: str = Field(primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)


class Tombstone(SQLModel, table=True):
    """An identity key of an entry that was deleted, which never comes back: a row for each of its keys."""

    __tablename__ = "tombstone"
    __table_args__ = (Index("ix_tombstone_place", "source_id", "sort"),)

    uid: str = Field(primary_key=True)
    slug: str = Field(index=True)  # the rest is the entry's, too
    url: str
    title: str
    source_id: int = Field(foreign_key="source.id")
    sort: int = Field(sa_type=BigInteger)
    gone_at: datetime


class Imported(SQLModel, table=True):
    """What an imported Entry brought along that no rule gives again."""

    __tablename__ = "imported"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # Parcel.given
    title: str = ""  # Front.title
    front: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # Front.values


class EntrySignature(SQLModel, table=True):
    """What finds entries that may tell the same story (classify/story.py); a row is a hint, and proves nothing.

    It may outlive its entry: an index to delete by would be as large as the table.
    """

    __tablename__ = "entry_signature"
    __table_args__ = ({"sqlite_with_rowid": False},)

    hash: int = Field(primary_key=True, sa_type=BigInteger)
    entry_id: int = Field(primary_key=True)


class Story(SQLModel, table=True):
    """News that several entries tell. *id* and *key* never change, whoever joins or leaves."""

    __tablename__ = "story"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # the slug of its first member, as we saw them
    first_entry_id: int  # who published it first
    evidence: str  # how we know: an Evidence
    version: int = 0  # counts its changes
    into_id: int | None = Field(default=None, foreign_key="story.id", index=True)  # the story it turned out to be


class StoryMember(SQLModel, table=True):
    """Which entry tells which story, of two entries or more; *source_id* and *sort* are the entry's."""

    __tablename__ = "story_member"
    __table_args__ = (
        Index("ix_story_member_story", "story_id", "entry_id"),
        Index("ix_story_member_sort", "sort", "story_id"),
    )

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    story_id: int = Field(foreign_key="story.id")
    source_id: int
    sort: int = Field(sa_type=BigInteger)


class StoryDue(SQLModel, table=True):
    """An entry whose story is to be looked for: stored before there were any, or changed since."""

    __tablename__ = "story_due"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")


class Recheck(SQLModel, table=True):
    """An entry whose article is looked at again: a Watch. The row goes when it has been looked at often enough."""

    __tablename__ = "recheck"
    __table_args__ = (Index("ix_recheck_source", "source_id", "entry_id", "due_at"),)

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    source_id: int = Field(foreign_key="source.id")
    since: datetime  # when it was first seen, or found to be removed
    step: int = 0
    due_at: datetime
    tries: int = 0  # looks in a row that told nothing
    kind: str  # this and what follows to listed_title: a Trace
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    title: str | None = None
    published: datetime | None = None
    precision: str | None = None
    files: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    listed_title: str = ""
    is_unlisted: bool = False  # the list shows what stood around it, and not it
    missing_at: datetime | None = None  # the first look in a row that did not find it; NULL: the last one did
    missing_by: str | None = None  # how that showed; see Change
    passing: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # states that did not last
    is_untold: bool = False  # a change that matters is yet to be told by feeds: one was told within a day


class Revision(SQLModel, table=True):
    """An entry's earlier text, kept when its publisher changed it; or that it was removed, or came back.

    *title* and what follows is what the entry said before; of a removal whose text is not withheld, nothing.
    """

    __tablename__ = "revision"
    __table_args__ = (Index("ix_revision_entry", "entry_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", ondelete="CASCADE")
    kind: str  # a ChangeKind
    seen_at: datetime
    what: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # see Change
    words: int = 0
    is_told: bool = False  # feeds carry it as an update
    state: str = ""
    title: str = ""
    published: datetime | None = None
    precision: str | None = None
    summary: str = ""
    html: str = ""
    text: str = ""
    images: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    attachments: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class Tag(SQLModel, table=True):
    """A label a rule gives."""

    __tablename__ = "tag"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    entry_count: int = 0


class TagAlias(SQLModel, table=True):
    """Another name of a tag; where there is a tag of that name, the tag is meant."""

    __tablename__ = "tag_alias"

    alias: str = Field(primary_key=True)
    tag_name: str
    # from the rules of topics, not from a site file
    is_of_topic: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Retag(SQLModel, table=True):
    """How far `aggregator retag` has come; one row at most."""

    __tablename__ = "retag"

    rules: str = Field(primary_key=True)  # what tells these rules of tags from others
    after_id: int = 0  # entries up to here have been looked at
    changed: int = 0  # entries whose tags were other ones
    ended_at: datetime | None = None  # NULL: it goes on from after_id


class EntryTag(SQLModel, table=True):
    """Which entry has which tag; *sort* is the entry's, so that one covering index gives a tag's newest."""

    __tablename__ = "entry_tag"
    __table_args__ = (Index("ix_entry_tag_entry", "entry_id"), {"sqlite_with_rowid": False})

    tag_id: int = Field(primary_key=True, foreign_key="tag.id")
    sort: int = Field(primary_key=True, sa_type=BigInteger)
    entry_id: int = Field(primary_key=True, foreign_key="entry.id")


class Poll(SQLModel, table=True):
    """One visit to one source, with its outcome."""

    __tablename__ = "poll"
    __table_args__ = (
        Index("ix_poll_source", "source_id", "id"),
        Index("ix_poll_polled_at", "polled_at", "outcome", "fault"),
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(foreign_key="source.id")
    polled_at: datetime
    outcome: str
    cause: str | None = None  # of a failure: errors.Cause, "parse", "offline", or "program"
    fault: str | None = None  # a Fault; there may be one though the source was read
    status: int | None = None  # NULL: no HTTP answer
    items: int = 0  # on the list or in the feed
    entries: int = 0  # new
    milliseconds: int = 0
    message: str | None = None  # what failed and what to do; NULL: nothing


class KeptResponse(SQLModel, table=True):
    """The last response from which a source was read, and the first one of its latest trouble."""

    __tablename__ = "kept_response"

    source_id: int = Field(primary_key=True, foreign_key="source.id")
    is_good: bool = Field(primary_key=True)
    fetched_at: datetime
    url: str  # after redirects
    status: int
    headers: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # compressed by gzip
    is_cut: bool = False


class SourceBreak(SQLModel, table=True):
    """A time in which a source was broken, and who was told. NULL in the last four: not yet, or not at all."""

    __tablename__ = "source_break"

    id: int | None = Field(default=None, primary_key=True)
    source_id: int | None = Field(default=None, foreign_key="source.id", index=True)  # NULL: of the service itself
    began_at: datetime
    seen_at: datetime  # by the last poll that met it
    cause: str  # a Fault
    reason: str
    ended_at: datetime | None = Field(default=None, index=True)  # NULL: it lasts
    mailed_at: datetime | None = None
    posted_at: datetime | None = None  # to the webhook
    recovery_mailed_at: datetime | None = None
    recovery_posted_at: datetime | None = None


class Pending(SQLModel, table=True):
    """An item whose article page could not be read yet; after some tries it is kept with what the list says.

    Each source that lists it has it for itself: where one is switched off, another goes on. The fields are Item's.
    """

    __tablename__ = "pending"

    uid: str = Field(primary_key=True)
    source_id: int = Field(primary_key=True, foreign_key="source.id", index=True)
    url: str
    title: str
    published: datetime | None = None
    precision: str | None = None
    updated: datetime | None = None
    guid: str | None = None
    author: str | None = None
    summary: str | None = None
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    attachments: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    tries: int = 1
    tried_at: datetime


class FeedVersion(SQLModel, table=True):
    """Counts the changes of one scope ("all", "tag:7", "source:3"): a stored feed of that version is current."""

    __tablename__ = "feed_version"

    scope: str = Field(primary_key=True)
    version: int = 0


class Announcement(SQLModel, table=True):
    """The version of a scope that a hub was last told of (WebSub): a newer one is to be announced."""

    __tablename__ = "announcement"

    hub: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    version: int
    tries: int = 0  # since it was last told
    next_at: datetime | None = None  # when it may be tried again; NULL: at once
    message: str | None = None  # why the last try failed; NULL: it did not


class RenderedFeed(SQLModel, table=True):
    """The bytes of a feed, made once and served until its version moves."""

    __tablename__ = "rendered_feed"

    key: str = Field(primary_key=True)
    version: str
    media_type: str
    etag: str
    last_modified: datetime
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    gzipped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SearchDoc(SQLModel, table=True):
    """A document of the search index: what its words say, table search_text knows (store/search.py).

    A document without a row here is void: its entry has changed, or is gone.
    """

    __tablename__ = "search_doc"
    __table_args__ = ({"sqlite_autoincrement": True},)

    doc: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", unique=True, ondelete="CASCADE")
    sort: int = Field(sa_type=BigInteger)  # the entry's


class SearchDue(SQLModel, table=True):
    """An entry that is new or has changed since it was indexed: a row for each time."""

    __tablename__ = "search_due"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True, ondelete="CASCADE")


class Subscriber(SQLModel, table=True):
    """Who gets digests by mail, has asked for them, or does not want them any more."""

    __tablename__ = "subscriber"
    __table_args__ = (
        Index("ix_subscriber_state", "state", "id"),
        Index("ix_subscriber_letter", "letter_at"),
        Index("ix_subscriber_appointment", "state", "period", "hour", "weekday", "timezone"),
    )

    id: int | None = Field(default=None, primary_key=True)
    address: str  # as written
    address_key: str = Field(unique=True)  # the same for all ways to write it: domain in lower case and ASCII
    language: str = "zh"
    period: str = "daily"  # "daily" or "weekly"
    hour: int = 7  # of the day in *timezone*, 0 to 23
    weekday: int = 0  # for "weekly": Monday is 0
    timezone: str = "Asia/Shanghai"
    tags: str = ""  # a canonical tag expression; empty: everything
    state: str = "pending"  # "active", "left", "bounced", "complained"
    asked_at: datetime  # when the form, or an operator, last asked for it
    asks: int = 0  # mails that the form had us send on the day (UTC) of asked_at
    confirmed_at: datetime | None = None  # NULL: never
    left_at: datetime | None = None
    token_salt: str  # part of what signs the links; another one makes old links void
    letter: str | None = None  # what is to be mailed besides digests: "confirm", "preferences"; NULL: nothing
    letter_at: datetime | None = None  # when to try that
    letter_tries: int = 0
    bounces: int = 0  # mails returned for good, in a row
    bounced_at: datetime | None = None
    last_edition: str | None = None  # the last digest handed over
    note: str = ""  # the operator's


class Delivery(SQLModel, table=True):
    """One edition of a digest for one subscriber: written before it is handed over, and again after."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_edition", "subscriber_id", "edition", unique=True),
        Index("ix_delivery_due", "state", "next_try_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE")
    edition: str  # "2026-11-20" or "2026-W47", and "#" with the tags where not everything is meant
    message_id: str
    state: str = "planned"  # "sending", "sent", "failed", "empty"
    tries: int = 0
    next_try_at: datetime | None = None  # NULL: it is not tried again
    updated_at: datetime
    code: int | None = None  # what the server answered last
    reason: str = ""


class MailReport(SQLModel, table=True):
    """A mail came back, or its reader called it spam. Each report counts once."""

    __tablename__ = "mail_report"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # what tells it from all others
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, ondelete="CASCADE")
    kind: str  # "hard", "soft", "complaint"
    code: str = ""  # RFC 3463: "5.1.1"
    reason: str = ""
    received_at: datetime


class Erased(SQLModel, table=True):
    """An address that asked to be forgotten: what is left of it keeps it from being imported again."""

    __tablename__ = "erased"

    address_hash: str = Field(primary_key=True)  # keyed with the instance's secret
    erased_at: datetime


class Edition(SQLModel, table=True):
    """A digest as it was frozen. A correction makes the next number; earlier ones stay."""

    __tablename__ = "edition"
    __table_args__ = (
        Index("ix_edition_name", "name", "tags", "number", unique=True),
        Index("ix_edition_last", "tags", "last"),
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str  # "2026-11-20", "2026-W47", "2026-11"
    tags: str = ""  # a canonical tag expression; empty: everything
    number: int  # from 1
    first: date
    last: date  # the period's days, inclusive
    # what it shows of each story, in order; and what it says of itself (publish/digest.py freezes and thaws both)
    items: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    made_at: datetime
    note: str = ""  # what has changed since the number before


class EditionEntry(SQLModel, table=True):
    """An entry that an edition lists: it is not deleted, for readers follow the digest's link to it."""

    __tablename__ = "edition_entry"
    __table_args__ = ({"sqlite_with_rowid": False},)

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    edition_id: int = Field(primary_key=True, foreign_key="edition.id", index=True)


class Blob(SQLModel, table=True):
    """Bytes in the archive, in a file that is called by what they are; several things may be the same bytes."""

    __tablename__ = "blob"

    digest: str = Field(primary_key=True)  # SHA-256, in hexadecimal digits
    bytes: int


class Archived(SQLModel, table=True):
    """The page of an entry, or a picture of it, as it was when we kept it."""

    __tablename__ = "archived"
    __table_args__ = (Index("ix_archived_url", "url"), Index("ix_archived_digest", "digest"))

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    url: str = Field(primary_key=True)
    kind: str  # "page", its answer compressed by gzip, or "picture"
    content_type: str  # as the server said
    digest: str = Field(foreign_key="blob.digest")
    kept_at: datetime


class ArchiveLook(SQLModel, table=True):
    """An entry that the archive knows of: to be kept, or looked at already."""

    __tablename__ = "archive_look"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    tries: int = 0
    due_at: datetime | None = Field(default=None, index=True)  # NULL: what there was is kept, or was let go


class Robots(SQLModel, table=True):
    """A RobotsFile, kept so that the next process does not ask again."""

    __tablename__ = "robots"

    origin: str = Field(primary_key=True)
    text: str
    read_at: datetime | None = None
    ask_at: datetime
    failing_since: datetime | None = None
    reason: str = ""
