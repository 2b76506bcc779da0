"""List pages in the shapes that universities give them, each around the same six stories of our own."""

import json
from datetime import UTC, datetime
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
