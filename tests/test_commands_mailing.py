"""`aggregator deliver` as its operator sees it, in processes of its own, and killed while it mails."""

import os
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from tests.benchmarks import mail_kills
from tests.benchmarks.mailing import newsroom
from tests.processes import Program, until
from tests.sink import sink

# all of them: MAIL_KILLS=200, or python -m tests.benchmarks.mail_kills
KILLS = int(os.environ.get("MAIL_KILLS", "10"))
READERS = 3


@pytest.fixture
def service(tmp_path):
    """(run a command, the sink) of a service with three readers whose digest is due."""
    begun = datetime.now(UTC) - timedelta(hours=50)
    choice = {"hour": (datetime.now(UTC) + timedelta(hours=6)).hour}  # two hours ago in Shanghai
    with newsroom(tmp_path, READERS, 1, begun=begun, every=timedelta(minutes=50), **choice), sink(tmp_path / "sink") as (taken, mail):  # fmt: skip
        said = {"host": mail.host, "port": mail.port, "sender": mail.sender, "tls": "none", "per_minute": 6000}
        env = {f"mail__{name}": value for name, value in said.items()} | {"site__url": "https://news.example.org"}

        def run(*arguments, **more):
            with Program(tmp_path, *arguments, **env | more) as program:
                return program.wait(60), program.output

        run.start = lambda *arguments, **more: Program(tmp_path, *arguments, **env | more)
        yield run, taken


def test_what_is_due_is_shown_then_mailed_then_nothing_is_due(service):
    run, taken = service

    code, shown = run("deliver", "--dry-run")
    assert (0, READERS, True) == (code, shown.count("@example.org\t20"), f"{READERS} due" in shown), shown
    assert [] == taken.taken

    code, said = run("deliver")
    assert (0, True, READERS) == (code, f"{READERS} sent; " in said, taken.count), said

    assert (0, "nothing is due\n") == run("deliver")


def test_a_test_mail_is_whole_and_is_in_no_ledger(service, tmp_path):
    run, _ = service

    code, said = run("deliver", "--test", "keep-me@example.edu.cn")

    assert (0, True) == (code, "is on its way to keep-me@example.edu.cn" in said), said
    mail = message_from_bytes((tmp_path / "sink" / "keep-me@example.edu.cn.eml").read_bytes(), policy=policy.default)
    text, html = (part.get_content() for part in mail.iter_parts())
    assert ("<https://news.example.org/subscribe>", [], True) == (mail["List-Unsubscribe"], mail.defects, mail["Subject"].startswith("高校新闻"))  # fmt: skip
    assert ("https://news.example.org/subscribe" in text, "https://news.example.org/subscribe" in html) == (True, True)
    assert f"{READERS} due" in run("deliver", "--dry-run")[1]


def test_without_a_mail_server_the_operator_is_told_what_to_set(service):
    run, _ = service

    assert (2, True) == (lambda code, said: (code, "mail.host and mail.sender" in said))(*run("deliver", mail__host=""))
    assert f"{READERS} due" in run("deliver", "--dry-run", mail__host="")[1]


def test_a_server_that_is_down_ends_with_one_and_loses_nothing(service):
    run, taken = service
    code, said = run("deliver", mail__port=9)
    assert (1, True, False) == (code, "cannot be reached" in said, "Traceback" in said)

    assert (0, READERS) == (run("deliver")[0], taken.count)


def test_a_worker_mails_what_is_due(service):
    run, taken = service

    with run.start("worker") as worker:
        until(lambda: taken.count == READERS)
        assert (0, False) == (worker.stop(), "Traceback" in worker.output), worker.output


def test_a_run_that_is_killed_again_and_again_forgets_nobody_and_mails_nobody_twice(tmp_path):
    mails, doubled, _ = mail_kills.loop(tmp_path, KILLS, 40 * KILLS)

    assert (40 * KILLS, 0) == (mails, doubled)
