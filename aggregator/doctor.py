"""What may keep the service from working, looked at one by one: behind `aggregator doctor`. Changes nothing."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from aggregator.errors import MailError, OperatorError
from aggregator.follow.catalogue import read_catalogue
from aggregator.health import ADVICE, health
from aggregator.instance import load as load_settings
from aggregator.mail.imap import check as check_mailbox
from aggregator.mail.smtp import check as check_mail
from aggregator.rules import load as load_rules
from aggregator.rules.tags import load_taxonomy
from aggregator.settings import Settings
from aggregator.shelf import FOLDER, Shelf
from aggregator.store import Store
from aggregator.tagging import untagged
from aggregator.visit.turns import furthest

MANY_UNINDEXED = 5000  # more than a service leaves undone
ENOUGH_BYTES, TOO_FEW_BYTES = 500_000_000, 50_000_000
# digests on their way to readers: longer, and nobody hands them over; what failed longer ago is past mending
LONGEST_WAIT, FAILURES_COUNT_FOR = timedelta(hours=1), timedelta(days=7)
# a clock before this program was written is wrong
EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; *finding* says what to do unless the verdict is ok."""

    what: str
    verdict: Literal["ok", "warn", "fail"]
    finding: str


def examine(now: datetime) -> list[Check]:
    """Every check in the order in which one would mend them."""
    try:
        settings = load_settings()
    except OperatorError as error:
        return [Check("settings", "fail", str(error))]
    checks = [Check("settings", "ok", f"read for {settings.instance}")]
    for what, look in LOOKS.items():
        try:
            checks += [Check(what, *finding) for finding in look(settings, now)]
        except (OperatorError, MailError) as error:
            checks.append(Check(what, "fail", str(error)))
    return checks


Finding = tuple[Literal["ok", "warn", "fail"], str]


def _clock(settings: Settings, now: datetime) -> Iterator[Finding]:
    del settings
    if now < EARLIEST:
        yield "fail", f"it says {now:%Y-%m-%d}; set the system's clock (timedatectl set-ntp true)"
    else:
        yield "ok", f"{now:%Y-%m-%d %H:%M} UTC"


def _folder(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    folder = _existing(settings.instance)
    if not os.access(folder, os.W_OK):
        yield "fail", f"{folder} may not be written; chown it to the user who runs the service"
        return
    unwritable = [path for path in folder.glob("aggregator.db*") if not os.access(path, os.W_OK)]
    if unwritable:
        yield "fail", f"{unwritable[0]} may not be written; chown it to the user who runs the service"
        return
    yield "ok", f"{folder} may be written"


def _disk(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    free = shutil.disk_usage(_existing(settings.instance)).free
    if free > ENOUGH_BYTES:
        yield "ok", f"{free / 1e9:.1f} GB free"
    else:
        yield "fail" if free < TOO_FEW_BYTES else "warn", f"{free / 1e9:.2f} GB free; make room, nothing stored is lost"


def _rules(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    rules = load_rules(settings.instance)
    followed = {rule.name for _, rule in rules.sources if rule.enabled}
    yield "ok", f"{len(rules.sites)} sites, {len(followed)} enabled sources, {len(rules.families)} families"
    known = read_catalogue(settings.instance)
    yield "ok", f"{len(known.sites)} universities in the catalogue, {len(known.sites) - len(rules.sites)} not followed"
    for fault in known.faults.values():  # of a file that is switched on the start, and this, would have stopped
        yield "warn", f"not followed, but unusable: {fault}"
    if known.strangers:
        names = ", ".join(known.strangers)
        yield "warn", f"enabled.toml names what no file has: {names}; strike it out"
    if lost := [name for name in known.checks if name in followed and known.checks[name].found != "working"]:
        yield "warn", f"the last check found {len(lost)} followed sources not working ({', '.join(lost[:5])})"


def _database(settings: Settings, now: datetime) -> Iterator[Finding]:
    store = Store(settings.database_url)
    if store.path is not None and not store.path.exists():
        yield "ok", f"{store.name} will be made by the first `aggregator run`"
        return
    if not store.is_current():
        yield "fail", f"{store.name} has an older schema; run `aggregator db upgrade`"
        return
    yield "ok", f"{store.name}: {store.entries.count()} entries"  # how large it is, ``_sizes`` tells
    ahead = store.clock.ahead(now, **furthest(settings, [rule for _, rule in load_rules(settings.instance).sources]))
    if ahead:
        yield "warn", f"{ahead} times in it stand too far ahead: the clock was wrong once; `aggregator run` mends them"
    if own := store.breaks.of_service():
        yield "fail", f"no source can be reached since {own.began_at:%Y-%m-%d %H:%M} UTC: {ADVICE[own.cause]}"
    if waiting := store.index.behind():
        yield (
            ("warn" if waiting > MANY_UNINDEXED else "ok"),
            f"{waiting} entries wait to be indexed for search; a running service, or `aggregator db index`, does so",
        )
    bad = [state for state in store.sources.all() if health(state.source, state.polls, now).is_bad]
    if bad:
        names = ", ".join(state.source.name for state in bad[:5])
        yield "warn", f"{len(bad)} sources need a look ({names}); `aggregator sources` says why"


def _tags(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    taxonomy = load_taxonomy(settings.instance)
    store = Store(settings.database_url)
    is_there = (store.path is None or store.path.exists()) and store.is_current()
    left = untagged(settings.instance, store) if is_there else ""
    store.close()
    yield ("warn", left) if left else ("ok", f"{len(taxonomy.topics)} topics")


def _sizes(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    store = Store(settings.database_url)
    if store.path is None or store.path.exists():
        room = store.sizes.room()
        parts = ", ".join(f"{what} {_megabytes(size)}" for what, size in room.parts.items())
        free = f"; {_megabytes(room.free)} of the file are free for what comes" if room.free else ""
        yield "ok", f"database {_megabytes(room.total)}{f' ({parts})' if parts else ''}{free}"
    store.close()
    pictures = Shelf(settings.instance / "pictures").bytes()
    yield "ok", f"pictures {_megabytes(pictures)} of {settings.web.picture_cache_mb} MB"
    kept = Shelf(settings.instance / FOLDER).bytes()
    if kept or settings.archive.is_on:
        is_over = kept > 1.05 * settings.archive.budget_bytes
        advice = "; run `aggregator archive prune`" if is_over else ""
        yield "warn" if is_over else "ok", f"archive {_megabytes(kept)} of {settings.archive.budget_mb} MB{advice}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _address(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    if "127.0.0.1" in settings.site.url or "localhost" in settings.site.url:
        yield (
            "warn",
            f"{settings.site.url} works on this machine only; set site.url before anyone subscribes",
        )
    else:
        yield "ok", settings.site.url
    if not settings.site.contact:
        yield "warn", "site.contact is empty; webmasters cannot tell you when we bother them"


def _port(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    with socket.socket() as probe:
        probe.settimeout(1)
        busy = probe.connect_ex((settings.web.host, settings.web.port)) == 0
    place = f"{settings.web.host}:{settings.web.port}"
    yield "ok", f"{place} answers: the service, or another program, is running there" if busy else f"{place} is free"


def _names(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    if settings.fetch.proxy:
        yield "ok", f"names are resolved by the proxy {settings.fetch.proxy}"
        return
    try:
        socket.getaddrinfo("www.edu.cn", 443)
        yield "ok", "www.edu.cn is found"
    except OSError as error:
        yield "warn", f"www.edu.cn is not found ({error.strerror}); check the machine's DNS and network"


def _mail(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    if not settings.mail.host:
        yield "ok", "mail.host is empty: no mail is sent"
        return
    yield "ok", check_mail(settings.mail)
    if settings.mail.tls == "none" and settings.mail.password:
        yield "warn", "mail.password travels in the clear; set mail.tls to starttls or tls"


def _subscribers(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    mail = settings.mail
    if not mail.host:
        yield "ok", "mail.host is empty: the pages offer no digests by mail; set it, mail.sender and site.url to do so"
        return
    yield "ok", "the pages offer digests by mail"
    if not settings.site.url.startswith("https://"):
        yield (
            "warn",
            f"mail programs offer one click to unsubscribe for https only (RFC 8058), not for {settings.site.url}",
        )
    if mail.bounce_mailbox:
        yield "ok", check_mailbox(mail.bounce_mailbox, mail.timeout_seconds)
    elif not mail.webhook_secret:
        yield (
            "warn",
            "returned mail stops no address; set mail.bounce_mailbox, or mail.webhook_secret for a mail service",
        )


def _deliveries(settings: Settings, now: datetime) -> Iterator[Finding]:
    store = Store(settings.database_url)
    if not settings.mail.host or not (store.path is None or store.path.exists()):
        yield "ok", "no digest is mailed"
        return
    failures = store.deliveries.failures(now - FAILURES_COUNT_FOR)
    first = store.deliveries.next_at()
    store.close()
    if failures:
        number, reason = sum(failures.values()), next(iter(failures))
        yield "warn", f"{number} digests were not mailed in the last {FAILURES_COUNT_FOR.days} days, mostly: {reason}"
    if first and now - first > LONGEST_WAIT:
        advice = "let `aggregator run`, `aggregator worker` or a cron with `aggregator deliver` run"
        yield "warn", f"the oldest digest waits to be mailed since {first:%Y-%m-%d %H:%M} UTC; {advice}"
    elif not failures:
        yield "ok", "every digest that was due is mailed"


def _alert(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    told = [*settings.alert.addresses, *(["the webhook"] if settings.alert.webhook else [])]
    if told:
        yield "ok", f"{', '.join(told)} hear of breaks that last for {settings.alert.settle_hours:g} working hours"
    else:
        yield "warn", "nobody is told when a source breaks; set alert.mail or alert.webhook, or follow /sources.atom"


def _hubs(settings: Settings, now: datetime) -> Iterator[Finding]:
    del now
    hubs = settings.web.hub_urls
    if not hubs:
        yield "ok", "web.hubs is empty: readers come and ask"
        return
    store = Store(settings.database_url)
    failing = dict(store.announcements.failing()) if store.path is None or store.path.exists() else {}
    store.close()
    for hub in hubs:
        if hub in failing:
            yield "warn", f"{hub} could not be told of news ({failing[hub]}); it is tried again"
        else:
            yield "ok", f"{hub} is told of news"


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


LOOKS: dict[str, Callable[[Settings, datetime], Iterator[Finding]]] = {
    "clock": _clock,
    "folder": _folder,
    "disk": _disk,
    "rules": _rules,
    "database": _database,
    "tags": _tags,
    "sizes": _sizes,
    "address": _address,
    "port": _port,
    "names": _names,
    "mail": _mail,
    "subscribers": _subscribers,
    "deliveries": _deliveries,
    "alert": _alert,
    "hubs": _hubs,
}
