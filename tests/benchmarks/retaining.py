"""What it costs to delete a year of news from an archive, and to find that nothing is too old.

    python -m tests.benchmarks.retaining --folder DIR [--entries 50000]

Makes an archive of ten years in DIR and deletes its oldest tenth, with what lists, counts and search hold of it.
"""

import argparse
from datetime import timedelta
from pathlib import Path
from time import process_time

from aggregator.model import Terms
from aggregator.store import Store
from tests.benchmarks.archive import END, YEARS, build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--entries", type=int, default=50_000)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path = asked.folder / "retaining.db"
    path.unlink(missing_ok=True)
    store = Store(f"sqlite:///{path}")
    build(store, asked.entries)
    terms = Terms(365 * (YEARS - 1))
    for what in ("deleted", "found that nothing is too old"):
        began = process_time()
        pieces = list(store.retention.pieces(terms, END, END - timedelta(days=40)))
        seconds, gone = process_time() - began, sum(piece.total.entries for piece in pieces)
        rate = f": {gone / seconds:,.0f} entries a CPU second" if gone else f" in {seconds * 1000:.1f} ms of CPU"
        print(f"{what if not gone else f'{gone:,} {what}'}{rate}")
    began = process_time()
    room = store.sizes.room()
    print(f"sizes of {room.total / 1e6:,.0f} MB told in {(process_time() - began) * 1000:.0f} ms of CPU")
    store.close()


if __name__ == "__main__":
    main()
