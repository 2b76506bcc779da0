"""The pages on a port in production and in development: granian's processes, `--workers`, `--reload`, proxies."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.settings import Settings, SiteSettings, WebSettings
from aggregator.web.app import create_app
from tests.newsroom import NOW, SITE_URL, empty_store, fill
from tests.test_cli import SITE, Running, followed, free_port, get, instance, run, until

__all__ = ["followed", "instance"]


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def exists(pid):
    return Path(f"/proc/{pid}").exists()


def test_several_processes_serve_the_pages_and_end_together(followed):
    run("poll")
    port = free_port()

    with Running("web", "--workers", "2", AGGREGATOR_WEB__PORT=str(port)) as service:
        pages = [
            until(lambda place=place: get(f"http://127.0.0.1:{port}{place}"))
            for place in ("/", "/tags/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6.atom")
        ]
        workers = children(service.process.pid)
        code, output = service.stop()

    assert all("海棠大学" in page for page in pages)
    assert (0, []) == (code, [pid for pid in workers if exists(pid)])
    assert len(workers) >= 2
    assert "Traceback" not in output


@pytest.mark.parametrize("command", [("web",), ("run", "--workers", "1")])
def test_who_is_killed_leaves_nobody_behind(followed, command):
    port = free_port()
    with Running(*command, AGGREGATOR_WEB__PORT=str(port)) as service:
        until(lambda: get(f"http://127.0.0.1:{port}/healthz"))
        service.process.kill()
        until(lambda: not answers(port))


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_port_in_use_is_said_so_before_anything_starts(followed):
    port = free_port()
    with Running("web", AGGREGATOR_WEB__PORT=str(port)) as first:
        until(lambda: get(f"http://127.0.0.1:{port}/healthz"))
        with Running("web", AGGREGATOR_WEB__PORT=str(port)) as second:
            output, _ = second.process.communicate(timeout=30)
        first.stop()

    assert 2 == second.process.returncode
    assert "AGGREGATOR_WEB__PORT" in output


def test_one_command_polls_and_lets_other_processes_serve(followed):
    port = free_port()

    with Running("run", "--workers", "1", AGGREGATOR_WEB__PORT=str(port)) as service:
        feed = until(lambda: "<entry" in (get(f"http://127.0.0.1:{port}/feed.atom") or "") and "served")
        pages = children(service.process.pid)
        code, output = service.stop()

    assert ("served", 0) == (feed, code)
    assert [] == [pid for pid in pages if exists(pid)]
    assert "Traceback" not in output


@pytest.mark.parametrize("command", [("run",), ("run", "--workers", "1")])
def test_a_reload_never_starts_two_schedulers(instance, university, command):
    feed = "<rss version='2.0'><channel><title>海棠</title></channel></rss>"
    url = university.serve("/feed", feed, content_type="application/rss+xml")
    (instance / "sites" / "haitang.toml").write_text(SITE.format(url=url), "utf-8")
    port, schedulers = free_port(), []

    with Running(*command, "--reload", AGGREGATOR_WEB__PORT=str(port)) as service:
        for number in range(3):
            schedulers.append(until(lambda: new_child(service.process.pid, schedulers)))
            until(lambda: get(f"http://127.0.0.1:{port}/healthz"))
            until(lambda: polls(instance))
            assert schedulers[-1:] == children(service.process.pid)
            text = SITE.format(url="http://127.0.0.1:9/").replace("haitang", f"other-{number}")
            if number < 2:
                (instance / "sites" / f"other-{number}.toml").write_text(text, "utf-8")
        code, output = service.stop()

    assert (0, 2) == (code, output.count("starting again")), output
    assert "another `aggregator run`" not in output
    assert 1 == polls(instance)  # due once, polled once


def polls(folder):
    with closing(sqlite3.connect(folder / "aggregator.db")) as database:
        return database.execute(
            "SELECT count(*) FROM poll JOIN source ON source.id = source_id WHERE name = 'haitang-news'"
        ).fetchone()[0]


def new_child(pid, known):
    """The one child of *pid* that is not *known*, None while there is none."""
    return next((child for child in children(pid) if child not in known), None)


def test_what_proxies_say_is_believed_only_of_our_own(tmp_path):
    forwarded = {"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/news"}

    with empty_store(tmp_path) as store:
        fill(store)
        pages = []
        for count in (0, 1):
            web = WebSettings(trusted_proxies=count)
            config = Settings(instance=tmp_path, site=SiteSettings(url=SITE_URL), web=web)
            pages.append(create_app(config, store, now=lambda: NOW).test_client().get("/tags/", headers=forwarded).text)

    assert ['href="/tags/' in page for page in pages] == [True, False]
    assert ['href="/news/tags/' in page for page in pages] == [False, True]
