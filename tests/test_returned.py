"""Returned mails and complaints, by a mailbox and by the webhook."""

import json

import pytest

from aggregator.errors import MailError
from aggregator.mail import imap
from aggregator.mail.bounces import read_reports
from aggregator.mail.links import Links
from aggregator.mail.mailbox import mailbox
from aggregator.mail.returned import read_returned
from aggregator.model import Choice
from aggregator.store.subscribers import MOST_BOUNCES
from aggregator.web.app import create_app
from tests.imapserver import imap_server
from tests.newsroom import empty_store, settings
from tests.university import NOW

LIN = mailbox("lin@example.org")


def report(kind, fields, *, number=1, returned="", boundary="B"):
    """A mail of type multipart/report."""
    return (
        f"From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: news@example.org\nMessage-ID: <{number}@mx.example>\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain\n\nI am sorry.\n--{boundary}\nContent-Type: message/{kind}\n\n{fields}\n"
        f"--{boundary}\n{returned or 'Content-Type: text/plain'}\n\n\n--{boundary}--\n"
    ).encode()


def bounce(address="lin@example.org", *, status="5.1.1", action="failed", **fields):
    said = (
        f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 {status} nobody of that name\n"
    )
    return report("delivery-status", said, **fields)


def complaint(address="lin@example.org", *, kind="abuse", **fields):
    named = f"Original-Rcpt-To: <{address}>\n" if address else ""
    return report("feedback-report", f"Feedback-Type: {kind}\nUser-Agent: x/1\nVersion: 1\n{named}", **fields)


def ours(link, part="message/rfc822"):
    """A mail of ours as it comes back: whole, or its headers."""
    return (
        f"Content-Type: {part}\n\nFrom: news@example.org\nTo: redacted@example.net\nMessage-ID: <d1@example.org>\n"
        f"List-Unsubscribe:\n <{link}>,\n <mailto:news@example.org>\nSubject: x\n\nx"
    )


def said(raw, tokens=None):
    return [(one.kind, one.address, one.code) for one in read_reports(raw, (tokens or {}).get)]


@pytest.mark.parametrize(
    ("raw", "reports"),
    [
        (bounce(), [("hard", "lin@example.org", "5.1.1")]),
        (bounce("Lin@EXAMPLE.org", status="5.1.1 (no such user)"), [("hard", "Lin@example.org", "5.1.1")]),
        (bounce(status="4.4.7"), [("soft", "lin@example.org", "4.4.7")]),
        *((bounce(status=code), [("soft", "lin@example.org", code)]) for code in ("5.7.1", "5.1.8", "5.3.4", "5.6.0")),
        *((bounce(status=code), [("hard", "lin@example.org", code)]) for code in ("5.4.1", "5.2.1", "5.1.10")),
        (bounce(status=""), [("hard", "lin@example.org", "")]),
        (bounce(action="delayed", status="4.4.1"), []),
        (bounce(action="delivered", status="2.0.0"), []),
        (bounce("not an address"), []),
        (complaint(), [("complaint", "lin@example.org", "")]),
        (complaint(kind="not-spam"), []),
        (complaint(kind=""), []),
        (b"From: lin@example.org\nSubject: thank you\n\n550 5.1.1 good news\n", []),
        (b"", []),
        (b"\xff\xfe\0\0" * 100, []),
        (b"Content-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\nContent-Type: message/delivery-status\n\n--B--", []),
        (b"Content-Type: multipart/mixed; boundary=B\n\n" + b"--B\nContent-Type: multipart/mixed; boundary=B\n\n" * 500, []),
        (
            (
                b"From: Mail Delivery System <Mailer-Daemon@mx.example>\nX-Failed-Recipients: lin@example.org\n"
                b"Content-Type: text/plain\n\nlin@example.org\n  550 5.1.1 no such user\n"
            ),
            [("hard", "lin@example.org", "5.1.1")],
        ),
    ],
)  # fmt: skip
def test_reports_are_told_from_other_mail(raw, reports):
    assert reports == said(raw)


@pytest.mark.parametrize(
    "level", [b"Content-Type: message/rfc822\n\n", b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n"]
)
def test_mails_within_mails_without_end_are_no_report(level):
    raw = b"".join(level % (number, number) if b"%d" in level else level for number in range(5000))

    assert [] == read_reports(raw, lambda token: None)


def test_what_no_database_holds_is_left_out_of_a_reason():
    raw = bounce().replace(b"nobody of", b"\0\xff\x1b[31m")

    (one,) = read_reports(raw, lambda token: None)

    assert one.reason.isprintable()
    assert one.reason.startswith("550 5.1.1")


def test_one_report_may_tell_of_several_people():
    fields = "Reporting-MTA: dns; mx\n\n" + "\n".join(
        f"Final-Recipient: rfc822;reader{number}@example.org\nAction: failed\nStatus: 5.0.0\n" for number in range(3)
    )

    assert 3 == len({one.key for one in read_reports(report("delivery-status", fields), lambda token: None)})


@pytest.mark.parametrize("part", ["message/rfc822", "text/rfc822-headers"])
def test_the_link_of_our_mail_tells_whom_a_report_is_about(part):
    raw = complaint("", returned=ours("https://news.example.org/unsubscribe/7.abcdefghij_-klm", part))

    (one,) = read_reports(raw, {"7.abcdefghij_-klm": 7}.get)

    assert ("complaint", 7) == (one.kind, one.subscriber_id)


def test_a_report_without_an_address_and_with_a_forged_link_is_nothing():
    raw = complaint(
        "", returned=ours("https://news.example.org/unsubscribe/7.abcdefghij").replace("redacted@example.net", "x")
    )

    assert [] == read_reports(raw, lambda token: None)


class Office:
    def __init__(self, folder, store, server, url):
        mail = settings(folder).mail.model_copy(
            update={"bounce_mailbox": url, "webhook_secret": "hush", "timeout_seconds": 5}
        )
        self.settings = settings(folder).model_copy(update={"mail": mail})
        self.store, self.server = store, server
        store.subscribers.add(LIN, Choice(), "trace", NOW)
        self.client = create_app(self.settings, store, lambda: NOW).test_client()

    def read(self):
        return read_returned(self.settings, self.store, lambda: NOW)

    def person(self):
        return self.store.subscribers.by_address(LIN)

    def send(self, *reports, secret="hush"):
        return self.client.post(
            "/mail/bounces", json={"reports": reports}, headers={"Authorization": f"Bearer {secret}"}
        )


@pytest.fixture
def office(tmp_path):
    with empty_store(tmp_path) as store, imap_server() as (server, url):
        yield Office(tmp_path, store, server, url)


def test_returned_mails_stop_an_address(office):
    office.server.put(*(bounce(number=number) for number in range(MOST_BOUNCES)), b"From: a@b.org\n\nhello\n")

    tally = office.read()

    assert {"mails": 4, "reports": 3, "stopped": 1, "counted": 2, "strangers": 0} == tally
    assert "bounced" == office.person().state
    assert 4 == len(office.server.seen)
    assert 0 == office.read()["mails"]


def test_one_complaint_stops_an_address_by_the_link_in_it(office):
    link = Links(office.settings).of(office.person()).unsubscribe
    office.server.put(complaint("", returned=ours(link)))

    assert 1 == office.read()["stopped"]
    assert "complained" == office.person().state


def test_a_mail_read_twice_counts_once(office):
    office.server.put(bounce())
    for _ in range(5):
        office.server.seen.clear()
        office.read()

    assert ("active", 1) == (office.person().state, office.person().bounces)


def test_strangers_and_forged_links_stop_nobody(office):
    link = "https://news.example.org/unsubscribe/1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    office.server.put(complaint("yue@example.org", returned=ours(link)))

    assert 1 == office.read()["strangers"]
    assert "active" == office.person().state


def test_a_mailbox_that_is_lost_halfway_is_read_again(office):
    office.server.put(*(bounce(number=number) for number in range(MOST_BOUNCES)))
    office.server.drops = True
    with pytest.raises(MailError, match="bounce_mailbox"):
        office.read()
    office.server.drops = False

    office.read()

    assert ("bounced", MOST_BOUNCES) == (office.person().state, office.person().bounces)


def test_only_the_beginning_of_a_large_mail_is_read(office):
    office.server.put(bounce() + b"x" * 3_000_000)

    assert 1 == office.read()["counted"]
    assert 1 == sum(f"<0.{imap.MOST_BYTES}>" in one for one in office.server.asked)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("secret", "wrong", "AUTHENTICATIONFAILED"),
        ("Returned", "Other", "no such mailbox"),
        ("127.0.0.1", "127.0.0.2:9", "cannot be reached"),
    ],
)
def test_a_mailbox_that_cannot_be_read_says_why_without_the_password(office, old, new, complaint):
    url = office.settings.mail.bounce_mailbox
    url = url.replace(url[url.index("127") : url.index("/Ret")], new) if "127" in old else url.replace(old, new)
    with pytest.raises(MailError, match=complaint) as error:
        imap.check(url, 5)

    assert "word" not in str(error.value)


def test_a_certificate_that_nobody_vouches_for_is_refused():
    with imap_server(tls=True) as (server, url), pytest.raises(MailError, match="no secure connection"):
        imap.check(url, 5)

    assert [] == server.asked


def test_a_mailbox_is_looked_at_without_reading_it(office):
    office.server.put(bounce())

    assert "1 unread" in imap.check(office.settings.mail.bounce_mailbox, 5)
    assert set() == office.server.seen


# ---------------------------------------------------------------- the webhook


def hook(number=1, **fields):
    return {"id": str(number), "kind": "hard", "address": "lin@example.org", "code": "5.1.1", "reason": "no"} | fields


def test_a_mail_service_reports_by_the_webhook(office):
    answer = office.send(*(hook(number) for number in (1, 1, 2)), hook(4, address="yue@example.org"))

    assert {"counted": 3, "unknown": 1} == answer.json
    assert 2 == office.person().bounces
    office.send(hook(3))
    assert "bounced" == office.person().state


def test_a_complaint_by_the_webhook_stops_an_address(office):
    office.send(hook(kind="complaint"))

    assert "complained" == office.person().state


@pytest.mark.parametrize("secret", ["", "hus", "hush ", "hush\u00e9", "x" * 1000])
def test_the_webhook_listens_to_nobody_else(office, secret):
    assert 401 == office.send(hook(kind="complaint"), secret=secret).status_code
    assert "active" == office.person().state


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            hook(kind="gone"),
            hook(address="lin"),
            hook(id=""),
            hook(id=7),
            hook(reason=None),
            hook(id="\0"),
            "x",
            None,
            [],
        ),
        {"kind": "hard", "address": "lin@example.org"},
    ],
)
def test_what_the_webhook_cannot_read_is_refused_whole(office, wrong):
    answer = office.send(hook(kind="complaint"), wrong)

    assert 400 == answer.status_code
    assert answer.json["error"].startswith("reports[1]")
    assert "active" == office.person().state


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"\xff", json.dumps({"reports": {}}).encode(), b'{"reports":[' + b"0," * 2000 + b"0]}"]
)
def test_the_webhook_wants_reports(office, data):
    answer = office.client.post("/mail/bounces", data=data, headers={"Authorization": "Bearer hush"})

    assert 400 == answer.status_code


def test_without_a_secret_there_is_no_webhook(office):
    config = office.settings.model_copy(update={"mail": office.settings.mail.model_copy(update={"webhook_secret": ""})})
    client = create_app(config, office.store, lambda: NOW).test_client()

    assert 404 == client.post("/mail/bounces", json={}, headers={"Authorization": "Bearer "}).status_code
