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

from aggregator.errors import MailError, RefusedError
from aggregator.mail.due import newest
from aggregator.mail.smtp import ENHANCED, Courier
from aggregator.model import MailLinks, Report, Subscriber
from aggregator.publish.mail import Circular, message_id
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.deliveries import Claimed

log = logging.getLogger(__name__)

# rows held at a time: few enough that another process, started a moment later, finds some
AT_ONCE = 50
# after the first try, the second, ...: greylisting lets the second pass, and after three days the edition is old
WAITS = (*(timedelta(minutes=15) * 2**number for number in range(7)), timedelta(days=1))
# refusals with no mail taken in between, of which the server did not say that the address is wrong: it may mean us
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
        self._came: Counter[str] = Counter()
        self._doubted: list[tuple[Claimed, RefusedError]] = []

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
        came = self._came = Counter()
        left = limit if limit is not None else -1
        try:
            with Courier(self._settings.mail) as courier:
                while left and not stop.is_set():
                    at_once = AT_ONCE if left < 0 else min(AT_ONCE, left)
                    now = self._now()
                    claimed = self._ledger.claim(now, now + self._lease, at_once)
                    if not claimed:
                        break
                    left -= len(claimed) if left > 0 else 0
                    self._deliver_all(courier, claimed, stop)
        finally:
            self._try_doubted_later()
        if came:
            log.info("delivered %s", " ".join(f"{outcome}={count}" for outcome, count in sorted(came.items())))
        return came

    def _deliver_all(self, courier: Courier, claimed: list[Claimed], stop: Event) -> None:
        """Hand over the mails of *claimed*; what was not tried is given back, whatever happens."""
        waiting = sorted(claimed, key=lambda one: (one.edition, one.subscriber.language, one.id), reverse=True)
        try:
            while waiting and not stop.wait(max(0.0, self._next - monotonic())):
                self._deliver(courier, waiting.pop())
        finally:
            self._ledger.give_back(waiting, self._now())

    def _deliver(self, courier: Courier, one: Claimed) -> None:
        """It comes to be sent, empty, later, failed, left to somebody else, or doubted for a while."""
        try:
            circular = self._draw(one.edition, one.subscriber.language)
        except Exception as error:  # a fault of ours in one digest keeps nobody else's mail
            log.exception("digest edition=%s language=%s cannot be drawn", one.edition, one.subscriber.language)
            tried = replace(one, tries=one.tries + 1)
            return self._try_later(tried, NOT_TRIED, f"the digest cannot be drawn: {error!r}")
        if circular is None:
            self._ledger.empty(one, self._now())
            return self._tell(one, "empty", "")
        begun = self._ledger.begin(one, self._now() + self._lease, self._now())
        if begun is None:
            return self._tell(one, "left", "the reader has left, or another process sends it")
        self._next = monotonic() + self._pause
        to = one.subscriber.address_key
        try:
            mail = circular.addressed(to, self._links(one.subscriber), one.message_id, self._now())
            said = courier.hand_over(to, mail)
        except ValueError as error:
            return self._give_up(begun, None, str(error))
        except RefusedError as error:
            return self._refused(begun, error)
        except MailError as error:
            # not of this mail: it is as if it had not been tried
            self._ledger.later(begun, NOT_TRIED, str(error), self._now(), self._now(), counts=False)
            raise
        self._ledger.sent(begun, said, self._now())
        self._tell(begun, "sent", said)
        self._believe_doubted()
        return None

    def _refused(self, one: Claimed, error: RefusedError) -> None:
        """Whose fault a refusal is shows with the next mail that the server takes, unless it says so itself."""
        if not error.is_permanent:
            return self._try_later(one, error.code, str(error))
        if error.is_certain:
            return self._believe(one, error)
        self._doubted.append((one, error))
        if len(self._doubted) == MOST_REFUSALS:
            raise MailError(f"{self._settings.mail.host} refuses one mail after the other, the last with: {error}")
        return None

    def _believe_doubted(self) -> None:
        """The server takes mail from us: what it refused before was for what it said."""
        while self._doubted:
            self._believe(*self._doubted.pop(0))

    def _try_doubted_later(self) -> None:
        """It may have been us whom the server refused: no mail is lost by that, and it counts against nobody."""
        while self._doubted:
            one, error = self._doubted.pop(0)
            self._try_later(one, error.code, str(error))

    def _believe(self, one: Claimed, error: RefusedError) -> None:
        if error.is_of_address:
            code = _status(error) or str(error.code or "")
            key = f"delivery {one.message_id}"
            said = Report(key, "hard", subscriber_id=one.subscriber.id, code=code, reason=str(error))
            self._subscribers.returned(said, self._now())
        self._give_up(one, error.code, str(error))

    def _try_later(self, one: Claimed, code: int | None, reason: str) -> None:
        pause = wait(one.tries)
        if pause is None:
            return self._give_up(one, code, f"given up after {one.tries} tries: {reason}")
        self._ledger.later(one, code, reason, self._now() + pause, self._now())
        return self._tell(one, "later", reason)

    def _give_up(self, one: Claimed, code: int | None, reason: str) -> None:
        self._ledger.failed(one, code, reason, self._now())
        self._tell(one, "failed", reason)

    def _tell(self, one: Claimed, outcome: str, reason: str) -> None:
        self._came[outcome] += 1
        if self._told:
            self._told(one.subscriber.address, one.edition, outcome, reason)


def _status(error: RefusedError) -> str:
    """The code of RFC 3463 that the server gave, "" for none."""
    said = ENHANCED.match(str(error))
    return said.group() if said else ""
