"""What an entry is about: rules and what it says of itself in, its tags and why each is there out.

Knows no file and no database. ahocorasick_rs's only door: it finds any number of words in one walk through a text.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from ahocorasick_rs import AhoCorasick

from aggregator.model import Given, Reason, Taxonomy, Topic
from aggregator.words import closed, fold

LEAD = 120  # characters of a text that count as its lead: what comes after them is background, names, places
GAP = 30  # characters for which … in a word may stand
LONGEST_TITLE = 500
LONGEST_TEXT = 100_000  # characters, as search has it
# between title and lead: in no text, since words.fold keeps letters only
BETWEEN = "\n"

Span = tuple[int, int]


class Tagger:
    """Tells the tags of entries by the topics of a Taxonomy. Building one takes some hundredths of a second."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._parents = {name: taxonomy.ancestors(name) for name in taxonomy.topics}
        self._aliases = taxonomy.aliases
        self._place = {name: place for place, name in enumerate(taxonomy.topics)}
        topics = taxonomy.topics.values()
        self._evidence = _evidence(topics)
        self._head = _Words(topics, _head_words)
        self._body = _Words(topics, lambda topic: [(word, True) for word in topic.words] if _reads(topic) else [])

    @property
    def reads_bodies(self) -> bool:
        """Whether any rule looks at more of a text than its lead."""
        return bool(self._body)

    def tags(
        self, given: Iterable[Given], title: str, text: str, section: Sequence[str] = (), keywords: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """The names of an entry's tags: those *given* to its source first, then topics in the order of their rules."""
        return tuple(reason.tag for reason in self.reasons(given, title, text, section, keywords))

    def reasons(
        self, given: Iterable[Given], title: str, text: str, section: Sequence[str] = (), keywords: Sequence[str] = ()
    ) -> tuple[Reason, ...]:
        """One Reason for each tag of an entry; the surest, where there are several.

        *section* and *keywords* are the publisher's: they count where they name a topic, and are no tags themselves.
        """
        said: dict[str, Reason] = {}
        for name, by in given:
            tag = self._aliases.get(name, name)
            said.setdefault(tag, Reason(tag, by, name))
        found = self.topics(title, text)
        for names, ground in ((section, "section"), (keywords, "keyword")):
            for name in names:
                if (topic := self._evidence.get(fold(closed(name)))) is not None:
                    found.setdefault(topic, Reason(topic, ground, name))  # type: ignore[arg-type]  # one of Ground
        for tag in (*found, *(tag for tag in said if tag in self._parents)):
            for parent in self._parents[tag]:
                found.setdefault(parent, Reason(parent, "child", tag))
        topics = sorted((tag for tag in found if tag not in said), key=self._place.__getitem__)
        return (*said.values(), *(found[tag] for tag in topics))

    def topics(self, title: str, text: str) -> dict[str, Reason]:
        """The topics that words in *title* and *text* tell, each with the word: parents are not among them."""
        first = f" {fold(closed(title[:LONGEST_TITLE]))} "
        head = self._head.found(f"{first}{BETWEEN} {fold(text[:LEAD])} ", len(first))
        found = {topic: Reason(topic, hit.zone, hit.word) for topic, hit in head.items()}
        if self._body:
            for topic, hit in self._body.found(f" {fold(text[:LONGEST_TEXT])} ", 0).items():
                found.setdefault(topic, Reason(topic, "body", hit.word))
        return found


def _reads(topic: Topic) -> bool:
    return topic.where in ("body", "both")


def _head_words(topic: Topic) -> list[tuple[str, bool]]:
    """(word, whether it counts in the lead, too) of all words of *topic* that count in a title."""
    words = [] if topic.where == "body" else [(word, topic.where == "lead") for word in topic.words]
    return words + [(word, False) for word in topic.title_words]


def _evidence(topics: Iterable[Topic]) -> dict[str, str]:
    """What a section or keyword may be called, as words.fold has it, and the topic it tells."""
    found: dict[str, str] = {}
    for topic in topics:
        for name in (topic.name, *topic.aliases):
            found[fold(name)] = topic.name
    for topic in topics:
        for word in (*topic.words, *topic.title_words):
            if "…" not in word and word.strip("^$") == word:
                found.setdefault(_form(word), topic.name)
    return found


class _Word(NamedTuple):
    """A word of a topic: the numbers of its parts, between which anything may stand."""

    topic: str
    written: str
    parts: tuple[int, ...]
    in_lead: bool


class _Hit(NamedTuple):
    """A word that was found, and where."""

    word: str
    zone: Literal["title", "lead"]


class _Words:
    """The words of topics and their exceptions, to be found in a text."""

    def __init__(self, topics: Iterable[Topic], words_of: Callable[[Topic], Sequence[tuple[str, bool]]]) -> None:
        numbers: dict[str, int] = {}

        def parts(written: str) -> tuple[int, ...]:
            return tuple(numbers.setdefault(_form(part), len(numbers)) for part in written.split("…"))

        self._words: dict[int, list[_Word]] = {}  # by their first parts: looked at when that was found
        self._exceptions: dict[str, list[tuple[int, ...]]] = {}
        for topic in topics:
            own = words_of(topic)
            for written, in_lead in own:
                word = _Word(topic.name, written, parts(written), in_lead)
                self._words.setdefault(word.parts[0], []).append(word)
            self._exceptions[topic.name] = [parts(written) for written in topic.exceptions] if own else []
        self._finder = AhoCorasick(list(numbers), store_patterns=False) if numbers else None
        # the space at an edge is no part of the word
        edges = ((number, part.startswith(" "), part.endswith(" ")) for part, number in numbers.items())
        self._edges = {number: (opens, closes) for number, opens, closes in edges if opens or closes}

    def __bool__(self) -> bool:
        return self._finder is not None

    def found(self, form: str, boundary: int) -> dict[str, _Hit]:
        """A word for each topic that has one in *form*, which is as words.fold has it, with a space at each end.

        Up to *boundary* it is a title, which a word is rather found in; behind it words for titles do not count.
        """
        places = self._places(form)
        shields: dict[str, list[Span]] = {}  # where words of a topic do not count, for topics with some
        found: dict[str, _Hit] = {}
        for number, its in places.items():
            for word in self._words.get(number, ()):
                topic = word.topic
                if topic in found and found[topic].zone == "title":
                    continue
                for start, end in its if len(word.parts) == 1 else _spans(word.parts, places):
                    if start < boundary <= end or (start >= boundary and not word.in_lead):
                        continue
                    if topic not in shields:
                        exceptions = (parts for parts in self._exceptions[topic] if parts[0] in places)
                        shields[topic] = [span for parts in exceptions for span in _spans(parts, places)]
                    if not any(first < end and start < last for first, last in shields[topic]):
                        found[topic] = _Hit(word.written, "title" if start < boundary else "lead")
                        break
        return found

    def _places(self, form: str) -> dict[int, list[Span]]:
        """Where in *form* parts of words stand, by their numbers."""
        places: dict[int, list[Span]] = {}
        if self._finder is None:
            return places
        for number, start, end in self._finder.find_matches_as_indexes(form, overlapping=True):
            if number in self._edges:
                opens, closes = self._edges[number]
                start, end = start + opens, end - closes
            if number in places:
                places[number].append((start, end))
            else:
                places[number] = [(start, end)]
        return places


@lru_cache(maxsize=10_000)
def _form(part: str) -> str:
    """*part* of a word as it stands in what ``_Words.found`` looks at: an edge of a run of letters is a space."""
    return " " * part.startswith("^") + fold(part.strip("^$")) + " " * part.endswith("$")


def _spans(parts: Sequence[int], spans: Mapping[int, list[Span]]) -> Sequence[Span]:
    """Where *parts* stand in their order, each the next one at most GAP behind: begin of the first, end of the last."""
    for part in parts:
        if part not in spans:
            return ()
    reached = spans[parts[0]]
    for part in parts[1:]:
        following = spans[part]
        longer = []
        for start, end in reached:
            place = bisect_left(following, (end, 0))
            if place < len(following) and following[place][0] - end <= GAP:
                longer.append((start, following[place][1]))
        reached = longer
    return reached
