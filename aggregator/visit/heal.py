"""A source's page -> its items, also after a redesign: by the rule that found them last, else by a new one.

A new rule is taken when it finds again what is known to stand on the page, or, where nothing there is known, when what
it finds looks like this source's list. Pure: knows no network, and asks for what the store knows only when it must.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aggregator.errors import OtherListError, ParseError
from aggregator.gather.charset import decode
from aggregator.gather.feed import looks_like_feed, read_feed
from aggregator.gather.induce import base_of
from aggregator.gather.links import absolute
from aggregator.gather.listing import read_listing
from aggregator.gather.tree import parse
from aggregator.gather.worth import is_article
from aggregator.identity import domain_of, identity
from aggregator.model import Item, KnownEntry, Listing, ListingRule, Look, Response, SourceRule

REFOUND = 0.8  # of the known entries on a page that a new rule must find again
ENOUGH = 3  # known entries that can testify; fewer on a page say nothing
FAR_FEWER = 0.5  # of the items of the last good look
FEW = 4  # items; a list so short may well lose some
MOSTLY = 0.8  # of items that have what nearly all items of a list have
SHORTEST_TITLE = 6  # characters, at the median: shorter ones are names of columns
CUT_TITLE = 8  # characters that a cut title must have left to tell a story
BELIEVED_AFTER = 3  # days on which a list that began anew was found; one without dates cannot say that it is new
PAUSE = timedelta(days=30)  # that may lie between two pages of one list
SAME_DAY = timedelta(days=1)  # a list and its article may say two days for one story

NOT_SAID = re.compile(r"[\W_]+")
NUMBER = re.compile(r"\d+")
ELLIPSIS = ("...", "…", "．．．")


@dataclass(frozen=True, slots=True)
class Reading:
    """A page, read. *note*: what is wrong with it, or how that was healed. *look* is None where it is not trusted."""

    listing: Listing
    look: Look | None
    note: str | None = None
    is_repaired: bool = False  # the list is read by a new rule from now on
    is_changed: bool = False  # the list is not what it was, and nothing better is found


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier polls taught of a source: its last rule and look, and its newest entries, asked for when needed."""

    rule: ListingRule | None
    look: Look | None
    entries: Callable[[], Sequence[KnownEntry]]
    same: Sequence[tuple[str, str]] = ()  # of the families, for identity keys


def read_source(response: Response, rule: SourceRule, memory: Memory, *, timezone: ZoneInfo, now: datetime) -> Reading:
    """The items of a source's page. Raises ParseError where neither the known rule nor a new one finds its list, and
    where a redirect led to somebody else's.
    """
    if rule.kind == "feed" or (rule.kind == "auto" and looks_like_feed(response)):
        reading = Reading(read_feed(response, timezone=timezone, now=now), None)
    else:
        reading = _read_list(response, rule, memory, timezone, now)
    if _is_strangers(reading.listing, response.url, rule.url, memory):
        raise ParseError(
            f"{rule.url} leads to {response.url}, another site, where nothing is known; "
            "correct the source's url if that is its new home"
        )
    return reading


def _read_list(response: Response, rule: SourceRule, memory: Memory, timezone: ZoneInfo, now: datetime) -> Reading:
    """The rule of the site file comes first, then the one that found the list last.

    Without a rule in the site file the list is induced each time, and the kept rule watches over it: a new rule may add
    a row, not choose another list.
    """
    fresh, empty = _try(response, None, timezone, now) if rule.listing is None else (None, None)
    kept: Listing | None = None
    complaints: list[str] = []
    for known in dict.fromkeys(one for one in (rule.listing, memory.rule) if one is not None):
        induced_again = fresh is not None and fresh.rule == known
        listing, complaint = (fresh, None) if induced_again else _try(response, known, timezone, now)
        if listing is not None:
            complaint = ailment(listing, memory.look, response.url)
            if complaint is None:
                if fresh is not None and not induced_again and _finds_again(fresh, listing, memory.same):
                    listing = fresh
                return Reading(listing, look_at(listing, response.url), "; ".join(complaints) or None)
            kept = kept or listing
        complaints.append(complaint or "")
    if fresh is None and empty is None:
        fresh, empty = _try(response, None, timezone, now)
    today = now.astimezone(timezone).date().isoformat()
    return _settled(response, rule, fresh, empty, kept, complaints, memory, today)


def read_older(response: Response, listing: Listing, *, timezone: ZoneInfo, now: datetime) -> Listing:
    """The page that *listing* names as its next, read as it was, else by a rule of its own where it goes on with it.

    Raises OtherListError where it does not, ParseError for a page without a list: another time it may have one.
    """
    if listing.kind == "feed":
        return read_feed(response, timezone=timezone, now=now)
    try:
        return read_listing(response, listing.rule, timezone=timezone, now=now)
    except ParseError as error:
        older = read_listing(response, None, timezone=timezone, now=now)
        if _goes_on(older.items, listing.items):
            return older
        raise OtherListError(f"{error}; what is found there without it is another list") from error


def _settled(
    response: Response,
    rule: SourceRule,
    fresh: Listing | None,
    empty: str | None,
    kept: Listing | None,
    complaints: Sequence[str],
    memory: Memory,
    today: str,
) -> Reading:
    """The reading of a page on which no known rule finds what it should."""
    said = "; ".join(complaints)
    if kept is not None and (against := _strangers(kept, memory)):
        if fresh is None or _keys(kept, memory.same) >= _keys(fresh, memory.same):
            return _begun_anew(kept, f"{said}; {against}", memory, response.url, today)
        kept = None
    if fresh is None:
        if kept is None:
            # why nothing can be read says more than that a rule finds nothing
            raise ParseError("; ".join(dict.fromkeys((empty or "", *complaints[:1]))))
        return Reading(kept, None, said, is_changed=True)
    if not complaints:
        return Reading(fresh, look_at(fresh, response.url))
    if kept is not None and _keys(kept, memory.same) >= _keys(fresh, memory.same):
        # nothing else is there to be read: the list itself has changed
        return Reading(kept, look_at(kept, response.url), said, is_changed=True)
    against = objection(response, rule, fresh, memory)
    if against is None:
        found = f"{said}; read by {fresh.rule.item!r} from now on" if fresh.rule else said
        return Reading(fresh, look_at(fresh, response.url), found, is_repaired=True)
    if kept is None:
        raise ParseError(f"{said}; {against}; correct the source's url or give it a rule")
    return Reading(kept, None, f"{said}; {against}", is_changed=True)


def _is_strangers(listing: Listing, landed: str, url: str, memory: Memory) -> bool:
    """Whether nothing on a page of another domain than *url*'s is known or ours: a domain may lapse, or be stolen."""
    if domain_of(landed) == domain_of(url) or not (entries := memory.entries()):
        return False
    ours = {domain_of(url), *(domain_of(f"http://{one.uid}") for one in entries)}
    titles = _Titles(item.title for item in listing.items)
    is_known = any(one.title in titles for one in entries)
    return not is_known and not any(domain_of(item.url) in ours for item in listing.items)


def _strangers(kept: Listing, memory: Memory) -> str | None:
    """Why what a known rule finds is a menu rather than the list, changed: no dates, and nothing known."""
    if any(item.published for item in kept.items):
        return None
    entries = memory.entries()
    keys, titles = _keys(kept, memory.same), _Titles(item.title for item in kept.items)
    if not entries or any(one.uid in keys or one.title in titles for one in entries):
        return None
    return f"its rule finds {len(kept.items)} links without dates, none of them known"


def _begun_anew(kept: Listing, said: str, memory: Memory, url: str, today: str) -> Reading:
    """*kept* as the list that began anew, once it was found on BELIEVED_AFTER days. Raises ParseError until then."""
    error = ParseError(f"{said}; correct the source's url or give it a rule")
    look = memory.look
    if look is None or look.dated >= look.items * FAR_FEWER or not _are_articles(kept.items):
        raise error
    keys = _keys(kept, memory.same)
    again = len(keys.intersection(look.doubted)) * 2 >= min(len(keys), len(look.doubted))
    days = sorted({today, *(look.doubted_on if again else ())})
    if len(days) < BELIEVED_AFTER:
        error.look = replace(look, doubted_on=days, doubted=sorted(keys))
        raise error
    found = f"{said}; the same on {' and '.join(days)}: taken for the list, begun anew"
    return Reading(kept, look_at(kept, url), found, is_repaired=True)


def _are_articles(items: Sequence[Item]) -> bool:
    """Whether *items*, without dates, look like articles rather than a menu."""
    lengths = sorted(len(item.title) for item in items)
    return lengths[len(lengths) // 2] >= SHORTEST_TITLE and all(is_article(item.url) for item in items)


def _goes_on(older: Sequence[Item], items: Sequence[Item]) -> bool:
    """Whether the *older* are of the list of *items*: at addresses like theirs, where dated no newer nor far older."""
    dates, before = ([one.published for one in each if one.published] for each in (items, older))
    is_dated = len(dates) >= len(items) * MOSTLY
    if is_dated != (len(before) >= len(older) * MOSTLY):
        return False
    places = {_place(item.url, is_dated) for item in items}
    if sum(_place(item.url, is_dated) in places for item in older) < len(older) * MOSTLY:
        return False
    return not is_dated or min(dates) - PAUSE <= max(before) <= sorted(dates)[len(dates) // 2] + SAME_DAY


def _place(url: str, is_dated: bool) -> str:
    """Where an article stands: its address without numbers, or its folder where no dates tell one list from another."""
    return NUMBER.sub("0", url) if is_dated else url.rpartition("/")[0]


def look_at(listing: Listing, url: str) -> Look:
    """What *listing*, found at *url*, looks like."""
    home = domain_of(url)
    return Look(
        len(listing.items),
        sum(item.published is not None for item in listing.items),
        sum(domain_of(item.url) == home for item in listing.items),
    )


def ailment(listing: Listing, before: Look | None, url: str) -> str | None:
    """What is wrong with *listing* beside the last good look; None where nothing is."""
    if before is None:
        return None
    now = look_at(listing, url)
    if before.items >= FEW and now.items < before.items * FAR_FEWER:
        return f"{url} shows {now.items} items where it had {before.items}"
    if before.items >= FEW and before.dated >= before.items * FAR_FEWER and not now.dated:
        return f"{url} shows no dates where {before.dated} of {before.items} items had one"
    if before.own >= before.items * FAR_FEWER and not now.own:
        return f"{url} links only to other sites where {before.own} of {before.items} items were its own"
    return None


def objection(response: Response, rule: SourceRule, fresh: Listing, memory: Memory) -> str | None:
    """Why *fresh*, found by a new rule, is not this source's list; None where it is."""
    entries = memory.entries()
    keys, titles = _keys(fresh, memory.same), _Titles(item.title for item in fresh.items)
    page_keys, page_titles = _links(response, memory.same)
    on_page = [one for one in entries if one.uid in page_keys or one.title in page_titles]
    if len(on_page) >= ENOUGH:
        again = sum(one.uid in keys or one.title in titles for one in on_page)
        if again >= len(on_page) * REFOUND:
            return None
        return f"a new rule finds only {again} of the {len(on_page)} known entries on the page"
    if domain_of(response.url) != domain_of(rule.url):  # a domain that lapsed shows somebody else's news
        return f"it leads to {response.url}, another site, where nothing is known"
    return _shape_fault(fresh, look_at(fresh, response.url), memory.look, keys, entries, memory.same)


def _shape_fault(
    fresh: Listing,
    look: Look,
    before: Look | None,
    keys: Collection[str],
    entries: Sequence[KnownEntry],
    same: Sequence[tuple[str, str]],
) -> str | None:
    """What a list on which nothing is known lacks to be this source's."""
    lengths = sorted(len(item.title) for item in fresh.items)
    if look.items < ENOUGH or lengths[len(lengths) // 2] < SHORTEST_TITLE:
        return f"a new rule finds nothing like a list of articles ({look.items} links)"
    if len({item.title for item in fresh.items}) < look.items * MOSTLY:
        return "a new rule finds rows that say the same"
    if before is not None and before.dated >= before.items * MOSTLY and look.dated < look.items * MOSTLY:
        return f"a new rule finds a list without dates ({look.dated} of {look.items})"
    if before is not None and before.own >= before.items * MOSTLY and look.own < look.items * FAR_FEWER:
        return "a new rule finds a list of links to other sites"
    newest = max((one.published for one in entries if one.published), default=None)
    known = {one.uid for one in entries} & set(keys)
    dates = [item.published for item in fresh.items if item.published and identity(item.url, same) not in known]
    if newest and dates and sum(date < newest - SAME_DAY for date in dates) > len(dates) / 2:
        return "a new rule finds a list whose articles are older than what is known, yet unknown"
    return None


def moved(
    items: Mapping[str, Item], unknown: Collection[str], entries: Callable[[], Sequence[KnownEntry]]
) -> dict[str, KnownEntry]:
    """The *unknown* ones of *items* that are stored *entries* at a new address: one title, one day, the old one gone.

    Only where most of a page is unknown at once, as after a redesign: on a usual day two articles may share a title.
    Items without a date are told by their title alone, where a good part of the page is told so.
    """
    if len(unknown) < ENOUGH or len(unknown) < len(items) / 2:
        return {}
    left = [one for one in entries() if one.uid not in items]
    found: dict[str, KnownEntry] = {}
    guessed: dict[str, KnownEntry] = {}
    for key in unknown:
        item = items[key]
        title = _Titles([item.title])
        for one in left:
            if one.title not in title:
                continue
            if item.published is None or one.published is None:
                guessed[key] = one
            elif abs(item.published - one.published) <= SAME_DAY:
                found[key] = one
            else:
                continue
            left.remove(one)
            break
    if len(found) + len(guessed) >= max(ENOUGH, len(unknown) / 2):
        found |= guessed
    return found


class _Titles:
    """Titles of a page, some of them cut short."""

    def __init__(self, titles: Iterable[str]) -> None:
        self._whole: set[str] = set()
        self._cut: list[str] = []
        for title in titles:
            if title.rstrip().endswith(ELLIPSIS):
                self._cut.append(_said(title))
            else:
                self._whole.add(_said(title))

    def __contains__(self, title: str) -> bool:
        said = _said(title)
        return said in self._whole or any(len(cut) >= CUT_TITLE and said.startswith(cut) for cut in self._cut)


def _said(title: str) -> str:
    """The letters and digits of *title*, alike however they are typed."""
    return NOT_SAID.sub("", unicodedata.normalize("NFKC", title)).casefold()


def _try(
    response: Response, rule: ListingRule | None, timezone: ZoneInfo, now: datetime
) -> tuple[Listing | None, str | None]:
    try:
        return read_listing(response, rule, timezone=timezone, now=now), None
    except ParseError as error:
        return None, str(error)


def _finds_again(fresh: Listing, kept: Listing, same: Sequence[tuple[str, str]]) -> bool:
    before = _keys(kept, same)
    return len(before & _keys(fresh, same)) >= len(before) * REFOUND


def _keys(listing: Listing, same: Sequence[tuple[str, str]]) -> set[str]:
    return {identity(item.url, same) for item in listing.items}


def _links(response: Response, same: Sequence[tuple[str, str]]) -> tuple[set[str], _Titles]:
    """The identity keys of all that a page links, and the titles it gives them."""
    tree = parse(decode(response.body, response.content_type))
    base = base_of(tree, response.url)
    links = tree.css("a[href]")
    keys = {identity(url, same) for link in links if (url := absolute(link.attributes.get("href"), base))}
    texts = [text for link in links for text in (link.attributes.get("title"), link.text()) if text and text.strip()]
    return keys, _Titles(texts)
