"""What readers' questions cost on a database of many years, beside the plain sqlite3 queries on the same data.

    python -m tests.benchmarks.archive --folder DIR
    python -m tests.benchmarks.asking --folder DIR [--rounds 200]

Prints CPU milliseconds: median and 95th percentile of ours, the median of sqlite3 alone, and the ratio of the two. Ours
gives whole entries with source and tags; sqlite3 alone fetches the same rows as tuples. Every round asks for another
place of the list, so that no answer is known beforehand.
"""

import argparse
import random
import sqlite3
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

from aggregator.query import EVERYTHING, Selection, parse
from aggregator.store import Store
from aggregator.store.entries import Cursor
from tests.benchmarks.archive import END, SOURCES, UNIVERSITIES, YEARS, tag_name, university

LENGTH = 50
DAY = timedelta(days=1)
HOT, WARM, MID = (tag_name(rank) for rank in (1, 2, 20))

# sqlite3 alone: the ids of a page by the place it is asked from, then its rows
NEWEST = "ORDER BY sort DESC, id DESC LIMIT 50"
TAGGED = "SELECT sort, entry_id AS id FROM entry_tag AS a WHERE tag_id = {} AND sort < :place"
ALSO = "EXISTS (SELECT 1 FROM entry_tag AS b WHERE b.tag_id = {} AND b.sort = a.sort AND b.entry_id = a.entry_id)"
OF_SOURCE = "SELECT sort, id FROM entry WHERE source_id = {} AND sort < :place"
ROWS = (
    "SELECT entry.*, source.name, source.title, source.url, university FROM entry JOIN source ON source.id = source_id"
    " WHERE entry.id IN ({}) ORDER BY sort DESC, entry.id DESC",
    "SELECT entry_id, name FROM entry_tag JOIN tag ON tag.id = tag_id WHERE entry_id IN ({})",
    "SELECT * FROM entry_body WHERE entry_id IN ({})",
)


def together(queries: Sequence[str]) -> str:
    return " UNION ".join(f"SELECT * FROM ({query} {NEWEST})" for query in queries)


# label, ours, sqlite3's query for the ids
LISTS = (
    ("everything", EVERYTHING, "SELECT sort, id FROM entry WHERE sort < :place"),
    ("the hottest tag", Selection(parse(HOT)), TAGGED.format(1)),
    (
        "hot+warm+mid",
        Selection(parse(f"{HOT}+{WARM}+{MID}")),
        f"{TAGGED.format(20)} AND {ALSO.format(1)} AND {ALSO.format(2)}",
    ),
    ("hot|warm|mid", Selection(parse(f"{HOT}|{WARM}|{MID}")), together([TAGGED.format(id_) for id_ in (1, 2, 20)])),
    (
        "hot-warm-mid",
        Selection(parse(f"{HOT}-{WARM}-{MID}")),
        f"{TAGGED.format(1)} AND NOT {ALSO.format(2)} AND NOT {ALSO.format(20)}",
    ),
    (
        "a university",
        Selection(university=university(3)),
        together([OF_SOURCE.format(id_) for id_ in range(4, SOURCES + 1, UNIVERSITIES)]),
    ),
    ("a source", Selection(source="s7"), OF_SOURCE.format(8)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=200)
    asked = parser.parse_args()
    file = asked.folder / "aggregator.db"
    if not file.is_file():
        sys.exit(f"there is no {file}: make it with python -m tests.benchmarks.archive --folder {asked.folder}")
    store, plain = Store(f"sqlite:///{file}"), sqlite3.connect(file)
    days = _days(asked.rounds)
    places = [int(day.timestamp()) + 43_200 for day in days]
    print(f"{store.entries.count():,} entries; CPU ms{'':<34}median      p95   sqlite3   ratio")
    for label, selection, query in LISTS:
        pages = partial(_page, store, selection)
        _report(f"newest {LENGTH} with bodies of {label}", pages, partial(_rows, plain, f"{query} {NEWEST}"), places)
    of_day = "SELECT sort, id FROM entry WHERE sort >= :place - 43200 AND sort < :place + 43200"
    for length in (30, LENGTH):
        limited = f"{of_day} {NEWEST}".replace("50", str(length))
        alone = partial(_rows, plain, limited, bodies=False)
        _report(f"{length} of a day, without bodies", partial(_day, store, length), alone, places)
    monday = END - 3 * DAY
    spans, chart = [monday, END - DAY, END], [END - number * DAY for number in range(14, -1, -1)]
    counts = store.counts
    for label, ask in (
        ("landing: 12 entries", lambda _: store.entries.newest(12)),
        ("landing: entries of 14 days, and of a week", lambda _: (counts.between(chart), counts.between(spans))),
        ("landing: universities", lambda _: counts.by_university(spans)),
        ("landing: tags", lambda _: counts.by_tag(spans, 24)),
        ("landing: size", lambda _: counts.size()),
    ):
        _report(label, ask, None, places)


def _days(count: int) -> list[Any]:
    draw = random.Random(1)
    return [END - DAY * draw.randint(1, 365 * (YEARS - 1)) for _ in range(count)]


def _page(store: Store, selection: Selection, place: int) -> list[int]:
    return [one.id for one in store.entries.newest(LENGTH, selection, before=Cursor(place, 0), bodies=True)]


def _day(store: Store, length: int, place: int) -> list[int]:
    first = END + timedelta(seconds=place - 43_200 - int(END.timestamp()))
    return [one.id for one in store.entries.between(first, first + DAY, limit=length)]


def _rows(plain: sqlite3.Connection, query: str, place: int, *, bodies: bool = True) -> list[int]:
    ids = [id_ for _, id_ in plain.execute(query, {"place": place})]
    marks = ", ".join("?" * len(ids))
    rows = [plain.execute(rest.format(marks), ids).fetchall() for rest in ROWS[: 3 if bodies else 2]]
    return [row[0] for row in rows[0]]


def _report(
    label: str, ours: Callable[[int], object], alone: Callable[[int], object] | None, places: Sequence[int]
) -> None:
    mine = _times(ours, places)
    line = f"{label:<46}{statistics.median(mine):>12.2f}{sorted(mine)[int(len(mine) * 0.95)]:>9.2f}"
    if alone is not None:
        assert ours(places[0]) == alone(places[0]), f"{label}: not the same entries"
        floor = statistics.median(_times(alone, places))
        line += f"{floor:>10.2f}{statistics.median(mine) / floor:>8.1f}"
    print(line)


def _times(ask: Callable[[int], object], places: Sequence[int]) -> list[float]:
    times = []
    for place in places:
        began = process_time()
        ask(place)
        times.append((process_time() - began) * 1000)
    return times


if __name__ == "__main__":
    main()
