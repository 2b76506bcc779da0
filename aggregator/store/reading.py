"""Rows into whole entries, as the driver gives them: half of a list's cost was the conversion column by column.

SQLite gives times and JSON as text, PostgreSQL as what they are.
"""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Label, Select, func, literal_column, select, type_coerce
from sqlalchemy.types import NullType

from aggregator.model import (
    Attachment,
    Entry,
    EntryBody,
    EntryTag,
    FullEntry,
    Precision,
    Source,
    SourceRef,
    Story,
    StoryMember,
    StoryOf,
    Tag,
    Telling,
)

entry, body = Entry.__table__, EntryBody.__table__  # type: ignore[attr-defined]
story, member = Story.__table__, StoryMember.__table__  # type: ignore[attr-defined]
tag, entry_tag, source = Tag.__table__, EntryTag.__table__, Source.__table__  # type: ignore[attr-defined]


def _as_it_is(*columns: Column[Any]) -> list[Label[Any]]:
    return [type_coerce(column, NullType()).label(f"{column.table.name}_{column.name}") for column in columns]


# in the order of _full's parameters
ENTRY = _as_it_is(
    entry.c.id, entry.c.slug, entry.c.atom_id, entry.c.url, entry.c.title, entry.c.published, entry.c.precision,
    entry.c.updated, entry.c.sort, entry.c.seen_at, entry.c.author, entry.c.origin, entry.c.section, entry.c.summary,
    entry.c.image, entry.c.removed_at, entry.c.changed_at,
    source.c.name, source.c.title, source.c.url, source.c.university,
)  # fmt: skip
BODY = _as_it_is(body.c.html, body.c.text, body.c.images, body.c.attachments, body.c.keywords)
NO_BODY: list[ColumnElement[Any]] = [literal_column(value) for value in ("''", "''", "'[]'", "'[]'", "'[]'")]
ITS_TAGS = (
    select(tag.c.name)
    .join(entry_tag, tag.c.id == entry_tag.c.tag_id)
    .where(entry_tag.c.entry_id == entry.c.id)
    .order_by(tag.c.id)
    .correlate(entry)
    .subquery()
)
# a query of their own would cost half as much again
TAGS = {
    True: select(func.json_group_array(ITS_TAGS.c.name)).scalar_subquery(),
    False: select(func.json_agg(ITS_TAGS.c.name)).scalar_subquery(),
}

# likewise; for an entry that is in no story it finds nothing at once
TOLD, BY = entry.alias("told"), source.alias("by")
ITS_STORY = (
    select(
        member.c.entry_id.label("id"), TOLD.c.slug, TOLD.c.url, TOLD.c.title, BY.c.name.label("source_name"),
        BY.c.title.label("source_title"), BY.c.url.label("source_url"), BY.c.university, member.c.sort,
    )
    .join(TOLD, TOLD.c.id == member.c.entry_id)
    .join(BY, BY.c.id == TOLD.c.source_id)
    .where(member.c.story_id == (OF := member.alias("of")).c.story_id)
    .order_by(member.c.sort, member.c.entry_id)
    .correlate(OF)
    .subquery()
)  # fmt: skip
TELLINGS = {
    True: select(func.json_group_array(func.json_array(*ITS_STORY.c))).scalar_subquery(),
    False: select(func.json_agg(func.json_build_array(*ITS_STORY.c))).scalar_subquery(),
}


def whole(*, bodies: bool, is_sqlite: bool) -> Select[Any]:
    """The rows that ``read`` takes, of all entries."""
    tags = type_coerce(TAGS[is_sqlite], NullType()).label("tags")
    told = type_coerce(TELLINGS[is_sqlite], NullType()).label("tellings")
    its = (story.c.key.label("story_key"), story.c.first_entry_id, story.c.evidence, told)
    query: Select[Any] = select(*ENTRY, tags, *(BODY if bodies else NO_BODY), *its).select_from(entry)
    query = query.join(source, source.c.id == entry.c.source_id)
    query = query.outerjoin(OF, OF.c.entry_id == entry.c.id).outerjoin(story, story.c.id == OF.c.story_id)
    return query.outerjoin(body, body.c.entry_id == entry.c.id) if bodies else query


def read(connection: Connection, query: Select[Any], values: dict[str, Any]) -> list[FullEntry]:
    """The entries of *query*, made of ``whole``, in its order."""
    return [_full(*row) for row in connection.execute(query, values).all()]


def _full(
    id_: int, slug: str, atom_id: str, url: str, title: str, published: Any, precision: Precision | None, updated: Any,
    sort: int, seen_at: Any, author: str | None, origin: str | None, section: Any, summary: str, image: str | None,
    removed_at: Any, changed_at: Any,
    source_name: str, source_title: str, source_url: str, university: str, tags: Any,
    html: str | None, text: str | None, images: Any, attachments: Any, keywords: Any,
    story_key: str | None, first_id: int, evidence: Any, tellings: Any,
) -> FullEntry:  # fmt: skip
    return FullEntry(
        id_, slug, atom_id, url, title, _time(published) if published else None, precision, _time(updated),
        sort, _time(seen_at), _source(source_name, source_title, source_url, university),
        author, origin, _texts(section), summary, image,
        _texts(tags), html or "", text or "", _texts(images), tuple(Attachment(**one) for one in _json(attachments)),
        _texts(keywords),
        StoryOf(story_key, first_id, evidence, _tellings(tellings)) if story_key else None,
        _time(removed_at) if removed_at else None, _time(changed_at) if changed_at else None,
    )  # fmt: skip


def _tellings(value: Any) -> tuple[Telling, ...]:
    return tuple(
        Telling(id_, slug, url, title, _source(*by), sort) for id_, slug, url, title, *by, sort in _json(value)
    )


def _time(value: Any) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value + "+00:00")
    moment: datetime = value
    return moment.astimezone(UTC)


def _texts(value: Any) -> tuple[str, ...]:
    return _read_texts(value) if isinstance(value, str) else tuple(value or ())


def _json(value: Any) -> Any:
    """The list that a JSON column holds; none where it was never written."""
    if isinstance(value, str):
        return () if value == "[]" else json.loads(value)
    return value or ()


@lru_cache(maxsize=10_000)  # many entries have the same tags, and stand in the same section
def _read_texts(value: str) -> tuple[str, ...]:
    return tuple(json.loads(value))


# the entries of a list have few sources
_source = lru_cache(maxsize=2000)(SourceRef)
