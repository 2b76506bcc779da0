"""Is it a republication? Titles and texts -> signatures that find candidates, a verdict on two, and who was first.

By-lines, editors' notes, width, punctuation and traditional letters do not count; numbers and dates do, since notices
are written from templates. Pure: knows no database, no network and no clock.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from zlib import crc32

from aggregator.classify.summarize import BYLINE, CREDIT
from aggregator.model import Evidence, Precision
from aggregator.words import plain

LONGEST = 20_000  # characters of a text that are looked at
SIGNS = 8  # clauses that an entry is known by: those with the smallest checksums, so that two tellings choose alike;
LEAD_SIGNS, LEAD = 4, 6  # as many of them are of the first clauses: an excerpt is mostly of the lead
SHARED = 2  # signs that two tellings have in common at least
SHORTEST_SIGN = 10  # letters; shorter clauses stand everywhere
SHORTEST_TEXT = 40  # letters; less tells no story
SHORTEST_REPEATED = 100  # letters, for one source to tell the same again: "see the attachment" it says each week
SHORTEST_TITLE = 8  # letters; shorter titles are the same by chance
SHORTEST_LONE_TITLE = 12  # where one of two has no text
GRAM = 4
CONTAINED = 0.65  # the share of the shorter text's runs of GRAM letters that stand in the longer one
CONTAINED_TITLED = 0.55  # the same of two under one title
CONTAINED_SHORT = 0.9  # the same of a text so short that its phrases may stand elsewhere by chance
SHORT = 200  # letters
AGREEING = 0.75  # the share of its numbers
APART = timedelta(days=60)  # longer between two publications, and it is told anew
LONE_APART = timedelta(days=3)
DAY = timedelta(days=1)

# everybody writes these titles, and each means another thing
FORM = re.compile(r"(?:通知|公告|公示|预告|安排|名单|简章|通报|启事|日程|会议|讲座|notice|announcement)$")
# the same anywhere in a title: what announces something for a day, and is announced anew for another
ANNOUNCED = re.compile(r"预告|讲座|学术报告|通知|公告")
# 2025-03-05, 3月5日 as words.plain writes them, but where they end a text, which was signed then
DAY_SAID = re.compile(r"(?:20\d\d (\d{1,2}) (\d{1,2})|(\d{1,2}) ?月 ?(\d{1,2}))(?!\d| ?[日号]?$)")
# a line at either end that tells of pages and people, not of the news: 责编：…, 点击：…, 转载自：…, （编辑：…）
ENDING = re.compile(
    rf"[（(【\[]?\s*(?:{CREDIT.pattern}"
    r"|(?:本文)?(?:编者按|编辑|责编|点击|浏览|来源|转载自?|转自|摘自|原载|原标题|原文链接|原文标题|上一[篇条]|下一[篇条])[^。！？]{0,80}[。]?)\s*[）)】\]]?"
)
ENDS = 3  # lines at either end where such a line is looked for
# with what it counts, so that 9 people are not the 9th
NUMBER = re.compile(r"\d+[^\W\d]?|[〇一二三四五六七八九十百]+[年月日届期次周号]")
OURS = frozenset("我本校院")  # 我校, 本院: whose it is, not what it is about
DATED = re.compile(r"[年月日号期届次]$")
# where an article says that it comes from
SAID_ORIGIN = re.compile(
    r"(?:来源|稿源|转载自|转自|摘自|原载于?|首发于)\s*[:：]?\s*[《“\"]?([^\s，。；：）)】》”\"]{2,30})"
)


class Telling:
    """A title and a text as they are compared."""

    def __init__(self, title: str, text: str) -> None:
        self._title = plain(title)
        self.title = self._title.replace(" ", "")
        self._plain = plain(_told(text[:LONGEST]))
        self.letters = self._plain.replace(" ", "")  # its text without all that is no letter or digit

    @cached_property
    def grams(self) -> frozenset[str]:
        letters = self.letters
        return frozenset([letters[place : place + GRAM] for place in range(len(letters) - GRAM + 1)])

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(NUMBER.findall(self._plain))

    @cached_property
    def days(self) -> frozenset[tuple[int, int]]:
        """The days that title and text name in figures, each as (month, day)."""
        found = DAY_SAID.finditer(f"{self._title}  {self._plain}")
        return frozenset((int(match[1] or match[3]), int(match[2] or match[4])) for match in found)

    @cached_property
    def signs(self) -> tuple[int, ...]:
        """Hashes, of 64 bits, of clauses, which two tellings of one story are likely to share."""
        clauses = zip(self._plain.split(" "), _bytes(self._plain).split(b" "), strict=True)
        drawn = {crc32(raw): raw for clause, raw in clauses if len(clause) >= SHORTEST_SIGN}  # by lot, and cheaply
        lead = sorted(list(drawn)[:LEAD])[:LEAD_SIGNS]
        chosen = (*lead, *[lot for lot in sorted(drawn) if lot not in lead][: SIGNS - len(lead)])
        return tuple(_hash(drawn[lot]) for lot in chosen)

    @cached_property
    def title_sign(self) -> int | None:
        """The same of the title; None where it is too short to be one."""
        return _hash(_bytes(f"title {self.title}")) if len(self.title) >= SHORTEST_TITLE else None

    @cached_property
    def signature(self) -> tuple[int, ...]:
        """All of these."""
        return self.signs if self.title_sign is None else (*self.signs, self.title_sign)

    @property
    def least_shared(self) -> int:
        """How many of its signature another has at least, that is worth comparing with it."""
        return min(SHARED, len(self.signature))

    @property
    def is_bare(self) -> bool:
        """Whether it has too little text to be compared by it: then a title alone finds who may tell the same."""
        return len(self.letters) < SHORTEST_TEXT


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells a story, as far as it says who was first."""

    id: int  # of the entry: the order in which we saw them
    university: str
    source: str  # its title
    published: datetime | None
    precision: Precision | None
    names: tuple[str, ...] = ()  # other names of the university
    origins: tuple[str, ...] = ()  # where its article says that it comes from
    length: int = 0  # of its text


def is_same(one: Telling, other: Telling, apart: timedelta | None, *, of_one_source: bool) -> bool:
    """Whether both tell one story; *apart* is the time between their publications, None where one has no date.

    One source tells a story once: another entry of it is the same only with the same title and text.
    """
    if apart is not None and apart > APART:
        return False
    shorter, longer = (one, other) if len(one.letters) <= len(other.letters) else (other, one)
    if of_one_source:
        is_long = len(shorter.letters) >= SHORTEST_REPEATED
        return is_long and (one.title, one.letters) == (other.title, other.letters)
    if not _agree(shorter.numbers, longer.numbers) or not _agree_titles(one.title, other.title):
        return False
    if FORM.search(one.title) and FORM.search(other.title) and not _agree_notices(shorter, longer):
        return False
    if ANNOUNCED.search(f"{one.title} {other.title}") and _differ_in_days(one, other):
        return False
    title = min(one.title, other.title, key=len)
    is_titled = title in one.title and title in other.title and len(title) >= SHORTEST_TITLE and not FORM.search(title)
    if len(shorter.letters) < SHORTEST_TEXT:
        is_near = apart is not None and apart <= LONE_APART
        return is_titled and is_near and one.title == other.title and len(title) >= SHORTEST_LONE_TITLE
    if shorter.letters in longer.letters:
        return True  # with all its runs of letters
    needed = CONTAINED_TITLED if is_titled else CONTAINED_SHORT if len(shorter.letters) < SHORT else CONTAINED
    return _share(shorter.grams, longer.grams) >= needed


def origins(said: str | None, text: str) -> tuple[str, ...]:
    """Where an article comes from by its own word: what its page's line says, and lines at either end of its text."""
    lines = text[:LONGEST].split("\n")
    ends = lines if len(lines) <= 2 * ENDS else [*lines[:ENDS], *lines[-ENDS:]]
    found = [match[1] for line in ends for match in SAID_ORIGIN.finditer(line[-120:])]
    return tuple(dict.fromkeys([*([said] if said else []), *found]))


def first_of(tellers: Sequence[Teller]) -> tuple[int, Evidence]:
    """Whose entry was published first, by its id, and how we know: by the others' word, by time, or as we saw them."""
    named = [_named(teller, tellers) for teller in tellers]
    # who says that it comes from somebody else here was not first
    own = [teller for teller, others in zip(tellers, named, strict=True) if not others - {teller.university}]
    votes = {
        teller.id: sum(teller.university in others for others in named if others)
        for teller in own
        if any(teller.university in others for others in named)
    }
    if votes:
        most = max(votes.values())
        found, _ = _earliest([teller for teller in own if votes.get(teller.id) == most])
        return found, "origin"
    return _earliest(own or tellers)


def _named(teller: Teller, tellers: Sequence[Teller]) -> set[str]:
    """The universities among *tellers* that *teller* says its article comes from."""
    return {
        other.university
        for other in tellers
        for said in teller.origins
        if any(name in said for name in (other.university, *other.names))
    }


def _earliest(tellers: Sequence[Teller]) -> tuple[int, Evidence]:
    """By time, where it tells: a publication of which only the day is known may have been at any time of it."""
    dated = [teller for teller in tellers if teller.published is not None]
    spans = [(_moment(teller), _moment(teller) + (DAY if teller.precision == "day" else DAY * 0)) for teller in dated]
    first_end = min((end for _, end in spans), default=None)
    possible = [
        teller for teller, (begin, _) in zip(dated, spans, strict=True) if first_end is None or begin <= first_end
    ] or list(tellers)
    if len(possible) == 1:
        return possible[0].id, "time"
    longest = max(teller.length for teller in possible)
    whole = [teller for teller in possible if teller.length >= longest * 0.8]  # who tells a part has it from others
    return min(teller.id for teller in whole), "seen"


def _moment(teller: Teller) -> datetime:
    return teller.published or datetime.max.replace(tzinfo=UTC)


def _told(text: str) -> str:
    """*text* without by-lines, and without lines at its ends that tell nothing of the news."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    last = len(lines) - ENDS
    kept = [
        line
        for number, line in enumerate(lines)
        if len(line) > 120 or ENDS <= number < last or not ENDING.fullmatch(line.strip())
    ]
    told = "\n".join(kept)
    return BYLINE.sub("", told) if "（" in told or "(" in told or "【" in told else told


def _agree(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two texts give the same numbers; one may leave some out."""
    fewer, more = (one, other) if len(one) <= len(other) else (other, one)
    return _share(fewer, more) >= AGREEING


def _agree_notices(shorter: Telling, longer: Telling) -> bool:
    """Whether two texts written from one template are about one thing: they give the same days, and the same names.

    A name is what one title and its own text say, and neither the other title nor the other text.
    """
    if not {number for number in shorter.numbers if DATED.search(number)} <= longer.numbers:
        return False
    return not (_names(shorter, longer) and _names(longer, shorter))


def _differ_in_days(one: Telling, other: Telling) -> bool:
    """Whether each of two announcements names a day that the other does not."""
    return bool(one.days - other.days) and bool(other.days - one.days)


def _names(one: Telling, other: Telling) -> bool:
    pairs = {one.title[place : place + 2] for place in range(len(one.title) - 1)}
    own = (pair for pair in pairs if OURS.isdisjoint(pair) and pair in one.letters)
    return any(pair not in other.title and pair not in other.letters for pair in own)


def _agree_titles(one: str, other: str) -> bool:
    """Whether two titles can be of one story: where they differ in their numbers alone, there are two congresses."""
    return one == other or NUMBER.sub("", one) != NUMBER.sub("", other)


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    """How much of *part* is in *whole*; nothing is in everything."""
    return len(part & whole) / len(part) if part else 1.0


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _hash(raw: bytes) -> int:
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big", signed=True)
