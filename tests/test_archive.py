"""Pages and pictures kept for when their originals are gone: fetched from a server of our own, served by the app."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from aggregator.archive import Archive
from aggregator.cli import main
from aggregator.gather.fetch import Fetcher
from aggregator.model import Entry, Response, Terms
from aggregator.poll import Poller
from aggregator.settings import ArchiveSettings, FetchSettings, Settings
from aggregator.store import Store
from aggregator.store.holdings import Thing
from aggregator.tidying import tidy
from aggregator.web.app import create_app
from tests.newsroom import empty_store, rules, story, visit
from tests.service import service, source
from tests.test_follow import column
from tests.test_survey import STORY
from tests.test_web_pictures import PNG, png
from tests.university import NOW

__all__ = ["service"]

PAGE = "<html><meta charset=gbk><script>alert(1)</script><p>原文</p></html>".encode("gbk")
FETCH = FetchSettings(allow_private_networks=True, per_host_delay_seconds=0)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store on either database."""
    opened = Store(
        request.getfixturevalue("postgresql") if request.param == "postgresql" else f"sqlite:///{tmp_path}/a.db"
    )
    opened.upgrade()
    opened.sources.sync(rules(), NOW)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


def archive(store, folder, *, cached=lambda _: None, **settings):
    return Archive(folder, ArchiveSettings(**{"pages": True, "pictures": True} | settings), store, cached)


def keep(kept, at=NOW):
    """Let *kept* work until nothing is due; how many entries it looked at."""

    async def work():
        async with Fetcher(FETCH, "tests") as fetcher:
            looked = 0
            while count := await kept.work(fetcher, lambda: at, stop=lambda: False):
                looked += count
            return looked

    return asyncio.run(work())


def add(store, university, number, *, pictures=(PNG,), hours=1, page=PAGE, status=200, source=1):
    """An entry whose page and pictures *university* serves."""
    url = university.serve(f"/info/{number}.htm", page, status=status, content_type="text/html")
    images = tuple(university.serve(f"/{number}-{place}.png", one) for place, one in enumerate(pictures))
    store.entries.record(
        [visit(source, story(number, hours=hours, url=url, images=images, seen_at=NOW - timedelta(hours=hours)))]
    )
    return url, images


def remove(store, url, *, is_withheld=False):
    """What a re-check does that finds the article gone."""
    with store.write() as connection:
        connection.execute(
            update(Entry.__table__).where(Entry.__table__.c.url == url).values(removed_at=NOW, is_withheld=is_withheld)
        )


def files(folder):
    return sorted(path.name for path in (folder / "archive").glob("*/*"))


def client(store, folder, **settings):
    app = create_app(Settings(instance=folder, fetch=FETCH, archive=ArchiveSettings(**settings)), store, lambda: NOW)
    app.testing = True
    return app.test_client()


def test_a_page_and_its_pictures_are_kept_and_what_is_the_same_once(store, university, tmp_path):
    url, (picture,) = add(store, university, 1)
    add(store, university, 2, page=b"<p>other</p>")
    kept = archive(store, tmp_path)

    assert 2 == keep(kept)
    assert 0 == keep(kept)

    state = store.holdings.state()
    assert (2, 2, 2, 3, 0) == (state.pages, state.pictures, state.entries, state.files, state.waiting)
    assert 3 == len(files(tmp_path))
    one = next(one for one in store.entries.newest(2) if one.url == url)
    assert (PAGE, PNG) == (kept.page(one.id)[1], kept.picture(picture))
    assert 4 == len([request for request in university.requests if request.path != "/robots.txt"])


def test_all_that_is_kept_is_given_but_what_is_withheld(store, university, tmp_path):
    url, (picture,) = add(store, university, 1)
    hidden, _ = add(store, university, 2, page=b"<p>other</p>")
    kept = archive(store, tmp_path)
    keep(kept)
    remove(store, hidden, is_withheld=True)

    assert {(url, PAGE), (picture, PNG)} == {(address, body) for address, _, body in kept.walk()}


def test_a_page_that_was_just_read_is_not_fetched_again(store, university, tmp_path):
    url, _ = add(store, university, 1, pictures=())
    kept = archive(store, tmp_path)
    kept.read(url, Response(url, 200, PAGE, {"content-type": "text/html"}))

    keep(kept)

    assert [] == university.requests
    assert PAGE == kept.page(store.entries.newest(1)[0].id)[1]


def test_a_poll_gives_the_pages_of_its_articles_to_who_keeps_them(tmp_path, university, service):
    university.serve("/info/1/12.htm", STORY)
    one = service(source(university.serve("/tzgg.htm", column("1", "通知公告"))))
    kept = archive(one.store, tmp_path, pictures=False)

    async def work():
        async with Fetcher(one.settings.fetch, "tests") as fetcher:
            poller = Poller(one.settings, one.rules, one.store, fetcher, lambda: NOW, on_page=kept.read)
            await poller.poll_all_due()
            await poller.stop()

    asyncio.run(work())
    asked = len(university.requests)
    keep(kept)

    assert [STORY.encode()] == [body for _, _, body in kept.walk()]
    assert "/info/1/12.htm" not in [request.path for request in university.requests[asked:]]


def test_of_pages_just_read_only_so_many_bytes_are_remembered(store, university, tmp_path):
    url, _ = add(store, university, 1, pictures=())
    kept = archive(store, tmp_path)
    kept.read(url, Response(url, 200, b"older"))
    for number in range(3):
        kept.read(f"http://other/{number}", Response("http://other/", 200, bytes(6_000_000)))

    keep(kept)

    assert PAGE == kept.page(store.entries.newest(1)[0].id)[1]  # fetched


def test_a_picture_that_the_pages_have_is_not_fetched_again(store, university, tmp_path):
    add(store, university, 1)

    keep(archive(store, tmp_path, pages=False, cached=lambda url: PNG))

    assert [] == university.requests
    assert 1 == store.holdings.state().pictures


def test_what_cannot_be_had_is_tried_again_and_then_let_go(store, university, tmp_path):
    add(store, university, 1, status=404, pictures=(b"<html>no picture", PNG))
    kept = archive(store, tmp_path)

    looked = [keep(kept, NOW + timedelta(hours=7 * number)) for number in range(6)]

    assert [1, 1, 1, 1, 0, 0] == looked
    assert (0, 1, 0) == (store.holdings.state().pages, store.holdings.state().pictures, store.holdings.state().waiting)


def test_over_its_budget_the_oldest_go_but_none_that_was_removed_elsewhere(store, university, tmp_path):
    pictures = [png(40, 30) + bytes([number]) * 400_000 for number in range(4)]
    kept = archive(store, tmp_path, pages=False, budget_mb=1)
    urls = []
    for number, picture in enumerate(pictures):
        url, images = add(store, university, number, pictures=(picture,), hours=9 - number)
        urls += images
        keep(kept)
        if number == 0:
            remove(store, url)

    assert [True, False, False, True] == [kept.picture(url) is not None for url in urls]
    assert 2 == len(files(tmp_path))
    # an older one takes no newer one's place
    _, (older,) = add(store, university, 9, pictures=(png(1, 1) + b"x" * 400_000,), hours=100)
    keep(kept)
    assert kept.picture(older) is None
    assert 2 == store.holdings.state().files


def test_a_smaller_budget_is_kept_by_prune(store, university, tmp_path):
    for number in range(4):
        add(store, university, number, pictures=(png(9, 9) + bytes([number]) * 400_000,), hours=9 - number)
    keep(archive(store, tmp_path, pages=False))

    gone = archive(store, tmp_path, pages=False, budget_mb=1).prune()

    assert (2, 2) == (gone, len(files(tmp_path)))


def test_what_is_lost_on_the_disk_is_told_and_fetched_again(store, university, tmp_path):
    add(store, university, 1)
    kept = archive(store, tmp_path)
    keep(kept)
    first, second = list((tmp_path / "archive").glob("*/*"))
    first.unlink()
    second.write_bytes(b"damaged")
    (second.parent / ("0" * 64)).write_bytes(b"foreign")

    checked = kept.verify()
    keep(kept)

    assert (0, 2, 1) == (checked.sound, len(checked.lost), checked.foreign)
    assert (2, []) == (kept.verify().sound, kept.verify().lost)


def test_a_page_that_the_disk_cut_is_no_fault_of_ours(sqlite_store, university, tmp_path):
    add(sqlite_store, university, 1, pictures=())
    kept = archive(sqlite_store, tmp_path)
    keep(kept)
    (file,) = (tmp_path / "archive").glob("*/*")
    file.write_bytes(file.read_bytes()[:-9])
    one = sqlite_store.entries.newest(1)[0]

    assert (None, []) == (kept.page(one.id), list(kept.walk()))
    assert 404 == client(sqlite_store, tmp_path).get(f"/entries/{one.slug}/original").status_code


def test_a_deleted_entry_leaves_nothing_in_the_archive(store, university, tmp_path):
    add(store, university, 1, hours=24 * 400)
    kept = archive(store, tmp_path)
    store.holdings.want(None, NOW)
    keep(kept)

    tidy(Settings(instance=tmp_path), store, Terms(365), NOW)

    assert (2, 2) == (kept.prune() + len(files(tmp_path)), 2)
    assert [] == files(tmp_path)


def test_what_is_thrown_away_is_gone_before_another_process_knows_it_as_kept(store):
    store.entries.record([visit(1, story(1))])
    things, other, waiting = [Thing("http://a.edu.cn/1", "page", "text/html", "ab" * 32, 7)], Store(store.url), []
    store.holdings.keep(1, things, NOW, again_at=None)
    store.holdings.drop(1)

    with ThreadPoolExecutor(1) as pool:

        def remove(_digest):
            waiting.append(pool.submit(other.holdings.keep, 1, things, NOW, again_at=None))
            with pytest.raises(TimeoutError):
                waiting[0].result(0.5)

        assert [7] == store.holdings.release(remove)
        assert waiting[0].result(10)
    assert {"http://a.edu.cn/1"} == store.holdings.kept_of(1)
    other.close()


def test_a_full_disk_keeps_what_is_there_and_tries_again(sqlite_store, university, tmp_path):
    add(sqlite_store, university, 1)
    kept = archive(sqlite_store, tmp_path)
    (tmp_path / "archive").write_bytes(b"")  # a file where the folder should be: it cannot be written

    keep(kept)
    (tmp_path / "archive").unlink()
    keep(kept, NOW + timedelta(hours=7))

    assert (1, 1) == (sqlite_store.holdings.state().pages, sqlite_store.holdings.state().pictures)


def test_what_was_removed_is_served_as_it_was_and_can_do_nothing(sqlite_store, university, tmp_path):
    url, (picture,) = add(sqlite_store, university, 1)
    keep(archive(sqlite_store, tmp_path))
    university.serve("/info/1.htm", b"", status=404)
    university.serve("/1-0.png", b"", status=404)
    one = sqlite_store.entries.newest(1)[0]
    reader = client(sqlite_store, tmp_path)
    before = reader.get(f"/entries/{one.slug}/").text
    remove(sqlite_store, url)

    page = reader.get(f"/entries/{one.slug}/original")

    assert (200, PAGE, "text/html") == (page.status_code, page.data, page.headers["Content-Type"])
    assert page.headers["Content-Security-Policy"].endswith("sandbox")
    assert "script" not in page.headers["Content-Security-Policy"]
    assert "noindex, nofollow" == page.headers["X-Robots-Tag"]
    assert f"/entries/{one.slug}/original" not in before
    again = client(sqlite_store, tmp_path).get(f"/entries/{one.slug}/").text
    assert f'href="/entries/{one.slug}/original"' in again
    assert 404 == reader.get("/entries/" + "0" * 32 + "/original").status_code
    shown = Archive(tmp_path, ArchiveSettings(), sqlite_store).picture(picture)
    assert PNG == shown


def test_what_is_withheld_is_withheld_there_too(sqlite_store, university, tmp_path):
    url, (picture,) = add(sqlite_store, university, 1)
    kept = archive(sqlite_store, tmp_path)
    keep(kept)
    one = sqlite_store.entries.newest(1)[0]
    remove(sqlite_store, url, is_withheld=True)

    assert 404 == client(sqlite_store, tmp_path).get(f"/entries/{one.slug}/original").status_code
    assert (None, None) == (kept.page(one.id), kept.picture(picture))


def test_the_command_keeps_what_is_stored_already(sqlite_store, university, tmp_path, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    add(sqlite_store, university, 1, hours=24 * 90)

    def run(*arguments, code=0):
        result = CliRunner().invoke(main, ("archive", *arguments), catch_exceptions=False)
        assert code == result.exit_code, result.output
        return result.output

    assert "set archive.pages or archive.pictures" in run("keep", "--all", code=2)
    config = (
        "[fetch]\nallow_private_networks = true\nper_host_delay_seconds = 0\n[archive]\npages = true\npictures = true\n"
    )
    (tmp_path / "config.toml").write_text(config)
    assert "name sources, or --all" in run("keep", code=2)
    assert "there is no source" in run("keep", "nowhere", code=1)
    assert "1 pages and 1 pictures of 1 entries" in run("keep", "haitang-news")
    assert "2 files" in run("status")
    assert "2 files are sound" in run("verify")
    (path, *_) = (tmp_path / "archive").glob("*/*")
    path.unlink()
    assert "1 lost" in run("verify", code=1)
    assert "0 files deleted" in run("prune")
