"""What the doctor says of mail, alerts and hubs, with a real mail server."""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from aggregator.cli import main
from aggregator.doctor import examine
from aggregator.mail.mailbox import mailbox
from aggregator.model import Choice, Slot
from aggregator.store import Store
from tests.imapserver import imap_server
from tests.newsroom import empty_store, rules, story, visit
from tests.postoffice import post_office
from tests.university import NOW


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    return tmp_path


def findings(what):
    return [(check.verdict, check.finding) for check in examine(NOW) if check.what == what]


def configure(folder, mail, more=""):
    said = "\n".join(f"{key} = {value!r}" for key, value in mail.model_dump().items())
    (folder / "config.toml").write_text(f"[mail]\n{said}\n{more}\n", "utf-8")


def test_a_mail_server_that_answers_is_well(instance):
    with post_office() as (office, mail):
        configure(instance, mail, "[alert]\nmail = 'a@example.org'")

        assert [("ok", f"127.0.0.1:{mail.port} answers (no encryption)")] == findings("mail")
        assert [("ok", "a@example.org hear of breaks that last for 4 working hours")] == findings("alert")
    assert [] == office.letters


def test_digests_by_mail_are_not_offered_without_a_mail_server(instance):
    ((verdict, finding),) = findings("subscribers")

    assert "ok" == verdict
    assert "mail.host is empty" in finding


def test_nobody_hears_of_returned_mail_unless_that_is_set_up(instance):
    with post_office() as (_, mail):
        configure(instance, mail)
        assert ["ok", "warn", "warn"] == [verdict for verdict, _ in findings("subscribers")]
        with imap_server() as (_, url):
            configure(
                instance, mail.model_copy(update={"bounce_mailbox": url}), "[site]\nurl = 'https://news.example.org'"
            )
            assert [
                ("ok", "the pages offer digests by mail"),
                ("ok", "returned mail is read at 127.0.0.1 (0 unread)"),
            ] == findings("subscribers")
        ((verdict, finding),) = findings("subscribers")
    assert "fail" == verdict
    assert "check mail.bounce_mailbox" in finding


def test_a_mail_server_that_does_not_answer_is_named_with_what_to_do(instance):
    with post_office() as (_, mail):
        configure(instance, mail.model_copy(update={"tls": "starttls"}))
        ((verdict, finding),) = findings("mail")

    assert "fail" == verdict
    assert "set mail.tls to what the server offers" in finding


def test_an_operator_whom_nobody_tells_is_warned(instance):
    ((verdict, finding),) = findings("alert")

    assert "warn" == verdict
    assert "set alert.mail or alert.webhook" in finding


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[alert]\nmail = 'a@example.org'\n", "alert.mail is set but mail.host is not"),
        ("[mail]\nhost = 'mail.example.org'\n", "mail.sender is not"),
        ("[alert]\nmail = 'not an address'\n", "is not a mail address"),
        ("[alert]\nwebhook = 'ftp://x/'\n", "is not an http or https address"),
    ],
)
def test_settings_that_could_never_work_are_refused(instance, text, complaint):
    (instance / "config.toml").write_text(text, "utf-8")

    (check,) = examine(NOW)

    assert "fail" == check.verdict
    assert complaint in check.finding


def says(code):
    """What `doctor --test-alert` says of its tests."""
    result = CliRunner().invoke(main, ["doctor", "--test-alert"])
    assert code == result.exit_code, result.output
    return [line for line in result.output.splitlines() if "test " in line.partition(":")[0]]


def test_a_test_goes_through_every_channel_and_what_came_of_it_is_told(instance, university):
    hook = university.serve("/hook", lambda request: b"")
    with post_office() as (office, mail):
        configure(instance, mail, f"[alert]\nmail = 'a@example.org'\nwebhook = '{hook}'")

        assert ["mail", "webhook"] == [line.split()[2].strip(":") for line in says(code=0) if line.startswith("ok")]

        ((_, recipients, letter),) = office.letters
        assert (["a@example.org"], "[高校新闻] 测试通知") == (recipients, letter["Subject"])
        assert ["POST"] == [request.method for request in university.requests]

        university.forget("/hook")
        office.is_closed = True
        said = says(code=1)
        assert "come again later" in said[0]
        assert "the webhook answered 404" in said[1]


def test_a_test_without_a_channel_says_which_settings_there_are(instance):
    assert ["fail  test alert: alert.mail and alert.webhook are empty: set one of them"] == says(code=1)


def test_a_clock_that_was_wrong_and_a_network_that_is_down_are_told(instance):
    with empty_store(instance) as store:
        far = NOW + timedelta(days=400)
        store.entries.record([visit(1, polled_at=NOW, next_poll_at=far, fetched_at=far)])
        for hour in range(8):
            store.entries.record([visit(2, cause="offline", polled_at=NOW + timedelta(hours=hour), message="down")])
        store.breaks.note_network()

    said = findings("database")

    assert ("warn", "2 times in it stand too far ahead: the clock was wrong once; `aggregator run` mends them") in said
    assert "no source can be reached since 2025-03-21 02:30 UTC" in next(
        one for verdict, one in said if verdict == "fail"
    )


def test_digests_that_failed_and_the_one_that_waits_longest_are_told(instance):
    assert [("ok", "no digest is mailed")] == findings("deliveries")
    with post_office() as (_, mail), empty_store(instance) as store:
        configure(instance, mail)
        assert [("ok", "every digest that was due is mailed")] == findings("deliveries")
        for name in ("a@example.org", "b@example.org", "c@example.org"):
            store.subscribers.add(mailbox(name), Choice(), name, NOW - timedelta(days=9))
        slot = Slot("2025-03-13", NOW - timedelta(hours=3))
        ledger = store.deliveries
        ledger.plan(store.deliveries.appointments()[0], slot, lambda one, edition: f"{one.id}@x", slot.at)
        first, second = ledger.claim(slot.at, NOW, 2)
        ledger.failed(first, 554, "5.7.1 we do not like it", slot.at)
        ledger.failed(second, 554, "5.7.1 we do not like it", slot.at)

        failed, waits = findings("deliveries")

    assert ("warn", "2 digests were not mailed in the last 7 days, mostly: 5.7.1 we do not like it") == failed
    assert ("warn", True) == (waits[0], f"since {slot.at:%Y-%m-%d %H:%M} UTC" in waits[1])


def test_a_hub_that_could_not_be_told_is_named_with_the_reason(instance):
    (instance / "config.toml").write_text("[web]\nhubs = 'https://a.example/hub, https://b.example/hub'\n", "utf-8")
    assert ["ok", "ok"] == [verdict for verdict, _ in findings("hubs")]
    store = Store(f"sqlite:///{instance}/aggregator.db")
    store.upgrade()
    store.sources.sync(rules(), NOW)
    hubs = ["https://a.example/hub", "https://b.example/hub"]
    store.announcements.claim(hubs, NOW)
    store.entries.record([visit(1, story(1))])
    for change in store.announcements.claim(hubs, NOW):
        if change.hub == hubs[1]:
            store.announcements.failed(change, "it answered 503")
        else:
            store.announcements.told(change)
    store.close()

    assert [
        ("ok", "https://a.example/hub is told of news"),
        ("warn", "https://b.example/hub could not be told of news (it answered 503); it is tried again"),
    ] == findings("hubs")
