"""A hub, a worker and the pages, each in a process of its own, with nothing between them but the database."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from aggregator.store import Store
from tests.test_cli import SITE, Running, free_port, get, instance, until

__all__ = ["instance"]


def feed(hub, *titles):
    items = "".join(
        f"<item><title>{title}</title><link>http://a.edu.cn/{title}</link>"
        "<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'>文</content:encoded></item>"
        for title in titles
    )
    link = f"<atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='hub' href='{hub.url}'/>"
    return f"<rss version='2.0'><channel><title>海棠</title>{link}{items}</channel></rss>"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_news_that_a_hub_announces_are_here_at_once(request, database, instance, university, hub, monkeypatch):
    if database == "postgresql":
        monkeypatch.setenv("AGGREGATOR_DATABASE__URL", request.getfixturevalue("postgresql"))
    url = university.serve("/feed", feed(hub, "旧闻"), content_type="application/rss+xml")
    (instance / "sites" / "haitang.toml").write_text(SITE.format(url=url), "utf-8")
    port = free_port()
    monkeypatch.setenv("AGGREGATOR_WEB__PORT", str(port))
    monkeypatch.setenv("AGGREGATOR_SITE__URL", f"http://localhost:{port}")
    monkeypatch.setenv("AGGREGATOR_SCHEDULE__TICK_SECONDS", "0.2")
    said("db", "upgrade")

    with ExitStack() as running:
        web = running.enter_context(Running("web"))
        until(lambda: get(f"http://localhost:{port}/healthz"))  # before the hub calls back
        worker = running.enter_context(Running("worker"))
        until(lambda: hub.subscribed)
        web.stop()
        long_polled(request, instance, database)
        university.serve("/feed", feed(hub, "快讯", "旧闻"), content_type="application/rss+xml")
        with Running("web") as web:
            until(lambda: get(f"http://localhost:{port}/healthz"))
            answers = hub.distribute()
            news = until(lambda: "快讯" in get(f"http://localhost:{port}/feed.atom") and "served")
            stopped = [web.stop(), worker.stop()]

    (row,) = [row["websub"] for row in json.loads(said("sources", "--json")) if row["name"] == "haitang-news"]
    assert ([202], "served") == (answers, news)
    assert [0, 0] == [code for code, _ in stopped]
    assert not any("Traceback" in output for _, output in stopped)
    assert (hub.url, url, "subscribed", False, 1, 0) == (
        row["hub"], row["topic"], row["state"], row["trusted"], row["pushes"], row["forged"],
    )  # fmt: skip


def said(*arguments):
    """What the command prints, in a process of its own: it leaves its connections to the end of the process."""
    with Running(*arguments) as command:
        output, _ = command.process.communicate(timeout=20)
    return output


def long_polled(request, instance, database):
    """As if the last poll had been an hour ago: the next one may come at once."""
    store = Store(
        request.getfixturevalue("postgresql") if database == "postgresql" else f"sqlite:///{instance}/aggregator.db"
    )
    until(lambda: store.websub.of_source(store.sources.by_name("haitang-news").source.id).since)
    before = datetime.now(UTC) - timedelta(hours=1)
    with store.write() as connection:
        ago = text("UPDATE source SET polled_at = :at WHERE name = 'haitang-news'")
        connection.execute(ago, {"at": before if database == "postgresql" else f"{before:%Y-%m-%d %H:%M:%S.%f}"})
    store.close()
