"""Rules of tags and stored entries -> entries tagged as today's rules say, however old they are.

    retag:  material (store) -> tags (classify) -> change (store), a batch at a time, from where it was left off

Knows no command. What tells a tag, rules/tags.toml says; the rules are read again when its files change.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from aggregator.classify.tag import LEAD, LONGEST_TEXT, Tagger
from aggregator.errors import RuleError, StoreError
from aggregator.model import Given, Taxonomy
from aggregator.rules.tags import fingerprint, has_own, load_taxonomy, marks, own_topics
from aggregator.store import Store
from aggregator.store.tagging import Change, Material

log = logging.getLogger(__name__)

BATCH = 1000  # entries tagged again in one transaction
SAMPLE = 1000  # of the newest entries, on which a rule is tried before all are tagged by it
MOST = 0.5  # of them: a rule that tags more tells nothing
FEWEST = 50  # entries that say anything about shares


class CurrentTagger:
    """The Tagger of the rules as they stand: call it for each visit. It is built when there is something to tag.

    Raises RuleError at once where the operator's own rules cannot be used; where they can no more, later, it keeps to
    those before.
    """

    def __init__(self, instance: Path | None, store: Store, now: Callable[[], datetime]) -> None:
        self._instance = instance
        self._store = store
        self._now = now
        self._seen: object = None  # the files' marks when they were read last
        self._mark: str | None = None
        self._tagger: Tagger | None = None
        self._unnoted: Taxonomy | None = None  # read, but the database does not know yet
        if has_own(instance):  # the shipped rules alone are known to be sound
            self._read()

    def __call__(self) -> Tagger:
        if self._tagger is None or marks(self._instance) != self._seen:
            try:
                self._tagger = self._read()
            except RuleError as error:
                if self._tagger is None:
                    raise
                log.error("the rules of tags were not read again: %s", error)
        self._note()
        return self._tagger

    def _read(self) -> Tagger:
        self._seen = marks(self._instance)
        mark = fingerprint(self._instance)
        taxonomy = load_taxonomy(self._instance)
        tagger = Tagger(taxonomy)
        known = self._store.tagging.progress()
        if known is None or known.rules != mark:
            refuse_broad(tagger, self._instance, self._store)
        self._mark, self._tagger, self._unnoted = mark, tagger, taxonomy
        return tagger

    def _note(self) -> None:
        """Let the database know by what rules entries are tagged from now on."""
        if self._unnoted is None:
            return
        try:
            if self._store.tagging.note_rules(str(self._mark), self._now()):
                log.info("the rules of tags have changed; `aggregator retag` tags stored entries by them")
            self._store.tagging.keep_aliases(self._unnoted.aliases)
        except StoreError as error:  # whoever records the visit meets it, too, and says so
            log.debug("the rules of tags are not noted yet: %s", error)
        else:
            self._unnoted = None


class Retagged(NamedTuple):
    """What a retag did: entries looked at, and entries whose tags were other ones."""

    entries: int
    changed: int


def retag(
    instance: Path | None,
    store: Store,
    now: Callable[[], datetime],
    *,
    anew: bool = False,
    batch: int = BATCH,
    told: Callable[[int], None] | None = None,
) -> Retagged:
    """Tag all stored entries as today's rules say, from where a retag by the same rules was broken off.

    *told* hears of each *batch* how many it was. What visits store meanwhile is looked at, too. RuleError: a
    rule would tag too much; nothing is written then.
    """
    taxonomy = load_taxonomy(instance)
    tagger = Tagger(taxonomy)
    refuse_broad(tagger, instance, store)
    rules = fingerprint(instance)
    store.tagging.keep_aliases(taxonomy.aliases)
    begun = store.tagging.begin(rules, anew=anew)
    after, seen, changed = begun.after_id, 0, 0
    given = store.tagging.given()
    letters = letters_read(tagger)
    while entries := store.tagging.material(after, batch, letters):
        told_now = ((one, tags_of(tagger, taxonomy, given, one)) for one in entries)
        changes = [Change(one, names) for one, names in told_now if names != one.tags]
        after = entries[-1].id
        store.tagging.change(changes, rules, after)
        seen, changed = seen + len(entries), changed + len(changes)
        if told:
            told(len(entries))
    store.tagging.end(rules, now())
    return Retagged(seen, changed)


def untagged(instance: Path | None, store: Store) -> str:
    """What is to be done before all stored entries have the tags of today's rules; empty: nothing."""
    known = store.tagging.progress()
    if known is None or known.rules != fingerprint(instance):
        return "stored entries have the tags of other rules; run `aggregator retag`" if store.entries.count() else ""
    if known.ended_at is None:
        return f"stored entries up to number {known.after_id} have the tags of these rules; run `aggregator retag`"
    return ""


def tags_of(
    tagger: Tagger, taxonomy: Taxonomy, given: Mapping[int, Sequence[Given] | None], one: Material
) -> frozenset[str]:
    """The tags that *one* should have; *given* has those of each source.

    Where a source's site file is gone for longer than we remember, what is no topic was given by it, and stays.
    """
    said = given.get(one.source_id)
    if said is None:
        said = [Given(name, "source") for name in sorted(one.tags) if name not in taxonomy.topics]
    said = [*said, *(Given(name, "source") for name in one.brought)]
    return frozenset(tagger.tags(said, one.title, one.text, one.section, one.keywords))


def letters_read(tagger: Tagger) -> int:
    """How much of a text *tagger* looks at."""
    return LONGEST_TEXT if tagger.reads_bodies else LEAD


def shares(tagger: Tagger, entries: Sequence[Material]) -> dict[str, float]:
    """The part of *entries* that each topic's own words tag, the largest first; no topics where they are too few."""
    if len(entries) < FEWEST:
        return {}
    counts = Counter(topic for one in entries for topic in tagger.topics(one.title, one.text))
    return {topic: count / len(entries) for topic, count in counts.most_common()}


def refuse_broad(tagger: Tagger, instance: Path | None, store: Store) -> None:
    """Raise RuleError where words of a topic of the operator's would tag more than half of the newest entries.

    A shipped topic may do so where only sources of one kind are followed.
    """
    own = {topic.name: topic for topic in own_topics(instance)}
    if not own:
        return
    for name, share in shares(tagger, store.tagging.newest(SAMPLE, letters_read(tagger))).items():
        if share > MOST and name in own and not own[name].is_broad:
            raise RuleError(
                f'{instance}/tags.toml: tag."{name}": its words would tag {share:.0%} of the newest entries, '
                "which tells nothing; write narrower words, or broad = true if that is meant"
            )
