"""What is done once a day: old polls, old mail and entries that were kept for long enough are thrown away.

Knows no time of day: schedule.py does, and `aggregator db tidy`.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from aggregator.model import Terms
from aggregator.rules import Rules
from aggregator.rules.tags import load_taxonomy
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.retention import Leaving


def terms_of(settings: Settings, rules: Rules) -> Terms:
    """For how long *settings*, site files and topics keep entries."""
    topics = load_taxonomy(settings.instance).topics.values()
    tags = {topic.name: topic.keep_days for topic in topics if topic.keep_days is not None}
    sources = {rule.name: rule.keep_days for _, rule in rules.sources if rule.keep_days is not None}
    return Terms(settings.schedule.retention_days, sources, tags)


def expire(
    settings: Settings, store: Store, terms: Terms, now: datetime, *, dry_run: bool = False
) -> Iterator[Leaving]:
    """Delete the entries that *terms* keep no longer, a piece at each step; with *dry_run* none."""
    month = now.astimezone(settings.zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    yield from store.retention.pieces(terms, now, month, dry_run=dry_run)


def tidy(
    settings: Settings, store: Store, terms: Terms, now: datetime, *, stop: Callable[[], bool] = lambda: False
) -> tuple[int, Leaving]:
    """All of it, for as long as *stop* says no; how many polls went, and which entries."""
    polls = store.sources.tidy()
    store.subscribers.tidy(now)
    store.deliveries.tidy(now)
    gone = Leaving()
    for piece in expire(settings, store, terms, now):
        gone.add(piece)
        if stop():
            break
    if gone.gone:
        store.feeds.forget_stale()
    while not stop() and store.rechecks.adopt(now):
        pass
    store.stories.note_recent(now)
    return polls, gone
