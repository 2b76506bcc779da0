"""`aggregator catalogue check`: visit what comes along, tell whether it can be read, write down what was found."""

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from aggregator.commands import parts
from aggregator.commands.catalogue import known_here, picked
from aggregator.errors import SettingsError

if TYPE_CHECKING:
    from aggregator.follow.catalogue import Catalogue
    from aggregator.follow.survey import Seen
    from aggregator.model import Checked, Site, SourceRule
    from aggregator.rules.switches import Pick
    from aggregator.settings import Settings


def _days(context: click.Context, parameter: click.Parameter, given: str | None) -> timedelta | None:
    if given is None:
        return None
    found = re.fullmatch(r"(\d{1,5})\s*d?", given.strip())
    if not found:
        raise click.BadParameter(f"{given!r} is no number of days like 30d", context, parameter)
    return timedelta(days=int(found[1]))


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--older-than",
    "age",
    callback=_days,
    metavar="DAYS",
    help="Only what nobody has looked at for so long: 30d. A check that was stopped goes on with it.",
)
@click.option(
    "--diff", is_flag=True, help="Print corrected site files as a unified diff, the findings to standard error."
)
@click.option(
    "--write",
    is_flag=True,
    help="Write corrected site files into the instance folder, where they stand for the shipped ones.",
)
@click.option("--json", "as_object", is_flag=True, help="A JSON array at the end instead of a line each.")
def check(names: tuple[str, ...], age: timedelta | None, diff: bool, write: bool, as_object: bool) -> None:
    """Visit sources of the catalogue and tell which work, moved, were redesigned, are blocked; without NAME all.

    Writes day and proof of each into checked.toml of the instance folder, one university after the other: what is
    stopped goes on with --older-than. Looks for what moved where its home page leads.

    \b
    Examples:
      aggregator catalogue check 清华大学 whu
      aggregator catalogue check --older-than 30d
      aggregator catalogue check pku --diff > pku.patch
    Exit code 1 when none of them works.
    """
    if as_object and diff:
        raise click.UsageError("--json and --diff both print to standard output; choose one")
    config = parts.settings()
    known = known_here(config)
    today = parts.now().astimezone(config.zone).date()
    wanted = _wanted(names, known, today - age if age is not None else None)
    faults = {name: fault for name, fault in known.faults.items() if not names or name in names}
    for fault in faults.values():
        click.echo(f"unusable  {fault}", err=True)
    if not wanted:
        click.echo("nothing is to be checked", err=True)
        sys.exit(1 if faults else 0)
    rows = _checked(wanted, known, config, today, is_quiet=as_object, is_diff=diff, is_written=write)
    if as_object:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    counts = Counter(row["found"] for row in rows)
    click.echo(f"{len(rows)} checked: {', '.join(f'{count} {word}' for word, count in counts.most_common())}", err=True)
    if not counts["working"]:
        sys.exit(1)


def _wanted(names: Sequence[str], known: "Catalogue", until: date | None) -> "list[tuple[Site, list[SourceRule]]]":
    """What is to be checked, by site: of *names*, and where there is an *until*, not looked at since."""
    picks: list[Pick] = (
        picked([name for name in names if name not in known.faults], known)
        if names
        else [(site, None) for site in known.sites.values()]
    )
    asked: dict[str, list[SourceRule]] = {}
    for site, source in picks:
        sources = asked.setdefault(site.name, [])
        sources += [one for one in ([source] if source else site.sources) if one not in sources]

    def is_due(site: "Site", name: str) -> bool:
        if until is None:
            return True
        if name in known.checks:
            return known.checks[name].day <= until
        # once something of it was looked at from here, the site's own day is that of the look
        is_first = not any(one.name in known.checks for one in site.sources)
        return not (is_first and site.checked) or site.checked <= until

    wanted = []
    for name, sources in asked.items():
        site = known.sites[name]
        due = [source for source in sources if is_due(site, source.name)]
        if due or (not site.sources and is_due(site, site.name)):
            wanted.append((site, due))
    return wanted


def _checked(
    wanted: "Sequence[tuple[Site, list[SourceRule]]]",
    known: "Catalogue",
    config: "Settings",
    today: date,
    *,
    is_quiet: bool,
    is_diff: bool,
    is_written: bool,
) -> list[dict[str, Any]]:
    """Visit what is *wanted* with progress, write down what is found, and give it as rows."""
    from aggregator.console import coloured, progress
    from aggregator.follow.survey import Survey
    from aggregator.gather.fetch import Fetcher
    from aggregator.identity import turn_of

    rows: list[dict[str, Any]] = []
    hosts = {turn_of(one.url) for _, sources in wanted for one in sources}
    notes = Notes(known, config, len(hosts), is_diff=is_diff, is_written=is_written)
    with progress("checking", sum(len(sources) or 1 for _, sources in wanted)) as bar:

        async def work() -> None:
            gate = asyncio.Semaphore(config.fetch.concurrency)
            async with Fetcher(config.fetch, config.user_agent, own=config.own_ports) as fetcher:
                survey = Survey(fetcher, known, parts.now(), today)

                async def look(site: "Site", sources: "list[SourceRule]") -> None:
                    async with gate:
                        seen = await survey.look(site, sources)
                    for one in seen:
                        rows.append(_found(site, one))
                        where = f"now at {one.url}" if one.url else ""
                        said = (one.source.name, coloured(one.checked.found), one.checked.proof, where)
                        if is_diff:
                            click.echo("  ".join(filter(None, said)), err=True)
                        elif not is_quiet:
                            bar.line("  ".join(filter(None, said)))
                    bar.advance(len(sources) or 1)
                    notes.take(site, seen)

                await asyncio.gather(*(look(site, sources) for site, sources in wanted))

        asyncio.run(work())
    notes.close()
    return rows


def _found(site: "Site", seen: "Seen") -> dict[str, Any]:
    return {
        "site": site.name,
        "university": site.university,
        "source": seen.source.name,
        "url": seen.source.url,
        "found": seen.checked.found,
        "proof": seen.checked.proof,
        "now_at": seen.url,
    }


class Notes:
    """Writes down what is found, university by university; nothing of it where it is our own network that fails."""

    def __init__(self, known: "Catalogue", config: "Settings", hosts: int, *, is_diff: bool, is_written: bool) -> None:
        from aggregator.visit.connectivity import Connectivity

        self._known = known
        self._folder = config.instance
        self._network = Connectivity(hosts)
        self._silent: list[tuple[Site, list[Seen]]] = []  # of which no host answered
        self._is_diff = is_diff
        self._is_written = is_written

    def take(self, site: "Site", seen: "list[Seen]") -> None:
        from aggregator.identity import turn_of
        from aggregator.visit.connectivity import CAUSES

        for one in seen:
            found = one.checked.found
            self._network.heard(turn_of(one.source.url), found if found in CAUSES else None)
        self._silent.append((site, seen))
        if any(one.checked.found not in CAUSES for one in seen):
            self._keep()

    def close(self) -> None:
        if self._silent and self._network.is_down:
            click.echo(
                f"{len(self._silent)} universities are not written down: no host answers, our own network fails",
                err=True,
            )
            return
        self._keep()

    def _keep(self) -> None:
        from aggregator.rules.checked import add_checked

        checks: dict[str, Checked] = {}
        for site, seen in self._silent:
            if site.sources:
                checks |= {one.source.name: one.checked for one in seen}
            else:
                checks[site.name] = seen[0].checked
        if self._silent:
            add_checked(self._folder, checks)
        for site, seen in self._silent:
            self._correct(site, seen)
        self._silent = []

    def _correct(self, site: "Site", seen: "list[Seen]") -> None:
        from aggregator.follow.survey import corrected, difference
        from aggregator.rules.checked import read_checked

        if not (self._is_diff or self._is_written):
            return
        file = self._known.files[site.name]
        text = corrected(file, seen, read_checked(self._folder))
        if self._is_diff:
            click.echo(difference(file, text), nl=False)
        if self._is_written and text != file.text:
            path = self._folder / "sites" / f"{site.name}.toml"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
            except OSError as error:
                raise SettingsError(f"cannot write {path}: {error.strerror}") from error
            click.echo(f"wrote {path}", err=True)
