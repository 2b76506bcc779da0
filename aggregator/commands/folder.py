"""Folders that exports write: what is in them of ours, from what it was made, and files that are whole or not there."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from aggregator.errors import SettingsError

NAME = ".aggregator-export"
PART = ".part"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write *path* anew: it takes its place when all is written, else what was there stays."""
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def told(target: Path) -> Iterator[None]:
    """Turns a full disk and the like into a sentence."""
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"cannot write to {target}: {error.strerror}; what was there before is there still, run it again to go on"
        ) from error


class Folder:
    """The files that exports wrote into *path*, each with a hash of what it was made of and its size.

    Noted in a file of the folder, so that the next run leaves alone what is current, and nobody's files but ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = self.kept = self.removed = 0
        self._noted = _read(path / NAME)
        self._current: dict[str, str] = {}

    def has(self, name: str, fact: str) -> bool:
        """Whether the file *name* was made of *fact* and is as it was written; counts it as seen."""
        noted = self._noted.get(name, "")
        digest, _, size = noted.partition(" ")
        try:
            if digest != _digest(fact) or str(self._place(name).stat().st_size) != size:
                return False
        except FileNotFoundError:
            return False
        self._current[name] = noted
        self.kept += 1
        return True

    def write(self, name: str, content: bytes, fact: str) -> None:
        """Write the file *name*, unless it says so already. Raises OSError."""
        path = self._place(name)
        if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
            self.kept += 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(content)
            self.written += 1
        self._current[name] = f"{_digest(fact)} {len(content)}"

    def write_once(self, files: Mapping[str, str]) -> None:
        """Write those of *files* that are not there; what is there is its owner's. Raises OSError."""
        for name, content in files.items():
            path = self.path / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as file:
                    file.write(content.encode())

    def _place(self, name: str) -> Path:
        """Raises SettingsError for a name that leads out of the folder."""
        if not _is_inside(name):
            raise SettingsError(f"{name!r} is no file in {self.path}; nothing is written there")
        return self.path / name

    def close(self, *, prune: bool = False, is_whole: bool = True) -> None:
        """Note what is there now; *prune* removes what earlier runs wrote and this one did not. Raises OSError.

        *is_whole*: this run came to its end; else what it did not reach is still believed.
        """
        noted = self._current if is_whole and prune else self._noted | self._current
        if is_whole and prune:
            for name in self._noted.keys() - self._current.keys():
                (self.path / name).unlink(missing_ok=True)
                self.removed += 1
        if noted != self._noted:
            with replacing(self.path / NAME) as file:
                file.writelines(f"{name}\t{fact}\n".encode() for name, fact in sorted(noted.items()))


def _digest(fact: str) -> str:
    return hashlib.blake2b(fact.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name: fact for name, _, fact in (line.partition("\t") for line in lines) if _is_inside(name)}


def _is_inside(name: str) -> bool:
    return bool(name) and not name.startswith("/") and ".." not in Path(name).parts
