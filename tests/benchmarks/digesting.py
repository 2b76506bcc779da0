"""What a digest costs on a database of many years, beside plain sqlite3 that reads the same rows.

    python -m tests.benchmarks.archive --folder DIR
    python -m tests.benchmarks.digesting --folder DIR [--rounds 20]

Prints CPU milliseconds, medians: the digest made of what is stored, as text, as a page and as a mail (without links),
and sqlite3 alone reading the rows of its entries; how many entries it has, and the mail's size. Writes nothing.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory
from time import process_time

from flask import render_template

from aggregator.editions import Editions
from aggregator.publish.digest import period_bounds
from aggregator.query import Expression, parse
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.web.app import create_app
from aggregator.web.digests import TOLD
from aggregator.web.inlined import NOBODY, draft, plain
from tests.benchmarks.archive import END, tag_name

ROWS = """SELECT entry.*, source.*, (SELECT json_group_array(name) FROM entry_tag JOIN tag ON tag.id = tag_id
          WHERE entry_id = entry.id) FROM entry JOIN source ON source.id = source_id WHERE sort >= ? AND sort < ?"""
ASKED: tuple[tuple[str, Expression | None], ...] = (
    ("day", None),
    ("week", None),
    ("week", parse(tag_name(1))),
    ("week", parse(f"{tag_name(2)}-{tag_name(1)}")),
    ("month", None),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    database = asked.folder / "aggregator.db"
    if not database.is_file():
        sys.exit(f"{database} is missing: make it with `python -m tests.benchmarks.archive --folder {asked.folder}`")
    store = Store(f"sqlite:///{database}")
    # the last whole month, its grace not over: no edition is asked for
    day = (END.replace(day=1) - timedelta(days=10)).date()
    print(f"{'CPU ms':<24}{'made':>8}{'text':>8}{'page':>8}{'mail':>8}{'sqlite3':>9}{'entries':>9}{'mail KB':>9}")
    with TemporaryDirectory() as folder, connect(f"file:{database}?mode=ro", uri=True) as plainly:
        settings = Settings(instance=Path(folder))
        for period, tags in ASKED:
            began, end = period_bounds(period, day, settings.zone)  # type: ignore[arg-type]
            editions = Editions(settings, store, lambda end=end: end)  # type: ignore[misc]
            made = editions.digest(period, day, tags)  # type: ignore[arg-type]
            app = create_app(settings, store)
            with app.test_request_context("/digest/"):
                drawn = draft(made, "zh")
                figures = [
                    _median(lambda: editions.digest(period, day, tags), asked.rounds),  # type: ignore[arg-type]  # noqa: B023
                    _median(lambda: plain(made, "zh"), asked.rounds),  # noqa: B023
                    _median(lambda: render_template("digest.html", digest=made, told=TOLD), asked.rounds),  # noqa: B023
                    _median(lambda: draft(made, "zh"), asked.rounds),  # noqa: B023
                ]
            bounds = (int(began.timestamp()), int(end.timestamp()))
            alone = _median(lambda: plainly.execute(ROWS, bounds).fetchall(), asked.rounds) if tags is None else None  # noqa: B023
            name = f"{period} {tags or ''}"
            sizes = f"{len(made.ids):>9}{len(drawn.parts(NOBODY)[2].encode()) / 1000:>9.0f}"
            print(f"{name:<24}" + "".join(f"{one:>8.1f}" for one in figures) + f"{alone or 0:>9.1f}{sizes}")
    store.close()


def _median(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = process_time()
        work()
        times.append((process_time() - began) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
