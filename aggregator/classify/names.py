"""Titles in, names of people, places and organisations in them out: what a new tag might be about.

Suggestions for a person, never tags: a segmenter takes words apart wrongly too often. rjieba's only door, which is
installed by the extra `keywords`.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from aggregator.errors import SettingsError

Kind = Literal["person", "place", "organisation"]
KINDS: dict[str, Kind] = {"nr": "person", "ns": "place", "nt": "organisation"}  # by jieba's parts of speech
SHORTEST = 2  # letters


class Name(NamedTuple):
    """A name, and how many texts it is in."""

    name: str
    kind: Kind
    texts: int


def names_in(texts: Iterable[str], least: int) -> list[Name]:
    """The names that at least *least* of the *texts* have, those of most texts first. Raises SettingsError."""
    try:
        import rjieba  # an eighth of a second and 40 MB: its dictionary
    except ImportError as error:
        raise SettingsError("names are found by rjieba; install it: pip install '.[keywords]'") from error
    counts: Counter[tuple[str, Kind]] = Counter()
    for text in texts:
        words = {(word, KINDS[flag[:2]]) for word, flag in rjieba.tag(text) if flag[:2] in KINDS}
        counts.update(one for one in words if len(one[0]) >= SHORTEST)
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [Name(name, kind, count) for (name, kind), count in ranked if count >= least]
