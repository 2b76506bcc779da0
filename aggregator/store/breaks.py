"""What is asked of breaks: which begin and end with a visit, who was told, and the responses that prove them."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Select, bindparam, select, text, update

from aggregator.model import Break, KeptResponse, Source, SourceBreak, SourceRef, Visit

if TYPE_CHECKING:
    from aggregator.store import Store

Channel = Literal["mail", "webhook"]

source, kept_response = Source.__table__, KeptResponse.__table__  # type: ignore[attr-defined]
source_break = SourceBreak.__table__  # type: ignore[attr-defined]

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
    lasting = source_break.c.ended_at.is_(None) & (source_break.c.source_id == bindparam("this"))
    met = [{"this": visit.source_id, "at": visit.polled_at} for visit in visits if visit.broken_by and not visit.begun]
    if met:
        connection.execute(update(source_break).where(lasting).values(seen_at=bindparam("at")), met)
    ended = [{"this": visit.source_id, "at": visit.polled_at} for visit in visits if visit.ended]
    if ended:
        connection.execute(update(source_break).where(lasting).values(ended_at=bindparam("at")), ended)
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
    if proofs:
        insert = store.insert(kept_response)
        said = {name: insert.excluded[name] for name in proofs[0] if name not in ("source_id", "is_good")}
        connection.execute(insert.on_conflict_do_update(index_elements=["source_id", "is_good"], set_=said), proofs)


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

    def tell(self, channel: Channel, begun: Sequence[Break], ended: Sequence[Break], now: datetime) -> None:
        """Note that *channel* has told of these beginnings and ends."""
        with self._store.write() as connection:
            for column, breaks in zip(TOLD[channel], (begun, ended), strict=True):
                if breaks:
                    which = source_break.c.id.in_([one.id for one in breaks])
                    connection.execute(update(source_break).where(which).values({column.name: now}))

    @contextmanager
    def telling(self) -> Iterator[bool]:
        """The right to tell what is untold; False: another worker is at it. On a SQLite file there is no other."""
        if self._store.is_sqlite:
            yield True
            return
        with self._store.write() as connection:
            yield bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": TELLERS}).scalar())

    def proof(self, source_id: int, *, good: bool) -> Proof | None:
        """The last response from which the source was read, or the first one of its latest trouble."""
        query = select(kept_response).where(kept_response.c.source_id == source_id, kept_response.c.is_good == good)
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Proof(row.fetched_at, row.url, row.status, row.headers, gzip.decompress(row.body), row.is_cut)

    def _read(self, query: Select[Any]) -> list[Break]:
        with self._store.read() as connection:
            return [Break(row.id, SourceRef(*row[1:5]), *row[5:]) for row in connection.execute(query)]


def _breaks() -> Select[Any]:
    of_source = (source.c.name, source.c.title, source.c.url, source.c.university)
    its = source_break.c
    said = (its.began_at, its.seen_at, its.cause, its.reason, its.ended_at)
    return select(source_break.c.id, *of_source, *said).join(source, source.c.id == source_break.c.source_id)
