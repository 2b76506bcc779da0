"""List pages in the shapes that universities give them, each around the same six stories of our own."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import ParseError
from aggregator.gather.listing import read_listing
from aggregator.model import ListingRule, Response

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2025, 6, 1, tzinfo=UTC)
URL = "https://news.haitang.example/xw/xxyw.htm"
STORIES = [
    ("学校召开春季学期教学工作会议部署重点任务", "2025-05-29"),
    ("材料学院团队在低温电池研究方面取得新进展", "2025-05-28"),
    ("关于做好2025年毕业生离校工作的通知", "2025-05-27"),
    ("图书馆东馆试运行 新增阅览座位一千八百个", "2025-05-20"),
    ("“海棠讲坛”第一百期开讲", "2025-05-19"),
    ("我校与云岭师范大学签署对口合作协议", "2025-05-08"),
]
MENU = "".join(
    f'<li><a href="../{name}.htm">{text}</a></li>'
    for name, text in [("xxgk", "学校概况"), ("jgsz", "机构设置"), ("rcpy", "人才培养"), ("kxyj", "科学研究"), ("zsjy", "招生就业"), ("xwzx", "新闻中心"), ("lxwm", "联系我们")]
)  # fmt: skip
SIDEBAR = "".join(f'<li><a href="../info/1090/{n}.htm">热点新闻{n}：学校召开大会...</a></li>' for n in range(5))
FOOTER = "<div class='footer'><p>版权所有 海棠大学 电话：022-23501234</p><a href='http://www.moe.example/'>教育部</a><a href='/map'>地图</a></div>"


def page(main, *, head="", side=SIDEBAR):
    return (
        f"<html><head><title>学校要闻-海棠大学</title>{head}</head><body><div class='header'><ul class='nav'>{MENU}</ul></div>"
        f"<div class='wrap'><div class='left'><h3>热点新闻</h3><ul>{side}</ul></div><div class='right'>"
        f"<div class='position'>当前位置：<a href='../index.htm'>首页</a> &gt; <a href='xxyw.htm'>学校要闻</a></div>{main}</div></div>"
        f"{FOOTER}</body></html>"
    )


def rows(form, numbers=range(6)):
    """*form* filled for each story: {n}, {title}, {cut}, {date}, {y}, {m}, {d}, {dots}."""
    filled = []
    for n in numbers:
        title, date = STORIES[n]
        y, m, d = date.split("-")
        filled.append(
            form.format(n=n, title=title, cut=title[:8] + "...", date=date, y=y, m=m, d=d, dots=f"{y}.{m}.{d}")
        )
    return "".join(filled)


VSB_LINK = '<a href="../info/1055/{n}.htm" title="{title}" target="_blank">'
SHAPES = {
    "vsb line_u9 with bracketed date first": ("<ul>" + rows('<li id="line_u9_{n}"><SPAN>[{date}]</SPAN>' + VSB_LINK + "{cut}</a><DIV class='clear'></DIV></li>") + "</ul>", "../info/1055/{n}.htm"),
    "vsb date inside the link": ("<ul class='list'>" + rows("<li>" + VSB_LINK + "{cut}<span class='time'>{date}</span></a></li>") + "</ul>", "../info/1055/{n}.htm"),
    "vsb old table": ("<table class='winstyle43335'>" + rows('<tr height="20"><td><span class="leaderfont43335">· </span></td><td style="font-size:9pt"><a class="c43335" href="../info/1055/{n}.htm" title="{title}">{cut} </a></td><td><span class="timestyle43335">{y}/{m}/{d} </span></td></tr>') + "</table>", "../info/1055/{n}.htm"),
    "vsb rows hidden for a script": ("<ul>" + rows('<li id="line_u5_{n}" style="display:none">' + VSB_LINK + "{title}</a><span>{y}年{m}月{d}日</span></li>") + "</ul>", "../info/1055/{n}.htm"),
    "vsb heading, label and summary in one link": ("<div>" + rows('<div class="it"><a href="../info/1055/{n}.htm"><h5>{title}</h5><p class="time">发布日期 : {date}</p><p>近日，学校举行了一次活动，相关人员参加了活动并发言……</p></a></div>') + "</div>", "../info/1055/{n}.htm"),
    "day apart from month and year": ("<ul>" + rows('<li><div class="time"><div class="time-d">{d}</div> {y}-{m}</div><div class="tit"><a href="/{y}/{m}{d}/c1a{n}/page.htm" title="{title}">{cut}</a></div><div class="info">摘要摘要摘要摘要摘要</div></li>') + "</ul>", "/{y}/{m}{d}/c1a{n}/page.htm"),
    "day and month with comma": ("<div class='blogs'>" + rows('<div class="blog"><div class="blog-date">{d}</div><div class="blog-date blog-date-2">{m}月,{y}</div><h4><a href="../info/1/{n}.htm">{title}</a></h4></div>') + "</div>", "../info/1/{n}.htm"),
    "webplus news_list": ('<ul class="news_list list2">' + rows('<li class="news n{n} clearfix"><span class="news_title"><a href="/{y}/{m}{d}/c1a{n}/page.htm" target="_blank" title="{title}"><font style="font-weight:bold;">{title}</font></a></span><span class="news_meta">{date}</span></li>') + "</ul>", "/{y}/{m}{d}/c1a{n}/page.htm"),
    "webplus with an index before the title": ('<ul class="wp_article_list">' + rows('<li class="list_item i{n}"><div class="fields pr_fields"><span class="Article_Index">{n}</span><span class="Article_Title"><a href="/{y}/{m}{d}/c1a{n}/page.htm" title="{title}">{cut}</a></span></div><div class="fields ex_fields"><span class="Article_PublishDate">{date}</span></div></li>') + "</ul>", "/{y}/{m}{d}/c1a{n}/page.htm"),
    "webplus nested anchors": ("<div class='col'>" + rows('<a class="col_news_item i{n}" href="/{y}/{m}{d}/c1a{n}/page.htm"><span class="col_news_title"><a href="/{y}/{m}{d}/c1a{n}/page.htm" title="{title}">{title}</a></span><span class="col_news_date">{date}</span></a>') + "</div>", "/{y}/{m}{d}/c1a{n}/page.htm"),
    "picture link before the title link": ("<div>" + rows('<div class="tpbox"><div class="pic"><a href="/{y}/{m}{d}/c1a{n}/page.htm"><img src="/p{n}.jpg"></a></div><div class="txt"><a href="/{y}/{m}{d}/c1a{n}/page.htm">{title}</a><span class="meta">[{date}]</span><a href="/{y}/{m}{d}/c1a{n}/page.htm">查看更多&gt;&gt;</a></div></div>') + "</div>", "/{y}/{m}{d}/c1a{n}/page.htm"),
    "a category link in each row": ("<ul>" + rows('<li><a href="tzgg.htm">[通知公告]</a><a href="../info/1055/{n}.htm">{title}</a><i>{date}</i></li>') + "</ul>", "../info/1055/{n}.htm"),
    "flat links and dates in one cell": ("<table><tr><td>" + rows('· <a href="../info/1055/{n}.htm">{title}</a> ({date})<br>') + "</td></tr></table>", "../info/1055/{n}.htm"),
    "two lists, one after the other": ("<ul class='l'>" + rows('<li><a href="../info/1/{n}.htm">{title}</a><b>{date}</b></li>', range(3)) + "</ul><ul class='l'>" + rows('<li><a href="../info/1/{n}.htm">{title}</a><b>{date}</b></li>', range(3, 6)) + "</ul>", "../info/1/{n}.htm"),
    "each row in a box of its own": ("<div class='row'>" + rows('<div class="col-lg-4"><div class="box"><a href="../info/1/{n}.htm"><img src="{n}.jpg"><p>{title}</p></a><em>{dots}</em></div></div>') + "</div>", "../info/1/{n}.htm"),
    "names like md5 with line breaks in the link": ('<ul class="list-ul">' + rows('<li><font class="right-more">{date}</font><div class="news_title"><a href="309be8b078444044b51624f0e18672{n}e.htm" title="{title}">\n   {cut}\n</a></div></li>') + "</ul>", "309be8b078444044b51624f0e18672{n}e.htm"),
    "trs with the date in the address only": ("<ul class='gl-list'>" + rows('<li><a href="./202505/t{y}{m}{d}_822{n}.html" target="_blank">{title}</a></li>') + "</ul>", "./202505/t{y}{m}{d}_822{n}.html"),
    "enorth: layout tables, no date": ("<table><tr><td width='80%'>" + rows('<div><a href="/ywsd/system/{y}/{m}/{d}/03004799{n}.shtml" target="_blank">{title}</a></div>') + "</td></tr></table>", "/ywsd/system/{y}/{m}/{d}/03004799{n}.shtml"),
    "articles on other hosts": ("<ul>" + rows('<li><a href="https://mp.weixin.qq.com/s/abcDEF{n}">{title}</a><span>{date}</span></li>') + "</ul>", "https://mp.weixin.qq.com/s/abcDEF{n}"),
    "definition list": ("<dl>" + rows('<dd><i>({date})</i><a href="../info/1055/{n}.htm">{title}</a></dd>') + "</dl>", "../info/1055/{n}.htm"),
    "terms and descriptions": ("<dl>" + rows('<dt><a href="../info/1055/{n}.htm">{title}</a></dt><dd>{date}</dd>') + "</dl>", "../info/1055/{n}.htm"),
    "flat links with the date before each": ("<div>" + rows('<span>{date}</span><a class="tit" href="../info/1055/{n}.htm">{title}</a>') + "</div>", "../info/1055/{n}.htm"),
    "a summary with a date of its own": ("<ul>" + rows('<li><h3><a href="../info/1055/{n}.htm">{title}</a></h3><p>2024年5月6日下午，学校举行了一次活动……</p><span>{dots}</span></li>') + "</ul>", "../info/1055/{n}.htm"),
    "an event and the day it was posted": ("<ul>" + rows('<li><a href="../info/1055/{n}.htm">{title}</a><p>活动时间：2025年5月31日 14:00</p><p>地点：报告厅</p><span>发布时间：{date}</span></li>') + "</ul>", "../info/1055/{n}.htm"),
    "the full title on an element in the link": ("<ul>" + rows('<li><a href="../info/1055/{n}.htm"><div class="d">{dots}</div><div class="t" title="{title}">{cut}</div></a></li>') + "</ul>", "../info/1055/{n}.htm"),
    "a title attribute that says it all": ("<ul>" + rows('<li><a href="../info/1055/{n}.htm" title="标题：{title}&#13;作者：&#13;发布时间：{date}">{cut}</a><i>{date}</i></li>') + "</ul>", "../info/1055/{n}.htm"),
    "a title beside links that do not name it": ("<div>" + rows('<div class="bx"><a href="../info/1055/{n}.htm"><img src="{n}.jpg"></a><h3>{title}</h3><p>{date}</p><a href="../info/1055/{n}.htm">查看详情</a></div>') + "</div>", "../info/1055/{n}.htm"),
    "an office with a link of its own in each row": ("<table>" + rows('<tr><td><a href="../info/1055/{n}.htm">{title}</a></td><td><a href="../jg/{n}/index.htm">办公室</a></td><td>{date}</td></tr>') + "</table>", "../info/1055/{n}.htm"),
    "a file beside the title": ("<ul>" + rows('<li><a href="../info/1055/{n}.htm">{title}</a><a href="/files/{n}.pdf">附件</a><span>{date}</span></li>') + "</ul>", "../info/1055/{n}.htm"),
    "two articles a line": ("<table>" + "".join(f"<tr>{rows('<td><a href=../info/1055/{n}.htm>{title}</a><i>{date}</i></td>', pair)}</tr>" for pair in [(0, 1), (2, 3), (4, 5)]) + "</table>", "../info/1055/{n}.htm"),
    "a list by years": ("<div>" + "".join(f"<h3>20{25 - n}年</h3><ul>{rows('<li><a href=../info/1055/{n}.htm>{title}</a><i>{date}</i></li>', part)}</ul>" for n, part in enumerate([(0, 1, 2), (3, 4, 5)])) + "</div>", "../info/1055/{n}.htm"),
    "a headline over the list": ("<div>" + rows('<div class="first"><a href="../info/1055/{n}.htm"><img src="1.jpg"></a><h2><a href="../info/1055/{n}.htm">{title}</a></h2><p>{date}</p></div>', [0]) + "<ul>" + rows('<li><a href="../info/1055/{n}.htm">{title}</a><i>{date}</i></li>', range(1, 6)) + "</ul></div>", "../info/1055/{n}.htm"),
}  # fmt: skip

UNDATED = {"trs with the date in the address only", "enorth: layout tables, no date"}


def read(main, rule=None, url=URL, **about):
    body = main if isinstance(main, bytes) else page(main, **about).encode()
    return read_listing(Response(url, 200, body), rule, timezone=SHANGHAI, now=NOW)


def day(item):
    return item.published.astimezone(SHANGHAI).date().isoformat() if item.published else None


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_stories_and_nothing_else(name):
    main, address = SHAPES[name]
    listing = read(main)

    dated = [tuple(date.split("-")) for _, date in STORIES]
    expected = [urljoin(URL, address.format(n=n, y=y, m=m, d=d)) for n, (y, m, d) in enumerate(dated)]
    assert expected == [item.url for item in listing.items]
    assert [title for title, _ in STORIES] == [item.title for item in listing.items]
    shown = [None] * 6 if name in UNDATED else [date for _, date in STORIES]
    assert shown == [day(item) for item in listing.items]


@pytest.mark.parametrize("name", SHAPES)
def test_the_rule_found_finds_the_same_items_again(name):
    main, _ = SHAPES[name]
    first = read(main)

    again = read(main, first.rule)

    assert first.items == again.items
    assert first.next_page == again.next_page


@pytest.mark.parametrize(
    ("pager", "expected"),
    [
        (
            '<span class="p_next p_fun"><a href="xxyw/122.htm">下页</a></span>',
            "https://news.haitang.example/xw/xxyw/122.htm",
        ),
        (
            '<a class="next" href="/xw/list2.htm"><span>下一页&gt;&gt;</span></a>',
            "https://news.haitang.example/xw/list2.htm",
        ),
        ('<a href="?page=2">›</a>', "https://news.haitang.example/xw/xxyw.htm?page=2"),
        ('<a href="javascript:void(0)">下一页</a>', None),
        ("<span>下一页</span>", None),
        ('<b>1</b><a href="?page=2">2</a>', "https://news.haitang.example/xw/xxyw.htm?page=2"),
        ('<a href="?page=1">1</a><b>2</b><a href="?page=3">3</a>', "https://news.haitang.example/xw/xxyw.htm?page=3"),
    ],
)
def test_the_next_page_is_the_pagers(pager, expected):
    main, _ = SHAPES["webplus news_list"]

    assert (
        expected
        == read(main + f"<div class='pages'><a href='#'>1</a> {pager} <a href='xxyw/1.htm'>尾页</a></div>").next_page
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_short_list_is_found_beside_a_longer_sidebar(count):
    main = (
        "<ul>" + rows('<li><a href="../info/1055/{n}.htm">{title}</a><span>{date}</span></li>', range(count)) + "</ul>"
    )

    assert [title for title, _ in STORIES[:count]] == [item.title for item in read(main).items]


@pytest.mark.parametrize("heading", ["热门文章", "点击排行", "最新信息"])
def test_the_list_is_the_one_with_the_pager(heading):
    form = '<li><a href="../info/1055/{n}.htm">{title}</a><span>{date}</span></li>'
    aside = f"<div class='a'><h3>{heading}</h3><ul>{rows(form.replace('1055', '1090'))}</ul></div>"
    main = f"<div class='b'><ul>{rows(form, range(3))}</ul><div><a href='xxyw/2.htm'>下页</a></div></div>"

    assert 3 == len(read(aside + main, side="").items)


def test_a_long_menu_is_no_list():
    menu = "".join(f"<li><a href='../zc/{name}.htm'>{name}金融政策</a></li>" for name in "甲乙丙丁戊己庚辛壬癸子丑寅卯")

    with pytest.raises(ParseError, match="no list of articles"):
        read(f"<ul>{menu}</ul>", side="")


def test_the_list_for_phones_is_not_read_twice():
    desk = rows('<li><a href="../info/1/{n}.htm">{title}</a><span>{date}</span></li>')

    assert 6 == len(read(f"<ul class='pc'>{desk}</ul><ul id='thelist'>{desk}</ul>").items)


def test_relative_addresses_follow_the_base_element():
    main, _ = SHAPES["definition list"]

    assert (
        "https://other.example/info/1055/0.htm"
        == read(main, head='<base href="https://other.example/xw/">').items[0].url
    )


def test_a_gbk_page_is_read():
    main, _ = SHAPES["vsb old table"]
    body = page(main, head="<meta charset='gb2312'>").encode("gb18030")

    assert STORIES[0][0] == read(body).items[0].title


def test_an_address_that_is_none_harms_nothing():
    odd = '<li><a href="直播网址见正文 简历投递链接：https://[">关于举办2025年春季线上双选会的通知</a><span>2025-05-30</span></li>'

    listing = read(f"<ul>{odd}{rows('<li><a href=../info/1/{n}.htm>{title}</a><span>{date}</span></li>')}</ul>")

    assert [title for title, _ in STORIES] == [item.title for item in listing.items if "/info/1/" in item.url]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "nothing"),
        (
            "<html><title>统一身份认证</title><form><input name=u><input type=password></form></html>".encode(),
            "login page",
        ),
        (
            "<html><title>提示信息</title><body>提示信息：该栏目已停用，5秒后返回首页</body></html>".encode(),
            "closed or moved",
        ),
        (b"<html><body><div id=app></div><script src=app.js></script></body></html>", "without a script"),
        (page("<p>暂无内容</p><div>首页 上页 1 下页 尾页</div>", side="").encode(), "no list of articles"),
        (bytes(range(256)) * 100, None),
        (b"%PDF-1.4 " + b"\0\1\2" * 1000, None),
        (b"\0" * 5000, None),
        (json.dumps({"items": []}).encode(), None),
    ],
)
def test_a_page_without_items_says_why(body, sentence):
    with pytest.raises(ParseError, match=sentence):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<ul><li>" * 200_000,
        b"<div>" * 500_000,
        b"<a href=x>" * 100_000,
        b"".join(b"<li><a href=/n/%d.htm>%d</a></li>" % (n, n) for n in range(100_000)),
        b"<p>" + "新闻".encode() * 900_000,
        b"<table><tr><td>" * 50_000,
        b"<b><a href=y>" * 50_000,
    ],
    ids=["lists", "divs", "open links", "100,000 links", "one line", "tables", "formatting"],
)
def test_a_heavy_page_ends_in_a_list_or_a_sentence(body):
    try:
        listing = read(body)
    except ParseError:
        return
    assert listing.items


def test_a_rule_decides_where_items_titles_and_dates_stand():
    main = (
        "<ol>"
        + rows(
            '<li data-day="{date}"><a href="/n/{n}.htm"><b>No. {n}</b> {title}</a><a href="/f/{n}.pdf">附件</a></li>'
        )
        + "</ol>"
    )
    rule = ListingRule("ol > li", link="a:first-child", title="a b", date="./@data-day")

    listing = read(main, rule)

    assert [("No. 0", "2025-05-29"), ("No. 1", "2025-05-28")] == [(item.title, day(item)) for item in listing.items[:2]]
    assert rule == listing.rule


def test_xpath_finds_items_too():
    main, _ = SHAPES["vsb old table"]

    assert 6 == len(read(main, ListingRule("//table[contains(@class,'winstyle')]//tr")).items)


def test_a_rule_that_matches_frames_around_frames_reads_each_row_once():
    row = '<div class="x"><a href="/n/{n}.htm">{title}</a><span>{date}</span></div>'

    listing = read('<div class="x">' * 300 + rows(row) + "</div>" * 300, ListingRule("div.x"))

    assert {title for title, _ in STORIES} == {item.title for item in listing.items}
    assert 6 == len(listing.items)


def test_a_rule_that_finds_nothing_says_what_is_there():
    main, _ = SHAPES["webplus news_list"]

    with pytest.raises(
        ParseError, match=r"no items match 'ul\.gone li' at https://news\.haitang\.example/xw/xxyw\.htm \(3 lists"
    ):
        read(main, ListingRule("ul.gone li"))


def test_a_rule_whose_items_have_no_links_says_so():
    with pytest.raises(ParseError, match="no links in the 1 items"):
        read("<p class='x'>无</p>", ListingRule("p.x"))


def test_broken_markup_makes_no_broken_rule():
    main = rows('<li"x><a href="../info/1/{n}.htm">{title}</a><span>{date}</span></li"x>')

    listing = read(f"<ul>{main}</ul>")

    assert 6 == len(listing.items)
    assert 6 == len(read(f"<ul>{main}</ul>", listing.rule).items)


@pytest.mark.parametrize(
    "empty",
    [
        "<p>暂无内容</p>",
        "<ul></ul><div>首页 上页 1 下页 尾页</div>",
        "<ul></ul><div>共<b>0</b>条 首页 上页 下页 尾页</div>",
        "<div class='wp_paging'>总共 <em>0</em> 记录 <a href='javascript:void(0)'>下一页&gt;&gt;</a></div>",
    ],
)
def test_an_empty_column_is_not_answered_with_what_stands_beside_it(empty):
    beside = rows("<li><a href='../info/1090/{n}.htm'>{title}</a><span>{date}</span></li>")

    with pytest.raises(ParseError, match=r"no list of articles|no articles yet"):
        read(empty, side=beside)


@pytest.mark.parametrize("heading", ["热点新闻", "推荐阅读"])
def test_one_article_is_a_list_beside_a_longer_one_of_others(heading):
    hot = f"<h3>{heading}</h3><ul>{rows('<li><a href=../info/1090/{n}.htm>{title}</a><i>{date}</i></li>')}</ul>"
    main = "<h2>学校要闻</h2><ul>" + rows('<li><a href="../info/1/{n}.htm">{title}</a>{dots}</li>', [0]) + "</ul>"

    assert ["https://news.haitang.example/info/1/0.htm"] == [item.url for item in read(main, side=hot).items]


def test_two_articles_behind_one_login_page_are_two():
    login = "<li><a href='/login'>{title}</a><i>{date}</i></li>"
    others = rows("<li><a href='../info/1/{n}.htm'>{title}</a><i>{date}</i></li>", range(3, 6))

    listing = read(f"<ul class='l'>{rows(login, range(2))}{others}</ul>")

    assert [title for title, _ in [*STORIES[:2], *STORIES[3:]]] == [item.title for item in listing.items]
    assert listing.items == read(f"<ul class='l'>{rows(login, range(2))}{others}</ul>", listing.rule).items


def test_title_and_summary_in_rows_of_their_own_are_one_article():
    form = (
        "<tr><td><a href='../info/1/{n}.htm'>{title}</a></td><td>{date}</td></tr>"
        "<tr><td colspan=2><a href='../info/1/{n}.htm'>近日，学校举行了一次活动，相关人员参加了活动……</a></td></tr>"
    )

    assert [title for title, _ in STORIES] == [item.title for item in read(f"<table>{rows(form)}</table>").items]


def test_a_number_before_the_title_is_no_part_of_the_date():
    form = "<tr><td>{n}</td><td><a href='../info/1/{n}.htm'>{title}</a></td><td><i>{y}-{m}</i><b>{d}</b></td></tr>"

    assert [date for _, date in STORIES] == [day(item) for item in read(f"<table>{rows(form)}</table>").items]


def test_what_is_told_of_a_day_is_not_when_it_was_published():
    form = "<li><a href='../info/1/{n}.htm'>{title}</a><p>5月6日下午，学校举行了一次活动……</p></li>"

    assert {None} == {item.published for item in read(f"<ul>{rows(form)}</ul>").items}


def test_a_title_that_begins_with_a_day_keeps_it():
    main = "<ul>" + rows("<li><a href='../info/1/{n}.htm'>2024年12月1日{title}</a></li>") + "</ul>"

    assert "2024年12月1日" + STORIES[0][0] == read(main).items[0].title


def test_facts_inside_a_link_are_no_part_of_the_title():
    form = "<li><a href='../info/1/{n}.htm'>{title}<span>来源：教务处 时间：{date}</span></a></li>"

    assert [(title, date) for title, date in STORIES] == [
        (item.title, day(item)) for item in read(f"<ul>{rows(form)}</ul>").items
    ]


@pytest.mark.parametrize(
    ("page_url", "call", "expected"),
    [
        ("index.html", 'createPageHTML(12, 0, "index", "html");', "index_1.html"),
        ("index_1.htm", "createPageHTML(50, 1, 'index', 'htm', 500);", "index_2.htm"),
        ("list.shtml", "createPageHTML('page_div',3, 1,'list','shtml',40)", "list_2.shtml"),
        ("index_2.html", 'createPageHTML(3, 2, "index", "html");', None),
        ("index.html", 'createPageHTML(1, 0, "index", "html");', None),
        ("index.html", "function createPageHTML(count, current, name, ext) {}", None),
    ],
)
def test_a_script_that_counts_the_pages_tells_the_next(page_url, call, expected):
    main, _ = SHAPES["webplus news_list"]
    folder = "https://news.haitang.example/xw/"

    listing = read(f"{main}<script>{call}</script>", url=folder + page_url)

    assert (folder + expected if expected else None) == listing.next_page


@pytest.mark.parametrize(
    "link",
    [
        '<a href="../info/1/9.htm">下一篇</a>',
        '<a href="?page=9">尾页</a>',
        '<a href="?page=9">&gt;|</a>',
        '<a href="https://elsewhere.example/?page=2">下一页</a>',
        '<a href="xxyw.htm#2">下一页</a>',
    ],
)
def test_what_leads_elsewhere_is_no_next_page(link):
    main, _ = SHAPES["webplus news_list"]

    assert read(f"{main}<div class='pages'><b>1</b> {link}</div>").next_page is None


# ---------------------------------------------------------------- made up at random, always the same

WORDS = [
    "学校",
    "召开",
    "关于",
    "举办",
    "春季",
    "教学",
    "工作会议",
    "通知",
    "材料学院",
    "团队",
    "研究",
    "取得",
    "进展",
    "毕业生",
    "图书馆",
    "讲座",
    "第十期",
    "我校",
    "签署",
    "合作",
    "协议",
    "2025年",
    "暑期",
    "社会实践",
    "启动",
    "仪式",
    "“金课”",
    "建设",
    "PhD",
    "项目",
    "公示",
]
MADE_ROWS = {
    "date after": "<li>{link}<span>{date}</span></li>",
    "date before": "<li id='line_u9_{n}'><span>{date}</span>{link}<div class='clear'></div></li>",
    "date as text": "<li>· {link} {date}</li>",
    "date inside": "<li><a href='{href}' title='{title}'><em>{shown}</em><span>{date}</span></a></li>",
    "boxes": "<div class='item'><div class='tit'>{link}</div><div class='time'>{date}</div></div>",
    "table": "<tr><td>·</td><td>{link}</td><td width='90'>{date}</td></tr>",
    "numbered table": "<tr><td>{n}</td><td>{link}</td><td>教务处</td><td>{date}</td></tr>",
    "tables": "<table><tr><td width='3%'>·</td><td>{link}</td><td><div>{date}</div></td></tr></table>",
    "terms": "<dl><dt>{link}</dt><dd>{date}</dd></dl>",
    "articles": "<article><h2>{link}</h2><time>{date}</time><p>近日，学校举行了一次活动，相关人员参加了活动……</p></article>",
    "nested links": "<a class='it' href='{href}'><span>{link}</span><span>{date}</span></a>",
    "one link around all": "<a class='it' href='{href}'><div>{date}</div><h4>{title}</h4><p>近日，学校举行了一次活动……</p></a>",
    "cards": "<div class='col'><div class='box'><a href='{href}'><img src='/{n}.jpg'></a><h5>{link}</h5><i>{date}</i></div></div>",
    "two links": "<div class='it'>{link}<i>{date}</i><p>近日，学校举行了一次活动。<a href='{href}'>[详细]</a></p></div>",
    "category": "<li><a href='tzgg.htm'>[通知公告]</a>{link}<i>{date}</i></li>",
    "index": "<li><b>{n}</b><p>{link}</p><p><span>{date}</span></p></li>",
    "summary": "<li><div>{date}</div><h4>{link}</h4><p>5月6日下午，学校举行了一次活动，相关人员参加了活动……</p></li>",
    "paragraphs": "<p>{link} <span>{date}</span></p>",
    "lines": "· {link} {date}<br>",
    "list in a list": "<ul><li class='t'>{link}</li><li class='d'>{date}</li></ul>",
    "hidden": "<li style='display:none'>{link}<i>{date}</i></li>",
    "a file": "<li>{link}<a href='/files/{n}.pdf'>附件</a><i>{date}</i></li>",
}
DAYS = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y年%m月%d日",
    "[%Y-%m-%d]",
    "(%Y-%m-%d)",
    "（%Y-%m-%d）",
    "发布时间：%Y-%m-%d",
    "%m-%d",
    "[%m-%d]",
    "%m月%d日",
    "%b %d, %Y",
    "<b>%d</b><i>%Y-%m</i>",
    "<i>%Y-%m</i><b>%d</b>",
    "<b>%m.%d</b><i>%Y</i>",
    "%Y-%m-%d 浏览：12",
    "",
]
HREFS = ["../info/1055/{n}.htm", "/{d:%Y/%m%d}/c1a{n}/page.htm", "./{d:%Y%m}/t{d:%Y%m%d}_{n}.html", "/html/{n}.html", "Read.asp?NewsID={n}", "https://mp.weixin.qq.com/s/abc{n}"]  # fmt: skip
PAGERS = [
    ("<div><span>首页</span><span>1</span><a href='xxyw/9.htm'>2</a><a href='xxyw/9.htm'>下页</a><a href='xxyw/1.htm'>尾页</a></div>", "xxyw/9.htm"),
    ("<ul><li>每页 14 记录 总共 136 记录</li><li><a href='javascript:void(0);'>&lt;&lt;上一页</a><a href='list2.htm'>下一页&gt;&gt;</a></li></ul>", "list2.htm"),
    ("<div><b>1</b> <a href='?pageNum=2'>2</a> <a href='?pageNum=3'>3</a> <a href='?pageNum=9'>&gt;|</a></div>", "?pageNum=2"),
    ("<div><a href='javascript:go(2)'>下一页</a></div>", None),
    ("", None),
]  # fmt: skip
BESIDE = [
    "",
    "<div class='hot'><h3>点击排行</h3><ul>{linked}</ul></div>",
    "<div><h3>热门文章</h3><ul class='x'>{dated}</ul></div>",
    "<div><h3>栏目导航</h3><ul><li><a href='a.htm'>学校要闻</a></li><li><a href='b.htm'>通知公告</a></li></ul></div>",
]


def made(form, seed, change=""):
    """A page of random rows of one form; the same with a *change*. Its address, markup, items and next page."""
    chance = random.Random(seed)
    look, href, count = chance.choice(DAYS), chance.choice(HREFS), chance.randint(3, 12)
    box = chance.choice(["ul class='list'", "div class='k4f1'", "div"])
    (pager, following), beside, first = chance.choice(PAGERS), chance.choice(BESIDE), chance.random() < 0.5
    stories = []
    for n in range(count + 5):
        title = f"{n}号" + "".join(chance.choices(WORDS, k=chance.randint(2, 12)))
        at = date(2025, 5, 31) - timedelta(days=3 * n)
        stories.append((href.format(n=1200 + n, d=at), title, title[:12] + "..." if len(title) > 14 else title, at))
    beside = beside.format(
        linked="".join(f"<li><a href='../info/9/{n}.htm'>{stories[n][1]}之热议</a></li>" for n in range(5)),
        dated="".join(
            f"<li><a href='../info/9/{n}.htm'>{stories[n][1]}之热议</a><i>05-2{n}</i></li>" for n in range(5)
        ),
    )
    if change == "a hot list comes":
        beside += f"<div><h4>热点</h4><ul>{''.join(f'<li><a href=../info/8/{n}.htm>{stories[n][1]}之反响</a>2025-05-0{n + 1}</li>' for n in range(5))}</ul></div>"
    stories = {"five new": stories, "five gone": stories[10:] or stories[-1:], "one left": stories[6:7]}.get(
        change, stories[5:]
    )
    main = "".join(
        MADE_ROWS[form].format(
            n=n,
            href=to,
            title=title,
            shown=shown,
            date=at.strftime(look),
            link=f"<a href='{to}' title='{title}'>{shown}</a>",
        )
        for n, (to, title, shown, at) in enumerate(stories)
    )
    if "<tr" in main[:3]:
        main = f"<table class='t'>{main}</table>"
    main = f"<div class='c'><h2>学校要闻</h2><{box}>{main}</{box.split()[0]}>{pager}</div>"
    body = page(beside + main if first else main + beside, side="").encode()
    items = [(urljoin(URL, to), title, at.isoformat() if look else None) for to, title, _, at in stories]
    return body, items, urljoin(URL, following) if following else None


@pytest.mark.parametrize("form", MADE_ROWS)
def test_pages_made_up_are_read_as_they_were_made(form):
    for seed in range(5):
        body, items, following = made(form, seed)

        listing = read(body)

        assert (seed, items) == (seed, [(item.url, item.title, day(item)) for item in listing.items])
        assert (seed, following) == (seed, listing.next_page)
        assert listing == read(body, listing.rule)


@pytest.mark.parametrize("change", ["five new", "five gone", "one left", "a hot list comes"])
@pytest.mark.parametrize("form", MADE_ROWS)
def test_a_rule_once_found_reads_the_page_as_it_changes(form, change):
    for seed in range(5, 7):
        rule = read(made(form, seed)[0]).rule
        body, items, following = made(form, seed, change)

        listing = read(body, rule)

        assert (seed, items) == (seed, [(item.url, item.title, day(item)) for item in listing.items])
        assert (seed, following) == (seed, listing.next_page)


def test_a_list_of_pictures_alone_is_read_by_what_they_are_called():
    rows = "".join(
        f"<div><a href='/info/1/{n}.htm'><img src='{n}.jpg' alt='海棠大学第{n}届运动会在海棠体育场开幕'></a></div>"
        for n in range(6)
    )

    found = read_listing(Response(URL, 200, f"<div>{rows}</div>".encode()), None, timezone=SHANGHAI, now=NOW)

    assert [f"海棠大学第{n}届运动会在海棠体育场开幕" for n in range(6)] == [item.title for item in found.items]
