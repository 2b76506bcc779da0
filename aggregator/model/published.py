"""At rest: what is made of entries once: feeds, the search index, digests, the archive of pages and pictures."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field

from aggregator.model.row import Row


class FeedVersion(Row, table=True):
    """Counts the changes of one scope ("all", "tag:7", "source:3"): a stored feed of that version is current."""

    __tablename__ = "feed_version"

    scope: str = Field(primary_key=True)
    version: int = 0


class Announcement(Row, table=True):
    """The version of a scope that a hub was last told of (WebSub): a newer one is to be announced."""

    __tablename__ = "announcement"

    hub: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    version: int
    tries: int = 0  # since it was last told
    next_at: datetime | None = None  # when it may be tried again; NULL: at once
    message: str | None = None  # why the last try failed; NULL: it did not


class RenderedFeed(Row, table=True):
    """The bytes of a feed, made once and served until its version moves."""

    __tablename__ = "rendered_feed"

    key: str = Field(primary_key=True)
    version: str
    media_type: str
    etag: str
    last_modified: datetime
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    gzipped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SearchDoc(Row, table=True):
    """A document of the search index: what its words say, table search_text knows (store/search.py).

    A document without a row here is void: its entry has changed, or is gone.
    """

    __tablename__ = "search_doc"
    __table_args__ = ({"sqlite_autoincrement": True},)

    doc: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", unique=True, ondelete="CASCADE")
    sort: int = Field(sa_type=BigInteger)  # the entry's


class SearchDue(Row, table=True):
    """An entry that is new or has changed since it was indexed: a row for each time."""

    __tablename__ = "search_due"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True, ondelete="CASCADE")


class Edition(Row, table=True):
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


class EditionEntry(Row, table=True):
    """An entry that an edition lists: it is not deleted, for readers follow the digest's link to it."""

    __tablename__ = "edition_entry"
    __table_args__ = ({"sqlite_with_rowid": False},)

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    edition_id: int = Field(primary_key=True, foreign_key="edition.id", index=True)


class Blob(Row, table=True):
    """Bytes in the archive, in a file that is called by what they are; several things may be the same bytes."""

    __tablename__ = "blob"

    digest: str = Field(primary_key=True)  # SHA-256, in hexadecimal digits
    bytes: int


class Archived(Row, table=True):
    """The page of an entry, or a picture of it, as it was when we kept it."""

    __tablename__ = "archived"
    __table_args__ = (Index("ix_archived_url", "url"), Index("ix_archived_digest", "digest"))

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    url: str = Field(primary_key=True)
    kind: str  # "page", its answer compressed by gzip, or "picture"
    content_type: str  # as the server said
    digest: str = Field(foreign_key="blob.digest")
    kept_at: datetime


class ArchiveLook(Row, table=True):
    """An entry that the archive knows of: to be kept, or looked at already."""

    __tablename__ = "archive_look"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    tries: int = 0
    due_at: datetime | None = Field(default=None, index=True)  # NULL: what there was is kept, or was let go
