"""What a copy of a database costs: rows a second of CPU, and the memory it takes, for two sizes of one archive.

    python -m tests.benchmarks.copying --folder DIR [--entries 100000] [--database postgresql+psycopg://...]

Makes archives of a tenth and of all the entries in DIR, and copies each into a new SQLite file, or the empty database named.
The search index, which is made anew, is not in the figures.
"""

import argparse
import multiprocessing
import re
from pathlib import Path
from time import process_time

from aggregator.store import Store
from aggregator.store.copying import copy
from tests.benchmarks.archive import build
from tests.postgresql import emptied


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--database", help="the address of an empty database, emptied again")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for entries in (asked.entries // 10, asked.entries):
        original = asked.folder / f"original-{entries}.db"
        if not original.exists():
            store = Store(f"sqlite:///{original}")
            build(store, entries)
            store.close()
        copied = asked.folder / "copy.db"
        copied.unlink(missing_ok=True)
        target = emptied(asked.database) if asked.database else f"sqlite:///{copied}"
        # a process of its own, whose memory is the copy's alone
        one = multiprocessing.get_context("spawn").Process(target=measure, args=(f"sqlite:///{original}", target))
        one.start()
        one.join()


def measure(original: str, target: str) -> None:
    source, into = Store(original), Store(target)
    began, rows = process_time(), 0
    for step in copy(source, into):
        rows += 0 if step.is_check else step.rows
    seconds = process_time() - began
    status = Path("/proc/self/status").read_text("ascii")
    memory = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    print(f"{rows:>9,} rows copied and compared: {rows / seconds:,.0f} a CPU second, {memory:.0f} MB")


if __name__ == "__main__":
    main()
