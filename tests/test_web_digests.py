"""Digests over HTTP: the page with its editions, the mail, text and preview."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from lxml import etree
from sqlalchemy import text

from aggregator.editions import Editions
from aggregator.model import First, MailLinks
from aggregator.settings import WebSettings
from aggregator.web.app import create_app
from aggregator.web.inlined import LARGEST, NOBODY, PICTURES
from aggregator.web.plaintext import WIDTH, columns
from aggregator.web.render import digest_draft, digest_mail_parts
from tests.newsroom import HEADLINES, NOW, SITE_URL, SUMMARY, app_of, empty_store, fill, settings, story, visit

DAY = timedelta(days=1)
YESTERDAY = (NOW - DAY).date()
PAGE = "/digest/2025-03-20/"
LINKS = MailLinks(f"{SITE_URL}/preferences/7.abc?x=1&y=2", f"{SITE_URL}/unsubscribe/7.abc")
# https://www.caniemail.com: what Gmail, Outlook, QQ or 163 drop, and with it the layout
FORBIDDEN = r"display:\s*(?:flex|grid)|position:|float:|@import|@font-face|url\(|var\(|calc\(|transform|javascript:"
VOID = {"meta", "link", "img", "br", "hr"}


class Structure(HTMLParser):
    """Which tags stand where, and whether each is closed in its turn."""

    def __init__(self, html):
        super().__init__()
        self.open, self.faults, self.tags, self.styles = [], [], [], []
        self.feed(html)
        self.faults += self.open

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        self.styles.append(given.get("style", ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def all(self, tag):
        return [given for name, given in self.tags if name == tag]


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


@pytest.fixture
def full(client, store):
    fill(store)
    return client


def digest(store, folder, day=YESTERDAY, period="day"):
    return Editions(settings(folder), store, lambda: NOW).digest(period, day)


def crowd(store, number):
    """*number* stories of yesterday, with the longest of titles and summaries."""
    news = [
        story(n, hours=12, title=f"第{n}号：" + "要闻" * 20, summary=SUMMARY * 2, images=(f"http://a.example/{n}.jpg",))
        for n in range(number)
    ]
    for place in range(0, number, 100):
        store.entries.record([visit(1, *news[place : place + 100])])


# ------------------------------------------------------------ the page


def test_a_digest_is_by_topic_and_university(full):
    page = full.get(PAGE).text

    assert ["要闻", "讲座", "通知"] == sorted(re.findall(r'id="t-(.*?)"', page))
    assert ["云岭师范大学", "海棠大学"] == sorted(re.findall('<section class="part" id="(.*?)"', page))


def test_a_story_of_several_universities_stands_once_and_names_them(client, store):
    store.entries.record([visit(n, story(n, hours=20, title=HEADLINES[0])) for n in (1, 3, 5)])

    page = client.get(PAGE).text

    assert 2 == page.count(HEADLINES[0].replace("　", " "))  # in its place, and as the one most covered
    assert "另有 2 校" in page
    assert "报道最多" in page


def test_the_same_digest_is_the_same_bytes(full):
    assert full.get(PAGE).data == full.get(PAGE).data
    for form in ("email", "text", "json"):
        assert full.get(f"{PAGE}?format={form}").data == full.get(f"{PAGE}?format={form}").data


def test_a_finished_digest_is_answered_from_memory_and_by_its_etag(full, store):
    first = full.get(PAGE)
    store.entries.record([visit(1, story(900, hours=20, title="补来的"))])

    again = full.get(PAGE, headers={"If-None-Match": first.headers["ETag"]})

    assert (304, b"") == (again.status_code, again.data)


def test_a_digest_that_lasts_shows_what_comes(full, store):
    full.get("/digest/")
    store.entries.record([visit(1, story(900, hours=0, title="新来的"))])

    assert "新来的" in full.get("/digest/").text


def test_a_correction_is_said_and_leads_to_the_edition_before(store, tmp_path):
    now = [NOW]
    app = create_app(settings(tmp_path), store, lambda: now[0])
    fill(store)
    first = app.test_client().get(PAGE).data
    store.entries.record([visit(1, story(900, hours=20, title="补来的一条"))])
    now[0] += timedelta(hours=2)

    second = app.test_client().get(PAGE).text

    assert ("补来的一条" in second, "第 2 版" in second, "补入 1 条" in second) == (True, True, True)
    assert f"{PAGE}?edition=1" in second
    old = app.test_client().get(f"{PAGE}?edition=1")
    assert ("补来的一条" in old.text, "这一版已有更正" in old.text) == (False, True)
    assert b"\xe8\xa1\xa5\xe5\x85\xa5" not in first


def test_a_late_find_stands_in_a_block_of_its_own(client, store):
    store.entries.record(
        [visit(1, story(1, hours=50, seen_at=NOW - timedelta(hours=20), title="迟到的"), story(2, hours=20))]
    )

    page = client.get(PAGE).text

    assert "迟到的" in page.split('id="late"')[1]


@pytest.mark.parametrize("number", ["0", "2", "x", "-1", "１", "9" * 40])
def test_an_edition_that_cannot_be_is_not_found(full, number):
    full.get(PAGE)

    assert 404 == full.get(f"{PAGE}?edition={number}").status_code


def test_editions_of_expressions_are_not_kept_for_whoever_asks(full, store):
    assert 200 == full.get(f"{PAGE}?tag=要闻-讲座").status_code
    assert 200 == full.get(f"{PAGE}?tag=要闻").status_code

    assert store.digests.newest("2025-03-20", "要闻-讲座") is None
    assert 1 == store.digests.newest("2025-03-20", "要闻").number


def test_a_digest_that_cannot_be_kept_is_shown_all_the_same(client, store):
    crowd(store, 60)
    with store.write() as connection:  # SQLite's own limit answers as a full disk does: SQLITE_FULL
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    assert "第7号" in client.get(PAGE).text
    assert store.digests.newest("2025-03-20", "") is None


@pytest.mark.parametrize(
    ("name", "there"), [("yesterday", "2025-03-20"), ("last-week", "2025-W11"), ("last-month", "2025-02")]
)
def test_the_last_digest_has_an_address_for_a_cron(full, name, there):
    found = full.get(f"/digest/{name}/?format=email&tag=%E8%A6%81%E9%97%BB")

    assert (302, f"/digest/{there}/?format=email&tag=%E8%A6%81%E9%97%BB") == (found.status_code, found.location)


@pytest.mark.parametrize("number", [0, 1, 500])
def test_a_day_of_any_size_has_a_page_a_mail_and_a_text(client, store, number):
    crowd(store, number)

    page, mail, plain = (client.get(f"{PAGE}?format={form}") for form in ("html", "email", "text"))

    assert [200] * 3 == [answer.status_code for answer in (page, mail, plain)]
    assert len(mail.data) < 100_000
    assert number == len(set(re.findall(r"/entries/(\w+)/", page.text)))
    assert ("这一期没有新闻" in mail.text) == (number == 0)
    assert ("见网页" in mail.text) == (number == 500)
    assert number == len(set(re.findall(r"/entries/(\w+)/", plain.text)))


# ------------------------------------------------------------ the mail


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_mail_is_well_formed_and_brings_nothing_that_mail_clients_drop(store, tmp_path, language):
    fill(store)

    subject, _, html = digest_mail_parts(digest(store, tmp_path, period="week"), settings(tmp_path), language, LINKS)

    found = Structure(html)
    assert [] == found.faults
    assert not re.search(FORBIDDEN, html)
    assert {"script", "link", "form", "iframe", "svg", "object", "video"}.isdisjoint(tag for tag, _ in found.tags)
    assert [{"zh": "zh-CN", "en": "en"}[language]] == [given["lang"] for given in found.all("html")]
    assert "light dark" in [given.get("content") for given in found.all("meta")]
    assert len(html.encode()) <= LARGEST
    assert all(given.get("role") == "presentation" for given in found.all("table") if "mso" not in str(given))
    assert not any(name.startswith("on") for _, given in found.tags for name in given)
    assert "高校新闻" in subject
    assert "\n" not in subject
    etree.fromstring(
        re.sub(
            r"<!--.*?-->|<!doctype html>|&nbsp;",
            "",
            re.sub(r"<(meta|img|br)([^<>]*)>", r"<\1\2/>", html),
            flags=re.DOTALL,
        )
    )


def test_a_mail_in_english_says_where_it_is_chinese(store, tmp_path):
    fill(store)

    subject, _, html = digest_mail_parts(digest(store, tmp_path), settings(tmp_path), "en", LINKS)

    chinese = re.findall(r"<(?:h2|h3|a|p)\b([^>]*)>[^<]*[\u4e00-\u9fff]{8}", html.split("<body")[1])
    assert chinese
    assert all('lang="zh-CN"' in given for given in chinese)
    assert subject.startswith("高校新闻 Daily digest 20 March 2025: ")


def test_what_is_read_stands_in_attributes(store, tmp_path):
    fill(store)

    html = digest_mail_parts(digest(store, tmp_path), settings(tmp_path), "zh", LINKS)[2]

    assert all("style" in given for given in Structure(html).all("p"))
    assert "prefers-color-scheme: dark" in html
    assert all(given["href"].startswith(SITE_URL) for given in Structure(html).all("a"))


def test_a_picture_has_its_size_and_goes_through_us(store, tmp_path):
    store.entries.record([visit(1, story(1, hours=20, title="有图", images=("http://127.0.0.1:9/p.jpg",)))])

    html = digest_mail_parts(digest(store, tmp_path), settings(tmp_path), "zh", LINKS)[2]

    (image,) = Structure(html).all("img")
    assert ("160", "有图") == (image["width"], image["alt"])
    assert image["height"].isdigit()
    assert image["src"].startswith(f"{SITE_URL}/pictures/")


def test_only_the_best_stories_have_pictures(store, tmp_path):
    crowd(store, 20)

    html = digest_mail_parts(digest(store, tmp_path), settings(tmp_path), "zh", LINKS)[2]

    assert PICTURES == len(Structure(html).all("img"))


def test_a_picture_that_mail_may_not_load_is_left_out(store, tmp_path):
    store.entries.record([visit(1, story(1, hours=20, images=("http://127.0.0.1:9/p.jpg",)))])
    linking = settings(tmp_path).model_copy(update={"web": WebSettings(pictures="link")})

    assert "<img" not in digest_mail_parts(digest(store, tmp_path), linking, "zh", LINKS)[2]


def test_a_mail_says_what_most_tell_and_who_is_new(store, tmp_path):
    store.entries.record([visit(n, story(n, hours=20, title=HEADLINES[0])) for n in (1, 3)])
    news = (First("university", "海棠大学"), First("source", "乡村振兴", "海棠大学"), First("topic", "天文"))
    made = replace(digest(store, tmp_path), firsts=news)

    _, text, html = digest_mail_parts(made, settings(tmp_path), "zh", LINKS)

    title = HEADLINES[0].replace("　", " ")
    assert f"\n报道最多\n{'-' * WIDTH}\n\n* {title}\n  另有 1 校\n" in text
    assert ["报道最多", "要闻"] == re.findall(r"<h2[^>]*>([^<]*)<", html)
    assert 2 == html.split("<body")[1].count(f">{title}</a>")
    assert all("首次出现：海棠大学、海棠大学 · 乡村振兴、天文" in part for part in (text, html))


def test_each_reader_gets_links_of_their_own_in_one_draft(store, tmp_path):
    fill(store)
    draft = digest_draft(digest(store, tmp_path), settings(tmp_path), "zh")

    _, text, html = draft.parts(LINKS)

    assert 'href="https://news.example.org/preferences/7.abc?x=1&amp;y=2"' in html
    assert LINKS.preferences in text
    assert LINKS.unsubscribe in text
    assert not any("\ue000" in part for part in (text, html))
    assert draft.parts(LINKS) == digest_mail_parts(digest(store, tmp_path), settings(tmp_path), "zh", LINKS)
    assert not any(word in part for part in draft.parts(NOBODY) for word in ("退订", "修改订阅"))


def test_the_text_of_a_mail_is_folded_for_a_terminal(store, tmp_path):
    fill(store)

    text = digest_mail_parts(digest(store, tmp_path, period="week"), settings(tmp_path), "zh", LINKS)[1]

    assert all(columns(line) <= WIDTH for line in text.splitlines() if "://" not in line)
    assert f"{SITE_URL}/digest/2025-W12/" in text


def test_what_universities_write_is_text_in_a_mail(store, tmp_path):
    bad = "<script>alert(1)</script>\r\nBcc: x@example.org"
    store.entries.record([visit(1, story(1, hours=20, title=bad, summary=bad, tags=(bad,)))])

    subject, text, html = digest_mail_parts(digest(store, tmp_path), settings(tmp_path), "zh", LINKS)

    assert "<script" not in html
    assert "\n" not in subject
    assert not any(line.startswith("Bcc") for line in text.splitlines())


def test_a_mail_in_a_browser_may_run_nothing(full):
    policy = full.get(f"{PAGE}?format=email").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script" not in policy


# ------------------------------------------------------------ preview


def test_the_preview_is_for_who_has_the_token(store, tmp_path):
    fill(store)
    closed = settings(tmp_path).model_copy(update={"web": WebSettings(admin_token="geheim")})
    client = create_app(closed, store, lambda: NOW).test_client()

    answers = [
        client.get("/digest/preview?date=2025-W12", headers={"Authorization": f"Bearer {token}"})
        for token in ("", "geheim", "Geheim")
    ]

    assert [401, 200, 401] == [answer.status_code for answer in answers]
    assert answers[0].headers["WWW-Authenticate"].startswith("Basic")  # a browser asks its user
    assert "no-store" in answers[1].headers["Cache-Control"]
    assert "3月17日至" in answers[1].text


def test_the_preview_keeps_no_edition(full, store):
    assert 200 == full.get("/digest/preview?format=text&lang=en").status_code
    assert store.digests.newest("2025-03-20", "") is None


def test_the_contents_name_topics_as_their_sections_do(client, store):
    store.entries.record([visit(1, story(1, tags=("科研",)), story(2, tags=("招生",)))])

    page = client.get("/digest/2025-03-21/?lang=en").text

    contents = re.findall(r'<li><a href="#[^"]+"(?: lang="\S+")?>([^<]+)</a>', page)
    assert ["Admissions", "Research"] == sorted(contents)
    assert contents == re.findall(r'<h2 class="day" lang="en">(\S+) ', page)
