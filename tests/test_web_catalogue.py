"""The page of all universities that can be followed, and their names for readers of English."""

import pytest

from tests.newsroom import app_of, empty_store, fill
from tests.test_catalogue import OWN, write

HAITANG = OWN.replace("星湖大学", "海棠大学").replace("Xinghu", "Haitang").replace("xinghu-news", "haitang-news")


@pytest.fixture
def client(tmp_path):
    write(tmp_path, HAITANG.format(enabled="true"), "haitang")
    with empty_store(tmp_path) as store:
        fill(store)
        yield app_of(store, tmp_path).test_client()


def page(client, address):
    response = client.get(address)
    assert 200 == response.status_code
    return response.text


def test_a_university_that_is_followed_leads_to_its_page_and_feeds(client):
    text = page(client, "/catalogue/?q=海棠")

    assert 'href="/universities/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6/"' in text
    assert 'href="/universities/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6.atom"' in text
    assert 'href="/sources/haitang-news/"' in text


def test_one_that_is_not_says_how_it_is_switched_on(client):
    text = page(client, "/catalogue/?q=清华")

    assert "未收录" in text
    assert "aggregator catalogue enable tsinghua" in text
    assert "Tsinghua University" in text
    assert "北京大学" not in text


def test_one_whose_news_nobody_knows_says_how_they_are_found(client):
    assert "aggregator catalogue enable muc --yes" in page(client, "/catalogue/?q=Minzu University of China")


def test_cities_are_named_and_found_in_both_languages(client):
    assert '<span lang="en">Tianjin</span>' in page(client, "/catalogue/?q=天津&lang=en")
    assert "<span>天津</span>" in page(client, "/catalogue/?q=Tianjin")


def test_the_whole_catalogue_begins_with_what_is_followed(client):
    text = page(client, "/catalogue/")

    assert text.index("海棠大学</a></h2>") < text.index("北京大学")
    assert text.count("<h2>") > 170


def test_readers_of_english_find_it_in_the_order_of_the_alphabet(client):
    text = page(client, "/catalogue/?lang=en")

    assert text.index("Haitang University") < text.index("Anhui University<") < text.index("Beihang University")
    assert text.index("Beihang University") < text.index("Capital Medical University") < text.index("Wuhan University")


@pytest.mark.parametrize("q", ["亚特兰蒂斯", "<script>alert(1)</script>", "x" * 5000, "()[]*"])
def test_what_is_not_there_is_said_and_nothing_of_it_is_run(client, q):
    text = page(client, f"/catalogue/?q={q}")

    assert "没有找到" in text
    assert "<script>alert" not in text


def test_pages_in_english_call_universities_by_their_english_names(client):
    assert '<span lang="en">Haitang University</span>' in page(client, "/universities/?lang=en")
    assert "<title>Haitang University ·" in page(client, "/universities/海棠大学/?lang=en")
    assert '<span lang="en">Nankai University</span>' in page(client, "/catalogue/?q=nankai&lang=en")
    assert "Haitang University" not in page(client, "/universities/")


def test_a_switch_file_that_was_broken_since_the_start_is_the_operators_to_mend(client, tmp_path, caplog):
    page(client, "/catalogue/")
    (tmp_path / "enabled.toml").write_text("on = [", "utf-8")

    assert 503 == client.get("/catalogue/").status_code
    assert "enabled.toml" in caplog.text
