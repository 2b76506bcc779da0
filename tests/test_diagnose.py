"""Faults as they happen to real sources, injected into a real server and found by a real Poller within three polls."""

import gzip
import logging
import re
import socket
from datetime import timedelta

import pytest

from aggregator.demo.server import Raw
from aggregator.errors import FetchError, ParseError
from aggregator.health import BROKEN_AFTER, health
from aggregator.model import Response
from aggregator.visit.diagnose import KEPT_BYTES, fault_of, proof
from aggregator.visit.outcome import KEPT_AFTER
from aggregator.web.app import create_app
from tests.service import article_page, column, list_page, redesigned, rss, source

MENU = "".join(f"<li><a href='/{name}/'>{name}</a></li>" for name in ("首页", "学校概况", "招生就业", "联系我们"))
HOME = (
    f"<html><head><title>海棠大学</title></head><body><ul>{MENU}</ul><p>海棠大学坐落于青岭之麓。</p>"
    "<div class='banner'><a href='/120'>热烈庆祝海棠大学建校一百二十周年</a></div></body></html>"
)
CHALLENGE = (
    "<html><head></head><body><script>var _0x1a2b=['cookie'];function go(){document.cookie='__jsl_clearance=1;path=/';"
    "location.href=location.pathname}setTimeout(go,1500)</script></body></html>"
)
PROMPT = "<html><head><title>系统提示</title></head><body><div>系统提示：您所在的IP不在允许范围内，请通过校园网访问</div></body></html>"
LOGIN = (
    "<html><head><title>统一身份认证</title></head><body><form><h3>用户登录</h3><input name='u'><input type='password' name='p'>"
    "<button>登录</button></form></body></html>"
)
EMPTY = "<html><head><title>海棠要闻</title></head><body><p><a href='/'>首页</a> <a href='/gk/'>学校概况</a></p><ul></ul><p>暂无数据</p></body></html>"
OTHER = [(f"gk/{n}.htm", f"信息公开第{n}号：年度预算与决算说明", f"2018-03-{20 - n:02}") for n in range(8)]
ROWS = [(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议召开", f"2025-03-{20 - n:02}") for n in range(8)]


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def sent_on(to):
    """A fault: the page leads elsewhere."""
    return lambda university: university.serve("/xw.htm", "", status=302, headers={"location": to(university)})


def page(body, **said):
    """A fault: another answer."""
    return lambda university: university.serve("/xw.htm", body, **said)


def at_login(university):
    university.serve("/authserver/login", LOGIN)
    sent_on(lambda _: "/authserver/login")(university)


def at_home(university):
    university.serve("/", HOME)
    university.serve("/xw.htm", "", status=301, headers={"location": "/"})


FAULTS = {
    "moved: not found": ("moved", lambda university: university.forget("/xw.htm")),
    "moved: home page": ("moved", at_home),
    "moved: says not found": ("moved", page("<html><body><h1>404</h1>您访问的页面不存在</body></html>")),
    "moved: script": ("moved", page("<script>window.location='http://new.example/'</script>")),
    "redesigned": ("redesigned", page(redesigned(OTHER, "/"))),
    "firewall: 403": ("blocked", page("Access Denied", status=403)),
    "firewall: 412": ("blocked", page(CHALLENGE, status=412)),
    "firewall: 521": ("blocked", page(CHALLENGE, status=521)),
    "firewall: script": ("blocked", page(CHALLENGE)),
    "firewall: script with 503": ("blocked", page(CHALLENGE, status=503)),
    "intranet: 403": ("intranet", page("<p>该页面仅限校内用户访问</p>", status=403)),
    "intranet: prompt": ("intranet", page(PROMPT)),
    "login: sent to": ("login", at_login),
    "login: 401": ("login", page("", status=401)),
    "tls": ("tls", sent_on(lambda university: university.url.replace("http:", "https:") + "/xw.htm")),
    "dns": ("dns", sent_on(lambda _: "http://no-such-university.invalid/xw.htm")),
    "connection refused": ("connect", sent_on(lambda _: f"http://127.0.0.1:{closed_port()}/")),
    "time-out": ("timeout", lambda university: university.serve("/xw.htm", lambda _: university.pause(5) or "late")),
    "server": ("server", page("<h1>Bad Gateway</h1>", status=502)),
    "redirects for ever": ("redirect", sent_on(lambda _: "/xw.htm")),
    "no http": ("protocol", page(Raw(b"SSH-2.0-OpenSSH_9.2\r\n"))),
    "too often": ("limited", page("", status=429)),
    "empty list": ("empty", page(EMPTY)),
    "shape: few items": ("shape", page(list_page(*ROWS[:3]))),
    "shape: no dates": ("shape", page(list_page(*((path, title, "") for path, title, _ in ROWS)))),
    "shape: one title": ("shape", page(list_page(*((path, "查看详情请点击这里", day) for path, _, day in ROWS)))),
    "built to keep a parser busy": ("size", page("<div>" * 200_000)),
    "gone": ("gone", page("", status=410)),
}  # fmt: skip


def polled(one, times, hours=1):
    """The verdict after each of so many polls."""
    verdicts = []
    for _ in range(times):
        one.now += timedelta(hours=hours)
        one.poll("haitang-news")
        state = one.store.sources.by_name("haitang-news")
        verdicts.append(health(state.source, state.polls, one.now))
    return verdicts


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_named_within_three_polls(service, university, name):
    expected, inject = FAULTS[name]
    one = service(source(column(university, 8)), timeout_seconds=1.5)
    assert ["working"] == [verdict.state for verdict in polled(one, 1)]

    inject(university)
    verdicts = polled(one, BROKEN_AFTER)

    assert [expected] * 3 == [verdict.cause for verdict in verdicts]
    assert verdicts[-1].state == ("gone" if expected == "gone" else "broken")
    (found,) = one.store.breaks.newest(9)
    assert (expected, None) == (found.cause, found.ended_at)

    column(university, 9, etag='"mended"')
    assert ["working"] == [verdict.state for verdict in polled(one, 1)]
    assert one.now == one.store.breaks.newest(9)[0].ended_at


def test_a_name_that_leads_to_a_private_address_is_the_intranet(service, university):
    one = service(source(column(university)))
    polled(one, 1)

    outside = service(source(university.url + "/xw.htm"), allow_private_networks=False)

    assert [("broken", "intranet")] == [(found.state, found.cause) for found in polled(outside, 3)[2:]]


def test_a_feed_that_became_a_page_is_found(service, university):
    url = university.serve("/feed", rss(("甲", university.url + "/1", "g1")), content_type="application/rss+xml")
    one = service(source(url, kind="feed"))
    polled(one, 1)
    university.serve("/feed", HOME)

    assert "broken" == polled(one, 3)[-1].state


def test_a_feed_that_lost_all_its_items_is_found(service, university):
    url = university.serve("/feed", rss(("甲", university.url + "/1", "g1")), content_type="application/rss+xml")
    one = service(source(url, kind="feed"))
    polled(one, 1)
    university.serve("/feed", rss(), content_type="application/rss+xml")

    verdicts = polled(one, 3)

    assert ["empty"] * 3 == [verdict.cause for verdict in verdicts]
    assert "still has no items" in one.store.breaks.newest(1)[0].reason
    university.serve("/feed", rss(("甲", university.url + "/1", "g1")), content_type="application/rss+xml")
    assert "working" == polled(one, 1)[-1].state


def test_a_new_feed_without_items_is_no_fault(service, university):
    url = university.serve("/feed", rss(), content_type="application/rss+xml")
    one = service(source(url, kind="feed"))

    assert [None] * 3 == [verdict.cause for verdict in polled(one, 3)]


def test_a_robots_txt_that_cannot_be_read_is_the_servers_fault():
    forbidden = FetchError("robots.txt keeps us out", cause="robots")
    unreadable = FetchError("robots.txt answers 500", cause="robots", retry_after=timedelta(minutes=30))

    assert ("robots", "server") == (fault_of(forbidden, ""), fault_of(unreadable, ""))


def test_articles_that_nobody_can_read_are_a_fault_of_the_source(service, university):
    one = service(source(column(university, 3)))
    polled(one, 1)
    column(university, 9, etag='"v2"')
    for n in range(3, 9):
        university.serve(f"/info/1055/{n}.htm", "no", status=403)

    verdicts = polled(one, 3)

    assert ("broken", "articles") == (verdicts[-1].state, verdicts[-1].cause)


def test_the_next_try_of_a_source_that_fails_is_its_lists_not_its_articles(service, university):
    one = service(source(column(university, 3)))
    polled(one, 1)
    university.serve("/xw.htm", "", status=503, headers={"Retry-After": "86400"})
    polled(one, 1)

    app = create_app(one.settings, one.store, lambda: one.now)
    page = app.test_client().get("/sources/haitang-news/").text

    due = (one.now + timedelta(days=1)).astimezone(one.settings.zone)
    assert f"{due:%Y-%m-%dT%H:%M}" in page


def test_one_article_that_cannot_be_read_is_none(service, university):
    one = service(source(column(university, 3)))
    polled(one, 1)
    column(university, 5, etag='"v2"')
    university.serve("/info/1055/4.htm", "no", status=403)

    assert ["working"] * 3 == [verdict.state for verdict in polled(one, 3)]


def test_a_list_that_stays_silent_is_stale_after_weeks_of_term(service, university):
    one = service(source(column(university, 8)))

    verdicts = polled(one, 10, hours=24 * 5)

    assert ["working", "quiet", "quiet", "stale"] == [verdict.state for verdict in verdicts[:4]]
    assert ["stale"] == [found.cause for found in one.store.breaks.newest(9)]
    university.serve("/info/1055/30.htm", article_page("春天之后的第一条新闻"))
    day = f"{one.now:%Y-%m-%d}"
    university.serve("/xw.htm", list_page(("info/1055/30.htm", "海棠大学春天之后的第一条新闻", day), *ROWS))
    assert "working" == polled(one, 1)[-1].state
    assert one.now == one.store.breaks.newest(9)[0].ended_at


def test_a_healed_redesign_is_no_fault(service, university):
    one = service(source(column(university, 8)))
    polled(one, 1)
    university.serve("/xw.htm", redesigned(ROWS, "/"))

    assert ["working"] * 3 == [verdict.state for verdict in polled(one, 3)]


def test_each_poll_is_one_line_in_the_log(service, university, caplog):
    caplog.set_level(logging.INFO, "aggregator.poll")
    one = service(source(column(university, 8)))
    polled(one, 1)
    university.forget("/xw.htm")
    polled(one, 1)

    well, failed = (record.getMessage() for record in caplog.records)

    assert re.fullmatch(r"poll source=haitang-news outcome=new cause=- status=200 entries=8 items=8 ms=\d+", well)
    assert failed.startswith("poll source=haitang-news outcome=failed cause=moved status=404 entries=0 items=0 ms=")


# ------------------------------------------------------------ proof


def test_the_last_good_and_the_first_bad_response_are_kept(service, university):
    url = column(university, 8, headers={"X-Server": "WAF/1", "Set-Cookie": "JSESSIONID=secret"})
    one = service(source(url))
    polled(one, 1)
    read_at = one.now
    university.serve("/xw.htm", "<p>该页面仅限校内用户访问</p>", status=403)
    polled(one, 1)
    failed_at = one.now
    university.serve("/xw.htm", "<p>该页面仅限校内用户访问，第二次</p>", status=403)
    polled(one, 2)

    id_ = one.store.sources.by_name("haitang-news").source.id
    good, bad = (one.store.breaks.proof(id_, good=good) for good in (True, False))

    assert (read_at, 200, url, "WAF/1") == (good.fetched_at, good.status, good.url, good.headers["x-server"])
    assert "set-cookie" not in good.headers
    assert "海棠大学第0号新闻" in good.body.decode()
    assert (failed_at, 403, "<p>该页面仅限校内用户访问</p>") == (bad.fetched_at, bad.status, bad.body.decode())


def test_no_secret_is_kept_of_a_response_nor_said_of_it(service, university):
    column(university, 8)
    secret = "s3cr3t"
    headers = {"X-Auth-Token": secret, "X-Session": secret, "Link": f"</feed?token={secret}>; rel=self"}
    page = list_page(*ROWS).replace("</body>", f"<a href='/xw.htm?token={secret}&page=2'>刷新</a></body>")
    university.serve(f"/xw.htm?token={secret}", page, headers=headers)
    one = service(source(f"{university.url}/xw.htm?token={secret}"))
    polled(one, 1)
    university.serve(f"/xw.htm?token={secret}", "no", status=403, headers=headers)
    polled(one, 1)

    for good in (True, False):
        kept = one.store.breaks.proof(1, good=good)
        assert secret not in f"{kept.url} {kept.headers} {kept.body.decode()}"
    assert f"{university.url}/xw.htm?token=***" == kept.url
    assert f"{university.url}/xw.htm?token=*** answered 403" in one.last("haitang-news").message


def test_a_poll_that_brings_nothing_keeps_nothing(service, university):
    one = service(source(column(university, 8)))
    polled(one, 1)
    before = one.now

    polled(one, 3)

    assert before == one.store.breaks.proof(1, good=True).fetched_at
    assert one.store.breaks.proof(1, good=False) is None


def test_a_good_response_is_kept_once_a_day_and_the_first_of_each_trouble_at_once(service, university):
    one = service(source(column(university, 8)))
    polled(one, 1)
    first = one.now
    column(university, 9, etag='"v2"')
    polled(one, 1)
    assert first == one.store.breaks.proof(1, good=True).fetched_at

    university.serve("/xw.htm", "gone", status=404)
    polled(one, 1)
    assert one.now == one.store.breaks.proof(1, good=False).fetched_at

    column(university, 10, etag='"v3"')
    one.now = first + KEPT_AFTER
    one.poll("haitang-news")
    kept = one.store.breaks.proof(1, good=True)
    assert (one.now, True) == (kept.fetched_at, "海棠大学第9号新闻" in kept.body.decode())


def test_no_more_of_a_body_is_kept_than_is_needed():
    kept = proof(Response("http://x/", 200, b"x" * (KEPT_BYTES + 1)), None, None, good=True)

    assert (KEPT_BYTES, True, True) == (len(gzip.decompress(kept.body)), kept.is_cut, kept.is_good)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FetchError("x", cause="robots"), "robots"),
        (FetchError("x", cause="encoding"), "protocol"),
        (FetchError("x", cause="status", status=451), "blocked"),
        (ParseError("x"), "protocol"),
        (ZeroDivisionError(), "program"),
    ],
)
def test_an_error_without_a_page_is_named_by_itself(error, expected):
    assert expected == fault_of(error, "http://x.edu.cn/xw.htm")


# ------------------------------------------------------------ what ends a break


def told_of(one):
    """The breaks that were ever noted: (cause, whether it is over)."""
    return [(found.cause, found.ended_at is not None) for found in one.store.breaks.newest(9)]


@pytest.mark.parametrize(
    ("fault", "inject"),
    [
        ("shape", page(list_page(*ROWS[:3]), etag='"strange"')),
        ("empty", page(EMPTY)),
        ("moved", page("not found", status=404)),
    ],
)
def test_a_time_out_and_a_304_end_no_break(service, university, fault, inject):
    one = service(source(column(university, 8)), timeout_seconds=1.5)
    polled(one, 1)
    inject(university)
    polled(one, BROKEN_AFTER)
    assert [(fault, False)] == told_of(one)

    university.serve("/xw.htm", lambda _: university.pause(5) or "late")
    polled(one, 1)
    if fault == "shape":
        inject(university)
    else:
        university.serve("/xw.htm", "", status=304)  # of a server that says so whatever stands there
    polled(one, 2)
    assert [(fault, False)] == told_of(one)

    column(university, 9, etag='"mended"')
    polled(one, 1)
    assert [(fault, True)] == told_of(one)


def test_a_strange_page_is_not_well_because_it_is_the_same_after_a_time_out(service, university):
    one = service(source(column(university, 8)), timeout_seconds=1.5)
    polled(one, 1)
    university.serve("/xw.htm", list_page(*ROWS[:3]), etag='"strange"')
    polled(one, 1)
    university.serve("/xw.htm", lambda _: university.pause(5) or "late")
    polled(one, 1)
    university.serve("/xw.htm", list_page(*ROWS[:3]), etag='"strange"')

    assert [("broken", "shape")] == [(found.state, found.cause) for found in polled(one, 1)]
