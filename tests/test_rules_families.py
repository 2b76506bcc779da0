"""The shipped family files: which pages they know, and which addresses they make one."""

import re

import pytest

from aggregator.identity import identity
from aggregator.rules import load

FAMILIES = load(None).families
SAME = [pair for family in FAMILIES.values() for pair in family.same]


def test_the_common_systems_have_a_family():
    assert {"vsb", "webplus", "trs", "enorth", "hanweb", "wechat", "common"} <= set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_family_says_where_the_article_stands(family):
    assert family.article.body


def test_only_the_common_names_have_no_marks():
    assert ["common"] == [family.name for family in FAMILIES.values() if not family.marks]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("<!--Announced by Visual SiteBuilder 9-->", "vsb"),
        ('<link href="content.vsb.css" rel="stylesheet">', "vsb"),
        ('<link href="/_css/_system/system.css" rel="stylesheet">', "webplus"),
        ('<script src="/_js/jquery.min.js" sudy-wp-context="" sudy-wp-siteId="1"></script>', "webplus"),
        ("<div class=TRS_Editor>", "trs"),
        ('<!-- sync_date="2023-10-13" -->', "enorth"),
        ('<div class="rich_media_content" id="js_content">', "wechat"),
    ],
)
def test_a_page_is_known_by_its_marks(head, name):
    assert [name] == [family.name for family in FAMILIES.values() if any(mark in head for mark in family.marks)]


@pytest.mark.parametrize(
    "addresses",
    [
        (
            "http://news.example.edu.cn/info/1074/66441.htm",
            "https://news.example.edu.cn/content.jsp?urltype=news.NewsContentUrl&wbtreeid=1074&wbnewsid=66441",
            "https://news.example.edu.cn/nry.jsp?wbnewsid=66441&urltype=news.NewsContentUrl&wbtreeid=1074",
        ),
        (
            "https://www.example.edu.cn/2025/0320/c29818a564459/page.htm",
            "https://www.example.edu.cn/2025/0320/c100a564459/page.psp",
            "https://www.example.edu.cn/_s241/2025/0320/c15998a564459/page.psp",
            "https://www.example.edu.cn/_s241/_t13/2025/0320/c15998a564459/page.psp",
            "https://www.example.edu.cn/_redirect?siteId=577&columnId=24266&articleId=564459",
            "https://www.example.edu.cn/2025/0320/c29818a564459/page2.htm",
        ),
        (
            "http://old.example.edu.cn/04/95/c24261a328853/page.htm",
            "http://old.example.edu.cn/2024/0320/c7a328853/page.htm",
        ),
        (
            "http://www.example.cn/xwdt/202606/t20260612_8227704.html",
            "http://www.example.cn/xwdt/202606/t20260612_8227704_1.html",
        ),
        (
            "http://news.example.edu.cn/ywsd/system/2021/09/18/030047991.shtml",
            "http://news.example.edu.cn/ywsd/system/2021/09/18/030047991_01.shtml",
        ),
        (
            "http://www.example.edu.cn/art/2024/3/20/art_1234_56789.html",
            "http://www.example.edu.cn/xw/art/2024/3/20/art_99_56789.html",
        ),
    ],
)
def test_addresses_of_one_article_have_one_key(addresses):
    assert 1 == len({identity(address, SAME) for address in addresses})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.example.edu.cn/info/1074/1.htm", "http://a.example.edu.cn/info/1074/2.htm"),
        ("http://a.example.edu.cn/info/1074/1.htm", "http://b.example.edu.cn/info/1074/1.htm"),
        ("http://a.example.edu.cn/en/info/1074/1.htm", "http://a.example.edu.cn/info/1074/1.htm"),
        (
            "http://a.example.edu.cn/list.jsp?urltype=tree.TreeTempUrl&wbtreeid=1",
            "http://a.example.edu.cn/list.jsp?urltype=tree.TreeTempUrl&wbtreeid=2",
        ),
        ("http://a.example.edu.cn/2025/0320/c1a2/page.htm", "http://b.example.edu.cn/2025/0320/c1a2/page.htm"),
        ("http://a.example.edu.cn/2025/0320/c1a2/page.htm", "http://a.example.edu.cn/2025/0320/c1a22/page.htm"),
        ("http://a.example.edu.cn/157/list.htm", "http://a.example.edu.cn/157/list2.htm"),
        ("http://a.example.cn/t20260612_1.html", "http://a.example.cn/t20260612_2.html"),
    ],
)
def test_different_articles_keep_different_keys(one, other):
    assert identity(one, SAME) != identity(other, SAME)


@pytest.mark.parametrize(("pattern", "key"), SAME)
def test_a_pattern_is_anchored_and_its_key_fits(pattern, key):
    assert re.fullmatch(r"\^.*\$", pattern)
    assert max(map(int, re.findall(r"\\(\d)", key))) <= re.compile(pattern).groups


@pytest.mark.parametrize(("pattern", "key"), SAME)
def test_a_long_address_does_not_hold_a_pattern_up(pattern, key):
    for address in ("a/" * 20_000, "a/x.jsp?" + "urltype=news.NewsContentUrl&" * 2_000, "a/c1a" + "1" * 20_000):
        assert isinstance(re.sub(pattern, key, address), str)
