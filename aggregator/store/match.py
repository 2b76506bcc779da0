"""What the search index is asked -> the one string that says so, for SQLite's FTS5 and for PostgreSQL's tsquery."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to match: of each group at least one key, and none of *lacks*."""

    groups: tuple[tuple[str, ...], ...]
    lacks: tuple[str, ...] = ()

    def with_words(self, groups: Sequence[tuple[str, ...]]) -> "Branch":
        """What matches this and has a key of each of *groups*, which are asked first."""
        return Branch((*groups, *self.groups), self.lacks)

    def also(self, key: str) -> "Branch":
        """What matches this and has *key*, too."""
        return Branch((*self.groups, (key,)), self.lacks)


class Dialect(NamedTuple):
    """How a database is asked; *asked* is the condition, its parameter ``match`` what ``match`` gives."""

    table: str  # with the documents that stand for an entry
    number: str  # of a document
    asked: str
    quote: str
    both: str
    either: str
    but: str

    def match(self, branches: Sequence[Branch]) -> str:
        """Any of *branches*. Keys hold no quotes: they are made of letters, digits and =@#$."""
        return self.either.join(map(self._branch, branches))

    def _branch(self, branch: Branch) -> str:
        wanted = "(" + self.both.join(map(self._any, branch.groups)) + ")"
        return f"({wanted}{self.but}{self._any(branch.lacks)})" if branch.lacks else wanted

    def _any(self, keys: Sequence[str]) -> str:
        return "(" + self.either.join(f"{self.quote}{key}{self.quote}" for key in keys) + ")"


SQLITE = Dialect(
    # the words first, then their entries: the other way round it would ask for each entry
    "search_text CROSS JOIN search_doc ON doc = search_text.rowid",
    "search_text.rowid",
    "search_text MATCH :match",
    '"',
    " AND ",
    " OR ",
    " NOT ",
)
POSTGRESQL = Dialect("search_text", "doc", "words @@ CAST(:match AS tsquery)", "'", " & ", " | ", " & !")
