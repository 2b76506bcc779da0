"""`aggregator catalogue`: the universities there are, found, shown, switched on and off."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from aggregator.commands import parts
from aggregator.errors import AggregatorError, SettingsError

if TYPE_CHECKING:
    from aggregator.follow.catalogue import Catalogue
    from aggregator.model import Site, SourceRule
    from aggregator.rules.switches import Pick
    from aggregator.settings import Settings

NAMED = 5  # sources whose names are told in one line
JSON = click.option("--json", "as_object", is_flag=True, help="A JSON array instead of text.")


@click.group()
def catalogue() -> None:
    """Universities that come along: find one, switch it on, look whether it can still be read."""


@catalogue.command()
@click.argument("words", nargs=-1)
@click.option("--followed", is_flag=True, help="Only those that are followed here.")
@JSON
def search(words: tuple[str, ...], followed: bool, as_object: bool) -> None:
    """List the universities in which all WORDS are found, Chinese or English; all of them without words.

    \b
    Examples:
      aggregator catalogue search 南开
      aggregator catalogue search nanjing
      aggregator catalogue search 北京 招生
    Exit code 1 when there are none, as grep has it.
    """
    known = known_here()
    found = known.search(" ".join(words)) if words else list(known.sites.values())
    rows = [_row(site, known) for site in found]
    rows = [row for row in rows if row["followed"] or not followed]
    if as_object:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _list(rows)
    if not rows:
        sys.exit(1)


@catalogue.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@JSON
def show(names: tuple[str, ...], as_object: bool) -> None:
    """Show what is known of universities: names, sources, what proved them, and whether they are followed."""
    known = known_here()
    sites = list({site.name: site for site, _ in picked(names, known)}.values())
    rows = [_row(site, known) for site in sites]
    if as_object:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo(f"{click.style(row['university'], bold=True)}  {row['english']}")
        click.echo(f"  aliases: {', '.join(row['aliases'])}")
        click.echo(f"  city: {row['city']} {row['city_english']}".rstrip())
        click.echo(f"  home: {row['home']}")
        click.echo(f"  tags: {', '.join(row['tags'])}")
        click.echo(f"  checked: {row['checked'] or 'never'}" + (f" ({row['proof']})" if row["proof"] else ""))
        click.echo(f"  file: {row['file']}")
        for source in row["sources"]:
            mark = "on " if source["enabled"] else "off"
            click.echo(f"  {mark} {source['name']}  {source['title']}  {source['url']}")
            if source["found"]:
                click.echo(f"      {source['checked']}: {source['found']}; {source['proof']}")
        if not row["sources"]:
            click.echo(f"  no list of its news is known yet: `aggregator catalogue enable {row['name']} --yes` looks")


@catalogue.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", "-y", is_flag=True, help="Where only a home page is known, follow the best list it leads to.")
@click.pass_context
def enable(context: click.Context, names: tuple[str, ...], yes: bool) -> None:
    """Follow universities or single sources: NAME is a university, an alias, a city, a tag, a file or a source.

    Of some universities only the home page is known: with --yes, or when you agree at a terminal, it is visited as
    `aggregator add` does, and what is found there is followed.

    \b
    Examples:
      aggregator catalogue enable 清华大学
      aggregator catalogue enable pku-admission whu
      aggregator catalogue enable 天津          # every university there
      aggregator catalogue enable 招生          # the admissions of all
      aggregator catalogue enable 中央民族大学 --yes
    """
    config = parts.settings()
    known = known_here(config)
    picks = [real for pick in picked(names, known) for real in _with_sources(*pick, known)]
    unread = [site for site, source in picks if source is None and not site.sources]
    ready = [pick for pick in picks if pick[0] not in unread and _can_be_followed(*pick)]
    if ready:
        _switch(ready, known, config, is_on=True)
    found = [_is_found(site, context, yes=yes) for site in unread]
    if ready or any(found):
        return
    if yes and any(site.home for site in unread):  # was looked at, and said to be of no use
        context.exit(1)
    raise SettingsError("there is nothing to switch on")


@catalogue.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def disable(names: tuple[str, ...]) -> None:
    """Follow them no longer; what was collected stays. NAME as for `enable`."""
    config = parts.settings()
    known = known_here(config)
    _switch(picked(names, known), known, config, is_on=False)


def known_here(config: "Settings | None" = None) -> "Catalogue":
    from aggregator.follow.catalogue import read_catalogue
    from aggregator.rules.switches import FILE

    known = read_catalogue((config or parts.settings()).instance)
    if known.strangers:
        click.echo(f"{FILE} names what no file has: {', '.join(known.strangers)}", err=True)
    return known


def picked(names: Sequence[str], known: "Catalogue") -> "list[Pick]":
    """The sites and sources that are meant by *names*; raises SettingsError, RuleError for a file that is broken."""
    from aggregator.errors import RuleError

    picks: list[Pick] = []
    for name in names:
        if name in known.faults:
            raise RuleError(known.faults[name])
        found = known.named(name)
        if not found:
            near = known.near(name)
            advice = f"do you mean {', '.join(near)}?" if near else "`aggregator catalogue search` lists them"
            raise SettingsError(f"nothing in the catalogue is called {name!r}; {advice}")
        picks += [pick for pick in found if pick not in picks]
    return picks


def _row(site: "Site", known: "Catalogue") -> dict[str, Any]:
    """*site* as the commands print it."""
    from aggregator.rules.cities import city_in_english

    here = known.switched(site)
    file = known.files[site.name]
    return {
        "name": site.name,
        "university": site.university,
        "english": site.english,
        "aliases": list(site.aliases),
        "city": site.city,
        "city_english": city_in_english(site.city),
        "home": site.home or "",
        "tags": list(site.tags),
        "followed": any(source.enabled for source in here.sources),
        "checked": site.checked.isoformat() if site.checked else None,
        "proof": site.proof,
        "file": str(file.path) if file.is_own else file.origin,
        "sources": [
            {
                "name": source.name,
                "title": source.title,
                "url": source.url,
                "tags": list(source.tags),
                "enabled": source.enabled,
                **_findings(known, source.name),
            }
            for source in here.sources
        ],
    }


def _findings(known: "Catalogue", name: str) -> dict[str, str | None]:
    found = known.checks.get(name)
    if found is None:
        return {"checked": None, "found": None, "proof": None}
    return {"checked": found.day.isoformat(), "found": found.found, "proof": found.proof}


def _list(rows: Sequence[dict[str, Any]]) -> None:
    from aggregator.console import table

    table(
        ("name", "university", "english", "city", "followed", "sources"),
        [
            (
                row["name"],
                row["university"],
                row["english"],
                row["city"],
                "on" if row["followed"] else "",
                ", ".join(source["name"] for source in row["sources"][:NAMED]),
            )
            for row in rows
        ],
    )


def _switch(picks: "Sequence[Pick]", known: "Catalogue", config: "Settings", *, is_on: bool) -> None:
    from aggregator.identity import identity
    from aggregator.rules import check_across
    from aggregator.rules.switches import Switches, change_switches

    def switched(switches: Switches) -> Switches:
        return switches.enable(picks) if is_on else switches.disable(picks)

    switches = switched(known.switches)
    after = [switches.applied(site) for site in known.sites.values()]
    check_across([site for site in after if site.enabled], known.families)  # the next start would refuse it
    before = {source.name: source.enabled for site in known.sites.values() for source in known.switched(site).sources}
    changed = [source for site in after for source in site.sources if source.enabled != before[source.name]]
    change_switches(config.instance, switched)
    if not changed:
        click.echo(f"nothing changes: {'all of it is followed already' if is_on else 'nothing of it is followed'}")
        return
    there = {identity(source.url): source.name for _, source in known.rules.sources if source.enabled}
    for source in changed:
        click.echo(f"{'on ' if is_on else 'off'} {source.name}  {source.title}  {source.url}")
        if is_on and identity(source.url) in there:
            click.echo(f"    {there[identity(source.url)]} follows the same address: switch one of them off", err=True)
    parts.tell_the_service(config)
    if is_on:
        more = " ..." if len(changed) > NAMED else ""
        click.echo(f"poll now with: aggregator poll {' '.join(one.name for one in changed[:NAMED])}{more}")


def _can_be_followed(site: "Site", source: "SourceRule | None") -> bool:
    """Whether switching it on would follow anything; tells what to do where not."""
    if source is not None or any(one.enabled for one in site.sources):
        return True
    each = ", ".join(one.name for one in site.sources)
    click.echo(f"{site.university}: its addresses are guesses, switch them on one by one: {each}", err=True)
    return False


def _with_sources(site: "Site", source: "SourceRule | None", known: "Catalogue") -> "list[Pick]":
    """That pick; of a university of which only the home page came along, what was found of it since."""
    if source is None and not site.sources:
        found = [one for one in known.sites.values() if one.university == site.university and one.sources]
        return [(one, None) for one in found] or [(site, None)]
    return [(site, source)]


def _is_found(site: "Site", context: click.Context, *, yes: bool) -> bool:
    """Whether a list of *site*'s news, of which none is known, was found at its home page and is followed now."""
    from aggregator.commands.add import add

    if site.home is None:
        click.echo(f"{site.university}: no page of it is known; name one: aggregator add URL", err=True)
        return False
    said = f"{site.university}: no list of its news is known yet, only its home page {site.home}"
    is_asked = sys.stdin.isatty() and sys.stdout.isatty()
    if not yes and not (is_asked and click.confirm(f"{said}. Look for one there?", default=True)):
        again = f"aggregator catalogue enable {site.name} --yes"
        click.echo(f"{said}; look for one there with: {again}, or name the page: aggregator add URL", err=True)
        return False
    click.echo(f"{said}; looking there", err=True)
    try:
        context.invoke(add, url=site.home, university=site.university, yes=yes)
    except AggregatorError as error:  # the next one may have a list
        click.echo(f"{site.university}: {error}", err=True)
        return False
    return True
