"""What the three universities' page makers share: a Page, the templates in pages/, and the plain pieces of HTML."""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import NamedTuple

from aggregator.demo.stories import Block, Post

HTML = "text/html; charset=utf-8"
PDF = "application/pdf"
PNG = "image/png"


class Page(NamedTuple):
    """What stands at an address."""

    body: bytes
    content_type: str


def fill(template: str, **values: object) -> str:
    """The template of that name with *values*, which are HTML already."""
    return _template(template).substitute(values)


def table(block: Block) -> str:
    """The rows of a HTML table, without the table's own tags."""
    cells = [[escape(cell.strip()) for cell in line.split("|")] for line in block.lines]
    return "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)


def entries(block: Block) -> str:
    """The entries of a HTML list, without the list's own tags."""
    return "".join(f"<li>{escape(line)}</li>" for line in block.lines)


def digits(university: str, post: Post, what: str) -> str:
    """Forty hexadecimal digits that stand for a file of *post*, as content systems name their uploads."""
    return sha256(f"{university}/{post.story.key}/{what}".encode()).hexdigest()[:40]


def newest_first(posts: Sequence[Post], column: str) -> list[Post]:
    return [post for post in reversed(posts) if post.story.column == column]


def in_pages(posts: Sequence[Post], size: int) -> Iterator[tuple[int, Sequence[Post]]]:
    """Number (from 1) and posts of each page of a list; an empty list has one empty page."""
    for number, start in enumerate(range(0, max(1, len(posts)), size), 1):
        yield number, posts[start : start + size]


@cache
def _template(name: str) -> Template:
    return Template(files("aggregator.demo").joinpath("pages", name).read_text("utf-8"))
