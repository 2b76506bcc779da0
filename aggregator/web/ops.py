"""For machines and for the day something fails: /healthz, /metrics, icons, error pages, headers, who is an operator."""

import base64
import binascii
import hmac
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.exceptions import BadRequest, HTTPException, TooManyRequests

from aggregator.errors import Gone, NotFound, QueryError, RuleError, SearchError, StoreError
from aggregator.health import health
from aggregator.publish import FORMATS
from aggregator.settings import Settings
from aggregator.web.language import QUERY_FAULTS, SEARCH_FAULTS, TAGS
from aggregator.web.limit import Limit
from aggregator.web.metrics import MEDIA_TYPE, metrics
from aggregator.web.service import service
from aggregator.web.stored import Promise, offer

blueprint = Blueprint("ops", __name__)

DAY_SECONDS, YEAR_SECONDS = 86_400, 31_536_000
FILES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
GATE = "aggregator.gate"  # our key among the app's extensions
# lets a browser ask for the token, as the password of any name
CHALLENGE = {"WWW-Authenticate": 'Basic realm="web.admin_token", charset="UTF-8"'}
# wrong tokens of one client address at once, and then in an hour; with a limit of all anybody locked the operator out
WRONG_TOKENS = 10
# whoever asks for these shows no page
FOR_MACHINES = (*(f".{extension}" for extension in FORMATS), ".opml")

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; manifest-src 'self';"
    # films of entries stand on the universities' servers
    " img-src {pictures}; media-src http: https:; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # campus servers refuse films and pictures to foreign referrers
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}

# status -> what happened, what to do
PAGES = {
    400: (lazy_gettext("看不懂这个请求"), lazy_gettext("地址可能不完整，请检查后再试。")),
    404: (lazy_gettext("没有这一页"), lazy_gettext("地址可能写错了，或者这个标签、来源、条目、日期还没有内容。")),
    405: (lazy_gettext("这里只能阅读"), lazy_gettext("这个地址不接受这种请求方式。")),
    429: (lazy_gettext("请求得太勤了"), lazy_gettext("请稍等一分钟再试。")),
    500: (lazy_gettext("程序出错了"), lazy_gettext("这是我们的错误，日志里有记录。请稍后再试。")),
    503: (
        lazy_gettext("暂时读不到数据库"),
        lazy_gettext("新闻都还在，服务却读不到它的数据库。请稍后再试；原因写在日志里。"),
    ),
}
EXPRESSIONS = lazy_gettext("标签式这样写：甲+乙 两者都有，甲|乙 有其一，甲-乙 有甲无乙；可用括号，含符号的名字加引号。")


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while the database can be read, else 503. Being offline is no reason to start us anew, but to be told."""
    here = service()
    try:
        states = here.store.counts.of_sources()
        offline = here.store.breaks.of_service()
    except StoreError as error:
        current_app.logger.error("/healthz: %s", error)
        answer = jsonify(status="unavailable", reason="the database cannot be read; the log says why")
        answer.status_code = 503
    else:
        count = Counter(health(state.source, state.polls, here.now()).state for state in states)
        entries = sum(state.entry_count for state in states)
        answer = jsonify(status="ok", offline=offline is not None, entries=entries, sources=dict(count))
    answer.cache_control.no_store = True
    return answer


@blueprint.get("/metrics")
def numbers() -> Response:
    """For Prometheus; names no source and no secret."""
    here = service()
    if not is_operator():
        return Response("web.admin_token is asked for\n", 401, {"WWW-Authenticate": "Bearer"}, MEDIA_TYPE)
    try:
        answer = Response(metrics(here.store, here.now()), content_type=MEDIA_TYPE)
    except StoreError as error:
        current_app.logger.error("/metrics: %s", error)
        answer = Response("the database cannot be read; the log says why\n", 503, content_type=MEDIA_TYPE)
    answer.cache_control.no_store = True
    return answer


@blueprint.get("/favicon.ico")
@blueprint.get("/favicon.svg")
def favicon() -> Response:
    return static("favicon.svg")


@blueprint.get("/icon.png")
def icon() -> Response:
    """For home screens and cards, which take no SVG."""
    return static("icon.png")


def static(filename: str) -> Response:
    """A small file of ours, to be kept for good where its address has its version.

    Read whole: a browser that goes on to the next page at once leaves it open otherwise.
    """
    versions = current_app.jinja_env.globals["versions"]
    assert isinstance(versions, dict)
    version = versions.get(filename)
    if version is None:
        raise NotFound(f"there is no file {filename!r}")
    path = Path(current_app.static_folder or "") / filename
    answer = Response(path.read_bytes(), content_type=FILES[path.suffix])
    answer.cache_control.immutable = request.args.get("v") == version
    answer.cache_control.max_age = YEAR_SECONDS if answer.cache_control.immutable else DAY_SECONDS
    answer.set_etag(version)
    if path.suffix == ".png":  # which is compressed already
        answer.make_conditional(request)
        return answer
    return offer(answer, Promise((), ""))


@blueprint.get("/site.webmanifest")
def manifest() -> Response:
    site = service().settings.site
    answer = jsonify(
        name=site.name,
        short_name=site.name,
        start_url=url_for("pages.index"),
        display="minimal-ui",
        lang=TAGS[site.language],
        background_color="#fbfaf6",
        theme_color="#fbfaf6",
        icons=[
            {"src": url_for("ops.favicon"), "type": "image/svg+xml", "sizes": "any"},
            {"src": url_for("ops.icon"), "type": "image/png", "sizes": "192x192"},
        ],
    )
    answer.mimetype = "application/manifest+json"
    answer.cache_control.max_age = DAY_SECONDS
    return answer


def is_operator() -> bool:
    """Whether who asks may see what is the operator's: with web.admin_token; everybody where none is set.

    A program sends it as it is, a browser as the password of any name (RFC 6750 §2.1, RFC 7617). Raises
    TooManyRequests, for the right one too, where too many wrong ones were tried.
    """
    here = service()
    token = here.settings.web.admin_token
    if not token or "Authorization" not in request.headers:
        return not token
    gate, client = current_app.extensions[GATE], request.remote_addr or ""
    if seconds := gate.wait(client, here.now()):
        raise TooManyRequests(retry_after=math.ceil(seconds))
    # WSGI hands out the bytes of a header as Latin-1 (PEP 3333)
    said = request.headers["Authorization"].encode("latin-1")
    given = _password(said[6:]) if said[:6].lower() == b"basic " else said.removeprefix(b"Bearer ")
    is_right = hmac.compare_digest(given, token.encode())
    if is_right:
        gate.wait(client, here.now(), -1.0)  # it was no guess
    return is_right


def _password(said: bytes) -> bytes:
    """The password in credentials of RFC 7617; empty for what is none."""
    try:
        return base64.b64decode(said, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def policy(settings: Settings) -> str:
    """What a page may load, as it can say itself where no server does: all but who may frame it."""
    return POLICY.format(pictures="'self' data: http: https:" if settings.web.pictures == "link" else "'self' data:")


def register(app: Flask, settings: Settings) -> None:
    """Give *app* its error pages and security headers, and a memory of wrong tokens."""
    app.extensions[GATE] = Limit(WRONG_TOKENS / 60, WRONG_TOKENS)
    app.view_functions["static"] = static  # Flask's own knows no compression
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Gone, _gone)
    app.register_error_handler(QueryError, _unreadable)
    app.register_error_handler(SearchError, _unsearchable)
    app.register_error_handler(StoreError, _unavailable)
    app.register_error_handler(RuleError, _unavailable)  # of a file that was broken since we started
    app.register_error_handler(HTTPException, _error)
    headers = HEADERS | {"Content-Security-Policy": f"{policy(settings)}; frame-ancestors 'none'"}

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if response.location:  # below this very service, whatever Host a request names
            response.location = response.location.removeprefix(request.host_url.rstrip("/")) or "/"
        # readers that live in a browser show feeds and pictures of ours; pages are framed and read by nobody
        reach = "same-origin" if response.mimetype == "text/html" else "cross-origin"
        response.headers.setdefault("Cross-Origin-Resource-Policy", reach)
        return response


def _not_found(error: NotFound) -> Response:
    near = [(name, url_for(f"pages.{error.kind}", name=name)) for name in error.near]
    return _page(404, near=near)


def _gone(error: Gone) -> Response:
    return _page(410, _("这条新闻不再保存"), error.title, original=error.url)


def _unreadable(error: QueryError) -> Response:
    advice = _("第 %(column)s 个字符处：%(fault)s。", column=error.column, fault=QUERY_FAULTS[error.fault])
    return _page(400, _("看不懂这个标签式"), f"{advice}{EXPRESSIONS}")


def _unsearchable(error: SearchError) -> Response:
    advice = _("第 %(column)s 个字符处：%(fault)s。", column=error.column, fault=SEARCH_FAULTS[error.fault])
    return _page(400, _("看不懂要搜什么"), advice)


def _unavailable(error: StoreError | RuleError) -> Response:
    current_app.logger.error("503: %s", error)
    response = _page(503)
    response.headers["Retry-After"] = "60"
    return response


def _error(error: HTTPException) -> Response:
    response = _page(error.code or 500)
    for name, value in error.get_headers():
        if name != "Content-Type":  # Allow of 405, Retry-After
            response.headers[name] = value
    return response


def _page(
    code: int, headline: str = "", advice: str = "", near: Sequence[tuple[str, str]] = (), original: str = ""
) -> Response:
    """What happened, what to do, and what may have been meant (name, address): for machines in a line of text.

    *original* is the address at which its publisher had what is gone here.
    """
    if not headline:
        headline, advice = PAGES.get(code, PAGES[500 if code >= 500 else 400])
    # a Host that cannot be one leaves nothing that links could be made from
    if request.path.endswith(FOR_MACHINES) or isinstance(request.routing_exception, BadRequest):
        meant = _("相近的有：%(names)s", names=" ".join(name for name, there in near)) if near else ""
        response = Response(
            " ".join(filter(None, (str(code), f"{headline}: {advice}", meant))) + "\n", code, mimetype="text/plain"
        )
    else:
        page = render_template("error.html", code=code, headline=headline, advice=advice, near=near, original=original)
        response = make_response(page, code)
    response.cache_control.no_store = True
    return response
