"""The bytes of a page or feed and what the server said of them -> text.

Knows no HTML beyond ``<meta charset>`` and no XML beyond ``encoding=``; knows no network.
"""

import codecs
import re
from collections.abc import Iterator

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    # no mark, but every page begins with "<" (XML 1.0, appendix F)
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_IN_HEADER = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_IN_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_IN_XML = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
# HTML says the first 1,024 bytes; old templates put scripts and comments before it
_HEAD_BYTES = 16_384
# names that Microsoft's programs and people write and the Encoding standard does not know
_NAMED_GB = re.compile(r"(?:x-)?gb|(?:cp|ms|windows-?)936$|euc-?cn$", re.IGNORECASE)
_CHINESE = ("gb18030", "big5hkscs")
_OTHER_EAST_ASIAN = ("shift_jis", "euc_jp", "iso2022_jp", "euc_kr")
# frequent on the pages of universities, simplified and traditional: among 30 characters stand about eight of them
_FREQUENT = "的一是不了在有人大中上和国國为為学學校院年月日会會工作生研究教育及部新时時第发發行动動主要全"
_NON_ASCII = bytes(range(0x80, 0x100))
# GBK read as UTF-8 has a bad character for every second byte, UTF-8 with a damaged one has few
_NON_ASCII_BYTES_PER_BAD = 6
_MOST_MENDED = 1_000  # bad characters; a document with more is no damaged text


def decode(body: bytes, content_type: str | None = None) -> str:
    """*body* as text; never raises: a byte that cannot be read is one U+FFFD.

    Trusted in this order: byte-order mark; UTF-8 wherever it fits, whatever is declared; the charset of *content_type*;
    those declared in the page; detection; GB18030. GB2312 and GBK are read as GB18030, which holds them both: pages use
    characters that their declared charset does not have. Where the bytes look Chinese, they themselves decide between
    GB18030 and Big5, and no charset of single bytes is heard; Latin-1 never is: servers declare it unasked.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "replace").removeprefix("\ufeff")
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        tolerated = (len(body) - len(body.translate(None, _NON_ASCII))) / _NON_ASCII_BYTES_PER_BAD
    bad: dict[str, int] = {}
    for encoding in _candidates(body, content_type):
        bad[encoding] = body.decode(encoding, "replace").count("\ufffd")
        if bad[encoding] <= tolerated:
            break
    best = min(bad, key=bad.__getitem__)
    return _read(body, best, bad[best])


def _candidates(body: bytes, content_type: str | None) -> Iterator[str]:
    yield "utf-8"
    # imported here: nearly every page is UTF-8 and never comes so far
    from resiliparse.parse.encoding import detect_encoding

    head = _COMMENT.sub(b"", body[:_HEAD_BYTES]).lstrip()
    labels = _IN_HEADER.findall((content_type or "").encode("ascii", "replace"))
    labels += _IN_XML.findall(head[:200]) + _IN_META.findall(head)
    declared = [name for label in labels if (name := _python_name(label.decode("ascii", "replace")))]
    detected = _python_name(detect_encoding(body) or "")
    if detected in _CHINESE:
        detected = _of_both_scripts(body, detected)
    for name in dict.fromkeys(declared):
        if name == "cp1252" or (name.startswith("utf-16") and b"\0" not in head):
            continue
        if detected not in _CHINESE or name in _OTHER_EAST_ASIAN:
            yield name
    if detected:
        yield detected
    yield "gb18030"


def _python_name(label: str) -> str | None:
    """Python's name for the charset that browsers read where *label* is declared; None for an unknown one."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    if _NAMED_GB.match(label):
        return "gb18030"
    name: str | None = map_encoding_to_html5(label, fallback_utf8=False)
    return {"gbk": "gb18030", "big5": "big5hkscs"}.get(name or "", name)


def _of_both_scripts(body: bytes, detected: str) -> str:
    """GB18030 or Big5: what was *detected*, unless the other gives far more of the frequent characters."""
    other = next(each for each in _CHINESE if each != detected)
    counts = {each: sum(map(body.decode(each, "replace").count, _FREQUENT)) for each in _CHINESE}
    return other if counts[other] > 2 * counts[detected] + 2 else detected


# ---------------------------------------------------------------- damaged bytes


def _read(body: bytes, encoding: str, bad: int) -> str:
    if not 0 < bad <= _MOST_MENDED:
        return body.decode(encoding, "replace")
    if encoding == "gb18030":
        body = _ODD_RUN.sub(_mark_damage, body)
    return body.decode(encoding, _ONE_BAD.get(encoding, "replace"))


# Python writes a bad character for each byte that is left of a damaged one; these take them together
_REST_OF_UTF_8 = re.compile(rb"[\x80-\xc1\xf5-\xff]{0,4}")
_PAIRS = re.compile(rb"[\xa1-\xfe]*")
_NEVER_GB = (0x80, 0xFF)
# Both bytes of nearly all characters are in A1-FE. An odd number of them has lost one, or one became ASCII
_ODD_RUN = re.compile(rb"(?<![\x80-\xff])(?:[\xa1-\xfe]{2}){0,2000}[\xa1-\xfe](?![\x30-\x39\x40-\x7e\x80-\xff])")
_OFTEN = frozenset((0xA1, 0xA3, *range(0xB0, 0xD8)))  # first bytes of punctuation and of GB2312's frequent characters


def _one_bad_in_utf_8(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    rest = _REST_OF_UTF_8.match(error.object, error.start + 1)
    return "\ufffd", rest.end() if rest else error.start + 1


def _one_bad_in_gb(error: UnicodeError) -> tuple[str, int]:
    """Goes on behind the damaged character: an odd number of bytes up to the next ASCII begins with a half of it."""
    assert isinstance(error, UnicodeDecodeError)
    body, end = error.object, error.start + 1
    if body[error.start] not in _NEVER_GB and end < len(body) and body[end] in _NEVER_GB:
        end += 1
    if body[end - 1] in _NEVER_GB and (pairs := _PAIRS.match(body, end)):
        end += len(pairs[0]) % 2
    return "\ufffd", end


def _mark_damage(found: re.Match[bytes]) -> bytes:
    """An odd run with FF in place of the byte before and after which most pairs begin as frequent characters do."""
    run = found[0]
    score = sum(byte in _OFTEN for byte in run[1::2])
    best, place = score, 0
    for start in range(0, len(run) - 1, 2):
        score += (run[start] in _OFTEN) - (run[start + 1] in _OFTEN)
        if score >= best:
            best, place = score, start + 2
    return run[:place] + b"\xff" + run[place + 1 :]


_ONE_BAD = {"utf-8": "aggregator.one_bad_in_utf_8", "gb18030": "aggregator.one_bad_in_gb"}
codecs.register_error(_ONE_BAD["utf-8"], _one_bad_in_utf_8)
codecs.register_error(_ONE_BAD["gb18030"], _one_bad_in_gb)
