"""A source's page as it was when it was added, and what was read of it: recorded, and compared with today's page.

``instance/cases/<source>/`` holds the page as it came and expectation.json. What differs is told in words. Knows no
network.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from aggregator.errors import ParseError, SettingsError
from aggregator.gather.feed import looks_like_feed, read_feed
from aggregator.gather.listing import read_listing
from aggregator.identity import identity
from aggregator.model import Listing, ListingRule, Response, SourceRule
from aggregator.trial import as_json

# what may differ: the page is not read at all, the recorded selectors find no list, items are gone that should still
# stand there, items have other titles, or no dates; it is another list; the recorded page itself is read otherwise
What = Literal["unreadable", "selectors", "lost", "titles", "dates", "other", "reading"]

PAGE, EXPECTATION = "page", "expectation.json"
FAR_FEWER = 0.5  # items, or dates among them
SHOWN = 3  # titles in a sentence


@dataclass(frozen=True, slots=True)
class Case:
    """A recorded page; *expected* is what ``try --json`` printed of it."""

    response: Response
    expected: Mapping[str, Any]
    recorded_at: datetime

    @property
    def items(self) -> Sequence[Mapping[str, Any]]:
        items: Sequence[Mapping[str, Any]] = self.expected["items"]
        return items


@dataclass(frozen=True, slots=True)
class Difference:
    """What today's page has otherwise than the recorded one; *items* are (address, title) of those it is about."""

    what: What
    message: str
    items: Sequence[tuple[str, str]] = ()


def folder_of(instance: Path, source: str) -> Path:
    return instance / "cases" / source


def record(folder: Path, response: Response, listing: Listing, *, timezone: ZoneInfo, now: datetime) -> None:
    """Keep *response*, read as *listing*, in *folder*, in place of what is there. Raises OSError."""
    said = {
        "url": response.url,
        "content_type": response.content_type,
        "recorded_at": now.isoformat(timespec="seconds"),
        **as_json(listing, timezone),
    }
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    (new / PAGE).write_bytes(response.body)
    (new / EXPECTATION).write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def recorded(folder: Path) -> Case | None:
    """The case in *folder*, None where there is none. Raises SettingsError for one that cannot be read."""
    try:
        said = json.loads((folder / EXPECTATION).read_text("utf-8"))
        header = {"content-type": said["content_type"]} if said["content_type"] else {}
        response = Response(said["url"], 200, (folder / PAGE).read_bytes(), header)
        at = datetime.fromisoformat(said["recorded_at"])
        if not all(isinstance(one["url"], str) and isinstance(one["title"], str) for one in said["items"]):
            raise ValueError("items without address or title")
        return Case(response, said, at)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{folder} cannot be read as a recorded case: {error!r}; record it anew with `aggregator try --record`"
        ) from error


def read(response: Response, rule: SourceRule, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """What following *rule* would read of *response*. Raises ParseError."""
    if rule.kind == "feed" or (rule.kind == "auto" and looks_like_feed(response)):
        return read_feed(response, timezone=timezone, now=now)
    return read_listing(response, rule.listing, timezone=timezone, now=now)


def compare(case: Case, response: Response, rule: SourceRule, *, timezone: ZoneInfo, now: datetime) -> list[Difference]:
    """What today's *response* has otherwise than *case*: nothing where it is as it was, but for its news."""
    found = list(_of_reading(case, rule, timezone))
    try:
        today = read(response, rule, timezone=timezone, now=now)
    except ParseError as error:
        return [*found, Difference("unreadable", f"today's page cannot be read: {error}")]
    return [*found, *_of_selectors(case, response, timezone, now), *_of_items(case, today, timezone)]


def _of_reading(case: Case, rule: SourceRule, timezone: ZoneInfo) -> list[Difference]:
    """Whether the recorded page is still read as it was: else the program or the site file has changed."""
    try:
        again = as_json(read(case.response, rule, timezone=timezone, now=case.recorded_at), timezone)["items"]
    except ParseError as error:
        return [Difference("reading", f"the recorded page is not read any more: {error}")]
    before = {one["url"]: one for one in case.items}
    after = {one["url"]: one for one in again}
    other = [url for url in {**before, **after} if before.get(url) != after.get(url)]
    if not other:
        return []
    named = [(url, (before.get(url) or after[url])["title"]) for url in other]
    return [
        Difference(
            "reading",
            f"{len(other)} items of the recorded page are read otherwise than then: {_titles(named)}; "
            "the program or the site file has changed, record the case anew if it is right",
            named,
        )
    ]


def _of_selectors(case: Case, response: Response, timezone: ZoneInfo, now: datetime) -> list[Difference]:
    """Whether what told the items then tells them still."""
    if not case.expected.get("rule"):
        return []
    rule = ListingRule(**case.expected["rule"])
    try:
        count = len(read_listing(response, rule, timezone=timezone, now=now).items)
    except ParseError:
        count = 0
    if count >= FAR_FEWER * len(case.items):
        return []
    return [
        Difference(
            "selectors",
            f"the selector {rule.item!r} of then finds {count or 'no'} items, then {len(case.items)}: "
            "the page is built otherwise",
        )
    ]


def _of_items(case: Case, today: Listing, timezone: ZoneInfo) -> list[Difference]:
    items = as_json(today, timezone)["items"]
    there = {identity(one["url"]): one for one in items}
    kept = [(number, one) for number, one in enumerate(case.items) if identity(one["url"]) in there]
    found = []
    dated = sum(one["published"] is not None for one in items) / len(items)
    before = sum(one["published"] is not None for one in case.items) / max(1, len(case.items))
    if dated < FAR_FEWER * before:
        found.append(
            Difference("dates", f"{dated:.0%} of today's items are dated, {before:.0%} were: the dates are not found")
        )
    if not kept:
        newest = max((one["published"] for one in items if one["published"]), default=None)
        last = max((one["published"] for one in case.items if one["published"]), default=None)
        if not (newest and last and newest > last):  # else the news of then have gone down the list
            found.append(
                Difference("other", "none of the recorded items stands there, and none is newer: another list")
            )
        return found
    lost = [(one["url"], one["title"]) for number, one in enumerate(case.items) if _is_lost(number, one, kept, there)]
    if lost:
        found.append(Difference("lost", f"{len(lost)} items are gone though older ones stand: {_titles(lost)}", lost))
    renamed = [
        (one["url"], there[identity(one["url"])]["title"])
        for _, one in kept
        if there[identity(one["url"])]["title"] != one["title"]
    ]
    if renamed:
        found.append(Difference("titles", f"{len(renamed)} items have other titles: {_titles(renamed)}", renamed))
    return found


def _is_lost(
    number: int, one: Mapping[str, Any], kept: Sequence[tuple[int, Mapping[str, Any]]], there: Mapping[str, Any]
) -> bool:
    """Whether one that stood below it, and is no newer, still stands: what is no longer kept on top may go."""
    if identity(one["url"]) in there:
        return False
    return any(
        place > number and (not one["published"] or not other["published"] or other["published"] <= one["published"])
        for place, other in kept
    )


def _titles(items: Sequence[tuple[str, str]]) -> str:
    shown = "、".join(f"《{title}》" for _, title in items[:SHOWN])
    return shown + (f" and {len(items) - SHOWN} more" if len(items) > SHOWN else "")
