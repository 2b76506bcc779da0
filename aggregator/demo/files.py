"""Makes the pictures and documents that the demo's pages show. The same name gives the same bytes."""

import struct
import zlib
from functools import cache
from hashlib import sha256

WIDTH, HEIGHT = 480, 270
# a transparent GIF of one pixel: what stands in a page before a lazy picture is loaded, and for small icons
BLANK = bytes.fromhex("4749463839610100010080000000000000000021f90401000000002c00000000010001000002024401003b")


@cache
def picture(name: str) -> bytes:
    """A PNG of hills before a sky, in colours that depend on *name*."""
    seed = sha256(name.encode()).digest()
    sky = (120 + seed[0] // 3, 150 + seed[1] // 4, 190 + seed[2] // 5)
    hill = (40 + seed[3] // 4, 70 + seed[4] // 3, 50 + seed[5] // 4)
    peak = WIDTH // 4 + WIDTH * seed[6] // 512
    rows = []
    for y in range(HEIGHT):
        light = 1 - y / HEIGHT / 4
        left, right = _span(peak, y, 1.3), _span(WIDTH - peak // 2, y + 40, 2.1)
        row = bytearray(_pixel(sky, light + 0.1) * WIDTH)
        for (first, last), shade in ((right, 1.25), (left, light)):
            row[3 * first : 3 * last] = _pixel(hill, shade) * (last - first)
        rows.append(b"\0" + bytes(row))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


@cache
def document(name: str) -> bytes:
    """A PDF of one page that says in English what it is (the standard fonts have no Chinese)."""
    line = f"BT /F1 18 Tf 72 720 Td (Demo attachment {sha256(name.encode()).hexdigest()[:8]}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(line), line),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    found, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(found))
        found += b"%d 0 obj%b endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(found))
    return found + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end


def _span(peak: int, y: int, width: float) -> tuple[int, int]:
    half = max(0, int((y - HEIGHT // 3) * width))
    return max(0, min(WIDTH, peak - half)), max(0, min(WIDTH, peak + half))


def _pixel(colour: tuple[int, int, int], light: float) -> bytes:
    return bytes(min(255, int(part * light)) for part in colour)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
