"""What every format says the same way: addresses of our pages, text that XML and UTF-8 can carry, times, media types.

Knows no format and no library of one.
"""

import mimetypes
import re
from datetime import UTC, datetime
from posixpath import splitext
from urllib.parse import quote

from aggregator.model import Attachment, FullEntry, SourceRef, Telling

# XML 1.0 §2.2 leaves these out; one of them makes a whole feed unreadable
UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# the same in UTF-8: bytes of their own, and two characters
CONTROLS = bytes({*range(0x20)} - {0x09, 0x0A, 0x0D})
NO_CHARACTERS = "\ufffe\uffff"
# RFC 3987 §2.2 leaves these out of an address
NOT_IN_ADDRESS = re.compile(r'[\x00-\x20\x7f<>"{}|\\^`\u00a0\u3000]')
ODD_IN_ADDRESS = re.compile(f"{NOT_IN_ADDRESS.pattern}|{UNWRITABLE.pattern}")
IN_URI = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986 §2.2, and % of what is encoded already
MEDIA_TYPE = re.compile(r"[a-zA-Z0-9][\w.+-]*/[a-zA-Z0-9][\w.+-]*", re.ASCII)

# the table of the language, without the machine's own files: the same name must be the same type everywhere
TYPES = dict(mimetypes.MimeTypes().types_map[True]) | {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".wps": "application/wps-office.wps",
    ".ofd": "application/ofd",
    ".rar": "application/vnd.rar",
    ".7z": "application/x-7z-compressed",
    ".gz": "application/gzip",
    ".webp": "image/webp",
}
UNKNOWN_TYPE = "application/octet-stream"


def entry_url(site_url: str, entry: FullEntry) -> str:
    """Our page of *entry*."""
    return f"{site_url}/entries/{entry.slug}/"


def telling_url(site_url: str, telling: Telling) -> str:
    """Our page of an entry of a story."""
    return f"{site_url}/entries/{telling.slug}/"


def source_feed_url(site_url: str, source: SourceRef) -> str:
    """Our Atom feed of *source*."""
    return f"{site_url}/sources/{source.name}.atom"


def source_page_url(site_url: str, source: SourceRef) -> str:
    """Our page of *source*."""
    return f"{site_url}/sources/{source.name}/"


def tag_scheme(site_url: str) -> str:
    """What our tags are drawn from: atom:category/@scheme, the page that lists them."""
    return f"{site_url}/tags/"


def writable(text: str) -> str:
    """*text* without the control characters and lone surrogates that no XML document may hold."""
    return UNWRITABLE.sub("", text)


def cdata(html: str) -> str:
    """*html* as the content of an XML element: as long as it is, where `text` would grow it by each tag."""
    return f"<![CDATA[{html.replace(']]>', ']]]]><![CDATA[>')}]]>"


def text(plain: str) -> str:
    """*plain* as the content of an XML element."""
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def xml_bytes(xml: str) -> bytes:
    """*xml* in UTF-8 without what `writable` leaves out: one pass over a whole document instead of one a text."""
    for one in NO_CHARACTERS:
        if one in xml:
            xml = xml.replace(one, "")
    return xml.encode("utf-8", "ignore").translate(None, CONTROLS)


def one_line(text: str) -> str:
    """*text* writable, with each run of white space as one space and none at the ends."""
    return " ".join(writable(text).split())


def address(url: str) -> str:
    """*url* with the characters that no address may hold percent-encoded; the others stay byte for byte."""
    if ODD_IN_ADDRESS.search(url) is None:  # as almost always
        return url
    return NOT_IN_ADDRESS.sub(lambda match: quote(match.group()), writable(url.strip()))


def uri(url: str) -> str:
    """*url* as the formats that know no Chinese addresses want it: `address` in ASCII (RFC 3987 §3.1)."""
    return quote(address(url), safe=IN_URI)


def title(entry: FullEntry) -> str:
    """The title of *entry*, its address where it has none: no format takes an entry without."""
    return one_line(entry.title) or address(entry.url)


def author(entry: FullEntry) -> str:
    """Who wrote *entry*: the author it names, else the university."""
    return one_line(entry.author or "") or one_line(entry.source.university) or one_line(entry.source.title)


def published(entry: FullEntry) -> datetime | None:
    """When *entry* was published: not after we saw it, whatever its publisher says, or readers would keep it on top."""
    return min(utc(entry.published), utc(entry.seen_at)) if entry.published else None


def summary(entry: FullEntry) -> str:
    """The summary of *entry*; where it has neither that nor a body, its title: no feed says nothing of an entry."""
    return one_line(entry.summary) or ("" if entry.html else one_line(entry.text) or title(entry))


def source_title(source: SourceRef) -> str:
    """The title of *source*, with the university it belongs to."""
    name, university = one_line(source.title), one_line(source.university)
    return name if university in name else f"{university} {name}"


def utc(time: datetime) -> datetime:
    """*time* in UTC and whole seconds; one without a zone is taken as UTC."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return time.replace(microsecond=0)


def media_type(attachment: Attachment) -> str | None:
    """What the publisher says, else what the file name in the address or in the title tells; None: unknown."""
    said = (attachment.media_type or "").strip()
    if MEDIA_TYPE.fullmatch(said):
        return said
    path = attachment.url.partition("#")[0].partition("?")[0]
    for name in (path, attachment.title.strip()):
        found = TYPES.get(splitext(name)[1].lower())
        if found:
            return found
    return None


def length(attachment: Attachment) -> int | None:
    """How many bytes *attachment* has; None: unknown, or not a size at all."""
    return attachment.length if attachment.length is not None and attachment.length >= 0 else None
