"""What entries hold these words? Newest first or most relevant first, a page at a time.

The index gives candidates (indexing.py), their texts settle what it cannot tell. Both databases give the same answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, func, select, text

from aggregator.errors import NotFound
from aggregator.model import Entry, EntryBody, FullEntry, SearchDue
from aggregator.query import Selection
from aggregator.question import Question, Word
from aggregator.store.bulk import IDS, chunks
from aggregator.store.entries import Cursor
from aggregator.store.indexing import LONGEST_TEXT
from aggregator.store.match import POSTGRESQL, SQLITE, Branch
from aggregator.store.names import source_ids, tags_of
from aggregator.store.spans import Place, Spans
from aggregator.words import fold

if TYPE_CHECKING:
    from aggregator.store import Store

Order = Literal["newest", "relevance"]
Wording = Callable[[Word], list[tuple[str, ...]]]  # groups of keys; who holds the word has one of each

MOST_READ = 500  # texts looked at for one answer, where the index alone cannot tell
AT_ONCE = 10  # texts read together at least
RANKED = 60  # the newest candidates, and the newest with all words in their titles: the best of these come first
MOST_COUNTED = 1000
# what makes an entry relevant: a word in its title, a word often in its text (saturating, as in BM25), little age
IN_TITLE, IN_TEXT, OFTEN, RECENT, YEAR = 3.0, 1.0, 2, 1.0, 31_557_600

entry, body, due = Entry.__table__, EntryBody.__table__, SearchDue.__table__  # type: ignore[attr-defined]

TEXTS = select(entry.c.id, entry.c.title, body.c.text).outerjoin(body).where(entry.c.id.in_(IDS))
IS_BEHIND = select(due.c.id).limit(1)
BOUNDS = select(select(func.min(entry.c.sort)).scalar_subquery(), select(func.max(entry.c.sort)).scalar_subquery())


@dataclass(frozen=True, slots=True)
class Found:
    """An answer. *after* goes into ``find(before=...)`` for what comes next, None where nothing does."""

    entries: list[FullEntry]
    after: str | None
    is_complete: bool  # False: some entries are not indexed yet, or there were too many to look at all
    about: int | None = None  # how many there are in all, at most MOST_COUNTED; None: not counted


class Search:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._dialect = SQLITE if store.is_sqlite else POSTGRESQL

    def find(
        self,
        question: Question,
        *,
        order: Order = "newest",
        limit: int = 20,
        before: str | None = None,
        bodies: bool = False,
        count: bool = False,
    ) -> Found:
        """The entries that *question* asks for, at most *limit*; *before* is the former answer's *after*.

        By relevance only the RANKED newest candidates, and as many with all words in their titles, are ranked. Raises
        NotFound for a tag, source or university that is not there, and for a *before* that is no place in the list.
        """
        if not question.words:
            return self._all_of(question.selection, limit, before, bodies=bodies)
        with self._store.read() as connection:
            spans, titled = self._spans(connection, question, _groups, _title_groups)
            if order == "newest":
                places, after, is_cut = self._newest(connection, question, spans, limit, before)
            else:
                places, after, is_cut = self._best(connection, question, spans, titled, limit, before)
            about = spans.count(MOST_COUNTED) if count else None
            is_behind = connection.execute(IS_BEHIND).first() is not None
        entries = self._store.entries.of([place.id for place in places], bodies=bodies)
        return Found(entries, after, not (is_cut or is_behind), about)

    def titles(self, question: Question, limit: int = 5) -> list[FullEntry]:
        """The newest entries that hold all words of *question*, if any, in their titles, one of each title."""
        if not question.words:
            return []
        with self._store.read() as connection:
            (spans,) = self._spans(connection, question, _title_groups)
            ids = [place.id for place in islice(spans, 4 * limit)]
        found: dict[str, FullEntry] = {}
        for one in self._store.entries.of(ids):
            if all(word.form in fold(one.title) for word in question.words):
                found.setdefault(one.title, one)
        return list(found.values())[:limit]

    def _all_of(self, selection: Selection, limit: int, before: str | None, *, bodies: bool) -> Found:
        place = Cursor.parse(before) if before is not None else None
        chosen = replace(selection, words="")
        entries = self._store.entries.newest(limit + 1, chosen, before=place, bodies=bodies)
        last = entries[limit - 1] if len(entries) > limit else None
        return Found(entries[:limit], str(Cursor(last.sort, last.id)) if last else None, is_complete=True)

    def _newest(
        self, connection: Connection, question: Question, spans: Spans, limit: int, before: str | None
    ) -> tuple[list[Place], str | None, bool]:
        if before is not None:
            cursor = Cursor.parse(before)
            spans = spans.below(Place(cursor.sort, cursor.id))
        candidates, held, read = iter(spans), list[Place](), 0
        while len(held) <= limit:
            some = list(islice(candidates, max(limit + 1 - len(held), AT_ONCE)))
            held += self._held(connection, question, some)
            read += len(some)
            if not some or (read >= MOST_READ and len(held) <= limit):
                return held, str(Cursor(*some[-1])) if some else None, bool(some)
        return held[:limit], str(Cursor(*held[limit - 1])), False

    def _best(
        self, connection: Connection, question: Question, spans: Spans, titled: Spans, limit: int, before: str | None
    ) -> tuple[list[Place], str | None, bool]:
        if before is not None and not (before.isdecimal() and len(before) < 6):
            raise NotFound(f"{before[:40]!r} is no place in a list")
        newest, best = list(islice(spans, RANKED + 1)), list(islice(titled, RANKED))
        first = int(before or 0)
        end, count = first + limit, len(question.words)
        ranked = self._ranked(connection, question, best, newest[0]) if len(best) > end else []
        # whoever lacks a word in its title has no more points than this, and seldom has to be read
        if len(ranked) <= end or ranked[end][0] < IN_TITLE * (count - 1) + IN_TEXT * count + RECENT:
            ranked = self._ranked(connection, question, [*{*newest[:RANKED], *best}], newest[0]) if newest else []
        after = str(end) if len(ranked) > end else None
        return [place for _, place in ranked[first:end]], after, len(newest) > RANKED

    def _ranked(
        self, connection: Connection, question: Question, candidates: Sequence[Place], latest: Place
    ) -> list[tuple[float, Place]]:
        """Points and place of those *candidates* that hold what *question* asks for, the most relevant first."""
        texts = _texts(connection, candidates)

        def points(place: Place) -> float:
            # of a power that is no integer nobody knows whether it is a float
            sum_ = RECENT * float(0.5 ** ((latest.sort - place.sort) / YEAR))
            for word in question.words:
                in_title, often = _weight(*texts[place.id], word)
                sum_ += IN_TITLE * in_title + IN_TEXT * often / (often + OFTEN)
            return sum_

        held = (place for place in candidates if place.id in texts and _holds(question, texts[place.id]))
        return sorted(((points(place), place) for place in held), reverse=True)

    def _held(self, connection: Connection, question: Question, places: Sequence[Place]) -> list[Place]:
        """Those of *places* whose texts keep what the index promised."""
        if all(word.is_exact for word in (*question.words, *question.without)):
            return list(places)
        texts = _texts(connection, places)
        return [place for place in places if place.id in texts and _holds(question, texts[place.id])]

    # ------------------------------------------------------------ what the index is asked

    def _spans(self, connection: Connection, question: Question, *wordings: Wording) -> list[Spans]:
        """For each of *wordings*: the candidates that have its keys of each word, within the question's selection."""
        within = self._within(connection, question)
        oldest, latest = connection.execute(BOUNDS).one()
        first, below = oldest or 0, Place((latest or 0) + 1, 0)
        if question.selection.since:
            first = max(first, int(question.selection.since.timestamp()))
        if question.selection.until:
            below = min(below, Place(int(question.selection.until.timestamp()), 0))
        return [
            Spans(self._asking(connection, [branch.with_words(groups) for branch in within], first), first, below)
            for groups in ([group for word in question.words for group in wording(word)] for wording in wordings)
        ]

    def _asking(
        self, connection: Connection, branches: Sequence[Branch], first: int
    ) -> Callable[[str, Place, int], list[Place]]:
        dialect = self._dialect
        query = text(
            f"SELECT sort, entry_id FROM {dialect.table} WHERE {dialect.asked} "  # noqa: S608 - our own words
            "AND (sort, entry_id) < (:sort, :id) AND sort >= :first LIMIT :most"
        )

        def ask(key: str, below: Place, most: int) -> list[Place]:
            if not branches:
                return []
            match = dialect.match([branch.also(key) for branch in branches] if key else branches)
            asked = {"match": match, "sort": below.sort, "id": below.id, "first": first, "most": most}
            return list(map(Place._make, connection.execute(query, asked).all()))

        return ask

    def _within(self, connection: Connection, question: Question) -> list[Branch]:
        """The selection of *question*, and what its entries must lack."""
        chosen, groups = question.selection, list[tuple[str, ...]]()
        lacks = [key for word in question.without if word.is_exact for group in _groups(word) for key in group]
        if chosen.source is not None or chosen.university is not None:
            ids = source_ids(connection, chosen.source, chosen.university)
            if not ids:  # the source is another university's
                return []
            groups.append(tuple(f"${id_}" for id_ in ids))
        if chosen.tags is None:
            return [Branch(tuple(groups), tuple(lacks))]
        keys = {name: f"#{one.id}" for name, one in tags_of(connection, chosen.tags.names).items()}
        return [
            Branch((*groups, *((keys[name],) for name in term.have)), (*lacks, *(keys[name] for name in term.lack)))
            for term in chosen.tags.terms
        ]


def _groups(word: Word) -> list[tuple[str, ...]]:
    """Groups of keys; who holds *word* has one of each."""
    return [(word.form, f"={word.form}")] if word.is_letter else [(key,) for key in word.keys]


def _title_groups(word: Word) -> list[tuple[str, ...]]:
    """As ``_groups``, for who holds *word* in its title."""
    return [(f"={key}",) for key in word.keys]


def _texts(connection: Connection, places: Sequence[Place]) -> dict[int, tuple[str, str]]:
    """The titles and texts of *places* by their ids, in their order."""
    found = {
        id_: (title, (rest or "")[:LONGEST_TEXT])
        for chunk in chunks([place.id for place in places])
        for id_, title, rest in connection.execute(TEXTS, {"ids": chunk})
    }
    return {place.id: found[place.id] for place in places if place.id in found}


def _holds(question: Question, texts: tuple[str, str]) -> bool:
    """Whether *texts* hold what the index alone cannot tell."""
    return all(word.is_exact or any(_count(one, word) for one in texts) for word in question.words) and not any(
        not word.is_exact and any(_count(one, word) for one in texts) for word in question.without
    )


def _count(written: str, word: Word) -> int:
    """How often *word* stands in a text; only one that does not hold it as it is has to be folded."""
    plain = 0 if "|" in word.form else written.count(word.form)
    return plain or fold(written).count(word.form)


def _weight(title: str, rest: str, word: Word) -> tuple[bool, int]:
    """Whether *word* is in the title, and how often in the text: near enough to rank by, which folding is too slow for.

    Only of an entry that seems to lack it altogether the letters must be traditional or full-width ones.
    """
    form = word.form.replace("|", "")
    if form != form.upper():  # Chinese has no cases
        title, rest = title.lower(), rest.lower()
    weight = form in title, rest.count(form)
    return weight if any(weight) else (word.form in fold(title), fold(rest).count(word.form))
