"""Mail on its way out: the only door to smtplib. Knows a mail server's settings, and nothing of what the mail says."""

import re
import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from types import TracebackType
from typing import NoReturn

from aggregator.errors import MailError, RefusedError
from aggregator.settings import MailSettings

# connections lost one after the other before the server is left alone
LOST_IN_A_ROW = 3
# the server ends the connection, which has nothing to do with the mail (RFC 5321 §3.8), or answers in no way it may
HANGING_UP = (421, -1)
LOGIN_REQUIRED = 530  # RFC 4954 §6: for whomever the mail is
# of the address, not of us or of the mail: nobody there, moved, no such domain, disabled, full (RFC 3463 §3.2, §3.3)
OF_ADDRESS = re.compile(r"5\.(?:1\.(?:[1-6]|10)|2\.[12])\b")
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
NOBODY_THERE = (550, 551, 553)  # of servers that give no such code (RFC 5321 §4.2.3)
TOO_LARGE = 552


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


class Courier:
    """Hands mails to a server, as many as one likes over one connection, which is opened anew when it was lost."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None
        self._lost = 0  # connections in a row

    def __enter__(self) -> "Courier":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            with suppress(smtplib.SMTPException, OSError):  # it was going anyway
                self._server.quit()
            self._drop()

    def hand_over(self, to: str, mail: bytes) -> str:
        """What the server said when it took *mail* for *to*.

        Raises RefusedError where it took not this one (or its answer was lost: then it may have), and MailError where
        it can take none at all, this one included.
        """
        if self._lost >= LOST_IN_A_ROW:
            raise MailError(f"{self._settings.host}:{self._settings.port} loses one connection after the other")
        with _mapped(self._settings):
            try:
                server = self._begun(to, len(mail))
                self._ask(server, server.rcpt(to), NOBODY_THERE)
                said = self._ask(server, server.data(mail), ())
            except smtplib.SMTPDataError as error:  # it does not even want to see it
                self._refuse(server, error.smtp_code, error.smtp_error)
            except smtplib.SMTPServerDisconnected as error:
                self._drop()
                self._lost += 1
                raise RefusedError(f"the connection was lost: {error}", code=None, is_permanent=False) from error
        self._lost = 0
        return said

    def _begun(self, to: str, size: int) -> smtplib.SMTP:
        """A server that has taken MAIL FROM. A connection that it has closed while we waited is opened anew."""
        if self._server is not None:
            try:
                return self._begin(self._server, to, size)
            except smtplib.SMTPServerDisconnected:
                self._drop()
        self._server = _opened(self._settings)
        return self._begin(self._server, to, size)

    def _begin(self, server: smtplib.SMTP, to: str, size: int) -> smtplib.SMTP:
        options = [f"SIZE={size}"] if server.has_extn("size") else []
        if not to.isascii():
            if not server.has_extn("smtputf8"):
                reason = "the server takes no address beyond ASCII (SMTPUTF8)"
                raise RefusedError(reason, code=None, is_permanent=True, is_of_address=True, is_certain=True)
            server.command_encoding = "utf-8"
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        code, said = server.mail(self._settings.sender, options)
        if code in HANGING_UP:
            raise smtplib.SMTPServerDisconnected(_said(said))
        if code == TOO_LARGE:
            self._refuse(server, code, said)
        if code != 250:
            self._drop()
            raise smtplib.SMTPSenderRefused(code, said, self._settings.sender)
        return server

    def _ask(self, server: smtplib.SMTP, answer: tuple[int, bytes], nobody: Sequence[int]) -> str:
        """What an *answer* says; codes of *nobody* tell that there is none, unless they come with one of RFC 3463."""
        code, said = answer
        if code in HANGING_UP:
            raise smtplib.SMTPServerDisconnected(_said(said))
        if code == LOGIN_REQUIRED:
            raise smtplib.SMTPResponseException(code, said)
        if not 250 <= code <= 252:
            self._refuse(server, code, said, nobody)
        return _said(said)

    def _refuse(self, server: smtplib.SMTP, code: int, said: bytes | str, nobody: Sequence[int] = ()) -> NoReturn:
        try:
            server.rset()
            self._lost = 0
        except smtplib.SMTPServerDisconnected:  # it hung up after what it said, which holds nevertheless
            self._drop()
        reason, is_permanent = _said(said), 500 <= code < 600
        is_certain = bool(OF_ADDRESS.match(reason))
        is_of_address = is_certain or (code in nobody and not ENHANCED.match(reason))
        raise RefusedError(
            reason, code=code, is_permanent=is_permanent, is_of_address=is_of_address, is_certain=is_certain
        )

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


@contextmanager
def _connected(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    with _mapped(settings), _opened(settings) as server:
        yield server


def _opened(settings: MailSettings) -> smtplib.SMTP:
    """A connection, secured and logged in."""
    server = _connection(settings)
    try:
        if settings.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.username:
            server.login(settings.username, settings.password)
        server.ehlo_or_helo_if_needed()
    except BaseException:
        server.close()
        raise
    return server


@contextmanager
def _mapped(settings: MailSettings) -> Iterator[None]:
    """The one place where errors of smtplib become sentences."""
    place = f"{settings.host}:{settings.port}"
    try:
        yield
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
