"""What is to be followed in; a site file with comments and the recorded pages in the instance folder out.

Knows the rules and the files, no network and no terminal.
"""

import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from aggregator import durable
from aggregator.errors import SettingsError
from aggregator.follow.case import folder_of, record
from aggregator.follow.catalogue import Catalogue, read_catalogue
from aggregator.follow.explore import Exploration, Find
from aggregator.follow.recognise import owner_of_title, site_at, suggested_name, untaken
from aggregator.gather.links import absolute
from aggregator.identity import domain_of, identity
from aggregator.model import SHANGHAI, Site, SourceRule
from aggregator.rules import Rules, feed_timezone, read_site
from aggregator.rules.files import alone
from aggregator.rules.write import site_toml

# forms of one address that name the same page
_INDEX = re.compile(r"/(?:(?:index|default|main)\.\w{2,5}|list1?\.(?:html?|psp))?$", re.IGNORECASE)


def everything(known: Catalogue) -> Rules:
    """All that is known as rules, on or off: a name that is taken there may be switched on tomorrow."""
    return Rules(known.sites, known.families)


def followed_by(known: Catalogue, *urls: str) -> tuple[Site, SourceRule] | None:
    """The source that has one of *urls* already, however it is written, switched on or off; None where none has."""
    same = [pair for family in known.families.values() for pair in family.same]
    wanted = {_place(url, same) for url in urls}
    found = [pick for pick in everything(known).sources if _place(pick[1].url, same) in wanted]
    return next((pick for pick in found if known.follows(*pick)), found[0] if found else None)


def home_of(known: Catalogue, url: str) -> Site | None:
    """The site whose home page is at *url*, however it is written; None where none is."""
    wanted = _place(url, ())
    return next((site for site in known.sites.values() if site.home and _place(site.home, ()) == wanted), None)


def free_name(url: str, known: Catalogue, taken: Sequence[str] = ()) -> str:
    """A name for a source at *url* that no source and no site has yet, nor is among *taken*."""
    gone = {*taken, *known.files, *(source.name for _, source in everything(known).sources)}
    return untaken(suggested_name(url), gone)


def university_at(explored: Exploration, known: Catalogue) -> str:
    """Whose the pages are: by their host, else as they say; else the domain."""
    if site := site_at(known, explored.url):
        return site.university
    owners = filter(None, (owner_of_title(find.listing.title) for find in explored.finds))
    return explored.university or next(owners, domain_of(explored.url))


def site_of(
    chosen: Sequence[Find],
    known: Catalogue,
    *,
    university: str,
    name: str | None = None,
    tags: Sequence[str] = (),
    is_intranet: bool = False,
) -> Site:
    """The site that follows *chosen*; the first of its sources is called *name*, as the file is."""
    names: list[str] = []
    for find in chosen:
        names.append(name if name and not names else free_name(find.url, known, names))
    sources = tuple(
        SourceRule(
            name=own,
            title=find.title or university,
            url=find.url,
            kind=find.listing.kind,
            tags=tuple(tags),
            allow_private_networks=is_intranet,
        )
        for own, find in zip(names, chosen, strict=True)
    )
    same = next((site for site in known.sites.values() if site.university == university), None)
    kept = same.tags if same else ()
    is_feed = chosen[0].listing.kind == "feed"
    zone = same.timezone if same else feed_timezone(chosen[0].url, SHANGHAI) if is_feed else SHANGHAI
    return Site(name=names[0], university=university, timezone=zone, tags=kept or (university,), sources=sources)


def check(site: Site, known: Catalogue) -> None:
    """Raises RuleError or SettingsError for a *site* that could not be loaded beside what is known."""
    read_site(site.name, tomllib.loads(site_toml(site)), "name, tags or university")
    for source in site.sources:
        if everything(known).source(source.name) is not None:
            raise SettingsError(f"there is a source called {source.name!r} already; choose another name (--name)")
    if site.name in known.files:
        raise SettingsError(f"there is a site called {site.name!r} already; choose another name (--name)")
    known.rules.plus(site)


def enrol(instance: Path, site: Site, chosen: Sequence[Find], now: datetime) -> Path:
    """Write the site file and record the pages of *chosen*; the file's path. Raises SettingsError, RuleError.

    Nothing is left behind where it fails: half a site file would stop the next start, and so would one that does not go
    with what another process wrote while the pages were looked at.
    """
    path = instance / "sites" / f"{site.name}.toml"
    finds = {source.name: find for source, find in zip(site.sources, chosen, strict=True)}
    text = site_toml(site, {name: _said(find, site, now) for name, find in finds.items()})
    with alone(instance):
        if path.exists():
            raise SettingsError(f"{path} exists already; choose another name (--name), or edit that file")
        check(site, read_catalogue(instance))
        try:
            for name, find in finds.items():
                record(folder_of(instance, name), find.response, find.listing, timezone=site.timezone, now=now)
            path.parent.mkdir(parents=True, exist_ok=True)
            durable.write(path, text.encode())
        except OSError as error:
            for name in finds:
                shutil.rmtree(folder_of(instance, name), ignore_errors=True)
            raise SettingsError(f"cannot write {path}: {error.strerror}; check permissions and free space") from error
    return path


def _said(find: Find, site: Site, now: datetime) -> Sequence[str]:
    """The comments above a source in its file: where it comes from, and what may be changed."""
    newest = find.newest
    ways: Mapping[str, str] = {
        "here": "the page that was named",
        "named": "named by its page",
        "usual": "where such sites have their feed",
        "column": "linked from the page that was named",
    }
    lines = [
        f"Added on {now.astimezone(site.timezone):%Y-%m-%d}: {ways[find.how]}. "
        f"Then it had {len(find.listing.items)} items, {find.dated} of them dated"
        + (f", the newest of {newest.astimezone(site.timezone):%Y-%m-%d}." if newest else "."),
        "The page and what was read of it stand in ../cases/; `aggregator try NAME` compares it with today's.",
        'Further keys: enabled = false, interval_minutes = 60, family = "...", and the tables below.',
    ]
    if rule := find.listing.rule:
        lines += [
            "Its list is found by itself each time. To fix how it was found, put this behind the source:",
            "    [source.listing]",
            *(
                f"    {key} = {value!r}"
                for key, value in (("item", rule.item), ("link", rule.link), ("date", rule.date))
                if value
            ),
        ]
    return lines


def _place(url: str, same: Sequence[tuple[str, str]]) -> str:
    """What all forms of an address have in common: http or https, with www or without, index.htm or the folder."""
    key = identity(absolute(url, url) or url, same)
    return _INDEX.sub("", key.removeprefix("www.").lower())
