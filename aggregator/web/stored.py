"""Answers given again from memory, before Flask routes a request, for as long as nothing that they show has changed.

A WSGI callable around the app. Knows no address and no page: a view says that its answer may be kept, and what of the
store it was made from.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec

from flask import Response, make_response, request
from werkzeug.wrappers import Response as BaseResponse

from aggregator.errors import StoreError
from aggregator.store import Store
from aggregator.store.feeds import ALL_SCOPES
from aggregator.web.document import Document, StartResponse
from aggregator.web.language import accepted
from aggregator.web.service import service

MEMORY = 64_000_000  # bytes of answers in one process, the least asked for dropped first
MOST_DATED = 10_000  # answers in one process that are known by their date
OVERHEAD = 4_000  # of headers and objects
MOMENT = timedelta(seconds=10)
OFFER = "aggregator.offer"  # our key in a request's environ

P = ParamSpec("P")
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Promise:
    """An answer holds while *scopes* stay at *version*, which was asked before all it shows, and to *until*."""

    scopes: tuple[str, ...]
    version: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a view says of its *response*. Without a *promise* it is not kept."""

    response: Response
    promise: Promise | None
    last_modified: datetime | None
    gzipped: bytes | None
    due: datetime | None


@dataclass(slots=True)
class Kept:
    document: Document
    promise: Promise
    state: Hashable  # of the store, when the promise was last seen to hold
    size: int  # bytes, with its address, which may be longer than itself


def offer(
    response: Response,
    promise: Promise | None,
    *,
    last_modified: datetime | None = None,
    gzipped: bytes | None = None,
    due: datetime | None = None,
) -> Response:
    """*response*, of which Stored makes a Document, to be given again while *promise* holds.

    It must depend on nothing but what the promise names, the settings, the address and the language.
    """
    if not response.get_etag()[0]:
        response.add_etag()
    request.environ[OFFER] = Offer(response, promise, last_modified, gzipped, due)
    return response


def until_news() -> Promise:
    """What was made from entries, sources and the day holds until one of them changes. To be asked before they are."""
    here = service()
    tomorrow = datetime.combine(here.today + timedelta(days=1), time.min, tzinfo=here.settings.zone)
    return Promise(ALL_SCOPES, here.store.feeds.version(ALL_SCOPES), tomorrow)


def for_a_moment() -> Promise:
    """What was made from how polls went holds so long, or until there are news: each poll would change it."""
    return replace(until_news(), until=service().now() + MOMENT)


def kept_until_news(view: Callable[P, str | BaseResponse]) -> Callable[P, BaseResponse]:
    """*view*, whose page depends on nothing but entries, sources, the day, the address and the language."""
    return _kept(view, until_news)


def kept_for_a_moment(view: Callable[P, str | BaseResponse]) -> Callable[P, BaseResponse]:
    """*view*, whose page also depends on how polls went."""
    return _kept(view, for_a_moment)


def _kept(view: Callable[P, str | BaseResponse], promised: Callable[[], Promise]) -> Callable[P, BaseResponse]:
    @wraps(view)
    def kept(*args: P.args, **kwargs: P.kwargs) -> BaseResponse:
        promise = promised()
        answer = make_response(view(*args, **kwargs))
        return offer(answer, promise) if answer.status_code == 200 else answer

    return kept


def is_offered() -> bool:
    """Whether the answer to the request at hand becomes a Document."""
    return OFFER in request.environ


class Stored:
    """The *app*, with a memory."""

    def __init__(
        self, app: App, store: Store, language: str, now: Callable[[], datetime], memory: int = MEMORY
    ) -> None:
        self._app = app
        self._store = store
        self._language = language  # of the site
        self._now = now
        self._memory = memory
        self._shelf: OrderedDict[Hashable, Kept] = OrderedDict()
        self._size = 0
        self._dated: OrderedDict[Hashable, tuple[str, datetime]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._app(environ, start_response)
        try:
            # before anything is read for the answer: what changes meanwhile is seen by the next request
            state = self._store.feeds.state()
        except StoreError:
            return self._app(environ, start_response)  # which says what is wrong
        key = (
            environ.get("SCRIPT_NAME", ""),
            environ.get("PATH_INFO", ""),
            environ.get("QUERY_STRING", ""),
            accepted(environ.get("HTTP_ACCEPT_LANGUAGE", "")) or self._language,
        )
        now = self._now()
        if "HTTP_AUTHORIZATION" in environ:  # an operator's answer is for nobody else
            return self._asked(environ, start_response, key, None, now)
        with self._lock:
            kept = self._shelf.get(key)
            if kept:
                self._shelf.move_to_end(key)
        if kept and self._is_current(kept, state, now):
            return kept.document.answer(environ, start_response, now)
        return self._asked(environ, start_response, key, state, now)

    def _is_current(self, kept: Kept, state: Hashable, now: datetime) -> bool:
        promise = kept.promise
        if promise.until is not None and now >= promise.until:
            return False
        if kept.state != state:
            try:
                if self._store.feeds.version(promise.scopes) != promise.version:
                    return False
            except StoreError:
                return False
            kept.state = state
        return True

    def _asked(
        self, environ: dict[str, Any], start_response: StartResponse, key: Hashable, state: Hashable, now: datetime
    ) -> Iterable[bytes]:
        """The app's answer, kept where a view said that it may be, and not without a *state* of the store."""
        started: list[Any] = []
        body = self._app(environ, lambda *answer: started.append(answer))
        status, headers, *_ = started[-1]
        offered: Offer | None = environ.pop(OFFER, None)
        if offered is None or not status.startswith("200"):
            start_response(status, headers)
            return body
        if hasattr(body, "close"):
            body.close()
        etag = str(offered.response.get_etag()[0])
        changed_at = offered.last_modified and self._changed_at(key, etag, offered.last_modified)
        document = Document(offered.response.get_data(), headers, etag, changed_at, offered.gzipped, offered.due)
        if offered.promise and state is not None:
            size = document.size + len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", "")) + OVERHEAD
            self._put(key, Kept(document, offered.promise, state, size))
        return document.answer(environ, start_response, now)

    def _changed_at(self, key: Hashable, etag: str, at: datetime) -> datetime:
        """*at*, or when these very bytes were first given, so that who asks by time alone gets 304 for them."""
        with self._lock:
            former = self._dated.pop(key, None)
            if former and former[0] == etag:
                at = min(at, former[1])
            self._dated[key] = etag, at
            if len(self._dated) > MOST_DATED:
                self._dated.popitem(last=False)
        return at

    def _put(self, key: Hashable, kept: Kept) -> None:
        with self._lock:
            self._drop(key)
            self._shelf[key] = kept
            self._size += kept.size
            while self._size > self._memory:
                self._drop(next(iter(self._shelf)))

    def _drop(self, key: Hashable) -> None:
        former = self._shelf.pop(key, None)
        if former:
            self._size -= former.size
