"""URL and validators in, Response out: the only door to the network.

httpx over the aiohttp transport (a third of plain httpx's CPU). Decompresses within a bound, follows redirects
itself, checks every address it connects to, and never asks one host for two things at a time.
"""

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from aggregator.errors import FetchError
from aggregator.identity import host_of
from aggregator.model import Response, Validators
from aggregator.settings import FetchSettings

MAX_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
# an idle connection is worth keeping between a list page and its articles, not longer
KEEPALIVE_SECONDS = 15
# hosts whose last visit is remembered at once; beyond it the idle ones are forgotten
HOSTS_REMEMBERED = 10_000
REFUSAL_BYTES = 65_536
GZIP = b"\x1f\x8b"  # how a member begins
# IPv4 addresses inside IPv6 ones: NAT64 (RFC 6052), SIIT (RFC 2765), the old compatible ones (RFC 4291 §2.5.5.1)
EMBEDDED = [ipaddress.ip_network(one) for one in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")]
# local NAT64 (RFC 8215) and site-local (RFC 3879) addresses, which Python calls global
LOCAL = [ipaddress.ip_network(one) for one in ("64:ff9b:1::/48", "fec0::/10")]

STATUS_ADVICE = {
    401: "the page wants a login; only public pages can be followed",
    403: "the server refuses us (a firewall, or for the campus only); open the address in a browser to see",
    404: "the page has moved or is gone; if it is a source's, correct its url",
    410: "the publisher says the page is gone for good; remove the source",
    412: "a firewall refuses us; open the address in a browser to see",
    429: "the server asks us to come less often; raise fetch.per_host_delay_seconds",
    521: "a firewall refuses us; open the address in a browser to see",
}


class ForbiddenAddressError(OSError):
    """A name led to an address that we must not visit."""


class Fetcher:
    """Fetches pages politely. An async context manager; one for the whole program, used from one event loop."""

    def __init__(self, settings: FetchSettings, user_agent: str) -> None:
        self._settings = settings
        self._hosts: dict[str, _Host] = {}
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "text/html, application/xhtml+xml, application/atom+xml, application/rss+xml, "
            "application/feed+json, application/xml;q=0.9, */*;q=0.5",
            "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5",
            "Accept-Encoding": "gzip, deflate",  # what _decoded can bound
        }

    async def __aenter__(self) -> "Fetcher":
        guarded = not (self._settings.allow_private_networks or self._settings.proxy)  # a proxy resolves names itself
        connector = aiohttp.TCPConnector(
            limit=self._settings.concurrency * 2,
            keepalive_timeout=KEEPALIVE_SECONDS,
            ssl=ssl.create_default_context(),
            socket_factory=_guarded_socket if guarded else None,
        )
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        proxy = httpx.Proxy(self._settings.proxy) if self._settings.proxy else None
        # the transport alone: a client's cookies, redirects and authentication are not wanted and cost half a request
        self._transport = AiohttpTransport(client=session, proxy=proxy)
        self._extensions = {"timeout": httpx.Timeout(self._settings.timeout_seconds).as_dict()}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    async def fetch(self, url: str, validators: Validators | None = None) -> Response:
        """What the server says of *url*: a 2xx or 304 answer, the body decompressed. Raises FetchError for all else."""
        headers = _conditional(validators)
        address = url
        for _ in range(MAX_REDIRECTS + 1):
            self._check_address(address)
            async with self._turn(host_of(address)):
                response = await self._ask(address, headers)
            if response.status not in REDIRECTS:
                return _accepted(response)
            target = response.headers.get("location", "")
            try:
                address = urljoin(address, target)
            except ValueError as error:
                raise FetchError(f"{address} redirects to {target!r}, which is no address", cause="redirect") from error
            if not target:
                raise FetchError(f"{response.url} redirects ({response.status}) without saying where", cause="redirect")
        raise FetchError(
            f"{url} redirects more than {MAX_REDIRECTS} times, last to {address}; correct the source's url",
            cause="redirect",
        )

    async def _ask(self, url: str, headers: dict[str, str]) -> Response:
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                request = httpx.Request("GET", url, headers=self._headers | headers, extensions=self._extensions)
                answer = await self._transport.handle_async_request(request)
                try:
                    body = await self._read(answer, url) if 200 <= answer.status_code < 300 else b""
                    if answer.status_code >= 400:
                        body = await _beginning(answer, url)
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            raise FetchError(
                f"{url} did not answer within {self._settings.timeout_seconds:g} seconds", cause="timeout"
            ) from error
        except httpx.TimeoutException as error:
            raise _timeout_or_connect(url, error) from error
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise _mapped(url, error) from error
        return Response(url, answer.status_code, body, {name.lower(): value for name, value in answer.headers.items()})

    async def _read(self, answer: httpx.Response, url: str) -> bytes:
        """The decompressed body; stops at max_bytes before memory does."""
        limit = self._settings.max_bytes
        size = 0
        chunks: list[bytes] = []
        async for chunk in _decoded(answer, url):
            size += len(chunk)
            if size > limit:
                raise FetchError(
                    f"{url} is larger than fetch.max_bytes ({limit:,} bytes)", cause="size", status=answer.status_code
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def _check_address(self, url: str) -> None:
        """Refuse what is not http(s), and forbidden addresses written as numbers."""
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            raise FetchError(f"{url!r} is not an http or https address", cause="address")
        if not self._settings.allow_private_networks and _is_forbidden(host):
            raise _forbidden(url, host)

    @asynccontextmanager
    async def _turn(self, host: str) -> AsyncIterator[None]:
        """Wait until *host* is free: nothing else asked of it now, and its pause is over."""
        if len(self._hosts) > HOSTS_REMEMBERED:
            now = asyncio.get_running_loop().time()
            self._hosts = {name: one for name, one in self._hosts.items() if one.lock.locked() or one.free_at > now}
        one = self._hosts.setdefault(host, _Host())
        async with one.lock:
            pause = one.free_at - asyncio.get_running_loop().time()
            if pause > 0:
                await asyncio.sleep(pause)
            try:
                yield
            finally:
                one.free_at = asyncio.get_running_loop().time() + self._settings.per_host_delay_seconds


class _Host:
    """When a host may be asked again."""

    __slots__ = ("free_at", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.free_at = 0.0


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
        raise FetchError(f"the webhook cannot be reached: {error}", cause="connect") from error
    if not 200 <= status < 300:
        raise FetchError(f"the webhook answered {status}; correct alert.webhook", cause="status", status=status)


def _conditional(validators: Validators | None) -> dict[str, str]:
    """The headers that ask for news only, the server's own bytes sent back (RFC 9110 §13.1.2, §13.1.3)."""
    headers = {}
    if validators and validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators and validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    return headers


def _accepted(response: Response) -> Response:
    if 200 <= response.status < 300 or response.not_modified:
        return response
    status = response.status
    advice = STATUS_ADVICE.get(
        status, "the server has a fault; it is tried again" if status >= 500 else "correct the source's url"
    )
    raise FetchError(f"{response.url} answered {status}: {advice}", cause="status", status=status, response=response)


async def _beginning(answer: httpx.Response, url: str) -> bytes:
    """What a refusal says of its reason, at most REFUSAL_BYTES of it; what cannot be read of it is left out."""
    body = b""
    try:
        async for chunk in _decoded(answer, url):
            body += chunk
            if len(body) >= REFUSAL_BYTES:
                break
    except (FetchError, httpx.HTTPError, aiohttp.ClientError):
        return body  # the status has been said
    return body[:REFUSAL_BYTES]


async def _decoded(answer: httpx.Response, url: str) -> AsyncIterator[bytes]:
    """The body in pieces of bounded size, so that a compressed bomb stops at the limit and not in memory."""
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity", "none"):
        async for chunk in answer.aiter_raw():
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise FetchError(
            f"{url} is compressed with {coding!r}, which we did not ask for",
            cause="encoding",
            status=answer.status_code,
        )
    inflate = None
    try:
        async for chunk in answer.aiter_raw():
            # "deflate" means zlib (RFC 9110 §8.4.1.2), but some servers send it raw: a zlib stream begins with 0x?8
            inflate = inflate or zlib.decompressobj(31 if "gzip" in coding else 15 if chunk[0] & 15 == 8 else -15)
            while chunk:
                yield inflate.decompress(chunk, 65536)
                chunk = inflate.unconsumed_tail
                if inflate.eof and inflate.unused_data.startswith(GZIP):
                    # a gzip body may have several members (RFC 1952 §2.2)
                    chunk, inflate = inflate.unused_data, zlib.decompressobj(31)
    except zlib.error as error:
        raise FetchError(
            f"{url} sends broken {coding}: {error}", cause="encoding", status=answer.status_code
        ) from error
    if inflate and not inflate.eof:
        raise FetchError(
            f"{url} broke off in the middle of its {coding} body", cause="protocol", status=answer.status_code
        )


def _guarded_socket(info: tuple[int, int, int, str, tuple[str, int]]) -> socket.socket:
    """A socket for the address that a name resolved to: the connection goes to the very address checked here."""
    family, kind, protocol, _, address = info
    if _is_forbidden(address[0]):
        raise ForbiddenAddressError(f"{address[0]} is not a public address")
    return socket.socket(family, kind, protocol)


def _is_forbidden(host: str) -> bool:
    """Whether *host* is a number outside the public internet; a name is judged when it is resolved."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if any(address in network for network in LOCAL):
            return True
        if inner is None and any(address in network for network in EMBEDDED):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return not inner.is_global or inner.is_multicast
    return not address.is_global or address.is_multicast


def _forbidden(url: str, host: str) -> FetchError:
    return FetchError(
        f"{url} leads to {host}, a private or reserved address; set fetch.allow_private_networks = true if you mean it",
        cause="address",
    )


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found += [error, *getattr(error, "exceptions", ())]
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return found


def _timeout_or_connect(url: str, error: httpx.TimeoutException) -> FetchError:
    """The transport calls every broken connection a time-out; what lies beneath tells them apart."""
    if any(isinstance(one, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) for one in _chain(error)):
        return _mapped(url, error)
    return FetchError(f"{url} did not answer in time", cause="timeout")


def _mapped(url: str, error: Exception) -> FetchError:
    """What httpx, aiohttp and the system say, as one sentence with a cause."""
    chain = _chain(error)
    for one in chain:
        if isinstance(one, ForbiddenAddressError):
            return _forbidden(url, str(one).partition(" ")[0])
        if isinstance(one, ssl.SSLError | ssl.CertificateError):
            reason = getattr(one, "verify_message", "") or getattr(one, "reason", "") or one
            return FetchError(
                f"{url}: no secure connection: {reason}; is the server's certificate chain complete?", cause="tls"
            )
        if isinstance(one, socket.gaierror):
            return FetchError(
                f"{url}: the name {urlsplit(url).hostname} is not known; correct the source's url or check your DNS",
                cause="dns",
            )
    for one in chain:
        if isinstance(one, httpx.InvalidURL | httpx.UnsupportedProtocol | ValueError):
            return FetchError(f"{url!r} is not an address that can be visited: {one}", cause="address")
        if isinstance(one, ConnectionError | aiohttp.ClientConnectionError):
            return FetchError(f"{url}: no connection: {one.__class__.__name__}: {one}", cause="connect")
    return FetchError(f"{url}: {chain[-1].__class__.__name__}: {chain[-1]}", cause="protocol")
