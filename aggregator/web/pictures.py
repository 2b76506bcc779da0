"""Pictures of entries through this service: /pictures/<token>, where the token is ours and names picture and article.

Fetches as a browser would that reads the article, because campus servers show their pictures to nobody else; keeps what
it gets; hands out nothing but pictures. Knows no page.
"""

import asyncio
import atexit
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from flask import Blueprint, Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.exceptions import BadGateway, HTTPException, ServiceUnavailable

from aggregator.errors import FetchError, NotFound
from aggregator.gather.fetch import Fetcher
from aggregator.model import FullEntry
from aggregator.model import Response as ModelResponse
from aggregator.pixels import Kind, kind_of
from aggregator.secret import secret_key
from aggregator.settings import Settings
from aggregator.web.album import Album
from aggregator.web.originals import archive

blueprint = Blueprint("pictures", __name__)

PICTURES = "aggregator.pictures"  # our key among the app's extensions
YEAR_SECONDS = 31_536_000
SECONDS = 15.0  # longest wait for one picture
CLOSING_SECONDS = 5.0
FAILED_SECONDS = 600.0  # a picture that could not be had is not asked for again sooner
FAILURES_REMEMBERED = 10_000
RETRY_SECONDS = 60  # how long a browser believes that there is no picture
PER_MINUTE = 600  # fetches of one process; kept pictures do not count
LONGEST_ADDRESS = 2000  # characters; longer ones are data, not places


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a page shows it; *kind* is None while nobody has fetched it through us."""

    address: str
    kind: Kind | None = None


class Pictures:
    """Signs, fetches and keeps. One for each app; its loop and connections begin with the first fetch."""

    def __init__(self, settings: Settings) -> None:
        self.mode = settings.web.pictures
        self._settings = settings
        self._album = Album(settings.instance / "pictures", settings.web.picture_cache_mb * 1_000_000)
        # some threads are always left for pages
        self._places = threading.BoundedSemaphore(max(settings.web.threads * 3 // 4, 1))
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._failed: OrderedDict[str, float] = OrderedDict()  # address -> until when
        self._tokens: dict[tuple[str, str], str] = {}
        self._asked: dict[str, Future[ModelResponse]] = {}  # on their way, by address
        self._minute = (0, 0)  # which, and fetches in it

    def shown(self, url: str, entry: FullEntry, place: Callable[[str], str]) -> Picture | None:
        """How the picture at *url* of *entry* is shown; None: not at all. *place* makes an address of a token."""
        if self.mode == "none" or len(url) > LONGEST_ADDRESS or not url.startswith(("http://", "https://")):
            return None
        if self.mode == "link":
            return Picture(url)
        return Picture(place(self._token(url, entry.url)), self._album.kind(url))

    def know(self, urls: Iterable[str]) -> bool:
        """Whether nothing more will be known of the pictures at *urls*."""
        return self.mode != "proxy" or all(self._album.kind(url) for url in urls)

    def get(self, token: str) -> tuple[bytes, Kind]:
        """The picture that *token* names, and what it is. Raises NotFound and HTTP errors."""
        url, page = self._read(token)
        body = self._album.get(url) or archive().picture(url)
        if body is None:
            body = self._fetched(url, page)
        kind = kind_of(body)
        if kind is None:
            raise BadGateway
        return body, kind

    def close(self) -> None:
        """End the loop and its connections."""
        with self._lock:
            running, self._running = self._running, None
        if running:
            leaving = running.fetcher.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(leaving, running.loop).result(CLOSING_SECONDS)
            running.loop.call_soon_threadsafe(running.loop.stop)
            running.thread.join(CLOSING_SECONDS)
            running.loop.close()

    # ------------------------------------------------------------ tokens

    @cached_property
    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(secret_key(self._settings), "pictures", signer_kwargs={"digest_method": sha256})

    def _token(self, url: str, page: str) -> str:
        token = self._tokens.get((url, page))
        if token is None:
            token = str(self._signer.dumps([url, page]))
            if len(self._tokens) > FAILURES_REMEMBERED:
                self._tokens.clear()
            self._tokens[url, page] = token
        return token

    def _read(self, token: str) -> tuple[str, str]:
        try:
            url, page = self._signer.loads(token)
        except (BadData, ValueError) as error:
            raise NotFound("no picture of ours") from error
        return str(url), str(page)

    # ------------------------------------------------------------ fetching

    def _fetched(self, url: str, page: str) -> bytes:
        if self._failed.get(url, 0) > time.monotonic():
            raise BadGateway
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable(retry_after=5)
        try:
            self._count()
            body = self._ask(url, page)
        finally:
            self._places.release()
        if kind_of(body) is None:
            self._note_failure(url)
            current_app.logger.info("picture %s is none that we show", url)
            raise BadGateway
        try:
            self._album.keep(url, body)
        except OSError as error:  # a full disk is no reason to show nothing
            current_app.logger.warning("picture %s is not kept: %s", url, error)
        return body

    def _ask(self, url: str, page: str) -> bytes:
        with self._lock:
            self._running = running = self._running or self._started()
            asked = self._asked.get(url)
            if asked is None:
                asked = asyncio.run_coroutine_threadsafe(running.fetcher.fetch_picture(url, page), running.loop)
                self._asked[url] = asked
        try:
            return asked.result(2 * SECONDS).body
        except (FetchError, TimeoutError) as error:
            self._note_failure(url)
            current_app.logger.info("picture %s: %s", url, error)
            raise BadGateway from error
        finally:
            self._asked.pop(url, None)

    def _note_failure(self, url: str) -> None:
        self._failed[url] = time.monotonic() + FAILED_SECONDS
        if len(self._failed) > FAILURES_REMEMBERED:
            self._failed.popitem(last=False)

    def _count(self) -> None:
        """Raise ServiceUnavailable where this minute has seen enough."""
        minute = int(time.monotonic() // 60)
        with self._lock:
            fetches = self._minute[1] + 1 if self._minute[0] == minute else 1
            self._minute = minute, fetches
        if fetches > PER_MINUTE:
            raise ServiceUnavailable(retry_after=60)

    def _started(self) -> "_Running":
        settings = self._settings
        # a reader waits: no pause between the pictures of one page, though one comes after another
        limits = {"per_host_delay_seconds": 0.0, "timeout_seconds": SECONDS, "idle_seconds": SECONDS / 2}
        fetcher = Fetcher(settings.fetch.model_copy(update=limits), settings.user_agent, own=settings.own_ports)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="pictures", daemon=True)
        thread.start()
        atexit.register(self.close)
        return _Running(loop, thread, fetcher)


@dataclass(frozen=True, slots=True)
class _Running:
    """The loop that fetches, the thread it runs in, and the door it goes through."""

    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    fetcher: Fetcher


@blueprint.get("/pictures/<token>")
def picture(token: str) -> Response:
    """The picture, for as long as anybody likes to keep it: an address never means another one."""
    body, kind = pictures().get(token)
    response = Response(body, content_type=kind.media_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = "inline"
    response.cache_control.max_age = YEAR_SECONDS
    response.cache_control.immutable = True
    response.set_etag(sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response


@blueprint.errorhandler(HTTPException)
def refused(error: HTTPException) -> Response:
    """A word, no page: nobody would see it."""
    response = Response(f"{error.code}\n", error.code, error.get_headers(), content_type="text/plain")
    response.cache_control.max_age = RETRY_SECONDS
    return response


def pictures() -> Pictures:
    """Those of the app that answers this request."""
    found = current_app.extensions[PICTURES]
    assert isinstance(found, Pictures)
    return found
