"""What programs are told over HTTP of entries, tags, sources, stories and digests: every field, where it comes from.

Answers and the OpenAPI document are both made from this table, so that neither can say what the other does not. Knows
no database and no request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from aggregator.model import Evidence
from aggregator.publish import wire

PERIODS = ("day", "week", "month")
STATES = ("off", "new", "working", "quiet", "stale", "failing", "broken", "gone")  # of a source: health.State

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
ADDRESS: Schema = {"type": "string", "format": "iri"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
SLUG: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
HTML: Schema = {"type": "string", "contentMediaType": "text/html"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a Thing; *value* makes it of the noun and the site's address, by default it is the noun's own."""

    name: str
    type: "Schema | Thing"
    about: str
    value: Callable[[Any, str], Any] | None = None
    is_list: bool = False
    may_be_null: bool = False
    is_optional: bool = False  # left out where the noun has no such value


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    about: str
    fields: Sequence[Field]

    def said(self, one: Any, site_url: str, *, without: Sequence[str] = ()) -> dict[str, Any]:
        """*one* as the answer says it, its fields in the table's order, but for those called in *without*."""
        found = {}
        for field_ in self.fields:
            if field_.name in without:
                continue
            value = field_.value(one, site_url) if field_.value else _own(one, field_.name)
            thing = field_.type
            if isinstance(thing, Thing) and value is not None:
                value = (
                    [thing.said(part, site_url) for part in value] if field_.is_list else thing.said(value, site_url)
                )
            elif field_.is_list:
                value = list(value)
            found[field_.name] = value.isoformat() if hasattr(value, "isoformat") else value
        return found


def _own(one: Any, name: str) -> Any:
    value = one[name] if isinstance(one, Mapping) else getattr(one, name)
    return wire.utc(value) if isinstance(value, datetime) else wire.writable(value) if isinstance(value, str) else value


def _page(one: Any, site_url: str) -> str:
    return f"{site_url}/entries/{one.slug}/"


def _external(one: Any, _site_url: str) -> str:
    return wire.address(one.url)


def _dated(one: Any, _site_url: str) -> datetime:
    return datetime.fromtimestamp(one.sort, UTC)


_SLUG = Field("slug", SLUG, "Its name in our addresses: the MD5 of the article's address. Never changes.")
_URL = Field("url", ADDRESS, "Our page of it.", _page)
_EXTERNAL = Field("external_url", ADDRESS, "The article at its publisher.", _external)
_TITLE = Field("title", TEXT, "As the publisher has it.")

SOURCE_REF = Thing(
    "SourceRef",
    "The column or feed that an entry was found in.",
    (
        Field("name", TEXT, "Its name in our addresses."),
        Field("title", TEXT, "What it is called."),
        Field("university", TEXT, "Whose it is."),
        Field("page_url", ADDRESS, "The page or feed itself.", _external),
    ),
)
TELLING = Thing(
    "Telling",
    "One entry of a story.",
    (
        _SLUG,
        _URL,
        _EXTERNAL,
        _TITLE,
        Field("dated", MOMENT, "When it was published, or first seen where its publisher gives no date.", _dated),
        Field("source", SOURCE_REF, "Where it was found."),
    ),
)
STORY = Thing(
    "Story",
    "News that several entries tell.",
    (
        Field("key", TEXT, "Its name in our addresses. Never changes."),
        Field("url", ADDRESS, "Our page of it.", lambda one, site: f"{site}/stories/{one.key}/"),
        Field("first_slug", SLUG, "The entry that was published first.", lambda one, _: one.first.slug),
        Field(
            "evidence",
            {"type": "string", "enum": list(get_args(Evidence))},
            "How that is known: another's word for its origin, the times of publication, or only the order in which "
            "they were seen.",
        ),
        Field(
            "university_count",
            COUNT,
            "How many universities tell it.",
            lambda one, _: len({telling.source.university for telling in one.tellings}),
        ),
        Field("entries", TELLING, "All that tell it, the oldest first.", lambda one, _: one.tellings, is_list=True),
    ),
)
STORY_REF = Thing(
    "StoryRef",
    "The story that an entry tells with others.",
    (
        Field("key", TEXT, "Its name in our addresses: /api/v1/stories/{key}."),
        Field("first_slug", SLUG, "The entry that was published first.", lambda one, _: one.first.slug),
        Field("entry_count", COUNT, "How many entries tell it.", lambda one, _: len(one.tellings)),
    ),
)
ATTACHMENT = Thing(
    "Attachment",
    "A file that an article offers.",
    (
        Field("url", ADDRESS, "Where it is.", _external),
        Field("title", TEXT, "What the article calls it."),
        Field("media_type", TEXT, "RFC 6838.", lambda one, _: wire.media_type(one), may_be_null=True),
        Field("length", COUNT, "Bytes, where the publisher says.", lambda one, _: wire.length(one), may_be_null=True),
    ),
)
BODY = ("html", "text", "images", "attachments")
ENTRY = Thing(
    "Entry",
    "One article.",
    (
        _SLUG,
        Field("id", TEXT, "Its id in our feeds. Never changes.", lambda one, _: one.atom_id),
        _URL,
        _EXTERNAL,
        _TITLE,
        Field("published", MOMENT, "As the publisher says, in UTC; null where nothing is said.", may_be_null=True),
        Field(
            "precision",
            {"type": "string", "enum": ["minute", "day"]},
            "How exactly *published* is known.",
            may_be_null=True,
        ),
        Field("updated", MOMENT, "When readers were last shown something else."),
        Field("seen_at", MOMENT, "When it was first seen here."),
        Field("source", SOURCE_REF, "Where it was found."),
        Field("author", TEXT, "As the page names it.", may_be_null=True),
        Field("origin", TEXT, "Who published it first, as the page says.", may_be_null=True),
        Field("section", TEXT, "The page's breadcrumb, outermost first.", is_list=True),
        Field("summary", TEXT, "Whole sentences of the text; empty where there is none."),
        Field("image", ADDRESS, "Its first picture.", may_be_null=True),
        Field("tags", TEXT, "Its tags.", is_list=True),
        Field("story", STORY_REF, "The story it tells; null where nobody else tells it.", may_be_null=True),
        Field("html", HTML, "Its text as safe HTML. In lists only with body=1.", is_optional=True),
        Field("text", TEXT, "Its text, one block a line. In lists only with body=1.", is_optional=True),
        Field("images", ADDRESS, "Its pictures, in order. In lists only with body=1.", is_list=True, is_optional=True),
        Field(
            "attachments", ATTACHMENT, "The files it offers. In lists only with body=1.", is_list=True, is_optional=True
        ),
    ),
)
TAG = Thing(
    "Tag",
    "A label that a rule gives.",
    (
        Field("name", TEXT, "What it is called."),
        Field("entry_count", COUNT, "How many entries have it."),
    ),
)
SOURCE = Thing(
    "Source",
    "A column or feed that is followed, or was.",
    (
        Field("name", TEXT, "Its name in our addresses.", lambda one, _: one["ref"].name),
        Field("title", TEXT, "What it is called.", lambda one, _: one["ref"].title),
        Field("university", TEXT, "Whose it is.", lambda one, _: one["ref"].university),
        Field("page_url", ADDRESS, "The page or feed itself.", lambda one, _: wire.address(one["ref"].url)),
        Field("url", ADDRESS, "Our page of it.", lambda one, site: wire.source_page_url(site, one["ref"])),
        Field("feed_url", ADDRESS, "Our Atom feed of it.", lambda one, site: wire.source_feed_url(site, one["ref"])),
        Field("kind", {"type": "string", "enum": ["feed", "list", "auto"]}, "What it is; auto: not yet known."),
        Field("health", {"type": "string", "enum": list(STATES)}, "What its visits say of it."),
        Field("entry_count", COUNT, "How many entries it brought."),
        Field("polled_at", MOMENT, "When it was last visited.", may_be_null=True),
        Field("news_at", MOMENT, "When a visit last brought an entry.", may_be_null=True),
    ),
)
DIGEST_REF = Thing(
    "DigestRef",
    "A digest by its name.",
    (
        Field("name", TEXT, "Its name in our addresses: 2026-11-20, 2026-W47, 2026-11."),
        Field("period", {"type": "string", "enum": list(PERIODS)}, "How long it is."),
        Field("first", DAY, "Its first day."),
        Field("last", DAY, "Its last day."),
        Field("entry_count", COUNT, "How many entries are dated in it now."),
        Field("url", ADDRESS, "Our page of it.", lambda one, site: f"{site}/digest/{one['name']}/"),
    ),
)
_ALSO = Thing(
    "DigestAlso",
    "Another entry that tells the same.",
    (
        Field("university", TEXT, "Whose it is."),
        Field("url", ADDRESS, "Our page of it."),
        Field("external_url", ADDRESS, "The article at its publisher.", lambda one, _: one["first_published"]),
    ),
)
_DIGEST_STORY = Thing(
    "DigestStory",
    "One item of a digest.",
    (
        Field("rank", COUNT, "From 1, the best first; 0 for late ones."),
        _SLUG,
        _TITLE,
        Field("url", ADDRESS, "Our page of it."),
        Field("external_url", ADDRESS, "The article at its publisher.", lambda one, _: one["first_published"]),
        Field("published", MOMENT, "As the publisher says, in UTC.", may_be_null=True),
        Field("university", TEXT, "Whose it is."),
        Field("source", TEXT, "What its source is called."),
        Field("author", TEXT, "As the page names it.", may_be_null=True),
        Field("summary", TEXT, "Whole sentences of the text."),
        Field("image", ADDRESS, "Its first picture.", may_be_null=True),
        Field("tags", TEXT, "Its tags.", is_list=True),
        Field("also", _ALSO, "Who else tells it.", is_list=True),
    ),
)
_DIGEST_PART = Thing(
    "DigestPart",
    "The stories of one university under one topic.",
    (
        Field("university", TEXT, "Whose they are."),
        Field("stories", _DIGEST_STORY, "The best first.", is_list=True),
    ),
)
_DIGEST_GROUP = Thing(
    "DigestGroup",
    "The stories of one topic.",
    (
        Field("topic", TEXT, "A tag; empty for stories of none."),
        Field("count", COUNT, "How many it has, of which not all need be listed."),
        Field("universities", _DIGEST_PART, "By university.", is_list=True),
    ),
)
_BAR = Thing(
    "DigestBar", "A bar of a chart.", (Field("name", TEXT, "A day or a university."), Field("count", COUNT, "Entries."))
)
_FIRST = Thing(
    "DigestFirst",
    "Who speaks, or what is spoken of, for the first time ever.",
    (
        Field("kind", {"type": "string", "enum": ["university", "source", "topic"]}, "What it is."),
        Field("name", TEXT, "What it is called."),
    ),
)
_CORRECTIONS = Thing(
    "DigestCorrections",
    "What an edition changed in the one before: numbers of entries.",
    tuple(Field(name, COUNT, f"How many were {name}.") for name in ("added", "withdrawn", "retitled")),
)
DIGEST = Thing(
    "Digest",
    "A dated selection, one entry a story.",
    (
        Field("period", {"type": "string", "enum": list(PERIODS)}, "How long it is."),
        Field("first", DAY, "Its first day."),
        Field("last", DAY, "Its last day."),
        Field("tag", TEXT, "The tags it was asked for with, in canonical form.", may_be_null=True),
        Field("url", ADDRESS, "Our page of it."),
        Field("edition", COUNT, "From 1; 0: provisional, its period is not over."),
        Field("editions", COUNT, "How many there are."),
        Field("made_at", MOMENT, "When this edition was frozen.", may_be_null=True),
        Field("corrections", _CORRECTIONS, "What it changed."),
        Field("entry_count", COUNT, "Entries dated in it."),
        Field("story_count", COUNT, "Stories they tell."),
        Field("university_count", COUNT, "Universities that speak."),
        Field("chart", _BAR, "Entries a day; of one day: a university.", is_list=True),
        Field("first_seen", _FIRST, "Who speaks for the first time.", is_list=True),
        Field("most_covered", SLUG, "The stories that most universities tell.", is_list=True),
        Field("groups", _DIGEST_GROUP, "The stories, by topic.", is_list=True),
        Field("late", _DIGEST_STORY, "Of earlier days, found only now.", is_list=True),
    ),
)
