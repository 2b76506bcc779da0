"""Breaks and recoveries into one mail and one request to a webhook a run: the job that tells the operator.

Each break is told once, after it lasted for alert.settle_hours of working time, and its end once where it was told.
What could not be told is told by the next run. Knows no template: *draw* gives the mail's subject and text.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from aggregator.errors import FetchError, MailError, StoreError
from aggregator.health import ADVICE, is_settled
from aggregator.mail.smtp import message, send
from aggregator.model import Break
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.breaks import Channel
from aggregator.visit.rhythm import WorkingHours

log = logging.getLogger(__name__)

EVERY_MINUTES = 5

Draw = Callable[[Sequence[Break], Sequence[Break]], tuple[str, str]]
Post = Callable[[str, dict[str, Any]], Awaitable[None]]


class Alerts:
    """*draw* makes (subject, text) of what begins and what ends, *post* sends JSON to an address."""

    def __init__(self, settings: Settings, store: Store, draw: Draw, post: Post, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._store = store
        self._draw = draw
        self._post = post
        self._now = now
        channels: dict[Channel, bool] = {"mail": bool(settings.alert.mail), "webhook": bool(settings.alert.webhook)}
        self._channels = [channel for channel, is_wanted in channels.items() if is_wanted]

    async def tell(self) -> None:
        """Tell what nobody was told yet. Never raises for a server that does not take it: the next run tries again.

        Also finds out whether the service itself is broken, which nobody has to be told to be seen on the pages.
        """
        try:
            with self._store.breaks.telling() as is_mine:
                if is_mine:
                    self._store.breaks.note_network()
        except StoreError as error:
            log.error("alert: %s", error)
        for channel in self._channels:
            try:
                with self._store.breaks.telling() as is_mine:
                    if is_mine:
                        await self._tell(channel)
            except (MailError, FetchError, StoreError) as error:
                log.error("alert channel=%s not sent: %s", channel, error)

    async def test(self, subject: str, text: str) -> dict[Channel, str | None]:
        """Send a test through each channel; why it was not taken, None where it was."""
        came: dict[Channel, str | None] = {}
        for channel in self._channels:
            try:
                if channel == "mail":
                    await asyncio.to_thread(self._send, subject, text, self._now())
                else:
                    await self._post(self._settings.alert.webhook, {**self._payload([], []), "test": text})
            except (MailError, FetchError) as error:
                came[channel] = str(error)
            else:
                came[channel] = None
        return came

    async def _tell(self, channel: Channel) -> None:
        now = self._now()
        hours = WorkingHours.parse(self._settings.schedule.working_hours, self._settings.zone)
        settle = timedelta(hours=self._settings.alert.settle_hours)
        lasting = self._store.breaks.lasting_untold(channel)
        begun = [one for one in lasting if is_settled(one, hours, settle)]
        ended = self._store.breaks.ended_untold(channel)
        if not begun and not ended:
            return
        if channel == "mail":
            await asyncio.to_thread(self._mail, begun, ended, now)
        else:
            await self._post(self._settings.alert.webhook, self._payload(begun, ended))
        self._store.breaks.tell(channel, begun, ended, now)
        log.info("alert channel=%s broken=%d recovered=%d", channel, len(begun), len(ended))

    def _mail(self, begun: Sequence[Break], ended: Sequence[Break], now: datetime) -> None:
        self._send(*self._draw(begun, ended), now)

    def _send(self, subject: str, text: str, now: datetime) -> None:
        mail = self._settings.mail
        list(send(mail, [message(mail, self._settings.alert.addresses, subject, text, now)]))

    def _payload(self, begun: Sequence[Break], ended: Sequence[Break]) -> dict[str, Any]:
        return {
            "site": self._settings.site.url,
            "broken": [self._said(one) for one in begun],
            "recovered": [self._said(one) for one in ended],
        }

    def _said(self, one: Break) -> dict[str, Any]:
        site = self._settings.site
        of = {"source": None, "title": site.name, "university": None, "url": site.url, "page": f"{site.url}/sources/"}
        if one.source:
            of = {
                "source": one.source.name,
                "title": one.source.title,
                "university": one.source.university,
                "url": one.source.url,
                "page": f"{site.url}/sources/{one.source.name}/",
            }
        return of | {
            "cause": one.cause,
            "reason": one.reason,
            "advice": ADVICE[one.cause],
            "began_at": one.began_at.isoformat(timespec="seconds"),
            "ended_at": one.ended_at.isoformat(timespec="seconds") if one.ended_at else None,
        }
