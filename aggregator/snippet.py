"""A text and the words it was found by -> the sentences that hold them, in pieces that say what is to be marked.

Whole sentences where they fit. Knows no HTML and no terminal.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aggregator.classify.summarize import sentences
from aggregator.words import fold, occurrences

LIMIT = 120  # characters: three lines on a telephone
BEFORE = 30  # characters kept before the word where its sentence is too long
LEAST = 40  # characters; a shorter snippet takes in the next sentence
ENDS = "，；、：,; "


class Piece(NamedTuple):
    """A piece of text; *is_hit*: one of the words."""

    text: str
    is_hit: bool


def marked(text: str, forms: Sequence[str]) -> list[Piece]:
    """The whole *text* in pieces; *forms* are words as words.fold writes them."""
    pieces, done = [], 0
    for start, end in occurrences(text, tuple(forms)):
        pieces += [Piece(text[done:start], False), Piece(text[start:end], True)]
        done = end
    return [piece for piece in (*pieces, Piece(text[done:], False)) if piece.text]


def snippet(text: str, forms: Sequence[str], limit: int = LIMIT) -> list[Piece]:
    """For each of *forms* the first sentence of *text* (one block a line) that holds it, as many as fit in *limit*.

    Empty where the text holds none of them.
    """
    missing, chosen, last, room = list(forms), list[str](), -2, limit
    for number, sentence in enumerate(_parts(text)):
        form = fold(sentence)
        held = [one for one in missing if one in form]
        follows = number == last + 1 and len(sentence) <= room and sum(map(len, chosen)) < LEAST
        if not held and not follows:
            if chosen and not missing:
                break
            continue
        part = _cut(sentence, held, limit) if not chosen else sentence
        if len(part) > room:
            break
        chosen.append(part if not chosen or number == last + 1 else f"…{part}")
        missing, last, room = [one for one in missing if one not in held], number, room - len(part)
    return marked("".join(chosen), forms)


def _parts(text: str) -> Iterator[str]:
    """The sentences of *text*, and what stands between and after them."""
    for block in text.split("\n"):
        line, done = block.strip(), 0
        for sentence in sentences(line):
            done = line.index(sentence, done) + len(sentence)
            yield sentence
        if rest := line[done:].strip():
            yield rest


def _cut(sentence: str, forms: Sequence[str], limit: int) -> str:
    """*sentence*, or where it is longer than *limit* what stands around the first of *forms*, from a clause's begin."""
    if len(sentence) <= limit:
        return sentence
    spans = occurrences(sentence, tuple(forms))
    hit = spans[0][0] if spans else 0
    start = max(0, hit - BEFORE)
    if start:
        start = next((at + 1 for at in range(start, hit) if sentence[at] in ENDS), start)
    end = min(len(sentence), start + limit - 2)
    return f"{'…' if start else ''}{sentence[start:end]}{'…' if end < len(sentence) else ''}"
