"""Hugo posts, as nankai.info wrote them and as we do: what they say, and their faults mended."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import ParseError
from aggregator.gather.clean import clean
from aggregator.gather.markdown import read_markdown
from aggregator.gather.post import read_post
from aggregator.gather.post_repair import repaired
from aggregator.identity import slug as slug_of
from tests.posts import FIELDS, LEAD, PICTURE, SHAPES, SLUG, broken, post

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CRAWLED = datetime(2021, 9, 23, 17, 22, 37, 140616, tzinfo=UTC)


def read(text):
    return read_post(text.encode() if isinstance(text, str) else text, timezone=SHANGHAI, now=NOW)


def fault(text):
    with pytest.raises(ParseError) as raised:
        read(text)
    return str(raised.value)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_post_says_what_its_article_is(shape):
    found = read(SHAPES[shape])

    assert (FIELDS, SLUG, "南开大学") == (found.url, found.slug, found.university)
    assert ("南开", "南开大学", "nankai.info") == found.tags
    assert (datetime(2021, 9, 17, 16, tzinfo=UTC), "day", CRAWLED) == (found.published, found.precision, found.seen_at)
    assert found.title == ('"十四五": 我校[新]规划 #1' if shape == "unquoted" else "我校召开会议推进定点帮扶工作")


@pytest.mark.parametrize(
    ("shape", "blocks"),
    [
        ("2019", [f"{LEAD}。", "第二段。", f"![图]({PICTURE})"]),
        ("2020", [f"{LEAD}。", "（记者 付坤 摄影报道）"]),
        ("2021", [f"{LEAD}。", f"![图]({PICTURE})", "第二段。"]),
        ("unquoted", [f"{LEAD}。"]),
    ],
)
def test_the_faults_of_a_post_are_mended(shape, blocks):
    assert blocks == read(SHAPES[shape]).body.split("\n\n")


@pytest.mark.parametrize(
    "pictures",
    [
        (PICTURE,),
        (PICTURE, "http://news.nankai.edu.cn/pic/b(1).png"),
        ("/pic/003/a.jpg",),
        ("https://www.nankai.edu.cn/图/a%20b.JPG?x=1",),
    ],
)
def test_broken_pictures_are_read_back_in_their_order(pictures):
    whole = [url if url.startswith("http") else f"http://news.nankai.edu.cn{url}" for url in pictures]

    found = repaired("前\n\n" + "\n\n".join(map(broken, pictures)) + "\n\n后", FIELDS)

    assert ["前", *(f"![图]({url})" for url in whole), "后"] == found.split("\n\n")


def test_broken_pictures_of_a_page_at_the_top_of_its_site_are_read_back():
    page = "http://news.nankai.edu.cn/1.htm"  # "." and "/" both show as the bare host

    assert f"![图]({PICTURE})" == repaired(broken(PICTURE, page), page)


def test_whole_pictures_stay_as_they_are():
    gallery = "\n\n".join(f"![图](http://news.nankai.edu.cn/a/{n})" for n in "1234567890")
    others = "\n\n".join(f"![图](http://news.nankai.edu.cn/a/{n}.jpg)" for n in range(12))

    assert (gallery, others) == (repaired(gallery, FIELDS), repaired(others, FIELDS))


@pytest.mark.parametrize(
    ("markdown", "mended"),
    [
        ("段落一。\n\n<!--more-->\n\n段落二。", "段落一。\n\n段落二。"),
        ("小标题\n\n<!--more-->\n\n段落二。", "小标题\n\n段落二。"),
        ("会议指出，\n\n<!--more-->\n\n要加强。", "会议指出，要加强。"),
        ("the <!--more-->fixed", "the fixed"),
        ("![图](http://a.cn/<!--more-->b.jpg)", "![图](http://a.cn/b.jpg)"),
        ("    四个空格\n\n　　全角", "四个空格\n\n全角"),
        ("- 甲\n\n    乙", "- 甲\n\n    乙"),
        ("（摄影\n\n王五\n\n李四）", "（摄影 王五 李四）"),
    ],
)
def test_text_is_as_its_author_meant_it(markdown, mended):
    assert mended == repaired(markdown, FIELDS)


@pytest.mark.parametrize(
    ("said", "title", "university"),
    [
        ("西藏大学->校长讲话-西藏大学新闻网 | utibet.com.cn", "校长讲话", "西藏大学"),
        ("西藏大学 -> A | B | 西藏 网", "A | B", "西藏大学"),
        ("没有前缀 | nankai.info", "没有前缀", None),
        ("A | B", "A | B", None),
        ("x->y", "y", "x"),
    ],
)
def test_the_names_around_a_title_are_taken_off(said, title, university):
    found = read(post("文。", title=said))

    assert (title, university) == (found.title, found.university)


@pytest.mark.parametrize(
    ("date", "body", "published", "precision"),
    [
        (
            "2021-09-24 01:22:37.140616",
            "发布时间：2021-09-18 09:44\n\n文。",
            datetime(2021, 9, 18, 1, 44, tzinfo=UTC),
            "minute",
        ),
        ("2021-09-24T09:44:00+08:00", "文。", datetime(2021, 9, 24, 1, 44, tzinfo=UTC), "minute"),
        ("2021-09-24T00:00:00+08:00", "文。", datetime(2021, 9, 23, 16, tzinfo=UTC), "day"),
        ("2020-09-24 01:22:37", "文。", datetime(2020, 9, 23, 17, 22, 37, tzinfo=UTC), "minute"),  # before the address
    ],
)
def test_a_post_is_dated_by_what_is_sure(date, body, published, precision):
    found = read(post(body, date=date))

    assert (published, precision) == (found.published, found.precision)


def test_brackets_that_an_export_encoded_are_decoded_where_the_hash_says_so():
    url = "http://news.nankai.edu.cn/a (1).htm"
    slug = "d2bff5b7e6dd8dcf0d2f8a1e6ea56a0d"
    found = read(post("文。", url="http://news.nankai.edu.cn/a%20%281%29.htm", slug=slug_of(url)))
    other = read(post("文。", url="http://news.nankai.edu.cn/a%20%281%29.htm", slug=slug))

    assert (url, "http://news.nankai.edu.cn/a%20%281%29.htm") == (found.url, other.url)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("正文。\n", "line 1: there is no front matter"),
        ("\n---\ntitle: 甲\n", "line 2: the front matter has no end"),
        ("---\ntitle: 甲\n---\n---\ntitle: 乙\n---\n文。", "line 4: a second front matter"),
        ("---\ntitle: 甲\ndate: 2021-01-01\ntitle: 乙\n---\n文。", "line 4: title stands twice"),
        ("---\ntags: [甲\n---\n文。", "line 3: the front matter is no YAML"),
        ("+++\ntitle = 甲\n+++\n文。", "line 2: the front matter is no TOML"),
        ("---\ntitle: 甲\n---\n文。", "line 1: nothing says which article it is about"),
        ("---\nurlname: x\n---\n[转入文章首发地址](http://a.cn/)\n", "line 1: the front matter names no title"),
        ("", "line 1: there is no front matter"),
        ("---\na: " + "[" * 100_000 + "\n---\n", "line 2: front matter of more than 10,000 characters"),
        ("---\na: " + "[" * 4000 + "]" * 4000 + "\n---\n", "line 2: the front matter is nested deeper than 20 levels"),
        ("---\na: &a [*a]\n---\n", "line 2: the front matter is nested deeper than 20 levels"),
        ("---\na: &a [x]\nb: [" + "*a, " * 30 + "]\n---\n", "line 2: more than 20 anchors and references"),
        ('{"a": ' + "[" * 100_000, "line 1: the front matter is no JSON"),
        ('{"a": ' + "[" * 400 + "]" * 400 + "}", "line 1: the front matter is nested deeper than 20 levels"),
        ("+++\na = " + "[" * 100_000 + "\n+++\n", "line 2: the front matter is no TOML"),
    ],
)
def test_what_is_no_post_is_told_with_its_line(text, complaint):
    assert fault(text).startswith(complaint)


@pytest.mark.parametrize(
    "head",
    [
        '---\ntitle: "甲"\ntags: [乙, "丙"]\n---\n',
        '+++\ntitle = "甲"\ntags = ["乙", "丙"]\ndate = 2021-01-01\n+++\n',
        '{"title": "甲", "tags": ["乙", "丙"]}\n',
        "---\r\ntitle: 甲\r\ntags:\r\n  - 乙\r\n  - 丙\r\n---\r\n",
        "\ufeff---\ntitle: 甲\ntags:\n- 乙\n- 丙\n---\n",
    ],
)
def test_front_matter_is_read_in_every_form_that_hugo_takes(head):
    found = read(head + "\n文。\n\n[转入文章首发地址](http://a.cn/1.htm)\n")

    assert ("甲", ("乙", "丙"), "http://a.cn/1.htm") == (found.title, found.tags, found.url)


def test_a_post_in_gb_18030_is_read():
    assert "我校召开会议推进定点帮扶工作" == read(post("文。" * 50).encode("gb18030")).title


def test_a_draft_is_no_post():
    assert read("---\ntitle: 甲\ndraft: true\n---\n") is None


@pytest.mark.parametrize(
    "markdown",
    [
        '一段。\n\n二段“引号”\'s "x" &amp; 1<2。\n\n![图](http://a.cn/1.jpg)\n\n![](/b.png)\n\n![a  b](c.gif)',
        "文 **重** [名单.docx](/a.docx)\n\n|a|b|\n|-|-|\n|1|2|",
        "![x](javascript:1)\n\n<script>1</script>\n\n好<b>x</b>",
        "![图](http://a.cn/'1'.jpg)\n\n![图](http://a.cn/icon_doc.gif)\n\n \n\n空",
    ],
)
def test_markdown_gives_what_a_page_would(markdown):
    import pyromark

    options = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH

    assert clean(pyromark.html(markdown, options=options), "http://a.cn/x/") == read_markdown(
        markdown, "http://a.cn/x/"
    )
