"""`aggregator deliver`: digests to their readers, now."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from time import monotonic, process_time
from typing import TYPE_CHECKING

import click

from aggregator.commands import parts
from aggregator.errors import MailError, NotFound, SettingsError

if TYPE_CHECKING:
    from aggregator.deliver import Deliverer, Told
    from aggregator.mail.circulars import Circulars
    from aggregator.settings import Settings
    from aggregator.store import Store


def deliverer(config: "Settings", store: "Store", told: "Told | None" = None) -> "Deliverer":
    """What hands digests over; made anew for each run, so that it sends what a digest says today."""
    from aggregator.deliver import Deliverer
    from aggregator.mail.links import Links

    return Deliverer(config, store, circulars(config, store).of, Links(config).of, parts.now, told)


def circulars(config: "Settings", store: "Store") -> "Circulars":
    from aggregator.editions import Editions
    from aggregator.mail.circulars import Circulars
    from aggregator.web.render import digest_mail_parts

    return Circulars(config, store, Editions(config, store, parts.now), digest_mail_parts)


@contextmanager
def delivering(config: "Settings", store: "Store") -> Iterator[Callable[[], Awaitable[None]]]:
    """What starts `aggregator deliver` where mail is due and none runs; it ends with the block.

    A process of its own: to draw and to mail thousands holds up no page, and its memory goes when it is done.
    """
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        deliverer(config, store).plan()  # what falls due while one runs is mailed by that one
        if running and running[0].poll() is None:
            return
        if store.deliveries.waiting_count(parts.now()):
            command = [sys.executable, "-m", "aggregator", "deliver"]
            running[:] = [subprocess.Popen(command, stdout=subprocess.DEVNULL)]  # noqa: S603 - our own words

    try:
        yield partial(asyncio.to_thread, start)
    finally:
        for process in running:
            process.terminate()
            process.wait()


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say who would get what.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N mails.")
@click.option(
    "--test", "address", metavar="ADDRESS", help="Send the newest digest of a day to ADDRESS, and nothing else."
)
def deliver(dry_run: bool, limit: int | None, address: str | None) -> None:
    """Mail the digests that are due: each once, also after a pause. For a cron, where no `run` or `worker` does it.

    \b
    Examples:
      aggregator deliver --dry-run
      aggregator deliver
      aggregator deliver --test me@example.edu.cn
    Exit code 1 when the mail server took nothing more; what is left stays due.
    """
    config = parts.settings()
    if not (dry_run or (config.mail.host and config.mail.sender)):
        raise SettingsError(
            "mail.host and mail.sender are not set; name the server that takes our mail, and our address"
        )
    if dry_run:
        _show(config)
    elif address is not None:
        _send_test(config, address)
    else:
        _deliver(config, limit)


def _deliver(config: "Settings", limit: int | None) -> None:
    from aggregator.console import coloured, progress

    stop = _stop_in_child()
    store = parts.open_store(config)
    came: Counter[str] = Counter()
    started, spent = monotonic(), process_time()
    failure: MailError | None = None
    deliverer(config, store).plan()
    total = store.deliveries.waiting_count(parts.now())
    if not total:
        at = store.deliveries.next_at()
        click.echo("nothing is due" + (f"; next try at {at.astimezone(config.zone):%Y-%m-%d %H:%M}" if at else ""))
        return
    with progress("delivering", min(total, limit or total)) as bar:

        def told(address: str, edition: str, outcome: str, reason: str) -> None:
            came[outcome] += 1
            if outcome in ("later", "failed"):
                bar.line("  ".join(filter(None, (address, edition, coloured(outcome), reason))))
            bar.advance()

        try:
            deliverer(config, store, told).run(stop, limit)
        except MailError as error:
            failure = error
    store.close()
    took, cpu = monotonic() - started, process_time() - spent
    click.echo(
        f"{', '.join(f'{count} {outcome}' for outcome, count in sorted(came.items())) or '0 sent'}; {took:.1f} s "
        f"({came['sent'] / max(took, 0.001):.1f} mails a second, {cpu:.1f} s of CPU)"
    )
    if failure:
        click.echo(f"aggregator: {failure}", err=True)
        sys.exit(1)


def _show(config: "Settings") -> None:
    """Who would get what, a line each: address, edition, language, and how often it was tried."""
    from aggregator.mail.due import newest

    store = parts.read_store(config)
    now, count = parts.now(), 0
    grace = timedelta(minutes=config.site.digest_grace_minutes)
    for waiting in store.deliveries.waiting(now):
        click.echo(f"{waiting.address}\t{waiting.edition}\t{waiting.language}\ttries: {waiting.tries}")
        count += 1
    for appointment in store.deliveries.appointments():
        if slot := newest(appointment, now, config.zone, grace):
            for one in store.deliveries.due(appointment, slot):
                click.echo("\t".join((one.address, slot.edition + ("#" if one.tags else "") + one.tags, one.language)))
                count += 1
    click.echo(f"{count} due; those whose digest is empty get no mail", err=True)


def _send_test(config: "Settings", address: str) -> None:
    from aggregator.mail.due import newest
    from aggregator.mail.links import Links
    from aggregator.mail.mailbox import mailbox
    from aggregator.mail.smtp import Courier
    from aggregator.model import Appointment, MailLinks
    from aggregator.publish.mail import message_id

    store = parts.open_store(config)
    now, to = parts.now(), mailbox(address)
    slot = newest(Appointment("daily", 0, 0, config.site.timezone), now, config.zone, timedelta(0))
    if slot is None:
        raise SettingsError("no day is over yet; correct the system's clock")
    try:
        links = Links(config).of(store.subscribers.by_address(to))
    except NotFound:  # of nobody: they lead to the form
        links = MailLinks(f"{config.site.url}/subscribe", f"{config.site.url}/subscribe")
    circular = circulars(config, store).even_empty(slot.edition, config.site.language)
    id_ = message_id((to.key, now.isoformat()), config.mail.sender.rpartition("@")[2])
    with Courier(config.mail) as courier:
        said = courier.hand_over(to.key, circular.addressed(to.key, links, id_, now))
    click.echo(f"the digest of {slot.edition} is on its way to {to.address}: {said}")


def _stop_in_child() -> Event:
    """Let a child process go on from here, which this one waits for and exits with the code of.

    Whoever kills this process, without a warning even, does not kill the child: it stores what the server says to the
    mail in hand, and ends. The event is set, in the child, when it shall end.
    """
    ours, theirs = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    if child := os.fork():
        os.close(ours)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.exit(code if code >= 0 else 128 - code)
    os.close(theirs)
    os.setsid()  # what is meant for a terminal's or a job's processes is told by the parent alone
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def watch() -> None:
        os.read(ours, 1)  # comes back when the parent is no more
        stop.set()

    Thread(target=watch, daemon=True).start()
    return stop
