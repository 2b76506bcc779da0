"""How the service stands, as Prometheus reads it (text exposition format 0.0.4). Made from one set of queries."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import get_args

from aggregator.health import State
from aggregator.store import Store
from aggregator.store.counts import Standing

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HOUR = timedelta(hours=1)


def metrics(store: Store, now: datetime) -> str:
    """The document. Numbers of all sources together: a label for each of thousands would burden who reads it."""
    standing = store.counts.standing(now, now - HOUR)
    return "".join(_lines(standing, str(store.schema()), now, store.index.behind()))


def _lines(standing: Standing, schema: str, now: datetime, waiting: int) -> Iterator[str]:
    lag = (now - standing.due_since).total_seconds() if standing.due_since else 0.0
    yield from _gauge(
        "aggregator_build_info", "The program and its database.", {_labels(version=_version(), schema=schema): 1}
    )
    yield from _gauge(
        "aggregator_sources",
        "Sources by their state.",
        {_labels(state=state): standing.states.get(state, 0) for state in get_args(State)},
    )
    yield from _gauge("aggregator_sources_due", "Sources that wait to be polled.", {"": standing.due})
    yield from _gauge("aggregator_poll_lag_seconds", "How long the most overdue source waits.", {"": lag})
    yield from _gauge("aggregator_entries", "Entries stored.", {"": standing.entries})
    yield from _gauge(
        "aggregator_polls_last_hour",
        "Polls of the last hour by outcome, and by the fault they met.",
        {_labels(outcome=outcome, fault=fault or ""): count for outcome, fault, count in standing.polls},
    )
    yield from _gauge("aggregator_unindexed_entries", "Entries that wait to be indexed for search.", {"": waiting})
    yield from _gauge("aggregator_stored_bytes", "Size of the database.", {"": standing.stored_bytes})


def _gauge(name: str, help_: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {help_}\n# TYPE {name} gauge\n"
    for labels, value in values.items():
        yield f"{name}{labels} {value}\n"


def _labels(**values: str) -> str:
    """Label values here are words of our own and version numbers: nothing to escape."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in values.items()) + "}"


def _version() -> str:
    try:
        return version("aggregator")
    except PackageNotFoundError:  # run from a source tree
        return "unknown"
