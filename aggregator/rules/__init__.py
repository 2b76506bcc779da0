"""Rule files in, Rules out. Every complaint names the file, the key and the reason.

Shipped files stand beside this one; a file of the same name in the instance folder replaces the shipped one whole.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.errors import RuleError
from aggregator.model import Allowance, ArticleRule, Family, ListingRule, Site, SourceRule
from aggregator.rules.files import rule_files
from aggregator.rules.switches import read_switches
from aggregator.rules.table import Table

KINDS = ("auto", "feed", "list")
# a source's name stands in addresses (/sources/<name>/) and file names
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the rule files say, checked."""

    sites: Mapping[str, Site]
    families: Mapping[str, Family]

    def source(self, name: str) -> tuple[Site, SourceRule] | None:
        """The site and rule of the source called *name*, None where no file has it."""
        for site in self.sites.values():
            for source in site.sources:
                if source.name == name:
                    return site, source
        return None

    def allowance(self, name: str) -> Allowance:
        """What fetches for the source called *name* may do: nothing special where no file has it."""
        found = self.source(name)
        return found[1].allowance if found else Allowance()

    def only(self, names: Iterable[str]) -> "Rules":
        """These rules without any site but *names*."""
        return Rules({name: self.sites[name] for name in names}, self.families)

    def plus(self, site: Site) -> "Rules":
        """These rules and one more site; raises RuleError where they do not go together."""
        sites = {**self.sites, site.name: site}
        check_across(sites.values(), self.families)
        return Rules(sites, self.families)

    @property
    def sources(self) -> list[tuple[Site, SourceRule]]:
        return [(site, source) for site in self.sites.values() for source in site.sources]


def load(instance: Path | None) -> Rules:
    """All families and the sites that are switched on; raises RuleError at the first file that cannot be used."""
    families, switches = read_families(instance), read_switches(instance)
    wanted = [file for file in rule_files(instance, "sites") if switches.may_want(file)]
    sites = [switches.applied(read_site(file.name, file.parsed(), file.origin)) for file in wanted]
    rules = Rules({site.name: site for site in sites if site.enabled}, families)
    check_across(rules.sites.values(), families)
    return rules


def read_families(instance: Path | None) -> dict[str, Family]:
    """All families by name; raises RuleError."""
    return {file.name: read_family(file.name, file.parsed(), file.origin) for file in rule_files(instance, "families")}


def feed_timezone(url: str, home: ZoneInfo) -> ZoneInfo:
    """What a feed of no known site means by a time without a zone: *home* under .cn, elsewhere UTC."""
    return home if (urlsplit(url).hostname or "").endswith(".cn") else ZoneInfo("UTC")


def read_family(name: str, table: Mapping[str, Any], origin: str) -> Family:
    """The Family that *table* describes; *origin* names the file in complaints."""
    reader = Table(table, origin)
    family = Family(
        name=name,
        marks=reader.strings("marks"),
        article=_article(reader.table("article")) or ArticleRule(),
        same=tuple(_same(entry) for entry in reader.tables("same")),
    )
    reader.done()
    return family


def read_site(name: str, table: Mapping[str, Any], origin: str) -> Site:
    """The Site that *table* describes; *origin* names the file in complaints."""
    reader = Table(table, origin)
    site = Site(
        name=name,
        university=reader.string("university", required=True),
        aliases=reader.strings("aliases"),
        home=reader.address("home"),
        timezone=reader.timezone("timezone"),
        tags=reader.strings("tags"),
        sources=tuple(_source(entry) for entry in reader.tables("source")),
        english=reader.string("english"),
        city=reader.string("city"),
        enabled=reader.boolean("enabled", default=True),
        checked=reader.day("checked"),
        proof=reader.string("proof"),
    )
    if site.enabled and not site.sources:
        # one of the catalogue may wait until somebody finds its news
        reader.complain("source", "there is no [[source]]; only a site with enabled = false may have none")
    reader.done()
    return site


def check_across(sites: Collection[Site], families: Mapping[str, Family]) -> None:
    """Raises RuleError where *sites* do not go together, or name a family that is not there."""
    owners: dict[str, str] = {}
    for site in sites:
        for source in site.sources:
            if source.name in owners:
                raise RuleError(
                    f"sites/{site.name}.toml: source.name {source.name!r} is also in sites/{owners[source.name]}.toml; "
                    "names are addresses, give each source its own"
                )
            owners[source.name] = site.name
            if source.family is not None and source.family not in families:
                known = ", ".join(sorted(families))
                raise RuleError(
                    f"sites/{site.name}.toml: source.family {source.family!r} is unknown; there are: {known}"
                )
    _check_aliases(sites)


def _check_aliases(sites: Collection[Site]) -> None:
    """An alias leads to one university: it is no other one's name, alias or tag. Its own tags may be aliases, too."""
    owners = {site.university: site.university for site in sites}
    for site in sites:
        for name in site.tags:
            owners.setdefault(name, site.university)
    for site in sites:
        for source in site.sources:
            for name in source.tags:
                owners.setdefault(name, f"the source {source.name}, as a tag")
    for site in sites:
        for name in site.aliases:
            owner = owners.setdefault(name, site.university)
            if owner != site.university:
                raise RuleError(
                    f"sites/{site.name}.toml: aliases: {name!r} already belongs to {owner}; choose another one"
                )


def _source(reader: Table) -> SourceRule:
    name = reader.string("name", required=True)
    if not NAME.fullmatch(name):
        reader.complain("name", f"{name!r} must be lower-case letters, digits, '.', '_' or '-', at most 64 of them")
    kind = reader.string("kind", "auto")
    if kind not in KINDS:
        reader.complain("kind", f"{kind!r} is none of {', '.join(KINDS)}")
    rule = SourceRule(
        name=name,
        title=reader.string("title", required=True),
        url=reader.address("url", required=True) or "",
        kind=kind,  # type: ignore[arg-type]  # checked above
        family=reader.string("family", "") or None,
        tags=reader.strings("tags"),
        enabled=reader.boolean("enabled", default=True),
        interval_minutes=reader.minutes("interval_minutes"),
        keep_days=reader.days("keep_days"),
        allow_private_networks=reader.boolean("allow_private_networks", default=False),
        allow_invalid_certificate=reader.boolean("allow_invalid_certificate", default=False),
        listing=_listing(reader.table("listing")),
        article=_article(reader.table("article")),
    )
    reader.done()
    return rule


def _listing(reader: Table | None) -> ListingRule | None:
    if reader is None:
        return None
    rule = ListingRule(
        item=reader.selector("item", required=True),
        link=reader.selector("link", "a"),
        title=reader.selector("title"),
        date=reader.selector("date"),
    )
    reader.done()
    return rule


def _article(reader: Table | None) -> ArticleRule | None:
    if reader is None:
        return None
    rule = ArticleRule(
        title=reader.selectors("title"),
        body=reader.selectors("body"),
        date=reader.selectors("date"),
        author=reader.selectors("author"),
        section=reader.selectors("section"),
        remove=reader.selectors("remove"),
        full_text=reader.boolean("full_text", default=True),
    )
    reader.done()
    return rule


def _same(reader: Table) -> tuple[str, str]:
    pattern, key = reader.string("pattern", required=True), reader.string("key", required=True)
    try:
        re.compile(pattern)
    except re.error as error:
        reader.complain("pattern", f"{pattern!r} is not a regular expression: {error}")
    reader.done()
    return pattern, key
