"""What could be followed at an address: of pages served on loopback, never the network."""

import asyncio
from datetime import UTC, datetime

import pytest

from aggregator.errors import SourceError
from aggregator.follow.catalogue import read_catalogue
from aggregator.follow.explore import explore
from aggregator.gather.fetch import Fetcher
from aggregator.model import SHANGHAI
from aggregator.settings import FetchSettings
from tests.university import NOW

KNOWN = read_catalogue(None)
FEED = "text/xml"


def rows(stem, count=12):
    return "".join(
        f"<li><a href='/info/{stem}/{n}.htm'>海棠大学第{n}次全体会议在{stem}楼召开</a><span>2025-03-{n:02}</span></li>"
        for n in range(count, 0, -1)
    )


def column(stem, title="通知公告-海棠大学教务处"):
    return f"<title>{title}</title><body><ul class='list'>{rows(stem)}</ul></body>"


def feed(*titles, base="http://127.0.0.1"):
    items = "".join(
        f"<item><title>{title}</title><link>{base}/info/1/{n}.htm</link><pubDate>Fri, 21 Mar 2025 01:00:00 GMT</pubDate></item>"
        for n, title in enumerate(titles, 1)
    )
    return f"<rss version='2.0'><channel><title>海棠大学新闻</title>{items}</channel></rss>"


def look(url, known=KNOWN, **settings):
    async def work():
        options = {"allow_private_networks": True, "per_host_delay_seconds": 0} | settings
        async with Fetcher(FetchSettings(**options), "tests") as fetcher:
            return await explore(fetcher, url, known, timezone=SHANGHAI, now=NOW)

    return asyncio.run(work())


def asked(university):
    return [request.path for request in university.requests if request.path != "/robots.txt"]


def test_a_list_is_taken_at_its_word_with_one_request(university):
    url = university.serve("/tzgg.htm", column("1"))

    found = look(url)

    assert ([url], "海棠大学") == ([find.url for find in found.finds], found.university)
    assert ("sure", "通知公告 · 教务处", 12, 12) == (
        found.finds[0].sureness, found.finds[0].title, len(found.finds[0].listing.items), found.finds[0].dated
    )  # fmt: skip
    assert ["/tzgg.htm"] == asked(university)


def test_a_home_page_leads_to_its_columns_the_news_first(university):
    home = f"""<title>海棠大学</title><body><h3>学校要闻</h3><a href="xwzx/xxyw.htm">更多</a><ul>{rows(1, 5)}</ul>
        <h3>通知公告</h3><a href="tzgg.htm">更多</a><a href="gone.htm">招生信息</a></body>"""
    url = university.serve("/", home)
    university.serve("/xwzx/xxyw.htm", column("1", "学校要闻-海棠大学"))
    university.serve("/tzgg.htm", column("2"))

    found = look(url)

    assert ["/xwzx/xxyw.htm", "/tzgg.htm", "/"] == [find.url.removeprefix(university.url) for find in found.finds]
    assert "学校要闻" == found.finds[0].title
    assert 8 == len(asked(university))  # the page, four usual places of feeds, three columns


def test_a_named_feed_goes_before_the_list(university):
    url = university.serve(
        "/", f"<link rel='alternate' type='application/rss+xml' href='/feed.xml'><body><ul>{rows(1)}</ul></body>"
    )
    university.serve("/feed.xml", feed("海棠大学召开会议", "海棠大学举办讲座"), content_type=FEED)

    assert ("feed", "named") == (look(url).finds[0].listing.kind, look(url).finds[0].how)


def test_a_feed_of_the_whole_site_does_not_go_before_the_list_of_a_column(university):
    head = "<link rel='alternate' type='application/rss+xml' href='/feed.xml'>"
    url = university.serve("/tzgg.htm", head + column("9"))
    university.serve("/feed.xml", feed("海棠大学召开会议", base="http://other"), content_type=FEED)

    assert ["list", "feed"] == [find.listing.kind for find in look(url).finds]


def test_a_feed_is_found_where_its_program_has_it(university):
    url = university.serve("/category/news/", f"<link href='/wp-content/a.css'><body><ul>{rows(1)}</ul></body>")
    university.serve("/category/news/feed/", feed("海棠大学召开全体会议", base=university.url), content_type="text/xml")

    found = look(url).finds[0]

    assert ("usual", f"{university.url}/category/news/feed/") == (found.how, found.url)


def test_a_dead_feed_is_passed_over(university):
    head = "<link rel='alternate' type='application/rss+xml' href='/feed.xml'>"
    url = university.serve("/tzgg.htm", head + column("1"))

    assert ["list"] == [find.listing.kind for find in look(url).finds]


def test_a_page_that_sends_on_is_followed_there(university):
    url = university.serve("/", "<script>location.href='main.htm'</script>")
    university.serve("/main.htm", f"<title>海棠大学</title><body><ul>{rows(1)}</ul></body>")

    assert f"{university.url}/main.htm" == look(url).finds[0].url


def test_a_page_with_a_list_that_sends_telephones_on_is_read_itself(university):
    script = "<script>if (/iPhone/.test(navigator.userAgent)) location.href='/m/'</script>"
    url = university.serve("/tzgg.htm", f"<title>海棠大学</title>{script}<ul>{rows(1, 4)}</ul>")

    assert [url] == [find.url for find in look(url).finds]


def test_a_list_in_a_frame_is_followed_there(university):
    url = university.serve(
        "/", "<title>通知公告-海棠大学</title><frameset><frame src='top.htm'><frame src='main.htm'></frameset>"
    )
    university.serve("/top.htm", "<p>教务处</p>")
    university.serve("/main.htm", f"<ul>{rows(1)}</ul>")

    found = look(url)

    assert [(f"{university.url}/main.htm", "通知公告")] == [(find.url, find.title) for find in found.finds]
    assert ("海棠大学", "") == (found.university, found.trouble)


def test_a_home_page_with_a_banner_in_a_frame_leads_to_its_own_columns(university):
    url = university.serve("/", f"<a href='tzgg.htm'>通知公告</a><iframe src='banner.htm'></iframe>{'校园风光。' * 90}")
    university.serve("/banner.htm", "<p>海棠大学欢迎你</p>")
    university.serve("/tzgg.htm", column("2"))

    assert [f"{university.url}/tzgg.htm"] == [find.url for find in look(url).finds]


def test_a_column_that_is_a_home_page_itself_leads_on(university):
    url = university.serve(
        "/",
        f"<title>海棠大学</title><body><a href='/tzgg.htm'>通知公告</a><a href='/news/'>海棠新闻网</a>{'校园风光。' * 90}</body>",
    )
    university.serve("/tzgg.htm", column("2"))
    more = "<h3>要闻</h3><a href='/yw.htm'>更多</a><h3>综合新闻</h3><a href='/zhxw.htm'>更多</a>"
    university.serve("/news/", f"<title>海棠新闻网</title><body>{more}<ul>{rows(1, 5)}</ul></body>")
    university.serve("/yw.htm", column("1", "要闻-海棠新闻网"))

    assert ["/yw.htm", "/tzgg.htm", "/news/"] == [find.url.removeprefix(university.url) for find in look(url).finds]


def test_the_home_page_says_whose_a_department_is(university):
    url = university.serve("/tzgg.htm", "<title>通知公告</title>" + column("1", "通知公告"))
    university.serve("/", "<title>海棠大学</title>")

    assert "海棠大学" == look(url).university


@pytest.mark.parametrize(
    ("body", "content_type", "status", "says"),
    [
        (b"%PDF-1.7 ...", "application/pdf", 200, "is a file (application/pdf)"),
        (b"PK\x03\x04 docx", "application/octet-stream", 200, "give the address of the page that links to it"),
        ("<form>登录<input type=password></form>", "text/html", 200, "is a login page"),
        ("<div id=app></div><script>render()</script>", "text/html", 200, "shows nothing without a script"),
        ("<p>学校简介</p>" + "海棠大学创办于一九一九年。" * 40, "text/html", 200, "give the address of a column"),
        ("no", "text/html", 404, "has moved or is gone"),
        ("<rss version='2.0'><channel><title>x</title></channel></rss>", FEED, 200, "is a feed without any entry"),
        ("<div>" * 200_000, "text/html", 200, "/xw/x.htm: 200,000 tags: too many"),
        ("", "text/html", 200, "shows nothing without a script"),
    ],
)
def test_what_cannot_be_followed_is_told_with_what_to_do(university, body, content_type, status, says):
    url = university.serve("/xw/x.htm", body, content_type=content_type, status=status)

    with pytest.raises(SourceError, match=says.replace("(", r"\(").replace(")", r"\)")):
        look(url)


def test_a_redirect_to_another_site_names_it(university):
    other = university.url.replace("127.0.0.1", "localhost") + "/tzgg.htm"
    university.serve("/tzgg.htm", column("1"))
    url = university.serve("/old.htm", "", status=301, headers={"location": other})

    with pytest.raises(SourceError, match=f"leads to {other}, which is another site; add that address"):
        look(url)


def test_a_redirect_on_the_site_itself_is_followed(university):
    target = university.serve("/tzgg.htm", column("1"))
    url = university.serve("/old.htm", "", status=301, headers={"location": "/tzgg.htm"})

    assert target == look(url).finds[0].url


def test_an_endless_redirect_and_a_private_network_are_refused(university):
    loop = university.serve("/a", "", status=302, headers={"location": "/a"})

    with pytest.raises(SourceError, match="redirects more than"):
        look(loop)
    with pytest.raises(SourceError, match=r"private|loopback"):
        look(university.serve("/b", column("1")), allow_private_networks=False)


def test_a_feed_outside_cn_is_read_in_utc(university):
    url = university.serve("/feed.xml", feed("海棠大学召开会议").replace(" GMT", ""), content_type="text/xml")

    assert datetime(2025, 3, 21, 1, tzinfo=UTC) == look(url).finds[0].newest
