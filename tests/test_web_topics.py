"""Topics on pages: their English names, why an entry has them, tags by kind, and the addresses of renamed ones."""

import pytest

from aggregator.model import Given, Site, SourceRule
from aggregator.web.topics import reasons
from tests.newsroom import NOW, app_of, empty_store, story, visit

SOURCE = SourceRule("haitang-news", "学校要闻", "http://haitang.example/haitang-news/", tags=("要闻",))


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as made:
        made.sources.sync([(Site("haitang", "海棠大学", tags=("海大",)), SOURCE)], NOW)
        tags = ("海大", "海棠大学", "要闻", "科研", "科研成果", "旧标签")
        fields = {"section": ("新闻", "科研动态"), "keywords": ("知识产权",)}
        made.entries.record([visit(1, story(1, tags=tags, title="水稻研究取得新进展", **fields))])
        yield made


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


def test_an_entry_says_why_it_has_each_tag(client, store):
    (entry,) = store.entries.newest(1)
    page = client.get(f"/entries/{entry.slug}/").text

    whys = page[page.index("为什么有这些标签") :]
    assert "<dd>这所学校的每条新闻都有</dd>" in whys
    assert "<dd>这个来源的每条新闻都有</dd>" in whys
    assert "<dd>所在栏目：科研动态</dd>" in whys
    assert "<dd>标题里有：研究…进展</dd>" in whys
    assert "<dd>规则已变，请运行 aggregator retag</dd>" in whys


def test_every_ground_has_its_words(client, store):
    entry = store.entries.by_slug(store.entries.newest(1)[0].slug)
    with client.application.test_request_context("/?lang=en"):
        told = dict(
            reasons(
                entry._replace(text="", tags=("科普", "科研", "成果转化", "海大")), [Given("海大", "university")], ()
            )
        )
        assert "A keyword of the original page: 知识产权" == dict(
            reasons(entry._replace(title="", section=(), tags=("科研",)), (), ())
        )["科研"]  # fmt: skip
        assert (
            "In the first lines: 公众科学日"
            == dict(reasons(entry._replace(text="公众科学日", tags=("科普",)), (), ()))["科普"]
        )

    assert "News of this university" == told["海大"]
    assert "Published in the section 科研动态" == told["科研"]


def test_topics_have_their_english_names_on_english_pages(client, store):
    slug = store.entries.newest(1)[0].slug
    for address in ("/", "/tags/", f"/entries/{slug}/", "/tags/科研成果/"):
        english, chinese = client.get(f"{address}?lang=en").text, client.get(f"{address}?lang=zh").text
        assert "Research results" in english, address
        assert "Research results" not in chinese, address
        assert "科研成果" in chinese


def test_tags_stand_by_what_they_are(client):
    page = client.get("/tags/?lang=zh").text
    order = [
        page.index(word)
        for word in (">主题 ", ">科研<", ">高校 ", ">海大<", ">海棠大学<", ">其他 ", ">旧标签<", ">要闻<")
    ]

    assert sorted(order) == order


def test_the_landing_page_lists_topics(client):
    page = client.get("/?lang=zh").text
    topics = page[page.index(">主题 ") :]

    assert ">科研 <" in topics
    assert ">要闻 <" not in topics


def test_addresses_of_a_renamed_tag_lead_to_the_new_one_for_good(client, store):
    store.tagging.rename("要闻", "头条")

    for old, new in (("/tags/要闻/", "/tags/头条/"), ("/tags/要闻.atom", "/tags/头条.atom")):
        answer = client.get(old)
        assert 301 == answer.status_code
        assert client.get(answer.location).request.path == new
    assert 200 == client.get("/tags/要闻-旧标签|科研.atom", follow_redirects=True).status_code
