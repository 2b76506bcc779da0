"""The whole public site as files for any web server: what changed is written, what is no longer part of it removed.

Each file is written whole or not at all. Knows no page: plan.py says which there are, the app what they look like.
"""

import gzip
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from werkzeug.test import EnvironBuilder

from aggregator.errors import AggregatorError, SettingsError
from aggregator.settings import PACKAGE, Settings, template_folder
from aggregator.store import Store
from aggregator.web.app import create_app
from aggregator.web.asking import LENGTH
from aggregator.web.manifest import PART, Manifest, Written, opened
from aggregator.web.paths import Paths, file_of
from aggregator.web.plan import NOT_FOUND, Bundle, Plan, Sheet
from aggregator.web.service import ADDRESSES, SERVICE

PASSES = 3  # while the database changes; each costs what has changed meanwhile
BATCH = 200  # files noted at once
PACKED = (".png", ".gz")  # no smaller when compressed
SHAPING = ("web", "publish", "translations")  # folders of the program that say what a file looks like


@dataclass(slots=True)
class Tally:
    """What a run did, in files; *foreign* are those that stand in the way of ours and stay."""

    written: int = 0
    kept: int = 0
    removed: int = 0
    foreign: tuple[str, ...] = ()


def freeze(
    settings: Settings,
    store: Store,
    folder: Path,
    now: Callable[[], datetime],
    *,
    compress: bool = False,
    written: Callable[[], object] = lambda: None,
) -> Tally:
    """Write the site of *store* into *folder*; *written* is called after each file.

    Links begin with ``site.url``. With *compress* each file has a gzipped one beside it. Raises SettingsError for a
    folder that is not ours, or where no more can be written; what was written until then is whole.
    """
    try:
        with opened(folder) as manifest:
            return _Freezer(_static(settings), store, folder, manifest, now, compress, written).run()
    except OSError as error:
        raise SettingsError(f"cannot write to {folder}: {error.strerror}; run it again to go on") from error


class _Freezer:
    def __init__(
        self,
        settings: Settings,
        store: Store,
        folder: Path,
        manifest: Manifest,
        now: Callable[[], datetime],
        compress: bool,
        written: Callable[[], object],
    ) -> None:
        self._store = store
        self._folder = folder
        self._manifest = manifest
        self._now = now
        self._compress = compress
        self._note = written
        self._app = create_app(settings, store, now, is_static=True)
        self._here = self._app.extensions[SERVICE]
        self._paths: Paths = self._app.extensions[ADDRESSES]
        self._root = self._paths.script_name
        self._base_url = f"{settings.site.url}/"
        self._shape = f"{compress} {_shape(settings)}"
        self._tally = Tally()

    def run(self) -> Tally:
        for _ in range(PASSES):
            # one of "all" and "sources" moves with every change
            state = self._store.feeds.versions()
            plan = Plan(self._here)
            self._manifest.begin(f"{self._shape} {plan.base}")
            self._tally.kept, self._tally.foreign = 0, ()
            names = {bundle.name for bundle in map(self._bundled, plan.bundles())}
            if self._store.feeds.versions() == state:
                break
        for name in self._manifest.bundles() - names:
            self._remove(self._manifest.files(name))
        return self._tally

    def _bundled(self, bundle: Bundle) -> Bundle:
        """*bundle*, whose files are current now."""
        if bundle.version and self._manifest.version(bundle.name) == bundle.version:
            self._tally.kept += self._manifest.count(bundle.name)
            return bundle
        known = self._manifest.files(bundle.name)
        wanted: set[str] = set()
        stale: list[Sheet] = []
        for sheet in bundle.sheets():
            wanted.add(key := sheet.key)
            if sheet.fact and key in known and known[key].fact == sheet.fact:
                self._tally.kept += 1
            else:
                stale.append(sheet)
        for place in range(0, len(stale), BATCH):
            self._freeze(bundle.name, stale[place : place + BATCH], known)
        self._remove({key: file for key, file in known.items() if key not in wanted})
        self._manifest.finish(bundle.name, bundle.version)
        return bundle

    def _freeze(self, bundle: str, sheets: Sequence[Sheet], known: Mapping[str, Written]) -> None:
        ours = [(sheet, path) for sheet in sheets if (path := self._path(sheet, known)) is not None]
        self._manifest.expect(bundle, [(sheet.key, path, self._is_packed(path)) for sheet, path in ours])
        for sheet, path in ours:
            body = self._answer(sheet)
            self._put(path, body, sheet.changed_at or self._now())
            if sheet.key in known and known[sheet.key].is_packed and not self._is_packed(path):
                _packed(self._folder / path).unlink(missing_ok=True)
        self._manifest.settle((sheet.key, sheet.fact, self._is_packed(path)) for sheet, path in ours)

    def _path(self, sheet: Sheet, known: Mapping[str, Written]) -> str | None:
        """The file that *sheet* becomes, None where a foreign one has its place."""
        if sheet.key in known:
            return known[sheet.key].path
        if sheet.endpoint == NOT_FOUND:
            path = "404.html"
        else:
            path = file_of(self._paths.build(sheet.endpoint, sheet.values), self._root)
        there = self._folder / path
        if there.exists() or (self._is_packed(path) and _packed(there).exists()):
            self._tally.foreign += (path,)
            return None
        return path

    def _answer(self, sheet: Sheet) -> bytes:
        is_page = sheet.endpoint != NOT_FOUND
        asked = self._paths.dynamic(sheet.endpoint, sheet.values) if is_page else f"{self._root}404.html"
        builder = EnvironBuilder("/" + asked.removeprefix(self._root), base_url=self._base_url)
        environ = builder.get_environ()
        builder.close()
        if sheet.length is not None:
            environ[LENGTH] = sheet.length
        with self._app.request_context(environ):
            response = self._app.full_dispatch_request()
            response.direct_passthrough = False
            body = response.get_data()
            response.close()
        if response.status_code != (200 if is_page else 404):
            raise AggregatorError(f"{asked} is answered by {response.status}; the log says why, run it again to go on")
        return body

    def _is_packed(self, path: str) -> bool:
        return self._compress and not path.endswith(PACKED)

    def _put(self, name: str, body: bytes, changed_at: datetime) -> None:
        """Let the file called *name* hold *body*; one that does is not touched."""
        path = self._folder / name
        packed = _packed(path) if self._is_packed(name) else None
        former = path.read_bytes() if path.is_file() else None
        if former == body and (packed is None or packed.is_file()):
            self._tally.kept += 1
            return
        # servers tell versions apart by this time: no change may hide behind that of the one before
        at = int(changed_at.timestamp())
        if former is not None and former != body:
            at = max(at, int(path.stat().st_mtime) + 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        if packed:
            self._write(packed, gzip.compress(body, 9, mtime=0), at)
        self._write(path, body, at)
        self._tally.written += 1
        self._note()

    def _write(self, path: Path, body: bytes, at: int) -> None:
        part = self._folder / PART
        part.write_bytes(body)
        os.utime(part, (at, at))
        part.replace(path)

    def _remove(self, files: Mapping[str, Written]) -> None:
        for file in files.values():
            path = self._folder / file.path
            path.unlink(missing_ok=True)
            if file.is_packed:
                _packed(path).unlink(missing_ok=True)
            for parent in path.parents:
                if parent == self._folder or any(parent.iterdir()):
                    break
                parent.rmdir()
        self._manifest.drop(files)
        self._tally.removed += len(files)


def _packed(path: Path) -> Path:
    return path.with_name(f"{path.name}.gz")


def _static(settings: Settings) -> Settings:
    """*settings* for files: pictures come from where they are, and no hub is told of a file."""
    shown = "link" if settings.web.pictures == "proxy" else settings.web.pictures
    web = settings.web.model_copy(update={"pictures": shown, "hubs": ""})
    return settings.model_copy(update={"web": web})


def _shape(settings: Settings) -> str:
    """What shapes every file besides the database: the program, its templates and texts, and settings."""
    made = hashlib.sha256(repr((version("aggregator"), settings.site, settings.web.pictures)).encode())
    folders = [*(PACKAGE / name for name in SHAPING), template_folder()]
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            made.update(path.read_bytes())
    return made.hexdigest()
