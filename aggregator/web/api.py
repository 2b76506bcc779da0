"""/api/: everything that is published, for programs. Read-only; publish/operations.py says what may be asked.

Each question has one address: tags, aliases and defaults written otherwise are sent there (301). Answers are kept and
validated as feeds are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import MethodNotAllowed

from aggregator.errors import NotFound
from aggregator.health import health
from aggregator.publish import contract
from aggregator.publish.digest import Period, days_of, digest_address, parse_address, period_bounds
from aggregator.publish.freeze import digest_json
from aggregator.publish.openapi import openapi
from aggregator.publish.operations import MOST_DIGESTS, OPERATIONS, USUAL_DIGESTS
from aggregator.query import Selection
from aggregator.store.feeds import StoredFeed
from aggregator.store.sources import SourceState
from aggregator.store.storylist import newest_stories
from aggregator.web import digests as editions
from aggregator.web import problem
from aggregator.web.asking import tags_asked
from aggregator.web.machines import kept, open_to_scripts, published
from aggregator.web.pages import midnight
from aggregator.web.parameters import (
    behind,
    day_behind,
    entries_of,
    limit_of,
    number_behind,
    selection_of,
    values_of,
)
from aggregator.web.searching import catch_up, spend
from aggregator.web.service import address, service
from aggregator.web.stored import Promise, kept_until_news, until_news
from aggregator.web.subject import BEGINNING

blueprint = Blueprint("api", __name__, url_prefix="/api")
blueprint.after_request(open_to_scripts)
problem.register(blueprint)

JSON = "application/json"
SHAPE = 1  # raise it with any change of what answers look like: kept bytes are then made again
# conditions any one of which alone makes a list worth a row of the database
LASTING = ("tag", "source", "university")
DAY = timedelta(days=1)
READING = ("GET", "HEAD", "OPTIONS")

Items = Sequence[Mapping[str, Any]]


@blueprint.get("/")
@kept_until_news
def page() -> str:
    """For people: what there is, and what goes wrong how."""
    return render_template("api.html", operations=OPERATIONS.values(), kinds=problem.KINDS)


@blueprint.get("/v1/openapi.json")
def document() -> Response:
    said = openapi(service().settings.site.name, address("api.page") + "v1")
    return published(StoredFeed.made(JSON, _bytes(said), BEGINNING), Promise((), ""))


@blueprint.get("/v1/entries")
def entries() -> Response:
    values, here = values_of(OPERATIONS["entries"]), service()
    selection = replace(selection_of(values), words=values.get("q", ""))
    scopes = (*here.store.names.scopes(selection), "sources")
    version = here.store.feeds.version(scopes)
    if selection.words:
        spend()
        catch_up()
    is_named = selection.tags is None or selection.tags.name is not None
    is_lasting = is_named and (not values or (len(values) == 1 and set(values) <= set(LASTING)))

    def made() -> StoredFeed:
        found, after = entries_of(selection, values)
        without = () if "body" in values else contract.BODY
        items = [contract.ENTRY.said(one, here.settings.site.url, without=without) for one in found]
        newest = max((one.updated for one in found), default=BEGINNING)
        return StoredFeed.made(JSON, _list("entries", items, after, values), newest if is_lasting else here.now())

    key = request.path + "".join(f"?{name}={value}" for name, value in values.items())
    answer = kept(key, f"{version};api {SHAPE} {here.settings.site.url}", made) if is_lasting else made()
    return _published(answer, None if selection.words else Promise(scopes, version))


@blueprint.get("/v1/entries/<slug>")
def entry(slug: str) -> Response:
    values_of(OPERATIONS["entries.one"])
    promise, here = until_news(), service()
    found = here.store.entries.by_slug(slug)
    return _one(contract.ENTRY.said(found, here.settings.site.url), promise, found.updated)


@blueprint.get("/v1/tags")
def tags() -> Response:
    values, promise = values_of(OPERATIONS["tags"]), until_news()
    known = sorted(service().store.entries.tags(), key=lambda one: one.name)
    found, after = behind(known, values, lambda one: one.name)
    return _listed("tags", [contract.TAG.said(one, "") for one in found], after, values, promise)


@blueprint.get("/v1/tags/<tag:name>")
def tag(name: str) -> Response:
    values_of(OPERATIONS["tags.one"])
    promise, store = until_news(), service().store
    meant = store.names.expression(name)
    if meant.name is None:
        raise NotFound(f"{name!r} is no tag but an expression: ask for its entries with /api/v1/entries?tag=")
    if meant.name != name:
        abort(redirect(url_for("api.tag", name=meant.name), 301))
    return _one(contract.TAG.said(store.entries.tag(name), ""), promise)


@blueprint.get("/v1/sources")
def sources() -> Response:
    values = values_of(OPERATIONS["sources"])
    states = service().store.counts.of_sources(values.get("university"))
    found, after = behind(sorted(states, key=_name_of), values, _name_of)
    # their health changes with the clock
    return _listed("sources", [_source(state) for state in found], after, values, None)


@blueprint.get("/v1/sources/<name>")
def source(name: str) -> Response:
    values_of(OPERATIONS["sources.one"])
    return _one(_source(service().store.sources.by_name(name)), None)


@blueprint.get("/v1/stories")
def stories() -> Response:
    values, promise, here = values_of(OPERATIONS["stories"]), until_news(), service()
    limit = limit_of(values)
    found = newest_stories(here.store, limit + 1, selection_of(values), before=number_behind(values))
    after = str(found[limit - 1][0]) if len(found) > limit else None
    items = [contract.STORY.said(story, here.settings.site.url) for _, story in found[:limit]]
    return _listed("stories", items, after, values, promise)


@blueprint.get("/v1/stories/<key>")
def story(key: str) -> Response:
    values_of(OPERATIONS["stories.one"])
    promise, here = until_news(), service()
    found = here.store.stories.whole(key)
    if found.key != key:
        abort(redirect(url_for("api.story", key=found.key), 301))
    told = next((one.story for one in found.entries if one.story), None)
    if told is None:
        raise NotFound(f"nobody but one tells the story {key[:40]} any more")
    return _one(contract.STORY.said(told, here.settings.site.url), promise)


@blueprint.get("/v1/digests")
def digests() -> Response:
    """Back to the first day that has news, empty ones between included."""
    values, promise, here = values_of(OPERATIONS["digests"]), until_news(), service()
    period: Any = values.get("period", "day")
    limit, selection = limit_of(values, MOST_DIGESTS, USUAL_DIGESTS), selection_of(values)
    oldest = here.store.entries.oldest(1, selection)
    firsts: list[date] = []
    if oldest:
        first, end = days_of(period, day_behind(values, period))[0], days_of(period, here.day_of(oldest[0].sort))[0]
        while first >= end and len(firsts) <= limit:
            firsts.append(first)
            first = days_of(period, first - DAY)[0]
    after = digest_address(period, firsts[limit - 1]) if len(firsts) > limit else None
    return _listed("digests", _digests(period, firsts[:limit], selection), after, values, promise)


@blueprint.get("/v1/digests/<name>")
def digest(name: str) -> Response:
    values, promise = values_of(OPERATIONS["digests.one"]), until_news()
    period, first = parse_address(name)
    if (one_name := digest_address(period, first)) != name:
        abort(redirect(url_for("api.digest", name=one_name, **values), 301))  # type: ignore[arg-type]  # parameters
    made = editions.asked(period, first, tags_asked())
    site = service().settings.site.url
    return _one(contract.DIGEST.said(digest_json(made, site), site), promise)


@blueprint.route("/", methods=("POST", "PUT", "PATCH", "DELETE"))
@blueprint.route("/<path:rest>", methods=("GET", "POST", "PUT", "PATCH", "DELETE"))
def nothing(rest: str = "") -> Response:
    """Whatever else is asked, so that a program gets an answer it can read."""
    if request.method not in READING:
        raise MethodNotAllowed(READING)
    raise NotFound(f"there is no /api/{rest[:80]}; /api/v1/openapi.json says what there is")


def _digests(period: Period, firsts: Sequence[date], selection: Selection) -> Items:
    """The digests that begin on *firsts*, of which the newest stands first."""
    if not firsts:
        return []
    here = service()
    bounds = [*map(midnight, reversed(firsts)), period_bounds(period, firsts[0], here.settings.zone)[1]]
    said = []
    for first, count in zip(firsts, reversed(here.store.counts.between(bounds, selection)), strict=True):
        facts = {"name": digest_address(period, first), "period": period, "first": first, "entry_count": count}
        said.append(contract.DIGEST_REF.said(facts | {"last": days_of(period, first)[1]}, here.settings.site.url))
    return said


def _source(state: SourceState) -> Mapping[str, Any]:
    here, row = service(), state.source
    facts = {
        "ref": state.ref,
        "kind": row.found_kind or row.kind,
        "health": health(row, state.polls, here.now()).state,
        "entry_count": state.entry_count,
        "polled_at": row.polled_at,
        "news_at": row.news_at,
    }
    return contract.SOURCE.said(facts, here.settings.site.url)


def _name_of(state: SourceState) -> str:
    return state.source.name


def _one(said: Mapping[str, Any], promise: Promise | None, changed_at: datetime | None = None) -> Response:
    return published(StoredFeed.made(JSON, _bytes(said), changed_at or service().now()), promise)


def _listed(name: str, items: Items, after: str | None, values: Mapping[str, str], promise: Promise | None) -> Response:
    return _published(StoredFeed.made(JSON, _list(name, items, after, values), service().now()), promise)


def _list(name: str, items: Items, after: str | None, values: Mapping[str, str]) -> bytes:
    """*next* comes first: whoever has the bytes finds it without reading them all."""
    following = address(f"api.{name}", **{**values, "cursor": after}) if after else None
    return _bytes({"next": following, "items": items})


def _published(made: StoredFeed, promise: Promise | None) -> Response:
    """*made*, a list, with its *next* in the head, too (RFC 8288)."""
    following = json.loads(made.body[len(b'{"next":') : made.body.index(b',"items":')])
    return published(made, promise, links=[(following, "next")] if following else [])


def _bytes(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "ignore")  # lone surrogates
