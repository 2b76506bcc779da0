"""A post's text -> its front matter (YAML, TOML or JSON, as Hugo takes them) and what stands below it.

Also reads the YAML of programs that wrote titles without quoting them. Knows no meaning of any key.
"""

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import yaml

from aggregator.errors import ParseError

LARGEST_YAML = 10_000  # characters
MOST_REFERENCES = 20
DEEPEST = 20
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL or UTF-8 refuses


class Divided(NamedTuple):
    """A post: the *values* of its front matter, times among them as text, and its *body*."""

    values: dict[str, Any]
    body: str


def divide(text: str) -> Divided:
    """The two parts of the post *text*, whose lines end in ``\\n``. Raises ParseError: "line 7: reason"."""
    begin = len(text) - len(text.lstrip("\n\ufeff \t"))
    first = text.count("\n", 0, begin) + 1
    if text.startswith("{", begin):
        return _of_json(text, begin, first)
    fence = next((fence for fence in _READERS if _is_line(text, begin, fence)), None)
    if fence is None:
        raise ParseError(f"line {first}: there is no front matter; a post begins with a line ---")
    start = begin + len(fence)
    end = _ENDS[fence].search(text, start + 1)
    if end is None:
        raise ParseError(f"line {first}: the front matter has no end; a second line {fence} closes it")
    values = _READERS[fence](text[start + 1 : end.start()], first + 1)
    body = text[end.end() :]
    if ("---" in body or "+++" in body) and (second := _SECOND.search(body)):
        line = text.count("\n", 0, end.end() + second.start()) + 1
        raise ParseError(f"line {line}: a second front matter; two posts in one file, or one twice")
    return Divided(values, body)


# a fence and one of the keys that open a post: a line --- alone is a rule across the page
_SECOND = re.compile(r"^(?:---|\+\+\+)[ \t]*\n+(?=(?:title|date|urlname|slug)[ \t]*[:=])", re.MULTILINE)
_KEY = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(.*))?$")
_ODD_BEGINNING = frozenset("\"'[]{}&*!|>%@`#?,-:")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")


def _is_line(text: str, begin: int, fence: str) -> bool:
    end = text.find("\n", begin)
    return end >= 0 and text[begin:end].rstrip() == fence


def _of_json(text: str, begin: int, line: int) -> Divided:
    try:
        values, end = json.JSONDecoder(strict=False).raw_decode(text, begin)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"line {line}: the front matter is no JSON: {error}") from error
    return Divided(plain(values, line), text[end:])


def _of_toml(block: str, line: int) -> dict[str, Any]:
    try:
        return plain(tomllib.loads(block), line)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ParseError(f"line {line}: the front matter is no TOML: {error}") from error


def _of_yaml(block: str, line: int) -> dict[str, Any]:
    """As most posts have it in a fraction of a parser's time; by the parser; by lines, where that finds no YAML."""
    values = _of_lines(block, line, is_strict=True)
    if values is not None:
        return values
    if len(block) > LARGEST_YAML:  # the parser in C falls over what is nested deeper
        raise ParseError(f"line {line}: front matter of more than {LARGEST_YAML:,} characters")
    keys: set[str] = set()
    for number, written in enumerate(block.split("\n"), line):
        if found := _KEY.match(written):
            _refuse_twice(found[1], keys, number)
            keys.add(found[1])
    try:
        loaded = yaml.load(block, Loader=yaml.CSafeLoader)
    except (
        yaml.YAMLError,
        ValueError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:  # !!bool x, !!timestamp x
        values = _of_lines(block, line, is_strict=False)
        if values is None or "title" not in values:
            mark = getattr(error, "problem_mark", None)
            where = line + (mark.line if mark else 0)
            reason = getattr(error, "problem", None) or error
            raise ParseError(f"line {where}: the front matter is no YAML: {reason}") from error
        return values
    if not isinstance(loaded, dict):
        raise ParseError(f"line {line}: the front matter has no keys")
    if "*" in block and block.count("*") + block.count("&") > MOST_REFERENCES:  # each may double what there is
        raise ParseError(f"line {line}: more than {MOST_REFERENCES} anchors and references in the front matter")
    return plain(loaded, line)


_READERS = {"---": _of_yaml, "+++": _of_toml}
_ENDS = {fence: re.compile(rf"^{re.escape(fence)}[ \t]*(?:\n|\Z)", re.MULTILINE) for fence in _READERS}


def _of_lines(block: str, line: int, *, is_strict: bool) -> dict[str, Any] | None:
    """Keys with a text or a list of texts each. None where there is more, or *is_strict* and a line may say more.

    Not strict, all that stands behind a key is its text, and a line that is neither key nor member goes on with it: a
    title that was taken from a page and not quoted.
    """
    values: dict[str, Any] = {}
    key: str | None = None
    for number, written in enumerate(block.split("\n"), line):
        read = _read_line(written)
        if is_strict and read.is_odd:
            return None
        if read.kind == "member":
            if key is None or not (values[key] is None or isinstance(values[key], list)):
                return None
            values[key] = [*(values[key] or ()), read.said]
        elif read.kind == "key":
            key = read.key
            _refuse_twice(key, values, number)
            values[key] = read.said
        elif read.kind == "more":
            if is_strict or key is None or not isinstance(values[key], str):
                return None
            values[key] += f" {read.said}"
    return values or None


class _Line(NamedTuple):
    """A line by itself; *is_odd*: to YAML it may say something else."""

    kind: Literal["blank", "key", "member", "more"]
    said: Any = None
    key: str = ""
    is_odd: bool = False


@lru_cache(maxsize=1000)  # two of three lines are the same in all posts of a folder
def _read_line(written: str) -> _Line:
    content = written.strip()
    if not content:
        return _Line("blank")
    if content.startswith("- "):
        member = content[2:].lstrip()
        return _Line("member", _unquoted(member), is_odd=_is_odd(member))
    if found := _KEY.match(written):
        said = (found[2] or "").rstrip()
        return _Line("key", _scalar(said), found[1], _is_odd(said))
    return _Line("more", content)


def _refuse_twice(key: str, known: Collection[str], line: int) -> None:
    if key in known:
        raise ParseError(f"line {line}: {key} stands twice in the front matter")


def _is_odd(said: str) -> bool:
    """Whether a plain scalar of YAML may say something else than it seems to: a collection, a comment, another key."""
    return said[:1] in _ODD_BEGINNING or ": " in said or " #" in said or said[-1:] == ":" or "\t" in said


def _scalar(said: str) -> Any:
    if len(said) < 6 and (word := said.lower()) in _WORDS:
        return _WORDS[word]
    return int(said) if _INTEGER.fullmatch(said) else _unquoted(said)


def _unquoted(said: str) -> str:
    return said[1:-1] if len(said) > 1 and said[0] == said[-1] and said[0] in "\"'" else said


def plain(values: Mapping[Any, Any], line: int) -> dict[str, Any]:
    """*values* of what JSON has: times as text. Raises ParseError where they are nested too deep."""
    return {_text(key): _plain_value(value, DEEPEST, line) for key, value in values.items()}


def _text(said: Any) -> str:
    return UNSTORABLE.sub("", str(said))


def _plain_value(value: Any, depth: int, line: int) -> Any:
    if not depth:
        raise ParseError(f"line {line}: the front matter is nested deeper than {DEEPEST} levels")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(key): _plain_value(one, depth - 1, line) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain_value(one, depth - 1, line) for one in value]
    if isinstance(value, datetime):
        return value.isoformat(" " if value.tzinfo is None else "T")
    if isinstance(value, date | time):
        return value.isoformat()
    return value if isinstance(value, int | float | bool | None) else _text(value)
