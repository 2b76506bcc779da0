"""URLs to what an entry is known by: a key that is the same for every address of one article, and the slug.

Knows no page and no database. What one CMS calls the same article comes as data from rules/families/.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

# parameters that tell who is asking or where the link stood, never which article
TRACKING = re.compile(r"utm_[a-z]+|spm|share_token|jsessionid|phpsessid|sessionid", re.IGNORECASE)
PATH_SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
# second labels under which names are given out: edu.cn, ac.uk, com.hk
SECOND_LEVEL = {"edu", "ac", "com", "co", "org", "net", "gov"}
DEFAULT_PORTS = {"http": 80, "https": 443}


def slug(url: str) -> str:
    """MD5 hex of the article's address as the source links it, without the fragment: the ancestor's ``urlname``."""
    return hashlib.md5(without_fragment(url).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def identity(url: str, same: Iterable[tuple[str, str]] = ()) -> str:
    """The key of the article at *url*: ``host/path?query`` without scheme, default port, fragment, session or tracking.

    *same* holds (regular expression, replacement) pairs of the families, tried in order on that key.
    Never raises: an address that is none is its own key.
    """
    url = without_fragment(url.strip())
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return url
    if port is not None and port != DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    query = parts.query
    if query:
        query = "&".join(part for part in query.split("&") if part and not TRACKING.fullmatch(part.partition("=")[0]))
    path = PATH_SESSION.sub("", parts.path) if ";" in parts.path else parts.path
    key = host + (path or "/") + ("?" + query if query else "")
    if parts.fragment:
        key += "#" + parts.fragment
    for pattern, replacement in _compiled(tuple(same)):
        if found := pattern.search(key):
            return key[: found.start()] + found.expand(replacement) + key[found.end() :]
    return key


def without_fragment(url: str) -> str:
    """*url* without what stands behind #, unless that is a script-made page's route (``#/news/7``, ``#!news/7``)."""
    address, _, fragment = url.partition("#")
    return url if fragment.startswith(("/", "!")) else address


def host_of(url: str) -> str:
    """Host and port, lower case: whom a request bothers."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def domain_of(url: str) -> str:
    """The part of a host that names its owner: nankai.edu.cn of news.nankai.edu.cn; "" where *url* has no host."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    labels = host.split(".")
    count = 3 if len(labels) > 2 and labels[-2] in SECOND_LEVEL else 2
    return ".".join(labels[-count:])


@lru_cache(maxsize=8)
def _compiled(same: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in same)
