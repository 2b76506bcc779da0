"""Letters that the form asks for: one to confirm a subscription, one with the way to the preferences.

What stands in the subscribers' rows is mailed; what cannot be mailed now stays there for later. Knows no template:
*draw* gives a letter's subject and text.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from aggregator.errors import MailError, RefusedError, StoreError
from aggregator.mail.links import Links
from aggregator.mail.smtp import Courier, message
from aggregator.model import Report, Subscriber
from aggregator.settings import Settings
from aggregator.store import Store

log = logging.getLogger(__name__)

# a subscriber and the link of the letter
Draw = Callable[[Subscriber, str], tuple[str, str]]


class Letters:
    def __init__(self, settings: Settings, store: Store, draw: Draw, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._store = store
        self._draw = draw
        self._now = now
        self._lock = threading.Lock()
        self._is_running = self._is_wanted = False

    def wake(self) -> None:
        """Let a thread send what is due; however often it is called, there is one."""
        with self._lock:
            self._is_wanted = True
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name="letters", daemon=True).start()

    def send_due(self) -> int:
        """How many were sent. Never raises for a mail server or a database that does not work: they are sent later."""
        sent = 0
        try:
            links = Links(self._settings)
            with Courier(self._settings.mail) as courier:
                while due := self._store.subscribers.claim_letters(self._now()):
                    for one in due:
                        sent += self._send(courier, one, links)
        except (MailError, StoreError) as error:
            log.error("letters not sent, tried again later: %s", error)
        return sent

    def _send(self, courier: Courier, one: Subscriber, links: Links) -> int:
        try:
            courier.hand_over(one.address_key, self._written(one, links).as_bytes(policy=SMTP))
        except RefusedError as error:
            log.warning("letter subscriber=%s refused: %s", one.id, error)
            if not error.is_permanent or (error.is_of_address and not error.is_certain):
                return 0  # it may mean us
            if error.is_of_address:
                key = f"letter {one.id} {one.asked_at.isoformat()}"
                reason = Report(key, "hard", subscriber_id=one.id, code=str(error.code or ""), reason=str(error))
                self._store.subscribers.returned(reason, self._now())
            self._store.subscribers.letter_sent(one)
            return 0
        except ValueError as error:  # an address that no mail can be written to holds up no other letter
            log.error("letter subscriber=%s cannot be written: %s", one.id, error)
            self._store.subscribers.letter_sent(one)
            return 0
        self._store.subscribers.letter_sent(one)
        log.info("letter subscriber=%s kind=%s", one.id, one.letter)
        return 1

    def _written(self, one: Subscriber, links: Links) -> EmailMessage:
        is_new = one.letter == "confirm"
        subject, text = self._draw(one, links.confirm(one, self._now()) if is_new else links.preferences(one))
        mail = self._settings.mail
        made = message(mail, [one.address_key], subject, text, self._now())
        del made["From"]
        name = " ".join(self._settings.site.name.split())
        made["From"] = Address(name, addr_spec=mail.sender)
        if mail.reply_to:
            made["Reply-To"] = mail.reply_to
        return made

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._is_wanted:
                    self._is_running = False
                    return
                self._is_wanted = False
            try:
                self.send_due()
            except BaseException:
                with self._lock:
                    self._is_running = False
                raise
