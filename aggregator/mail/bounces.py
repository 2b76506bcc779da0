"""Mails that mail servers write about mails of ours, into reports: returned ones (RFC 3464) and complaints (RFC 5965).

A report names an address, which anybody may write; better, it brings back our mail with the link that we signed.
Knows no mailbox and no database.
"""

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parseaddr
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from aggregator.errors import AddressError
from aggregator.mail.mailbox import mailbox
from aggregator.model import Report

# RFC 3463 §2
STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
# says nothing of the address (RFC 3463 §3): 4.x.x might have gone on; else the sender, the size, the protocol, what the
# mail says or who may mail there is refused
OF_NOBODY = re.compile(r"4|5\.(?:1\.[78]|3\.4|[567]\.\d{1,3})$")
# RFC 5965 §7.3, RFC 6430, RFC 6591: what is no complaint
NO_COMPLAINT = ("not-spam", "auth-failure")
# who writes for servers that know no RFC 3464
POSTMASTER = re.compile(r"(mailer-daemon|postmaster|mail-daemon|mdaemon)@", re.IGNORECASE)
LINK = re.compile(r"/unsubscribe/([\w.-]{10,200})", re.ASCII)
MOST_RECIPIENTS = 100

# a token of a link to unsubscribe -> the number of whom it was made for, None for a forged one
ReadToken = Callable[[str], int | None]


class Said(NamedTuple):
    """What a mail server says, of whom it says it."""

    kind: Literal["hard", "soft", "complaint"]
    address: str
    code: str
    reason: str


def read_reports(raw: bytes, read_token: ReadToken) -> list[Report]:
    """What the mail *raw* reports; nothing where it is no report, or tells of nobody. Never raises for what it says."""
    try:
        return _reports(raw, read_token)
    except RecursionError:  # thousands of mails in one another, which no mail server writes
        return []


def _reports(raw: bytes, read_token: ReadToken) -> list[Report]:
    mail = message_from_bytes(raw, policy=policy.compat32)  # the newer policies raise for some headers
    name = str(mail["Message-ID"] or "").strip() or sha256(raw).hexdigest()
    said = list(dict.fromkeys(_said(mail)))
    # a mail of ours has one reader: a report of several people is about others' mail too
    person = _person(mail, read_token) if len({one.address for one in said}) == 1 else None
    return [
        Report(
            key=sha256(f"{name} {one.kind} {one.address}".encode("utf-8", "replace")).hexdigest(),
            kind=one.kind,
            address=one.address,
            subscriber_id=person,
            code=one.code,
            reason=one.reason,
        )
        for one in said[:MOST_RECIPIENTS]
        if one.address or person is not None
    ]


def _said(mail: Message) -> Iterator[Said]:
    parts = list(mail.walk())
    if status := next((part for part in parts if part.get_content_type() == "message/delivery-status"), None):
        yield from _delivery_status(status)
    elif feedback := next((part for part in parts if part.get_content_type() == "message/feedback-report"), None):
        yield from _feedback(feedback, parts)
    elif POSTMASTER.match(parseaddr(str(mail["From"] or ""))[1]):
        yield from _plain(mail, parts)


def _delivery_status(part: Message) -> Iterator[Said]:
    """Of each recipient whom a mail did not reach for good; a delay is no news (RFC 3464 §2.3.3)."""
    for block in _blocks(part):
        if _field(block, "Action").lower() != "failed":
            continue
        recipient = _field(block, "Original-Recipient") or _field(block, "Final-Recipient")
        reason = _field(block, "Diagnostic-Code").partition(";")[2].strip()
        found = STATUS.search(_field(block, "Status")) or STATUS.search(reason)
        code = found[0] if found else ""
        yield Said("soft" if OF_NOBODY.match(code) else "hard", _address(recipient.rpartition(";")[2]), code, reason)


def _feedback(part: Message, parts: list[Message]) -> Iterator[Said]:
    """RFC 5965 §3.1. Many providers blot out the address: then the mail of ours tells whom it was for."""
    block = next(_blocks(part), part)
    kind = _field(block, "Feedback-Type").lower()
    if not kind or kind in NO_COMPLAINT:
        return
    named = _field(block, "Original-Rcpt-To") or _field(block, "Removal-Recipient")
    if not named:
        named = next((str(one["To"]) for one in parts[1:] if one["To"] and one["Message-ID"]), "")
    yield Said("complaint", _address(named), "", kind)


def _plain(mail: Message, parts: list[Message]) -> Iterator[Said]:
    """Words for people, and a mail of ours below them. A code for good must stand in them."""
    words = " ".join(_text(part) for part in parts if part.get_content_maintype() == "text")
    found = STATUS.search(words)
    if not found or not found[0].startswith("5"):
        return
    named = str(mail["X-Failed-Recipients"] or "")  # Exim
    for name in named.split(",")[:MOST_RECIPIENTS]:
        kind: Literal["hard", "soft"] = "soft" if OF_NOBODY.match(found[0]) else "hard"
        yield Said(kind, _address(name), found[0], _line(words)[:200])


def _person(mail: Message, read_token: ReadToken) -> int | None:
    """Whom the mail was for that comes back within *mail*, by the link in its headers."""
    for part in mail.walk():
        headers = [str(part["List-Unsubscribe"] or "")]
        if part.get_content_type() == "text/rfc822-headers":
            headers.append(re.sub(r"\r?\n[ \t]+", "", _text(part)))
        for found in LINK.finditer(" ".join(headers)):
            number = read_token(found[1])
            if number is not None:
                return number
    return None


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields within a part of type message/...; the parser makes messages of them."""
    content = part.get_payload()
    return (one for one in content if isinstance(one, Message)) if isinstance(content, list) else iter(())


def _field(block: Message, name: str) -> str:
    return _line(str(block[name] or ""))


def _line(text: str) -> str:
    """*text* on one line, without what a database cannot hold."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _text(part: Message) -> str:
    content: Any = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _address(text: str) -> str:
    """The form in which an address is known; empty for what is none."""
    try:
        return mailbox(parseaddr(text)[1] or text).key
    except AddressError:
        return ""
