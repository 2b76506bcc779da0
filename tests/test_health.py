from datetime import UTC, datetime, timedelta

import pytest

from aggregator.health import health
from aggregator.model import Poll, Source

NOW = datetime(2025, 3, 21, tzinfo=UTC)


def source(**fields):
    values = {"enabled": True, "failures": 0, "news_at": NOW - timedelta(days=1)} | fields
    return Source(name="x", site="x", university="x", title="x", url="x", next_poll_at=NOW, **values)


def poll(outcome="unchanged", **fields):
    return Poll(source_id=1, polled_at=NOW, outcome=outcome, **fields)


@pytest.mark.parametrize(
    ("expected", "one", "polls"),
    [
        ("off", source(enabled=False), [poll()]),
        ("new", source(), []),
        ("working", source(), [poll()]),
        ("quiet", source(news_at=NOW - timedelta(days=90)), [poll()]),
        ("failing", source(failures=2), [poll("failed", cause="timeout")]),
        ("broken", source(failures=3), [poll("failed", cause="parse")]),
        ("blocked", source(failures=1), [poll("failed", cause="status", status=403)]),
        ("gone", source(failures=1), [poll("failed", cause="status", status=410)]),
    ],
)
def test_the_polls_tell_the_state(expected, one, polls):
    assert expected == health(one, polls, NOW).state


def test_the_reason_of_a_failure_is_its_message():
    verdict = health(source(failures=3), [poll("failed", message="no items at http://x/")], NOW)

    assert "no items at http://x/ (failed 3 times in a row)" == verdict.reason
    assert verdict.is_bad


def test_articles_that_fail_are_the_reason_of_a_working_list():
    verdict = health(source(), [poll("new", items=8, message="http://x/1 answered 404")], NOW)

    assert ("working", "http://x/1 answered 404") == (verdict.state, verdict.reason)
