"""Kill `aggregator deliver` again and again while it mails: nobody may be forgotten, nobody mailed twice.

    python -m tests.benchmarks.mail_kills [--kills 200] [--readers 10000] [--rate 6000]

Counted at the mail server, which is another process. Every life ends by SIGKILL at a random moment after a random
number of mails; half of the time two lives run side by side. A mail is doubled where the server takes it again.
"""

import argparse
import random
import signal
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from zoneinfo import ZoneInfo

from sqlalchemy import text

from tests.benchmarks.mailing import newsroom
from tests.processes import Program
from tests.sink import sink

SETS = 1


def loop(folder, kills, readers, rate=6000, seed=1):
    """(mails, doubled mails, how the lives ended) after *kills* kills. AssertionError where anybody is forgotten."""
    draw, ends = random.Random(seed), Counter()
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    begun = (now - timedelta(hours=50)).astimezone(UTC)  # two days that are over
    # their hour has just been, and comes again long after this is done
    choice = {"hour": (now - timedelta(hours=2)).hour}
    with (
        newsroom(folder, readers, SETS, begun=begun, every=timedelta(minutes=50), **choice) as store,
        sink(folder / "sink") as (taken, mail),
    ):
        env = {
            "mail__host": mail.host,
            "mail__port": mail.port,
            "mail__tls": "none",
            "mail__sender": mail.sender,
            "mail__per_minute": rate,
            "mail__timeout_seconds": 10,
            "site__url": "https://news.example.org",
        }
        each = max(1, readers // (kills + 1))
        for number in range(kills):
            lives = [Program(folder, "deliver", **env) for _ in range(1 + number % 2)]
            before, wanted, end = taken.count, draw.randrange(2 * each), monotonic() + 20
            while taken.count - before < wanted and monotonic() < end and any(life.is_alive for life in lives):
                sleep(0.001)
            sleep(draw.random() * 0.02)
            for life in lives:
                ends[life.stop(signal.SIGKILL)] += 1
                assert "Traceback" not in life.output, life.output
        sleep(1)  # those who have lost their parents see it
        end = monotonic() + 60
        while "sending" in store.deliveries.counts() and monotonic() < end:  # the last mails in hand
            sleep(0.1)
        for _ in range(20):
            pass_time(store)
            with Program(folder, "deliver", **env) as life:
                assert life.wait(600) == 0, life.output
            if set(store.deliveries.counts()) == {"sent"}:
                break
        assert {"sent": readers} == store.deliveries.counts(), store.deliveries.counts()
        assert store.check() == []
        mails = taken.taken
    by_reader = Counter(one["to"] for one in mails)
    assert readers == len(by_reader), f"{readers - len(by_reader)} forgotten"
    assert readers == len({one["id"] for one in mails}), "a mail was sent again under another Message-ID"
    return len(mails), sum(by_reader.values()) - readers, ends


def pass_time(store):
    """What the dead held, or was to be tried later, is free."""
    with store.write() as connection:
        now = {"now": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")}
        connection.execute(text("UPDATE delivery SET next_try_at = :now WHERE next_try_at IS NOT NULL"), now)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=6000, help="mails a minute of each process")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start = monotonic()
    with tempfile.TemporaryDirectory() as folder:
        mails, doubled, ends = loop(Path(folder), arguments.kills, arguments.readers, arguments.rate, arguments.seed)
    print(f"{arguments.kills} kills, {arguments.readers} readers: {mails} mails taken ({monotonic() - start:.0f} s)")
    print(f"0 lost, {doubled} taken twice, under the same Message-ID; lives ended {dict(ends)}")


if __name__ == "__main__":
    main()
