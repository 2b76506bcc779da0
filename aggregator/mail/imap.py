"""A mailbox that we read: the only door to imaplib. Knows where it is, and nothing of what its mails say (RFC 3501)."""

import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from aggregator.errors import MailError

# of each mail: a report says what it has to say at its beginning, and carries a mail of ours of 100 KB at most
MOST_BYTES = 300_000
PORTS = {"imap": 143, "imaps": 993}


class Box:
    """The mailbox, open. Reading a mail does not mark it; ``done`` does."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client

    def unread(self) -> list[str]:
        """The numbers (UIDs) of all mails not marked as read, oldest first."""
        found = _checked(self._client.uid("SEARCH", "UNSEEN"))
        numbers = b" ".join(one for one in found if isinstance(one, bytes))
        return sorted((one.decode("ascii") for one in numbers.split() if one.isdigit()), key=int)

    def read(self, number: str) -> bytes:
        """The beginning of a mail, MOST_BYTES of it; empty where it is gone."""
        answer = _checked(self._client.uid("FETCH", number, f"(BODY.PEEK[]<0.{MOST_BYTES}>)"))
        return next((one[1] for one in answer if isinstance(one, tuple) and len(one) > 1), b"")

    def done(self, number: str) -> None:
        """Mark it as read."""
        _checked(self._client.uid("STORE", number, "+FLAGS.SILENT", r"(\Seen)"))


@contextmanager
def opened(url: str, timeout_seconds: float) -> Iterator[Box]:
    """The mailbox at *url* (RFC 5092, and a password). Raises MailError, which tells no password."""
    parts = urlsplit(url)
    place = f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"
    name = unquote(parts.path.strip("/")) or "INBOX"
    try:
        with _connected(url, timeout_seconds) as client:
            client.login(unquote(parts.username or ""), unquote(parts.password or ""))
            # a name may hold blanks and quotes (RFC 3501 §9, quoted)
            _checked(client.select('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'))
            yield Box(client)
    except imaplib.IMAP4.error as error:
        raise MailError(f"{place}: {error}; check mail.bounce_mailbox") from error
    except ssl.SSLError as error:
        raise MailError(f"{place}: no secure connection: {error.reason}; check mail.bounce_mailbox") from error
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise MailError(f"{place} cannot be reached: {said}; check mail.bounce_mailbox") from error


def check(url: str, timeout_seconds: float) -> str:
    """Log in, look how many mails are unread, and change nothing; a sentence on what was found. Raises MailError."""
    with opened(url, timeout_seconds) as box:
        count = len(box.unread())
    return f"returned mail is read at {urlsplit(url).hostname} ({count} unread)"


@contextmanager
def _connected(url: str, timeout_seconds: float) -> Iterator[imaplib.IMAP4]:
    client = _connection(url, timeout_seconds)
    try:
        yield client
        with suppress(imaplib.IMAP4.error):  # nothing hangs on its farewell
            client.logout()
    finally:
        with suppress(OSError):  # closed already
            client.shutdown()


def _connection(url: str, timeout_seconds: float) -> imaplib.IMAP4:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    if parts.scheme == "imaps":
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(host, port, timeout=timeout_seconds, ssl_context=context)
    return imaplib.IMAP4(host, port, timeout=timeout_seconds)


def _checked(answer: tuple[str, Sequence[Any]]) -> Sequence[Any]:
    status, data = answer
    if status != "OK":
        said = data[0].decode("utf-8", "replace") if data and isinstance(data[0], bytes) else status
        raise imaplib.IMAP4.error(said)
    return data
