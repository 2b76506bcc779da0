"""The page of all universities that can be followed here, searched, and their names in the reader's language.

Adds to the blueprint of pages.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import render_template, request
from markupsafe import Markup, escape

from aggregator.errors import RuleError
from aggregator.follow.catalogue import read_catalogue
from aggregator.model import Site, SourceRule
from aggregator.rules.cities import city_in_english
from aggregator.web.language import language
from aggregator.web.pages import blueprint
from aggregator.web.searching import spend
from aggregator.web.service import service

log = logging.getLogger(__name__)

LONGEST = 100  # characters of a search that count
ENGLISH = Markup('<span lang="en">{}</span>')


@dataclass(frozen=True, slots=True)
class Listed:
    """A university with its sources, and which of them are followed here."""

    site: Site
    sources: Sequence[tuple[SourceRule, bool]]

    @property
    def is_followed(self) -> bool:
        return any(followed for _, followed in self.sources)


@blueprint.get("/catalogue/")
def catalogue() -> str:
    here = service()
    words = request.args.get("q", "").strip()[:LONGEST]
    if words:
        spend()
    known = read_catalogue(here.settings.instance)
    sites = known.search(words) if words else known.sites.values()
    followed = {state.source.name for state in here.store.counts.of_sources() if state.source.enabled}
    universities: dict[str, Listed] = {}
    for site in sites:
        sources = [(source, source.name in followed) for source in site.sources]
        before = universities.get(site.university)  # of another file
        universities[site.university] = (
            Listed(before.site, [*before.sources, *sources]) if before else Listed(site, sources)
        )
    listed = list(universities.values())
    if not words:
        in_english = language() == "en"  # else as the files are called, which is by short English names
        listed.sort(key=lambda one: (not one.is_followed, (in_english and one.site.english) or ""))
    return render_template("catalogue.html", words=words, universities=listed, city=city)


def city(site: Site) -> str:
    """The city of *site* in the reader's language, as far as it has a name there."""
    return (language() == "en" and city_in_english(site.city)) or site.city


def named(instance: Path, university: str) -> str:
    """The name of *university* in the reader's language, where its English one is known, as HTML."""
    english = _english(instance).get(university) if language() == "en" else None
    return ENGLISH.format(english) if english else escape(university)


@lru_cache(maxsize=4)
def _english(instance: Path) -> dict[str, str]:
    """The English names by the universities' own; read once, for every page is full of them."""
    try:
        return {site.university: site.english for site in read_catalogue(instance).sites.values() if site.english}
    except RuleError as error:
        log.warning("universities have no English names: %s", error)
        return {}
