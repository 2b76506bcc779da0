"""The pages of stories: each with all who tell it, and all stories in a list, told once.

Knows no HTML: what a page looks like stands in templates/.
"""

from datetime import timedelta

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from aggregator.model import FullEntry
from aggregator.store.storylist import newest_stories
from aggregator.web import pages
from aggregator.web.asking import number_before
from aggregator.web.pages import COVERED_DAYS, midnight
from aggregator.web.service import service
from aggregator.web.stored import kept_until_news

blueprint = pages.blueprint

LIST_LENGTH, STATIC_LENGTH = 30, 200  # files have no further pages
MOST_COVERED = 10


@blueprint.get("/stories/")
@kept_until_news
def stories() -> str:
    """What most universities told lately, then all stories, the one known last first; ``?before=`` the place of one."""
    here = service()
    length = STATIC_LENGTH if here.is_static else LIST_LENGTH
    before = number_before()
    found = newest_stories(here.store, length + 1, before=before)
    listed = found[:length]
    most_covered = _most_covered() if before is None else []
    above = {one.id for one in most_covered}
    return render_template(
        "stories.html",
        most_covered=most_covered,
        stories=here.store.entries.of([story.first_id for _, story in listed if story.first_id not in above]),
        older=listed[-1][0] if len(found) > length and not here.is_static else None,
        is_first="before" not in request.args,
    )


def _most_covered() -> list[FullEntry]:
    here = service()
    since, until = midnight(here.today) - COVERED_DAYS, midnight(here.today + timedelta(days=1))
    return [first for first, _ in here.store.stories.most_covered(since, until, MOST_COVERED)]


@blueprint.get("/stories/<key>/")
@kept_until_news
def story(key: str) -> str | BaseResponse:
    """All who tell a story. What is none any more is the entry that it began with."""
    found = service().store.stories.whole(key)
    if not found.entries:
        return redirect(url_for("pages.entry", slug=found.key), 302)
    if found.key != key:
        return redirect(url_for("pages.story", key=found.key), 301)
    return render_template("story.html", entries=found.entries, story=found.entries[0].story)
