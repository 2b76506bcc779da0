"""What a visitor types into the search field -> what is looked for: 碳中和 "南开大学" -讲座 tag:科研 since:2026-01-01

Knows no database: whether a tag or a university exists, the store says.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo

from aggregator.errors import QueryError, SearchError
from aggregator.query import UNUSABLE, Expression, Selection
from aggregator.query import parse as parse_tags
from aggregator.words import LONGEST, fold, words

MOST_CHARACTERS = 200
MOST_WORDS = 10

QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』"}
FILTERS = {
    "tag": "tag", "university": "university", "source": "source", "since": "since", "until": "until",
    "标签": "tag", "学校": "university", "来源": "source", "起": "since", "止": "until",
}  # fmt: skip
PART = re.compile(
    rf"""(?P<minus>[-－−](?=\S))?
         (?:(?P<filter>{"|".join(FILTERS)})[:：])?
         (?P<value>(?:"[^"]*"|“[^”]*”|「[^」]*」|『[^』]*』|[^\s"“「『])*)""",
    re.VERBOSE | re.IGNORECASE,
)
DAY = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月?)|年?)")


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that an entry must hold, or must not: a word, or a phrase.

    *form* is what its text's form must hold (words.fold), *keys* the words of the index that such a text surely has.
    """

    form: str
    keys: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether who has its one key has the word; else its text must be looked at."""
        return len(self.keys) == 1 and len(self.form) <= LONGEST and self.form.strip("|") == self.keys[0]

    @property
    def is_letter(self) -> bool:
        """A single wide letter: looked for in titles, and where it stands alone."""
        return len(self.form) == 1


@dataclass(frozen=True, slots=True)
class Question:
    """Entries of *selection* that hold all *words* and none of *without*. *selection.words* is as it was typed.

    Without words it is all of *selection*, which then is not everything.
    """

    words: tuple[Word, ...]
    without: tuple[Word, ...] = ()
    selection: Selection = field(default_factory=Selection)


def parse(text: str, zone: tzinfo, selection: Selection = Selection()) -> Question:  # noqa: B008 - frozen
    """The question that *text* asks within *selection*, its days in *zone*; raises SearchError with the column."""
    if len(text) > MOST_CHARACTERS:
        raise SearchError("long", MOST_CHARACTERS + 1, f"more than {MOST_CHARACTERS} characters")
    sought: list[Word] = []
    without: list[Word] = []
    chosen = replace(selection, words=text.strip())
    place, filtered = 0, False
    while (place := _after_blanks(text, place)) < len(text):
        column, part = place + 1, PART.match(text, place)
        assert part is not None  # it may be empty
        place = part.end()
        if place < len(text) and text[place] in QUOTES:
            raise SearchError("quote", place + 1, f"the quote {text[place]} is not closed")
        name = FILTERS[part["filter"].lower()] if part["filter"] else None
        if name is None:
            (without if part["minus"] else sought).extend(_words(part["value"]))
        elif part["minus"] and name != "tag":
            raise SearchError("filter", column, f"only words and tags can be excluded, not {part['filter']}")
        else:
            chosen = NARROWED[name](chosen, part["value"], column, bool(part["minus"]), zone)
            filtered = True
        if len(sought) + len(without) > MOST_WORDS:
            raise SearchError("many", column, f"more than {MOST_WORDS} words")
    if not sought and (without or (chosen.words and not filtered) or chosen == Selection(words=chosen.words)):
        raise SearchError("empty", 1, "there is no word to look for")
    if chosen.since and chosen.until and chosen.since >= chosen.until:
        raise SearchError("dates", 1, "the first day is after the last one")
    return Question(tuple(dict.fromkeys(sought)), tuple(dict.fromkeys(without)), chosen)


def day(text: str, column: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """When the day, month or year that *text* names begins, and when the next one does, both in *zone*."""
    found = DAY.fullmatch(text.strip())
    try:
        if found is None or not 1000 <= int(found[1]) <= 2999:
            raise ValueError
        year, month, number = int(found[1]), int(found[2] or 1), int(found[3] or 1)
        first = datetime(year, month, number, tzinfo=zone)
    except ValueError:
        raise SearchError("date", column, f"{text[:20]!r} is no day like 2026-01-31") from None
    if found[3]:
        return first, first + timedelta(days=1)
    if found[2]:
        return first, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return first, datetime(year + 1, 1, 1, tzinfo=zone)


def _words(written: str) -> list[Word]:
    """The words of one part of the text: what stands together is looked for together, 5G技术 as well as COVID-19."""
    form = fold(written)
    if not form:
        return []
    if len(form) == 1:
        return [Word(form, (form,))]
    # what is cut from a text has at its ends no lone letters that were alone in it
    keys = {key for key in words(form) if not key.isspace()} - {run for run in form.split(" ") if len(run) == 1}
    if not keys:  # "南 开": letters set apart
        return _words(form.replace(" ", ""))
    return [Word(form, tuple(sorted(keys)))]


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and QUOTES.get(value[0]) == value[-1] else value


def _needed(value: str, column: int) -> str:
    if not _bare(value):
        raise SearchError("filter", column, "nothing stands after the colon")
    if UNUSABLE.search(value):
        raise SearchError("filter", column, "a character that no name has")
    return _bare(value)


def _tagged(selection: Selection, value: str, column: int, excluded: bool, zone: tzinfo) -> Selection:
    del zone
    _needed(value, column)
    try:
        wanted: Expression = parse_tags(f"-({value})" if excluded else value)
        if selection.tags:
            wanted = parse_tags(f"({selection.tags})+({wanted})")
    except QueryError as error:
        raise SearchError("tags", column, str(error)) from error
    return replace(selection, tags=wanted)


def _at(selection: Selection, value: str, column: int, excluded: bool, zone: tzinfo) -> Selection:
    del excluded, zone
    return replace(selection, university=_needed(value, column))


def _of(selection: Selection, value: str, column: int, excluded: bool, zone: tzinfo) -> Selection:
    del excluded, zone
    return replace(selection, source=_needed(value, column))


def _since(selection: Selection, value: str, column: int, excluded: bool, zone: tzinfo) -> Selection:
    del excluded
    return replace(selection, since=day(_needed(value, column), column, zone)[0])


def _until(selection: Selection, value: str, column: int, excluded: bool, zone: tzinfo) -> Selection:
    del excluded
    return replace(selection, until=day(_needed(value, column), column, zone)[1])


NARROWED: Mapping[str, Callable[[Selection, str, int, bool, tzinfo], Selection]] = {
    "tag": _tagged,
    "university": _at,
    "source": _of,
    "since": _since,
    "until": _until,
}


def _after_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place
