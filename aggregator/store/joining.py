"""Entries that tell the same news into one story, in the transaction that stores them or looks at them again.

classify/story.py says what is the same and who was first. Here stands who is compared with whom: signatures find
candidates, of these the likeliest are read. Knows no reader's question.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, BindParameter, Connection, bindparam, cast, delete, func, select, update

from aggregator.classify.story import APART, SHORTEST_TEXT, Teller, Telling, first_of, is_same, origins
from aggregator.model import Entry, EntryBody, EntrySignature, EntryTag, Evidence, Source, Story, StoryMember, TagAlias
from aggregator.store.bulk import Bulk, chunks, given

if TYPE_CHECKING:
    from aggregator.store import Store

MOST_SHARING = 30  # entries kept for one sign: what more of them say tells nothing
MOST_CANDIDATES = 40  # entries that are looked at for one: those that share most of its signs
MOST_COMPARED = 8  # of these, whose texts are read
EDGE = 400  # characters at either end of a text, where it may say where it comes from

entry, body, entry_tag = Entry.__table__, EntryBody.__table__, EntryTag.__table__  # type: ignore[attr-defined]
source, alias = Source.__table__, TagAlias.__table__  # type: ignore[attr-defined]
sign, story, member = EntrySignature.__table__, Story.__table__, StoryMember.__table__  # type: ignore[attr-defined]

IDS: BindParameter[Any] = bindparam("ids", expanding=True)
PLACES = (
    select(
        entry.c.id, entry.c.source_id, entry.c.sort, entry.c.published, entry.c.title,
        (func.length(entry.c.summary) < SHORTEST_TEXT).label("is_bare"), member.c.story_id,
    )
    .outerjoin(member, member.c.entry_id == entry.c.id)
    .where(entry.c.id.in_(IDS))
)  # fmt: skip
MEMBERS = select(member.c.story_id, member.c.entry_id).where(member.c.story_id.in_(IDS))
TEXTS = select(entry.c.id, entry.c.title, body.c.text).outerjoin(body).where(entry.c.id.in_(IDS))
SLUGS = select(entry.c.id, entry.c.slug).where(entry.c.id.in_(IDS))
KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
TOLD = select(story.c.key).where(story.c.key.in_(KEYS), story.c.id.in_(select(member.c.story_id)))
FIRST = select(story.c.first_entry_id, story.c.evidence).where(story.c.id == bindparam("story"))
BY_KEY = select(story.c.id).where(story.c.key == bindparam("key"))
TELLERS = (
    select(
        entry.c.id, entry.c.published, entry.c.precision, entry.c.origin, source.c.title, source.c.university,
        func.length(body.c.text).label("length"),
        func.substr(body.c.text, 1, EDGE).label("head"),
        func.substr(body.c.text, func.length(body.c.text) - EDGE + 1).label("tail"),
    )
    .join(source, source.c.id == entry.c.source_id)
    .join(member, member.c.entry_id == entry.c.id)
    .outerjoin(body, body.c.entry_id == entry.c.id)
    .where(member.c.story_id == bindparam("story"))
    .order_by(entry.c.id)
)  # fmt: skip
NAMES = select(alias.c.tag_name, alias.c.alias).where(alias.c.tag_name.in_(IDS))
CHANGED = (
    update(story)
    .where(story.c.id == bindparam("story"))
    .values(first_entry_id=bindparam("first"), evidence=bindparam("how"), version=story.c.version + 1, into_id=None)
)
TAGS = select(entry_tag.c.tag_id).where(entry_tag.c.entry_id.in_(IDS)).distinct()


class Fresh(NamedTuple):
    """An entry whose story is looked for."""

    id: int
    telling: Telling


class Place(NamedTuple):
    """Where an entry stands."""

    id: int
    source_id: int
    sort: int
    published: datetime | None
    title: str
    is_bare: bool  # of text, as its summary tells


# who may tell the same as an entry, the likeliest first, and whether only its title finds them
Near = dict[int, dict[int, bool]]


@dataclass(eq=False, slots=True)
class Group:
    """The entries of a story to be; *story* is None where it has no row yet, *absorbed* are those that go into it."""

    members: set[int]
    story: int | None = None
    absorbed: list[int] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    is_changed: bool = False


class Joining:
    def __init__(self, store: "Store") -> None:
        self._store = store
        keys = given(store)
        self._sharing = select(sign.c.hash, sign.c.entry_id).join(keys, sign.c.hash == cast(keys.c.value, BigInteger))
        self._add_signs = Bulk(store.insert(sign).on_conflict_do_nothing())
        added = store.insert(member)
        self._add_members = added.on_conflict_do_update(
            index_elements=["entry_id"], set_={"story_id": added.excluded.story_id}
        )

    def join(self, connection: Connection, fresh: Sequence[Fresh], *, again: bool = False) -> set[str]:
        """Let each of *fresh*, which are stored, join the story it tells; the scopes of feeds that changes.

        With *again* they may be in stories already, which they leave where nobody there tells the same any more.
        """
        near = self._near(connection, fresh)
        if not again and not any(near.values()):
            return set()  # most news are news
        board = _Board(connection, fresh, near)
        for one in fresh:
            if again:
                board.leave(one.id)
            board.unite(one.id)
        scopes = self._kept(connection, board)
        for story_id in board.unchanged([one.id for one in fresh]) if again else ():
            scopes |= self._resettled(connection, story_id)  # what an entry says of its origin or date may be new
        return scopes

    def sharing(self, connection: Connection, hashes: Iterable[int]) -> dict[int, list[int]]:
        """The entries known by each of *hashes*, where there are any."""
        found: dict[int, list[int]] = defaultdict(list)
        asked = list(set(hashes))
        if asked:
            for hash_, entry_id in connection.execute(self._sharing, {"keys": asked}):
                found[hash_].append(entry_id)
        return found

    def _near(self, connection: Connection, fresh: Sequence[Fresh]) -> Near:
        """The candidates for each of *fresh*, the likeliest first; from now on they are candidates themselves."""
        sharing = self.sharing(connection, (hash_ for one in fresh for hash_ in one.telling.signature))
        near: Near = {}
        rows = []
        for one in fresh:
            counts: Counter[int] = Counter()
            signature = one.telling.signature
            telling = [hash_ for hash_ in signature if len(sharing[hash_]) < MOST_SHARING]
            # what so many say is a phrase, unless all is: then so many tell the story
            for hash_ in telling if 2 * len(telling) >= len(signature) else signature:
                counts.update(sharing[hash_])
            for hash_ in signature:
                known = sharing[hash_]
                if len(known) < MOST_SHARING and one.id not in known:
                    known.append(one.id)
                    rows.append({"hash": hash_, "entry_id": one.id})
            del counts[one.id]
            least = one.telling.least_shared
            likely = [(count, id_) for id_, count in counts.items() if count >= least]
            titled = sharing[one.telling.title_sign] if one.telling.title_sign is not None else ()
            near[one.id] = dict.fromkeys([id_ for id_ in titled if 0 < counts[id_] < least][-MOST_COMPARED:], True)
            near[one.id] |= dict.fromkeys([id_ for _, id_ in nlargest(MOST_CANDIDATES, likely)], False)
        self._add_signs(connection, rows)
        return near

    def _kept(self, connection: Connection, board: "_Board") -> set[str]:
        groups = board.groups()
        left = {id_ for group in groups for id_ in group.left}
        for chunk in chunks(sorted(left)):  # first: who leaves one story may be in another by now
            connection.execute(delete(member).where(member.c.entry_id.in_(chunk)))
        touched = left
        for group in groups:
            touched |= group.members
            if len(group.members) > 1:
                self._keep(connection, group, board.places)
            elif group.story is not None:  # of one nothing is to be told
                connection.execute(delete(member).where(member.c.story_id == group.story))
        return self.scopes(connection, touched)

    def _keep(self, connection: Connection, group: Group, places: Mapping[int, Place]) -> None:
        story_id = group.story or self._made(connection, group.members)
        for former in group.absorbed:
            connection.execute(update(member).where(member.c.story_id == former).values(story_id=story_id))
            connection.execute(update(story).where(story.c.id == former).values(into_id=story_id))
        rows = [
            {"entry_id": id_, "story_id": story_id, "source_id": places[id_].source_id, "sort": places[id_].sort}
            for id_ in sorted(group.members)
        ]
        connection.execute(self._add_members, rows)
        self.settle(connection, story_id)

    def settle(self, connection: Connection, story_id: int) -> None:
        """Let the story, of which something has changed, know who of its members was first."""
        first, evidence = self._first(connection, story_id)
        connection.execute(CHANGED, {"story": story_id, "first": first, "how": evidence})

    def _resettled(self, connection: Connection, story_id: int) -> set[str]:
        """The same where only that may have changed; the scopes of feeds that this changes."""
        known = connection.execute(FIRST, {"story": story_id}).one()
        if tuple(known) == self._first(connection, story_id):
            return set()
        self.settle(connection, story_id)
        return self.scopes(connection, connection.execute(MEMBERS, {"ids": [story_id]}).scalars("entry_id").all())

    def _first(self, connection: Connection, story_id: int) -> tuple[int, Evidence]:
        rows = connection.execute(TELLERS, {"story": story_id}).all()
        names: dict[str, list[str]] = defaultdict(list)
        for name, other in connection.execute(NAMES, {"ids": list({row.university for row in rows})}):
            names[name].append(other)
        tellers = [
            Teller(
                row.id, row.university, row.title, row.published, row.precision, tuple(names[row.university]),
                origins(row.origin, f"{row.head or ''}\n{row.tail or ''}"), row.length or 0,
            )
            for row in rows
        ]  # fmt: skip
        return first_of(tellers)

    def _made(self, connection: Connection, ids: Collection[int]) -> int:
        """A story for the entries *ids*, called after the first of them that we saw; it may be one that they were once.

        After another where those that the first has left still tell the story called after it.
        """
        slugs = {row.id: row.slug for row in connection.execute(SLUGS, {"ids": sorted(ids)})}
        names = [slugs[id_] for id_ in sorted(ids)]
        taken = set(connection.execute(TOLD, {"keys": names}).scalars())
        key = next((name for name in names if name not in taken), "-".join(names[:2]))
        values = {"key": key, "first_entry_id": min(ids), "evidence": "seen", "version": 0}
        connection.execute(self._store.insert(story).values(values).on_conflict_do_nothing(index_elements=["key"]))
        return int(connection.execute(BY_KEY, {"key": key}).scalar_one())

    def scopes(self, connection: Connection, ids: Collection[int]) -> set[str]:
        """The scopes of all feeds that show one of the entries *ids*."""
        if not ids:
            return set()
        found = {"all"}
        for chunk in chunks(sorted(ids)):
            found.update(f"tag:{id_}" for id_ in connection.execute(TAGS, {"ids": chunk}).scalars())
            found.update(f"source:{row.source_id}" for row in connection.execute(PLACES, {"ids": chunk}))
        return found


class _Board:
    """Who is compared with whom, and the groups that come of it; reads, and writes nothing."""

    def __init__(self, connection: Connection, fresh: Sequence[Fresh], near: Near) -> None:
        self._connection = connection
        self._tellings = {one.id: one.telling for one in fresh}
        self._groups: dict[int, Group] = {}
        self.places: dict[int, Place] = {}
        self._place({*near, *(other for others in near.values() for other in others)})
        self._near = {one: self._likely(one, others) for one, others in near.items() if one in self.places}
        self._read()

    def groups(self) -> list[Group]:
        """Those that changed."""
        return [group for group in dict.fromkeys(self._groups.values()) if group.is_changed]

    def unchanged(self, ids: Iterable[int]) -> list[int]:
        """The stories of the entries *ids* that did not."""
        groups = [self._groups[id_] for id_ in ids if id_ in self._groups]
        return list(dict.fromkeys(group.story for group in groups if group.story is not None and not group.is_changed))

    def leave(self, id_: int) -> None:
        """Take the entry out of its story, where nobody there tells the same as it does now."""
        group = self._groups.get(id_)
        if group and group.story and not any(self._is_same(id_, other) for other in sorted(group.members - {id_})):
            group.members.discard(id_)
            group.left.add(id_)
            group.is_changed = True
            self._groups[id_] = Group({id_})

    def unite(self, one: int) -> None:
        """Let the entry be of one story with those that tell the same, and with all who are of one with them."""
        for other in self._near.get(one, ()):
            mine, its = self._groups[one], self._groups[other]
            if mine is not its and self._is_same(one, other) and self._fit(mine, its):
                self._merge(mine, its)

    def _merge(self, mine: Group, its: Group) -> None:
        kept, gone = sorted((mine, its), key=lambda group: (group.story is None, group.story or 0))
        kept.members |= gone.members
        kept.left = (kept.left | gone.left) - kept.members
        kept.absorbed += [*gone.absorbed, *([gone.story] if gone.story else [])]
        kept.is_changed = True
        for id_ in gone.members:
            self._groups[id_] = kept

    def _fit(self, mine: Group, its: Group) -> bool:
        """Whether no source would tell the story twice, but for the same entry again."""
        by_source: dict[int, int] = {self.places[id_].source_id: id_ for id_ in sorted(mine.members)}
        pairs = [(by_source[at], id_) for id_ in its.members if (at := self.places[id_].source_id) in by_source]
        return all(self._is_same(*pair) for pair in pairs)

    def _likely(self, one: int, others: Mapping[int, bool]) -> list[int]:
        """Of *others* those that may tell the same as *one*, as far as that can be said without their texts."""
        here = self.places[one]
        likely = []
        for id_, is_only_titled in others.items():
            there = self.places.get(id_)
            if there is None or (is_only_titled and not there.is_bare):
                continue  # it is gone; or its text, too, would have shown
            apart = self._apart(one, id_)
            if (apart is None or apart <= APART) and (there.source_id != here.source_id or there.title == here.title):
                likely.append(id_)
        return likely[:MOST_COMPARED]

    def _is_same(self, one: int, other: int) -> bool:
        of_one_source = self.places[one].source_id == self.places[other].source_id
        return is_same(self._telling(one), self._telling(other), self._apart(one, other), of_one_source=of_one_source)

    def _apart(self, one: int, other: int) -> timedelta | None:
        first, second = self.places[one].published, self.places[other].published
        return None if first is None or second is None else abs(first - second)

    def _telling(self, id_: int) -> Telling:
        if id_ not in self._tellings:
            row = self._connection.execute(TEXTS, {"ids": [id_]}).first()
            self._tellings[id_] = Telling(row.title, row.text or "") if row else Telling("", "")  # it is gone
        return self._tellings[id_]

    def _read(self) -> None:
        """Have the texts that are likely to be compared; one by one they would cost ten times as much."""
        wanted = {other for others in self._near.values() for other in others[:3]}
        for chunk in chunks(sorted(wanted - self._tellings.keys())):
            for row in self._connection.execute(TEXTS, {"ids": chunk}):
                self._tellings[row.id] = Telling(row.title, row.text or "")

    def _place(self, ids: Collection[int]) -> None:
        """Learn where the entries stand, with all others of their stories."""
        stories: dict[int, Group] = {}
        missing = set(ids)
        while missing:
            found: list[Any] = []
            for chunk in chunks(sorted(missing)):
                found += self._connection.execute(PLACES, {"ids": chunk}).all()
            for row in found:
                self.places[row.id] = Place(*row[:-1])
                group = Group({row.id}) if row.story_id is None else stories.get(row.story_id)
                if group is None:
                    group = stories[row.story_id] = Group(set(), row.story_id)
                group.members.add(row.id)
                self._groups[row.id] = group
            missing = set()
            new = [id_ for id_ in stories if stories[id_].members <= set(ids)]
            for chunk in chunks(sorted(new)):
                its = {row.entry_id for row in self._connection.execute(MEMBERS, {"ids": chunk})}
                missing |= its - self.places.keys()
