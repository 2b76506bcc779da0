"""A WebSub hub on the loopback address, as good or as bad as a test wants it. tests/conftest.py hands the fixture out."""

import hashlib
import hmac
import secrets
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest


class Hub:
    """Takes requests to subscribe, and verifies, distributes and denies when it is told to, or at once."""

    def __init__(self):
        self.forms = []  # what was asked of it, oldest first
        self.subscribed = {}  # callback -> form, once verified
        self.status = 202
        self.location = None  # of another hub, for a status that redirects
        self.lease_seconds = None  # what it grants; None: what it is asked for
        self.is_prompt = True  # verifies by itself, after it has answered
        self._verifying = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}/hub"

    def close(self):
        self.settle()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def settle(self):
        """Wait until everything it was asked for is verified."""
        for thread in list(self._verifying):
            thread.join()

    def take(self, form, answered):
        """Note *form*, and verify it once *answered* (an Event) is set."""
        self.forms.append(form)
        if self.is_prompt and self.status == 202:
            thread = Thread(target=lambda: answered.wait() and self.verify(form))
            self._verifying.append(thread)
            thread.start()

    def verify(self, form, **changes):
        """Ask the callback whether *form* is its wish (WebSub §5.3); its status and whether it gave the challenge."""
        challenge = secrets.token_urlsafe(20)
        asked = {"hub.mode": form["hub.mode"], "hub.topic": form["hub.topic"], "hub.challenge": challenge}
        if form["hub.mode"] == "subscribe":
            asked["hub.lease_seconds"] = str(self.lease_seconds or form["hub.lease_seconds"])
        asked |= {f"hub.{name}": value for name, value in changes.items()}
        status, body = call("GET", form["hub.callback"] + "?" + urlencode(asked))
        agreed = status == 200 and body == asked["hub.challenge"].encode()
        if agreed and form["hub.mode"] == "subscribe":
            self.subscribed[form["hub.callback"]] = form
        elif agreed:
            self.subscribed.pop(form["hub.callback"], None)
        return status, agreed

    def deny(self, form, reason):
        """WebSub §5.2"""
        said = {"hub.mode": "denied", "hub.topic": form["hub.topic"], "hub.reason": reason}
        return call("GET", form["hub.callback"] + "?" + urlencode(said))[0]

    def distribute(self, body=b"<rss/>", *, method="sha256", secret=None, signature=None):
        """Send *body* to every subscriber (WebSub §7); what they answer."""
        return [
            call("POST", callback, body, {"X-Hub-Signature": signature or signed(body, method, secret or form["hub.secret"])})[0]
            for callback, form in list(self.subscribed.items())
        ]  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answered = Event()
        self.hub.take({name: values[0] for name, values in parse_qs(body).items()}, answered)
        self.send_response(self.hub.status)
        if self.hub.location:
            self.send_header("Location", self.hub.location)
        self.send_header("Content-Length", "0")
        self.end_headers()
        answered.set()

    def log_message(self, *_):
        pass


def signed(body, method, secret):
    """An X-Hub-Signature (WebSub §7.1)."""
    return f"{method}={hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()}"


def call(method, url, body=None, headers=None):
    """(status, body) of a request."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def hub():
    one = Hub()
    yield one
    one.close()
