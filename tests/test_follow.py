import pytest

from aggregator.follow import Proposal, followed_by, site_of, suggested_name
from aggregator.model import Listing
from aggregator.rules import NAME, load


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


def test_a_known_university_is_recognised_by_its_domain():
    listing = Listing("list", "通知公告", [])

    site = site_of("https://jwc.nankai.edu.cn/tzgg.htm", Proposal("https://jwc.nankai.edu.cn/tzgg.htm", listing), load(None), None, ["教务"], None)  # fmt: skip

    assert ("南开大学", "通知公告", ("教务",)) == (site.university, site.sources[0].title, site.sources[0].tags)


@pytest.mark.parametrize(("url", "zone"), [("https://a.edu.cn/rss", "Asia/Shanghai"), ("https://a.edu/rss", "UTC")])
def test_a_feed_outside_cn_is_read_in_utc(url, zone):
    site = site_of(url, Proposal(url, Listing("feed", "新闻", [])), load(None), "x", [], None)

    assert zone == site.timezone.key


def test_an_address_that_is_followed_is_known_however_it_is_written():
    rules = load(None)
    _, source = rules.source("nankai-ywsd")

    assert source == followed_by(rules, "https://x.edu.cn/", source.url.replace("http://", "https://") + "#top")
    assert followed_by(rules, "https://news.nankai.edu.cn/another/index.shtml") is None
