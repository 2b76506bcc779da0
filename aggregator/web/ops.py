"""For machines and for the day something fails: /healthz, /metrics, robots.txt, the icon, error pages, headers."""

from collections import Counter

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.exceptions import HTTPException

from aggregator.errors import NotFound, QueryError, SearchError, StoreError
from aggregator.health import health
from aggregator.web.language import QUERY_FAULTS, SEARCH_FAULTS
from aggregator.web.metrics import MEDIA_TYPE, metrics
from aggregator.web.service import service

blueprint = Blueprint("ops", __name__)

SECURITY = {
    # pictures and films of entries stand on the universities' servers
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src * data:; media-src *; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # campus servers refuse pictures to foreign referrers
    "Referrer-Policy": "no-referrer",
}

# status -> what happened, what to do
PAGES = {
    400: (lazy_gettext("看不懂这个请求"), lazy_gettext("地址可能不完整，请检查后再试。")),
    404: (lazy_gettext("没有这一页"), lazy_gettext("地址可能写错了，或者这个标签、来源、条目、日期还没有内容。")),
    405: (lazy_gettext("这里只能阅读"), lazy_gettext("这个地址不接受这种请求方式。")),
    500: (lazy_gettext("程序出错了"), lazy_gettext("这是我们的错误，日志里有记录。请稍后再试。")),
    503: (
        lazy_gettext("暂时读不到数据库"),
        lazy_gettext("新闻都还在，服务却读不到它的数据库。请稍后再试；原因写在日志里。"),
    ),
}
EXPRESSIONS = lazy_gettext("标签式这样写：甲+乙 两者都有，甲|乙 有其一，甲-乙 有甲无乙；可用括号，含符号的名字加引号。")


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while the database can be read, else 503."""
    here = service()
    try:
        states = here.store.counts.of_sources()
    except StoreError as error:
        current_app.logger.error("/healthz: %s", error)
        answer = jsonify(status="unavailable", reason="the database cannot be read; the log says why")
        answer.status_code = 503
    else:
        count = Counter(health(state.source, state.polls, here.now()).state for state in states)
        answer = jsonify(status="ok", entries=sum(state.entry_count for state in states), sources=dict(count))
    answer.cache_control.no_store = True
    return answer


@blueprint.get("/metrics")
def numbers() -> Response:
    """For Prometheus; names no source and no secret."""
    here = service()
    try:
        answer = Response(metrics(here.store, here.now()), content_type=MEDIA_TYPE)
    except StoreError as error:
        current_app.logger.error("/metrics: %s", error)
        answer = Response("the database cannot be read; the log says why\n", 503, content_type=MEDIA_TYPE)
    answer.cache_control.no_store = True
    return answer


@blueprint.get("/robots.txt")
def robots() -> Response:
    return Response("User-agent: *\nDisallow:\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/favicon.ico")
@blueprint.get("/favicon.svg")
def favicon() -> Response:
    return current_app.send_static_file("favicon.svg")


def register(app: Flask) -> None:
    """Give *app* its error pages and security headers."""
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(QueryError, _unreadable)
    app.register_error_handler(SearchError, _unsearchable)
    app.register_error_handler(StoreError, _unavailable)
    app.register_error_handler(HTTPException, _error)
    app.after_request(_secure)


def _not_found(error: NotFound) -> Response:  # noqa: ARG001
    return _page(404)


def _unreadable(error: QueryError) -> Response:
    advice = _("第 %(column)s 个字符处：%(fault)s。", column=error.column, fault=QUERY_FAULTS[error.fault])
    return _page(400, _("看不懂这个标签式"), f"{advice}{EXPRESSIONS}")


def _unsearchable(error: SearchError) -> Response:
    advice = _("第 %(column)s 个字符处：%(fault)s。", column=error.column, fault=SEARCH_FAULTS[error.fault])
    return _page(400, _("看不懂要搜什么"), advice)


def _unavailable(error: StoreError) -> Response:
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


def _page(code: int, headline: str = "", advice: str = "") -> Response:
    if not headline:
        headline, advice = PAGES.get(code, PAGES[500 if code >= 500 else 400])
    response = make_response(render_template("error.html", code=code, headline=headline, advice=advice), code)
    response.cache_control.no_store = True
    return response


def _secure(response: Response) -> Response:
    for name, value in SECURITY.items():
        response.headers[name] = value
    return response
