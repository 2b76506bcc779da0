"""The least that polling can cost in Python: sockets, lxml or lexbor, and sqlite3, without a single feature.

``python -m tests.benchmarks.floor DATABASE PORT COUNT feed|list`` polls once; run as a process of its own.
"""

import socket
import sqlite3
import sys
from collections.abc import Iterator

from lxml import etree
from selectolax.lexbor import LexborHTMLParser

from tests.benchmarks.farm import Kind, host, path

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"


def main(file: str, port: int, count: int, kind: Kind) -> None:
    database = sqlite3.connect(file, isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "CREATE TABLE IF NOT EXISTS source (id INTEGER PRIMARY KEY, etag TEXT);"
        "CREATE TABLE IF NOT EXISTS entry (source, guid, title, link, date, html, UNIQUE (source, guid));"
    )
    etags = dict(database.execute("SELECT id, etag FROM source"))
    for start in range(0, count, 50):
        database.execute("BEGIN IMMEDIATE")
        for number in range(start, min(start + 50, count)):
            with socket.create_connection((host(number), port)) as connection:
                etag, body = _ask(connection, path(number, kind), etags.get(number))
                if body and kind == "list":
                    known = {guid for (guid,) in database.execute("SELECT guid FROM entry WHERE source = ?", (number,))}
                    rows = list(_articles(connection, body, known))
                else:
                    rows = _rows(body) if body else []
            values = [(number, *row) for row in rows]
            database.executemany("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?)", values)
            database.execute("INSERT OR REPLACE INTO source VALUES (?, ?)", (number, etag))
        database.execute("COMMIT")
    database.close()


def _ask(connection: socket.socket, path: str, etag: str | None = None) -> tuple[str, bytes]:
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: farm\r\n{condition}\r\n".encode())
    answer = bytearray()
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(262_144)
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields.get(b"Content-Length", 0))
    pieces = [body]
    missing = length - len(body)
    while missing > 0:
        pieces.append(connection.recv(262_144))
        missing -= len(pieces[-1])
    return fields.get(b"ETag", b"").decode(), b"".join(pieces)


def _articles(connection: socket.socket, body: bytes, known: set[str]) -> Iterator[tuple[str | None, ...]]:
    for row in LexborHTMLParser(body).css("ul.list li"):
        link, date = row.css_first("a"), row.css_first("span").text()
        address = f"/{link.attributes['href']}"
        if address not in known:
            page = LexborHTMLParser(_ask(connection, address)[1])
            yield address, link.text(), address, date, page.css_first(".v_news_content").html


def _rows(body: bytes) -> list[tuple[str | None, ...]]:
    root = etree.fromstring(body)
    if root.tag == "rss":
        names = ("guid", "title", "link", "pubDate", CONTENT)
        return [tuple(map(item.findtext, names)) for item in root.iter("item")]
    names = tuple(ATOM + name for name in ("id", "title", "link", "published", "content"))
    return [tuple(map(item.findtext, names)) for item in root.iter(ATOM + "entry")]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "list" if sys.argv[4] == "list" else "feed")
