"""What a source's polls say of it. Pure: rows and a time in, a verdict with its reason out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aggregator.model import Poll, Source

State = Literal["off", "new", "working", "quiet", "failing", "broken", "blocked", "gone"]

# failures in a row before a person should look; fewer are weather
BROKEN_AFTER = 3
# a source without news for so long is called quiet: even a summer holiday is shorter
QUIET_AFTER = timedelta(days=60)
# answers of firewalls and campus-only servers
BLOCKED = {401, 403, 405, 412, 521}


@dataclass(frozen=True, slots=True)
class Health:
    """*reason* is a sentence for the operator."""

    state: State
    reason: str

    @property
    def is_bad(self) -> bool:
        return self.state in ("failing", "broken", "blocked", "gone")


def health(source: Source, polls: Sequence[Poll], now: datetime) -> Health:
    """The state of *source* from its newest *polls* (newest first)."""
    if not source.enabled:
        return Health("off", "switched off in its site file, or no longer in any")
    if not polls:
        return Health("new", "never polled yet")
    last = polls[0]
    if last.outcome == "failed":
        return _ill(source, last)
    if source.news_at is not None and now - source.news_at > QUIET_AFTER:
        return Health("quiet", f"nothing new since {source.news_at:%Y-%m-%d}; look whether the column is still kept")
    if last.message:  # of articles: the list itself was read
        return Health("working", last.message)
    return Health(
        "working", f"{last.items} items at the last full look" if last.items else "unchanged since the last look"
    )


def _ill(source: Source, last: Poll) -> Health:
    reason = last.message or "failed without a reason"
    if last.status == 410:
        return Health("gone", reason)
    if last.status in BLOCKED:
        return Health("blocked", reason)
    if source.failures < BROKEN_AFTER:
        return Health("failing", f"{reason} (failed {source.failures} times in a row)")
    return Health("broken", f"{reason} (failed {source.failures} times in a row)")
