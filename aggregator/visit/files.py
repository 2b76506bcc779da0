"""New entries in, the same with the lengths of files that neither page nor feed tells out: their servers are asked.

Who does not answer costs a length and never an entry. Knows no store, and leaves what the next look at an article is
compared with as its page says.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from aggregator.errors import FetchError, StoreError
from aggregator.gather.answer import file_facts
from aggregator.gather.fetch import Fetcher
from aggregator.identity import turn_of
from aggregator.model import Allowance, NewEntry

log = logging.getLogger(__name__)
Facts = tuple[int | None, str | None]  # length, media type

# files that are asked for, of one entry and in all, and for how long
MOST_OF_ONE, MOST = 5, 30
LONGEST_SECONDS = 60.0
GONE = (404, 410)  # this file; any other failure is taken for that of its machine


async def measured(
    entries: Sequence[NewEntry], fetcher: Fetcher, allowance: Allowance, seconds: float
) -> list[NewEntry]:
    """*entries* with what servers say of their files within *seconds*, at most LONGEST_SECONDS."""
    unknown = dict.fromkeys(url for entry in entries for url in _unknown(entry))
    if not (unknown and fetcher.asks_lengths):
        return list(entries)
    found: dict[str, Facts] = {}
    try:
        async with asyncio.timeout(min(seconds, LONGEST_SECONDS)):
            await _ask(list(unknown)[:MOST], fetcher, allowance, found)
    except TimeoutError:
        log.debug("%d of %d files were asked for in time", len(found), len(unknown))
    return [_with(entry, found) for entry in entries]


def _unknown(entry: NewEntry) -> list[str]:
    return [file.url for file in entry.attachments if file.length is None][:MOST_OF_ONE]


async def _ask(urls: Iterable[str], fetcher: Fetcher, allowance: Allowance, found: dict[str, Facts]) -> None:
    """Adds to *found* what is said of each of *urls*; a machine that fails is asked for no other one."""
    failing: set[str] = set()
    for url in urls:
        if turn_of(url) in failing:
            continue
        try:
            found[url] = file_facts(await fetcher.fetch_header(url, allowance=allowance))
        except Exception as error:  # no file must cost an entry
            if isinstance(error, StoreError):
                raise
            if not isinstance(error, FetchError):
                log.exception("file %s fault of the program", url)
            elif error.status in GONE:
                continue
            failing.add(turn_of(url))


def _with(entry: NewEntry, found: Mapping[str, Facts]) -> NewEntry:
    """*entry* with what was *found* of files whose length it does not tell."""
    files = list(entry.attachments)
    for number, file in enumerate(files):
        if file.length is None and file.url in found:
            length, media_type = found[file.url]
            files[number] = replace(file, length=length, media_type=file.media_type or media_type)
    return replace(entry, attachments=tuple(files))
