"""What a list or feed that was just read says of articles that are known: new texts, and pages to be looked at at once.

Reads the store and no page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from aggregator.classify.revise import compare, is_cut, is_other_title, state_of
from aggregator.classify.tag import Tagger
from aggregator.model import Change, Glance, Item, Looked, Site, Source, SourceRule, Watched
from aggregator.store import Store
from aggregator.visit.bring import is_on_page
from aggregator.visit.compose import article_of, digest_of
from aggregator.visit.looks import FLAPPING
from aggregator.visit.reread import as_sure, edited, entry_now, passed, said_by, told_before, told_by, weighed

# entries behind those on a page of a list that may have stood between them
BETWEEN = 20
# the part of a list that must be known for what it lacks to say something
ENOUGH_KNOWN = 0.5


def heard(
    store: Store,
    source: Source,
    site: Site,
    rule: SourceRule,
    items: Mapping[str, Item],
    tagger: Callable[[], Tagger],
    now: datetime,
) -> tuple[Looked, ...]:
    """What *items*, by their identity keys as the page shows them, say of known articles of *source*.

    One that has another title there, or that is missing between others, is due at once.
    """
    if source.recheck_at is None:
        return ()
    newest = store.rechecks.newest(source.id or 0, len(items) + BETWEEN)
    there = {one.entry_id: items[one.uid] for one in newest if one.uid in items}
    missing = _missing(newest, items)
    # most are as they were: only the others are worth reading whole
    telling = [one.entry_id for one in newest if one.entry_id in there and _is_telling(one, there[one.entry_id])]
    found: list[Looked] = []
    for one in store.rechecks.of([*missing, *telling]) if missing or telling else ():
        item = there.get(one.watch.entry_id)
        if item is None:
            found.append(_due(one, now, is_unlisted=True))
        elif one.watch.kind == "feed":
            found += _told(store, one, item, site, rule, tagger, now)
        elif _is_renamed(item, one.watch.listed_title, one.entry_title):
            found.append(_due(one, now, listed_title=item.title))
        else:
            found.append(_due(one, now, is_unlisted=False))
    return tuple(found)


def _missing(newest: Sequence[Glance], items: Mapping[str, Item]) -> list[int]:
    """The entries that are missing between others, unless that is known."""
    known = {one.uid: one.entry_id for one in newest if one.uid in items}
    # the list's lower end: at its upper one old articles may be pinned
    lowest = next((known[key] for key in reversed(list(items)) if key in known), None)
    span = [one for one in newest if lowest is not None and one.entry_id >= lowest]
    if len(known) < len(span) * ENOUGH_KNOWN:
        return []
    return [one.entry_id for one in span if one.uid not in items and not one.is_unlisted and not one.is_removed]


def _is_telling(one: Glance, item: Item) -> bool:
    """Whether *item* may say anything of its entry that is not known."""
    if one.kind == "feed":
        return one.is_unlisted or one.is_removed or not one.is_settled or digest_of(item) != one.body_hash
    return one.is_unlisted or _is_renamed(item, one.listed_title, one.entry_title)


def _is_renamed(item: Item, listed_title: str, entry_title: str) -> bool:
    return is_other_title(item.title, listed_title) and is_other_title(item.title, entry_title)


def _due(one: Watched, now: datetime, **said: object) -> Looked:
    """Its page is to be looked at now."""
    return Looked(one.watch.entry_id, now, replace(one.watch, due_at=now, **said))  # type: ignore[arg-type]


def _told(
    store: Store,
    one: Watched,
    item: Item,
    site: Site,
    rule: SourceRule,
    tagger: Callable[[], Tagger],
    now: datetime,
) -> list[Looked]:
    """What the feed that carries an article says of it, if it is not what it said."""
    watch = replace(one.watch, is_unlisted=False, missing_at=None, missing_by=None)
    changes = (Change("restored"),) if one.removed_at else ()
    if watch.body_hash is None and item.html is None and is_on_page(rule):  # the feed does not carry it after all
        return [Looked(watch.entry_id, now, replace(watch, kind="page", due_at=now), changes)]
    digest = digest_of(item)
    entry = store.revisions.whole(watch.entry_id) if digest != watch.body_hash else None
    if entry is None:
        watch = passed(watch)
        return [Looked(watch.entry_id, now, watch, changes)] if changes or watch != one.watch else []
    article = article_of(item)
    before, told = told_before(entry, watch), told_by(article)
    if is_cut(before, told):  # the feed tells less of it now, which is no change of the article
        article = replace(article, html=entry.html, text=entry.text, images=entry.images, attachments=entry.attachments)
        told = replace(before, title=told.title, published=told.published, precision=told.precision)
    found = compare(before, told)
    if found is None:
        return [Looked(watch.entry_id, now, replace(passed(said_by(watch, told)), body_hash=digest), changes)]
    was_left = state_of(told) in store.revisions.states(watch.entry_id, now - FLAPPING)
    # a text alone may be one of several that take turns
    is_told = "title" in found.what or (item.updated is not None and entry.updated < item.updated <= now)
    watch, sure = weighed(watch, found, now, is_told=is_told, was_left=was_left)
    if sure is None:
        return [Looked(watch.entry_id, now, watch, changes)]
    title = item.title if "title" in sure.what else entry.title
    article = as_sure(article, entry, found, sure)
    article = replace(article, attachments=(*article.attachments, *item.attachments))  # the feed names them itself
    new = entry_now(one, entry, article, title, site, rule, tagger(), is_dated="date" in sure.what)
    said = replace(said_by(watch, told, sure.what), body_hash=watch.body_hash if watch.doubt else digest)
    return [Looked(watch.entry_id, now, said, (*changes, edited(before, sure)), new)]
