"""The pages on a port in production and in development: granian's processes, `--workers`, `--reload`, proxies."""

import os
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
def test_a_reload_never_starts_two_schedulers(followed, university, command):
    port = free_port()
    sites = Path(os.environ["AGGREGATOR_INSTANCE"]) / "sites"

    with Running(*command, "--reload", AGGREGATOR_WEB__PORT=str(port)) as service:
        until(lambda: get(f"http://127.0.0.1:{port}/healthz"))
        (first,) = children(service.process.pid)
        until(lambda: any(request.path == "/feed" for request in university.requests))
        for name in ("one", "two"):
            (sites / f"{name}.toml").write_text(
                SITE.format(url="http://127.0.0.1:9/").replace("haitang", name), "utf-8"
            )
            until(lambda: not exists(first) and children(service.process.pid))
            until(lambda: get(f"http://127.0.0.1:{port}/healthz"))
            assert 1 == len(children(service.process.pid))
            (first,) = children(service.process.pid)
        code, output = service.stop()

    assert (0, 2) == (code, output.count("starting again"))
    assert "another `aggregator run`" not in output
    assert 3 == output.count("polling ")
    assert 1 == len([request for request in university.requests if request.path == "/feed"])  # due once, polled once


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
