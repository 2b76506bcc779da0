import io
from datetime import UTC, date, datetime, timedelta

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from aggregator.model import SHANGHAI
from aggregator.publish.digest import fold as folded
from aggregator.publish.digest import make_digest
from aggregator.settings import PACKAGE, template_folder
from aggregator.web.plaintext import WIDTH, columns, fold
from aggregator.web.render import digest_html, digest_text
from tests.newsroom import SITE_URL, app_of, empty_store, fill, settings, story, visit

CATALOGUE = PACKAGE / "translations/en/LC_MESSAGES/messages.po"


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


def catalogue():
    return read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="en")


def said(folder, pattern, method):
    """The texts of ours in *folder*: those given to gettext."""
    keywords = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
    found = extract_from_dir(folder, [(pattern, method)], keywords=keywords)
    return {message[2] if isinstance(message[2], str) else message[2][0] for message in found}


def test_the_compiled_catalogue_is_the_written_one():
    compiled = io.BytesIO()

    write_mo(compiled, catalogue())

    assert CATALOGUE.with_suffix(".mo").read_bytes() == compiled.getvalue(), (
        "run: pybabel compile -d aggregator/translations"
    )


def test_every_text_of_ours_has_an_english_one_and_no_other_has():
    texts = said(template_folder(), "**", "jinja2") | said(PACKAGE / "web", "**.py", "python")

    translated = {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalogue()
        if message.id and message.string
    }

    assert texts == translated


def test_texts_and_translations_have_the_same_places_to_fill():
    faults = [(message.id, error) for message, errors in catalogue().check() for error in errors]

    assert [] == faults


@pytest.mark.parametrize(
    ("accepted", "query", "tag"),
    [
        ("", "", "zh-CN"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.1", "", "en"),
        ("de", "", "zh-CN"),
        ("zh", "?lang=en", "en"),
        ("en", "?lang=zh", "zh-CN"),
        ("en", "?lang=xx", "en"),
    ],
)
def test_the_reader_chooses_the_language(client, accepted, query, tag):
    response = client.get("/tags/" + query, headers={"Accept-Language": accepted})

    assert f'<html lang="{tag}">' in response.text
    assert "Accept-Language" in response.headers["Vary"]


def test_a_site_may_be_english(store, tmp_path):
    client = app_of(store, tmp_path, language="en").test_client()

    assert "News from all sources" in client.get("/feed.atom", headers={"Accept-Language": "zh"}).text
    assert '<html lang="en">' in client.get("/").text


def test_a_language_chosen_by_address_stays(client, store):
    fill(store)

    page = client.get("/?lang=en").text

    assert 'href="/tags/?lang=en"' in page
    assert "/feed.atom?lang" not in page
    assert 'href="?lang=zh"' in page


@pytest.mark.parametrize(
    "place", ["/", "/tags/", "/tags/海棠大学/", "/sources/", "/sources/xinghu-lectures/", "/digest/", "/nope"]
)
def test_no_chinese_text_of_ours_is_left_in_an_english_page(client, store, place):
    fill(store)

    page = client.get(place, headers={"Accept-Language": "en"}).text

    for text in said(template_folder(), "**", "jinja2"):
        assert f">{text}<" not in page


# ------------------------------------------------------------ digests without a server


@pytest.fixture
def digest(store):
    store.entries.record([visit(1, *(story(n, hours=n) for n in range(3))), visit(3, story(3, hours=2))])
    return make_digest(folded(store.entries.newest(10)), "day", date(2025, 3, 21), SHANGHAI)


def test_a_digest_is_drawn_without_a_server(digest, tmp_path):
    page = digest_html(digest, settings(tmp_path))

    assert f'href="{SITE_URL}/entries/' in page
    assert f'href="{SITE_URL}/static/style.css' in page
    assert 'href="/' not in page


def test_a_digest_is_text_for_a_terminal(digest, tmp_path):
    lines = digest_text(digest, settings(tmp_path)).splitlines()

    assert lines[:2] == ["高校新闻 日报", "2025年3月21日 星期五 · 4 条新闻 · 2 所高校"]
    assert "要闻 · 海棠大学" in lines
    assert all(columns(line) <= WIDTH for line in lines)


def test_a_digest_speaks_the_language_of_the_site(digest, tmp_path):
    assert "Friday, 21 March 2025 · 4 entries" in digest_text(digest, settings(tmp_path, language="en"))


@pytest.mark.parametrize(
    ("day", "days"),
    [
        (date(2025, 3, 21), "17 March to 23 March 2025"),
        (date(2024, 12, 31), "30 December to 5 January 2025"),
    ],
)
def test_a_week_is_written_as_the_language_does(tmp_path, day, days):
    text = digest_text(make_digest([], "week", day, SHANGHAI), settings(tmp_path, language="en"))

    assert f"\n{days} · 0 entries" in text


def test_an_empty_digest_says_so(tmp_path):
    text = digest_text(make_digest([], "week", date(2025, 3, 21), SHANGHAI), settings(tmp_path))

    assert "2025年3月17日至3月23日" in text
    assert "这一期没有新闻。" in text


# ------------------------------------------------------------ folding


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("一二三四五六", ["一二三四五", "六"]),
        ("一二三四五，六", ["一二三四", "五，六"]),
        ("一二三四“五”", ["一二三四", "“五”"]),
        ("one two three", ["one two", "three"]),
        ("看 https://example.org/long 吧", ["看", "https://example.org/long", "吧"]),
        ("一\x1b[31m二\x07三\n 四", ["一[31m二三", "四"]),
        ("", []),
    ],
)
def test_text_is_folded_where_chinese_may_break(text, lines):
    assert lines == fold(text, width=10).splitlines()


def test_folding_a_hostile_text_ends_soon():
    started = datetime.now(UTC)

    fold("…" * 200_000 + "（" * 200_000)

    assert datetime.now(UTC) - started < timedelta(seconds=5)
