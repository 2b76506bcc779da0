"""Which member of a story was published first, as classify/story.py tells it, kept with the story.

Knows nothing of who is a member, and why.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, func, literal_column, null, select, update

from aggregator.classify.story import Teller, first_of, origins
from aggregator.model import Entry, EntryBody, Evidence, Source, Story, StoryMember, TagAlias
from aggregator.store.bulk import IDS, Bulk, chunks
from aggregator.store.said import SAID

EDGE = 400  # characters at either end of a text, where it may say where it comes from

entry, body = Entry.__table__, EntryBody.__table__  # type: ignore[attr-defined]
source, alias = Source.__table__, TagAlias.__table__  # type: ignore[attr-defined]
story, member = Story.__table__, StoryMember.__table__  # type: ignore[attr-defined]

TELLERS = (
    select(
        member.c.story_id, entry.c.id, entry.c.published, entry.c.precision, entry.c.origin, source.c.title,
        source.c.university, func.length(SAID).label("length"),
        func.substr(SAID, 1, EDGE).label("head"),
        func.substr(SAID, func.length(SAID) - EDGE + 1).label("tail"),
    )
    .join(source, source.c.id == entry.c.source_id)
    .join(member, member.c.entry_id == entry.c.id)
    .outerjoin(body, body.c.entry_id == entry.c.id)
    .where(member.c.story_id.in_(IDS))
    .order_by(entry.c.id)
)  # fmt: skip
NAMES = select(alias.c.tag_name, alias.c.alias).where(alias.c.tag_name.in_(IDS))
KNOWN = select(story.c.id, story.c.first_entry_id, story.c.evidence).where(story.c.id.in_(IDS))
KEEP = Bulk(
    update(story)
    .where(story.c.id == bindparam("story"))
    .values(
        first_entry_id=bindparam("first"),
        evidence=bindparam("how"),
        version=story.c.version + literal_column("1"),
        into_id=null(),
    )
)


def settle(connection: Connection, stories: Collection[int]) -> None:
    """Let *stories*, whose members have changed, know who of them was first."""
    for chunk in chunks(sorted(stories)):
        _keep(connection, _firsts(connection, chunk))


def outlast(connection: Connection, stories: Collection[int], gone: Collection[int]) -> None:
    """Let *stories*, from which the entries *gone* were deleted, know who was first: who was, if it is still there.

    What told so may be among those that went.
    """
    for chunk in chunks(sorted(stories)):
        known = {id_: (first, evidence) for id_, first, evidence in connection.execute(KNOWN, {"ids": chunk})}
        lost = [id_ for id_, (first, _) in known.items() if first in gone]
        _keep(connection, known | _firsts(connection, lost))


def resettle(connection: Connection, stories: Collection[int]) -> set[int]:
    """The same for *stories* whose members may say something new of dates and origins; those where that matters."""
    changed: set[int] = set()
    for chunk in chunks(sorted(stories)):
        known = {id_: (first, evidence) for id_, first, evidence in connection.execute(KNOWN, {"ids": chunk})}
        new = {id_: found for id_, found in _firsts(connection, chunk).items() if found != known.get(id_)}
        _keep(connection, new)
        changed.update(new)
    return changed


def _firsts(connection: Connection, stories: Collection[int]) -> dict[int, tuple[int, Evidence]]:
    rows = connection.execute(TELLERS, {"ids": stories}).all()
    names: dict[str, list[str]] = defaultdict(list)
    for name, other in connection.execute(NAMES, {"ids": sorted({row.university for row in rows})}):
        names[name].append(other)
    tellers: dict[int, list[Teller]] = defaultdict(list)
    for row in rows:
        said = origins(row.origin, f"{row.head or ''}\n{row.tail or ''}")
        known = tuple(names[row.university])
        tellers[row.story_id].append(
            Teller(row.id, row.university, row.title, row.published, row.precision, known, said, row.length or 0)
        )
    return {id_: first_of(its) for id_, its in tellers.items()}


def _keep(connection: Connection, firsts: Mapping[int, tuple[int, Evidence]]) -> None:
    KEEP(connection, [{"story": id_, "first": first, "how": how} for id_, (first, how) in sorted(firsts.items())])
