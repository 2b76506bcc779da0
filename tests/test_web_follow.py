"""/follow/: for the operator alone, nothing written unseen, no form of another site's."""

import base64
import re
from datetime import timedelta
from html import unescape

import pytest

from aggregator.mail.links import FORM_WITHIN
from aggregator.rules import load
from aggregator.settings import FetchSettings, WebSettings
from aggregator.web.app import create_app
from tests.newsroom import empty_store, settings
from tests.test_follow import column, rows
from tests.university import NOW

TOKEN = "令牌-s3cret"


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()}


class Desk:
    def __init__(self, store, folder, token=TOKEN, private=True):
        self.now = NOW
        fetch = FetchSettings(allow_private_networks=private, per_host_delay_seconds=0)
        changes = {"web": WebSettings(admin_token=token), "fetch": fetch}
        self.folder, self.store = folder, store
        self.client = create_app(settings(folder).model_copy(update=changes), store, lambda: self.now).test_client()

    def get(self, headers=None):
        return self.client.get("/follow/", headers=basic(TOKEN) if headers is None else headers)

    def token(self):
        return unescape(re.search(r'name="token" value="([^"]+)"', self.get().text)[1])

    def post(self, do, headers=None, **said):
        form = {"token": self.token(), "do": do} | said
        return self.client.post("/follow/", data=form, headers=basic(TOKEN) | (headers or {}))

    @property
    def written(self):
        return sorted(path.name for path in self.folder.glob("sites/*.toml"))


@pytest.fixture
def desk(tmp_path):
    with empty_store(tmp_path) as store:
        yield Desk(store, tmp_path)


@pytest.fixture
def home(university):
    university.serve("/xwzx/xxyw.htm", column("1", "学校要闻-海棠大学"))
    university.serve("/tzgg.htm", column("2", "通知公告-海棠大学"))
    return university.serve(
        "/",
        f"<title>海棠大学</title><body>学校要闻<a href='xwzx/xxyw.htm'>更多</a><ul>{rows(1, 5)}</ul>"
        "<h3>通知公告</h3><a href='tzgg.htm'>更多</a></body>",
    )


@pytest.mark.parametrize(
    "headers", [{}, basic("wrong"), {"Authorization": "Bearer wrong"}, {"Authorization": "Basic ?"}]
)
def test_nobody_else_gets_in(desk, headers):
    answer = desk.get(headers)

    assert 401 == answer.status_code
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert 401 == desk.client.post("/follow/", data={"do": "add"}, headers=headers).status_code


def test_without_a_token_the_page_is_closed(tmp_path):
    with empty_store(tmp_path) as store:
        desk = Desk(store, tmp_path, token="")
        assert 403 == desk.get().status_code
        assert 403 == desk.client.post("/follow/", data={"do": "add"}, headers=basic("")).status_code


def test_an_address_is_looked_at_first_and_followed_when_confirmed(desk, home, university):
    seen = desk.post("look", address=home)
    assert 200 == seen.status_code
    assert re.findall(r'name="place" value="([^"]+)"', seen.text) == [
        f"{university.url}/xwzx/xxyw.htm", f"{university.url}/tzgg.htm", home
    ]  # fmt: skip
    assert "海棠大学第12次全体会议在1楼召开" in seen.text
    assert [] == desk.written

    place = f"{university.url}/tzgg.htm"
    done = desk.post("add", address=home, place=place, university="海棠大学", name="haitang", tags="通知 教务")

    assert "aggregator poll haitang" in done.text
    assert "haitang" in {state.source.name for state in desk.store.counts.of_sources()}
    source = load(desk.folder).source("haitang")[1]
    assert (place, "通知公告", ("通知", "教务")) == (source.url, source.title, source.tags)
    assert (desk.folder / "cases" / "haitang" / "page").is_file()
    assert "它正在收集" in desk.post("look", address=place + "#x").text
    assert 1 == desk.post("look", address=home).text.count("disabled")


def test_several_finds_are_followed_at_once(desk, home, university):
    places = [f"{university.url}/tzgg.htm", f"{university.url}/xwzx/xxyw.htm"]

    done = desk.post("add", address=home, place=places, university="海棠大学", name="haitang")

    assert "aggregator poll haitang 1-127-0-0-xwzx-xxyw" in done.text
    assert ["haitang.toml"] == desk.written
    assert places == [source.url for _, source in load(desk.folder).sources if "127.0.0.1" in source.url]


def test_a_form_without_a_tick_is_shown_again_with_a_word(desk, home):
    answer = desk.post("add", address=home, university="海棠大学")

    assert (400, True, []) == (answer.status_code, "请先勾选" in answer.text, desk.written)


def test_nothing_is_written_where_one_of_several_cannot_be_read_any_more(desk, home, university):
    places = [f"{university.url}/tzgg.htm", f"{university.url}/xwzx/xxyw.htm"]
    university.serve("/xwzx/xxyw.htm", column("3"))
    university.serve("/tzgg.htm", "<p>搬家了</p>" * 90)

    answer = desk.post("add", address=home, place=places, university="海棠大学")

    assert (422, []) == (answer.status_code, desk.written)


def test_a_page_of_the_intranet_is_visited_where_that_is_allowed(tmp_path, university):
    url = university.serve("/tzgg.htm", column("2", "通知公告-海棠大学"))
    with empty_store(tmp_path) as store:
        desk = Desk(store, tmp_path, private=False)

        assert 422 == desk.post("look", address=url).status_code
        refused = desk.post("look", address=url + "x", intranet="on")  # 404: the box is as it was when the form is back
        assert (422, True) == (refused.status_code, ' name="intranet" checked' in refused.text)
        assert 'action="/follow/"' in refused.text
        assert 'name="intranet" value="on"' in desk.post("look", address=url, intranet="on").text
        desk.post("add", address=url, place=url, university="海棠大学", name="haitang", intranet="on")

        assert load(tmp_path).source("haitang")[1].allow_private_networks


def test_nobody_guesses_the_token(desk):
    wrong = [desk.get(basic(f"guess {n}")).status_code for n in range(12)]
    other = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}

    assert [401] * 10 + [429] * 2 == wrong
    assert 429 == desk.get().status_code  # else the right one would show by its answer
    assert 429 == desk.client.get("/metrics", headers=basic(TOKEN)).status_code
    assert 200 == desk.client.get("/follow/", headers=basic(TOKEN), **other).status_code
    desk.now += timedelta(hours=1)
    assert [200] * 30 == [desk.get().status_code for _ in range(30)]  # the right one is no guess


def test_another_password_than_the_token_closes_no_page_that_is_for_everybody(desk):
    desk.store.sources.sync(load(desk.folder).sources, NOW)

    answers = [desk.client.get("/sources/nankai-ywsd/", headers=basic("of the proxy")) for _ in range(12)]

    assert [200] * 12 == [answer.status_code for answer in answers]


def test_wrong_tokens_of_many_strangers_never_lock_the_operator_out(desk):
    def guess(number):
        return desk.client.get(
            "/follow/", headers=basic("x"), environ_base={"REMOTE_ADDR": f"192.0.{number // 250}.{number % 250}"}
        ).status_code

    assert {401} == {guess(number) for number in range(300)}
    assert 200 == desk.get().status_code


@pytest.mark.parametrize(
    ("headers", "said"),
    [({"Sec-Fetch-Site": "cross-site"}, {}), ({}, {"token": "0.1.x"}), ({}, {"token": ""})],
)
def test_a_form_of_another_site_writes_nothing(desk, home, headers, said):
    answer = desk.post("add", headers, address=home, place=home, university="x", **said)

    assert 400 == answer.status_code
    assert [] == desk.written


def test_the_form_of_the_mail_page_and_an_old_one_are_none(desk, home):
    from aggregator.mail.links import Links

    public = Links(settings(desk.folder)).form(NOW)
    assert 400 == desk.post("add", address=home, place=home, token=public).status_code

    old = desk.token()
    desk.now += FORM_WITHIN * 2
    assert 400 == desk.post("add", address=home, place=home, token=old).status_code


def test_one_of_the_catalogue_that_is_off_is_switched_on(desk, home):
    off = (
        f'university = "海棠大学"\n[[source]]\nname = "haitang-news"\ntitle = "要闻"\nurl = "{home}"\nenabled = false\n'
    )
    (desk.folder / "sites").mkdir()
    (desk.folder / "sites" / "haitang.toml").write_text(off, "utf-8")

    assert "它现在停用着" in desk.post("look", address=home).text
    assert "haitang-news" in desk.post("enable", address=home).text
    assert load(desk.folder).source("haitang-news")[1].enabled


@pytest.mark.parametrize(
    ("address", "status"),
    [("nonsense", 400), ("javascript:alert(1)", 400), ("http://127.0.0.1:1/<script>alert(1)</script>", 422)],
)
def test_what_cannot_be_followed_is_said_and_breaks_no_page(desk, address, status):
    answer = desk.post("look", address=address)

    assert status == answer.status_code
    assert "这个地址还不能添加" in answer.text
    assert "<script>alert" not in answer.text


def test_a_name_that_is_taken_is_refused(desk, home, university):
    place = f"{university.url}/tzgg.htm"
    answer = desk.post("add", address=home, place=place, university="海棠大学", name="../x")
    again = desk.post("add", address=home, place=place, university="海棠大学", name="nankai-ywsd")

    assert (422, 422, []) == (answer.status_code, again.status_code, desk.written)
