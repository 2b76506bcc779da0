"""Any text -> the form in which it is compared, and the words by which an index finds it. No dictionary, no segmenter.

Traditional and simplified, full-width and half-width, upper and lower case are one. Knows no database.

    第3届5G技术论坛、COVID-19  ->  第|3|届|5g|技术论坛 |covid| |19|
    its words: 第3 3 3届 届5g 5g 5g技 技术 术论 论坛 covid 19
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from operator import add
from unicodedata import is_normalized, normalize

LONGEST = 40  # characters of a Latin word that count; what is longer is an address or noise

# scripts written without spaces: ideographs (Unicode blocks up to extension J), kana, hangul
WIDE = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
BREAKS = re.compile(r"[\W_]+")
# in the middle of words and not seen: soft hyphen, zero width, direction and variation marks
UNSEEN = re.compile("[\xad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]+")
NARROW = re.compile(rf"([^ {WIDE}]+)")
# lone wide letters side by side, or the last letter of all
SPREAD = re.compile(rf"(?<!\w)[{WIDE}](?:\s+[{WIDE}])+(?!\w)|(?<=[{WIDE}])\s+[{WIDE}](?=\W*$)")
UNIT = re.compile(r"\|([^|]+)\||([^|])")
# what OpenCC tells apart by context only: whoever writes one finds the other
BY_CONTEXT = {"著": "着", "瞭": "了", "藉": "借"}


def fold(text: str) -> str:
    """*text* as it is compared: runs of letters with one space between them, Latin words and numbers between bars.

    A text holds a word exactly if the one's form holds the other's: the bars keep 5G from being found in 15G.
    """
    return "|".join(NARROW.split(plain(text)))  # a third of what sub takes


def plain(text: str) -> str:
    """The same without the bars: for who compares whole texts, and seeks no word in them."""
    text = UNSEEN.sub("", text.lower())
    if not is_normalized("NFC", text):
        text = normalize("NFC", text)  # accents join their letters before what is no letter goes
    text = BREAKS.sub(" ", text).strip()
    if not is_normalized("NFKC", text):
        text = BREAKS.sub(" ", normalize("NFKC", text).lower()).strip()
    simpler, traditional = _simpler()
    return text.translate(simpler) if traditional.search(text) else text


def closed(title: str) -> str:
    """*title* without the blanks that only spread its letters: 通 知, or 放假安排的通 知."""
    return SPREAD.sub(lambda match: "".join(match[0].split()), title)


def words(folded: str) -> set[str]:
    """The words by which an index finds the text whose form is *folded*.

    Of wide letters each two neighbours, a lone one by itself; a Latin word or number whole, and with each neighbour.
    """
    found: set[str] = set()
    for run in folded.split(" "):
        if "|" in run:
            pairs = UNIT.findall(run)
            found.update(narrow[:LONGEST] for narrow, _ in pairs if narrow)
            units = [narrow[:LONGEST] or wide for narrow, wide in pairs]
            found.update(map(add, units, units[1:]))
        elif len(run) == 1:
            found.add(run)
        else:
            found.update(map(add, run, run[1:]))
    found.discard("")
    return found


def letters(folded: str) -> set[str]:
    """The single wide letters of a text whose form is *folded*."""
    return {letter for letter in folded if _is_wide(letter)}


def occurrences(text: str, sought: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where in *text* the forms *sought* stand, as (start, end), in order and without overlap."""
    folded, places = _placed(text)
    found = sorted((start, start + len(one)) for one in sought for start in _each(folded, one))
    spans: list[tuple[int, int]] = []
    for start, end in found:
        first, last = places[start], places[end - 1] + 1
        if spans and first <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(last, spans[-1][1])
        else:
            spans.append((first, last))
    return spans


def _placed(text: str) -> tuple[str, list[int]]:
    """The form of *text*, and for each character of it where in *text* it comes from."""
    form: list[str] = []
    places: list[int] = []

    def put(character: str, place: int) -> None:
        form.append(character)
        places.append(place)

    inside = False  # a narrow word
    for place, character in enumerate(text):
        for letter in _folded_letter(character):
            narrow = letter not in (" ", "|") and not _is_wide(letter)
            if narrow != inside:
                put("|", place if narrow else places[-1])
                inside = narrow
            if letter != " " or (form and form[-1] != " "):
                put(letter, place)
    if inside:
        put("|", places[-1])
    return "".join(form), places


@lru_cache(maxsize=20_000)
def _folded_letter(character: str) -> str:
    if UNSEEN.fullmatch(character):
        return ""
    return fold(character).replace("|", "") or " "


def _each(folded: str, one: str) -> Iterator[int]:
    at = folded.find(one)
    while at >= 0:
        yield at
        at = folded.find(one, at + 1)


def _is_wide(letter: str) -> bool:
    return NARROW.fullmatch(letter) is None and letter not in (" ", "|")


@cache
def _simpler() -> tuple[dict[int, str], re.Pattern[str]]:
    """Simplified letters by traditional ones, and what tells whether there may be any.

    By letters, so that part of a text is found as all is.
    """
    from opencc import OpenCC  # a hundredth of a second that only search needs

    converter, simpler = OpenCC("t2s"), dict[str, str]()
    for first, end in ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x33480)):
        for start in range(first, end, 2048):  # all at once would hold 20 MB
            every = list(map(chr, range(start, min(start + 2048, end))))
            simple = converter.convert("\n".join(every)).split("\n")
            simpler.update((one, other) for one, other in zip(every, simple, strict=True) if one != other)
    simpler |= BY_CONTEXT
    # the rare ones as one range: a class of single letters beyond FFFF would be looked through one by one
    often = "".join(letter for letter in simpler if letter <= "\uffff")
    return str.maketrans(simpler), re.compile(f"[{often}\U00020000-\U0003ffff]")
