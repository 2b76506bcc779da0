"""`aggregator add`: follow one more page, with questions at a terminal, without in a script."""

import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts
from aggregator.commands.look import day_text, show_listing, visitable
from aggregator.errors import SettingsError

if TYPE_CHECKING:
    from aggregator.follow.catalogue import Catalogue
    from aggregator.follow.explore import Exploration, Find
    from aggregator.settings import Settings

PREVIEWED = 3  # titles of each find


def _address(context: click.Context, parameter: click.Parameter, given: str) -> str:
    """The address, also where it is written as people say it: www.example.edu.cn."""
    is_short = "://" not in given and re.match(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|$)", given)
    return visitable(context, parameter, f"http://{given}" if is_short else given)


@click.command()
@click.argument("url", callback=_address)
@click.option("--name", help="The source's name, part of its address; made from URL when left out.")
@click.option("--tag", "tags", multiple=True, help="A tag for its entries; may be repeated.")
@click.option("--university", help="The university; recognised by the host and by what the pages say when left out.")
@click.option("--intranet", is_flag=True, help="Private addresses may be visited on this page's own domain.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: take the best that is found.")
@click.option("--dry-run", is_flag=True, help="Show what is found and write nothing.")
def add(
    url: str, name: str | None, tags: tuple[str, ...], university: str | None, intranet: bool, yes: bool, dry_run: bool
) -> None:
    """Follow one more page: find its feed or list, or those its home page leads to, and write a site file.

    At a terminal it asks which to follow and what to call it; in a pipe, or with --yes, it takes the best.

    \b
    Examples:
      aggregator add https://www.example.edu.cn/
      aggregator add https://jwc.example.edu.cn/tzgg.htm --yes
      aggregator add https://news.example.edu.cn/ --name example-news --tag 要闻 --university 示例大学
    """
    from aggregator.follow.catalogue import read_catalogue
    from aggregator.follow.enrol import check, enrol, free_name, site_of, university_at

    config = parts.settings()
    known = read_catalogue(config.instance)
    asks = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    if _is_settled(url, known, config, enables=yes, asks=asks) or _is_at_home(url, known, config, asks=asks):
        return
    if sys.stderr.isatty():
        click.echo(f"looking at {url} and around it, one request at a time ...", err=True)
    explored = asyncio.run(_explored(url, known, config, is_intranet=intranet))
    if explored.trouble:
        click.echo(f"{explored.trouble}; but this is found around it:")
    _show(explored, known, config)
    if dry_run:
        return
    if asks:
        chosen = _chosen(explored, known)
        free = free_name(chosen[0].url, known)
        name = name or click.prompt("Name, part of its address", default=free, value_proc=_usable_name)
        university = university or click.prompt("University", default=university_at(explored, known))
        tags = tags or tuple(click.prompt("Further tags, with blanks between", default="", show_default=False).split())
    else:
        chosen = explored.finds[:1]
        if _is_settled(chosen[0].url, known, config, enables=yes, asks=False):
            return
    university = _written(university, known) if university else university_at(explored, known)
    site = site_of(chosen, known, university=university, name=name, tags=tags, is_intranet=intranet)
    check(site, known)
    for find in chosen:
        click.echo()
        show_listing(find.listing, config)
    if asks:
        click.confirm(f"\nFollow {'this' if len(chosen) == 1 else 'these'} as news of {university}?", True, abort=True)
    path = enrol(config.instance, site, chosen, parts.now())
    parts.tell_the_service(config)
    _say_done(path, chosen, [source.name for source in site.sources])


async def _explored(url: str, known: "Catalogue", config: "Settings", *, is_intranet: bool) -> "Exploration":
    from aggregator.follow.explore import explore
    from aggregator.gather.fetch import Fetcher

    async with Fetcher(config.fetch, config.user_agent, own=config.own_ports) as fetcher:
        return await explore(fetcher, url, known, timezone=config.zone, now=parts.now(), is_intranet=is_intranet)


def _is_settled(url: str, known: "Catalogue", config: "Settings", *, enables: bool, asks: bool) -> bool:
    """Whether *url* is known and was switched on just now. Raises SettingsError where it is followed, or stays off."""
    from aggregator.follow.enrol import followed_by
    from aggregator.rules.switches import change_switches

    found = followed_by(known, url)
    if found is None:
        return False
    site, source = found
    if known.follows(site, source):
        raise SettingsError(f"{url} is followed already, as {source.name!r}; poll it, or edit its site file")
    said = f"{url} is in the catalogue as {source.name!r} ({site.university}, {source.title}), switched off"
    if not enables and not (asks and click.confirm(f"{said}. Switch it on?", default=True)):
        raise SettingsError(f"{said}; `aggregator catalogue enable {source.name}` switches it on")
    change_switches(config.instance, lambda switches: switches.enable([found]))
    parts.tell_the_service(config)
    click.echo(f"switched {source.name} on\npoll it now with: aggregator poll {source.name}")
    return True


def _is_at_home(url: str, known: "Catalogue", config: "Settings", *, asks: bool) -> bool:
    """Whether *url* is a known university's, whose sources were switched on just now instead."""
    from aggregator.follow.enrol import home_of
    from aggregator.rules.switches import change_switches

    site = home_of(known, url)
    if site is None or not site.sources or any(known.follows(site, source) for source in site.sources):
        return False
    said = f"{site.university} is in the catalogue with {len(site.sources)} sources, switched off"
    if not asks:
        click.echo(
            f"{said}: `aggregator catalogue enable {site.name}` switches them on; this looks at the page itself\n"
        )
        return False
    if not click.confirm(f"{said}. Switch them on, instead of looking at the page?", default=True):
        return False
    change_switches(config.instance, lambda switches: switches.enable([(site, None)]))
    parts.tell_the_service(config)
    click.echo(f"switched {site.name} on\npoll it now with: aggregator poll")
    return True


def _show(explored: "Exploration", known: "Catalogue", config: "Settings") -> None:
    from aggregator.console import table
    from aggregator.follow.enrol import followed_by

    rows = []
    for number, find in enumerate(explored.finds, 1):
        found = followed_by(known, find.url)
        state = "" if found is None else "followed" if known.follows(*found) else "switched off"
        rows.append(
            (
                str(number),
                find.sureness,
                find.listing.kind,
                f"{len(find.listing.items)}, {find.dated} dated",
                day_text(find.newest, "day", config),
                find.title + (f" ({state}: {found[1].name})" if found else ""),
                find.url,
            )
        )
    table(("", "", "kind", "items", "newest", "title", "address"), rows)
    if len(explored.finds) > 1:
        for number, find in enumerate(explored.finds, 1):
            click.echo(f"\n{number}. {find.title or find.url}")
            for item in find.listing.items[:PREVIEWED]:
                click.echo(f"   {day_text(item.published, item.precision, config):<10}  {item.title}")


def _chosen(explored: "Exploration", known: "Catalogue") -> "Sequence[Find]":
    from aggregator.follow.enrol import followed_by

    finds = explored.finds
    free = [number for number, find in enumerate(finds, 1) if followed_by(known, find.url) is None]
    if not free:
        raise SettingsError(f"all that is found at {explored.url} is known already, as is said above")
    if len(finds) == 1:
        return finds

    def numbers(text: str) -> list[int]:
        wanted = [int(one) if one.isdigit() else 0 for one in text.replace(",", " ").split()]
        if not wanted or not all(one in free for one in wanted):
            raise click.BadParameter(f"one or more of {', '.join(map(str, free))}, please")
        return list(dict.fromkeys(wanted))

    click.echo()
    picked = click.prompt("Which shall be followed (one or more numbers)", default=str(free[0]), value_proc=numbers)
    return [finds[number - 1] for number in picked]


def _usable_name(text: str) -> str:
    from aggregator.rules import NAME

    if not NAME.fullmatch(text):
        raise click.BadParameter("lower-case letters, digits, '.', '_' or '-', at most 64 of them, please")
    return text


def _written(university: str, known: "Catalogue") -> str:
    """*university* by its full name, where it is a known one's alias."""
    sites = {site.university for site, source in known.named(university) if source is None}
    names = {
        name for site in known.sites.values() if site.university in sites for name in (site.english, *site.aliases)
    }
    return sites.pop() if len(sites) == 1 and university in names else university


def _say_done(path: Path, chosen: "Sequence[Find]", names: Sequence[str]) -> None:
    if doubtful := [find.url for find in chosen if find.sureness == "doubtful"]:
        click.echo(f"\nthat {', '.join(doubtful)} is a list of news is doubtful: look at what stands above")
    click.echo(f"\nwrote {path}\npoll it now with: aggregator poll {' '.join(names)}")
    click.echo(f"compare the page with today's, whenever: aggregator try {names[0]}")
