"""The least that polling feeds can cost in Python: sockets, lxml and sqlite3 without a single feature.

``python -m tests.benchmarks.floor DATABASE PORT COUNT`` polls once; run as a process of its own.
"""

import socket
import sqlite3
import sys

from lxml import etree

from tests.benchmarks.farm import host

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"


def main(path: str, port: int, count: int) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "CREATE TABLE IF NOT EXISTS source (id INTEGER PRIMARY KEY, etag TEXT);"
        "CREATE TABLE IF NOT EXISTS entry (source, guid, title, link, date, html, UNIQUE (source, guid));"
    )
    etags = dict(database.execute("SELECT id, etag FROM source"))
    for start in range(0, count, 50):
        database.execute("BEGIN IMMEDIATE")
        for number in range(start, min(start + 50, count)):
            etag, body = _ask(number, port, etags.get(number))
            if body:
                rows = [(number, *row) for row in _rows(body)]
                database.executemany("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows)
            database.execute("INSERT OR REPLACE INTO source VALUES (?, ?)", (number, etag))
        database.execute("COMMIT")
    database.close()


def _ask(number: int, port: int, etag: str | None) -> tuple[str, bytes]:
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    with socket.create_connection((host(number), port)) as connection:
        connection.sendall(f"GET /{number}.xml HTTP/1.1\r\nHost: farm\r\n{condition}\r\n".encode())
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
        return fields[b"ETag"].decode(), b"".join(pieces)


def _rows(body: bytes) -> list[tuple[str | None, ...]]:
    root = etree.fromstring(body)
    if root.tag == "rss":
        names = ("guid", "title", "link", "pubDate", CONTENT)
        return [tuple(map(item.findtext, names)) for item in root.iter("item")]
    names = tuple(ATOM + name for name in ("id", "title", "link", "published", "content"))
    return [tuple(map(item.findtext, names)) for item in root.iter(ATOM + "entry")]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
