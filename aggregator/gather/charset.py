"""The bytes of a page or feed and what the server said of them -> text.

Knows no HTML beyond ``<meta charset>`` and no XML beyond ``encoding=``; knows no network.
"""

import codecs
import re
from collections.abc import Iterator

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    # no mark, but every page begins with "<" (XML 1.0, appendix F)
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_IN_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_IN_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_IN_XML = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
# HTML says the first 1,024 bytes; old templates put scripts and comments before it
_HEAD_BYTES = 4096
_NON_ASCII = bytes(range(0x80, 0x100))
# GBK read as UTF-8 has a bad character for nearly every byte, UTF-8 with a damaged one has few
_NON_ASCII_BYTES_PER_BAD = 6


def decode(body: bytes, content_type: str | None = None) -> str:
    """*body* as text; never raises: a byte that cannot be read is one U+FFFD.

    Trusted in this order: byte-order mark; UTF-8 wherever it fits, whatever is declared; the charset of *content_type*;
    the one declared in the page; detection. GB2312 and GBK are read as GB18030, which holds them both: pages use
    characters that their declared charset does not have. Latin-1 declared is no testimony: servers say it unasked.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "replace").removeprefix("\ufeff")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        tolerated = (len(body) - len(body.translate(None, _NON_ASCII))) / _NON_ASCII_BYTES_PER_BAD
    text = body.decode("utf-8", "replace")
    if text.count("\ufffd") <= tolerated:
        return text
    for encoding in _candidates(body, content_type):
        text = body.decode(encoding, "replace")
        if text.count("\ufffd") <= tolerated:
            return text
    return text


def _candidates(body: bytes, content_type: str | None) -> Iterator[str]:
    # imported here: nearly every page is UTF-8 and never comes so far
    from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

    head = body[:_HEAD_BYTES]
    in_header = _IN_HEADER.search(content_type or "")
    in_page = _IN_XML.match(head.lstrip()) or _IN_META.search(head)
    declared = [in_header[1]] if in_header else []
    if in_page:
        declared.append(in_page[1].decode("ascii"))
    for label in declared:
        encoding = map_encoding_to_html5(label, fallback_utf8=False)
        if encoding and encoding != "cp1252" and (not encoding.startswith("utf-16") or b"\0" in head):
            yield _widened(encoding)
    yield _widened(detect_encoding(body) or "utf-8")


def _widened(encoding: str) -> str:
    if encoding.startswith("gb"):
        return "gb18030"
    return "big5hkscs" if encoding == "big5" else encoding
