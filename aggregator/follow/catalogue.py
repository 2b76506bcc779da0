"""Every university there is a site file of, followed or not: found by words, names and hosts.

A file that cannot be used is a fault here, where rules.load would raise. Knows no network and no database.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from aggregator.errors import RuleError
from aggregator.identity import domain_of
from aggregator.model import Checked, Family, Site, SourceRule
from aggregator.rules import Rules, read_families, read_site
from aggregator.rules.checked import FILE as CHECKED
from aggregator.rules.checked import read_checked
from aggregator.rules.cities import city_in_english
from aggregator.rules.files import Mark, RuleFile, marks, rule_files
from aggregator.rules.switches import FILE as SWITCHES
from aggregator.rules.switches import Pick, Switches, read_switches
from aggregator.words import fold

APOSTROPHES = re.compile("['’]")


@dataclass(frozen=True)
class Catalogue:
    """All sites by name, shipped and the operator's own, as their files say them."""

    sites: Mapping[str, Site]
    files: Mapping[str, RuleFile]  # by the same names, those of the faults too
    faults: Mapping[str, str]  # of files that cannot be used
    families: Mapping[str, Family]
    switches: Switches
    checks: Mapping[str, Checked]  # by source: what a look from here found

    def university_of(self, host: str) -> Site | None:
        """The site of the university that *host* belongs to; None for a host of none.

        The longest name counts: www.wh.sdu.edu.cn is of wh.sdu.edu.cn before it is of sdu.edu.cn. Where several files
        are of one university, a shipped one is given.
        """
        labels = host.lower().rstrip(".").split(".")
        names = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self._hosts[name] for name in names if name in self._hosts), None)

    def switched(self, site: Site) -> Site:
        """*site* with itself and its sources on or off as they are here."""
        return self.switches.applied(site)

    def follows(self, site: Site, source: SourceRule) -> bool:
        """Whether *source* of *site* is switched on here."""
        return any(one.enabled for one in self.switched(site).sources if one.name == source.name)

    @property
    def rules(self) -> Rules:
        """What a start would load: the sites that are switched on, as they are here."""
        here = [self.switched(site) for site in self.sites.values()]
        return Rules({site.name: site for site in here if site.enabled}, self.families)

    def search(self, words: str) -> list[Site]:
        """The sites in which every one of *words* is found, the nearest first: by name, then by what it publishes.

        Where nothing is, those in whose name the letters stand one after the other: 科大 for 电子科技大学.
        """
        wanted = _folded(words).split()
        found = [
            (_distance(" ".join(wanted), site), site.name, site)
            for site in self.sites.values()
            if wanted and all(any(word in text for text in self._texts[site.name]) for word in wanted)
        ]
        if not found and len(wanted) == 1:
            short = [site for site in self.sites.values() if _abbreviates(wanted[0], _folded(site.university))]
            return sorted(short, key=lambda site: len(site.university))
        return [site for *_, site in sorted(found, key=lambda one: one[:2])]

    def named(self, name: str) -> list[Pick]:
        """The sites and sources that are called *name*: a source, a file, a university or alias, a city, a tag.

        The first of these that there is counts. Nothing for a name of none.
        """
        plain, sites = _folded(name), self.sites.values()
        sources = [(site, source) for site in sites for source in site.sources]
        meanings: Sequence[Sequence[Pick]] = (
            [(site, source) for site, source in sources if plain == _folded(source.name)],
            [(site, None) for site in sites if plain == _folded(site.name)],
            [(site, None) for site in sites if plain in _names(site)],
            [(site, None) for site in sites if plain in _cities(site)],
            [(site, None) for site in sites if plain in map(_folded, site.tags)],
            [(site, source) for site, source in sources if plain in map(_folded, source.tags)],
        )
        return list(next(filter(None, meanings), []))

    def near(self, name: str) -> list[str]:
        """Names of universities that may have been meant by *name*, which is none's."""
        found = [site.university for site in self.search(name)]
        names = {text: site.university for site in self.sites.values() for text in _names(site)}
        close = difflib.get_close_matches(_folded(name), names, 3, cutoff=0.5)
        return list(dict.fromkeys([*found, *(names[text] for text in close)]))[:5]

    @property
    def strangers(self) -> list[str]:
        """Names that are switched on or off and that no site or source has."""
        there = {*self.files, *(source.name for site in self.sites.values() for source in site.sources)}
        return sorted((self.switches.on | self.switches.off) - there)

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        """What is searched of each site, by its name."""
        return {site.name: list(_said(site)) for site in self.sites.values()}

    @cached_property
    def _hosts(self) -> dict[str, Site]:
        found: dict[str, Site] = {}
        sites = sorted(self.sites.values(), key=lambda one: self.files[one.name].is_own)
        for name_of in (_host, domain_of):
            for site in sites:
                for url in (site.home, *(source.url for source in site.sources)):
                    if url:
                        found.setdefault(name_of(url), site)
        return found


def read_catalogue(instance: Path | None) -> Catalogue:
    """The catalogue as it is seen from *instance*; raises RuleError for what is no site file.

    Read once for as long as none of its files changes: to parse them all takes a tenth of a second.
    """
    return _read(instance, marks(instance, SWITCHES, CHECKED))


@lru_cache(maxsize=2)
def _read(instance: Path | None, marks: tuple[Mark, ...]) -> Catalogue:
    del marks
    switches, checks = read_switches(instance), read_checked(instance)
    files = {file.name: file for file in rule_files(instance, "sites")}
    sites: dict[str, Site] = {}
    faults: dict[str, str] = {}
    for name, file in files.items():
        try:
            site = read_site(name, file.parsed(), file.origin)
        except RuleError as error:
            faults[name] = str(error)
        else:
            sites[name] = _looked_at(site, checks)
    return Catalogue(sites, files, faults, read_families(instance), switches, checks)


def _looked_at(site: Site, checks: Mapping[str, Checked]) -> Site:
    """*site* with what was found of it from here in place of what its file says."""
    names = [source.name for source in site.sources] or [site.name]
    seen = [checks[name] for name in names if name in checks]
    if not seen:
        return site
    working = [one for one in seen if one.found == "working"]
    newest = max(working or seen, key=lambda one: one.day)
    proof = newest.proof if working else f"{newest.found}: {newest.proof}"
    return replace(site, checked=max((one.day for one in working), default=None) or site.checked, proof=proof)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _folded(text: str) -> str:
    """*text* as it is compared: simplified, half-width, lower case, one space between words, Xian for Xi'an."""
    return " ".join(fold(APOSTROPHES.sub("", text)).replace("|", " ").split())


def _names(site: Site) -> list[str]:
    return [_folded(text) for text in (site.university, site.english, *site.aliases) if text]


def _said(site: Site) -> Iterator[str]:
    """What is searched of *site*."""
    yield from _names(site)
    yield from _cities(site)
    for text in (site.name, *site.tags):
        yield _folded(text)
    yield _host(site.home or "")
    for source in site.sources:
        yield _folded(" ".join((source.name, source.title, *source.tags)))


def _cities(site: Site) -> list[str]:
    return [_folded(text) for text in (site.city, city_in_english(site.city)) if text]


def _abbreviates(short: str, name: str) -> bool:
    """Whether the letters of *short* stand in *name* in their order."""
    letters = iter(name)
    return all(letter in letters for letter in short)


def _distance(wanted: str, site: Site) -> int:
    """How far a search for *wanted* is from *site*'s names: 0 where it is one."""
    names = [*_names(site), site.name]
    if wanted in names:
        return 0
    if any(name.startswith(wanted) or name.endswith(wanted) for name in names):  # 科大 of 中科大 before 医科大学
        return 1
    if any(wanted in name for name in names):
        return 2
    return 3 if wanted in _cities(site) else 4
