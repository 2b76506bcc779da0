"""Tags of stored entries made again: what they are made from, what changed, how far it has come; renamed tags.

What an entry's tags should be, tagging.py and classify/tag.py know; here they are only read and written.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from aggregator.model import (
    Edition,
    Entry,
    EntryBody,
    EntryTag,
    Given,
    Imported,
    Retag,
    Source,
    Tag,
    TagAlias,
)
from aggregator.query import tagged
from aggregator.store import feeds, indexing
from aggregator.store.bulk import IDS, Bulk, chunks, given
from aggregator.store.recording import MORE_ENTRIES
from aggregator.store.said import SAID

if TYPE_CHECKING:
    from aggregator.store import Store

entry, body, entry_tag = Entry.__table__, EntryBody.__table__, EntryTag.__table__  # type: ignore[attr-defined]
tag, alias, source = Tag.__table__, TagAlias.__table__, Source.__table__  # type: ignore[attr-defined]
progress, imported = Retag.__table__, Imported.__table__  # type: ignore[attr-defined]
edition = Edition.__table__  # type: ignore[attr-defined]

LESS = delete(entry_tag).where(
    entry_tag.c.tag_id == bindparam("tag"),
    entry_tag.c.sort == bindparam("at"),
    entry_tag.c.entry_id == bindparam("entry"),
)
ALL_TAGS = select(tag.c.id, tag.c.name)
LOCKED = select(entry.c.id).where(entry.c.id.in_(IDS)).order_by(entry.c.id).with_for_update()
TAGS_OF = select(entry_tag.c.entry_id, tag.c.name).join(tag, tag.c.id == entry_tag.c.tag_id)
TAGS_OF = TAGS_OF.where(entry_tag.c.entry_id.in_(IDS))
RENAMED = select(alias.c.alias, alias.c.tag_name).where(alias.c.alias.not_in(select(tag.c.name)))


class Material(NamedTuple):
    """A stored entry as far as its tags are made from it; *text* is only as long as was asked for."""

    id: int
    sort: int
    source_id: int
    title: str
    text: str
    section: Sequence[str]
    keywords: Sequence[str]
    tags: frozenset[str]
    brought: Sequence[str] = ()  # tags that it came with when it was imported


class Change(NamedTuple):
    """An entry whose tags are to be *now* instead of *before*."""

    entry: Material
    now: frozenset[str]


class Tagging:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._add = Bulk(store.insert(entry_tag).on_conflict_do_nothing())
        self._ids = select(tag.c.name, tag.c.id).join(keys := given(store), keys.c.value == tag.c.name)

    # ------------------------------------------------------------ out

    def given(self) -> dict[int, list[Given] | None]:
        """The tags given to all entries of each source, by its id; None where no site file says so any more."""
        with self._store.read() as connection:
            rows = connection.execute(select(source.c.id, source.c.given))
            return {row.id: None if row.given is None else [Given(*one) for one in row.given] for row in rows}

    def given_to(self, name: str) -> list[Given]:
        """The tags given to all entries of the source called *name*; none where that is not known."""
        with self._store.read() as connection:
            said = connection.execute(select(source.c.given).where(source.c.name == name)).scalar()
        return [Given(*one) for one in said or ()]

    def brought_by(self, entry_id: int) -> list[str]:
        """The tags that an entry came with when it was imported, by their names of today."""
        with self._store.read() as connection:
            names = connection.execute(select(imported.c.tags).where(imported.c.entry_id == entry_id)).scalar() or []
            renamed = {row.alias: row.tag_name for row in connection.execute(RENAMED)} if names else {}
        return [renamed.get(name, name) for name in names]

    def material(self, after: int, limit: int, letters: int) -> list[Material]:
        """The entries numbered above *after*, in that order, at most *limit*, with *letters* of their texts."""
        return self._material(select(entry.c.id).where(entry.c.id > after).order_by(entry.c.id).limit(limit), letters)

    def newest(self, limit: int, letters: int) -> list[Material]:
        """The newest entries, at most *limit*, with *letters* of their texts."""
        newest = select(entry.c.id).order_by(entry.c.sort.desc(), entry.c.id.desc()).limit(limit)
        return self._material(newest, letters)

    def progress(self) -> Retag | None:
        """How far tags were made again, and by which rules; None: nobody ever began."""
        with self._store.read() as connection:
            row = connection.execute(select(progress)).first()
        return Retag(**row._mapping) if row else None

    # ------------------------------------------------------------ in

    def begin(self, rules: str, *, anew: bool) -> Retag:
        """Where to go on by *rules*: where they were left off, else at the first entry; *anew*: there in any case."""

        def work(connection: Connection) -> Retag:
            row = connection.execute(select(progress)).first()
            if row is not None and row.rules == rules and row.ended_at is None and not anew:
                return Retag(**row._mapping)
            connection.execute(delete(progress))
            connection.execute(insert(progress).values(rules=rules, after_id=0, changed=0))
            return Retag(rules=rules)

        return self._store.transact(work, alone=True)

    def note_rules(self, rules: str, now: datetime) -> bool:
        """That entries are tagged by *rules* from now on; whether stored ones were by others, and wait for a retag."""

        def work(connection: Connection) -> bool:
            row = connection.execute(select(progress)).first()
            if row is not None and row.rules == rules:
                return row.ended_at is None
            # entries of an older version of the program have no topics yet: they, too, are to be tagged again
            is_empty = connection.execute(select(entry.c.id).limit(1)).first() is None
            connection.execute(delete(progress))
            ended_at = now if is_empty else None
            connection.execute(insert(progress).values(rules=rules, after_id=0, changed=0, ended_at=ended_at))
            return not is_empty

        return self._store.transact(work, alone=True)

    def change(self, changes: Sequence[Change], rules: str, after: int) -> None:
        """Let entries have other tags, and go on after the entry numbered *after* by *rules*, all or nothing.

        One that has other tags by now than it had *before*, or is deleted, is left alone: who changed it knew its text.
        """

        def work(connection: Connection) -> None:
            self._keep_names(connection)
            standing = _standing(connection, changes)
            scopes = self._change(connection, standing)
            indexing.note(connection, [one.entry.id for one in standing])
            done = {"after_id": after, "changed": progress.c.changed + len(changes)}
            connection.execute(update(progress).where(progress.c.rules == rules).values(done))
            feeds.count_change(self._store, connection, scopes)

        self._store.transact(work)

    def settle(self, connection: Connection, wanted: Mapping[int, Collection[str]]) -> set[str]:
        """In the transaction that changed entries: let those with these ids have these tags and no others.

        The scopes of feeds that changes; search is told of the entries by who changed them.
        """
        scopes: set[str] = set()
        self._keep_names(connection)
        for chunk in chunks(sorted(wanted)):
            found = self._read_material(connection, select(entry.c.id).where(entry.c.id.in_(chunk)), letters=0)
            changes = [Change(one, frozenset(wanted[one.id])) for one in found]
            scopes |= self._change(connection, [change for change in changes if change.now != change.entry.tags])
        return scopes

    def ids_of(self, connection: Connection, names: Sequence[str]) -> dict[str, int]:
        """The ids of tags by name, made in this order where there are none; they stay until the transaction ends."""
        rows = [{"name": name, "entry_count": 0} for name in names]
        connection.execute(self._store.insert(tag).on_conflict_do_nothing(), rows)
        return {row.name: row.id for row in connection.execute(self._ids, {"keys": names})}

    def end(self, rules: str, now: datetime) -> None:
        """All entries have the tags of *rules*. A tag left without entries makes room for the alias of its name."""

        def work(connection: Connection) -> None:
            self._change_names(connection)
            connection.execute(update(progress).where(progress.c.rules == rules).values(ended_at=now))
            empty = tag.c.id.not_in(select(entry_tag.c.tag_id))
            connection.execute(delete(tag).where(tag.c.name.in_(select(alias.c.alias)), tag.c.entry_count == 0, empty))

        self._store.transact(work)

    def keep_aliases(self, said: Mapping[str, str]) -> None:
        """Let the other names of topics be those *said* (alias -> tag); what a site file says of one goes first."""
        with self._store.read() as connection:  # nothing has changed as a rule, and no writer is waited for
            wanted, known = _aliases(connection, said)
        if wanted != known:
            self._store.transact(lambda connection: self._keep_aliases(connection, said))

    def rename(self, old: str, new: str) -> int:
        """Let *old* be called *new*, or be part of it where there is one; how many entries had it.

        Its addresses lead to the new ones from now on, and expressions mean the new tag.
        """
        return self._store.transact(lambda connection: self._rename(connection, old, new))

    # ------------------------------------------------------------ inside

    def _keep_names(self, connection: Connection) -> None:
        """Let nobody rename or delete a tag before the transaction ends; who adds tags to the table need not ask."""
        if not self._store.is_sqlite:
            connection.execute(text("LOCK TABLE tag IN ROW EXCLUSIVE MODE"))

    def _change_names(self, connection: Connection) -> None:
        """Wait for all who give tags to entries, and let them wait: they know a tag by its name and its number."""
        if not self._store.is_sqlite:
            connection.execute(text("LOCK TABLE tag IN SHARE ROW EXCLUSIVE MODE"))

    def _keep_aliases(self, connection: Connection, said: Mapping[str, str]) -> None:
        wanted, _ = _aliases(connection, said)
        connection.execute(delete(alias).where(alias.c.is_of_topic))
        rows = [{"alias": name, "tag_name": meant, "is_of_topic": True} for name, meant in wanted.items()]
        if rows:
            connection.execute(insert(alias), rows)

    def _material(self, ids: Any, letters: int) -> list[Material]:
        with self._store.read() as connection:
            return self._read_material(connection, ids, letters)

    def _read_material(self, connection: Connection, ids: Any, letters: int) -> list[Material]:
        wanted = ids.subquery()
        text = func.substr(SAID, 1, letters)
        query = (
            select(entry.c.id, entry.c.sort, entry.c.source_id, entry.c.title, text, entry.c.section, body.c.keywords)
            .join(wanted, wanted.c.id == entry.c.id)
            .outerjoin(body, body.c.entry_id == entry.c.id)
            .order_by(entry.c.id)
        )
        its = select(entry_tag.c.entry_id, tag.c.name).join(tag, tag.c.id == entry_tag.c.tag_id)
        its = its.join(wanted, wanted.c.id == entry_tag.c.entry_id)
        tags: dict[int, list[str]] = {}
        beside = select(imported.c.entry_id, imported.c.tags).join(wanted, wanted.c.id == imported.c.entry_id)
        rows = connection.execute(query).all()
        for entry_id, name in connection.execute(its):
            tags.setdefault(entry_id, []).append(name)
        brought = {row.entry_id: row.tags for row in connection.execute(beside)}
        renamed = {row.alias: row.tag_name for row in connection.execute(RENAMED)} if brought else {}
        return [
            Material(
                id_,
                sort,
                source_id,
                title,
                said or "",
                section or (),
                keywords or (),
                frozenset(tags.get(id_, ())),
                [renamed.get(name, name) for name in brought.get(id_, ())],
            )
            for id_, sort, source_id, title, said, section, keywords in rows
        ]

    def _change(self, connection: Connection, changes: Sequence[Change]) -> set[str]:
        known = sorted({name for one in changes for name in one.now | one.entry.tags})
        ids = self.ids_of(connection, known) if known else {}
        more = [(one.entry, ids[name]) for one in changes for name in sorted(one.now - one.entry.tags)]
        less = [(one.entry, ids[name]) for one in changes for name in sorted(one.entry.tags - one.now)]
        if less:
            connection.execute(LESS, [{"tag": id_, "at": one.sort, "entry": one.id} for one, id_ in less])
        self._add(connection, [{"tag_id": id_, "sort": one.sort, "entry_id": one.id} for one, id_ in more])
        counts = Counter(id_ for _, id_ in more)
        counts.subtract(Counter(id_ for _, id_ in less))
        if moved := [{"tag_id": id_, "more": count} for id_, count in sorted(counts.items()) if count]:
            MORE_ENTRIES(connection, moved)
        sources = {f"source:{one.entry.source_id}" for one in changes}
        return {"all", *sources, *(f"tag:{ids[name]}" for name in known)} if changes else set()

    def _rename(self, connection: Connection, old: str, new: str) -> int:
        self._change_names(connection)
        ids = {row.name: row.id for row in connection.execute(ALL_TAGS.where(tag.c.name.in_([old, new])))}
        count = connection.execute(select(func.count()).where(entry_tag.c.tag_id == ids.get(old))).scalar_one()
        if old in ids and new in ids:
            self._merge(connection, ids[old], ids[new])
        elif old in ids:
            connection.execute(update(tag).where(tag.c.id == ids[old]).values(name=new))
        connection.execute(update(alias).where(alias.c.tag_name == old).values(tag_name=new))
        connection.execute(delete(alias).where(alias.c.alias.in_([old, new])))
        connection.execute(insert(alias).values(alias=old, tag_name=new, is_of_topic=True))
        self._rename_editions(connection, str(tagged(old)), str(tagged(new)))
        feeds.count_change(self._store, connection, {"all", "sources", *(f"tag:{id_}" for id_ in ids.values())})
        return count

    def _rename_editions(self, connection: Connection, old: str, new: str) -> None:
        """Let frozen digests of a tag be found under its new name, where that has none of the same day."""
        taken = select(edition.c.name).where(edition.c.tags == new)
        its = update(edition).where(edition.c.tags == old, edition.c.name.not_in(taken))
        connection.execute(its.values(tags=new))

    def _merge(self, connection: Connection, old: int, new: int) -> None:
        """Give all entries of the tag *old* the tag *new* instead."""
        had = select(entry_tag.c.entry_id).where(entry_tag.c.tag_id == old)
        for chunk in chunks(connection.execute(had).scalars().all()):
            indexing.note(connection, chunk)
        moved = select(bindparam("new", new, type_=tag.c.id.type), entry_tag.c.sort, entry_tag.c.entry_id)
        moved = moved.where(entry_tag.c.tag_id == old)
        into = self._store.insert(entry_tag).from_select(["tag_id", "sort", "entry_id"], moved)
        connection.execute(into.on_conflict_do_nothing())
        connection.execute(delete(entry_tag).where(entry_tag.c.tag_id == old))
        count = select(func.count()).where(entry_tag.c.tag_id == new).scalar_subquery()
        connection.execute(update(tag).where(tag.c.id == new).values(entry_count=count))
        connection.execute(delete(tag).where(tag.c.id == old))


def _standing(connection: Connection, changes: Sequence[Change]) -> list[Change]:
    """Those of *changes* whose entries are there, with the tags that they were read with; nobody else changes them."""
    tags: dict[int, set[str]] = {}
    for chunk in chunks(sorted(one.entry.id for one in changes)):
        tags |= {id_: set() for id_ in connection.execute(LOCKED, {"ids": chunk}).scalars()}
        for entry_id, name in connection.execute(TAGS_OF, {"ids": chunk}):
            tags[entry_id].add(name)
    return [one for one in changes if one.entry.id in tags and tags[one.entry.id] == one.entry.tags]


def _aliases(connection: Connection, said: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Of *said* what no site file says otherwise, and what stands there."""
    rows = connection.execute(select(alias)).all()
    of_sites = {row.alias for row in rows if not row.is_of_topic}
    wanted = {name: meant for name, meant in said.items() if name not in of_sites}
    return wanted, {row.alias: row.tag_name for row in rows if row.is_of_topic}
