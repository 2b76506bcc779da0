"""`aggregator poll`: collect now."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from time import monotonic, process_time
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts
from aggregator.errors import SettingsError

if TYPE_CHECKING:
    from aggregator.model import Source, Visit
    from aggregator.rules import Rules
    from aggregator.settings import Settings
    from aggregator.store import Store
    from aggregator.store.leases import Holder


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All enabled sources, due or not.")
def poll(names: tuple[str, ...], everything: bool) -> None:
    """Poll the sources that are due, or the named ones, or all; a line a source, then a summary.

    \b
    Examples:
      aggregator poll                  # what is due: for a cron without `run`
      aggregator poll nankai-ywsd      # this one, now
      aggregator poll --all
    Exit code 1 when every poll failed.
    """
    from aggregator.visit.turns import furthest

    config = parts.settings()
    known = parts.rules(config)
    store = parts.open_store(config)
    store.sources.sync(known.sources, parts.now())
    store.clock.mend(parts.now(), **furthest(config, [rule for _, rule in known.sources]))
    wanted: list[str] | None = list(names) or None
    if everything:
        wanted = [rule.name for _, rule in known.sources if rule.enabled]
    _check_names(names, known)
    if wanted is None and not (due := store.sources.due_count(parts.now())):
        later = store.sources.next_due_at()
        holders = store.leases.holders(parts.now())
        if later and later <= parts.now() and holders:
            _say_held(holders, config)
        else:
            at = f"; next at {later.astimezone(config.zone):%Y-%m-%d %H:%M}" if later else ""
            click.echo("nothing is due" + at)
        return
    failed, total = _poll(config, known, store, wanted, len(wanted) if wanted is not None else due)
    store.close()
    if total and failed == total:
        sys.exit(1)


def _poll(config: "Settings", known: "Rules", store: "Store", names: list[str] | None, total: int) -> tuple[int, int]:
    """Poll with progress; (failed, polled)."""
    from aggregator.console import coloured, progress
    from aggregator.gather.fetch import Fetcher
    from aggregator.poll import Poller

    logging.getLogger("aggregator.poll").setLevel(logging.WARNING)  # the lines below say the same
    outcomes: dict[str, int] = {}
    entries = looks = 0
    held: list[Holder] = []
    started, spent = monotonic(), process_time()

    with progress("polling", total) as bar:

        def report(source: "Source", visit: "Visit", brought: int) -> None:
            nonlocal entries, looks
            if visit.is_of_articles:
                looks += len(visit.looked)
                changed = sum(bool(one.changes) for one in visit.looked)
                bar.line(f"{source.name}  {len(visit.looked)} articles looked at again, {changed} changed")
                bar.advance()
                return
            entries += brought
            outcome = visit.outcome(brought)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            found = f"{brought} new of {visit.items}" if visit.items else ""
            words = [
                source.name,
                coloured(outcome),
                visit.met or "",
                found,
                f"{visit.milliseconds / 1000:.1f} s",
                visit.message or "",
            ]
            bar.line("  ".join(filter(None, words)))
            bar.advance()

        async def work() -> None:
            async with Fetcher(config.fetch, config.user_agent, own=config.own_ports, robots=store.robots) as fetcher:
                poller = Poller(config, known, store, fetcher, parts.now, report)
                try:
                    held.extend(await poller.poll_all_due(names))
                finally:
                    await poller.stop()

        asyncio.run(work())
    if held:
        _say_held(held, config)
    polled = sum(outcomes.values())
    took, cpu = monotonic() - started, process_time() - spent
    each = ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items()))
    click.echo(
        f"{polled} polled{f': {each}' if each else ''}; "
        f"{entries} new entries; {took:.1f} s ({polled / max(took, 0.001):.1f} sources a second, {cpu:.1f} s of CPU)"
        + (f"; {looks} articles looked at again" if looks else "")
    )
    return outcomes.get("failed", 0), polled


def _say_held(holders: "list[Holder]", config: "Settings") -> None:
    """One line about hosts that other processes poll: `run`, a worker, or one that was killed."""
    first = holders[0]
    click.echo(
        f"{first.host} is held by {first.owner} until {first.until.astimezone(config.zone):%H:%M:%S}"
        + (f", and {len(holders) - 1} more hosts are held" if len(holders) > 1 else "")
        + "; their sources are not polled beside it, try again then"
    )


def _check_names(names: Sequence[str], known: "Rules") -> None:
    there = {rule.name for _, rule in known.sources}
    for name in names:
        if name not in there:
            import difflib

            near = difflib.get_close_matches(name, sorted(there), 3)
            raise SettingsError(
                f"there is no source called {name!r}"
                + (f"; do you mean {', '.join(near)}?" if near else "; `aggregator sources` lists them")
            )
