"""Which process may visit which host: claimed for a while, kept by renewing, given back, and void once claimed anew.

No task queue does this. Queues hand out jobs, but not one host at a time: one that can lock by a key (procrastinate)
took 2.6 times the CPU of these statements for the same 4,000 visits by 4 workers, and left every job of a killed
worker, and all that waited behind it, standing. A broker (Celery, Dramatiq) is one more server, and the times when
sources are due would still stand in the database. One UPDATE claims the hosts; PostgreSQL skips rows that another
worker is claiming (SKIP LOCKED), SQLite's writers take turns. `python -m tests.benchmarks.claiming` measures it.

The clocks of all workers must agree to well within a lease. Where they do not, or where a process sleeps over its
lease, the token still keeps what is stored right: a visit under a lease that was claimed anew is not recorded.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Row, bindparam, func, or_, select, update

from aggregator.model import Host, Lease, Source

if TYPE_CHECKING:
    from aggregator.store import Store

# parameters in one IN (...): SQLite allows 32,766
CHUNK = 500

host, source = Host.__table__, Source.__table__  # type: ignore[attr-defined]

FREE = or_(host.c.leased_until.is_(None), host.c.leased_until <= bindparam("now"))
DUE = select(host.c.name).where(host.c.next_at <= bindparam("now"), FREE)
FIRST_DUE = DUE.order_by(host.c.next_at).limit(bindparam("limit")).with_for_update(skip_locked=True)
# what an owner gave back only rests, which need not stop somebody who asks for it by name
NAMED = (
    select(host.c.name)
    .where(host.c.name.in_(bindparam("hosts", expanding=True)), FREE | host.c.owner.is_(None))
    .order_by(host.c.name)
    .with_for_update(skip_locked=True)
)


def _leased(which: Any) -> Any:
    """An UPDATE that leases the hosts of *which* and gives their names and tokens."""
    # as a WITH: PostgreSQL might run a subquery that locks and limits more than once
    chosen = select(which.cte("chosen").c.name)
    raised = {"token": host.c.token + 1, "owner": bindparam("by"), "leased_until": bindparam("until")}
    return update(host).where(host.c.name.in_(chosen)).values(raised).returning(host.c.name, host.c.token)


LEASE_DUE, LEASE_NAMED = _leased(FIRST_DUE), _leased(NAMED)

# the longest due sources of claimed hosts, at most *each* of one host
PLACE = func.row_number().over(partition_by=source.c.host, order_by=(source.c.next_poll_at, source.c.id))
RANKED = (
    select(source.c.id, PLACE.label("place"))
    .where(
        source.c.host.in_(bindparam("hosts", expanding=True)),
        source.c.enabled,
        source.c.next_poll_at <= bindparam("now"),
    )
    .subquery()
)
DUE_SOURCES = (
    select(source)
    .join(RANKED, RANKED.c.id == source.c.id)
    .where(RANKED.c.place <= bindparam("each"))
    .order_by(source.c.next_poll_at, source.c.id)
)

NEXT = select(func.min(source.c.next_poll_at)).where(source.c.host == host.c.name, source.c.enabled).scalar_subquery()
FREED = (
    update(host)
    .where(host.c.name == bindparam("this"), host.c.token == bindparam("mine"))
    .values(owner=None, leased_until=bindparam("free_at"), next_at=NEXT)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease with the sources to poll under it, longest due first."""

    lease: Lease
    sources: list[Source] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Holder:
    """A host that another process holds: *owner* names it, and *until* when, unless it renews its lease."""

    host: str
    owner: str
    until: datetime


class Leases:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def claim(self, owner: str, now: datetime, until: datetime, hosts: int, each: int) -> list[Claim]:
        """At most *hosts* free hosts with something due, longest due first, leased to *owner* *until* then.

        Each comes with at most *each* of its due sources.
        """
        with self._store.read() as connection:
            if connection.execute(DUE.limit(1), {"now": now}).first() is None:
                return []  # the usual tick: nothing due costs no write lock
        return self._store.transact(lambda connection: _claim_due(connection, owner, now, until, hosts, each))

    def claim_named(
        self, owner: str, now: datetime, until: datetime, names: Sequence[str]
    ) -> tuple[list[Claim], list[Holder]]:
        """The sources called *names*, due or not, by their hosts, leased to *owner*; and the hosts others hold now."""
        return self._store.transact(lambda connection: _claim_named(connection, owner, now, until, names))

    def renew(self, leases: Sequence[Lease], until: datetime) -> set[Lease]:
        """Prolong *leases*; those that are void by now, because they ran out and another process claimed the host."""

        def work(connection: Connection) -> set[Lease]:
            held = current(connection, leases)
            named = host.c.name.in_([lease.host for lease in held])
            connection.execute(update(host).where(named, host.c.owner.is_not(None)).values(leased_until=until))
            return set(leases) - held

        return self._store.transact(work)

    def release(self, leases: Iterable[Lease]) -> None:
        """Give *leases* back before their sources were polled; a void one is left to its new owner."""
        rows = [_freed(lease, None) for lease in sorted(leases, key=lambda lease: lease.host)]
        if rows:
            self._store.transact(lambda connection: connection.execute(FREED, rows))

    def release_all(self) -> None:
        """Give every lease back: for a scheduler that knows it is the only one, after a crash."""
        self._store.transact(
            lambda connection: connection.execute(
                update(host).where(host.c.owner.is_not(None)).values(owner=None, leased_until=None)
            )
        )

    def holders(self, now: datetime) -> list[Holder]:
        """Every host that a process holds now, by name."""
        held = host.c.owner.is_not(None) & (host.c.leased_until > now)
        with self._store.read() as connection:
            return [_holder(row) for row in connection.execute(select(host).where(held).order_by(host.c.name))]


# ------------------------------------------------------------ within the transaction that records visits


def current(connection: Connection, leases: Iterable[Lease]) -> set[Lease]:
    """Which of *leases* are not void; their hosts cannot be claimed anew before the transaction ends."""
    wanted = sorted({lease.host for lease in leases})
    rows = select(host.c.name, host.c.token).where(host.c.name.in_(wanted)).order_by(host.c.name)
    found = {Lease(*row) for row in connection.execute(rows.with_for_update())} if wanted else set()
    return found & set(leases)


def free(connection: Connection, leases: Iterable[tuple[Lease, datetime]]) -> None:
    """End *leases*, each with the time from which its host may be claimed again."""
    rows = [_freed(lease, free_at) for lease, free_at in leases]
    connection.execute(FREED, sorted(rows, key=lambda row: row["this"]))


def schedule(connection: Connection, hosts: Iterable[str]) -> None:
    """Let *hosts* be due when the first of their enabled sources is; makes the rows of those that are new."""
    for chunk in _chunks(sorted(set(hosts))):
        known = set(connection.execute(select(host.c.name).where(host.c.name.in_(chunk))).scalars())
        if new := [{"name": name, "token": 0} for name in chunk if name not in known]:
            connection.execute(host.insert(), new)
        connection.execute(update(host).where(host.c.name.in_(chunk)).values(next_at=NEXT))


# ------------------------------------------------------------ inside


def _claim_due(
    connection: Connection, owner: str, now: datetime, until: datetime, hosts: int, each: int
) -> list[Claim]:
    leased = connection.execute(LEASE_DUE, {"now": now, "by": owner, "until": until, "limit": hosts})
    claims = {row.name: Claim(Lease(row.name, row.token)) for row in leased}
    for row in connection.execute(DUE_SOURCES, {"hosts": list(claims), "now": now, "each": each}):
        claims[row.host].sources.append(_source(row))
    # a worker that was killed recorded visits without freeing the host: nothing of it is due after all
    if idle := [_freed(claim.lease, None) for claim in claims.values() if not claim.sources]:
        connection.execute(FREED, idle)
    return [claim for claim in claims.values() if claim.sources]


def _claim_named(
    connection: Connection, owner: str, now: datetime, until: datetime, names: Sequence[str]
) -> tuple[list[Claim], list[Holder]]:
    claims: dict[str, Claim] = {}
    others: list[Holder] = []
    for chunk in _chunks(names):
        hosts = select(source.c.host).where(source.c.name.in_(chunk)).distinct()
        new = [name for name in connection.execute(hosts).scalars() if name not in claims]
        leased = connection.execute(LEASE_NAMED, {"now": now, "by": owner, "until": until, "hosts": new})
        claims |= {row.name: Claim(Lease(row.name, row.token)) for row in leased}
        held = select(host).where(host.c.name.in_([name for name in new if name not in claims]))
        others += [_holder(row) for row in connection.execute(held)]
        for row in connection.execute(select(source).where(source.c.name.in_(chunk))):
            if row.host in claims:
                claims[row.host].sources.append(_source(row))
    return list(claims.values()), sorted(set(others), key=lambda one: one.host)


def _freed(lease: Lease, free_at: datetime | None) -> dict[str, Any]:
    return {"this": lease.host, "mine": lease.token, "free_at": free_at}


def _holder(row: Row[Any]) -> Holder:
    return Holder(row.name, row.owner or "", row.leased_until)


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]


def _source(row: Row[Any]) -> Source:
    # a row has a Source's columns by name; making the object costs more than polling an unchanged feed
    return cast(Source, row)
