"""`aggregator db`: care for what is stored."""

import sys
from pathlib import Path

import click

from aggregator.commands import parts


@click.group()
def db() -> None:
    """Care for the database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to this program's schema, making it where there is none. Safe to repeat."""
    config = parts.settings()
    store = parts.open_store(config, upgrade=True)
    click.echo(f"{store.name}: schema {store.schema()}")


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def db_backup(file: Path) -> None:
    """Copy the SQLite database to FILE while it is in use."""
    store = parts.read_store(parts.settings())
    store.backup(file)
    click.echo(f"{store.name} copied to {file} ({file.stat().st_size:,} bytes)")


@db.command("check")
def db_check() -> None:
    """Read the whole database and report damage. Exit code 1 if there is any."""
    store = parts.read_store(parts.settings())
    faults = [*store.check(), *store.index.check()]
    for fault in faults:
        click.echo(fault)
    click.echo(
        f"{store.name}: {f'{len(faults)} faults; restore a backup if it is not the index' if faults else 'sound'}"
    )
    if faults:
        sys.exit(1)


@db.command("index")
@click.option("--rebuild", is_flag=True, help="Throw the index away and make it anew.")
def db_index(rebuild: bool) -> None:
    """Index for search what is not indexed yet; a running service does so by itself."""
    from aggregator.commands.find import catch_up

    store = parts.open_store(parts.settings())
    if rebuild:
        store.index.rebuild()
    done = catch_up(store)
    if rebuild:
        store.index.tidy()
    click.echo(f"{store.name}: {done} entries indexed")


@db.command("stories")
@click.option("--rebuild", is_flag=True, help="Look at all entries again.")
def db_stories(rebuild: bool) -> None:
    """Find the entries that tell the same news, as far as that is not done; a running service does so by itself."""
    from aggregator.console import progress

    store = parts.open_store(parts.settings())
    if rebuild:
        store.stories.rebuild()
    done = 0
    with progress("comparing", store.stories.behind()) as bar:
        while count := store.stories.catch_up():
            bar.advance(count)
            done += count
    click.echo(f"{store.name}: {done} entries compared, {len(store.stories.versions())} stories told more than once")
