"""What a feed is about, and what its head says: title, addresses, rights. The entries come from pieces.py.

Knows no format and no request.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask_babel import force_locale
from flask_babel import gettext as _

from aggregator.model import FeedInfo, SourceRef
from aggregator.publish import wire
from aggregator.query import EVERYTHING, Expression, Selection
from aggregator.settings import Settings
from aggregator.web.service import address, service

RENDER = 5  # raise it with any change of how feeds look: kept bytes are then made again
# of a feed without entries; what it says may not depend on when it is asked
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a feed is about, with its addresses: *feed* and *page* are endpoints, of which both take *values*."""

    feed: str
    page: str
    title: str
    subtitle: str
    selection: Selection = EVERYTHING
    values: Mapping[str, str] = field(default_factory=dict)
    # its bytes are worth a row of the database: there are only so many such feeds
    is_lasting: bool = True
    due: datetime | None = None  # when it may next change; None: at any time

    def with_every(self) -> "Subject":
        """The same with every entry, not one of each story: another feed."""
        every = replace(self.selection, every=True)
        return replace(self, selection=every, values={**self.values, "all": "1"}, is_lasting=False)

    def address(self, extension: str, **place: str) -> str:
        """Where the feed's document is that *place* (before=, archive=) tells, the newest entries without."""
        return address(self.feed, extension=extension, **self.values, **place)

    def info(self, extension: str, self_url: str, updated: datetime | None, **more: Any) -> FeedInfo:
        """The head of its document at *self_url*; *updated* None: it has no entries. *more* are fields of FeedInfo."""
        here = service()
        settings = here.settings
        page = address(self.page, **self.values)
        named = urlsplit(page)
        is_announced = self.is_lasting and self_url == self.address(extension)
        with force_locale(settings.site.language):
            rights = _("新闻版权归各高校所有；每条都注明并链接首发页面。")
        facts = {
            # RFC 4151; the year is when this form was chosen, and stays
            "id": f"tag:{host()},2026:feed:{named.path}{'?' * bool(named.query)}{named.query}",
            "title": self.title,
            "url": page,
            "self_url": self_url,
            "site_url": settings.site.url,
            "updated": updated or BEGINNING,
            "subtitle": self.subtitle,
            "icon": address("ops.icon"),
            "logo": address("static", filename="logo.png"),
            "rights": rights,
            "hub_urls": settings.web.hub_urls if is_announced else (),
            "ttl_minutes": max(round(settings.schedule.min_interval_minutes), 1),
        }
        return FeedInfo(**facts | more)


def host() -> str | None:
    """Whose tag: URIs ours are."""
    return urlsplit(service().settings.site.url).hostname


def shape(settings: Settings) -> str:
    """What shapes a feed's bytes besides its entries and sources."""
    site = settings.site
    facts = (RENDER, site.name, site.url, site.language, settings.web.hub_urls, settings.schedule.min_interval_minutes)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def of_everything() -> Subject:
    site = service().settings.site
    with force_locale(site.language):
        return Subject("feeds.everything", "pages.index", site.name, _("全部来源的新闻"))


def of_tags(tags: Expression) -> Subject:
    """Of a tag or of an expression of tags."""
    site = service().settings.site
    with force_locale(site.language):
        return Subject(
            "feeds.tag",
            "pages.tag",
            f"{tags.address} · {site.name}",
            _("标签“%(name)s”下的新闻", name=tags.address),
            Selection(tags),
            {"name": tags.address},
            is_lasting=tags.name is not None,
        )


def of_source(source: SourceRef, due: datetime | None) -> Subject:
    return Subject(
        "feeds.source",
        "pages.source",
        f"{source.title} · {service().settings.site.name}",
        wire.source_title(source),
        Selection(source=source.name),
        {"name": source.name},
        due=due,
    )


def of_university(name: str) -> Subject:
    site = service().settings.site
    with force_locale(site.language):
        return Subject(
            "feeds.university",
            "pages.university",
            f"{name} · {site.name}",
            _("%(name)s的新闻", name=name),
            Selection(university=name),
            {"name": name},
        )


def of_search(selection: Selection, values: Mapping[str, str]) -> Subject:
    """Of what several conditions, or words, select; *values* are the parameters that say so."""
    site = service().settings.site
    with force_locale(site.language):
        return Subject(
            "feeds.everything",
            "pages.search",
            f"{' '.join(values.values())} · {site.name}",
            _("“%(words)s”的搜索结果", words=" ".join(values.values())),
            selection,
            values,
            is_lasting=False,
        )
