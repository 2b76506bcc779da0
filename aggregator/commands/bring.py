"""`aggregator import`: subscriptions and entries of other programs, and of other databases of this one."""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from aggregator.commands import parts
from aggregator.commands.folder import replacing
from aggregator.errors import RuleError, SettingsError

if TYPE_CHECKING:
    from aggregator.receive import Offer, Refusal
    from aggregator.settings import Settings
    from aggregator.store import Store
    from aggregator.unpack import Unpacker

DRY = click.option("--dry-run", "dry", is_flag=True, help="Say what would come in, and store nothing.")


@click.group("import")
def import_() -> None:
    """Bring subscriptions and entries in; what is here already is left alone, so it is safe to repeat."""


@import_.command("opml")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@DRY
def import_opml(file: Path, dry: bool) -> None:
    """Follow the feeds that FILE lists: a site file a publisher in instance/sites, folders as tags.

    Of a broken FILE what can be read is taken, and the lines are named. Exit code 1 if there were any.
    """
    from aggregator.follow.catalogue import read_catalogue
    from aggregator.follow.subscriptions import plan
    from aggregator.gather.opml import read_opml
    from aggregator.rules.write import site_toml

    config = parts.settings()
    rules = parts.rules(config)
    found = read_opml(_content(file))
    made = plan(found.outlines, rules, {**read_catalogue(config.instance).sites, **rules.sites})
    faults = [f"{file}:{line}: {reason}" for line, reason in found.faults]
    sources = 0
    for outline, name in made.followed:
        click.echo(f"{outline.feed_url} is followed already, as {name}")
    for site in made.sites:
        try:
            rules = rules.plus(site)
        except RuleError as error:
            faults.append(str(error))
            continue
        if not dry:
            _write_site(config.instance / "sites" / f"{site.name}.toml", site_toml(site))
        sources += len(site.sources)
        for source in site.sources:
            click.echo(f"{source.name}  {site.university}  {source.url}" + "".join(f"  #{tag}" for tag in source.tags))
    for fault in faults:
        click.echo(fault, err=True)
    click.echo(
        f"{sources} feeds {'would be' if dry else 'are'} followed in {len(made.sites)} site files, "
        f"{len(made.followed)} were already" + (f", {len(faults)} could not be read" if faults else "")
    )
    if faults:
        sys.exit(1)


@import_.command("hugo")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@DRY
def import_hugo(folder: Path, dry: bool) -> None:
    """Store the Hugo posts below FOLDER: their permalinks, dates and tags, the faults of their text mended.

    Each must name its article's address, as nankai.info's posts do in their last line. One that cannot be read is
    named with its line and costs no other; exit code 1 if there were any.
    """
    from aggregator.unpack import posts_below

    with _importing(dry) as (_, store, unpacker):
        count = sum(1 for _ in posts_below(str(folder)))
        _bring(store, unpacker.posts(posts_below(str(folder))), "posts", count, dry)


@import_.command("json")
@click.argument("path", type=click.Path(path_type=Path, exists=True), metavar="FILE|DIR")
@DRY
def import_json(path: Path, dry: bool) -> None:
    """Store the entries of a JSON Feed, or of an archive that `export json` wrote, with all that was known of them.

    What cannot be read is named; exit code 1 if there was any.
    """
    from aggregator.receive import Refusal
    from aggregator.unpack import feeds_in

    with _importing(dry) as (_, store, unpacker):

        def offers() -> "Iterable[Offer | Refusal]":
            for one in feeds_in(path):
                if isinstance(one, Refusal):
                    yield one
                else:
                    yield from unpacker.items(one)

        _bring(store, offers(), "items", None, dry)


@import_.command("db")
@click.argument("target", metavar="FILE|URL")
@DRY
def import_db(target: str, dry: bool) -> None:
    """Store the entries of another database of this program: an SQLite FILE or a PostgreSQL address.

    A FILE may have an older schema; it is only read, and a copy of it is upgraded.
    """
    from aggregator.unpack import opened

    with _importing(dry) as (config, store, unpacker), tempfile.TemporaryDirectory(dir=_room(config)) as scratch:
        other = opened(target, Path(scratch))
        try:
            _bring(store, unpacker.entries(other), "entries", other.entries.count(), dry)
        finally:
            other.close()


@contextmanager
def _importing(dry: bool) -> "Iterator[tuple[Settings, Store, Unpacker]]":
    """Our database, its sources as the site files have them now, and what makes entries for it."""
    from aggregator.follow.catalogue import read_catalogue
    from aggregator.follow.homes import Homes
    from aggregator.unpack import Unpacker

    config = parts.settings()
    rules = parts.rules(config)
    with tempfile.TemporaryDirectory() as nowhere:
        store = _dry_store(config, Path(nowhere)) if dry else parts.open_store(config)
        if not dry:
            store.sources.sync(rules.sources, parts.now())
        sites = {**read_catalogue(config.instance).sites, **rules.sites}
        homes = Homes(sites.values(), [state.ref for state in store.counts.of_sources()])
        same = tuple(pair for family in rules.families.values() for pair in family.same)
        try:
            yield config, store, Unpacker(homes, same, urlsplit(config.site.url).hostname, config.zone, parts.now())
        finally:
            store.close()


def _room(config: "Settings") -> Path | None:
    """Where a copy of a database is put: our folder, which has room for one; None (the system's) without one."""
    return config.instance if config.instance.is_dir() else None


def _dry_store(config: "Settings", folder: Path) -> "Store":
    """Our database, only read; where there is none yet, an empty one in *folder*."""
    from aggregator.store import Store

    ours = Store(config.database_url)
    if ours.path is None or ours.path.exists():
        return parts.read_store(config)
    empty = Store(f"sqlite:///{folder}/empty.db")
    empty.upgrade()
    return empty


def _bring(store: "Store", offers: "Iterable[Offer | Refusal]", what: str, total: int | None, dry: bool) -> None:
    """Store what is new of *offers*, say what became of all, and exit with 1 where some could not be read."""
    from aggregator.console import progress
    from aggregator.receive import receive

    with progress(f"importing {what}", total) as bar:

        def complain(refusal: "Refusal") -> None:
            bar.line(str(refusal))

        tally = receive(store, offers, parts.now, on_refusal=complain, on_done=bar.advance, dry=dry)
    click.echo(f"{tally}{'; nothing is stored, for this was a dry run' if dry else ''}")
    if tally.refused:
        sys.exit(1)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error


def _write_site(path: Path, text: str) -> None:
    """A new site file, whole or not at all: half of one would stop the next start."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}; run it again to go on") from error
