import asyncio
import contextlib
import gzip
import socket
import threading
import zlib
from datetime import timedelta
from itertools import pairwise
from time import monotonic

import pytest

from aggregator.demo.server import Answer, Raw, University
from aggregator.errors import FetchError
from aggregator.gather.address import parse
from aggregator.gather.fetch import NOTHING_ALLOWED, Fetcher
from aggregator.gather.guard import resolve
from aggregator.model import Allowance, Validators
from aggregator.settings import FetchSettings
from tests.hostile import CERTIFICATES, hostile


@pytest.fixture(params=["aiohttp", "httpx"])
def fetch(request):
    """Fetches one page, over either transport; settings are FetchSettings', the rest is Fetcher's."""

    def work(url, validators=None, allowance=NOTHING_ALLOWED, own=(), resolve=resolve, **settings):
        values = {"allow_private_networks": True, "respect_robots": False, "per_host_delay_seconds": 0}
        values |= {"timeout_seconds": 5, "transport": request.param} | settings

        async def visit():
            agent = "tests/1.0 (+http://localhost/)"
            async with Fetcher(FetchSettings(**values), agent, own=own, resolve=resolve) as fetcher:
                return await fetcher.fetch(url, validators, allowance=allowance)

        return asyncio.run(visit())

    return work


def names(**addresses):
    """A DNS of our own: names (_ for a dot) and their addresses."""
    known = {name.replace("_", "."): tuple(found.split()) for name, found in addresses.items()}

    async def look_up(host):
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return known[host]

    return look_up


def test_a_page_arrives_with_its_validators(fetch, university):
    url = university.serve("/news", "<p>新闻</p>", etag='"v1"', last_modified="Fri, 21 Mar 2025 02:30:00 GMT")

    response = fetch(url)

    assert "<p>新闻</p>".encode() == response.body
    assert Validators('"v1"', "Fri, 21 Mar 2025 02:30:00 GMT") == response.validators
    assert "tests/1.0 (+http://localhost/)" == university.requests[0].headers["user-agent"]


def test_validators_are_sent_back_byte_for_byte_and_304_is_an_answer(fetch, university):
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
def test_compressed_bodies_are_unpacked(fetch, university, coding, pack):
    url = university.serve("/news", pack(b"news " * 1000), headers={"content-encoding": coding})

    assert b"news " * 1000 == fetch(url).body


def test_all_members_of_a_gzip_body_are_read(fetch, university):
    url = university.serve("/two", gzip.compress(b"one ") + gzip.compress(b"two"), headers={"content-encoding": "gzip"})

    assert b"one two" == fetch(url).body


def test_the_body_of_a_refusal_does_not_hide_its_status(fetch, university):
    url = university.serve("/no", b"x" * 200_000, status=404, headers={"content-encoding": "br"})

    with pytest.raises(FetchError) as caught:
        fetch(url, max_bytes=10_000)

    assert ("status", 404) == (caught.value.cause, caught.value.status)


def test_a_compressed_bomb_stops_at_the_limit(fetch, university):
    bomb = gzip.compress(bytes(50_000_000))
    url = university.serve("/bomb", bomb, headers={"content-encoding": "gzip"})

    with pytest.raises(FetchError, match=r"larger than fetch\.max_bytes") as caught:
        fetch(url, max_bytes=100_000)

    assert "size" == caught.value.cause


def test_a_body_without_end_stops_at_the_limit(fetch, university):
    def endless():
        while True:
            yield b"x" * 10_000

    url = university.serve("/endless", lambda request: endless())

    with pytest.raises(FetchError, match="larger than") as caught:
        fetch(url, max_bytes=50_000)

    assert "size" == caught.value.cause


def test_a_truncated_gzip_body_is_an_error(fetch, university):
    url = university.serve("/cut", gzip.compress(b"news" * 5000)[:-20], headers={"content-encoding": "gzip"})

    with pytest.raises(FetchError, match="broke off") as caught:
        fetch(url)

    assert "protocol" == caught.value.cause


def test_a_silent_server_times_out(fetch, university):
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
        (Raw(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n\r\nhalf"), "protocol"),
        (Raw(b"HTTP/1.1 302 Found\r\nLocation: http://a:99999/\r\nContent-Length: 0\r\n\r\n"), "redirect"),
    ],
)
def test_broken_answers_are_told_apart(fetch, university, body, cause):
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
        (503, "wait, or tell its webmaster"),
    ],
)
def test_an_error_status_says_what_to_do(fetch, university, status, advice):
    url = university.serve("/gone", "no", status=status)

    with pytest.raises(FetchError, match=advice) as caught:
        fetch(url)

    assert ("status", status) == (caught.value.cause, caught.value.status)


def test_redirects_are_followed_to_the_page(fetch, university):
    target = university.serve("/new/page", "here")
    university.serve("/old", "", status=301, headers={"location": "new/page"})

    response = fetch(university.url + "/old")

    assert (target, b"here") == (response.url, response.body)


def test_a_redirect_loop_ends(fetch, university):
    url = university.serve("/a", "", status=302, headers={"location": "/a"})

    with pytest.raises(FetchError, match="more than 5 times") as caught:
        fetch(url)

    assert "redirect" == caught.value.cause
    assert 6 == len(university.requests)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/x", "javascript:alert(1)"])
def test_a_redirect_out_of_http_is_refused(fetch, university, target):
    url = university.serve("/a", "", status=302, headers={"location": target})

    with pytest.raises(FetchError, match=r"redirects to .* no address"):
        fetch(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[fec0::1]", "[::7f00:1]", "[::ffff:0:7f00:1]", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(fetch, university, host):
    url = university.url.replace("127.0.0.1", host) + "/secret"

    with pytest.raises(FetchError, match=r"private or reserved|is not an address") as caught:
        fetch(url, allow_private_networks=False, timeout_seconds=3)

    assert "address" == caught.value.cause
    assert [] == university.requests


def test_an_unknown_name_is_a_dns_failure(fetch):
    with pytest.raises(FetchError, match="is not known") as caught:
        fetch("http://no-such-university.invalid/")

    assert "dns" == caught.value.cause


def test_a_closed_port_is_a_connection_failure(fetch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    with pytest.raises(FetchError, match="no connection") as caught:
        fetch(f"http://127.0.0.1:{port}/")

    assert "connect" == caught.value.cause


def test_a_plain_server_behind_https_is_a_tls_failure(fetch, university):
    with pytest.raises(FetchError) as caught:
        fetch(university.url.replace("http:", "https:") + "/")

    assert "tls" == caught.value.cause


@pytest.mark.parametrize(
    "url",
    [
        "", "nonsense", "http://", "http://[", "mailto:a@b", "http://a b/", "http://a/" + "x" * 9000, "http://a:99999/",
        "http://１２７.1/", "http://127。1/", "http://a\0b/", "http://a\udcff/", "http://" + "a" * 300 + "/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(fetch, url):
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
        settings = FetchSettings(allow_private_networks=True, respect_robots=False, per_host_delay_seconds=0.1)
        async with Fetcher(settings, "tests") as fetcher:
            await asyncio.gather(*(fetcher.fetch(url) for url in urls))

    asyncio.run(work())

    assert all(later - earlier >= 0.1 for earlier, later in pairwise(times))


# ---------------------------------------------------------------- hostile servers


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5_000_000, "protocol"),  # one huge field
        (b"HTTP/1.1 200 OK\r\n" + b"X-Field: value\r\n" * 500_000, "protocol"),  # fields without end
        (b"HTTP/1.1 200 " + b"O" * 5_000_000, "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "protocol"),  # ends too soon
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nhello", "size"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\nhello", "encoding"),
    ],
)  # fmt: skip
def test_what_is_not_http_is_an_error_that_names_its_kind(fetch, answer, cause):
    with hostile(lambda connection, closing: connection.sendall(answer)) as url, pytest.raises(FetchError) as caught:
        fetch(url)

    assert cause == caught.value.cause
    assert url in str(caught.value)


@pytest.mark.parametrize("beginning", [b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_slow_drip_ends_at_the_total_time(fetch, beginning):
    def drip(connection, closing):
        connection.sendall(beginning)
        while not closing.wait(0.05):
            connection.sendall(b"H")

    with hostile(drip) as url, pytest.raises(FetchError, match=r"within 0\.5 seconds") as caught:
        fetch(url, timeout_seconds=0.5, idle_seconds=5)

    assert "timeout" == caught.value.cause


def test_a_server_that_falls_silent_is_given_up_before_the_total_time(fetch):
    def stop(connection, closing):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        closing.wait(20)

    with hostile(stop) as url, pytest.raises(FetchError, match=r"said nothing for 0\.3 seconds") as caught:
        fetch(url, timeout_seconds=20, idle_seconds=0.3)

    assert "timeout" == caught.value.cause


def test_redirects_that_drip_share_one_total_time(fetch):
    def drip(connection, closing):
        closing.wait(0.2)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    with hostile(drip) as url, pytest.raises(FetchError, match=r"within 0\.5 seconds"):
        fetch(url, timeout_seconds=0.5)


def test_a_body_longer_than_its_length_is_cut_there(fetch):
    def answer(connection, closing):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        closing.wait(0.1)
        connection.sendall(b" and more")

    with hostile(answer) as url:
        assert b"hello" == fetch(url).body


def test_thousands_of_empty_gzip_members_end_soon(fetch, university):
    url = university.serve("/empty", gzip.compress(b"") * 100_000, headers={"content-encoding": "gzip"})

    assert b"" == fetch(url).body


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 65_793, 65_794, 131_072, 131_330])
def test_bodies_that_end_at_the_edge_of_a_piece_are_whole(fetch, university, size):
    url = university.serve("/edge", gzip.compress(bytes(size)), headers={"content-encoding": "gzip"})

    assert size == len(fetch(url).body)


def test_a_refusal_tells_why_in_so_many_bytes(fetch, university):
    url = university.serve("/secret", "校内".encode() * 20_000, status=403)

    with pytest.raises(FetchError) as caught:
        fetch(url)

    response = caught.value.response
    assert (403, 65_536) == (response.status, len(response.body))
    assert response.body.decode("utf-8", "ignore").startswith("校内")


def test_a_refusal_that_breaks_off_is_still_a_refusal(fetch, university):
    url = university.serve("/secret", b"no", status=403, headers={"content-encoding": "gzip"})

    with pytest.raises(FetchError) as caught:
        fetch(url)

    assert ("status", 403, b"") == (caught.value.cause, caught.value.status, caught.value.response.body)


# ---------------------------------------------------------------- secure connections


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("incomplete", "does not send its whole certificate chain"),
        ("expired", "has expired"),
        ("wrong_name", "is for another"),
        ("self_signed", "is self-signed"),
    ],
)
def test_a_wrong_certificate_says_what_is_wrong_and_what_allows_it(fetch, monkeypatch, certificate, words):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "root.pem"))
    with hostile(lambda *_: None, certificate) as url, pytest.raises(FetchError, match=words) as caught:
        fetch(url)

    assert "tls" == caught.value.cause
    assert "allow_invalid_certificate = true" in str(caught.value)


def test_a_complete_chain_is_trusted(fetch, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "root.pem"))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    with hostile(lambda connection, closing: connection.sendall(answer), "good") as url:
        assert b"hello" == fetch(url).body


def test_a_wrong_certificate_is_allowed_for_one_domain_and_no_other(fetch):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    with hostile(lambda connection, closing: connection.sendall(answer), "expired") as url:
        assert b"hello" == fetch(url, allowance=Allowance(url, invalid_certificate=True)).body
        with pytest.raises(FetchError):
            fetch(url, allowance=Allowance("https://elsewhere.example/", invalid_certificate=True))


def test_a_plain_server_behind_https_is_told_from_a_bad_certificate(fetch, university):
    with pytest.raises(FetchError, match="no TLS is spoken there") as caught:
        fetch(university.url.replace("http:", "https:") + "/")

    assert "tls" == caught.value.cause


# ---------------------------------------------------------------- whom we must not visit


@pytest.mark.parametrize(
    "addresses",
    ["127.0.0.1", "10.0.0.1 127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "fd00:ec2::254", "64:ff9b::7f00:1"],
)
def test_a_name_that_leads_inside_is_refused(fetch, university, addresses):
    url = university.url.replace("127.0.0.1", "evil.example.org") + "/secret"
    dns = names(evil_example_org=addresses)

    with pytest.raises(FetchError, match="private or reserved") as caught:
        fetch(url, allow_private_networks=False, resolve=dns)

    assert "address" == caught.value.cause
    assert [] == university.requests


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://[::1]/", "http://inside.example.net/", "//127.0.0.1/x"])
def test_a_redirect_inside_is_refused(fetch, university, target):
    """The university stands for a public server: it is allowed as the source's own."""
    url = university.serve("/a", "", status=302, headers={"location": target}).replace("127.0.0.1", "own.example.org")
    dns = names(own_example_org="127.0.0.1", inside_example_net="127.0.0.1")
    university.serve("/x", "secret")

    with pytest.raises(FetchError, match="private or reserved"):
        fetch(url, allow_private_networks=False, resolve=dns, allowance=Allowance(url, private_networks=True))

    assert ["/a"] == [one.path for one in university.requests]


def test_an_intranet_is_visited_for_the_source_that_is_allowed_to(fetch, university):
    url = university.serve("/a", "inside")

    assert b"inside" == fetch(url, allow_private_networks=False, allowance=Allowance(url, private_networks=True)).body
    with pytest.raises(FetchError, match="allow_private_networks = true in the"):
        fetch(url, allow_private_networks=False)


@pytest.mark.parametrize("name", ["127.0.0.1", "0.0.0.0", "database.example.org"])
def test_our_own_ports_are_never_visited_on_an_allowance(fetch, university, name):
    url = university.serve("/a", "our own page")
    port = int(url.split(":")[2].split("/")[0])

    with pytest.raises(FetchError, match="never visited"):
        fetch(
            url,
            allow_private_networks=False,
            allowance=Allowance(url, private_networks=True),
            own=[(name, port)],
            resolve=names(database_example_org="127.0.0.1"),
        )

    assert [] == university.requests


def test_an_address_that_is_never_visited_is_not_even_with_all_networks_allowed(fetch):
    with pytest.raises(FetchError, match="never visited"):
        fetch("http://169.254.169.254/latest/meta-data/")


def test_a_proxy_is_asked_for_pages_and_resolves_names(fetch):
    asked = []

    def proxy(connection, closing):
        asked.append(True)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nvia proxy")

    with hostile(proxy) as url:
        page = fetch("http://no-such-university.invalid/", proxy=url, allow_private_networks=False)
        with pytest.raises(FetchError, match="private or reserved"):
            fetch("http://10.0.0.1/", proxy=url, allow_private_networks=False)

    assert (b"via proxy", 1) == (page.body, len(asked))


def test_a_proxy_that_is_not_there_is_a_connection_failure(fetch):
    with hostile(lambda connection, closing: None) as proxy:
        pass

    with pytest.raises(FetchError, match=r"no connection|proxy") as caught:
        fetch("http://no-such-university.invalid/", proxy=proxy)

    assert "connect" == caught.value.cause


# ---------------------------------------------------------------- what servers send us round with


def test_a_redirect_for_good_is_told(fetch, university):
    target = university.serve("/c", "here")
    university.serve("/b", "", status=308, headers={"location": "/c"})
    url = university.serve("/a", "", status=301, headers={"location": "/b"})

    assert target == fetch(url).moved_to


def test_a_redirect_for_now_is_not_told_as_one_for_good(fetch, university):
    university.serve("/c", "here")
    university.serve("/b", "", status=302, headers={"location": "/c"})
    url = university.serve("/a", "", status=301, headers={"location": "/b"})

    assert None is fetch(url).moved_to
    assert None is fetch(university.url + "/c").moved_to


def test_a_wall_of_cookies_is_passed(fetch, university):
    def wall(request):
        if "seen=1" in request.headers.get("cookie", ""):
            return "the page"
        return Answer("", status=302, headers={"location": "/a", "set-cookie": "seen=1; Path=/; HttpOnly"})

    assert b"the page" == fetch(university.serve("/a", wall)).body


def test_a_cookie_goes_back_to_no_other_host(fetch, university):
    with University() as other:
        target = other.serve("/b", "here")
        url = university.serve("/a", "", status=302, headers={"location": target, "set-cookie": "key=secret"})

        fetch(url)

        assert [None] == [one.headers.get("cookie") for one in other.requests]


def test_the_next_fetch_has_no_cookies(university):
    university.serve("/b", "here")
    url = university.serve("/a", "", status=302, headers={"location": "/b", "set-cookie": "key=secret"})

    async def twice():
        async with polite(allow_private_networks=True) as fetcher:
            await fetcher.fetch(url)
            await fetcher.fetch(url)

    asyncio.run(twice())

    assert [None, "key=secret"] * 2 == [one.headers.get("cookie") for one in university.requests]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (b"/\xe6\x96\xb0\xe9\x97\xbb?q=\xe6\x96\xb0", "/%E6%96%B0%E9%97%BB?q=%E6%96%B0"),  # raw UTF-8
        (b"/\xd0\xc2\xce\xc5", "/%D0%C2%CE%C5"),  # raw GBK
        (b"/%D0%C2?a=%2F&b=100%", "/%D0%C2?a=%2F&b=100%25"),  # encoded already, and a stray %
        (b"/a b.htm", "/a%20b.htm"),
        (b"\\info\\1.htm", "/info/1.htm"),
    ],
)
def test_addresses_are_encoded_once(fetch, location, path):
    asked = []

    def answer(connection, closing):
        head = b"HTTP/1.1 302 Found\r\nLocation: " + location if not asked else b"HTTP/1.1 200 OK"
        asked.append(True)
        connection.sendall(head + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with hostile(answer) as url:
        response = fetch(url)

    assert path == parse(response.url).target


def test_a_host_in_chinese_is_asked_for_as_dns_knows_it(fetch, university):
    url = university.serve("/a", "here").replace("127.0.0.1", "新闻.example.org")

    assert b"here" == fetch(url, resolve=names(**{"xn--efvy88h_example_org": "127.0.0.1"})).body
    assert university.requests[0].headers["host"].startswith("xn--efvy88h.example.org")


# ---------------------------------------------------------------- pauses


@contextlib.asynccontextmanager
async def polite(**settings):
    values = {"respect_robots": False, "per_host_delay_seconds": 0, "timeout_seconds": 5} | settings
    dns = values.pop("resolve", resolve)
    async with Fetcher(FetchSettings(**values), "tests/1.0", resolve=dns) as fetcher:
        yield fetcher


def errors_of(*urls, **settings):
    """What fetching *urls* one after the other raises, None for what can be read."""

    async def work():
        async with polite(allow_private_networks=True, **settings) as fetcher:
            found = []
            for url in urls:
                try:
                    found.append(await fetcher.fetch(url) and None)
                except FetchError as error:
                    found.append(error)
            return found

    return asyncio.run(work())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("99999999999", 86400),
        ("Fri, 21 Mar 2025 02:32:00 GMT", 120),  # the server's clock says 02:30
        ("Fri, 21 Mar 2031 02:32:00 GMT", 86400),
    ],
)
def test_a_server_that_wants_a_pause_gets_it(university, status, value, seconds):
    headers = {"retry-after": value, "date": "Fri, 21 Mar 2025 02:30:00 GMT"}
    url = university.serve("/busy", "", status=status, headers=headers)
    other = university.serve("/other", "not asked")

    first, second = errors_of(url, other)

    assert timedelta(seconds=seconds) == first.retry_after
    assert ("status", status) == (second.cause, second.status)
    assert timedelta(seconds=seconds - 5) < second.retry_after <= timedelta(seconds=seconds)
    assert ["/busy"] == [one.path for one in university.requests]


def test_a_503_without_retry_after_closes_nothing(university):
    url = university.serve("/busy", "", status=503)

    assert [503, 503] == [error.status for error in errors_of(url, url)]
    assert 2 == len(university.requests)


def test_a_dead_host_is_left_alone_after_two_failures():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

    first, second, third = errors_of(url, url, url)

    assert (None, None) == (first.retry_after, second.retry_after)
    assert ("connect", True) == (third.cause, "is left alone for" in str(third))
    assert third.retry_after <= timedelta(minutes=1)


def test_hosts_of_one_domain_or_one_address_are_asked_one_at_a_time(university):
    busy, most = [], []

    def answer(request):
        busy.append(request.path)
        most.append(len(busy))
        university.pause(0.05)
        busy.remove(request.path)
        return "ok"

    hosts = ["a.example.edu.cn", "b.example.edu.cn", "c.example.org"]
    university.serve("/x", answer)
    urls = [university.url.replace("127.0.0.1", host) + "/x" for host in hosts]
    dns = names(a_example_edu_cn="127.0.0.1", b_example_edu_cn="127.0.0.1 127.0.0.2", c_example_org="127.0.0.1")

    async def work():
        async with polite(allow_private_networks=True, resolve=dns) as fetcher:
            await asyncio.gather(*(fetcher.fetch(url) for url in urls * 2))

    asyncio.run(work())

    assert 1 == max(most)


def test_one_slow_host_does_not_hold_up_another(university):
    with University() as slow:
        hanging = slow.serve("/slow", lambda request: slow.pause(30) or "late")
        url = university.serve("/quick", "here")

        async def work():
            async with polite(allow_private_networks=True) as fetcher:
                waiting = [asyncio.create_task(fetcher.fetch(hanging)) for _ in range(5)]
                response = await fetcher.fetch(url)
                assert not any(one.done() for one in waiting)
                for one in waiting:
                    one.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
                return response

        assert b"here" == asyncio.run(work()).body
