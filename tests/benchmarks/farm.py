"""A farm of feeds or lists on many loopback addresses, served by a process of its own so that its CPU is not counted.

Round 1 is the first edition of every source; in round 2 every tenth source has one new entry.
"""

import asyncio
import hashlib
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Literal

from tests.benchmarks import columns
from tests.benchmarks.stories import ENTRIES, EPOCH, story

HOSTS = 250
Kind = Literal["feed", "list"]


def feed(number: int, round_: int, base: str) -> bytes:
    """The document of feed *number*: 70 % RSS 2.0, 30 % Atom, newest entry first."""
    first = _newer(number, round_)
    ids = [number * 1000 + entry for entry in range(ENTRIES - 1 + first, first - 1, -1)]
    render = _rss if number % 10 < 7 else _atom
    return render(number, base, [(id_, *story(id_), EPOCH + timedelta(hours=id_ % 1000)) for id_ in ids]).encode()


def _rss(number: int, base: str, stories: list[tuple[int, str, str, datetime]]) -> str:
    items = "".join(
        f"<item><title>{escape(title)}</title><link>{base}/{id_}.htm</link><guid isPermaLink='false'>farm-{id_}</guid>"
        f"<pubDate>{format_datetime(at)}</pubDate><content:encoded><![CDATA[{html}]]></content:encoded></item>"
        for id_, title, html, at in stories
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel><title>农场 {number}</title><link>{base}/</link><description>新闻</description>{items}</channel></rss>"
    )


def _atom(number: int, base: str, stories: list[tuple[int, str, str, datetime]]) -> str:
    entries = "".join(
        f"<entry><title>{escape(title)}</title><link href='{base}/{id_}.htm'/><id>tag:farm,2026:{id_}</id>"
        f"<updated>{at.isoformat()}</updated><published>{at.isoformat()}</published>"
        f"<content type='html'>{escape(html)}</content></entry>"
        for id_, title, html, at in stories
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>农场 {number}</title>'
        f"<id>tag:farm,2026:{number}</id><updated>2026-03-02T00:00:00Z</updated>{entries}</feed>"
    )


def _newer(number: int, round_: int) -> int:
    """How many entries source *number* has that its first edition had not."""
    return 1 if round_ == 2 and number % 10 == 0 else 0


class _Farm(asyncio.Protocol):
    """Just enough of an HTTP/1.1 server; feeds and lists are made once and kept, articles when they are asked for."""

    def __init__(self, bodies: dict[str, tuple[bytes, bytes]]) -> None:
        self._bodies = bodies
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1].decode()
        if path.startswith("/info/"):
            page = columns.article(int(path.rpartition("/")[2].removesuffix(".htm")))
            return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
        if path not in self._bodies:  # robots.txt
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        body, etag = self._bodies[path]
        if b"\r\nif-none-match: " + etag in head.lower():
            return b"HTTP/1.1 304 Not Modified\r\nETag: %b\r\n\r\n" % etag
        kind = b"application/xml" if path.endswith(".xml") else b"text/html"
        fields = b"Content-Type: %b\r\nETag: %b\r\nContent-Length: %d" % (kind, etag, len(body))
        return b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (fields, body)


def _work(count: int, round_: int, port: int, kind: Kind, ready: "multiprocessing.connection.Connection") -> None:
    async def serve() -> None:
        bodies = {}
        for number in range(count):
            if kind == "feed":
                body = feed(number, round_, f"http://{host(number)}:{port}")
            else:
                body = columns.column(number, _newer(number, round_))
            bodies[path(number, kind)] = (body, b'"%b"' % hashlib.md5(body, usedforsecurity=False).hexdigest().encode())
        loop = asyncio.get_running_loop()
        hosts = sorted({host(number) for number in range(count)})
        await loop.create_server(lambda: _Farm(bodies), hosts, port)
        ready.send(sum(len(body) for body, _ in bodies.values()))
        await asyncio.Event().wait()

    asyncio.run(serve())


def host(number: int) -> str:
    return f"127.0.1.{number % HOSTS + 1}"


def path(number: int, kind: Kind) -> str:
    return f"/{number}.xml" if kind == "feed" else f"/{number}.htm"


def address(number: int, port: int, kind: Kind = "feed") -> str:
    return f"http://{host(number)}:{port}{path(number, kind)}"


@contextmanager
def farm(count: int, round_: int, port: int, kind: Kind = "feed") -> Iterator[int]:
    """Serve *count* sources of *round_* for the time of the block; the bytes of all of them."""
    context = multiprocessing.get_context("spawn")
    ready, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(count, round_, port, kind, sender), daemon=True)
    process.start()
    try:
        yield ready.recv()
    finally:
        process.terminate()
        process.join()
