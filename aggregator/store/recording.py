"""What visits found -> entries, bodies, tags and addresses, all in the one transaction it is given.

Knows no query of readers; what a visit teaches about its source stands in lessons.py.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, null, select, union_all, update

from aggregator.classify.story import Telling
from aggregator.identity import slug
from aggregator.model import Entry, EntryAddress, EntryBody, EntryTag, NewEntry, Tag, Tombstone, Visit
from aggregator.store import breaks, burial, feeds, history, indexing, leases, lessons, pending, rechecks, stories
from aggregator.store.bulk import Bulk, given
from aggregator.store.joining import Fresh

if TYPE_CHECKING:
    from aggregator.store import Store

entry, body, address = Entry.__table__, EntryBody.__table__, EntryAddress.__table__  # type: ignore[attr-defined]
tag, entry_tag, tombstone = Tag.__table__, EntryTag.__table__, Tombstone.__table__  # type: ignore[attr-defined]

MORE_ENTRIES = Bulk(
    update(tag).where(tag.c.id == bindparam("tag_id")).values(entry_count=tag.c.entry_count + bindparam("more"))
)


class Recording:
    def __init__(self, store: "Store") -> None:
        self._store = store
        self._add_entries = Bulk(store.insert(entry).on_conflict_do_nothing())
        self._add_bodies = Bulk(store.insert(body))
        self._add_tags = Bulk(store.insert(entry_tag))
        self._backlogs = pending.Backlogs(store)
        keys = given(store)
        self._stored = union_all(
            select(entry.c.uid).join(keys, keys.c.value == entry.c.uid),
            select(address.c.uid).join(keys, keys.c.value == address.c.uid),
            select(tombstone.c.uid).join(keys, keys.c.value == tombstone.c.uid),
        )
        self._holders = union_all(
            select(entry.c.slug, entry.c.id, entry.c.source_id, entry.c.title).join(keys, keys.c.value == entry.c.slug),
            # of a deleted one the number is NULL
            select(tombstone.c.slug, null(), tombstone.c.source_id, tombstone.c.title).join(
                keys, keys.c.value == tombstone.c.slug
            ),
        )
        self._ids = select(entry.c.uid, entry.c.id).join(keys, keys.c.value == entry.c.uid)

    def record(
        self, connection: Connection, visits: Sequence[Visit], tellings: Mapping[str, Telling]
    ) -> tuple[list[int | None], list[Fresh]]:
        """As Entries.record, in the transaction of *connection*, with the entries that were new.

        *tellings* are those of all entries by their keys, made before the transaction, which holds up other writers.
        """
        held = leases.current(connection, [visit.lease for visit in visits if visit.lease])
        kept = [visit for visit in visits if visit.lease is None or visit.lease in held]
        brought = dict.fromkeys(map(id, kept), 0)
        fresh: list[Fresh] = []
        lists = [visit for visit in kept if not visit.is_of_articles]
        scopes: set[str] = set()
        if lists:
            scopes |= self._keep_addresses(connection, lists)
            counts, fresh, changed = self._insert_entries(connection, lists, tellings)
            scopes |= changed
            brought |= {id(visit): count for visit, count in zip(lists, counts, strict=True)}
        scopes |= self._keep_looks(connection, kept)
        if lists:
            lessons.learn(connection, list(zip(lists, counts, strict=True)))
            breaks.keep(self._store, connection, lists)
        if ended := [(visit.lease, visit.free_at) for visit in kept if visit.lease and visit.free_at]:
            leases.free(connection, ended)
        feeds.count_change(self._store, connection, scopes)
        return [brought.get(id(visit)) for visit in visits], fresh

    def keep(self, connection: Connection, visits: Sequence[Visit]) -> list[int]:
        """Keep the entries of *visits*, and nothing that these teach of their sources; how many each brought.

        They are no news: who else tells them is looked for later.
        """
        counts, _, scopes = self._insert_entries(connection, visits, None)
        feeds.count_change(self._store, connection, scopes)
        return counts

    def _keep_looks(self, connection: Connection, visits: Sequence[Visit]) -> set[str]:
        """What visits found of known articles, and when their sources are due for these; which feeds that changes."""
        scopes = history.keep(self._store, connection, [one for visit in visits for one in visit.looked])
        seen = {visit.source_id for visit in visits if visit.looked or visit.entries or visit.is_of_articles}
        rechecks.schedule(connection, seen)
        rechecks.looked_after(connection, {visit.source_id for visit in visits if visit.is_of_articles})
        return scopes

    def _keep_addresses(self, connection: Connection, visits: Sequence[Visit]) -> set[str]:
        """Know entries that moved by their new addresses, too, and link them there: the old ones lead nowhere now.

        The scopes of feeds that changes.
        """
        moved = [one for visit in visits for one in visit.moved]
        if not moved:
            return set()
        # one may have been deleted since it was seen at its new address; those that are there stay until we are done
        living = select(entry.c.id).where(entry.c.id.in_({entry_id for _, _, entry_id in moved}))
        there = set(connection.execute(living.with_for_update(read=True, key_share=True)).scalars())
        moved = [one for one in moved if one[2] in there]
        if not moved:
            return set()
        rows = [{"uid": uid, "entry_id": entry_id} for uid, _, entry_id in moved]
        connection.execute(self._store.insert(address).on_conflict_do_nothing(), rows)
        link = update(entry).where(entry.c.id == bindparam("this")).values(url=bindparam("there"))
        connection.execute(link, [{"this": entry_id, "there": url} for _, url, entry_id in moved])
        return {"sources"}  # any feed may show one of them

    def _insert_entries(
        self, connection: Connection, visits: Sequence[Visit], tellings: Mapping[str, Telling] | None
    ) -> tuple[list[int], list[Fresh], set[str]]:
        """How many each visit brought, the new entries, and the scopes of feeds that these change."""
        # oldest first, so that of two entries of one day the upper one on the page has the larger id and comes first
        offered = {new.uid: (number, new) for number, visit in enumerate(visits) for new in reversed(visit.entries)}
        doubles = self._drop_known(connection, visits, offered) if offered else {}
        if offered:
            rows = [_entry_row(new, visits[number].source_id) for number, new in offered.values()]
            ids = self._added(connection, rows)
            # what is not there was stored by another worker since we looked
            offered = {uid: one for uid, one in offered.items() if uid in ids}
        brought = Counter(number for number, _ in offered.values())
        fresh: list[Fresh] = []
        scopes: set[str] = set()
        if offered:
            news = [(ids[uid], number, new) for uid, (number, new) in offered.items()]
            self._add_bodies(connection, [_body_row(id_, new) for id_, _, new in news])
            tags = self._insert_tags(connection, news)
            indexing.note(connection, [id_ for id_, _, _ in news])
            rechecks.begin(connection, [(id_, visits[number].source_id, new) for id_, number, new in news])
            if tellings is None:
                stories.note(self._store, connection, [id_ for id_, _, _ in news])
            else:  # at once: nobody is to see the same news twice first
                fresh = [Fresh(id_, tellings[new.uid]) for id_, _, new in sorted(news, key=itemgetter(0))]
            scopes = self._store.stories.joining.join(connection, fresh) | {
                "all",
                *(f"source:{visits[number].source_id}" for _, number, _ in news),
                *(f"tag:{id_}" for id_ in tags),
            }
        self._keep_doubles(connection, doubles)
        self._backlogs.keep(connection, visits)
        return [brought[number] for number in range(len(visits))], fresh, scopes

    def _added(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
        """The ids by keys of those *rows* that were not there yet, now that they are."""
        if self._store.is_sqlite:  # the only writer: nothing came since known ones were dropped
            self._add_entries(connection, rows)
            stored = connection.execute(self._ids, {"keys": [row["uid"] for row in rows]})
            return {row.uid: row.id for row in stored}
        insert = self._store.insert(entry).on_conflict_do_nothing().returning(entry.c.uid, entry.c.id)
        return {row.uid: row.id for row in connection.execute(insert, rows)}

    def _drop_known(
        self, connection: Connection, visits: Sequence[Visit], offered: dict[str, tuple[int, NewEntry]]
    ) -> dict[str, str]:
        """Take out of *offered* what is stored already, under its key or under its address; the latter, by its slug."""
        for (uid,) in connection.execute(self._stored, {"keys": list(offered)}):
            offered.pop(uid, None)
        places = {uid: (visits[number].source_id, sort_of(new), new.title) for uid, (number, new) in offered.items()}
        for uid in burial.known_again(self._store, connection, places, max(visit.polled_at for visit in visits)):
            del offered[uid]
        holders = connection.execute(self._holders, {"keys": [new.slug for _, new in offered.values()]})
        taken = {row.slug: (row.source_id, row.title) for row in holders}
        doubles: dict[str, str] = {}
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
                doubles[uid] = new.slug
        return doubles

    def _keep_doubles(self, connection: Connection, doubles: Mapping[str, str]) -> None:
        """Know entries by the keys of *doubles*, too: else their pages would be fetched again at each poll."""
        if doubles:
            holders = connection.execute(self._holders, {"keys": list(doubles.values())})
            ids = {row.slug: row.id for row in holders}
            dead = {name for name, id_ in ids.items() if id_ is None}
            burial.know_too(self._store, connection, {uid: name for uid, name in doubles.items() if name in dead})
            rows = [{"uid": uid, "entry_id": ids[name]} for uid, name in sorted(doubles.items()) if ids.get(name)]
            if rows:  # a holder of this visit may itself have been stored by another worker since we looked
                connection.execute(self._store.insert(address).on_conflict_do_nothing(), rows)

    def _insert_tags(self, connection: Connection, news: Sequence[tuple[int, int, NewEntry]]) -> Counter[int]:
        names = list(dict.fromkeys(name for _, _, new in news for name in new.tags))
        if not names:
            return Counter()
        ids = self._store.tagging.ids_of(connection, names)
        rows = [
            {"tag_id": ids[name], "sort": sort_of(new), "entry_id": id_}
            for id_, _, new in news
            for name in dict.fromkeys(new.tags)
        ]
        self._add_tags(connection, rows)
        counts = Counter(row["tag_id"] for row in rows)
        MORE_ENTRIES(connection, [{"tag_id": id_, "more": count} for id_, count in sorted(counts.items())])
        return counts


def sort_of(new: NewEntry) -> int:
    """Where the entry will stand in lists."""
    # a publisher's date ahead of our clock must not stand above all news until it comes
    return new.sort or int(min(new.published or new.seen_at, new.seen_at).timestamp())


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
        "updated": (new.updated or new.seen_at).replace(microsecond=0),
        "sort": sort_of(new),
        "seen_at": new.seen_at,
        "author": new.author,
        "origin": new.origin,
        "section": new.section,
        "summary": new.summary,
        "image": new.images[0] if new.images else None,
        "is_withheld": False,
    }


def _body_row(entry_id: int, new: NewEntry) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "html": new.html,
        "text": new.text,
        "images": new.images,
        "attachments": new.attachments,
        "keywords": new.keywords,
    }
