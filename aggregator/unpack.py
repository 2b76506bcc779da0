"""Files of other programs and of ours -> Offers: Hugo posts, JSON Feeds and our archives of them, another database.

One that cannot be read costs no other. Knows the readers, and no database but the one that it reads.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.classify.summarize import summarize
from aggregator.errors import ParseError, SettingsError, StoreError
from aggregator.follow.homes import Homes
from aggregator.gather.feed_json import item_of_json
from aggregator.gather.feed_values import Reading
from aggregator.gather.json_items import read_items
from aggregator.gather.markdown import read_markdown
from aggregator.gather.parcels import checked, is_ours, read_parcel
from aggregator.gather.post import Post, read_post
from aggregator.identity import identity, slug
from aggregator.model import Article, Front, FullEntry, Item, Parcel
from aggregator.receive import Offer, Refusal
from aggregator.store import Store
from aggregator.store.parcels import TELLING, copied
from aggregator.visit.compose import article_of, entry_keywords

POSTS = (".md", ".markdown")
INDEX = "index.json"
FIRST = datetime(1000, 1, 1, tzinfo=UTC).timestamp()  # no news is older


@dataclass(frozen=True, slots=True)
class Unpacker:
    """*same* makes aliases of one address one key, *host* mints Atom ids, times without a zone are meant in *zone*."""

    homes: Homes
    same: tuple[tuple[str, str], ...]
    host: str | None
    zone: ZoneInfo
    now: datetime

    def posts(self, paths: Iterable[str | Refusal]) -> Iterator[Offer | Refusal]:
        """The Hugo posts at *paths*; drafts are left out."""
        for path in paths:
            if isinstance(path, Refusal):
                yield path
                continue
            try:
                with open(path, "rb") as file:
                    post = read_post(file.read(), timezone=self.zone, now=self.now)
            except ParseError as error:
                place, _, reason = str(error).removeprefix("line ").partition(": ")
                yield Refusal(f"{path}:{place}", reason)
            except OSError as error:
                yield Refusal(path, f"cannot be read: {error.strerror}")
            else:
                if post is not None:
                    uid = identity(post.url, self.same)
                    yield Offer(path, _keys(uid, post.slug), partial(self._of_post, post, uid, path))

    def items(self, path: Path) -> Iterator[Offer | Refusal]:
        """The items of the JSON Feed in the file *path*; what stands before a fault is taken."""
        try:
            with path.open(encoding="utf-8-sig", errors="replace") as file:
                feed: dict[str, Any] | None = None
                for number, said in enumerate(read_items(file)):
                    if feed is None:
                        feed = said
                    else:
                        yield self._offered(f"{path}: item {number}", said, feed, path)
        except ParseError as error:
            yield Refusal(str(path), str(error))
        except OSError as error:
            yield Refusal(str(path), f"cannot be read: {error.strerror}")

    def entries(self, other: Store) -> Iterator[Offer | Refusal]:
        """The entries of the database *other*."""
        for parcel in other.parcels.walk():
            place = f"entry {parcel.entry.id} ({parcel.entry.url})"
            keys = _keys(parcel.uid, parcel.entry.slug, parcel.addresses)
            yield Offer(place, keys, partial(self._checked, parcel))

    # ------------------------------------------------------------ one by one

    def _offered(self, place: str, said: dict[str, Any], feed: dict[str, Any], path: Path) -> Offer | Refusal:
        try:
            if is_ours(said):
                parcel = read_parcel(said)
                keys = _keys(parcel.uid, parcel.entry.slug, parcel.addresses)
                return Offer(place, keys, partial(self._at_home, parcel))
            base = self._base(feed, path)
            item = item_of_json(said, feed, base, Reading(base, self.zone, self.now))
        except ParseError as error:
            return Refusal(place, str(error))
        if item is None:
            return Refusal(place, "says nothing: no id, url, title or text")
        if not item.url.startswith(("http://", "https://")):
            return Refusal(place, f"its address {item.url[:80]!r} cannot be visited")
        uid = identity(item.url, self.same)
        return Offer(place, _keys(uid, slug(item.url)), partial(self._of_item, item, uid, path))

    def _base(self, feed: dict[str, Any], path: Path) -> str:
        """Where relative addresses of *feed* lead."""
        for key in ("home_page_url", "feed_url"):
            if isinstance(url := feed.get(key), str) and url.startswith(("http://", "https://")):
                return url
        return path.absolute().as_uri()

    def _of_post(self, post: Post, uid: str, path: str) -> Parcel:
        _check(post.url)
        text = read_markdown(post.body, post.url)
        seen_at = self._seen_at(post.seen_at or post.published, path)
        author = post.front.get("author")
        entry = FullEntry(
            id=0,
            slug=post.slug,
            atom_id=self._atom_id(post.slug, seen_at),
            url=post.url,
            title=post.title,
            published=post.published,
            precision=post.precision,
            updated=seen_at,
            sort=0,
            seen_at=seen_at,
            source=self.homes.of_address(post.url, post.university),
            author=author if isinstance(author, str) else None,
            summary=summarize(text.text),
            tags=post.tags,
            html=text.html,
            text=text.text,
            images=text.images,
            attachments=text.attachments,
        )
        return Parcel(entry, uid, given=post.tags, front=Front(post.title, post.front))

    def _of_item(self, item: Item, uid: str, path: Path) -> Parcel:
        _check(item.url)
        article: Article = article_of(item)
        seen_at = self._seen_at(item.published or item.updated, path)
        source = self.homes.of_address(item.url)
        entry = FullEntry(
            id=0,
            slug=slug(item.url),
            atom_id=self._atom_id(slug(item.url), seen_at),
            url=item.url,
            title=item.title or item.url,
            published=item.published,
            precision=item.precision,
            updated=item.updated or seen_at,
            sort=0,
            seen_at=seen_at,
            source=source,
            author=item.author,
            summary=summarize(article.text),
            tags=tuple(dict.fromkeys((*self.homes.tags(source), *item.tags))),
            keywords=entry_keywords(item.tags, (), item.title, article.text),
            html=article.html,
            text=article.text,
            images=article.images,
            attachments=tuple({file.url: file for file in (*article.attachments, *item.attachments)}.values()),
        )
        return Parcel(entry, uid, given=item.tags)

    def _checked(self, parcel: Parcel) -> Parcel:
        return self._at_home(checked(parcel))

    def _at_home(self, parcel: Parcel) -> Parcel:
        """*parcel* at a source of ours; what is dated ahead of our clock would stand above all news until it comes."""
        entry, now = parcel.entry, self.now
        _check(entry.url)
        _check(entry.source.url)
        seen_at = min(entry.seen_at, now)
        sort = entry.sort if FIRST <= entry.sort <= now.timestamp() else 0
        source = self.homes.own(entry.source)
        entry = entry._replace(source=source, seen_at=seen_at, updated=min(entry.updated, now), sort=sort)
        return replace(parcel, entry=entry)

    def _atom_id(self, name: str, seen_at: datetime) -> str:
        return f"tag:{self.host},{seen_at.year}:{name}"

    def _seen_at(self, said: datetime | None, path: str | Path) -> datetime:
        """When an entry was found: never now, or old ones would stand above all news."""
        return min(said or datetime.fromtimestamp(os.stat(path).st_mtime, UTC), self.now)


def _keys(uid: str, name: str, addresses: Iterable[str] = ()) -> tuple[str, ...]:
    return (uid, *addresses, name) if TELLING.fullmatch(name) else (uid, *addresses)


def _check(url: str) -> None:
    """Raises ParseError for an address that names no host."""
    try:
        parts = urlsplit(url)
        is_one = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise ParseError(f"its address {url[:80]!r} cannot be visited")


def posts_below(folder: str) -> Iterator[str | Refusal]:
    """The files below *folder* that may be posts, in order; not the pages that Hugo makes lists of."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((one for one in found if not one.name.startswith(".")), key=attrgetter("name"))
    except OSError as error:
        yield Refusal(folder, f"cannot be read: {error.strerror}")
        return
    for one in entries:
        # a pipe or a device would never end
        if one.name.lower().endswith(POSTS) and not one.name.startswith("_index.") and one.is_file():
            yield one.path
    for one in entries:
        if one.is_dir(follow_symlinks=False):
            yield from posts_below(one.path)


def feeds_in(path: Path) -> Iterator[Path | Refusal]:
    """The JSON documents of *path*: itself, the pages that it or its index names, or all that it holds."""
    if path.name == INDEX and _is_index(path):
        yield from _pages(path.parent)
    elif not path.is_dir():
        yield path
    elif (path / INDEX).is_file():
        yield from _pages(path)
    else:
        yield from sorted(file for file in path.rglob("*.json") if file.is_file())


def _is_index(path: Path) -> bool:
    """Whether the file *path* names the pages of an archive of ours, rather than being a JSON Feed of that name."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            said = next(read_items(file)).get("_aggregator")
    except (OSError, ValueError, ParseError):
        return False
    return isinstance(said, dict) and "pages" in said


def _pages(folder: Path) -> Iterator[Path | Refusal]:
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        pages = [(str(page["file"]), str(page["sha256"])) for page in index["_aggregator"]["pages"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield Refusal(str(folder / INDEX), f"names no pages ({error!r}); all files are read instead")
        yield from sorted(path for path in folder.rglob("*.json") if path.name != INDEX and path.is_file())
        return
    for name, digest in pages:
        page = folder / Path(name).name
        if not page.is_file():
            yield Refusal(str(page), "is missing, though the index names it")
            continue
        with page.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                yield Refusal(str(page), "is not what the index says: cut or changed; what can be read of it is taken")
        yield page


def opened(target: str, folder: Path) -> Store:
    """The database that *target*, a file or an address, names. A file is read from a copy in *folder*, upgraded there.

    Raises StoreError, SettingsError.
    """
    if "://" in target:
        store = Store(target)
        if not store.is_current():
            raise SettingsError(f"{store.name} has an older schema; run `aggregator db upgrade` there first")
        return store
    path = Path(target)
    if not path.is_file():
        raise SettingsError(f"there is no file {path}; name an SQLite file or the address of a PostgreSQL database")
    store = Store(f"sqlite:///{copied(path, folder / 'import.db')}")
    try:
        store.upgrade()
    except StoreError as error:
        raise StoreError(str(error).replace(store.name, str(path))) from error
    return store
