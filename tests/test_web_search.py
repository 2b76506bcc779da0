import json
import re
from datetime import timedelta
from urllib.parse import quote, unquote

import pytest
from lxml import etree
from sqlalchemy import text

from aggregator.web.limit import MOST_CLIENTS, Limit
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, fill, story, visit


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        fill(opened)
        while opened.index.catch_up():
            pass
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


def page(client, **values):
    return client.get("/search", query_string=values)


def headlines(answer):
    found = re.findall(r"<h2><a href=[^>]*>(.*?)</a></h2>", answer.text)
    return [re.sub("</?mark>", "", one) for one in found]


def test_without_words_the_page_shows_how_to_search(client):
    answer = page(client)

    assert 200 == answer.status_code
    assert 'name="q"' in answer.text
    assert "原样的一句" in answer.text


def test_results_have_their_words_marked_in_title_and_text(client):
    answer = page(client, q="水稻")

    assert 20 == len(headlines(answer))
    assert "我校<mark>水稻</mark>耐旱研究" in answer.text
    assert re.search(r'<p class="summary"[^>]*>.*<mark>水稻</mark>', answer.text)


def test_a_traditional_word_finds_and_marks_simplified_ones(client):
    assert "<mark>图书馆</mark>东馆" in page(client, q="圖書館").text


def test_pages_lead_to_the_last_result(client):
    seen, address = [], "/search?q=水稻"
    while address:
        answer = client.get(address)
        seen += headlines(answer)
        onward = re.search(r'rel="next" href="([^"]+)"', answer.text)
        address = onward[1].replace("&amp;", "&") if onward else None

    assert 60 == len(seen)


def test_fields_narrow_the_search_and_stay_filled(client):
    answer = page(client, q="水稻", tag="讲座", university="海棠大学", since="2025-03-10", until="2025-03-20")

    assert 200 == answer.status_code
    assert 'value="讲座"' in answer.text
    assert "<option selected>海棠大学</option>" in answer.text
    assert 'type="date" value="2025-03-10"' in answer.text
    assert 0 < len(headlines(answer)) < 20


def test_what_narrows_is_listed_without_words_to_the_last_entry(store, client):
    seen, address = [], "/search?q=tag:讲座"
    while address:
        answer = client.get(address)
        seen += headlines(answer)
        onward = re.search(r'rel="next" href="([^"]+)"', answer.text)
        address = onward[1].replace("&amp;", "&") if onward else None

    assert store.entries.tag("讲座").entry_count == len(seen)
    assert headlines(page(client, q="tag:讲座")) == headlines(page(client, tag="讲座"))


def test_what_is_on_one_page_is_counted_exactly(client):
    few, many = page(client, q="水稻 -讲座 图书馆"), page(client, q="水稻")
    one = page(client, q="水稻", tag="讲座", since="2025-03-10", until="2025-03-20")

    assert f"{len(headlines(one))} 条新闻" in one.text
    assert "约" not in one.text + few.text
    assert "约 60 条" in many.text


def test_a_search_that_finds_nothing_gives_advice(client):
    answer = page(client, q="没有这个词")

    assert 200 == answer.status_code
    assert "没有找到" in answer.text
    assert "换一个说法" in answer.text


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"q": "“水稻"}, 400, "第 1 个字符处：引号不成对"),
        ({"q": "-水稻"}, 400, "没有要搜的词"),
        ({"q": "水稻", "since": "昨天"}, 400, "日期应写成"),
        ({"q": "水稻", "tag": "a+"}, 400, "看不懂这个标签式"),
        ({"q": "水稻", "tag": "没有的标签"}, 404, "没有这个名字"),
        ({"q": "水稻", "university": "没有的大学"}, 404, "没有这个名字"),
        ({"q": "水" * 300}, 400, "写得太长"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form(client, values, status, said):
    answer = page(client, **values)

    assert status == answer.status_code
    assert said in answer.text
    assert 'role="search"' in answer.text


def test_a_place_that_is_none_is_not_found(client):
    assert 404 == page(client, q="水稻", before="x").status_code
    assert 404 == page(client, q="水稻", before="x", order="relevance").status_code


def test_the_feeds_of_a_search_are_linked(client):
    answer = page(client, q="水稻", tag="讲座", since="2025-03-01")

    feeds = re.findall(r'<link rel="alternate" type="[^"]+" title="水稻[^"]*" href="([^"]+)"', answer.text)
    assert 3 == len(feeds)
    assert all("q=%E6%B0%B4%E7%A8%BB" in one and "tag=" in one and "since" not in one for one in feeds)


def test_nothing_that_is_typed_or_stored_becomes_markup(client, store):
    script = "<script>alert(1)</script>"
    bad = story(
        900, title=f"水稻{script}", text=f"水稻 {script} <img src=x onerror=alert(1)> 说了一句话。", summary=script
    )
    store.entries.record([visit(1, bad)])

    for values in ({"q": "水稻"}, {"q": script}, {"q": f'"{script}'}, {"q": "alert", "tag": script, "order": '"><b>'}):
        text = page(client, **values).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<b>" not in text


def test_news_that_nobody_indexed_yet_are_found(client, store):
    store.entries.record([visit(1, story(901, title="量子鸭研究"))])

    assert ["量子鸭研究"] == headlines(page(client, q="量子鸭"))


def test_a_full_disk_leaves_what_is_indexed_to_be_searched(client, store):
    long = "".join(chr(code) for code in range(0x4E00, 0x9000))
    store.entries.record([visit(1, *[story(number, title=f"量子鸭{number}", text=long) for number in range(901, 905)])])
    with store.write() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    answer = page(client, q="水稻")

    assert (200, 20) == (answer.status_code, len(headlines(answer)))
    assert "只看了最新的一部分" in answer.text


def test_who_searches_too_often_is_asked_to_wait(client):
    for _ in range(60):
        assert 200 == page(client, q="水稻").status_code

    refused = page(client, q="水稻")
    other = client.get("/search?q=水稻", environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert 429 == refused.status_code
    assert "1" == refused.headers["Retry-After"]
    assert "稍等" in refused.text
    assert 200 == other.status_code
    assert 200 == page(client).status_code


def test_suggestions_name_tags_sources_universities_and_news(client):
    answer = client.get("/search/suggest?q=海棠")

    typed, names, kinds, addresses = answer.json
    assert "海棠" == typed
    assert ["海棠大学", "海棠大学"] == names[:2]
    assert {"标签", "高校"} <= set(kinds)
    assert all(200 == client.get(one).status_code for one in addresses)
    assert "application/x-suggestions+json" in answer.content_type


@pytest.mark.parametrize("typed", ["", "“", "-", "%", "_", "tag:", "圖書館", "'", "\\", "x" * 500])
def test_whatever_is_typed_gets_suggestions_or_none(client, typed):
    answer = client.get("/search/suggest", query_string={"q": typed})

    assert 200 == answer.status_code
    assert 4 == len(json.loads(answer.text))


def test_titles_are_suggested_to_traditional_letters(client):
    _, names, kinds, _ = client.get("/search/suggest?q=圖書館").json

    assert "图书馆东馆今起试运行，新增阅览座位 1800 个" in names
    assert "新闻" in kinds


def test_browsers_learn_how_to_search(client):
    document = etree.fromstring(client.get("/opensearch.xml").data)

    pages = [one.get("template") for one in document.findall("{*}Url")]
    assert f"{SITE_URL}/search?q={{searchTerms}}" == pages[0]
    assert f"{SITE_URL}/search/suggest?q={{searchTerms}}" == pages[1]
    assert "/opensearch.xml" in page(client).text


def test_the_page_speaks_english(client):
    answer = page(client, q="水稻", lang="en")

    assert '<html lang="en">' in answer.text
    assert "Order" in answer.text
    assert 'name="lang" value="en"' in answer.text


def test_who_has_waited_may_search_again():
    limit = Limit(2)

    spent = [limit.wait("192.0.2.1", NOW) for _ in range(3)]
    later = limit.wait("192.0.2.1", NOW + timedelta(seconds=31))

    assert [0.0, 0.0, 30.0] == spent
    assert 0.0 == later


def test_one_household_is_one_client():
    limit = Limit(1)
    limit.wait("2001:db8:1:2::1", NOW)

    assert 60.0 == limit.wait("2001:db8:1:2:ffff::9", NOW)
    assert 0.0 == limit.wait("2001:db8:1:3::1", NOW)
    for number in range(MOST_CLIENTS):
        limit.wait(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", NOW)
    assert 0.0 == limit.wait("2001:db8:1:2::1", NOW)


def test_who_comes_by_ipv4_to_a_socket_of_both_versions_is_a_client_alone():
    limit = Limit(1)
    limit.wait("::ffff:192.0.2.1", NOW)

    assert 0.0 == limit.wait("::ffff:192.0.2.2", NOW)
    assert 60.0 == limit.wait("192.0.2.1", NOW)


def test_a_university_that_is_suggested_leads_to_its_page(client):
    _, _, kinds, addresses = client.get("/search/suggest?q=海棠大").json

    there = [one for one, kind in zip(addresses, kinds, strict=True) if kind == "高校"]
    assert [quote("/universities/海棠大学/")] == there


def test_a_source_narrows_a_search(client):
    answers = [page(client, q="水稻", source=name) for name in ("haitang-news", "haitang-rural", "none")]

    assert [200, 200, 404] == [one.status_code for one in answers]
    assert headlines(answers[0]) != headlines(answers[1])
    assert 'name="source" value="haitang-news"' in answers[0].text
    assert "/feed.atom?q=%E6%B0%B4%E7%A8%BB&amp;source=haitang-news" in answers[0].text


def test_the_feed_of_a_search_costs_a_search(client):
    for _ in range(60):
        assert 200 == client.get("/feed.atom?q=水稻").status_code

    refused = client.get("/feed.atom?q=水稻")

    assert (429, "text/plain") == (refused.status_code, refused.mimetype)
    assert "1" == refused.headers["Retry-After"]
    assert 200 == client.get("/feed.atom").status_code


def test_the_feed_of_a_search_has_what_was_stored_a_moment_ago(client, store):
    store.entries.record([visit(1, story(900, title="量子计算机开机"))])

    assert "量子计算机开机" in client.get("/feed.atom?q=量子计算").text


@pytest.mark.parametrize("words", ["“水稻", "tag:", "-水稻", "水" * 201])
def test_the_feed_of_what_cannot_be_searched_says_why(client, words):
    answer = client.get("/feed.atom", query_string={"q": words})

    assert (400, "text/plain") == (answer.status_code, answer.mimetype)
    assert "个字符处" in answer.text


def test_the_feed_of_a_search_belongs_to_its_page(client):
    feed = etree.fromstring(client.get("/feed.atom?tag=要闻&q=水稻").data)

    (there,) = [one.get("href") for one in feed.iterfind("{*}link[@rel='alternate']")]
    assert f"{SITE_URL}/search?tag=要闻&q=水稻" == unquote(there)
    assert feed.findtext("{*}id").endswith(":feed:/search?" + there.partition("?")[2])
    assert headlines(client.get(there.removeprefix(SITE_URL)))


@pytest.mark.parametrize("address", ["/search/suggest?q=海棠", "/opensearch.xml", "/search?q=水稻"])
def test_what_is_said_in_the_readers_language_is_kept_for_that_language_alone(client, address):
    chinese, english = (client.get(address, headers={"Accept-Language": language}) for language in ("zh", "en"))

    assert chinese.data != english.data
    assert ["Accept-Language"] == [one for one in english.vary.as_set(preserve_casing=True) if one != "Accept-Encoding"]
