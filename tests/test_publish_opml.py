"""OPML 2.0."""

from lxml import etree

from aggregator.publish import opml
from tests.published import SITE, source

LIST = source()
FEED = source(name="cumt-news", title="矿大 R&D", url="https://xwzx.cumt.edu.cn/rss.xml", university="中国矿业大学")


def body(document):
    root = etree.fromstring(document)
    assert (root.tag, root.get("version"), [part.tag for part in root]) == ("opml", "2.0", ["head", "body"])
    return root[1]


def test_a_list_page_is_subscribed_to_through_our_feed_of_it():
    (folder,) = body(opml.render_sources("来源", SITE, [LIST]))

    assert dict(folder.attrib) == {"text": "南开大学"}
    assert [dict(outline.attrib) for outline in folder] == [
        {
            "type": "rss",
            "text": "南开要闻",
            "title": "南开要闻",
            "xmlUrl": f"{SITE}/sources/nankai-news.atom",
            "htmlUrl": LIST.url,
        }
    ]


def test_a_feed_is_subscribed_to_at_its_own_address():
    (folder,) = body(opml.render_sources("来源", SITE, [FEED], feeds={"cumt-news"}))

    assert [(outline.get("xmlUrl"), outline.get("htmlUrl")) for outline in folder] == [
        (FEED.url, f"{SITE}/sources/cumt-news/")
    ]


def test_sources_of_one_university_share_a_folder():
    other = source(name="nankai-b", title="综合新闻")

    folders = body(opml.render_sources("来源", SITE, [LIST, FEED, other]))

    assert [(folder.get("text"), len(folder)) for folder in folders] == [("南开大学", 2), ("中国矿业大学", 1)]


def test_feeds_we_publish_stand_in_the_order_given():
    document = opml.render_feeds("订阅", SITE, [("全部", f"{SITE}/feed.atom", f"{SITE}/"), ("要闻", "x:1", "x:2")])

    assert [(outline.get("type"), outline.get("text"), outline.get("xmlUrl")) for outline in body(document)] == [
        ("rss", "全部", f"{SITE}/feed.atom"),
        ("rss", "要闻", "x:1"),
    ]
    assert etree.fromstring(document).findtext("head/ownerId") == SITE


def test_an_empty_list_has_an_outline_all_the_same():
    assert [outline.get("text") for outline in body(opml.render_feeds("订阅", SITE, []))] == ["订阅"]


def test_two_lists_are_the_same_bytes_and_name_no_date():
    document = opml.render_sources("来源\x0b", SITE, [LIST, FEED])

    assert document == opml.render_sources("来源", SITE, [LIST, FEED])
    assert b"dateCreated" not in document
