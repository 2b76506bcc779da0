"""The site as files: served by a plain server and crawled, written again after news, and what stays untouched."""

import gzip
import json
import os
import re
import sqlite3
import threading
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urljoin, urlsplit

import feedparser
import pytest
from lxml import etree, html

from aggregator.errors import SettingsError
from aggregator.settings import at_address
from aggregator.web.freeze import freeze
from aggregator.web.manifest import NAME, opened
from aggregator.web.paths import segment
from tests.newsroom import NOW, SITE_URL, empty_store, fill, settings, story, visit

# no file system takes them as they are, or they would stand where something else does
ODD = ("甲/乙", "..", "x.atom", "x", "index.html", "问？答?#1%", "长" * 90, "~a", ".hidden", "a b", "C++", "before")
# what a browser or a reader follows
LINKS = ("//*[@href]/@href", "//*[@src]/@src")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder):
    """*folder* on a plain web server; its host and port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as found:
        fill(found)
        yield found


def many(store, number, *, tags=("海棠大学", "要闻"), source=1, first=1000, hours=1.0):
    """*number* entries more, each *hours* older than the one before."""
    news = [story(first + one, hours=20 + one * hours, tags=tags, html="<p>短</p>") for one in range(number)]
    store.entries.record([visit(source, *news)])


def export(store, tmp_path, *, now=NOW, folder="public", **options):
    config = settings(tmp_path, **options.pop("site", {}))
    return freeze(config, store, tmp_path / folder, lambda: now, **options)


def files(folder):
    """Path -> (bytes, time of change) of every file but our own notes."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def changed(before, after):
    return {path for path in after if before.get(path) != after[path]}


def bytes_of(found):
    return {path: body for path, (body, _) in found.items()}


def links(path, body):
    if path.endswith((".atom", ".rss", ".xml", ".opml")):
        document = etree.fromstring(body)
        found = [value for one in document.iter() for name, value in one.attrib.items() if name.endswith("href")]
        found += [one.get(name) for one in document.iter() for name in ("htmlUrl", "xmlUrl") if one.get(name)]
        return found + [one.text for one in document.iter("{*}loc", "link") if one.text]
    if path.endswith("feed.json") or "/before/" in path and path.endswith(".json"):
        feed = json.loads(body)
        return [feed["home_page_url"], feed["feed_url"], *filter(None, [feed.get("next_url")])]
    if path.endswith((".webmanifest",)):
        return [icon["src"] for icon in json.loads(body)["icons"]]
    if path.endswith("/"):
        page = html.fromstring(body)
        return [value for query in LINKS for value in page.xpath(query)]
    return []


def crawl(address, root=""):
    """Every path that links lead to from the front page on, with its body. Asserts that each is there."""
    connection = HTTPConnection(*address)
    waiting, seen, found = deque([f"{root}/", f"{root}/robots.txt", f"{root}/sitemap.xml"]), set(), {}
    while waiting:
        path = waiting.popleft()
        if path in seen:
            continue
        seen.add(path)
        connection.request("GET", path.removeprefix(root))
        answer = connection.getresponse()
        body = answer.read()
        assert 200 == answer.status, path
        found[path] = body
        for link in links(path, body):
            there = urlsplit(urljoin(SITE_URL + path, link))
            if f"{there.scheme}://{there.netloc}" == SITE_URL:
                assert "?" not in link or there.path.startswith(f"{root}/static/"), (path, link)
                assert there.path.startswith(root), (path, link)
                waiting.append(there.path)
    connection.close()
    return found


def test_every_link_leads_to_a_file_and_every_file_is_linked(store, tmp_path):
    many(store, 130)
    for number, tag in enumerate(ODD):
        store.entries.record([visit(2, story(5000 + number, hours=number, tags=("要闻", tag)))])
    export(store, tmp_path)
    with served(tmp_path / "public") as address:
        found = crawl(address)
    written = {"/" + path.removesuffix("index.html") for path in files(tmp_path / "public")}
    from urllib.parse import unquote

    unlinked = written - {unquote(path) for path in found} - {"/404.html", "/robots.txt"}
    assert set() == {path for path in unlinked if not path.endswith((".rss", ".json"))}
