"""Atom: RFC 4287, with what feedgen leaves out put back."""

from dataclasses import replace

import pytest
from lxml import etree

from aggregator.publish import atom
from tests.published import ENTRY, INFO, NOTE, SITE, SLUG, entry, info

ATOM = {"a": "http://www.w3.org/2005/Atom"}
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def feed(document):
    return etree.fromstring(document)


def texts(element, path):
    return [found.text for found in element.iterfind(path, ATOM)]


def links(element):
    return [dict(link.attrib) for link in element.iterfind("a:link", ATOM)]


def test_a_feed_says_what_it_is_and_when_it_last_changed():
    root = feed(atom.render(info(rights="各校所有", icon=f"{SITE}/icon.png"), []))

    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    assert root.get(LANG) == "zh-CN"
    assert {name: root.findtext(f"a:{name}", namespaces=ATOM) for name in ("id", "title", "subtitle", "updated")} == {
        "id": INFO.id,
        "title": "高校新闻",
        "subtitle": "全部新闻",
        "updated": "2001-02-03T04:05:06+00:00",
    }
    assert texts(root, "a:author/a:name") == ["高校新闻"]
    assert texts(root, "a:rights") + texts(root, "a:icon") == ["各校所有", f"{SITE}/icon.png"]


def test_the_generator_has_no_version_that_would_change_the_bytes():
    generator = feed(atom.render(info(), [])).find("a:generator", ATOM)

    assert (generator.text, dict(generator.attrib)) == ("aggregator", {})


def test_a_feed_links_to_itself_its_page_older_entries_and_its_hub():
    root = feed(
        atom.render(info(paging={"next": f"{SITE}/feed.atom?before=9"}, hub_urls=("https://hub.example.org/",)), [])
    )

    assert links(root) == [
        {"href": f"{SITE}/feed.atom", "rel": "self", "type": "application/atom+xml"},
        {"href": f"{SITE}/", "rel": "alternate", "type": "text/html"},
        {"href": f"{SITE}/feed.atom?before=9", "rel": "next", "type": "application/atom+xml"},
        {"href": "https://hub.example.org/", "rel": "hub"},
    ]


def test_the_newest_page_and_the_last_have_no_next():
    assert "next" not in [link["rel"] for link in links(feed(atom.render(info(), [])))]


def test_links_of_entries_keep_all_their_attributes():
    """feedgen 1.0.0 loses all but href (lkiesow/python-feedgen#135)."""
    root = feed(atom.render(info(), [entry()]))

    assert links(root.find("a:entry", ATOM)) == [
        {"href": f"{SITE}/entries/{SLUG}/", "rel": "alternate", "type": "text/html"},
        {"href": ENTRY.url, "rel": "via"},
        {
            "href": "http://news.nankai.edu.cn/a/名单%20(1).docx",
            "rel": "enclosure",
            "type": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "title": "名单.docx",
        },
        {
            "href": "http://news.nankai.edu.cn/b.pdf",
            "rel": "enclosure",
            "type": "application/pdf",
            "title": "通知",
            "length": "1234",
        },
        {"href": "http://news.nankai.edu.cn/download.jsp?id=3", "rel": "enclosure", "title": "附件三"},
    ]


def test_an_attachment_named_twice_is_linked_once():
    twice = entry(attachments=(ENTRY.attachments[1], ENTRY.attachments[1]))

    found = links(feed(atom.render(info(), [twice])).find("a:entry", ATOM))

    assert [link["rel"] for link in found] == ["alternate", "via", "enclosure"]


def test_an_entry_is_whole():
    found = feed(atom.render(info(), [entry()])).find("a:entry", ATOM)

    assert {name: found.findtext(f"a:{name}", namespaces=ATOM) for name in ("id", "title", "published", "updated")} == {
        "id": ENTRY.atom_id,
        "title": ENTRY.title,
        "published": "2001-02-02T01:44:00+00:00",
        "updated": "2001-02-03T04:05:06.001+00:00",
    }
    assert texts(found, "a:author/a:name") == ["李明"]
    content, summary = found.find("a:content", ATOM), found.find("a:summary", ATOM)
    assert (content.get("type"), content.text) == ("html", ENTRY.html)
    assert (summary.get("type"), summary.text) == ("text", ENTRY.summary)


def test_tags_are_categories_of_our_scheme():
    found = feed(atom.render(info(), [entry()])).iterfind("a:entry/a:category", ATOM)

    assert [dict(category.attrib) for category in found] == [
        {"term": "南开大学", "label": "南开大学", "scheme": f"{SITE}/tags/"},
        {"term": "要闻", "label": "要闻", "scheme": f"{SITE}/tags/"},
    ]


def test_a_source_has_id_title_updated_and_link():
    """feedgen 1.0.0 writes title and link only; RFC 4287 §4.2.11 wants id and updated too."""
    source = feed(atom.render(info(), [entry()])).find("a:entry/a:source", ATOM)

    assert texts(source, "a:id") == [ENTRY.source.url]
    assert texts(source, "a:title") == ["南开大学 南开要闻"]
    assert texts(source, "a:updated") == ["2001-02-03T04:05:06.001+00:00"]
    assert links(source) == [{"href": ENTRY.source.url, "rel": "alternate"}]


def test_an_entry_without_date_has_no_published_but_updated():
    found = feed(atom.render(info(), [entry(published=None)])).find("a:entry", ATOM)

    assert texts(found, "a:published") == []
    assert texts(found, "a:updated") == ["2001-02-03T04:05:06.001+00:00"]


def test_entries_of_one_poll_are_told_apart_by_their_times():
    """W3C's validator warns of two entries with one atom:updated."""
    found = feed(atom.render(info(), [entry(id=1), entry(id=2)]))

    assert texts(found, "a:entry/a:updated") == ["2001-02-03T04:05:06.001+00:00", "2001-02-03T04:05:06.002+00:00"]


def test_notes_of_one_moment_are_told_apart_by_their_times():
    found = feed(atom.render(info(), [NOTE, replace(NOTE, id=f"{NOTE.id}:end")]))

    assert len(set(texts(found, "a:entry/a:updated"))) == 2


def test_an_entry_without_text_says_its_title():
    """W3C's validator warns of one that says nothing."""
    found = feed(atom.render(info(), [entry(html="", text="", summary="")])).find("a:entry", ATOM)

    assert texts(found, "a:summary") == [ENTRY.title]


@pytest.mark.parametrize(("what", "name"), [({"is_archive": True}, "archive"), ({"is_complete": True}, "complete")])
def test_an_archive_and_a_whole_feed_say_so(what, name):
    marks = feed(atom.render(info(**what), [entry()])).findall("{http://purl.org/syndication/history/1.0}*")

    assert [mark.tag for mark in marks] == [f"{{http://purl.org/syndication/history/1.0}}{name}"]
