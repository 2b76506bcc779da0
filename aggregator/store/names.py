"""What names stand for: an expression's tags, aliases, universities. A name that stands for nothing is NotFound."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from sqlalchemy import BindParameter, Connection, bindparam, case, delete, func, or_, select

from aggregator.errors import NameKind, NotFound, QueryError
from aggregator.model import Site, Source, Tag, TagAlias
from aggregator.query import UNUSABLE, Expression, Selection, parse, tagged
from aggregator.words import fold

if TYPE_CHECKING:
    from aggregator.store import Store

NEAR = 3  # names offered for one that is unknown
COMPARED = 100  # with it letter by letter: those that share most letters with it

tag, alias, source = Tag.__table__, TagAlias.__table__, Source.__table__  # type: ignore[attr-defined]

NAMES: BindParameter[Any] = bindparam("names", expanding=True)
TAGS = select(tag.c.name, tag.c.id, tag.c.entry_count).where(tag.c.name.in_(NAMES))
ALIASES = select(alias.c.alias, alias.c.tag_name).where(alias.c.alias.in_(NAMES))
ALL_NAMES = select(tag.c.name).where(tag.c.entry_count > 0).union(select(alias.c.alias))
SOURCE = select(source.c.id, source.c.university).where(source.c.name == bindparam("name"))
SOURCES_OF = select(source.c.id).where(source.c.university == bindparam("university")).order_by(source.c.id)
SOURCE_NAMES = select(source.c.name)
UNIVERSITIES = select(source.c.university).distinct()


@dataclass(frozen=True, slots=True)
class KnownTag:
    name: str
    id: int
    entry_count: int


class Named(NamedTuple):
    """What may be meant by what was typed so far."""

    kind: NameKind
    name: str
    title: str


# name, title, and the larger the sooner
NAMED: Mapping[NameKind, tuple[Any, Any, Any]] = {
    "tag": (tag.c.name, tag.c.name.label("title"), func.max(tag.c.entry_count)),
    "university": (source.c.university, source.c.university.label("title"), func.count()),
    "source": (source.c.name, source.c.title, func.max(source.c.id)),
}


class Names:
    def __init__(self, store: "Store") -> None:
        self._store = store

    def expression(self, text: str) -> Expression:
        """What *text* means here: the tag of exactly that name, else the expression it writes, aliases replaced.

        Raises QueryError, or NotFound with the nearest names for a tag that there is not.
        """
        try:
            written = parse(text)
        except QueryError:
            if self._is_tag(text):
                return tagged(text)
            raise
        if written.name != text and self._is_tag(text):
            return tagged(text)
        meant = self.resolve(written.names)
        return written.renamed(meant) if any(name != tag for name, tag in meant.items()) else written

    def surviving(self, text: str) -> Expression:
        """What *text*, which was an expression once, means today: tags that are no more are in no entry.

        Raises QueryError: "nothing" where no entry can match any more, "everything" where all do.
        """
        try:
            return self.expression(text)
        except NotFound:
            written = parse(text)
        with self._store.read() as connection:
            found = _found(connection, written.names)
        left = written.without(set(written.names) - found.keys())
        return left.renamed({name: meant.name for name, meant in found.items()})

    def resolve(self, names: Collection[str]) -> dict[str, str]:
        """The tag that each of *names* stands for: the one of that name, else the one it is an alias of."""
        with self._store.read() as connection:
            return {name: found.name for name, found in tags_of(connection, names).items()}

    def university(self, name: str) -> str:
        """The university called *name*, or known by that alias."""
        with self._store.read() as connection:
            for known in (name, _meant(connection, [name]).get(name, name)):
                if connection.execute(SOURCES_OF, {"university": known}).first():
                    return known
            return _no_university(connection, name)

    def universities(self) -> list[str]:
        """The names of all universities that have a source, sorted."""
        with self._store.read() as connection:
            return sorted(connection.execute(UNIVERSITIES).scalars())

    def beginning(self, typed: str, limit: int) -> list[Named]:
        """Tags, universities and sources with *typed* in their names, those first that begin with it; *limit* of each.

        Typed in traditional letters, simplified names are found, too.
        """
        if UNUSABLE.search(typed):
            return []
        spellings = dict.fromkeys([typed, fold(typed).replace("|", "")])
        found: list[Named] = []
        with self._store.read() as connection:
            for kind, (name, title, rank) in NAMED.items():
                begins = or_(*(name.startswith(one, autoescape=True) for one in spellings))
                holds = or_(*(name.contains(one, autoescape=True) for one in spellings))
                if kind == "source":
                    holds = or_(holds, *(title.contains(one, autoescape=True) for one in spellings))
                query = select(name, title).where(holds).group_by(name, title)
                query = query.order_by(case((begins, 0), else_=1), rank.desc(), name).limit(limit)
                found += [Named(kind, *row) for row in connection.execute(query)]
        return found

    def scopes(self, selection: Selection) -> tuple[str, ...]:
        """Of feed versions: those whose change may change what is in *selection*. Raises NotFound."""
        with self._store.read() as connection:
            if selection.source is not None or selection.university is not None:
                ids = source_ids(connection, selection.source, selection.university)
                return tuple(f"source:{id_}" for id_ in ids)
            if selection.tags is None or not all(term.have for term in selection.tags.terms):
                return ("all",)
            return tuple(f"tag:{one.id}" for one in tags_of(connection, selection.tags.names).values())

    def _is_tag(self, name: str) -> bool:
        if UNUSABLE.search(name):
            return False
        with self._store.read() as connection:
            return connection.execute(TAGS, {"names": [name]}).first() is not None


def source_ids(connection: Connection, name: str | None, university: str | None) -> list[int]:
    """The ids of the source called *name*, or of all sources of *university*, or none where the two disagree."""
    if name is None:
        found = [row.id for row in connection.execute(SOURCES_OF, {"university": university})]
        return found or _no_university(connection, str(university))
    row = connection.execute(SOURCE, {"name": name}).first()
    if row is None:
        raise unknown("source", name, connection.execute(SOURCE_NAMES).scalars())
    return [row.id] if university in (None, row.university) else []


def tags_of(connection: Connection, names: Collection[str]) -> dict[str, KnownTag]:
    """Of each of *names*: the tag it stands for, its id, and how many entries it has. Raises NotFound."""
    found = _found(connection, names)
    for name in names:
        if name not in found:
            raise unknown("tag", name, connection.execute(ALL_NAMES).scalars())
    return found


def _found(connection: Connection, names: Collection[str]) -> dict[str, KnownTag]:
    """The same of those that stand for one."""
    found = _stored(connection, names)
    if len(found) < len(names):
        missing = [name for name in names if name not in found]
        meant = _meant(connection, missing)
        stored = _stored(connection, set(meant.values()))
        found |= {name: stored[tag_name] for name, tag_name in meant.items() if tag_name in stored}
    return found


def _stored(connection: Connection, names: Collection[str]) -> dict[str, KnownTag]:
    rows = connection.execute(TAGS, {"names": list(names)})
    return {row.name: KnownTag(*row) for row in rows}


def _meant(connection: Connection, names: Collection[str]) -> Mapping[str, str]:
    return {row.alias: row.tag_name for row in connection.execute(ALIASES, {"names": list(names)})}


def _no_university(connection: Connection, name: str) -> NoReturn:
    raise unknown("university", name, connection.execute(UNIVERSITIES).scalars())


def unknown(kind: NameKind, name: str, there: Iterable[str]) -> NotFound:
    """That there is no *name*, with what is near it of all that is *there*."""
    letters = set(name)
    # of all that share a letter with it a wrong address would cost half a second where there are 50,000 tags
    candidates = nlargest(COMPARED, there, key=lambda one: len(letters.intersection(one)))
    near = difflib.get_close_matches(name[:40], candidates, NEAR, cutoff=0.5)  # half of a two-character word
    advice = f"; near it are {', '.join(near)}" if near else ""
    return NotFound(f"there is no {kind} called {name!r}{advice}", kind=kind, near=near)


def keep_aliases(connection: Connection, sites: Iterable[Site]) -> bool:
    """Let the aliases of universities be those of the *sites*; whether that changed any.

    An alias that a topic has, too, means the university: the operator wrote the site file.
    """
    said = {name: site.university for site in sites for name in site.aliases if name != site.university}
    of_sites = ~alias.c.is_of_topic
    known = {row.alias: row.tag_name for row in connection.execute(select(alias).where(of_sites))}
    if said == known:
        return False
    connection.execute(delete(alias).where(of_sites))
    connection.execute(delete(alias).where(alias.c.alias.in_(list(said))))
    if said:
        connection.execute(alias.insert(), [{"alias": name, "tag_name": meant} for name, meant in said.items()])
    return True
