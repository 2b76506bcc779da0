"""`aggregator search`: what entries hold these words."""

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from aggregator.commands import parts

if TYPE_CHECKING:
    from aggregator.store import Store
    from aggregator.store.search import Found


@click.command()
@click.argument("words", nargs=-1)
@click.option("--tag", help="Only entries of this tag, or of this expression (科研+要闻, 招生|就业, -讲座).")
@click.option("--university", help="Only entries of this university.")
@click.option("--since", metavar="DAY", help="Only entries of this day (2026-01-31), month or year, and later.")
@click.option("--until", metavar="DAY", help="Only entries of this day, month or year, and earlier.")
@click.option("--order", type=click.Choice(["newest", "relevance"]), default="newest", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
@click.option("--json", "as_array", is_flag=True, help="A JSON array instead of text.")
def search(
    words: tuple[str, ...],
    tag: str | None,
    university: str | None,
    since: str | None,
    until: str | None,
    order: Any,
    limit: int,
    as_array: bool,
) -> None:
    """Find entries that hold all WORDS, newest first. Exit code 1 if there is none, as grep has it.

    \b
    Examples:
      aggregator search 水稻 节水
      aggregator search '"碳中和"' --tag 科研 --since 2026-01 --order relevance
      aggregator search -- 奖学金 -公示
    """
    from aggregator.query import Selection
    from aggregator.question import day, parse

    config = parts.settings()
    store = parts.open_store(config)
    selection = Selection(
        tags=store.names.expression(tag) if tag else None,
        university=store.names.university(university) if university else None,
        since=day(since, 1, config.zone)[0] if since else None,
        until=day(until, 1, config.zone)[1] if until else None,
    )
    question = parse(" ".join(words), config.zone, selection)
    catch_up(store)
    found = store.search.find(question, order=order, limit=limit, bodies=True)
    forms = [word.form for word in question.words]
    if as_array:
        click.echo(json.dumps(_array(found, config.site.url), ensure_ascii=False, indent=2))
    else:
        _show(found, forms, config.zone)
    if not found.entries:
        sys.exit(1)


def catch_up(store: "Store") -> int:
    """Index all that waits for it, with a bar where that takes time; how many entries they were."""
    from aggregator.console import progress

    done = 0
    with progress("indexing", store.index.behind()) as bar:
        while count := store.index.catch_up():
            bar.advance(count)
            done += count
    return done


def _array(found: "Found", site: str) -> list[dict[str, Any]]:
    return [
        {
            "title": entry.title,
            "url": entry.url,
            "page": f"{site}/entries/{entry.slug}/",
            "published": entry.published.isoformat() if entry.published else None,
            "university": entry.source.university,
            "source": entry.source.name,
            "tags": list(entry.tags),
            "summary": entry.summary,
        }
        for entry in found.entries
    ]


def _show(found: "Found", forms: list[str], zone: Any) -> None:
    from aggregator.snippet import marked, snippet

    def styled(pieces: Any) -> str:
        return "".join(click.style(text, fg="red", bold=True) if hit else text for text, hit in pieces)

    for entry in found.entries:
        day = datetime.fromtimestamp(entry.sort, zone)
        click.echo(
            f"{day:%Y-%m-%d}  {styled(marked(entry.title, forms))}  {click.style(entry.source.university, dim=True)}"
        )
        if said := snippet(entry.text, forms):
            click.echo(f"            {styled(said)}")
        click.echo(f"            {entry.url}")
    if not found.is_complete:
        click.echo("only a part was looked at; another word makes the search more exact", err=True)
