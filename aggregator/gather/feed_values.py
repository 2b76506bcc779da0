"""The values of a feed's fields as publishers write them -> plain titles, absolute addresses, moments in UTC.

Knows no XML, no JSON and no network. Whatever has no size of its own is read up to a limit.
"""

import hashlib
import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed_offset
from itertools import islice
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from aggregator.gather.dates import ZONES, read_date
from aggregator.gather.links import absolute
from aggregator.model import Attachment, Precision

# characters; what is longer is no title, no name and no date
LONGEST_TITLE = 2000
LONGEST_NAME = 200
LONGEST_DATE = 100
LONGEST_ADDRESS = 8000
MOST_LINKS = 2000  # of one body
MOST_ITEMS = 20_000
# 0001-01-01, 1970-01-01 and 9999-12-31 are what programs write for "no date"
FIRST_YEAR, LAST_YEAR = 1971, 2100


@dataclass(frozen=True, slots=True)
class Reading:
    """Where and when a feed was read, and the zone that its times without one are meant in."""

    url: str
    timezone: ZoneInfo
    now: datetime


# ---------------------------------------------------------------- text


def one_line(text: str | None) -> str:
    """Plain *text* with every run of white space as one blank."""
    return " ".join(text[:LONGEST_TITLE].split()) if text else ""


def title_of_markup(markup: str | None) -> str:
    """The text of a title written as HTML: decoded once, ``<em>`` and the like taken out.

    What is no inline tag stays: "开发 <K intelligence 2025>" is a title and not an element.
    """
    if not markup:
        return ""
    markup = markup[:LONGEST_TITLE]
    if "<" in markup:
        markup = _SECTION_MARK.sub("", markup)
        markup = _INLINE_TAG.sub("", _BREAK_TAG.sub(" ", markup))
    if "&" in markup:
        markup = _REFERENCE.sub(lambda found: html.unescape(found[0]), markup)
    return " ".join(markup.split())


def person(text: str | None) -> str:
    """A name without the mail address beside it: "a@example.org (Name)" (RSS 2.0) or "Name <a@example.org>"."""
    name = " ".join(text[:LONGEST_NAME].split()) if text else ""
    if "@" in name:
        address, opened, inside = name.partition("(")
        if opened and "@" in address and inside.endswith(")"):
            return inside[:-1].strip()
        before, opened, inside = name.partition("<")
        if opened and "@" in inside:
            return before.strip()
    return name


def is_full_text(description: str) -> bool:
    """Whether a description is the article itself: more than one block of HTML, long, and not broken off.

    RSS has one field for both. 1,000 bytes, about 350 Chinese characters: teasers are shorter.
    """
    if len(description) < 250 or len(description.encode("utf-8", "replace")) < 1000:
        return False
    if len(list(islice(_BLOCK_TAG.finditer(description), 2))) < 2:
        return False
    ending = _ANY_TAG.sub("", html.unescape(description[-400:])).rstrip(" .。>»→)）]\n")
    return not ending.endswith(_MORE) and " appeared first on " not in ending


# ---------------------------------------------------------------- addresses


def address_of(href: str, base: str) -> str:
    """The http or https address that *href* means in a document at *base*, "" where no reader can follow it."""
    href = href.strip()
    if _PLAIN.fullmatch(href) and "&amp;" not in href:
        return href
    if len(href) > LONGEST_ADDRESS:
        return ""
    if "\n" in href or "\t" in href or "\r" in href:
        href = "".join(part.strip() for part in href.split())
    if "&amp;" in href:  # encoded twice
        href = href.replace("&amp;", "&")
    if href.startswith("www."):
        href = "http://" + href
    if _WITH_SCHEME.match(href):
        base = ""  # else "https:///a.htm" would be the base's
    return absolute(href, base) or ""


def resolve_links(markup: str, base: str) -> str:
    """*markup* with its relative ``href``, ``src`` and ``poster`` made absolute; nothing else changes."""
    for relative in _RELATIVE:
        markup = relative.sub(
            lambda found: found[1] + (address_of(found[2], base) or found[2]), markup, count=MOST_LINKS
        )
    return markup


def own_address(home: str, guid: str | None, rest: str) -> str:
    """An address for an item that has none: the page of its feed, with a mark that keeps the item apart from others.

    The mark has the form of a script's route (``#/…``), which identity() does not drop.
    """
    mark = hashlib.md5((guid or rest).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return f"{home.partition('#')[0]}#/{mark[:16]}"


def attachment(
    url: str, *, title: str | None = None, media_type: str | None = None, length: object = None
) -> Attachment:
    """The file at *url*, named after its address where the publisher gives no title."""
    size = str(length or "").strip()[:15]
    return Attachment(
        url=url,
        title=one_line(title) or _file_name(url),
        media_type=media_type.strip().lower() or None if media_type else None,
        length=int(size) or None if size.isdecimal() else None,
    )


def _file_name(url: str) -> str:
    path = url.partition("#")[0].partition("?")[0]
    return unquote(path.rpartition("/")[2])[:LONGEST_NAME] or url


# ---------------------------------------------------------------- times


def claimed_date(text: str | None, reading: Reading) -> tuple[datetime, Precision] | None:
    """When the publisher says it was: RFC 822, ISO 8601, Java's and epoch times here, all else by read_date.

    A time that names its day in full is returned even when it lies ahead: it is a claim, not a guess. A zone's
    name is the site's own where the site uses it: CST is +08:00 in Shanghai and -06:00 elsewhere.
    """
    text = text.strip()[:LONGEST_DATE] if text else ""
    try:
        if text[3:5] == ", " and text[25:26] == " ":
            # nearly all of RSS: "Wed, 04 Oct 2023 22:28:54 +0800", put in ISO's order for a fifth of a pattern's time
            zone = "+0000" if text[26:] == "GMT" else text[26:]
            month = _MONTHS.get(text[8:11].lower(), 0)
            return _plausible(datetime.fromisoformat(f"{text[12:16]}-{month:02}-{text[5:7]}T{text[17:25]}{zone}"))
        if text[10:11] in ("T", " ", "t") or text[8:9] == "T":
            moment = datetime.fromisoformat(text)
            return _plausible(moment.replace(tzinfo=reading.timezone) if moment.tzinfo is None else moment)
    except ValueError:
        pass  # neither, though it began like one
    return _otherwise_written(html.unescape(text), reading) if text else None


def _otherwise_written(text: str, reading: Reading) -> tuple[datetime, Precision] | None:
    written = _RFC_822.match(text) or _JAVA.match(text)
    if written and (number := _month(written["month"].lower())):
        return _written(written, number, reading.timezone)
    try:
        if text.isdecimal() and len(text) in (10, 13):
            return _plausible(datetime.fromtimestamp(int(text[:10]), UTC))
        if text.isdecimal() and len(text) == 14:
            return _plausible(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=reading.timezone))
    except ValueError:
        return None
    # Korean has the signs of Chinese, Drupal a dash before the clock
    text = text.translate(_KOREAN).replace("오전", "上午").replace("오후", "下午").replace(" - ", " ")
    return read_date(text, timezone=reading.timezone, now=reading.now)


def _month(word: str) -> int | None:
    return _MONTHS.get(word) or _MONTHS.get(word[:3])


def _written(match: re.Match[str], month: int, timezone: ZoneInfo) -> tuple[datetime, Precision] | None:
    year = int(match["year"])
    if year < 100:  # RFC 822 has years of two digits
        year += 2000 if year < 70 else 1900
    try:
        day = datetime(year, month, int(match["day"]), tzinfo=timezone)
    except ValueError:
        return None
    midnight = _plausible(day)
    if midnight is None or not match["hour"]:
        return (midnight[0], "day") if midnight else None
    # added, for 24:00:00 and leap seconds are times, too
    local = day + timedelta(hours=int(match["hour"]), minutes=int(match["minute"]), seconds=int(match["second"] or 0))
    zone = match["zone"]
    if match["sign"]:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        local = local.replace(tzinfo=fixed_offset(-offset if match["sign"] == "-" else offset))
    elif zone and zone.upper() in ZONES and zone != local.tzname():
        local = local.replace(tzinfo=ZONES[zone.upper()])
    return _plausible(local)


def _plausible(moment: datetime) -> tuple[datetime, Precision] | None:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return None
    return moment.astimezone(UTC), "minute"


# English, and what programs write that format RFC 822 in their own language: Chinese, European and Russian words
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan 一月 ene gen янв",
            "feb 二月 fev fév фев",
            "mar 三月 mär мар",
            "apr 四月 abr avr апр",
            "may 五月 mai mag мая май",
            "jun 六月 giu juin июн",
            "jul 七月 lug juil juillet июл",
            "aug 八月 ago aoû авг",
            "sep 九月 set сен",
            "oct 十月 out ott okt окт",
            "nov 十一月 ноя",
            "dec 十二月 dez dic déc дек",
        ),
        1,
    )
    for name in (*names.split(), f"{number}月")
}
_KOREAN = str.maketrans("년월일", "年月日")
_ZONE = r"(?P<zone>(?![AaPp][Mm])[A-Za-z]{1,5})?(?:(?P<sign>[+-])(?P<hours>0?\d|1[0-4]):?(?P<minutes>[0-5]\d)?)?"
_CLOCK = r"(?P<hour>1?\d|0\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-6]\d))?(?:\.\d{1,9})?"
# Wed, 04 Oct 2023 22:28:54 +0800; also without the day's name, the seconds, the zone, the time, with GMT+0800 (zone's
# name), 04/Oct/2023, and quarta-feira, 4 de outubro de 2023
_RFC_822 = re.compile(
    r"(?:[^\W\d]{2,10}(?:-[^\W\d]{2,10})?[.,]{0,2}\s{0,9})?(?P<day>\d{1,2})[.\s/-]{1,9}(?:de\s)?"
    r"(?P<month>[^\W\d]{2,10}|\d{1,2}月)[.,\s/-]{1,9}(?:de\s)?(?P<year>\d{4}|\d\d)"
    rf"(?:,?(?:\s-)?\s{{1,9}}{_CLOCK}\s{{0,9}}{_ZONE}\s{{0,9}}(?:\([^)]*\))?)?$"
)
# Wed Oct 04 22:28:54 CST 2023 (java.util.Date, date, asctime)
_JAVA = re.compile(
    rf"[A-Za-z]{{3}}\s+(?P<month>[A-Za-z]{{3}})\s+(?P<day>\d{{1,2}})\s+{_CLOCK}\s+(?:{_ZONE}\s+)?(?P<year>\d{{4}})$"
)

# ---------------------------------------------------------------- patterns; every repetition has a limit

# nearly all addresses of feeds; there is nothing to mend in them
_PLAIN = re.compile(
    r"https?://[a-z0-9.-]{1,250}(?::(?:[1-9]\d{0,3}|[1-5]\d{4}))?"
    rf"(?:/[!-\[\]-~]{{0,{LONGEST_ADDRESS - 300}}})?",
    re.ASCII,
)
_WITH_SCHEME = re.compile("https?:", re.IGNORECASE)
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|big|code|del|em|font|i|img|ins|mark|p|q|s|small|span|strong|sub|sup|u)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_SECTION_MARK = re.compile(r"<!\[CDATA\[|\]\]>")  # escaped by a program that escapes all
_BREAK_TAG = re.compile(r"<(?:br|/p|/?div)(?:\s[^<>]{0,500})?/?>", re.IGNORECASE)
_MORE = ("…", "..", "[", "Continue reading", "Read more", "阅读全文", "查看全文", "阅读更多")
_BLOCK_TAG = re.compile(r"<(?:p|br|div|li|h[23])[\s/>]")
_ANY_TAG = re.compile(r"<[^<>]{0,500}>")
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# each begins with a plain word, so that the search runs at the speed of find()
_RELATIVE = tuple(
    re.compile(rf"""({name}\s{{0,9}}=\s{{0,9}}["'])(?![a-zA-Z][\w+.-]{{0,30}}:|["'#])([^"'<>]{{1,2000}})(?=["'])""")
    for name in ("href", "src", "poster")
)
