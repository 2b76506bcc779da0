"""How often one client may ask for what costs: a token bucket for each, in the memory of this process (RFC 6585 §4)."""

import threading
from collections import OrderedDict
from datetime import datetime
from ipaddress import IPv4Address, ip_address

MOST_CLIENTS = 10_000  # remembered; beyond that who has asked longest ago starts afresh


class Limit:
    """Lets a client spend *most* at once (else *per_minute*), and *per_minute* again in every minute.

    Safe to use from several threads.
    """

    def __init__(self, per_minute: float, most: float | None = None) -> None:
        self._rate = per_minute / 60
        self._most = most or per_minute
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str, now: datetime, price: float = 1.0) -> float:
        """Take *price* from what *client* (an IP address) has left: 0.0, or how many seconds it has to wait first."""
        name = _network(client)
        with self._lock:
            left, before = self._left.pop(name, (self._most, now))
            left = min(self._most, left + max(0.0, (now - before).total_seconds()) * self._rate)
            missing = price - left
            self._left[name] = (left if missing > 0 else left - price), now
            if len(self._left) > MOST_CLIENTS:
                self._left.popitem(last=False)
        return max(0.0, missing / self._rate)


def _network(client: str) -> str:
    """One household has 2**64 addresses of IPv6: they count as one (RFC 6177)."""
    try:
        address = ip_address(client)
    except ValueError:  # a socket's name
        return client
    if isinstance(address, IPv4Address):
        return client
    # a socket for both versions names who comes by IPv4 so (RFC 4291 §2.5.5.2)
    return str(address.ipv4_mapped) if address.ipv4_mapped else address.exploded[:19]
