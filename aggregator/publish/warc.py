"""Responses that were kept -> a WARC file (ISO 28500:2017, version 1.0 of the format). The only door to warcio.

Knows no database and no network. What is kept is the beginning of a body without its transfer and content codings; a
record of one that is cut says so (WARC-Truncated). The same bytes for the same responses.
"""

from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from http import HTTPStatus
from io import BytesIO
from typing import IO
from uuid import NAMESPACE_URL, uuid5

# of the body as it was sent, not as it is kept
SENT = {"content-encoding", "transfer-encoding", "content-length", "connection", "trailer"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One response: *headers* by their names, the *body* decoded."""

    url: str
    fetched_at: datetime
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_cut: bool = False


def write_warc(file: IO[bytes], exchanges: Iterable[Exchange], *, name: str, software: str, compress: bool) -> int:
    """Write a WARC of *exchanges*, in their order, to *file*; how many there were. *compress*: record by record."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    writer = WARCWriter(file, gzip=compress)
    count = 0
    for one in exchanges:
        moment = f"{one.fetched_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if not count:
            about = {"software": software, "format": "WARC File Format 1.0", "isPartOf": name}
            first = writer.create_warcinfo_record(name, about)
            for key, value in (*_facts(name, moment), ("WARC-Block-Digest", _digest(first.raw_stream.getvalue()))):
                first.rec_headers.replace_header(key, value)
            writer.write_record(first)
        status = HTTPStatus(one.status).phrase if one.status in set(HTTPStatus) else "Unknown"
        headers = [(key, value) for key, value in one.headers if key.lower() not in SENT]
        headers.append(("content-length", str(len(one.body))))
        http = StatusAndHeaders(f"{one.status} {status}", headers, protocol="HTTP/1.1")
        http.compute_headers_buffer()
        facts = {
            **dict(_facts(one.url, moment)),
            "WARC-Payload-Digest": _digest(one.body),
            "WARC-Block-Digest": _digest(http.headers_buff + one.body),
            **({"WARC-Truncated": "length"} if one.is_cut else {}),
        }
        record = writer.create_warc_record(
            one.url, "response", BytesIO(one.body), len(one.body), warc_headers_dict=facts, http_headers=http
        )
        writer.write_record(record)
        count += 1
    return count


def _facts(name: str, moment: str) -> tuple[tuple[str, str], ...]:
    own = uuid5(NAMESPACE_URL, f"{moment} {name}")
    return ("WARC-Date", moment), ("WARC-Record-ID", f"<urn:uuid:{own}>")


def _digest(content: bytes) -> str:
    """Given to warcio, which else copies each body into a file of its own and leaves it open."""
    return "sha1:" + b32encode(sha1(content, usedforsecurity=False).digest()).decode()
