"""Who gets digests by mail: what sign-ups, confirmations, farewells and returned mails make of a subscriber.

    (form) -> pending -> active -> left | bounced | complained
                ^                    |        |
                +----- (form) -------+--------+     who has complained is written to by nobody any more

Knows no page and no mail server. What is to be mailed besides digests stands as a letter in the subscriber's row.
"""

import secrets
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, or_, select, update

from aggregator.errors import NotFound
from aggregator.mail.mailbox import Mailbox
from aggregator.model import Choice, Delivery, Erased, MailReport, Report, Subscriber

if TYPE_CHECKING:
    from aggregator.store import Store

# letters that the form sends to one address in a day (UTC)
MOST_ASKS = 3
# returned mails that stop an address, if there is not so long a time without one
MOST_BOUNCES, BOUNCES_COUNT_FOR = 3, timedelta(days=60)
# who has not said yes by then is forgotten: the link is void long before
FORGOTTEN_AFTER = timedelta(days=7)
# a letter that is not sent within it is tried again: the process that took it has died
LETTER_LEASE = timedelta(minutes=5)
LETTER_TRIES = 8  # with pauses that double: for half a day
LONGEST_REASON = 300
BATCH = 500

Added = Literal["added", "known", "erased"]

subscriber, delivery = Subscriber.__table__, Delivery.__table__  # type: ignore[attr-defined]
report, erased = MailReport.__table__, Erased.__table__  # type: ignore[attr-defined]

SHOWN = [column for column in subscriber.c if column.name != "token_salt"]  # of our links, not of the person


class Subscribers:
    def __init__(self, store: "Store") -> None:
        self._store = store

    # ------------------------------------------------------------ asking

    def by_id(self, number: int) -> Subscriber | None:
        return self._one(subscriber.c.id == number)

    def by_address(self, mailbox: Mailbox) -> Subscriber:
        """Whoever has exactly this address, else in other case. Raises NotFound."""
        found = self._one(subscriber.c.address_key == mailbox.key) or self._one(_is_person(mailbox))
        if found is None:
            raise NotFound(f"no subscriber has the address {mailbox.address}")
        return found

    def walk(self, state: str | None = None) -> Iterator[Subscriber]:
        """All of them, or those in *state*, in the order in which they came."""
        last = 0
        while True:
            some = select(subscriber).where(subscriber.c.id > last).order_by(subscriber.c.id).limit(BATCH)
            if state:
                some = some.where(subscriber.c.state == state)
            with self._store.read() as connection:
                rows = connection.execute(some).all()
            yield from map(_subscriber, rows)
            if len(rows) < BATCH:
                return
            last = rows[-1].id

    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        count = select(subscriber.c.state, func.count().label("number")).group_by(subscriber.c.state)
        with self._store.read() as connection:
            return {row.state: row.number for row in connection.execute(count)}

    def everything(self, one: Subscriber) -> dict[str, list[dict[str, Any]]]:
        """All rows that are about *one*, by table."""
        with self._store.read() as connection:
            return {
                table.name: [dict(row._mapping) for row in connection.execute(select(*columns).where(is_of_one))]
                for table, columns, is_of_one in (
                    (subscriber, SHOWN, subscriber.c.id == one.id),
                    (delivery, delivery.c, delivery.c.subscriber_id == one.id),
                    (report, report.c, report.c.subscriber_id == one.id),
                )
            }

    # ------------------------------------------------------------ the form

    def sign_up(self, mailbox: Mailbox, choice: Choice, now: datetime) -> None:
        """Somebody says that *mailbox* wants *choice*: leaves a letter for it, at most MOST_ASKS a day.

        The letter asks for a confirmation; who is active already is sent the way to the preferences, and keeps them.
        """

        def work(connection: Connection) -> None:
            insert = self._store.insert(subscriber).values(_new(mailbox, choice, now)).on_conflict_do_nothing()
            connection.execute(insert)
            mine = subscriber.c.address_key == mailbox.key
            row = connection.execute(select(subscriber).where(mine).with_for_update()).one()
            asks = row.asks if row.asked_at.date() == now.date() else 0
            if row.state == "complained" or asks >= MOST_ASKS:
                return
            said = {"asked_at": now, "asks": asks + 1, "letter_at": now, "letter_tries": 0}
            if row.state == "active":
                said["letter"] = "preferences"
            else:
                # of a life that has ended: its links, wherever they were forwarded to, have no power over the next
                again = {"token_salt": _salt()} if row.state in ("left", "bounced") else {}
                said |= {"letter": "confirm", "state": "pending", "address": mailbox.address, **asdict(choice), **again}
            connection.execute(update(subscriber).where(mine).values(said))

        self._store.transact(work)

    def confirm(self, one: Subscriber, trace: str, now: datetime) -> bool:
        """*one* says yes: True, or False who has left since. Of an address erased before *trace* is forgotten."""
        is_asked = (subscriber.c.id == one.id) & subscriber.c.state.in_(("pending", "active"))
        said = {
            "state": "active",
            "confirmed_at": case((subscriber.c.state == "active", subscriber.c.confirmed_at), else_=now),
            "left_at": None,
            "bounces": 0,
            "bounced_at": None,
            "letter": None,
            "letter_at": None,
        }

        def work(connection: Connection) -> bool:
            is_done = connection.execute(update(subscriber).where(is_asked).values(said)).rowcount == 1
            if is_done:
                connection.execute(delete(erased).where(erased.c.address_hash == trace))
            return is_done

        return self._store.transact(work)

    def choose(self, one: Subscriber, choice: Choice) -> None:
        """*one* wants something else."""
        self._set(subscriber.c.id == one.id, asdict(choice))

    def leave(self, one: Subscriber, now: datetime) -> None:
        """*one* wants no more mail. Safe to repeat."""
        is_here = subscriber.c.state.in_(("pending", "active"))
        said = {"state": "left", "left_at": now, "letter": None, "letter_at": None}
        self._set((subscriber.c.id == one.id) & is_here, said)

    # ------------------------------------------------------------ the operator

    def add(self, mailbox: Mailbox, choice: Choice, trace: str, now: datetime, **fields: Any) -> Added:
        """A subscriber whom the operator vouches for; *fields* of its row. Who is known already stays as they are."""

        def work(connection: Connection) -> Added:
            if connection.execute(select(erased).where(erased.c.address_hash == trace)).first():
                return "erased"
            if connection.execute(select(subscriber.c.id).where(_is_person(mailbox))).first():
                return "known"
            new = {**_new(mailbox, choice, now), "state": "active", "confirmed_at": now, **fields}
            insert = self._store.insert(subscriber).values(new).on_conflict_do_nothing()
            return "added" if connection.execute(insert.returning(subscriber.c.id)).first() else "known"

        return self._store.transact(work)

    def erase(self, mailbox: Mailbox, trace: str, now: datetime) -> bool:
        """Forget all about *mailbox*, in whatever case it is written, but its *trace*; whether there was anything."""

        def work(connection: Connection) -> bool:
            gone = connection.execute(delete(subscriber).where(_is_person(mailbox))).rowcount
            keep = self._store.insert(erased).values(address_hash=trace, erased_at=now).on_conflict_do_nothing()
            connection.execute(keep)
            return gone > 0

        return self._store.transact(work)

    def tidy(self, now: datetime) -> int:
        """Forget who was asked and never answered; how many. Who had been active once is kept as left."""
        silent = (subscriber.c.state == "pending") & (subscriber.c.asked_at < now - FORGOTTEN_AFTER)
        never = subscriber.c.confirmed_at.is_(None)

        def work(connection: Connection) -> int:
            connection.execute(update(subscriber).where(silent, ~never).values(state="left"))
            return connection.execute(delete(subscriber).where(silent, never)).rowcount

        return self._store.transact(work)

    # ------------------------------------------------------------ returned mail

    def returned(self, said: Report, now: datetime) -> str | None:
        """Count what a mail server says; the subscriber's state after it, None for nobody of ours.

        Safe to repeat: each report counts once. One complaint or MOST_BOUNCES mails returned for good stop an address.
        """
        if said.subscriber_id is not None:
            is_meant = subscriber.c.id == said.subscriber_id
        else:
            is_meant = or_(subscriber.c.address_key == said.address, subscriber.c.address == said.address)

        def work(connection: Connection) -> str | None:
            row = connection.execute(select(subscriber).where(is_meant).with_for_update()).first()
            if row is None:
                return None
            new = {
                "key": said.key,
                "subscriber_id": row.id,
                "kind": said.kind,
                "code": said.code,
                "reason": said.reason[:LONGEST_REASON],
                "received_at": now,
            }
            insert = self._store.insert(report).values(new).on_conflict_do_nothing()
            is_new = connection.execute(insert.returning(report.c.id)).first() is not None
            if not is_new or said.kind == "soft":
                return str(row.state)
            after = _after(row, said.kind, now)
            connection.execute(update(subscriber).where(subscriber.c.id == row.id).values(after))
            return str(after.get("state", row.state))

        return self._store.transact(work)

    # ------------------------------------------------------------ letters

    def claim_letters(self, now: datetime, limit: int = 20) -> list[Subscriber]:
        """Whom to send a letter now; nobody else sends it within LETTER_LEASE. Unsent ones come again, later."""
        due = select(subscriber).where(subscriber.c.letter_at <= now).order_by(subscriber.c.letter_at).limit(limit)
        with self._store.read() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []

        def work(connection: Connection) -> list[Subscriber]:
            rows = connection.execute(due.with_for_update(skip_locked=True)).all()
            for row in rows:
                pause = LETTER_LEASE * 2 ** min(row.letter_tries, LETTER_TRIES)
                later = {"letter_at": now + pause, "letter_tries": row.letter_tries + 1}
                if row.letter_tries >= LETTER_TRIES:
                    later = {"letter": None, "letter_at": None}
                connection.execute(update(subscriber).where(subscriber.c.id == row.id).values(later))
            return [_subscriber(row) for row in rows if row.letter_tries < LETTER_TRIES]

        return self._store.transact(work)

    def letter_sent(self, one: Subscriber) -> None:
        """The letter of *one*, as it was claimed, is on its way, or is given up."""
        same = (subscriber.c.id == one.id) & (subscriber.c.letter == one.letter) & (subscriber.c.asks == one.asks)
        self._set(same, {"letter": None, "letter_at": None, "letter_tries": 0})

    # ------------------------------------------------------------ inside

    def _one(self, condition: Any) -> Subscriber | None:
        with self._store.read() as connection:
            row = connection.execute(select(subscriber).where(condition)).first()
        return _subscriber(row) if row else None

    def _set(self, condition: Any, values: dict[str, Any]) -> None:
        said = update(subscriber).where(condition).values(values)
        self._store.transact(lambda connection: connection.execute(said))


def _after(row: Row[Any], kind: str, now: datetime) -> dict[str, Any]:
    """What a report of *kind* changes."""
    stopped = {"letter": None, "letter_at": None}
    if kind == "complaint":
        return {"state": "complained", "left_at": now, **stopped}
    is_old = row.bounced_at is None or now - row.bounced_at > BOUNCES_COUNT_FOR
    bounces = 1 if is_old else row.bounces + 1
    after = {"bounces": bounces, "bounced_at": now}
    if bounces >= MOST_BOUNCES and row.state in ("active", "pending"):
        after |= {"state": "bounced", "left_at": now, **stopped}
    return after


def _new(mailbox: Mailbox, choice: Choice, now: datetime) -> dict[str, Any]:
    return {
        "address": mailbox.address,
        "address_key": mailbox.key,
        **asdict(choice),
        "state": "pending",
        "asked_at": now,
        "asks": 0,
        "token_salt": _salt(),
        "letter_tries": 0,
        "bounces": 0,
        "note": "",
    }


def _is_person(mailbox: Mailbox) -> ColumnElement[bool]:
    """Nearly no host tells "Lin" from "lin": who left, or was erased, is not to come back by that (RFC 5321 §2.4)."""
    return func.lower(subscriber.c.address_key) == mailbox.key.lower()


def _salt() -> str:
    return secrets.token_urlsafe(12)


def _subscriber(row: Row[Any]) -> Subscriber:
    return cast(Subscriber, row)  # its columns by name
