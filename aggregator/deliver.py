"""The conductor of mail: whose digest is due -> the ledger -> one letter each -> a mail server -> the ledger.

A row of the ledger is "sending" from before its mail is handed over until the server's answer is stored. Who is killed
in between leaves it so, and its mail is sent again under the same Message-ID: none is lost, and one is doubled only
where the server had taken it and we died before we had stored its answer. No sender by SMTP can do better: nobody can
ask a server what it took (RFC 1047). The command makes that rare: a process of its own outlives its being killed.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from time import monotonic

from aggregator.due import newest
from aggregator.errors import MailError, NotFound, QueryError, RefusedError
from aggregator.model import MailLinks, Report, Subscriber
from aggregator.publish.mail import Circular, message_id
from aggregator.settings import Settings
from aggregator.smtp import Courier
from aggregator.store import Store
from aggregator.store.deliveries import Claimed

log = logging.getLogger(__name__)

# rows held at a time: few enough that another process, started a moment later, finds some
AT_ONCE = 50
# after the first try, the second, ...: greylisting lets the second pass, and after three days the edition is old
WAITS = (*(timedelta(minutes=15) * 2**number for number in range(7)), timedelta(days=1))
# refusals in a row that have nothing to do with addresses: it is us whom the server does not like
MOST_REFUSALS = 10
# a mail takes at most so many waits for the server: to connect, to log in, to hand over
STEPS = 12

NOT_TRIED = 0  # as a server's code: the mail never left us

# the mail of an edition in a language, None where there is nothing to read in it
Draw = Callable[[str, str], Circular | None]
# (address, edition, outcome, reason)
Told = Callable[[str, str, str, str], None]


def wait(tries: int) -> timedelta | None:
    """How long to wait after so many *tries*, None: no longer."""
    return WAITS[tries - 1] if tries <= len(WAITS) else None


class Deliverer:
    """*draw* makes a mail, *links* a reader's own addresses; *told* hears what became of each row."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        draw: Draw,
        links: Callable[[Subscriber], MailLinks],
        now: Callable[[], datetime],
        told: Told | None = None,
    ) -> None:
        self._settings = settings
        self._ledger = store.deliveries
        self._subscribers = store.subscribers
        self._draw = draw
        self._links = links
        self._now = now
        self._told = told
        mail = settings.mail
        self._lease = timedelta(seconds=max(settings.schedule.lease_seconds, STEPS * mail.timeout_seconds))
        self._pause = 60 / mail.per_minute
        self._next = monotonic()  # when the next mail may be handed over
        self._refusals = 0

    def plan(self) -> int:
        """Write down whose digest has fallen due since it was last asked; how many."""
        now = self._now()
        domain = self._settings.mail.sender.rpartition("@")[2]

        def identify(subscriber: Subscriber, edition: str) -> str:
            return message_id((str(subscriber.id), subscriber.token_salt, edition), domain)

        count = 0
        grace = timedelta(minutes=self._settings.site.digest_grace_minutes)
        for appointment in self._ledger.appointments():
            if slot := newest(appointment, now, self._settings.zone, grace):
                count += self._ledger.plan(appointment, slot, identify, now)
        return count

    def run(self, stop: Event, limit: int | None = None) -> Counter[str]:
        """Plan, and hand over what is due, at most *limit* mails, until *stop* is set; how many came to which outcome.

        Any number of processes may do so at once. Raises MailError where the server takes nothing: all the rest stays
        due.
        """
        self.plan()
        came: Counter[str] = Counter()
        left = limit if limit is not None else -1
        with Courier(self._settings.mail) as courier:
            while left and not stop.is_set():
                at_once = AT_ONCE if left < 0 else min(AT_ONCE, left)
                now = self._now()
                claimed = self._ledger.claim(now, now + self._lease, at_once)
                if not claimed:
                    break
                left -= len(claimed) if left > 0 else 0
                self._deliver_all(courier, claimed, stop, came)
        if came:
            log.info("delivered %s", " ".join(f"{outcome}={count}" for outcome, count in sorted(came.items())))
        return came

    def _deliver_all(self, courier: Courier, claimed: list[Claimed], stop: Event, came: Counter[str]) -> None:
        """Hand over the mails of *claimed*; what was not tried is given back, whatever happens."""
        waiting = sorted(claimed, key=lambda one: (one.edition, one.subscriber.language, one.id), reverse=True)
        try:
            while waiting and not stop.wait(max(0.0, self._next - monotonic())):
                one = waiting.pop()
                outcome, reason = self._deliver(courier, one)
                came[outcome] += 1
                if self._told:
                    self._told(one.subscriber.address, one.edition, outcome, reason)
        finally:
            self._ledger.give_back(waiting, self._now())

    def _deliver(self, courier: Courier, one: Claimed) -> tuple[str, str]:
        """(outcome, reason): sent, empty, later, failed, or left to somebody else."""
        try:
            circular = self._draw(one.edition, one.subscriber.language)
        except (NotFound, QueryError) as error:  # its tags are no more
            self._ledger.failed(one, None, str(error), self._now())
            return "failed", str(error)
        except Exception as error:  # a fault of ours in one digest keeps nobody else's mail
            log.exception("digest edition=%s language=%s cannot be drawn", one.edition, one.subscriber.language)
            return self._try_later(
                replace(one, tries=one.tries + 1), NOT_TRIED, f"the digest cannot be drawn: {error!r}"
            )
        if circular is None:
            self._ledger.empty(one, self._now())
            return "empty", ""
        begun = self._ledger.begin(one, self._now() + self._lease, self._now())
        if begun is None:
            return "left", "the reader has left, or another process sends it"
        self._next = monotonic() + self._pause
        to = one.subscriber.address_key
        try:
            mail = circular.addressed(to, self._links(one.subscriber), one.message_id, self._now())
            said = courier.hand_over(to, mail)
        except ValueError as error:
            self._ledger.failed(begun, None, str(error), self._now())
            return "failed", str(error)
        except RefusedError as error:
            return self._refused(begun, error)
        except MailError as error:
            # not of this mail: it is as if it had not been tried
            self._ledger.later(begun, NOT_TRIED, str(error), self._now(), self._now(), counts=False)
            raise
        self._ledger.sent(begun, said, self._now())
        self._refusals = 0
        return "sent", said

    def _refused(self, one: Claimed, error: RefusedError) -> tuple[str, str]:
        reason = str(error)
        if not error.is_permanent:
            return self._try_later(one, error.code, reason)
        self._ledger.failed(one, error.code, reason, self._now())
        if error.is_of_address:
            code = reason.partition(" ")[0] if "." in reason.partition(" ")[0] else str(error.code or "")
            said = Report(
                f"delivery {one.message_id}", "hard", subscriber_id=one.subscriber.id, code=code, reason=reason
            )
            self._subscribers.returned(said, self._now())
            return "failed", reason
        self._refusals += 1
        if self._refusals == MOST_REFUSALS:
            raise MailError(f"{self._settings.mail.host} refuses one mail after the other, the last with: {reason}")
        return "failed", reason

    def _try_later(self, one: Claimed, code: int | None, reason: str) -> tuple[str, str]:
        pause = wait(one.tries)
        if pause is None:
            self._ledger.failed(one, code, f"given up after {one.tries} tries: {reason}", self._now())
            return "failed", reason
        self._ledger.later(one, code, reason, self._now() + pause, self._now())
        return "later", reason
