"""Readers and news for the tests of what is mailed: a store with two weeks of news, and a sink that takes the mail."""

from datetime import UTC, datetime, timedelta
from threading import Event

from aggregator.deliver import Deliverer
from aggregator.editions import Editions
from aggregator.mail.circulars import Circulars
from aggregator.mail.links import Links
from aggregator.mail.mailbox import mailbox
from aggregator.model import Choice
from aggregator.settings import ScheduleSettings
from aggregator.web.render import digest_mail_parts
from tests.newsroom import settings

SUBSCRIBED = datetime(2025, 3, 1, tzinfo=UTC)
# a Monday; the news of newsroom.py go on until Friday
MORNING = datetime.fromisoformat("2025-03-17T07:05:00+08:00").astimezone(UTC)


class Room:
    """A service with readers whose mail goes to a sink, and its clock."""

    def __init__(self, store, folder, sink, mail, **schedule):
        self.settings = settings(folder).model_copy(update={"mail": mail, "schedule": ScheduleSettings(**schedule)})
        self.store = store
        self.sink = sink
        self.now = MORNING
        self.told = []

    def add(self, *names, subscribed=SUBSCRIBED, **choice):
        for name in names:
            self.store.subscribers.add(mailbox(f"{name}@example.org"), Choice(**choice), f"trace {name}", subscribed)

    def one(self, name):
        return self.store.subscribers.by_address(mailbox(f"{name}@example.org"))

    def deliverer(self):
        now = lambda: self.now  # noqa: E731
        circulars = Circulars(self.settings, self.store, Editions(self.settings, self.store, now), digest_mail_parts)
        told = lambda *said: self.told.append(said)  # noqa: E731
        return Deliverer(self.settings, self.store, circulars.of, Links(self.settings).of, now, told)

    def deliver(self, limit=None, **later):
        """Run once, so much *later* than before; how many came to which outcome."""
        self.now += timedelta(**later)
        return dict(self.deliverer().run(Event(), limit))

    @property
    def recipients(self):
        return [name.removesuffix("@example.org") for name in self.sink.recipients]
