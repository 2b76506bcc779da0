"""A digest as the bytes of a mail: read again by the standard library's parser and by the letter of the standards."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest

from aggregator.model import MailLinks
from aggregator.publish.mail import MAX_BYTES, Circular, Sender, message_id

MARKS = MailLinks("https://news.example.org/preferences/MARK", "https://news.example.org/unsubscribe/MARK")
LINKS = MailLinks("https://news.example.org/preferences/17.abc", "https://news.example.org/unsubscribe/17.def")
SENDER = Sender("高校新闻", "news@example.org", "digest.news.example.org", "desk@example.org")
DATE = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
SUBJECT = "高校新闻 11月20日：水稻耐旱研究取得新进展，亩均节水三成而产量基本不减，另有 41 条"
TEXT = "海棠大学\n\n我校水稻耐旱研究取得新进展\n.一行以点开头\n" + "长" * 3000 + f"\n\n退订：{MARKS.unsubscribe}\n"
HTML = f'<html><body><p>海棠大学</p><a href="{MARKS.preferences}">设置</a> <a href="{MARKS.unsubscribe}">退订</a></body></html>'


def circular(
    sender=SENDER, subject=SUBJECT, text=TEXT, html=HTML, archive="https://news.example.org/digest/2026-11-20/"
):
    return Circular(sender, subject, text, html, MARKS, archive, "zh-CN")


def written(made=None, to="reader@example.edu.cn", links=LINKS, id_="abc@example.org"):
    return (made or circular()).addressed(to, links, id_, DATE)


def read(data):
    return message_from_bytes(data, policy=policy.default)


def test_a_mail_says_who_it_is_from_and_how_to_leave():
    mail = read(written())

    expected = {
        "From": "高校新闻 <news@example.org>",
        "To": "reader@example.edu.cn",
        "Reply-To": "desk@example.org",
        "Subject": SUBJECT,
        "Date": "Sat, 21 Nov 2026 07:00:00 +0000",
        "Message-ID": "<abc@example.org>",
        "List-Id": "高校新闻 <digest.news.example.org>",
        "List-Unsubscribe": f"<{LINKS.unsubscribe}>, <mailto:desk@example.org?subject=unsubscribe>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Archive": "<https://news.example.org/digest/2026-11-20/>",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "Content-Language": "zh-CN",
        "MIME-Version": "1.0",
    }
    assert expected == {name: str(mail[name]) for name in expected}
    assert [] == mail.defects


def test_text_comes_first_and_html_second_each_with_the_readers_own_links():
    mail = read(written())

    assert "multipart/alternative" == mail.get_content_type()
    text, html = mail.iter_parts()
    assert [("text/plain", "utf-8"), ("text/html", "utf-8")] == [
        (part.get_content_type(), part.get_content_charset()) for part in (text, html)
    ]
    own = {"MARK": "17.abc"}
    assert TEXT.replace("unsubscribe/MARK", "unsubscribe/17.def") == text.get_content().replace("\r\n", "\n")
    assert ("/preferences/17.abc" in html.get_content(), "/unsubscribe/17.def" in html.get_content()) == (True, True)
    assert not any(mark in part.get_content() for mark in own for part in (text, html))


def test_lines_are_as_long_as_the_standard_lets_them_be_and_all_is_ascii():
    data = written(circular(subject="研究" * 200, text="=" * 5000 + " \n", html="<p>" + "ü" * 900 + "</p>"))

    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert data.isascii()
    assert (0, 0) == (len(re.findall(rb"(?<!\r)\n", data)), len(re.findall(rb"\r(?!\n)", data)))
    assert "研究" * 200 == read(data)["Subject"]


@pytest.mark.parametrize(
    ("text", "encoding"), [("Mostly ASCII, café\n" * 9, "quoted-printable"), ("海棠大学\n" * 9, "base64")]
)
def test_each_text_has_the_shorter_encoding(text, encoding):
    part = next(read(written(circular(text=text))).iter_parts())

    assert (encoding, text) == (part["Content-Transfer-Encoding"], part.get_content().replace("\r\n", "\n"))


def test_the_same_mail_has_the_same_bytes_and_another_reader_another_id():
    assert written() == written()
    one, same, other = (
        message_id((*parts, "2026-11-20"), "example.org") for parts in (["1", "a"], ["1", "a"], ["2", "a"])
    )
    assert (True, False, "@example.org") == (one == same, one == other, one[-12:])


EVIL = ["x\r\nBcc: all@example.org", "x\nBcc: all@example.org", "x\rBcc: y", "x\0y", "x\x85Bcc: y", "x\u2028Bcc: y", "x\r\n\r\nbody", "x\ud800y", "=?utf-8?q?x=0ABcc=3A?="]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_no_value_begins_a_header_of_its_own(evil):
    names = read(written()).keys()
    made = circular(Sender(evil, "news@example.org", evil), evil, evil, evil, "https://news.example.org/" + evil)
    links = MailLinks("https://news.example.org/" + evil, "https://news.example.org/" + evil)

    data = written(made, links=links, id_=evil + "@example.org")

    mail = read(data)
    assert sorted(set(names) - {"Reply-To"}) == sorted(mail.keys())
    assert (b"\0", False) == (b"\0", b"\0" in data.split(b"\r\n\r\n")[0])
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in mail.iter_parts()]


@pytest.mark.parametrize(
    "address",
    ["a@example.org\r\nBcc: b@example.org", "a@example.org,b@example.org", "a b@example.org", "<a@example.org>", "a", "",
     "a@b@example.org", "a@example.org\0", "x" * 250 + "@example.org", "a\u2028@example.org"],
)  # fmt: skip
def test_an_address_that_cannot_stand_in_a_mail_is_refused(address):
    with pytest.raises(ValueError, match="cannot stand"):
        written(to=address)
    with pytest.raises(ValueError, match="cannot stand"):
        circular(Sender("n", address, "l"))


@pytest.mark.parametrize("name", ['News "of" \\ the day', "News, daily", "News", "新闻" * 40, "a" * 300])
def test_any_name_of_the_site_is_read_as_it_was_written(name):
    mail = message_from_bytes(written(circular(Sender(name, "news@example.org", "digest.example.org"))))

    found, address = parseaddr(str(make_header(decode_header(mail["From"]))) if "=?" in mail["From"] else mail["From"])
    assert (name, "news@example.org") == (found, address)


def test_one_click_is_offered_by_https_alone_and_a_mail_address_where_somebody_reads_it():
    links = MailLinks("http://news.example.org/p", "http://news.example.org/u")

    mail = read(written(circular(Sender("n", "news@example.org", "l")), links=links))

    assert ("<http://news.example.org/u>", None) == (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"])


def test_the_size_is_known_before_the_mail_is_written():
    made = circular(html="<p>" + "海棠大学" * 9000 + "</p>")

    size = len(written(made))

    assert (True, True) == (size <= made.size, made.size - size < 4000)
    assert made.size > MAX_BYTES
