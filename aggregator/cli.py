"""The command line: its commands by name, and how their errors reach the operator.

Commands import what they need when they run: `aggregator --help` should not wait for a web server's modules.
"""

import errno
import gc
import logging
import sys
from typing import Any

import click

from aggregator.commands import (
    add,
    archive,
    bring,
    catalogue,
    checking,
    collect,
    find,
    keep,
    look,
    mailing,
    people,
    report,
    serve,
    tags,
    take,
)
from aggregator.errors import AggregatorError, OperatorError, QueryError, SearchError


class Group(click.Group):
    """Turns our errors into one line: the operator's and unreadable questions exit with 2, all others with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AggregatorError as error:
            click.echo(f"aggregator: {error}", err=True)
            ctx.exit(2 if isinstance(error, OperatorError | QueryError | SearchError) else 1)
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output has gone (| head): nothing to say to it
            ctx.exit(1)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            click.echo("aggregator: the disk is full; make room and start again, nothing stored is lost", err=True)
            ctx.exit(2)


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
    # imports and polls make many objects and hardly a cycle; to look for some at every 700 costs a tenth of the start
    gc.set_threshold(10_000)
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    logging.captureWarnings(True)
    logging.getLogger("aggregator").setLevel(logging.DEBUG if verbose else logging.INFO)
    for noisy in ("apscheduler", "httpx", "httpcore", "asyncio", "waitress"):
        logging.getLogger(noisy).setLevel(logging.INFO if verbose else logging.WARNING)


for command in (
    serve.run, serve.web, serve.worker, collect.poll, add.add, look.try_, report.sources, report.digest,
    mailing.deliver, find.search, take.export, bring.import_, keep.db, report.show_settings, report.doctor, serve.demo,
    people.subscribers, archive.archive, catalogue.catalogue, tags.retag, tags.tags,
):  # fmt: skip
    main.add_command(command)
catalogue.catalogue.add_command(checking.check)
