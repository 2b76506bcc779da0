"""Entries -> their pages and pictures as files, within a budget, so that they can be read when the originals are gone.

A file is called by its content, so that what many entries share is kept once. Who asks for a picture asks here, too.
"""

import asyncio
import gzip
import hashlib
import logging
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.model import Allowance, FullEntry, Response
from aggregator.pixels import kind_of
from aggregator.settings import ArchiveSettings
from aggregator.shelf import FOLDER, Shelf
from aggregator.store import Store
from aggregator.store.holdings import Found, Thing

log = logging.getLogger(__name__)

AT_ONCE = 20  # entries of one round
TRIES = 4  # what could not be had so often is let go
PAUSE = timedelta(hours=6)  # before the next try
READ_BYTES = 16_000_000  # of pages that were read for their articles just now, and wait to be kept
MOST_PICTURES = 50  # of an entry
MOST_DROPPED = 50  # entries that make room at once
LONGEST_ADDRESS = 2000
ALL_TIMES = 2**62  # a sort after all others


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at every file came to."""

    sound: int
    lost: list[str]  # digests of files that are missing, or not what they were
    foreign: int  # files that nothing knows of


class FullError(Exception):
    """There is no room within the budget that anything could be let go for."""


class Archive:
    """What is kept in *instance*.

    *cached* gives a picture that the pages have, so that it is not fetched twice; *allowance* is what fetches for the
    source of that name may do.
    """

    def __init__(
        self,
        instance: Path,
        settings: ArchiveSettings,
        store: Store,
        cached: Callable[[str], bytes | None] = lambda _: None,
        allowance: Callable[[str], Allowance] = lambda _: Allowance(),
    ) -> None:
        self._shelf = Shelf(instance / FOLDER)
        self._settings = settings
        self._store = store
        self._cached = cached
        self._allowance = allowance
        self._read: OrderedDict[str, Response] = OrderedDict()
        self._read_bytes = 0

    # ------------------------------------------------------------ in

    def read(self, url: str, response: Response) -> None:
        """Remember the article's page that was fetched from *url* just now, so that it is not fetched again."""
        self._forget(url)
        self._read[url] = response
        self._read_bytes += len(response.body)
        while self._read_bytes > READ_BYTES:
            self._forget(next(iter(self._read)))

    def _forget(self, url: str) -> Response | None:
        response = self._read.pop(url, None)
        self._read_bytes -= len(response.body) if response else 0
        return response

    async def work(self, fetcher: Fetcher, now: Callable[[], datetime], *, stop: Callable[[], bool]) -> int:
        """Keep what waits for it, at most AT_ONCE entries; how many were looked at."""
        holdings = self._store.holdings
        await asyncio.to_thread(holdings.notice, now())
        looked = 0
        for entry_id, tries in await asyncio.to_thread(holdings.claim, now(), AT_ONCE):
            if stop():
                holdings.later(entry_id, now())
                continue
            looked += 1
            try:
                await self._keep(fetcher, entry_id, tries, now())
            except FullError as error:
                log.info("archive entry=%d %s", entry_id, error)
                holdings.later(entry_id, None)
            except OSError as error:  # a full disk: what is kept stays, the rest is tried again
                log.error("archive: %s cannot be written: %s", self._shelf.folder, error.strerror)
                holdings.later(entry_id, now() + PAUSE)
        return looked

    async def _keep(self, fetcher: Fetcher, entry_id: int, tries: int, now: datetime) -> None:
        entries = self._store.entries.of([entry_id], bodies=True)
        if not entries:
            return
        one = entries[0]
        kept = self._store.holdings.kept_of(entry_id)
        bodies, failed = await self._had(fetcher, one, kept)
        things = [thing for thing, _ in bodies]
        await asyncio.to_thread(self._make_room, things, one.sort)
        for thing, body in bodies:
            if not self._shelf.path(thing.digest).exists():
                await asyncio.to_thread(self._shelf.put, thing.digest, body)
        again = now + PAUSE if failed and tries + 1 < TRIES else None
        self._store.holdings.keep(entry_id, things, now, again_at=again)
        for thing, body in bodies:
            if not self._shelf.path(thing.digest).exists():  # thrown away by another process before it was known
                await asyncio.to_thread(self._shelf.put, thing.digest, body)

    async def _had(
        self, fetcher: Fetcher, one: FullEntry, kept: set[str]
    ) -> tuple[list[tuple[Thing, bytes]], list[str]]:
        """What is to be kept of *one* besides what is *kept*, with its bytes; and what could not be had."""
        bodies: list[tuple[Thing, bytes]] = []
        failed: list[str] = []
        if self._settings.pages and one.url not in kept and one.url.startswith(("http://", "https://")):
            try:
                answer = self._forget(one.url) or await fetcher.fetch(
                    one.url, allowance=self._allowance(one.source.name)
                )
                body = await asyncio.to_thread(gzip.compress, answer.body, 6, mtime=0)
                bodies.append((_thing(one.url, "page", answer.content_type or "", body), body))
            except FetchError as error:
                failed.append(f"{one.url}: {error}")
        urls = dict.fromkeys(url for url in one.images if url.startswith(("http://", "https://")) and url not in kept)
        for url in list(urls)[:MOST_PICTURES] if self._settings.pictures else ():
            picture = self._cached(url) if len(url) <= LONGEST_ADDRESS else b""
            if picture is None:
                try:
                    picture = (await fetcher.fetch_picture(url, one.url)).body
                except FetchError as error:
                    failed.append(f"{url}: {error}")
                    continue
            kind = kind_of(picture)
            if kind:
                bodies.append((_thing(url, "picture", kind.media_type, picture), picture))
        for fault in failed:
            log.debug("archive entry=%d %s", one.id, fault)
        return bodies, failed

    def _make_room(self, things: list[Thing], sort: int) -> None:
        """Let the oldest go that are not needed, until *things*, of an entry dated *sort*, fit. Raises FullError."""
        budget = self._settings.budget_bytes
        need = sum(one.bytes for one in things)
        if need > budget:
            raise FullError(f"takes {need} bytes, more than the budget")
        if need and not self._shrink(budget - need, sort)[1]:
            raise FullError("the archive is full of what is newer, or gone elsewhere; raise archive.budget_mb")

    def _shrink(self, most: int, before: int) -> tuple[int, bool]:
        """Let entries dated before *before* go, the oldest first, until *most* bytes are left.

        How many files went, and whether that is enough.
        """
        gone, total = 0, self._store.holdings.bytes()
        while total > most:
            oldest = self._store.holdings.oldest(MOST_DROPPED, before)
            if not oldest:
                return gone, False
            for entry_id in oldest:  # one by one, so that no more goes than must
                self._store.holdings.drop(entry_id)
                files, size = self._throw_away()
                gone, total = gone + files, total - size
                if total <= most:
                    break
        return gone, True

    # ------------------------------------------------------------ out

    def picture(self, url: str) -> bytes | None:
        """The picture at *url*, as it was kept."""
        found = self._store.holdings.picture(url)
        return self._shelf.get(found.digest) if found else None

    def page(self, entry_id: int) -> tuple[Found, bytes] | None:
        """The page of that entry as it was kept, with its bytes."""
        found = self._store.holdings.page(entry_id)
        body = self._shelf.get(found.digest) if found else None
        page = _unpacked(body) if body is not None else None
        return (found, page) if found is not None and page is not None else None

    def walk(self) -> Iterator[tuple[str, Found, bytes]]:
        """(address, what is kept of it, its bytes) of every page and picture that is still whole, by entry."""
        for url, kind, found in self._store.holdings.walk():
            body = self._shelf.get(found.digest)
            if kind == "page" and body is not None:
                body = _unpacked(body)
            if body is not None:
                yield url, found, body

    # ------------------------------------------------------------ care

    def prune(self) -> int:
        """Bring the archive within its budget, and throw away what nothing needs; how many files went."""
        unused, _ = self._throw_away()
        gone, is_enough = self._shrink(self._settings.budget_bytes, ALL_TIMES)
        if not is_enough:
            log.warning("archive: more than archive.budget_mb, and all of it was removed elsewhere")
        return unused + gone

    def verify(self, advance: Callable[[], None] = lambda: None) -> Checked:
        """Read every file; what is lost is fetched again, as far as it can be had."""
        known, lost = set(), []
        for digest, _ in self._store.holdings.blobs():
            known.add(digest)
            body = self._shelf.get(digest)
            if body is None or hashlib.sha256(body).hexdigest() != digest:
                lost.append(digest)
            advance()
        self._store.holdings.forget(lost)
        for digest in lost:
            self._shelf.remove(digest)
        foreign = sum(path.name not in known for path, _ in self._shelf.files())
        return Checked(len(known) - len(lost), lost, foreign)

    def _throw_away(self) -> tuple[int, int]:
        """Delete the files that nothing needs; how many, and how large they were together."""
        gone, size = 0, 0
        while released := self._store.holdings.release(self._shelf.remove):
            gone, size = gone + len(released), size + sum(released)
        return gone, size


def _unpacked(body: bytes) -> bytes | None:
    """A page as it was; None where the disk has lost some of it, which ``verify`` finds."""
    try:
        return gzip.decompress(body)
    except (EOFError, OSError, zlib.error):
        return None


def _thing(url: str, kind: str, content_type: str, body: bytes) -> Thing:
    digest = hashlib.sha256(body).hexdigest()
    return Thing(url, "page" if kind == "page" else "picture", content_type[:200], digest, len(body))
