"""Articles looked at again: a real server, a real database, a clock set by hand."""

from datetime import UTC, datetime, timedelta
from html import escape
from random import Random

import pytest

from aggregator.identity import slug
from aggregator.model import ArticleRule, Site
from tests.service import NOW, article_page, column, list_page, rss, source

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATH = "/info/1055/0.htm"
TITLE = "海棠大学第0号新闻：春季学期工作会议召开"
BODY = "<p>学校召开会议，部署春季学期重点工作，师生代表参加。</p><p>会议由副校长林月主持，各学院院长发言。</p><p>会议强调，要抓好课堂教学，用好新建的实验室。</p>"


@pytest.fixture
def one(service, university):
    """A service that has read a list of three articles."""
    made = service(source(column(university, count=3)))
    serve(university)
    made.poll()
    return made


def serve(university, title=TITLE, time="2025-03-20 09:44", body=BODY, path=PATH, **answer):
    university.serve(path, article_page(title, time, body), **answer)


def entry_of(one, university, path=PATH):
    return one.store.entries.by_slug(slug(university.url + path))


def history(one, university, path=PATH):
    return [(past.kind, past.what) for past in one.store.revisions.of(entry_of(one, university, path))]


def after(one, *pauses):
    """Polls what is due after each of *pauses*."""
    for pause in pauses:
        one.now += pause
        one.poll()


def test_articles_are_looked_at_after_an_hour_six_a_day_three_seven_and_thirty(one, university):
    looks = []
    for hour in (0.9, 1, 2, 5.9, 6, 7, 23.9, 24, 25, 71.9, 72, 73, 167.9, 168, 169, 719.9, 720, 721, 2000):
        one.now = NOW + hour * HOUR
        university.requests.clear()
        one.poll()
        looks += [hour for request in university.requests if request.path == PATH]

    assert [1, 6, 24, 72, 168, 720] == looks
    with one.store.read() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM recheck").scalar()


def test_the_list_is_not_polled_for_the_sake_of_its_articles(one, university):
    university.requests.clear()
    with one.store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE source SET list_at = '2025-03-21 05:00:00.000000', next_poll_at = recheck_at"
        )

    after(one, HOUR)

    state = one.store.sources.by_name("haitang-news")
    assert ["/info/1055/0.htm", "/info/1055/1.htm", "/info/1055/2.htm"] == sorted(r.path for r in university.requests)
    assert (1, datetime(2025, 3, 21, 5, tzinfo=UTC), None) == (
        len(state.polls),
        state.source.next_poll_at,
        state.source.list_at,
    )


def test_a_host_that_wants_to_be_left_alone_is_left_alone_by_its_articles_too(one, university):
    university.serve("/xw.htm", "busy", status=429, headers={"Retry-After": "86400"})
    one.poll("haitang-news")
    university.requests.clear()

    after(one, 2 * HOUR, 20 * HOUR)

    assert [] == university.requests


def test_a_page_is_asked_with_its_validators(one, university):
    serve(university, etag='"v1"')
    after(one, HOUR)
    university.requests.clear()

    after(one, 5 * HOUR)

    (asked,) = (request for request in university.requests if request.path == PATH)
    assert ('"v1"', 304) == (asked.headers.get("if-none-match"), asked.status)


def test_an_edited_text_is_kept_as_a_revision_and_shown_as_it_is_now(one, university):
    before = entry_of(one, university)
    serve(university, body=BODY.replace("林月主持", "周远主持"))

    after(one, HOUR)
    assert [] == history(one, university)  # it may pass
    after(one, HOUR)

    now = entry_of(one, university)
    (past,) = one.store.revisions.of(now)
    assert ("edited", ("body",), TITLE, 2) == (past.kind, past.what, past.before.title, past.words)
    assert before.text == past.before.text
    assert "周远主持" in now.text
    assert "周远主持" in now.html
    assert (before.sort, before.slug, before.atom_id) == (now.sort, now.slug, now.atom_id)
    assert one.now == now.changed_at


@pytest.mark.parametrize(
    ("first", "then", "what"),
    [
        ({"body": BODY.replace("林月", "周远")}, {"title": f"{TITLE}（更正）"}, ["body", "title"]),
        ({"time": "2025-03-19 09:44"}, {"body": BODY.replace("林月主持", "周远和何清主持")}, ["date", "body"]),
    ],
)
def test_what_changes_while_something_else_is_in_doubt_is_told_too(one, university, first, then, what):
    serve(university, **first)
    after(one, HOUR)
    serve(university, **(first | then))
    after(one, HOUR, HOUR)

    assert [("edited", (part,)) for part in reversed(what)] == history(one, university)


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ({"title": "海棠大学第0号新闻：春季学期工作会议闭幕"}, "title"),
        ({"time": "2025-03-19 09:44"}, "date"),
        ({"body": BODY + "<p><a href='/files/list.docx'>附件：名单.docx</a></p>"}, "attachments"),
        ({"body": BODY + "<p><img src='/upload/3.jpg' width='600' height='400'></p>"}, "pictures"),
        ({"body": BODY.replace("<p>会议由副校长林月主持，各学院院长发言。</p>", "")}, "body"),
    ],
)
def test_every_part_of_an_article_may_change(one, university, page, what):
    serve(university, **page)

    after(one, HOUR, HOUR)

    (past,) = history(one, university)
    assert what in past[1]


NOISE = (
    lambda n: f"<p>点击数：{n}　阅读次数：<span>{n * 7}</span></p>",
    lambda n: (
        f"<ul><li><a href='/info/1/{n}.htm'>新闻{n}</a></li><li><a href='/info/2/{n}.htm'>又一条{n}</a></li><li><a href='/info/3/{n}.htm'>第三条{n}</a></li></ul>"
    ),
    lambda n: f"<p>相关阅读</p><p><a href='/info/1/{n}.htm'>校园里的第{n}个春天</a></p>",
    lambda n: f"<p>上一篇：<a href='/info/1/{n}.htm'>校园里的第{n}个春天</a></p>",
    lambda n: f"<p>您是第{n}位访客　今天是2025年3月{n % 28 + 1}日</p>",
    lambda n: f"<p>服务器 {n} 号</p>",  # another one at each request
)


@pytest.mark.parametrize("noise", NOISE)
def test_what_pages_write_anew_for_every_visitor_is_no_change(one, university, noise):
    counted = iter(range(100, 10_000))
    university.serve(
        PATH,
        lambda _: article_page(
            TITLE, "2025-03-20 09:44", "  " + BODY.replace("</p>", " </p>\n") + noise(next(counted))
        ),
    )

    after(one, HOUR, 5 * HOUR, 18 * HOUR, 2 * DAY)

    # that it is there at all may be news, once
    assert len(history(one, university)) <= 1
    assert "edited" not in [kind for kind, _ in history(one, university)[1:]]


OTHER_BODY = BODY.replace("用好新建的实验室", "用好新建的图书馆和实验室")


def test_two_texts_that_take_turns_are_no_change(one, university):
    for text in (OTHER_BODY, BODY, OTHER_BODY, BODY):
        serve(university, body=text)
        after(one, HOUR if one.now == NOW else 5 * HOUR)

    assert [] == history(one, university)


def test_two_copies_of_which_each_request_gets_one_by_lot_are_no_change(service, university):
    one, lot = service(source(column(university, count=12))), Random(2)
    for number in range(12):
        university.serve(
            f"/info/1055/{number}.htm",
            lambda _: article_page(TITLE, "2025-03-20 09:44", lot.choice((BODY, OTHER_BODY))),
        )
    one.poll()

    after(one, *[6 * HOUR] * 4, *[2 * DAY] * 4)

    assert [] == one.store.revisions.newest(10)


def test_an_edit_of_which_an_old_copy_was_seen_for_a_while_is_not_lost(one, university):
    for text in (OTHER_BODY, BODY, OTHER_BODY):
        serve(university, body=text)
        after(one, HOUR)

    after(one, *[DAY] * 8)

    assert [("edited", ("body",))] == history(one, university)


def test_an_edit_beside_what_is_another_one_each_hour_is_found(one, university):
    university.serve(
        PATH,
        lambda _: article_page(
            TITLE, "2025-03-20 09:44", f"{OTHER_BODY}<p>气温{one.now.hour + one.now.day}摄氏度。</p>"
        ),
    )

    after(one, HOUR, HOUR)

    assert [("edited", ("body",))] == history(one, university)


def test_an_edit_that_is_first_seen_at_the_last_look_is_not_lost(one, university):
    after(one, HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY)
    serve(university, body=OTHER_BODY)

    after(one, 30 * DAY, HOUR)

    assert [("edited", ("body",))] == history(one, university)
    with one.store.read() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM recheck WHERE is_untold = 0").scalar()


@pytest.mark.parametrize("status", [503, 403])
def test_a_page_that_is_broken_for_the_moment_is_no_removal(one, university, status):
    serve(university, status=status)

    after(one, *[HOUR] * 3, *[DAY] * 4)

    assert [] == history(one, university)
    serve(university, body=BODY.replace("林月", "周远"))
    after(one, 30 * DAY, HOUR)
    assert [("edited", ("body",))] == history(one, university)


FIREWALL = "<html><head><title>访问验证</title></head><body><p>您的访问请求被拦截，请完成人机验证。</p></body></html>"
LOGIN = "<html><head><title>统一身份认证</title></head><body><form>用户登录<input name='u'><input type='password'></form></body></html>"
OTHER = article_page("图书馆东馆今起试运行", "2024-11-02 10:00", "<p>图书馆东馆今日起试运行，新增阅览座位一千八百个，师生凭校园卡入馆。</p>" * 3)  # fmt: skip
UNDER_REPAIR = "<html><head><title>系统维护</title></head><body><p>系统正在维护，请稍后访问。</p></body></html>"


@pytest.mark.parametrize("page", [FIREWALL, LOGIN, OTHER, UNDER_REPAIR, list_page(("info/1/1.htm", "别的新闻一则在此", "2025-03-20")), "", None])  # fmt: skip
def test_a_page_that_shows_something_else_is_neither_a_change_nor_a_removal(one, university, page):
    before = entry_of(one, university)
    university.serve(PATH, page if page is not None else lambda _: None)

    after(one, HOUR, 2 * HOUR, DAY, DAY, 3 * DAY)

    assert [] == history(one, university)
    assert before == entry_of(one, university)


def test_a_file_in_place_of_an_article_takes_its_text_from_nobody(one, university):
    before = entry_of(one, university)
    university.serve(PATH, b"PK\x03\x04", content_type="application/zip")

    after(one, HOUR, 5 * HOUR, 18 * HOUR)

    assert ([], before) == (history(one, university), entry_of(one, university))


def test_an_article_that_is_gone_for_good_is_removed_at_once(one, university):
    serve(university, status=410)

    after(one, HOUR)

    assert [("removed", ("410",))] == history(one, university)
    assert one.now == entry_of(one, university).removed_at


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        ({"status": 404}, "404"),
        ({"body": "", "status": 302, "headers": {"Location": "/"}}, "home"),
        (
            {"body": "<html><head><title>提示</title></head><body><p>您访问的页面不存在或已被删除。</p></body></html>"},
            "notice",
        ),
    ],
)
def test_an_article_that_is_not_there_is_removed_a_day_later(one, university, answer, how):
    university.serve("/", list_page())
    university.serve(PATH, **{"body": "no"} | answer)

    after(one, HOUR, HOUR)
    assert [] == history(one, university)

    after(one, DAY)
    assert [("removed", (how,))] == history(one, university)


def test_an_article_that_is_missing_for_an_hour_is_not_removed(one, university):
    serve(university, status=404)
    after(one, HOUR)
    serve(university)

    after(one, DAY, DAY, DAY)

    assert [] == history(one, university)


def test_a_site_that_falls_takes_no_article_with_it(one, university):
    serve(university, status=404)
    university.serve("/xw.htm", "gone", status=404)

    after(one, HOUR, DAY, DAY)

    assert [] == history(one, university)


def test_a_removed_article_that_comes_back_is_told(one, university):
    serve(university, status=410)
    after(one, HOUR)
    serve(university, body=BODY.replace("林月", "周远"))

    after(one, DAY, HOUR)

    assert [("edited", ("body",)), ("restored", ()), ("removed", ("410",))] == history(one, university)
    assert None is entry_of(one, university).removed_at


def test_a_new_title_that_list_and_page_tell_is_told_at_once(one, university):
    title = "海棠大学第0号新闻：春季学期工作会议闭幕"
    serve(university, title=title)
    rows = [(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议召开", f"2025-03-{20 - n}") for n in (1, 2)]
    university.serve("/xw.htm", list_page(("info/1055/0.htm", title, "2025-03-20"), *rows), etag='"v2"')

    one.now += HOUR / 4
    one.poll("haitang-news")
    one.poll()

    assert [("edited", ("title",))] == history(one, university)
    assert title == entry_of(one, university).title


def test_an_article_that_list_and_page_lost_is_removed(one, university):
    rows = [(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议召开", f"2025-03-{20 - n}") for n in (0, 2)]
    university.serve("/xw.htm", list_page(*rows), etag='"v2"')
    university.serve(
        "/info/1055/1.htm", "<html><head><title>海棠大学</title></head><body><div id='vsb_content'></div></body></html>"
    )

    one.now += HOUR / 4
    one.poll("haitang-news")
    one.poll()
    after(one, DAY)

    assert [("removed", ("list",))] == history(one, university, "/info/1055/1.htm")


def test_an_article_on_several_pages_is_compared_whole(service, university):
    one = service(source(column(university, count=3)))
    pager = "<div><a href='0_2.htm'>2</a></div>"
    serve(university, body=BODY + pager)
    serve(
        university,
        path="/info/1055/0_2.htm",
        body="<p>第二页：实验室将于四月开放，欢迎师生预约。</p><div><a href='0.htm'>1</a></div>",
    )
    one.poll()
    serve(
        university,
        path="/info/1055/0_2.htm",
        body="<p>第二页：实验室将于五月开放，欢迎师生预约。</p><div><a href='0.htm'>1</a></div>",
    )

    after(one, HOUR, HOUR)

    (past,) = one.store.revisions.of(entry_of(one, university))
    assert ("body",) == past.what
    assert "四月开放" in past.before.text
    assert "林月主持" in past.before.text


def test_feeds_are_told_of_what_matters_once_a_day(one, university):
    first = entry_of(one, university).updated
    told = []
    for hour, text in (
        (1, "副校长林岳"),  # a name is no news
        (6, "校长林岳和各位嘉宾共同主持并作了重要讲话，会议"),
        (24, "全体代表一致通过了新的章程和新的预算，会议"),  # waits for its day
        (72, "全体代表一致通过了新的章程和新的预算，会议"),
    ):
        serve(university, body=BODY.replace("副校长林月", text))
        one.now = NOW + hour * HOUR
        one.poll()
        after(one, HOUR)  # seen again: sure
        told.append(entry_of(one, university).updated)

    assert 3 == len(history(one, university))
    assert [first, NOW + 7 * HOUR, NOW + 7 * HOUR, NOW + 72 * HOUR] == told


def test_an_entry_whose_page_is_there_at_last_is_filled_without_a_revision(service, university):
    one = service(source(column(university, count=3)))
    serve(university, status=500)
    for _ in range(3):
        one.poll("haitang-news")
    assert "" == entry_of(one, university).text
    serve(university)

    after(one, HOUR)

    assert "林月主持" in entry_of(one, university).text
    assert [] == history(one, university)


def feed(university, text, title="春季学期工作会议召开", etag='"v1"'):
    items = (title, university.url + PATH, "1"), ("图书馆东馆今起试运行", university.url + "/info/1055/1.htm", "2")
    return university.serve(
        "/feed", rss(*items).replace(f"{title}的全文。", text), content_type="application/rss+xml", etag=etag
    )


def test_a_feed_that_carries_the_text_is_its_own_evidence(service, university):
    one = service(source(feed(university, "会议由林月主持。"), kind="feed"))
    one.poll()
    feed(university, "会议由周远主持，特此更正。", etag='"v2"')

    for _ in range(2):  # the second time the server says that the feed is what it was
        one.now += HOUR
        one.poll("haitang-news")

    assert [("edited", ("body",))] == history(one, university)
    assert {"/feed"} == {request.path for request in university.requests}


@pytest.mark.parametrize(("later", "changes"), [(HOUR / 2, [("edited", ("body",))]), (-HOUR, [])])
def test_an_edit_with_a_later_updated_in_a_feed_is_told_at_once(service, university, later, changes):
    def atom(text, updated, etag):
        item = f"<id>urn:1</id><title>春季学期工作会议召开</title><link href='{university.url}{PATH}'/>"
        times = f"<published>2025-03-20T09:00:00+08:00</published><updated>{updated.isoformat()}</updated>"
        body = f"<feed xmlns='http://www.w3.org/2005/Atom'><title>海</title><entry>{item}{times}<content>{text}</content></entry></feed>"
        return university.serve("/feed", body, content_type="application/atom+xml", etag=etag)

    one = service(source(atom("会议由林月主持。", NOW - HOUR, '"v1"'), kind="feed"))
    one.poll()
    atom("会议由周远主持，特此更正。", NOW + later, '"v2"')

    one.now += HOUR
    one.poll("haitang-news")

    assert changes == history(one, university)


def test_a_file_that_a_feed_names_stays_when_its_text_links_it_no_more(service, university):
    file = f"{university.url}/plan.pdf"

    def atom(text, updated, etag):
        item = f"<id>urn:1</id><title>春季学期工作会议召开</title><link href='{university.url}{PATH}'/>"
        named = f"<link rel='enclosure' href='{file}' length='5' type='application/pdf'/>"
        said = f"<updated>{updated.isoformat()}</updated><content type='html'>{escape(text)}</content>"
        body = f"<feed xmlns='http://www.w3.org/2005/Atom'><title>海</title><entry>{item}{named}{said}</entry></feed>"
        return university.serve("/feed", body, content_type="application/atom+xml", etag=etag)

    url = atom(f"<p>会议由林月主持。</p><p><a href='{file}'>附件</a></p>", NOW - HOUR, '"v1"')
    one = service(source(url, kind="feed"))
    one.poll()
    atom("<p>会议由周远主持，特此更正。</p>", NOW + HOUR / 2, '"v2"')

    one.now += HOUR
    one.poll("haitang-news")

    assert "周远" in entry_of(one, university).text
    assert [(file, 5)] == [(there.url, there.length) for there in entry_of(one, university).attachments]


def test_texts_that_take_turns_in_a_feed_and_texts_that_it_cuts_are_no_change(service, university):
    whole = "会议由林月主持。各学院院长发言。会议决定四月开放实验室。"
    one = service(source(feed(university, whole), kind="feed"))
    one.poll()

    for number, text in enumerate(
        (whole.replace("四月", "五月"), whole, whole[:9] + "……", whole[:9] + "……", whole) * 3
    ):
        feed(university, text, etag=f'"v{number + 2}"')
        one.now += HOUR
        one.poll("haitang-news")

    assert [] == history(one, university)
    assert whole == entry_of(one, university).text


def test_an_article_that_a_feed_lost_is_removed_where_its_page_is_gone(service, university):
    rows = [("春季学期工作会议召开", university.url + PATH, "1"), ("图书馆", university.url + "/info/1055/1.htm", "2")]
    one = service(source(university.serve("/feed", rss(*rows), content_type="application/rss+xml"), kind="feed"))
    one.poll()
    university.serve("/feed", rss(rows[1]), content_type="application/rss+xml", etag='"v2"')

    one.now += HOUR
    one.poll("haitang-news")
    after(one, HOUR / 60, DAY)

    assert [("removed", ("404",))] == history(one, university)


def test_without_full_text_no_page_is_asked_for(service, university):
    one = service(source(column(university, count=3), article=ArticleRule(full_text=False)))
    one.poll()

    after(one, HOUR, DAY, 30 * DAY)

    assert {"/xw.htm"} == {request.path for request in university.requests}


def test_articles_that_were_stored_before_there_were_looks_are_looked_at_from_then_on(one, university):
    with one.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM recheck")
    one.now += 10 * DAY

    assert [3, 0] == [one.store.rechecks.adopt(one.now), one.store.rechecks.adopt(one.now)]
    serve(university, body=OTHER_BODY)
    university.serve("/info/1055/1.htm", "", status=410)
    after(one, 20 * DAY, HOUR, DAY)

    assert [("edited", ("body",))] == history(one, university)
    assert [("removed", ("410",))] == history(one, university, "/info/1055/1.htm")
    assert [] == history(one, university, "/info/1055/2.htm")


def test_a_file_or_picture_that_was_stored_before_there_were_looks_is_not_told_again(service, university):
    university.serve(PATH, b"%PDF-1.7", content_type="application/pdf")
    picture = "<p><img src='/upload/3.jpg' width='600' height='400'></p>"
    university.serve("/info/1055/1.htm", article_page("图书馆海报展出通知", "2025-03-20 09:44", picture))
    rows = [(PATH, "春季学期工作会议日程表", "2025-03-20"), ("/info/1055/1.htm", "图书馆海报展出通知", "2025-03-20")]
    one = service(source(university.serve("/xw.htm", list_page(*rows))))
    one.poll()
    before = one.store.entries.newest(10)
    with one.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM recheck")

    one.store.rechecks.adopt(one.now)
    after(one, HOUR, HOUR)

    assert 2 == len(before)
    assert before == one.store.entries.newest(10)


def test_what_a_feed_carried_before_there_were_looks_is_compared_with_the_feed(service, university):
    one = service(source(feed(university, "会议由林月主持。"), kind="feed"))
    one.poll()
    with one.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM recheck")
    one.store.rechecks.adopt(one.now)

    for text in ("会议由林月主持。", "会议由周远主持，特此更正。", "会议由周远主持，特此更正。"):
        feed(university, text, etag=f'"{one.now}"')
        one.now += HOUR
        one.poll("haitang-news")

    assert [("edited", ("body",))] == history(one, university)


def test_a_rule_edited_while_its_source_is_polled_is_not_forgotten(service, university):
    url = column(university, count=3)
    one = service(source(url))
    page = list_page(("info/1055/0.htm", TITLE, "2025-03-20"))
    edited = Site("haitang", "海棠大学", sources=(source(url, interval_minutes=33),))

    def edit(_):
        one.store.sources.sync([(edited, edited.sources[0])], one.now)
        return page

    university.serve("/xw.htm", edit)
    one.poll("haitang-news")

    state = one.store.sources.by_name("haitang-news").source
    assert (one.now, None) == (state.next_poll_at, state.body_hash)
