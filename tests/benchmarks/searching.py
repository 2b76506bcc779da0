"""What search costs at a million entries, and whether it finds all: CPU of each kind of question beside LIKE.

    python -m tests.benchmarks.searching --folder DIR [--entries 1000000] [--database postgresql+psycopg://...] [--rounds 40]

Takes DIR/aggregator.db of tests.benchmarks.archive, or makes it; indexes what is not indexed yet and says what that cost.
Of PostgreSQL only the program's own CPU is counted, and wall time beside it.
"""

import argparse
import random
import resource
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, process_time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from aggregator.question import parse
from aggregator.store import Store
from tests.benchmarks import archive
from tests.benchmarks.prose import BODIES, GIVEN, SURNAMES, THINGS

ZONE = ZoneInfo("Asia/Shanghai")
BATCH = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--entries", type=int, default=archive.ENTRIES)
    parser.add_argument("--database", help="the address of a database, instead of the file in DIR")
    parser.add_argument("--rounds", type=int, default=40, help="questions of each kind")
    asked = parser.parse_args()
    store = Store(asked.database or f"sqlite:///{asked.folder}/aggregator.db")
    if store.schema() is None:
        asked.folder.mkdir(parents=True, exist_ok=True)
        archive.build(store, asked.entries)
    store.upgrade()
    index(store)
    print(f"{store.entries.count():,} entries, index {index_bytes(store) / 1e6:,.0f} MB")
    print(f"{'CPU ms of 20 entries (wall)':<44}{'p50':>8}{'p95':>8}{'hits':>8}")
    for kind, questions, options in kinds(store, asked.rounds):
        figures(kind, [one(store, question, options) for question in questions])
    figures("LIKE, two letters, any of a text", [like(store, question) for question in pairs(store, 5)])
    figures("LIKE, a name", [like(store, question) for question in ("王子轩", "鑫磊")])
    recall(store)


def index(store: Store) -> None:
    """Index what waits; CPU per entry, with the first ones apart: an index that is large costs more."""
    with store.read() as connection:
        held = connection.execute(text("SELECT count(*) FROM search_doc")).scalar_one()
    if not held and not store.index.behind(1):
        store.index.rebuild()
    done, began = 0, process_time()
    while count := store.index.catch_up(BATCH):
        done += count
        if done % 100_000 == 0:
            print(f"indexed {done:,}: {(process_time() - began) / done * 1e6:.0f} us CPU an entry", flush=True)
    if done > 10_000:
        print(f"indexed {done:,}: {(process_time() - began) / done * 1e6:.0f} us CPU an entry", flush=True)
        began = process_time()
        store.index.tidy()
        print(f"joined the index: {process_time() - began:.0f} s CPU")


def index_bytes(store: Store) -> int:
    if store.is_sqlite:
        query = "SELECT sum(length(block)) FROM search_text_data"
    else:
        query = "SELECT pg_relation_size('ix_search_text_words')"
    with store.read() as connection:
        return int(connection.execute(text(query)).scalar_one())


def kinds(store: Store, rounds: int) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    draw = random.Random(5)

    def drawn(make: Any) -> list[str]:
        return [make() for _ in range(rounds)]

    names = drawn(lambda: draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=2)))
    two = pairs(store, rounds)
    both = [f"{one} {other}" for one, other in zip(two, pairs(store, rounds, 6), strict=True)]
    yield "two letters, any of a text", two, {}
    yield "two letters, with texts", two, {"bodies": True}
    yield "two letters, counted", two, {"count": True}
    yield "two letters, a page of 2019", two, {"before": "1560000000-0"}
    yield "a name", names, {}
    yield "an office (3 to 12 letters)", drawn(lambda: draw.choice(BODIES)), {}
    yield "a phrase (4 to 14 letters)", drawn(lambda: draw.choice(THINGS)), {}
    yield "two words", both, {}
    yield "a word without another", [one.replace(" ", " -") for one in both], {}
    yield "a word of a tag", [f"{one} tag:话题{draw.randint(60, 1900)}" for one in two], {}
    yield "a word of a university", [f"{one} university:{archive.university(n % 60)}" for n, one in enumerate(two)], {}
    yield "a word of a month", [f"{one} since:2018-05 until:2018-05" for one in two], {}
    yield "one letter", drawn(lambda: draw.choice("碳学大水新校院图")), {}
    yield "a number", drawn(lambda: str(draw.randint(10, 990))), {}
    yield "a word that is nowhere", ["鑫磊", "魑魅", "zzzz", "量子鸭"], {}
    yield "two letters by relevance", two, {"order": "relevance"}
    yield "an office by relevance", drawn(lambda: draw.choice(BODIES)), {"order": "relevance"}
    yield "two words by relevance", both, {"order": "relevance"}


def pairs(store: Store, count: int, seed: int = 4) -> list[str]:
    """Two neighbouring letters of texts drawn at random: as common as letters in texts are."""
    draw, found = random.Random(seed), list[str]()
    ids = [draw.randint(1, store.entries.count()) for _ in range(count)]
    for one in store.entries.of(ids, bodies=True):
        letters = one.text
        while True:
            place = draw.randrange(len(letters) - 1)
            pair = letters[place : place + 2]
            if all("\u4e00" <= letter <= "\u9fff" for letter in pair):
                found.append(pair)
                break
    return found


def one(store: Store, question: str, options: dict[str, Any]) -> tuple[float, float, int]:
    began, wall = cpu(), monotonic()
    found = store.search.find(parse(question, ZONE), **options)
    return cpu() - began, monotonic() - wall, len(found.entries)


def like(store: Store, question: str) -> tuple[float, float, int]:
    query = text(
        "SELECT id FROM entry JOIN entry_body ON entry_id = id WHERE title LIKE :like OR text LIKE :like "
        "ORDER BY sort DESC, id DESC LIMIT 20"
    )
    began, wall = cpu(), monotonic()
    with store.read() as connection:
        rows = connection.execute(query, {"like": f"%{question}%"}).all()
    return cpu() - began, monotonic() - wall, len(rows)


def figures(kind: str, taken: list[tuple[float, float, int]]) -> None:
    times, walls = (sorted(one[which] * 1000 for one in taken) for which in (0, 1))
    p50, p95 = len(times) // 2, min(len(times) * 95 // 100, len(times) - 1)
    hits = sum(one[2] for one in taken) / len(taken)
    print(
        f"{kind:<44}{times[p50]:>8.2f}{times[p95]:>8.2f}{hits:>8.1f}   ({walls[p50]:.2f}, {walls[p95]:.2f})", flush=True
    )


def recall(store: Store, sample: int = 20_000) -> None:
    """Of the newest *sample* entries: those that hold two letters against those that the search for these finds."""
    entries = store.entries.newest(sample, bodies=True)
    until = min(one.sort for one in entries)
    truth = found = right = 0
    for pair in pairs(store, 25, 8):
        holders = {one.id for one in entries if one.sort > until and (pair in one.title or pair in one.text)}
        hits = {one.id for one in store.search.find(parse(pair, ZONE), limit=sample).entries if one.sort > until}
        truth, found, right = truth + len(holders), found + len(hits), right + len(holders & hits)
    print(f"recall {right / truth:.6f}, precision {right / max(found, 1):.6f} of {truth:,} hits of 25 words")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
