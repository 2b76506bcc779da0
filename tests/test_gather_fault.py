"""What fails on the way is one plain sentence with one address, and no library's text."""

import asyncio
import socket
import threading

import pytest

from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.settings import FetchSettings


@pytest.fixture
def answering():
    """The address of a server that answers these very bytes, then closes."""
    listeners = []

    def serve(data):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def work():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(10_000)
                    connection.sendall(data)

        threading.Thread(target=work, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/xw.htm"

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def failures(*urls, **fetch):
    """What the fetch of each of *urls* says, one after another."""
    fetch = {"allow_private_networks": True, "per_host_delay_seconds": 0, "respect_robots": False} | fetch

    async def work():
        said = []
        async with Fetcher(FetchSettings(**fetch), "tests") as fetcher:
            for url in urls:
                with pytest.raises(FetchError) as caught:
                    await fetcher.fetch(url)
                said.append(str(caught.value))
        return said

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", "no connection: it was closed before an answer came"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/h", "no connection: it was closed before an answer came"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not the HTTP it should be: bad status line"),
        (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", "not the HTTP it should be: invalid header token"),
    ],
)
def test_a_strange_answer_is_told_without_the_librarys_words(answering, answer, expected):
    url = answering(answer)

    assert [f"{url}: {expected}"] == failures(url)


def test_a_refused_connection_is_told_in_the_systems_words():
    url = "http://127.0.0.1:1/xw.htm"

    assert [f"{url}: no connection: connection refused"] == failures(url)
    (said,) = failures(url, proxy="http://127.0.0.1:1")
    assert f"{url}: the proxy (fetch.proxy) does not help: connection refused" == said


def test_a_host_that_rests_is_told_with_the_address_that_was_asked_for_alone():
    *_, said = failures(*(f"http://127.0.0.1:1/{n}.htm" for n in range(4)))

    assert said.startswith("http://127.0.0.1:1/3.htm is not asked now: no connection: connection refused; 127.0.0.1:1")
    assert 1 == said.count("http://")
