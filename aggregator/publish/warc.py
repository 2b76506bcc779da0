"""Responses that were kept -> a WARC file (ISO 28500:2017, version 1.0 of the format). The only door to warcio.

Knows no database and no network. What is kept is the beginning of a body without its transfer and content codings; a
record of one that is cut says so (WARC-Truncated). The same bytes for the same responses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
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
        if not count:
            about = {"software": software, "format": "WARC File Format 1.0", "isPartOf": name}
            first = writer.create_warcinfo_record(name, about)
            _identify(first.rec_headers, name, one.fetched_at)
            writer.write_record(first)
        status = HTTPStatus(one.status).phrase if one.status in set(HTTPStatus) else "Unknown"
        headers = [(key, value) for key, value in one.headers if key.lower() not in SENT]
        headers.append(("content-length", str(len(one.body))))
        http = StatusAndHeaders(f"{one.status} {status}", headers, protocol="HTTP/1.1")
        record = writer.create_warc_record(one.url, "response", payload=BytesIO(one.body), http_headers=http)
        _identify(record.rec_headers, one.url, one.fetched_at)
        if one.is_cut:
            record.rec_headers.add_header("WARC-Truncated", "length")
        writer.write_record(record)
        count += 1
    return count


def _identify(headers: object, name: str, at: datetime) -> None:
    moment = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    headers.replace_header("WARC-Date", moment)  # type: ignore[attr-defined]
    own = uuid5(NAMESPACE_URL, f"{moment} {name}")
    headers.replace_header("WARC-Record-ID", f"<urn:uuid:{own}>")  # type: ignore[attr-defined]
