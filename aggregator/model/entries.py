"""At rest: entries with all that belongs to them: texts, tags, stories, revisions, tombstones."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, text
from sqlmodel import Field

from aggregator.model.row import Row


class Entry(Row, table=True):
    """What we keep and publish. *slug* and *atom_id* never change."""

    __tablename__ = "entry"
    __table_args__ = (
        Index("ix_entry_sort", "sort", "id"),
        Index("ix_entry_source", "source_id", "sort", "id"),
        Index(
            "ix_entry_removed",
            "id",
            sqlite_where=text("removed_at IS NOT NULL"),  # on PostgreSQL, too; see Row
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


class EntryBody(Row, table=True):
    """The bulky part of an Entry, apart so that lists stay quick."""

    __tablename__ = "entry_body"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id")
    html: str
    text: str
    images: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    attachments: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    # the publisher's: the feed's categories, and of the page's keywords those that title or lead say
    keywords: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))


class EntryAddress(Row, table=True):
    """Another identity key of an Entry: its site gave it a new address, or another source links it otherwise."""

    __tablename__ = "entry_address"

    uid: str = Field(primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)


class Tombstone(Row, table=True):
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


class Imported(Row, table=True):
    """What an imported Entry brought along that no rule gives again."""

    __tablename__ = "imported"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # Parcel.given
    title: str = ""  # Front.title
    front: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # Front.values


class EntrySignature(Row, table=True):
    """What finds entries that may tell the same story (classify/story.py); a row is a hint, and proves nothing.

    It may outlive its entry: an index to delete by would be as large as the table.
    """

    __tablename__ = "entry_signature"
    __table_args__ = ({"sqlite_with_rowid": False},)

    hash: int = Field(primary_key=True, sa_type=BigInteger)
    entry_id: int = Field(primary_key=True)


class Story(Row, table=True):
    """News that several entries tell. *id* and *key* never change, whoever joins or leaves."""

    __tablename__ = "story"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # the slug of its first member, as we saw them
    first_entry_id: int  # who published it first
    evidence: str  # how we know: an Evidence
    version: int = 0  # counts its changes
    into_id: int | None = Field(default=None, foreign_key="story.id", index=True)  # the story it turned out to be


class StoryMember(Row, table=True):
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


class StoryDue(Row, table=True):
    """An entry whose story is to be looked for: stored before there were any, or changed since."""

    __tablename__ = "story_due"

    entry_id: int = Field(primary_key=True, foreign_key="entry.id", ondelete="CASCADE")


class Recheck(Row, table=True):
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
    # changes that did not last, by their marks (classify/revise.py)
    passing: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    is_untold: bool = False  # a change that matters is yet to be told by feeds: one was told within a day
    # a change that was seen once, by its marks, and since when: it may pass; none, NULL: the last look found none
    doubt: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    doubted_at: datetime | None = None


class Revision(Row, table=True):
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


class Tag(Row, table=True):
    """A label a rule gives."""

    __tablename__ = "tag"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    entry_count: int = 0


class TagAlias(Row, table=True):
    """Another name of a tag; where there is a tag of that name, the tag is meant."""

    __tablename__ = "tag_alias"

    alias: str = Field(primary_key=True)
    tag_name: str
    # from the rules of topics, not from a site file
    is_of_topic: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Retag(Row, table=True):
    """How far `aggregator retag` has come; one row at most."""

    __tablename__ = "retag"

    rules: str = Field(primary_key=True)  # what tells these rules of tags from others
    after_id: int = 0  # entries up to here have been looked at
    changed: int = 0  # entries whose tags were other ones
    ended_at: datetime | None = None  # NULL: it goes on from after_id


class EntryTag(Row, table=True):
    """Which entry has which tag; *sort* is the entry's, so that one covering index gives a tag's newest."""

    __tablename__ = "entry_tag"
    __table_args__ = (Index("ix_entry_tag_entry", "entry_id"), {"sqlite_with_rowid": False})

    tag_id: int = Field(primary_key=True, foreign_key="tag.id")
    sort: int = Field(primary_key=True, sa_type=BigInteger)
    entry_id: int = Field(primary_key=True, foreign_key="entry.id")
