"""A document that our own readers refuse -> an RSS tree of what feedparser finds in it, in a process of its own.

feedparser reads more than we do (CDF, upper case, items without a root), and is quadratic on hostile input: it gets so
many seconds and bytes and no more. This is its one door: ``python -m aggregator.gather.feed_last_resort``.

    document -> standard input -> child: feedparser, limited -> JSON on standard output -> RSS tree
"""

import html
import io
import json
import re
import signal
import subprocess
import sys
from typing import Any

from lxml import etree

from aggregator.errors import ParseError

MAX_BYTES = 1_000_000  # the largest feed seen that needed it has 111,000
MAX_ANSWER = 4_000_000  # characters of JSON; more is a document that swells: entities of a DTD
CPU_SECONDS = 2
WALL_SECONDS = 10  # a machine that is busy elsewhere
MEMORY_BYTES = 400_000_000  # of addresses: the interpreter with its libraries takes a quarter of it

_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Field = tuple[str, str, dict[str, str]]  # an element of RSS: name, text, attributes


def reread(document: str, url: str) -> etree._Element:
    """The root of an RSS document with the items that feedparser finds in *document*; they may be none.

    Bodies and addresses are the publisher's, and so are the dates, word for word. Raises ParseError, which says how the
    child ended, where it gives no answer.
    """
    body = document.encode("utf-8", "replace")
    if len(body) > MAX_BYTES:
        raise ParseError(f"{url} is too broken for us and, with {len(body):,} bytes, too large for feedparser")
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "aggregator.gather.feed_last_resort"],
            input=body,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise ParseError(f"{url} is too broken for us, and feedparser {_end(error)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ParseError(f"{url} is too broken for us, and feedparser gave no answer: {error}") from error
    return _rss(json.loads(answer.stdout))


def _end(error: subprocess.CalledProcessError) -> str:
    if error.returncode < 0:
        return f"was stopped by {signal.Signals(-error.returncode).name}"
    complaint: str = error.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"failed on it: {complaint[:200]}"


def _rss(found: dict[str, Any]) -> etree._Element:
    root = etree.Element("rss")
    channel = etree.SubElement(root, "channel")
    _add(channel, found["channel"])
    for item in found["items"]:
        _add(etree.SubElement(channel, "item"), item)
    return root


def _add(parent: etree._Element, fields: list[Field]) -> None:
    for name, text, attributes in fields:
        child = etree.SubElement(parent, name, {key: _NOT_XML.sub("", value) for key, value in attributes.items()})
        child.text = _NOT_XML.sub("", text)


# ---------------------------------------------------------------- the child


def _main() -> None:
    import resource  # not on Windows, where the child fails and says so

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))  # SIGXCPU, then SIGKILL
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    answer = json.dumps(_found(sys.stdin.buffer.read(MAX_BYTES)))
    if len(answer) > MAX_ANSWER:
        sys.exit("the document swells beyond measure")
    sys.stdout.write(answer)


def _found(document: bytes) -> dict[str, Any]:
    import feedparser  # type: ignore[import-untyped] # 40 ms that only the child pays

    parsed = feedparser.parse(
        io.BytesIO(document),  # never bytes or str, which it may take for a path or an address
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    # an item without an address may be half of one
    entries = [entry for entry in parsed.entries if entry.get("link")]
    return {"channel": _fields(parsed.feed), "items": [_fields(entry) for entry in entries]}


def _fields(said: Any) -> list[Field]:
    """What feedparser says of a feed or an entry, as elements of RSS; what is empty is left out."""
    content = max((one.get("value") or "" for one in said.get("content", ())), key=len, default="")
    fields: list[Field] = [
        ("title", _markup(said, "title"), {}),
        ("link", said.get("link") or "", {}),
        ("guid", said.get("id") or "", {}),
        ("pubDate", said.get("published") or said.get("updated") or said.get("created") or "", {}),
        ("author", said.get("author") or "", {}),
        ("description", _markup(said, "summary"), {}),
        (_CONTENT, content, {}),
        *(("category", tag.get("term") or "", {}) for tag in said.get("tags", ())),
    ]
    files = [
        {key: file[key] for key in ("href", "type", "length") if file.get(key)} for file in said.get("enclosures", ())
    ]
    return [field for field in fields if field[1]] + [("enclosure", "", file) for file in files]


def _markup(said: Any, name: str) -> str:
    """The text of a field as HTML, as RSS has it."""
    text: str = said.get(name) or ""
    is_plain = said.get(f"{name}_detail", {}).get("type") == "text/plain"
    return html.escape(text, quote=False) if is_plain else text


if __name__ == "__main__":
    _main()
