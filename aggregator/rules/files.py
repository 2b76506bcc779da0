"""Rule files -> the tables they hold, kept in the instance folder so that the next start need not parse them again.

What changed is parsed anew; where nothing can be kept, all is. Knows no keys: what they mean stands in rules/.
"""

import json
import logging
import os
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent
FOLDERS = ("families", "sites")
KEPT = "rules.cache"  # in the instance folder
FORM = 1  # of what is kept: another one is not read
# a file changed so recently may change again without its times showing it
SETTLED_SECONDS = 2.0

# size, when it was written, when it or its place was changed
Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One rule file, parsed; *fault* is why it could not be, "" where it could."""

    name: str  # without .toml
    path: Path
    origin: str  # how complaints call it
    table: Mapping[str, Any]
    fault: str = ""
    says_off: bool = False  # it, or what can be read of it, is switched off by itself

    @property
    def is_own(self) -> bool:
        """Whether it is the operator's, in the instance folder."""
        return self.origin == str(self.path)


def rule_files(instance: Path | None) -> dict[str, list[RuleFile]]:
    """The rule files by folder, each folder's by name; one in *instance* stands for the shipped one of its name."""
    cache = _Cache(instance / KEPT if instance else None)
    files = {folder: [cache.file(path, origin) for path, origin in _found(instance, folder)] for folder in FOLDERS}
    cache.keep()
    return files


def _found(instance: Path | None, folder: str) -> Iterator[tuple[Path, str]]:
    found = {path.name: (path, f"rules/{folder}/{path.name}") for path in (SHIPPED / folder).glob("*.toml")}
    if instance is not None:
        found |= {path.name: (path, str(path)) for path in (instance / folder).glob("*.toml")}
    return (found[name] for name in sorted(found))


class _Cache:
    """The tables of files as they were last parsed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._before = _read(path) if path else {}
        self._now: dict[str, Sequence[Any]] = {}
        self._settled = time.time_ns() - int(SETTLED_SECONDS * 1e9)

    def file(self, path: Path, origin: str) -> RuleFile:
        name = path.name.removesuffix(".toml")
        try:
            stat = path.stat()
            mark = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        except OSError as error:
            return RuleFile(name, path, origin, {}, f"{origin}: cannot be read: {error.strerror}")
        kept = self._before.get(str(path))
        if kept is None or tuple(kept[:3]) != mark:
            kept = (*mark, *_parsed(path, origin))
        if max(mark[1:]) < self._settled:
            self._now[str(path)] = kept
        return RuleFile(name, path, origin, *kept[3:])

    def keep(self) -> None:
        """Write down what was parsed anew, or is gone."""
        is_same = len(self._now) == len(self._before) and all(
            self._before.get(one) is row for one, row in self._now.items()
        )
        if self._path is None or is_same:
            return
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            new.write_text(json.dumps({"form": FORM, "files": self._now}, ensure_ascii=False), "utf-8")
            new.replace(self._path)
        except OSError as error:  # a folder that may only be read: the next start parses again
            log.debug("%s is not kept: %s", self._path, error.strerror)


def _read(path: Path) -> Mapping[str, Sequence[Any]]:
    """What was kept at *path*; nothing where it is of another form or damaged."""
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict) or kept.get("form") != FORM or not isinstance(kept.get("files"), dict):
        return {}
    return {name: row for name, row in kept["files"].items() if isinstance(row, list) and len(row) == 6}


def _parsed(path: Path, origin: str) -> tuple[Mapping[str, Any], str, bool]:
    """(table, fault, whether it says that it is switched off) of the file at *path*."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return {}, f"{origin}: cannot be read: {error.strerror}", False
    except UnicodeDecodeError as error:
        return {}, f"{origin}: not UTF-8 (byte {error.start}); save the file as UTF-8", False
    try:
        # a day is kept as its text: JSON has none
        table = json.loads(json.dumps(tomllib.loads(text), default=str))
    except tomllib.TOMLDecodeError as error:
        head = text.partition("\n[")[0]
        says_off = any(line.replace(" ", "").startswith("enabled=false") for line in head.splitlines())
        return {}, f"{origin}: not valid TOML: {error}", says_off
    return table, "", table.get("enabled") is False
