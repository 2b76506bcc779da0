"""`aggregator try` of a source: its page as it is today beside the one that was recorded."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts
from aggregator.commands.look import failure, show_listing
from aggregator.errors import SettingsError, SourceError

if TYPE_CHECKING:
    from aggregator.follow.case import Case, Difference
    from aggregator.model import Response, Site, SourceRule
    from aggregator.settings import Settings

SHOWN = 5  # items of each difference


def try_source(site: "Site", source: "SourceRule", config: "Settings", *, as_object: bool, records: bool) -> None:
    """Print what is read of the page of *source* today, and what differs; record it where that *records*."""
    from aggregator.follow.case import compare, folder_of, read, record, recorded
    from aggregator.trial import as_json

    folder = folder_of(config.instance, source.name)
    now = parts.now()
    try:
        response = asyncio.run(_fetched(source, config))
        listing = read(response, source, timezone=site.timezone, now=now)
    except SourceError as error:
        if as_object:
            click.echo(json.dumps(failure(error, source.url), ensure_ascii=False, indent=2))
            sys.exit(1)
        raise
    if records:
        try:
            record(folder, response, listing, timezone=site.timezone, now=now)
        except OSError as error:
            raise SettingsError(f"cannot write {folder}: {error.strerror}; check permissions and free space") from error
    case = recorded(folder)
    found = compare(case, response, source, timezone=site.timezone, now=now) if case else []
    if as_object:
        said = [_as_json(one) for one in found]
        compared = {"recorded_at": case.recorded_at.isoformat(), "differences": said} if case else None
        answer = {**as_json(listing, site.timezone), "source": source.name, "case": compared}
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        show_listing(listing, config, limit=50)
        _show(case, found, source)
    sys.exit(1 if found else 0)


async def _fetched(source: "SourceRule", config: "Settings") -> "Response":
    from aggregator.gather.fetch import Fetcher

    async with Fetcher(config.fetch, config.user_agent, own=config.own_ports) as fetcher:
        return await fetcher.fetch(source.url, allowance=source.allowance)


def _as_json(difference: "Difference") -> dict[str, object]:
    items = [{"url": url, "title": title} for url, title in difference.items]
    return {"what": difference.what, "message": difference.message, "items": items}


def _show(case: "Case | None", found: "list[Difference]", source: "SourceRule") -> None:
    if case is None:
        click.echo(f"\nno page is recorded to compare it with: aggregator try {source.name} --record")
        return
    day = f"{case.recorded_at:%Y-%m-%d}"
    if not found:
        click.echo(f"\nas recorded on {day}: {len(case.items)} items then, nothing lost")
        return
    click.echo(f"\nother than recorded on {day}:")
    for one in found:
        click.echo(f"  {click.style(one.what, fg='red')}: {one.message}")
        for url, title in one.items[:SHOWN]:
            click.echo(f"    {title}  {url}")
    click.echo(f"where that is right, record today's page: aggregator try {source.name} --record")
