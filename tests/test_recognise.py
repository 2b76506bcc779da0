import pytest

from aggregator.follow.catalogue import read_catalogue
from aggregator.follow.recognise import column_title, owner_of_title, site_at, suggested_name, university_named
from aggregator.rules import NAME

KNOWN = read_catalogue(None)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://news.nankai.edu.cn/ywsd/index.shtml", "nankai-news-ywsd"),
        ("https://jwc.hdu.edu.cn/ksgl/list.htm", "hdu-jwc-ksgl"),
        ("https://www.example.edu.cn/157/list2.htm", "example-157-list2"),
        ("http://gongxue.cn/news/ShowClass.asp?ClassID=4315", "gongxue-news-showclass"),
        ("http://127.0.0.1:8123/xw.htm", "1-127-0-0-xw"),
        ("https://大学.cn/", "source"),
    ],
)
def test_a_name_is_made_of_the_address(url, name):
    assert name == suggested_name(url)
    assert NAME.fullmatch(name)


def test_a_known_university_is_recognised_by_its_host():
    assert "南开大学" == site_at(KNOWN, "https://jwc.nankai.edu.cn/tzgg.htm").university
    assert None is site_at(KNOWN, "http://127.0.0.1:8123/")


@pytest.mark.parametrize(
    ("html", "university"),
    [
        ("<title>通知公告-海棠大学教务处</title>", "海棠大学"),
        ("<title>欢迎访问海棠大学</title>", "海棠大学"),
        ("<title>通知公告</title><p>文</p><footer>版权所有 © 海棠大学教务处 电话 1</footer>", "海棠大学"),
        ("<title>通知公告</title><footer>Copyright 2025 星湖理工学院</footer>", "星湖理工学院"),
        ("<title>学院新闻-外国语学院</title><p>x</p><img alt='海棠师范大学'>", "海棠师范大学"),
        ("<title>News - University of Haitang</title>", "University of Haitang"),
        ("<title>News-Haitang University</title>", "Haitang University"),
        ("<title>Notices | Xi'an Jiaotong-Liverpool University</title>", "西交利物浦大学"),
        ("<title>通知公告</title><p>大学生创业大赛</p>", None),
        ("<title>通知</title><p>Our students went to Glasgow University</p>", None),
        ("<title>外国语学院</title>", None),
    ],
)
def test_a_page_says_whose_it_is(html, university):
    assert university == university_named(html, KNOWN)


@pytest.mark.parametrize(
    ("title", "university", "column"),
    [
        ("通知公告-海棠大学教务处", "海棠大学", "通知公告 · 教务处"),
        ("海棠大学-首页", "海棠大学", ""),
        ("海棠大学新闻网", "海棠大学", "新闻网"),
        ("通知公告 | 教务处", None, "通知公告 · 教务处"),
        (None, None, ""),
    ],
)
def test_a_column_is_called_without_its_university(title, university, column):
    assert column == column_title(title, university)


def test_the_owner_stands_last_in_a_title():
    assert "苏州市第一中学" == owner_of_title("校务公开-苏州市第一中学")
    assert None is owner_of_title("校务公开")
