"""The pages for people. Each view asks the store for what its template shows.

Knows no HTML: what a page looks like stands in templates/.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from aggregator.health import health
from aggregator.model import FullEntry
from aggregator.publish.digest import period_bounds
from aggregator.query import EVERYTHING, Selection, tagged
from aggregator.store.entries import Cursor
from aggregator.web.asking import every_asked, first_length, tags_at
from aggregator.web.charts import Chart, chart, days_before
from aggregator.web.ops import is_operator
from aggregator.web.pictures import pictures
from aggregator.web.service import service
from aggregator.web.stored import kept_for_a_moment, kept_until_news, offer, until_news
from aggregator.web.topics import grouped, reasons, topics
from aggregator.websub import standing

blueprint = Blueprint("pages", __name__)

LIST_LENGTH = 30  # entries in one page of a list
LANDING_LENGTH = 12
RELATED = 4  # entries of the same tag, shown below an entry
RELATED_TAGS = 12
CHART_DAYS = 14  # on the landing page
TAG_CHART_DAYS = 30
CHARTED_TERMS = 4  # of an expression
SOURCE_CHART_DAYS = 90
MOST_SHARES = 24  # universities and tags on the landing page
MOST_COVERED = 5  # stories there, of the last days
COVERED_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a list of entries, newest first, by the day they are dated; *older* is None where the list ends."""

    days: list[tuple[date, list[FullEntry]]]
    older: Cursor | None
    is_first: bool
    every: bool = False  # every entry, not one of each story

    @property
    def is_empty(self) -> bool:
        return not self.days

    @property
    def entries(self) -> list[FullEntry]:
        return [one for _, listed in self.days for one in listed]


@blueprint.get("/")
def index() -> Response:
    """The page most asked for."""
    here = service()
    promise = until_news()
    entries = here.store.entries.newest(LANDING_LENGTH, Selection(every=every_asked()))
    if not entries:  # it shows polls, too
        return make_response(render_template("welcome.html", states=here.store.counts.of_sources()))
    return offer(make_response(_landing(entries, here.today)), promise)


def _landing(entries: list[FullEntry], today: date) -> str:
    counts = service().store.counts
    monday = today - timedelta(days=today.weekday())
    spans = [midnight(day) for day in (monday, today, today + timedelta(days=1))]  # the week so far, today
    days = _chart(CHART_DAYS, EVERYTHING)
    return render_template(
        "index.html",
        page=Page(by_day(entries), None, is_first=True),
        today=today,
        today_count=days.days[-1][1],
        week_count=sum(counts.between(spans)),
        chart=days,
        most_covered=_most_covered(today),
        universities=counts.by_university(spans),
        # without any topic: what there is
        tags=counts.by_tag(spans, MOST_SHARES, topics().taxonomy.topics) or counts.by_tag(spans, MOST_SHARES),
        most_shares=MOST_SHARES,
        size=counts.size(),
    )


def _most_covered(today: date) -> list[tuple[FullEntry, int]]:
    """The stories of the last days that most universities tell: who told each first, and how many others did."""
    since, until = midnight(today) - COVERED_DAYS, midnight(today + timedelta(days=1))
    return service().store.stories.most_covered(since, until, MOST_COVERED)


@blueprint.get("/tags/")
@kept_until_news
def tags() -> str:
    tags = service().store.entries.tags()
    return render_template("tags.html", tags=tags, groups=grouped(tags))


@blueprint.get("/tags/<tag:name>/")
@kept_until_news
def tag(name: str) -> str:
    tags = tags_at(name)
    selection = Selection(tags)
    page = _page(selection)
    return render_template(
        "tag.html",
        name=tags.address,
        count=service().store.entries.tag(tags.name).entry_count if tags.name else None,
        page=page,
        # every alternative is counted for every day
        chart=_chart(TAG_CHART_DAYS, selection, page) if page.is_first and len(tags.terms) <= CHARTED_TERMS else None,
        related=_tags_of(page, but=tags.names),
    )


@blueprint.get("/universities/")
@kept_until_news
def universities() -> str:
    here = service()
    monday = here.today - timedelta(days=here.today.weekday())
    spans = [midnight(day) for day in (monday, here.today + timedelta(days=1))]
    weeks = {share.name: sum(share.counts) for share in here.store.counts.by_university(spans)}
    states = here.store.counts.of_sources()
    listed = [(name, list(group)) for name, group in groupby(states, lambda state: state.source.university)]
    return render_template("universities.html", universities=listed, weeks=weeks)


@blueprint.get("/universities/<name>/")
@kept_for_a_moment
def university(name: str) -> str | BaseResponse:
    here = service()
    known = here.store.names.university(name)
    if known != name:  # an alias
        return redirect(url_for("pages.university", name=known), 301)
    states = here.store.counts.of_sources(name)
    selection = Selection(university=name)
    page = _page(selection)
    return render_template(
        "university.html",
        university=name,
        states=states,
        verdicts={state.source.name: health(state.source, state.polls, here.now()) for state in states},
        count=sum(state.entry_count for state in states),
        page=page,
        chart=_chart(TAG_CHART_DAYS, selection, page) if page.is_first else None,
        topics=_tags_of(page, but=(name,)),
        is_tag=any(name in entry.tags for entry in page.entries),  # and can be read by mail
    )


@blueprint.get("/sources/")
@kept_for_a_moment
def sources() -> str:
    here = service()
    states = here.store.counts.of_sources()
    now = here.now()
    verdicts = {state.source.name: health(state.source, state.polls, now) for state in states}
    by_university = [(name, list(group)) for name, group in groupby(states, lambda state: state.source.university)]
    counts = Counter(verdict.state for verdict in verdicts.values())
    own = here.store.breaks.of_service()
    return render_template("sources.html", universities=by_university, verdicts=verdicts, counts=counts, own=own)


@blueprint.get("/sources/<name>/")
def source(name: str) -> str:
    here = service()
    state = here.store.sources.by_name(name)
    verdict = health(state.source, state.polls, here.now())
    page = _page(Selection(source=name))
    if not page.is_first:
        return render_template("source.html", state=state, verdict=verdict, page=page)
    chart = _chart(SOURCE_CHART_DAYS, Selection(source=name), page)
    if here.is_static:  # how it was read last would be old at once
        return render_template("source.html", state=state, verdict=verdict, page=page, chart=chart)
    id_ = state.source.id or 0
    # what servers answered is for the operator, where the operator says so; the page is for everybody
    try:
        is_shown = is_operator()
    except TooManyRequests:  # a proxy that asks for a password of its own hands it on
        is_shown = False
    good, bad = (here.store.breaks.proof(id_, good=is_good) if is_shown else None for is_good in (True, False))
    subscription = here.store.websub.of_source(state.source.id or 0) if here.settings.callback_url else None
    return render_template(
        "source.html",
        state=state,
        verdict=verdict,
        page=page,
        chart=chart,
        good=good,
        bad=bad,
        last_good=next((poll.polled_at for poll in state.polls if poll.outcome != "failed"), good and good.fetched_at),
        breaks=here.store.breaks.of(id_),
        subscription=subscription,
        standing=standing(subscription, here.now()) if subscription else None,
    )


@blueprint.get("/entries/<slug>/")
def entry(slug: str) -> Response:
    here = service()
    promise = until_news()
    found = here.store.entries.by_slug(slug)
    older, newer = here.store.archive.neighbours(found)
    # in a file it would change with every entry of a tag
    topic = None if here.is_static else here.store.archive.rarest_tag(found.tags)
    related = here.store.entries.newest(RELATED + 1, Selection(tagged(topic.name))) if topic else []
    told = {one.id for one in found.story.tellings} if found.story else {found.id}
    drawn = make_response(
        render_template(
            "entry.html",
            entry=found,
            # told of when the publisher's own is gone
            is_kept=bool(found.removed_at and not here.is_static and here.store.holdings.page(found.id)),
            reasons=reasons(
                found, here.store.tagging.given_to(found.source.name), here.store.tagging.brought_by(found.id)
            ),
            older=older,
            newer=newer,
            topic=topic,
            related=[one for one in related if one.id not in told][:RELATED],
            revisions=here.store.revisions.of(found) if found.changed_at else [],
        )
    )
    # with the sizes of its pictures the page would be another one
    return offer(drawn, promise) if pictures().know(found.images) else drawn


@blueprint.get("/about/")
@kept_until_news
def about() -> str:
    return render_template("about.html", size=service().store.counts.size())


@blueprint.get("/help/readers/")
@kept_until_news
def readers() -> str:
    return render_template("readers.html")


def _chart(number: int, selection: Selection, page: Page | None = None) -> Chart:
    """The entries of *selection* on each of the last *number* days; in a file, which stays, the last with news."""
    last = page.days[0][0] if service().is_static and page and page.days else service().today
    days = days_before(last, number)
    return chart(days, service().store.counts.between([midnight(day) for day in days], selection))


def _tags_of(page: Page, but: Collection[str]) -> list[str]:
    """The tags that the entries of *page* have most."""
    counts = Counter(tag for one in page.entries for tag in one.tags if tag not in but)
    return [name for name, _ in counts.most_common(RELATED_TAGS)]


def midnight(day: date) -> datetime:
    return period_bounds("day", day, service().settings.zone)[0]


def _page(selection: Selection) -> Page:
    """The piece of the list of *selection* that ``?before=`` asks for."""
    before = Cursor.parse(request.args["before"]) if "before" in request.args else None
    length = LIST_LENGTH if before else first_length(LIST_LENGTH)
    every = every_asked()
    entries = service().store.entries.newest(length + 1, replace(selection, every=every), before=before)
    more, entries = len(entries) > length, entries[:length]
    older = Cursor(entries[-1].sort, entries[-1].id) if more else None
    return Page(by_day(entries), older, before is None, every)


def by_day(entries: list[FullEntry]) -> list[tuple[date, list[FullEntry]]]:
    here = service()
    return [(day, list(group)) for day, group in groupby(entries, lambda entry: here.day_of(entry.sort))]
