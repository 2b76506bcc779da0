"""What the doctor says of mail, alerts and hubs, with a real mail server."""

import pytest

from aggregator.doctor import examine
from aggregator.store import Store
from tests.newsroom import rules, story, visit
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
