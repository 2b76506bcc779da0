"""CPU of polling feeds, beside the least it can cost, in one run on the same farm.

    python -m tests.benchmarks.polling [--sources 1000]

Prints milliseconds of CPU (user and system) a source, start-up apart, and checks that no entry is lost or doubled.
"""

import argparse
import os
import socket
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

ROUNDS = {"all new": 1, "all 304": 1, "a tenth": 2}  # what is polled -> the farm's edition


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
    few = max(count // 10, 1)
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        small, large = Measured(Path(folder) / "small", few, port), Measured(Path(folder) / "large", count, port)
    print(f"feeds of {ENTRIES} entries, {large.kib:.0f} KiB; CPU ms a source: the slope from {few} to {count} sources")
    print(f"{'round':<10}{'ours':>8}{'floor':>8}{'ratio':>8}{'peak MB':>9}{'entries':>9}")
    for label, few_ours, ours, few_least, least, memory, entries in zip(
        ROUNDS, small.ours, large.ours, small.floor, large.floor, large.memory, large.entries, strict=True
    ):
        slope, limit = (ours - few_ours) * 1000 / (count - few), (least - few_least) * 1000 / (count - few)
        print(f"{label:<10}{slope:>8.2f}{limit:>8.2f}{slope / limit:>8.1f}{memory:>9.0f}{entries:>9}")
    library, _ = cpu([sys.executable, "-c", "import sqlmodel"])
    print(
        f"start-up: `aggregator poll` with nothing due {small.start:.2f} s, of which `import sqlmodel` is {library:.2f} s"
    )


class Measured:
    """CPU seconds of each of ROUNDS for *count* sources, of ours and of the floor, on the same farm."""

    def __init__(self, folder: Path, count: int, port: int) -> None:
        self.ours: list[float] = []
        self.floor: list[float] = []
        self.memory: list[float] = []
        self.entries: list[int] = []
        sources = tuple(
            SourceRule(name=f"farm-{n}", title=f"农场 {n}", url=address(n, port), kind="feed") for n in range(count)
        )
        (folder / "sites").mkdir(parents=True)
        (folder / "sites" / "farm.toml").write_text(site_toml(Site("farm", "农场大学", sources=sources)), "utf-8")
        env = {
            "AGGREGATOR_INSTANCE": str(folder),
            "AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS": "true",
            "AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS": "0",
        }
        poll = [sys.executable, "-m", "aggregator", "poll"]
        floor = [sys.executable, "-m", "tests.benchmarks.floor", str(folder / "floor.db"), str(port), str(count)]
        cpu([sys.executable, "-m", "aggregator", "db", "upgrade"], env)
        store = Store(f"sqlite:///{folder}/aggregator.db")
        for label, round_ in ROUNDS.items():
            with farm(count, round_, port) as size:
                self.floor.append(cpu(floor)[0])
                seconds, memory = cpu([*poll, *(source.name for source in sources)], env)
            self.ours.append(seconds)
            self.memory.append(memory)
            self.entries.append(store.entries.count())
            expected = count * ENTRIES + (-(-count // 10) if round_ == 2 else 0)
            if self.entries[-1] != expected:
                sys.exit(f"{label}: {self.entries[-1]} entries stored, not {expected}")
        self.kib = size / count / 1024
        _switch_off_the_shipped(store)
        self.start = cpu(poll, env)[0]  # nothing is due now
        store.close()


def _free_port() -> int:
    """A port nobody listens on: two runs at once must not share their farms."""
    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


def _switch_off_the_shipped(store: Store) -> None:
    """Let no source but the farm's be due: they cannot be reached, and are not what is measured."""
    with store.write() as connection:
        far = datetime(2999, 1, 1, tzinfo=UTC)
        connection.execute(update(Source.__table__).where(~Source.name.startswith("farm-")).values(next_poll_at=far))


if __name__ == "__main__":
    main()
