"""A digest's subject, text and HTML into the bytes of a mail for each of its readers (RFC 5322, RFC 2045).

What all readers share is written once, a reader's links and address are put in. Knows no server, database or clock.
"""

import re
from base64 import b64encode
from binascii import b2a_qp
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote

from aggregator.model import MailLinks

# Gmail cuts a mail off at 102 KB, and then hides the link to unsubscribe
MAX_BYTES = 100_000
# of the headers: less than that in every mail of ours
HEADER_BYTES = 4_000
# what may be on a line of a body (RFC 2045 §6.7, §6.8)
LINE = 76

# what no header may hold: NUL and all that moves a line or ends it
CONTROLS = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029, 0xFEFF])
# an address that needs no quoting (RFC 5322 §3.2.3, RFC 6531 §3.3 beyond ASCII)
ADDRESS = re.compile(r"[^\s\x00-\x20\x7f-\x9f()<>@,;:\\\"\[\]]+@[^\s\x00-\x20\x7f-\x9f()<>@,;:\\\"]+")
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who mails a digest."""

    name: str
    address: str
    list_id: str  # a name with dots that never changes: readers sort their mail by it (RFC 2919)
    reply_to: str = ""


class Circular:
    """A mail that many get. Where *text* and *html* have the addresses of *marks*, each reader finds links of his own.

    Raises ValueError for a sender's address that cannot stand in a mail.
    """

    def __init__(
        self, sender: Sender, subject: str, text: str, html: str, marks: MailLinks, archive_url: str, language: str
    ) -> None:
        self._reply_to = _checked(sender.reply_to) if sender.reply_to else ""
        self._common = (
            f"From: {_phrase(sender.name, 'From')} <{_checked(sender.address)}>\r\n"
            + (f"Reply-To: {self._reply_to}\r\n" if self._reply_to else "")
            + f"Subject: {_unstructured(subject, 'Subject')}\r\n"
            f"List-Id: {_phrase(sender.name, 'List-Id')} <{_address(sender.list_id)}>\r\n"
            f"List-Archive: <{_address(archive_url)}>\r\n"
            "Auto-Submitted: auto-generated\r\n"  # RFC 3834: nobody shall answer by itself,
            "X-Auto-Response-Suppress: All\r\n"  # nor Exchange, which knows only this
            "Precedence: bulk\r\n"
            f"Content-Language: {_address(language)}\r\n"
            "MIME-Version: 1.0\r\n"
        )
        self._text, self._html = _Body(text, "plain", marks), _Body(html, "html", marks)
        # how many bytes it has at most, a few links longer or shorter
        self.size = HEADER_BYTES + sum(len(piece) for body in (self._text, self._html) for piece in body.part(marks))

    def addressed(self, to: str, links: MailLinks, message_id: str, date: datetime) -> bytes:
        """The mail to one reader; the same arguments, the same bytes.

        Raises ValueError where *to* cannot stand in a mail.
        """
        boundary = "=_" + sha256(_address(message_id).encode()).hexdigest()[:32]  # in neither encoding may "=_" occur
        head = (
            f"To: {_checked(to)}\r\n"
            f"Date: {format_datetime(date)}\r\n"
            f"Message-ID: <{_address(message_id)}>\r\n"
            f"{self._unsubscribe(links)}"
            f"{self._common}"
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'
        )
        between = f"\r\n--{boundary}\r\n".encode("ascii")
        parts = (between, *self._text.part(links), between, *self._html.part(links))
        return b"".join((head.encode(), *parts, f"\r\n--{boundary}--\r\n".encode("ascii")))

    def _unsubscribe(self, links: MailLinks) -> str:
        """RFC 2369 §3.2, and RFC 8058, whose one click is for https alone."""
        url = _address(links.unsubscribe)
        mail = f",\r\n <mailto:{_address(self._reply_to)}?subject=unsubscribe>" if self._reply_to else ""
        one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if url.startswith("https://") else ""
        return f"List-Unsubscribe: <{url}>{mail}\r\n{one_click}"


def message_id(parts: tuple[str, ...], domain: str) -> str:
    """A Message-ID, without <>: the same for the same *parts*, which it tells nobody (RFC 5322 §3.6.4)."""
    return f"{sha256('/'.join(parts).encode()).hexdigest()[:40]}@{_address(domain)}"


class _Body:
    """One alternative of a mail, ready but for the reader's links."""

    def __init__(self, text: str, subtype: str, marks: MailLinks) -> None:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
        self._data = lines.replace("\n", "\r\n").encode("utf-8", "replace")  # base64 of lines as they travel
        self._marks = [mark.encode() for mark in (marks.preferences, marks.unsubscribe)]
        quoted, based = _quoted(self._data), _based(self._data)
        # what is ASCII for the most part stays readable, and no filter wonders why it is hidden
        self._encode, name = (_quoted, "quoted-printable") if len(quoted) <= len(based) else (_based, "base64")
        head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {name}\r\n\r\n'
        self._head = head.encode("ascii")

    def part(self, links: MailLinks) -> tuple[bytes, bytes]:
        data = self._data
        for mark, link in zip(self._marks, (links.preferences, links.unsubscribe), strict=True):
            data = data.replace(mark, link.encode("utf-8", "replace"))
        return self._head, self._encode(data)


def _based(data: bytes) -> bytes:
    whole = b64encode(data)
    return b"\r\n".join([whole[start : start + LINE] for start in range(0, len(whole), LINE)])


def _quoted(data: bytes) -> bytes:
    return b2a_qp(data, istext=True)


def _line(value: str) -> str:
    """*value* on one line, without what a server may take for the end of a header."""
    return " ".join(value.split()).translate(CONTROLS).encode("utf-8", "replace").decode()


def _unstructured(value: str, name: str) -> str:
    """*value* as a header's text, in encoded words where it is not ASCII (RFC 2047), folded."""
    clean = _line(value)
    charset = "us-ascii" if clean.isascii() and "=?" not in clean else "utf-8"
    return Header(clean, charset, header_name=name).encode(linesep="\r\n")


def _phrase(value: str, name: str) -> str:
    """*value* as the name before an address: words, a quoted string, or encoded words (RFC 5322 §3.2.5)."""
    clean = _line(value)
    if ATOMS.fullmatch(clean) and "=?" not in clean:
        return clean
    if clean.isascii() and "=?" not in clean:
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return Header(clean, "utf-8", header_name=name).encode(linesep="\r\n")


def _address(value: str) -> str:
    """*value*, an address or an identifier, on one line and in ASCII."""
    return quote(_line(value), safe=URL_SAFE)


def _checked(value: str) -> str:
    if len(value) > 254 or not ADDRESS.fullmatch(value):  # RFC 5321 §4.5.3.1.3
        raise ValueError(f"{value[:80]!r} cannot stand in a mail as an address")
    return value
