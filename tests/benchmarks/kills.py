"""Kill the service at every step of its polls, again and again: its database must stay whole, its entries exact.

    python -m tests.benchmarks.kills [--kills 200]

Three sources, two hosts; new articles all the time. Half the runs are `aggregator worker`, half `poll --all`; three of
four end by SIGKILL, the others by SIGTERM, each at a random moment after a random number of requests.
"""

import argparse
import random
import signal
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import text

from aggregator.demo.server import University
from aggregator.store import Store
from tests.processes import Program, follow, until

QUICK = {
    "schedule__tick_seconds": 0.05,
    "schedule__min_interval_minutes": 0.0005,
    "schedule__max_interval_minutes": 0.0005,
}
PARAGRAPH = "<p>学校召开会议，部署春季学期重点工作，师生代表参加并提出建议。</p>"


class Campus:
    """Two lists with articles and a feed with full texts, to which ``publish`` adds; *titles* holds what must come."""

    def __init__(self, server):
        self.server = server
        self.titles = []
        self.sources = [
            ("list-a", f"{server.url}/a/", "list"),
            ("list-b", f"{server.url.replace('127.0.0.1', 'localhost')}/b/", "list"),
            ("feed-c", f"{server.url}/c.xml", "feed"),
        ]
        for _ in range(4):
            self.publish()

    def publish(self):
        number = len(self.titles) // 3
        for column in "ab":
            title = f"{column}栏第{number}号新闻：春季学期工作会议召开"
            page = f"<html><body><h1>{title}</h1><p>2025-03-20 09:44</p><div>{PARAGRAPH * 5}</div></body></html>"
            self.server.serve(f"/{column}/{number}.htm", page)
        self.titles += [f"{column}栏第{number}号新闻：春季学期工作会议召开" for column in "abc"]
        for column in "ab":
            rows = "".join(f"<li><a href='{n}.htm'>{column}栏第{n}号新闻：春季学期工作会议召开</a><span>2025-03-20</span></li>" for n in range(number, max(number - 60, -1), -1))  # fmt: skip
            self.server.serve(f"/{column}/", f"<html><body><div><ul>{rows}</ul></div></body></html>")
        items = "".join(
            f"<item><title>c栏第{n}号新闻：春季学期工作会议召开</title><link>{self.server.url}/c/{n}</link>"
            f"<content:encoded><![CDATA[{PARAGRAPH * 5}]]></content:encoded></item>"
            for n in range(number, max(number - 60, -1), -1)
        )
        head = "<rss version='2.0' xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel><title>c</title>"
        self.server.serve("/c.xml", f"{head}{items}</channel></rss>")


def loop(folder, kills, seed=1):
    """Kill *kills* runs; how many died before, among and after their requests. AssertionError where anything is wrong."""
    draw = random.Random(seed)
    stages = Counter()
    with University() as server:
        campus = Campus(server)
        follow(folder, campus.sources)
        for number in range(kills):
            if len(campus.titles) - stored(folder) < 60:  # what a list shows must be enough
                campus.publish()
            before, wanted = len(server.requests), draw.choice((0, 1, 2, 3, 4, 5, 6, 8, 12))
            with Program(folder, *(("worker",), ("poll", "--all"))[number % 2], **QUICK) as program:
                end = monotonic() + 1
                while len(server.requests) - before < wanted and monotonic() < end:
                    sleep(0.001)
                sleep(draw.random() * (0.15 if wanted == 0 else 0.03))
                asked = len(server.requests) - before
                code = program.stop(signal.SIGTERM if number % 4 == 3 else signal.SIGKILL)
                assert "Traceback" not in program.output, program.output
            stages["SIGTERM" if number % 4 == 3 else f"killed, {'no' if not asked else 'some' if asked < 7 else 'all'} requests"] += 1  # fmt: skip
            assert code in (0, 1, -signal.SIGKILL, -signal.SIGTERM), code
            examine(folder, campus)
        with Program(folder, "worker", **QUICK) as program:
            until(lambda: stored(folder) >= len(campus.titles))
            assert program.stop() == 0, program.output
        examine(folder, campus)
        with opened(folder) as store:
            assert sorted(entry.title for entry in store.entries.walk()) == sorted(campus.titles)
    return stages


def examine(folder, campus):
    """The database passes its own check, no entry is there twice or made up, and all counts agree."""
    with opened(folder) as store:
        assert store.check() == []
        titles = Counter(entry.title for entry in store.entries.walk())
        assert set(titles) <= set(campus.titles)
        assert max(titles.values(), default=1) == 1, titles.most_common(3)
        with store.read() as connection:
            (count, bodies, brought) = connection.execute(
                text(
                    "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM entry_body), (SELECT coalesce(sum(entries), 0) FROM poll)"
                )
            ).one()
        assert count == bodies == brought
        assert {tag.entry_count for tag in store.entries.tags()} <= {count}
        store.leases.release_all()  # as the next `worker` would: `poll` waits for the leases of a dead one


def stored(folder):
    with opened(folder) as store:
        return store.entries.count()


@contextmanager
def opened(folder):
    """The store, and no connection to it before or after: the next process must do with what the last one left."""
    store = Store(f"sqlite:///{folder}/aggregator.db")
    store.upgrade()
    yield store
    store.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start = monotonic()
    with tempfile.TemporaryDirectory() as folder:
        stages = loop(Path(folder), arguments.kills, arguments.seed)
    print(f"{arguments.kills} ends, database sound and entries exact after each ({monotonic() - start:.0f} s)")
    for stage, count in sorted(stages.items()):
        print(f"{count:5} {stage}")


if __name__ == "__main__":
    main()
