"""The command line as an operator meets it: a process of its own where signals and exit codes matter."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from aggregator.cli import main
from aggregator.model import SHANGHAI
from aggregator.rules import load
from aggregator.store import Store, revisions

SITE = """
university = "海棠大学"
tags = ["海棠大学"]

[[source]]
name = "haitang-news"
title = "海棠要闻"
url = "{url}"
"""


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """An instance folder of its own in which no shipped site is followed."""
    (tmp_path / "sites").mkdir()
    for name in load(None).sites:
        off = f'university = "无"\n[[source]]\nname = "off-{name}"\ntitle = "无"\nurl = "http://off.invalid/"\nenabled = false\n'
        (tmp_path / "sites" / f"{name}.toml").write_text(off, "utf-8")
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    monkeypatch.setenv("AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS", "true")
    monkeypatch.setenv("AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS", "0")
    return tmp_path


@pytest.fixture
def followed(instance, demo):
    """The three demo universities as the followed sites."""
    demo.write_sites(instance)
    return instance


def run(*arguments, code=0, text=None):
    result = CliRunner().invoke(main, arguments, input=text)
    assert code == result.exit_code, (result.output, result.exception)
    return result.output


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(found, seconds=30):
    """What *found* gives as soon as it gives something."""
    end = monotonic() + seconds
    while monotonic() < end:
        if answer := found():
            return answer
        sleep(0.1)
    raise AssertionError("it never happened")


def get(url):
    try:
        with urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except (URLError, ConnectionError):
        return None


def test_every_command_has_help_and_stands_in_the_readme():
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")

    def walk(command, path):
        assert command.help, path
        run(*path, "--help")
        if isinstance(command, click.Group):
            for name, child in command.commands.items():
                walk(child, (*path, name))
        else:
            assert re.search(rf"`(?:aggregator )?{' '.join(path)}\b", readme), path
            for option in command.params:
                if isinstance(option, click.Option) and option.opts[0] != "--help":
                    assert option.help or option.metavar or option.type.name == "choice", (path, option.opts)

    walk(main, ())


def test_every_setting_stands_in_the_readme_with_its_default(instance, monkeypatch):
    monkeypatch.delenv("AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS")
    monkeypatch.delenv("AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS")
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")

    for line in run("settings").splitlines():
        key, equals, value = line.partition(" = ")
        if equals and not line.startswith(("#", "instance")):
            assert f"| `{key}` |" in readme, key
            plain = value.strip('"').removesuffix(".0")
            assert not plain or f"| `{key}` | `{plain}` |" in readme, (key, value)


def test_polling_collects_and_a_second_poll_has_nothing_to_do(followed):
    first = run("poll")
    second = run("poll", "--all")

    assert re.search(r"6 polled: 6 new; \d+ new entries", first)
    assert "6 polled: 6 unchanged; 0 new entries" in second
    assert "nothing is due; next at" in run("poll")


def test_the_collected_entries_are_what_the_universities_published(followed, demo):
    run("poll")

    with Store(f"sqlite:///{followed}/aggregator.db").read() as connection:
        found = {
            row.url: row for row in connection.execute(text("SELECT * FROM entry JOIN entry_body ON id = entry_id"))
        }
    stories = [story for story in demo.published if story.url in found]  # older ones stand on the lists' second pages
    assert len(stories) == len(found) >= 30
    for story in stories:
        entry = found[story.url]
        day_or_minute = "%Y-%m-%d %H:%M" if entry.precision == "minute" else "%Y-%m-%d"
        assert story.title == entry.title
        assert set(story.text.split("\n")) <= set(entry.text.split("\n"))  # captions and attachments come on top
        shown = datetime.fromisoformat(entry.published).replace(tzinfo=UTC).astimezone(SHANGHAI)
        assert f"{story.published.astimezone(SHANGHAI):{day_or_minute}}" == f"{shown:{day_or_minute}}"


def test_poll_fails_with_1_when_all_fail(instance):
    (instance / "sites" / "gone.toml").write_text(SITE.format(url=f"http://127.0.0.1:{free_port()}/"), "utf-8")

    output = run("poll", code=1)

    assert "haitang-news  failed" in output
    assert "no connection" in output


def test_an_unknown_source_is_named_with_what_was_meant(followed):
    assert "do you mean demo-haitang-news" in run("poll", "demo-haitang-new", code=2)


def test_sources_says_how_they_are(followed):
    run("poll", "demo-haitang-news")

    rows = json.loads(run("sources", "--json"))

    states = {row["name"]: row["health"] for row in rows}
    # its news are of 2025, and it is read today
    assert ("stale", "new", "off") == (states["demo-haitang-news"], states["demo-yunling-news"], states["off-nankai"])
    assert "demo-haitang-news\t海棠大学" in run("sources")


def test_add_follows_a_list_and_the_file_works(instance, demo):
    url = next(site for site in demo.sites() if "haitang" in site.name).sources[0].url

    output = run("add", url, "--name", "own", "--tag", "要闻", "--university", "海棠大学")

    assert "poll it now with: aggregator poll own" in output
    assert "1 polled: 1 new" in run("poll", "own")
    assert "already" in run("add", url, "--name", "own", code=2)
    assert "already, as 'own'" in run("add", url, "--name", "other", code=2)


def test_add_writes_no_file_that_would_stop_the_next_start(instance, demo):
    file = instance / "sites" / "nankai.toml"
    file.write_text('aliases = ["NKU"]\n' + file.read_text("utf-8"), "utf-8")
    url = next(site for site in demo.sites() if "haitang" in site.name).sources[0].url

    assert "'NKU' already belongs to the source own, as a tag" in run(
        "add", url, "--name", "own", "--tag", "NKU", code=2
    )

    assert not (instance / "sites" / "own.toml").exists()


def test_add_finds_the_feed_that_a_page_names(instance, university):
    item = f"<item><title>甲</title><link>{university.url}/1</link><description>正文</description></item>"
    university.serve(
        "/feed.xml", f"<rss version='2.0'><channel><title>海棠</title>{item}</channel></rss>", content_type="text/xml"
    )
    page = university.serve(
        "/", "<html><head><link rel='alternate' type='application/rss+xml' href='/feed.xml'></head></html>"
    )

    run("add", page, "--name", "own")

    text = (instance / "sites" / "own.toml").read_text("utf-8")
    assert f'url = "{university.url}/feed.xml"' in text
    assert 'kind = "feed"' in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("add", "nonsense"), 2, "'nonsense' is not an address: it does not begin with http:// or https://"),
        (("try", "ftp://a.edu.cn/"), 2, "is not an address"),
        (("add", "http://127.0.0.1:1/"), 1, "no connection"),
        (("try", "no-such-file.html"), 2, "cannot read no-such-file.html"),
        (("try",), 2, "name a URL or a FILE"),
        (("digest", "--tag", "没有"), 1, "there is no tag called '没有'"),
        (("digest", "--tag", "要闻+"), 2, "tag expression, column 3: a tag is missing after +"),
        (("digest", "--date", "yesterday"), 2, "Invalid value"),
        (("digest", "--date", "9999-12-31", "--period", "month"), 2, "an address is like 2026-11-20"),
        (("digest", "--date", "1066-10-14"), 2, "out of range"),
        (("demo", "--port", "99999"), 2, "Invalid value"),
        (("demo", "--every", "0"), 2, "Invalid value"),
        (("export", "hugo", "/proc/nowhere"), 2, "cannot write to /proc/nowhere"),
        (("db", "backup", "/proc/nowhere/a.db"), 2, "cannot back up"),
    ],
)
def test_bad_input_gets_one_line_and_its_exit_code(instance, arguments, code, message):
    run("db", "upgrade")

    assert message in run(*arguments, code=code)


def test_a_bad_site_file_stops_with_2_and_its_name(instance):
    (instance / "sites" / "bad.toml").write_text("university = 3\n", "utf-8")

    assert "bad.toml: university: must be text" in run("poll", code=2)


def test_try_reads_a_page_of_each_kind(followed, demo):
    list_url = next(site for site in demo.sites() if "haitang" in site.name).sources[0].url
    story = next(story for story in demo.published if story.source == "demo-haitang-news")

    listing = json.loads(run("try", list_url, "--json"))
    article = json.loads(run("try", story.url, "--json"))

    assert "list" == listing["kind"]
    assert story.title in [item["title"] for item in listing["items"]]
    assert set(listing["items"][0]) == {"url", "title", "published", "precision"}
    assert ("article", story.title) == (article["kind"], article["title"])
    assert article["published"].endswith("+08:00")


def test_try_reads_a_saved_list_without_its_address(instance, tmp_path):
    rows = "".join(
        f"<li><a href='info/1/{n}.htm'>海棠大学第{n}号新闻通报</a><span>2025-03-1{n}</span></li>" for n in range(8)
    )
    (tmp_path / "saved.html").write_text(f"<ul>{rows}</ul>", "utf-8")

    assert "list: (no title), 8 items" in run("try", str(tmp_path / "saved.html"))


def test_try_says_why_a_page_is_neither_a_list_nor_an_article(instance, tmp_path):
    (tmp_path / "login.html").write_text("<form><input type=password></form>", "utf-8")

    said = run("try", str(tmp_path / "login.html"), code=1)

    assert "is a login page" in said
    assert 1 == said.count("login.html")
    assert "no article" in said


@pytest.mark.parametrize(
    ("page", "status", "cause"), [("<form><input type=password>登录</form>", 200, "login"), ("no", 404, "moved")]
)
def test_try_says_in_json_why_a_page_cannot_be_read(instance, university, page, status, cause):
    url = university.serve("/xw.htm", page, status=status)

    said = json.loads(run("try", url, "--json", code=1))

    assert (["error", "cause"], cause) == (list(said), said["cause"])
    assert url in said["error"]
    assert "settings" == json.loads(run("try", "none.html", "--json", code=2))["cause"]


def test_try_tells_a_curious_operator_what_it_asked_for_and_what_read_it(followed, demo, caplog):
    list_url = next(site for site in demo.sites() if "haitang" in site.name).sources[0].url
    story = next(story for story in demo.published if story.source == "demo-haitang-news")

    run("-v", "try", list_url)
    run("-v", "try", story.url)

    assert re.search(rf"fetch url={re.escape(list_url)} status=200 bytes=\d+ ms=\d+", caplog.text)
    assert "read as list, by item=" in caplog.text
    assert re.search(r"read as article, with the marks of \w+", caplog.text)


@pytest.mark.parametrize(
    "arguments",
    [("sources",), ("digest",), ("export", "json"), ("export", "opml"), ("db", "check"), ("export", "hugo", "posts")],
)
def test_a_command_that_only_reads_makes_nothing(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)

    said = run(*arguments, code=2)

    assert "there is no database" in said
    assert "aggregator run" in said
    run("settings")
    run("doctor")
    assert [] == list(tmp_path.iterdir())


def test_the_sources_in_a_pipe_are_tab_separated_below_their_headings(followed):
    run("poll")

    headings, *rows = (line.split("\t") for line in run("sources").splitlines())

    assert ["name", "university", "title", "health", "cause", "entries", "reason"] == headings
    assert {7} == {len(row) for row in rows}
    assert "demo-haitang-news" in [row[0] for row in rows]


def test_try_batch_answers_every_line_in_order(instance, tmp_path):
    feed = tmp_path / "feed.xml"
    feed.write_text(
        "<rss version='2.0'><channel><item><title>甲</title><link>http://a.edu.cn/1</link></item></channel></rss>"
    )
    questions = [{"path": str(feed), "url": "http://a.edu.cn/feed", "kind": "feed"}, {"path": "none"}, {}]
    lines = "\n".join([*map(json.dumps, questions), "nonsense", ""])

    answers = [json.loads(line) for line in run("try", "--batch", text=lines).splitlines()]

    assert "甲" == answers[0]["items"][0]["title"]
    assert [["error", "cause"]] * 3 == [list(answer) for answer in answers[1:]]


def test_exports_hold_every_entry(followed, tmp_path):
    run("poll")
    count = sqlite3.connect(followed / "aggregator.db").execute("SELECT count(*) FROM entry").fetchone()[0]

    first = run("export", "hugo", str(tmp_path / "posts"))
    second = run("export", "hugo", str(tmp_path / "posts"))

    assert f"{count} posts written, 0 as they were" in first
    assert f"0 posts written, {count} as they were" in second
    assert count == len(json.loads(run("export", "json"))["items"])
    assert "demo-haitang-news" in run("export", "opml")


def test_the_digest_prints_in_four_formats(followed):
    run("poll")

    for form, sign in (("text", "海棠大学"), ("html", "<html"), ("email", 'role="presentation"'), ("json", '"groups"')):
        assert sign in run("digest", "--period", "month", "--date", "2025-03-20", "--format", form)


def test_the_digest_takes_a_date_as_its_address_has_it(followed):
    run("poll")

    week, month = (json.loads(run("digest", "--date", date, "--format", "json")) for date in ("2025-W12", "2025-03"))

    assert ("week", "2025-03-17", "2025-03-23") == (week["period"], week["first"], week["last"])
    assert ("month", "2025-03-01", "2025-03-31") == (month["period"], month["first"], month["last"])


def test_the_digest_takes_a_tag_expression(followed):
    run("poll")

    digests = [
        json.loads(run("digest", "--period", "month", "--date", "2025-03-20", "--format", "json", "--tag", tags))
        for tags in ("海棠大学", "海棠大学|海棠大学+要闻", "-海棠大学")
    ]

    assert digests[0] == digests[1]
    assert ["海棠大学", "海棠大学", "-海棠大学"] == [digest["tag"] for digest in digests]
    spoken = [
        {part["university"] for group in digest["groups"] for part in group["universities"]} for digest in digests
    ]
    assert {"海棠大学"} == spoken[0]
    assert "海棠大学" not in spoken[2]


def test_the_database_is_cared_for(followed, tmp_path):
    run("poll")

    assert f"schema {revisions()[-1]}" in run("db", "upgrade")
    assert "copied to" in run("db", "backup", str(tmp_path / "copy.db"))
    assert "sound" in run("db", "check")


def test_a_newer_database_is_refused_with_2(instance):
    run("db", "upgrade")
    with sqlite3.connect(instance / "aggregator.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    assert "newer version of this program" in run("poll", code=2)


def test_doctor_finds_what_is_wrong(instance):
    assert "ok" in run("doctor")
    (instance / "sites" / "bad.toml").write_text("x", "utf-8")

    assert "bad.toml" in run("doctor", code=1)


class Running:
    """`aggregator run` in a process of its own."""

    def __init__(self, *arguments, **env):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aggregator", *arguments], env={**os.environ, **env}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return self.process.returncode, output

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def test_run_polls_serves_and_ends_cleanly(followed):
    port = free_port()

    with Running("run", AGGREGATOR_WEB__PORT=str(port)) as service:
        feed = until(lambda: "<entry" in (get(f"http://127.0.0.1:{port}/feed.atom") or "") and "served")
        code, output = service.stop()

    assert ("served", 0) == (feed, code)
    assert "Traceback" not in output
    assert "sound" in run("db", "check")


def test_web_serves_what_is_stored_and_ends_at_sigterm(followed):
    run("poll")
    port = free_port()

    with Running("web", AGGREGATOR_WEB__PORT=str(port)) as service:
        until(lambda: "海棠大学" in (get(f"http://127.0.0.1:{port}/") or ""))
        code, output = service.stop()

    assert (0, False) == (code, "Traceback" in output)


def test_two_runs_on_one_database_are_refused(followed):
    with Running("run", AGGREGATOR_WEB__PORT=str(free_port())) as service:
        until((followed / "aggregator.db.lock").exists)
        sleep(1)

        with Running("run", AGGREGATOR_WEB__PORT=str(free_port())) as second:
            output, _ = second.process.communicate(timeout=20)

        service.stop()
    assert 2 == second.process.returncode
    assert "another `aggregator run` or `worker` is using" in output


def test_a_busy_port_is_named(followed):
    with (
        socket.create_server(("127.0.0.1", 0)) as busy,
        Running("run", AGGREGATOR_WEB__PORT=str(busy.getsockname()[1])) as service,
    ):
        output, _ = service.process.communicate(timeout=20)

    assert 2 == service.process.returncode
    assert "AGGREGATOR_WEB__PORT" in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_killed_in_the_middle_leaves_a_sound_database(followed, number):
    with Running("worker", AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS="0.05") as service:
        until((followed / "aggregator.db").exists)
        sleep(1.5)
        service.stop(number)

    assert "sound" in run("db", "check")
    run("poll")
    rows = (
        sqlite3.connect(followed / "aggregator.db")
        .execute("SELECT count(*), count(DISTINCT uid) FROM entry")
        .fetchone()
    )
    assert rows[0] == rows[1]


def test_the_demo_shows_news_appearing_and_leaves_nothing_behind():
    port = free_port()

    with Running("demo", "--port", str(port), "--every", "1") as service:
        before = until(lambda: (get(f"http://127.0.0.1:{port}/feed.atom") or "").count("<entry"))
        published = until(lambda: get(f"http://127.0.0.1:{port}/healthz"))
        sleep(4)
        code, output = service.stop()

    assert before > 0
    assert json.loads(published)
    assert (0, True) == (code, "published: " in output)


def test_secrets_are_not_printed(instance, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_MAIL__PASSWORD", "hunter2")
    monkeypatch.setenv("AGGREGATOR_ALERT__WEBHOOK", "https://hooks.example/?key=hunter2")

    output = run("settings")

    assert "hunter2" not in output
    assert 'password = "***"' in output


def test_a_broken_source_says_its_cause_and_what_to_do(followed):
    run("poll", "demo-haitang-news")

    row = next(row for row in json.loads(run("sources", "--json")) if row["name"] == "demo-haitang-news")

    assert ("stale", "look whether the column is still kept, or has moved") == (row["cause"], row["advice"])
    assert row["reason"].startswith("nothing new since 2025-03-")
    assert f"{row['reason']}; {row['advice']}" in run("sources")


def test_add_follows_an_intranet_page_by_its_own_leave(instance, university, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS", "false")
    rows = "".join(
        f"<li><a href='/info/1/{n}.htm'>海棠大学第{n}号新闻通报</a><span>2025-03-1{n}</span></li>" for n in range(8)
    )
    url = university.serve("/xw.htm", f"<html><head><title>要闻</title></head><ul>{rows}</ul></html>")

    assert "--intranet" in run("add", url, "--name", "own", code=1)
    run("add", url, "--name", "own", "--intranet")

    assert "allow_private_networks = true" in (instance / "sites" / "own.toml").read_text("utf-8")
    assert "0 new of 8" in run("poll", "own")  # the list was visited; its articles are not there


def test_search_prints_what_was_collected_and_says_when_there_is_nothing(followed):
    run("poll")

    found = run("search", "大学", "--limit", "3")
    objects = json.loads(run("search", "大学", "--json", "--order", "relevance"))
    nothing = run("search", "没有这个词的新闻", code=1)

    assert 3 == len(re.findall(r"^\d{4}-\d\d-\d\d  ", found, re.MULTILINE))
    assert "\x1b[" not in found
    assert {"title", "url", "page", "published", "university", "source", "tags", "summary"} == objects[0].keys()
    assert "" == nothing


def test_a_search_that_cannot_be_read_exits_with_2(followed):
    assert "column 1: the quote " in run("search", '"大学', code=2)
    assert "is no day like" in run("search", "大学", "--since", "gestern", code=2)


def test_stories_are_looked_for_on_demand_and_anew(followed):
    run("poll")

    assert "0 entries compared" in run("db", "stories")
    assert re.search(r"[1-9]\d* entries compared, \d+ stories told more than once", run("db", "stories", "--rebuild"))


def test_the_index_is_made_anew_on_demand_and_checked(followed):
    run("poll")
    run("search", "大学")
    with sqlite3.connect(followed / "aggregator.db") as connection:
        connection.execute("DELETE FROM search_doc WHERE doc < 4")
    connection.close()

    broken = run("db", "check", code=1)
    rebuilt = run("db", "index", "--rebuild")

    assert "3 entries are not in the search index" in broken
    assert re.search(r"[1-9]\d* entries indexed", rebuilt)
    assert "sound" in run("db", "check")
