"""From the form to the last mail in a real Chromium without JavaScript, with a real mail server."""

import re
from threading import Thread
from time import monotonic, sleep

import pytest
from werkzeug.serving import make_server

from aggregator.mail.mailbox import mailbox
from aggregator.settings import Settings, SiteSettings, WebSettings
from aggregator.web.app import create_app
from aggregator.web.pictures import PICTURES
from tests.browser.test_pages import CHROMIUM, RULES, WIDTHS, _Quiet, browser
from tests.newsroom import empty_store, fill
from tests.postoffice import post_office
from tests.test_web_subscribe import all_sent
from tests.university import NOW

__all__ = ["browser"]

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium"),
]


class Reader:
    """Somebody with a browser and a mailbox."""

    def __init__(self, browser, url, office, store):
        self.url, self.office, self.store = url, office, store
        self.browser = browser
        self.complaints = []

    def open(self, place, **options):
        context = self.browser.new_context(**{"locale": "zh-CN", "java_script_enabled": False} | options)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.goto(self.url + place)
        return page

    def link(self, number=1):
        """The place of the link in letter *number*, as soon as that has come."""
        end = monotonic() + 20
        while len(self.office.letters) < number and monotonic() < end:
            sleep(0.02)
        text = self.office.letters[number - 1][2].get_content()
        return re.search(rf"^{re.escape(self.url)}(/\w+/\S+)$", text, re.MULTILINE)[1]

    def person(self):
        return self.store.subscribers.by_address(mailbox("lin@example.org"))


@pytest.fixture
def reader(browser, tmp_path):
    with empty_store(tmp_path) as store, post_office() as (office, mail):
        fill(store)
        server = make_server("127.0.0.1", 0, lambda *request: app(*request), threaded=True, request_handler=_Quiet)
        url = f"http://127.0.0.1:{server.server_port}"
        chosen = Settings(instance=tmp_path, site=SiteSettings(url=url), mail=mail, web=WebSettings(pictures="none"))
        app = create_app(chosen, store, lambda: NOW)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Reader(browser, url, office, store)
        for context in browser.contexts:
            context.close()
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions[PICTURES].close()
        all_sent()


def test_a_reader_comes_changes_and_goes(reader):
    page = reader.open("/")
    page.click("text=用邮件订阅")
    page.fill("#address", "lin@example.org")
    page.fill("#tags", "要闻")
    page.check("input[value=weekly]")
    page.select_option("#weekday", "2")
    page.select_option("#hour", "18")
    page.click("form.choice button")
    assert "请查收邮件" == page.inner_text("h1")

    page.goto(reader.url + reader.link())
    assert "每星期三 18:00" in page.inner_text("main")
    assert "pending" == reader.person().state
    page.click("button")
    assert "订阅好了" == page.inner_text("h1")
    assert ("active", "weekly", 2, 18, "要闻") == (
        reader.person().state, reader.person().period, reader.person().weekday, reader.person().hour, reader.person().tags,
    )  # fmt: skip

    page.click("text=改时间、标签或语言")
    page.check("input[value=daily]")
    page.select_option("#language", "en")
    page.click("form.choice button >> nth=0")
    assert "Saved." in page.inner_text("main")
    page.click("main a:has-text('Unsubscribe')")
    assert "active" == reader.person().state
    page.click("button")
    assert "You have unsubscribed" == page.inner_text("h1")
    assert "left" == reader.person().state
    assert [] == reader.complaints


def test_what_is_wrong_is_said_at_its_field(reader):
    page = reader.open("/subscribe?lang=en")
    page.fill("#address", "lin@nowhere")
    page.fill("#tags", "(要闻")
    page.click("form.choice button")

    for name in ("address", "tags"):
        field = page.locator(f"#{name}")
        assert "true" == field.get_attribute("aria-invalid")
        assert page.inner_text(f"#{field.get_attribute('aria-describedby')}")
    assert "lin@nowhere" == page.input_value("#address")


def test_the_keyboard_alone_subscribes(reader):
    page = reader.open("/subscribe")
    page.focus("#address")
    page.keyboard.type("lin@example.org")
    page.keyboard.press("Enter")
    page.wait_for_url("**/subscribe/sent")

    assert reader.link().startswith("/confirm/")


def test_other_sites_cannot_press_the_button(reader):
    page = reader.open("/subscribe")
    token = page.get_attribute("[name=token]", "value")
    fields = {
        "address": "lin@example.org",
        "token": token,
        "period": "daily",
        "hour": "7",
        "weekday": "0",
        "language": "zh",
    }
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    page = reader.open("/")
    page.route("http://evil.example/", lambda route: route.fulfill(
        content_type="text/html", body=f'<form method="post" action="{reader.url}/subscribe">{inputs}<button>x</button></form>'
    ))  # fmt: skip
    page.goto("http://evil.example/")
    page.click("button")
    page.wait_for_url("**/subscribe")

    assert {} == reader.store.subscribers.counts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forms_fit_any_window_and_axe_finds_nothing(reader, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()
    page = reader.open("/subscribe", java_script_enabled=True, color_scheme=scheme)
    page.fill("#address", "lin@example.org")
    page.click("form.choice button")
    confirm = reader.link()
    places = ["/subscribe", "/subscribe/sent", confirm]
    page.goto(reader.url + confirm)
    page.click("button")
    preferences = page.get_attribute("a.button", "href").removeprefix(reader.url)
    for place in (*places, preferences, preferences.replace("preferences", "unsubscribe")):
        page.goto(reader.url + place)
        assert [] == [one["id"] for one in axe.run(page, options=RULES).response["violations"]], place
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (place, width)
