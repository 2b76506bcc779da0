"""What is asked for: a tag expression like 南开大学+科研-讲座, read into one form for all that mean the same.

Knows no database: which tags there are, and which names are aliases, the store says.

    any  = both ("|" both)*
    both = one ("+" one | "-" one)*      a-b: a and not b
    one  = "-" one | "(" any ")" | name | "quoted name"
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal, NamedTuple

from aggregator.errors import QueryError

MOST_NAMES = 10
MOST_CHARACTERS = 400
MOST_TERMS = 32

# full-width as a Chinese keyboard writes them
SIGNS = dict(zip("+|-()＋｜－（）", "+|-()+|-()", strict=True))
BINDING = {"(": 0, ")": 1, "|": 1, "+": 2, "-": 3}
TOKEN = re.compile(
    r"""(?P<sign>[-+|()＋｜－（）])
      | "(?P<straight>(?:[^"]|"")*)" | “(?P<curly>[^”]*)” | 「(?P<corner>[^」]*)」
      | (?P<name>[^-+|()＋｜－（）"“「][^-+|()＋｜－（）]*)""",
    re.VERBOSE,
)
# in no tag's name; databases and addresses cannot hold them
UNUSABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")


class Term(NamedTuple):
    """The entries that *have* all of some tags and *lack* all of others; names sorted."""

    have: tuple[str, ...] = ()
    lack: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "+".join(map(_written, self.have)) + "".join("-" + _written(name) for name in self.lack)


@dataclass(frozen=True, slots=True)
class Expression:
    """What matches any of *terms*: all its prime implicants, sorted (the Blake canonical form).

    So two expressions are equal, and print the same, exactly if they mean the same. None means nothing or everything.
    """

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return "|".join(map(str, self.terms))

    @property
    def names(self) -> tuple[str, ...]:
        """The tags it depends on, sorted."""
        return tuple(sorted({name for term in self.terms for name in (*term.have, *term.lack)}))

    @property
    def name(self) -> str | None:
        """The one tag that it is, None where it is more than that."""
        return self.names[0] if self.terms == (Term(self.names[:1]),) else None

    @property
    def address(self) -> str:
        """How its addresses write it: a tag alone by its bare name, whatever characters it is made of."""
        return self.name or str(self)

    def renamed(self, names: Mapping[str, str]) -> "Expression":
        """The same with other *names* for some of its tags; raises QueryError where little or nothing is left of it."""
        new = [names.get(name, name) for name in self.names]
        known = sorted(set(new))
        tables = dict(zip(self.names, (_variable(known.index(name), len(known)) for name in new), strict=True))
        return _canonical(self._table(tables, len(known)), known)

    def without(self, names: Collection[str]) -> "Expression":
        """The same where no entry has any of the tags *names*; raises QueryError where little or nothing is left."""
        known = [name for name in self.names if name not in names]
        variables = {name: _variable(index, len(known)) for index, name in enumerate(known)}
        return _canonical(self._table(dict.fromkeys(names, 0) | variables, len(known)), known)

    def _table(self, tables: Mapping[str, int], count: int) -> int:
        result = 0
        for term in self.terms:
            matches = _everything(count)
            for name in term.have:
                matches &= tables[name]
            for name in term.lack:
                matches &= ~tables[name]
            result |= matches
        return result


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries are meant: all that is given must hold; nothing given: all entries.

    *source* and *university* are names, *words* is what is searched for; entries are dated from *since* to before
    *until*. Of those that tell one story only the one that we saw first is meant, but with *every* all of them; *since*
    and *until* do not make another one the first.
    """

    tags: Expression | None = None
    source: str | None = None
    university: str | None = None
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None
    every: bool = False


EVERYTHING = Selection()


def tagged(name: str) -> Expression:
    """The expression that is the tag called *name*, whatever characters it is made of."""
    return Expression((Term((name,)),))


def parse(text: str) -> Expression:
    """The expression that *text* writes; raises QueryError at the first column that cannot be meant."""
    tokens = list(_tokens(text))
    names = sorted({token.text for token in tokens if token.sign == ""})
    return _canonical(_table(_postfix(_spelled_out(tokens)), names), names)


class _Token(NamedTuple):
    sign: Literal["", "+", "|", "-", "(", ")"]  # "": a name
    text: str
    column: int


def _tokens(text: str) -> Iterator[_Token]:
    if len(text) > MOST_CHARACTERS:
        raise QueryError("long", MOST_CHARACTERS + 1, f"more than {MOST_CHARACTERS} characters")
    if found := UNUSABLE.search(text):
        raise QueryError("character", found.start() + 1, "a character that no tag has")
    names: set[str] = set()
    place = _after_blanks(text, 0)
    while place < len(text):
        column = place + 1
        match = TOKEN.match(text, place)
        if match is None:
            raise QueryError("quote", column, f"the quote {text[place]} is not closed")
        place = _after_blanks(text, match.end())
        kind, written = str(match.lastgroup), str(match[match.lastgroup or 0])
        if kind == "sign":
            yield _Token(SIGNS[written], written, column)  # type: ignore[arg-type]  # a value of SIGNS
            continue
        name = {"straight": written.replace('""', '"'), "name": " ".join(written.split())}.get(kind, written)
        if not name:
            raise QueryError("quote", column, "there is no name between the quotes")
        names.add(name)
        if len(names) > MOST_NAMES:
            raise QueryError("names", column, f"more than {MOST_NAMES} different tags")
        yield _Token("", name, column)


def _after_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _spelled_out(tokens: Iterable[_Token]) -> Iterator[_Token]:
    """*tokens* in an order that makes sense, brackets aside; ``a-b`` as ``a+-b``."""
    last: _Token | None = None
    for token in tokens:
        after_operand = last is not None and last.sign in ("", ")")
        if after_operand and token.sign in ("", "("):
            raise QueryError("operator", token.column, f"+, | or - is missing before {token.text}")
        if not after_operand and token.sign in ("+", "|", ")"):
            raise QueryError("tag", token.column, f"{token.text} stands where a tag is expected")
        if after_operand and token.sign == "-":
            yield token._replace(sign="+")
        yield token
        last = token
    if last is None:
        raise QueryError("tag", 1, "there is no tag")
    if last.sign not in ("", ")"):
        raise QueryError("tag", last.column, f"a tag is missing after {last.text}")


def _postfix(tokens: Iterable[_Token]) -> Iterator[_Token]:
    """*tokens* with each sign after what it stands for, without brackets: Dijkstra's shunting yard, of any depth."""
    waiting: list[_Token] = []
    for token in tokens:
        if token.sign == "":
            yield token
            continue
        if token.sign not in ("-", "("):  # those wait for what follows them, whatever waits already
            while waiting and BINDING[waiting[-1].sign] >= BINDING[token.sign]:
                yield waiting.pop()
        if token.sign != ")":
            waiting.append(token)
        elif waiting:
            waiting.pop()
        else:
            raise QueryError("bracket", token.column, f"{token.text} closes nothing")
    while waiting:
        if waiting[-1].sign == "(":
            raise QueryError("bracket", waiting[-1].column, f"{waiting[-1].text} is not closed")
        yield waiting.pop()


def _table(postfix: Iterable[_Token], names: Sequence[str]) -> int:
    values: list[int] = []
    for token in postfix:
        if token.sign == "":
            values.append(_variable(names.index(token.text), len(names)))
            continue
        last = values.pop()
        if token.sign == "-":
            values.append(_everything(len(names)) & ~last)
        else:
            values[-1] = values[-1] & last if token.sign == "+" else values[-1] | last
    return values[0]


# A truth table of n names is a number of 2**n bits: bit k says what holds where the names whose bits k has are given.


def _everything(count: int) -> int:
    return (1 << (1 << count)) - 1


def _variable(index: int, count: int) -> int:
    """The table of the name at *index* of *count*: 2**index bits without it and as many with it, in turn."""
    return _everything(count) // ((1 << (1 << index)) + 1) << (1 << index)


def _canonical(table: int, names: Sequence[str]) -> Expression:
    if table == 0:
        raise QueryError("nothing", 1, "no entry can match")
    if table == _everything(len(names)):
        raise QueryError("everything", 1, "every entry matches; ask for all entries")
    made = Expression(tuple(sorted(_implicants(table, names))))
    if len(str(made)) > MOST_CHARACTERS:
        raise QueryError("long", 1, f"written out, it has more than {MOST_CHARACTERS} characters")
    return made


def _implicants(table: int, names: Sequence[str]) -> frozenset[Term]:
    """The prime implicants of *table*: those that hold with and without the last name, and those that need to know.

    No part of a table has more of them than the whole, so that too many are met early.
    """

    @cache  # the parts of a few names are soon all known
    def implicants(table: int, count: int) -> frozenset[Term]:
        if table == 0:
            return frozenset()
        if table == _everything(count):
            return frozenset([Term()])
        rest, name = count - 1, names[count - 1]
        without, given = table & _everything(rest), table >> (1 << rest)
        either = implicants(without & given, rest)
        lacking = {Term(have, (*lack, name)) for have, lack in implicants(without, rest) - either}
        having = {Term((*have, name), lack) for have, lack in implicants(given, rest) - either}
        found = either | lacking | having
        if len(found) > MOST_TERMS:
            raise QueryError("terms", 1, f"written out, it has more than {MOST_TERMS} alternatives")
        return found

    return implicants(table, len(names))


def _written(name: str) -> str:
    """*name* as it stands in an expression, in quotes only where it would be read otherwise."""
    match = TOKEN.fullmatch(name)
    if match and match["name"] and " ".join(name.split()) == name:
        return name
    return '"' + name.replace('"', '""') + '"'
