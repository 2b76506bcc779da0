"""`aggregator db` and `export`: care for what is stored, and take it along."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from aggregator.commands import parts
from aggregator.errors import SettingsError


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


@click.group()
def export() -> None:
    """Take entries and subscriptions along."""


@export.command("hugo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def export_hugo(folder: Path) -> None:
    """Write every entry as a Hugo post, FOLDER/<slug>.md; files that would not change are left alone.

    \b
    Example:
      aggregator export hugo site/content/posts
    """
    from aggregator.console import progress
    from aggregator.publish.hugo import render_post

    config = parts.settings()
    store = parts.read_store(config)
    written = kept = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with progress("writing", store.entries.count()) as bar:
            for entry in store.entries.walk():
                post = render_post(entry, config.site.name, config.zone).encode()
                path = folder / f"{entry.slug}.md"
                if path.exists() and path.read_bytes() == post:
                    kept += 1
                else:
                    _write_whole(path, post)
                    written += 1
                bar.advance()
    except OSError as error:
        raise SettingsError(
            f"cannot write to {folder}: {error.strerror}; {written} posts are written, run it again to go on"
        ) from error
    click.echo(f"{folder}: {written} posts written, {kept} as they were")


@export.command("static")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--base-url", metavar="URL", help="Public address of the folder; default site.url.")
@click.option("--gzip", "compress", is_flag=True, help="Write a .gz beside each file, for a server's gzip_static.")
def export_static(folder: Path, base_url: str | None, compress: bool) -> None:
    """Write the whole public site as files for any web server or CDN; what did not change is left alone.

    FOLDER must be new, empty, or one that this command wrote. Search needs a server and is left out.

    \b
    Example:
      aggregator export static /srv/www/news --base-url https://news.example.edu.cn --gzip
    """
    from aggregator.console import progress
    from aggregator.instance import at_address
    from aggregator.web.freeze import freeze

    config = parts.settings()
    if base_url:
        config = at_address(config, base_url)
    store = parts.read_store(config)
    with progress("writing", None) as bar:
        done = freeze(config, store, folder, parts.now, compress=compress, written=bar.advance)
    for path in done.foreign:
        click.echo(f"{folder / path} is not ours and stays; remove it to have ours there", err=True)
    click.echo(f"{folder}: {done.written} files written, {done.removed} removed, {done.kept} as they were")


def _write_whole(path: Path, content: bytes) -> None:
    """Write *path* whole or not at all, so that a full disk leaves no half post."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@export.command("opml")
def export_opml() -> None:
    """Print what we read as OPML, for another reader."""
    from aggregator.publish.opml import render_sources

    config = parts.settings()
    store = parts.read_store(config)
    store.sources.sync(parts.rules(config).sources, parts.now())
    states = [state for state in store.sources.all(polls=0) if state.source.enabled]
    feeds = {state.source.name for state in states if (state.source.found_kind or state.source.kind) == "feed"}
    click.echo(render_sources(config.site.name, config.site.url, [state.ref for state in states], feeds), nl=False)


@export.command("json")
def export_json() -> None:
    """Print every entry as one JSON Feed document, newest first."""
    from aggregator.model import FeedInfo
    from aggregator.publish.jsonfeed import pieces

    config = parts.settings()
    store = parts.read_store(config)
    url = config.site.url
    newest = max((entry.updated for entry in store.entries.newest(1)), default=datetime(2000, 1, 1, tzinfo=UTC))
    info = FeedInfo(f"{url}/feed.json", config.site.name, f"{url}/", f"{url}/feed.json", url, newest)
    for piece in pieces(info, store.entries.walk()):
        click.echo(piece, nl=False)
    click.echo()
