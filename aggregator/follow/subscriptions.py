"""Feeds that another reader followed -> sites that follow them here, one a publisher. Knows no file, no network.

A folder becomes a tag; one that names the university itself is no news.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aggregator.follow.recognise import suggested_name, untaken
from aggregator.gather.opml import Outline
from aggregator.identity import domain_of, identity
from aggregator.model import SHANGHAI, Site, SourceRule
from aggregator.rules import Rules, feed_timezone

# what this program exports for a list page: its own feed of it, and beside it the address of the page
OWN_FEED = re.compile(r"/sources/([a-z0-9][a-z0-9._-]{0,63})\.(?:atom|rss|json)$")
UNIVERSITY = re.compile(r"大学|学院|学校|研究院|\b(?:university|college|institute)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Plan:
    """What following some feeds comes to: *sites* to be written, and those that are *followed* already, as what."""

    sites: list[Site] = field(default_factory=list)
    followed: list[tuple[Outline, str]] = field(default_factory=list)


def plan(outlines: Iterable[Outline], rules: Rules, sites: Mapping[str, Site]) -> Plan:
    """The sites that follow *outlines*, each with a new name; nothing that *rules* follow under whatever address.

    *sites* are all there are files of, those that are switched off, too: they know whose a host is.
    """
    made = Plan()
    same = [pair for family in rules.families.values() for pair in family.same]
    followed = {identity(source.url, same): source.name for _, source in rules.sources}
    sources = [(site, source) for site in sites.values() for source in site.sources]
    known = {domain_of(source.url): site for site, source in reversed(sources)}
    names = {source.name for _, source in sources}
    aliases = {alias: site.university for site in sites.values() for alias in site.aliases}
    groups: dict[str, tuple[str, list[SourceRule]]] = {}  # by domain: the university and its sources
    for outline in outlines:
        url, kind, name = _followable(outline)
        if already := followed.get(identity(url, same)):
            made.followed.append((outline, already))
            continue
        domain = domain_of(url)
        site = known.get(domain)
        said = site.university if site else _university(outline) or urlsplit(url).netloc
        university, theirs = groups.setdefault(domain, (aliases.get(said, said), []))
        tags = dict.fromkeys(aliases.get(folder, folder) for folder in outline.folders)
        source = SourceRule(
            name=_free(name or suggested_name(url), names),
            title=outline.title or urlsplit(url).netloc,
            url=url,
            kind=kind,  # type: ignore[arg-type]  # one of its words
            tags=tuple(tag for tag in tags if tag != university),
        )
        names.add(source.name)
        followed[identity(url, same)] = source.name
        theirs.append(source)
    taken = set(sites)
    for domain, (university, theirs) in groups.items():
        name = _free(f"{domain.split('.')[0].lower() or 'feeds'}-opml", taken)
        taken.add(name)
        zone = SHANGHAI if any(source.kind == "list" for source in theirs) else feed_timezone(theirs[0].url, SHANGHAI)
        made.sites.append(Site(name, university, timezone=zone, tags=(university,), sources=tuple(theirs)))
    return made


def _followable(outline: Outline) -> tuple[str, str, str]:
    """(address, kind, name or ""): the page itself where *outline* is this program's feed of a page elsewhere."""
    own = OWN_FEED.search(urlsplit(outline.feed_url).path)
    page = outline.page_url
    if own and page.startswith(("http://", "https://")) and domain_of(page) != domain_of(outline.feed_url):
        return page, "list", own[1]
    return outline.feed_url, "feed", ""


def _university(outline: Outline) -> str:
    """The university that the folders name, the innermost first, else the title itself."""
    names = (*reversed(outline.folders), outline.title)
    return next((name for name in names if UNIVERSITY.search(name)), outline.title)


def _free(name: str, taken: Collection[str]) -> str:
    """*name*, or one like it that is not *taken*, as it may stand in an address."""
    name = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:60] or "feed"
    return untaken(name, taken)
