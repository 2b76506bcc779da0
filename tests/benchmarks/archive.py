"""A database of many years of news, made in a minute or two: what reading figures are taken on.

    python -m tests.benchmarks.archive --folder DIR [--entries 1000000] [--database postgresql+psycopg://...]

Makes DIR/aggregator.db, or fills the empty database named: 300 sources of 60 universities over ten years; 2,000 tags,
60 of them the universities', the others as Zipf has it: the first on 30 % of the entries, the tenth on 3 %.
"""

import argparse
import json
import random
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import md5
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import text

from aggregator.model import Site, SourceRule
from aggregator.store import Store
from tests.benchmarks.prose import BODIES, Prose

ENTRIES = 1_000_000
END = datetime(2026, 3, 1, tzinfo=UTC)
YEARS = 10
UNIVERSITIES, SOURCES, TAGS = 60, 300, 2000
HOTTEST = 0.3  # the share of entries with the first tag; the tag of rank r has its r-th part
BATCH = 20_000  # rows in one transaction: the log stays short
POLLS = 20  # of a source
DAY = 86_400
UTC8 = 8 * 3600
PLACES = "海棠云岭星湖青岭临江白鹭松原北川沧浪雁荡锦江嘉陵洞庭鄱阳祁连天目武夷岳麓钟山燕山泰岱黄淮汉江珠湾琼州"
KINDS = ("大学", "师范大学", "理工大学")
# indexes are made after the rows: twice as fast
INDEXES = ("ix_entry_sort", "ix_entry_source", "ix_entry_tag_entry")

ENTRY = (
    "id", "slug", "uid", "atom_id", "source_id", "url", "title", "published", "precision", "updated", "sort", "seen_at", "author",
    "origin", "section", "summary", "image",
)  # fmt: skip
BODY = ("entry_id", "html", "text", "images", "attachments")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--database", help="the address of an empty database, instead of the file in DIR")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    began = monotonic()
    store = Store(asked.database or f"sqlite:///{asked.folder}/aggregator.db")
    build(store, asked.entries)
    print(f"{store.name}: {asked.entries:,} entries in {monotonic() - began:.0f} s")
    store.close()


def build(store: Store, entries: int = ENTRIES) -> None:
    """Fill *store*, which is new."""
    store.upgrade()
    store.sources.sync(rules(), END)
    tags = tagged(entries)
    with store.write() as connection:
        definitions = _drop_indexes(connection, store.is_sqlite)
    for table, columns, rows in (
        ("entry", ENTRY, entry_rows(entries)),
        ("entry_body", BODY, body_rows(entries)),
        ("tag", ("id", "name", "entry_count"), ((id_, tag_name(id_), len(tags[id_])) for id_ in tags)),
        ("entry_tag", ("tag_id", "sort", "entry_id"), tag_rows(tags, entries)),
        ("poll", ("source_id", "polled_at", "outcome", "items", "entries", "milliseconds", "status"), poll_rows()),
    ):
        _insert(store, table, columns, rows)
    with store.write() as connection:
        for definition in definitions:
            connection.execute(text(definition))
        if not store.is_sqlite:
            for table in ("entry", "tag"):
                connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
                )


def rules() -> list[tuple[Site, SourceRule]]:
    names = [university(number) for number in range(UNIVERSITIES)]
    sites = [Site(f"u{number}", name, (name[:2] + name[-2] + str(number),)) for number, name in enumerate(names)]
    return [
        (
            sites[number % UNIVERSITIES],
            SourceRule(
                f"s{number}", BODIES[number // UNIVERSITIES] + "新闻", f"http://u{number % 60}.example/{number}/"
            ),
        )
        for number in range(SOURCES)
    ]


def university(number: int) -> str:
    place = number % (len(PLACES) // 2)
    return PLACES[2 * place : 2 * place + 2] + KINDS[number // (len(PLACES) // 2)]


def tag_name(id_: int) -> str:
    """The universities' tags come after the others."""
    number = id_ - 1
    if number >= TAGS - UNIVERSITIES:
        return university(number - TAGS + UNIVERSITIES)
    return f"话题{number}" if number >= len(BODIES) else BODIES[number]


def sort(number: int, entries: int) -> int:
    """When entry *number* is dated; of ten, three have a day only: many entries are dated the same."""
    moment = int(END.timestamp()) - (entries - number) * YEARS * 365 * DAY // entries
    return (moment + UTC8) // DAY * DAY - UTC8 if number % 10 < 3 else moment


@cache
def sources(entries: int) -> array:
    """The source of each entry: some bring much, most little."""
    weights = [1 / (3 + number) for number in range(SOURCES)]
    random.Random(2).shuffle(weights)
    return array("H", random.Random(3).choices(range(1, SOURCES + 1), weights, k=entries))


def tagged(entries: int) -> dict[int, array]:
    """The numbers of the entries of each tag by its id, ascending."""
    draw = random.Random(4)
    tags: dict[int, array] = {}
    for rank in range(1, TAGS - UNIVERSITIES + 1):
        rate, number, found = HOTTEST / rank, -1, array("I")
        while (number := number + 1 + int(draw.expovariate(1) / rate * (1 - rate / 2))) < entries:
            found.append(number)
        tags[rank] = found
    for one in range(UNIVERSITIES):
        tags[TAGS - UNIVERSITIES + 1 + one] = array("I")
    for number, source in enumerate(sources(entries)):
        tags[TAGS - UNIVERSITIES + 1 + (source - 1) % UNIVERSITIES].append(number)
    return {id_: found for id_, found in tags.items() if found}


def entry_rows(entries: int) -> Iterator[Sequence[Any]]:
    prose = Prose()
    for number, source in enumerate(sources(entries)):
        dated = sort(number, entries)
        published = _time(dated)
        url = f"http://u{(source - 1) % UNIVERSITIES}.example/info/{source}/{number}.htm"
        slug = md5(url.encode(), usedforsecurity=False).hexdigest()
        yield (
            number + 1, slug, url.removeprefix("http://"), f"tag:news.example.org,2026:{slug}", source, url, prose.title(), published,
            "day" if number % 10 < 3 else "minute", published, dated, published, "沈知远" if number % 3 else None, None,
            '["新闻中心","学校要闻"]', prose.title(), f"{url}.jpg" if number % 3 == 0 else None,
        )  # fmt: skip


def body_rows(entries: int) -> Iterator[Sequence[Any]]:
    prose = Prose(5)
    for number in range(entries):
        paragraphs = prose.paragraphs()
        url = f"http://u{number % UNIVERSITIES}.example/files/{number}"
        images = json.dumps([f"{url}.jpg"]) if number % 3 == 0 else "[]"
        attachments = json.dumps([{"url": f"{url}.pdf", "title": "附件"}]) if number % 10 == 0 else "[]"
        yield number + 1, "<p>" + "</p><p>".join(paragraphs) + "</p>", "\n".join(paragraphs), images, attachments


def tag_rows(tags: dict[int, array], entries: int) -> Iterator[Sequence[Any]]:
    for id_, found in tags.items():
        for number in found:
            yield id_, sort(number, entries), number + 1


def poll_rows() -> Iterator[Sequence[Any]]:
    for number in range(POLLS, 0, -1):
        polled_at = _time(int((END - timedelta(minutes=30 * number)).timestamp()))
        for source in range(1, SOURCES + 1):
            yield source, polled_at, "unchanged", 0, 0, 40, 304


def _time(moment: int) -> str:
    """As SQLAlchemy stores it in SQLite."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.000000")


def _drop_indexes(connection: Any, is_sqlite: bool) -> list[str]:
    """What makes them again."""
    schema = "SELECT sql FROM sqlite_master" if is_sqlite else "SELECT indexdef FROM pg_indexes"
    column = "name" if is_sqlite else "indexname"
    definitions = []
    for name in INDEXES:
        definitions.append(connection.execute(text(f"{schema} WHERE {column} = :name"), {"name": name}).scalar_one())
        connection.execute(text(f"DROP INDEX {name}"))
    return definitions


def _insert(store: Store, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    if store.path:
        connection = sqlite3.connect(store.path, isolation_level=None)
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-300000")
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        left = iter(rows)
        while batch := list(islice(left, BATCH)):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, batch)
            connection.execute("COMMIT")
        connection.close()
        return
    with store.write() as connection:
        connection.execute(text("SET LOCAL timezone = 'UTC'"))
        driver = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


if __name__ == "__main__":
    main()
