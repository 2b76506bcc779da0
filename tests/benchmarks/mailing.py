"""Mails a CPU second: 10,000 readers of 50 tag sets in two languages, built and handed to a mail server on this machine.

    python -m tests.benchmarks.mailing [--readers 10000] [--sets 50] [--database postgresql+psycopg://...]

The mail server is another process, whose CPU does not count. Beside it: what smtplib alone takes for the same bytes.
"""

import argparse
import resource
import smtplib
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import monotonic, process_time

from sqlalchemy import insert

from aggregator.identity import slug
from aggregator.model import Subscriber
from aggregator.store import Store
from tests.mailing import MORNING, SUBSCRIBED, Room
from tests.newsroom import blank, rules, story, visit
from tests.sink import sink
from tests.university import NOW

ENTRIES = 60  # a day
TOPICS = [f"主题{number}" for number in range(50)]


@contextmanager
def newsroom(
    folder, readers, sets, address=None, begun=MORNING - timedelta(hours=20), every=timedelta(minutes=5), **choice
):
    """A store with news from *begun* on, one *every* so long, under 50 tags, and *readers* of *sets* of them, who have made that *choice*."""
    if address is None:
        (folder / "aggregator.db").write_bytes(blank())
    store = Store(address or f"sqlite:///{folder}/aggregator.db")
    if address:
        store.upgrade()
    store.sources.sync(rules(), NOW)
    news = [
        story(
            number,
            title=f"学校召开第{number}次春季学期重点工作会议，部署教学科研与人才培养任务",
            published=begun + every * number,
            seen_at=begun + every * number + timedelta(minutes=3),
            tags=("海棠大学", *(TOPICS[(number + step) % 50] for step in range(12))),
        )
        for number in range(ENTRIES)
    ]
    store.entries.record([visit(1, *news)])
    add_readers(store, readers, ["", *TOPICS][:sets], **choice)
    yield store
    store.close()


def add_readers(store, readers, sets, **choice):
    rows = [
        {
            "address": f"reader{number}@example.org",
            "address_key": f"reader{number}@example.org",
            "language": "zh" if number % 10 else "en",
            "tags": sets[number % len(sets)],
            "state": "active",
            "asked_at": SUBSCRIBED,
            "confirmed_at": SUBSCRIBED,
            "token_salt": slug(str(number))[:16],
            **choice,
        }
        for number in range(readers)
    ]
    blank_row = Subscriber(address="", address_key="", asked_at=SUBSCRIBED, token_salt="").model_dump(exclude={"id"})
    with store.write() as connection:
        connection.execute(insert(Subscriber), [blank_row | row for row in rows])


def memory():
    """In megabytes, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def bare(mail, count, message):
    """CPU seconds that smtplib takes for *count* mails of the same bytes, with no ledger and nothing personal."""
    spent = process_time()
    with smtplib.SMTP(mail.host, mail.port) as server:
        for number in range(count):
            server.sendmail(mail.sender, [f"bare{number}@example.org"], message)
    return process_time() - spent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--sets", type=int, default=50)
    parser.add_argument("--database")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with newsroom(folder, arguments.readers, arguments.sets, arguments.database) as store, sink(folder / "sink", per_minute=60_000) as (taken, mail):  # fmt: skip
            room = Room(store, folder, taken, mail.model_copy(update={"per_minute": 1e9}))
            first = room.deliverer()
            first.run(Event(), 200)  # warm: templates, statements
            before, spent, began = memory(), process_time(), monotonic()
            halfway = first.run(Event(), arguments.readers // 2)["sent"]
            half = memory()
            came = room.deliverer().run(Event())["sent"] + halfway
            took, cpu, after = monotonic() - began, process_time() - spent, memory()
            mails = taken.taken
            assert arguments.readers == len({one["to"] for one in mails}) == len(mails), len(mails)
            sizes = sorted(one["bytes"] for one in mails)
            alone = bare(
                mail, 1000, b"Subject: x\r\n\r\n" + b"x" * 74 + (b"\r\n" + b"x" * 76) * (sizes[len(sizes) // 2] // 78)
            )
    print(f"{came} mails of {sizes[0] / 1000:.0f} to {sizes[-1] / 1000:.0f} KB, {arguments.sets} tag sets, 2 languages")
    print(f"{cpu:.1f} s of CPU, {came / cpu:.0f} mails a CPU second; {took:.1f} s, {came / took:.0f} a second")
    print(f"memory: {before:.0f} MB at the start, {half:.0f} MB half way, {after:.0f} MB at the end")
    print(f"smtplib alone, the same size, no ledger: {1000 / alone:.0f} a CPU second")


if __name__ == "__main__":
    main()
