"""A Digest into plain values, and back: what an edition keeps, and what programs are told.

Knows no database. Whatever becomes of its entries, a thawed digest shows what it showed when it was frozen.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from aggregator.model import Corrections, Digest, DigestStory, Edition, First, FullEntry, SourceRef
from aggregator.publish import wire
from aggregator.publish.digest import digest_address, grouped, parse_address

TIMES = ("published", "updated", "seen_at")
# of an entry in a list; it has no body
KEPT = ("id", "slug", "atom_id", "url", "title", "precision", "sort", "author", "origin", "summary", "image")


def freeze(digest: Digest, number: int, made_at: datetime, corrections: Corrections) -> Edition:
    """*digest* as its edition *number*."""
    told = [f"{count} {what}" for what, count in _told(corrections).items() if count]
    stories = [(story, False) for group in digest.groups for part in group.parts for story in part.stories]
    return Edition(
        name=digest_address(digest.period, digest.first),
        tags=digest.tag or "",
        number=number,
        first=digest.first,
        last=digest.last,
        items=[_frozen(story, late) for story, late in [*stories, *((story, True) for story in digest.late)]],
        facts={
            "ids": list(digest.ids),
            "story_count": digest.story_count,
            "university_count": digest.university_count,
            "topics": [[group.topic, group.count] for group in digest.groups],
            "chart": [list(bar) for bar in digest.chart],
            "firsts": [[one.kind, one.name, one.university] for one in digest.firsts],
            "corrections": _told(corrections),
        },
        made_at=made_at,
        note=", ".join(told),
    )


def thaw(edition: Edition, editions: int) -> Digest:
    """The digest that *edition*, one of so many, keeps."""
    period, _ = parse_address(edition.name)
    facts = edition.facts
    stories = [(_thawed(item), item["late"]) for item in edition.items]
    listed = sorted((story for story, late in stories if not late), key=lambda story: story.rank)
    return Digest(
        period,
        edition.first,
        edition.last,
        grouped(listed, Counter(dict(facts["topics"]))),
        edition.tags or None,
        late=tuple(story for story, late in stories if late),
        firsts=tuple(First(*one) for one in facts["firsts"]),
        chart=tuple((name, count) for name, count in facts["chart"]),
        ids=tuple(facts["ids"]),
        story_count=facts["story_count"],
        university_count=facts["university_count"],
        edition=edition.number,
        editions=editions,
        made_at=edition.made_at,
        corrections=Corrections(**facts["corrections"]),
    )


def corrections(old: Digest, new: Digest) -> Corrections:
    """What *new* changes in *old*; entries beyond those listed are known by their number alone."""
    before, after = set(old.ids), set(new.ids)
    former = {entry.id: entry.title for entry in _entries(old)}
    now = {entry.id: entry.title for entry in _entries(new)}
    late_gone = {story.entry.id for story in old.late} - {story.entry.id for story in new.late}
    return Corrections(
        added=len(after - before),
        withdrawn=len(before - after) + len(late_gone),
        retitled=sum(1 for id_, title in former.items() if now.get(id_, title) != title),
    )


def digest_json(digest: Digest, site_url: str) -> dict[str, Any]:
    """What ``digest --format json`` prints: plain values, times as ISO 8601 in UTC."""
    return {
        "period": digest.period,
        "first": digest.first.isoformat(),
        "last": digest.last.isoformat(),
        "tag": digest.tag,
        "url": digest_url(digest, site_url),
        "edition": digest.edition,
        "editions": digest.editions,
        "made_at": wire.utc(digest.made_at).isoformat() if digest.made_at else None,
        "corrections": _told(digest.corrections),
        "entry_count": digest.entry_count,
        "story_count": digest.story_count,
        "university_count": digest.university_count,
        "chart": [{"name": name, "count": count} for name, count in digest.chart],
        "first_seen": [{"kind": one.kind, "name": one.name} for one in digest.firsts],
        "most_covered": [story.entry.slug for story in digest.most_covered],
        "groups": [
            {
                "topic": group.topic,
                "count": group.count,
                "universities": [
                    {"university": part.university, "stories": [_told_of(story, site_url) for story in part.stories]}
                    for part in group.parts
                ],
            }
            for group in digest.groups
        ],
        "late": [_told_of(story, site_url) for story in digest.late],
    }


def digest_url(digest: Digest, site_url: str) -> str:
    """The page of *digest*, whatever it is of, without its tags."""
    return f"{site_url}/digest/{digest_address(digest.period, digest.first)}/"


def _entries(digest: Digest) -> list[FullEntry]:
    return [entry for story in (*digest.stories, *digest.late) for entry in story.entries]


def _told(made: Corrections) -> dict[str, int]:
    return {"added": made.added, "withdrawn": made.withdrawn, "retitled": made.retitled}


def _told_of(story: DigestStory, site_url: str) -> dict[str, Any]:
    entry = story.entry
    return {
        "rank": story.rank,
        "slug": entry.slug,
        "title": entry.title,
        "url": wire.entry_url(site_url, entry),
        "first_published": entry.url,
        "published": wire.utc(entry.published).isoformat() if entry.published else None,
        "university": entry.source.university,
        "source": entry.source.title,
        "author": entry.author,
        "summary": entry.summary,
        "image": entry.image,
        "tags": list(entry.tags),
        "also": [
            {"university": one.source.university, "url": wire.entry_url(site_url, one), "first_published": one.url}
            for one in story.also
        ],
    }


def _frozen(story: DigestStory, late: bool) -> dict[str, Any]:
    entries = [_frozen_entry(entry) for entry in story.entries]
    return {"rank": story.rank, "topic": story.topic, "late": late, "entries": entries}


def _thawed(item: dict[str, Any]) -> DigestStory:
    entries = [_thawed_entry(entry) for entry in item["entries"]]
    return DigestStory(entries[0], tuple(entries[1:]), item["topic"], item["rank"])


def _frozen_entry(entry: FullEntry) -> dict[str, Any]:
    times = {name: getattr(entry, name) for name in TIMES}
    return {
        **{name: getattr(entry, name) for name in KEPT},
        **{name: moment and moment.isoformat() for name, moment in times.items()},
        "source": [entry.source.name, entry.source.title, entry.source.url, entry.source.university],
        "section": list(entry.section),
        "tags": list(entry.tags),
    }


def _thawed_entry(kept: dict[str, Any]) -> FullEntry:
    values: dict[str, Any] = {name: kept[name] for name in KEPT}
    values |= {name: kept[name] and datetime.fromisoformat(kept[name]) for name in TIMES}
    values |= {name: tuple(kept[name]) for name in ("section", "tags")}
    return FullEntry(**values, source=SourceRef(*kept["source"]))
