"""The nouns: in flight (frozen dataclasses) and at rest (SQLModel tables).

``published`` and ``updated`` are the publisher's claims; whatever ends in ``_at`` is our clock. Times are aware UTC.
No ``from __future__ import annotations`` here: SQLModel reads the annotations when a class is made.
"""

from aggregator.model.digests import Corrections, Digest, DigestGroup, DigestPart, DigestStory, First
from aggregator.model.entries import (
    Entry,
    EntryAddress,
    EntryBody,
    EntrySignature,
    EntryTag,
    Imported,
    Recheck,
    Retag,
    Revision,
    Story,
    StoryDue,
    StoryMember,
    Tag,
    TagAlias,
    Tombstone,
)
from aggregator.model.incoming import (
    Article,
    Attachment,
    Item,
    KnownEntry,
    Listing,
    NewEntry,
    Response,
    Trace,
    Validators,
)
from aggregator.model.looks import Change, ChangeKind, Glance, Looked, Told, Watch, Watched
from aggregator.model.mailing import Appointment, Choice, MailLinks, Report, Slot
from aggregator.model.outgoing import (
    Break,
    FeedInfo,
    Front,
    FullEntry,
    Note,
    Parcel,
    Past,
    SourceRef,
    StoryOf,
    Telling,
    Version,
)
from aggregator.model.people import Delivery, Erased, MailReport, Subscriber
from aggregator.model.published import (
    Announcement,
    Archived,
    ArchiveLook,
    Blob,
    Edition,
    EditionEntry,
    FeedVersion,
    RenderedFeed,
    SearchDoc,
    SearchDue,
)
from aggregator.model.rules import (
    Allowance,
    ArticleRule,
    Checked,
    Family,
    Given,
    Ground,
    ListingRule,
    Reason,
    Site,
    SourceRule,
    Taxonomy,
    Topic,
)
from aggregator.model.sources import Host, HubSubscription, KeptResponse, Pending, Poll, Robots, Source, SourceBreak
from aggregator.model.terms import SHANGHAI, Evidence, Fault, Kind, Outcome, Precision
from aggregator.model.visits import Begun, Kept, Lease, Look, Rhythm, RobotsFile, Silence, Terms, Visit
