"""The command line, and the only place where the parts are put together.

Commands import what they need when they run: `aggregator --help` should not wait for a web server's modules.
"""

import asyncio
import json
import logging
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.errors import AggregatorError, OperatorError, SettingsError, SourceError

if TYPE_CHECKING:
    from aggregator.model import Response, Source, Visit
    from aggregator.rules import Rules
    from aggregator.settings import Settings
    from aggregator.store import Store


class Group(click.Group):
    """Turns our errors into one line: the operator's exit with 2, the publisher's and unknown names with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AggregatorError as error:
            click.echo(f"aggregator: {error}", err=True)
            ctx.exit(2 if isinstance(error, OperatorError) else 1)
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output has gone (| head): nothing to say to it
            ctx.exit(1)


def now() -> datetime:
    return datetime.now(UTC)


def settings() -> "Settings":
    from aggregator.settings import load

    return load()


def rules(config: "Settings") -> "Rules":
    from aggregator.rules import load

    return load(config.instance)


def open_store(config: "Settings", *, upgrade: bool = False) -> "Store":
    """The database, made where there is none; an older one is upgraded only with *upgrade*."""
    from aggregator.errors import StoreError
    from aggregator.store import Store

    store = Store(config.database_url)
    is_new = store.path is not None and not store.path.exists()
    if is_new or upgrade:
        store.upgrade()
    elif not store.is_current():
        if store.schema() is not None:
            raise StoreError(f"{store.name} has an older schema; run `aggregator db upgrade` (make a backup first)")
        store.upgrade()
    return store


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-v", "--verbose", is_flag=True, help="Log what is done, request by request.")
@click.version_option(package_name="aggregator", message="%(version)s")
def main(verbose: bool) -> None:
    """University news sites in, feeds, digests and pages out.

    \b
    Try it without a network:   aggregator demo
    The whole service:          aggregator run
    Follow one more page:       aggregator add https://news.example.edu.cn/xxyw.htm
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    logging.captureWarnings(True)
    logging.getLogger("aggregator").setLevel(logging.DEBUG if verbose else logging.INFO)
    for noisy in ("apscheduler", "httpx", "httpcore", "asyncio", "waitress"):
        logging.getLogger(noisy).setLevel(logging.INFO if verbose else logging.WARNING)


@main.command()
def run() -> None:
    """Scheduler and web in one: polls what is due and serves the pages, until Ctrl-C or SIGTERM.

    \b
    Example:
      aggregator run                                    # http://127.0.0.1:8000, data in ./instance
      AGGREGATOR_WEB__PORT=8080 aggregator run
    """
    config = settings()
    known = rules(config)
    store = open_store(config, upgrade=True)
    _serve(config, known, store, with_web=True)


@main.command()
def worker() -> None:
    """Only the scheduler: polls what is due, serves nothing. One for SQLite, any number on one PostgreSQL."""
    config = settings()
    known = rules(config)
    _serve(config, known, open_store(config), with_web=False)


@main.command()
def web() -> None:
    """Only the pages and feeds; polls nothing. Any number of them on one database."""
    from aggregator.web.app import create_app
    from aggregator.web.server import Server

    config = settings()
    server = Server(create_app(config, open_store(config)), config.web)
    click.echo(f"serving {server.url}", err=True)
    server.run()


def _serve(config: "Settings", known: "Rules", store: "Store", *, with_web: bool) -> None:
    """Poll (and serve) until SIGTERM or Ctrl-C."""
    from aggregator.gather.fetch import Fetcher
    from aggregator.poll import Poller
    from aggregator.schedule import serve, stop_on_signals

    async def work() -> None:
        stop = stop_on_signals()
        async with Fetcher(config.fetch, config.user_agent) as fetcher:
            await serve(config, store, Poller(config, known, store, fetcher, now), now, stop)

    with store.sole_scheduler():
        store.sources.sync(known.sources, now())
        if not with_web:
            asyncio.run(work())
            return
        from aggregator.web.app import create_app
        from aggregator.web.server import Server

        server = Server(create_app(config, store), config.web)
        with server.in_thread():
            click.echo(f"serving {server.url}, polling {len(known.sources)} sources; stop with Ctrl-C", err=True)
            asyncio.run(work())
    store.close()


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All enabled sources, due or not.")
def poll(names: tuple[str, ...], everything: bool) -> None:
    """Poll the sources that are due, or the named ones, or all; a line a source, then a summary.

    \b
    Examples:
      aggregator poll                  # what is due: for a cron without `run`
      aggregator poll nankai-ywsd      # this one, now
      aggregator poll --all
    Exit code 1 when every poll failed.
    """
    config = settings()
    known = rules(config)
    store = open_store(config)
    store.sources.sync(known.sources, now())
    wanted: list[str] | None = list(names) or None
    if everything:
        wanted = [rule.name for _, rule in known.sources if rule.enabled]
    for name in names:
        _known_source(known, name)
    if wanted is None and not (due := store.sources.due_count(now())):
        later = store.sources.next_due_at()
        click.echo("nothing is due" + (f"; next at {later.astimezone(config.zone):%Y-%m-%d %H:%M}" if later else ""))
        return
    failed, total = _poll(config, known, store, wanted, len(wanted) if wanted is not None else due)
    store.close()
    if total and failed == total:
        sys.exit(1)


def _poll(config: "Settings", known: "Rules", store: "Store", names: list[str] | None, total: int) -> tuple[int, int]:
    """Poll with progress; (failed, polled)."""
    from aggregator.console import coloured, progress
    from aggregator.gather.fetch import Fetcher
    from aggregator.poll import Poller

    logging.getLogger("aggregator.poll").setLevel(logging.WARNING)  # the lines below say the same
    outcomes: dict[str, int] = {}
    entries = 0

    with progress("polling", total) as bar:

        def report(source: "Source", visit: "Visit", brought: int) -> None:
            nonlocal entries
            entries += brought
            outcome = visit.outcome(brought)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            found = f"{brought} new of {visit.items}" if visit.items else ""
            words = [
                source.name,
                coloured(outcome),
                found,
                f"{visit.milliseconds / 1000:.1f} s",
                visit.message or "",
            ]
            bar.line("  ".join(filter(None, words)))
            bar.advance()

        async def work() -> None:
            async with Fetcher(config.fetch, config.user_agent) as fetcher:
                poller = Poller(config, known, store, fetcher, now, report)
                try:
                    await poller.poll_all_due(names)
                finally:
                    await poller.stop()

        asyncio.run(work())
    polled = sum(outcomes.values())
    click.echo(
        f"{polled} polled: {', '.join(f'{count} {word}' for word, count in sorted(outcomes.items()))}; "
        f"{entries} new entries"
    )
    return outcomes.get("failed", 0), polled


def _known_source(known: "Rules", name: str) -> None:
    if known.source(name) is None:
        import difflib

        near = difflib.get_close_matches(name, [rule.name for _, rule in known.sources], 3)
        raise SettingsError(
            f"there is no source called {name!r}"
            + (f"; do you mean {', '.join(near)}?" if near else "; `aggregator sources` lists them")
        )


@main.command()
@click.argument("url")
@click.option("--name", help="The source's name, part of its address; made from URL when left out.")
@click.option("--tag", "tags", multiple=True, help="A tag for its entries; may be repeated.")
@click.option("--university", help="The university; known ones are recognised by their domain.")
def add(url: str, name: str | None, tags: tuple[str, ...], university: str | None) -> None:
    """Follow one more page: find its feed or list, show what it would collect, write a site file.

    \b
    Examples:
      aggregator add https://jwc.example.edu.cn/tzgg.htm
      aggregator add https://news.example.edu.cn/ --name example-news --tag 要闻 --university 示例大学
    """
    from aggregator.follow import propose, site_of
    from aggregator.gather.fetch import Fetcher
    from aggregator.rules import read_site
    from aggregator.rules.write import site_toml

    config = settings()
    known = rules(config)

    async def look() -> Any:
        async with Fetcher(config.fetch, config.user_agent) as fetcher:
            return await propose(fetcher, url, timezone=config.zone, now=now())

    proposal = asyncio.run(look())
    site = site_of(url, proposal, known, name, tags, university)
    text = site_toml(site)
    import tomllib

    read_site(site.name, tomllib.loads(text), "--name, --tag or --university")  # refuse what could not be loaded again
    if known.source(site.name) is not None:
        raise SettingsError(f"there is a source called {site.name!r} already; choose another with --name")
    path = config.instance / "sites" / f"{site.name}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SettingsError(f"{path} exists already; choose another name with --name, or edit that file") from error
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}; check the folder's permissions") from error
    _show_listing(proposal.listing, config)
    click.echo(f"\nwrote {path}\npoll it now with: aggregator poll {site.name}")


def _show_listing(listing: Any, config: "Settings", limit: int = 10) -> None:
    from aggregator.console import table

    click.echo(f"{listing.kind}: {listing.title or '(no title)'}, {len(listing.items)} items")
    rows = []
    for item in listing.items[:limit]:
        day = item.published.astimezone(config.zone) if item.published else None
        shown = "" if day is None else f"{day:%Y-%m-%d}" if item.precision == "day" else f"{day:%Y-%m-%d %H:%M}"
        rows.append((shown, item.title, item.url))
    table(("date", "title", "address"), rows)
    if len(listing.items) > limit:
        click.echo(f"... and {len(listing.items) - limit} more")
    if listing.next_page:
        click.echo(f"next page: {listing.next_page}")


@main.command("try")
@click.argument("target", metavar="URL-or-FILE", required=False)
@click.option("--url", help="The address that a FILE was saved from; relative links are resolved against it.")
@click.option("--kind", type=click.Choice(["list", "article", "feed"]), help="What the page is; guessed when left out.")
@click.option("--json", "as_object", is_flag=True, help="One JSON object instead of text.")
@click.option(
    "--batch", is_flag=True, help='Read JSON lines {"path", "url", "kind", "content_type"} from standard input.'
)
def try_(target: str | None, url: str | None, kind: Any, as_object: bool, batch: bool) -> None:
    """Read one page and print what we make of it; stores nothing.

    \b
    Examples:
      aggregator try https://news.example.edu.cn/xxyw.htm
      aggregator try saved.html --url https://news.example.edu.cn/info/1/2.htm --kind article --json
      aggregator try --batch < questions.jsonl > answers.jsonl
    """
    config = settings()
    families = tuple(rules(config).families.values())
    from aggregator.model import Listing
    from aggregator.trial import as_json, read_page

    if batch:
        _try_batch(config, families)
        return
    if target is None:
        raise click.UsageError("name a URL or a FILE, or use --batch")
    page = read_page(_response(target, url, None, config), kind, families, timezone=config.zone, now=now())
    if as_object:
        click.echo(json.dumps(as_json(page, config.zone), ensure_ascii=False, indent=2))
    elif isinstance(page, Listing):
        _show_listing(page, config, limit=50)
        if page.rule:
            click.echo(f"rule: {json.dumps(as_json(page, config.zone)['rule'], ensure_ascii=False)}")
    else:
        _show_article(as_json(page, config.zone))


def _try_batch(config: "Settings", families: Any) -> None:
    from aggregator.trial import as_json, read_page

    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            response = _response(asked["path"], asked.get("url"), asked.get("content_type"), config)
            page = read_page(response, asked.get("kind"), families, timezone=config.zone, now=now())
            answer = as_json(page, config.zone)
        except (SourceError, OperatorError) as error:
            answer = {"error": str(error)}
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            answer = {"error": f'line {number} is not an object with "path": {error!r}'}
        click.echo(json.dumps(answer, ensure_ascii=False))


def _response(target: str, url: str | None, content_type: str | None, config: "Settings") -> "Response":
    """The page at an address, or a saved one as if it had come from *url*."""
    from aggregator.model import Response

    if target.startswith(("http://", "https://")):
        from aggregator.gather.fetch import Fetcher

        async def get() -> Response:
            async with Fetcher(config.fetch, config.user_agent) as fetcher:
                return await fetcher.fetch(target)

        return asyncio.run(get())
    try:
        body = Path(target).read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {target}: {error.strerror}; name a file or an http address") from error
    return Response(
        url or Path(target).absolute().as_uri(), 200, body, {"content-type": content_type} if content_type else {}
    )


def _show_article(page: dict[str, Any]) -> None:
    for key in ("title", "published", "author", "origin", "editor"):
        if page[key]:
            click.echo(f"{click.style(key, bold=True)}: {page[key]}")
    if page["section"]:
        click.echo(f"{click.style('section', bold=True)}: {' > '.join(page['section'])}")
    click.echo(f"\n{page['text']}\n")
    for image in page["images"]:
        click.echo(f"image: {image}")
    for attachment in page["attachments"]:
        click.echo(f"attachment: {attachment['title']} {attachment['url']}")


@main.command()
@click.option("--json", "as_object", is_flag=True, help="A JSON array instead of a table.")
def sources(as_object: bool) -> None:
    """List every source with its health and the reason for it."""
    from aggregator.console import table
    from aggregator.health import health

    config = settings()
    known = rules(config)
    store = open_store(config)
    store.sources.sync(known.sources, now())
    rows: list[dict[str, Any]] = []
    for state in store.sources.all():
        verdict = health(state.source, state.polls, now())
        rows.append(
            {
                "name": state.source.name,
                "university": state.source.university,
                "title": state.source.title,
                "url": state.source.url,
                "kind": state.source.found_kind or state.source.kind,
                "health": verdict.state,
                "reason": verdict.reason,
                "entries": state.entry_count,
                "polled_at": _iso(state.source.polled_at),
                "next_poll_at": _iso(state.source.next_poll_at) if state.source.enabled else None,
            }
        )
    if as_object:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table(
        ("name", "university", "title", "health", "entries", "reason"),
        [(r["name"], r["university"], r["title"], r["health"], str(r["entries"]), r["reason"]) for r in rows],
    )


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None


@main.command()
@click.option("--period", type=click.Choice(["day", "week", "month"]), default="day", show_default=True)
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="A day in the period; today when left out.")
@click.option("--tag", help="Only entries with this tag.")
@click.option("--format", "form", type=click.Choice(["text", "html", "json"]), default="text", show_default=True)
def digest(period: Any, day: datetime | None, tag: str | None, form: str) -> None:
    """Print a digest: the news of a day, a week or a month, by university.

    \b
    Examples:
      aggregator digest
      aggregator digest --period week --date 2026-11-20 --tag 南开大学 --format html > week.html
    """
    from aggregator.publish.digest import digest_json, make_digest, period_bounds
    from aggregator.web.render import digest_html, digest_text

    config = settings()
    store = open_store(config)
    chosen: date = day.date() if day else now().astimezone(config.zone).date()
    first, end = period_bounds(period, chosen, config.zone)
    tag_id = store.entries.tag(tag).id if tag else None
    made = make_digest(store.entries.between(first, end, tag_id=tag_id), period, chosen, tag)
    if form == "json":
        click.echo(json.dumps(digest_json(made, config.site.url), ensure_ascii=False, indent=2))
    else:
        click.echo(digest_html(made, config) if form == "html" else digest_text(made, config), nl=False)


@main.command("settings")
def show_settings() -> None:
    """List every setting with its value, its variable and what it is for."""
    from aggregator.settings import PREFIX, SECTIONS

    config = settings()
    click.echo(f"instance = {config.instance}    # {PREFIX}INSTANCE")
    for section in SECTIONS:
        table = getattr(config, section)
        click.echo(f"\n[{section}]")
        for key, field in type(table).model_fields.items():
            value = json.dumps(getattr(table, key), ensure_ascii=False)
            default = (
                ""
                if getattr(table, key) == field.default
                else f"; default {json.dumps(field.default, ensure_ascii=False)}"
            )
            click.echo(f"# {field.description}{default}    {PREFIX}{section.upper()}__{key.upper()}\n{key} = {value}")


@main.command()
def doctor() -> None:
    """Check settings, folder, rules, database, clock and network; say what to do. Exit code 1 if something is wrong."""
    from aggregator.console import coloured
    from aggregator.doctor import examine

    found = examine(now())
    for check in found:
        click.echo(f"{coloured(check.verdict):4}  {check.what}: {check.finding}")
    if any(check.verdict == "fail" for check in found):
        sys.exit(1)


@main.group()
def db() -> None:
    """Care for the database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to this program's schema, making it where there is none. Safe to repeat."""
    config = settings()
    store = open_store(config, upgrade=True)
    click.echo(f"{store.name}: schema {store.schema()}")


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def db_backup(file: Path) -> None:
    """Copy the SQLite database to FILE while it is in use."""
    store = open_store(settings())
    store.backup(file)
    click.echo(f"{store.name} copied to {file} ({file.stat().st_size:,} bytes)")


@db.command("check")
def db_check() -> None:
    """Read the whole database and report damage. Exit code 1 if there is any."""
    store = open_store(settings())
    faults = store.check()
    for fault in faults:
        click.echo(fault)
    click.echo(f"{store.name}: {f'{len(faults)} faults; restore a backup' if faults else 'sound'}")
    if faults:
        sys.exit(1)


@main.group()
def export() -> None:
    """Take entries and subscriptions along."""


@export.command("hugo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def export_hugo(folder: Path) -> None:
    """Write every entry as a Hugo post, FOLDER/<slug>.md; files that would not change are left alone.

    \b
    Example:
      aggregator export hugo site/content/posts
    """
    from aggregator.console import progress
    from aggregator.publish.hugo import render_post

    config = settings()
    store = open_store(config)
    written = kept = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with progress("writing", store.entries.count()) as bar:
            for entry in store.entries.walk():
                post = render_post(entry, config.site.name, config.zone).encode()
                path = folder / f"{entry.slug}.md"
                if path.exists() and path.read_bytes() == post:
                    kept += 1
                else:
                    _write_whole(path, post)
                    written += 1
                bar.advance()
    except OSError as error:
        raise SettingsError(
            f"cannot write to {folder}: {error.strerror}; {written} posts are written, run it again to go on"
        ) from error
    click.echo(f"{folder}: {written} posts written, {kept} as they were")


def _write_whole(path: Path, content: bytes) -> None:
    """Write *path* whole or not at all, so that a full disk leaves no half post."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@export.command("opml")
def export_opml() -> None:
    """Print what we read as OPML, for another reader."""
    from aggregator.publish.opml import render_sources

    config = settings()
    store = open_store(config)
    store.sources.sync(rules(config).sources, now())
    states = [state for state in store.sources.all(polls=0) if state.source.enabled]
    feeds = {state.source.name for state in states if (state.source.found_kind or state.source.kind) == "feed"}
    click.echo(render_sources(config.site.name, config.site.url, [state.ref for state in states], feeds), nl=False)


@export.command("json")
def export_json() -> None:
    """Print every entry as one JSON Feed document, newest first."""
    from aggregator.model import FeedInfo
    from aggregator.publish.jsonfeed import pieces

    config = settings()
    store = open_store(config)
    url = config.site.url
    newest = max((entry.updated for entry in store.entries.newest(1)), default=datetime(2000, 1, 1, tzinfo=UTC))
    info = FeedInfo(f"{url}/feed.json", config.site.name, f"{url}/", f"{url}/feed.json", url, newest)
    for piece in pieces(info, store.entries.walk()):
        click.echo(piece, nl=False)
    click.echo()


@main.command()
@click.option("--port", type=int, default=8000, show_default=True, help="Where the pages are served; 0 for a free one.")
@click.option(
    "--every", type=float, default=5.0, show_default=True, help="Seconds between two polls and two pieces of news."
)
@click.option("--seconds", type=float, help="Stop by itself after so many seconds.")
def demo(port: int, every: float, seconds: float | None) -> None:
    """The whole service against three small universities on this machine; needs no network, leaves nothing behind.

    \b
    Example:
      aggregator demo          # then open http://127.0.0.1:8000
    """
    import tempfile

    from aggregator.demo.stage import demo_settings, keep_publishing
    from aggregator.demo.universities import Demo

    with tempfile.TemporaryDirectory(prefix="aggregator-demo-") as folder, Demo(now()) as universities:
        universities.write_sites(Path(folder))
        config = demo_settings(Path(folder), port, every)
        known = rules(config).only([site.name for site in universities.sites()])
        store = open_store(config, upgrade=True)
        with keep_publishing(universities, every, seconds, now, click.echo):
            _serve(config, known, store, with_web=True)
