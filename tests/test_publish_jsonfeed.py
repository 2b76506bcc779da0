"""JSON Feed 1.1."""

import json

from aggregator.publish import jsonfeed
from tests.published import ENTRY, INFO, SITE, SLUG, entry, info


def test_a_feed_says_what_it_is():
    feed = json.loads(
        jsonfeed.render(info(paging={"next": f"{SITE}/feed.json?before=9"}, hub_urls=("https://hub.example/",)), [])
    )

    assert feed == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "高校新闻",
        "home_page_url": f"{SITE}/",
        "feed_url": INFO.self_url,
        "description": "全部新闻",
        "next_url": f"{SITE}/feed.json?before=9",
        "authors": [{"name": "高校新闻", "url": SITE}],
        "language": "zh-CN",
        "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
        "items": [],
    }


def test_an_item_is_whole():
    (item,) = json.loads(jsonfeed.render(info(), [entry(attachments=ENTRY.attachments[1:2])]))["items"]

    assert item == {
        "id": ENTRY.atom_id,
        "url": f"{SITE}/entries/{SLUG}/",
        "external_url": ENTRY.url,
        "title": ENTRY.title,
        "content_html": ENTRY.html,
        "summary": ENTRY.summary,
        "image": ENTRY.image,
        "date_published": "2001-02-02T01:44:00+00:00",
        "date_modified": "2001-02-03T04:05:06+00:00",
        "authors": [{"name": "李明"}],
        "tags": ["南开大学", "要闻"],
        "language": "zh-CN",
        "attachments": [
            {
                "url": "http://news.nankai.edu.cn/b.pdf",
                "mime_type": "application/pdf",
                "title": "通知",
                "size_in_bytes": 1234,
            }
        ],
        "_source": {"title": "南开要闻", "university": "南开大学", "url": ENTRY.source.url},
    }


def test_keys_stand_in_one_order():
    first, second = json.loads(jsonfeed.render(info(), [entry(), entry(author=None, published=None)]))["items"]

    assert [key for key in first if key in second] == list(second)


def test_chinese_is_written_as_itself():
    assert "我校召开会议" in jsonfeed.render(info(), [entry()]).decode("utf-8")


def test_an_item_without_html_has_its_text():
    (item,) = json.loads(jsonfeed.render(info(), [entry(html="", text="甲\n乙")]))["items"]

    assert ("content_html" in item, item["content_text"]) == (False, "甲\n乙")


def test_an_attachment_of_unknown_type_has_one_all_the_same():
    (item,) = json.loads(jsonfeed.render(info(), [entry(attachments=ENTRY.attachments[2:])]))["items"]

    assert item["attachments"] == [
        {
            "url": "http://news.nankai.edu.cn/download.jsp?id=3",
            "mime_type": "application/octet-stream",
            "title": "附件三",
        }
    ]
