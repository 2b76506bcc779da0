"""Who announces the news of a feed, and how seldom it wants to be visited: what a document's head and its header say.

WebSub §4, RFC 8288, RSS 2.0 <ttl>, mod_syndication. Knows no network, and not whether a hub is worth anything.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from lxml import etree

from aggregator.gather.feed_values import address_of
from aggregator.model import Listing, Response

ATOM_LINKS = ("{http://www.w3.org/2005/Atom}link", "{http://purl.org/atom/ns#}link")
PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
# what is said to last longer was written without a thought, or in seconds
LONGEST_REFRESH = timedelta(days=1)
LONGEST_FREQUENCY = 1440  # once a minute
LONGEST_ADDRESS = 2000
LONGEST_FIELD = 8000
# one link-value of RFC 8288 §3: <address>; name=value; name="value, with a comma"
_LINK = re.compile(r'<([^<>]{0,2000})>((?:\s{0,9};[^",;<]{0,200}(?:"[^"]{0,500}")?){0,20})')
_RELATION = re.compile(r';\s{0,9}rel\s{0,9}=\s{0,9}(?:"([^"]{0,500})"|([^\s";]{1,200}))', re.IGNORECASE)


def advertised(response: Response, listing: Listing) -> tuple[str | None, str | None]:
    """(hub, topic) of the page in *response*, read as *listing*; (None, None) where no hub is named.

    The header goes before the document (WebSub §4). Without a self link the page is known by its own address.
    """
    links = list(read_links(response.headers.get("link", ""), response.url))
    hub = preferred(url for relation, url in links if relation == "hub") or listing.hub
    topic = preferred(url for relation, url in links if relation == "self") or listing.topic
    return (hub, topic or response.url) if hub else (None, None)


def preferred(addresses: Iterable[str]) -> str | None:
    """The first usable of *addresses*, https before http (WebSub §8.2); None where none is."""
    usable = [url for url in addresses if len(url) <= LONGEST_ADDRESS and _is_web(url)]
    return next((url for url in usable if url.startswith("https:")), usable[0] if usable else None)


def read_links(header: str, base: str) -> Iterator[tuple[str, str]]:
    """(relation, absolute address) of each link in a Link header; what is malformed is passed over (RFC 8288 §3)."""
    for link in _LINK.finditer(header[:LONGEST_FIELD]):
        relation = _RELATION.search(link[2])
        for name in (relation[1] or relation[2] or "").lower().split() if relation else ():
            yield name, address_of(link[1], base)


def links_of(channel: etree._Element, relation: str, base: str) -> list[str]:
    """The addresses of the links of *relation* in the head of an Atom feed, or of RSS with links of Atom."""
    return [
        address_of(link.get("href", ""), base)
        for link in channel.iterchildren(*ATOM_LINKS)
        if link.get("rel", "").lower() == relation and link.get("href", "").strip()
    ]


def refresh_of(channel: etree._Element) -> timedelta | None:
    """How long the feed says that it need not be asked again, at most LONGEST_REFRESH; None where it does not say.

    <ttl> of RSS 2.0, in minutes; sy:updatePeriod over sy:updateFrequency. Of both, the longer.
    """
    said = {
        child.tag.rpartition("}")[2]: child.text or ""
        for child in channel.iterchildren("{*}ttl", "{*}updatePeriod", "{*}updateFrequency")
    }
    if not said:
        return None
    lengths = (timedelta(minutes=_whole(said.get("ttl", ""))), _update_period(said))
    return min(max(lengths), LONGEST_REFRESH) or None


def _update_period(said: Mapping[str, str]) -> timedelta:
    """sy:updatePeriod over sy:updateFrequency, by default daily and 1; zero where neither is usable."""
    if "updatePeriod" not in said and "updateFrequency" not in said:
        return timedelta(0)
    length = PERIODS.get(said.get("updatePeriod", "daily").strip().lower())
    times = _whole(said.get("updateFrequency", "1"))
    return length / times if length and 0 < times <= LONGEST_FREQUENCY else timedelta(0)


def _whole(text: str) -> int:
    """A positive number as it is written by hand; 0 for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
