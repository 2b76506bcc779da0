"""Files in a folder, each under a name of hexadecimal digits: there whole and for good, or not at all.

Knows not what is in them. Several processes may share the folder.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from aggregator.durable import write

FOLDER = "archive"  # in the instance, what aggregator/archive.py keeps


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def get(self, name: str) -> bytes | None:
        """What stands there under *name*."""
        try:
            return self.path(name).read_bytes()
        except OSError:  # not there, or not any more
            return None

    def put(self, name: str, body: bytes) -> None:
        """Let *body* stand under *name*. Raises OSError where the disk does not take it, and leaves nothing then."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, body)

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Every file, in no order."""
        for path in self.folder.glob("*/*"):
            with suppress(FileNotFoundError):  # another process removes some, too
                yield path, path.stat()

    def bytes(self) -> int:
        """How much room they take together."""
        return sum(found.st_size for _, found in self.files())
