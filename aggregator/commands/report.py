"""`aggregator sources`, `digest`, `settings` and `doctor`: how things stand."""

import json
import re
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from aggregator.commands import parts
from aggregator.errors import SettingsError

if TYPE_CHECKING:
    from aggregator.model import HubSubscription, Source

PASSWORD = re.compile(r"(://[^:/@]*:)[^@/]*@")  # in an address


@click.command()
@click.option("--json", "as_object", is_flag=True, help="A JSON array instead of a table.")
def sources(as_object: bool) -> None:
    """List every source with its health and the reason for it."""
    from aggregator.console import table
    from aggregator.health import health

    config = parts.settings()
    known = parts.rules(config)
    store = parts.open_store(config)
    store.sources.sync(known.sources, parts.now())
    rows: list[dict[str, Any]] = []
    subscriptions = store.websub.of_sources() if config.callback_url else {}
    for state in store.sources.all():
        verdict = health(state.source, state.polls, parts.now())
        rows.append(
            {
                "name": state.source.name,
                "university": state.source.university,
                "title": state.source.title,
                "url": state.source.url,
                "kind": state.source.found_kind or state.source.kind,
                "health": verdict.state,
                "cause": verdict.cause,
                "reason": verdict.reason,
                "advice": verdict.advice,
                "entries": state.entry_count,
                "polled_at": _iso(state.source.polled_at),
                "repair": state.source.repair,
                "next_poll_at": _iso(state.source.next_poll_at) if state.source.enabled else None,
                "websub": _websub(state.source, subscriptions.get(state.source.id or 0)),
            }
        )
    if as_object:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table(
        ("name", "university", "title", "health", "cause", "entries", "reason"),
        [
            (r["name"], r["university"], r["title"], r["health"], r["cause"] or "", str(r["entries"]), _told(r))
            for r in rows
        ],
    )


def _told(row: dict[str, Any]) -> str:
    return f"{row['reason']}; {row['advice']}" if row["advice"] else str(row["reason"])


def _websub(source: "Source", subscription: "HubSubscription | None") -> dict[str, Any] | None:
    """How things stand with the hub of *source*, None where none is asked."""
    from aggregator.websub import is_trusted, standing

    if subscription is None:
        return None
    return {
        "hub": subscription.hub,
        "topic": subscription.topic,
        "state": standing(subscription, parts.now()),
        "since": _iso(subscription.since),
        "until": _iso(subscription.until),
        "trusted": is_trusted(subscription, parts.now()),
        "owed": subscription.owed,
        "pushes": subscription.pushes,
        "pushed_at": _iso(source.pushed_at),
        "missed_at": _iso(subscription.missed_at),
        "forged": subscription.forged,
        "message": subscription.message,
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None


@click.command()
@click.option("--period", type=click.Choice(["day", "week", "month"]), default="day", show_default=True)
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="A day in the period; today when left out.")
@click.option("--tag", metavar="EXPR", help="Only entries with this tag, or that match EXPR: a+b, a|b, a-b, brackets.")
@click.option("--format", "form", type=click.Choice(["text", "html", "json"]), default="text", show_default=True)
def digest(period: Any, day: datetime | None, tag: str | None, form: str) -> None:
    """Print a digest: the news of a day, a week or a month, by university.

    \b
    Examples:
      aggregator digest
      aggregator digest --period week --date 2026-11-20 --tag 南开大学 --format html > week.html
      aggregator digest --tag "南开大学+科研-讲座"
    """
    from aggregator.publish.digest import digest_json, make_digest, period_bounds
    from aggregator.query import Selection
    from aggregator.web.render import digest_html, digest_text

    config = parts.settings()
    store = parts.open_store(config)
    if day is not None and not 1970 <= day.year <= 2999:
        raise SettingsError(f"--date {day:%Y-%m-%d} is out of range; name a day from 1970 to 2999")
    chosen: date = day.date() if day else parts.now().astimezone(config.zone).date()
    first, end = period_bounds(period, chosen, config.zone)
    tags = store.names.expression(tag) if tag is not None else None
    entries = store.entries.between(first, end, Selection(tags))
    made = make_digest(entries, period, chosen, tags.address if tags else None)
    if form == "json":
        click.echo(json.dumps(digest_json(made, config.site.url), ensure_ascii=False, indent=2))
    else:
        click.echo(digest_html(made, config) if form == "html" else digest_text(made, config), nl=False)


@click.command("settings")
def show_settings() -> None:
    """List every setting with its value, its variable and what it is for."""
    from aggregator.settings import PREFIX, SECTIONS

    config = parts.settings()
    click.echo(f"instance = {config.instance}    # {PREFIX}INSTANCE")
    for section in SECTIONS:
        table = getattr(config, section)
        click.echo(f"\n[{section}]")
        for key, field in type(table).model_fields.items():
            value = PASSWORD.sub(r"\1***@", json.dumps(getattr(table, key), ensure_ascii=False))
            if not field.repr and getattr(table, key):
                value = '"***"'  # a secret
            default = (
                ""
                if getattr(table, key) == field.default
                else f"; default {json.dumps(field.default, ensure_ascii=False)}"
            )
            click.echo(f"# {field.description}{default}    {PREFIX}{section.upper()}__{key.upper()}\n{key} = {value}")


@click.command()
def doctor() -> None:
    """Check settings, clock, folder, disk, rules, database, addresses, DNS and mail; say what to do.

    Exit code 1 if something is wrong.
    """
    from aggregator.console import coloured
    from aggregator.doctor import examine

    found = examine(parts.now())
    for check in found:
        click.echo(f"{coloured(check.verdict):4}  {check.what}: {check.finding}")
    if any(check.verdict == "fail" for check in found):
        sys.exit(1)
