"""The two ways onto the network behind httpx's one interface, both with the address guard, and what their errors mean.

aiohttp's sockets and parser are the default: a sixth of the CPU of httpx's own (tests/benchmarks/fetching.py).
"""

import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any

import aiohttp
import aiohttp.abc
import anyio
import httpcore
import httpx
import yarl

from aggregator.errors import Cause, FetchError
from aggregator.gather.guard import ForbiddenAddressError, Guard, reach
from aggregator.settings import FetchSettings

# an idle connection is worth keeping between a list page and its articles, not longer
KEEPALIVE_SECONDS = 15
# httpcore looks at every idle connection at every request (encode/httpcore #928): more of them cost more than they save
KEPT_BY_HTTPX = 20
LONGEST_FIELD = 16_384
READ_BYTES = 262_144
# what browsers still take from servers of good certificate: key exchange by RSA, HMAC by SHA-1, no RFC 5746
USUAL_CIPHERS = "DEFAULT"
# whoever is allowed a wrong certificate may be as old as can be (OpenSSL's words)
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
OP_LEGACY_SERVER_CONNECT = 0x4  # ssl.OP_LEGACY_SERVER_CONNECT of Python 3.12

# OpenSSL's codes of what is wrong with a certificate (x509_vfy.h) -> in words
CERTIFICATE_FAULTS = {
    2: "the server does not send its whole certificate chain, or its issuer is not known here",
    9: "the server's certificate is not valid yet",
    10: "the server's certificate has expired",
    18: "the server's certificate is self-signed",
    19: "the server's certificate chain ends in a self-signed one that is not known here",
    20: "the server does not send its whole certificate chain, or its issuer is not known here",
    21: "the server does not send its whole certificate chain",
    62: "the server's certificate is for another name",
    64: "the server's certificate is for another address",
}
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
# all that can come out of a transport of ours, httpx's own errors apart
WIRE_ERRORS = (aiohttp.ClientError, OSError, ValueError)
OUTDATED = ("UNSUPPORTED_PROTOCOL", "KEY_TOO_SMALL", "VERSION", "HANDSHAKE_FAILURE", "NO_PROTOCOLS", "NO_CIPHER")


def transport(settings: FetchSettings, guard: Guard, tls: ssl.SSLContext, *, private: bool) -> httpx.AsyncBaseTransport:
    """A way to send requests that connects to addresses *guard* lets pass; with *private* those of intranets too.

    A proxy resolves names itself and has to guard its own network.
    """
    proxy = httpx.Proxy(settings.proxy) if settings.proxy else None
    if settings.transport == "aiohttp":
        return _AiohttpTransport(settings, guard, tls, proxy, private=private)
    limits = httpx.Limits(
        max_connections=settings.concurrency * 2,
        max_keepalive_connections=KEPT_BY_HTTPX,
        keepalive_expiry=KEEPALIVE_SECONDS,
    )
    if proxy:
        return httpx.AsyncHTTPTransport(verify=tls, proxy=proxy, trust_env=False, limits=limits)
    return _GuardedTransport(guard, tls, limits, private=private)


def tls_context(*, verify: bool) -> ssl.SSLContext:
    """What a secure connection needs; without *verify* any certificate and any age of TLS will do."""
    context = ssl.create_default_context()
    context.set_ciphers(USUAL_CIPHERS if verify else OLD_CIPHERS)
    context.options |= OP_LEGACY_SERVER_CONNECT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    return context


class _AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx's requests over aiohttp's connections."""

    def __init__(
        self, settings: FetchSettings, guard: Guard, tls: ssl.SSLContext, proxy: httpx.Proxy | None, *, private: bool
    ) -> None:
        guarded: dict[str, Any] = {
            "resolver": _Resolver(guard, private=private),
            "use_dns_cache": False,  # the guard has one
            "socket_factory": _private_socket if private else _public_socket,  # a resolver is not asked for numbers
        }
        connector = aiohttp.TCPConnector(
            limit=settings.concurrency * 2, keepalive_timeout=KEEPALIVE_SECONDS, ssl=tls, **({} if proxy else guarded)
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
        )
        self._proxy: dict[str, Any] = {}
        if proxy:
            self._proxy["proxy"] = str(proxy.url)
            self._proxy["proxy_auth"] = aiohttp.BasicAuth(*proxy.auth) if proxy.auth else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._session.request(
            request.method,
            yarl.URL(str(request.url), encoded=True),
            # aiohttp sends text as UTF-8, so that these are the very bytes of *request*
            headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
            data=request.content or None,
            allow_redirects=False,
            **self._proxy,
        )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        await self._session.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self._answer.content.readany():
            yield chunk

    async def aclose(self) -> None:
        self._answer.release()


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


# ---------------------------------------------------------------- what went wrong


def fault(url: str, host: str, error: BaseException, idle_seconds: float) -> FetchError:
    """What httpx, aiohttp, TLS and the system say, as one sentence with a cause."""
    chain = _chain(error)
    for one in chain:
        if isinstance(one, ForbiddenAddressError):
            return forbidden(url, one)
        if isinstance(one, ssl.SSLError) and not isinstance(one, aiohttp.ClientError):
            return FetchError(f"{url}: {_tls_reason(one, host)}", cause="tls")
        if isinstance(one, socket.gaierror):
            what = "cannot be looked up now" if one.errno == socket.EAI_AGAIN else "is not known"
            return FetchError(f"{url}: the name {host} {what}; correct the source's url or check your DNS", cause="dns")
    for kinds, cause, sentence in FAULTS:
        for one in chain:
            if isinstance(one, kinds):
                said = sentence.format(words=_words(one), idle=f"{idle_seconds:g} seconds (fetch.idle_seconds)")
                return FetchError(f"{url}: {said}", cause=cause)
    if any(str(one).startswith("Server disconnected") for one in chain):  # httpcore has no class for it
        return FetchError(f"{url}: no connection: {_words(chain[-1])}", cause="connect")
    return FetchError(f"{url}: not the HTTP it should be: {_words(chain[-1])}", cause="protocol")


# what is found first in the chain of an error tells its cause
FAULTS: tuple[tuple[tuple[type[BaseException], ...], Cause, str], ...] = (
    ((httpx.InvalidURL, httpx.UnsupportedProtocol, aiohttp.InvalidURL), "address", "it cannot be visited: {words}"),
    (
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError, httpx.ProxyError),
        "connect",
        "the proxy (fetch.proxy) does not help: {words}",
    ),
    ((aiohttp.SocketTimeoutError, httpx.ReadTimeout), "timeout", "the server said nothing for {idle}"),
    ((TimeoutError, httpx.TimeoutException), "timeout", "no connection within {idle}"),
    (
        (ConnectionError, aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, httpx.ConnectError),
        "connect",
        "no connection: {words}",
    ),
)


def forbidden(url: str, error: ForbiddenAddressError) -> FetchError:
    """What the guard says, with the setting that lets pass what may be let pass."""
    if error.reach == "never":
        return FetchError(
            f"{url} leads to {error.address}, a private or reserved address that is never visited", cause="address"
        )
    return FetchError(
        f"{url} leads to {error.address}, a private or reserved address; if you mean it, set "
        "allow_private_networks = true in the [[source]] of that site (`aggregator add --intranet` does), "
        "or under [fetch] for all",
        cause="address",
    )


def _tls_reason(error: ssl.SSLError, host: str) -> str:
    """What is wrong with a secure connection, and the key of the site file that does without."""
    allow = "if you trust the way there, set allow_invalid_certificate = true in its [[source]]"
    if isinstance(error, ssl.SSLCertVerificationError):
        known = CERTIFICATE_FAULTS.get(
            error.verify_code, f"the server's certificate is not good: {error.verify_message}"
        )
        return f"no secure connection with {host}: {known}; {allow}"
    reason = error.reason or str(error)
    if reason in NO_TLS:
        return f"no secure connection with {host}: no TLS is spoken there ({reason}); does it want http:// ?"
    if any(one in reason for one in OUTDATED):
        return f"no secure connection with {host}: it speaks an outdated TLS only ({reason}); {allow}"
    return f"no secure connection with {host}: the TLS handshake failed ({reason})"


def _chain(error: BaseException | None) -> list[BaseException]:
    """*error* and all that led to it."""
    found: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop(0)
        if one is not None and one not in found:
            found.append(one)
            todo += [*getattr(one, "exceptions", ()), getattr(one, "os_error", None), one.__cause__ or one.__context__]
    return found


def _words(error: BaseException) -> str:
    said = str(error).strip()
    return f"{error.__class__.__name__}: {said}"[:200] if said else error.__class__.__name__
