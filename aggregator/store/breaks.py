"""What is asked of breaks: which begin and end with a visit, who was told, and the responses that prove them."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Select, bindparam, func, or_, select, text, update

from aggregator.model import Break, KeptResponse, Poll, Source, SourceBreak, SourceRef, Visit
from aggregator.store.bulk import Bulk

if TYPE_CHECKING:
    from aggregator.store import Store

Channel = Literal["mail", "webhook"]

source, kept_response = Source.__table__, KeptResponse.__table__  # type: ignore[attr-defined]
source_break, poll = SourceBreak.__table__, Poll.__table__  # type: ignore[attr-defined]

# the service itself is broken when no poll has reached any host for so long, and in so many rounds
LOST_AFTER, LOST_ROUNDS = timedelta(hours=6), 3
# causes of a poll that reached nobody
UNREACHED = ("offline", "dns", "connect", "timeout")
OWN = source_break.c.source_id.is_(None) & source_break.c.ended_at.is_(None)

LASTING = source_break.c.ended_at.is_(None) & (source_break.c.source_id == bindparam("this"))
MET = update(source_break).where(LASTING).values(seen_at=bindparam("at"))
ENDED = update(source_break).where(LASTING).values(ended_at=bindparam("at"))

# the advisory lock of PostgreSQL that holds who tells
TELLERS = 7_285_002
# who is told through a channel, of a break and of its end
TOLD = {
    "mail": (source_break.c.mailed_at, source_break.c.recovery_mailed_at),
    "webhook": (source_break.c.posted_at, source_break.c.recovery_posted_at),
}


@dataclass(frozen=True, slots=True)
class Proof:
    """A kept response, its body readable."""

    fetched_at: datetime
    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    is_cut: bool


def keep(store: "Store", connection: Connection, visits: Sequence[Visit]) -> None:
    """Begin and end breaks and keep responses as *visits* say, in their transaction."""
    met = [{"this": visit.source_id, "at": visit.polled_at} for visit in visits if visit.broken_by and not visit.begun]
    if met:
        connection.execute(MET, met)
    ended = [{"this": visit.source_id, "at": visit.polled_at} for visit in visits if visit.ended]
    if ended:
        connection.execute(ENDED, ended)
    begun = [
        {
            "source_id": visit.source_id,
            "began_at": visit.polled_at,
            "seen_at": visit.polled_at,
            "cause": visit.begun.cause,
            "reason": visit.begun.reason,
        }
        for visit in visits
        if visit.begun
    ]
    if begun:
        connection.execute(source_break.insert(), begun)
    proofs = [
        {
            "source_id": visit.source_id,
            "is_good": visit.kept.is_good,
            "fetched_at": visit.polled_at,
            "url": visit.kept.url,
            "status": visit.kept.status,
            "headers": dict(visit.kept.headers),
            "body": visit.kept.body,
            "is_cut": visit.kept.is_cut,
        }
        for visit in visits
        if visit.kept
    ]
    store.breaks.prove(connection, proofs)


def forget(connection: Connection, now: datetime) -> None:
    """End the breaks of sources that are switched off, without a word: nobody mended them."""
    off = select(source.c.id).where(~source.c.enabled)
    lasting = source_break.c.ended_at.is_(None) & source_break.c.source_id.in_(off)
    ended = {"ended_at": now, "recovery_mailed_at": now, "recovery_posted_at": now}
    if connection.execute(update(source_break).where(lasting).values(ended)).rowcount:
        well = {"fault": None, "strikes": 0, "broken_by": None}
        connection.execute(update(source).where(~source.c.enabled).values(well))


class Breaks:
    def __init__(self, store: "Store") -> None:
        self._store = store
        insert = store.insert(kept_response)
        key = list(kept_response.primary_key)
        said = {column.name: insert.excluded[column.name] for column in kept_response.c if column not in key}
        self.prove = Bulk(insert.on_conflict_do_update(index_elements=key, set_=said))

    def newest(self, limit: int) -> list[Break]:
        """The breaks that began last, of all sources, the newest first."""
        return self._read(_breaks().order_by(source_break.c.id.desc()).limit(limit))

    def of(self, source_id: int, limit: int = 10) -> list[Break]:
        """The breaks of one source, the newest first."""
        query = _breaks().where(source_break.c.source_id == source_id)
        return self._read(query.order_by(source_break.c.id.desc()).limit(limit))

    def lasting_untold(self, channel: Channel) -> list[Break]:
        """Breaks that last and of which *channel* has not told, the oldest first."""
        told, _ = TOLD[channel]
        query = _breaks().where(source_break.c.ended_at.is_(None), told.is_(None))
        return self._read(query.order_by(source_break.c.id))

    def ended_untold(self, channel: Channel) -> list[Break]:
        """Breaks of which *channel* has told, but not of their end, the oldest first."""
        told, of_end = TOLD[channel]
        query = _breaks().where(source_break.c.ended_at.is_not(None), told.is_not(None), of_end.is_(None))
        return self._read(query.order_by(source_break.c.id))

    def of_service(self) -> Break | None:
        """The break of the service itself that lasts: no source can be reached."""
        return next(iter(self._read(_breaks().where(OWN))), None)

    def note_network(self) -> None:
        """Begin the break of the service itself, see it last, or end it, as the polls of late say.

        Whether our network fails, or all of a few universities do, cannot be told from here: a person has to look.
        """
        is_met = or_(poll.c.cause.is_(None), poll.c.cause.not_in(UNREACHED))
        # the walk back ends at the first poll that reached somebody: at once as a rule
        last_met = select(poll.c.id, poll.c.polled_at).where(is_met).order_by(poll.c.id.desc()).limit(1)
        with self._store.read() as connection:
            met = connection.execute(last_met).first()
            since = poll.c.id > (met.id if met else 0)
            sources, polls = func.count(poll.c.source_id.distinct()), func.count()
            span = select(func.min(poll.c.polled_at), func.max(poll.c.polled_at), sources, polls).where(since)
            first, last, sources, polls = connection.execute(span).one()
            said = select(poll.c.message).where(since, poll.c.cause == "offline").order_by(poll.c.id.desc()).limit(1)
            message = connection.execute(said).scalar()
            own = connection.execute(select(source_break.c.began_at).where(OWN)).first()
        if own and met and met.polled_at > own.began_at:
            self._set_own({"seen_at": met.polled_at, "ended_at": met.polled_at})
        elif own and polls:
            self._set_own({"seen_at": last})
        elif not own and message and last - first >= LOST_AFTER and polls >= LOST_ROUNDS * sources:
            reason = f"none of {sources} sources was reached in {polls} polls; the last one: {message}"
            begun = {"source_id": None, "began_at": first, "seen_at": last, "cause": "offline", "reason": reason}
            self._store.transact(lambda connection: connection.execute(source_break.insert().values(begun)))

    def _set_own(self, values: dict[str, datetime | None]) -> None:
        self._store.transact(lambda connection: connection.execute(update(source_break).where(OWN).values(values)))

    def tell(self, channel: Channel, begun: Sequence[Break], ended: Sequence[Break], now: datetime) -> None:
        """Note that *channel* has told of these beginnings and ends."""

        def work(connection: Connection) -> None:
            for column, breaks in zip(TOLD[channel], (begun, ended), strict=True):
                if breaks:
                    which = source_break.c.id.in_([one.id for one in breaks])
                    connection.execute(update(source_break).where(which).values({column.name: now}))

        self._store.transact(work)

    @contextmanager
    def telling(self) -> Iterator[bool]:
        """The right to tell what is untold; False: another worker is at it. On a SQLite file there is no other."""
        if self._store.is_sqlite:
            yield True
            return
        with self._store.write() as connection:
            # the mail server may take longer than a process that was stopped is waited for
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            yield bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": TELLERS}).scalar())

    def proof(self, source_id: int, *, good: bool) -> Proof | None:
        """The last response from which the source was read, or the first one of its latest trouble."""
        query = select(kept_response).where(kept_response.c.source_id == source_id, kept_response.c.is_good == good)
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Proof(row.fetched_at, row.url, row.status, row.headers, gzip.decompress(row.body), row.is_cut)

    def proofs(self) -> Iterator[Proof]:
        """Every kept response, by source, the good one first."""
        order = (kept_response.c.source_id, kept_response.c.is_good.desc())
        with self._store.read() as connection:
            keys = connection.execute(select(kept_response.c.source_id, kept_response.c.is_good).order_by(*order)).all()
        for source_id, good in keys:
            if proof := self.proof(source_id, good=good):
                yield proof

    def _read(self, query: Select[Any]) -> list[Break]:
        with self._store.read() as connection:
            return [
                Break(row.id, SourceRef(*row[1:5]) if row.name is not None else None, *row[5:])
                for row in connection.execute(query)
            ]


def _breaks() -> Select[Any]:
    of_source = (source.c.name, source.c.title, source.c.url, source.c.university)
    its = source_break.c
    said = (its.began_at, its.seen_at, its.cause, its.reason, its.ended_at)
    return select(source_break.c.id, *of_source, *said).outerjoin(source, source.c.id == source_break.c.source_id)
