"""Two texts -> one in which is marked what was taken out and what was put in, to be read by people. Pure.

Sentences are compared first, then the words of those that differ: of Chinese each character is one, but what stands
between two changes and is shorter than either is taken into them, so that words change as a whole.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

# sentences and words that are compared one by one; where there are more, all that differs is shown as rewritten
MOST_SENTENCES, MOST_WORDS = 5_000, 2_000
AROUND = 60  # characters that are shown before and after a change
LONGEST = 20_000  # characters shown in all
JOINED = 2  # words between two changes that are no sense of their own

SENTENCE = re.compile(r"[^。！？!?；;\n]*(?:[。！？!?；;]+[”’』」）)]*|\n+)|[^。！？!?；;\n]+")
WORD = re.compile(r"[A-Za-z0-9]+|\s+|.", re.DOTALL)


class Piece(NamedTuple):
    """A piece of text; a "gap" stands for one that is the same and left out."""

    kind: Literal["same", "del", "ins", "gap"]
    text: str


def differences(before: str, after: str) -> list[Piece]:
    """What was *before* and what is *after* it as one text, at most LONGEST characters; empty: both are the same."""
    if before == after:
        return []
    pieces: list[Piece] = []
    for kind, text in _shortened(_joined(_marked(before, after))):
        if pieces and kind == pieces[-1].kind:
            text = pieces.pop().text + text
        pieces.append(Piece(kind, text))
    return list(_cut(pieces))


def _marked(before: str, after: str) -> Iterator[Piece]:
    one, two = SENTENCE.findall(before), SENTENCE.findall(after)
    for same, gone, come in _opcodes(one, two, MOST_SENTENCES):
        if same:
            yield Piece("same", same)
            continue
        for kept, left, new in _opcodes(WORD.findall(gone), WORD.findall(come), MOST_WORDS):
            if kept:
                yield Piece("same", kept)
            if left:
                yield Piece("del", left)
            if new:
                yield Piece("ins", new)


def _opcodes(one: Sequence[str], two: Sequence[str], most: int) -> Iterator[tuple[str, str, str]]:
    """(same, gone, come) in the order of the texts, either the first or one of the others empty."""
    start, end = common_ends(one, two)
    a, b = one[start : len(one) - end], two[start : len(two) - end]
    if start:
        yield "".join(one[:start]), "", ""
    if max(len(a), len(b)) > most:
        yield "", "".join(a), "".join(b)
    else:
        for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            yield ("".join(a[i:j]), "", "") if tag == "equal" else ("", "".join(a[i:j]), "".join(b[k:m]))
    if end:
        yield "".join(one[len(one) - end :]), "", ""


def common_ends(one: Sequence[str], two: Sequence[str]) -> tuple[int, int]:
    """How many begin both, and how many of the others end both."""
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    end = 0
    while end < min(len(one), len(two)) - start and one[-1 - end] == two[-1 - end]:
        end += 1
    return start, end


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """*pieces* with changes that hardly anything lies between made one: what went before what came."""
    gone = come = between = ""
    for kind, text in pieces:
        if kind == "same":
            if (gone or come) and not between and len(text) <= JOINED and "\n" not in text:
                between = text
                continue
            yield from _change(gone, come, between)
            gone = come = between = ""
            yield Piece("same", text)
            continue
        gone, come, between = gone + between, come + between, ""
        if kind == "del":
            gone += text
        else:
            come += text
    yield from _change(gone, come, between)


def _change(gone: str, come: str, after: str) -> Iterator[Piece]:
    if gone:
        yield Piece("del", gone)
    if come:
        yield Piece("ins", come)
    if after:
        yield Piece("same", after)


def _shortened(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """*pieces*, of what is the same only what stands next to a change."""
    is_first = True
    waiting: str | None = None
    for kind, text in pieces:
        if kind == "same":
            waiting = (waiting or "") + text
            continue
        if waiting:
            yield from _between(waiting, 0 if is_first else AROUND, AROUND)
        waiting, is_first = None, False
        yield Piece(kind, text)
    if waiting:
        yield from _between(waiting, AROUND, 0)


def _between(text: str, head: int, tail: int) -> Iterator[Piece]:
    if len(text) <= head + tail + AROUND:
        yield Piece("same", text)
        return
    if head:
        yield Piece("same", text[:head])
    yield Piece("gap", "")
    if tail:
        yield Piece("same", text[-tail:])


def _cut(pieces: Sequence[Piece]) -> Iterator[Piece]:
    room = LONGEST
    for kind, text in pieces:
        if len(text) > room:
            yield Piece(kind, text[:room])
            yield Piece("gap", "")
            return
        room -= len(text)
        yield Piece(kind, text)
