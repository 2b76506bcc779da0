"""A request in, the beginning of its answer out, over aiohttp's connections or httpx's own; both ask the address guard.

Knows no redirect, no turn and no limit of size. aiohttp is the default: what httpx costs beside it is measured by
tests/benchmarks/fetching.py.
"""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import aiohttp
import aiohttp.abc
import yarl

from aggregator.errors import FetchError
from aggregator.gather.fault import Troubles, words
from aggregator.gather.guard import ForbiddenAddressError, Guard, reach
from aggregator.settings import FetchSettings

# an idle connection is worth keeping between a list page and its articles, not longer
KEEPALIVE_SECONDS = 15
LONGEST_FIELD = 16_384
READ_BYTES = 262_144
# what browsers still take from servers of good certificate: key exchange by RSA, HMAC by SHA-1, no RFC 5746
USUAL_CIPHERS = "DEFAULT"
# whoever is allowed a wrong certificate may be as old as can be (OpenSSL's words)
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
OP_LEGACY_SERVER_CONNECT = 0x4  # ssl.OP_LEGACY_SERVER_CONNECT of Python 3.12

Fields = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """An answer of which the header is read. Take its *pieces*, as they were sent, or not; ``close`` it in any case."""

    status: int
    fields: Sequence[tuple[bytes, bytes]]  # as they were sent
    pieces: Callable[[], AsyncIterator[bytes]]
    close: Callable[[], Awaitable[None]]


class Wire(Protocol):
    """A way onto the network that connects only where the guard lets it. Redirects are answers like any other."""

    @property
    def troubles(self) -> Troubles:
        """What its exceptions mean."""

    async def send(self, method: str, url: str, fields: Fields, content: bytes | None) -> Answer:
        """What the server at *url*, an address as it is sent, answers. Raises what *troubles* says."""

    async def close(self) -> None:
        """Close all connections."""


def open_wire(settings: FetchSettings, guard: Guard, *, private: bool, trusting: bool) -> Wire:
    """A Wire to the addresses that *guard* lets pass; with *private* those of intranets too.

    *trusting*: any certificate and any age of TLS will do. A proxy resolves names itself and has to guard its own
    network.
    """
    tls = _tls_context(verify=not trusting)
    if settings.transport == "httpx":
        from aggregator.gather.connect_httpx import HttpxWire  # a tenth of a second that the default does without

        return HttpxWire(settings, guard, tls, private=private)
    return _AiohttpWire(settings, guard, tls, private=private)


async def post(url: str, payload: Mapping[str, Any], timeout_seconds: float) -> None:
    """Send *payload* as JSON to *url*, the operator's own address: on any network, without waiting for a turn.

    Through the proxy that the environment names, if any. Raises FetchError for any answer but 2xx.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True) as session,
            session.post(url, json=payload, allow_redirects=False) as answer,
        ):
            status = answer.status
    except TimeoutError as error:
        raise FetchError(f"the webhook did not answer within {timeout_seconds:g} seconds", cause="timeout") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise FetchError(f"the webhook cannot be reached: {words(error)}", cause="connect") from error
    if not 200 <= status < 300:
        raise FetchError(f"the webhook answered {status}; correct alert.webhook", cause="status", status=status)


def _tls_context(*, verify: bool) -> ssl.SSLContext:
    """What a secure connection needs; without *verify* any certificate and any age of TLS will do."""
    context = ssl.create_default_context()
    context.set_ciphers(USUAL_CIPHERS if verify else OLD_CIPHERS)
    context.options |= OP_LEGACY_SERVER_CONNECT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    return context


class _AiohttpWire:
    troubles = Troubles(
        every=(aiohttp.ClientError, OSError, ValueError),
        address=(aiohttp.InvalidURL,),
        proxy=(aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        silence=(aiohttp.SocketTimeoutError,),
        slowness=(TimeoutError,),
        refusal=(ConnectionError, aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError),
    )

    def __init__(self, settings: FetchSettings, guard: Guard, tls: ssl.SSLContext, *, private: bool) -> None:
        guarded: dict[str, Any] = {
            "resolver": _Resolver(guard, private=private),
            "use_dns_cache": False,  # the guard has one
            "socket_factory": _private_socket if private else _public_socket,  # a resolver is not asked for numbers
        }
        connector = aiohttp.TCPConnector(
            limit=settings.concurrency * 2,
            keepalive_timeout=KEEPALIVE_SECONDS,
            ssl=tls,
            **({} if settings.proxy else guarded),
        )
        idle = settings.idle_seconds
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=idle, sock_read=idle),
            max_line_size=LONGEST_FIELD,
            max_field_size=LONGEST_FIELD,
            read_bufsize=READ_BYTES,
            response_class=_Response,
        )
        self._proxy = _proxy(settings.proxy) if settings.proxy else {}

    async def send(self, method: str, url: str, fields: Fields, content: bytes | None) -> Answer:
        answer = await self._session.request(
            method, yarl.URL(url, encoded=True), headers=fields, data=content, allow_redirects=False, **self._proxy
        )

        async def close() -> None:
            answer.release()

        return Answer(answer.status, answer.raw_headers, answer.content.iter_any, close)

    async def close(self) -> None:
        await self._session.close()


class _Response(aiohttp.ClientResponse):
    """Closes the connection after a header that was asked for alone: a body that comes all the same is no next answer.

    httpx does so by itself.
    """

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if self.method == "HEAD" and connection.protocol is not None:
            connection.protocol.force_close()
        return await super().start(connection)


def _proxy(url: str) -> dict[str, Any]:
    """What aiohttp is told of the proxy at *url*, which may hold a name and a password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    auth = aiohttp.BasicAuth(unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
    return {"proxy": f"{parts.scheme}://{host}", "proxy_auth": auth}


class _Resolver(aiohttp.abc.AbstractResolver):
    """What aiohttp asks for the addresses of a name."""

    def __init__(self, guard: Guard, *, private: bool) -> None:
        self._guard = guard
        self._private = private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[aiohttp.abc.ResolveResult]:
        del family
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in await self._guard.addresses(host, port, private=self._private)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def _public_socket(info: tuple[Any, ...]) -> socket.socket:
    return _socket(info, ("public",))


def _private_socket(info: tuple[Any, ...]) -> socket.socket:
    return _socket(info, ("public", "private"))


def _socket(info: tuple[Any, ...], allowed: tuple[str, ...]) -> socket.socket:
    """A socket for the very address that is connected to next, if it is one of those *allowed*."""
    family, kind, protocol, _, (address, *_) = info
    if reach(address) not in allowed:
        raise ForbiddenAddressError(address, reach(address))
    return socket.socket(family, kind, protocol)
