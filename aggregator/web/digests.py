"""Digests as pages, as mail, as text and for programs. Endpoints of the pages' blueprint.

Knows no HTML: what a digest looks like stands in templates/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from flask import Response, current_app, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from aggregator.editions import CORRECTED_HOURS, Editions
from aggregator.errors import NotFound, StoreError
from aggregator.model import Digest
from aggregator.publish.digest import Period, days_of, digest_address, parse_address, period_bounds
from aggregator.publish.freeze import digest_json
from aggregator.query import Expression, Selection
from aggregator.store.entries import Cursor
from aggregator.web import inlined
from aggregator.web.asking import tags_asked
from aggregator.web.language import language
from aggregator.web.ops import CHALLENGE, is_operator
from aggregator.web.pages import blueprint, midnight
from aggregator.web.service import service
from aggregator.web.stored import Promise, offer, until_news

LISTED: Mapping[Period, int] = {"day": 14, "week": 8, "month": 6}
TOLD = 60  # stories with their summaries; the others by their titles
FORMS = ("html", "email", "text", "json")
DAY = timedelta(days=1)
# for whoever asks each morning at one address
LAST: Mapping[str, Period] = {"yesterday": "day", "last-week": "week", "last-month": "month"}
# mail brings its styles in attributes, and nothing else
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: https:; sandbox allow-popups"


@dataclass(frozen=True, slots=True)
class Issue:
    """A digest as a list names it."""

    period: Period
    first: date
    count: int


@blueprint.get("/digest/")
def today() -> Response:
    return _answer("day", service().today, with_issues=True)


@blueprint.get("/digest/<name>/")
def digest(name: str) -> BaseResponse:
    if name in LAST:
        period = LAST[name]
        day = days_of(period, service().today)[0] - DAY
        there = url_for("pages.digest", name=digest_address(period, day))
        return redirect(f"{there}?{request.query_string.decode('ascii', 'ignore')}".rstrip("?"), 302)
    return _answer(*parse_address(name))


@blueprint.get("/digest/preview")
def preview() -> Response:
    """The mail as it is made for subscribers: of ``?date=`` (an address like 2026-W47), else of yesterday.

    Shows nothing that is not public, but costs; ``tag``, ``lang`` and ``format=text`` as with the digest itself.
    """
    if not is_operator():
        return Response("web.admin_token is asked for\n", 401, CHALLENGE, "text/plain")
    here = service()
    yesterday = digest_address("day", here.today - DAY)
    period, day = parse_address(request.args.get("date", yesterday))
    made = _editions().digest(period, day, tags_asked())
    subject, text, html = inlined.draft(made, language()).parts(inlined.NOBODY)
    if request.args.get("format") == "text":
        answer = Response(f"{subject}\n\n{text}", content_type="text/plain; charset=utf-8")
    else:
        answer = _mail(html)
    answer.cache_control.no_store = True
    return answer


def _answer(period: Period, day: date, *, with_issues: bool = False) -> Response:
    form = request.args.get("format", "html")
    if form not in FORMS:
        raise NotFound(f"a digest has no format {form[:40]!r}, but {', '.join(FORMS)}")
    tags = tags_asked()
    promise = until_news()  # asked before what it promises
    made = asked(period, day, tags)
    if request.args.get("edition"):
        promise = Promise((), "")
    elif made.edition:
        # neither the clock nor the news change it sooner
        promise = Promise((), "", service().now() + CORRECTED_HOURS)
    return offer(_drawn(made, form, tags, with_issues), promise)


def asked(period: Period, day: date, tags: Expression | None) -> Digest:
    """The edition that ``?edition=`` names, else the newest; raises NotFound."""
    number = request.args.get("edition", "")
    if number:
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise NotFound(f"an edition has a number, not {number[:40]!r}")
        return _editions().numbered(period, day, tags, int(number))
    # anybody can ask for any expression: editions of those are kept when somebody gets them by mail
    if tags is not None and tags.name is None:
        return _editions().digest(period, day, tags)
    return kept(period, day, tags)


def kept(period: Period, day: date, tags: Expression | None = None) -> Digest:
    """The newest edition, made where there is none; what it would be where it cannot be written."""
    try:
        return _editions().digest(period, day, tags, keep=True)
    except StoreError as error:  # a full disk is no reason to send readers away
        current_app.logger.warning("digest %s is not kept: %s", digest_address(period, day), error)
        return _editions().digest(period, day, tags)


def _drawn(made: Digest, form: str, tags: Expression | None, with_issues: bool) -> Response:
    here = service()
    if form == "json":
        return jsonify(digest_json(made, here.settings.site.url))
    if form == "text":
        return Response(inlined.plain(made, language()), content_type="text/plain; charset=utf-8")
    if form == "email":
        return _mail(inlined.draft(made, language()).parts(inlined.NOBODY)[2])
    issues = {period: _issues(period, here.today, count) for period, count in LISTED.items()} if with_issues else {}
    earlier, later = _earlier(made, Selection(tags)), _later(made)
    page = render_template("digest.html", digest=made, earlier=earlier, later=later, issues=issues, told=TOLD)
    return make_response(page)


def _mail(html: str) -> Response:
    answer = Response(html, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = MAIL_POLICY
    return answer


def _editions() -> Editions:
    here = service()
    return Editions(here.settings, here.store, here.now)


def _earlier(digest: Digest, selection: Selection) -> date | None:
    """When the nearest earlier digest with news begins: a walk back through the years meets no empty days."""
    begin = midnight(digest.first)
    found = service().store.entries.newest(1, replace(selection, every=True), before=Cursor(int(begin.timestamp()), 0))
    return days_of(digest.period, service().day_of(found[0].sort))[0] if found else None


def _later(digest: Digest) -> date | None:
    """When the next digest begins, None where that is yet to come; among files, the next with news."""
    here = service()
    day = digest.last + DAY
    if here.is_static:
        found = here.store.archive.since(midnight(day))
        return days_of(digest.period, found.astimezone(here.settings.zone).date())[0] if found else None
    return day if day <= here.today else None


def _issues(period: Period, today: date, number: int) -> list[Issue]:
    """The newest *number* digests, the one that holds *today* first, with how many entries each has."""
    firsts = [days_of(period, today)[0]]
    while len(firsts) < number:
        firsts.append(days_of(period, firsts[-1] - DAY)[0])
    bounds = [*map(midnight, reversed(firsts)), period_bounds(period, today, service().settings.zone)[1]]
    counts = service().store.counts.between(bounds)
    return [Issue(period, first, count) for first, count in zip(firsts, reversed(counts), strict=True)]
