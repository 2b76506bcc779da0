"""A body as it was sent in, in plain bytes of bounded size out: gzip and deflate, undone piece by piece."""

import zlib
from collections.abc import AsyncIterator

import httpx

from aggregator.errors import FetchError

GZIP = b"\x1f\x8b"  # how a member begins
PIECE = 65_536
# a body of members that hold nothing costs time and never reaches a limit of size
MOST_MEMBERS = 1000


async def read_body(answer: httpx.Response, url: str, limit: int, *, cut: bool = False) -> bytes:
    """The decompressed body; more than *limit* bytes, sent or decompressed, are an error, or with *cut* left out."""
    declared = answer.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit and not cut:
        raise _too_large(url, limit, answer.status_code)
    body = bytearray()  # not a list of pieces: they may be of one byte each
    async for piece in decoded(answer, url, limit):
        body += piece
        if len(body) > limit:
            if cut:
                break
            raise _too_large(url, limit, answer.status_code)
    return bytes(body[:limit])


def _too_large(url: str, limit: int, status: int) -> FetchError:
    return FetchError(f"{url} is larger than fetch.max_bytes ({limit:,} bytes)", cause="size", status=status)


async def decoded(answer: httpx.Response, url: str, limit: int) -> AsyncIterator[bytes]:
    """The body in pieces of bounded size, so that a compressed bomb stops at the limit and not in memory."""
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity", "none"):
        async for chunk in answer.aiter_raw():
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise FetchError(
            f"{url} is compressed with {coding[:40]!r}, which we did not ask for",
            cause="encoding",
            status=answer.status_code,
        )
    try:
        async for piece in _inflated(answer, url, limit, coding):
            yield piece
    except zlib.error as error:
        raise FetchError(
            f"{url} sends broken {coding}: {error}", cause="encoding", status=answer.status_code
        ) from error


async def _inflated(answer: httpx.Response, url: str, limit: int, coding: str) -> AsyncIterator[bytes]:
    inflate = None
    sent = 0
    members = 1
    async for chunk in answer.aiter_raw():
        sent += len(chunk)
        if sent > limit:
            raise _too_large(url, limit, answer.status_code)
        # "deflate" means zlib (RFC 9110 §8.4.1.2), but some servers send it raw: a zlib stream begins with 0x?8
        inflate = inflate or zlib.decompressobj(31 if "gzip" in coding else 15 if chunk[0] & 15 == 8 else -15)
        while chunk:
            yield inflate.decompress(chunk, PIECE)
            chunk = inflate.unconsumed_tail
            if inflate.eof and inflate.unused_data.startswith(GZIP) and members < MOST_MEMBERS:
                # a gzip body may have several members (RFC 1952 §2.2)
                chunk, inflate = inflate.unused_data, zlib.decompressobj(31)
                members += 1
    while inflate and not inflate.eof and (rest := inflate.decompress(b"", PIECE)):
        yield rest  # what a full piece held back
    if inflate and not inflate.eof:
        raise FetchError(
            f"{url} broke off in the middle of its {coding} body", cause="protocol", status=answer.status_code
        )
