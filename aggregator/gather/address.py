"""An address as it is written, in the form in which it is sent: the host as DNS knows it, all else percent-encoded.

Knows no network: whether an address may be visited is guard.py's to say.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

import idna

from aggregator.identity import turn_of

# what RFC 3986 lets stand in a path and query; "%" too, so that nothing is encoded twice
SAFE = "%/:=&?~#+!$,;'@()*[]"
STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# a host whose last label is a number is an address to every resolver (WHATWG URL, "ends in a number")
NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
DOTTED = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST = 8000  # RFC 9110 §4.1 asks for as much
LONGEST_HOST = 253  # RFC 1035 §2.3.4, without the last dot
# most addresses: a plain name, nothing to encode
PLAIN = re.compile(r"(https?)://([a-z0-9_.-]*[a-z])(/(?:[\w./:=&?~+!$,;'@()*-]|%[0-9A-Fa-f]{2})*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """One http or https address, ready to be asked."""

    url: str  # ASCII, without fragment and userinfo
    scheme: str
    host: str  # ASCII, lower case; an IPv6 address without brackets
    port: int
    origin: str  # scheme, host and port: what a robots.txt and a cookie are good for (RFC 9309 §2.3)
    target: str  # path and query
    turn: str  # identity.turn_of it


@lru_cache(maxsize=4096)
def parse(url: str) -> Address:
    """The Address that *url* writes, in any script and encoded or not. Raises ValueError with the reason."""
    if len(url) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST:,} characters")
    if (plain := PLAIN.fullmatch(url)) and len(plain[2]) < LONGEST_HOST:
        return _address(plain[1], plain[2], DEFAULT_PORTS[plain[1]], plain[3])
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https"):
        raise ValueError("it does not begin with http:// or https://")
    host = _host(parts.hostname or "")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    path = parts.path.replace("\\", "/") or "/"
    target = path + ("?" + parts.query if parts.query else "")
    target = quote(STRAY_PERCENT.sub("%25", target), safe=SAFE, errors="surrogateescape")
    return _address(parts.scheme, host, port, target)


def _address(scheme: str, host: str, port: int, target: str) -> Address:
    origin = f"{scheme}://[{host}]" if ":" in host else f"{scheme}://{host}"
    if port != DEFAULT_PORTS[scheme]:
        origin += f":{port}"
    return Address(origin + target, scheme, host, port, origin, target, turn_of(origin))


def location(field: bytes) -> str:
    """A Location field as text: UTF-8 where it is that; each byte of anything else (raw GBK) percent-encoded."""
    try:
        return field.decode().strip()
    except UnicodeDecodeError:
        return quote(field, safe=SAFE + " \\").strip()


def _host(host: str) -> str:
    """*host* as DNS knows it (RFC 5891, mapped as UTS 46 does); numbers only in the one form everybody reads alike."""
    if not host or len(host) > LONGEST_HOST:
        raise ValueError("it names no host")
    if ":" in host:
        return host  # urlsplit has checked that it is IPv6
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"its host is no domain name: {error}") from error
    if NUMBER.fullmatch(host) and not DOTTED.fullmatch(host):
        raise ValueError("its host is a number that programs read differently")
    if not re.fullmatch(r"[a-z0-9_.-]+", host):
        raise ValueError("its host has characters that no domain name has")
    return host
