"""At rest: sources, their visits and what is wrong with them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, text
from sqlmodel import Field

from aggregator.model.row import Row


class Source(Row, table=True):
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


class HubSubscription(Row, table=True):
    """What we asked of a hub for one source (WebSub). At most one of a source is wanted; others are being left."""

    __tablename__ = "hub_subscription"
    __table_args__ = (
        Index(
            "ix_hub_subscription_wanted",
            "source_id",
            unique=True,
            sqlite_where=text("wanted"),  # on PostgreSQL, too; see Row
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


class Host(Row, table=True):
    """What is claimed: one worker at a time visits the sources of a host. Its row stays, so that tokens only grow."""

    __tablename__ = "host"

    name: str = Field(primary_key=True)
    # when it may be claimed: its first source is due, or, with an owner, the lease ends; NULL: no source is enabled
    next_at: datetime | None = Field(default=None, index=True)
    token: int = 0  # how often it was claimed
    owner: str | None = None  # the process that holds it until next_at; NULL: none


class Poll(Row, table=True):
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


class KeptResponse(Row, table=True):
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


class SourceBreak(Row, table=True):
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


class Pending(Row, table=True):
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


class Robots(Row, table=True):
    """A RobotsFile, kept so that the next process does not ask again."""

    __tablename__ = "robots"

    origin: str = Field(primary_key=True)
    text: str
    read_at: datetime | None = None
    ask_at: datetime
    failing_since: datetime | None = None
    reason: str = ""
