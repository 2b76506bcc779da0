"""URL and validators in, Response out: the only door to the network.

httpx, over aiohttp's connections. Follows redirects itself, checks every address it connects to, asks robots.txt first,
and never asks one machine for two things at a time. Decompressing, judging addresses and waiting stand beside it.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urljoin
from weakref import WeakValueDictionary

import aiohttp
import httpx

from aggregator.errors import FetchError
from aggregator.gather.address import Address, parse
from aggregator.gather.answer import conditional, cookies_set, fields, refusal, retry_after
from aggregator.gather.connect import WIRE_ERRORS, fault, tls_context, transport
from aggregator.gather.decode import decoded, read_body
from aggregator.gather.guard import ForbiddenAddressError, Guard, Resolve, is_number, reach, resolve
from aggregator.gather.robots import MAX_BYTES as ROBOTS_BYTES
from aggregator.gather.robots import ProcessMemory, Robots, RobotsMemory, readable, token_of, unreadable
from aggregator.gather.turns import Rests, Turns
from aggregator.identity import domain_of
from aggregator.model import Allowance, Response, RobotsFile, Validators
from aggregator.settings import FetchSettings

log = logging.getLogger(__name__)

MAX_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
PERMANENT = {301, 308}
KEEPING = {307, 308}  # the method and what is sent with it
# a host that asks for a longer pause than that is not waited for: the poll fails and comes again
PATIENT_SECONDS = 5.0
ACCEPT = (
    b"text/html, application/xhtml+xml, application/atom+xml, application/rss+xml, "
    b"application/feed+json, application/xml;q=0.9, */*;q=0.5"
)
ACCEPT_PICTURES = b"image/avif, image/webp, image/png, image/jpeg, image/gif, image/*;q=0.5"
# of the page with which a server refuses
REFUSAL_BYTES = 65_536
REFUSAL_SECONDS = 5.0
NOTHING_ALLOWED = Allowance()
ROBOTS_REMEMBERED = 2000
# reading an address again is the larger part of what httpx costs, and a source's is the same at each poll
_url = lru_cache(maxsize=4096)(httpx.URL)
# failures that say nothing of the page, only that nobody was reached
UNREACHED = ("dns", "connect", "timeout")


@dataclass(slots=True)
class _Visit:
    """One fetch on its way through its redirects."""

    headers: list[tuple[bytes, bytes]]
    allowance: Allowance
    seconds: float  # left for asking; waiting for one's turn does not count
    limit: int
    cut: bool = False  # a longer body is cut rather than refused
    form: bytes | None = None  # to be sent; None: a page is asked for
    cookies: dict[str, dict[bytes, bytes]] = field(default_factory=dict)  # by origin


class Fetcher:
    """Fetches pages politely. An async context manager; one for the whole program, used from one event loop.

    *own* are (host, port) of the service itself, where no page may lead; *robots* keeps robots.txt between processes;
    *resolve* is how names are looked up and *now* the clock that ages are judged by.
    """

    def __init__(
        self,
        settings: FetchSettings,
        user_agent: str,
        *,
        own: Collection[tuple[str, int]] = (),
        robots: RobotsMemory | None = None,
        resolve: Resolve = resolve,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._now = now
        own = () if settings.allow_private_networks else own
        self._guard = Guard(own, resolve, seconds=settings.idle_seconds)
        self._turns = Turns()
        self._rests = Rests()
        self._token = token_of(user_agent)
        self._memory: RobotsMemory = robots or ProcessMemory()
        self._robots: dict[str, Robots] = {}
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # by what is allowed: connections made under an allowance must not serve those who have none
        self._transports: dict[tuple[bool, bool], httpx.AsyncBaseTransport] = {}
        self._headers = [
            (b"User-Agent", user_agent.encode()),
            (b"Accept", ACCEPT),
            (b"Accept-Language", b"zh-CN,zh;q=0.9,en;q=0.5"),
            (b"Accept-Encoding", b"gzip, deflate"),  # what decode.py can bound
        ]
        self._extensions = {"timeout": httpx.Timeout(settings.idle_seconds).as_dict()}

    async def __aenter__(self) -> "Fetcher":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._transports.values():
            await one.aclose()
        self._transports.clear()

    async def fetch(
        self, url: str, validators: Validators | None = None, *, allowance: Allowance = NOTHING_ALLOWED
    ) -> Response:
        """What the server says of *url*: a 2xx or 304 answer, the body decompressed. Raises FetchError for all else."""
        headers = self._headers + conditional(validators)
        visit = _Visit(headers, allowance, self._settings.timeout_seconds, self._settings.max_bytes)
        response = await self._follow(visit, url, obey=self._settings.respect_robots)
        if 200 <= response.status < 300 or response.not_modified:
            return response
        raise refusal(response, self._now())

    async def fetch_picture(self, url: str, page: str) -> Response:
        """The picture at *url*, asked for as a browser does that shows *page*: campus servers serve no other page.

        A person wants to see it now, so robots.txt is not asked (RFC 9309 §1 is about crawlers). Raises FetchError.
        """
        headers = [pair for pair in self._headers if pair[0] != b"Accept"]
        headers += [(b"Accept", ACCEPT_PICTURES), (b"Referer", _parsed(page).url.encode())]
        visit = _Visit(headers, NOTHING_ALLOWED, self._settings.timeout_seconds, self._settings.max_bytes)
        response = await self._follow(visit, url, obey=False)
        if response.status == 200:
            return response
        raise refusal(response, self._now())

    async def send_form(self, url: str, form: Mapping[str, str]) -> Response:
        """What the server says to *form*: a 2xx answer. Raises FetchError for all else.

        The form follows redirects that keep the method and no other (RFC 9110 §15.4.8, §15.4.9; WebSub §5.1.2).
        """
        content = urlencode(form).encode()
        kind = [(b"Content-Type", b"application/x-www-form-urlencoded"), (b"Content-Length", b"%d" % len(content))]
        settings = self._settings
        visit = _Visit(
            self._headers + kind, NOTHING_ALLOWED, settings.timeout_seconds, settings.max_bytes, form=content
        )
        response = await self._follow(visit, url, obey=False)  # robots.txt is about pages
        if 200 <= response.status < 300:
            return response
        status = response.status
        raise FetchError(f"{response.url} answered {status} to a form", cause="status", status=status)

    async def _follow(self, visit: _Visit, url: str, *, obey: bool) -> Response:
        """The first answer that is no redirect, whatever its status."""
        written = url
        for_good = True
        for hop in range(MAX_REDIRECTS + 1):
            address = _parsed(written)
            pause = await self._obey(address, visit.allowance) if obey else 0.0
            response = await self._ask(visit, address, written, pause)
            if response.status not in (REDIRECTS if visit.form is None else KEEPING):
                return replace(response, moved_to=written) if hop and for_good else response
            target = response.headers.get("location", "")
            if not target:
                raise FetchError(f"{written} redirects ({response.status}) without saying where", cause="redirect")
            try:
                written = urljoin(written, target.replace("\\", "/"))
            except ValueError as error:
                raise FetchError(
                    f"{written} redirects to {target[:200]!r}, which is no address", cause="redirect"
                ) from error
            for_good &= response.status in PERMANENT
        raise FetchError(
            f"{url} redirects more than {MAX_REDIRECTS} times, last to {written}; correct the source's url",
            cause="redirect",
        )

    # ---------------------------------------------------------------- robots.txt

    async def _obey(self, address: Address, allowance: Allowance) -> float:
        """The pause that the host's robots.txt wants between requests. Raises FetchError where it forbids this one."""
        robots = await self._robots_of(address.origin, allowance)
        if robots.file.read_at is None:
            file = robots.file
            raise FetchError(
                f"{address.origin}/robots.txt cannot be read ({file.reason}), and without it nothing may be visited "
                f"there (RFC 9309 §2.3.1.4); it is asked for again at {file.ask_at:%Y-%m-%d %H:%M} UTC",
                cause="robots",
                retry_after=file.ask_at - self._now(),
            )
        if not robots.allows(address.target):
            raise FetchError(
                f"{address.url} may not be visited: {address.origin}/robots.txt keeps {self._token} out; "
                "remove the source or ask its publisher",
                cause="robots",
            )
        return robots.delay_seconds

    async def _robots_of(self, origin: str, allowance: Allowance) -> Robots:
        """The robots.txt of *origin*, asked for when there is no fresh one; who comes meanwhile waits for it."""
        known = self._robots.get(origin)
        if known and known.file.ask_at > self._now():
            return known
        lock = self._asking.get(origin) or asyncio.Lock()
        self._asking[origin] = lock
        async with lock:
            known = self._robots.get(origin)
            if known is None and (file := self._memory.get(origin)):
                known = Robots(file, self._token)
            if known is None or known.file.ask_at <= self._now():
                known = Robots(await self._ask_robots(origin, known.file if known else None, allowance), self._token)
            self._robots[origin] = known
            if len(self._robots) > ROBOTS_REMEMBERED:
                del self._robots[next(iter(self._robots))]
            return known

    async def _ask_robots(self, origin: str, known: RobotsFile | None, allowance: Allowance) -> RobotsFile:
        """What *origin* says now, or what holds while it says nothing. Raises FetchError where nobody is reached."""
        visit = _Visit(self._headers, allowance, self._settings.timeout_seconds, ROBOTS_BYTES, cut=True)
        failure: FetchError | None = None
        try:
            answer = await self._follow(visit, origin + "/robots.txt", obey=False)
            if answer.status >= 500:
                file = unreadable(origin, known, f"it answers {answer.status}", self._now())
            else:
                file = readable(origin, answer.status, answer.content_type, answer.body, self._now())
        except FetchError as error:
            if error.cause in ("redirect", "address"):  # RFC 9309 §2.3.1.2: it leads nowhere, so there is none
                file = readable(origin, 404, None, b"", self._now())
            else:
                failure = error
                file = unreadable(origin, known, str(error), self._now())
        if failure and failure.cause in UNREACHED and file.read_at is None:
            # nothing is known of robots.txt, only that nobody is there: whoever comes next may try
            file = replace(file, ask_at=self._now())
        await asyncio.to_thread(self._memory.put, file)
        if failure and (file.read_at is None or failure.retry_after):
            raise failure  # of the host rather than of its robots.txt
        return file

    # ---------------------------------------------------------------- one request

    async def _ask(self, visit: _Visit, address: Address, written: str, pause: float) -> Response:
        """What the server of *address* answers, asked when it is its turn."""
        private = self._settings.allow_private_networks or (
            visit.allowance.private_networks and _is_at_home(address, visit.allowance)
        )
        host = f"{address.host}:{address.port}"
        self._refuse_resting(address, host)
        try:
            turn = self._turns.of((address.turn, *await self._places(address, private)))
        except OSError as error:
            raise self._failed(address, host, error) from error
        async with turn.lock:
            self._refuse_resting(address, host)  # it may have failed while we waited
            if rest := self._rests.of(host):
                await asyncio.sleep(rest.seconds)
            await turn.wait()
            try:
                response = await self._exchange(visit, address, written, private)
            except (httpx.HTTPError, httpx.InvalidURL, *WIRE_ERRORS) as error:
                raise self._failed(address, host, error) from error
            finally:
                turn.free_at = asyncio.get_running_loop().time() + max(self._settings.per_host_delay_seconds, pause)
        wait = retry_after(response, self._now())
        if wait:
            self._rests.asked_for(host, wait.total_seconds(), response.status)
        else:
            self._rests.reached(host)
        return response

    async def _places(self, address: Address, private: bool) -> list[str]:
        """The addresses that a request would go to, as keys of a turn. Raises OSError where it must not go there."""
        if self._settings.proxy:  # which looks names up itself
            if is_number(address.host) and reach(address.host) not in (
                ("public", "private") if private else ("public",)
            ):
                raise ForbiddenAddressError(address.host, reach(address.host))
            return []
        found = await self._guard.addresses(address.host, address.port, private=private)
        # this machine's ports are as many machines
        return [f"{one}:{address.port}" if one == "::1" or one.startswith("127.") else one for one in found]

    async def _exchange(self, visit: _Visit, address: Address, written: str, private: bool) -> Response:
        headers = visit.headers
        if cookies := visit.cookies.get(address.origin):
            headers = [*headers, (b"Cookie", b"; ".join(b"%b=%b" % pair for pair in cookies.items()))]
        wire = self._transport(private, visit.allowance.invalid_certificate and _is_at_home(address, visit.allowance))
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(visit.seconds) as timer:
                method = "GET" if visit.form is None else "POST"
                request = httpx.Request(
                    method, _url(address.url), headers=headers, content=visit.form, extensions=self._extensions
                )
                answer = await wire.handle_async_request(request)
                try:
                    body = b""
                    if 200 <= answer.status_code < 300:
                        body = await read_body(answer, written, visit.limit, cut=visit.cut)
                    elif answer.status_code >= 400 and not visit.cut:
                        body = await _beginning(answer, written)
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise FetchError(
                f"{written} did not answer within {self._settings.timeout_seconds:g} seconds", cause="timeout"
            ) from error
        finally:
            visit.seconds = max(visit.seconds - (loop.time() - started), 0.0)
        if answer.status_code in REDIRECTS:
            visit.cookies.setdefault(address.origin, {}).update(cookies_set(answer.headers.raw))
        return Response(written, answer.status_code, body, fields(answer.headers.raw))

    def _transport(self, private: bool, trusting: bool) -> httpx.AsyncBaseTransport:
        kind = (private, trusting)
        if kind not in self._transports:
            self._transports[kind] = transport(
                self._settings, self._guard, tls_context(verify=not trusting), private=private
            )
        return self._transports[kind]

    # ---------------------------------------------------------------- whom we leave alone

    def _failed(self, address: Address, host: str, error: BaseException) -> FetchError:
        said = fault(address.url, address.host, error, self._settings.idle_seconds)
        if said.cause in UNREACHED:
            self._rests.failed(host, said.cause, str(said))
        return said

    def _refuse_resting(self, address: Address, host: str) -> None:
        """Raise FetchError while *host* is left alone for longer than one waits."""
        rest = self._rests.of(host)
        if rest and rest.seconds > PATIENT_SECONDS:
            wait = timedelta(seconds=round(rest.seconds))
            raise FetchError(
                f"{address.url} is not asked now: {rest.reason}; {host} is left alone for {wait} more",
                cause=rest.cause,
                status=rest.status,
                retry_after=wait,
            )


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


async def _beginning(answer: httpx.Response, url: str) -> bytes:
    """What a refusal says of its reason, at most REFUSAL_BYTES of it; what cannot be read soon is left out."""
    body = bytearray()
    try:
        async with asyncio.timeout(REFUSAL_SECONDS):
            async for piece in decoded(answer, url, REFUSAL_BYTES):
                body += piece
                if len(body) >= REFUSAL_BYTES:
                    break
    except (FetchError, httpx.HTTPError, *WIRE_ERRORS) as error:  # the status has been said
        log.debug("%s: %d bytes of its refusal were read: %s", url, len(body), error)
    return bytes(body[:REFUSAL_BYTES])


def _parsed(url: str) -> Address:
    try:
        return parse(url)
    except ValueError as error:
        raise FetchError(f"{url[:200]!r} is not an address that can be visited: {error}", cause="address") from error


def _is_at_home(address: Address, allowance: Allowance) -> bool:
    return domain_of(address.url) == domain_of(allowance.home)
