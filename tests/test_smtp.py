"""Mail through a real server: plain, with STARTTLS, with TLS, with a name and password, and what goes wrong."""

import socket

import pytest

from aggregator.errors import MailError
from aggregator.mail.smtp import check, message, send
from tests.postoffice import CERTIFICATE, post_office
from tests.university import NOW


@pytest.fixture
def trusted(monkeypatch):
    """The machine trusts the certificate of the post office."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def letter(settings, to=("operator@example.edu.cn",), subject="两个来源失效"):
    return message(settings, to, subject, "海棠大学　学校要闻\n", NOW)


@pytest.mark.parametrize(("tls", "login"), [("none", False), ("starttls", False), ("starttls", True), ("tls", False)])
def test_a_letter_arrives_as_it_was_written(trusted, tls, login):
    with post_office(tls, login=login) as (office, settings):
        sent = list(send(settings, [letter(settings)]))

    (is_secure, recipients, found) = office.letters[0]
    assert (1, tls != "none", ["operator@example.edu.cn"]) == (len(sent), is_secure, recipients)
    assert ("两个来源失效", "海棠大学　学校要闻\n") == (found["Subject"], found.get_content().replace("\r\n", "\n"))
    assert ("auto-generated", "news@example.org") == (found["Auto-Submitted"], found["From"])
    assert ("Fri, 21 Mar 2025 02:30:00 +0000", "@example.org>") == (found["Date"], found["Message-ID"][-13:])


def test_what_was_taken_is_known_when_the_next_is_refused():
    with post_office() as (office, settings):
        office.refused = {"b@example.org"}
        taken = []

        with pytest.raises(MailError, match=r"every recipient: b@example.org \(5.1.1 nobody"):
            taken.extend(send(settings, [letter(settings, ["a@example.org"]), letter(settings, ["b@example.org"])]))

    assert [["a@example.org"]] == [recipients for _, recipients, _ in office.letters]


def test_a_line_break_in_a_title_starts_no_header():
    with post_office() as (office, settings):
        list(send(settings, [letter(settings, subject="失效\r\nBcc: everybody@example.org")]))

    assert (None, ["operator@example.edu.cn"]) == (office.letters[0][2]["Bcc"], office.letters[0][1])


@pytest.mark.parametrize(
    ("office", "changes", "complaint"),
    [
        ({"tls": "starttls", "login": True}, {"password": "wrong"}, "refuses mail.username and mail.password"),
        ({"tls": "none"}, {"tls": "starttls"}, "set mail.tls to what the server offers"),
        ({"tls": "none"}, {"tls": "tls", "timeout_seconds": 1}, "check mail.tls|check mail.host"),
        ({"tls": "none"}, {"host": "no-such-host.invalid"}, "check mail.host"),
    ],
)
def test_a_server_that_cannot_be_used_is_named_with_what_to_do(trusted, office, changes, complaint):
    with post_office(**office) as (_, settings), pytest.raises(MailError, match=complaint):
        check(settings.model_copy(update=changes))


def test_a_certificate_of_nobody_is_not_trusted():
    with post_office("starttls") as (_, settings), pytest.raises(MailError, match="no secure connection"):
        check(settings)


def test_a_server_that_never_speaks_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent, post_office() as (_, settings):
        dead = settings.model_copy(update={"port": silent.getsockname()[1], "timeout_seconds": 0.3})

        with pytest.raises(MailError, match="timed out"):
            check(dead)


def test_a_server_that_can_be_used_is_described(trusted):
    with post_office("starttls", login=True) as (office, settings):
        assert f"127.0.0.1:{settings.port} answers (STARTTLS, logged in)" == check(settings)

    assert [] == office.letters
