"""CPU of polling feeds or lists, beside the least it can cost, in one run on the same farm.

    python -m tests.benchmarks.polling [--sources 1000] [--memory] [--growth]
    python -m tests.benchmarks.polling --lists 1000

Prints milliseconds of CPU (user and system) a source, start-up apart, and checks that no entry is lost or doubled.
--memory polls 5,000 sources, too; --growth polls beside 20,000 and beside 1,000,000 entries that are stored already.
--lists polls list pages of 20 links whose article pages, about 12 KB each, are fetched and read when they are new.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from aggregator.model import Host, Site, Source, SourceRule
from aggregator.rules.write import site_toml
from aggregator.store import Store
from tests.benchmarks.columns import article
from tests.benchmarks.farm import Kind, address, farm
from tests.benchmarks.stories import ENTRIES, EPOCH

ROUNDS = {"all new": 1, "all 304": 1, "a tenth": 2}  # what is polled -> the farm's edition
MANY = 5000  # sources
STORED = (20_000, 1_000_000)  # entries
LOOKS = 200
FILL = """
WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < :count),
    here(first, sources) AS (SELECT min(id), count(*) FROM source)
INSERT INTO entry (slug, uid, atom_id, source_id, url, title, updated, sort, seen_at, section, summary)
SELECT lower(hex(randomblob(16))), 'old.example.edu.cn/' || n || '.htm', 'tag:old,2025:' || n, first + n % sources,
    'http://old.example.edu.cn/' || n || '.htm', '旧闻 ' || n, '2025-01-01 00:00:00.000000',
    :before - abs(random() % 31000000), '2025-01-01 00:00:00.000000', '[]', '旧闻'
FROM one, here;
INSERT INTO entry_body SELECT id, '<p>旧闻</p>', '旧闻', '[]', '[]' FROM entry;
INSERT INTO tag (name, entry_count) SELECT '农场大学', count(*) FROM entry;
INSERT INTO entry_tag SELECT tag.id, sort, entry.id FROM entry, tag
"""


def cpu(command: list[str], env: dict[str, str] | None = None) -> tuple[float, float]:
    """(CPU seconds, peak memory in MB) of *command*, which must succeed."""
    process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)[:100]} failed with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--lists", type=int, metavar="N", help="poll N lists instead of feeds")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    if options.lists:
        port = _free_port()
        kb = sum(len(article(id_)) for id_ in range(ENTRIES)) / ENTRIES / 1000
        print(f"lists of {ENTRIES} links to pages of {kb:.0f} KB")
        _show_slope(*(Measured(count, port, kind="list") for count in (max(options.lists // 10, 1), options.lists)))
        return
    count, few, port = options.sources, max(options.sources // 10, 1), _free_port()
    small, large = Measured(few, port), Measured(count, port)
    print(f"feeds of {ENTRIES} entries, {large.kib:.0f} KiB")
    _show_slope(small, large)
    library, _ = cpu([sys.executable, "-c", "import sqlmodel"])
    print(
        f"start-up: `aggregator poll` with nothing due {small.start:.2f} s, of which `import sqlmodel` is {library:.2f} s"
    )
    print(f"asking what is due, with nothing due, of {count} sources: {large.look:.2f} ms")
    if options.memory:
        _show_slope(small, Measured(MANY, port))
    if options.growth:
        print(f"stored before    CPU ms a source of {count} sources, start-up apart: {', '.join(ROUNDS)}")
        for stored in STORED:
            grown = Measured(count, port, stored)
            print(
                f"{stored:<17}" + "".join(f"{(seconds - grown.start) * 1000 / count:>8.2f}" for seconds in grown.ours)
            )


def _show_slope(small: "Measured", large: "Measured") -> None:
    more = large.count - small.count
    print(f"CPU ms a source: the slope from {small.count} to {large.count} sources")
    print(f"{'round':<10}{'ours':>8}{'floor':>8}{'ratio':>8}{'peak MB':>9}{'entries':>9}")
    for label, few_ours, ours, few_least, least, memory, entries in zip(
        ROUNDS, small.ours, large.ours, small.floor, large.floor, large.memory, large.entries, strict=True
    ):
        slope, limit = (ours - few_ours) * 1000 / more, (least - few_least) * 1000 / more
        print(f"{label:<10}{slope:>8.2f}{limit:>8.2f}{slope / limit:>8.1f}{memory:>9.0f}{entries:>9}")


class Measured:
    """CPU seconds of each of ROUNDS for *count* sources, of ours and of the floor, on the same farm.

    *stored* entries of other addresses are in the database before the first round.
    """

    def __init__(self, count: int, port: int, stored: int = 0, kind: Kind = "feed") -> None:
        self.count = count
        self.kind = kind
        self.ours: list[float] = []
        self.floor: list[float] = []
        self.memory: list[float] = []
        self.entries: list[int] = []
        with tempfile.TemporaryDirectory() as folder:
            self._measure(Path(folder), port, stored)

    def _measure(self, folder: Path, port: int, stored: int) -> None:
        sources = tuple(
            SourceRule(name=f"farm-{n}", title=f"农场 {n}", url=address(n, port, self.kind), kind=self.kind)
            for n in range(self.count)
        )
        site = Site("farm", "农场大学", sources=sources)
        (folder / "sites").mkdir()
        (folder / "sites" / "farm.toml").write_text(site_toml(site), "utf-8")
        env = {
            "AGGREGATOR_INSTANCE": str(folder),
            "AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS": "true",
            "AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS": "0",
            "PYTHONDONTWRITEBYTECODE": "",  # compiled once, as what is installed is
        }
        poll = [sys.executable, "-m", "aggregator", "poll"]
        told = [str(folder / "floor.db"), str(port), str(self.count), self.kind]
        floor = [sys.executable, "-m", "tests.benchmarks.floor", *told]
        cpu([sys.executable, "-m", "aggregator", "db", "upgrade"], env)
        store = Store(f"sqlite:///{folder}/aggregator.db")
        if stored:
            store.sources.sync([(site, source) for source in sources], datetime.now(UTC))
            _fill(store, stored)
        for label, round_ in ROUNDS.items():
            with farm(self.count, round_, port, self.kind) as size:
                self.floor.append(cpu(floor)[0])
                seconds, memory = cpu([*poll, *(source.name for source in sources)], env)
            self.ours.append(seconds)
            self.memory.append(memory)
            self.entries.append(store.entries.count() - stored)
            expected = self.count * ENTRIES + (-(-self.count // 10) if round_ == 2 else 0)
            if self.entries[-1] != expected:
                sys.exit(f"{label}: {self.entries[-1]} entries stored, not {expected}")
        self.kib = size / self.count / 1024
        _switch_off_the_shipped(store)
        self.start = cpu(poll, env)[0]  # nothing is due now
        began = time.process_time()
        for _ in range(LOOKS):
            now = datetime.now(UTC)
            store.leases.claim("benchmark", now, now + timedelta(hours=1), 64, 20)
        self.look = (time.process_time() - began) * 1000 / LOOKS
        store.close()


def _fill(store: Store, count: int) -> None:
    """Store *count* entries that no feed of the farm has, evenly over its sources and the year before it began."""
    with store.write() as connection:
        for statement in FILL.split(";"):
            connection.exec_driver_sql(statement, {"count": count, "before": int(EPOCH.timestamp())})


def _free_port() -> int:
    """A port nobody listens on: two runs at once must not share their farms."""
    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


def _switch_off_the_shipped(store: Store) -> None:
    """Let no source but the farm's be due: they cannot be reached, and are not what is measured."""
    with store.write() as connection:
        far = datetime.now(UTC) + timedelta(hours=1)
        connection.execute(update(Source.__table__).where(~Source.name.startswith("farm-")).values(next_poll_at=far))
        connection.execute(update(Host.__table__).values(next_at=far))


if __name__ == "__main__":
    main()
