"""Entries into a Digest: a day, an ISO week or a month of news, one group a university. Templates draw it.

Knows no database and no clock: which entries belong to the period is asked with `period_bounds` beforehand.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from aggregator.errors import NotFound
from aggregator.model import Digest, DigestGroup, FullEntry
from aggregator.publish import wire

Period = Literal["day", "week", "month"]

DAY = re.compile(r"([12][0-9]{3})-([0-9]{2})-([0-9]{2})")
WEEK = re.compile(r"([12][0-9]{3})-W([0-9]{2})")
MONTH = re.compile(r"([12][0-9]{3})-([0-9]{2})")


def make_digest(entries: Sequence[FullEntry], period: Period, day: date, tag: str | None = None) -> Digest:
    """The Digest of the period that holds *day*: the university with most entries first, then by name; newest first."""
    by_university: dict[str, list[FullEntry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.sort, entry.id), reverse=True):
        by_university.setdefault(entry.source.university, []).append(entry)
    groups = [DigestGroup(university, tuple(group)) for university, group in by_university.items()]
    groups.sort(key=lambda group: (-len(group.entries), group.university))
    first, last = _days(period, day)
    return Digest(period, first, last, tuple(groups), tag)


def period_bounds(period: Period, day: date, timezone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the period that holds *day* begins and when the next one does, midnight in *timezone*, as UTC."""
    first, last = _days(period, day)
    return _midnight(first, timezone), _midnight(last + timedelta(days=1), timezone)


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


def digest_json(digest: Digest, site_url: str) -> dict[str, Any]:
    """What ``digest --format json`` prints: plain values, times as ISO 8601 in UTC."""
    return {
        "period": digest.period,
        "first": digest.first.isoformat(),
        "last": digest.last.isoformat(),
        "tag": digest.tag,
        "url": f"{site_url}/digest/{digest_address(digest.period, digest.first)}/",
        "entry_count": digest.entry_count,
        "groups": [
            {"university": group.university, "entries": [_entry_json(entry, site_url) for entry in group.entries]}
            for group in digest.groups
        ],
    }


def _entry_json(entry: FullEntry, site_url: str) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "title": entry.title,
        "url": wire.entry_url(site_url, entry),
        "first_published": entry.url,
        "published": wire.utc(entry.published).isoformat() if entry.published else None,
        "source": entry.source.title,
        "author": entry.author,
        "summary": entry.summary,
        "tags": list(entry.tags),
    }


def _days(period: Period, day: date) -> tuple[date, date]:
    if period == "day":
        return day, day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    first = day.replace(day=1)
    next_month = (first + timedelta(days=31)).replace(day=1)
    return first, next_month - timedelta(days=1)


def _midnight(day: date, timezone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone).astimezone(UTC)
