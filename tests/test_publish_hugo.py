"""Hugo posts as nankai.info wrote them, without the faults they had."""

import hashlib
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import yaml

from aggregator.model import Attachment
from aggregator.publish.hugo import render_post
from tests.published import ENTRY, SLUG, entry

SHANGHAI = ZoneInfo("Asia/Shanghai")
LAST = f"[转入文章首发地址]({ENTRY.url})"


def post(html="", attachments=(), **changes):
    return render_post(entry(html=html, attachments=attachments, **changes), "nankai.info", SHANGHAI)


def front(**changes):
    return yaml.safe_load(post(**changes).split("---\n")[1])


def body(html, **changes):
    """The blocks of the post without MORE and the last line."""
    blocks = post(html, **changes).split("---\n\n", 1)[1].rstrip("\n").split("\n\n")
    assert blocks[-1] == LAST
    assert blocks.count("<!--more-->") == 1
    return [block for block in blocks[:-1] if block != "<!--more-->"]


def test_a_post_is_the_ancestors():
    lead = "9月18日，我校召开会议。" * 10

    text = post(
        f"<p>　　南开新闻网讯（记者 李明<br>摄影报道）{lead}</p><p>&nbsp;&nbsp;&nbsp;&nbsp;第二段<b>重点</b>。</p>"
        '<p><img src="http://news.nankai.edu.cn/pic/1.jpg" alt="会议"></p>',
        published=datetime(2021, 9, 18, 1, 44, tzinfo=UTC),
        attachments=(Attachment("http://news.nankai.edu.cn/名单 (1).docx", "名单[1].docx"),),
    )

    assert (
        text
        == f"""---
title: 南开大学->我校召开会议推进定点帮扶工作 | nankai.info
date: 2021-09-18T09:44:00+08:00
urlname: 7da87e74a3b958d3c0b7ddf222ef76d1
slug: 7da87e74a3b958d3c0b7ddf222ef76d1
tags:
- 南开大学
- 要闻
categories:
- nankai.info
- 南开大学
authorbox: false
sidebar: false
---

南开新闻网讯（记者 李明 摄影报道）{lead}

<!--more-->

第二段**重点**。

![图](http://news.nankai.edu.cn/pic/1.jpg)

[名单\\[1\\].docx](http://news.nankai.edu.cn/名单%20%281%29.docx)

[转入文章首发地址](http://news.nankai.edu.cn/ywsd/system/2021/09/18/030047991.shtml)
"""
    )


def test_the_slug_is_the_md5_of_the_address():
    assert hashlib.md5(ENTRY.url.encode(), usedforsecurity=False).hexdigest() == SLUG


@pytest.mark.parametrize(
    "title",
    [
        "会议：要点 # 一",
        'Note: it\'s "quoted"',
        "- 列表",
        "{{ x }} % @ ` |",
        "😀 𠮷 emoji",
        "a\\b\ttab",
        "第\x0b一\u2028行\n第二行" + "长" * 500,
        "--- ",
        "\ud800断",
    ],
)
def test_any_title_is_valid_yaml(title):
    written = "".join(character for character in title if character not in "\x0b\ud800")

    assert front(title=title)["title"] == f"南开大学->{' '.join(written.split())} | nankai.info"


@pytest.mark.parametrize("tag", ["2021", "1e5", "12e34", "no", "null", "0x1f", "2021-09-18", "1:30", "~"])
def test_a_tag_that_looks_like_something_else_stays_text(tag):
    assert front(tags=(tag,))["tags"] == [tag]
    assert f"- '{tag}'\n" in post(tags=(tag,))


def test_a_slug_that_reads_as_a_number_is_quoted():
    """Hugo speaks YAML 1.2, where it would be one."""
    slug = "12345678901234567890123456789e12"

    assert f"slug: '{slug}'\n" in post(slug=slug)


def test_without_publication_the_date_is_when_we_saw_it():
    assert "date: 2001-02-02T11:00:00+08:00\n" in post(published=None)


def test_more_stands_between_two_paragraphs_once_there_is_enough_text():
    text = post(f"<p>{'甲' * 60}</p><p>{'乙' * 59}</p><p>{'丙' * 60}</p><p>{'丁' * 60}</p>")

    assert f"{'丙' * 60}\n\n<!--more-->\n\n{'丁' * 60}\n\n" in text


def test_more_stands_between_the_last_two_of_a_short_text():
    assert "甲\n\n<!--more-->\n\n乙\n\n[转入" in post("<p>甲</p><p>乙</p>")


def test_more_follows_the_only_paragraph():
    assert f"甲\n\n<!--more-->\n\n{LAST}\n" in post("<p>甲</p>")


def test_pictures_are_no_text_to_lead_with():
    picture = f'<p><img src="http://a.cn/{"x" * 200}.jpg"></p>'

    assert f"{'甲' * 130}\n\n<!--more-->\n\n乙" in post(f"{picture}<p>{'甲' * 130}</p><p>乙</p>")


def test_more_does_not_part_a_list_or_code():
    items = "".join(f"<li><p>{'甲' * 100}</p><p>{'乙' * 100}</p></li>" for _ in range(3))

    text = post(f"<ul>{items}</ul><p>丙</p><pre>{'丁' * 200}\n\n戊</pre><p>己</p>")

    assert "\n\n<!--more-->\n\n丙\n\n" in text
    assert f"```\n{'丁' * 200}\n\n戊\n```" in text


def test_full_width_indents_part_paragraphs_and_are_dropped():
    assert body("<p>　　甲</p><p><span>　　乙</span></p>丙<br>　　丁<br><br>戊<p>&nbsp; &nbsp; 己</p>") == list(
        "甲乙丙丁戊己"
    )


def test_a_byline_is_not_broken_over_paragraphs():
    assert body("<p>新闻网讯（记者 李明</p><p>摄影报道）今天开会。</p>") == ["新闻网讯（记者 李明 摄影报道）今天开会。"]


def test_line_breaks_of_the_source_are_not_those_of_the_text():
    assert body("<p>第一行\n  第二行 in\nEnglish</p>") == ["第一行第二行 in English"]


def test_pictures_are_whole_addresses_also_in_tables_and_links():
    html = (
        '<a href="http://a.cn/x"><img src="http://a.cn/1 2(3).jpg" alt="甲" title="乙"></a>'
        '<table><tr><td><img src="http://a.cn/4.jpg"></td><td>丙</td></tr></table>'
    )

    assert body(html) == [
        "[![图](http://a.cn/1%202%283%29.jpg)](http://a.cn/x)",
        "|  |  |\n| --- | --- |\n| ![图](http://a.cn/4.jpg) | 丙 |",
    ]


def test_terms_and_their_definitions_are_paragraphs():
    assert body("<dl><dt>甲</dt><dd>乙<dl><dd>丙</dd></dl></dd></dl>") == ["甲", "乙", "丙"]


def test_films_become_links():
    assert body('<p>甲<video><source src="http://a.cn/1.mp4"></video></p>') == ["甲[视频](http://a.cn/1.mp4)"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("&lt;script&gt; a*b* [x](y) `c` &amp;lt; \\", r"\<script> a\*b\* \[x\](y) \`c\` \&lt; \\"),
        ("9:00~11:00，14:00~16:00", r"9:00\~11:00，14:00\~16:00"),
        ("http://a.cn/b_c/~d?e=1&amp;f=2", "http://a.cn/b_c/~d?e=1&f=2"),
        ("_x_", r"\_x\_"),
        ("1. 会议", r"1\. 会议"),
        ("2021.9.18", "2021.9.18"),
        ("# 题", r"\# 题"),
        ("#话题#", "#话题#"),
        ("- 甲", r"\- 甲"),
        ("&gt; 甲", r"\> 甲"),
        ("-----", r"\-----"),
        ("-5℃", "-5℃"),
    ],
)
def test_text_that_looks_like_markup_stays_text(html, expected):
    assert body(f"<p>{html}</p>") == [expected]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("文<b>重点</b>文", "文**重点**文"),
        ("<b>记者：</b>您好", "**记者**：您好"),
        ("听<strong>《春》</strong>", "听《**春**》"),
        ("<b>重</b><b>点</b>文", "**重点**文"),
        ("<b><b>重</b></b>", "**重**"),
        ("<b>（a）b)</b>文", "（a）b)文"),
        ("<b> </b><b></b>文", "文"),
        ('<b><a href="http://a.cn/">甲</a></b>', "[甲](http://a.cn/)"),
    ],
)
def test_bold_shows_as_bold_and_never_as_asterisks(html, expected):
    assert body(f"<p>{html}</p>") == [expected]


@pytest.mark.parametrize("shortcode", ["{{&lt; x &gt;}}", "{{% x %}}"])
@pytest.mark.parametrize("around", ["p", "pre"])
def test_a_shortcode_in_the_text_does_not_reach_hugo(shortcode, around):
    text = post(f"<{around}>{shortcode}</{around}>")

    assert "{{<" not in text
    assert "{{%" not in text


def test_a_table_has_a_head_and_as_many_cells_in_each_row():
    html = (
        "<table><tr><th rowspan='2'>甲</th><th colspan='2'>乙</th></tr><tr><td>丙</td><td>丁|戊</td></tr>"
        "<tr><td rowspan='9'>己</td><td>庚</td><td rowspan='2'>辛</td></tr><tr><td>壬</td></tr></table>"
    )

    assert body(html) == [
        "| 甲 | 乙 | |\n| --- | --- | --- |\n|  | 丙 | 丁\\|戊 |\n| 己 | 庚 | 辛 |\n|  | 壬 |  |",
    ]


def test_a_table_that_only_lays_out_is_no_table():
    html = (
        "<table><tbody><tr><td><p>甲</p><p>乙</p><table><tr><td>1</td><td>2</td></tr></table></td></tr></tbody></table>"
    )

    assert body(html) == ["甲", "乙", "|  |  |\n| --- | --- |\n| 1 | 2 |"]


@pytest.mark.parametrize("value", ["²", "½", "-1", "0", "1e9", "9" * 50, ""])
def test_attributes_that_are_no_numbers_do_no_harm(value):
    html = (
        f"<table><tr><td colspan='{value}' rowspan='{value}'>甲</td><td>乙</td></tr></table>"
        f"<ol start='{value}'><li>丙</li></ol>"
    )

    assert "丙" in post(html)


def test_a_text_nested_too_deep_for_markdown_is_published_as_text():
    text = post("<div>" * 3000 + "甲" + "</div>" * 3000, text="第一段\n第*二*段")

    assert "---\n\n第一段\n\n<!--more-->\n\n第\\*二\\*段\n\n[转入" in text


def test_without_html_the_text_is_published_and_without_text_the_summary():
    assert body("", text="甲\n\n乙") == ["甲", "乙"]
    assert body("", text="", summary="丙") == ["丙"]
    assert body("", text="", summary="") == []


def test_an_attachment_that_the_text_links_is_not_linked_again():
    attachment = Attachment("http://a.cn/1 2.pdf", "通知")

    assert body('<p><a href="http://a.cn/1 2.pdf">通知</a></p>', attachments=(attachment, attachment)) == [
        "[通知](http://a.cn/1%202.pdf)"
    ]


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>" * 150,
        "<table><tr>" + "<td colspan=1000 rowspan=1000>x</td>" * 500,
        "<ol>" + "<li>x</li>" * 3000,
        "<p>" + " \xa0" * 50_000,
        "<p>" + "（记者" * 20_000,
        "<p>" + "_*[" * 20_000,
        "\x00<p>\x0b" + "<b>" * 400,
    ],
)
def test_a_hostile_text_takes_no_time(html):
    before = time.process_time()

    post(html)

    assert time.process_time() - before < 3


def test_two_posts_are_the_same_bytes():
    assert post(ENTRY.html, ENTRY.attachments) == post(ENTRY.html, ENTRY.attachments)
