"""What holds for every format: valid, the same bytes each time, and no entry that spoils the others."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import feedparser
import pytest
from lxml import etree

from aggregator.publish import FORMATS
from tests.feedcheck import faults
from tests.published import ENTRY, NOTE, SITE, entry, info, source

EVERY = pytest.mark.parametrize("extension", sorted(FORMATS))


def parse(extension, document):
    """The ids, titles and full texts that a reader finds, in order."""
    if extension == "json":
        items = json.loads(document)["items"]
        return [(item["id"], item["title"], item.get("content_html", "")) for item in items]
    etree.fromstring(document)
    feed = feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)
    assert not feed.bozo
    return [(item.id, item.title, item.content[0].value if "content" in item else "") for item in feed.entries]


@EVERY
def test_two_renders_are_the_same_bytes(extension):
    render = FORMATS[extension].render

    assert render(info(), [entry()]) == render(info(), [entry()])


@EVERY
def test_nothing_says_now(extension):
    old = datetime(2001, 2, 3, tzinfo=UTC)
    document = FORMATS[extension].render(
        info(updated=old),
        [entry(url="http://a.cn/1", html="", published=None, updated=old, sort=old, seen_at=old)],
    )

    assert str(datetime.now(UTC).year).encode() not in document


@EVERY
def test_entries_keep_their_order(extension):
    entries = [entry(atom_id=f"tag:x,2001:{number}") for number in (2, 3, 1)]

    found = parse(extension, FORMATS[extension].render(info(), entries))

    assert [part[0] for part in found] == ["tag:x,2001:2", "tag:x,2001:3", "tag:x,2001:1"]


@EVERY
def test_a_feed_without_entries_is_valid(extension):
    document = FORMATS[extension].render(info(subtitle=None), [])

    assert parse(extension, document) == []
    assert faults(extension, document) == []


@EVERY
def test_a_feed_that_says_all_it_can_is_valid(extension):
    paging = {rel: f"{SITE}/{rel}" for rel in ("first", "previous", "next", "last", "current", "prev-archive")}
    marks = {"icon": f"{SITE}/i.png", "logo": f"{SITE}/l.png", "rights": "各校所有", "ttl_minutes": 15}
    document = FORMATS[extension].render(
        info(paging=paging, hub_urls=("https://hub.example/",), is_archive=True, **marks), [entry(), NOTE]
    )

    assert faults(extension, document, address=f"{SITE}/feed.atom") == []


@EVERY
def test_what_we_say_ourselves_is_an_entry(extension):
    found = parse(extension, FORMATS[extension].render(info(), [NOTE]))

    assert [(NOTE.id, NOTE.title, NOTE.html)] == found


@EVERY
def test_the_check_of_feeds_finds_faults(extension):
    spoilt = entry(html='<script src="/x.js"></script>', updated=datetime(2999, 1, 1, tzinfo=UTC))

    found = faults(extension, FORMATS[extension].render(info(), [spoilt, spoilt]), address="https://elsewhere.example/")

    assert {"<script> in content", "a relative address in content: /x.js"} <= set(found)
    assert any("twice" in one for one in found)
    assert any("elsewhere" in one for one in found)
    assert extension == "rss" or any("yet to come" in one for one in found)


@EVERY
@pytest.mark.parametrize("unwritable", ["\x00", "\x0b", "\x1f", "\ud83d", "\ufffe"])
def test_one_unwritable_character_does_not_lose_the_feed(extension, unwritable):
    spoilt = entry(
        title=f"甲{unwritable}",
        url=f"http://a.cn/{unwritable}",
        author=f"乙{unwritable}",
        summary=f"丙{unwritable}",
        html=f"<p>丁{unwritable}</p>",
        image=f"http://a.cn/{unwritable}.jpg",
        tags=(f"戊{unwritable}",),
        source=source(title=f"己{unwritable}", university=f"庚{unwritable}", url=f"http://b.cn/{unwritable}"),
    )

    found = parse(extension, FORMATS[extension].render(info(title=f"辛{unwritable}"), [spoilt, entry(id=2)]))

    assert [part[1] for part in found] == ["甲", entry().title]


@EVERY
@pytest.mark.parametrize(
    "html",
    [
        "<p>a ]]> b &lt;c&gt; &amp;amp; &#233; é</p>",
        '<p>😀 𠮷 <a href="http://a.cn/?x=1&amp;y=2">甲</a></p>',
        "<pre>一\n  二\t三</pre>",
        "<p>没有结束",
    ],
)
def test_the_text_arrives_as_it_was_sent(extension, html):
    found = parse(extension, FORMATS[extension].render(info(), [entry(html=html)]))

    assert [part[2] for part in found] == [html]


@pytest.mark.parametrize("extension", ["atom", "json"])
def test_a_title_is_text_and_not_markup(extension):
    found = parse(extension, FORMATS[extension].render(info(), [entry(title="R&D <K in\n 10>")]))

    assert [part[1] for part in found] == ["R&D <K in 10>"]


@EVERY
def test_an_entry_with_nothing_but_an_address_is_published(extension):
    bare = entry(
        title=" ", published=None, precision=None, author=None, summary="", html="", text="", tags=(), attachments=()
    )

    found = parse(extension, FORMATS[extension].render(info(), [bare]))

    assert [part[1] for part in found] == [bare.url]


@EVERY
def test_times_without_zone_and_with_another_are_utc(extension):
    naive = datetime(2001, 2, 3, 4, 5, 6, 789)  # noqa: DTZ001

    document = FORMATS[extension].render(info(updated=naive), [entry(updated=naive, published=naive)])

    assert document == FORMATS[extension].render(
        info(updated=naive.replace(microsecond=0, tzinfo=UTC)),
        [entry(updated=naive.replace(tzinfo=UTC), published=naive.replace(tzinfo=UTC))],
    )


@EVERY
def test_nothing_was_published_after_we_saw_it(extension):
    """A date yet to come would keep an entry on top of a reader's list until then."""
    announced = entry(published=ENTRY.seen_at + timedelta(days=400))

    assert FORMATS[extension].render(info(), [announced]) == FORMATS[extension].render(
        info(), [entry(published=ENTRY.seen_at)]
    )


@EVERY
def test_our_page_and_the_first_publication_are_linked(extension):
    document = FORMATS[extension].render(info(), [entry()]).decode()

    assert f"{SITE}/entries/{entry().slug}/" in document
    assert entry().url in document


@EVERY
def test_a_change_of_one_entry_changes_the_bytes(extension):
    render = FORMATS[extension].render

    assert render(info(), [entry()]) != render(info(), [entry()._replace(title="更正")])


def test_the_registry_imports_no_format():
    code = "import sys, aggregator.publish; print(*sorted({'feedgen', 'lxml', 'markdownify'} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.split() == []


def test_media_types_are_the_registered_ones():
    assert {extension: format_.media_type for extension, format_ in FORMATS.items()} == {
        "atom": "application/atom+xml",
        "rss": "application/rss+xml",
        "json": "application/feed+json",
    }
