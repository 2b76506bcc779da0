"""A Selection into SQL for its newest entries and their number: an index is read from its end until there is enough.

Knows no entry's text. Statements are made once for each Shape of a question: making one costs more than asking it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    tuple_,
    union,
)

from aggregator.model import Entry, EntryTag, StoryMember
from aggregator.query import Selection
from aggregator.store.names import source_ids, tags_of

# sources of a university that are read each from its own end; SQLite unites at most 500 queries
MOST_SOURCES = 100
LIMIT: BindParameter[int] = bindparam("limit")

entry, entry_tag = Entry.__table__, EntryTag.__table__  # type: ignore[attr-defined]
member = StoryMember.__table__  # type: ignore[attr-defined]


class Shape(NamedTuple):
    """What a question looks like, whatever its values are."""

    terms: tuple[tuple[int, int], ...]  # how many tags each term has and lacks
    sources: int | None  # None: any
    bounds: tuple[str, ...]  # of "since", "until" and "before", those there are
    every: bool  # and not one entry a story


class Question(NamedTuple):
    shape: Shape
    values: dict[str, Any]


class _Part(NamedTuple):
    """A piece of one index: where its entries stand in the order of all lists, and which they are."""

    sort: ColumnElement[int]
    id: ColumnElement[int]
    which: tuple[ColumnElement[bool], ...] = ()

    def between(self, bounds: Mapping[str, str]) -> Select[int, int]:
        """Its (sort, id); *bounds* are the names of parameters."""
        query = select(self.sort.label("sort"), self.id.label("id")).where(*self.which)
        if "since" in bounds:
            query = query.where(self.sort >= bindparam(bounds["since"]))
        if "until" in bounds:
            query = query.where(self.sort < bindparam(bounds["until"]))
        if "before" in bounds:
            query = query.where(
                tuple_(self.sort, self.id) < tuple_(bindparam(bounds["before"]), bindparam("before_id"))
            )
        return query


def question(connection: Connection, selection: Selection, before: tuple[int, int] | None = None) -> Question | None:
    """How to ask for *selection*, None where no entry can be in it; raises NotFound for a name that is unknown.

    Words are not asked for here.
    """
    values: dict[str, Any] = {}
    terms = selection.tags.terms if selection.tags else ()
    tags = tags_of(connection, selection.tags.names) if selection.tags else {}
    for number, term in enumerate(terms):
        rarest_first = sorted(term.have, key=lambda name: tags[name].entry_count)
        values |= {f"have_{number}_{place}": tags[name].id for place, name in enumerate(rarest_first)}
        values |= {f"lack_{number}_{place}": tags[name].id for place, name in enumerate(term.lack)}
    sources = None
    if selection.source is not None or selection.university is not None:
        ids = source_ids(connection, selection.source, selection.university)
        if not ids:
            return None
        sources = len(ids)
        values |= {"sources": ids} if sources > MOST_SOURCES else {f"source_{n}": id_ for n, id_ in enumerate(ids)}
    for name, moment in (("since", selection.since), ("until", selection.until)):
        if moment is not None:
            values[name] = int(moment.timestamp())
    if before is not None:
        values |= {"before": before[0], "before_id": before[1]}
    bounds = tuple(name for name in ("since", "until", "before") if name in values)
    shape = Shape(tuple((len(term.have), len(term.lack)) for term in terms), sources, bounds, selection.every)
    return Question(shape, values)


def newest_ids(shape: Shape) -> Select[Any]:
    """The ids of the newest entries, at most ``limit``, in any order; its other parameters are a Question's values."""
    bounds = {name: name for name in shape.bounds}
    parts = [
        part.between(bounds).order_by(part.sort.desc(), part.id.desc()).limit(LIMIT).subquery()
        for part in _parts(shape)
    ]
    if len(parts) == 1:
        return select(parts[0].c.id)
    together = union(*map(select, parts))
    columns = together.selected_columns
    return select(together.order_by(columns.sort.desc(), columns.id.desc()).limit(LIMIT).subquery().c.id)


def oldest(shape: Shape) -> Select[Any]:
    """(sort, id) of the oldest entries, at most ``limit``, oldest first."""
    bounds = {name: name for name in shape.bounds}
    parts = [part.between(bounds) for part in _parts(shape)]
    cut = [one.order_by(one.selected_columns.sort, one.selected_columns.id).limit(LIMIT).subquery() for one in parts]
    together = (union(*map(select, cut)) if len(cut) > 1 else select(cut[0])).subquery()
    return select(together).order_by(together.c.sort, together.c.id).limit(LIMIT)


def story_ids(shape: Shape) -> Select[Any]:
    """The ids of the stories that an entry of the selection tells, the one known last first, at most ``limit``.

    Only those below the parameter ``story``.
    """
    its = member.c
    which = [its.story_id < bindparam("story", type_=BigInteger)]
    if shape.sources is not None:
        which.append(_is_of_sources(shape.sources, its.source_id))
    if shape.terms:
        which.append(or_(*(_holds(shape, number, its.sort, its.entry_id) for number in range(len(shape.terms)))))
    if "since" in shape.bounds:
        which.append(its.sort >= bindparam("since"))
    if "until" in shape.bounds:
        which.append(its.sort < bindparam("until"))
    return select(its.story_id).where(*which).distinct().order_by(its.story_id.desc()).limit(LIMIT)


def count(shape: Shape, since: str, until: str) -> ScalarSelect[int]:
    """How many entries there are from the parameter *since* to before *until*; the others are a Question's values.

    Every entry counts, whatever story it tells.
    """
    parts = [part.between({"since": since, "until": until}) for part in _parts(shape._replace(every=True))]
    if len(parts) == 1:
        return parts[0].with_only_columns(func.count()).scalar_subquery()
    return select(func.count()).select_from(union(*parts).subquery()).scalar_subquery()


def _parts(shape: Shape) -> Iterator[_Part]:
    """What is the selection together."""
    for part in _pieces(shape):
        yield part if shape.every else part._replace(which=(*part.which, _is_told_first(shape, part.id)))


def _is_told_first(shape: Shape, id_: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether no entry of the selection that we saw before tells the same; a seek for an entry that is in no story."""
    its, former = member.alias("its").c, member.alias("former").c
    told = [former.story_id == its.story_id, former.entry_id < its.entry_id]
    if shape.sources is not None:
        told.append(_is_of_sources(shape.sources, former.source_id))
    if shape.terms:
        terms = range(len(shape.terms))
        told.append(or_(*(_holds(shape, number, former.sort, former.entry_id) for number in terms)))
    return ~exists().where(its.entry_id == id_, *told)


def _is_of_sources(number: int, source_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether it is one of the *number* of sources that are asked for."""
    if number > MOST_SOURCES:
        return source_id.in_(bindparam("sources", expanding=True))
    return source_id.in_([bindparam(f"source_{n}") for n in range(number)])


def _pieces(shape: Shape) -> Iterator[_Part]:
    """The same, with every entry of each story."""
    if shape.sources is not None:
        terms = [_holds(shape, number, entry.c.sort, entry.c.id) for number in range(len(shape.terms))]
        matching = (or_(*terms),) if terms else ()
        if shape.sources > MOST_SOURCES:
            yield _Part(entry.c.sort, entry.c.id, (_is_of_sources(shape.sources, entry.c.source_id), *matching))
            return
        for number in range(shape.sources):
            of_it = entry.c.source_id == bindparam(f"source_{number}")
            yield _Part(entry.c.sort, entry.c.id, (of_it, *matching))
    elif not shape.terms:
        yield _Part(entry.c.sort, entry.c.id)
    else:
        yield from (_term(shape, number) for number in range(len(shape.terms)))


def _term(shape: Shape, number: int) -> _Part:
    """Led by the first tag it has; where it has none, by all entries."""
    if not shape.terms[number][0]:
        return _Part(entry.c.sort, entry.c.id, (_holds(shape, number, entry.c.sort, entry.c.id),))
    its = entry_tag.alias(f"lead_{number}").c
    leads = its.tag_id == bindparam(f"have_{number}_0")
    return _Part(its.sort, its.entry_id, (leads, _holds(shape, number, its.sort, its.entry_id, first=1)))


def _holds(
    shape: Shape, number: int, sort: ColumnElement[int], id_: ColumnElement[int], *, first: int = 0
) -> ColumnElement[bool]:
    """Whether the entry there has and lacks what a term says; of what it has, from the tag at *first* on."""
    have, lack = shape.terms[number]
    has = [_is_tagged(f"have_{number}_{place}", sort, id_) for place in range(first, have)]
    return and_(True, *has, *(~_is_tagged(f"lack_{number}_{place}", sort, id_) for place in range(lack)))


def _is_tagged(parameter: str, sort: ColumnElement[int], id_: ColumnElement[int]) -> ColumnElement[bool]:
    its = entry_tag.alias(parameter).c
    return exists().where(its.tag_id == bindparam(parameter), its.sort == sort, its.entry_id == id_)
