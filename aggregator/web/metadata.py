"""What a page says of itself to machines: its address, its other languages, and schema.org data (JSON-LD).

Knows no HTML: base.html writes it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from flask import request

from aggregator.model import FullEntry
from aggregator.publish import wire
from aggregator.web.language import LANGUAGES, TAGS, asked
from aggregator.web.service import address, service

# what makes another page of an address; all else behind ? does not
PARTS = ("before", "edition", "tag", "q", "university", "source", "since", "until", "order")
# pages of which only what is ours is translated: one address is enough for a search engine
UNTRANSLATED = frozenset({"pages.entry"})
HEADLINE = 110  # characters that search engines show
LISTED = 30
CONTEXT = "https://schema.org"
MACHINES = ("feeds.", "mail.", "ops.", "originals.", "pictures.", "returns.", "sitemap.", "websub.", "static")


def canonical() -> str | None:
    """The public address of the page at hand, without what does not make it another page; None for an error page."""
    return _address(None if request.endpoint in UNTRANSLATED else asked())


def translations() -> list[tuple[str, str]]:
    """(BCP 47 tag or x-default, address) of this page in each language; nothing where it has but one."""
    if request.endpoint in UNTRANSLATED or (plain := _address(None)) is None:
        return []
    return [*((TAGS[code], _address(code) or "") for code in LANGUAGES), ("x-default", plain)]


def _address(language: str | None) -> str | None:
    endpoint = request.endpoint
    if not endpoint or endpoint.startswith(MACHINES) or request.routing_exception:
        return None
    parts = {name: request.args[name] for name in PARTS if name in request.args}
    return address(endpoint, **(request.view_args or {}), **parts, **({"lang": language} if language else {}))


def trail_data(trail: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Where a page stands, from the landing page down: (name, path or address) of each step."""
    site = service().settings.site
    steps = [(site.name, address("pages.index")), *trail]
    return {
        "@context": CONTEXT,
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": absolute(there)}
            for place, (name, there) in enumerate(steps, 1)
        ],
    }


def list_data(title: str, entries: Sequence[FullEntry]) -> dict[str, Any]:
    """A page that lists *entries*."""
    return {
        "@context": CONTEXT,
        "@type": "CollectionPage",
        "name": title,
        "url": canonical(),
        "mainEntity": {
            "@type": "ItemList",
            "itemListElement": [
                {"@type": "ListItem", "position": place, "url": address("pages.entry", slug=entry.slug)}
                for place, entry in enumerate(entries[:LISTED], 1)
            ],
        },
    }


def entry_data(entry: FullEntry, stamp: str, image: str | None) -> dict[str, Any]:
    """One entry; *stamp* is when it was published, no more exact than the university says."""
    url = address("pages.entry", slug=entry.slug)
    university = {"@type": "CollegeOrUniversity", "name": entry.source.university, "url": entry.source.url}
    data = {
        "@context": CONTEXT,
        "@type": "NewsArticle",
        "headline": wire.title(entry)[:HEADLINE],
        "url": url,
        "mainEntityOfPage": url,
        "isBasedOn": entry.url,
        "datePublished": stamp,
        "dateModified": entry.updated.astimezone(service().settings.zone).isoformat(timespec="seconds"),
        "inLanguage": "zh-CN",
        "author": {"@type": "Person", "name": entry.author} if entry.author else university,
        "publisher": university,
    }
    optional = {
        "description": entry.summary,
        "image": image and absolute(image),
        "articleSection": entry.source.title,
        "keywords": list(entry.tags),
    }
    return data | {name: value for name, value in optional.items() if value}


def absolute(there: str) -> str:
    """*there* as a public address, where it is a path."""
    return service().settings.site.url + there if there.startswith("/") else there
