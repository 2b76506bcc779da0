"""When an article is looked at again after it was first read. Pure: a Watch and a time in, the next Watch out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.model import Trace, Watch

# publishers mend most of what they mend within hours; what is removed later is removed within days or for a campaign
STEPS: Sequence[timedelta] = (
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=30),
)
# servers that answer 304 whatever happened are not asked with validators at these
WHOLE_AT = (2, 5)
# a page that is not found once may be so for a webmaster's slip
MISSING_FOR = timedelta(days=1)
# a page that is asked twice at once may answer from two copies, the older of which is about to go: what is another
# text still is one so much later
LASTING = timedelta(hours=1)
# a text that was there so recently, or that came and went, is one of several that take turns until it has stood so long
FLAPPING = timedelta(days=7)
FIRST_RETRY, LONGEST_RETRY = timedelta(hours=1), timedelta(days=1)
MOST_TRIES = 5  # until a step is done without


def begun(entry_id: int, source_id: int, seen_at: datetime, trace: Trace) -> Watch:
    """The Watch of an entry first seen at *seen_at*. What a feed carries is seen at each poll: its page need not be."""
    step = len(STEPS) - 1 if trace.kind == "feed" else 0
    return Watch(
        entry_id=entry_id,
        source_id=source_id,
        since=seen_at,
        step=step,
        due_at=seen_at + STEPS[step],
        tries=0,
        kind=trace.kind,
        etag=trace.validators.etag,
        last_modified=trace.validators.last_modified,
        body_hash=trace.body_hash,
        title=trace.title,
        published=trace.published,
        precision=trace.precision,
        files=trace.files,
        listed_title=trace.listed_title,
        is_unlisted=False,
        missing_at=None,
        missing_by=None,
        passing=(),
        is_untold=False,
        doubt=(),
        doubted_at=None,
    )


def is_regular(watch: Watch) -> bool:
    """Whether a look is due for no other reason than that time has passed, and may ask for news only."""
    due_at = watch.since + STEPS[watch.step]
    return watch.step not in WHOLE_AT and watch.due_at >= due_at and watch.missing_at is None


def onward(watch: Watch, now: datetime) -> Watch | None:
    """*watch* after a look at *now* that found the article; None: that was the last one."""
    step = watch.step
    while step < len(STEPS) and watch.since + STEPS[step] <= now:
        step += 1
    if step == len(STEPS):
        return None
    due_at = watch.since + STEPS[step]
    return replace(watch, step=step, due_at=due_at, tries=0, missing_at=None, missing_by=None)


def later(watch: Watch, now: datetime, wait: timedelta = timedelta(0)) -> Watch | None:
    """*watch* after a look that told nothing, where the server wants to be left alone for *wait*."""
    tries = watch.tries + 1
    if tries > MOST_TRIES:
        return onward(watch, now)
    pause = min(FIRST_RETRY * 2 ** (tries - 1), LONGEST_RETRY)
    return replace(watch, tries=tries, due_at=now + max(pause, wait))


def missed(watch: Watch, now: datetime, how: str) -> tuple[Watch | None, bool]:
    """*watch* after a look that did not find the article, and whether it is removed for sure: 410 says so at once."""
    since = watch.missing_at or now
    if how == "410" or now - since >= MISSING_FOR:
        # it may come back: looked at from now on as if it were new, but for the first hours
        anew = replace(watch, since=now, step=2, missing_at=None, etag=None, last_modified=None, body_hash=None)
        return onward(anew, now), True
    return replace(watch, missing_at=since, missing_by=how, tries=0, due_at=since + MISSING_FOR), False
