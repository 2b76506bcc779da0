"""Entries on their way out of this database, and from elsewhere into it: whole, and each once.

Knows no file and no format; what an entry holds when it comes in was read and made safe before.
"""

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, select, union_all, update

from aggregator.errors import StoreError
from aggregator.identity import slug, turn_of
from aggregator.model import (
    Entry,
    EntryAddress,
    Front,
    FullEntry,
    Imported,
    NewEntry,
    Parcel,
    Revision,
    Source,
    SourceRef,
    Tombstone,
    Visit,
)
from aggregator.store import feeds
from aggregator.store.bulk import IDS, Bulk, given

if TYPE_CHECKING:
    from aggregator.store import Store

entry, address = Entry.__table__, EntryAddress.__table__  # type: ignore[attr-defined]
source, imported = Source.__table__, Imported.__table__  # type: ignore[attr-defined]
revision, tombstone = Revision.__table__, Tombstone.__table__  # type: ignore[attr-defined]

UIDS = select(entry.c.id, entry.c.uid, entry.c.is_withheld).where(entry.c.id > bindparam("after")).order_by(entry.c.id)
ADDRESSES = select(address.c.entry_id, address.c.uid).where(address.c.entry_id.in_(IDS)).order_by(address.c.uid)
REVISIONS = select(revision).where(revision.c.entry_id.in_(IDS)).order_by(revision.c.id)
IMPORTED = select(imported).where(imported.c.entry_id.in_(IDS))
CHANGED = Bulk(
    update(entry)
    .where(entry.c.id == bindparam("this"))
    .values(removed_at=bindparam("gone"), changed_at=bindparam("at"), is_withheld=bindparam("hidden"))
)
# a slug that tells which article it is; any other may be the name of several
TELLING = re.compile(r"[0-9a-f]{32}")
SHARED = tuple(field.name for field in fields(NewEntry) if field.name in FullEntry._fields)
VALUES = attrgetter(*SHARED)


class Parcels:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._add_imported = Bulk(store.insert(imported))
        self._add_revisions = Bulk(store.insert(revision))
        self._add_addresses = Bulk(store.insert(address).on_conflict_do_nothing())
        keys = given(store)
        self._stored = union_all(
            select(keys.c.value).join(entry, keys.c.value == entry.c.uid),
            select(keys.c.value).join(address, keys.c.value == address.c.uid),
            select(keys.c.value).join(entry, keys.c.value == entry.c.slug),
            select(keys.c.value).join(tombstone, keys.c.value == tombstone.c.uid),
            select(keys.c.value).join(tombstone, keys.c.value == tombstone.c.slug),
        )
        self._ids = select(entry.c.uid, entry.c.id).join(keys, keys.c.value == entry.c.uid)
        self._sources = select(source.c.name, source.c.id).join(keys, keys.c.value == source.c.name)

    def known(self, keys: Collection[str]) -> set[str]:
        """Which of *keys* (identity keys and slugs) are those of stored entries, or of deleted ones."""
        with self._store.read() as connection:
            return self._known(connection, keys)

    def add(self, parcels: Sequence[Parcel], now: datetime) -> int:
        """Store the entries of *parcels* that never were stored, all of them or nothing; how many they were.

        An entry is known by its key, by any of its other keys, and by its slug where this is a hash of its address. A
        source that there is not is made, switched off: no poll visits it.
        """
        return self._store.transact(lambda connection: self._add(connection, parcels, now))

    def walk(self, batch: int = 200) -> Iterator[Parcel]:
        """Every entry, in the order in which they were stored; memory stays that of one batch."""
        query, after = UIDS.limit(batch), 0
        while True:
            with self._store.read() as connection:
                rows = {row.id: row for row in connection.execute(query, {"after": after})}
                addresses: dict[int, list[str]] = {}
                for row in connection.execute(ADDRESSES, {"ids": list(rows)}):
                    addresses.setdefault(row.entry_id, []).append(row.uid)
                revisions: dict[int, list[Revision]] = {}
                for row in connection.execute(REVISIONS, {"ids": list(rows)}):
                    revisions.setdefault(row.entry_id, []).append(_revision(row))
                brought = {row.entry_id: row for row in connection.execute(IMPORTED, {"ids": list(rows)})}
            if not rows:
                return
            for one in self._store.entries.of(list(rows), bodies=True):
                beside = brought.get(one.id)
                yield Parcel(
                    one,
                    rows[one.id].uid,
                    tuple(addresses.get(one.id, ())),
                    tuple(beside.tags) if beside else (),
                    Front(beside.title, beside.front) if beside and beside.front is not None else None,
                    tuple(revisions.get(one.id, ())),
                    rows[one.id].is_withheld,
                )
            after = max(rows)

    def _known(self, connection: Connection, keys: Collection[str]) -> set[str]:
        return set(connection.execute(self._stored, {"keys": list(keys)}).scalars())

    def _add(self, connection: Connection, parcels: Sequence[Parcel], now: datetime) -> int:
        keys = {key for one in parcels for key in (one.uid, *one.addresses, one.entry.slug)}
        there = self._known(connection, keys)
        fresh: dict[str, Parcel] = {}
        for one in parcels:
            own = {one.uid, *one.addresses, *([one.entry.slug] if TELLING.fullmatch(one.entry.slug) else [])}
            if there.isdisjoint(own):
                fresh[one.uid] = _with_slug_of_its_own(one) if one.entry.slug in there else one
                there |= own | {one.entry.slug}
        if not fresh:
            return 0
        refs = {one.entry.source.name: one.entry.source for one in fresh.values()}
        source_ids = self._source_ids(connection, refs, now)
        visits = [
            Visit(source_ids[one.entry.source.name], now, now, entries=(_new(one),)) for one in fresh.values()
        ]  # one each: their order stays
        brought = sum(self._store.entries.recording.keep(connection, visits))
        self._keep_beside(connection, fresh)
        return brought

    def _keep_beside(self, connection: Connection, fresh: Mapping[str, Parcel]) -> None:
        """What an entry has and a visit does not find."""
        stored = {row.uid: row.id for row in connection.execute(self._ids, {"keys": list(fresh)})}
        parcels = [(stored[uid], one) for uid, one in fresh.items() if uid in stored]
        self._add_addresses(
            connection, [{"uid": key, "entry_id": id_} for id_, one in parcels for key in one.addresses]
        )
        self._add_imported(connection, [_imported_row(id_, one) for id_, one in parcels if one.given or one.front])
        self._add_revisions(
            connection,
            [{**past.model_dump(exclude={"id"}), "entry_id": id_} for id_, one in parcels for past in one.revisions],
        )
        changed = [
            {"this": id_, "gone": one.entry.removed_at, "at": one.entry.changed_at, "hidden": one.is_withheld}
            for id_, one in parcels
            if one.entry.removed_at or one.entry.changed_at
        ]
        CHANGED(connection, changed)

    def _source_ids(self, connection: Connection, refs: Mapping[str, SourceRef], now: datetime) -> dict[str, int]:
        asked = {"keys": list(refs)}
        ids = {row.name: row.id for row in connection.execute(self._sources, asked)}
        missing = [ref for name, ref in refs.items() if name not in ids]
        if missing:
            insert = self._store.insert(source).on_conflict_do_nothing()
            connection.execute(insert, [_source_row(ref, now) for ref in missing])
            feeds.count_change(self._store, connection, {"sources"})
            ids = {row.name: row.id for row in connection.execute(self._sources, asked)}
        return ids


def _new(parcel: Parcel) -> NewEntry:
    return NewEntry(uid=parcel.uid, **dict(zip(SHARED, VALUES(parcel.entry), strict=True)))


def _imported_row(entry_id: int, parcel: Parcel) -> dict[str, Any]:
    front = parcel.front
    return {
        "entry_id": entry_id,
        "tags": list(parcel.given),
        "title": front.title if front else "",
        "front": front.values if front else None,
    }


def _revision(row: Any) -> Revision:
    """A row of the table, of no entry's number and without its own."""
    return Revision(**{**row._mapping, "id": None, "entry_id": 0})


def _with_slug_of_its_own(parcel: Parcel) -> Parcel:
    """*parcel* under a slug that nobody else has: its own is the name of another entry."""
    old, own = parcel.entry.slug, slug(parcel.uid)
    renamed = parcel.entry._replace(slug=own, atom_id=parcel.entry.atom_id.removesuffix(old) + own)
    return replace(parcel, entry=renamed)


def _source_row(ref: SourceRef, now: datetime) -> dict[str, Any]:
    said = {"name": ref.name, "site": "", "university": ref.university, "title": ref.title, "url": ref.url}
    return {**said, "host": turn_of(ref.url), "kind": "auto", "enabled": False, "next_poll_at": now}


def copied(path: Path, target: Path) -> Path:
    """*target*, the copy of the SQLite database *path*, which is only read. Raises StoreError."""
    try:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read as an SQLite database: {error}") from error
    return target
