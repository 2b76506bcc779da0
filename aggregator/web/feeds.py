"""Feeds of entries over HTTP, each at one address: rendered once, kept in the store, answered with the kept bytes.

Knows no format: publish.FORMATS has them.
"""

from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from aggregator.errors import NotFound
from aggregator.publish import FORMATS
from aggregator.query import Selection
from aggregator.store.feeds import StoredFeed
from aggregator.web import pieces, subject
from aggregator.web.asking import every_asked, tags_asked, tags_at
from aggregator.web.machines import kept, open_to_scripts, published
from aggregator.web.pieces import Piece
from aggregator.web.searching import catch_up, spend
from aggregator.web.service import service
from aggregator.web.stored import Promise
from aggregator.web.subject import Subject

blueprint = Blueprint("feeds", __name__)
blueprint.after_request(open_to_scripts)

# what makes another document of a feed; at most one of them is given
PLACES = ("before", "archive")
KEPT = (*PLACES, "all")


@blueprint.url_defaults
def atom(endpoint: str, values: dict[str, Any]) -> None:
    """A link that names no format means Atom."""
    if current_app.url_map.is_endpoint_expecting(endpoint, "extension"):
        values.setdefault("extension", "atom")


@blueprint.get("/feed.<format:extension>")
def everything(extension: str) -> BaseResponse:
    """All entries, or those that ``?tag=``, ``?source=``, ``?university=`` and ``?q=`` select together."""
    tags, source, university = tags_asked(), request.args.get("source"), request.args.get("university")
    university = service().store.names.university(university) if university is not None else None
    words = " ".join(request.args.get("q", "").split())
    asked = {
        "tag": tags.address if tags else None,
        "source": source,
        "university": university,
        "q": words or None,
    }
    values = {name: value for name, value in asked.items() if value is not None}
    endpoint = {"tag": "tag", "source": "source", "university": "university"}.get("".join(values))
    if endpoint:  # one condition has an address of its own
        return _moved(f"feeds.{endpoint}", name="".join(values.values()), extension=extension)
    given = {name: request.args.getlist(name) for name in request.args if name in asked}
    if list(given.items()) != [(name, [value]) for name, value in values.items()]:
        return _moved("feeds.everything", extension=extension, **values)
    if not values:
        return _answer(subject.of_everything(), extension)
    if words:
        spend()
        catch_up()
    return _answer(subject.of_search(Selection(tags, source, university, words), values), extension)


@blueprint.get("/tags/<tag:name>.<format:extension>")
def tag(name: str, extension: str) -> BaseResponse:
    return _answer(subject.of_tags(tags_at(name)), extension)


@blueprint.get("/sources/<name>.<format:extension>")
def source(name: str, extension: str) -> BaseResponse:
    state = service().store.sources.by_name(name, polls=0)
    return _answer(subject.of_source(state.ref, state.source.next_poll_at if state.source.enabled else None), extension)


@blueprint.get("/universities/<name>.<format:extension>")
def university(name: str, extension: str) -> BaseResponse:
    known = service().store.names.university(name)
    if known != name:
        return _moved("feeds.university", name=known, extension=extension)
    return _answer(subject.of_university(name), extension)


def _moved(endpoint: str, **values: Any) -> BaseResponse:
    """To the one address of what is asked for, at the same place in it."""
    places: dict[str, Any] = {name: request.args[name] for name in KEPT if name in request.args}
    return redirect(url_for(endpoint, **places, **values), 301)


def _answer(about: Subject, extension: str) -> Response:
    here = service()
    if every_asked():
        about = about.with_every()
    places = {name: request.args[name] for name in PLACES if name in request.args}
    if len(places) > 1:
        raise NotFound("a document is either before an entry or an archive")
    selection = about.selection
    scopes = (*here.store.names.scopes(selection), "sources")
    version = here.store.feeds.version(scopes)
    # the search index grows without a word, some time after the entries
    promise = None if selection.words else Promise(scopes, version)
    if places or not about.is_lasting or here.is_static:
        made = _render(about, extension, places)
    else:
        version = f"{version};{subject.shape(here.settings)}"
        made = kept(request.path, version, lambda: _render(about, extension, {}))
    hubs = here.settings.web.hub_urls if about.is_lasting and not places else ()
    return published(
        made,
        promise,
        due=about.due,
        links=[*((url, "hub") for url in hubs), *([(about.address(extension), "self")] if hubs else [])],
    )


def _render(about: Subject, extension: str, places: dict[str, str]) -> StoredFeed:
    piece = _piece(about.selection, places, about)
    updated = max((entry.updated for entry in piece.entries), default=None)
    paging = {rel: about.address(extension, **place) for rel, place in piece.paging.items()}
    info = about.info(
        extension,
        about.address(extension, **places),
        updated,
        paging=paging,
        is_archive=piece.is_archive,
        is_complete=piece.is_complete,
    )
    chosen = FORMATS[extension]
    # nobody knows since when exactly these bytes are right, but they are now
    changed_at = info.updated if about.is_lasting and not places else service().now()
    return StoredFeed.made(chosen.media_type, chosen.render(info, piece.entries), changed_at)


def _piece(selection: Selection, places: dict[str, str], about: Subject) -> Piece:
    if "archive" not in places:
        return pieces.before(selection, places["before"]) if places else pieces.newest(selection)
    found = pieces.archive(selection, places["archive"])
    if isinstance(found, Piece):
        return found
    # not for good: it is the newest of its days only now
    view_args = request.view_args or {}
    others = {name: value for name, value in request.args.items() if name in about.values}
    return abort(redirect(url_for(about.feed, **{**view_args, **others, "archive": found}), 302))
