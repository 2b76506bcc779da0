"""An address as a page writes it -> the absolute address a reader can follow, and what stands behind it.

Knows no trees and fetches nothing: a file is known by its name.
"""

import re
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit

from aggregator.model import Attachment

_MEDIA_TYPES: dict[str, str | None] = {  # None: no registered name
    "7z": "application/x-7z-compressed",
    "caj": None,
    "csv": "text/csv",
    "doc": "application/msword",
    "docm": "application/vnd.ms-word.document.macroEnabled.12",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "et": "application/vnd.ms-excel",
    "gz": "application/gzip",
    "odt": "application/vnd.oasis.opendocument.text",
    "ofd": "application/ofd",
    "pdf": "application/pdf",
    "pps": "application/vnd.ms-powerpoint",
    "ppsx": "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rar": "application/vnd.rar",
    "rtf": "application/rtf",
    "tar": "application/x-tar",
    "txt": "text/plain",
    "wps": "application/vnd.ms-works",
    "xls": "application/vnd.ms-excel",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_EXTENSIONS = "|".join(sorted(_MEDIA_TYPES, key=len, reverse=True))
_FILE_NAME = re.compile(rf"\.({_EXTENSIONS})(?=$|[?#&])", re.IGNORECASE)
_FILE_TITLE = re.compile(rf"\.({_EXTENSIONS})\s*[】\])）]?\s*$", re.IGNORECASE)
# VSB's two ways to hand out a file, WebPlus's folder of uploads
_FILE_ADDRESS = re.compile(
    r"urltype=news\.DownloadAttachUrl|/virtual_attach_file\.vsb\?|/_upload/article/files/", re.IGNORECASE
)
# browsers drop tabs and line breaks wherever they stand (WHATWG URL, basic parser), so `java\tscript:` is one word
_NOT_IN_ADDRESS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\ufeff\ud800-\udfff]")
# most links: segments that begin with no dot, nothing to be escaped; they need no parser, which takes ten times as long
_PLAIN = re.compile(
    r"(https?://[a-z\d.-]+(?::(?:[1-9]\d{0,3}|[1-5]\d{4}))?/|/|(?=[\w-]))"
    r"(?:[\w-][\w.-]*/)*(?:[\w-][\w.-]*)?(?:\?[\w.=&%-]+)?",
    re.ASCII,
)
# forbidden domain code points (WHATWG URL §3.2), but for the colon of an IPv6 address
_NOT_IN_HOSTS = re.compile(r"[\x00-\x20\"#%/<>?@\[\\\]^`{|}\x7f]")


def absolute(href: str | None, base_url: str) -> str | None:
    """The http or https address that *href* means on the page at *base_url*; None where it means none."""
    if href and (plain := _PLAIN.fullmatch(href)):
        if plain[1] not in ("/", ""):
            return href
        place = _place(base_url, plain[1])
        return place + href[len(plain[1]) :] if place else None
    return _joined(href, base_url)


@lru_cache(maxsize=256)
def _place(base_url: str, slash: str) -> str | None:
    """What stands before a path without dots on a page at *base_url*: its site, or without a *slash* its folder."""
    sample = _joined(f"{slash}x", base_url)
    return sample[:-1] if sample else None


def _joined(href: str | None, base_url: str) -> str | None:
    href = _NOT_IN_ADDRESS.sub("", href or "").strip()
    if not href or href.startswith("#"):
        return None
    try:
        url = urljoin(base_url, href.replace("\\", "/"))
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # "http://[", "http://a:99999", or a sentence with a colon in it
        return None
    return url.replace(" ", "%20") if usable else None


def _is_host(name: str) -> bool:
    """Whether a browser looks such a host up; ValueError for a name that no domain can have."""
    if not name.isascii():
        name = name.encode("idna").decode()
    return bool(name) and not _NOT_IN_HOSTS.search(name)


def attachment(url: str, title: str, *, label: str | None = None) -> Attachment | None:
    """What the link *url* called *title* offers to download; None where it leads to a page.

    *label* is a better name for it than *title*, where the page has one.
    """
    named = _FILE_NAME.search(url) or _FILE_TITLE.search(title) or _FILE_TITLE.search(label or "")
    if not named and not _FILE_ADDRESS.search(url):
        return None
    return Attachment(
        url=url,
        title=label or title or unquote(urlsplit(url).path.rsplit("/", 1)[-1]),
        media_type=_MEDIA_TYPES[named[1].lower()] if named else None,
    )
