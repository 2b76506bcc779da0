import os
import stat
import struct
import threading
import time
import zlib

import pytest

from aggregator.pixels import Kind, kind_of
from aggregator.secret import secret_key
from aggregator.settings import FetchSettings, Settings, SiteSettings, WebSettings
from aggregator.web.album import Album
from aggregator.web.app import create_app
from aggregator.web.pictures import PICTURES
from tests.newsroom import NOW, SITE_URL, empty_store, story, visit


def png(width=4, height=3, padding=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x40\x80\xc0" * width for _ in range(height))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"") + b"\0" * padding


PNG = png()


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def served(store, tmp_path):
    """Gives (client, the address of the picture that the page of an entry with a picture at *url* shows)."""
    apps = []

    def serve(url, *, fetch=None, **web):
        chosen = Settings(
            instance=tmp_path,
            site=SiteSettings(url=SITE_URL),
            fetch=fetch or FetchSettings(allow_private_networks=True),
            web=WebSettings(**web),
        )
        app = create_app(chosen, store, lambda: NOW)
        apps.append(app)
        number = len(apps)
        store.entries.record(
            [visit(1, story(number, html=f'<p>文</p><p><img src="{url}" alt="图"></p>', images=(url,)))]
        )
        client = app.test_client()
        page = client.get(f"/entries/{store.entries.newest(number)[-1].slug}/").text
        return client, page, page.partition('<img src="')[2].partition('"')[0]

    yield serve
    for app in apps:
        app.extensions[PICTURES].close()


def test_a_picture_is_asked_for_as_by_a_reader_of_the_article_and_kept(served, university):
    url = university.serve("/a.png", PNG, content_type="image/png")
    client, _, address = served(url)

    first, second = client.get(address), client.get(address)

    assert (200, "image/png", PNG) == (first.status_code, first.mimetype, first.data)
    assert second.data == first.data
    (request,) = university.requests
    assert "http://haitang.example/info/1001/1.htm" == request.headers["referer"]
    assert request.headers["accept"].startswith("image/")


def test_a_picture_is_handed_out_for_good_and_cannot_run(served, university):
    client, _, address = served(university.serve("/a.png", PNG))

    headers = client.get(address).headers

    assert "max-age=31536000, immutable" == headers["Cache-Control"]
    assert "default-src 'none'; sandbox" == headers["Content-Security-Policy"]
    assert ("nosniff", "cross-origin") == (headers["X-Content-Type-Options"], headers["Cross-Origin-Resource-Policy"])
    assert 304 == client.get(address, headers={"If-None-Match": headers["ETag"]}).status_code


def test_its_size_stands_in_the_page_once_it_is_known(served, university, store):
    client, page, address = served(university.serve("/a.png", png(40, 30)))
    assert ' width="' not in page.partition("<img")[2].partition(">")[0]

    client.get(address)

    again = client.get(f"/entries/{store.entries.newest(1)[0].slug}/").text
    assert ' width="40" height="30" loading="lazy"' in again


@pytest.mark.parametrize(
    "body",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"<html><script>alert(1)</script>",
        b"", b"GIF", b"%PDF-1.7", b"\0" * 100,
    ],
)  # fmt: skip
def test_what_is_no_picture_is_not_handed_out_whatever_its_server_says(served, university, body):
    client, _, address = served(university.serve("/a.png", body, content_type="image/png"))

    answer = client.get(address)

    assert (502, "text/plain", b"502\n") == (answer.status_code, answer.mimetype, answer.data)


def test_a_picture_that_cannot_be_had_is_not_asked_for_again_at_once(served, university):
    client, _, address = served(university.serve("/a.png", b"", status=404))

    assert [502, 502] == [client.get(address).status_code for _ in range(2)]
    assert 1 == len(university.requests)


def test_a_picture_that_is_too_large_is_refused(served, university):
    url = university.serve("/a.png", png(padding=20_000))
    client, _, address = served(url, fetch=FetchSettings(allow_private_networks=True, max_bytes=10_000))

    assert 502 == client.get(address).status_code


@pytest.mark.parametrize(
    "token", ["", "x", "a.b", "WyJodHRwOi8vYSIsImIiXQ", "..%2F..%2Fetc%2Fpasswd", "%00", "." * 5000]
)
def test_only_addresses_of_our_own_making_are_fetched(served, university, token):
    client, _, address = served(university.serve("/a.png", PNG))

    assert 404 == client.get(f"/pictures/{token}").status_code
    text, _, signature = address.rpartition(".")
    assert 404 == client.get(f"{text}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}").status_code
    assert [] == university.requests


def test_a_picture_on_a_private_network_is_not_fetched(served, university):
    client, _, address = served(university.serve("/a.png", PNG), fetch=FetchSettings())

    assert 502 == client.get(address).status_code
    assert [] == university.requests


def test_a_redirect_to_a_private_network_is_not_followed(served, university):
    client, _, address = served("http://169.254.169.254/latest/meta-data")

    assert 502 == client.get(address).status_code


def slowly(request):
    time.sleep(0.3)
    return PNG


def test_who_comes_while_a_picture_is_fetched_waits_for_the_same_answer(served, university):
    client, _, address = served(university.serve("/a.png", slowly))
    application, answers = client.application, []

    def ask():
        answers.append(application.test_client().get(address).status_code)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [200] * 5 == answers
    assert 1 == len(university.requests)


def test_when_all_places_are_taken_one_is_asked_to_come_again(served, university):
    client, _, address = served(university.serve("/a.png", PNG), threads=1)
    client.application.extensions[PICTURES]._places.acquire()

    answer = client.get(address)

    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])


def test_pictures_may_be_hot_links_or_words(served, university):
    url = university.serve("/a.png", PNG)

    linked, linked_page, _ = served(url, pictures="link")
    _, bare, _ = served(url, pictures="none")

    assert f'<img src="{url}" alt="图" loading="lazy" decoding="async" referrerpolicy="no-referrer">' in linked_page
    assert "img-src 'self' data: http: https:" in linked.get("/").headers["Content-Security-Policy"]
    assert '<span class="unshown">图</span>' in bare
    assert "<img" not in bare


# ------------------------------------------------------------ the secret


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path):
    chosen = Settings(instance=tmp_path)

    first = secret_key(chosen)

    assert (first, 64) == (secret_key(chosen), len(first))
    assert 0o600 == stat.S_IMODE((tmp_path / "secret_key").stat().st_mode)
    assert ["secret_key"] == [path.name for path in tmp_path.iterdir()]
    assert "given" == secret_key(Settings(instance=tmp_path, web=WebSettings(secret_key="given")))


# ------------------------------------------------------------ kinds and the disk


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (PNG, Kind("image/png", 4, 3)),
        (b"GIF89a\x05\x00\x02\x00", Kind("image/gif", 5, 2)),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08\x00\x09\x00\x0a\x03", Kind("image/jpeg", 10, 9)),
        (b"\xff\xd8\xff\xe0\xff", Kind("image/jpeg")),
        (b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x07\0\x08\0", Kind("image/webp", 7, 8)),
        (b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x09\0\0\x04\0\0", Kind("image/webp", 10, 5)),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x03\xc0\x00\0\0\0\0\0\0\0", Kind("image/webp", 4, 4)),
        (b"\0\0\0\x1cftypavif" + b"\0" * 20 + b"ispe\0\0\0\0\0\0\0\x20\0\0\0\x10", Kind("image/avif", 32, 16)),
        (b"<svg", None),
        (b"", None),
        (b"BM", None),
    ],
)
def test_the_kind_of_a_picture_is_seen_in_its_bytes(head, kind):
    assert kind == kind_of(head)


def test_any_bytes_have_a_kind_or_none():
    for head in (b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF0000WEBPVP8 ", b"0000ftypavif"):
        for length in range(40):
            kind_of(head + os.urandom(length))


def test_the_longest_unseen_pictures_make_room(tmp_path):
    album = Album(tmp_path, 100_000)
    for number in range(20):
        album.keep(str(number), png(padding=9_000))
        path = next(path for path in tmp_path.glob("*/*") if path.stat().st_mtime > 1_000_000)
        os.utime(path, (number, number))

    size = sum(path.stat().st_size for path in tmp_path.glob("*/*"))
    assert size <= 110_000
    assert (None, True) == (album.get("0"), album.get("19") is not None)


def test_a_picture_that_is_seen_stays(tmp_path):
    album = Album(tmp_path, 1_000_000)
    album.keep("a", PNG)
    (path,) = tmp_path.glob("*/*")
    os.utime(path, (1, 1))

    album.get("a")

    assert path.stat().st_mtime > 1_000_000
