import asyncio
import gzip
import socket
import threading
import zlib
from itertools import pairwise
from time import monotonic

import pytest

from aggregator.demo.server import Raw
from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.model import Validators
from aggregator.settings import FetchSettings


def fetch(url, validators=None, **settings):
    values = {"allow_private_networks": True, "per_host_delay_seconds": 0, "timeout_seconds": 5} | settings

    async def work():
        async with Fetcher(FetchSettings(**values), "tests/1.0 (+http://localhost/)") as fetcher:
            return await fetcher.fetch(url, validators)

    return asyncio.run(work())


def test_a_page_arrives_with_its_validators(university):
    url = university.serve("/news", "<p>新闻</p>", etag='"v1"', last_modified="Fri, 21 Mar 2025 02:30:00 GMT")

    response = fetch(url)

    assert "<p>新闻</p>".encode() == response.body
    assert Validators('"v1"', "Fri, 21 Mar 2025 02:30:00 GMT") == response.validators
    assert "tests/1.0 (+http://localhost/)" == university.requests[0].headers["user-agent"]


def test_validators_are_sent_back_byte_for_byte_and_304_is_an_answer(university):
    url = university.serve("/news", "x", etag='W/"a b"', last_modified="friday")

    response = fetch(url, Validators('W/"a b"', "friday"))

    assert response.not_modified
    assert 'W/"a b"' == university.requests[0].headers["if-none-match"]
    assert "friday" == university.requests[0].headers["if-modified-since"]


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),  # what some servers mean by deflate
    ],
)
def test_compressed_bodies_are_unpacked(university, coding, pack):
    url = university.serve("/news", pack(b"news " * 1000), headers={"content-encoding": coding})

    assert b"news " * 1000 == fetch(url).body


def test_all_members_of_a_gzip_body_are_read(university):
    url = university.serve("/two", gzip.compress(b"one ") + gzip.compress(b"two"), headers={"content-encoding": "gzip"})

    assert b"one two" == fetch(url).body


def test_the_body_of_a_refusal_does_not_hide_its_status(university):
    url = university.serve("/no", b"x" * 200_000, status=404, headers={"content-encoding": "br"})

    with pytest.raises(FetchError) as caught:
        fetch(url, max_bytes=10_000)

    assert ("status", 404) == (caught.value.cause, caught.value.status)


def test_a_compressed_bomb_stops_at_the_limit(university):
    bomb = gzip.compress(bytes(50_000_000))
    url = university.serve("/bomb", bomb, headers={"content-encoding": "gzip"})

    with pytest.raises(FetchError, match=r"larger than fetch\.max_bytes") as caught:
        fetch(url, max_bytes=100_000)

    assert "size" == caught.value.cause


def test_a_body_without_end_stops_at_the_limit(university):
    def endless():
        while True:
            yield b"x" * 10_000

    url = university.serve("/endless", lambda request: endless())

    with pytest.raises(FetchError, match="larger than") as caught:
        fetch(url, max_bytes=50_000)

    assert "size" == caught.value.cause


def test_a_truncated_gzip_body_is_an_error(university):
    url = university.serve("/cut", gzip.compress(b"news" * 5000)[:-20], headers={"content-encoding": "gzip"})

    with pytest.raises(FetchError, match="broke off") as caught:
        fetch(url)

    assert "protocol" == caught.value.cause


def test_a_silent_server_times_out(university):
    url = university.serve("/slow", lambda request: university.pause(30) or "late")

    with pytest.raises(FetchError, match=r"did not answer within 0\.3 seconds") as caught:
        fetch(url, timeout_seconds=0.3)

    assert "timeout" == caught.value.cause


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (None, "connect"),  # hangs up without a word
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "protocol"),
        (Raw(b"what?\r\n\r\n"), "protocol"),
    ],
)
def test_broken_answers_are_told_apart(university, body, cause):
    url = university.serve("/broken", lambda request: body)

    with pytest.raises(FetchError) as caught:
        fetch(url)

    assert cause == caught.value.cause
    assert url in str(caught.value)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (403, "open the address in a browser"),
        (404, "correct its url"),
        (410, "gone for good"),
        (503, "tried again"),
    ],
)
def test_an_error_status_says_what_to_do(university, status, advice):
    url = university.serve("/gone", "no", status=status)

    with pytest.raises(FetchError, match=advice) as caught:
        fetch(url)

    assert ("status", status) == (caught.value.cause, caught.value.status)


def test_redirects_are_followed_to_the_page(university):
    target = university.serve("/new/page", "here")
    university.serve("/old", "", status=301, headers={"location": "new/page"})

    response = fetch(university.url + "/old")

    assert (target, b"here") == (response.url, response.body)


def test_a_redirect_loop_ends(university):
    url = university.serve("/a", "", status=302, headers={"location": "/a"})

    with pytest.raises(FetchError, match="more than 5 times") as caught:
        fetch(url)

    assert "redirect" == caught.value.cause
    assert 6 == len(university.requests)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/x", "javascript:alert(1)"])
def test_a_redirect_out_of_http_is_refused(university, target):
    url = university.serve("/a", "", status=302, headers={"location": target})

    with pytest.raises(FetchError, match=r"not an"):
        fetch(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[fec0::1]", "[::7f00:1]", "[::ffff:0:7f00:1]", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(university, host):
    url = university.url.replace("127.0.0.1", host) + "/secret"

    with pytest.raises(FetchError, match=r"private or reserved|is not an address") as caught:
        fetch(url, allow_private_networks=False, timeout_seconds=3)

    assert "address" == caught.value.cause
    assert [] == university.requests


def test_an_unknown_name_is_a_dns_failure():
    with pytest.raises(FetchError, match="is not known") as caught:
        fetch("http://no-such-university.invalid/")

    assert "dns" == caught.value.cause


def test_a_closed_port_is_a_connection_failure():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    with pytest.raises(FetchError, match="no connection") as caught:
        fetch(f"http://127.0.0.1:{port}/")

    assert "connect" == caught.value.cause


def test_a_plain_server_behind_https_is_a_tls_failure(university):
    with pytest.raises(FetchError) as caught:
        fetch(university.url.replace("http:", "https:") + "/")

    assert "tls" == caught.value.cause


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "http://[", "mailto:a@b", "http://a b/"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(FetchError):
        fetch(url)


def test_one_host_is_asked_one_thing_at_a_time_with_a_pause(university):
    times = []
    lock = threading.Lock()
    busy = []

    def answer(request):
        with lock:
            busy.append(request.path)
            assert 1 == len(busy)
            times.append(monotonic())
        university.pause(0.02)
        with lock:
            busy.remove(request.path)
        return "ok"

    urls = [university.serve(f"/{number}", answer) for number in range(4)]

    async def work():
        settings = FetchSettings(allow_private_networks=True, per_host_delay_seconds=0.1)
        async with Fetcher(settings, "tests") as fetcher:
            await asyncio.gather(*(fetcher.fetch(url) for url in urls))

    asyncio.run(work())

    assert all(later - earlier >= 0.1 for earlier, later in pairwise(times))


def test_a_refusal_tells_why_in_so_many_bytes(university):
    url = university.serve("/secret", "校内".encode() * 20_000, status=403)

    with pytest.raises(FetchError) as caught:
        fetch(url)

    response = caught.value.response
    assert (403, 65_536) == (response.status, len(response.body))
    assert response.body.decode("utf-8", "ignore").startswith("校内")


def test_a_refusal_that_breaks_off_is_still_a_refusal(university):
    url = university.serve("/secret", b"no", status=403, headers={"content-encoding": "gzip"})

    with pytest.raises(FetchError) as caught:
        fetch(url)

    assert ("status", 403, b"") == (caught.value.cause, caught.value.status, caught.value.response.body)
