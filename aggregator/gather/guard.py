"""Names in, addresses that may be connected to out: the guard against requests that reach inside (SSRF).

Whoever connects gets judged addresses and connects to those, so that a name cannot lead elsewhere a moment later.
Knows no HTTP.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Collection
from functools import lru_cache
from typing import Literal

Reach = Literal["public", "private", "never"]

# a name's addresses are believed for so long: what a page and its articles take
CACHE_SECONDS = 60
ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - what a service that listens on all addresses calls itself
NAMES_REMEMBERED = 10_000


def _networks(*networks: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(one) for one in networks]


# Intranets: RFC 1918, shared (RFC 6598), loopback, unique local (RFC 4193), site-local (RFC 3879).
PRIVATE = _networks(
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "::1/128", "fc00::/7", "fec0::/10"
)  # fmt: skip
# Nobody's pages: "this" network, link-local, protocol assignments, documentation, 6to4 relays, benchmarks, multicast,
# reserved (the IANA special-purpose registries, RFC 6890; not is_global, which changed between patches of Python)
# and the metadata services of clouds that stand at other addresses (Alibaba, Azure, Amazon).
NEVER = _networks(
    "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128",
)  # fmt: skip
GLOBAL = ipaddress.ip_network("2000::/3")  # all global unicast IPv6 addresses (RFC 4291 §2.4)
# inside it: Teredo, ORCHID and other protocols; documentation; 6to4, which carries any IPv4 address (RFC 7526)
NEVER_GLOBAL = _networks("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16")
# IPv4 addresses inside IPv6 ones that lead to them: mapped (RFC 4291), NAT64 (RFC 6052)
EMBEDDED = _networks("::ffff:0:0/96", "64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """A name led to an address that we must not visit; *args* are the address and its reach."""

    def __init__(self, address: str, reach: Reach) -> None:
        super().__init__(address, reach)
        self.address = address
        self.reach = reach


@lru_cache(maxsize=NAMES_REMEMBERED)
def reach(address: str) -> Reach:
    """Whether *address* is one of the public internet, of an intranet, or one that is never visited."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        if any(one in network for network in EMBEDDED):
            return reach(str(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)))
        if any(one in network for network in NEVER):
            return "never"
        if any(one in network for network in PRIVATE):
            return "private"
        return "never" if one not in GLOBAL or any(one in network for network in NEVER_GLOBAL) else "public"
    if any(one in network for network in NEVER):
        return "never"
    return "private" if any(one in network for network in PRIVATE) else "public"


def is_number(host: str) -> bool:
    """Whether *host* is an address rather than a name."""
    return ":" in host or host.rpartition(".")[2].isdigit()


class Guard:
    """Finds the addresses of names. *own* are (host, port) pairs of this service that even an intranet's page must
    not lead to: its pages, its database; empty where everything may be visited."""

    def __init__(self, own: Collection[tuple[str, int]], resolve: "Resolve", *, seconds: float) -> None:
        self._own = own
        self._resolve = resolve
        self._seconds = seconds  # how long it may take
        self._found: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._running: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def addresses(self, host: str, port: int, *, private: bool) -> tuple[str, ...]:
        """The addresses of *host* that may be connected to, best first; with *private* those of intranets too.

        Raises ForbiddenAddressError where no address is left, socket.gaierror for a name that is not known.
        """
        found = (host,) if is_number(host) else await self._lookup(host)
        allowed = tuple([one for one in found if reach(one) == "public" or (private and reach(one) == "private")])
        if not allowed:
            raise ForbiddenAddressError(found[0], reach(found[0]))
        for name, own_port in self._own:
            if port == own_port:
                await self._check_own(name, allowed)
        return allowed

    async def _check_own(self, name: str, addresses: Collection[str]) -> None:
        """Refuse *addresses* where one is *name*'s; a service that listens on no address in particular has them all."""
        theirs = set() if name in ANYWHERE else {name} if is_number(name) else set(await self._lookup(name))
        for one in addresses:
            if one in theirs or (not theirs and _is_ours(one)):
                raise ForbiddenAddressError(one, "never")

    async def _lookup(self, host: str) -> tuple[str, ...]:
        now = asyncio.get_running_loop().time()
        if (known := self._found.get(host)) and known[0] > now:
            return known[1]
        task = self._running.get(host)
        if task is None:
            task = self._running[host] = asyncio.ensure_future(self._resolve(host))
            task.add_done_callback(lambda done: self._resolved(host, done))
        try:
            # one who gives up waiting must not cancel the others
            return await asyncio.wait_for(asyncio.shield(task), self._seconds)
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, f"DNS did not answer within {self._seconds:g} seconds") from error

    def _resolved(self, host: str, task: "asyncio.Future[tuple[str, ...]]") -> None:
        del self._running[host]
        if len(self._found) > NAMES_REMEMBERED:
            self._found.clear()
        if not task.cancelled() and task.exception() is None:
            self._found[host] = (asyncio.get_running_loop().time() + CACHE_SECONDS, task.result())


# all addresses of a name, best first; raises socket.gaierror
Resolve = Callable[[str], Awaitable[tuple[str, ...]]]


async def resolve(host: str) -> tuple[str, ...]:
    """What the system says of *host*, asked in a thread of its own: one hanging name server must not hold up others."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, ...]] = loop.create_future()

    def settle(found: tuple[str, ...], error: Exception | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(found)

    def work() -> None:
        found: tuple[str, ...] = ()
        error: Exception | None = None
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found = tuple(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as fault:  # UnicodeError: a label that is too long
            error = fault if isinstance(fault, OSError) else socket.gaierror(socket.EAI_NONAME, str(fault))
        try:
            loop.call_soon_threadsafe(settle, found, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=work, name=f"dns {host}", daemon=True).start()
    return await answer


def _is_ours(address: str) -> bool:
    """Whether *address* is this machine's: then it is also where a datagram to it would come from. Sends nothing."""
    if ipaddress.ip_address(address).is_loopback:
        return True
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False  # no way leads there
        return bool(probe.getsockname()[0] == address)
