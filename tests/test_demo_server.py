"""The server of the demo and of the tests."""

import socket
from http.client import HTTPConnection, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from aggregator.demo.server import Answer, Raw, University

WEDNESDAY = "Wed, 19 Mar 2025 08:00:00 GMT"
THURSDAY = "Thu, 20 Mar 2025 08:00:00 GMT"


@pytest.fixture
def connection(university):
    address = urlsplit(university.url)
    connection = HTTPConnection(address.hostname, address.port, timeout=5)
    yield connection
    connection.close()


def ask(connection, path, headers=None, method="GET"):
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def test_served_text_comes_back_as_utf_8(university, connection):
    university.serve("/news", "<h1>要闻</h1>")

    status, headers, body = ask(connection, "/news")

    assert (200, "text/html; charset=utf-8") == (status, headers["content-type"])
    assert "<h1>要闻</h1>" == body.decode()


def test_what_was_not_given_is_not_found(university, connection):
    university.serve("/news", "x")

    assert [404, 404] == [ask(connection, path)[0] for path in ("/other", "/news?page=2")]


def test_a_later_answer_replaces_the_earlier_and_can_be_forgotten(university, connection):
    university.serve("/news", "one")
    university.serve("/news", "two", status=503, headers={"Retry-After": "60"})

    status, headers, body = ask(connection, "/news")
    university.forget("/news")

    assert (503, "60", b"two") == (status, headers["retry-after"], body)
    assert 404 == ask(connection, "/news")[0]


def test_many_requests_travel_over_one_connection(university, connection):
    university.serve("/news", "x")

    ask(connection, "/news")
    port = connection.sock.getsockname()[1]
    ask(connection, "/missing")
    ask(connection, "/news", method="HEAD")

    assert port == connection.sock.getsockname()[1]


def test_requests_are_recorded_with_query_headers_and_status(university, connection):
    university.serve("/news?page=2", "x", etag='"v1"')

    ask(connection, "/news?page=2", {"User-Agent": "reader/1"})
    ask(connection, "/news?page=2", {"If-None-Match": '"v1"'})
    ask(connection, "/gone", method="HEAD")

    found = [(request.method, request.path, request.status) for request in university.requests]
    assert [("GET", "/news?page=2", 200), ("GET", "/news?page=2", 304), ("HEAD", "/gone", 404)] == found
    assert "reader/1" == university.requests[0].headers["user-agent"]


def test_head_says_what_get_would_without_a_body(university, connection):
    university.serve("/news", "要闻", etag='"v1"')

    status, headers, body = ask(connection, "/news", method="HEAD")

    assert (200, "6", '"v1"', b"") == (status, headers["content-length"], headers["etag"], body)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"v1"'}, 304),
        ({"If-None-Match": 'W/"v1"'}, 304),
        ({"If-None-Match": '"v0", W/"v1"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"v0"'}, 200),
        ({"If-None-Match": '"v0"', "If-Modified-Since": THURSDAY}, 200),
        ({"If-Modified-Since": WEDNESDAY}, 304),
        ({"If-Modified-Since": THURSDAY}, 304),
        ({"If-Modified-Since": "Tue, 18 Mar 2025 08:00:00 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({}, 200),
    ],
)
def test_conditional_requests_follow_rfc_9110(university, connection, headers, status):
    university.serve("/news", "x", etag='W/"v1"', last_modified=WEDNESDAY)

    found, answered, body = ask(connection, "/news", headers)

    assert status == found
    assert ('W/"v1"', WEDNESDAY) == (answered["etag"], answered["last-modified"])
    assert (b"" if status == 304 else b"x") == body


def test_without_validators_nothing_is_not_modified(university, connection):
    university.serve("/news", "x")

    assert 200 == ask(connection, "/news", {"If-None-Match": "*", "If-Modified-Since": THURSDAY})[0]


def test_an_error_page_is_never_not_modified(university, connection):
    university.serve("/news", "x", status=500, etag='"v1"')

    assert 500 == ask(connection, "/news", {"If-None-Match": '"v1"'})[0]


def test_a_handler_answers_by_the_request(university, connection):
    university.serve("/busy", lambda request: "in" if "cookie" in request.headers else Answer("wait", status=429))

    assert (429, b"wait") == ask(connection, "/busy")[::2]
    assert (200, b"in") == ask(connection, "/busy", {"Cookie": "seen=1"})[::2]


def test_a_handler_may_send_piece_by_piece(university, connection):
    university.serve("/long", lambda request: (b"piece " for _ in range(3)))

    _, headers, body = ask(connection, "/long")

    assert ("chunked", b"piece piece piece ") == (headers["transfer-encoding"], body)


def test_a_handler_may_drop_the_connection(university, connection):
    university.serve("/gone", lambda request: None)

    with pytest.raises(RemoteDisconnected):
        ask(connection, "/gone")
    assert [None] == [request.status for request in university.requests]


def test_raw_bytes_are_sent_as_they_are(university):
    university.serve("/broken", Raw(b"SMTP 220 hello\r\n"))
    address = urlsplit(university.url)

    with socket.create_connection((address.hostname, address.port), timeout=5) as wire:
        wire.sendall(b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
        found = wire.makefile("rb").read()

    assert b"SMTP 220 hello\r\n" == found


def test_a_stated_length_is_sent_even_when_it_is_wrong(university, connection):
    university.serve("/cut", "short", headers={"Content-Length": "500"})

    connection.request("GET", "/cut")
    response = connection.getresponse()

    assert "500" == response.getheader("Content-Length")
    assert b"short" == response.read1(500)


def test_a_chinese_path_is_found_as_a_browser_sends_it(university, connection):
    url = university.serve("/通知.htm?q=1", "x")

    assert university.url + "/%E9%80%9A%E7%9F%A5.htm?q=1" == url
    assert 200 == ask(connection, "/%E9%80%9A%E7%9F%A5.htm?q=1")[0]


def test_closing_ends_idle_connections_and_waiting_handlers():
    with University() as university:
        university.serve("/slow", lambda request: university.pause(60))
        address = urlsplit(university.url)
        wire = socket.create_connection((address.hostname, address.port), timeout=5)
        wire.sendall(b"HEAD /gone HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = wire.recv(1000)
        wire.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")

    with wire:
        assert answer.startswith(b"HTTP/1.1 404")
        assert b"" == wire.recv(10)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=5)
