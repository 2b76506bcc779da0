"""The stories of a selection, in pages: for whoever lists them. What a story is stands in stories.py."""

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from aggregator.model import StoryMember, StoryOf
from aggregator.query import EVERYTHING, Selection
from aggregator.store.bulk import IDS
from aggregator.store.selecting import question, story_ids

if TYPE_CHECKING:
    from aggregator.store import Store

MOST_ID = 2**62

member = StoryMember.__table__  # type: ignore[attr-defined]
SOME_MEMBER = (
    select(member.c.story_id, func.min(member.c.entry_id).label("entry_id"))
    .where(member.c.story_id.in_(IDS))
    .group_by(member.c.story_id)
)
# made once for each shape: making a statement costs more than asking it
_ids_of = lru_cache(maxsize=100)(story_ids)


def newest_stories(
    store: "Store", limit: int, selection: Selection = EVERYTHING, *, before: int | None = None
) -> list[tuple[int, StoryOf]]:
    """(place, story) of the stories that an entry of *selection* tells, the one known last first.

    At most *limit*; only those after the place *before*. Raises NotFound as ``entries.newest``.
    """
    with store.read() as connection:
        asked = question(connection, selection)
        if asked is None:
            return []
        values = {**asked.values, "limit": limit, "story": MOST_ID if before is None else before}
        places = list(connection.execute(_ids_of(asked.shape), values).scalars())
        rows = connection.execute(SOME_MEMBER, {"ids": places}).all() if places else ()
    entries = {one.id: one for one in store.entries.of([row.entry_id for row in rows])}
    told = {row.story_id: entries[row.entry_id].story for row in rows if row.entry_id in entries}
    return [(place, story) for place in places if (story := told.get(place))]
