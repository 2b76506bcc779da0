"""The pages in a real Chromium, as people meet them: small and large, light and dark, without JavaScript."""

import os
import shutil
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Thread

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.newsroom import app_of, empty_store, fill, story, visit

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium"),
]

# 320 is a window of 1280 at 400 % (WCAG 2.2, 1.4.10)
WIDTHS = (320, 360, 768, 1440)
PLACES = (
    *(
        "/",
        "/?lang=en",
        "/tags/",
        "/tags/海棠大学/",
        "/sources/",
        "/sources/haitang-news/",
        "/sources/xinghu-lectures/",
    ),
    *("/digest/", "/digest/2025-W12/", "/no-such-page"),
)
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="800"><rect width="900" height="600"/></svg>'
LONG = "https://www.example.edu.cn/" + "without-any-place-to-break/" * 12


class _Quiet(WSGIRequestHandler):
    def log_request(self, *args):
        """The tests' output is for the tests."""


@dataclass
class Desk:
    """A running service, a browser, and what the browser asked for and complained about."""

    url: str
    browser: object
    slug: str
    requests: list = field(default_factory=list)
    complaints: list = field(default_factory=list)

    def open(self, place, *, width=1440, scheme="light", **options):
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            locale="zh-CN",
            java_script_enabled=False,
            **options,
        )
        page = context.new_page()
        page.on("request", lambda request: self.requests.append(request))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.goto(self.url + place, wait_until="load")
        return page

    def walk(self):
        """Every kind of page, one after another in one window."""
        page = self.open("/")
        for place in (*PLACES, f"/entries/{self.slug}/"):
            page.goto(self.url + place)
            yield place, page


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # Chromium refuses its sandbox to root, whom containers run as
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def desk(browser, tmp_path, university):
    picture = university.serve("/picture.svg", PICTURE, content_type="image/svg+xml")
    with empty_store(tmp_path) as store:
        fill(store, picture)
        store.entries.record(
            [visit(1, story(61, picture=picture, title=LONG, tags=(LONG,), section=(LONG,), author=LONG))]
        )
        server = make_server("127.0.0.1", 0, app_of(store, tmp_path), threaded=True, request_handler=_Quiet)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        slug = store.entries.newest(2)[1].slug
        found = Desk(f"http://127.0.0.1:{server.server_port}", browser, slug)
        yield found
        for context in browser.contexts:
            context.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_page_scrolls_sideways(desk):
    for place, page in desk.walk():
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})

            assert page.evaluate("document.documentElement.scrollWidth") <= width, (place, width)


def test_what_is_wider_scrolls_in_its_own_box(desk):
    page = desk.open("/sources/", width=320)

    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(box => box.scrollWidth > box.clientWidth)")


def test_headings_go_down_one_by_one(desk):
    for place, page in desk.walk():
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => Number(h.tagName[1]))")

        assert (1, 1) == (levels[0], levels.count(1)), place
        assert all(after - before <= 1 for before, after in pairwise(levels)), place


def test_the_keyboard_skips_to_the_text(desk):
    page = desk.open("/sources/")

    page.keyboard.press("Tab")
    assert "跳到正文" == page.evaluate("document.activeElement.textContent")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_what_has_the_focus_is_seen(desk):
    page = desk.open("/")

    for _ in range(3):
        page.keyboard.press("Tab")

    assert "solid" == page.evaluate("getComputedStyle(document.activeElement).outlineStyle")


def test_dark_is_dark(desk):
    def colours(scheme):
        page = desk.open("/", scheme=scheme)
        return page.evaluate(
            "['backgroundColor', 'color'].map(name => getComputedStyle(document.documentElement)[name])"
        )

    light, dark = colours("light"), colours("dark")

    assert sum(map(int, light[0][4:-1].split(","))) > 700 > 100 > sum(map(int, dark[0][4:-1].split(",")))
    assert light[1] != dark[1]


def test_pages_ask_nobody_but_us_and_the_entries_pictures(desk, university):
    for place, _ in desk.walk():
        if place != "/no-such-page":
            assert [] == desk.complaints, place
        desk.complaints.clear()

    others = {(one.url, one.resource_type) for one in desk.requests if not one.url.startswith(desk.url)}
    assert {(f"{university.url}/picture.svg", "image")} == others
    assert [] == [request for request in university.requests if "referer" in request.headers]


def test_pictures_far_below_wait_to_be_looked_at(desk):
    page = desk.open("/digest/2025-03-20/")

    assert page.evaluate("[...document.images].length") > 0
    assert page.evaluate("[...document.images].every(image => image.loading == 'lazy')")


def test_a_printed_entry_names_its_first_publication(desk):
    page = desk.open(f"/entries/{desk.slug}/")
    page.emulate_media(media="print")

    assert "none" == page.evaluate("getComputedStyle(document.querySelector('nav')).display")
    assert page.evaluate("getComputedStyle(document.querySelector('.first a'), '::after').content").startswith('"：')
