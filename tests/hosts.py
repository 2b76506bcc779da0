"""Web servers on many loopback addresses that note who asked when: what tests of several workers look at."""

import asyncio
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """One request, by our clock in seconds since 1970."""

    host: str
    agent: str
    path: str
    begun: float
    ended: float


class Hosts:
    """*count* hosts, each with feeds at ``/0.xml`` and so on; an answer takes *seconds*."""

    def __init__(self, count, seconds, entries=3):
        self.asked = []
        self.urls = []
        self._seconds = seconds
        self._entries = entries
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for number in range(1, count + 1):
            asyncio.run_coroutine_threadsafe(self._listen(f"127.0.2.{number}"), self._loop).result()

    def titles(self, url):
        """What the feed at *url* says."""
        host, _, path = url.removeprefix("http://").partition("/")
        return [f"{host.partition(':')[0]} {path} 第{n}条新闻" for n in range(self._entries)]

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        for server in self._servers:
            server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    _servers = ()

    async def _listen(self, address):
        server = await asyncio.start_server(self._answer, address, 0)
        self._servers = (*self._servers, server)
        self.urls.append(f"http://{address}:{server.sockets[0].getsockname()[1]}")

    async def _answer(self, reader, writer):
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                begun = time.time()
                path = head.split(" ")[1]
                fields = dict(line.split(": ", 1) for line in head.lower().split("\r\n")[1:-2])
                url = f"http://{fields['host']}{path}"
                await asyncio.sleep(self._seconds)
                items = "".join(
                    f"<item><title>{title}</title><link>{url}?{n}</link><description>{title}的全文。</description></item>"
                    for n, title in enumerate(self.titles(url))
                )
                body = f"<rss version='2.0'><channel><title>x</title>{items}</channel></rss>".encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                self.asked.append(Asked(fields["host"], fields["user-agent"], path, begun, time.time()))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()  # the other side has gone, or we are


def overlaps(asked):
    """Pairs of requests that two agents made of one host at the same time."""
    found = []
    for host in {one.host for one in asked}:
        ordered = sorted((one for one in asked if one.host == host), key=lambda one: one.begun)
        found += [
            (first, second)
            for n, first in enumerate(ordered)
            for second in ordered[n + 1 :]
            if second.begun < first.ended and second.agent != first.agent
        ]
    return found
