"""URL and validators in, Response out: the only door to the network.

Follows redirects itself, checks every address it connects to, asks robots.txt first, and never asks one machine for two
things at a time. Connecting, decompressing, judging addresses and waiting stand beside it.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from urllib.parse import urlencode, urljoin
from weakref import WeakValueDictionary

from aggregator.errors import FetchError
from aggregator.gather.address import Address, parse
from aggregator.gather.answer import conditional, cookies_set, fields, refusal, retry_after
from aggregator.gather.connect import Answer, Wire, open_wire
from aggregator.gather.decode import Body
from aggregator.gather.fault import Kinds, Troubles, fault
from aggregator.gather.guard import ForbiddenAddressError, Guard, Resolve, is_number, reach, resolve
from aggregator.gather.robots import MAX_BYTES as ROBOTS_BYTES
from aggregator.gather.robots import ProcessMemory, Robots, RobotsMemory, readable, token_of, unreadable
from aggregator.gather.turns import Rests, Turns
from aggregator.identity import domain_of
from aggregator.mask import masked
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
    "text/html, application/xhtml+xml, application/atom+xml, application/rss+xml, "
    "application/feed+json, application/xml;q=0.9, */*;q=0.5"
)
ACCEPT_PICTURES = "image/avif, image/webp, image/png, image/jpeg, image/gif, image/*;q=0.5"
# of the page with which a server refuses
REFUSAL_BYTES = 65_536
REFUSAL_SECONDS = 5.0
NOTHING_ALLOWED = Allowance()
ROBOTS_REMEMBERED = 2000
# failures that say nothing of the page, only that nobody was reached
UNREACHED = ("dns", "connect", "timeout")


@dataclass(slots=True)
class _Visit:
    """One fetch on its way through its redirects."""

    fields: list[tuple[str, str]]
    allowance: Allowance
    seconds: float  # left for asking; waiting for one's turn does not count
    limit: int
    cut: bool = False  # a longer body is cut rather than refused
    method: str = "GET"
    form: bytes | None = None  # to be sent
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)  # by origin


class Fetcher:
    """Fetches pages politely. An async context manager; one for the whole program, used from one event loop.

    *own* are (host, port) of the service itself, where no page may lead; *robots* keeps robots.txt between processes;
    *resolve* is how names are looked up and *now* the clock that ages are judged by. *asks_lengths* says whether
    servers are to be asked how long their files are.
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
        self.asks_lengths = settings.file_lengths
        self._now = now
        own = () if settings.allow_private_networks else own
        self._guard = Guard(own, resolve, seconds=settings.idle_seconds)
        self._turns = Turns()
        self._rests = Rests()
        self._token = token_of(user_agent)
        self._memory: RobotsMemory = robots or ProcessMemory()
        self._robots: dict[str, Robots] = {}
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._keeping = asyncio.Lock()
        # by what is allowed: connections made under an allowance must not serve those who have none
        self._wires: dict[tuple[bool, bool], Wire] = {}
        self._fields = [
            ("User-Agent", user_agent),
            ("Accept", ACCEPT),
            ("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.5"),
            ("Accept-Encoding", "gzip, deflate"),  # what decode.py can bound
        ]

    async def __aenter__(self) -> "Fetcher":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._wires.values():
            await one.close()
        self._wires.clear()

    async def fetch(
        self, url: str, validators: Validators | None = None, *, allowance: Allowance = NOTHING_ALLOWED
    ) -> Response:
        """What the server says of *url*: a 2xx or 304 answer, the body decompressed. Raises FetchError for all else."""
        asked = self._fields + conditional(validators)
        visit = _Visit(asked, allowance, self._settings.timeout_seconds, self._settings.max_bytes)
        response = await self._follow(visit, url, obey=self._settings.respect_robots)
        # of a page of which a part came (206) nobody knows what the rest says
        if (200 <= response.status < 300 and response.status != 206) or response.not_modified:
            return response
        raise refusal(response, self._now())

    async def fetch_picture(self, url: str, page: str) -> Response:
        """The picture at *url*, asked for as a browser does that shows *page*: campus servers serve no other page.

        A person wants to see it now, so robots.txt is not asked (RFC 9309 §1 is about crawlers). Raises FetchError.
        """
        asked = [pair for pair in self._fields if pair[0] != "Accept"]
        asked += [("Accept", ACCEPT_PICTURES), ("Referer", _parsed(page).url)]
        visit = _Visit(asked, NOTHING_ALLOWED, self._settings.timeout_seconds, self._settings.max_bytes)
        response = await self._follow(visit, url, obey=False)
        if response.status == 200:
            return response
        raise refusal(response, self._now())

    async def fetch_header(self, url: str, *, allowance: Allowance = NOTHING_ALLOWED) -> Response:
        """What the server says of the file at *url*, which stays there (HEAD). Raises FetchError for all but a 200."""
        asked = [pair for pair in self._fields if pair[0] != "Accept-Encoding"] + [("Accept-Encoding", "identity")]
        visit = _Visit(asked, allowance, self._settings.timeout_seconds, 0, method="HEAD")
        response = await self._follow(visit, url, obey=self._settings.respect_robots)
        if response.status == 200:
            return response
        raise refusal(response, self._now())

    async def send_form(self, url: str, form: Mapping[str, str]) -> Response:
        """What the server says to *form*: a 2xx answer. Raises FetchError for all else.

        The form follows redirects that keep the method and no other (RFC 9110 §15.4.8, §15.4.9; WebSub §5.1.2).
        """
        content = urlencode(form).encode()
        kind = [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", str(len(content)))]
        visit = _Visit(
            self._fields + kind,
            NOTHING_ALLOWED,
            self._settings.timeout_seconds,
            self._settings.max_bytes,
            method="POST",
            form=content,
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
                there = urljoin(written, target.replace("\\", "/"))
                parse(there)
            except ValueError as error:
                raise FetchError(
                    f"{written} redirects to {target[:200]!r}, which is no address: {error}", cause="redirect"
                ) from error
            written = there
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
        lock = self._asking[origin] = self._asking.get(origin) or asyncio.Lock()
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
        visit = _Visit(self._fields, allowance, self._settings.timeout_seconds, ROBOTS_BYTES, cut=True)
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
                file = unreadable(origin, known, _apart_from(f"{origin}/robots.txt", error), self._now())
        if failure and failure.cause in (*UNREACHED, "tls") and file.read_at is None:
            # nothing is known of robots.txt, only that nobody is there: whoever comes next may try
            file = replace(file, ask_at=self._now())
        async with self._keeping:  # one at a time: each thread would take a connection to the database
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
        wire = self._wire(private, visit.allowance.invalid_certificate and _is_at_home(address, visit.allowance))
        host = f"{address.host}:{address.port}"
        self._refuse_resting(address, host)
        try:
            turn = self._turns.of((address.turn, *await self._places(address, private)))
        except OSError as error:
            raise self._failed(visit, address, host, error, wire) from error
        async with turn.lock:
            self._refuse_resting(address, host)  # it may have failed while we waited
            if rest := self._rests.of(host):
                await asyncio.sleep(rest.seconds)
            await turn.wait()
            try:
                response = await self._exchange(visit, address, written, wire)
            except wire.troubles.every as error:
                raise self._failed(visit, address, host, error, wire) from error
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

    async def _exchange(self, visit: _Visit, address: Address, written: str, wire: Wire) -> Response:
        sent = visit.fields
        if cookies := visit.cookies.get(address.origin):
            sent = [*sent, ("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))]
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(visit.seconds) as timer:
                answer = await wire.send(visit.method, address.url, sent, visit.form)
                try:
                    header = fields(answer.fields)
                    body = await _body(answer, written, header, visit, wire.troubles)
                finally:
                    await answer.close()
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise FetchError(
                f"{written} did not answer within {self._settings.timeout_seconds:g} seconds", cause="timeout"
            ) from error
        finally:
            visit.seconds = max(visit.seconds - (loop.time() - started), 0.0)
        if answer.status in REDIRECTS:
            visit.cookies.setdefault(address.origin, {}).update(cookies_set(answer.fields))
        if log.isEnabledFor(logging.DEBUG):
            took = (loop.time() - started) * 1000
            log.debug("fetch url=%s status=%d bytes=%d ms=%.0f", masked(written), answer.status, len(body), took)
        return Response(written, answer.status, body, header)

    def _wire(self, private: bool, trusting: bool) -> Wire:
        kind = (private, trusting)
        if kind not in self._wires:
            self._wires[kind] = open_wire(self._settings, self._guard, private=private, trusting=trusting)
        return self._wires[kind]

    # ---------------------------------------------------------------- whom we leave alone

    def _failed(self, visit: _Visit, address: Address, host: str, error: BaseException, wire: Wire) -> FetchError:
        said = fault(address.url, address.host, error, self._settings.idle_seconds, wire.troubles)
        if said.cause in UNREACHED and visit.method != "HEAD":  # whoever drops that may answer all else
            self._rests.failed(host, said.cause, _apart_from(address.url, said))
        log.debug("fetch url=%s cause=%s", masked(address.url), said.cause)
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


async def _body(answer: Answer, url: str, header: Mapping[str, str], visit: _Visit, troubles: Troubles) -> bytes:
    """What *answer* holds that is of use: all of a page, the beginning of a refusal, nothing of a redirect."""
    if visit.method == "HEAD" or not (200 <= answer.status < 300 or (answer.status >= 400 and not visit.cut)):
        return b""
    body = Body(url, answer.status, header, answer.pieces())
    if answer.status < 300:
        return await body.whole(visit.limit, cut=visit.cut)
    unread: Kinds = (FetchError, *troubles.every)
    reason = bytearray()
    try:
        async with asyncio.timeout(REFUSAL_SECONDS):
            async for piece in body.decoded(REFUSAL_BYTES):
                reason += piece
                if len(reason) >= REFUSAL_BYTES:
                    break
    except unread as error:  # the status has been said
        log.debug("%s: %d bytes of its refusal were read: %s", url, len(reason), error)
    return bytes(reason[:REFUSAL_BYTES])


def _apart_from(url: str, error: FetchError) -> str:
    """What *error* says, without the address it begins with: for a sentence that names one already."""
    return str(error).removeprefix(url).lstrip(": ")


def _parsed(url: str) -> Address:
    try:
        return parse(url)
    except ValueError as error:
        raise FetchError(f"{url[:200]!r} is not an address that can be visited: {error}", cause="address") from error


def _is_at_home(address: Address, allowance: Allowance) -> bool:
    return domain_of(address.url) == domain_of(allowance.home)
