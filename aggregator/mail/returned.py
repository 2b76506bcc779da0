"""Reads the mailbox where returned mail arrives, and counts what it says: the job behind `subscribers bounces`."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from aggregator.errors import LinkError
from aggregator.mail import imap
from aggregator.mail.bounces import read_reports
from aggregator.mail.links import Links
from aggregator.settings import Settings
from aggregator.store import Store

log = logging.getLogger(__name__)


def read_returned(settings: Settings, store: Store, now: Callable[[], datetime]) -> dict[str, int]:
    """How many unread mails there were ("mails"), how many of them are "reports", and what came of those.

    "stopped", "counted" or "strangers" (nobody of ours). A mail is marked as read after what it says is stored, and a
    report counts once. Raises MailError.
    """
    links = Links(settings)

    def read_token(token: str) -> int | None:
        try:
            return links.read("unsubscribe", token, store.subscribers.by_id, now()).id
        except LinkError:
            return None

    tally: Counter[str] = Counter(mails=0, reports=0, stopped=0, counted=0, strangers=0)
    with imap.opened(settings.mail.bounce_mailbox, settings.mail.timeout_seconds) as box:
        for number in box.unread():
            reports = read_reports(box.read(number), read_token)
            for one in reports:
                state = store.subscribers.returned(one, now())
                log.info("returned kind=%s code=%s state=%s", one.kind, one.code, state)
                result = "stopped" if state in ("bounced", "complained") else "counted"
                tally["strangers" if state is None else result] += 1
            box.done(number)
            tally.update(mails=1, reports=bool(reports))
    return dict(tally)
