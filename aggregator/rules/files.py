"""Rule files as they stand on disk: the shipped ones, and the operator's in their place. Knows no keys but one.

Reading a file costs a tenth of parsing it: what is switched off is not parsed before somebody asks for it.
"""

import fcntl
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregator.errors import RuleError, SettingsError

SHIPPED = Path(__file__).parent
FOLDERS = ("families", "sites")

# path, size, when it was written, when it or its place was changed
Mark = tuple[str, int, int, int]

OFF = re.compile(r"^enabled[ \t]*=[ \t]*false[ \t]*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One rule file with its text; *fault* is why that could not be read, "" where it could."""

    name: str  # without .toml
    path: Path
    origin: str  # how complaints call it
    text: str
    fault: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it is the operator's, in the instance folder."""
        return self.origin == str(self.path)

    @property
    def is_surely_off(self) -> bool:
        """Whether one sees without parsing that it is a site that is switched off by itself."""
        head = self.text.partition("\n[")[0]
        return '"""' not in head and "'''" not in head and OFF.search(head) is not None

    def parsed(self) -> Mapping[str, Any]:
        """What it holds; raises RuleError."""
        if self.fault:
            raise RuleError(self.fault)
        return parsed(self.text, self.origin)


def parsed(text: str, origin: str) -> dict[str, Any]:
    """The table that *text* is; raises RuleError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{origin}: not valid TOML: {error}") from error


def rule_files(instance: Path | None, folder: str) -> list[RuleFile]:
    """The rule files of *folder*, by name; one in *instance* stands for the shipped one of its name."""
    return [_read(path, origin) for path, origin in _found(instance, folder)]


def read_own(path: Path) -> dict[str, Any] | None:
    """What the operator's file at *path* holds, None where there is none; raises RuleError."""
    if not path.exists():
        return None
    file = _read(path, str(path))
    if file.fault:
        raise RuleError(file.fault)
    return parsed(file.text, file.origin)


@contextmanager
def editing(instance: Path) -> Iterator[None]:
    """Let no other process change the files that commands write in *instance*, from reading them to writing them.

    Raises SettingsError where the folder cannot be written.
    """
    try:
        instance.mkdir(parents=True, exist_ok=True)
        lock = (instance / ".editing").open("a")
    except OSError as error:
        raise SettingsError(
            f"cannot write in {instance}: {error.strerror}; check permissions and free space"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_own(path: Path, text: str) -> None:
    """Let the operator's file at *path* hold *text*, all of it or what it held; raises SettingsError."""
    new = path.with_name(f"{path.name}.part")
    try:
        new.write_text(text, "utf-8")
        new.replace(path)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}; check permissions and free space") from error


def marks(instance: Path | None, *more: str) -> tuple[Mark, ...]:
    """What changes when a rule file, or the file of *instance* called one of *more*, does."""
    paths = [path for folder in FOLDERS for path, _ in _found(instance, folder)]
    paths += [instance / name for name in more] if instance else []
    return tuple(mark(path) for path in paths)


def mark(path: Path) -> Mark:
    """What changes when the file at *path* does, or comes, or goes: asked of the file system, without reading it."""
    try:
        stat = path.stat()
    except OSError:
        return str(path), -1, 0, 0
    return str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _found(instance: Path | None, folder: str) -> Iterator[tuple[Path, str]]:
    found = {path.name: (path, f"rules/{folder}/{path.name}") for path in _rule_files(SHIPPED / folder)}
    if instance is not None:
        found |= {path.name: (path, str(path)) for path in _rule_files(instance / folder)}
    return (found[name] for name in sorted(found))


def _rule_files(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if name.endswith(".toml")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(path: Path, origin: str) -> RuleFile:
    name = path.name.removesuffix(".toml")
    try:
        with open(path, "rb", buffering=0) as file:  # a third faster than path.read_bytes, of hundreds at each start
            return RuleFile(name, path, origin, file.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return RuleFile(name, path, origin, "", f"{origin}: not UTF-8 (byte {error.start}); save the file as UTF-8")
    except OSError as error:
        return RuleFile(name, path, origin, "", f"{origin}: cannot be read: {error.strerror}")
