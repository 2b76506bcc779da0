"""`aggregator run`, `worker`, `web` and `demo`: the service until it is told to stop."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from aggregator.commands import parts

if TYPE_CHECKING:
    from aggregator.rules import Rules
    from aggregator.settings import Settings
    from aggregator.store import Store

# polls that fall due together begin within so long of each other
SPREAD_SECONDS = 5.0


# for processes that we start ourselves
CHILD = click.option("--child", is_flag=True, hidden=True, help="End when the process that started this one does.")
RELOAD = click.option("--reload", is_flag=True, help="Start again when a file changes: for development.")


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="Processes for the pages; 0: the one that polls serves them, too.",
)
@RELOAD
@CHILD
def run(workers: int, reload: bool, child: bool) -> None:
    """Scheduler and web in one: polls what is due and serves the pages, until Ctrl-C or SIGTERM.

    \b
    Example:
      aggregator run                                    # http://127.0.0.1:8000, data in ./instance
      AGGREGATOR_WEB__PORT=8080 aggregator run
    """
    if child:
        parts.end_with_parent()
    config = parts.settings()
    if reload:
        _reload(["run", "--child", "--workers", str(workers)], config)
    known = parts.rules(config)
    store = parts.open_store(config, upgrade=True)
    _serve(config, known, store, _pages_apart(workers) if workers else _pages_here(config, store))


@click.command()
def worker() -> None:
    """Only the scheduler: polls what is due, serves nothing. One for SQLite, any number on one PostgreSQL."""
    config = parts.settings()
    known = parts.rules(config)
    _serve(config, known, parts.open_store(config), nullcontext())


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve.")
@RELOAD
@CHILD
def web(workers: int, reload: bool, child: bool) -> None:
    """Only the pages and feeds; polls nothing. Any number of them on one database."""
    from aggregator.web.production import Workers

    if child:
        parts.end_with_parent()
    config = parts.settings()
    if reload:
        _reload(["web", "--child", "--workers", str(workers)], config)
    parts.open_store(config).close()  # what is wrong with it is said once, here
    server = Workers("aggregator.commands.wsgi:app", config.web, workers)
    click.echo(f"serving {server.url}", err=True)
    server.run()


def _reload(arguments: list[str], config: "Settings") -> NoReturn:
    """Run the same command in a process that starts again with each change of the program, its templates or rules."""
    from aggregator.commands.reload import run_again_on_changes
    from aggregator.settings import PACKAGE, template_folder

    sys.exit(run_again_on_changes(arguments, [PACKAGE, template_folder(), config.instance / "sites"]))


@contextmanager
def _pages_apart(workers: int) -> Iterator[None]:
    """``aggregator web`` beside us for the time of the block; when it ends by itself, so do we."""
    command = [sys.executable, "-m", "aggregator", "web", "--child", "--workers", str(workers)]
    web = subprocess.Popen(command)  # noqa: S603 - our own words

    def watch() -> None:
        if web.wait() and not is_over.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    is_over = threading.Event()
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
        web.terminate()
        web.wait()


@contextmanager
def _pages_here(config: "Settings", store: "Store") -> Iterator[None]:
    """The pages in threads of this process."""
    from aggregator.web.app import create_app
    from aggregator.web.server import Server

    server = Server(create_app(config, store), config.web, config.fetch.max_bytes)
    with server.in_thread():
        click.echo(f"serving {server.url}; stop with Ctrl-C", err=True)
        yield


def _serve(config: "Settings", known: "Rules", store: "Store", pages: AbstractContextManager[None]) -> None:
    """Poll, and let *pages* be served, until SIGTERM or Ctrl-C."""
    from aggregator.alert import Alerts
    from aggregator.announce import Announcer
    from aggregator.commands.archive import opened
    from aggregator.commands.mailing import delivering
    from aggregator.gather.connect import post
    from aggregator.gather.fetch import Fetcher
    from aggregator.mail.letters import Letters
    from aggregator.poll import Poller
    from aggregator.schedule import serve, stop_on_signals
    from aggregator.tidying import terms_of
    from aggregator.visit.hubs import Hubs
    from aggregator.web.render import alert_mail, feed_addresses, letter

    kept = opened(config, store, known)
    webhook = partial(post, timeout_seconds=config.mail.timeout_seconds)
    alerts = Alerts(config, store, partial(alert_mail, config), webhook, parts.now)
    letters = Letters(config, store, partial(letter, config), parts.now) if config.mail.host else None

    async def work() -> None:
        stop = stop_on_signals()
        async with Fetcher(config.fetch, config.user_agent, own=config.own_ports, robots=store.robots) as fetcher:
            spread = min(config.schedule.tick_seconds, SPREAD_SECONDS)
            on_page = kept.read if config.archive.pages else None
            poller = Poller(config, known, store, fetcher, parts.now, spread_seconds=spread, on_page=on_page)
            hubs = Hubs(store, fetcher, config.callback_url, parts.now) if config.callback_url else None
            addresses = feed_addresses(config) if config.web.hub_urls else None
            announcer = Announcer(store, fetcher, config.web.hub_urls, addresses, parts.now) if addresses else None
            with delivering(config, store) if config.mail.host else nullcontext() as deliver:
                terms = partial(terms_of, config, known)
                work = partial(kept.work, fetcher, parts.now, stop=stop.is_set) if config.archive.is_on else None
                await serve(
                    config, store, poller, parts.now, stop, alerts, hubs, announcer, letters, deliver, terms,
                    work, kept.prune,
                )  # fmt: skip

    with store.sole_scheduler():
        if store.path:
            store.leases.release_all()  # of a run that was killed: on this file there is no other
        store.sources.sync(known.sources, parts.now())
        with pages:
            click.echo(f"polling {sum(rule.enabled for _, rule in known.sources)} sources", err=True)
            asyncio.run(work())
    store.close()


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Where the pages are served; 0 for a free one.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.5, 3600),
    default=5.0,
    show_default=True,
    help="Seconds between two polls and two pieces of news.",
)
@click.option("--seconds", type=click.FloatRange(1, 86400), help="Stop by itself after so many seconds.")
def demo(port: int, every: float, seconds: float | None) -> None:
    """The whole service against three small universities on this machine; needs no network, leaves nothing behind.

    \b
    Example:
      aggregator demo          # then open http://127.0.0.1:8000
    """
    import tempfile

    from aggregator.demo.stage import demo_settings, keep_publishing
    from aggregator.demo.universities import Demo

    with tempfile.TemporaryDirectory(prefix="aggregator-demo-") as folder, Demo(parts.now()) as universities:
        universities.write_sites(Path(folder))
        config = demo_settings(Path(folder), port, every)
        known = parts.rules(config).only([site.name for site in universities.sites()])
        store = parts.open_store(config, upgrade=True)
        with keep_publishing(universities, every, seconds, parts.now, click.echo):
            _serve(config, known, store, _pages_here(config, store))
