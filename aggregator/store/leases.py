"""Which process may visit which host: claimed for a while, kept by renewing, given back, and void once claimed anew.

No task queue does this. Queues hand out jobs, but not one host at a time: one that can lock by a key (procrastinate)
took 2.6 times the CPU of these statements for the same 4,000 visits by 4 workers, and left every job of a killed
worker, and all that waited behind it, standing. A broker (Celery, Dramatiq) is one more server, and the times when
sources are due would still stand in the database. One UPDATE claims the hosts; PostgreSQL skips rows that another
worker is claiming (SKIP LOCKED), SQLite's writers take turns: 7 to 9 us of CPU a source of 100,000 on a busy machine
(`python -m tests.benchmarks.claiming`), beside the milliseconds of its poll.

The clocks of all workers must agree to well within a lease. Where they do not, or where a process sleeps over its
lease, the token still keeps what is stored right: a visit under a lease that was claimed anew is not recorded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, any_, bindparam, case, func, select, true, update

from aggregator.model import Host, Lease, Source
from aggregator.store.bulk import chunks

if TYPE_CHECKING:
    from aggregator.store import Store

host, source = Host.__table__, Source.__table__  # type: ignore[attr-defined]

DUE = select(host.c.name).where(host.c.next_at <= bindparam("now"))
ANY_DUE = DUE.limit(1)
FIRST_DUE = DUE.order_by(host.c.next_at).limit(bindparam("limit")).with_for_update(skip_locked=True)
TOKENS = (
    select(host.c.name, host.c.token)
    .where(host.c.name.in_(bindparam("hosts", expanding=True)))
    .order_by(host.c.name)
    .with_for_update()
)
FREE = host.c.owner.is_(None) | (host.c.next_at <= bindparam("now"))
NAMED = (
    select(host.c.name)
    .where(host.c.name.in_(bindparam("hosts", expanding=True)), FREE)
    .order_by(host.c.name)
    .with_for_update(skip_locked=True)
)


def _leased(which: Any) -> Any:
    """An UPDATE that leases the hosts of *which* and gives their names and tokens."""
    # as a WITH: PostgreSQL might run a subquery that locks and limits more than once
    chosen = select(which.cte("chosen").c.name)
    raised = {"token": host.c.token + 1, "owner": bindparam("by"), "next_at": bindparam("until")}
    return update(host).where(host.c.name.in_(chosen)).values(raised).returning(host.c.name, host.c.token)


LEASE_DUE, LEASE_NAMED = _leased(FIRST_DUE), _leased(NAMED)

# what a poll does not ask of its source: reading it would double the cost of a claim
UNASKED = ("site", "university", "title", "kind", "enabled", "repair", "quiet_at", "next_poll_at")
ASKED = [column for column in source.c if column.name not in UNASKED]

# the longest due sources of a host, at most *each*: read through the index however many are due
near = source.alias("near")
NEAREST = (
    select(near.c.id)
    .where(near.c.host == host.c.name, near.c.enabled == true(), near.c.next_poll_at <= bindparam("now"))
    .order_by(near.c.next_poll_at, near.c.id)
    .limit(bindparam("each"))
    .correlate(host)
)


def _due_sources(nearest: ColumnElement[bool]) -> Select[Any]:
    claimed = host.c.name.in_(bindparam("hosts", expanding=True))
    return select(*ASKED).select_from(host).join(source, nearest).where(claimed)


# each looks up the ids of a subquery one by one only when asked in its own words
DUE_SOURCES_SQLITE = _due_sources(source.c.id.in_(NEAREST))
DUE_SOURCES_POSTGRESQL = _due_sources(source.c.id == any_(func.array(NEAREST.scalar_subquery())))

NEXT = select(func.min(near.c.next_poll_at)).where(near.c.host == host.c.name, near.c.enabled == true())
NEXT_AT = NEXT.correlate(host).scalar_subquery()
FREED = (
    update(host)
    .where(host.c.name == bindparam("this"), host.c.token == bindparam("mine"))
    .values(owner=None, next_at=case((bindparam("free_at") > NEXT_AT, bindparam("free_at")), else_=NEXT_AT))
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease with the sources to poll under it."""

    lease: Lease
    # rows, which have a Source's columns by name, but for UNASKED: making objects would cost as much as the claim
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
            if connection.execute(ANY_DUE, {"now": now}).first() is None:
                return []  # the usual tick: nothing due costs no write lock
        due_sources = DUE_SOURCES_SQLITE if self._store.is_sqlite else DUE_SOURCES_POSTGRESQL

        def work(connection: Connection) -> list[Claim]:
            leased = connection.execute(LEASE_DUE, {"now": now, "by": owner, "until": until, "limit": hosts})
            claims = {row.name: Claim(Lease(row.name, row.token)) for row in leased.all()}
            for row in connection.execute(due_sources, {"hosts": list(claims), "now": now, "each": each}).all():
                claims[row.host].sources.append(row)  # type: ignore[arg-type]
            # a worker that was killed recorded visits without freeing the host: nothing of it is due after all
            if idle := [_freed(claim.lease, None) for claim in claims.values() if not claim.sources]:
                connection.execute(FREED, idle)
            return [claim for claim in claims.values() if claim.sources]

        return self._store.transact(work)

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
            connection.execute(update(host).where(named, host.c.owner.is_not(None)).values(next_at=until))
            return set(leases) - held

        return self._store.transact(work)

    def release(self, leases: Iterable[Lease]) -> None:
        """Give *leases* back before their sources were polled; a void one is left to its new owner."""
        given = list(leases)

        def work(connection: Connection) -> None:
            if held := current(connection, given):
                free(connection, [(lease, None) for lease in held])

        if given:
            self._store.transact(work)

    def release_all(self) -> None:
        """Give every lease back: for a scheduler that knows it is the only one, after a crash."""

        def work(connection: Connection) -> None:
            held = host.c.owner.is_not(None)
            connection.execute(select(host.c.name).where(held).order_by(host.c.name).with_for_update())
            connection.execute(update(host).where(held).values(owner=None, next_at=NEXT_AT))

        self._store.transact(work)

    def holders(self, now: datetime) -> list[Holder]:
        """Every host that a process holds now, by name."""
        held = host.c.owner.is_not(None) & (host.c.next_at > now)
        with self._store.read() as connection:
            return [_holder(row) for row in connection.execute(select(host).where(held).order_by(host.c.name))]


# ------------------------------------------------------------ within the transaction that records visits


def current(connection: Connection, leases: Iterable[Lease]) -> set[Lease]:
    """Which of *leases* are not void; their hosts cannot be claimed anew before the transaction ends."""
    wanted = list({lease.host for lease in leases})
    found = {Lease(*row) for row in connection.execute(TOKENS, {"hosts": wanted}).all()} if wanted else set()
    return found & set(leases)


def free(connection: Connection, leases: Iterable[tuple[Lease, datetime | None]]) -> None:
    """End *leases*, which are ``current``, each with the time from which its host may be claimed again; None: at once.

    PostgreSQL asks when a host's sources are due as they were when the statement began: only who locked the host before
    sees what was scheduled meanwhile.
    """
    rows = [_freed(lease, free_at) for lease, free_at in leases]
    connection.execute(FREED, sorted(rows, key=lambda row: row["this"]))


def lock(connection: Connection, name: str) -> None:
    """Let nobody claim or give back the host *name* before the transaction ends."""
    connection.execute(select(host.c.name).where(host.c.name == name).with_for_update())


def schedule(connection: Connection, hosts: Iterable[str]) -> None:
    """Let *hosts* be due when the first of their enabled sources is; makes the rows of those that are new."""
    for chunk in chunks(sorted(set(hosts))):
        # locked: who gives one back now must see what is scheduled here, or be waited for
        known = {name for name, _ in connection.execute(TOKENS, {"hosts": chunk}).all()}
        if new := [{"name": name, "token": 0} for name in chunk if name not in known]:
            connection.execute(host.insert(), new)
        # a host that is held is scheduled when it is given back
        connection.execute(update(host).where(host.c.name.in_(chunk), host.c.owner.is_(None)).values(next_at=NEXT_AT))


# ------------------------------------------------------------ inside


def _claim_named(
    connection: Connection, owner: str, now: datetime, until: datetime, names: Sequence[str]
) -> tuple[list[Claim], list[Holder]]:
    claims: dict[str, Claim] = {}
    others: list[Holder] = []
    for chunk in chunks(names):
        hosts = select(source.c.host).where(source.c.name.in_(chunk)).distinct()
        new = [name for name in connection.execute(hosts).scalars() if name not in claims]
        leased = connection.execute(LEASE_NAMED, {"now": now, "by": owner, "until": until, "hosts": new})
        claims |= {row.name: Claim(Lease(row.name, row.token)) for row in leased}
        held = select(host).where(host.c.name.in_([name for name in new if name not in claims]))
        others += [_holder(row) for row in connection.execute(held)]
        for row in connection.execute(select(*ASKED).where(source.c.name.in_(chunk))).all():
            if row.host in claims:
                claims[row.host].sources.append(row)  # type: ignore[arg-type]
    return list(claims.values()), sorted(set(others), key=lambda one: one.host)


def _freed(lease: Lease, free_at: datetime | None) -> dict[str, Any]:
    return {"this": lease.host, "mine": lease.token, "free_at": free_at}


def _holder(row: Row[Any]) -> Holder:
    return Holder(row.name, row.owner or "", row.next_at)
