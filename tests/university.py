"""The tests' only network: a university served on the loopback address. tests/conftest.py hands the fixtures out."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from aggregator.demo.server import University
from aggregator.demo.universities import Demo

NOW = datetime(2025, 3, 21, 2, 30, tzinfo=UTC)  # 10:30 on a Friday in Shanghai


@pytest.fixture
def university() -> Iterator[University]:
    """An empty university: ``university.serve("/news", body, etag='"v1"')``, then look at ``university.requests``."""
    with University() as server:
        yield server


@pytest.fixture
def demo() -> Iterator[Demo]:
    """The three universities of ``aggregator demo`` as they stand at NOW."""
    with Demo(NOW) as universities:
        yield universities
