"""Pages and feeds of what publishers changed and removed."""

import feedparser
import pytest

from aggregator.model import Change, Looked, Trace, Visit
from aggregator.web.freeze import freeze
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, settings, story, visit

TITLES = "图书馆东馆今起试运行", "图书馆东馆明起试运行"
TEXTS = "新增阅览座位一千八百个。<b>师生凭校园卡入馆</b>。", "新增阅览座位两千个。<b>师生凭校园卡入馆</b>。"
EDITED = Change("edited", ("title", "body"), 4, matters=True, state="a")


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        opened.entries.record(
            [visit(1, story(1, title=TITLES[0], text=TEXTS[0], trace=Trace()), story(2, trace=Trace()))]
        )
        look(opened, 2, (EDITED,), story(1, title=TITLES[1], text=TEXTS[1]))
        yield opened


def look(store, entry_id, changes, new=None):
    (watch,) = (one.watch for one in store.rechecks.of([entry_id]))
    looked = Looked(entry_id, NOW, watch, changes, new)
    store.entries.record([Visit(1, NOW, NOW, looked=(looked,), is_of_articles=True)])


def slug(store, entry_id=2):
    return store.entries.of([entry_id])[0].slug


def test_an_entry_tells_what_became_of_it_and_shows_the_differences(store, tmp_path):
    client = app_of(store, tmp_path).test_client()

    page, differences = (client.get(f"/entries/{slug(store)}/{more}").text for more in ("", "revisions/"))

    assert "改动：标题、正文（4 字）" in page
    assert f"/entries/{slug(store)}/revisions/" in page
    assert (
        '<del><span class="unseen">[删去]</span>今</del><ins><span class="unseen">[加入]</span>明</ins>' in differences
    )
    assert "<b>师生" not in differences
    assert "Changed: title, text" in client.get(f"/entries/{slug(store)}/revisions/?lang=en").text
    assert 404 == client.get(f"/entries/{slug(store, 1)}/revisions/").status_code


def test_all_changes_stand_on_one_page_and_in_feeds(store, tmp_path):
    client = app_of(store, tmp_path).test_client()

    assert TITLES[1] in client.get("/revisions/").text
    assert 200 == client.get("/revisions/?before=1").status_code
    assert 404 == client.get("/revisions/?before=x").status_code
    for extension in ("atom", "rss", "json"):
        assert 200 == client.get(f"/revisions.{extension}").status_code
    (one,) = feedparser.parse(client.get("/revisions.atom").data).entries
    assert f"{SITE_URL}/entries/{slug(store)}/revisions/" == one.link
    assert "<del>一</del>" in one.content[0].value or "<del>一千八百</del>" in one.content[0].value


def test_a_removed_entry_says_so_and_keeps_its_text(store, tmp_path):
    look(store, 2, (Change("removed", ("404",)),))
    client = app_of(store, tmp_path).test_client()

    page = client.get(f"/entries/{slug(store)}/").text

    assert "原文已被发布者删除" in page
    assert "节水三成" in page
    assert "原文已删除：页面已不存在" in client.get("/revisions/").text
    assert "原文已删除" in client.get("/").text


def test_a_withheld_text_stands_on_no_page_and_in_no_feed(store, tmp_path):
    store.withholds = True
    look(store, 2, (Change("removed", ("404",)),))
    look(store, 1, (Change("removed", ("404",)),))
    client = app_of(store, tmp_path).test_client()
    places = [
        "/",
        "/feed.atom",
        "/feed.rss",
        "/feed.json",
        "/revisions/",
        "/revisions.atom",
        f"/entries/{slug(store)}/",
    ]
    places += [f"/entries/{slug(store)}/revisions/", "/sources/haitang-news/", "/search?q=一千八百"]

    for place in places:
        answer = client.get(place)
        assert 200 == answer.status_code, place
        for secret in ("千八百个", "节水三成", "课题组历时"):
            assert secret not in answer.text, place

    assert TITLES[1] in client.get("/feed.atom").text


def test_files_show_revisions_and_follow_the_next_one(store, tmp_path):
    folder, place = tmp_path / "public", f"entries/{slug(store)}"
    freeze(settings(tmp_path), store, folder, lambda: NOW)

    assert "[删去]" in (folder / place / "revisions/index.html").read_text()
    assert TITLES[1] in (folder / "revisions/index.html").read_text()
    assert {"atom", "rss", "json"} <= {path.suffix[1:] for path in folder.glob("revisions.*")}

    store.withholds = True
    look(store, 2, (Change("removed", ("404",)),))
    freeze(settings(tmp_path), store, folder, lambda: NOW)

    for path in folder.rglob("*"):
        if path.suffix in (".html", ".atom", ".rss", ".json", ".txt"):
            assert "座位两千个" not in path.read_text(), path
