"""Feeds of what we say ourselves: the digests of days that are over, and sources that broke or are well again.

Endpoints of the feeds' blueprint.
"""

from datetime import datetime, timedelta

from flask import Response, render_template, request
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from aggregator.errors import NotFound
from aggregator.health import is_settled
from aggregator.model import Break, Digest, FullEntry, Note
from aggregator.publish import FORMATS, wire
from aggregator.publish.digest import digest_address, parse_address, period_bounds
from aggregator.query import Selection
from aggregator.store.entries import Cursor
from aggregator.store.feeds import StoredFeed
from aggregator.visit.rhythm import WorkingHours
from aggregator.web.asking import first_length
from aggregator.web.digests import kept
from aggregator.web.feeds import blueprint
from aggregator.web.language import ADVICE, FAULTS, PERIODS, day_text, fault_text
from aggregator.web.machines import published
from aggregator.web.service import address, service
from aggregator.web.stored import Promise, until_news
from aggregator.web.subject import Subject, host

BREAKS = 50  # breaks and recoveries in a document
BREAKS_LOOKED_AT = 500  # of which most are weather
DIGESTS = 14  # in a document; each is long


@blueprint.get("/sources.<format:extension>")
def breaks(extension: str) -> Response:
    """The newest breaks of sources and recoveries from them; those that were over before anybody was told are none."""
    here = service()
    schedule, alert = here.settings.schedule, here.settings.alert
    hours = WorkingHours.parse(schedule.working_hours, here.settings.zone)
    settle = timedelta(hours=alert.settle_hours)
    settled = [one for one in here.store.breaks.newest(BREAKS_LOOKED_AT) if is_settled(one, hours, settle)]
    with force_locale(here.settings.site.language):
        title = f"{_('来源的失效与恢复')} · {here.settings.site.name}"
        subject = Subject("feeds.breaks", "pages.sources", title, title, is_lasting=False)
        notes = [note for one in settled for note in _notes(one)]
    notes = sorted(notes, key=lambda note: (note.updated, note.id), reverse=True)[:BREAKS]
    return _answer(subject, f"tag:{host()},2026:feed:/sources/breaks/", extension, notes, None)


def _notes(one: Break) -> list[Note]:
    """What is to say of a break: that it began, and that it ended."""
    site = service().settings.site
    name, author, url, page = site.name, site.name, site.url, address("pages.sources")
    if one.source:
        name, author, url = wire.source_title(one.source), one.source.university, one.source.url
        page = address("pages.source", name=one.source.name)
    id_ = f"tag:{host()},2026:break:{one.id}"
    begun = _("%(name)s 失效：%(cause)s", name=name, cause=FAULTS[one.cause])
    told = _("%(what)s。%(advice)s", what=fault_text(one.cause, url), advice=ADVICE[one.cause])
    detail = _("详情：") + one.reason
    notes = [Note(id_, begun, page, author, one.began_at, one.began_at, f"{told} {detail}")]
    if one.ended_at:
        ended = _("%(name)s 恢复", name=name)
        notes.append(Note(f"{id_}:end", ended, page, author, one.ended_at, one.ended_at, begun))
    return notes


@blueprint.get("/digest.<format:extension>")
def digests(extension: str) -> Response:
    """An entry for each day that is over and had news; ``?before=`` a day: those before it."""
    here = service()
    site = here.settings.site
    promise = until_news()
    day = here.today
    if "before" in request.args:
        period, day = parse_address(request.args["before"])
        if period != "day" or day > here.today:
            raise NotFound("digests before a day that is yet to come")
    with force_locale(site.language):
        title = f"{site.name} · {PERIODS['day']}"
        subject = Subject("feeds.digests", "pages.today", title, _("每天一期，前一天结束后发布"), is_lasting=False)
        notes: list[Note] = []
        midnight = period_bounds("day", day, here.settings.zone)[0]
        number = DIGESTS if "before" in request.args else first_length(DIGESTS)
        while len(notes) < number and (newest := _newest_before(midnight)):
            note, midnight = _digest(newest)
            notes.append(note)
    older = digest_address("day", midnight.astimezone(here.settings.zone).date()) if _newest_before(midnight) else None
    return _answer(subject, f"tag:{host()},2026:feed:/digest/", extension, notes, promise, older)


def _newest_before(midnight: datetime) -> FullEntry | None:
    """The newest entry of the days before one that begins at *midnight*."""
    return next(
        iter(service().store.entries.newest(1, Selection(every=True), before=Cursor(int(midnight.timestamp()), 0))),
        None,
    )


def _digest(newest: FullEntry) -> tuple[Note, datetime]:
    """The digest of the day of *newest*, which is over, and when that day began."""
    here = service()
    day = here.day_of(newest.sort)
    begin, end = period_bounds("day", day, here.settings.zone)
    digest = kept("day", day)
    note = Note(
        id=f"tag:{host()},2026:digest:{digest_address('day', day)}",
        title=f"{PERIODS['day']} {day_text(day, here.settings.site.language)}",
        url=address("pages.digest", name=digest_address("day", day)),
        author=here.settings.site.name,
        published=end,
        updated=_changed_at(digest, end),
        text=" · ".join(
            [
                ngettext("%(num)s 条新闻", "%(num)s 条新闻", digest.entry_count),
                ngettext("%(num)s 所高校", "%(num)s 所高校", digest.university_count),
            ]
        ),
        html=render_template("digest_feed.html", digest=digest),
    )
    return note, begin


def _changed_at(digest: Digest, end: datetime) -> datetime:
    """A correction changes it; before the first, whatever entry changed last."""
    if digest.edition > 1 and digest.made_at:
        return digest.made_at
    return max([end, *(entry.updated for story in digest.stories for entry in story.entries)])


def _answer(
    subject: Subject,
    id_: str,
    extension: str,
    notes: list[Note],
    promise: Promise | None,
    older: str | None = None,
) -> Response:
    place = {"before": request.args["before"]} if "before" in request.args else {}
    info = subject.info(
        extension,
        subject.address(extension, **place),
        max((note.updated for note in notes), default=None),
        id=id_,
        paging={"next": subject.address(extension, before=older)} if older else {},
    )
    chosen = FORMATS[extension]
    return published(StoredFeed.made(chosen.media_type, chosen.render(info, notes), service().now()), promise)
