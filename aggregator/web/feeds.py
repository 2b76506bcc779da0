"""Feeds and OPML over HTTP: rendered once, kept in the store, answered with the kept bytes or with 304.

Knows no format: publish.FORMATS has them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, request
from flask_babel import force_locale
from flask_babel import gettext as _

from aggregator.errors import StoreError
from aggregator.health import is_settled
from aggregator.model import Break, FeedInfo, FullEntry, Note
from aggregator.publish import FORMATS, wire
from aggregator.publish.opml import render_feeds, render_sources
from aggregator.query import EVERYTHING, Selection
from aggregator.rhythm import WorkingHours
from aggregator.settings import Settings
from aggregator.store.entries import Cursor
from aggregator.store.feeds import StoredFeed
from aggregator.web.asking import tags_at
from aggregator.web.language import ADVICE, FAULTS
from aggregator.web.service import address, service

blueprint = Blueprint("feeds", __name__)

LENGTH = 50  # entries in one document
BREAKS_LOOKED_AT = 500  # of which most are weather
MAX_AGE = 300  # seconds a reader or cache need not ask again
RENDER = 1  # raise it with any change of how feeds look: kept bytes are then made again
# of a feed without entries; what it says may not depend on when it is asked
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
OPML = "text/x-opml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a feed is about: its addresses, the scopes whose changes make it new, and how its entries are asked for."""

    feed: str  # endpoint
    page: str  # endpoint of the same for people
    title: str
    subtitle: str
    scopes: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)  # of both endpoints
    selection: Selection = EVERYTHING


@blueprint.get("/feed.<format:extension>")
def everything(extension: str) -> Response:
    site = service().settings.site
    with force_locale(site.language):
        subject = Subject("feeds.everything", "pages.index", site.name, _("全部来源的新闻"), ("all",))
    return _answer(subject, extension)


@blueprint.get("/tags/<tag:name>.<format:extension>")
def tag(name: str, extension: str) -> Response:
    here = service()
    tags = tags_at(name)
    selection = Selection(tags)
    with force_locale(here.settings.site.language):
        subject = Subject(
            "feeds.tag",
            "pages.tag",
            f"{tags.address} · {here.settings.site.name}",
            _("标签“%(name)s”下的新闻", name=tags.address),
            here.store.names.scopes(selection),
            {"name": tags.address},
            selection,
        )
    return _answer(subject, extension)


@blueprint.get("/sources/<name>.<format:extension>")
def source(name: str, extension: str) -> Response:
    here = service()
    state = here.store.sources.by_name(name, polls=0)
    subject = Subject(
        "feeds.source",
        "pages.source",
        f"{state.source.title} · {here.settings.site.name}",
        wire.source_title(state.ref),
        (f"source:{state.source.id}",),
        {"name": name},
        Selection(source=name),
    )
    return _answer(subject, extension)


@blueprint.get("/sources.atom")
def breaks() -> Response:
    """The newest breaks of sources and recoveries from them; those that were over before anybody was told are none."""
    here = service()
    schedule, alert = here.settings.schedule, here.settings.alert
    hours = WorkingHours.parse(schedule.working_hours, here.settings.zone)
    settle = timedelta(hours=alert.settle_hours)
    settled = [one for one in here.store.breaks.newest(BREAKS_LOOKED_AT) if is_settled(one, hours, settle)]
    with force_locale(here.settings.site.language):
        notes = [note for one in settled for note in _notes(one)]
        notes = sorted(notes, key=lambda note: (note.updated, note.id), reverse=True)[:LENGTH]
        info = FeedInfo(
            id=f"tag:{_host()},2026:feed:/sources/breaks/",
            title=f"{_('来源的失效与恢复')} · {here.settings.site.name}",
            url=address("pages.sources"),
            self_url=address("feeds.breaks"),
            site_url=here.settings.site.url,
            updated=max((note.updated for note in notes), default=BEGINNING),
            icon=address("ops.favicon"),
        )
    from aggregator.publish.atom import render_notes  # feedgen is heavy, and most feeds are served as kept bytes

    return _served(StoredFeed.made(FORMATS["atom"].media_type, render_notes(info, notes), info.updated), timed=False)


def _notes(one: Break) -> list[Note]:
    """What is to say of a break: that it began, and that it ended."""
    name, cause = wire.source_title(one.source), FAULTS[one.cause]
    page, id_ = address("pages.source", name=one.source.name), f"tag:{_host()},2026:break:{one.id}"
    begun = _("%(name)s 失效：%(cause)s", name=name, cause=cause)
    notes = [Note(id_, begun, page, one.source.university, one.began_at, f"{one.reason} {ADVICE[one.cause]}")]
    if one.ended_at:
        ended = _("%(name)s 恢复", name=name)
        notes.append(Note(f"{id_}:end", ended, page, one.source.university, one.ended_at, begun))
    return notes


def _host() -> str | None:
    return urlsplit(service().settings.site.url).hostname


@blueprint.get("/sources.opml")
def sources_opml() -> Response:
    """What we read: the sources that are switched on."""
    here = service()
    states = [state for state in here.store.counts.of_sources() if state.source.enabled]
    feeds = {state.source.name for state in states if "feed" in (state.source.found_kind, state.source.kind)}
    site = here.settings.site
    return _document(render_sources(site.name, site.url, [state.ref for state in states], feeds))


@blueprint.get("/feeds.opml")
def feeds_opml() -> Response:
    """What we publish: everything, each tag, each source."""
    here = service()
    site = here.settings.site
    feeds = [(site.name, address("feeds.everything", extension="atom"), address("pages.index"))]
    feeds += [_line(tag.name, "tag", tag.name) for tag in here.store.entries.tags()]
    feeds += [
        _line(state.source.title, "source", state.source.name)
        for state in here.store.counts.of_sources()
        if state.source.enabled or state.entry_count
    ]
    return _document(render_feeds(site.name, site.url, feeds))


def _line(title: str, kind: str, name: str) -> tuple[str, str, str]:
    return title, address(f"feeds.{kind}", name=name, extension="atom"), address(f"pages.{kind}", name=name)


def _answer(subject: Subject, extension: str) -> Response:
    before = request.args.get("before")
    if before is not None:
        # older pages are asked for rarely: made each time, and without a time that could hide a change
        return _served(_render(subject, extension, Cursor.parse(before)), timed=False)
    here = service()
    version = f"{here.store.feeds.version((*subject.scopes, 'sources'))};{_shape(here.settings)}"
    feed = here.store.feeds.current(request.path, version)
    if feed is None:
        feed = _render(subject, extension, None)
        try:
            feed = here.store.feeds.keep(request.path, version, feed.media_type, feed.body, feed.last_modified)
        except StoreError as error:  # a full disk is no reason to send readers away
            current_app.logger.warning("feed %s is not kept: %s", request.path, error)
    return _served(feed, timed=True)


def _render(subject: Subject, extension: str, before: Cursor | None) -> StoredFeed:
    here = service()
    entries = here.store.entries.newest(LENGTH + 1, subject.selection, before=before, bodies=True)
    more, entries = len(entries) > LENGTH, entries[:LENGTH]
    info = _info(here.settings, subject, extension, entries, before, more=more)
    chosen = FORMATS[extension]
    return StoredFeed.made(chosen.media_type, chosen.render(info, entries), info.updated)


def _info(
    settings: Settings,
    subject: Subject,
    extension: str,
    entries: list[FullEntry],
    before: Cursor | None,
    *,
    more: bool,
) -> FeedInfo:
    def feed_url(cursor: Cursor | None) -> str:
        query = {"before": str(cursor)} if cursor else {}
        return address(subject.feed, extension=extension, **subject.values, **query)

    page = address(subject.page, **subject.values)
    site = urlsplit(settings.site.url)
    return FeedInfo(
        # RFC 4151; the year is when this form was chosen, and stays
        id=f"tag:{site.hostname},2026:feed:{urlsplit(page).path}",
        title=subject.title,
        url=page,
        self_url=feed_url(before),
        site_url=settings.site.url,
        updated=max((entry.updated for entry in entries), default=BEGINNING),
        subtitle=subject.subtitle,
        next_url=feed_url(Cursor(entries[-1].sort, entries[-1].id)) if more else None,
        icon=address("ops.favicon"),
    )


def _shape(settings: Settings) -> str:
    """What shapes a feed's bytes besides its entries and sources."""
    site = settings.site
    return hashlib.sha256(repr((RENDER, site.name, site.url, site.language)).encode()).hexdigest()[:12]


def _served(feed: StoredFeed, *, timed: bool) -> Response:
    """*feed* in the encoding the client takes, or 304 (RFC 9110 §13): each encoding has a strong ETag of its own."""
    gzipped = request.accept_encodings["gzip"] > 0
    response = Response(feed.gzipped if gzipped else feed.body)
    response.headers["Content-Type"] = feed.media_type + ("; charset=utf-8" if feed.media_type.endswith("xml") else "")
    if gzipped:
        response.content_encoding = "gzip"
    response.set_etag(feed.etag + "-gz" if gzipped else feed.etag)
    if timed:
        response.last_modified = feed.last_modified
    response.vary.add("Accept-Encoding")
    return _public(response)


def _document(body: bytes) -> Response:
    response = Response(body, content_type=OPML)
    response.add_etag()
    return _public(response)


def _public(response: Response) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = MAX_AGE
    response.access_control_allow_origin = "*"  # readers that live in a browser
    response.make_conditional(request)
    return response
