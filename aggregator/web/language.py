"""The reader's language: which one it is, and dates, states and failures said in it.

Texts of ours are Chinese in the source and translated in translations/; what universities write stays as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from babel.dates import format_date
from flask import current_app, g, has_request_context, request
from flask_babel import force_locale, lazy_gettext
from flask_babel import gettext as _
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from aggregator.errors import QueryFault, SearchFault
from aggregator.health import State
from aggregator.model import Choice, Evidence, Fault, Subscriber
from aggregator.publish.digest import Period

# the names our languages give themselves, and their BCP 47 tags
LANGUAGES = {"zh": "中文", "en": "English"}
TAGS = {"zh": "zh-CN", "en": "en"}

LONGEST_HEADER = 500  # characters of an Accept-Language that are read, and remembered

# how dates are written: patterns of Unicode Technical Standard 35
PATTERNS = {
    "zh": {
        "day": "y年M月d日",
        "whole day": "y年M月d日 EEEE",
        "weekday": "EEEE",
        "month": "y年M月",
        "short": "M月d日",
        "from": "y年M月d日",
        "to": "M月d日",
        "month alone": "M月",
        "initial": "EEEEE",
    },
    "en": {
        "day": "d MMMM y",
        "whole day": "EEEE, d MMMM y",
        "weekday": "EEEE",
        "month": "MMMM y",
        "short": "d MMM",
        "from": "d MMMM",
        "to": "d MMMM y",
        "month alone": "LLL",
        "initial": "EEEEEE",
    },
}

PERIODS = {"day": lazy_gettext("日报"), "week": lazy_gettext("周报"), "month": lazy_gettext("月报")}
STATES: dict[State, str] = {
    "off": lazy_gettext("停用"),
    "new": lazy_gettext("待读"),
    "working": lazy_gettext("正常"),
    "quiet": lazy_gettext("暂无更新"),
    "stale": lazy_gettext("久无更新"),
    "failing": lazy_gettext("暂时不通"),
    "broken": lazy_gettext("失效"),
    "gone": lazy_gettext("已撤销"),
}
# how we know who published a story first
EVIDENCE: dict[Evidence, str] = {
    "origin": lazy_gettext("据各家注明的出处"),
    "time": lazy_gettext("据发布时间"),
    "seen": lazy_gettext("发布时间分不出先后，以先收录者为准"),
}
OUTCOMES = {
    "new": lazy_gettext("有新条目"),
    "unchanged": lazy_gettext("无变化"),
    "failed": lazy_gettext("失败"),
}
FAULTS: dict[Fault, str] = {
    "moved": lazy_gettext("页面已移走"),
    "gone": lazy_gettext("页面已撤销"),
    "redesigned": lazy_gettext("页面改版，读不出列表"),
    "empty": lazy_gettext("列表为空"),
    "shape": lazy_gettext("列表与从前不同"),
    "articles": lazy_gettext("正文读不出"),
    "blocked": lazy_gettext("被防火墙拒绝"),
    "intranet": lazy_gettext("仅限校内访问"),
    "login": lazy_gettext("要求登录"),
    "limited": lazy_gettext("嫌访问过勤"),
    "robots": lazy_gettext("robots.txt 不允许"),
    "dns": lazy_gettext("域名无法解析"),
    "tls": lazy_gettext("证书有误"),
    "connect": lazy_gettext("连接不上"),
    "timeout": lazy_gettext("等待超时"),
    "server": lazy_gettext("服务器出错"),
    "redirect": lazy_gettext("转向有误"),
    "protocol": lazy_gettext("回应不合 HTTP 规范"),
    "size": lazy_gettext("页面过大"),
    "program": lazy_gettext("本程序出错"),
    "stale": lazy_gettext("停更已久"),
    "offline": lazy_gettext("本机网络不通"),
}
# what happened, at which host
SENTENCES: dict[Fault, str] = {
    "moved": lazy_gettext("%(host)s 上已找不到这个页面"),
    "gone": lazy_gettext("%(host)s 说这个页面已永久撤销"),
    "redesigned": lazy_gettext("%(host)s 的页面变了样，读不出列表"),
    "empty": lazy_gettext("%(host)s 的页面上没有条目"),
    "shape": lazy_gettext("%(host)s 的列表与从前大不相同"),
    "articles": lazy_gettext("%(host)s 的列表读得到，文章却都读不出"),
    "blocked": lazy_gettext("%(host)s 的防火墙不让我们读"),
    "intranet": lazy_gettext("%(host)s 的这个页面只对校内开放"),
    "login": lazy_gettext("%(host)s 要求先登录"),
    "limited": lazy_gettext("%(host)s 要我们来得少些"),
    "robots": lazy_gettext("%(host)s 的 robots.txt 不许我们读"),
    "dns": lazy_gettext("查不到域名 %(host)s"),
    "tls": lazy_gettext("与 %(host)s 建立不了安全连接"),
    "connect": lazy_gettext("连接不上 %(host)s"),
    "timeout": lazy_gettext("%(host)s 迟迟没有回应"),
    "server": lazy_gettext("%(host)s 的服务器出了故障"),
    "redirect": lazy_gettext("%(host)s 的转向没有尽头"),
    "protocol": lazy_gettext("%(host)s 的回应读不成网页"),
    "size": lazy_gettext("%(host)s 的页面超过了读取上限"),
    "program": lazy_gettext("读取 %(host)s 时本程序出错"),
    "stale": lazy_gettext("%(host)s 的这个栏目很久没有新条目"),
    "offline": lazy_gettext("所有来源都读不到，多半是本机的网络不通"),
}
# what to do about each
ADVICE: dict[Fault, str] = {
    "moved": lazy_gettext("找到新地址，改正来源的 url。"),
    "gone": lazy_gettext("移除这个来源，或找到它的新闻现在在哪里。"),
    "redesigned": lazy_gettext("打开页面看看；改正来源的 url，或为它写规则（[source.listing]）。"),
    "empty": lazy_gettext("打开页面看看；若看得见列表，那是脚本生成的，请改用别的页面或订阅源。"),
    "shape": lazy_gettext("打开页面，与上次读到的对照；若已换成别的列表，请改正 url 或规则。"),
    "articles": lazy_gettext("打开一篇文章看看；为它写规则（[source.article]），或设 full_text = false。"),
    "blocked": lazy_gettext("请校方放行（site.contact 写明联系方式），或换一个网络读取（fetch.proxy）。"),
    "intranet": lazy_gettext("在校内运行 worker，或改读公开的页面。"),
    "login": lazy_gettext("只能读公开的页面，请另找一页。"),
    "limited": lazy_gettext("调大 fetch.per_host_delay_seconds 或 schedule.min_interval_minutes。"),
    "robots": lazy_gettext("对方的 robots.txt 不许读这一页；请与校方商量，或改读别的页面。"),
    "dns": lazy_gettext("改正来源的 url；若所有来源都如此，请检查本机的 DNS。"),
    "tls": lazy_gettext("告知校方其证书有误；其间或可改用 http 地址。"),
    "connect": lazy_gettext("打开页面看看；若打得开，便是本机的网络被拒（fetch.proxy）。"),
    "timeout": lazy_gettext("打开页面看看；若很快，便是本机的网络被拒（fetch.proxy）。"),
    "server": lazy_gettext("对方服务器有故障；等一等，或告知校方。"),
    "redirect": lazy_gettext("打开页面看看；把来源的 url 改成最后到达的地址。"),
    "protocol": lazy_gettext("打开页面看看；若打得开，请连同日志报告给我们。"),
    "size": lazy_gettext("调大 fetch.max_bytes，或改读短一些的页面。"),
    "program": lazy_gettext("这是本程序的错误，请连同日志报告给我们。"),
    "stale": lazy_gettext("看看这个栏目是否还在用，或已搬走。"),
    "offline": lazy_gettext("检查本机的网络、DNS 和代理（aggregator doctor）；若都正常，便是对方都停了。"),
}

# websub.Standing, but for "subscribed", which the page tells with its dates
HUB_STANDINGS = {
    "asked": lazy_gettext("已请求订阅，等待对方确认，眼下照常读取"),
    "denied": lazy_gettext("对方拒绝订阅，照常读取"),
    "failed": lazy_gettext("订阅请求未成功，稍后再试，眼下照常读取"),
    "lapsed": lazy_gettext("订阅已过期，正在续订，眼下照常读取"),
}

# what is wrong with a tag expression, at a column that the page names
QUERY_FAULTS: dict[QueryFault, str] = {
    "tag": lazy_gettext("这里缺一个标签"),
    "operator": lazy_gettext("这里缺 +、| 或 -"),
    "bracket": lazy_gettext("括号不成对"),
    "quote": lazy_gettext("引号不成对，或引号里没有标签"),
    "long": lazy_gettext("写得太长"),
    "names": lazy_gettext("标签太多"),
    "terms": lazy_gettext("展开后分支太多"),
    "character": lazy_gettext("标签里没有这个字符"),
    "nothing": lazy_gettext("没有条目能符合"),
    "everything": lazy_gettext("所有条目都符合，请看首页"),
}

# what is wrong with a search, at a column that the page names
SEARCH_FAULTS: dict[SearchFault, str] = {
    "empty": lazy_gettext("没有要搜的词"),
    "many": lazy_gettext("词太多，最多十个"),
    "long": lazy_gettext("写得太长，最多两百个字"),
    "quote": lazy_gettext("引号不成对"),
    "filter": lazy_gettext("冒号后缺了内容，或这个条件不能排除"),
    "date": lazy_gettext("日期应写成 2026-01-31"),
    "dates": lazy_gettext("开始的日子晚于结束的日子"),
    "tags": lazy_gettext("看不懂这个标签式"),
}
MONDAY = date(2024, 1, 1)


def language() -> str:
    """The language of this answer: ``?lang=``, else what the browser asks for, else the site's."""
    if "language" not in g:
        g.language = asked() or _accepted() or current_app.config["BABEL_DEFAULT_LOCALE"]
    return str(g.language)


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Texts and dates in the language that is *chosen*, whatever the reader's is."""
    former = g.get("language")
    g.language = chosen
    try:
        with force_locale(chosen):
            yield
    finally:
        g.language = former
        if former is None:
            del g.language


def asked() -> str | None:
    """The language that the address names, None where it names none of ours."""
    if "asked" not in g:  # asked for with every link of a page
        found = request.args.get("lang") if has_request_context() else None
        g.asked = found if found in LANGUAGES else None
    return str(g.asked) if g.asked else None


def day_text(day: date, chosen: str | None = None) -> str:
    """``2025年3月21日``, ``21 March 2025``, in the language of the answer or the one that is *chosen*."""
    return _written(day, "day", chosen or language())


def whole_day_text(day: date) -> str:
    """``2025年3月21日 星期五``, ``Friday, 21 March 2025``"""
    return _said(day, "whole day")


def weekday_text(day: date) -> str:
    return _said(day, "weekday")


def short_text(day: date) -> str:
    """The day without its year."""
    return _said(day, "short")


def fault_text(cause: Fault, url: str = "", status: int | None = None) -> str:
    """What is wrong with the page at *url*, in a sentence without its stop; *status* is told where it is an error."""
    said = str(SENTENCES[cause]) % {"host": urlsplit(url).hostname or url}
    return said + (str(_("（HTTP %(status)s）", status=status)) if status and status >= 400 else "")


def month_text(day: date) -> str:
    """``2025年3月``, ``March 2025``"""
    return _said(day, "month")


def month_name(number: int) -> str:
    """``3月``, ``March``"""
    return _said(date(2000, number, 1), "month alone")


def weekday_short(day: date) -> str:
    """``五``, ``F``"""
    return _said(day, "initial")


def day_name(day: date, today: date) -> str:
    """今天 or 昨天; empty for any other day."""
    names = {0: _("今天"), 1: _("昨天")}
    return str(names.get((today - day).days, ""))


def span_text(period: Period, first: date) -> str:
    """The days of the digest that begins with *first*."""
    if period == "month":
        return _said(first, "month")
    if period == "week":
        return str(_("%(first)s至%(last)s", first=_said(first, "from"), last=_said(first + timedelta(days=6), "to")))
    return day_text(first)


def weekday_of(number: int) -> str:
    """The name of a day of the week, Monday being 0."""
    return _said(MONDAY + timedelta(days=number), "weekday")


def choice_text(choice: Choice | Subscriber) -> str:
    """Which digest and when: ``每周一 7:00（Asia/Shanghai）``."""
    hour = f"{choice.hour}:00"
    if choice.period == "weekly":
        day = weekday_of(choice.weekday)
        return str(_("每%(weekday)s %(hour)s（%(timezone)s）", weekday=day, hour=hour, timezone=choice.timezone))
    return str(_("每天 %(hour)s（%(timezone)s）", hour=hour, timezone=choice.timezone))


def accepted(header: str) -> str | None:
    """Which of our languages an Accept-Language asks for, None where it asks for neither."""
    return _accepted_in(header[:LONGEST_HEADER]) if header else None


@lru_cache(maxsize=1024)
def _accepted_in(header: str) -> str | None:
    return parse_accept_header(header, LanguageAccept).best_match(list(LANGUAGES))


def _accepted() -> str | None:
    return accepted(request.headers.get("Accept-Language", "")) if has_request_context() else None


def _said(day: date, what: str) -> str:
    return _written(day, what, language())


@lru_cache(maxsize=4096)
def _written(day: date, what: str, chosen: str) -> str:
    return str(format_date(day, PATTERNS[chosen][what], locale=chosen))
