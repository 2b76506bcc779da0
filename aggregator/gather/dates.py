"""Dates as universities write them, in text or in an address -> aware UTC, with precision.

Knows no HTML and no clock: *now* is an argument, used to guess missing years and to refuse the future.
"""

import re
from calendar import isleap
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_offset
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aggregator.model import Precision

_FIRST_YEAR = 1990  # older ones are history in a title, not publication dates
_AHEAD = timedelta(days=1)  # a page may be dated tomorrow; what is later is an event
_SHORT = 2_000  # characters; a date further on is not of this text


class FoundDate(NamedTuple):
    """A date in a text: ``text[start:end]`` says it."""

    start: int
    end: int
    at: datetime
    precision: Precision
    has_year: bool  # False: the year is inferred, the latest that is not in the future


def read_date(text: str, *, timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision] | None:
    """The first date of a short text, one that names its year before one that does not; None where there is none.

    A day is its midnight in *timezone*. Dates more than a day ahead of *now* or before 1990 are none.
    """
    found = find_dates(text[:_SHORT], timezone=timezone, now=now)
    best = next((date for date in found if date.has_year), found[0] if found else None)
    return (best.at, best.precision) if best else None


def find_dates(text: str, *, timezone: ZoneInfo, now: datetime) -> list[FoundDate]:
    """All dates of *text* in its order, none overlapping; the limits of read_date hold."""
    found: list[FoundDate] = []

    def take(match: re.Match[str]) -> str:
        clock = _CLOCK.match(plain, match.end())
        date = _moment(match, clock, timezone, now)
        if date and date[0] <= now + _AHEAD:
            end = clock.end() if clock else match.end()
            has_year = not match.re.groupindex.keys().isdisjoint(("year", "short", "unit", "word"))
            found.append(FoundDate(match.start(), end, *date, has_year))
        return "\0" * len(match[0])  # taken or refused: a weaker pattern must not read a part of it

    plain = text.translate(_FULL_WIDTH)
    for needed, patterns in _WAYS:
        for pattern in patterns:
            if not needed.search(plain):
                break
            plain = pattern.sub(take, plain)
    return sorted(found)


def date_in_url(url: str, *, timezone: ZoneInfo) -> tuple[datetime, Precision] | None:
    """The date an address carries (``/2025/0320/c1a2/page.htm``, ``t20250320_1.html``); None where it has none.

    It is the day the entry was made, often not the one shown: in 88 of 282 items of WebPlus lists they differed.
    """
    for pattern in _IN_URL:
        for match in pattern.finditer(url):
            numbers = [int(part) for part in match.groups() if part]
            at = _aware(*numbers, zone=timezone)
            if at:
                return at, "day" if len(numbers) == _DAY_PARTS else "minute"
    return None


# ---------------------------------------------------------------- the ways to write a day

_GAP = r"\s{0,40}"  # bounded: between two elements of a page stands a line break and its indent
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_MONTH = r"(?P<month>1[0-2]|0?[1-9])"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# capitalised, or "may 5 students" is a date
_NAME = (
    r"(?P<name>(?:Jan|JAN)(?i:uary)?|(?:Feb|FEB)(?i:ruary)?|(?:Mar|MAR)(?i:ch)?|(?:Apr|APR)(?i:il)?|May|MAY"
    r"|(?:Jun|JUN)(?i:e)?|(?:Jul|JUL)(?i:y)?|(?:Aug|AUG)(?i:ust)?|(?:Sep|SEP)(?i:t|tember)?|(?:Oct|OCT)(?i:ober)?"
    r"|(?:Nov|NOV)(?i:ember)?|(?:Dec|DEC)(?i:ember)?)"
)
_ORDINAL = r"(?:st|nd|rd|th)?"
_BEFORE = r"(?<![\d.])(?<!\d[-/])"
_AFTER = r"(?!\d)(?!\.\d)"  # 2021.3.4.5 is a version or an address
# a day without a year is believed only when it stands alone: "10-12周", "3.15元", "022-11-22" are none
_ALONE = r"(?:^|(?<=[\s\[(（【|]))"
_ALONE_AFTER = r"(?=$|[\s\])）】|,，])(?!\s?[元%万亿米年])"
_CHINESE_DIGITS = "一二三四五六七八九"

_NAMED_YEAR = (
    rf"{_BEFORE}{_YEAR}{_GAP}[-./年]{_GAP}{_MONTH}{_GAP}[-./月]{_GAP}{_DAY}{_AFTER}(?:{_GAP}[日号])?",
    # the day, and the year with its month, in two elements side by side or glued
    rf"(?<![\d.-]){_DAY}日?[\s(（\[]{{0,40}}{_YEAR}{_GAP}[-./年]{_GAP}{_MONTH}(?!\d|\s?[-./月]\s?\d)月?",
    rf"(?<![\d.-]){_DAY}[/日]?{_GAP}{_MONTH}月{_GAP}[,/]?{_GAP}{_YEAR}(?!\d)年?",
    rf"(?<![\d.-]){_YEAR}[-./]{_MONTH}\s{_GAP}{_DAY}(?!\d|\s?[-./:月])",
    rf"(?<![\d.-]){_YEAR}年?\s{_GAP}{_MONTH}[-./月]{_DAY}日?(?!\d|\s?[-./:])",
    rf"(?<![\d.-]){_MONTH}[-./月]{_DAY}日?{_GAP}{_YEAR}年?(?=$|[\s\]）】)])",
    rf"(?<![\d.-]){_YEAR}(?P<month>0[1-9]|1[0-2])[-./](?P<day>[0-3]\d)(?!\d|[-./]\d)",
    rf"(?<![\d.-]){_YEAR}\s{_GAP}(?P<month>0[1-9]|1[0-2])\s{_GAP}(?P<day>[0-3]\d)(?!\d|[-./:]\d)",
    # day first as in Europe, with a slash month first as in America; the other way round where it must be
    rf"{_BEFORE}{_DAY}[-.]{_MONTH}[-.]{_YEAR}{_AFTER}",
    rf"{_BEFORE}{_MONTH}[-./]{_DAY}[-./]{_YEAR}{_AFTER}",
    rf"{_BEFORE}{_DAY}/{_MONTH}/{_YEAR}{_AFTER}",
    # eight digits only where they are all there is
    rf"^\W{{0,9}}{_YEAR}(?P<month>0[1-9]|1[0-2])(?P<day>[0-3]\d)\W{{0,9}}$",
)
_NAMED_MONTH = (
    rf"(?<![\dA-Za-z]){_DAY}{_ORDINAL}[-/,.\s]{_GAP}{_NAME}\.?[-/,\s]{_GAP}{_YEAR}(?!\d)",
    rf"(?<![A-Za-z]){_NAME}[-/.,]?{_GAP}{_DAY}{_ORDINAL}[-/,.\s]{_GAP}{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}[-/,.\s]{_GAP}{_NAME}[-/.,\s]{_GAP}{_DAY}(?!\d)",
    rf"{_ALONE}{_NAME}\.?\s{_DAY}{_ORDINAL}{_ALONE_AFTER}",
    rf"{_ALONE}{_DAY}{_ORDINAL}\s{_NAME}\.?{_ALONE_AFTER}",
)
_NO_YEAR = (
    rf"(?<![\d.年-]){_MONTH}月{_GAP}{_DAY}(?!\d)(?:[日号]|(?=$|[\s\]]))",
    rf"(?<![\d.年-]){_DAY}日?\s{{1,40}}{_MONTH}月(?!\s?\d)",
    rf"{_ALONE}(?P<month>0[1-9]|1[0-2])[-./](?P<day>[0-3]\d){_ALONE_AFTER}",
    rf"^\W{{0,9}}{_MONTH}[-/]{_DAY}\W{{0,9}}$",
    r"^\W{0,9}(?P<short>\d\d)([-./])(?P<month>0[1-9]|1[0-2])\2(?P<day>[0-3]\d)\W{0,9}$",
)
_CHINESE = (
    (
        rf"(?P<year>[一二][〇○零0{_CHINESE_DIGITS}]{{3}})年(?P<month>十[一二]?|[{_CHINESE_DIGITS}])月"
        rf"(?P<day>三十一?|卅一?|二?十[{_CHINESE_DIGITS}]?|廿[{_CHINESE_DIGITS}]?|[{_CHINESE_DIGITS}])[日号]?"
    ),
)
_FROM_NOW = (
    r"(?P<count>\d{1,3}|半)个?\s?(?P<unit>秒|分|小时|天|周|星期)钟?[以之]?前",
    r"\b(?P<count>\d{1,3}|[Aa]n?)\s(?P<unit>second|minute|hour|day|week)s?\sago",
    r"(?:^|(?<=[\s\[(（:]))(?P<word>刚刚|刚才|今天|昨天|前天|(?i:just now|today|yesterday))(?=$|[\s\])）\d])",
)
# strongest first; each with what a text must have before it is worth trying
_WAYS = tuple(
    (re.compile(needed), tuple(map(re.compile, patterns)))
    for needed, patterns in (
        (r"(?:19|20)\d\d", _NAMED_YEAR),
        (r"[A-Z](?:an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec|AN|EB|AR|PR|AY|UN|UL|UG|EP|CT|OV|EC)", _NAMED_MONTH),
        (r"年.{1,2}月", _CHINESE),
        (r"\d\s?[-./月]", _NO_YEAR),
        (r"前|刚[刚才]|今天|昨天|[oO][wW]|\sago|[oO][dD][aA][yY]", _FROM_NOW),
    )
)
# one character for one, so that positions stay
_FULL_WIDTH = str.maketrans("０１２３４５６７８９：．／－–—‐‑，", "0123456789:./-----,")
_CLOCK = re.compile(
    r"(?:[\s,|]{0,40}|T)(?:[(（]?(?:星期|周)[一二三四五六日天][)）]?\s{0,5})?(?:at\s)?"
    r"(?P<half>上午|下午|晚上|中午|凌晨|早上)?\s?(?P<hour>2[0-3]|[01]?\d)"
    r"(?:\s?:\s?(?P<minute>[0-5]\d)(?!\d)(?::(?P<second>[0-5]\d)(?:\.\d{1,9})?)?"
    r"|\s?[时点]\s?(?:(?P<minutes>[0-5]?\d)\s?分?)?)"
    r"(?:\s?(?P<noon>[AaPp])\.?[Mm]\b)?"
    # "14:00-16:00" is no zone: without seconds only +08:00 and -0500 are
    r"(?P<zone>Z\b|\s?(?:GMT|UTC|UT)?(?(second)[+-]\d\d:?\d\d|(?:[+-]\d{4}|\+\d\d:\d\d))(?!\d)|\s(?:GMT|UTC|UT)\b)?"
)
_IN_URL = tuple(
    re.compile(pattern)
    for pattern in (
        r"/((?:19|20)\d\d)/(0[1-9]|1[0-2])([0-3]\d)/",
        r"/((?:19|20)\d\d)/(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?!\w)",
        r"(?<=[/_=])((?:19|20)\d\d)-(0[1-9]|1[0-2])-([0-3]\d)(?!\d)",
        r"(?<=[/_=-])t?((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)(?:([01]\d|2[0-3])([0-5]\d)([0-5]\d))?(?![A-Za-z\d])",
    )
)
_DAY_PARTS = 3


_UNITS = {
    "秒": timedelta(seconds=1),
    "分": timedelta(minutes=1),
    "小时": timedelta(hours=1),
    "天": timedelta(days=1),
    "周": timedelta(weeks=1),
    "星期": timedelta(weeks=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_DAYS_AGO = {"今天": 0, "today": 0, "昨天": 1, "yesterday": 1, "前天": 2}
_AFTER_NOON = ("p", "下午", "晚上", "中午")


# ---------------------------------------------------------------- from what is written to a moment


def _moment(
    match: re.Match[str], clock: re.Match[str] | None, timezone: ZoneInfo, now: datetime
) -> tuple[datetime, Precision] | None:
    parts = match.groupdict()
    if "unit" in parts:
        return _ago(parts["count"], parts["unit"], timezone, now)
    if "word" in parts:
        days = _DAYS_AGO.get(parts["word"].lower())
        if days is None:  # just now
            return _to_the_minute(now), "minute"
        day = now.astimezone(timezone).date() - timedelta(days=days)
        year, month, date = day.year, day.month, day.day
    else:
        month = _MONTHS.index(parts["name"][:3].lower()) + 1 if "name" in parts else _number(parts["month"])
        date = _number(parts["day"])
        year = _year(parts, month, date, now.astimezone(timezone))
    if clock:
        at = _aware(year, month, date, *_hour_and_minute(clock), zone=_zone(clock["zone"], timezone))
        return (at, "minute") if at else None
    at = _aware(year, month, date, zone=timezone)
    return (at, "day") if at else None


def _ago(count: str, unit: str, timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision]:
    length = _UNITS[unit]
    number = 0.5 if count == "半" else int(count) if count.isdecimal() else 1
    at = now - number * length
    if length < timedelta(days=1):
        return _to_the_minute(at), "minute"
    return at.astimezone(timezone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC), "day"


def _year(parts: dict[str, str], month: int, day: int, today: datetime) -> int:
    """The year named, or the latest in which that day is not in the future; 0 where there is none."""
    if "year" in parts:
        return _number(parts["year"])
    if "short" in parts:
        year = 2000 + int(parts["short"])
        return year if year <= today.year else year - 100
    latest = today.year if (month, day) <= (today.month, today.day) else today.year - 1
    years = range(latest, latest - 9, -1)  # 29 February may be eight years back
    return next((year for year in years if (month, day) != (2, 29) or isleap(year)), 0)


def _hour_and_minute(clock: re.Match[str]) -> tuple[int, int, int]:
    hour = int(clock["hour"])
    half = (clock["noon"] or clock["half"] or "").lower()
    if half in _AFTER_NOON and hour < 12 and not (half == "中午" and hour > 9):
        hour += 12
    elif half in ("a", "凌晨") and hour == 12:
        hour = 0
    return hour, int(clock["minute"] or clock["minutes"] or 0), int(clock["second"] or 0)


def _zone(written: str | None, timezone: ZoneInfo) -> tzinfo:
    if not written:
        return timezone
    digits = re.sub(r"\D", "", written)
    if not digits:
        return UTC
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset > timedelta(hours=14):
        return timezone
    return fixed_offset(-offset if "-" in written else offset)


def _number(written: str) -> int:
    if written.isdecimal():
        return int(written)
    if len(written) == 4:  # 二〇二一: digit by digit
        return int("".join(str(_CHINESE_DIGITS.find(digit) + 1) for digit in written))
    tens, ten, ones = written.replace("廿", "二十").replace("卅", "三十").partition("十")
    value = _CHINESE_DIGITS.find(ones) + 1 if ones else 0
    return (_CHINESE_DIGITS.find(tens) + 1 if tens else 1) * 10 + value if ten else _CHINESE_DIGITS.find(tens) + 1


def _aware(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, *, zone: tzinfo
) -> datetime | None:
    """That moment in UTC; None where the calendar has no such day or it is before 1990."""
    if year < _FIRST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


def _to_the_minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
