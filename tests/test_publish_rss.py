"""RSS 2.0, with Atom's links, Dublin Core's author and the content module's full text."""

import locale

from lxml import etree

from aggregator.publish import rss
from tests.published import ENTRY, SITE, SLUG, entry, info, source

NAMES = {
    "atom": "http://www.w3.org/2005/Atom",
    "dc": "http://purl.org/dc/elements/1.1/",
    "content": "http://purl.org/rss/1.0/modules/content/",
}


def channel(document):
    root = etree.fromstring(document)
    assert (root.tag, root.get("version"), len(root)) == ("rss", "2.0", 1)
    return root[0]


def item(**changes):
    return channel(rss.render(info(), [entry(**changes)])).find("item")


def test_a_channel_says_what_it_is_and_when_it_last_changed():
    found = channel(rss.render(info(rights="各校所有"), []))

    assert {part.tag: part.text for part in found if part.tag.islower()} == {
        "title": "高校新闻",
        "link": f"{SITE}/",
        "description": "全部新闻",
        "copyright": "各校所有",
        "docs": "http://www.rssboard.org/rss-specification",
        "generator": "aggregator",
        "language": "zh-CN",
    }
    assert found.findtext("lastBuildDate") == "Sat, 03 Feb 2001 04:05:06 +0000"


def test_a_channel_links_to_itself_older_items_and_its_hub():
    found = channel(
        rss.render(info(paging={"next": f"{SITE}/feed.rss?before=9"}, hub_urls=("https://hub.example.org/",)), [])
    )

    assert [dict(link.attrib) for link in found.iterfind("atom:link", NAMES)] == [
        {"href": f"{SITE}/feed.atom", "rel": "self", "type": "application/rss+xml"},
        {"href": f"{SITE}/feed.rss?before=9", "rel": "next", "type": "application/rss+xml"},
        {"href": "https://hub.example.org/", "rel": "hub"},
    ]


def test_a_channel_without_subtitle_has_a_description_all_the_same():
    assert channel(rss.render(info(subtitle=None), [])).findtext("description") == "高校新闻"


def test_an_item_is_whole():
    found = item()

    assert (found.findtext("title"), found.findtext("link")) == (ENTRY.title, f"{SITE}/entries/{SLUG}/")
    assert (found.findtext("guid"), found.find("guid").get("isPermaLink")) == (ENTRY.atom_id, "false")
    assert found.findtext("pubDate") == "Fri, 02 Feb 2001 01:44:00 +0000"
    assert found.findtext("content:encoded", namespaces=NAMES) == ENTRY.html
    assert found.findtext("dc:creator", namespaces=NAMES) == "李明"
    assert [dict(link.attrib) for link in found.iterfind("atom:link", NAMES)] == [{"rel": "via", "href": ENTRY.url}]
    assert [(tag.text, tag.get("domain")) for tag in found.iterfind("category")] == [
        ("南开大学", f"{SITE}/tags/"),
        ("要闻", f"{SITE}/tags/"),
    ]


def test_a_description_is_html_so_the_summary_is_escaped():
    assert item().findtext("description") == "会议要求，帮扶 &lt;10 个村 &amp; 5 所学校。"


def test_the_source_is_the_page_of_the_university():
    found = item(source=source(url="http://a.cn/列 表.htm")).find("source")

    assert (found.text, found.get("url")) == ("南开大学 南开要闻", "http://a.cn/%E5%88%97%20%E8%A1%A8.htm")


def test_one_enclosure_with_type_and_length():
    enclosures = item(attachments=ENTRY.attachments[2:]).findall("enclosure")

    assert [dict(enclosure.attrib) for enclosure in enclosures] == [
        {
            "url": "http://news.nankai.edu.cn/download.jsp?id=3",
            "length": "0",
            "type": "application/octet-stream",
        }
    ]


def test_the_first_attachment_is_the_enclosure():
    assert item(attachments=ENTRY.attachments[1:]).find("enclosure").get("length") == "1234"


def test_an_item_without_date_has_no_pub_date():
    assert item(published=None).find("pubDate") is None


def test_a_title_is_text_and_not_markup():
    assert item(title="R&D <K in\n 10>").findtext("title") == "R&D <K in 10>"


def test_a_title_is_the_same_to_readers_that_take_it_for_html():
    document = rss.render(info(), [entry(title="R&D <K>")])

    assert b"<title>R&#x26;D &#x3C;K&#x3E;</title>" in document


def test_rendering_does_not_touch_the_locale_of_the_process(monkeypatch):
    """feedgen 1.0.0 sets it for each date, which changes what other threads are just writing."""
    touched = []
    monkeypatch.setattr(locale, "setlocale", lambda *arguments: touched.append(arguments))

    rss.render(info(), [entry()])

    assert touched == []
