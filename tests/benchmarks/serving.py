"""What an answer costs: CPU of the server for a stored feed, its 304 and pages, beside a bare Flask app in granian.

    python -m tests.benchmarks.serving [--seconds 3]

Each line is a ratio within this one run, too. wrk asks where it is installed, else a thread of ours (slower, but what
is counted is the server's CPU). nginx serves the same bytes as a file where it is installed. Then the cold render of a
feed of 50 entries beside plain feedgen on the same entries.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time, sleep

from feedgen.feed import FeedGenerator

from aggregator.model import FeedInfo
from aggregator.publish import FORMATS
from aggregator.store import Store
from tests.newsroom import NOW, SITE_URL, body, rules, story, visit
from tests.test_cli import free_port

ENTRIES = 600
TICKS = os.sysconf("SC_CLK_TCK")
HELLO = """
from flask import Flask
app = Flask("hello")

@app.get("/")
def hello():
    return {body!r}
"""
BARE = """
import sys; sys.path.insert(0, {folder!r})
from granian.server import Server
Server("hello:app", "127.0.0.1", {port}, interface="wsgi", blocking_threads=8, websockets=False, log_enabled=False).serve()
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{}} http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
uwsgi_temp_path {folder}; scgi_temp_path {folder}; server {{ listen 127.0.0.1:{port}; root {folder}/public; }} }}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    seconds = parser.parse_args().seconds
    with TemporaryDirectory() as name:
        folder = Path(name)
        slug = fill(folder)
        feed = "/tags/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6.atom"
        with ours(folder) as (pid, port):
            content, etag = got(port, feed)
            _, packed = got(port, feed, {"Accept-Encoding": "gzip"})
            lines = [
                ("stored feed 200", pid, port, feed, {}),
                ("stored feed 200 gzip", pid, port, feed, {"Accept-Encoding": "gzip"}),
                ("stored feed 304", pid, port, feed, {"If-None-Match": etag}),
                ("stored feed 304 gzip", pid, port, feed, {"Accept-Encoding": "gzip", "If-None-Match": packed}),
                ("landing page", pid, port, "/", {}),
                ("landing page gzip", pid, port, "/", {"Accept-Encoding": "gzip"}),
                ("entry page", pid, port, f"/entries/{slug}/", {}),
            ]
            with bare(folder, "hello") as (hello, hello_port), bare(folder, content) as (same, same_port):
                lines += [
                    ("bare Flask, hello", hello, hello_port, "/", {}),
                    ("bare Flask, the feed's bytes", same, same_port, "/", {}),
                ]
                base = None
                print(f"{'':32} {'ms CPU':>8} {'requests/s':>11}   the feed has {len(content.encode())} bytes")
                for what, *target in [*lines[-2:], *lines[:-2]]:
                    cost, rate = measured(seconds, *target)
                    base = base or cost
                    print(f"{what:32} {cost:8.3f} {rate:11.0f}   x {cost / base:.2f} of bare Flask")
        if shutil.which("nginx"):
            with nginx(folder, content) as (pid, port):
                cost, rate = measured(seconds, pid, port, "/feed.atom", {})
                print(f"{'nginx, the same bytes':32} {cost:8.3f} {rate:11.0f}   x {cost / base:.2f} of bare Flask")
        render(folder)


def fill(folder):
    """A database of news; the slug of one."""
    store = Store(f"sqlite:///{folder}/aggregator.db")
    store.upgrade()
    store.sources.sync(rules(), NOW)
    html = body("http://haitang.example/p.jpg") * 2
    news = [story(n, hours=n / 3, html=html, tags=("海棠大学", ("要闻", "通知")[n % 2])) for n in range(ENTRIES)]
    store.entries.record([visit(1, *news)])
    store.close()
    return news[5].slug


@contextmanager
def ours(folder):
    env = os.environ | {
        "AGGREGATOR_INSTANCE": str(folder), "AGGREGATOR_SITE__URL": SITE_URL, "AGGREGATOR_WEB__PORT": str(free_port())
    }  # fmt: skip
    command = [sys.executable, "-m", "aggregator", "web"]
    with running(command, int(env["AGGREGATOR_WEB__PORT"]), env) as found:
        yield found


@contextmanager
def bare(folder, content):
    port = free_port()
    place = folder / f"bare-{port}"
    place.mkdir()
    (place / "hello.py").write_text(HELLO.format(body=content), "utf-8")
    program = BARE.format(folder=str(place), port=port)
    env = os.environ | {"PYTHONPATH": f"{place}:{os.environ.get('PYTHONPATH', '')}"}
    with running([sys.executable, "-c", program], port, env) as found:
        yield found


@contextmanager
def nginx(folder, content):
    port = free_port()
    (folder / "public").mkdir()
    (folder / "public" / "feed.atom").write_text(content, "utf-8")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port), "utf-8")
    with running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], port, os.environ) as found:
        yield found


@contextmanager
def running(command, port, env):
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_it_answers(port)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def until_it_answers(port):
    for _ in range(600):
        with suppress(OSError):
            got(port, "/")
            return
        sleep(0.1)
    raise SystemExit(f"nothing answers at port {port}")


def got(port, path, headers=None):
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    is_text = "Content-Encoding" not in answer.headers
    return content.decode() if is_text else content, answer.headers.get("ETag")


def measured(seconds, pid, port, path, headers):
    """(milliseconds of CPU a request, requests a second), all processes of the server together."""
    load(0.3, port, path, headers)
    before = cpu(pid)
    count, took = load(seconds, port, path, headers)
    return (cpu(pid) - before) / count * 1000, count / took


def load(seconds, port, path, headers):
    """How many requests were answered in how many seconds."""
    if not shutil.which("wrk"):
        return asked(seconds, port, path, headers)
    options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", "-c16", f"-d{max(seconds, 1):g}s", *options, f"http://127.0.0.1:{port}{path}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+) requests in ([\d.]+)s", output)
    assert found, output
    assert "Non-2xx" not in output or headers, output
    return int(found[1]), float(found[2])


def asked(seconds, port, path, headers):
    connection, count, started = HTTPConnection("127.0.0.1", port), 0, monotonic()
    while monotonic() - started < seconds:
        connection.request("GET", path, headers=headers)
        connection.getresponse().read()
        count += 1
    connection.close()
    return count, monotonic() - started


def cpu(pid):
    """Seconds of CPU of a process and its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(cpu(int(child)) for child in children)


def render(folder):
    """A feed of 50 entries, made anew, beside feedgen alone."""
    store = Store(f"sqlite:///{folder}/aggregator.db")
    entries = store.entries.newest(50, bodies=True)
    store.close()
    info = FeedInfo("tag:x,2026:y", "海棠", f"{SITE_URL}/", f"{SITE_URL}/feed.atom", SITE_URL, NOW - timedelta(days=1))
    alone = best(lambda: plain(info, entries))
    print(f"\n{'cold render of 50 entries':32} {'ms CPU':>8}")
    print(f"{'plain feedgen, Atom':32} {alone:8.2f}")
    for extension, chosen in FORMATS.items():
        cost = best(lambda chosen=chosen: chosen.render(info, entries))
        print(f"{extension:32} {cost:8.2f}   x {cost / alone:.2f} of plain feedgen")


def plain(info, entries):
    """What feedgen makes of as much as it can say."""
    feed = FeedGenerator()
    feed.id(info.id)
    feed.title(info.title)
    feed.updated(info.updated)
    feed.link(href=info.url)
    for entry in entries:
        one = feed.add_entry(order="append")
        one.id(entry.atom_id)
        one.title(entry.title)
        one.updated(entry.updated)
        one.published(entry.published)
        one.author(name=entry.author or entry.source.university)
        one.link([{"href": f"{SITE_URL}/entries/{entry.slug}/"}, {"href": entry.url, "rel": "via"}])
        for tag in entry.tags:
            one.category(term=tag, label=tag)
        one.summary(entry.summary)
        one.content(entry.html, type="html")
    return feed.atom_str()


def best(work, times=30):
    """Milliseconds of CPU, of the quickest of some turns."""
    costs = []
    for _ in range(times):
        started = process_time()
        work()
        costs.append(process_time() - started)
    return min(costs) * 1000


if __name__ == "__main__":
    main()
