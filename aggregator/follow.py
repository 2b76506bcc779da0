"""A page's address in, a site file that follows it out: behind `aggregator add`.

Finds the feed that the page is or names, else the list on it. Knows the readers and the rule files.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.errors import ParseError, SourceError
from aggregator.gather.charset import decode
from aggregator.gather.feed import find_feeds, looks_like_feed, read_feed
from aggregator.gather.fetch import Fetcher
from aggregator.gather.listing import read_listing
from aggregator.identity import domain_of, identity
from aggregator.model import SHANGHAI, Allowance, Listing, Site, SourceRule
from aggregator.rules import Rules, feed_timezone

# parts of a host that name no university
COMMON_LABELS = {"www", "news", "edu", "ac", "cn", "com", "org", "net", "hk", "tw", "gov"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What following an address would collect."""

    url: str  # of the feed or list itself
    listing: Listing


async def propose(
    fetcher: Fetcher, url: str, *, timezone: ZoneInfo, now: datetime, is_intranet: bool = False
) -> Proposal:
    """The feed at *url*, or the first readable feed its page names, or the list on it. Raises SourceError.

    *is_intranet*: private addresses may be visited on its own domain.
    """
    allowance = Allowance(url, private_networks=is_intranet)
    response = await fetcher.fetch(url, allowance=allowance)
    if looks_like_feed(response):
        return Proposal(url, read_feed(response, timezone=feed_timezone(url, timezone), now=now))
    for address, _ in find_feeds(decode(response.body, response.content_type), response.url):
        try:
            zone = feed_timezone(address, timezone)
            feed = read_feed(await fetcher.fetch(address, allowance=allowance), timezone=zone, now=now)
        except SourceError:
            continue  # a page often names feeds that are long dead; the list is still there
        if feed.items:
            return Proposal(address, feed)
    listing = read_listing(response, None, timezone=timezone, now=now)
    if not listing.items:
        raise ParseError(f"{url} has no list of articles; give the address of a column, such as 新闻 or 通知公告")
    return Proposal(url, listing)


def site_of(
    url: str,
    proposal: Proposal,
    rules: Rules,
    name: str | None,
    tags: Sequence[str],
    university: str | None,
    *,
    is_intranet: bool = False,
) -> Site:
    """The site that `add` writes: one source, its university taken from the known sites on the same domain."""
    name = name or suggested_name(url)
    known = next((site for site, source in rules.sources if domain_of(source.url) == domain_of(url)), None)
    university = university or (known.university if known else None) or proposal.listing.title or urlsplit(url).netloc
    source = SourceRule(
        name=name,
        title=proposal.listing.title or university,
        url=proposal.url,
        kind=proposal.listing.kind,
        tags=tuple(tags),
        allow_private_networks=is_intranet,
    )
    zone = feed_timezone(proposal.url, SHANGHAI) if proposal.listing.kind == "feed" else SHANGHAI
    return Site(name=name, university=university, timezone=zone, tags=(university,), sources=(source,))


def followed_by(rules: Rules, *urls: str) -> SourceRule | None:
    """The source that follows one of *urls* already, under whatever name; None where none does."""
    same = [pair for family in rules.families.values() for pair in family.same]
    wanted = {identity(url, same) for url in urls}
    return next((source for _, source in rules.sources if identity(source.url, same) in wanted), None)


def suggested_name(url: str) -> str:
    """A source name made of *url*: ``https://news.nankai.edu.cn/ywsd/index.shtml`` is ``nankai-news-ywsd``."""
    parts = urlsplit(url)
    labels = (parts.hostname or "source").split(".")
    own = [label for label in labels if label not in COMMON_LABELS][-1:] or labels[:1]
    rest = [label for label in labels[:-1] if label not in (*own, "www", "edu", "ac", "com", "org", "net")]
    path = [piece for piece in re.split(r"[^a-z0-9]+", re.sub(r"\.\w+$", "", parts.path.lower())) if piece]
    words = [*own, *rest, *(piece for piece in path if piece not in ("index", "list", "main"))]
    return re.sub(r"[^a-z0-9-]+", "-", "-".join(words)).strip("-")[:64] or "source"
