"""`aggregator db`: care for what is stored."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts

if TYPE_CHECKING:
    from aggregator.store import Store
    from aggregator.store.copying import Step


@click.group()
def db() -> None:
    """Care for the database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to this program's schema, making it where there is none. Safe to repeat."""
    config = parts.settings()
    store = parts.open_store(config, upgrade=True)
    while store.rechecks.adopt(parts.now()):
        pass
    click.echo(f"{store.name}: schema {store.schema()}")


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def db_backup(file: Path) -> None:
    """Copy the database to FILE, or to standard output (-), as it is now, while it is in use.

    FILE is a SQLite database, of PostgreSQL too; `db restore` takes it back.

    \b
    Example:
      aggregator db backup - | gzip > news-$(date +%F).db.gz
    """
    import shutil
    import tempfile

    from aggregator.store.backup import backup

    store = parts.read_store(parts.settings())
    if str(file) != "-":
        _step_by_step("copying", store, backup(store, file))
        click.echo(f"{store.name} copied to {file} ({file.stat().st_size:,} bytes)")
        return
    with tempfile.TemporaryDirectory(
        prefix="aggregator-backup-", dir=store.path.parent if store.path else None
    ) as folder:
        whole = Path(folder, "backup.db")
        _step_by_step("copying", store, backup(store, whole))
        with whole.open("rb") as copied:
            shutil.copyfileobj(copied, sys.stdout.buffer)


@db.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def db_restore(file: Path) -> None:
    """Put FILE, made by `db backup`, in the place of the database; the former one stays beside it.

    FILE is read whole first. No service may be running. A PostgreSQL database must be empty.
    """
    from aggregator.console import progress
    from aggregator.store import Store
    from aggregator.store.backup import examine, refill, restore

    config = parts.settings()
    with progress("reading", None):
        kept = examine(file)
    store = Store(config.database_url)
    if store.path is None:
        source = Store(f"sqlite:///{file}")
        _step_by_step("copying", source, refill(store, kept))
        _index(store)
        click.echo(f"{store.name}: {kept.entries} entries of {file}")
        return
    former = restore(store, kept, parts.now())
    click.echo(f"{store.name}: {kept.entries} entries of {file}")
    if former:
        click.echo(f"what was there before is {former}; delete it when all is well")


@db.command("copy")
@click.argument("url")
def db_copy(url: str) -> None:
    """Copy the database into the empty one at URL, SQLite or PostgreSQL, and compare the two.

    Stop the service first: what it stores meanwhile is not in the copy. Broken off, run again it goes on.

    \b
    Example:
      aggregator db copy postgresql+psycopg://news:secret@db.example.org/news
      aggregator db copy sqlite:////srv/news/aggregator.db
    """
    from aggregator.errors import StoreError
    from aggregator.store import Store
    from aggregator.store.copying import copy

    source = parts.read_store(parts.settings())
    target = Store(url)
    if target.url == source.url:
        raise StoreError(f"{source.name} is the database itself; name another one")
    with source.sole_scheduler():
        counts = _step_by_step("copying", source, copy(source, target))
        _index(target)
    for table, rows in counts.items():
        click.echo(f"{table}\t{rows}")
    click.echo(f"{target.name} holds what {source.name} does, rows and checksums compared")
    click.echo("set database.url (AGGREGATOR_DATABASE__URL) to it")


def _step_by_step(label: str, store: "Store", steps: "Iterator[Step]") -> dict[str, int]:
    """Take *steps*, with a bar as long as copying and comparing *store* are; how many rows each table has."""
    from aggregator.console import progress
    from aggregator.store.copying import rows_in

    counts: Counter[str] = Counter()
    with progress(label, 2 * rows_in(store)) as bar:
        for step in steps:
            bar.advance(step.rows)
            if step.is_check:
                counts[step.table] += step.rows
    return counts


def _index(store: "Store") -> None:
    from aggregator.commands.find import catch_up

    catch_up(store)
    store.index.tidy()


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


@db.command("tidy")
@click.option("--dry-run", is_flag=True, help="Delete nothing; say what would go and why.")
def db_tidy(dry_run: bool) -> None:
    """Delete what was kept for long enough, as a running service does each night.

    Entries go by schedule.retention_days and by keep_days of their source or tags; those that a digest lists stay.
    """
    from aggregator.console import progress
    from aggregator.store.retention import Leaving
    from aggregator.tidying import expire, terms_of, tidy

    config = parts.settings()
    terms = terms_of(config, parts.rules(config))
    store = parts.read_store(config)
    verb = "would go" if dry_run else "deleted"
    if dry_run:
        polls, gone = store.sources.outdated(), Leaving()
        with progress("looking", None) as bar:
            for piece in expire(config, store, terms, parts.now(), dry_run=True):
                gone.add(piece)
                bar.advance(piece.total.entries)
    else:
        polls, gone = tidy(config, store, terms, parts.now())
    click.echo(f"{polls} old polls {verb}")
    for reason, amount in sorted(gone.gone.items()):
        why = f"{reason.by} {reason.name}".rstrip()
        click.echo(f"{amount.entries} entries {verb} ({amount.bytes:,} bytes of text): {why}, {reason.days} days")
    for need, count in sorted(gone.needed.items()):
        click.echo(f"{count} older ones stay: a {need} needs them")
    if not gone.gone:
        click.echo("no entry is too old; those of the running month and of the last eight days always stay")
    if store.path and not dry_run:
        click.echo(f"{store.name}: {store.sizes.free():,} bytes of the file are free for new entries")


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
