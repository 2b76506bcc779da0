"""What is asked of entries: which are unknown, keep these, and the newest of everything, a tag, a source, a day."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    cast,
    exists,
    func,
    null,
    select,
    tuple_,
    union_all,
    update,
)

from aggregator.errors import NotFound
from aggregator.identity import slug
from aggregator.model import (
    Attachment,
    Entry,
    EntryAddress,
    EntryBody,
    EntryTag,
    FeedVersion,
    FullEntry,
    Item,
    KnownEntry,
    NewEntry,
    Pending,
    Poll,
    Source,
    SourceRef,
    Tag,
    Visit,
)
from aggregator.store import breaks, leases, websub
from aggregator.store.bulk import BulkInsert
from aggregator.websub import early_poll_at

if TYPE_CHECKING:
    from aggregator.store import Store

# seconds since 1970, less than none for what is older; 18 digits fit into the database's integers
CURSOR = re.compile(r"(-?[0-9]{1,18})-([0-9]{1,18})")
# parameters in one IN (...): SQLite allows 32,766, and short lists keep the compiled statement in the cache
CHUNK = 500
T = TypeVar("T")

entry, body = Entry.__table__, EntryBody.__table__  # type: ignore[attr-defined]
tag, entry_tag = Tag.__table__, EntryTag.__table__  # type: ignore[attr-defined]
source, poll = Source.__table__, Poll.__table__  # type: ignore[attr-defined]
address = EntryAddress.__table__  # type: ignore[attr-defined]
pending, feed_version = Pending.__table__, FeedVersion.__table__  # type: ignore[attr-defined]

ENTRY_WITH_SOURCE = select(
    entry,
    source.c.name.label("source_name"),
    source.c.title.label("source_title"),
    source.c.url.label("source_url"),
    source.c.university,
).join(source, source.c.id == entry.c.source_id)

# statements that run at every poll are made once; a list of keys is put in when they run
UIDS: BindParameter[Any] = bindparam("uids", expanding=True)
UNTRIED = cast(null(), Integer)
# (key, NULL) of stored entries, (key, tries) of pending ones
KNOWN = union_all(
    select(entry.c.uid, UNTRIED.label("tries")).where(entry.c.uid.in_(UIDS)),
    select(address.c.uid, UNTRIED).where(address.c.uid.in_(UIDS)),
    select(pending.c.uid, pending.c.tries).where(pending.c.uid.in_(UIDS)),
)
STORED = union_all(
    select(entry.c.uid).where(entry.c.uid.in_(UIDS)), select(address.c.uid).where(address.c.uid.in_(UIDS))
)
HOLDERS = select(entry.c.slug, entry.c.source_id, entry.c.title).where(
    entry.c.slug.in_(bindparam("slugs", expanding=True))
)
IDS = select(entry.c.uid, entry.c.id).where(entry.c.uid.in_(UIDS))
TAG_IDS = select(tag.c.name, tag.c.id).where(tag.c.name.in_(bindparam("names", expanding=True)))
MORE_ENTRIES = (
    update(tag).where(tag.c.id == bindparam("tag_id")).values(entry_count=tag.c.entry_count + bindparam("more"))
)
PENDING_OF = select(pending).where(pending.c.source_id == bindparam("source_id"))
SETTLED = pending.delete().where(pending.c.uid.in_(UIDS), exists().where(entry.c.uid == pending.c.uid))

# what a visit teaches its source's row
LEARNED = (
    update(source)
    .where(source.c.id == bindparam("this"))
    .values(
        polled_at=bindparam("polled"),
        # announced since it was claimed: what was read may be older. By the value, not by clocks, which may differ
        next_poll_at=case(
            (
                source.c.pushed_at.is_distinct_from(bindparam("heard", type_=source.c.pushed_at.type)),
                bindparam("soon", type_=source.c.next_poll_at.type),
            ),
            else_=bindparam("next", type_=source.c.next_poll_at.type),
        ),
        failures=bindparam("failed"),
        news_at=func.coalesce(bindparam("news", type_=source.c.news_at.type), source.c.news_at),
        etag=bindparam("tag"),
        last_modified=bindparam("modified"),
        body_hash=bindparam("hash"),
        found_kind=bindparam("found"),
        rule=bindparam("list_rule"),
        look=func.coalesce(bindparam("looks", type_=source.c.look.type), source.c.look),
        repair=func.coalesce(bindparam("repaired"), source.c.repair),
        fetched_at=func.coalesce(bindparam("whole", type_=source.c.fetched_at.type), source.c.fetched_at),
        moved_to=bindparam("to"),
        moved_at=bindparam("since"),
        newest=func.coalesce(bindparam("latest", type_=source.c.newest.type), source.c.newest),
        per_day=func.coalesce(bindparam("rate", type_=source.c.per_day.type), source.c.per_day),
        working_share=func.coalesce(bindparam("share", type_=source.c.working_share.type), source.c.working_share),
        quiet_at=func.coalesce(bindparam("quiet", type_=source.c.quiet_at.type), source.c.quiet_at),
        stale_at=func.coalesce(bindparam("stale", type_=source.c.stale_at.type), source.c.stale_at),
        kept_at=func.coalesce(bindparam("proved", type_=source.c.kept_at.type), source.c.kept_at),
        fault=bindparam("wrong"),
        strikes=bindparam("struck"),
        broken_by=bindparam("broken"),
        refresh_seconds=bindparam("refreshed"),
        hub=bindparam("announcer"),
        topic=bindparam("known_as"),
    )
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list that is ordered newest first: what comes after it is older (keyset paging)."""

    sort: int
    id: int

    def __str__(self) -> str:
        return f"{self.sort}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor that *text* (a str of one) names; raises NotFound."""
        found = CURSOR.fullmatch(text)
        if found is None:
            raise NotFound(f"{text[:40]!r} is no place in a list")
        return cls(int(found[1]), int(found[2]))


class Entries:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._add_entries = BulkInsert(store.insert(entry).on_conflict_do_nothing())
        self._add_bodies = BulkInsert(store.insert(body))
        self._add_tags = BulkInsert(store.insert(entry_tag))

    # ------------------------------------------------------------ in

    def unknown(self, uids: Sequence[str]) -> dict[str, int]:
        """Which of *uids* are not stored, each with how often its article page failed so far (0: never tried)."""
        tries = dict.fromkeys(uids, 0)
        stored = set()
        with self._store.read() as connection:
            for chunk in _chunks(list(tries)):
                for uid, tried in connection.execute(KNOWN, {"uids": chunk}):
                    if tried is None:
                        stored.add(uid)
                    else:
                        tries[uid] = tried
        return {uid: tried for uid, tried in tries.items() if uid not in stored}

    def pending_of(self, source_id: int) -> dict[str, Item]:
        """The items of a source whose article pages could not be read yet, by their identity keys."""
        with self._store.read() as connection:
            rows = connection.execute(PENDING_OF, {"source_id": source_id}).all()
        return {row.uid: Item(row.url, row.title, row.published, row.precision) for row in rows}

    def known(self, source_id: int, limit: int = 200) -> list[KnownEntry]:
        """The newest entries of a source, with what tells them again, newest first."""
        query = select(entry.c.id, entry.c.uid, entry.c.title, entry.c.published)
        query = _page(query.where(entry.c.source_id == source_id), entry.c.sort, entry.c.id, None, limit)
        with self._store.read() as connection:
            return [KnownEntry(*row) for row in connection.execute(query)]

    def record(self, visits: Sequence[Visit]) -> list[int | None]:
        """Keep what *visits* found, all of it or nothing, and end the leases they end; how many entries each brought.

        None: not recorded, since its lease is void and another worker visits that host by now. Entries known by then
        (another source was quicker) are left as they are.
        """
        return self._store.transact(lambda connection: self._record(connection, visits))

    def _record(self, connection: Connection, visits: Sequence[Visit]) -> list[int | None]:
        held = leases.current(connection, [visit.lease for visit in visits if visit.lease])
        kept = [visit for visit in visits if visit.lease is None or visit.lease in held]
        brought: dict[int, int] = {}
        if kept:
            self._keep_addresses(connection, kept)
            counts = self._insert_entries(connection, kept)
            brought = {id(visit): count for visit, count in zip(kept, counts, strict=True)}
            connection.execute(poll.insert(), [_poll_row(visit, brought[id(visit)]) for visit in kept])
            learned = [_learned(visit, brought[id(visit)]) for visit in kept]
            connection.execute(LEARNED, sorted(learned, key=lambda row: row["this"]))
            verdicts = [_judged(visit) for visit in kept if visit.owed is not None]
            websub.judge(connection, sorted(verdicts, key=lambda row: row["this"]))
            breaks.keep(self._store, connection, kept)
        if ended := [(visit.lease, visit.free_at) for visit in kept if visit.lease and visit.free_at]:
            leases.free(connection, ended)
        return [brought.get(id(visit)) for visit in visits]

    def _keep_addresses(self, connection: Connection, visits: Sequence[Visit]) -> None:
        """Know entries that moved by their new addresses, too, and link them there: the old ones lead nowhere now."""
        moved = [one for visit in visits for one in visit.moved]
        if not moved:
            return
        rows = [{"uid": uid, "entry_id": entry_id} for uid, _, entry_id in moved]
        connection.execute(self._store.insert(address).on_conflict_do_nothing(), rows)
        link = update(entry).where(entry.c.id == bindparam("this")).values(url=bindparam("there"))
        connection.execute(link, [{"this": entry_id, "there": url} for _, url, entry_id in moved])
        self._bump(connection, {"sources"})  # any feed may show one of them

    def _insert_entries(self, connection: Connection, visits: Sequence[Visit]) -> list[int]:
        # oldest first, so that of two entries of one day the upper one on the page has the larger id and comes first
        offered = {new.uid: (number, new) for number, visit in enumerate(visits) for new in reversed(visit.entries)}
        self._drop_known(connection, visits, offered)
        if offered:
            rows = [_entry_row(new, visits[number].source_id) for number, new in offered.values()]
            ids = self._added(connection, rows)
            # what is not there was stored by another worker since we looked
            offered = {uid: one for uid, one in offered.items() if uid in ids}
        brought = Counter(number for number, _ in offered.values())
        if offered:
            news = [(ids[uid], number, new) for uid, (number, new) in offered.items()]
            self._add_bodies(connection, [_body_row(id_, new) for id_, _, new in news])
            tags = self._insert_tags(connection, news)
            scopes = {
                "all",
                *(f"source:{visits[number].source_id}" for _, number, _ in news),
                *(f"tag:{id_}" for id_ in tags),
            }
            self._bump(connection, scopes)
        self._keep_pending(connection, visits)
        return [brought[number] for number in range(len(visits))]

    def _added(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
        """The ids by keys of those *rows* that were not there yet, now that they are."""
        if self._store.is_sqlite:  # the only writer: nothing came since known ones were dropped
            self._add_entries(connection, rows)
            return {
                row.uid: row.id
                for chunk in _chunks([row["uid"] for row in rows])
                for row in connection.execute(IDS, {"uids": chunk})
            }
        insert = self._store.insert(entry).on_conflict_do_nothing().returning(entry.c.uid, entry.c.id)
        return {row.uid: row.id for row in connection.execute(insert, rows)}

    def _drop_known(
        self, connection: Connection, visits: Sequence[Visit], offered: dict[str, tuple[int, NewEntry]]
    ) -> None:
        """Take out of *offered* what is stored already, under its key or under its address."""
        for chunk in _chunks(list(offered)):
            for (uid,) in connection.execute(STORED, {"uids": chunk}):
                offered.pop(uid, None)
        taken: dict[str, tuple[int, str]] = {}
        for chunk in _chunks([new.slug for _, new in offered.values()]):
            holders = connection.execute(HOLDERS, {"slugs": chunk})
            taken.update((row.slug, (row.source_id, row.title)) for row in holders)
        for uid, (number, new) in list(offered.items()):
            mine = (visits[number].source_id, new.title)
            holder = taken.setdefault(new.slug, mine)
            if holder is mine:
                continue
            if holder[0] == mine[0] and holder[1] != mine[1]:
                # one source links several stories to one address (a login page, its home page): each is an entry
                own = slug(uid)
                offered[uid] = number, replace(new, slug=own, atom_id=new.atom_id.removesuffix(new.slug) + own)
            else:
                del offered[uid]

    def _insert_tags(self, connection: Connection, news: Sequence[tuple[int, int, NewEntry]]) -> Counter[int]:
        names = list(dict.fromkeys(name for _, _, new in news for name in new.tags))
        if not names:
            return Counter()
        connection.execute(
            self._store.insert(tag).on_conflict_do_nothing(),
            [{"name": name, "entry_count": 0} for name in names],
        )
        ids: dict[str, int] = {}
        for chunk in _chunks(names):
            ids.update((row.name, row.id) for row in connection.execute(TAG_IDS, {"names": chunk}))
        rows = [
            {"tag_id": ids[name], "sort": _sort(new), "entry_id": id_}
            for id_, _, new in news
            for name in dict.fromkeys(new.tags)
        ]
        self._add_tags(connection, rows)
        counts = Counter(row["tag_id"] for row in rows)
        connection.execute(MORE_ENTRIES, [{"tag_id": id_, "more": count} for id_, count in sorted(counts.items())])
        return counts

    def _keep_pending(self, connection: Connection, visits: Sequence[Visit]) -> None:
        """Note what is to be tried again, and forget what has become an entry, here or at another source."""
        rows = {
            uid: {
                "uid": uid,
                "source_id": visit.source_id,
                "url": item.url,
                "title": item.title,
                "published": item.published,
                "precision": item.precision,
                "tries": tries,
                "tried_at": visit.polled_at,
            }
            for visit in visits
            for tries, items in ((0, visit.resting), (1, visit.pending))
            for uid, item in items
        }
        if rows:
            insert = self._store.insert(pending)
            again = {"tries": pending.c.tries + insert.excluded.tries, "tried_at": insert.excluded.tried_at}
            connection.execute(
                insert.on_conflict_do_update(index_elements=["uid"], set_=again), [rows[uid] for uid in sorted(rows)]
            )
        settled = [*rows, *(new.uid for visit in visits for new in visit.entries)]
        for chunk in _chunks(settled):
            connection.execute(SETTLED, {"uids": chunk})

    def _bump(self, connection: Connection, scopes: Iterable[str]) -> None:
        insert = self._store.insert(feed_version)
        statement = insert.on_conflict_do_update(index_elements=["scope"], set_={"version": feed_version.c.version + 1})
        connection.execute(statement, [{"scope": scope, "version": 1} for scope in sorted(scopes)])

    # ------------------------------------------------------------ out

    def newest(
        self,
        limit: int,
        *,
        tag_id: int | None = None,
        source_name: str | None = None,
        before: Cursor | None = None,
        bodies: bool = False,
    ) -> list[FullEntry]:
        """The newest entries, newest first, at most *limit*: of all, a tag or a source; only those after *before*."""
        if tag_id is not None:
            # the covering index of entry_tag gives the ids alone; joining first would sort the whole tag
            place = select(entry_tag.c.entry_id).where(entry_tag.c.tag_id == tag_id)
            place = _page(place, entry_tag.c.sort, entry_tag.c.entry_id, before, limit)
            query = ENTRY_WITH_SOURCE.where(entry.c.id.in_(place)).order_by(entry.c.sort.desc(), entry.c.id.desc())
        else:
            query = ENTRY_WITH_SOURCE
            if source_name is not None:
                query = query.where(source.c.name == source_name)
            query = _page(query, entry.c.sort, entry.c.id, before, limit)
        return self._full(query, bodies=bodies)

    def between(
        self, first: datetime, end: datetime, *, tag_id: int | None = None, limit: int = 1000
    ) -> list[FullEntry]:
        """The entries dated from *first* to before *end*, newest first, at most *limit*."""
        since, until = int(first.timestamp()), int(end.timestamp())
        query = ENTRY_WITH_SOURCE.where(entry.c.sort >= since, entry.c.sort < until)
        if tag_id is not None:
            place = select(entry_tag.c.entry_id).where(
                entry_tag.c.tag_id == tag_id, entry_tag.c.sort >= since, entry_tag.c.sort < until
            )
            query = query.where(entry.c.id.in_(place))
        return self._full(_page(query, entry.c.sort, entry.c.id, None, limit), bodies=False)

    def by_slug(self, name: str) -> FullEntry:
        """The entry with its body; raises NotFound."""
        found = self._full(ENTRY_WITH_SOURCE.where(entry.c.slug == name), bodies=True)
        if not found:
            raise NotFound(f"there is no entry {name}")
        return found[0]

    def walk(self, batch: int = 200) -> Iterator[FullEntry]:
        """Every entry with its body, newest first; memory stays that of one batch."""
        before: Cursor | None = None
        while page := self.newest(batch, before=before, bodies=True):
            yield from page
            before = Cursor(page[-1].sort, page[-1].id)

    def tags(self) -> list[Tag]:
        """Every tag that has entries, fullest first."""
        query = select(tag).where(tag.c.entry_count > 0).order_by(tag.c.entry_count.desc(), tag.c.name)
        with self._store.read() as connection:
            return [Tag(**row._mapping) for row in connection.execute(query)]

    def tag(self, name: str) -> Tag:
        """The tag called *name*; raises NotFound."""
        with self._store.read() as connection:
            row = connection.execute(select(tag).where(tag.c.name == name)).first()
        if row is None:
            raise NotFound(f"there is no tag called {name!r}")
        return Tag(**row._mapping)

    def count(self) -> int:
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(entry)).scalar_one()

    def _full(self, query: Select[Any], *, bodies: bool) -> list[FullEntry]:
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            ids = [row.id for row in rows]
            tags: dict[int, list[str]] = {id_: [] for id_ in ids}
            texts: dict[int, Row[Any]] = {}
            for chunk in _chunks(ids):
                named = select(entry_tag.c.entry_id, tag.c.name).join(tag, tag.c.id == entry_tag.c.tag_id)
                for row in connection.execute(named.where(entry_tag.c.entry_id.in_(chunk)).order_by(tag.c.id)):
                    tags[row.entry_id].append(row.name)
                if bodies:
                    texts.update(
                        (row.entry_id, row)
                        for row in connection.execute(select(body).where(body.c.entry_id.in_(chunk)))
                    )
        return [_full_entry(row, tags[row.id], texts.get(row.id)) for row in rows]


def _page(
    query: Select[Any], sort: ColumnElement[Any], number: ColumnElement[Any], before: Cursor | None, limit: int
) -> Select[Any]:
    if before is not None:
        query = query.where(tuple_(sort, number) < tuple_(before.sort, before.id))
    return query.order_by(sort.desc(), number.desc()).limit(limit)


def _sort(new: NewEntry) -> int:
    # a publisher's date ahead of our clock must not stand above all news until it comes
    return int(min(new.published or new.seen_at, new.seen_at).timestamp())


def _entry_row(new: NewEntry, source_id: int) -> dict[str, Any]:
    return {
        "slug": new.slug,
        "uid": new.uid,
        "atom_id": new.atom_id,
        "source_id": source_id,
        "url": new.url,
        "title": new.title,
        "published": new.published,
        "precision": new.precision,
        "updated": new.seen_at.replace(microsecond=0),
        "sort": _sort(new),
        "seen_at": new.seen_at,
        "author": new.author,
        "origin": new.origin,
        "section": list(new.section),
        "summary": new.summary,
        "image": new.images[0] if new.images else None,
    }


def _body_row(entry_id: int, new: NewEntry) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "html": new.html,
        "text": new.text,
        "images": list(new.images),
        "attachments": [asdict(one) for one in new.attachments],
    }


def _poll_row(visit: Visit, brought: int) -> dict[str, Any]:
    return {
        "source_id": visit.source_id,
        "polled_at": visit.polled_at,
        "outcome": visit.outcome(brought),
        "cause": visit.cause,
        "fault": visit.met,
        "status": visit.status,
        "items": visit.items,
        "entries": brought,
        "milliseconds": visit.milliseconds,
        "message": visit.message,
    }


def _learned(visit: Visit, brought: int) -> dict[str, Any]:
    return {
        "this": visit.source_id,
        "polled": visit.polled_at,
        "next": visit.next_poll_at,
        "heard": visit.pushed_at,
        "soon": min(visit.next_poll_at, early_poll_at(visit.polled_at, visit.polled_at)),
        "failed": visit.failures,
        "news": visit.polled_at if brought else None,
        "tag": visit.validators.etag,
        "modified": visit.validators.last_modified,
        "hash": visit.body_hash,
        "found": visit.kind,
        "list_rule": asdict(visit.rule) if visit.rule else None,
        "looks": asdict(visit.look) if visit.look else None,
        "repaired": visit.repair,
        "whole": visit.fetched_at,
        "to": visit.moved_to,
        "since": visit.moved_at,
        "latest": visit.rhythm.newest if visit.rhythm else None,
        "rate": visit.rhythm.per_day if visit.rhythm else None,
        "share": visit.rhythm.working_share if visit.rhythm else None,
        "quiet": visit.silence.quiet_at if visit.silence else None,
        "stale": visit.silence.stale_at if visit.silence else None,
        "proved": visit.polled_at if visit.kept and visit.kept.is_good else None,
        "wrong": visit.fault,
        "struck": visit.strikes,
        "broken": visit.broken_by,
        "refreshed": round(visit.refresh.total_seconds()) if visit.refresh else None,
        "announcer": visit.hub,
        "known_as": visit.topic,
    }


def _judged(visit: Visit) -> dict[str, Any]:
    return {"this": visit.source_id, "owes": visit.owed, "missed": visit.polled_at if visit.was_missed else None}


def _full_entry(row: Row[Any], tags: Sequence[str], texts: Row[Any] | None) -> FullEntry:
    return FullEntry(
        id=row.id,
        slug=row.slug,
        atom_id=row.atom_id,
        url=row.url,
        title=row.title,
        published=row.published,
        precision=row.precision,
        updated=row.updated,
        sort=row.sort,
        seen_at=row.seen_at,
        source=SourceRef(row.source_name, row.source_title, row.source_url, row.university),
        author=row.author,
        origin=row.origin,
        section=tuple(row.section),
        summary=row.summary,
        image=row.image,
        tags=tuple(tags),
        html=texts.html if texts else "",
        text=texts.text if texts else "",
        images=tuple(texts.images) if texts else (),
        attachments=tuple(Attachment(**one) for one in texts.attachments) if texts else (),
    )


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
