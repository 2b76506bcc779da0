"""Which source an entry that comes from elsewhere belongs to: one of a site file, else one made for its host.

Knows no store; asks for nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count, takewhile
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
        self._own: dict[SourceRef, SourceRef] = {}
        self._made: dict[tuple[str, str, str | None], SourceRef] = {}  # by scheme, host and university
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
        place = (parts.scheme, parts.netloc, university)
        if place not in self._made:
            named = self._universities.get(domain_of(url)) or university or host
            self._made[place] = self.own(SourceRef(_name(host), host, f"{parts.scheme}://{parts.netloc}/", named))
        return self._made[place]

    def own(self, ref: SourceRef) -> SourceRef:
        """*ref* as it is called here: under another name where its own is that of another publisher's source."""
        if ref not in self._own:
            called = (self._known.setdefault(name, replace(ref, name=name)) for name in _names(ref))
            self._own[ref] = next(known for known in called if _is_one(known, ref))
        return self._own[ref]

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


def _is_one(known: SourceRef, ref: SourceRef) -> bool:
    return domain_of(known.url) == domain_of(ref.url) or identity(known.url) == identity(ref.url)


def _names(ref: SourceRef) -> Iterator[str]:
    """What *ref* may be called, without end: by its own name, or after its host."""
    yield ref.name
    plain = _name(_host(ref.url))
    yield plain
    for number in count(2):
        yield f"{plain[: LONGEST_NAME - len(str(number)) - 1]}-{number}"


def _name(host: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", f"imported-{host}".lower())[:LONGEST_NAME]
