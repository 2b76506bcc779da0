import json
import re

import pytest

from aggregator.settings import Settings, SiteSettings, WebSettings
from aggregator.web.app import create_app
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, fill, story, visit
from tests.test_web_pages import places


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


def data(page):
    """What a page says in schema.org's words, by type."""
    found = map(json.loads, re.findall(r'<script type="application/ld\+json">(.*?)</script>', page))
    return {one["@type"]: one for one in found}


def meta(page):
    return dict(re.findall(r'<meta (?:name|property)="([\w:.-]+)" content="(.*?)">', page))


def test_an_entry_is_a_news_article(client, store):
    entry = store.entries.newest(1)[0]
    page = client.get(f"/entries/{entry.slug}/").text

    said = data(page)["NewsArticle"]

    assert (entry.title.replace("\u3000", " "), entry.url, "zh-CN") == (
        said["headline"],
        said["isBasedOn"],
        said["inLanguage"],
    )
    assert "2025-03-21T10:30+08:00" == said["datePublished"]
    assert ("CollegeOrUniversity", "海棠大学") == (said["publisher"]["@type"], said["publisher"]["name"])
    assert said["image"].startswith(f"{SITE_URL}/pictures/")
    assert ["海棠大学", "要闻"] == said["keywords"]


def test_a_day_is_no_more_exact_for_machines(client, store):
    entry = next(one for one in store.entries.newest(60) if one.precision == "day")

    said = data(client.get(f"/entries/{entry.slug}/").text)["NewsArticle"]

    assert re.fullmatch(r"\d{4}-\d\d-\d\d", said["datePublished"])


def test_a_page_says_where_it_stands(client, store):
    entry = store.entries.newest(1)[0]

    trail = data(client.get(f"/entries/{entry.slug}/").text)["BreadcrumbList"]["itemListElement"]

    assert ["高校新闻", "高校", "海棠大学", "学校要闻", entry.title.replace("\u3000", " ")] == [
        step["name"] for step in trail
    ]
    assert all(step["item"].startswith(SITE_URL + "/") for step in trail)
    assert [1, 2, 3, 4, 5] == [step["position"] for step in trail]


def test_a_list_names_its_entries(client, store):
    said = data(client.get("/tags/海棠大学/").text)["CollectionPage"]

    assert "海棠大学" == said["name"]
    assert f"{SITE_URL}/entries/{store.entries.newest(1)[0].slug}/" == said["mainEntity"]["itemListElement"][0]["url"]


def test_every_page_has_what_cards_show(client, store):
    for place in places(store):
        said = meta(client.get(place).text)

        assert {"description", "og:url", "og:title", "og:description", "og:type", "twitter:card"} <= set(said), place
        assert said["og:url"].startswith(SITE_URL)
    assert "summary_large_image" == said["twitter:card"]


def test_no_two_pages_have_the_same_title(client, store):
    titles = [
        re.search("<title>(.*?)</title>", client.get(place).text)[1] for place in places(store) if "digest" not in place
    ]

    assert len(set(titles)) == len(titles)


def test_pages_name_themselves_in_each_language_and_an_entry_in_one(client, store):
    def languages(place):
        return dict(re.findall(r'hreflang="([\w-]+)" href="(http.*?)"', client.get(place).text))

    expected = {"zh-CN": "/tags/?lang=zh", "en": "/tags/?lang=en", "x-default": "/tags/"}
    assert (
        {tag: SITE_URL + path for tag, path in expected.items()} == languages("/tags/") == languages("/tags/?lang=en")
    )
    assert {} == languages(f"/entries/{store.entries.newest(1)[0].slug}/")
    assert f'rel="canonical" href="{SITE_URL}/tags/?lang=en"' in client.get("/tags/?lang=en").text
    assert f'rel="canonical" href="{SITE_URL}/tags/"' in client.get("/tags/").text


def test_what_nobody_reads_is_no_part_of_the_address_of_a_page(client):
    assert f'rel="canonical" href="{SITE_URL}/tags/"' in client.get("/tags/?utm_source=x").text


def test_an_error_page_has_no_address(client):
    page = client.get("/nope").text

    assert "canonical" not in page
    assert "og:url" not in page


def test_an_entry_leads_to_the_one_before_and_after_and_to_others_of_its_tag(client, store):
    its = [one for one in store.entries.newest(60) if one.source.name == "haitang-news"]
    page = client.get(f"/entries/{its[1].slug}/").text

    assert f'rel="next" href="/entries/{its[0].slug}/"' in page
    assert f'rel="prev" href="/entries/{its[2].slug}/"' in page
    related = page.partition('class="narrow neighbours"')[2].partition("</ul>")[0]
    assert 4 == related.count("<li>")
    assert its[1].slug not in related


def test_an_attachment_says_what_it_is(client, store):
    store.entries.record(
        [visit(1, story(99, attachments=store.entries.by_slug(store.entries.newest(1)[0].slug).attachments))]
    )

    page = client.get(f"/entries/{store.entries.newest(1)[0].slug}/").text

    assert "海耐系列品种试种名单（2025年）.docx</a> <small>DOCX · 48 KB</small>" in page


# ---------------------------------------------------------------- the operator's


@pytest.fixture
def guarded(store, tmp_path):
    chosen = Settings(instance=tmp_path, site=SiteSettings(url=SITE_URL), web=WebSettings(admin_token="geheim 秘密"))
    return create_app(chosen, store, lambda: NOW).test_client()


@pytest.mark.parametrize(
    "given", [None, "Bearer ", "Bearer geheim", "Basic geheim", "geheim\xe9", "Bearer " + "x" * 9000]
)
def test_without_the_token_nobody_sees_numbers_and_kept_responses(guarded, given):
    headers = {"Authorization": given} if given else {}

    answer = guarded.get("/metrics", headers=headers)

    assert (401, "Bearer") == (answer.status_code, answer.headers["WWW-Authenticate"])
    assert "aggregator_entries" not in answer.text
    assert "网站维护中" not in guarded.get("/sources/xinghu-lectures/", headers=headers).text


def test_with_the_token_the_operator_does(guarded):
    token = {"Authorization": "Bearer geheim 秘密".encode().decode("latin-1")}

    assert 200 == guarded.get("/metrics", headers=token).status_code
    assert "网站维护中" in guarded.get("/sources/xinghu-lectures/", headers=token).text
    assert "网站维护中" not in guarded.get("/sources/xinghu-lectures/").text


def test_no_address_leads_to_another_host(client):
    for place in (
        "/tags",
        "/archive",
        "//evil.example/",
        "/tags//evil.example",
        "/universities",
        "/sources/haitang-news",
    ):
        location = client.get(place, headers={"Host": "evil.example"}).headers.get("Location", "/")

        assert location.startswith("/"), place
        assert not location.startswith("//"), place
