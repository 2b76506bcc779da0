"""Mail on its way out: the only door to smtplib. Knows a mail server's settings, and nothing of what the mail says."""

import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from aggregator.errors import MailError
from aggregator.settings import MailSettings


def message(settings: MailSettings, to: Sequence[str], subject: str, text: str, now: datetime) -> EmailMessage:
    """A plain mail from us; *now* is its date. Programs that answer mail must not answer it (RFC 3834 §5)."""
    made = EmailMessage()
    made["From"] = settings.sender
    made["To"] = ", ".join(to)
    made["Subject"] = " ".join(subject.split())
    made["Date"] = format_datetime(now)
    made["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text, cte="base64")  # not every server takes eight bits (RFC 6152)
    return made


def send(settings: MailSettings, messages: Sequence[EmailMessage]) -> Iterator[EmailMessage]:
    """Each of *messages* as soon as the server took it for at least one recipient, at most per_minute a minute.

    Raises MailError at the first that it does not take; what was given before is on its way.
    """
    with _connected(settings) as server:
        for number, one in enumerate(messages):
            if number:
                time.sleep(60 / settings.per_minute)
            server.send_message(one)
            yield one


def check(settings: MailSettings) -> str:
    """Connect, secure the connection, log in, and send nothing; a sentence on what was found. Raises MailError."""
    with _connected(settings) as server:
        server.noop()
        said = {"starttls": "STARTTLS", "tls": "TLS", "none": "no encryption"}[settings.tls]
    return f"{settings.host}:{settings.port} answers ({said}{', logged in' if settings.username else ''})"


@contextmanager
def _connected(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    place = f"{settings.host}:{settings.port}"
    try:
        with _connection(settings) as server:
            if settings.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.username:
                server.login(settings.username, settings.password)
            yield server
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(f"{place} refuses mail.username and mail.password ({_said(error.smtp_error)})") from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailError(f"{place}: {error}; set mail.tls to what the server offers (starttls, tls, none)") from error
    except smtplib.SMTPSenderRefused as error:
        raise MailError(f"{place} refuses mail.sender {error.sender} ({_said(error.smtp_error)})") from error
    except smtplib.SMTPRecipientsRefused as error:
        refused = ", ".join(f"{name} ({_said(answer[1])})" for name, answer in error.recipients.items())
        raise MailError(f"{place} refuses every recipient: {refused}") from error
    except smtplib.SMTPResponseException as error:
        raise MailError(f"{place} answers {error.smtp_code} {_said(error.smtp_error)}") from error
    except ssl.SSLError as error:
        raise MailError(f"{place}: no secure connection: {error.reason}; check mail.tls and mail.port") from error
    except (smtplib.SMTPException, OSError) as error:
        said = getattr(error, "strerror", None) or error
        raise MailError(f"{place} cannot be reached: {said}; check mail.host, mail.port and mail.tls") from error


def _connection(settings: MailSettings) -> smtplib.SMTP:
    if settings.tls == "tls":
        secure = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_seconds, context=secure)
    return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)


def _said(answer: bytes | str) -> str:
    """What a server answered, in one line."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())
