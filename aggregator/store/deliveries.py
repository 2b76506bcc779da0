"""Which edition was handed over to whom: the ledger of `deliver.py`, a row for each subscriber and edition.

planned -> sending -> sent              a row is claimed for a while (next_try_at is when that ends), and is
   |         |   \\-> planned, later     "sending" from before its mail is handed over until the answer is stored:
   |         \\-----> failed             who was killed in between leaves a "sending" row, which is sent again
   \\---------------> empty, failed
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)

from aggregator.model import Appointment, Delivery, Slot, Subscriber

if TYPE_CHECKING:
    from aggregator.store import Store

BATCH = 500
KEPT = timedelta(days=400)  # finished rows: what a reader may ask about, and next year's summer
FURTHEST = timedelta(days=2)  # nothing is put off for longer
LONGEST_REASON = 300
LEFT = "the reader has left"

subscriber, delivery = Subscriber.__table__, Delivery.__table__  # type: ignore[attr-defined]

OPEN = ("sending", "planned")  # in the order in which they are claimed
IS_ACTIVE = subscriber.c.state == "active"
PLACE = (subscriber.c.tags, subscriber.c.language, subscriber.c.id)
START = ("", "", 0)
COLUMNS = ("id", "edition", "message_id", "state", "tries", "next_try_at")


THIS = delivery.c.id == bindparam("this")
# whether the row is still held by who has claimed it until then: what is finished has no such time
HELD = and_(THIS, delivery.c.next_try_at == bindparam("held"))
READS = exists().where(subscriber.c.id == delivery.c.subscriber_id, IS_ACTIVE)
NOW: dict[str, Any] = {"updated_at": bindparam("now")}
UNTIL: dict[str, Any] = {"next_try_at": bindparam("until")}
DONE: dict[str, Any] = {"next_try_at": null()}
SAID: dict[str, Any] = {"reason": bindparam("said")}
# made once: a mail costs little more than to make them
BEGIN = update(delivery).where(HELD, READS).values(NOW | UNTIL | {"state": "sending", "tries": bindparam("tried")})
ABANDON = update(delivery).where(HELD, ~READS).values(NOW | DONE | {"state": "failed", "reason": LEFT})
RELEASE = update(delivery).where(HELD).values({"next_try_at": bindparam("now")})
SENT = update(delivery).where(THIS).values(NOW | DONE | SAID | {"state": "sent", "code": 250})
OUTCOME: dict[str, Any] = {"state": bindparam("became"), "code": bindparam("answer")}
FINISH = update(delivery).where(HELD).values(NOW | DONE | SAID | OUTCOME)
LATER = update(delivery).where(HELD).values(NOW | UNTIL | SAID | OUTCOME | {"tries": bindparam("tried")})
READ = update(subscriber).where(subscriber.c.id == bindparam("reader")).values(last_edition=bindparam("edition_read"))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row of the ledger that this process holds until *until*."""

    id: int
    edition: str
    message_id: str
    tries: int
    until: datetime
    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that could be claimed, as the operator sees it."""

    address: str
    language: str
    edition: str
    tries: int


def is_edition(name: str) -> ColumnElement[bool]:
    """Whether a delivery is of the day or week *name*, whatever its tags: who changes his tags gets no second mail."""
    return or_(delivery.c.edition == name, delivery.c.edition.startswith(name + "#"))


class Deliveries:
    def __init__(self, store: "Store") -> None:
        self._store = store

    # ------------------------------------------------------------ planning

    def appointments(self) -> list[Appointment]:
        """Every time at which some active subscriber wants mail."""
        columns = (subscriber.c.period, subscriber.c.hour, subscriber.c.weekday, subscriber.c.timezone)
        with self._store.read() as connection:
            return [Appointment(*row) for row in connection.execute(select(*columns).where(IS_ACTIVE).distinct())]

    def due(self, appointment: Appointment, slot: Slot) -> Iterator[Subscriber]:
        """Who is due the edition of *slot* and has no row for it, by tags and language. Reads only."""
        after = START
        while True:
            with self._store.read() as connection:
                rows = connection.execute(_due(appointment, slot, after)).all()
            yield from (cast(Subscriber, row) for row in rows)
            if len(rows) < BATCH:
                return
            after = _place(rows[-1])

    def plan(
        self, appointment: Appointment, slot: Slot, identify: Callable[[Subscriber, str], str], now: datetime
    ) -> int:
        """Write a row for each that is ``due``; how many. *identify* gives the Message-ID for a reader of an edition.

        What they are still owed of older editions is given up: who was away for days finds one mail, not a pile.
        """
        count, after = 0, START
        with self._store.read() as connection:
            if connection.execute(_due(appointment, slot, after, 1)).first() is None:
                return 0  # the usual tick costs no write lock

        def work(connection: Connection) -> list[Row[Any]]:
            rows = list(connection.execute(_due(appointment, slot, after)).all())
            if rows:
                older = delivery.c.subscriber_id.in_([row.id for row in rows]) & (delivery.c.state == "planned")
                given_up = {"state": "failed", "next_try_at": None, "reason": "a newer edition takes its place"}
                connection.execute(update(delivery).where(older).values(given_up | {"updated_at": now}))
                connection.execute(delivery.insert(), [_planned(row, slot, identify, now) for row in rows])
            return rows

        while rows := self._store.transact(work, alone=True):
            count, after = count + len(rows), _place(rows[-1])
        return count

    # ------------------------------------------------------------ sharing the work

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Claimed]:
        """At most *limit* rows whose time has come, the longest due first, which nobody else gets before *until*."""
        with self._store.read() as connection:
            if not any(connection.execute(_open(state, now).limit(1)).first() for state in OPEN):
                return []

        def work(connection: Connection) -> list[Claimed]:
            rows: list[Row[Any]] = []
            for state in OPEN:
                if len(rows) < limit:
                    some = _open(state, now).limit(limit - len(rows)).with_for_update(skip_locked=True)
                    rows += connection.execute(some).all()
            held = {"next_try_at": until}
            connection.execute(update(delivery).where(delivery.c.id.in_([row.id for row in rows])).values(held))
            readers = subscriber.c.id.in_([row.subscriber_id for row in rows])
            known = {row.id: cast(Subscriber, row) for row in connection.execute(select(subscriber).where(readers))}
            return [
                Claimed(row.id, row.edition, row.message_id, row.tries, until, known[row.subscriber_id]) for row in rows
            ]

        return self._store.transact(work)

    def begin(self, one: Claimed, until: datetime, now: datetime) -> Claimed | None:
        """*one*, held until the new *until*, its mail about to be handed over.

        None: another process holds it by now, or its reader has left, and it is given up.
        """
        values = _held(one) | {"tried": one.tries + 1, "until": until, "now": now}

        def work(connection: Connection) -> Claimed | None:
            if connection.execute(BEGIN, values).rowcount == 1:
                return replace(one, tries=one.tries + 1, until=until)
            connection.execute(ABANDON, values)
            return None

        return self._store.transact(work)

    def give_back(self, some: Sequence[Claimed], now: datetime) -> None:
        """Let others claim *some* at once, whose mail was not handed over."""

        def work(connection: Connection) -> None:
            connection.execute(RELEASE, [_held(one) | {"now": now} for one in some])

        if some:
            self._store.transact(work)

    # ------------------------------------------------------------ what became of it

    def sent(self, one: Claimed, said: str, now: datetime) -> None:
        """A server has taken it, whoever holds the row by now."""
        values = {"this": one.id, "said": said[:LONGEST_REASON], "now": now}

        def work(connection: Connection) -> None:
            connection.execute(SENT, values)
            connection.execute(READ, _read(one))

        self._store.transact(work)

    def empty(self, one: Claimed, now: datetime) -> None:
        """There was nothing to mail."""

        def work(connection: Connection) -> None:
            connection.execute(FINISH, _held(one) | {"became": "empty", "answer": None, "said": "", "now": now})
            connection.execute(READ, _read(one))

        self._store.transact(work)

    def failed(self, one: Claimed, code: int | None, reason: str, now: datetime) -> None:
        """It will not be tried again."""
        said = {"became": "failed", "answer": code, "said": reason[:LONGEST_REASON], "now": now}
        self._store.transact(lambda connection: connection.execute(FINISH, _held(one) | said))

    def later(
        self, one: Claimed, code: int | None, reason: str, next_try_at: datetime, now: datetime, *, counts: bool = True
    ) -> None:
        """It is to be tried again. With None as *code* nobody knows whether it was taken: "sending"."""
        values = {
            "became": "sending" if code is None else "planned",
            "tried": one.tries if counts else one.tries - 1,
            "answer": code,
            "said": reason[:LONGEST_REASON],
            "until": next_try_at,
            "now": now,
        }
        self._store.transact(lambda connection: connection.execute(LATER, _held(one) | values))

    # ------------------------------------------------------------ asking

    def waiting_count(self, now: datetime) -> int:
        """How many rows could be claimed now."""
        count = select(func.count()).where(delivery.c.state.in_(OPEN), delivery.c.next_try_at <= now)
        with self._store.read() as connection:
            return int(connection.execute(count).scalar_one())

    def next_at(self) -> datetime | None:
        """When the next row may be claimed, None where all are done."""
        first = select(func.min(delivery.c.next_try_at)).where(delivery.c.state.in_(OPEN))
        with self._store.read() as connection:
            return cast(datetime | None, connection.execute(first).scalar_one())

    def waiting(self, now: datetime) -> Iterator[Waiting]:
        """The rows that could be claimed now. Reads only."""
        columns = (delivery.c.id, subscriber.c.address, subscriber.c.language, delivery.c.edition, delivery.c.tries)
        is_open = delivery.c.state.in_(OPEN) & (delivery.c.next_try_at <= now)
        query = select(*columns).join(subscriber, subscriber.c.id == delivery.c.subscriber_id).where(is_open)
        last = 0
        while True:
            some = query.where(delivery.c.id > last).order_by(delivery.c.id).limit(BATCH)
            with self._store.read() as connection:
                rows = connection.execute(some).all()
            yield from (Waiting(*row[1:]) for row in rows)
            if len(rows) < BATCH:
                return
            last = rows[-1].id

    def counts(self, edition: str | None = None) -> dict[str, int]:
        """How many rows are in each state, of one *edition* (whatever its tags) or of all."""
        query = select(delivery.c.state, func.count().label("number")).group_by(delivery.c.state)
        if edition is not None:
            query = query.where(is_edition(edition))
        with self._store.read() as connection:
            return {row.state: row.number for row in connection.execute(query)}

    def failures(self, since: datetime) -> dict[str, int]:
        """How many mails failed for which reason since then, the most frequent first; but for readers who left."""
        is_failure = and_(delivery.c.state == "failed", delivery.c.updated_at >= since, delivery.c.reason != LEFT)
        number = func.count().label("number")
        query = select(delivery.c.reason, number).where(is_failure).group_by(delivery.c.reason)
        with self._store.read() as connection:
            return {row.reason: row.number for row in connection.execute(query.order_by(number.desc()))}

    def tidy(self, now: datetime) -> int:
        """Forget what was finished KEPT ago; how many rows. What a wrong clock put off until FURTHEST is due now."""
        old = delivery.c.next_try_at.is_(None) & (delivery.c.updated_at < now - KEPT)
        too_far = delivery.c.state.in_(OPEN) & (delivery.c.next_try_at > now + FURTHEST)

        def work(connection: Connection) -> int:
            connection.execute(update(delivery).where(too_far).values(next_try_at=now))
            return connection.execute(delete(delivery).where(old)).rowcount

        return self._store.transact(work)


# ------------------------------------------------------------ inside


def _due(appointment: Appointment, slot: Slot, after: tuple[str, str, int], limit: int = BATCH) -> Any:
    """Subscribers who are due *slot*, by tags and language, so that each mail is written once; from *after* on."""
    is_at = and_(
        IS_ACTIVE,
        subscriber.c.period == appointment.period,
        subscriber.c.hour == appointment.hour,
        subscriber.c.weekday == appointment.weekday,
        subscriber.c.timezone == appointment.timezone,
        subscriber.c.confirmed_at <= slot.at,
    )
    last = subscriber.c.last_edition
    is_new = or_(last.is_(None), and_(last != slot.edition, ~last.startswith(slot.edition + "#")))
    has_none = ~exists().where(delivery.c.subscriber_id == subscriber.c.id, is_edition(slot.edition))
    is_next = tuple_(*PLACE) > tuple_(*after)
    return select(subscriber).where(is_at, is_new, is_next, has_none).order_by(*PLACE).limit(limit)


def _place(row: Row[Any]) -> tuple[str, str, int]:
    return row.tags, row.language, row.id


def _planned(row: Row[Any], slot: Slot, identify: Callable[[Subscriber, str], str], now: datetime) -> dict[str, Any]:
    edition = f"{slot.edition}#{row.tags}" if row.tags else slot.edition
    return {
        "subscriber_id": row.id,
        "edition": edition,
        "message_id": identify(cast(Subscriber, row), edition),
        "state": "planned",
        "tries": 0,
        "next_try_at": now,
        "updated_at": now,
        "reason": "",
    }


def _open(state: str, now: datetime) -> Any:
    columns = [delivery.c[name] for name in (*COLUMNS, "subscriber_id")]
    is_open = (delivery.c.state == state) & (delivery.c.next_try_at <= now)
    return select(*columns).where(is_open).order_by(delivery.c.next_try_at, delivery.c.id)


def _held(one: Claimed) -> dict[str, Any]:
    return {"this": one.id, "held": one.until}


def _read(one: Claimed) -> dict[str, Any]:
    return {"reader": one.subscriber.id, "edition_read": one.edition}
