"""The pages in a real Chromium, as people meet them: small and large, light and dark, without JavaScript and with it."""

import os
import shutil
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Thread

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from aggregator.model import Change, Looked, Trace, Visit
from aggregator.settings import FetchSettings, Settings, SiteSettings, WebSettings
from aggregator.web.app import create_app
from aggregator.web.pictures import PICTURES
from tests import xss
from tests.newsroom import NOW, SITE_URL, empty_store, fill, story, visit
from tests.test_web_pictures import png
from tests.test_web_xss import hostile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium"),
]

# 320 is a window of 1280 at 400 % (WCAG 2.2, 1.4.10)
WIDTHS = (320, 360, 768, 1440)
PLACES = (
    "/", "/?lang=en", "/tags/", "/tags/海棠大学/", "/tags/海棠大学+要闻/", "/sources/", "/sources/haitang-news/",
    "/sources/xinghu-lectures/", "/universities/", "/universities/海棠大学/", "/archive/", "/archive/2025/03/",
    "/archive/2025/03/20/", "/about/", "/help/readers/", "/help/readers/?lang=en", "/digest/", "/digest/2025-W12/",
    "/no-such-page", "/tags/(/", "/search", "/search?q=水稻", "/api/",
    "/catalogue/", "/catalogue/?q=南京&lang=en", "/catalogue/?q=-", "/revisions/", "/revisions/?lang=en",
    "/stories/", "/stories/?lang=en", "/follow/",
)  # fmt: skip
FAULTS = ("/no-such-page", "/tags/(/")
PICTURE = png(1200, 800)
# what axe-core looks for: WCAG 2.2 A and AA, and what its makers think good
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
TOLD = "校史馆昨日开馆，展出几代师生捐赠的老照片。馆长说，每张照片都有一段往事。观众在留言簿上写下自己的故事。"
TOKEN = "an operator's"
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
    store: object
    told: tuple  # a story, and what became of an entry
    requests: list = field(default_factory=list)
    complaints: list = field(default_factory=list)

    def open(self, place, *, width=1440, scheme="light", scripts=False, **options):
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            locale="zh-CN",
            http_credentials={"username": "anybody", "password": TOKEN},
            java_script_enabled=scripts,
            **options,
        )
        page = context.new_page()
        page.on("request", lambda request: self.requests.append(request))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.goto(self.url + place, wait_until="load")
        return page

    def walk(self, **options):
        """Every kind of page, one after another in one window."""
        page = self.open("/", **options)
        for place in (*PLACES, f"/entries/{self.slug}/", *self.told):
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
    picture = university.serve("/picture.png", PICTURE, content_type="image/png")
    with empty_store(tmp_path) as store:
        fill(store, picture)
        store.entries.record(
            [visit(1, story(61, picture=picture, title=LONG, tags=(LONG,), section=(LONG,), author=LONG))]
        )
        told = retell(store, picture)
        chosen = Settings(
            instance=tmp_path,
            site=SiteSettings(url=SITE_URL),
            fetch=FetchSettings(allow_private_networks=True),
            web=WebSettings(admin_token=TOKEN),
        )
        app = create_app(chosen, store, lambda: NOW)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        slug = store.entries.newest(2)[1].slug
        found = Desk(f"http://127.0.0.1:{server.server_port}", browser, slug, store, told)
        yield found
        for context in browser.contexts:
            context.close()
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions[PICTURES].close()


def retell(store, picture):
    """Two universities tell one story, and the second changes it: the places of the story, the entry and its history."""
    url = "http://yunling.example/99.htm"
    entry = {"hours": 200, "title": LONG, "text": TOLD, "picture": picture}
    store.entries.record(
        [visit(1, story(98, **entry)), visit(3, story(99, **entry, url=url, trace=Trace(), tags=(LONG,)))]
    )
    (told,) = store.entries.of([one.entry_id for one in store.rechecks.newest(3, 10)])
    (watched,) = store.rechecks.of([told.id])
    changed = Change("edited", ("title", "body"), 4, matters=True, state="a")
    new = story(99, **entry | {"title": f"{LONG}改", "text": f"{TOLD}又及：{LONG}"}, url=url)
    looked = Looked(told.id, NOW, watched.watch, (changed,), new)
    store.entries.record([Visit(3, NOW, NOW, looked=(looked,), is_of_articles=True)])
    return f"/stories/{told.story.key}/", f"/entries/{told.slug}/", f"/entries/{told.slug}/revisions/"


def test_no_page_scrolls_sideways(desk):
    for place, page in desk.walk():
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})

            assert page.evaluate("document.documentElement.scrollWidth") <= width, (place, width)


def test_what_is_wider_scrolls_in_its_own_box(desk):
    page = desk.open("/sources/xinghu-lectures/", width=320)

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


@pytest.mark.parametrize("scripts", [False, True])
def test_pages_ask_nobody_but_us(desk, university, scripts):
    for place, _ in desk.walk(scripts=scripts):
        if place not in FAULTS:
            assert [] == desk.complaints, place
        desk.complaints.clear()

    assert [] == [one.url for one in desk.requests if not one.url.startswith(desk.url)]
    assert ["http://haitang.example/info/1001/"] == list({one.headers["referer"][:33] for one in university.requests})


def test_pictures_are_seen(desk):
    page = desk.open(f"/entries/{desk.slug}/")

    page.locator(".body img").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.body img').naturalWidth == 1200")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_axe_finds_nothing(desk, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()

    for place, page in desk.walk(scheme=scheme, width=width, scripts=True, bypass_csp=True):
        violations = axe.run(page, options=RULES).response["violations"]
        assert [] == [(one["id"], one["nodes"][0]["html"]) for one in violations], place


def test_everything_can_be_reached_by_the_keyboard(desk):
    page = desk.open(f"/entries/{desk.slug}/", scripts=True)
    reachable = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input, [tabindex=\"0\"]')].filter(e => e.checkVisibility()).length"
    )

    reached = set()
    for _ in range(reachable):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))

    assert reachable == len(reached)


def test_targets_are_large_enough(desk):
    """WCAG 2.2, 2.5.8: 24 pixels; links within sentences are not meant."""
    for place, page in desk.walk(width=360):
        small = page.evaluate(
            "[...document.querySelectorAll('nav a, .tags a, .feeds a, .links a, .button, summary, button, input, .calendar a')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
        )
        assert [] == small, place


def test_the_permalink_is_copied_where_scripts_run(desk):
    page = desk.open(f"/entries/{desk.slug}/", scripts=True, permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="复制").click()

    page.get_by_role("button", name="已复制").wait_for()
    assert f"{SITE_URL}/entries/{desk.slug}/" == page.evaluate("navigator.clipboard.readText()")
    assert 0 == desk.open(f"/entries/{desk.slug}/").locator("button").count()


def test_no_vector_runs_in_a_browser(desk):
    desk.store.entries.record([visit(1, *(hostile(1000 + n, vector) for n, vector in enumerate(xss.SAMPLE)))])
    vectors = set(xss.SAMPLE)
    entries = [one for one in desk.store.entries.newest(len(vectors) + 70) if one.title in vectors]
    assert len(xss.SAMPLE) == len(entries)
    page = desk.open("/", scripts=True)
    page.add_init_script("window.evil = () => console.log('EVIL RAN')")
    page.on("dialog", lambda dialog: desk.complaints.append("dialog"))
    desk.complaints.clear()

    places = ["/", "/tags/", "/sources/haitang-news/", "/archive/2025/03/21/", "/digest/2025-03-21/"]
    for place in (*places, *(f"/entries/{one.slug}/" for one in entries)):
        page.goto(desk.url + place)
        heard = [one for one in desk.complaints if "EVIL" in one or "dialog" in one or "Content Security" in one]
        assert [] == heard, place
        assert page.url == desk.url + place


def test_pictures_far_below_wait_to_be_looked_at(desk):
    page = desk.open("/digest/2025-03-20/")

    assert page.evaluate("[...document.images].length") > 0
    assert page.evaluate("[...document.images].every(image => image.loading == 'lazy')")


def test_a_printed_entry_names_its_first_publication(desk):
    page = desk.open(f"/entries/{desk.slug}/")
    page.emulate_media(media="print")

    assert "none" == page.evaluate("getComputedStyle(document.querySelector('nav')).display")
    assert page.evaluate("getComputedStyle(document.querySelector('.first a'), '::after').content").startswith('"：')


def test_a_printed_picture_leaves_room_for_text(desk):
    page = desk.open(f"/entries/{desk.slug}/")
    page.emulate_media(media="print")

    tall = "(image => { image.style.aspectRatio = '1 / 3'; return image.getBoundingClientRect().height })"

    assert page.evaluate(f"{tall}(document.querySelector('.body img'))") < 550


def test_a_number_beside_a_long_name_stays_whole(desk):
    page = desk.open("/tags/", width=360)
    lines = "(number => { number.textContent = '123456'; return number.getClientRects()[0].height })"

    heights = page.evaluate(f"[...document.querySelectorAll('.index .count')].map({lines})")

    assert max(heights) < 30
