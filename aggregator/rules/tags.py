"""tags.toml in, a Taxonomy out: the shipped one, and beside it the operator's. Every complaint names file and key.

How words are written stands at the head of tags.toml; how they are found, in classify/tag.py.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aggregator.errors import RuleError
from aggregator.model import Site, Taxonomy, Topic
from aggregator.rules.files import Mark, mark, write_own
from aggregator.rules.table import Table
from aggregator.words import fold

SHIPPED = Path(__file__).parent / "tags.toml"
OWN, RENAMED = "tags.toml", "renamed.toml"  # in the instance folder
PLACES = ("lead", "title", "body", "both")
EDGES = "^$"
GAPS = frozenset("^$…")  # a phrase with one stands in some texts and not in others


def load_taxonomy(instance: Path | None) -> Taxonomy:
    """The shipped topics with the operator's in their places, parents before children; raises RuleError."""
    origins: dict[str, str] = {}  # by topic
    topics: dict[str, Topic] = {}
    for path, origin in _files(instance):
        for name, topic in _read(path, origin):
            topics[name], origins[name] = topic, origin
    renamed = read_renamed(instance)
    topics = _renamed(topics, origins, renamed)
    _check_names(topics, origins)
    _check_renamed(topics, renamed, instance)
    _check_parents(topics, origins)
    taxonomy = Taxonomy(topics, renamed)
    _check_words(taxonomy, origins)
    return Taxonomy({name: topics[name] for name in _parents_first(taxonomy)}, renamed)


def fingerprint(instance: Path | None) -> str:
    """What tells these rules of tags from others, without reading what they say."""
    said = hashlib.sha256()
    for path in _paths(instance):
        said.update(path.read_bytes() if path.is_file() else b"")
        said.update(b"\0")
    return said.hexdigest()[:16]


def marks(instance: Path | None) -> tuple[Mark, ...]:
    """What changes when one of their files does; a hundredth of what ``fingerprint`` costs."""
    return tuple(mark(path) for path in _paths(instance))


def has_own(instance: Path | None) -> bool:
    """Whether the operator has rules of tags of their own."""
    return instance is not None and any((instance / name).is_file() for name in (OWN, RENAMED))


def own_topics(instance: Path | None) -> list[Topic]:
    """The topics of the operator's own file; raises RuleError."""
    return [topic for path, origin in _files(instance)[1:] for _, topic in _read(path, origin)]


def check_sites(taxonomy: Taxonomy, sites: Iterable[Site]) -> None:
    """Raise RuleError where a topic has the name of a university, or one of its aliases: an entry about it has both."""
    for site in sites:
        for name in (site.university, *site.aliases):
            owner = name if name in taxonomy.topics else taxonomy.aliases.get(name)
            if owner is not None:
                raise RuleError(
                    f'tags.toml: tag."{owner}": {name!r} is a name of {site.university} in sites/{site.name}.toml; '
                    "call one of them otherwise"
                )


def read_renamed(instance: Path | None) -> dict[str, str]:
    """What `aggregator tags rename` and `merge` wrote down: old name -> today's; raises RuleError."""
    if instance is None or not (instance / RENAMED).is_file():
        return {}
    origin = str(instance / RENAMED)
    table = _parsed(instance / RENAMED, origin)
    for old, new in table.items():
        if not isinstance(new, str) or not new.strip():
            raise RuleError(f"{origin}: {old!r}: must be the tag's new name, not {new!r}")
    for old in table:
        path = [old]
        while path[-1] in table:
            path.append(table[path[-1]])
            if path[-1] == old:
                raise RuleError(f"{origin}: {old!r}: the names lead back to it: {' -> '.join(path)}")
    return {old: _last(table, new) for old, new in table.items()}


def write_renamed(instance: Path, renamed: Mapping[str, str]) -> None:
    """Write down what tags are called today; raises SettingsError."""
    lines = [f"{_quoted(old)} = {_quoted(new)}\n" for old, new in sorted(renamed.items())]
    head = (
        "# Written by `aggregator tags rename` and `merge`: old name = today's. Old addresses lead to the new ones.\n"
    )
    write_own(instance / RENAMED, head + "".join(lines))


def _paths(instance: Path | None) -> list[Path]:
    return [SHIPPED, *((instance / OWN, instance / RENAMED) if instance else ())]


def _files(instance: Path | None) -> list[tuple[Path, str]]:
    own = instance / OWN if instance else None
    return [(SHIPPED, "rules/tags.toml"), *([(own, str(own))] if own and own.is_file() else [])]


def _parsed(path: Path, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{origin}: not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise RuleError(f"{origin}: not UTF-8 (byte {error.start}); save the file as UTF-8") from error
    except OSError as error:
        raise RuleError(f"{origin}: cannot be read: {error.strerror}") from error


def _read(path: Path, origin: str) -> Iterable[tuple[str, Topic]]:
    tables = _parsed(path, origin)
    for key in tables:
        if key != "tag":
            raise RuleError(f'{origin}: {key}: unknown key; topics stand in tables [tag."<name>"]')
    said = tables.get("tag", {})
    if not isinstance(said, dict):
        raise RuleError(f'{origin}: tag: must be tables [tag."<name>"]')
    for name, table in said.items():
        if not isinstance(table, dict) or not name.strip() or name != name.strip():
            raise RuleError(f'{origin}: tag.{name!r}: must be a table [tag."<name>"] with a name')
        yield name, _topic(name, Table(table, origin, f'tag."{name}".'))


def _topic(name: str, reader: Table) -> Topic:
    where = reader.string("where", "lead")
    if where not in PLACES:
        reader.complain("where", f"{where!r} is none of {', '.join(PLACES[1:])}")
    topic = Topic(
        name=name,
        english=reader.string("english"),
        words=_words(reader, "words"),
        title_words=_words(reader, "title_words"),
        where=where,  # type: ignore[arg-type]  # checked above
        exceptions=_words(reader, "except"),
        parents=reader.strings("parents"),
        aliases=reader.strings("aliases"),
        keep_days=reader.days("keep_days"),
        is_broad=reader.boolean("broad", default=False),
    )
    reader.done(f"those that there are stand at the head of {SHIPPED}")
    for key, words in (("words", topic.words), ("title_words", topic.title_words)):
        for word in words:
            for other in topic.exceptions:
                if other == word or (GAPS.isdisjoint(other) and fold(other) in fold(word)):
                    said = "is in except, too" if other == word else f"has {other!r} in it, which is in except"
                    reader.complain(key, f"{word!r} {said}: it could never count; take it out of one of them")
    return topic


def _words(reader: Table, key: str) -> tuple[str, ...]:
    words = tuple(word for said in reader.strings(key) for word in said.split())
    for word in words:
        for part in word.split("…"):
            if not any(map(str.isalnum, part)):
                reader.complain(key, f"{word!r} has nothing to look for on a side of …, or at all")
            if any(sign in part.strip(EDGES) for sign in EDGES):
                reader.complain(key, f"{word!r}: ^ and $ stand at the ends of a word only")
        if sum(map(str.isalnum, word)) < 2 and word.strip(EDGES) == word:
            reader.complain(key, f"{word!r} is one letter, which stands in texts of all kinds; write more of the word")
    return words


def _renamed(topics: Mapping[str, Topic], origins: dict[str, str], renamed: Mapping[str, str]) -> dict[str, Topic]:
    """*topics* under today's names: what had one's name before tells the other, too."""
    found: dict[str, Topic] = {}
    for topic in topics.values():
        name = renamed.get(topic.name, topic.name)
        origins.setdefault(name, origins[topic.name])
        parents = tuple(dict.fromkeys(renamed.get(one, one) for one in topic.parents))
        former = found.get(name) or Topic(name)
        keeps = [one.keep_days for one in (former, topic) if one.keep_days is not None]
        found[name] = Topic(
            name=name,
            english=(topic.english if topic.name == name else former.english) or former.english or topic.english,
            words=former.words + topic.words,
            title_words=former.title_words + topic.title_words,
            where=topic.where if topic.name == name or not (former.words or former.title_words) else former.where,
            exceptions=former.exceptions + topic.exceptions,
            parents=tuple(dict.fromkeys(one for one in former.parents + parents if one != name)),
            aliases=tuple(one for one in former.aliases + topic.aliases if one != name),
            keep_days=0 if 0 in keeps else max(keeps, default=None),
            is_broad=former.is_broad or topic.is_broad,
        )
    return found


def _check_names(topics: Mapping[str, Topic], origins: Mapping[str, str]) -> None:
    """An alias leads to one tag, and is no tag's name."""
    owners = {name: name for name in topics}
    for topic in topics.values():
        for alias in topic.aliases:
            owner = owners.setdefault(alias, topic.name)
            if owner != topic.name or alias == topic.name:
                raise RuleError(
                    f'{origins[topic.name]}: tag."{topic.name}".aliases: {alias!r} already belongs to {owner}; '
                    "choose another one"
                )


def _check_renamed(topics: Mapping[str, Topic], renamed: Mapping[str, str], instance: Path | None) -> None:
    """What a tag is called today is no other name of another."""
    aliases = {alias: topic.name for topic in topics.values() for alias in topic.aliases}
    for old, new in renamed.items():
        if new in aliases:
            raise RuleError(f"{instance}/{RENAMED}: {old!r}: {new!r} is another name of {aliases[new]}; name that one")


def _check_parents(topics: Mapping[str, Topic], origins: Mapping[str, str]) -> None:
    for topic in topics.values():
        for parent in topic.parents:
            if parent not in topics:
                raise RuleError(
                    f'{origins[topic.name]}: tag."{topic.name}".parents: there is no [tag."{parent}"]; '
                    "write one, or take it out"
                )
    for name in topics:
        path = _way_back(topics, [name])
        if path:
            raise RuleError(
                f'{origins[name]}: tag."{name}".parents: they lead back to it: {" -> ".join(path)}; cut that circle'
            )


def _way_back(topics: Mapping[str, Topic], path: Sequence[str]) -> Sequence[str]:
    """A way through parents from the first of *path* back to it, empty where there is none."""
    for parent in topics[path[-1]].parents:
        if parent == path[0]:
            return [*path, parent]
        if parent not in path and (found := _way_back(topics, [*path, parent])):
            return found
    return ()


def _check_words(taxonomy: Taxonomy, origins: Mapping[str, str]) -> None:
    """A word belongs to one tag: to two, it would say that they are the same, or that one is the other's child."""
    owners: dict[str, tuple[str, str]] = {}
    for topic in taxonomy.topics.values():
        for key, words in (("words", topic.words), ("title_words", topic.title_words)):
            for word in words:
                owner, its_key = owners.setdefault(_form(word), (topic.name, key))
                if owner == topic.name:
                    continue
                related = owner in taxonomy.ancestors(topic.name) or topic.name in taxonomy.ancestors(owner)
                advice = "its parents have it anyway" if related else "a word belongs to one tag"
                raise RuleError(
                    f'{origins[topic.name]}: tag."{topic.name}".{key}: {word!r} is also in '
                    f'tag."{owner}".{its_key} of {origins[owner]}; {advice}: take it out of one of them'
                )


def _form(word: str) -> str:
    """*word* as it is compared."""
    return "…".join(
        "^" * part.startswith("^") + fold(part.strip(EDGES)) + "$" * part.endswith("$") for part in word.split("…")
    )


def _parents_first(taxonomy: Taxonomy) -> list[str]:
    placed: dict[str, None] = {}
    for name in taxonomy.topics:
        placed |= dict.fromkeys([*reversed(taxonomy.ancestors(name)), name])
    return list(placed)


def _last(table: Mapping[str, str], name: str) -> str:
    while name in table:
        name = table[name]
    return name


def _quoted(text: str) -> str:
    """*text* as a basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
