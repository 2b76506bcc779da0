"""Entries that tell the same news into one story, in the transaction that stores them or looks at them again.

classify/story.py says what is the same and who was first. Here stands who is compared with whom: signatures find
candidates, of these the likeliest are read. Knows no reader's question.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, cast, delete, func, select, update

from aggregator.classify.story import APART, SHORTEST_TEXT, Telling, is_same
from aggregator.model import Entry, EntryBody, EntrySignature, Story, StoryMember
from aggregator.store.bulk import IDS, Bulk, chunks, given
from aggregator.store.feeds import scopes_of
from aggregator.store.firsts import resettle, settle
from aggregator.store.said import SAID

if TYPE_CHECKING:
    from aggregator.store import Store

MOST_SHARING = 30  # entries kept for one sign, the newest: copies come soon, and what more of them say is a phrase
MOST_CANDIDATES = 40  # entries that are looked at for one: those that share most of its signs
MOST_COMPARED = 8  # of these, whose texts are read

entry, body = Entry.__table__, EntryBody.__table__  # type: ignore[attr-defined]
sign, story, member = EntrySignature.__table__, Story.__table__, StoryMember.__table__  # type: ignore[attr-defined]

PLACES = (
    select(
        entry.c.id, entry.c.source_id, entry.c.sort, entry.c.published, entry.c.title,
        (func.length(entry.c.summary) < SHORTEST_TEXT).label("is_bare"), member.c.story_id,
    )
    .outerjoin(member, member.c.entry_id == entry.c.id)
    .where(entry.c.id.in_(IDS))
)  # fmt: skip
MEMBERS = select(member.c.entry_id).where(member.c.story_id.in_(IDS))
TEXTS = select(entry.c.id, entry.c.title, SAID.label("text")).outerjoin(body).where(entry.c.id.in_(IDS))
FORGET = Bulk(delete(sign).where(sign.c.hash == bindparam("sign"), sign.c.entry_id == bindparam("oldest")))


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
        number = cast(keys.c.value, BigInteger)
        self._sharing = select(sign.c.hash, sign.c.entry_id).join(keys, sign.c.hash == number)
        self._slugs = select(entry.c.id, entry.c.slug).join(keys, entry.c.id == number)
        self._by_key = select(story.c.key, story.c.id).join(keys, story.c.key == keys.c.value)
        told = story.c.id.in_(select(member.c.story_id))
        self._told = select(story.c.key).join(keys, story.c.key == keys.c.value).where(told)
        self._add_signs = Bulk(store.insert(sign).on_conflict_do_nothing())
        added = store.insert(member)
        self._add_members = Bulk(
            added.on_conflict_do_update(index_elements=["entry_id"], set_={"story_id": added.excluded.story_id})
        )
        self._add_stories = Bulk(store.insert(story).on_conflict_do_nothing(index_elements=["key"]))

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
        if again:  # what an entry says of its origin or date may be new
            changed = resettle(connection, board.unchanged([one.id for one in fresh]))
            scopes |= scopes_of(connection, members(connection, changed))
        return scopes

    def sharing(self, connection: Connection, hashes: Iterable[int]) -> dict[int, list[int]]:
        """The entries known by each of *hashes*, where there are any."""
        found: dict[int, list[int]] = defaultdict(list)
        asked = list(set(hashes))
        if asked:
            for hash_, entry_id in connection.execute(self._sharing, {"keys": asked}).all():
                found[hash_].append(entry_id)
        return found

    def _near(self, connection: Connection, fresh: Sequence[Fresh]) -> Near:
        """The candidates for each of *fresh*, the likeliest first; from now on they are candidates themselves."""
        sharing = self.sharing(connection, (hash_ for one in fresh for hash_ in one.telling.signature))
        near: Near = {}
        new: set[tuple[int, int]] = set()
        gone: list[tuple[int, int]] = []
        for one in fresh:
            known = {hash_: sharing[hash_] for hash_ in one.telling.signature}
            few = [ids for ids in known.values() if len(ids) < MOST_SHARING]
            # what so many say is a phrase, unless most is: then so many tell the story
            many = [ids for ids in known.values() if len(ids) >= MOST_SHARING] if 2 * len(few) < len(known) else []
            rare, shared = Counter(chain(*few)), Counter(chain(*few, *many))  # how many signs others share with it
            for hash_, ids in known.items():
                if one.id in ids:
                    continue
                if len(ids) >= MOST_SHARING:
                    if one.id < (oldest := min(ids)):
                        continue
                    ids.remove(oldest)
                    gone.append((hash_, oldest))
                ids.append(one.id)
                new.add((hash_, one.id))
            least = one.telling.least_shared
            likely = [
                (rare.get(id_, 0), often, id_) for id_, often in shared.items() if often >= least and id_ != one.id
            ]
            titled = sharing[one.telling.title_sign] if one.telling.title_sign is not None else []
            lone = sorted(id_ for id_ in titled if 0 < shared.get(id_, 0) < least and id_ != one.id)
            near[one.id] = dict.fromkeys(lone[-MOST_COMPARED:], True)
            near[one.id] |= dict.fromkeys([id_ for _, _, id_ in nlargest(MOST_CANDIDATES, likely)], False)
        # what came and went with *fresh* was never there
        self._add_signs(connection, [{"hash": hash_, "entry_id": id_} for hash_, id_ in sorted(new.difference(gone))])
        FORGET(connection, [{"sign": hash_, "oldest": id_} for hash_, id_ in sorted(set(gone) - new)])
        return near

    def _kept(self, connection: Connection, board: "_Board") -> set[str]:
        groups = board.groups()
        left = {id_ for group in groups for id_ in group.left}
        for chunk in chunks(sorted(left)):  # first: who leaves one story may be in another by now
            connection.execute(delete(member).where(member.c.entry_id.in_(chunk)))
        told = [group for group in groups if len(group.members) > 1]
        for group in groups:
            if len(group.members) < 2 and group.story is not None:  # of one nothing is to be told
                connection.execute(delete(member).where(member.c.story_id == group.story))
        self._name(connection, [group for group in told if group.story is None])
        for group in told:
            for former in group.absorbed:
                connection.execute(update(member).where(member.c.story_id == former).values(story_id=group.story))
                connection.execute(update(story).where(story.c.id == former).values(into_id=group.story))
        rows = [
            {
                "entry_id": id_,
                "story_id": group.story,
                "source_id": board.places[id_].source_id,
                "sort": board.places[id_].sort,
            }
            for group in told
            for id_ in sorted(group.members)
        ]
        self._add_members(connection, rows)
        settle(connection, [group.story for group in told if group.story is not None])
        return scopes_of(connection, left.union(*(group.members for group in groups)))

    def _name(self, connection: Connection, groups: Sequence[Group]) -> None:
        """Give each group a story, called after the first of its entries that we saw; they may have told it before.

        It is called after another entry where those that the first has left still tell the story called after it.
        """
        if not groups:
            return
        ids = sorted(id_ for group in groups for id_ in group.members)
        slugs = {row.id: row.slug for row in connection.execute(self._slugs, {"keys": ids})}
        taken = set(connection.execute(self._told, {"keys": list(slugs.values())}).scalars())
        keys = []
        for group in groups:
            own = [slugs[id_] for id_ in sorted(group.members)]
            keys.append(next((name for name in own if name not in taken), "-".join(own[:2])))
        firsts = [min(group.members) for group in groups]
        rows = [
            {"key": key, "first_entry_id": first, "evidence": "seen", "version": 0}
            for key, first in zip(keys, firsts, strict=True)
        ]
        self._add_stories(connection, rows)
        known = {row.key: row.id for row in connection.execute(self._by_key, {"keys": keys})}
        for group, key in zip(groups, keys, strict=True):
            group.story = known[key]


def members(connection: Connection, stories: Collection[int]) -> set[int]:
    """The entries that tell one of *stories*."""
    return {id_ for chunk in chunks(sorted(stories)) for id_ in connection.execute(MEMBERS, {"ids": chunk}).scalars()}


class _Board:
    """Who is compared with whom, and the groups that come of it; reads, and writes nothing."""

    def __init__(self, connection: Connection, fresh: Sequence[Fresh], near: Near) -> None:
        self._connection = connection
        self._tellings = {one.id: one.telling for one in fresh}
        self._groups: dict[int, Group] = {}
        self.places: dict[int, Place] = {}
        self._place(set(near).union(*near.values()))
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
                if len(likely) == MOST_COMPARED:
                    break
        return likely

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
                missing |= members(self._connection, chunk) - self.places.keys()
