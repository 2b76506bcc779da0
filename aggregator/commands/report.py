"""`aggregator sources`, `digest`, `settings` and `doctor`: how things stand."""

import json
import re
import sys
from datetime import date, datetime
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import click

from aggregator.commands import parts
from aggregator.errors import NotFound

if TYPE_CHECKING:
    from aggregator.doctor import Check
    from aggregator.model import Digest, HubSubscription, Source
    from aggregator.publish.digest import Period
    from aggregator.settings import Settings

PASSWORD = re.compile(r"(://[^:/@]*:)[^@/]*@")  # in an address


@click.command()
@click.option("--json", "as_object", is_flag=True, help="A JSON array instead of a table (in a pipe: tab-separated).")
def sources(as_object: bool) -> None:
    """List every source with its health and the reason for it."""
    from aggregator.console import table
    from aggregator.health import ADVICE, health

    config = parts.settings()
    known = parts.rules(config)
    store = parts.read_store(config)
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
                "next_poll_at": _iso(state.next_list_at),
                "websub": _websub(state.source, subscriptions.get(state.source.id or 0)),
            }
        )
    if own := store.breaks.of_service():
        click.echo(f"no source can be reached since {_iso(own.began_at)}: {ADVICE[own.cause]}", err=True)
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
@click.option(
    "--date", "named", metavar="D", help="A day in the period, or a week (2026-W47) or month; today when left out."
)
@click.option("--tag", metavar="EXPR", help="Only entries with this tag, or that match EXPR: a+b, a|b, a-b, brackets.")
@click.option(
    "--format", "form", type=click.Choice(["text", "html", "email", "json"]), default="text", show_default=True
)
@click.option("--open", "opened", is_flag=True, help="Show it in the browser; with text and json, a file opens.")
def digest(period: "Period", named: str | None, tag: str | None, form: str, opened: bool) -> None:
    """Print a digest: the news of a day, a week or a month, by topic and university.

    \b
    Examples:
      aggregator digest
      aggregator digest --period week --date 2026-11-20 --tag 南开大学 --format html > week.html
      aggregator digest --tag "南开大学+科研-讲座" --format email --open
    """
    from aggregator.editions import Editions

    config = parts.settings()
    store = parts.read_store(config)
    chosen = parts.now().astimezone(config.zone).date()
    if named is not None:
        period, chosen = _named(named, period)
    tags = store.names.expression(tag) if tag is not None else None
    made = Editions(config, store, parts.now).digest(period, chosen, tags)
    written = _written(made, config, form)
    if not opened:
        click.echo(written, nl=False)
        return
    endings = {"text": ".txt", "json": ".json"}
    with NamedTemporaryFile("w", suffix=endings.get(form, ".html"), encoding="utf-8", delete=False) as file:
        file.write(written)
    click.echo(file.name)
    click.launch(file.name)


def _named(text: str, period: "Period") -> "tuple[Period, date]":
    """The *period* around the day that *text* is; a week or a month, written as in its address, is its own."""
    from aggregator.publish.digest import parse_address

    try:
        its, day = parse_address(text)
    except NotFound as error:
        raise click.BadParameter(f"{error}", param_hint="--date") from error
    if day.year < 1970:
        raise click.BadParameter(f"{text} is out of range; name a day from 1970 to 2999", param_hint="--date")
    return (period if its == "day" else its), day


def _written(made: "Digest", config: "Settings", form: str) -> str:
    from aggregator.publish.freeze import digest_json
    from aggregator.web.inlined import NOBODY
    from aggregator.web.render import digest_html, digest_mail_parts, digest_text

    if form == "json":
        return json.dumps(digest_json(made, config.site.url), ensure_ascii=False, indent=2) + "\n"
    if form == "email":
        return digest_mail_parts(made, config, config.site.language, NOBODY)[2]
    return digest_html(made, config) if form == "html" else digest_text(made, config)


def _test_alert(config: "Settings") -> "list[Check]":
    """What came of a test through each channel of the alerts."""
    import asyncio
    from functools import partial

    from aggregator.alert import Alerts
    from aggregator.doctor import Check
    from aggregator.gather.connect import post
    from aggregator.store import Store
    from aggregator.web.render import alert_mail, trial_mail

    webhook = partial(post, timeout_seconds=config.mail.timeout_seconds)
    alerts = Alerts(config, Store(config.database_url), partial(alert_mail, config), webhook, parts.now)
    came = asyncio.run(alerts.test(*trial_mail(config)))
    if not came:
        return [Check("test alert", "fail", "alert.mail and alert.webhook are empty: set one of them")]
    return [
        Check(f"test {channel}", "fail" if failure else "ok", failure or "it was taken; see whether it has arrived")
        for channel, failure in came.items()
    ]


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
@click.option("--test-alert", is_flag=True, help="Send a test to alert.mail and alert.webhook; say what came of it.")
def doctor(test_alert: bool) -> None:
    """Check settings, clock, folder, disk, rules, database, addresses, DNS and mail; say what to do.

    Exit code 1 if something is wrong.
    """
    from aggregator.console import coloured
    from aggregator.doctor import examine

    found = examine(parts.now())
    if test_alert and found[0].verdict == "ok":
        found += _test_alert(parts.settings())
    for check in found:
        click.echo(f"{coloured(check.verdict):4}  {check.what}: {check.finding}")
    if any(check.verdict == "fail" for check in found):
        sys.exit(1)
