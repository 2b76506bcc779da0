"""`aggregator subscribers` as an operator meets it."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from aggregator.cli import main
from tests.imapserver import imap_server
from tests.newsroom import empty_store, fill
from tests.postoffice import post_office
from tests.test_returned import complaint


@pytest.fixture
def instance(tmp_path, monkeypatch):
    with empty_store(tmp_path) as store:
        fill(store)
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    return tmp_path


def run(*arguments, code=0, text=None):
    result = CliRunner().invoke(main, ["subscribers", *arguments], input=text)
    assert code == result.exit_code, (result.output, result.exception)
    return result.output


def listed():
    return [json.loads(line) for line in run("list", "--json").splitlines()]


def exported():
    return list(csv.DictReader(io.StringIO(run("export"))))


def test_an_operator_adds_removes_and_lists(instance):
    chosen = ("--tags", "通知+海棠大学", "--period", "weekly", "--weekday", "4", "--hour", "18", "--language", "en")
    run("add", "lin@Example.org", *chosen)
    run("add", "yue@example.org")
    assert "known already" in run("add", "lin@example.ORG", code=1)

    assert "gets no more mail" in run("remove", "yue@example.org")

    output = run("list")
    assert "lin@example.org  active  weekly day 4 18:00 Asia/Shanghai  en  海棠大学+通知" in output
    assert "yue@example.org  left  daily 7:00 Asia/Shanghai  zh  (everything)" in output
    assert "1 active, 1 left" in output
    assert ["yue@example.org"] == [
        json.loads(line)["address"] for line in run("list", "--json", "--state", "left").splitlines()
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "lin"), 1),
        (("add", "lin@example.org", "--timezone", "Mars/Olympus"), 2),
        (("add", "lin@example.org", "--tags", "没有"), 1),
        (("add", "lin@example.org", "--tags", "(要闻"), 2),
        (("remove", "nobody@example.org"), 1),
        (("show", "nobody@example.org"), 1),
        (("bounces",), 2),
    ],
)
def test_what_cannot_be_done_is_said(instance, arguments, code):
    assert run(*arguments, code=code)
    assert [] == listed()


def test_everything_about_a_person_is_shown_and_erased_for_good(instance):
    run("add", "lin@example.org", "--tags", "要闻")
    kept = json.loads(run("show", "lin@example.org"))
    assert ("lin@example.org", "要闻") == (kept["subscriber"][0]["address"], kept["subscriber"][0]["tags"])
    assert {"subscriber", "delivery", "mail_report"} == kept.keys()

    run("erase", "lin@example.org")

    assert [] == listed()
    assert "was erased" in run("add", "LIN@example.org", code=1)
    assert "1 erased before, left out" in run("import", "-", text="address\nlin@example.org\n")
    assert "was not known" in run("erase", "yue@example.org")
    assert "1 erased before, left out" in run("import", "-", text="address\nyue@example.org\n")


def test_what_is_exported_is_imported_as_it_was(instance):
    run("add", "lin@example.org", "--tags", "-讲座", "--language", "en")
    run("add", "=1+1@example.org")
    run("add", "'o@example.org")
    run("remove", "lin@example.org")
    before, rows = run("export"), exported()
    assert "'=1+1@example.org" in before
    assert "'-讲座" in before

    (instance / "aggregator.db").unlink()
    for other in instance.glob("aggregator.db-*"):
        other.unlink()
    with empty_store(instance) as store:
        fill(store)
    assert "3 added" in run("import", "-", text=before)

    assert rows == exported()


def test_lines_that_cannot_be_read_are_named_and_the_others_imported(instance):
    lines = [
        "address,state,hour,tags,confirmed_at,timezone",
        "lin@example.org,active,8,要闻,2026-01-31T08:00:00+08:00,",
        "lin,active,8,,,",
        "a@example.org,gone,8,,,",
        "b@example.org,active,25,,,",
        "c@example.org,active,8,没有,,",
        "d@example.org,active,8,,2026-01-31,",
        "e@example.org,active,8,,,Mars/Olympus",
        '"f@example.org\nBcc: x@example.org",active,8,,,',
        "g@example.org,complained,,,,",
        "lin@example.org,left,8,,,",
        "h@example.org,active,8,,0001-01-01T00:00:00+08:00,",
        "i@example.org,active,8,,2999-01-01T00:00:00+08:00,",
        "j@example.org,active,8,要闻,讲座,,,",
    ]

    output = run("import", "-", text="\ufeff" + "\r\n".join(lines), code=1)

    assert "2 added, 1 known already, 10 refused" in output
    assert ["line 3:", "line 4:", "line 5:", "line 6:", "line 7:", "line 8:"] == [
        line.split(" ", 2)[0] + " " + line.split(" ", 2)[1] for line in output.splitlines()[:6]
    ]
    states = {row["address"]: (row["state"], row["confirmed_at"]) for row in exported()}
    assert {
        "lin@example.org": ("active", "2026-01-31T00:00:00+00:00"),
        "g@example.org": ("complained", ""),
    } == states


@pytest.mark.parametrize(
    "text",
    [
        "name\nlin@example.org\n",
        "address,,\nlin@example.org\n",
        "address,address\nlin@example.org,yue@example.org\n",
        "state\nactive\n",
        "",
        b"address\n\xff\n",
    ],
)
def test_a_file_that_is_no_such_table_is_refused(instance, text):
    run("import", "-", text=text, code=2)


def test_who_is_asked_gets_a_letter(instance, monkeypatch):
    with post_office() as (office, mail):
        for name in ("host", "port", "tls", "sender"):
            monkeypatch.setenv(f"AGGREGATOR_MAIL__{name.upper()}", str(getattr(mail, name)))

        assert "asked" in run("add", "lin@example.org", "--ask", "--language", "en")

    ((_, to, letter),) = office.letters
    assert ["lin@example.org"] == to
    assert "/confirm/" in letter.get_content()
    assert ["pending"] == [one["state"] for one in listed()]


def test_returned_mail_is_read(instance, monkeypatch):
    run("add", "lin@example.org")
    with imap_server() as (server, url):
        monkeypatch.setenv("AGGREGATOR_MAIL__BOUNCE_MAILBOX", url)
        server.put(complaint())

        assert "1 mails, 1 reports, 1 stopped, 0 counted, 0 strangers" in run("bounces")

    assert ["complained"] == [one["state"] for one in listed()]
