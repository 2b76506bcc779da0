"""Which source an entry that comes from elsewhere belongs to: one of a site file, else one made for its host.

Knows no store; asks for nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from urllib.parse import urlsplit

from aggregator.identity import domain_of, identity
from aggregator.model import Site, SourceRef, SourceRule

LONGEST_NAME = 64


class Homes:
    """*sites* are all there are files of, those that are switched off, too; *known* the sources that the store has."""

    def __init__(self, sites: Iterable[Site], known: Iterable[SourceRef]) -> None:
        self._followed: dict[str, list[tuple[Site, SourceRule]]] = {}
        self._universities: dict[str, str] = {}
        self._known = {ref.name: ref for ref in known}
        for site in sites:
            for rule in site.sources:
                self._followed.setdefault(_host(rule.url), []).append((site, rule))
                self._universities.setdefault(domain_of(rule.url), site.university)
                self._known[rule.name] = SourceRef(rule.name, rule.title, rule.url, site.university)
            if site.home:
                self._universities.setdefault(domain_of(site.home), site.university)

    def of_address(self, url: str, university: str | None = None) -> SourceRef:
        """The source of the article at *url*: on its host the one whose address is most like it.

        Where none is followed, one that is made for this host; *university* is what the article itself says, "" or None
        where it does not.
        """
        host = _host(url)
        followed = self._followed.get(host)
        if followed:
            site, rule = max(followed, key=lambda one: (_likeness(one[1].url, url), one[0].enabled and one[1].enabled))
            return SourceRef(rule.name, rule.title, rule.url, site.university)
        parts = urlsplit(url)
        named = self._universities.get(domain_of(url)) or university or host
        return self.own(SourceRef(_name(host), host, f"{parts.scheme}://{parts.netloc}/", named))

    def own(self, ref: SourceRef) -> SourceRef:
        """*ref* as it is called here: under another name where its own is that of another publisher's source."""
        known = self._known.get(ref.name)
        if known is None:
            self._known[ref.name] = ref
            return ref
        if domain_of(known.url) == domain_of(ref.url) or identity(known.url) == identity(ref.url):
            return known
        other = _name(_host(ref.url))
        return self.own(replace(ref, name=other if ref.name != other else f"{other[: LONGEST_NAME - 2]}-2"))

    def tags(self, ref: SourceRef) -> tuple[str, ...]:
        """What the site file of *ref* gives all its entries."""
        for site, rule in self._followed.get(_host(ref.url), ()):
            if rule.name == ref.name:
                return tuple(given.tag for given in site.given(rule))
        return ()


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _likeness(list_url: str, url: str) -> int:
    """How many characters the paths begin with in common."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(urlsplit(list_url).path, urlsplit(url).path, strict=False))
    return sum(1 for _ in alike)


def _name(host: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", f"imported-{host}".lower())[:LONGEST_NAME]
