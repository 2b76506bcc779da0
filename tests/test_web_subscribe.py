"""The form and the signed links, with a real mail server."""

import json
import re
from datetime import timedelta
from html import unescape
from threading import enumerate as enumerate_threads
from time import monotonic, sleep
from urllib.parse import urlsplit

import pytest

from aggregator.mail.letters import Letters
from aggregator.mail.links import CONFIRM_WITHIN, FORM_WITHIN, Links
from aggregator.mail.mailbox import mailbox
from aggregator.model import Choice
from aggregator.web.app import create_app
from aggregator.web.subscribe import SIGN_UPS_PER_HOUR
from tests.newsroom import empty_store, fill, settings
from tests.postoffice import post_office
from tests.sink import sink
from tests.university import NOW

LIN = mailbox("lin@example.org")
ASKED = {
    "address": "lin@example.org",
    "tags": "要闻",
    "period": "weekly",
    "weekday": "4",
    "hour": "9",
    "language": "en",
}


class Place:
    """A site with a mail server, a clock set by hand, and somebody who reads the mail."""

    def __init__(self, folder, store, office, mail):
        self.now = NOW
        self.store = store
        self.office = office
        self.settings = settings(folder).model_copy(update={"mail": mail})
        self.app = create_app(self.settings, store, lambda: self.now)
        self.app.testing = True
        self.client = self.app.test_client()

    def token(self):
        return re.search(r'name="token" value="([^"]+)"', self.client.get("/subscribe").text)[1]

    def sign_up(self, *, headers=(), client="192.0.2.1", token=None, **said):
        form = ASKED | {"token": token or self.token()} | said
        return self.client.post("/subscribe", data=form, headers=dict(headers), environ_base={"REMOTE_ADDR": client})

    def letters(self, count):
        """The texts of *count* letters, as soon as they have come."""
        end = monotonic() + 20
        while len(self.office.letters) < count and monotonic() < end:
            sleep(0.01)
        assert count == len(self.office.letters)
        return [letter.get_content() for _, _, letter in self.office.letters]

    def person(self):
        return self.store.subscribers.by_address(LIN)

    def subscriber(self, **fields):
        self.store.subscribers.add(LIN, Choice(), "trace", NOW, **fields)
        return self.person()

    def link(self, kind):
        links, one = Links(self.settings), self.person()
        found = links.confirm(one, self.now) if kind == "confirm" else getattr(links.of(one), kind)
        return urlsplit(found).path


@pytest.fixture
def place(tmp_path):
    with empty_store(tmp_path) as store, post_office() as (office, mail):
        fill(store)
        yield Place(tmp_path, store, office, mail)
        all_sent()


def all_sent():
    """Wait for the threads that send letters: they need the store."""
    for thread in enumerate_threads():
        if thread.name == "letters":
            thread.join()


def link_in(text):
    return urlsplit(re.search(r"^https://news\.example\.org(/\S+/\S+)$", text, re.MULTILINE)[0]).path


def test_from_the_form_to_a_subscription(place):
    answer = place.sign_up()
    assert (303, "/subscribe/sent") == (answer.status_code, answer.location)
    (text,) = place.letters(1)
    link = link_in(text)
    assert "Every Friday at 9:00" in " ".join(text.split())

    assert 200 == place.client.get(link).status_code
    assert "pending" == place.person().state
    done = place.client.post(link)

    assert "You are subscribed" in done.text
    one = place.person()
    assert ("active", NOW, "weekly", 9, 4, "en", "要闻") == (
        one.state, one.confirmed_at, one.period, one.hour, one.weekday, one.language, one.tags,
    )  # fmt: skip
    assert link_in(re.search(r'href="([^"]+)"[^>]*class="button"', done.text)[1]) == place.link("preferences")


def test_a_letter_says_who_it_is_from_and_that_a_program_wrote_it(place):
    place.sign_up(language="zh")
    place.letters(1)

    _, to, letter = place.office.letters[0]
    assert ["lin@example.org"] == to
    assert "高校新闻 <news@example.org>" == str(letter["From"])
    assert "请确认订阅：高校新闻" == str(letter["Subject"])
    assert "auto-generated" == letter["Auto-Submitted"]


def test_known_and_unknown_addresses_get_the_same_answer(place):
    place.subscriber()

    known, unknown = place.sign_up(), place.sign_up(address="yue@example.org")

    def told(answer):
        return answer.status_code, answer.location, answer.data, [one for one in answer.headers if one[0] != "Date"]

    assert told(known) == told(unknown)
    place.letters(2)
    texts = {to[0]: letter.get_content() for _, to, letter in place.office.letters}
    assert place.link("preferences") == link_in(texts["lin@example.org"])
    assert link_in(texts["yue@example.org"]).startswith("/confirm/")


def test_a_stranger_changes_nothing(place):
    before = dict(place.store.subscribers.everything(place.subscriber())["subscriber"][0])

    place.sign_up()
    place.letters(1)

    after = place.store.subscribers.everything(place.person())["subscriber"][0]
    assert {"asks", "asked_at"} >= {name for name in after if after[name] != before[name] and "letter" not in name}


def test_reading_links_changes_nothing(place):
    place.subscriber()
    before = place.store.subscribers.everything(place.person())

    for kind in ("confirm", "preferences", "unsubscribe"):
        for method in ("get", "head"):
            assert 200 == getattr(place.client, method)(place.link(kind)).status_code

    assert before == place.store.subscribers.everything(place.person())


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"data": {"List-Unsubscribe": "One-Click"}, "content_type": "multipart/form-data"},
        {},
    ],
)
def test_one_click_ends_it(place, content):
    place.subscriber()
    link = place.link("unsubscribe")

    for _ in range(2):
        answer = place.client.post(link, headers={"Sec-Fetch-Site": "cross-site"}, **content)
        assert (200, None) == (answer.status_code, answer.headers.get("Set-Cookie"))

    assert ("left", NOW) == (place.person().state, place.person().left_at)
    assert "现在没有订阅" in place.client.get(link).text


def test_preferences_are_changed_and_speak_the_language_chosen(place):
    place.subscriber()
    chosen = {"tags": "通知 ＋ 海棠大学", "period": "weekly", "weekday": "0", "hour": "23", "language": "en"}

    answer = place.client.post(place.link("preferences"), data=chosen | {"timezone": "America/New_York"})

    assert "Saved." in answer.text
    one = place.person()
    assert ("海棠大学+通知", "weekly", 0, 23, "en", "America/New_York") == (
        one.tags, one.period, one.weekday, one.hour, one.language, one.timezone,
    )  # fmt: skip


def test_preferences_tell_of_a_tag_that_is_no_more(place):
    place.subscriber()
    assert "没有这个标签" not in place.client.get(place.link("preferences") + "?lang=zh").text
    place.store.subscribers.choose(place.person(), Choice(tags="要闻|从前的标签"))

    answer = place.client.get(place.link("preferences") + "?lang=zh")

    assert (200, True) == (answer.status_code, "没有这个标签" in answer.text)
    assert 'value="要闻|从前的标签"' in unescape(answer.text)


@pytest.mark.parametrize(
    ("page", "filled"),
    [
        ("/tags/要闻/", "要闻"),
        ("/universities/海棠大学/", "海棠大学"),
        ("/digest/2025-03-14/", ""),
        ("/digest/2025-03-14/?tag=要闻", "要闻"),
    ],
)
def test_pages_lead_to_the_form_with_their_tag_filled_in(place, page, filled):
    fill(place.store)
    links = re.findall(r'href="(/subscribe[^"]*)"', place.client.get(page).text)

    assert 1 == len(links)
    assert f'name="tags" value="{filled}"' in place.client.get(unescape(links[0])).text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("hour", "24"), ("hour", "-1"), ("hour", "٣"), ("weekday", "7"), ("period", "hourly"), ("language", "../zh")),
        *(("timezone", "../../etc/passwd"), ("tags", "要闻+"), ("tags", "没有这个"), ("timezone", "")),
    ],
)
def test_preferences_that_nobody_could_choose_are_refused(place, name, value):
    place.subscriber()
    chosen = ASKED | {"timezone": "Asia/Shanghai", name: value}

    answer = place.client.post(place.link("preferences"), data=chosen)

    assert 400 == answer.status_code
    assert f'id="{name}-fault"' in answer.text
    assert ("daily", 7) == (place.person().period, place.person().hour)


def test_who_left_does_not_come_back_by_an_old_link(place):
    place.subscriber()
    confirm, preferences = place.link("confirm"), place.link("preferences")
    place.client.post(place.link("unsubscribe"))

    assert 410 == place.client.post(confirm).status_code
    assert 409 == place.client.post(preferences, data=ASKED | {"timezone": "Asia/Shanghai"}).status_code
    assert "left" == place.person().state


def test_everything_about_a_person_is_shown_to_the_person(place):
    place.subscriber()

    answer = place.client.get(place.link("preferences") + "?format=json")

    kept = json.loads(answer.text)
    assert "lin@example.org" == kept["subscriber"][0]["address"]
    assert place.person().token_salt not in answer.text


def test_a_person_erases_everything_who_means_it(place):
    place.subscriber()
    link = place.link("preferences")

    assert 400 == place.client.post(link, data={"do": "erase"}).status_code
    assert "active" == place.person().state
    assert 200 == place.client.post(link, data={"do": "erase", "sure": "yes"}).status_code
    assert {} == place.store.subscribers.counts()
    assert 404 == place.client.get(link).status_code


@pytest.mark.parametrize("kind", ["confirm", "preferences", "unsubscribe"])
def test_forged_links_are_no_links(place, kind):
    place.subscriber()
    right = place.link(kind).rpartition("/")[2]
    other = place.link("preferences" if kind == "unsubscribe" else "unsubscribe").rpartition("/")[2]
    forged = [
        *("1", "1.", "x", "1.AAAA", "99999999999.x", "0.x", "１.x", right[:-1], right + "A", "2" + right[1:], other),
        *("1.2." + right, right.replace(".", ".9", 1), "%00", "%F0%9F%92%A9.x", "A" * 5000),
    ]
    for token in forged:
        for method in ("get", "post"):
            assert 404 == getattr(place.client, method)(f"/{kind}/{token}").status_code, token

    assert "active" == place.person().state


def test_a_link_to_confirm_is_good_for_some_days(place):
    place.sign_up()
    link = link_in(place.letters(1)[0])
    place.now = NOW + CONFIRM_WITHIN + timedelta(seconds=2)

    assert [410, 410] == [place.client.get(link).status_code, place.client.post(link).status_code]
    assert "pending" == place.person().state


def test_links_of_a_mail_from_years_ago_still_end_it(place):
    place.subscriber()
    link = place.link("unsubscribe")
    place.now = NOW + timedelta(days=3650)

    assert 200 == place.client.post(link).status_code
    assert "left" == place.person().state


@pytest.mark.parametrize(
    "said",
    [
        {"token": "0.1.AAAA"},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"address": "lin"},
        {"address": "lin@example.org\r\nBcc: all@example.org"},
        {"address": "lin@example.org,yue@example.org"},
        {"address": "x" * 300 + "@example.org"},
        {"tags": "没有这个"},
        {"tags": "(要闻"},
        {"hour": "7:00"},
        {"language": "zh\r\nX: y"},
    ],
)
def test_a_form_that_is_not_right_mails_nothing_and_keeps_what_was_typed(place, said):
    answer = place.sign_up(**said)

    assert 400 == answer.status_code
    assert 'role="alert"' in answer.text
    typed = unescape(re.search(r'name="address"[^>]* value="([^"]*)"', answer.text)[1])
    assert said.get("address", "lin@example.org").strip() == typed
    assert {} == place.store.subscribers.counts()


def test_a_form_left_open_too_long_is_asked_for_again(place):
    token = place.token()
    place.now = NOW + FORM_WITHIN + timedelta(seconds=2)

    answer = place.sign_up(token=token)

    assert 400 == answer.status_code
    assert 303 == place.sign_up(token=re.search(r'name="token" value="([^"]+)"', answer.text)[1]).status_code


def test_one_client_signs_up_few(place):
    token = place.token()
    codes = [place.sign_up(token=token, address=f"a{n}@example.org").status_code for n in range(SIGN_UPS_PER_HOUR + 5)]

    assert [303] * SIGN_UPS_PER_HOUR + [429] * 5 == codes
    assert SIGN_UPS_PER_HOUR == sum(place.store.subscribers.counts().values())


def test_a_person_gets_few_letters_whoever_asks_for_them(place):
    token = place.token()
    for number in range(200):
        address = f"{'LINlin'[number % 3 : number % 3 + 3]}+{number}@example.org"
        answer = place.sign_up(token=token, client=f"192.0.2.{number}", address=address)
        assert (303, "/subscribe/sent") == (answer.status_code, answer.location)
        place.now += timedelta(seconds=5)

    place.letters(sum(place.store.subscribers.counts().values()))
    assert 9 >= len(place.office.letters)


def test_a_refused_address_is_not_tried_again(place):
    place.office.refused.add("lin@example.org")
    place.sign_up()
    place.sign_up(address="yue@example.org")
    place.letters(1)

    one = place.person()
    assert (None, 1) == (one.letter, one.bounces)


def test_a_letter_waits_for_a_mail_server_that_is_closed(place):
    place.office.is_closed = True
    place.sign_up()
    place.now = NOW + timedelta(hours=1)
    place.office.is_closed = False
    place.sign_up(address="yue@example.org")

    place.letters(2)


def test_without_a_mail_server_there_is_no_form_but_links_work(place):
    place.subscriber()
    place.settings = place.settings.model_copy(update={"mail": replace_host(place.settings.mail)})
    place.client = create_app(place.settings, place.store, lambda: NOW).test_client()

    assert 404 == place.client.get("/subscribe").status_code
    assert 404 == place.client.post("/subscribe", data=ASKED).status_code
    assert "/subscribe" not in place.client.get("/").text
    assert 200 == place.client.post(place.link("unsubscribe")).status_code
    assert "left" == place.person().state


def replace_host(mail):
    return mail.model_copy(update={"host": ""})


def test_pages_are_kept_by_nobody_and_send_no_referrer(place):
    place.subscriber()
    for there in ("/subscribe", "/subscribe/sent", place.link("preferences"), "/unsubscribe/1.x"):
        answer = place.client.get(there)
        assert "no-store" in answer.headers["Cache-Control"]
        assert "no-referrer" == answer.headers["Referrer-Policy"]
        assert "canonical" not in answer.text
        assert "Set-Cookie" not in answer.headers


def test_the_tags_of_a_page_are_filled_in(place):
    assert 'name="tags" value="海棠大学"' in place.client.get("/subscribe?tag=海棠大学").text


@pytest.mark.parametrize("name", ["gone-a", "relay-a"])
def test_a_letter_that_is_refused_perhaps_because_of_us_waits_and_counts_against_nobody(tmp_path, name):
    box = mailbox(f"{name}@example.org")
    with empty_store(tmp_path) as store, sink(tmp_path / "sink") as (_, mail):
        store.subscribers.sign_up(box, Choice(), NOW)
        config = settings(tmp_path).model_copy(update={"mail": mail})

        assert 0 == Letters(config, store, lambda one, link: ("confirm", link), lambda: NOW).send_due()

        one = store.subscribers.by_address(box)
        assert ("confirm", 0, True) == (one.letter, one.bounces, one.letter_at > NOW)
