"""The reader's language: which one it is, and dates, states and failures said in it.

Texts of ours are Chinese in the source and translated in translations/; what universities write stays as it is.
"""

from datetime import date, timedelta
from functools import lru_cache

from babel.dates import format_date
from flask import current_app, g, has_request_context, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from aggregator.health import State
from aggregator.publish.digest import Period

# the names our languages give themselves, and their BCP 47 tags
LANGUAGES = {"zh": "中文", "en": "English"}
TAGS = {"zh": "zh-CN", "en": "en"}

# how dates are written: patterns of Unicode Technical Standard 35
PATTERNS = {
    "zh": {"day": "y年M月d日", "weekday": "EEEE", "month": "y年M月", "short": "M月d日"},
    "en": {"day": "d MMMM y", "weekday": "EEEE", "month": "MMMM y", "short": "d MMM"},
}

PERIODS = {"day": lazy_gettext("日报"), "week": lazy_gettext("周报"), "month": lazy_gettext("月报")}
STATES: dict[State, str] = {
    "off": lazy_gettext("停用"),
    "new": lazy_gettext("待读"),
    "working": lazy_gettext("正常"),
    "quiet": lazy_gettext("久无更新"),
    "failing": lazy_gettext("暂时不通"),
    "broken": lazy_gettext("失效"),
    "blocked": lazy_gettext("被拒绝"),
    "gone": lazy_gettext("已撤销"),
}
OUTCOMES = {
    "new": lazy_gettext("有新条目"),
    "unchanged": lazy_gettext("无变化"),
    "failed": lazy_gettext("失败"),
}
# errors.Cause, and the two that poll.py adds
CAUSES = {
    "address": lazy_gettext("地址不可访问"),
    "dns": lazy_gettext("域名无法解析"),
    "connect": lazy_gettext("连接不上"),
    "tls": lazy_gettext("证书有误"),
    "timeout": lazy_gettext("等待超时"),
    "redirect": lazy_gettext("转向有误"),
    "protocol": lazy_gettext("回应不合 HTTP 规范"),
    "status": lazy_gettext("服务器拒绝或出错"),
    "robots": lazy_gettext("robots.txt 不允许"),
    "size": lazy_gettext("页面过大"),
    "encoding": lazy_gettext("内容无法解码"),
    "parse": lazy_gettext("页面读不懂，可能已改版"),
    "offline": lazy_gettext("本机网络不通"),
    "program": lazy_gettext("本程序出错"),
}


def language() -> str:
    """The language of this answer: ``?lang=``, else what the browser asks for, else the site's."""
    if "language" not in g:
        g.language = asked() or _accepted() or current_app.config["BABEL_DEFAULT_LOCALE"]
    return str(g.language)


def asked() -> str | None:
    """The language that the address names, None where it names none of ours."""
    if "asked" not in g:  # asked for with every link of a page
        found = request.args.get("lang") if has_request_context() else None
        g.asked = found if found in LANGUAGES else None
    return str(g.asked) if g.asked else None


def day_text(day: date) -> str:
    """``2025年3月21日``, ``21 March 2025``"""
    return _said(day, "day")


def weekday_text(day: date) -> str:
    return _said(day, "weekday")


def short_text(day: date) -> str:
    """The day without its year."""
    return _said(day, "short")


def day_name(day: date, today: date) -> str:
    """今天 or 昨天; empty for any other day."""
    names = {0: _("今天"), 1: _("昨天")}
    return str(names.get((today - day).days, ""))


def span_text(period: Period, first: date) -> str:
    """The days of the digest that begins with *first*."""
    if period == "month":
        return _said(first, "month")
    if period == "week":
        return str(_("%(first)s至%(last)s", first=day_text(first), last=short_text(first + timedelta(days=6))))
    return day_text(first)


def _accepted() -> str | None:
    return request.accept_languages.best_match(list(LANGUAGES)) if has_request_context() else None


def _said(day: date, what: str) -> str:
    return _written(day, what, language())


@lru_cache(maxsize=4096)
def _written(day: date, what: str, chosen: str) -> str:
    return str(format_date(day, PATTERNS[chosen][what], locale=chosen))
