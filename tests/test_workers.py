"""Several `aggregator worker` processes on one PostgreSQL, and what becomes of the work of one that is killed."""

import os
import signal
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from time import monotonic

from sqlalchemy import text

from aggregator.rules import load
from aggregator.store import Store
from tests.hosts import Hosts, overlaps
from tests.processes import Program, follow, until

LEASE_SECONDS = 8


def worker(folder, url, number, **more):
    settings = {
        "database__url": url,
        "fetch__user_agent": f"worker-{number}",
        "fetch__concurrency": 2,
        "schedule__tick_seconds": 0.2,
        "schedule__lease_seconds": LEASE_SECONDS,
    }
    return Program(folder, "worker", **settings | more)


def check_exact(store, hosts, sources):
    """Every entry of every source is there once, and what is counted is what is there."""
    expected = sorted(title for _, url, _ in sources for title in hosts.titles(url))
    assert expected == sorted(entry.title for entry in store.entries.walk())
    assert [("海棠大学", len(expected))] == [(tag.name, tag.entry_count) for tag in store.entries.tags()]
    states = [state for state in store.sources.all() if state.source.enabled]
    assert len(expected) == sum(poll.entries for state in states for poll in state.polls)


def held_by(store, program):
    """The hosts that the process holds, or held when it was killed, with the ends of its leases."""
    query = text("SELECT name, next_at FROM host WHERE owner LIKE :owner")
    with store.read() as connection:
        return {row.name: row.next_at for row in connection.execute(query, {"owner": f"process {program.pid} on %"})}


def test_one_of_four_workers_is_killed_and_nothing_is_lost_doubled_or_asked_too_early(postgresql, tmp_path):
    with Hosts(24, seconds=0.15) as hosts, ExitStack() as running:
        sources = [(f"s{n}-{m}", f"{url}/{m}.xml", "feed") for n, url in enumerate(hosts.urls) for m in range(5)]
        follow(tmp_path, sources)
        store = Store(postgresql)
        store.upgrade()
        workers = [running.enter_context(worker(tmp_path, postgresql, number)) for number in range(4)]
        until(lambda: "worker-0" in {one.agent for one in hosts.asked} and held_by(store, workers[0]))
        assert -signal.SIGKILL == workers[0].stop(signal.SIGKILL)
        held = held_by(store, workers[0])
        until(lambda: store.entries.count() == 3 * len(sources))
        started = monotonic()
        assert [0, 0, 0] == [one.stop() for one in workers[1:]]
        stopping = monotonic() - started

        assert held
        for host, lease_end in held.items():
            taken_over = [one.begun for one in hosts.asked if one.host == host and one.agent != "worker-0"]
            assert lease_end.timestamp() <= min(taken_over)
        assert [] == overlaps(hosts.asked)
        assert stopping < 10
        assert [] == [one.output for one in workers if "Traceback" in one.output]
        check_exact(store, hosts, sources)
        assert [] == store.leases.holders(datetime.now(UTC))
        store.close()


def test_a_worker_that_slept_over_its_lease_stores_nothing_twice(postgresql, tmp_path):
    with Hosts(4, seconds=0.3) as hosts, ExitStack() as running:
        sources = [(f"s{n}-{m}", f"{url}/{m}.xml", "feed") for n, url in enumerate(hosts.urls) for m in range(4)]
        follow(tmp_path, sources)
        store = Store(postgresql)
        store.upgrade()
        sleeper = running.enter_context(worker(tmp_path, postgresql, 0, schedule__lease_seconds=1))
        until(lambda: hosts.asked)
        os.kill(sleeper.pid, signal.SIGSTOP)
        other = running.enter_context(worker(tmp_path, postgresql, 1))
        until(lambda: store.entries.count() == 3 * len(sources))
        os.kill(sleeper.pid, signal.SIGCONT)
        # stopped within a transaction, it has lost its connection
        told = ("its lease ran out", "is not recorded", "idle-in-transaction")
        until(lambda: any(one in sleeper.output for one in told))

        assert (0, 0) == (sleeper.stop(), other.stop())
        check_exact(store, hosts, sources)
        store.close()


def test_poll_says_who_holds_a_host_and_does_not_poll_beside_it(tmp_path):
    with Hosts(2, seconds=0.1) as hosts:
        follow(tmp_path, [("one", f"{hosts.urls[0]}/0.xml", "feed"), ("two", f"{hosts.urls[1]}/0.xml", "feed")])
        store = Store(f"sqlite:///{tmp_path}/aggregator.db")
        store.upgrade()
        now = datetime.now(UTC)
        store.sources.sync(load(tmp_path).sources, now)
        store.leases.claim_named("process 7 on elsewhere", now, now + timedelta(minutes=1), ["one"])

        with Program(tmp_path, "poll", "one", "two") as poll:
            assert 0 == poll.wait()

        held, free = (url.removeprefix("http://") for url in hosts.urls)
        assert f"{held} is held by process 7 on elsewhere until " in poll.output
        assert {free} == {one.host for one in hosts.asked}
        assert "1 polled: 1 new" in poll.output
        with Program(tmp_path, "poll", "one") as poll:
            assert 0 == poll.wait()
        assert "\n0 polled; 0 new entries" in poll.output
        store.close()


def test_a_process_stopped_within_a_transaction_holds_the_others_up_no_longer_than_half_a_minute(postgresql):
    store = Store(postgresql)
    with store.read() as connection:
        assert "30s" == connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
    store.close()
