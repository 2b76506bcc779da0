"""`aggregator retag` and `tags`: topics as the rules tell them, told again for what is stored; tags renamed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts
from aggregator.errors import NotFound, RuleError

if TYPE_CHECKING:
    from aggregator.model import Taxonomy
    from aggregator.settings import Settings
    from aggregator.store import Store


SUGGESTED_FROM = 5000  # newest entries


@click.command()
@click.option("--anew", is_flag=True, help="Begin with the first entry, though an earlier run was broken off.")
def retag(anew: bool) -> None:
    """Tag all stored entries as today's rules say; feeds, counts and search follow. Safe to break off and run again.

    \b
    Example, after a change of instance/tags.toml:
      aggregator tags check && aggregator retag
    """
    from aggregator import tagging
    from aggregator.console import progress

    config = parts.settings()
    known = parts.rules(config)
    store = parts.open_store(config)
    store.sources.sync(known.sources, parts.now())
    with progress("tagging", store.entries.count()) as bar:
        done = tagging.retag(config.instance, store, parts.now, anew=anew, told=bar.advance)
    click.echo(f"{done.entries} entries looked at, {done.changed} have other tags now")
    store.close()


@click.group()
def tags() -> None:
    """Look at the rules of tags, and rename tags."""


@tags.command("list")
def tags_list() -> None:
    """Every tag with the entries it has, fullest first; topics with their English names and parents."""
    from aggregator.console import table
    from aggregator.rules.tags import load_taxonomy

    config = parts.settings()
    taxonomy = load_taxonomy(config.instance)
    counts = {one.name: one.entry_count for one in parts.read_store(config).entries.tags()}
    names = sorted({*counts, *taxonomy.topics}, key=lambda name: (-counts.get(name, 0), name))
    rows = []
    for name in names:
        topic = taxonomy.topics.get(name)
        about = (topic.english, " ".join(topic.parents), " ".join(topic.aliases)) if topic else ("", "", "")
        rows.append((str(counts.get(name, 0)), name, *about))
    table(("entries", "tag", "English", "parents", "aliases"), rows)


@tags.command("check")
def tags_check() -> None:
    """Read the rules of tags, and say what each would tag of the newest entries; exit code 2 if they cannot be used."""
    from aggregator import tagging
    from aggregator.classify.tag import Tagger
    from aggregator.console import table

    config = parts.settings()
    taxonomy = _checked(config)
    tagger = Tagger(taxonomy)
    click.echo(f"{len(taxonomy.topics)} topics, {len(taxonomy.aliases)} other names: the rules go together")
    store = parts.read_store(config)
    entries = store.tagging.newest(tagging.SAMPLE, tagging.letters_read(tagger))
    shares = tagging.shares(tagger, entries)
    if shares:
        click.echo(f"of the newest {len(entries)} entries their words tag:")
        table(("share", "tag"), [(f"{share:.1%}", name) for name, share in shares.items()])
    tagging.refuse_broad(tagger, config.instance, store)
    click.echo(tagging.untagged(config.instance, store) or "stored entries have the tags of these rules")


@tags.command("suggest")
@click.option("--least", type=click.IntRange(1), default=5, show_default=True, help="Entries that a name must be in.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Names shown.")
def tags_suggest(least: int, limit: int) -> None:
    """People, places and organisations that the newest entries name and that are no tags; a rule makes one.

    Needs the extra `keywords`: pip install '.[keywords]'
    """
    from aggregator.classify.names import names_in
    from aggregator.classify.tag import LEAD
    from aggregator.console import table
    from aggregator.rules.tags import load_taxonomy

    config = parts.settings()
    taxonomy = load_taxonomy(config.instance)
    store = parts.read_store(config)
    known = {one.name for one in store.entries.tags()} | set(taxonomy.topics) | set(taxonomy.aliases)
    found = names_in((f"{one.title}\n{one.text}" for one in store.tagging.newest(SUGGESTED_FROM, LEAD)), least)
    new = [one for one in found if one.name not in known]
    table(("entries", "name", "kind"), [(str(one.texts), one.name, one.kind) for one in new[:limit]])


@tags.command("rename")
@click.argument("old")
@click.argument("new")
def tags_rename(old: str, new: str) -> None:
    """Call the tag OLD NEW from now on. Addresses, feeds and expressions with OLD lead to NEW.

    \b
    Example:
      aggregator tags rename 学术讲座 讲座
    """
    from aggregator.rules.tags import fingerprint
    from aggregator.tagging import untagged

    with _opened() as (config, store, taxonomy):
        if new in taxonomy.topics or _has(store, new):
            raise RuleError(f"there is a tag {new!r} already; `aggregator tags merge {old} {new}` joins the two")
        left = untagged(config.instance, store)
        _rename(config, store, taxonomy, old, new)
        if not left:  # a retag would find every entry as it should be
            rules = fingerprint(config.instance)
            store.tagging.begin(rules, anew=True)
            store.tagging.end(rules, parts.now())


@tags.command("merge")
@click.argument("old")
@click.argument("into")
def tags_merge(old: str, into: str) -> None:
    """Let the tag OLD be part of INTO: its entries, rules and addresses.

    \b
    Example:
      aggregator tags merge 讲座与展览 学术讲座
    """
    with _opened() as (config, store, taxonomy):
        if into in taxonomy.aliases:
            raise RuleError(f"{into!r} is another name of {taxonomy.aliases[into]!r}; name that one")
        if into not in taxonomy.topics and not _has(store, into):
            raise NotFound(
                f"there is no tag called {into!r}; `aggregator tags rename {old} {into}` makes it", kind="tag"
            )
        _rename(config, store, taxonomy, old, into)


@contextmanager
def _opened() -> "Iterator[tuple[Settings, Store, Taxonomy]]":
    """What renaming needs, as it stands; nobody else of this instance renames meanwhile."""
    from aggregator.rules.files import alone
    from aggregator.rules.tags import load_taxonomy

    config = parts.settings()
    with closing(parts.open_store(config)) as store, alone(config.instance):
        yield config, store, load_taxonomy(config.instance)


def _rename(config: "Settings", store: "Store", taxonomy: "Taxonomy", old: str, new: str) -> None:
    """Write it down for what comes, then change what is stored: killed in between, `retag` does the rest."""
    from aggregator.query import UNUSABLE
    from aggregator.rules.tags import load_taxonomy, read_renamed, write_renamed

    if old == new or not new.strip() or UNUSABLE.search(new):
        raise RuleError(f"{new!r} is no other name for a tag")
    if old in store.names.universities():
        raise RuleError(f"{old} is a university, whose name its site file says; change it there")
    if old not in taxonomy.topics and not _has(store, old):
        store.names.resolve([old])  # raises NotFound, with what is near
        raise RuleError(f"{old!r} is another name of a tag itself; rename the tag")
    before = read_renamed(config.instance)
    write_renamed(config.instance, {name: meant for name, meant in before.items() if name != new} | {old: new})
    try:
        aliases = load_taxonomy(config.instance).aliases
    except RuleError:
        write_renamed(config.instance, before)
        raise
    moved = store.tagging.rename(old, new)
    store.tagging.keep_aliases(aliases)
    click.echo(f"{old} is {new} now; {moved} entries had it")


def _has(store: "Store", name: str) -> bool:
    return any(one.name == name for one in store.entries.tags())


def _checked(config: "Settings") -> "Taxonomy":
    """The rules of tags, if they go with the site files; raises RuleError."""
    from aggregator.rules.tags import check_sites, load_taxonomy

    taxonomy = load_taxonomy(config.instance)
    check_sites(taxonomy, parts.rules(config).sites.values())
    return taxonomy
