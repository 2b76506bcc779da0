"""The bytes of a picture in, its media type and size out. Knows five formats that cannot run anything, and no other.

Looks at the bytes alone: what a server says of them plays no part.
"""

import struct
from dataclasses import dataclass

JPEG_PARTS = 2000  # segments looked through for the frame; cameras write a few dozen
# JPEG's frame headers SOF0 to SOF15, without DHT, JPG and DAC (ITU-T T.81, table B.1)
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a picture is; *width* and *height* in pixels, 0 where its head does not say."""

    media_type: str
    width: int = 0
    height: int = 0


def kind_of(body: bytes) -> Kind | None:
    """What the picture that begins with *body* is; None for anything that is not surely one of ours."""
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return _sized("image/png", ">II", body, 16)
    if body.startswith((b"GIF87a", b"GIF89a")):
        return _sized("image/gif", "<HH", body, 6)
    if body.startswith(b"\xff\xd8\xff"):
        return _jpeg(body)
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return _webp(body)
    if body[4:12] in (b"ftypavif", b"ftypavis"):
        place = body[:4096].find(b"ispe")  # ISO/IEC 23008-12 §6.5.3: type, version and flags, width, height
        return _sized("image/avif", ">II", body, place + 8) if place > 0 else Kind("image/avif")
    return None


def _sized(media_type: str, form: str, body: bytes, place: int) -> Kind:
    if len(body) < place + struct.calcsize(form):
        return Kind(media_type)
    width, height = struct.unpack_from(form, body, place)
    return Kind(media_type, width, height)


def _jpeg(body: bytes) -> Kind:
    place = 2
    for _ in range(JPEG_PARTS):
        if len(body) < place + 9 or body[place] != 0xFF:
            break
        marker = body[place + 1]
        if marker == 0xFF:  # filling
            place += 1
            continue
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", body, place + 5)
            return Kind("image/jpeg", width, height)
        place += 2 + int.from_bytes(body[place + 2 : place + 4], "big")
    return Kind("image/jpeg")


def _webp(body: bytes) -> Kind:
    """RFC 9649 §2.5 to §2.7: lossy, lossless, extended."""
    form, known = body[12:16], Kind("image/webp")
    if len(body) < 30:
        return known
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 26)
        return Kind("image/webp", width & 0x3FFF, height & 0x3FFF)
    if form == b"VP8L":
        bits = int.from_bytes(body[21:25], "little")
        return Kind("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if form == b"VP8X":
        width, height = (int.from_bytes(body[place : place + 3], "little") + 1 for place in (24, 27))
        return Kind("image/webp", width, height)
    return known
