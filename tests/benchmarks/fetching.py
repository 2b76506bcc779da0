"""CPU of fetching beside what the libraries need by themselves, in one run against the same server.

    python -m tests.benchmarks.fetching [--requests 1000]

Prints milliseconds of CPU (user and system) a request of this process; the server is another one.
"""

import argparse
import asyncio
import multiprocessing
import random
from collections.abc import Awaitable, Callable
from functools import partial
from time import process_time

import aiohttp
import httpx

from aggregator.gather.fetch import Fetcher
from aggregator.model import Validators
from aggregator.settings import FetchSettings
from tests.benchmarks.farm import host

PORT = 18_100
HOSTS = 50
AT_ONCE = 20
ETAG = '"v1"'
BODY = random.Random(1).randbytes(60_000)

Get = Callable[[str, bool], Awaitable[int]]


class _Server(asyncio.Protocol):
    """Answers every request: 404 for robots.txt, 304 to what is conditional, else 60 KB."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            request, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if b"/robots.txt" in request:
                answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            elif b"if-none-match" in request.lower():
                answer = b"HTTP/1.1 304 Not Modified\r\nETag: %b\r\n\r\n" % ETAG.encode()
            else:
                head = b"HTTP/1.1 200 OK\r\nETag: %b\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
                answer = head % (ETAG.encode(), len(BODY)) + BODY
            self._transport.write(answer)  # type: ignore[attr-defined]


def serve(ready: "multiprocessing.synchronize.Event") -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "0.0.0.0", PORT)
        ready.set()
        await server.serve_forever()

    asyncio.run(forever())


async def spent(get: Get, requests: int, conditional: bool) -> float:
    """Milliseconds of CPU for each of *requests*, AT_ONCE at a time, after a round that opens connections."""

    async def some(first: int, count: int) -> None:
        for number in range(first, count, AT_ONCE):
            status = await get(f"http://{host(number % HOSTS)}:{PORT}/{number}.htm", conditional)
            assert status == (304 if conditional else 200)

    await asyncio.gather(*(some(first, 3 * HOSTS) for first in range(AT_ONCE)))
    before = process_time()
    await asyncio.gather(*(some(first, requests) for first in range(AT_ONCE)))
    return (process_time() - before) * 1000 / requests


async def bare_aiohttp(requests: int, conditional: bool) -> float:
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def get(url: str, conditional: bool) -> int:
            async with session.get(url, headers={"If-None-Match": ETAG} if conditional else {}) as answer:
                await answer.read()
                return answer.status

        return await spent(get, requests, conditional)


async def bare_httpx(requests: int, conditional: bool) -> float:
    async with httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=20)) as client:

        async def get(url: str, conditional: bool) -> int:
            return (await client.get(url, headers={"If-None-Match": ETAG} if conditional else {})).status_code

        return await spent(get, requests, conditional)


async def httpx_objects(requests: int, conditional: bool) -> float:
    """Only what httpx makes of a request and its answer, whatever connection they travel by."""
    before = process_time()
    for number in range(requests):
        fields = {"If-None-Match": ETAG} if conditional else {}
        httpx.Request("GET", f"http://{host(number % HOSTS)}:{PORT}/{number}.htm", headers=fields)
        answer = httpx.Response(304 if conditional else 200, headers=[(b"ETag", ETAG.encode())])
        assert ETAG == answer.headers["etag"]
    return (process_time() - before) * 1000 / requests


async def ours(requests: int, conditional: bool, **settings: str) -> float:
    values = FetchSettings(allow_private_networks=True, per_host_delay_seconds=0, **settings)  # type: ignore[arg-type]
    async with Fetcher(values, "benchmark/1.0") as fetcher:

        async def get(url: str, conditional: bool) -> int:
            return (await fetcher.fetch(url, Validators(ETAG) if conditional else None)).status

        return await spent(get, requests, conditional)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    requests = parser.parse_args().requests
    ready = multiprocessing.Event()
    server = multiprocessing.Process(target=serve, args=(ready,), daemon=True)
    server.start()
    ready.wait()
    print(f"{requests} requests to {HOSTS} hosts, {AT_ONCE} at a time; ms of CPU a request, the best of three")
    print(f"{'':<24}{'304':>8}{'60 KB':>8}")
    rows: dict[str, Callable[[int, bool], Awaitable[float]]] = {
        "aiohttp alone": bare_aiohttp,
        "httpx alone": bare_httpx,
        "httpx's objects": httpx_objects,
        "ours, over aiohttp": ours,
        "ours, over httpx": partial(ours, transport="httpx"),
    }
    for label, run in rows.items():
        best = [min(asyncio.run(run(requests, conditional)) for _ in range(3)) for conditional in (True, False)]  # type: ignore[arg-type]
        print(f"{label:<24}{best[0]:>8.3f}{best[1]:>8.3f}")
    server.terminate()


if __name__ == "__main__":
    main()
