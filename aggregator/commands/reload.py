"""For development: a command in a process of its own, ended and begun again when a file changes.

The process that watches runs nothing else: there is never more than one scheduler.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import click

LOOK_SECONDS = 0.5
WATCHED = {".py", ".html", ".txt", ".css", ".js", ".toml", ".mo"}


def run_again_on_changes(arguments: Sequence[str], folders: Sequence[Path]) -> int:
    """Run ``aggregator`` with *arguments*, again whenever a file below *folders* changes; its last exit code.

    A run that ends by itself, by a mistake just made, is begun again with the next change. SIGTERM or Ctrl-C ends it.
    """
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    while True:
        seen = _times(folders)
        # in a session of its own: Ctrl-C reaches us, and we end it
        command = [sys.executable, "-m", "aggregator", *arguments]
        child = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - our own words
        while not stopped.wait(LOOK_SECONDS) and _times(folders) == seen:
            pass
        child.terminate()
        code = child.wait()
        if stopped.is_set():
            return code
        click.echo("a file has changed: starting again", err=True)


def _times(folders: Sequence[Path]) -> dict[Path, int]:
    """When each file was last changed."""
    return {path: path.stat().st_mtime_ns for path in _files(folders)}


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.suffix in WATCHED and path.is_file())
