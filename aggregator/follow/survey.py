"""A site of the catalogue in; what a look at each of its sources found, and a corrected site file, out.

The walk: fetch -> read_source (heal) -> is it a list of news? -> one article -> where it is no list any more, the
columns that its host and its home page lead to (follow). Stores nothing and writes nothing.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher, unified_diff
from functools import partial
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from aggregator.errors import ParseError, RuleError, SourceError
from aggregator.follow.catalogue import Catalogue
from aggregator.follow.explore import LIKELY, Find, explore, worth_of
from aggregator.gather.article import read_article
from aggregator.gather.fetch import Fetcher
from aggregator.identity import identity
from aggregator.model import Checked, Item, Listing, Response, Site, SourceRule
from aggregator.rules import read_site
from aggregator.rules.files import RuleFile, parsed
from aggregator.rules.write import site_toml, toml_value
from aggregator.visit.bring import apart
from aggregator.visit.diagnose import fault_of, strangeness
from aggregator.visit.heal import Memory, Reading, read_source

log = logging.getLogger(__name__)

TRIED = 3  # articles, until one is read
STALE = timedelta(days=400)
# what may stand elsewhere, or be read otherwise, now
LOST = {"moved", "gone", "redesigned", "empty", "shape"}
ALIKE = 0.6  # of the titles of a column, then and now
# columns that go by several names
KINDS = tuple(map(re.compile, ("要闻|新闻|快讯", "通知|公告|通告|公示", "招生", "学术|讲座|报告", "教务|教学", "科研")))
# blank lines and comments that belong to what comes next
TRAILING = re.compile(r"(?:\n[ \t]*(?:#[^\n]*)?)+\Z")
MOST_NEW = 3  # sources for a university that had none


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at *source* found. *url* is where its list stands now, None: where it stood, or nobody knows.

    *is_rule_void*: its own rule for the list finds nothing, general reading does.
    """

    source: SourceRule
    checked: Checked
    url: str | None = None
    is_rule_void: bool = False


class Survey:
    """Looks at one site after the other; *today* is the day that is written down."""

    def __init__(self, fetcher: Fetcher, catalogue: Catalogue, now: datetime, today: date) -> None:
        self._fetcher = fetcher
        self._catalogue = catalogue
        self._same = tuple(pair for family in catalogue.families.values() for pair in family.same)
        self._now = now
        self._today = today

    async def look(self, site: Site, sources: Sequence[SourceRule]) -> list[Seen]:
        """What is found of *sources* of *site*; of one without sources, those that its home page offers."""
        try:
            return await (self._known(site, sources) if site.sources else self._first(site))
        except Exception as error:  # a fault of ours: one university must not cost the others
            log.exception("site=%s fault of the program", site.name)
            looked_at = sources or [SourceRule(site.name, site.university, site.home or "")]
            return [Seen(one, Checked(self._today, "program", _sentence(error))) for one in looked_at]

    async def _known(self, site: Site, sources: Sequence[SourceRule]) -> list[Seen]:
        seen = [await self._source(site, source) for source in sources]
        finds: dict[str, list[Find]] = {}
        taken = {identity(one.url, self._same) for one in site.sources}
        for number, one in enumerate(seen):
            if one.checked.found in LOST and one.url is None and not one.is_rule_void:
                place = await self._elsewhere(site, one.source, finds, taken)
                if place:
                    taken.add(identity(place.url, self._same))
                    said = f"{one.checked.proof}; found at {place.url}: {_told(place.listing, site.timezone)}"
                    seen[number] = replace(one, checked=replace(one.checked, found="moved", proof=said), url=place.url)
        return seen

    async def _source(self, site: Site, source: SourceRule) -> Seen:
        try:
            response = await self._fetcher.fetch(source.url, allowance=source.allowance)
            reading = await self._read(response, site, source)
        except SourceError as error:
            return Seen(source, Checked(self._today, fault_of(error, source.url), _sentence(error)))
        listing, said = reading.listing, _told(reading.listing, site.timezone)
        fault = strangeness(
            source.url, response, listing.items, is_changed=reading.is_changed, had_items=False, tried=0, unread=0
        )
        if fault is None and worth_of(listing, response.url, self._now) < LIKELY:
            fault, said = "redesigned", f"what is found there is hardly its list: {said}"
        if fault:
            return Seen(source, Checked(self._today, fault, reading.note or said))
        newest = max((item.published for item in listing.items if item.published), default=self._now)
        if self._now - newest > STALE:
            return Seen(source, Checked(self._today, "stale", said))
        article, unread = await self._article(site, source, listing.items)
        if unread:
            return Seen(source, Checked(self._today, "articles", f"{said}; {unread}"))
        if reading.is_repaired:
            note = f"its rule finds nothing, general reading does: {said}{article}"
            return Seen(source, Checked(self._today, "redesigned", note), is_rule_void=True)
        return Seen(source, Checked(self._today, "working", said + article), url=response.moved_to)

    async def _read(self, response: Response, site: Site, source: SourceRule) -> Reading:
        memory = Memory(None, None, tuple, self._same)
        read = partial(read_source, response, source, memory, timezone=site.timezone, now=self._now)
        try:
            return await apart(read, response)
        except ParseError as error:
            error.response = response  # it tells why
            raise

    async def _article(self, site: Site, source: SourceRule, items: Sequence[Item]) -> tuple[str, str]:
        """(what the first article that can be read is like, why none of those tried can be)."""
        if source.article is not None and not source.article.full_text:
            return "", ""
        why = ""
        for item in [one for one in items if one.html is None][:TRIED]:
            try:
                response = await self._fetcher.fetch(item.url, allowance=source.allowance)
                families = tuple(self._catalogue.families.values())
                read = partial(read_article, response, source.article, families, timezone=site.timezone, now=self._now)
                article = await apart(partial(read, family=source.family), response)
            except SourceError as error:
                why = _sentence(error)
            else:
                return f"; an article of {len(article.text)} characters", ""
        return "", why

    async def _elsewhere(
        self, site: Site, source: SourceRule, finds: dict[str, list[Find]], taken: set[str]
    ) -> Find | None:
        """The column that *source* most likely is now, of those that its host, else its university's home, leads to."""
        for place in dict.fromkeys((urljoin(source.url, "/"), site.home or urljoin(source.url, "/"))):
            if place not in finds:
                finds[place] = await self._finds(site, place)
            free = [one for one in finds[place] if identity(one.url, self._same) not in taken]
            found = max(free, key=lambda one: _likeness(source, site, one.title), default=None)
            if found and _likeness(source, site, found.title) >= ALIKE:
                return found
        return None

    async def _finds(self, site: Site, url: str) -> list[Find]:
        try:
            explored = await explore(self._fetcher, url, self._catalogue, timezone=site.timezone, now=self._now)
        except SourceError:
            return []  # what is wrong with the source itself has been said
        return [one for one in explored.finds if one.worth >= LIKELY and one.how != "here"]

    async def _first(self, site: Site) -> list[Seen]:
        """Sources for a site that has none; what is wrong with its home page where it leads to none."""
        home = site.home or ""
        try:
            explored = await explore(self._fetcher, home, self._catalogue, timezone=site.timezone, now=self._now)
        except SourceError as error:
            nothing = SourceRule(site.name, site.university, home)
            return [Seen(nothing, Checked(self._today, fault_of(error, home), _sentence(error)))]
        found: list[Seen] = []
        for find in [one for one in explored.finds if one.worth >= LIKELY][:MOST_NEW]:
            name = f"{site.name}-{len(found) + 1}"
            source = SourceRule(name, f"{site.university}{find.title}", find.url, find.listing.kind)
            found.append(
                Seen(
                    source, Checked(self._today, "working", f"new: {_told(find.listing, site.timezone)}"), url=find.url
                )
            )
        none = Checked(self._today, "empty", f"{home} leads to no list of news")
        return found or [Seen(SourceRule(site.name, site.university, home), none)]


def corrected(file: RuleFile, seen: Sequence[Seen], checks: Mapping[str, Checked]) -> str:
    """The text of a site's *file* as what was *seen* says that it should be; *checks* are of all its sources.

    Comments stay. A file that is written in an unusual way is written anew.
    """
    site = read_site(file.name, file.parsed(), file.origin)
    by_name = {one.source.name: one for one in seen}
    there = [_right(source, by_name.get(source.name)) for source in site.sources]
    new = [] if site.sources else [one.source for one in seen if one.checked.found == "working"]
    wanted = _proved(
        replace(site, sources=(*there, *new)), {**checks, **{one.source.name: one.checked for one in seen}}
    )
    if wanted == site:
        return file.text
    text = file.text
    for one in seen:
        text = _edited(text, one)
    text = _headed(text, wanted)
    return text if _site_in(text, file) == wanted else site_toml(wanted)


def difference(file: RuleFile, text: str) -> str:
    """What makes *text* of *file*, as a unified diff from the root of the program's sources, or of the instance's."""
    path = f"{'instance' if file.is_own else 'aggregator/rules'}/sites/{file.name}.toml"
    before, after = file.text.splitlines(keepends=True), text.splitlines(keepends=True)
    return "".join(unified_diff(before, after, f"a/{path}", f"b/{path}"))


def _site_in(text: str, file: RuleFile) -> Site | None:
    """The site that *text* in the place of *file*'s would be; None where it would be none."""
    try:
        return read_site(file.name, parsed(text, file.origin), file.origin)
    except RuleError:
        return None


def _right(source: SourceRule, seen: Seen | None) -> SourceRule:
    if seen is None:
        return source
    return replace(source, url=seen.url or source.url, listing=None if seen.is_rule_void else source.listing)


def _proved(site: Site, checks: Mapping[str, Checked]) -> Site:
    """*site* with day and proof of what works."""
    working = [checks[one.name] for one in site.sources if one.name in checks and checks[one.name].found == "working"]
    if not working:
        return site
    newest = max(working, key=lambda one: one.day)
    return replace(site, checked=newest.day, proof=newest.proof)


def _edited(text: str, seen: Seen) -> str:
    """*text* with the address, and without the rule, of one source changed."""
    blocks = re.split(r"(?m)^(?=\[\[source\]\])", text)
    for number, block in enumerate(blocks):
        if f"name = {toml_value(seen.source.name)}\n" not in block:
            continue
        if seen.url:
            block = _set(block, "url", seen.url)
        if seen.is_rule_void:
            block = re.sub(r"(?ms)^\[source\.listing\]\n.*?(?=^\[|\Z)", "", block)
        blocks[number] = block
    return "".join(blocks)


def _headed(text: str, site: Site) -> str:
    """*text* with day and proof as *site* has them."""
    head, bracket, rest = text.partition("\n[")
    for key, value in (("checked", str(site.checked or "never")), ("proof", site.proof)):
        if re.search(rf"(?m)^{key} = ", head):
            head = _set(head, key, value)
        elif value:
            keys = TRAILING.sub("", head)
            head = f"{keys}\n{key} = {toml_value(value)}{head[len(keys) :]}"
    return head + bracket + rest


def _set(text: str, key: str, value: str) -> str:
    """*text* with *value* in the first line that gives *key* one."""
    line = f"{key} = {toml_value(value)}".replace("\\", r"\\")
    return re.sub(rf"(?m)^{key} = .*$", line, text, count=1)


def _likeness(source: SourceRule, site: Site, title: str) -> float:
    """How surely a column called *title* is *source*: of one kind, and called alike."""
    was = source.title.replace(site.university, "")
    one = any(kind.search(was) and kind.search(title) for kind in KINDS)
    return max(ALIKE if one else 0.0, SequenceMatcher(None, was, title).ratio())


def _told(listing: Listing, timezone: ZoneInfo) -> str:
    dates = [item.published for item in listing.items if item.published]
    newest = f", newest {max(dates).astimezone(timezone).date()}" if dates else ""
    return f"{listing.kind} of {len(listing.items)} items, {len(dates)} dated{newest}"


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
