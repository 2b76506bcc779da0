"""`aggregator subscribers`: who gets digests by mail, as their operator sees them."""

import csv
import io
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from aggregator.commands import parts

if TYPE_CHECKING:
    from aggregator.mail.mailbox import Mailbox
    from aggregator.model import Choice, Subscriber
    from aggregator.settings import Settings
    from aggregator.store import Store

STATES = ("pending", "active", "left", "bounced", "complained")
COLUMNS = ("address", "state", "language", "period", "hour", "weekday", "timezone", "tags", "confirmed_at", "note")
# a table program takes what begins so for a formula, and runs it; an apostrophe before it says: text
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")

EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)  # nobody has agreed to a mail before


@click.group()
def subscribers() -> None:
    """Who gets digests by mail."""


@subscribers.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(state: str | None, as_json: bool) -> None:
    """List subscribers: address, state, when and what."""
    store = parts.read_store(parts.settings())
    for one in store.subscribers.walk(state):
        row = _row(one)
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
            continue
        when = f"{row['period']}{f' day {one.weekday}' if one.period == 'weekly' else ''} {one.hour}:00 {one.timezone}"
        click.echo(f"{one.address}  {one.state}  {when}  {one.language}  {one.tags or '(everything)'}")
    if not as_json:
        counts = store.subscribers.counts()
        click.echo(
            ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts) or "nobody yet", err=True
        )


@subscribers.command()
@click.argument("address")
@click.option("--tags", default="", help="A tag expression; empty: everything.")
@click.option("--period", type=click.Choice(["daily", "weekly"]), default="daily", show_default=True)
@click.option("--hour", type=click.IntRange(0, 23), help="Of the day in the time zone.  [default: mail.digest_hour]")
@click.option("--weekday", type=click.IntRange(0, 6), default=0, help="Of a weekly digest; Monday is 0.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="[default: site.language]")
@click.option("--timezone", help="[default: site.timezone]")
@click.option("--ask", is_flag=True, help="Mail a link to confirm first, as the form does.")
def add(address: str, ask: bool, **chosen: Any) -> None:
    """Add ADDRESS, who has agreed to it; with --ask who has not yet. Exit code 1 if it was not added."""
    from aggregator.mail.mailbox import mailbox

    config = parts.settings()
    store = parts.open_store(config)
    box = mailbox(address)
    try:
        choice = _choice(store, config, {name: value for name, value in chosen.items() if value is not None})
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if ask:
        from functools import partial

        from aggregator.mail.letters import Letters
        from aggregator.web.render import letter

        store.subscribers.sign_up(box, choice, parts.now())
        sent = Letters(config, store, partial(letter, config), parts.now).send_due()
        click.echo(f"{box.address}: asked" if sent else f"{box.address}: will be asked when the mail server takes it")
        return
    result = store.subscribers.add(box, choice, _trace(config, box), parts.now())
    click.echo(f"{box.address}: {RESULTS[result]}")
    if result != "added":
        sys.exit(1)


RESULTS = {
    "added": "added",
    "known": "is known already and stays as it is; `aggregator subscribers show` tells more",
    "erased": "was erased on request; only its owner can subscribe it again, by the form",
}


@subscribers.command()
@click.argument("address")
def remove(address: str) -> None:
    """Send ADDRESS no more mail. It stays known as one that left; `erase` forgets it."""
    from aggregator.mail.mailbox import mailbox

    store = parts.open_store(parts.settings())
    one = store.subscribers.by_address(mailbox(address))
    store.subscribers.leave(one, parts.now())
    click.echo(f"{one.address}: gets no more mail")


@subscribers.command()
@click.argument("address")
def show(address: str) -> None:
    """Print everything that is kept about ADDRESS as JSON: the answer to who asks for it."""
    from aggregator.mail.mailbox import mailbox

    store = parts.read_store(parts.settings())
    kept = store.subscribers.everything(store.subscribers.by_address(mailbox(address)))
    click.echo(json.dumps(kept, ensure_ascii=False, indent=2, default=str))


@subscribers.command()
@click.argument("address")
def erase(address: str) -> None:
    """Delete everything about ADDRESS. A keyed hash stays, so that an import does not bring it back by mistake."""
    from aggregator.mail.mailbox import mailbox

    config = parts.settings()
    box = mailbox(address)
    is_gone = parts.open_store(config).subscribers.erase(box, _trace(config, box), parts.now())
    click.echo(f"{box.address}: {'erased' if is_gone else 'was not known; it is not imported either'}")


@subscribers.command("export")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
def export_csv(state: str | None) -> None:
    """Print subscribers as CSV, as `import` takes them.

    \b
    Example:
      aggregator subscribers export > subscribers.csv
    """
    store = parts.read_store(parts.settings())
    out = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    out.writeheader()
    for one in store.subscribers.walk(state):
        out.writerow({name: _guarded(value) for name, value in _row(one).items()})


@subscribers.command("import")
@click.argument("file", type=click.File("rb"))
def import_csv(file: Any) -> None:
    """Add subscribers from a CSV FILE (- for standard input), who have agreed to it.

    Its first line names the columns: address, and any of state (active if left out), language, period, hour, weekday,
    timezone, tags, confirmed_at, note. Who is known stays as they are, who was erased stays so. Exit code 1 if a line
    could not be read; all others are imported.
    """
    from aggregator.errors import AddressError, NotFound, QueryError, SettingsError
    from aggregator.mail.mailbox import mailbox

    config = parts.settings()
    try:
        rows = csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"), newline=""), strict=True)
        names = list(rows.fieldnames or [])
        if unknown := [name for name in names if name not in COLUMNS]:
            raise SettingsError(f"unknown column {', '.join(unknown)!r}; there are: {', '.join(COLUMNS)}")
        if "address" not in names or len(names) > len(set(names)):
            raise SettingsError("the first line has to name the columns, each once, and address among them")
    except UnicodeDecodeError as error:
        raise SettingsError(f"not UTF-8 (byte {error.start}); save the file as UTF-8") from error
    store = parts.open_store(config)
    tally: Counter[str] = Counter()
    try:
        for row in rows:
            try:
                if None in row:
                    raise ValueError("has more fields than columns; what holds a comma stands in quotes")
                said = {name: _bare(value) for name, value in row.items() if value}
                box = mailbox(said.pop("address", ""))
                fields = _fields(said)
                choice = _choice(store, config, said)
            except (AddressError, NotFound, QueryError, ValueError) as error:
                click.echo(f"line {rows.line_num}: {error}", err=True)
                tally["refused"] += 1
                continue
            tally[store.subscribers.add(box, choice, _trace(config, box), parts.now(), **fields)] += 1
    except csv.Error as error:
        raise SettingsError(f"line {rows.line_num}: not CSV: {error}") from error
    told = {"added": "added", "known": "known already", "erased": "erased before, left out", "refused": "refused"}
    click.echo(", ".join(f"{tally[key]} {name}" for key, name in told.items() if tally[key]) or "nothing to import")
    if tally["refused"]:
        sys.exit(1)


@subscribers.command()
def bounces() -> None:
    """Read mail.bounce_mailbox: returned mails and complaints stop the addresses they are about."""
    from aggregator.errors import SettingsError
    from aggregator.mail.returned import read_returned

    config = parts.settings()
    if not config.mail.bounce_mailbox:
        raise SettingsError("mail.bounce_mailbox is not set; name the mailbox where returned mail arrives")
    tally = read_returned(config, parts.open_store(config), parts.now)
    click.echo(", ".join(f"{count} {name}" for name, count in tally.items()))


def _row(one: "Subscriber") -> dict[str, Any]:
    row = {name: getattr(one, name) for name in COLUMNS}
    return row | {"confirmed_at": one.confirmed_at.isoformat(timespec="seconds") if one.confirmed_at else ""}


def _guarded(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:] if value[:1] == "'" and value[1:].startswith(FORMULA) else value


def _fields(said: dict[str, str]) -> dict[str, Any]:
    """What a line of CSV says of a subscriber's row, taken out of *said*. Raises ValueError."""
    state = said.pop("state", "active")
    if state not in STATES:
        raise ValueError(f"state {state!r}: there are {', '.join(STATES)}")
    confirmed = said.pop("confirmed_at", "")
    at = datetime.fromisoformat(confirmed) if confirmed else None
    if at is not None and at.tzinfo is None:
        raise ValueError(f"confirmed_at {confirmed!r} names no time zone; write 2026-01-31T08:00:00+08:00")
    if at is not None and not EARLIEST <= at <= parts.now():
        raise ValueError(f"confirmed_at {confirmed!r} is to come, or before there was mail")
    note = " ".join(said.pop("note", "").split())
    if not note.isprintable():
        raise ValueError("note holds a control character")
    fields: dict[str, Any] = {"state": state, "note": note}
    if at is not None or state != "active":
        fields["confirmed_at"] = at
    if state in ("left", "bounced", "complained"):
        fields["left_at"] = parts.now()
    return fields


def _choice(store: "Store", config: "Settings", said: dict[str, Any]) -> "Choice":
    """What is chosen by name, ours where nothing is. Raises ValueError, QueryError and NotFound."""
    from zoneinfo import available_timezones

    from aggregator.model import Choice

    site = config.site
    ours = {"language": site.language, "period": "daily", "hour": config.mail.digest_hour, "weekday": 0}
    chosen = {**ours, "timezone": site.timezone, "tags": "", **said}
    for name, known in (
        ("language", ("zh", "en")),
        ("period", ("daily", "weekly")),
        ("hour", tuple(map(str, range(24)))),
        ("weekday", tuple(map(str, range(7)))),
        ("timezone", available_timezones()),
    ):
        if str(chosen[name]) not in known:
            raise ValueError(f"{name} {chosen[name]!r} is none")
    tags = str(store.names.expression(chosen["tags"])) if chosen["tags"] else ""
    hours = {name: int(chosen[name]) for name in ("hour", "weekday")}
    return Choice(**{**chosen, **hours, "tags": tags})


def _trace(config: "Settings", box: "Mailbox") -> str:
    from aggregator.secret import secret_key

    return box.trace(secret_key(config))
