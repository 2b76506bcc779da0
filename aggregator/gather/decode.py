"""A body as it was sent in, in plain bytes of bounded size out: gzip and deflate, undone piece by piece.

Knows no network: the pieces come as they come.
"""

import zlib
from collections.abc import AsyncIterator, Mapping

from aggregator.errors import FetchError

GZIP = b"\x1f\x8b"  # how a member begins
PIECE = 65_536
# a body of members that hold nothing costs time and never reaches a limit of size
MOST_MEMBERS = 1000

Pieces = AsyncIterator[bytes]


class Body:
    """The body of the answer that *url* gave, with its *status* and its *header* by lower-case names."""

    def __init__(self, url: str, status: int, header: Mapping[str, str], pieces: Pieces) -> None:
        self._url = url
        self._status = status
        self._header = header
        self._pieces = pieces

    async def whole(self, limit: int, *, cut: bool = False) -> bytes:
        """All of it, decompressed; more than *limit* bytes, sent or decompressed, are an error, or *cut* off."""
        declared = self._header.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit and not cut:
            raise self._too_large(limit)
        body = bytearray()  # not a list of pieces: they may be of one byte each
        async for piece in self.decoded(limit):
            body += piece
            if len(body) > limit:
                if cut:
                    break
                raise self._too_large(limit)
        return bytes(body[:limit])

    def decoded(self, limit: int) -> Pieces:
        """It in pieces of bounded size, so that a compressed bomb stops at the limit and not in memory."""
        coding = self._header.get("content-encoding", "identity").strip().lower()
        if coding in ("", "identity", "none"):
            return self._pieces
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise FetchError(
                f"{self._url} is compressed with {coding[:40]!r}, which we did not ask for",
                cause="encoding",
                status=self._status,
            )
        return self._inflated(coding, limit)

    async def _inflated(self, coding: str, limit: int) -> Pieces:
        inflate = None
        sent = 0
        members = 1
        try:
            async for chunk in self._pieces:
                sent += len(chunk)
                if sent > limit:
                    raise self._too_large(limit)
                # "deflate" means zlib (RFC 9110 §8.4.1.2), but some servers send it raw: zlib begins with 0x?8
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
        except zlib.error as error:
            raise FetchError(
                f"{self._url} sends broken {coding}: {error}", cause="encoding", status=self._status
            ) from error
        if inflate and not inflate.eof:
            raise FetchError(
                f"{self._url} broke off in the middle of its {coding} body", cause="protocol", status=self._status
            )

    def _too_large(self, limit: int) -> FetchError:
        return FetchError(
            f"{self._url} is larger than fetch.max_bytes ({limit:,} bytes)", cause="size", status=self._status
        )
