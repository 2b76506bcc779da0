"""One story page in, an Article out. tests/sites/articles holds a page and what must come of it side by side."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import ParseError
from aggregator.gather.article import joined, read_article
from aggregator.gather.links import absolute
from aggregator.model import ArticleRule, Response
from aggregator.rules import load

CASES = sorted((Path(__file__).parent / "sites/articles").iterdir())
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
FAMILIES = list(load(None).families.values())
URL = "https://www.example.edu.cn/news/1.htm"


def read(body, *, url=URL, rule=None, families=FAMILIES, family=None, content_type="text/html"):
    data = body if isinstance(body, bytes) else body.encode()
    response = Response(url, 200, data, {"content-type": content_type})
    return read_article(response, rule, families, timezone=SHANGHAI, now=NOW, family=family)


def facts(article):
    """The article as expected.json writes it."""
    return {
        "title": article.title,
        "published": article.published and article.published.astimezone(SHANGHAI).isoformat(),
        "precision": article.precision,
        "author": article.author,
        "origin": article.origin,
        "editor": article.editor,
        "section": list(article.section),
        "text": article.text.splitlines(),
        "images": list(article.images),
        "attachments": [[file.url, file.title] for file in article.attachments],
    }


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_page_is_read_as_expected(case):
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    page = (case / "page.html").read_text("utf-8").encode(expected.pop("encoding", "utf-8"))

    article = read(page, url=expected.pop("url"))

    assert [] == [part for part in expected.pop("html_has", []) if part not in article.html]
    actual = facts(article)
    assert expected == {name: actual[name] for name in expected}


PAGE = """<html><head><title>{title}</title>{head}</head><body><div><a href="/">首页</a></div>
<div id="m"><h1>{title}</h1><p class="line">{line}</p><div class="x">{body}</div>{after}</div></body></html>"""


def page(
    *, title="关于放假的通知", head="", line="发布时间：2024-05-06", body="<p>明日起放假，祝大家愉快。</p>", after=""
):
    return PAGE.format(title=title, head=head, line=line, body=body, after=after)


def test_a_sites_own_rule_is_believed_before_its_family():
    rule = ArticleRule(title=(".own-title",), body=(".own",), date=(".own-date",), author=(".own-author/@title",))
    body = """<div class="v_news_content">族</div><b class="own-title">自己的题目</b><i class="own-date">2023年1月2日</i>
        <i class="own-author" title="林小青"></i><div class="own">自己的正文</div>"""

    article = read(page(body=body), rule=rule)

    assert ("自己的题目", "自己的正文", "林小青") == (article.title, article.text, article.author)
    assert datetime(2023, 1, 1, 16, tzinfo=UTC) == article.published


def test_a_rule_may_be_an_xpath():
    rule = ArticleRule(body=("//div[h5[contains(., '正文')]]/p",), title=("//h1/text()",))

    article = read(page(body="<div><h5>正文</h5><p>第一段。</p></div>"), rule=rule)

    assert ("关于放假的通知", "第一段。") == (article.title, article.text)


def test_a_rule_that_no_longer_fits_falls_back_to_general_reading():
    article = read(page(), rule=ArticleRule(body=(".gone",)))

    assert "明日起放假，祝大家愉快。" == article.text


def test_what_a_rule_removes_is_gone():
    article = read(
        page(body="<p>正文在这里，没有别的。</p><p class='ad'>扫码关注</p>"), rule=ArticleRule(remove=(".ad",))
    )

    assert "正文在这里，没有别的。" == article.text


def test_without_any_family_a_page_is_read_generally():
    article = read(page(), families=[])

    assert ("关于放假的通知", "明日起放假，祝大家愉快。") == (article.title, article.text)


def test_a_vague_name_around_the_whole_page_is_not_believed():
    nav = "".join(f'<p><a href="/{n}.htm">第{n}届运动会开幕式在东操场举行</a></p>' for n in range(9))
    html = page(after="").replace('<div id="m">', f'<div id="zoom">{nav}<div id="m">') + "</div>"

    assert "明日起放假，祝大家愉快。" == read(html).text


@pytest.mark.parametrize(
    ("line", "published", "precision"),
    [
        ("发布时间：2024-05-06", "2024-05-06T00:00", "day"),
        ("时 间：2024-05-06 14:30:12 点击：[]", "2024-05-06T14:30", "minute"),
        ("<span> 发稿时间 </span><span> : </span><span> 2025/05/08 13:58 </span>", "2025-05-08T13:58", "minute"),
        ("来源: | 发布时间: 2018-05-17 | 浏览次数:", "2018-05-17T00:00", "day"),
        ("2004-12-10&nbsp;&nbsp;阅读10544次", "2004-12-10T00:00", "day"),
        ("[2021.06.11]", "2021-06-11T00:00", "day"),
        ("更新时间：2024-05-09 发布时间：2024-05-06", "2024-05-06T00:00", "day"),
        ("今天是2024年12月1日 发布日期：2024年5月6日", "2024-05-06T00:00", "day"),
    ],
)
def test_the_line_by_the_title_says_when(line, published, precision):
    article = read(page(line=line))

    assert (published, precision) == (article.published.astimezone(SHANGHAI).isoformat()[:16], article.precision)


def test_a_comments_date_and_an_events_date_are_not_the_articles():
    body = "<p>讲座时间：2024年6月1日14:00</p><p>地点：报告厅，欢迎大家参加。</p>"

    article = read(page(line="<!-- 2023-10-13 -->点击：3", body=body), url="https://www.example.edu.cn/n/1.htm")

    assert article.published is None


def test_a_meta_of_the_same_day_gives_the_minute():
    article = read(page(head='<meta name="PubDate" content="2024-05-06 10:11">'))

    assert datetime(2024, 5, 6, 2, 11, tzinfo=UTC) == article.published
    assert "minute" == article.precision


def test_the_address_gives_the_date_where_the_page_does_not():
    article = read(page(line=""), url="https://www.example.edu.cn/2024/0320/c1a2/page.htm")

    assert datetime(2024, 3, 19, 16, tzinfo=UTC) == article.published


@pytest.mark.parametrize(
    ("document", "title"),
    [
        ("关于2024-2025学年校历的通知-教务处-示例大学", "关于2024-2025学年校历的通知"),
        ("示例大学新闻网-关于2024-2025学年校历的通知", "关于2024-2025学年校历的通知"),
        ("关于2024-2025学年校历...", "关于2024-2025学年校历的通知"),
        ("示例大学", "关于2024-2025学年校历的通知"),
    ],
)
def test_the_title_has_no_site_and_no_column(document, title):
    html = page(title="关于2024-2025学年校历的通知").replace("<title>关于2024-2025学年校历的通知", f"<title>{document}")

    assert title == read(html).title


def test_a_title_that_stands_only_in_the_head_loses_the_sites_name():
    html = page(title="校历-教务处").replace("<h1>校历-教务处</h1>", '<a href="/jwc">教务处</a>')

    assert "校历" == read(html).title


@pytest.mark.parametrize(
    ("line", "body", "author"),
    [
        ("作者：林小青 来源：校报", "<p>正文，正文。</p>", "林小青"),
        ("<em>作者：</em> 浏览次数：", "<p>正文，正文。</p>", None),
        ("2024-05-06", "<p>示例新闻网讯（记者 林小青 通讯员 周文）昨日，开学。</p>", "林小青 周文"),
        ("2024-05-06", "<p>昨日，开学。</p><p>（文/林小青 图/周文）</p>", "林小青"),
    ],
)
def test_who_wrote_it(line, body, author):
    assert author == read(page(line=line, body=body)).author


def test_neighbours_shares_and_counters_are_not_of_the_article():
    body = """<div class="v_news_content"><p>正文，正文。</p><div class="bdsharebuttonbox">分享到</div>
        <p>浏览次数：<span>12</span></p><p>上一篇：<a href="1.htm">别的通知</a></p><p>下一篇：没有了</p><p>【关闭窗口】</p></div>"""

    assert "正文，正文。" == read(page(body=body)).text


def test_words_that_look_like_neighbours_stay_in_the_text():
    body = "<div class='v_news_content'><p>上篇：理论</p><p>字号：小四</p><p>阅读：共二十题</p><p>下一步工作，继续努力。</p></div>"

    assert ["上篇：理论", "字号：小四", "阅读：共二十题", "下一步工作，继续努力。"] == read(
        page(body=body)
    ).text.splitlines()


def test_addresses_follow_the_base_of_the_page():
    html = page(head='<base href="http://img.example.edu.cn/a/">', body='<p>正文，见图。</p><img src="1.jpg">')

    assert ("http://img.example.edu.cn/a/1.jpg",) == read(html).images


def test_what_stands_in_something_removed_goes_with_it():
    body = """<div class="v_news_content"><p>正文，正文。</p><div class="bdsharebuttonbox"><div class="social-share">分享到
        <span class="ad">关闭</span></div></div><p>上一篇：<a href="1.htm">甲</a> 下一篇：<a href="2.htm">乙</a> 【关闭】</p>
        <div style="display:none"><span style="display:none">隐</span></div></div>"""

    assert "正文，正文。" == read(page(body=body), rule=ArticleRule(remove=(".ad", "span", "div div"))).text


@pytest.mark.parametrize(
    ("url", "pager", "next_page"),
    [
        ("/info/1/1234.htm", '<a href="1234_2.htm">2</a> <a href="1234_3.htm">3</a>', "/info/1/1234_2.htm"),
        ("/info/1/1234.htm", '第1页/共3页 <a href="1234_2.htm">下页</a>', "/info/1/1234_2.htm"),
        ("/a/t20240506_8227704.html", '<a href="t20240506_8227704_1.html">下一页</a>', "/a/t20240506_8227704_1.html"),
        ("/2024/0506/c1a2/page.htm", '<a href="page2.htm">[2]</a>', "/2024/0506/c1a2/page2.htm"),
        ("/view.asp?id=7", '〖<a href="?id=7&amp;page=2">下一页</a>〗', "/view.asp?id=7&page=2"),
        ("/show-7-345-1.html", '1 <a href="show-7-345-2.html">2</a>', "/show-7-345-2.html"),
        ("/n/8_2.htm", '<a href="8.htm">上一页</a> <a href="8.htm">1</a> 2 <a href="8_3.htm">3</a>', "/n/8_3.htm"),
        ("/n/8_2.htm", '<a href="8.htm">上一页</a> <a href="8.htm">1</a> 2 下一页', None),
    ],
)
def test_an_article_on_several_pages_says_where_it_goes_on(url, pager, next_page):
    site = "https://www.example.edu.cn"

    article = read(page(body=f"<p>明日起放假，祝大家愉快。</p><p>{pager}</p>"), url=site + url)

    assert next_page == (article.next_page and article.next_page.removeprefix(site))
    assert "明日起放假，祝大家愉快。" == article.text


def test_a_pager_that_a_script_would_write_is_read():
    call = '<script>createPageHTML(3, {}, "t20240506_8227704", "html");</script>'
    site = "https://www.example.edu.cn/a/t20240506_8227704"

    assert f"{site}_1.html" == read(page(after=call.format(0)), url=f"{site}.html").next_page
    assert read(page(after=call.format(2)), url=f"{site}_2.html").next_page is None


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("/info/1/1234.htm", '下一篇：<a href="1235.htm">别的通知</a>'),
        ("/info/1/1234.htm", '<a href="1235.htm">下一页</a>'),
        ("/a/art_9_56.html", '<a href="art_9_57.html">下一页</a>'),
        ("/view.asp?id=7", '<a href="?id=8">下一页</a>'),
        ("/info/1/1234.htm", '<a href="../../tzgg/2.htm">2</a>'),
    ],
)
def test_another_article_is_no_next_page(url, link):
    html = page(after=f"<p>{link}</p>")

    assert read(html, url=f"https://www.example.edu.cn{url}").next_page is None


def test_pages_are_joined_in_their_order_each_once():
    first = read(page(body='<p>第一页，第一段。</p><img src="1.jpg"><p><a href="1_2.htm">下一页</a></p>'))
    second = read(page(line="", body='<p>第二页，第二段。（编辑：周文）</p><img src="1.jpg"><img src="2.jpg">'))

    article = joined(first, [second, second])

    assert ["第一页，第一段。", "第二页，第二段。（编辑：周文）"] == article.text.splitlines()
    assert ("关于放假的通知", first.published, None) == (article.title, article.published, article.next_page)
    assert (f"{URL[:-5]}1.jpg", f"{URL[:-5]}2.jpg") == article.images
    assert first.html + second.html == article.html


def test_one_page_joined_is_itself():
    assert read(page()) == joined(read(page()), [])


@pytest.mark.parametrize(
    ("title", "above"),
    [
        ("停电通知-示例大学教务处", "<h1>示例大学教务处</h1><h3>停电通知</h3>"),
        ("示例大学教务处 | 停电通知", "<h1>示例大学教务处</h1><h3>停电通知</h3>"),
        ("示例大学 >> 学术讲座 >> 停电通知", "<h1>示例大学</h1><h2>学术讲座</h2><p>停电通知</p>"),
        ("示例大学教务处", "<h1>示例大学教务处</h1><h2>通知公告</h2><b>停电通知</b>"),
        ("通知公告-示例大学", "<h2>通知公告</h2><div>停电通知</div>"),
    ],
)
def test_the_name_of_a_site_or_column_is_no_title(title, above):
    html = f"""<title>{title}</title><div><a href="/">首页</a></div>{above}<p>时间：2024-05-06 12次浏览</p>
        <div><p>因线路检修，本周六停电。</p></div>"""

    article = read(html)

    assert ("停电通知", "因线路检修，本周六停电。") == (article.title, article.text)


def test_a_body_that_repeats_the_title_keeps_it():
    assert ["关于放假的通知", "明日起放假。"] == read(
        page(body="<p><b>关于放假的通知</b></p><p>明日起放假。</p>")
    ).text.splitlines()


def test_words_of_an_imprint_in_a_sentence_end_no_article():
    body = "<p>学校为企业提供技术支持，推动成果转化。</p><p>该书版权所有者是学校。</p><p>主办单位：数学学院</p>"

    assert 3 == len(read(page(body=body)).text.splitlines())


@pytest.mark.parametrize(
    ("head", "origin", "published"),
    [
        ('<meta name="ContentSource" content="党委宣传部">', "党委宣传部", None),
        ('<meta name="date" content="2024-05-06">', None, "2024-05-06"),
    ],
)
def test_metas_say_what_the_page_does_not(head, origin, published):
    article = read(page(line="", head=head))

    day = article.published and article.published.astimezone(SHANGHAI).date().isoformat()
    assert (origin, published) == (article.origin, day)


def test_the_only_time_element_says_when():
    html = page(line='<time datetime="2024-05-06T10:20:00+08:00">5月6日</time>')

    assert datetime(2024, 5, 6, 2, 20, tzinfo=UTC) == read(html).published


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        (
            "<html><head><title>提示信息</title></head><body><p>该栏目已关闭，三秒后返回首页。</p></body></html>",
            "提示信息",
        ),
        (
            "<html><head><title>系统提示</title></head><body>您所访问的页面仅限校园网，请登录。</body></html>",
            "系统提示",
        ),
        ("<html><body><p>对不起，您访问的页面不存在！</p></body></html>", "对不起"),
        ("<html><body><p>抱歉，该文章不存在或已被删除。</p></body></html>", "抱歉"),
        ("<html><head><title>404 Not Found</title></head><body>页面不存在，请检查地址。</body></html>", "404"),
        ('<html><body><form>用户名<input><input type="password">登录，找回密码。</form></body></html>', "password"),
        ('<html><body><div id="app"></div><script src="/app.js"></script></body></html>', "no text"),
        ('<html><body><h1>通知</h1><div class="wp_articlecontent"><p>&nbsp;</p></div></body></html>', "is empty"),
        ("", "no text"),
        ("<frameset><frame src=a></frameset>", "no text"),
    ],
)
def test_a_page_without_an_article_says_what_it_is(html, reason):
    with pytest.raises(ParseError, match=reason):
        read(html)


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"%PDF-1.7 \x00", "text/html"), (b"\x89PNG", "image/png"), (b"PK", "application/zip")]
)
def test_a_file_is_no_page(body, content_type):
    with pytest.raises(ParseError, match="is a file"):
        read(body, content_type=content_type)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ParseError):
        read(bytes(range(256)) * 200)


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 100_000,
        "<p " + " ".join(f"a{n}" for n in range(50_000)) + ">正文，正文。",
        "".join(f"<p><b a{n}>文" for n in range(10_000)),
        "<span>字</span>" * 20_000,
        "<div class=v_news_content>" * 1_000 + "正文，正文。",
        "<table><tr><td>" * 1_000 + "正文，正文。",
        "发布时间：2024-05-06<br>" * 5_000,
        "来源：" * 20_000,
        "<!--" * 20_000,
        "\0" * 20_000,
        "<title>" + "题" * 50_000,
    ],
)
def test_hostile_pages_end_in_an_article_or_a_parse_error(body):
    try:
        article = read(f"<title>通知</title><h1>通知</h1>{body}")
    except ParseError:
        return
    assert article.html


@pytest.mark.parametrize("case", CASES[:6], ids=[case.name for case in CASES[:6]])
def test_a_page_cut_anywhere_is_no_crash(case):
    page = (case / "page.html").read_bytes()

    for end in range(0, len(page), 97):
        with suppress(ParseError):
            read(page[:end])


@pytest.mark.parametrize("label", ["edıtor", "ſource"])
def test_a_letter_that_looks_like_one_of_a_label_is_no_label(label):
    article = read(page(line=f"{label}：x　作者：林小青　发布时间：2024-05-06"))
    assert ("林小青", None, None) == (article.author, article.origin, article.editor)


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("a/b.htm?id=1", "http://news.haitang.edu.cn/xw/a/b.htm?id=1"),
        ("/a/", "http://news.haitang.edu.cn/a/"),
        ("../a.htm", "http://news.haitang.edu.cn/a.htm"),
        ("https://zs.haitang.edu.cn/a/../b", "https://zs.haitang.edu.cn/a/../b"),
        ("a\n.htm", "http://news.haitang.edu.cn/xw/a.htm"),
    ],
)
def test_plain_addresses_mean_what_a_parser_says(href, url):
    assert url == absolute(href, "http://news.haitang.edu.cn//xw/../xw/list.htm?page=2#top")
