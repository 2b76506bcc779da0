"""How the command line speaks: colours, tables and progress on a terminal, plain lines in a pipe.

rich's only door; imported when there is something to draw.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import click

COLOURS = {
    "new": "green", "working": "green", "ok": "green",
    "failed": "red", "broken": "red", "stale": "red", "gone": "red", "fail": "red",
    "failing": "yellow", "quiet": "yellow", "warn": "yellow",
    "off": "bright_black", "unchanged": "bright_black",
}  # fmt: skip


class Progress(Protocol):
    """Counts what is done of a known or unknown total."""

    def line(self, text: str) -> None:
        """Print *text* above the bar."""

    def advance(self, count: int = 1) -> None:
        """Note that *count* more are done."""


def coloured(word: str) -> str:
    """*word* in its colour; click drops colours in a pipe."""
    return click.style(word, fg=COLOURS.get(word))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* below their *headings*: drawn on a terminal, as tab-separated values in a pipe."""
    if not sys.stdout.isatty():
        for row in (headings, *rows):
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in row))
    Console().print(drawn)


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Progress]:
    """A bar on standard error while one waits; in a pipe only the lines."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f}/s" if task.speed else "")

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)

        class Drawn:
            def line(self, text: str) -> None:
                bar.stop()
                click.echo(text)
                bar.start()

            def advance(self, count: int = 1) -> None:
                bar.advance(task, count)

        yield Drawn()


class _Lines:
    def line(self, text: str) -> None:
        click.echo(text)

    def advance(self, count: int = 1) -> None:
        del count
