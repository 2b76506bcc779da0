"""What is asked of hub subscriptions: which are wanted, which to ask for now, and what hubs said of them."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Row, bindparam, func, select, update

from aggregator.errors import NotFound
from aggregator.model import HubSubscription, Source
from aggregator.store import leases
from aggregator.websub import (
    DENIED_REST,
    PROBATION,
    REST,
    better,
    early_poll_at,
    next_ask_at,
    renewal_at,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from aggregator.store import Store

LONGEST_MESSAGE = 300

source, subscription = Source.__table__, HubSubscription.__table__  # type: ignore[attr-defined]

# what a visit says of the hub that should have announced its entries
JUDGED = (
    update(subscription)
    .where(subscription.c.source_id == bindparam("this"), subscription.c.wanted)
    .values(
        owed=bindparam("owes"),
        missed_at=func.coalesce(bindparam("missed", type_=subscription.c.missed_at.type), subscription.c.missed_at),
    )
)


class Websub:
    def __init__(self, store: "Store") -> None:
        self._store = store

    # ------------------------------------------------------------ asking

    def follow_sources(self, callback_url: str, now: datetime) -> None:
        """Want a subscription for each enabled source whose feed names a hub, and no other; forget what has ended.

        *callback_url* is what callbacks begin with.
        """
        named = select(source.c.id, source.c.hub, source.c.topic).where(source.c.enabled, source.c.hub.is_not(None))
        with self._store.read() as connection:
            sources = {row.id: row for row in connection.execute(named)}
            known = connection.execute(select(subscription)).all()
        right = {row.id: row.source_id for row in known if row.wanted and _is_right(row, sources, callback_url)}
        unwanted = [row for row in known if row.id not in right]
        ended = [row.id for row in unwanted if row.until is None or row.until <= now]
        left = [row.id for row in unwanted if row.wanted and row.id not in ended]
        new = [row for row in sources.values() if row.id not in right.values()]
        if not (ended or left or new):
            return

        def work(connection: Connection) -> None:
            leave = {"wanted": False, "next_ask_at": now, "tries": 0}
            connection.execute(update(subscription).where(subscription.c.id.in_(left)).values(leave))
            connection.execute(subscription.delete().where(subscription.c.id.in_(ended)))
            if new:
                insert = self._store.insert(subscription).on_conflict_do_nothing()  # another worker was quicker
                connection.execute(insert, [_new(row, callback_url, now) for row in new])

        self._store.transact(work)

    def claim(self, now: datetime) -> list[HubSubscription]:
        """Subscriptions to ask for now, or to end: at most one a hub, none of a hub that failed within REST.

        Whoever claims one asks; until its hub confirms, it counts as a failed try.
        """
        other = subscription.alias()
        resting = select(other.c.hub).where(other.c.failed_at > now - REST)
        due = subscription.c.next_ask_at <= now
        first = select(func.min(subscription.c.id)).where(due, subscription.c.hub.not_in(resting))
        ids = first.group_by(subscription.c.hub)
        with self._store.read() as connection:
            if connection.execute(ids.limit(1)).first() is None:
                return []

        def work(connection: Connection) -> list[HubSubscription]:
            rows = connection.execute(select(subscription).where(subscription.c.id.in_(ids)).with_for_update()).all()
            claimed = [row for row in rows if row.next_ask_at <= now]
            for row in claimed:
                again = {"asked_at": now, "tries": row.tries + 1, "next_ask_at": next_ask_at(now, row.tries + 1)}
                connection.execute(update(subscription).where(subscription.c.id == row.id).values(again))
            return [_subscription(row) for row in claimed]

        return self._store.transact(work)

    def refused(self, id_: int, message: str, now: datetime) -> None:
        """A hub did not take the request to subscribe, unless it has confirmed it all the same."""
        unconfirmed = (subscription.c.id == id_) & (subscription.c.tries > 0)
        said = {"failed_at": now, "message": message[:LONGEST_MESSAGE]}
        self._store.transact(
            lambda connection: connection.execute(update(subscription).where(unconfirmed).values(said))
        )

    # ------------------------------------------------------------ what hubs say

    def by_key(self, key: str) -> HubSubscription:
        """The subscription whose callback ends in *key*; raises NotFound."""
        with self._store.read() as connection:
            row = connection.execute(select(subscription).where(subscription.c.key == key)).first()
        if row is None:
            raise NotFound("no subscription has this callback")
        return _subscription(row)

    def confirmed(self, one: HubSubscription, lease: "timedelta", now: datetime) -> None:
        """The hub has subscribed us for *lease*."""
        goes_on = one.until is not None and now < one.until
        said = {
            "since": one.since if goes_on else now,
            "until": now + lease,
            "next_ask_at": renewal_at(one.asked_at or now, now, lease),
            "tries": 0,
            "failed_at": None,
            "denied_at": None,
            "message": None,
        }
        self._set(one, said)

    def denied(self, one: HubSubscription, reason: str, now: datetime) -> None:
        """The hub does not subscribe us, or no longer."""
        said = {
            "since": None,
            "until": None,
            "next_ask_at": now + DENIED_REST,
            "denied_at": now,
            "message": reason[:LONGEST_MESSAGE] or None,
        }
        self._set(one, said)

    def left(self, one: HubSubscription) -> None:
        """The hub has unsubscribed us."""
        this = subscription.c.id == one.id
        self._store.transact(lambda connection: connection.execute(subscription.delete().where(this)))

    def pushed(self, one: HubSubscription, method: str, now: datetime) -> None:
        """The hub has announced news, signed with *method*: the source falls due, and its host with it."""

        def work(connection: Connection) -> None:
            # host, source, subscription: as poll results are recorded, so that writers seldom wait in a ring
            host = connection.execute(select(source.c.host).where(source.c.id == one.source_id)).scalar_one()
            leases.lock(connection, host)
            times = select(source.c.polled_at, source.c.next_poll_at, source.c.list_at)
            row = connection.execute(times.where(source.c.id == one.source_id).with_for_update()).one()
            due_at = min(row.list_at or row.next_poll_at, early_poll_at(now, row.polled_at))
            due = {"pushed_at": now, "next_poll_at": due_at, "list_at": None}
            connection.execute(update(source).where(source.c.id == one.source_id).values(due))
            counted = {"pushes": subscription.c.pushes + 1, "method": better(method, one.method)}
            connection.execute(update(subscription).where(subscription.c.id == one.id).values(counted))
            leases.schedule(connection, [host])

        self._store.transact(work)

    def forged(self, one: HubSubscription) -> None:
        """Somebody knows the callback and not the secret."""
        self._set(one, {"forged": subscription.c.forged + 1})

    # ------------------------------------------------------------ what polls ask

    def of_source(self, source_id: int) -> HubSubscription | None:
        """The subscription that is wanted for a source."""
        mine = select(subscription).where(subscription.c.source_id == source_id, subscription.c.wanted)
        with self._store.read() as connection:
            row = connection.execute(mine).first()
        return _subscription(row) if row else None

    def of_sources(self) -> dict[int, HubSubscription]:
        """The subscriptions that are wanted, by source."""
        with self._store.read() as connection:
            rows = connection.execute(select(subscription).where(subscription.c.wanted)).all()
        return {row.source_id: _subscription(row) for row in rows}

    def pushed_at(self, source_id: int) -> datetime | None:
        """When a hub last announced news of a source."""
        with self._store.read() as connection:
            return connection.execute(select(source.c.pushed_at).where(source.c.id == source_id)).scalar()

    def _set(self, one: HubSubscription, values: Mapping[str, Any]) -> None:
        said = update(subscription).where(subscription.c.id == one.id).values(dict(values))
        self._store.transact(lambda connection: connection.execute(said))


def judge(connection: Connection, verdicts: list[dict[str, Any]]) -> None:
    """Keep what polls say of hubs: rows of this (source), owes and missed."""
    if verdicts:
        connection.execute(JUDGED, verdicts)


def _is_right(row: Row[Any], sources: Mapping[int, Row[Any]], callback_url: str) -> bool:
    named = sources.get(row.source_id)
    return (
        named is not None
        and (named.hub, named.topic) == (row.hub, row.topic)
        and row.callback == callback_url + row.key
    )


def _new(named: Row[Any], callback_url: str, now: datetime) -> dict[str, Any]:
    key = secrets.token_urlsafe(32)
    return {
        "source_id": named.id,
        "hub": named.hub,
        "topic": named.topic,
        "key": key,
        "callback": callback_url + key,
        "secret": secrets.token_hex(32),  # WebSub §5.1: less than 200 bytes
        "wanted": True,
        "next_ask_at": now,
        "tries": 0,
        "owed": PROBATION,
        "pushes": 0,
        "forged": 0,
    }


def _subscription(row: Row[Any]) -> HubSubscription:
    return cast(HubSubscription, row)  # its columns by name
