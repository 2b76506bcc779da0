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
_LONG = 100_000  # characters; the surroundings of an article have fewer


class FoundDate(NamedTuple):
    """A date in a text: ``text[start:end]`` says it."""

    start: int
    end: int
    at: datetime
    precision: Precision
    has_year: bool  # False: the year is inferred, the latest that is not in the future


def read_date(text: str, *, timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision] | None:
    """The first date of a short text, one that names its year before one that does not; None where there is none.

    A day is its midnight in *timezone*; so is a midnight written with its seconds, which programs print for a day.
    Dates more than a day ahead of *now* or before 1990 are none.
    """
    found = find_dates(text[:_SHORT], timezone=timezone, now=now)
    best = next((date for date in found if date.has_year), found[0] if found else None)
    return (best.at, best.precision) if best else None


def find_dates(text: str, *, timezone: ZoneInfo, now: datetime) -> list[FoundDate]:
    """The dates of *text* in its order, none overlapping; the limits of read_date hold."""
    found: list[FoundDate] = []

    def take(match: re.Match[str]) -> str:
        clock = _CLOCK.match(plain, match.end())
        date = _moment(match, clock, timezone, now)
        if date and date[0] <= now + _AHEAD:
            end = clock.end() if clock else match.end()
            found.append(FoundDate(match.start(), end, *date, match.re not in _YEARLESS))
        return "\0" * len(match[0])  # taken or refused: a weaker pattern must not read a part of it

    plain = _narrow(text[:_LONG])
    for needed, patterns in _WAYS:
        for pattern in patterns:
            if not needed.search(plain):
                break
            plain = pattern.sub(take, plain)
    return sorted(found)


def date_in_url(url: str, *, timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision] | None:
    """The date an address carries (``/2025/0320/c1a2/page.htm``, ``t20250320_1.html``); None where it has none.

    It is the day the entry was made, often not the one shown: in 88 of 282 items of WebPlus lists they differed.
    The limits of read_date hold.
    """
    for pattern in _IN_URL:
        for match in pattern.finditer(url):
            numbers = [int(part) for part in match.groups() if part]
            at = _aware(*numbers, zone=timezone)
            if at and at <= now + _AHEAD:
                return at, "day" if len(numbers) == _DAY_PARTS else "minute"
    return None


# ---------------------------------------------------------------- the ways to write a day

_GAP = r"\s{0,40}"  # bounded: between two elements of a page stands a line break and its indent
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_MONTH = r"(?P<month>1[0-2]|0?[1-9])"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])"
_MM, _DD = r"(?P<month>0[1-9]|1[0-2])", r"(?P<day>[0-3]\d)"  # nothing but two digits each
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
# eight digits, and a year of two or three, are believed where they are all there is or a label says what they are
_ALL = r"^\W{0,9}"
_ALL_AFTER = r"(?=\W{0,9}(?:$|\d\d?:\d\d))"
_LABEL = r"(?:(?<=日期)|(?<=[时時][间間])|(?<=[发發][布佈])|(?<=[Dd]ate))[\s:]{0,9}"
_DIGITS = "一二三四五六七八九"
_ZERO = "〇○零0"

_NAMED_YEAR = (
    rf"{_BEFORE}{_YEAR}{_GAP}[-./年·。]{_GAP}{_MONTH}{_GAP}[-./月·。]{_GAP}{_DAY}{_AFTER}(?:{_GAP}[日号])?",
    # the day, and the year with its month, in two elements side by side or glued
    rf"(?<![\d.-]){_DAY}日?[\s(（\[/|]{{0,40}}{_YEAR}{_GAP}[-./年]{_GAP}{_MONTH}(?!\d|\s?[-./月]\s?\d)月?",
    rf"(?<![\d.-]){_DAY}[/日]?{_GAP}{_MONTH}月{_GAP}[,/]?{_GAP}{_YEAR}(?!\d)年?",
    rf"(?<![\d.-]){_YEAR}[-./]{_MONTH}\s{_GAP}{_DAY}(?!\d|\s?[-./:月])",
    rf"(?<![\d.-]){_YEAR}年?\s{_GAP}{_MONTH}[-./月]{_DAY}日?(?!\d|\s?[-./:])",
    rf"(?<![\d.-]){_MONTH}[-./月]{_DAY}日?{_GAP}{_YEAR}年?(?=$|[\s\]）】)])",
    rf"(?<![\d.-]){_YEAR}{_MM}[-./]{_DD}(?!\d|[-./]\d)",
    rf"(?<![\d.-]){_YEAR}\s{_GAP}{_MM}\s{_GAP}{_DD}(?!\d|[-./:]\d)",
    # day first as in Europe, with a slash month first as in America; the other way round where it must be
    rf"{_BEFORE}{_DAY}[-.]{_MONTH}[-.]{_YEAR}{_AFTER}",
    rf"{_BEFORE}{_MONTH}[-./]{_DAY}[-./]{_YEAR}{_AFTER}",
    rf"{_BEFORE}{_DAY}/{_MONTH}/{_YEAR}{_AFTER}",
    rf"{_ALL}{_YEAR}{_MM}{_DD}{_ALL_AFTER}",
    rf"{_LABEL}{_YEAR}{_MM}{_DD}(?!\d)",
)
_NAMED_MONTH = (
    # Tue May 06 08:05:00 CST 2025 (date, asctime, java.util.Date): the year stands behind the clock
    rf"(?<![A-Za-z]){_NAME}\s{{1,9}}{_DAY}(?=\s{{1,9}}\d\d:\d\d:\d\d\s{{1,9}}(?:[\w:+-]{{1,9}}\s{{1,9}})?{_YEAR}(?!\d))",
    rf"(?<![\dA-Za-z]){_DAY}{_ORDINAL}[-/,.\s]{_GAP}{_NAME}\.?[-/,\s]{_GAP}{_YEAR}(?!\d)",
    rf"(?<![A-Za-z]){_NAME}[-/.,]?{_GAP}{_DAY}{_ORDINAL}[-/,.\s]{_GAP}{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}[-/,.\s]{_GAP}{_NAME}[-/.,\s]{_GAP}{_DAY}(?!\d)",
    rf"{_ALONE}{_NAME}\.?\s{_DAY}{_ORDINAL}{_ALONE_AFTER}",
    rf"{_ALONE}{_DAY}{_ORDINAL}\s{_NAME}\.?{_ALONE_AFTER}",
)
_SHORT_YEAR = (
    rf"{_ALL}(?:(?P<short>\d\d)|(?P<roc>1[0-2]\d))(?P<sign>[-./]){_MM}(?P=sign){_DD}{_ALL_AFTER}",
    rf"(?:{_ALL}|{_LABEL})(?:(?P<short>\d\d)|(?P<roc>1[0-2]\d))年{_MONTH}月{_DAY}日",
    rf"{_LABEL}'?(?:(?P<short>\d\d)|(?P<roc>1[0-2]\d))(?P<sign>[-./]){_MONTH}(?P=sign){_DAY}(?![-./\d])",
)
_NO_YEAR = (
    rf"(?<![\d.年-]){_MONTH}月{_GAP}{_DAY}(?!\d)(?:[日号]|(?=$|[\s\]]))",
    rf"(?<![\d.年-]){_DAY}日?\s{{1,40}}{_MONTH}月(?!\s?\d)",
    rf"{_ALONE}{_MM}[-./]{_DD}{_ALONE_AFTER}",
    rf"{_ALL}{_MONTH}[-/]{_DAY}\W{{0,9}}$",
)
_CHINESE_MONTH = rf"十[一二]?|[{_DIGITS}]"
_CHINESE_DAY = rf"三十一?|卅一?|二?十[{_DIGITS}]?|廿[{_DIGITS}]?|[{_DIGITS}]"
_CHINESE = (
    rf"(?P<year>[一二][{_ZERO}{_DIGITS}]{{3}})年(?P<month>{_CHINESE_MONTH})月(?P<day>{_CHINESE_DAY})[日号]?",
    # the years of the Republic are counted from 1912 (Taiwan)
    (
        rf"民[国國]{_GAP}(?P<roc>\d{{2,3}}|[{_ZERO}{_DIGITS}]{{2,3}}){_GAP}[-./年]{_GAP}"
        rf"(?P<month>1[0-2]|0?[1-9]|{_CHINESE_MONTH}){_GAP}[-./月]{_GAP}(?P<day>3[01]|[12]\d|0?[1-9]|{_CHINESE_DAY})(?!\d)日?"
    ),
)
# "请提前3天前往" and "活动3天前截止" are no times: none of these is part of a sentence
_FROM_NOW = (
    r"(?:(?<!\w)|(?<=[于於布新表间]))(?P<count>\d{1,3}|半)\s?个?(?P<unit>秒|分|小时|天|周|星期)钟?[以之]?前(?=\W|$|发|更|\d)",
    rf"{_ALL}(?P<count>[{_DIGITS}十两]{{1,3}})个?(?P<unit>秒|分|小时|天|周|星期)钟?[以之]?前(?=\W{{0,9}}$)",
    r"\b(?P<count>\d{1,3}|[Aa]n?)\s(?P<unit>second|sec|minute|min|hour|hr|day|week)s?\sago",
    # 今天 before a day or a weekday is a clock in the page's header
    (
        r"(?:^|(?<=[\s\[(（:]))(?P<word>刚刚|刚才|[今昨前][天日]|(?i:just now|today|yesterday))"
        r"(?=$|[\s\])）\d])(?!\s{0,9}(?:\0|星期|周))"
    ),
)
# strongest first; each with what a text must have before it is worth trying
_WAYS = tuple(
    (re.compile(needed), tuple(map(re.compile, patterns)))
    for needed, patterns in (
        (r"(?:19|20)\d\d", _NAMED_YEAR),
        (r"[A-Z](?:an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec|AN|EB|AR|PR|AY|UN|UL|UG|EP|CT|OV|EC)", _NAMED_MONTH),
        (r"年.{1,2}月|民[国國]", _CHINESE),
        (r"\d\d[-./年]\d", _SHORT_YEAR),
        (r"\d\s?[-./月]", _NO_YEAR),
        (r"前|刚[刚才]|[今昨][天日]|[oO][wW]|\sago|(?i:day)", _FROM_NOW),
    )
)
_YEARLESS = frozenset(
    pattern
    for _, patterns in _WAYS
    for pattern in patterns
    if pattern.groupindex.keys().isdisjoint(("year", "short", "roc", "unit", "word"))
)
# one character for one, so that positions stay
_FULL_WIDTH = tuple(zip("０１２３４５６７８９：．／－–—‐‑−，’‘", "0123456789:./------,''", strict=True))
# of several meanings of a name the site's own, else this one: CST is +08:00 in Shanghai, -06:00 elsewhere
ZONES = {
    name: fixed_offset(timedelta(hours=hours))
    for names, hours in {
        "UT UTC GMT Z WET": 0, "CET MEZ BST WEST": 1, "CEST MESZ EET": 2, "MSK EEST": 3, "IST": 5.5, "HKT SGT": 8,
        "JST KST": 9, "AEST": 10, "AEDT": 11, "BRT": -3, "EDT": -4, "EST CDT": -5, "CST MDT": -6, "MST PDT": -7,
        "PST": -8,
    }.items()
    for name in names.split()
}  # fmt: skip
_CLOCK = re.compile(
    r"(?:[\s,|]{0,40}|[Tt])"
    r"(?:[(（]?(?:(?:星期|周)[一二三四五六日天]|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}\.?)[)）]?[\s,]{0,5})?(?:at\s)?"
    r"(?P<half>上午|下午|中午|凌晨|清晨|傍晚|[早晚][上晨间]?)?\s?(?P<hour>2[0-3]|[01]?\d)"
    r"(?:\s?:\s?(?P<minute>[0-5]\d)(?!\d)(?:\s?:\s?(?P<second>[0-5]\d)(?:\.\d{1,9})?)?"
    r"|\s?[时時点]\s?(?:(?P<minutes>[0-5]?\d)\s?分?|(?P<thirty>半))?)"
    r"(?:\s?(?P<noon>[AaPp])\.?[Mm]\b)?"
    r"(?P<zone>[Zz]\b|\s?[(（]?(?:GMT|UTC|UT)\s?[+-]\d\d?(?::?[0-5]\d)?(?![\d:])"
    # "14:00-16:00" is no zone: without seconds only +08:00 and -0500 are
    r"|\s?(?(second)[+-]\d\d(?::?[0-5]\d)?|(?:[+-]\d\d[0-5]\d|\+\d\d:[0-5]\d))(?![\d:])"
    rf"|\s(?:{'|'.join(ZONES)})\b)?"
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
    name: length
    for names, length in (
        ("秒 second sec", timedelta(seconds=1)),
        ("分 minute min", timedelta(minutes=1)),
        ("小时 hour hr", timedelta(hours=1)),
        ("天 day", timedelta(days=1)),
        ("周 星期 week", timedelta(weeks=1)),
    )
    for name in names.split()
}
_DAYS_AGO = {"今天": 0, "今日": 0, "today": 0, "昨天": 1, "昨日": 1, "yesterday": 1, "前天": 2, "前日": 2}


# ---------------------------------------------------------------- from what is written to a moment


def _narrow(text: str) -> str:
    """*text* with full-width digits and signs as ASCII has them."""
    if not text.isascii():
        for wide, narrow in _FULL_WIDTH:
            if wide in text:
                text = text.replace(wide, narrow)
    return text


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
        year = _number(parts["year"] or "") if "year" in parts else _year(parts, month, date, now.astimezone(timezone))
    midnight = _aware(year, month, date, zone=timezone)
    time = _time(clock) if clock else None
    if clock is None or time is None:
        return (midnight, "day") if midnight else None
    at = _aware(year, month, date, *time, zone=timezone)
    if at and clock["zone"]:
        at = _aware(year, month, date, *time, zone=_zone(clock["zone"].strip(" (（"), at.astimezone(timezone)))
    if at is None:
        return None
    return at, "day" if at == midnight and clock["second"] else "minute"


def _ago(count: str, unit: str, timezone: ZoneInfo, now: datetime) -> tuple[datetime, Precision]:
    length = _UNITS[unit]
    number = 0.5 if count == "半" else 1 if count[0] in "aA" else _number(count)
    at = now - number * length
    if length < timedelta(days=1):
        return _to_the_minute(at), "minute"
    return at.astimezone(timezone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC), "day"


def _year(parts: dict[str, str | None], month: int, day: int, today: datetime) -> int:
    """The year that two or three digits mean, or the latest with that day not in the future; 0 where there is none."""
    if short := parts.get("short"):
        this_century = 2000 + int(short)
        return this_century if this_century <= today.year else this_century - 100
    if republic := parts.get("roc"):
        return 1911 + _digit_by_digit(republic)
    latest = today.year if (month, day) <= (today.month, today.day) else today.year - 1
    years = range(latest, latest - 9, -1)  # 29 February may be eight years back
    return next((year for year in years if (month, day) != (2, 29) or isleap(year)), 0)


def _time(clock: re.Match[str]) -> tuple[int, int, int] | None:
    """Hour, minute and second; None where a day has no such time: 12 at night is the end of it."""
    hour = int(clock["hour"])
    half = (clock["noon"] or clock["half"] or "").lower()
    if half.startswith(("晚", "傍")):
        if hour == 12:
            return None
        hour += 12 if 5 <= hour < 12 else 0
    elif half in ("p", "下午") or (half == "中午" and hour < 10):
        hour += 12 if hour < 12 else 0
    elif half in ("a", "上午", "凌晨") and hour == 12:
        hour = 0
    minute = 30 if clock["thirty"] else int(clock["minute"] or clock["minutes"] or 0)
    return hour, minute, int(clock["second"] or 0)


def _zone(written: str, local: datetime) -> tzinfo:
    """The zone that *written* means beside the time *local* of the site's zone; that zone where it means none."""
    own = local.tzinfo or UTC
    offset = _OFFSET.search(written)
    if offset is None:
        return own if written == local.tzname() else ZONES[written.upper()]
    length = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    if length > timedelta(hours=14):
        return own
    return fixed_offset(-length if offset[1] == "-" else length)


_OFFSET = re.compile(r"([+-])(\d\d?):?(\d\d)?$")


def _number(written: str) -> int:
    if written.isdecimal():
        return int(written)
    if len(written) == 4:  # 二〇二一
        return _digit_by_digit(written)
    tens, ten, ones = written.replace("廿", "二十").replace("卅", "三十").replace("两", "二").partition("十")
    value = _DIGITS.find(ones) + 1 if ones else 0
    return (_DIGITS.find(tens) + 1 if tens else 1) * 10 + value if ten else _DIGITS.find(tens) + 1


def _digit_by_digit(written: str) -> int:
    return int("".join(digit if digit.isdecimal() else str(_DIGITS.find(digit) + 1) for digit in written))


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
