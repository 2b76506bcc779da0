import pytest

from aggregator.gather.fingerprint import fingerprint
from aggregator.model import Response

PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>新闻</title>{head}</head><body>
<p>{top}</p><ul><li><a href="/info/1.htm{session}" title="{title}">{title}</a><span>{date}</span></li></ul>{end}</body>"""
USUAL = {"head": "", "top": "", "session": "", "title": "学校召开会议", "date": "2025-03-21", "end": ""}
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>新闻</title>{head}
<item><title>{title}</title><link>/1</link><pubDate>{date}</pubDate></item></channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>新闻</title>{head}
<entry><title>{title}</title><updated>{date}</updated></entry></feed>"""


def of(text, encoding="utf-8"):
    return fingerprint(Response("http://a.edu.cn/", 200, text.encode(encoding)))


def page(encoding="utf-8", **parts):
    return of(PAGE.format(**USUAL | parts), encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize(
    ("part", "first", "second"),
    [
        ("end", "<!-- made in 12 ms -->", "<!-- made in 15 ms -->"),
        ("end", "<script>var t=1</script>", "<SCRIPT >var t=2</SCRIPT >"),
        ("head", "<style>a{}</style>", "<style>b{}</style>"),
        ("head", '<meta name="csrf-token" content="a">', '<meta name="csrf-token" content="b">'),
        ("head", '<link rel="stylesheet" href="a.css?v=1">', '<link rel="stylesheet" href="a.css?v=2">'),
        ("end", '<input type="hidden" name="__VIEWSTATE" value="a">', "<input type=hidden value='b' name=__VIEWSTATE>"),
        ("end", "点击：12", "点击：13"),
        ("end", "浏览次数:<span id='n'>12</span>", "浏览次数:<span id='n'>13</span>"),
        ("end", "您是第12位访客", "您是第13位访客"),
        ("top", "今天是2025年3月21日 星期五", "今天是2025年3月22日&nbsp;星期六"),
        ("top", "当前时间：2025-03-21 10:30:01", "当前时间：2025-03-21 10:30:02"),
        ("session", ";jsessionid=AB12.node1", ";jsessionid=CD34.node2"),
        ("session", "?PHPSESSID=ab12", "?PHPSESSID=cd34"),
    ],
)
def test_what_changes_with_every_visit_is_no_news(encoding, part, first, second):
    assert page(encoding, **{part: first}) == page(encoding, **{part: second})


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("title", "学校召开会议（2）"),
        ("title", "今天是世界读书日"),
        ("title", "阅读100本书"),
        ("date", "2025-03-22"),
        ("session", "?id=2"),
        ("top", "通知"),
        ("end", '<script type="application/json">{"news": 2}</script>'),
    ],
)
def test_a_changed_title_link_or_date_is_news(encoding, part, changed):
    assert page(encoding) != page(encoding, **{part: changed})


def test_numbers_in_titles_are_news():
    assert page(title="阅读100本书") != page(title="阅读200本书")
    assert page(title="今天是2025年第3次会议") != page(title="今天是2025年第4次会议")


@pytest.mark.parametrize("feed", [RSS, ATOM])
def test_when_a_feed_was_made_is_no_news(feed):
    heads = [
        f"<lastBuildDate>{day}</lastBuildDate><pubDate>{day}</pubDate><updated>{day}</updated><generator v='{day}'>x</generator>"
        for day in ("2025-03-21", "2025-03-22")
    ]

    assert 1 == len({of(feed.format(head=head, title="新闻", date="2025-03-20")) for head in heads})


@pytest.mark.parametrize("feed", [RSS, ATOM])
def test_a_changed_entry_of_a_feed_is_news(feed):
    first = of(feed.format(head="", title="新闻", date="2025-03-20"))

    assert first != of(feed.format(head="", title="新闻一", date="2025-03-20"))
    assert first != of(feed.format(head="", title="新闻", date="2025-03-21"))


def test_bytes_that_are_no_text_are_told_apart():
    assert 2 == len({fingerprint(Response("http://a.edu.cn/", 200, body)) for body in (b"<p>\xff\xfe", b"<p>\xff\xfd")})


def test_what_never_ends_stays():
    assert of("<p>a<!-- one") != of("<p>a<!-- two")
    assert of("<p>a<script>one") != of("<p>a<script>two")


@pytest.mark.parametrize(
    "before",
    ["<script>write('<!--')</script>", "<style>a{}/*<!--*/</style>", "<!-- <script src='a.js'> -->", "<!-->", "<!--->"],
)
def test_what_a_script_or_a_comment_names_hides_no_news(before):
    after = "<!-- end --><script>var t=1</script>"
    assert page(top=before, end=after) != page(top=before, end=after, title="学校召开第二次会议")


def test_many_scripts_that_never_end_are_looked_through_once():
    page(end="<script><!--" * 200_000)
