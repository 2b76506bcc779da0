"""`aggregator try`: one page and what we make of it."""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from aggregator.commands import parts
from aggregator.errors import OperatorError, ParseError, SettingsError, SourceError

if TYPE_CHECKING:
    from datetime import datetime

    from aggregator.classify.tag import Tagger
    from aggregator.model import Article, Listing, Precision, Response, Site, SourceRule
    from aggregator.rules import Rules
    from aggregator.settings import Settings


log = logging.getLogger(__name__)


def visitable(context: click.Context, parameter: click.Parameter, url: str) -> str:
    """*url* if it can be visited at all; else the command is used wrongly."""
    from aggregator.gather.address import parse

    try:
        parse(url)
    except ValueError as error:
        raise click.BadParameter(f"{url[:200]!r} is not an address: {error}", context, parameter) from error
    return url


@click.command("try")
@click.argument("target", metavar="URL-or-FILE-or-NAME", required=False)
@click.option("--url", help="The address that a FILE was saved from; relative links are resolved against it.")
@click.option("--kind", type=click.Choice(["list", "article", "feed"]), help="What the page is; guessed when left out.")
@click.option("--json", "as_object", is_flag=True, help="One JSON object instead of text.")
@click.option(
    "--batch", is_flag=True, help='Read JSON lines {"path", "url", "kind", "content_type"} from standard input.'
)
@click.option("--record", "records", is_flag=True, help="Keep today's page as what later ones are compared with.")
def try_(target: str | None, url: str | None, kind: Any, as_object: bool, batch: bool, records: bool) -> None:
    """Read one page and print what we make of it; stores nothing.

    The page of a source, by its NAME or address, is compared with the one that was recorded when it was added: what
    differs is told, and the exit code is then 1.

    \b
    Examples:
      aggregator try https://news.example.edu.cn/xxyw.htm
      aggregator try example-news
      aggregator try saved.html --url https://news.example.edu.cn/info/1/2.htm --kind article --json
      aggregator try --batch < questions.jsonl > answers.jsonl
    """
    config = parts.settings()
    rules = parts.rules(config)
    families = tuple(rules.families.values())
    from aggregator.classify.tag import Tagger
    from aggregator.model import Listing
    from aggregator.rules.tags import load_taxonomy
    from aggregator.trial import as_json

    tagger = Tagger(load_taxonomy(config.instance))
    if batch:
        _try_batch(config, families, tagger)
        return
    if target is None:
        raise click.UsageError("name a URL or a FILE or a source, or use --batch")
    if source := _source(target, rules, config, records=records):
        from aggregator.commands.compare import try_source

        try_source(*source, config, as_object=as_object, records=records)
        return
    try:
        page = _looked_at(target, url, kind, families, config)
    except (SourceError, OperatorError) as error:
        if not as_object:
            raise
        click.echo(json.dumps(failure(error, url or target), ensure_ascii=False, indent=2))
        sys.exit(2 if isinstance(error, OperatorError) else 1)
    if as_object:
        click.echo(json.dumps(as_json(page, config.zone, tagger), ensure_ascii=False, indent=2))
    elif isinstance(page, Listing):
        show_listing(page, config, limit=50)
        if page.rule:
            click.echo(f"rule: {json.dumps(as_json(page, config.zone, tagger)['rule'], ensure_ascii=False)}")
    else:
        _show_article(as_json(page, config.zone, tagger))


def _source(target: str, rules: "Rules", config: "Settings", *, records: bool) -> "tuple[Site, SourceRule] | None":
    """The source that is called *target*, or has that address and a recorded page; None for another page."""
    from aggregator.follow.case import EXPECTATION, folder_of

    if "://" not in target:
        found = rules.source(target)
        if found is None and records:
            raise SettingsError(f"there is no source called {target!r} whose page could be recorded")
        return None if Path(target).is_file() else found
    from aggregator.identity import identity

    key = identity(target)
    same = ((site, source) for site, source in rules.sources if identity(source.url) == key)
    found = next(
        (one for one in same if records or (folder_of(config.instance, one[1].name) / EXPECTATION).is_file()), None
    )
    if found is None and records:
        raise SettingsError(f"no source has the address {target} whose page could be recorded; `aggregator add` it")
    return found


def _looked_at(target: str, url: str | None, kind: Any, families: Any, config: "Settings") -> "Listing | Article":
    from aggregator.trial import read_page, reader_of

    if "://" in target:
        context = click.get_current_context()
        return asyncio.run(_visited(visitable(context, context.command.params[0], target), kind, families, config))
    response = _saved(target, url, None)
    page = read_page(response, kind, families, timezone=config.zone, now=parts.now())
    log.debug("read as %s", reader_of(page, response, families))
    return page


def failure(error: Exception, url: str) -> dict[str, str]:
    """What ``--json`` prints of what cannot be read; *cause* is one of model.Fault, "settings" for the operator's."""
    from aggregator.visit.diagnose import fault_of

    return {"error": str(error), "cause": "settings" if isinstance(error, OperatorError) else fault_of(error, url)}


def _try_batch(config: "Settings", families: Any, tagger: "Tagger") -> None:
    from aggregator.trial import as_json, read_page

    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            response = _saved(str(asked["path"]), asked.get("url"), asked.get("content_type"))
            page = read_page(response, asked.get("kind"), families, timezone=config.zone, now=parts.now())
            answer = as_json(page, config.zone, tagger)
        except (SourceError, OperatorError) as error:
            answer = failure(error, str(asked.get("url") or ""))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            answer = {"error": f'line {number} is not an object with "path": {error!r}', "cause": "settings"}
        click.echo(json.dumps(answer, ensure_ascii=False))


async def _visited(url: str, kind: Any, families: Any, config: "Settings") -> "Listing | Article":
    """The page at *url*; an article with all its pages."""
    from aggregator.gather.fetch import Fetcher
    from aggregator.model import Article
    from aggregator.trial import read_page, reader_of
    from aggregator.visit.bring import whole

    async with Fetcher(config.fetch, config.user_agent, own=config.own_ports) as fetcher:

        async def read_at(address: str) -> Article:
            response = await fetcher.fetch(address)
            page = read_page(response, "article", families, timezone=config.zone, now=parts.now())
            assert isinstance(page, Article)
            return page

        response = await fetcher.fetch(url)
        try:
            page = read_page(response, kind, families, timezone=config.zone, now=parts.now())
        except ParseError as error:
            error.response = response  # it tells why
            raise
        log.debug("read as %s", reader_of(page, response, families))
        return await whole(page, read_at) if isinstance(page, Article) else page


def _saved(path: str, url: str | None, content_type: str | None) -> "Response":
    """A saved page, as if it had come from *url*; without one its relative links lead to this machine."""
    from aggregator.model import Response

    try:
        body = Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(
            f"cannot read {path}: {error.strerror}; name a file, an http address or a source"
        ) from error
    return Response(
        url or f"http://localhost/{quote(Path(path).name)}",
        200,
        body,
        {"content-type": content_type} if content_type else {},
    )


def _show_article(page: dict[str, Any]) -> None:
    for key in ("title", "published", "author", "origin", "editor"):
        if page[key]:
            click.echo(f"{click.style(key, bold=True)}: {page[key]}")
    if page["section"]:
        click.echo(f"{click.style('section', bold=True)}: {' > '.join(page['section'])}")
    for tag in page["tags"]:
        click.echo(f"{click.style('tag', bold=True)}: {tag['tag']} ({tag['by']}: {tag['what']})")
    click.echo(f"\n{page['text']}\n")
    for image in page["images"]:
        click.echo(f"image: {image}")
    for attachment in page["attachments"]:
        click.echo(f"attachment: {attachment['title']} {attachment['url']}")


def show_listing(listing: Any, config: "Settings", limit: int = 10) -> None:
    from aggregator.console import table

    click.echo(f"{listing.kind}: {listing.title or '(no title)'}, {len(listing.items)} items")
    rows = [(day_text(item.published, item.precision, config), item.title, item.url) for item in listing.items[:limit]]
    table(("date", "title", "address"), rows)
    if len(listing.items) > limit:
        click.echo(f"... and {len(listing.items) - limit} more")
    if listing.next_page:
        click.echo(f"next page: {listing.next_page}")


def day_text(published: "datetime | None", precision: "Precision | None", config: "Settings") -> str:
    """A date as exact as it is known, where the site is; empty for none."""
    if published is None:
        return ""
    return f"{published.astimezone(config.zone):{'%Y-%m-%d' if precision == 'day' else '%Y-%m-%d %H:%M'}}"
