"""Turns answers given beforehand into an HTTP server on 127.0.0.1, and keeps a record of who asked for what.

``aggregator demo`` and the tests serve their universities with it. Knows no rules, no store and no clock.
"""

import re
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in, and what became of it."""

    method: str
    path: str  # with the query
    headers: Mapping[str, str]  # names in lower case
    status: int | None = None  # None: not answered, the connection was dropped or raw bytes were sent
    body: bytes = b""


class Raw(bytes):
    """Bytes sent as they are, status line and all; the connection closes after them."""


Body = bytes | str | Raw | Iterator[bytes] | None
Handler = Callable[[Request], "Answer | Body"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent for a path.

    A body of None drops the connection without a word, an iterator is sent piece by piece (chunked). A handler is
    called for each request and gives the body, or a whole Answer. A Content-Length among *headers* is sent as it is,
    true or not.
    """

    body: Body | Handler
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    etag: str | None = None
    last_modified: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class University:
    """A web server on a free port of 127.0.0.1, running until closed; 404 for what was not given with ``serve``."""

    def __init__(self) -> None:
        self.requests: list[Request] = []  # oldest first, recorded before the answer is sent
        self._answers: dict[str, Answer] = {}
        self._server = _Server(self._answers, self.requests)
        self._closing = Event()
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def paths(self) -> list[str]:
        """Every path that has an answer, in the order they were given."""
        return list(self._answers)

    def serve(
        self,
        path: str,
        body: bytes | str | Handler,
        *,
        content_type: str = "text/html; charset=utf-8",
        status: int = 200,
        etag: str | None = None,
        last_modified: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Answers *path* (with its query) with *body* from now on, in place of an earlier answer; gives its address.

        Text is sent as UTF-8. With *etag* (as on the wire, with quotes) or *last_modified* (an HTTP date) a conditional
        request is answered 304 (RFC 9110 §13). A handler gets the Request and gives a body, an Answer, or None to drop
        the connection; see ``pause`` for one that is slow.
        """
        answer = Answer(body, content_type, status, etag, last_modified, headers or {})
        self._answers[_as_sent(path)] = answer
        return self.url + _as_sent(path)

    def forget(self, path: str) -> None:
        """Answers *path* with 404 again."""
        self._answers.pop(_as_sent(path), None)

    def pause(self, seconds: float) -> None:
        """Waits that long, but not beyond ``close``: for a handler that answers late."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Stops listening and ends every open connection, also those still being answered."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def not_modified(answer: Answer, headers: Mapping[str, str]) -> bool:
    """Whether *headers* ask only for something newer than *answer* (RFC 9110 §13.2.2; entity tags compare weakly)."""
    wanted = headers.get("if-none-match")
    if wanted is not None:
        return answer.etag is not None and (wanted.strip() == "*" or _tags(answer.etag)[0] in _tags(wanted))
    since = headers.get("if-modified-since")
    if since is None or answer.last_modified is None:
        return False
    try:
        return parsedate_to_datetime(answer.last_modified) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):  # not a date, or one without a zone
        return since == answer.last_modified


def _tags(field_value: str) -> list[str]:
    return ENTITY_TAG.findall(field_value) or [field_value.strip()]  # a tag without quotes is compared as it stands


def _as_sent(path: str) -> str:
    assert path.startswith("/"), f"a path begins with /: {path!r}"
    return quote(path, safe="!#$%&'()*+,/:;=?@[]~")


class _Server(ThreadingMixIn, TCPServer):
    """One thread a connection. Not http.server's: that one asks the DNS for its own name."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, answers: Mapping[str, Answer], requests: list[Request]) -> None:
        self.answers = answers
        self.requests = requests
        self._open: dict[socket.socket, Thread] = {}
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        self._open.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection, thread in list(self._open.items()):
            with suppress(OSError):  # closed by the other side meanwhile
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=1)  # a handler that sleeps on is left to its sleep

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a reader that hangs up is not our fault
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Request(self.command, self.path, _lower(self.headers), body=body)
        answer = self.server.answers.get(self.path, Answer("404 Not Found", "text/plain", 404))
        while callable(answer.body):
            found = answer.body(request)
            answer = found if isinstance(found, Answer) else replace(answer, body=found)
        silent = answer.body is None or isinstance(answer.body, Raw)
        if not silent and answer.status == 200 and not_modified(answer, request.headers):
            answer = replace(answer, status=304)
        self.server.requests.append(replace(request, status=None if silent else answer.status))
        self._send(answer)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet: ``University.requests`` is the log."""

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        if body is None or isinstance(body, Raw):
            self.wfile.write(body or b"")
            self.close_connection = True
            return
        assert not callable(body)
        self._send_head(answer, len(body) if isinstance(body, bytes) else None)
        if self.command == "HEAD" or answer.status == 304:
            return
        if isinstance(body, bytes):
            self.wfile.write(body)
            return
        for piece in body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _send_head(self, answer: Answer, length: int | None) -> None:
        fields = {"date": self.date_time_string()}
        if answer.etag:
            fields["etag"] = answer.etag
        if answer.last_modified:
            fields["last-modified"] = answer.last_modified
        if answer.status != 304:
            fields["content-type"] = answer.content_type
            fields |= {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
        fields |= {name.lower(): value for name, value in answer.headers.items()}
        self.send_response_only(answer.status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        # a length that is not the body's would leave the next answer in the middle of this one
        self.close_connection |= length is not None and fields.get("content-length", str(length)) != str(length)


def _lower(headers: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
