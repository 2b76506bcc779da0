"""The Wire over httpx's own connections, for where aiohttp's do not work; its pool asks the address guard.

Imported only when the settings want it.
"""

import ssl
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore
import httpx

from aggregator.gather.connect import KEEPALIVE_SECONDS, Answer, Fields
from aggregator.gather.fault import Troubles
from aggregator.gather.guard import Guard
from aggregator.settings import FetchSettings

# httpcore looks at every idle connection at every request (encode/httpcore #928): more of them cost more than they save
KEPT = 20


class HttpxWire:
    """Sends requests over httpx."""

    troubles = Troubles(
        every=(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError),
        address=(httpx.InvalidURL, httpx.UnsupportedProtocol),
        proxy=(httpx.ProxyError,),
        silence=(httpx.ReadTimeout,),
        slowness=(TimeoutError, httpx.TimeoutException),
        refusal=(ConnectionError, httpx.ConnectError),
    )

    def __init__(self, settings: FetchSettings, guard: Guard, tls: ssl.SSLContext, *, private: bool) -> None:
        limits = httpx.Limits(
            max_connections=settings.concurrency * 2,
            max_keepalive_connections=KEPT,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )
        self._transport: httpx.AsyncHTTPTransport
        if settings.proxy:
            self._transport = httpx.AsyncHTTPTransport(verify=tls, proxy=settings.proxy, trust_env=False, limits=limits)
        else:
            self._transport = _GuardedTransport(guard, tls, limits, private=private)
        self._extensions = {"timeout": httpx.Timeout(settings.idle_seconds).as_dict()}

    async def send(self, method: str, url: str, fields: Fields, content: bytes | None) -> Answer:
        headers = [(name.encode(), value.encode()) for name, value in fields]
        request = httpx.Request(method, url, headers=headers, content=content, extensions=self._extensions)
        answer = await self._transport.handle_async_request(request)
        return Answer(answer.status_code, answer.headers.raw, answer.aiter_raw, answer.aclose)

    async def close(self) -> None:
        await self._transport.aclose()


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool that asks the guard for addresses."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext, limits: httpx.Limits, *, private: bool) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_GuardedBackend(guard, private=private),
        )


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the first address of a name that answers, out of those the guard lets pass."""

    def __init__(self, guard: Guard, *, private: bool) -> None:
        self._guard = guard
        self._private = private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._guard.addresses(host, port, private=self._private)
        each = timeout / len(addresses) if timeout else None
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, each, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the next may answer
        return await self._inner.connect_tcp(addresses[-1], port, each, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
