"""Three small universities of our own making, served on the loopback address: a VSB site, a WebPlus site and two feeds.

``aggregator demo`` runs on them, and the tests' ``demo`` fixture. Knows no clock: *now* is given.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from aggregator.demo import feeds, vsb, webplus
from aggregator.demo.page import HTML, Page, fill
from aggregator.demo.server import University
from aggregator.demo.stories import ZONE, Post, Story, moments, read_stories
from aggregator.model import Site, SourceRule
from aggregator.rules.write import site_toml


@dataclass(frozen=True, slots=True)
class Published:
    """A story as a reader of the universities should find it."""

    source: str  # the source's name
    url: str
    title: str
    published: datetime  # UTC, to the minute; the lists and the pages of 云岭师范大学 show only the day
    text: str  # a paragraph or an entry of a list a line; without captions, tables and attachments


@dataclass(frozen=True, slots=True)
class Column:
    """One list or feed of a university."""

    source: str
    title: str
    path: str
    kind: Literal["list", "feed"]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Campus:
    """One of the universities: its names, its columns by their key in news/*.toml, and how its pages are made."""

    name: str
    university: str
    alias: str
    columns: Mapping[str, Column]
    address: Callable[[Post], str]
    pages: Callable[[Sequence[Post], str], Iterator[tuple[str, Page]]]


# a university stands before those that reprint from it
CAMPUSES = (
    Campus(
        "yunling",
        "云岭师范大学",
        "云岭师大",
        {
            "10": Column("demo-yunling-news", "云岭师大要闻", "/10/list.htm", "list", ("要闻",)),
            "12": Column("demo-yunling-notices", "云岭师大通知公告", "/12/list.htm", "list", ("通知",)),
        },
        webplus.address,
        webplus.pages,
    ),
    Campus(
        "haitang",
        "海棠大学",
        "海棠大",
        {
            "xxyw": Column("demo-haitang-news", "海棠大学学校要闻", "/xwzx/xxyw.htm", "list", ("要闻",)),
            "tszs": Column("demo-haitang-rural", "海棠大学乡村振兴", "/xczx.htm", "list", ("乡村振兴",)),
        },
        vsb.address,
        vsb.pages,
    ),
    Campus(
        "xinghu",
        "星湖理工学院",
        "星湖理工",
        {
            "news": Column("demo-xinghu-news", "星湖理工学院新闻", "/feed.xml", "feed", ("要闻",)),
            "lectures": Column(
                "demo-xinghu-lectures", "星湖理工学院讲座与展览", "/lectures/atom.xml", "feed", ("讲座",)
            ),
        },
        feeds.address,
        feeds.pages,
    ),
)


class Demo:
    """The three universities as they stand at *now*, with the news of the last two weeks, until closed.

    The same *now* gives the same pages but for the port in the feeds' links.
    """

    def __init__(self, now: datetime) -> None:
        told: dict[str, date] = {}
        self._presses = [_Press(campus, told, now) for campus in CAMPUSES]
        turns = zip_longest(*([(press, story) for story in press.coming] for press in self._presses))
        self._coming = [turn for turn in chain.from_iterable(turns) if turn]

    @property
    def universities(self) -> dict[str, University]:
        """The servers by the name of their site, to look at their ``requests``."""
        return {press.site().name: press.server for press in self._presses}

    @property
    def published(self) -> list[Published]:
        """Everything that stands on the universities' pages, newest first."""
        found = [published for press in self._presses for published in press.published()]
        return sorted(found, key=lambda published: published.published, reverse=True)

    @property
    def still_to_come(self) -> int:
        return len(self._coming)

    def sites(self) -> list[Site]:
        """What the rule files of the three would say, with the loopback addresses."""
        return [press.site() for press in self._presses]

    def write_sites(self, folder: Path) -> list[Path]:
        """Writes the site files into *folder*/sites, an instance's, and gives their paths."""
        (folder / "sites").mkdir(parents=True, exist_ok=True)
        written = []
        for site in self.sites():
            path = folder / "sites" / f"{site.name}.toml"
            path.write_text(site_toml(site), "utf-8")
            written.append(path)
        return written

    def publish_next(self, now: datetime) -> str | None:
        """Puts one more story on the pages of its university, in turn, and gives its title; None when all are told."""
        if not self._coming:
            return None
        press, story = self._coming.pop(0)
        return press.publish(story, now).title

    def close(self) -> None:
        for press in self._presses:
            press.server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Press:
    """One university at work. *told*: the day each story of any university speaks of, by "<university>/<key>"."""

    def __init__(self, campus: Campus, told: dict[str, date], now: datetime) -> None:
        self.server = University()
        self._campus = campus
        self._told = told
        self._shown: dict[str, bytes] = {}
        self._posts: list[Post] = []  # oldest first
        stories = read_stories(campus.name)
        self.coming = [story for story in stories if story.days_ago is None]
        for published, story in sorted(_dated(stories, now), key=lambda pair: pair[0]):
            self._add(story, published)
        self._show(now)

    def publish(self, story: Story, now: datetime) -> Post:
        post = self._add(story, now.astimezone(ZONE).replace(second=0, microsecond=0))
        self._show(now)
        return post

    def published(self) -> Iterator[Published]:
        for post in self._posts:
            yield Published(
                source=self._campus.columns[post.story.column].source,
                url=self.server.url + self._campus.address(post),
                title=post.title,
                published=post.published.astimezone(UTC),
                text=post.text,
            )

    def site(self) -> Site:
        columns = self._campus.columns.values()
        return Site(
            name=f"demo-{self._campus.name}",
            university=self._campus.university,
            aliases=(self._campus.alias,),
            home=f"{self.server.url}/",
            tags=(self._campus.university,),
            sources=tuple(
                SourceRule(column.source, column.title, self.server.url + column.path, column.kind, tags=column.tags)
                for column in columns
            ),
        )

    def _add(self, story: Story, published: datetime) -> Post:
        told = self._told.get(story.reprint or "", published.date())
        self._told[f"{self._campus.name}/{story.key}"] = told
        post = Post(len(self._posts) + 1, story, published, told)
        self._posts.append(post)
        return post

    def _show(self, now: datetime) -> None:
        """Serves every page that is new or reads otherwise than before, with validators of this moment."""
        for path, page in chain(self._campus.pages(self._posts, self.server.url), [("/", self._home())]):
            if self._shown.get(path) == page.body:
                continue
            self._shown[path] = page.body
            self.server.serve(
                path,
                page.body,
                content_type=page.content_type,
                etag=f'"{sha256(page.body).hexdigest()[:20]}"',
                last_modified=format_datetime(now.astimezone(UTC), usegmt=True),
            )

    def _home(self) -> Page:
        """The front page: the columns, and where there are feeds the links by which readers find them."""
        columns = self._campus.columns.values()
        links = "".join(
            f'<link rel="alternate" type="application/{"rss" if column.path == "/feed.xml" else "atom"}+xml" '
            f'title="{column.title}" href="{column.path}">'
            for column in columns
            if column.kind == "feed"
        )
        menu = "".join(f'<a href="{column.path}">{column.title}</a>' for column in columns)
        name = self._campus.university
        main = "<p>一所为演示而虚构的大学。</p>"
        return Page(fill("page.html", head=name, links=links, university=name, menu=menu, main=main).encode(), HTML)


def _dated(stories: Sequence[Story], now: datetime) -> Iterator[tuple[datetime, Story]]:
    """When each story that stands there from the beginning was published."""
    standing = [story for story in stories if story.days_ago is not None]
    for column in {story.column: None for story in standing}:
        shown = [story for story in standing if story.column == column]
        yield from zip(moments(shown, now), shown, strict=True)
