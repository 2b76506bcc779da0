"""A fuzz target: every address of the service, asked with hostile values, methods, headers and queries. No answer is a 500.

``python -m tests.fuzz.addresses --seconds 60 [--seed N]`` prints the requests that broke a promise.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from tests.newsroom import app_of, empty_store, fill

METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get")
ALLOWED = {200, 202, 204, 206, 301, 304, 308, 400, 401, 403, 404, 405, 406, 410, 412, 413, 414, 415, 416, 429, 502, 503}
VALUES = (
    "", "/", "..", "../../etc/passwd", "a", "海棠大学", "要闻", "要闻+通知", "要闻|讲座", "-要闻", "要闻-讲座", "(", ")", "((((", "+", "|", "-",
    "要闻+", "((要闻))", "“要闻”", "「", "\"", "'", "%", "%00", "\0", "\x01", "\x7f", "\u202e", "\ufeff", "\ud800", "\uffff", "𠮷", "e\u0301",
    "haitang-news", "haitang-news.atom", "0", "1", "-1", "2025", "2025-03-20", "2025-W12", "2025-03", "9999", "0000", "0001", "12", "03", "99",
    "999999999999999999999999", "1e309", "nan", "inf", "-0", "1.5", "0x10", "٣", "１", "null", "None", "true", "[]", "{}", "{{7*7}}", "${7*7}",
    "<script>evil()</script>", "' OR 1=1 --", "%' ESCAPE '", "*", "\\", "a" * 3000, "(" * 200, "要闻+" * 60, "-" * 399 + "a", "//evil.example",
    "http://evil.example/", "javascript:evil()", "\r\nSet-Cookie: a=b", "a b", "\t", "?", "#", "&", "a=b&c=d", ";", "atom", "xml", "json",
    "1742524200-7", "-5-5", "9" * 18 + "-" + "9" * 18, "9" * 30 + "-1", "1-", "day", "week", "text", "html", "email", "en", "zh", "xx",
)  # fmt: skip
NAMES = (
    "before", "tag", "source", "university", "q", "archive", "lang", "format", "since", "until", "order", "v", "limit", "period",
    "hub.mode", "hub.challenge", "hub.topic", "hub.lease_seconds", "", "[]", "海棠",
)  # fmt: skip
HEADERS = {
    "Accept": ("*/*", "text/html", "application/atom+xml", "", ";", "q=,", "a/b;q=x", "text/html" * 500),
    "Accept-Language": ("zh", "en", "*", "xx;q=2", ",,,", "zh-" + "x" * 3000, "\xff"),
    "Accept-Encoding": ("gzip", "gzip;q=0", "identity;q=0, *;q=0", "br", "gzip;q=nan", ",", "x" * 5000),
    "If-None-Match": ("*", '"a"', 'W/"a"', '"', "a" * 5000, '"a", "b"', "\xff"),
    "If-Modified-Since": ("Thu, 20 Mar 2025 00:00:00 GMT", "yesterday", "Thu, 99 Mar 9999 99:99:99 GMT", "0", "-1"),
    "If-Unmodified-Since": ("Thu, 20 Mar 1970 00:00:00 GMT", "x"),
    "If-Match": ('"a"', "*", "x"),
    "Range": ("bytes=0-0", "bytes=-1", "bytes=9-1", "bytes=0-" + "9" * 30, "lines=1-2", "bytes=0-1,3-4,9-", "x"),
    "Host": ("localhost", "evil.example", "evil.example:99999", "[::1]", "a b", "", "x" * 3000, "海棠.example"),
    "X-Forwarded-Host": ("evil.example",),
    "X-Forwarded-For": ("1.2.3.4", "x", "," * 2000),
    "X-Forwarded-Proto": ("https", "javascript"),
    "Authorization": ("Bearer x", "Basic", "Basic \xff", "Digest username=", "Bearer " + "x" * 5000),
    "Content-Type": (
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "text/plain; charset=nope",
    ),
    "Content-Length": ("0", "-1", "x", "9" * 30),
    "X-Hub-Signature": ("sha1=", "sha256=00", "md5=x", "x" * 5000),
    "Cookie": ("session=x", "=;=;", "\xff", "a=b; " * 1000),
}


def rules(app):
    """The rules of *app*, each as the pieces that stand in its address and the names of those to fill."""
    return [list(rule._trace) for rule in app.url_map.iter_rules()]


def request(rules, chance):
    """A request as arguments of a client's ``open``."""

    def value():
        made = chance.choice(VALUES)
        return made + chance.choice(VALUES) if chance.random() < 0.2 else made

    path = "".join(value() if is_value else piece for is_value, piece in chance.choice(rules)).replace("|/", "/")
    if chance.random() < 0.1:
        path += chance.choice(("/", "//", ".atom", ".json", "?", "%"))
    written = quote(path.encode("utf-8", "surrogatepass"), safe="/%" if chance.random() < 0.3 else "/")
    query = {chance.choice(NAMES): value().encode("utf-8", "surrogatepass") for _ in range(chance.randint(0, 3))}
    headers = {name: chance.choice(HEADERS[name]) for name in chance.sample(sorted(HEADERS), chance.randint(0, 3))}
    data = chance.choice((None, None, b"", b"a=b", b"\xff" * 1000, b'{"a": 1}'))
    return {
        "path": "/" + written.lstrip("/"), "method": chance.choice(METHODS), "query_string": query, "headers": headers, "data": data,
    }  # fmt: skip


def fault_of(client, asked):
    """What the answer to *asked* breaks, as one line; None where every promise is kept."""
    try:
        answer = client.open(**asked, buffered=True)
        body = answer.get_data()
    except UnicodeEncodeError as error:  # the client's, before anything was sent
        if "latin-1" in str(error):
            return None
        return repr(error)
    except Exception as error:
        return repr(error)
    if answer.status_code not in ALLOWED:
        return f"status {answer.status_code}"
    if "X-Content-Type-Options" not in answer.headers or "Content-Security-Policy" not in answer.headers:
        return "no security headers"
    location = answer.headers.get("Location", "/")
    if not location.startswith("/") or location.startswith("//"):
        return f"leads to {location[:80]}"
    if b"Traceback" in body or "Set-Cookie" in answer.headers:
        return "says what it must not"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder, empty_store(Path(folder)) as store:
        fill(store)
        app = app_of(store, Path(folder))
        client, known, asked, faults = app.test_client(), rules(app), 0, 0
        end = time.monotonic() + chosen.seconds
        while time.monotonic() < end:
            one = request(known, chance)
            asked += 1
            if fault := fault_of(client, one):
                faults += 1
                print(fault, str(one)[:1000])
        print(f"{asked} requests, {faults} faults")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
