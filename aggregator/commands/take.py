"""`aggregator export`: entries, subscriptions and kept responses as files, for other programs and for leaving.

A file is whole or not there at all; a run that was broken off is begun again and writes what is missing.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts
from aggregator.commands.folder import Folder, replacing, told

if TYPE_CHECKING:
    from aggregator.model import FeedInfo, Parcel
    from aggregator.settings import Settings
    from aggregator.store import Store

PRUNE = click.option("--prune", is_flag=True, help="Remove what an earlier run wrote and what is gone since.")


@click.group()
def export() -> None:
    """Take entries and subscriptions along."""


@export.command("hugo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@PRUNE
def export_hugo(folder: Path, prune: bool) -> None:
    """Write every entry as a Hugo post, FOLDER/<slug>.md; only what changed is written again.

    A FOLDER that is not the content of a site gets a hugo.toml and layouts, once: `hugo -s FOLDER` builds it.

    \b
    Examples:
      aggregator export hugo posts && hugo -s posts
      aggregator export hugo site/content/posts
    """
    from aggregator.publish import hugo_site
    from aggregator.publish.hugo import render_post

    config = parts.settings()
    site = config.site
    beside: Mapping[str, str] = {}
    if not any((place / name).exists() for place in folder.absolute().parents for name in HUGO_CONFIGS):
        beside = hugo_site.files(site.name, site.url, site.language, site.timezone)
    _write_pages(
        config,
        folder,
        lambda parcel: f"{parcel.entry.slug}.md",
        lambda parcel: render_post(parcel.entry, site.name, config.zone, parcel.front),
        "posts",
        prune,
        beside,
    )


@export.command("markdown")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@PRUNE
def export_markdown(folder: Path, prune: bool) -> None:
    """Write every entry as a page of Markdown, FOLDER/<source>/<year>/<day>-<slug>.md; only what changed again."""
    from aggregator.publish.markdown import path, render_page

    config = parts.settings()
    _write_pages(
        config,
        folder,
        lambda parcel: path(parcel.entry, config.zone),
        lambda parcel: render_page(parcel.entry, config.zone),
        "pages",
        prune,
    )


@export.command("json")
@click.argument("target", type=click.Path(path_type=Path), required=False, metavar="[FILE|DIR]")
@click.option("--withheld", is_flag=True, help="With the texts that are withheld, too: for a move of your own.")
def export_json(target: Path | None, withheld: bool) -> None:
    """Write every entry, whole, as JSON Feed that `import json` reads back: to FILE, to pages in DIR, or print it.

    A name that ends in .json is a FILE. In DIR index.json names the pages; only those that changed are written again.
    Where schedule.removed is "withhold", texts that their publishers removed are left out.
    """
    from aggregator.publish.parcels import pieces

    config = parts.settings()
    shown = _Shown(hides=config.schedule.removed == "withhold" and not withheld)
    with closing(parts.read_store(config)) as store:
        info = _info(config, store)
        if target is None:
            for piece in pieces(info, map(shown, store.parcels.walk())):
                click.echo(piece, nl=False)
        elif target.suffix != ".json" and not target.is_file():
            _write_archive(target, store, info, shown)
        else:
            with told(target), _counted(store) as parcels, replacing(target) as file:
                for piece in pieces(info, map(shown, parcels)):
                    file.write(piece.encode())
            click.echo(f"{target}: {store.entries.count()} entries")
    if shown.hidden:
        click.echo(f"the withheld texts of {shown.hidden} entries are left out; --withheld takes them along", err=True)


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


@export.command("warc")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export_warc(file: Path) -> None:
    """Write the responses that are kept as a WARC file, gzipped where FILE ends in .gz.

    These are the ones that prove the sources' health, and the pages and pictures of the archive.
    """
    from aggregator.commands.archive import opened
    from aggregator.publish.warc import Exchange, write_warc

    config = parts.settings()
    with closing(parts.read_store(config)) as store, told(file), replacing(file) as part:
        proofs = (
            Exchange(one.url, one.fetched_at, one.status, tuple(one.headers.items()), one.body, one.is_cut)
            for one in store.breaks.proofs()
        )
        archived = (
            Exchange(url, found.kept_at, 200, (("content-type", found.content_type),), body)
            for url, found, body in opened(config, store, parts.rules(config)).walk()
        )
        exchanges = chain(proofs, archived)
        compress = file.suffix == ".gz"
        count = write_warc(part, exchanges, name=file.name, software="aggregator", compress=compress)
    click.echo(f"{file}: {count} responses")


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


# ---------------------------------------------------------------- how

HUGO_CONFIGS = ("hugo.toml", "hugo.yaml", "hugo.json", "config.toml", "config.yaml", "config.json", "config/_default")
LAYOUT = 1  # raise it when the same entry gives another page: all are written anew then
PAGE = 1000  # ids in one page of an archive


def _write_pages(
    config: "Settings",
    folder: Path,
    name: "Callable[[Parcel], str]",
    render: "Callable[[Parcel], str]",
    what: str,
    prune: bool,
    beside: Mapping[str, str] | None = None,
) -> None:
    """One file an entry; those that were made of the same are left alone."""
    base = f"{version('aggregator')} {LAYOUT} {what} {config.site.name} {config.zone.key}"
    with closing(parts.read_store(config)) as store, told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        done = Folder(folder)
        is_whole = False
        try:
            done.write_once(beside or {})
            with _counted(store) as parcels:
                for parcel in parcels:
                    path, fact = name(parcel), f"{base} {parcel!r}"
                    if not done.has(path, fact):
                        done.write(path, render(parcel).encode("utf-8", "ignore"), fact)
            is_whole = True
        finally:
            done.close(prune=prune, is_whole=is_whole)
    removed = f", {done.removed} removed" if prune else ""
    click.echo(f"{folder}: {done.written} {what} written, {done.kept} as they were{removed}")


class _Shown:
    """Entries as those may see them for whom the archive is; *hidden* counts the texts that were left out."""

    def __init__(self, *, hides: bool) -> None:
        self._hides = hides
        self.hidden = 0

    def __call__(self, parcel: "Parcel") -> "Parcel":
        from aggregator.publish.parcels import without_texts

        if not (self._hides and parcel.is_withheld):
            return parcel
        self.hidden += 1
        return without_texts(parcel)


def _write_archive(target: Path, store: "Store", info: "FeedInfo", shown: _Shown) -> None:
    """Pages of entries by their numbers, so that an old page stays as it is; and an index, which comes last."""
    from aggregator.publish.parcels import index, pieces

    pages: list[dict[str, object]] = []
    is_whole = False
    with told(target):
        target.mkdir(parents=True, exist_ok=True)
        done = Folder(target)
        try:
            with _counted(store) as parcels:
                for number, group in groupby(map(shown, parcels), lambda parcel: (parcel.entry.id - 1) // PAGE + 1):
                    entries = list(group)
                    content = "".join(pieces(info, entries)).encode()
                    name = f"entries-{number:06}.json"
                    done.write(name, content, "")
                    digest = hashlib.sha256(content).hexdigest()
                    pages.append({"file": name, "entries": len(entries), "sha256": digest})
            done.write("index.json", index(info, pages).encode(), "")
            is_whole = True
        finally:
            done.close(prune=True, is_whole=is_whole)
    count = sum(int(str(page["entries"])) for page in pages)
    click.echo(
        f"{target}: {count} entries in {len(pages)} page{'' if len(pages) == 1 else 's'}; "
        f"{done.written} files written, {done.kept} as they were"
    )


@contextmanager
def _counted(store: "Store") -> "Iterator[Iterator[Parcel]]":
    """Every entry, with a bar that shows how far one is."""
    from aggregator.console import progress

    with progress("writing", store.entries.count()) as bar:

        def walk() -> "Iterator[Parcel]":
            for parcel in store.parcels.walk():
                yield parcel
                bar.advance()

        yield walk()


def _info(config: "Settings", store: "Store") -> "FeedInfo":
    from aggregator.model import FeedInfo

    url = config.site.url
    newest = max((entry.updated for entry in store.entries.newest(1)), default=datetime(2000, 1, 1, tzinfo=UTC))
    return FeedInfo(f"{url}/feed.json", config.site.name, f"{url}/", f"{url}/feed.json", url, newest)
