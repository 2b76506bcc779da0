"""A home page -> the columns it leads to, and the addresses where its feeds may be."""

import pytest

from aggregator.gather.columns import columns, frames, is_front, sent_on
from aggregator.gather.feed_places import named_feeds, usual_feeds

URL = "https://www.haitang.edu.cn/"
HOME = """<title>海棠大学</title>
<ul class="nav"><li><a href="index.htm">首页</a><li><a href="xxgk.htm">学校概况</a><li><a href="xwzx.htm">新闻中心</a>
<li><a href="zsw/index.htm">招生信息网</a><li><a href="https://www.moe.gov.cn/">通知公告</a></ul>
<div><h3>通知公告</h3><a href="tzgg.htm">更多&gt;&gt;</a><ul><li><a href="info/1/2.htm">关于国庆放假的通知公告</a></ul></div>
<div><h3><span>海大要闻</span><a href="xwzx/hdyw.htm" title="更多"><img src="m.png"></a></h3>
<ul><li><a href="info/1/3.htm">海棠大学召开新学期工作会议</a></ul></div>
<a href="xsjz.htm">学术讲座</a><a href="a.pdf">通知公告</a><a href="javascript:void(0)">校园新闻</a>"""


def test_the_columns_of_news_and_notices_come_first():
    found = columns(HOME, URL, 6)

    assert [f"{URL}xwzx/hdyw.htm", f"{URL}tzgg.htm", f"{URL}xwzx.htm", f"{URL}xsjz.htm"] == found


def test_pages_in_frames_are_those_of_the_site():
    html = "<frameset><frame src='top.htm'><frame src='main.htm'><frame src='top.htm'></frameset>"

    assert [f"{URL}top.htm", f"{URL}main.htm"] == frames(html, URL)
    assert [] == frames("<iframe src='https://player.example.com/1'></iframe><iframe></iframe>", URL)


@pytest.mark.parametrize(
    ("path", "html", "expected"),
    [
        ("", "", True),
        ("index.htm", "", True),
        ("tzgg.htm", "", False),
        ("jwc/", "<p>通知<a href=tz.htm>更多</a></p><p>新闻<a href=xw.htm>more</a></p>", True),
        ("jwc/", "<p>通知<a href=tz.htm>更多</a></p>", False),
        ("index.asp?class=7", "", False),
    ],
)
def test_a_home_page_is_known_by_its_address_or_by_its_many_lists(path, html, expected):
    assert expected is is_front(html or "<p>一</p>", URL + path)


@pytest.mark.parametrize(
    ("html", "target"),
    [
        ('<meta http-equiv="refresh" content="0; url=main.htm">', f"{URL}main.htm"),
        ("<script>window.location.href = '/xw/index.htm';</script>", f"{URL}xw/index.htm"),
        ("<script>location.replace('main.htm')</script>", f"{URL}main.htm"),
        (f"<script>location.href='/m'</script><p>{'正文' * 200}</p>", None),
        ("<script>location.href='/'</script>", None),
        ("<form><input type=password></form><script>location.href='/x'</script>", None),
    ],
)
def test_a_page_that_only_sends_on_says_where(html, target):
    assert target == sent_on(html, URL)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="/rss.xml">订阅</a>', [f"{URL}rss.xml"]),
        ('<a href="rss/news.xml">RSS</a><a href="/about/rss.htm">什么是RSS</a>', [f"{URL}rss/news.xml"]),
        ('<a href="/?feed=rss2">x</a><a href="/comments/feed/">y</a>', [f"{URL}?feed=rss2"]),
        ('<a href="https://other.org/feed/">x</a><a href="/index.htm">x</a><a href="/index.php">x</a>', []),
        (
            """<link rel="alternate" type="application/rss+xml" title="海棠 » 评论" href="/c/feed/">
            <link rel="alternate" type="application/rss+xml" title="海棠" href="/feed/">""",
            [f"{URL}feed/"],
        ),
    ],
)
def test_feeds_are_named_in_the_head_or_linked(html, expected):
    assert expected == named_feeds(html, URL)


@pytest.mark.parametrize(
    ("html", "path", "expected"),
    [
        ('<link href="/wp-content/a.css">', "category/news/", ["category/news/feed/"]),
        ('<link href="/wp-content/a.css">', "", ["feed/"]),
        ('<link href="/templets/a.css">', "plus/list.php?tid=3", ["data/rss/3.xml"]),
        ('<link href="/templets/a.css">', "", []),
        ('<meta name="generator" content="PbootCMS">', "news/", ["rss.xml"]),
        ("", "", ["feed", "rss.xml", "atom.xml", "feed.json"]),
        ("", "tzgg.htm", []),
    ],
)
def test_feeds_are_looked_for_where_the_program_serves_them(html, path, expected):
    found = usual_feeds(html, URL + path, is_front=not path, is_feedless=False)

    assert [URL + one for one in expected] == found


def test_no_feed_is_guessed_of_programs_that_serve_none():
    assert [] == usual_feeds("", URL, is_front=True, is_feedless=True)
