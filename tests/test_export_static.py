"""The site as files: served by a plain server and crawled, written again after news, and what stays untouched."""

import gzip
import json
import threading
from collections import deque
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urljoin, urlsplit

import feedparser
import pytest
from click.testing import CliRunner
from lxml import etree, html

from aggregator.cli import main
from aggregator.errors import SettingsError
from aggregator.identity import identity
from aggregator.instance import at_address
from aggregator.settings import WebSettings
from aggregator.store import Store
from aggregator.web.freeze import freeze
from aggregator.web.manifest import NAME, opened
from tests.newsroom import NOW, PICTURE, SITE_URL, empty_store, fill, rules, settings, story, visit

# no file system takes them as they are, or they would stand where something else does
ODD = ("甲/乙", "..", "x.atom", "x", "index.html", "问？答?#1%", "长" * 90, "~a", ".hidden", "a b", "C++", "before")
FEEDS = (".atom", ".rss", ".json")
LINKS = ("//*[@href]/@href", "//*[@src]/@src")
# no page and no feed leads there, yet they are known by their names
WELL_KNOWN = {"/404.html", "/digest.atom", "/static/favicon.svg", "/static/icon.png"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder):
    """*folder* on a plain web server; its host and port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as found:
        fill(found)
        yield found


@pytest.fixture
def small(tmp_path):
    with empty_store(tmp_path) as found:
        few(found)
        yield found


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """The site of ``store``, which nobody writes again."""
    folder = tmp_path_factory.mktemp("site")
    with empty_store(folder) as found:
        fill(found)
        export(found, folder)
    return folder / "public"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A site of 202 entries, some of them with odd tags, which nobody writes again."""
    folder = tmp_path_factory.mktemp("large")
    with empty_store(folder) as found:
        fill(found)
        many(found, 130)
        for number, tag in enumerate(ODD):
            found.entries.record([visit(2, story(5000 + number, hours=number, tags=("要闻", tag)))])
        export(found, folder)
    return folder / "public"


def few(store):
    """Six entries of two days, so that an export takes a moment."""
    news = [story(number, hours=number * 4, images=(PICTURE,)) for number in range(6)]
    store.entries.record([visit(1, *news[:4]), visit(2, *news[4:])])


def many(store, number, *, source=1, first=1000, hours=1.0):
    """*number* entries more, each *hours* older than the one before."""
    news = [story(first + one, hours=20 + one * hours, html="<p>短</p>") for one in range(number)]
    store.entries.record([visit(source, *news)])


def export(store, tmp_path, folder="public", *, now=NOW, config=None, **options):
    return freeze(config or settings(tmp_path), store, tmp_path / folder, lambda: now, **options)


def files(folder):
    """Path -> (bytes, time of change) of every file but our own notes."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def bodies(folder):
    return {path: body for path, (body, _) in files(folder).items()}


def changed(before, after):
    return {path for path in after if before.get(path) != after[path]}


def links(path, body):
    """The addresses in a page, a feed, a list of feeds or a sitemap."""
    if path.endswith(("/", ".html")):
        page = html.fromstring(body)
        return [value for query in LINKS for value in page.xpath(query)]
    if path.endswith((".atom", ".rss", ".xml", ".opml")):
        document = etree.fromstring(body)
        named = ("href", "htmlUrl", "xmlUrl")
        found = [one.get(name) for one in document.iter("*") for name in named if one.get(name)]
        return found + [one.text for one in document.iter("{*}loc", "link", "{*}icon", "{*}logo") if one.text]
    if path.endswith(".webmanifest"):
        return [icon["src"] for icon in json.loads(body)["icons"]]
    if path.endswith(".json") and "/digest" not in path:
        feed = json.loads(body)
        return [feed[name] for name in ("home_page_url", "feed_url", "next_url", "icon", "favicon") if name in feed]
    return []


def crawl(address, site=SITE_URL):
    """Every path that links lead to from the front page on. Asserts that each is there, and asks no question."""
    root = urlsplit(site).path
    connection = HTTPConnection(*address)
    waiting, seen = deque([f"{root}/", f"{root}/robots.txt", f"{root}/sitemap.xml"]), set()
    while waiting:
        path = waiting.popleft()
        if path in seen:
            continue
        seen.add(path)
        connection.request("GET", path.removeprefix(root))
        answer = connection.getresponse()
        body = answer.read()
        assert (200, path) == (answer.status, path)
        for link in links(path, body):
            there = urlsplit(urljoin(site + path.removeprefix(root), link))
            if there.netloc == urlsplit(site).netloc:
                # what follows ? only lets browsers fetch a changed style sheet anew
                assert there.path.startswith(f"{root}/static/") or not there.query, (path, link)
                assert there.path.startswith(f"{root}/"), (path, link)
                waiting.append(there.path)
    connection.close()
    return {unquote(path) for path in seen}


def test_every_link_leads_to_a_file_and_links_lead_to_every_file(large):
    with served(large) as address:
        found = crawl(address)
    written = {"/" + path.removesuffix("index.html") for path in bodies(large)}
    assert WELL_KNOWN == {path for path in written - found if not path.endswith((".rss", ".json"))}


def test_a_site_below_a_path_leads_nowhere_else(small, tmp_path):
    site = "https://campus.example.org/some/news"
    export(small, tmp_path, config=at_address(settings(tmp_path), site + "/"))
    with served(tmp_path / "public") as address:
        assert f"{urlsplit(site).path}/en/tags/要闻/" in crawl(address, site)


def test_a_reader_that_follows_the_pages_of_a_feed_gets_every_entry_once(large):
    for extension in ("atom", "rss"):
        path, seen = f"feed.{extension}", []
        while path:
            feed = feedparser.parse((large / path).read_bytes())
            assert not feed.bozo
            seen += [entry.id for entry in feed.entries]
            path = next((urlsplit(link.href).path[1:] for link in feed.feed.links if link.rel == "next"), None)
        assert 202 == len(seen) == len(set(seen))


def test_each_document_of_a_feed_names_itself(large):
    found = {}
    for path in large.rglob("*.atom"):
        feed = feedparser.parse(path.read_bytes())
        assert not feed.bozo
        itself = next(link.href for link in feed.feed.links if link.rel == "self")
        found[path.relative_to(large).as_posix()] = unquote(urlsplit(itself).path[1:])
    assert {path: path for path in found} == found
    assert {"feed.atom", "feed/archive/2025-03-12.atom", "tags/海棠大学.atom"} < set(found)
    assert 3 == sum(path.startswith("feed/before/") for path in found)  # and 52 of the 202 entries in the first


def test_a_second_run_touches_nothing(small, tmp_path):
    first = export(small, tmp_path)
    before = files(tmp_path / "public")
    again = export(small, tmp_path)
    assert (0, 0, first.written) == (again.written, again.removed, again.kept)
    assert before == files(tmp_path / "public")


def test_one_new_entry_rewrites_what_shows_it_and_nothing_else(store, tmp_path):
    many(store, 130)
    export(store, tmp_path)
    before = files(tmp_path / "public")
    new, former = story(9000, hours=-0.1), store.entries.newest(1)[0]
    store.entries.record([visit(1, new)])
    export(store, tmp_path)

    after = files(tmp_path / "public")
    slugs = (new.slug, former.slug)  # the one it follows in its source names it
    pages = [f"entries/{slug}/index.html" for slug in slugs]
    pages += [f"{place}index.html" for place in ("", "tags/", "universities/", "sources/", "archive/", "digest/")]
    pages += ["archive/2025/03/index.html", "archive/2025/03/21/index.html"]
    subjects = ("tags/海棠大学", "tags/要闻", "sources/haitang-news", "universities/海棠大学")
    pages += [f"{subject}/index.html" for subject in subjects]
    for issue in ("2025-03-21", "2025-W12", "2025-03"):
        pages += [f"digest/{issue}/index.html", f"digest/{issue}.txt", f"digest/{issue}.json"]
    feeds = [f"{name}{extension}" for name in ("feed", *subjects) for extension in FEEDS]
    # what is not translated is the same in each language
    english = {f"en/{path}" for path in pages if not path.endswith(".json")}
    assert {*pages, *feeds, *english, "sitemaps/1.xml"} == {
        path for path in changed(before, after) if not (path.startswith("en/") and path.endswith(".json"))
    }
    assert set(before) < set(after)


def test_after_news_the_files_are_what_a_new_export_would_write(store, tmp_path):
    many(store, 100)
    export(store, tmp_path)
    many(store, 47, first=2000, hours=7)  # they come late: in between what is there
    store.entries.record([visit(2, story(9000, hours=-1, tags=("新标签",)))])
    export(store, tmp_path, now=NOW + timedelta(hours=1))
    export(store, tmp_path, "anew", now=NOW + timedelta(hours=1))
    assert bodies(tmp_path / "anew") == bodies(tmp_path / "public")


def test_postgresql_gives_the_same_files(postgresql, small, tmp_path):
    other = Store(postgresql)
    try:
        other.upgrade()
        other.sources.sync(rules(), NOW)
        few(other)
        export(other, tmp_path, "other")
    finally:
        other.close()
    export(small, tmp_path)
    assert bodies(tmp_path / "public") == bodies(tmp_path / "other")


def test_a_day_without_news_changes_only_what_tells_the_day(small, tmp_path):
    export(small, tmp_path)
    before = files(tmp_path / "public")
    export(small, tmp_path, now=NOW + timedelta(days=1))
    kinds = {path.removeprefix("en/").split(".")[0] for path in changed(before, files(tmp_path / "public"))}
    new_issue = {"digest/2025-03-22", "digest/2025-03-22/index"}
    # the digest of the day that is over is provisional no more; this week's sum of a day more is the same
    final = {"digest/2025-03-21", "digest/2025-03-21/index"}
    assert {"index", "digest/index", "digest", *final, *new_issue} == kinds


def test_older_pages_are_full_and_stay_when_news_come(store, tmp_path):
    many(store, 130)
    export(store, tmp_path)
    before = files(tmp_path / "public")
    assert 40 == before["tags/海棠大学/index.html"][0].count(b'<article class="item')  # of 160, in pages of 30
    for first, number in ((7000, 1), (7100, 25)):  # the second fills a page of each list
        news = [story(first + one, hours=-one / 10, html="") for one in range(number)]
        store.entries.record([visit(1, *news)])
        export(store, tmp_path)
    after = files(tmp_path / "public")
    older = {path for path in before if "/before/" in path}
    assert older
    assert set() == older & changed(before, after)
    assert set() == set(before) - set(after)


def test_an_entry_that_moved_changes_only_what_links_to_it(small, tmp_path):
    export(small, tmp_path)
    before = files(tmp_path / "public")
    one = small.entries.newest(30)[-1]
    moved = "http://haitang.example/moved.htm"
    small.entries.record([visit(1, moved=((identity(moved), moved, one.id),))])
    export(small, tmp_path)
    pages = {path for path in changed(before, files(tmp_path / "public")) if "entries/" in path}
    assert {f"entries/{one.slug}/index.html", f"en/entries/{one.slug}/index.html"} == pages
    export(small, tmp_path, "anew")
    assert bodies(tmp_path / "anew") == bodies(tmp_path / "public")


def test_what_is_no_longer_part_of_the_site_is_removed_and_foreign_files_stay(small, tmp_path):
    public = tmp_path / "public"
    export(small, tmp_path, compress=True)
    today = public / "digest" / "2025-03-23"
    export(small, tmp_path, now=NOW + timedelta(days=2), compress=True)
    assert (today / "index.html.gz").exists()
    foreign = (public / "CNAME", public / "tags" / "notes.txt", public / ".well-known" / "security.txt")
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("theirs")
    done = export(small, tmp_path, now=NOW + timedelta(days=3), compress=True)
    assert not today.exists()  # a day without news, of which only its own day has a page
    assert 0 < done.removed
    assert ["theirs"] * 3 == [path.read_text() for path in foreign]


def test_a_foreign_file_in_the_place_of_ours_stays_and_is_told(small, tmp_path):
    public = tmp_path / "public"
    with opened(public):
        pass
    (public / "robots.txt").write_text("theirs")
    done = export(small, tmp_path)
    assert ("robots.txt",) == done.foreign
    assert "theirs" == (public / "robots.txt").read_text()


def test_a_folder_with_other_peoples_files_is_refused(small, tmp_path):
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "thesis.pdf").write_bytes(b"years")
    with pytest.raises(SettingsError, match="holds files that we did not write"):
        export(small, tmp_path)
    assert ["thesis.pdf"] == [path.name for path in (tmp_path / "public").iterdir()]


def test_of_two_exports_at_once_the_second_is_refused(small, tmp_path):
    with opened(tmp_path / "public"), pytest.raises(SettingsError, match="another export is writing"):
        export(small, tmp_path)


def test_what_was_broken_off_is_whole_and_goes_on(small, tmp_path):
    class KilledError(Exception):
        pass

    written = []

    def note():
        written.append(None)
        if len(written) == 30:
            raise KilledError

    with pytest.raises(KilledError):
        export(small, tmp_path, written=note)
    half = files(tmp_path / "public")
    done = export(small, tmp_path)
    export(small, tmp_path, "anew")
    assert () == done.foreign
    assert bodies(tmp_path / "anew") == bodies(tmp_path / "public")
    kept = files(tmp_path / "public")
    assert 30 == len(half)
    assert half == {path: kept[path] for path in half}


def test_files_are_as_old_as_what_they_show_and_never_hide_a_change(small, tmp_path):
    public = tmp_path / "public"
    export(small, tmp_path)
    newest = max(entry.updated for entry in small.entries.newest(100))
    feed = public / "tags" / "海棠大学.atom"
    assert newest.timestamp() == (public / "feed.atom").stat().st_mtime
    before = feed.stat().st_mtime
    # another name of the site, and nothing new in it
    export(small, tmp_path, config=settings(tmp_path, name="别的名字"))
    assert before + 1 == feed.stat().st_mtime


def test_each_file_may_have_a_compressed_one_beside_it(small, tmp_path):
    public = tmp_path / "public"
    export(small, tmp_path, compress=True)
    packed = {path: body for path, body in bodies(public).items() if path.endswith(".gz")}
    plain = {path: body for path, body in bodies(public).items() if not path.endswith((".gz", ".png"))}
    assert plain == {path.removesuffix(".gz"): gzip.decompress(body) for path, body in packed.items()}
    page = public / "index.html"
    assert page.stat().st_mtime == page.with_name("index.html.gz").stat().st_mtime
    export(small, tmp_path)
    assert plain.keys() == {path for path in bodies(public) if not path.endswith(".png")}


def test_it_offers_no_search_and_says_so(public):
    pages = {path: body.decode() for path, body in bodies(public).items() if path.endswith(".html")}
    assert set() == {path for path, page in pages.items() if "/search" in page or "<form" in page}
    assert "没有搜索" in pages["about/index.html"]
    assert "there is no search" in pages["en/about/index.html"]


def test_it_tells_how_sources_stand_but_nothing_of_the_operators(public):
    found = bodies(public)
    for name in ("sources/index.html", "sources/xinghu-lectures/index.html"):
        page = found[name].decode()
        assert "失效" in page
        assert "did not answer" not in page
        assert "网站维护中" not in page
        assert "下次读取" not in page


def test_pictures_come_from_where_they_are_without_a_referrer(small, tmp_path):
    config = settings(tmp_path).model_copy(update={"web": WebSettings(pictures="proxy", hubs="https://hub.example/")})
    export(small, tmp_path, config=config)
    found = bodies(tmp_path / "public")
    page = html.fromstring(found["digest/2025-03-21/index.html"])
    assert {PICTURE} == set(page.xpath("//img/@src"))
    assert ["no-referrer"] == page.xpath("//meta[@name='referrer']/@content")
    assert "img-src 'self' data: http: https:" in page.xpath("//meta[@http-equiv]/@content")[0]
    assert b"hub.example" not in found["feed.atom"]


def test_both_languages_lead_to_each_other(public):
    chinese = html.fromstring((public / "tags/要闻/index.html").read_bytes())
    english = html.fromstring((public / "en/tags/要闻/index.html").read_bytes())
    there = "/tags/%E8%A6%81%E9%97%BB/"
    other = "//footer//a[@hreflang]/@href"
    assert ([f"/en{there}"], [there]) == (chinese.xpath(other), english.xpath(other))
    assert ("zh-CN", "en") == (chinese.get("lang"), english.get("lang"))
    assert ["/en/archive/"] == english.xpath("//nav//a[text()='Archive']/@href")


def test_the_error_page_stands_at_the_root(public):
    page = html.fromstring((public / "404.html").read_bytes())
    assert ["404 没有这一页 · 高校新闻"] == page.xpath("//title/text()")
    assert [] == [there for there in page.xpath("//@href") if not there.startswith(("/", "#"))]


def test_a_site_without_news_is_a_site(tmp_path):
    with empty_store(tmp_path) as store:
        export(store, tmp_path)
        with served(tmp_path / "public") as address:
            assert "/sources/haitang-news/" in crawl(address)


def test_the_command_says_what_it_did(tmp_path, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    with empty_store(tmp_path) as store:
        few(store)
    command = ["export", "static", str(tmp_path / "public"), "--base-url", SITE_URL]
    first = CliRunner().invoke(main, command)
    again = CliRunner().invoke(main, command)
    assert (0, 0) == (first.exit_code, again.exit_code)
    count = len(files(tmp_path / "public"))
    assert f"{tmp_path / 'public'}: {count} files written, 0 removed, 0 as they were\n" == first.output
    assert f"{count} as they were" in again.output
    wrong = CliRunner().invoke(main, [*command[:-1], "example.org"])
    assert (2, True) == (wrong.exit_code, "is no public address" in wrong.output)
