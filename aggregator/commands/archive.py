"""`aggregator archive`: what is kept of pages and pictures, and its care."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts
from aggregator.errors import SettingsError

if TYPE_CHECKING:
    from aggregator.archive import Archive
    from aggregator.rules import Rules
    from aggregator.settings import Settings
    from aggregator.store import Store


@click.group()
def archive() -> None:
    """Article pages and pictures, kept for when their originals are gone (settings [archive])."""


@archive.command("status")
def archive_status() -> None:
    """Say how much is kept, and how much waits to be."""
    config = parts.settings()
    state = parts.read_store(config).holdings.state()
    kinds = [name for name, is_on in (("pages", config.archive.pages), ("pictures", config.archive.pictures)) if is_on]
    click.echo(f"keeps {' and '.join(kinds) or 'nothing: set archive.pages or archive.pictures'}")
    click.echo(f"{state.pages} pages and {state.pictures} pictures of {state.entries} entries")
    click.echo(f"{state.files} files, {state.bytes / 1e6:.1f} MB of {config.archive.budget_mb} MB")
    click.echo(f"{state.waiting} entries wait to be kept")


@archive.command("keep")
@click.argument("names", nargs=-1, metavar="[SOURCE]...")
@click.option("--all", "everything", is_flag=True, help="Every entry there is.")
def archive_keep(names: tuple[str, ...], everything: bool) -> None:
    """Keep entries that are stored already: of the SOURCEs named, or --all, the newest first. What is kept stays.

    Broken off, run again it goes on; a running service keeps what is left.
    """
    from aggregator.console import progress
    from aggregator.gather.fetch import Fetcher

    config = parts.settings()
    if not config.archive.is_on:
        raise SettingsError("nothing is to be kept: set archive.pages or archive.pictures in config.toml")
    if everything == bool(names):
        raise SettingsError("name sources, or --all")
    store = parts.open_store(config)
    for name in names:
        store.sources.by_name(name)  # NotFound tells of a name that is none
    now = parts.now()
    waiting = sum(store.holdings.want(name, now) for name in (names or (None,)))
    kept = opened(config, store, parts.rules(config))

    async def work() -> None:
        async with Fetcher(config.fetch, config.user_agent, own=config.own_ports, robots=store.robots) as fetcher:
            with progress("keeping", waiting) as bar:
                while looked := await kept.work(fetcher, parts.now, stop=lambda: False):
                    bar.advance(looked)

    asyncio.run(work())
    state = store.holdings.state()
    click.echo(f"{state.pages} pages and {state.pictures} pictures of {state.entries} entries are kept")
    if state.waiting:
        click.echo(f"{state.waiting} entries could not be had whole and are tried again later")


@archive.command("verify")
def archive_verify() -> None:
    """Read every file of the archive. Exit code 1 if any is lost or damaged; these are fetched again if they can be."""
    from aggregator.console import progress

    config = parts.settings()
    store = parts.read_store(config)
    with progress("reading", store.holdings.state().files) as bar:
        checked = opened(config, store, parts.rules(config)).verify(bar.advance)
    for digest in checked.lost:
        click.echo(f"{digest} is lost or damaged")
    click.echo(f"{checked.sound} files are sound, {len(checked.lost)} lost, {checked.foreign} unknown")
    if checked.lost:
        sys.exit(1)


@archive.command("prune")
def archive_prune() -> None:
    """Bring the archive within archive.budget_mb: the oldest whose original still stands go first."""
    config = parts.settings()
    store = parts.open_store(config)
    gone = opened(config, store, parts.rules(config)).prune()
    click.echo(f"{gone} files deleted, {store.holdings.bytes() / 1e6:.1f} MB are kept")


def opened(config: "Settings", store: "Store", rules: "Rules") -> "Archive":
    """The archive of the instance, which takes pictures from those that the pages have."""
    from aggregator.archive import Archive
    from aggregator.web.album import Album

    album = Album(config.instance / "pictures", config.web.picture_cache_mb * 1_000_000)
    return Archive(config.instance, config.archive, store, album.get, rules.allowance)
