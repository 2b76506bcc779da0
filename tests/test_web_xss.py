import json
import re
from html.parser import HTMLParser

import pytest
from lxml import etree

from aggregator.gather.clean import clean
from aggregator.model import Attachment, Site, SourceRule
from aggregator.web.body import readable
from aggregator.web.pictures import Picture
from tests import xss
from tests.newsroom import NOW, app_of, empty_store, fill, story, visit

ARTICLE = "http://haitang.example/info/1001/1.htm"
# what our own pages are made of; a script is data, or a file of ours
OUR_TAGS = """
html head meta title link script body a header div p nav ul ol li main article section aside footer h1 h2 h3
h4 time span b small abbr svg desc rect figure figcaption table thead tbody tr th td caption dl dt dd img code
pre label input br hr blockquote i em u s del ins sub sup kbd samp mark q cite ruby rt rp strong h5 h6 video
audio details summary
"""
OURS = set(OUR_TAGS.split())
URLS = {"href", "src", "content", "value"}
OUR_ATTRIBUTES = """
href src alt width height loading decoding referrerpolicy class id lang hreflang rel type title datetime
content name property media charset role aria-label aria-labelledby aria-hidden aria-current tabindex viewbox
preserveaspectratio x y scope colspan rowspan start controls for readonly value data-copy data-copied defer preload
"""
ATTRIBUTES = set(OUR_ATTRIBUTES.split())


class Scanner(HTMLParser):
    """Collects what a page must not have."""

    def __init__(self, page):
        super().__init__()
        self.faults, self._data = [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.faults += [f"<{tag}>"] if tag not in OURS else []
        self.faults += [f"{name} of {tag}" for name in given if name not in ATTRIBUTES]
        for name in URLS & given.keys():
            if re.match(
                r"[\x00-\x20]*(javascript|vbscript|data|blob|feed|view-source)[\s\x00]*:",
                given[name] or "",
                re.IGNORECASE,
            ):
                # a description may say anything
                self.faults += [f"{tag} {name}={given[name]}"] if name in ("href", "src") else []
        if tag == "script":
            if given.get("type") == "application/ld+json":
                self._data = ""
            elif not re.fullmatch(r"/static/[a-z]+\.js\?v=\w+", given.get("src") or ""):
                self.faults.append(f"script {given}")

    def handle_data(self, data):
        if self._data is not None:
            self._data += data

    def handle_endtag(self, tag):
        if tag == "script" and self._data is not None:
            json.loads(self._data)
            self._data = None


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


def hostile(number, vector):
    """An entry that says *vector* wherever an entry can say anything."""
    cleaned = clean(f"<p>前</p>{vector}<p>后</p>", ARTICLE)
    return story(
        number,
        title=vector,
        summary=vector,
        author=vector,
        origin=vector,
        section=(vector,),
        tags=(vector.replace("\0", ""), "甲"),  # no rule has a tag with the character that a database refuses
        html=cleaned.html,
        text=cleaned.text,
        images=(vector, *cleaned.images),
        attachments=(Attachment(vector, vector, vector, 7), *cleaned.attachments),
    )


def test_there_are_vectors_of_every_kind():
    assert len(xss.ALL) > 400
    assert all(len(kind) >= 8 for kind in xss.VECTORS.values())


@pytest.mark.parametrize("kind", xss.VECTORS)
def test_a_cleaned_and_readable_body_has_nothing_that_runs(kind):
    for vector in xss.VECTORS[kind]:
        for html in (
            vector,
            f"<p>{vector}</p>",
            f"<table><tr><td>{vector}</table>",
            f"<div><a href='x'>{vector}</a></div>",
        ):
            assert [] == Scanner(readable(clean(html, ARTICLE).html, Picture)).faults, vector


@pytest.mark.parametrize("kind", xss.VECTORS)
def test_pages_and_feeds_are_clean_whatever_an_entry_says(kind, store, tmp_path):
    vectors = xss.VECTORS[kind][::6] if kind == "urls" else xss.VECTORS[kind]
    store.entries.record([visit(1, *(hostile(number, vector) for number, vector in enumerate(vectors)))])
    client = app_of(store, tmp_path).test_client()
    entries = store.entries.newest(len(vectors))
    assert len(vectors) == len(entries)

    places = ["/", "/tags/", "/tags/甲/", "/sources/haitang-news/", "/universities/海棠大学/", "/archive/2025/03/21/"]
    for place in (*places, "/digest/2025-03-21/", "/digest/2025-03/", *(f"/entries/{one.slug}/" for one in entries)):
        answer = client.get(place)
        assert (200, []) == (answer.status_code, Scanner(answer.text).faults), place
    for extension in ("atom", "rss"):
        document = etree.fromstring(client.get(f"/tags/甲.{extension}").data)
        for html in document.iter(
            "{http://www.w3.org/2005/Atom}content", "{http://purl.org/rss/1.0/modules/content/}encoded"
        ):
            assert [] == Scanner(html.text or "").faults
    for item in client.get("/tags/甲.json").json["items"]:
        assert [] == Scanner(item.get("content_html", "")).faults


def test_titles_of_sources_and_names_of_universities_are_text(store, tmp_path):
    fill(store)
    vectors = xss.VECTORS["breakers"]
    store.sources.sync(
        [
            (Site(f"site{number}", vector), SourceRule(name=f"evil-{number}", title=vector, url="http://a.example/"))
            for number, vector in enumerate(vectors)
        ],
        NOW,
    )
    client = app_of(store, tmp_path).test_client()

    for place in ("/sources/", "/universities/", "/sources/evil-0/", "/sources.opml", "/sitemaps/pages.xml", "/"):
        answer = client.get(place)
        assert 200 == answer.status_code, place
        if answer.mimetype == "text/html":
            assert [] == Scanner(answer.text).faults, place
        else:
            etree.fromstring(answer.data)


@pytest.mark.parametrize("kind", xss.VECTORS)
def test_what_a_visitor_asks_for_is_text(kind, store, tmp_path):
    fill(store)
    client = app_of(store, tmp_path).test_client()

    for vector in xss.VECTORS[kind][:40]:
        for path, query in (("/", "x"), ("/digest/", "tag"), ("/tags/要闻/", "before"), ("/archive/", "lang")):
            answer = client.get(path, query_string={query: vector})
            assert answer.status_code < 500
            assert [] == Scanner(answer.text).faults, (path, vector)
        answer = client.get("/tags/" + vector.replace("?", "").replace("#", "") + "/")
        assert answer.status_code in (400, 404), vector
        assert [] == Scanner(answer.text).faults, vector
