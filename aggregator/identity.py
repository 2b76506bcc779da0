"""URLs to what an entry is known by: a key that is the same for every address of one article, and the slug.

Knows no page and no database. What one CMS calls the same article comes as data from rules/families/.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

# parameters that tell who is asking or where the link stood, never which article
TRACKING = re.compile(r"utm_[a-z]+|spm|share_token|jsessionid|phpsessid|sessionid", re.IGNORECASE)
# most addresses: what stands behind the scheme is the key
PLAIN = re.compile(r"https?://([a-z0-9.-]+(?::(?!80/|443/)(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?/[!-\"$-:<->@-\[\]-~]*)")
PATH_SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
# second labels under which countries give out names: edu.cn, ac.uk, com.hk, go.jp, or.kr (publicsuffix.org)
SECOND_LEVEL = frozenset(
    "ac ad co com edu ed gob go gouv gov govt gr idv lg ltd mil ne net nom or org plc re res sch school".split()  # noqa: SIM905
)
# likewise the provinces of China: tj.cn
PROVINCES = set(
    "ah bj cq fj gd gs gx gz ha hb he hi hk hl hn jl js jx ln mo nm nx qh sc sd sh sn sx tj tw xj xz yn zj".split()  # noqa: SIM905
)
# domains whose every subdomain belongs to somebody else
SHARED = {
    *("github.io", "gitee.io", "gitlab.io", "pages.dev", "workers.dev", "netlify.app", "vercel.app", "web.app"),
    *("wordpress.com", "blogspot.com", "readthedocs.io", "herokuapp.com", "azurewebsites.net", "cloudfront.net"),
    *("aliyuncs.com", "myqcloud.com"),
}
SLUG = re.compile(r"\w[\w.~-]{0,79}")
LONGEST_SLUG = 200  # bytes; names of files have 255, and a day and an ending besides
LONGEST_KEY = 2500  # bytes; PostgreSQL indexes no more than 2,704
DEFAULT_PORTS = {"http": 80, "https": 443}


def slug(url: str) -> str:
    """MD5 hex of the article's address as the source links it, without the fragment: the ancestor's ``urlname``."""
    return hashlib.md5(without_fragment(url).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def is_slug(name: str) -> bool:
    """Whether *name* may be an entry's part of an address and the name of its file; two mean something to Hugo."""
    return bool(SLUG.fullmatch(name)) and len(name.encode("utf-8")) <= LONGEST_SLUG and name not in ("index", "_index")


def identity(url: str, same: Iterable[tuple[str, str]] = ()) -> str:
    """The key of the article at *url*: ``host/path?query`` without scheme, default port, fragment, session or tracking.

    *same* holds (regular expression, replacement) pairs of the families, tried in order on that key.
    Never raises: an address that is none is its own key.
    """
    return bounded(_identity(url, same))


def _identity(url: str, same: Iterable[tuple[str, str]]) -> str:
    if plain := PLAIN.fullmatch(url):
        key = plain[1]
    else:
        url = without_fragment(url.strip())
        try:
            key = _key(urlsplit(url))
        except ValueError:
            return url
    for pattern, replacement in _compiled(tuple(same)):
        if found := pattern.search(key):
            return key[: found.start()] + found.expand(replacement) + key[found.end() :]
    return key


def bounded(key: str) -> str:
    """*key*, or where PostgreSQL could not index it (2,704 bytes) its beginning and a hash of all of it."""
    if len(key) <= LONGEST_KEY // 4 or len(written := key.encode("utf-8", "surrogatepass")) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY // 8]} {hashlib.md5(written, usedforsecurity=False).hexdigest()}"


def _key(parts: SplitResult) -> str:
    """Raises ValueError for a port that is none."""
    host, port = (parts.hostname or "").lower(), parts.port
    if port is not None and port != DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    query = parts.query
    if query:
        query = "&".join(part for part in query.split("&") if part and not TRACKING.fullmatch(part.partition("=")[0]))
    path = PATH_SESSION.sub("", parts.path) if ";" in parts.path else parts.path
    key = host + (path or "/") + ("?" + query if query else "")
    return f"{key}#{parts.fragment}" if parts.fragment else key


def without_fragment(url: str) -> str:
    """*url* without what stands behind #, unless that is a script-made page's route (``#/news/7``, ``#!news/7``)."""
    address, _, fragment = url.partition("#")
    return url if fragment.startswith(("/", "!")) else address


def domain_of(url: str) -> str:
    """The part of a host that names its owner: nankai.edu.cn of news.nankai.edu.cn; a number whole; "" for no host."""
    return _domain(_host_and_port(url)[0])


@lru_cache(maxsize=4096)  # asked several times a poll, of each source that is being polled
def turn_of(url: str) -> str:
    """Whose turn a request to *url* takes: its host's owner's. Each port of this machine is an owner by itself."""
    host, port = _host_and_port(url)
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return f"{host}:{port}"
    return _domain(host)


def _host_and_port(url: str) -> tuple[str, int | None]:
    """Empty for what is no address."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", None


@lru_cache(maxsize=4096)
def _domain(host: str) -> str:
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit() or len(labels) < 3:
        return host
    first, second = labels[-1], labels[-2]
    given_out = len(first) == 2 and (second in SECOND_LEVEL or (first == "cn" and second in PROVINCES))
    count = 3 if given_out or f"{second}.{first}" in SHARED else 2
    return ".".join(labels[-count:])


@lru_cache(maxsize=8)
def _compiled(same: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in same)
