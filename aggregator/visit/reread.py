"""An article as it was kept and as it is read again, side by side: Told of each, the entry and the Watch from then on.

Pure: knows no network, no store and no clock.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.classify.revise import Difference, file_key, state_of, unsigned
from aggregator.classify.tag import Tagger
from aggregator.model import (
    Article,
    Attachment,
    Change,
    FullEntry,
    Item,
    Looked,
    NewEntry,
    Site,
    SourceRule,
    Told,
    Watch,
    Watched,
)
from aggregator.visit.compose import entry_of
from aggregator.visit.looks import FLAPPING, LASTING, onward

# when feeds may tell of a change that came too soon after another one
UNTOLD_PAUSE = timedelta(days=1)
CUT = ("...", "…")
PASSING_KEPT = 100  # marks


def told_before(entry: FullEntry, watch: Watch) -> Told:
    """What an article said at the last look: its text stands in the *entry*, the rest as the page said it."""
    return Told(
        watch.title or "",
        watch.published,
        watch.precision,
        entry.html,
        entry.text,
        tuple(watch.files),
        entry.images,
    )


def told_by(article: Article) -> Told:
    files = tuple(map(file_key, article.attachments))
    return Told(
        article.title or "", article.published, article.precision, article.html, article.text, files, article.images
    )


def said_by(watch: Watch, told: Told, what: tuple[str, ...] = ("title", "date", "attachments")) -> Watch:
    """*watch* that remembers *what* of *told* the next look is compared with."""
    if "title" in what:
        watch = replace(watch, title=told.title or watch.title)
    if "date" in what:
        watch = replace(watch, published=told.published, precision=told.precision)
    if "attachments" in what:
        watch = replace(watch, files=told.files)
    return watch


def after(
    watch: Watch, now: datetime, then: Watch | None, changes: tuple[Change, ...] = (), new: NewEntry | None = None
) -> Looked:
    """The look at *now*, *then* being the Watch that it leaves, None where it was the last one."""
    if then is None and (watch.is_untold or any(change.matters for change in changes)):
        then = replace(watch, due_at=now + UNTOLD_PAUSE, missing_at=None, missing_by=None)
    return Looked(watch.entry_id, now, then, changes, new)


def unchanged(watch: Watch, now: datetime, removed_at: datetime | None) -> Looked:
    """The look at an article that is what it was; one that was removed is back."""
    return after(watch, now, onward(watch, now), (Change("restored"),) if removed_at else ())


def passed(watch: Watch, marks: Iterable[str] = ()) -> Watch:
    """*watch* after a look that did not find the change that was in doubt, or one that had *marks* and is no change."""
    new = [mark for mark in (*watch.doubt, *sorted(marks)) if mark not in watch.passing]
    if not new and not watch.doubt:
        return watch
    return replace(watch, passing=(*watch.passing, *new)[-PASSING_KEPT:], doubt=(), doubted_at=None)


def weighed(
    watch: Watch, found: Difference, now: datetime, *, is_told: bool, was_left: bool
) -> tuple[Watch, Difference | None]:
    """*watch* after a look that *found* a change, and what of it is sure; None: it is in doubt until it has lasted.

    *is_told*: its publisher says that it is one; *was_left*: it leads back to a text that the article had lately. What
    else came meanwhile is in doubt from now on.
    """
    if is_told and not was_left and not found.marks.intersection(watch.passing):
        return replace(watch, doubt=(), doubted_at=None), found
    lasting = found.only(watch.doubt)
    if lasting is None or watch.doubted_at is None:
        return replace(passed(watch), doubt=sorted(found.marks), doubted_at=now), None
    takes_turns = was_left or lasting.marks.issubset(watch.passing)
    if now - watch.doubted_at < (FLAPPING if takes_turns else LASTING):
        return watch, None
    rest = sorted(mark for mark in found.marks if not mark.startswith(lasting.what))
    return replace(watch, doubt=rest, doubted_at=now if rest else None), lasting


def doubted(watch: Watch, then: Watch, now: datetime) -> Watch | None:
    """The Watch after a look that leaves *then*, a change being in doubt; None: that was the last one.

    A doubt that takes the place of another, as on a page that is another one each day, is worth no look of its own.
    """
    if not watch.doubt:
        return replace(then, due_at=now + LASTING, tries=0, missing_at=None, missing_by=None)
    following = onward(then, now)
    if then.doubted_at is None or then.doubted_at != watch.doubted_at:
        return following
    lasts_at = max(then.doubted_at + FLAPPING, now + LASTING)
    if following is not None and following.due_at <= lasts_at:
        return following
    return replace(following or then, due_at=lasts_at, tries=0, missing_at=None, missing_by=None)


def as_sure(article: Article, entry: FullEntry, found: Difference, sure: Difference) -> Article:
    """*article* with the text of *entry* where another one was *found* that is not *sure* yet."""
    if "body" not in found.what or "body" in sure.what or "pictures" in sure.what:
        return article
    return replace(article, html=entry.html, text=entry.text, images=entry.images)


def edited(before: Told, found: Difference) -> Change:
    return Change("edited", found.what, found.words, found.matters, state_of(before))


def title_now(entry: FullEntry, watch: Watch, told: Told, *, is_new: bool) -> str:
    """The entry's title, where its page has a new one or is read for the first time; see visit/compose.py."""
    if not is_new:
        return told.title if told.title and entry.title.rstrip().endswith(CUT) else entry.title
    listed = watch.listed_title.rstrip()
    return listed if listed and listed != entry.title and not listed.endswith(CUT) else told.title


def entry_now(
    one: Watched,
    entry: FullEntry,
    article: Article,
    title: str,
    site: Site,
    rule: SourceRule,
    tagger: Tagger,
    *,
    is_dated: bool,
) -> NewEntry:
    """What *entry* says from now on; another date only if *is_dated*."""
    there, before = {file.url for file in article.attachments}, unsigned(one.watch.files)
    # the lengths of those that stay, and those that the feed or list names beside the page
    files = (file for file in entry.attachments if file.url in there or before.isdisjoint(_keys(file)))
    item = Item(
        entry.url,
        title,
        entry.published,
        entry.precision,
        author=entry.author,
        tags=entry.keywords,
        attachments=tuple(files),
    )
    new = entry_of(one.uid, item, article, site, rule, tagger, seen_at=entry.seen_at, host=None)
    new = replace(new, title=title, atom_id=entry.atom_id)
    return new if is_dated else replace(new, published=entry.published, precision=entry.precision)


def _keys(file: Attachment) -> set[str]:
    """By which a page may have named *file*, whose length may have been asked for since."""
    return unsigned([file_key(file), file_key(replace(file, length=None))])
