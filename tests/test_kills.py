"""What the service must survive: killed at every step, no room on the disk, a database that another program locks."""

import os
import resource
import sqlite3
from time import sleep

import pytest

from aggregator.demo.server import University
from tests.benchmarks import kills, visit_kills
from tests.processes import Program, follow, until

# all of them: KILLS=200 python -m pytest tests/test_kills.py, or python -m tests.benchmarks.kills
KILLS = int(os.environ.get("KILLS", "20"))


@pytest.fixture
def campus(tmp_path):
    """The campus whose sources *tmp_path* follows."""
    with University() as server:
        made = kills.Campus(server)
        follow(tmp_path, made.sources)
        yield made


def titles(folder):
    with kills.opened(folder) as store:
        return sorted(entry.title for entry in store.entries.walk())


def test_a_service_killed_at_any_step_loses_and_doubles_nothing(tmp_path):
    stages = kills.loop(tmp_path, KILLS)

    assert KILLS == sum(stages.values())


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_visits_to_articles_killed_at_any_step_lose_double_and_misdate_nothing(request, tmp_path, database):
    url = request.getfixturevalue("postgresql") if database == "postgresql" else f"sqlite:///{tmp_path}/aggregator.db"

    stages = visit_kills.loop(tmp_path, url, KILLS // 4)

    assert KILLS // 4 == sum(count for stage, count in stages.items() if stage.startswith("SIG"))


def only_small_files():
    """Let no file grow beyond 250 KB, as a disk does that has no more room; the schema alone takes less."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))


def test_a_full_disk_gives_one_message_and_loses_nothing(tmp_path, campus):
    for _ in range(40):
        campus.publish()

    with Program(tmp_path, "db", "upgrade") as upgrade:
        upgrade.wait()
    with Program(tmp_path, "poll", before=only_small_files, schedule__lease_seconds=1) as poll:
        code = poll.wait()

    assert (2, 1) == (code, poll.output.count("make room and start again")), poll.output
    assert "Traceback" not in poll.output
    sleep(1)  # its leases run out: they could not be given back either
    with Program(tmp_path, "poll", "--all") as poll:
        assert 0 == poll.wait(), poll.output
    kills.examine(tmp_path, campus)
    assert sorted(campus.titles) == titles(tmp_path)


def test_a_worker_goes_on_when_another_program_has_let_go_of_the_database(tmp_path, campus):
    with Program(tmp_path, "worker", **kills.QUICK, schedule__lease_seconds=2) as worker:
        until(lambda: kills.stored(tmp_path) == len(campus.titles))
        other = sqlite3.connect(tmp_path / "aggregator.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        campus.publish()
        until(lambda: "stop the other program that writes to it" in worker.output)
        assert len(campus.titles) - 3 == kills.stored(tmp_path)
        other.execute("ROLLBACK")
        other.close()
        until(lambda: kills.stored(tmp_path) == len(campus.titles))
        assert (0, False) == (worker.stop(), "Traceback" in worker.output)

    kills.examine(tmp_path, campus)
    assert sorted(campus.titles) == titles(tmp_path)
