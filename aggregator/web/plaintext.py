"""Text for people at a terminal or in a mail: folded to a width in which a Chinese character takes two columns.

Knows no digest and no template.
"""

import re
import unicodedata

WIDTH = 72  # columns: what a mail and a small terminal show without breaking lines themselves

# Chinese may break anywhere but not before these, nor after those (GB/T 15834-2011 §5.1)
NEVER_FIRST = frozenset("，。、；：？！）》」』】〕〉”’％…—·,.;:?!)]}%")
NEVER_LAST = frozenset("（《「『【〔〈“‘([{￥$")
# what stays in one piece: a run of letters and digits with what joins them, or one character of any other kind
PIECE = re.compile(r"[\x21-\x7e\u00c0-\u024f]+|\S|\s+")


def fold(text: str, indent: str = "", width: int = WIDTH) -> str:
    """*text* as lines of at most *width* columns, each after *indent*; a longer word (an address) stays whole."""
    room = width - columns(indent)
    lines, taken = [""], 0
    for piece in _pieces(text):
        if lines[-1] and taken + columns(piece.rstrip()) > room:
            lines[-1] = lines[-1].rstrip()
            lines.append(piece.lstrip())
            taken = columns(lines[-1])
        else:
            lines[-1] += piece
            taken += columns(piece)
    return "\n".join(indent + line.rstrip() for line in lines if line.strip())


def columns(text: str) -> int:
    """How many columns *text* takes in a fixed-width font (Unicode Standard Annex 11; ambiguous ones are wide here)."""
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else not unicodedata.combining(char) for char in text)


def rule(char: str, width: int = WIDTH) -> str:
    """A line across the page made of *char*."""
    return char * (width // columns(char))


def _pieces(text: str) -> list[str]:
    """*text* without control characters, cut where a line may end."""
    shown = "".join(char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    pieces: list[str] = []
    for piece in PIECE.findall(" ".join(shown.split())):
        if pieces and len(pieces[-1]) < WIDTH and (piece in NEVER_FIRST or pieces[-1][-1] in NEVER_LAST):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces
