"""CPU of polling feeds, beside the least it can cost, in one run on the same farm.

    python -m tests.benchmarks.polling [--sources 1000] [--rounds all|new,unchanged,tenth]

Prints milliseconds of CPU (user and system) a source, start-up apart, and checks that no entry is lost or doubled.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update

from aggregator.model import Site, Source, SourceRule
from aggregator.rules.write import site_toml
from aggregator.store import Store
from tests.benchmarks.farm import ENTRIES, address, farm

PORT = 18_000


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
    count = parser.parse_args().sources
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), count)


def _measure(folder: Path, count: int) -> None:
    sources = tuple(
        SourceRule(name=f"farm-{n}", title=f"农场 {n}", url=address(n, PORT), kind="feed") for n in range(count)
    )
    (folder / "sites").mkdir()
    (folder / "sites" / "farm.toml").write_text(site_toml(Site("farm", "农场大学", sources=sources)), "utf-8")
    env = {
        "AGGREGATOR_INSTANCE": str(folder),
        "AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS": "true",
        "AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS": "0",
    }
    names = [source.name for source in sources]
    poll = [sys.executable, "-m", "aggregator", "poll"]
    floor = [sys.executable, "-m", "tests.benchmarks.floor", str(folder / "floor.db"), str(PORT)]

    cpu([sys.executable, "-m", "aggregator", "db", "upgrade"], env)
    store = Store(f"sqlite:///{folder}/aggregator.db")
    floor_start, _ = cpu([*floor, "0"])
    print(f"{count} feeds of {ENTRIES} entries; CPU ms a source, start-up apart (floor {floor_start:.2f} s)")
    print(f"{'round':<12}{'ours':>8}{'floor':>8}{'ratio':>8}{'peak MB':>9}{'entries':>9}")
    start = None
    for label, round_ in (("all new", 1), ("all 304", 1), ("a tenth", 2)):
        with farm(count, round_, PORT) as size:
            floor_cpu, _ = cpu([*floor, str(count)])
            ours_cpu, memory = cpu([*poll, *names], env)
        if start is None:
            _switch_off_the_shipped(store)
            start, _ = cpu(poll, env)  # nothing is due now
        ours, least = (ours_cpu - start) * 1000 / count, (floor_cpu - floor_start) * 1000 / count
        print(f"{label:<12}{ours:>8.2f}{least:>8.2f}{ours / least:>8.1f}{memory:>9.0f}{store.entries.count():>9}")
        expected = count * ENTRIES + (-(-count // 10) if round_ == 2 else 0)
        if store.entries.count() != expected:
            sys.exit(f"{store.entries.count()} entries stored, not {expected}")
    print(f"start-up: `aggregator poll` with nothing due {start:.2f} s; a feed is {size / count / 1024:.0f} KiB")
    store.close()


def _switch_off_the_shipped(store: Store) -> None:
    """Let no source but the farm's be due: they cannot be reached, and are not what is measured."""
    with store.write() as connection:
        far = datetime(2999, 1, 1, tzinfo=UTC)
        connection.execute(update(Source.__table__).where(~Source.name.startswith("farm-")).values(next_poll_at=far))


if __name__ == "__main__":
    main()
