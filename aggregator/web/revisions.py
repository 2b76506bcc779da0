"""What publishers changed and removed: a list of all of it, the differences of one entry, and a feed.

Endpoints of the pages' and of the feeds' blueprint. Knows no HTML: what a page looks like stands in templates/.
"""

from dataclasses import dataclass
from functools import lru_cache

from flask import Response, render_template, request
from flask_babel import force_locale, lazy_gettext, ngettext
from flask_babel import gettext as _

from aggregator.classify.difference import Piece, differences
from aggregator.errors import NotFound
from aggregator.model import Attachment, Note, Past
from aggregator.publish import FORMATS, wire
from aggregator.store.feeds import StoredFeed
from aggregator.web import feeds, pages
from aggregator.web.asking import number_before
from aggregator.web.machines import published
from aggregator.web.service import address, service
from aggregator.web.stored import kept_until_news, until_news
from aggregator.web.subject import Subject, host

blueprint = pages.blueprint

LIST_LENGTH, STATIC_LENGTH = 30, 200  # files have no further pages
FEED_LENGTH = 50
REMEMBERED = 20_000  # characters

KINDS = {
    "edited": lazy_gettext("改动"),
    "removed": lazy_gettext("原文已删除"),
    "restored": lazy_gettext("原文已恢复"),
}
PARTS = {
    "title": lazy_gettext("标题"),
    "date": lazy_gettext("日期"),
    "body": lazy_gettext("正文"),
    "attachments": lazy_gettext("附件"),
    "pictures": lazy_gettext("图片"),
}
REMOVALS = {
    "410": lazy_gettext("网站声明页面已永久撤下"),
    "404": lazy_gettext("页面已不存在"),
    "home": lazy_gettext("页面跳转到首页"),
    "notice": lazy_gettext("页面提示内容不存在"),
    "list": lazy_gettext("列表和页面上都已没有"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A revision with its differences; each is empty where there is none."""

    past: Past
    title: list[Piece]
    text: list[Piece]
    gone: list[Attachment]
    come: list[Attachment]

    @classmethod
    def of(cls, past: Past) -> "Shown":
        before, after = past.before, past.after
        urls = [{file.url for file in version.attachments} for version in (after, before)]
        return cls(
            past,
            differences(before.title, after.title),
            _between(before.text, after.text),
            [file for file in before.attachments if file.url not in urls[0]],
            [file for file in after.attachments if file.url not in urls[1]],
        )


def _between(before: str, after: str) -> list[Piece]:
    """The differences of two texts; those of usual length are remembered, since feeds show them again and again."""
    is_long = len(before) + len(after) > REMEMBERED
    return differences(before, after) if is_long else _remembered(before, after)


_remembered = lru_cache(maxsize=200)(differences)


def told_of(past: Past) -> str:
    """What became of the entry, in a line: ``改动：标题、正文（12 字）``."""
    kind = str(KINDS[past.kind])
    names = [str(REMOVALS[name] if past.kind == "removed" else PARTS[name]) for name in past.what]
    told = _("%(kind)s：%(what)s", kind=kind, what=_("、").join(names)) if names else kind
    if past.words:
        told += ngettext("（%(num)s 字）", "（%(num)s 字）", past.words)
    return told


@blueprint.get("/revisions/")
@kept_until_news
def revisions() -> str:
    """The newest revisions of all entries; ``?before=`` the number of one: those before it."""
    here = service()
    length = STATIC_LENGTH if here.is_static else LIST_LENGTH
    found = here.store.revisions.newest(length + 1, number_before())
    older = found[length - 1].id if len(found) > length and not here.is_static else None
    return render_template(
        "revisions.html", revisions=found[:length], older=older, is_first="before" not in request.args
    )


@blueprint.get("/entries/<slug>/revisions/")
@kept_until_news
def history(slug: str) -> str:
    """What became of an entry, with the differences."""
    here = service()
    found = here.store.entries.by_slug(slug)
    shown = [Shown.of(past) for past in here.store.revisions.of(found)]
    if not shown:
        raise NotFound(f"entry {slug} has no revisions")
    return render_template("history.html", entry=found, revisions=shown)


@feeds.blueprint.get("/revisions.<format:extension>", endpoint="revisions")
def feed(extension: str) -> Response:
    """The newest revisions of all entries, each with its differences."""
    here = service()
    site, promise = here.settings.site, until_news()
    with force_locale(site.language):
        title = f"{_('修订与删除')} · {site.name}"
        subtitle = _("各高校改动、删除过的新闻")
        subject = Subject("feeds.revisions", "pages.revisions", title, subtitle, is_lasting=False)
        notes = [_note(past) for past in here.store.revisions.newest(FEED_LENGTH)]
    info = subject.info(
        extension,
        subject.address(extension),
        max((note.updated for note in notes), default=None),
        id=f"tag:{host()},2026:feed:/revisions/",
    )
    chosen = FORMATS[extension]
    return published(StoredFeed.made(chosen.media_type, chosen.render(info, notes), here.now()), promise)


def _note(past: Past) -> Note:
    return Note(
        id=f"tag:{host()},2026:revision:{past.id}",
        title=f"{wire.title(past.entry)}（{KINDS[past.kind]}）",
        url=address("pages.history", slug=past.entry.slug),
        author=wire.source_title(past.entry.source),
        published=past.seen_at,
        updated=past.seen_at,
        text=told_of(past),
        html=render_template("revision_feed.html", shown=Shown.of(past)) if past.kind == "edited" else "",
    )
