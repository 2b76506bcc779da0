"""In flight: what servers answer, and what is read of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from aggregator.model.rules import ListingRule
from aggregator.model.terms import Precision


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
    def media_type(self) -> str:
        """The type alone, in lower case; empty where it is not said."""
        return (self.content_type or "").partition(";")[0].strip().lower()

    @property
    def validators(self) -> Validators:
        return Validators(self.headers.get("etag"), self.headers.get("last-modified"))


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
