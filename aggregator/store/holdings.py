"""What the archive holds of which entry, what it is to look at next, and what it lets go first.

Knows names of files, and no file: aggregator/archive.py does.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, literal, select, tuple_, update

from aggregator.model import Archived, ArchiveLook, Blob, Entry, Source
from aggregator.store.bulk import chunks

if TYPE_CHECKING:
    from aggregator.store import Store

# when it is switched on, entries of the last days are kept, too
SINCE = timedelta(days=7)
# whoever takes an entry up has so long, before another does
LEASE = timedelta(minutes=15)
BATCH = 2000

entry, source = Entry.__table__, Source.__table__  # type: ignore[attr-defined]
archived, blob, look = Archived.__table__, Blob.__table__, ArchiveLook.__table__  # type: ignore[attr-defined]

# what is withheld is nobody's to see, in whatever form
SHOWN = (
    select(archived.c.digest, archived.c.content_type, archived.c.kept_at)
    .join(entry, entry.c.id == archived.c.entry_id)
    .where(~entry.c.is_withheld)
    .order_by(archived.c.kept_at.desc())
    .limit(1)
)
EVERYTHING = (
    select(archived)
    .join(entry, entry.c.id == archived.c.entry_id)
    .where(~entry.c.is_withheld)
    .order_by(archived.c.entry_id, archived.c.url)
)
PICTURE_AT = SHOWN.where(archived.c.url == bindparam("url"), archived.c.kind == "picture")
PAGE_OF = SHOWN.where(archived.c.entry_id == bindparam("entry_id"), archived.c.kind == "page")


@dataclass(frozen=True, slots=True)
class Thing:
    """A page or a picture, as it is kept."""

    url: str
    kind: Literal["page", "picture"]
    content_type: str
    digest: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of an address: the file's name, what its server called it, since when."""

    digest: str
    content_type: str
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """How much is kept, of how many entries, and how many wait."""

    pages: int
    pictures: int
    entries: int
    files: int
    bytes: int
    waiting: int


class Holdings:
    def __init__(self, store: "Store") -> None:
        self._store = store

    # ------------------------------------------------------------ what is to be kept

    def notice(self, now: datetime) -> None:
        """Have new entries kept: those that came since the last one that the archive knows of."""
        with self._store.read() as connection:
            last = connection.execute(select(func.max(look.c.entry_id))).scalar_one()
            if last is None:
                first = select(func.min(entry.c.id)).where(entry.c.seen_at >= now - SINCE)
                last = (connection.execute(first).scalar_one() or 1) - 1
            some = connection.execute(select(entry.c.id).where(entry.c.id > last).limit(1)).first()
        if some:
            self._add(select(entry.c.id, literal(0), literal(now)).where(entry.c.id > last))

    def want(self, name: str | None, now: datetime) -> int:
        """Have every entry kept that is not yet, of the source called *name* or of all; how many those are."""
        wanted = select(entry.c.id, literal(0), literal(now))
        if name is not None:
            wanted = wanted.join(source, source.c.id == entry.c.source_id).where(source.c.name == name)
        kept = exists().where(archived.c.entry_id == entry.c.id)
        waits = exists().where(look.c.entry_id == entry.c.id, look.c.due_at.is_not(None))
        wanted = wanted.where(~kept, ~waits)

        def work(connection: Connection) -> int:
            ids = list(connection.execute(wanted.with_only_columns(entry.c.id)).scalars())
            for chunk in chunks(ids):
                connection.execute(delete(look).where(look.c.entry_id.in_(chunk)))
                connection.execute(insert(look), [{"entry_id": id_, "tries": 0, "due_at": now} for id_ in chunk])
            return len(ids)

        return self._store.transact(work)

    def claim(self, now: datetime, limit: int) -> list[tuple[int, int]]:
        """(entry, how often it failed) of those to keep now, the newest first; nobody else gets them for a while."""
        due = select(look.c.entry_id, look.c.tries).where(look.c.due_at <= now)
        due = due.order_by(look.c.entry_id.desc()).limit(limit)

        def work(connection: Connection) -> list[tuple[int, int]]:
            rows = [(row.entry_id, row.tries) for row in connection.execute(due.with_for_update(skip_locked=True))]
            later = update(look).where(look.c.entry_id.in_([id_ for id_, _ in rows]))
            connection.execute(later.values(due_at=now + LEASE, tries=look.c.tries + 1))
            return rows

        with self._store.read() as connection:
            if connection.execute(due).first() is None:
                return []
        return self._store.transact(work)

    def later(self, entry_id: int, at: datetime | None) -> None:
        """Look at that entry again at *at*, None: never."""
        self._store.transact(lambda c: c.execute(update(look).where(look.c.entry_id == entry_id).values(due_at=at)))

    # ------------------------------------------------------------ what is kept

    def keep(self, entry_id: int, things: Sequence[Thing], now: datetime, *, again_at: datetime | None) -> bool:
        """Know that *things* are kept of that entry; False: it has been deleted meanwhile."""

        def work(connection: Connection) -> bool:
            there = select(entry.c.id).where(entry.c.id == entry_id).with_for_update(read=True, key_share=True)
            if connection.execute(there).first() is None:
                return False
            if things:
                blobs = [{"digest": one.digest, "bytes": one.bytes} for one in things]
                connection.execute(self._store.insert(blob).on_conflict_do_nothing(), blobs)
                rows = [
                    {"entry_id": entry_id, "url": one.url, "kind": one.kind, "content_type": one.content_type,
                     "digest": one.digest, "kept_at": now}
                    for one in things
                ]  # fmt: skip
                connection.execute(self._store.insert(archived).on_conflict_do_nothing(), rows)
            connection.execute(update(look).where(look.c.entry_id == entry_id).values(due_at=again_at))
            return True

        return self._store.transact(work, alone=True)  # not while files that nothing needs are thrown away

    def kept_of(self, entry_id: int) -> set[str]:
        """The addresses of what is kept of that entry."""
        with self._store.read() as connection:
            return set(connection.execute(select(archived.c.url).where(archived.c.entry_id == entry_id)).scalars())

    def picture(self, url: str) -> Found | None:
        with self._store.read() as connection:
            row = connection.execute(PICTURE_AT, {"url": url}).first()
        return Found(*row) if row else None

    def page(self, entry_id: int) -> Found | None:
        """The page of that entry as it was."""
        with self._store.read() as connection:
            row = connection.execute(PAGE_OF, {"entry_id": entry_id}).first()
        return Found(*row) if row else None

    def walk(self) -> Iterator[tuple[str, str, Found]]:
        """(address, "page" or "picture", what is kept of it) of all that may be shown, by entry; a batch in memory."""
        place = (0, "")
        while True:
            query = EVERYTHING.where(tuple_(archived.c.entry_id, archived.c.url) > tuple_(*map(literal, place)))
            with self._store.read() as connection:
                rows = connection.execute(query.limit(BATCH)).all()
            for row in rows:
                yield row.url, row.kind, Found(row.digest, row.content_type, row.kept_at)
            if len(rows) < BATCH:
                return
            place = (rows[-1].entry_id, rows[-1].url)

    def state(self) -> State:
        of_kind = select(func.count()).select_from(archived)
        with self._store.read() as connection:
            pages, pictures = (
                connection.execute(of_kind.where(archived.c.kind == kind)).scalar_one() for kind in ("page", "picture")
            )
            entries = connection.execute(select(func.count(archived.c.entry_id.distinct()))).scalar_one()
            files, size = connection.execute(select(func.count(), func.coalesce(func.sum(blob.c.bytes), 0))).one()
            waiting = connection.execute(select(func.count()).where(look.c.due_at.is_not(None))).scalar_one()
        return State(pages, pictures, entries, files, int(size), waiting)

    def bytes(self) -> int:
        """Of all files together."""
        with self._store.read() as connection:
            return int(connection.execute(select(func.coalesce(func.sum(blob.c.bytes), 0))).scalar_one())

    def blobs(self) -> Iterator[tuple[str, int]]:
        """(digest, bytes) of every file, by digest; a batch in memory."""
        after = ""
        while True:
            query = select(blob.c.digest, blob.c.bytes).where(blob.c.digest > after).order_by(blob.c.digest)
            with self._store.read() as connection:
                rows = connection.execute(query.limit(BATCH)).all()
            yield from ((row.digest, row.bytes) for row in rows)
            if len(rows) < BATCH:
                return
            after = rows[-1].digest

    # ------------------------------------------------------------ what goes

    def oldest(self, limit: int, before: int) -> list[int]:
        """The entries that go first: the oldest of those whose original still stands, dated before *before*."""
        # the archive has room for some of all entries: whoever goes through these by age would pass most in vain
        has = entry.c.id.in_(select(archived.c.entry_id))
        stands = entry.c.removed_at.is_(None)
        query = (
            select(entry.c.id).where(has, stands, entry.c.sort < before).order_by(entry.c.sort, entry.c.id).limit(limit)
        )
        with self._store.read() as connection:
            return list(connection.execute(query).scalars())

    def drop(self, entry_id: int) -> None:
        """Keep nothing of that entry any more, and do not look at it again."""
        self._store.transact(lambda c: c.execute(delete(archived).where(archived.c.entry_id == entry_id)))

    def forget(self, digests: Collection[str]) -> None:
        """Files that are lost: the entries they were of are looked at again, where anything is left to be had."""

        def work(connection: Connection) -> None:
            for chunk in chunks(sorted(digests)):
                lost = archived.c.digest.in_(chunk)
                ids = select(archived.c.entry_id).where(lost)
                again = update(look).where(look.c.entry_id.in_(ids))
                connection.execute(again.values(tries=0, due_at=func.coalesce(look.c.due_at, EPOCH)))
                connection.execute(delete(archived).where(lost))
                connection.execute(delete(blob).where(blob.c.digest.in_(chunk)))

        self._store.transact(work)

    def release(self, remove: Callable[[str], None], limit: int = BATCH) -> list[int]:
        """Let *remove* throw files away, by their digests, that nothing needs any more, at most *limit*; their bytes.

        Whoever wants to ``keep`` one of them waits until it is gone, and then can see that it is.
        """
        orphans = (
            select(blob.c.digest, blob.c.bytes).where(~exists().where(archived.c.digest == blob.c.digest)).limit(limit)
        )

        def work(connection: Connection) -> list[int]:
            rows = connection.execute(orphans).all()
            for chunk in chunks([row.digest for row in rows]):
                connection.execute(delete(blob).where(blob.c.digest.in_(chunk)))
            for row in rows:
                remove(row.digest)
            return [row.bytes for row in rows]

        return self._store.transact(work, alone=True)

    def _add(self, rows: object) -> None:
        adding = self._store.insert(look).from_select(["entry_id", "tries", "due_at"], rows)
        self._store.transact(lambda c: c.execute(adding.on_conflict_do_nothing()))


EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
