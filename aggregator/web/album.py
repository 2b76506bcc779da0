"""Pictures on the disk: bytes under the name of their address, at most so many of them, the longest unseen gone first.

Several processes may share the folder. Knows no network and no page.
"""

import hashlib
import os
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from aggregator.pixels import Kind, kind_of
from aggregator.shelf import Shelf

HEAD_BYTES = 262_144  # of a file, where its size stands; a JPEG may have a preview before it
SEEN_SECONDS = 3600  # a file seen again sooner is not marked again
REMEMBERED = 20_000  # kinds
SLACK = 20  # the folder is looked through when a 20th of its limit was written


class Album:
    """At most *max_bytes* in *folder*, a 20th more for moments. Safe to use from several threads."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._shelf = Shelf(folder)
        self._max_bytes = max_bytes
        self._kinds: OrderedDict[str, Kind] = OrderedDict()
        self._lock = threading.Lock()
        self._written = max_bytes  # so that the first picture looks what is there

    def get(self, url: str) -> bytes | None:
        """The picture kept for *url*."""
        path = self._path(url)
        body = self._shelf.get(path.name)
        with suppress(OSError):
            if body is not None and time.time() - path.stat().st_mtime > SEEN_SECONDS:
                os.utime(path)
        return body

    def keep(self, url: str, body: bytes) -> None:
        """Keep *body* for *url*. Raises OSError where the disk does not take it."""
        self._shelf.put(name_of(url), body)
        with self._lock:
            self._written += len(body)
            if self._written * SLACK > self._max_bytes:
                self._written = 0
                self._make_room()

    def kind(self, url: str) -> Kind | None:
        """What the picture at *url* is, as far as it was kept once."""
        known = self._kinds.get(url)
        if known is None:
            try:
                with self._path(url).open("rb") as file:
                    known = kind_of(file.read(HEAD_BYTES))
            except OSError:
                return None
            if known:
                with self._lock:
                    self._kinds[url] = known
                    if len(self._kinds) > REMEMBERED:
                        self._kinds.popitem(last=False)
        return known

    def _path(self, url: str) -> Path:
        return self._shelf.path(name_of(url))

    def _make_room(self) -> None:
        files = [(found.st_mtime, found.st_size, path) for path, found in self._shelf.files()]
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size


def name_of(url: str) -> str:
    """Under what name the picture at *url* stands in the folder."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
