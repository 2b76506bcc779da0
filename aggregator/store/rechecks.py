"""Which articles are to be looked at again, and how they stood; what looks brought stands in history.py."""

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, and_, bindparam, case, delete, exists, func, select, update

from aggregator.classify.revise import file_key
from aggregator.model import (
    Attachment,
    Entry,
    EntryBody,
    Glance,
    Imported,
    Looked,
    NewEntry,
    Recheck,
    Source,
    Trace,
    Watch,
    Watched,
)
from aggregator.store.bulk import IDS, Bulk, chunks
from aggregator.visit.looks import STEPS, begun, onward

if TYPE_CHECKING:
    from aggregator.store import Store

ADOPTED_AT_ONCE = 500  # entries, in one transaction

recheck, entry, source = Recheck.__table__, Entry.__table__, Source.__table__  # type: ignore[attr-defined]
body, imported = EntryBody.__table__, Imported.__table__  # type: ignore[attr-defined]

NAMES = tuple(field.name for field in fields(Watch))
WATCHES = [recheck.c[name] for name in NAMES]
KNOWN_BY = (entry.c.uid, entry.c.url, entry.c.title.label("entry_title"), entry.c.removed_at)
WATCHED = select(*WATCHES, *KNOWN_BY).join(entry, entry.c.id == recheck.c.entry_id)
OF_SOURCE = recheck.c.source_id == bindparam("source_id")
DUE = (
    WATCHED.where(OF_SOURCE, recheck.c.due_at <= bindparam("now"))
    .order_by(recheck.c.due_at, recheck.c.entry_id)
    .limit(bindparam("most"))
)
OF_ENTRIES = WATCHED.where(recheck.c.entry_id.in_(IDS)).order_by(recheck.c.entry_id.desc())
NEWEST = (
    select(
        recheck.c.entry_id,
        entry.c.uid,
        recheck.c.kind,
        recheck.c.body_hash,
        recheck.c.listed_title,
        entry.c.title,
        recheck.c.is_unlisted,
        entry.c.removed_at.is_not(None),
        and_(recheck.c.missing_at.is_(None), recheck.c.missing_by.is_(None), recheck.c.doubted_at.is_(None)),
    )
    .join(entry, entry.c.id == recheck.c.entry_id)
    .where(OF_SOURCE)
    .order_by(recheck.c.entry_id.desc())
    .limit(bindparam("most"))
)

# stored before there were looks, or imported; of others the row goes when they are older
LEFT_OUT = (
    select(
        entry.c.id,
        entry.c.source_id,
        entry.c.sort,
        entry.c.url,
        entry.c.title,
        source.c.found_kind,
        body.c.attachments,
        (body.c.html == "").label("is_bare"),
        imported.c.front.is_not(None).label("is_post"),
    )
    .join(source, source.c.id == entry.c.source_id)
    .join(body, body.c.entry_id == entry.c.id)
    .outerjoin(imported, imported.c.entry_id == entry.c.id)
    .where(entry.c.sort > bindparam("since"), entry.c.removed_at.is_(None))
    .where(source.c.enabled, source.c.found_kind.is_not(None))
    .where(~exists().where(recheck.c.entry_id == entry.c.id))
    .order_by(entry.c.sort)
    .limit(ADOPTED_AT_ONCE)
)
BEGIN = Bulk(recheck.insert())
SAID = {
    name: bindparam(f"{name}_", type_=recheck.c[name].type) for name in NAMES if name not in ("entry_id", "source_id")
}
AGAIN = Bulk(update(recheck).where(recheck.c.entry_id == bindparam("this")).values(SAID))
FIRST = select(func.min(recheck.c.due_at)).where(recheck.c.source_id == source.c.id).scalar_subquery()
RECHECK_AT = update(source).where(source.c.id == bindparam("this")).values(recheck_at=FIRST)
IS_EARLIER = source.c.recheck_at < source.c.list_at
NEXT = (
    update(source)
    .where(source.c.id == bindparam("this"), source.c.list_at.is_not(None))
    .values(
        next_poll_at=case((IS_EARLIER, source.c.recheck_at), else_=source.c.list_at),
        list_at=case((IS_EARLIER, source.c.list_at), else_=None),
    )
)


class Rechecks:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def due(self, source_id: int, now: datetime, limit: int) -> list[Watched]:
        """The articles of a source that are to be looked at by *now*, longest due first."""
        with self._store.read() as connection:
            rows = connection.execute(DUE, {"source_id": source_id, "now": now, "most": limit})
            return [_watched(row) for row in rows]

    def newest(self, source_id: int, limit: int) -> list[Glance]:
        """The newest entries of a source that are still looked at, the newest first."""
        with self._store.read() as connection:
            rows = connection.execute(NEWEST, {"source_id": source_id, "most": limit}).all()
        return [Glance(*row) for row in rows]

    def of(self, entry_ids: Sequence[int]) -> list[Watched]:
        """Those of *entry_ids* that are still looked at, the newest first."""
        found: list[Watched] = []
        with self._store.read() as connection:
            for chunk in chunks(sorted(entry_ids, reverse=True)):
                found += [_watched(row) for row in connection.execute(OF_ENTRIES, {"ids": chunk})]
        return found

    def adopt(self, now: datetime) -> int:
        """Look again at entries of the last month that nobody does, from the step on that fits their age; how many.

        That is for sources that are followed and were visited; there are ADOPTED_AT_ONCE at most.
        """
        since = int((now - STEPS[-1]).timestamp())
        insert = self._store.insert(recheck).on_conflict_do_nothing()

        def work(connection: Connection) -> int:
            rows = connection.execute(LEFT_OUT, {"since": since}).all()
            watches = [watch for row in rows if (watch := onward(_adopted(row), now))]
            if watches:
                connection.execute(insert, [_row(watch) for watch in watches])
                schedule(connection, {watch.source_id for watch in watches})
            return len(watches)

        return self._store.transact(work)


# ------------------------------------------------------------ within the transaction that records visits


def begin(connection: Connection, news: Sequence[tuple[int, int, NewEntry]]) -> None:
    """Look again at new entries (id, source id, entry) that can be."""
    watches = [begun(id_, source_id, new.seen_at, new.trace) for id_, source_id, new in news if new.trace]
    BEGIN(connection, [_row(watch) for watch in watches])


def go_on(connection: Connection, looked: Sequence[Looked]) -> None:
    """Keep what looks leave of watches."""
    over = [one.entry_id for one in looked if one.watch is None]
    watches = [one.watch for one in looked if one.watch is not None]
    AGAIN(connection, [_again(watch) for watch in sorted(watches, key=lambda watch: watch.entry_id)])
    for chunk in chunks(over):
        connection.execute(delete(recheck).where(recheck.c.entry_id.in_(chunk)))


def schedule(connection: Connection, source_ids: Collection[int]) -> None:
    """Let sources know when the first of their articles is due."""
    if source_ids:
        connection.execute(RECHECK_AT, [{"this": id_} for id_ in sorted(source_ids)])


def looked_after(connection: Connection, source_ids: Collection[int]) -> None:
    """Let sources that were visited for their articles alone be due with the next of these, or with their lists.

    By what their rows say now: a hub may have announced news, or a site file may have changed, since they were claimed.
    """
    if source_ids:
        connection.execute(NEXT, [{"this": id_} for id_ in sorted(source_ids)])


def _adopted(row: Any) -> Watch:
    """The Watch of an entry of which nothing is known but what it says.

    What came of a feed, the feed's word changes; so does an imported post, which is no page word by word.
    """
    files = [Attachment(**file) for file in row.attachments]
    is_file = any(file.url == row.url for file in files)
    kind: Literal["page", "feed", "list"] = "list" if row.is_bare and not is_file else "page"
    if row.is_post or row.found_kind == "feed":
        kind = "feed"
    told = (file if file.url == row.url else replace(file, length=None) for file in files)  # pages tell no lengths
    trace = Trace(kind, files=tuple(map(file_key, told)), listed_title=row.title)
    return begun(row.id, row.source_id, datetime.fromtimestamp(row.sort, UTC), trace)


def _watched(row: Any) -> Watched:
    values = dict(row._mapping)
    known = {name: values.pop(name) for name in ("uid", "url", "entry_title", "removed_at")}
    return Watched(Watch(**values), **known)


def _row(watch: Watch) -> dict[str, Any]:
    return {name: getattr(watch, name) for name in NAMES}


def _again(watch: Watch) -> dict[str, Any]:
    return {"this": watch.entry_id, **{f"{name}_": getattr(watch, name) for name in SAID}}
