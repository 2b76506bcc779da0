"""Turns news/<university>.toml into Stories, and a Story with a moment of publication into a Post.

Knows neither the pages that show a post nor the server they stand on.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
DAY = re.compile(r"\{(day|year)([+-]\d+)?\}")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a story's text. *lines*: one for a paragraph or picture (its caption), else the entries of the list,
    or the rows of the table with ``|`` between the cells, its head first."""

    kind: Literal["paragraph", "picture", "list", "table"]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """One piece of invented news, as news/<university>.toml tells it."""

    key: str
    column: str
    title: str
    blocks: tuple[Block, ...]
    author: str | None = None
    origin: str | None = None
    attachment: str | None = None  # its title, which is a file name
    section: tuple[str, ...] = ()  # the breadcrumb, where it is not the column's
    tags: tuple[str, ...] = ()
    days_ago: int | None = None  # None: still to come
    time: str = "00:00"
    reprint: str | None = None  # "<university>/<key>" of the story it repeats


@dataclass(frozen=True, slots=True)
class Post:
    """A Story that has been published: {day} and {year} stand for what they mean by then."""

    number: int  # counts a university's posts from 1, oldest first
    story: Story
    published: datetime  # in the universities' zone, to the minute
    told: date  # the day its text speaks of: of a reprint, the day of the first publication

    @property
    def title(self) -> str:
        return _dated(self.story.title, self.told)

    @property
    def blocks(self) -> list[Block]:
        return [
            replace(block, lines=tuple(_dated(line, self.told) for line in block.lines)) for block in self.story.blocks
        ]

    @property
    def text(self) -> str:
        """What a reader of the page should find, a block or an entry of a list a line; without captions and tables."""
        return "\n".join(line for block in self.blocks if block.kind in ("paragraph", "list") for line in block.lines)


def read_stories(university: str) -> list[Story]:
    """The stories of *university* in the order of its file; a reprint has the text of the story it repeats."""
    file = files("aggregator.demo").joinpath("news", f"{university}.toml")
    return [_story(table) for table in tomllib.loads(file.read_text("utf-8"))["story"]]


def moments(stories: list[Story], now: datetime) -> list[datetime]:
    """When each of *stories*, newest first, came out, seen from *now*: never in the future, each at its own minute."""
    here = now.astimezone(ZONE).replace(second=0, microsecond=0)
    found = []
    for place, story in enumerate(stories, 1):
        stated = datetime.combine(
            here.date() - timedelta(days=story.days_ago or 0), time.fromisoformat(story.time), ZONE
        )
        found.append(min(stated, here - timedelta(minutes=5 * place)))
    return found


def _story(table: dict[str, Any]) -> Story:
    repeated = table.get("reprint")
    if repeated:
        university, key = repeated.split("/")
        blocks = next(story.blocks for story in read_stories(university) if story.key == key)
    else:
        blocks = tuple(_blocks(table.pop("body")))
    section, tags = tuple(table.pop("section", ())), tuple(table.pop("tags", ()))
    return Story(blocks=blocks, section=section, tags=tags, **table)


def _blocks(body: str) -> Iterator[Block]:
    for part in body.strip().split("\n\n"):
        lines = tuple(part.splitlines())
        if part.startswith("- "):
            yield Block("list", tuple(line.removeprefix("- ") for line in lines))
        elif part.startswith("|"):
            yield Block("table", tuple(line.strip("| ") for line in lines))
        elif part.startswith("!["):
            yield Block("picture", (part[2:-1],))
        else:
            yield Block("paragraph", lines)


def _dated(text: str, told: date) -> str:
    def written(match: re.Match[str]) -> str:
        day = told + timedelta(days=int(match[2] or 0))
        return f"{day.year}" if match[1] == "year" else f"{day.month}月{day.day}日"

    return DAY.sub(written, text)
