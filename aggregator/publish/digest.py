"""Stories into a Digest: the news of a day, an ISO week or a month, ranked, by topic and university.

Knows no database and no clock: which entries belong to the period is asked with `period_bounds` beforehand. What is
frozen of a digest, freeze.py knows. Templates draw it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from aggregator.errors import NotFound
from aggregator.model import Digest, DigestGroup, DigestPart, DigestStory, First, FullEntry

Period = Literal["day", "week", "month"]

DAY = re.compile(r"([12][0-9]{3})-([0-9]{2})-([0-9]{2})")
WEEK = re.compile(r"([12][0-9]{3})-W([0-9]{2})")
MONTH = re.compile(r"([12][0-9]{3})-([0-9]{2})")

LISTED = 500  # the best stories of a digest; the others are counted
TOPICS = 12  # what has no place under the fullest topics stands under none

FOLD_SECONDS = 3 * 86_400  # between the first and the last who tell one story
SHORTEST_TITLE = 8  # characters; shorter ones are the same by chance
NO_WORD = re.compile(r"[\W_]+")
# everybody writes these, and each means another thing
FORM = re.compile(r"(?:通知|公告|公示|预告|安排|名单|简章|通报|启事|日程|会议|讲座|notice|announcement)$")

Story = Sequence[FullEntry]  # who was first comes first


def fold(entries: Iterable[FullEntry]) -> list[list[FullEntry]]:
    """*entries* as stories, those that the store knows, and of others those told alike; who was first leads.

    Told alike is one title at another source within three days: with the same summary or, where one has none, a title
    that is neither short nor what everybody gives to notices.
    """
    stories: list[list[FullEntry]] = []
    known: dict[str, list[FullEntry]] = {}
    open_: dict[str, list[list[FullEntry]]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.sort, entry.seen_at, entry.id)):
        if entry.story:
            if entry.story.key not in known:
                stories.append(known.setdefault(entry.story.key, []))
            its = known[entry.story.key]
            its.insert(0 if entry.id == entry.story.first_id else len(its), entry)
            continue
        title = _title(entry)
        alike = open_.setdefault(title, [])
        for story in alike:
            if _joins(entry, story, title):
                story.append(entry)
                break
        else:
            alike.append([entry])
            stories.append(alike[-1])
    return stories


def make_digest(
    stories: Iterable[Story],
    period: Period,
    day: date,
    zone: ZoneInfo,
    *,
    tag: str | None = None,
    no_topics: Collection[str] = (),
    late: Iterable[Story] = (),
    firsts: Iterable[First] = (),
) -> Digest:
    """The Digest of the period that holds *day*; the same whatever order *stories* come in.

    Ranked first by how many universities tell a story, then by how rarely its university speaks in this digest, then
    the newest. A story stands under the rarest of its topics, which are its tags but *no_topics* (universities, what
    the digest is of), as far as they are among the fullest; topics with most stories come first, those of none last.
    A university stands where its best story does. *late* are stories of earlier days, *firsts* go in as they are.
    """
    ranked = _ranked(stories)
    barred = {*no_topics, *(story.entry.source.university for story in ranked)}
    topics = [[tag for tag in dict.fromkeys(story.entry.tags) if tag not in barred] for story in ranked]
    counts = Counter(topic for its in topics for topic in its)
    sections = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOPICS])
    placed = [
        DigestStory(story.entry, story.also, _topic(its, sections), story.rank)
        for story, its in zip(ranked, topics, strict=True)
    ]
    first, last = days_of(period, day)
    entries = [entry for story in placed for entry in story.entries]
    return Digest(
        period,
        first,
        last,
        grouped(placed[:LISTED], Counter(story.topic for story in placed)),
        tag,
        late=tuple(_ranked(late)),
        firsts=tuple(sorted(firsts, key=lambda one: (one.kind != "university", one.kind, one.name))),
        chart=_by_university(entries) if period == "day" else _by_day(entries, first, last, zone),
        ids=tuple(sorted(entry.id for entry in entries)),
        story_count=len(placed),
        university_count=len({entry.source.university for entry in entries}),
    )


def grouped(stories: Iterable[DigestStory], counts: Counter[str]) -> tuple[DigestGroup, ...]:
    """*stories*, the best first, under their topics; *counts* is how many each topic has, listed or not."""
    by_topic: dict[str, dict[str, list[DigestStory]]] = {}
    for story in stories:
        by_topic.setdefault(story.topic, {}).setdefault(story.entry.source.university, []).append(story)
    return tuple(
        DigestGroup(topic, counts[topic], tuple(DigestPart(name, tuple(its)) for name, its in by_topic[topic].items()))
        for topic in sorted(by_topic, key=lambda topic: (topic == "", -counts[topic], topic))
    )


def period_bounds(period: Period, day: date, timezone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the period that holds *day* begins and when the next one does, midnight in *timezone*, as UTC."""
    first, last = days_of(period, day)
    return _midnight(first, timezone), _midnight(last + timedelta(days=1), timezone)


def days_of(period: Period, day: date) -> tuple[date, date]:
    """The first and the last day of the period that holds *day*."""
    if period == "day":
        return day, day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    first = day.replace(day=1)
    next_month = (first + timedelta(days=31)).replace(day=1)
    return first, next_month - timedelta(days=1)


def digest_address(period: Period, day: date) -> str:
    """The last part of a digest's address: ``2026-11-20``, ``2026-W47`` (ISO 8601) or ``2026-11``."""
    if period == "day":
        return day.isoformat()
    if period == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return f"{day.year}-{day.month:02}"


def parse_address(text: str) -> tuple[Period, date]:
    """The period and its first day that *text*, as `digest_address` writes it, stands for; else raises NotFound."""
    try:
        if found := DAY.fullmatch(text):
            return "day", date(int(found[1]), int(found[2]), int(found[3]))
        if found := WEEK.fullmatch(text):
            return "week", date.fromisocalendar(int(found[1]), int(found[2]), 1)
        if found := MONTH.fullmatch(text):
            return "month", date(int(found[1]), int(found[2]), 1)
    except ValueError as error:
        raise NotFound(f"no digest {text!r}: {error}") from error
    raise NotFound(f"no digest {text[:40]!r}: an address is like 2026-11-20, 2026-W47 or 2026-11")


def _title(entry: FullEntry) -> str:
    """*entry*'s title without what differs from page to page: width, case, blanks, punctuation."""
    return NO_WORD.sub("", unicodedata.normalize("NFKC", entry.title).casefold())


def _joins(entry: FullEntry, story: list[FullEntry], title: str) -> bool:
    """Whether *entry*, which has the *title* of *story* and is no older, tells the same."""
    lead = story[0]
    if entry.sort - lead.sort > FOLD_SECONDS or any(entry.source == one.source for one in story):
        return False
    if entry.summary and lead.summary:
        return entry.summary == lead.summary
    return len(title) >= SHORTEST_TITLE and not FORM.search(title)


def _ranked(stories: Iterable[Story]) -> list[DigestStory]:
    made = [DigestStory(story[0], tuple(story[1:])) for story in stories]
    voices = Counter(story.entry.source.university for story in made)

    def place(story: DigestStory) -> tuple[int, int, int, int]:
        lead = story.entry
        return -len(story.elsewhere), voices[lead.source.university], -lead.sort, -lead.id

    return [
        DigestStory(story.entry, story.also, rank=rank) for rank, story in enumerate(sorted(made, key=place), start=1)
    ]


def _topic(topics: Iterable[str], sections: dict[str, int]) -> str:
    found = [topic for topic in topics if topic in sections]
    return min(found, key=lambda topic: (sections[topic], topic), default="")


def _by_university(entries: Iterable[FullEntry]) -> tuple[tuple[str, int], ...]:
    counts = Counter(entry.source.university for entry in entries)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _by_day(entries: Iterable[FullEntry], first: date, last: date, zone: ZoneInfo) -> tuple[tuple[str, int], ...]:
    counts = Counter(datetime.fromtimestamp(entry.sort, zone).date() for entry in entries)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return tuple((day.isoformat(), counts[day]) for day in days)


def _midnight(day: date, timezone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone).astimezone(UTC)
