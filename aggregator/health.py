"""What a source's row and polls say of it. Pure: rows and a time in, a verdict with its reason out.

    off, new      not followed; not polled yet
    working       read, with news as often as ever
    quiet         read, silent for longer than most of its silences
    stale         read, silent for far longer than it ever was: look whether the column is still kept
    failing       fewer than BROKEN_AFTER polls in a row met a fault: weather
    broken        it will not mend itself; *cause* and *reason* say what to do
    gone          the publisher says so (410)

``judged`` finds out with each visit whether a break begins or ends; who is told of it, and when, stands in alert.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast, get_args

from aggregator.model import Begun, Break, Fault, Poll, Silence, Source, Visit
from aggregator.visit.rhythm import WorkingHours, after_term, longest_gap

State = Literal["off", "new", "working", "quiet", "stale", "failing", "broken", "gone"]

# polls in a row that meet a fault before a person should look
BROKEN_AFTER = 3
# a fault of shape lasting so many polls is how the list is from now on
ACCUSTOMED_AFTER = 40
# a silence so many times the longest one of the page is no accident. The longest of 15 silences of a steady source
# (Poisson) is 3.3 times the mean one, and in one page of twenty only 1.7 times: 4 times that is met once in a thousand
# silences
STALE_GAPS = 4.0
# days of term: no source is called stale sooner (exams, a week of snow), none must be silent for longer to be called so
STALE_FIRST, STALE_LAST = 21.0, 365.0
# of a source whose page says too little of its rhythm
STALE_UNKNOWN = 120.0
QUIET_FIRST = 7.0

ADVICE: dict[Fault, str] = {
    "moved": "find the page's new address and correct the source's url",
    "gone": "remove the source, or find where its news are now",
    "redesigned": "open the page; correct the source's url or give it a rule ([source.listing])",
    "empty": "open the page; if it shows a list, its script makes it: look for another page or a feed",
    "shape": "open the page and compare it with the last good response; correct its url or rule if it is another list",
    "articles": "open one of its articles; give the source a rule ([source.article]), or full_text = false",
    "blocked": "ask the university to admit us (site.contact), or poll from another network (fetch.proxy)",
    "intranet": "run a worker inside the campus, or follow a public page",
    "login": "only public pages can be followed; look for another one",
    "limited": "raise fetch.per_host_delay_seconds or schedule.min_interval_minutes",
    "robots": "its robots.txt forbids this page; ask the university, or follow another page",
    "dns": "correct the source's url; if every source says so, check this machine's DNS",
    "tls": "tell the university that its certificate is broken; an http address may do meanwhile",
    "connect": "open the page; if it works there, this machine's network is refused (fetch.proxy)",
    "timeout": "open the page; if it is quick there, this machine's network is refused (fetch.proxy)",
    "server": "their server has a fault; wait, or tell them",
    "redirect": "open the page; correct the source's url to where it ends",
    "protocol": "open the page; if it works there, report it with the log",
    "size": "raise fetch.max_bytes, or follow a shorter page",
    "program": "a fault of this program; report it with the log",
    "stale": "look whether the column is still kept, or has moved",
    "offline": "check this machine's network and proxy (`aggregator doctor`); if they are well, all sources are down",
}
# of rows that an older version of this program wrote
BY_CAUSE: dict[str | None, Fault] = {"parse": "redesigned", "program": "program", "address": "intranet"}
BY_STATUS: dict[int | None, Fault] = {401: "login", 404: "moved", 410: "gone", 429: "limited"}


@dataclass(frozen=True, slots=True)
class Health:
    """*reason* is a sentence for the operator; *cause* names what is wrong, None where nothing is."""

    state: State
    reason: str
    cause: Fault | None = None
    since: datetime | None = None  # of a silence: the last news

    @property
    def is_bad(self) -> bool:
        """Whether a person should look, or will have to if it goes on."""
        return self.state in ("stale", "failing", "broken", "gone")

    @property
    def advice(self) -> str | None:
        """What to do about it."""
        return ADVICE[self.cause] if self.cause else None


def health(source: Source, polls: Sequence[Poll], now: datetime) -> Health:
    """The state of *source*; its newest *polls* (newest first, at least one) give the reason."""
    if not source.enabled:
        return Health("off", "switched off in its site file, or no longer in any")
    last = polls[0] if polls else None
    if last is None and source.polled_at is None:
        return Health("new", "never polled yet")
    if last is not None and last.cause == "offline" and source.fetched_at is None:
        return Health("new", f"never read yet: {last.message}")
    strikes = max(source.strikes, source.failures)
    if strikes:
        cause = _known(source.fault) or _old_fault(last)
        said = (last.message if last else None) or ADVICE[cause]
        often = "once" if strikes == 1 else f"{strikes} times in a row"
        times = f"{'failed' if source.failures else 'met'} {often}"
        return Health(_trouble(cause, strikes), f"{said} ({times})", cause)
    last_news = source.newest or source.news_at
    silent = f"nothing new since {last_news:%Y-%m-%d}" if last_news else "nothing new"
    if source.stale_at is not None and now >= source.stale_at:
        return Health("stale", f"{silent}, far longer than its longest silence", "stale", last_news)
    if source.quiet_at is not None and source.stale_at is not None and now >= source.quiet_at:
        return Health("quiet", f"{silent}; it is called stale from {source.stale_at:%Y-%m-%d} on", since=last_news)
    if last is not None and last.message:  # of articles: the list itself was read
        return Health("working", last.message)
    items = last.items if last else 0
    return Health("working", f"{items} items at the last full look" if items else "unchanged since the last look")


def judged(source: Source, visit: Visit) -> Visit:
    """*visit* to *source* with what it means for its health: strikes, and whether a break begins, lasts or ends."""
    before = _known(source.broken_by)
    if visit.cause == "offline":  # nothing was learned of the source
        return replace(visit, fault=_known(source.fault), strikes=source.strikes, broken_by=before)
    if visit.fault:
        strikes = max(source.strikes, source.failures) + 1
        if before or _trouble(visit.fault, strikes) == "failing":
            # a break ends when the source is well, and lasts whatever else befalls it
            return replace(visit, strikes=strikes, broken_by=before)
        said = visit.message or ADVICE[visit.fault]
        return replace(visit, strikes=strikes, broken_by=visit.fault, begun=Begun(visit.fault, said))
    stale_at = visit.silence.stale_at if visit.silence else source.stale_at
    if stale_at is None or visit.polled_at < stale_at:
        return replace(visit, ended=True) if before else visit
    if before == "stale":
        return replace(visit, broken_by=before)
    # what was silent already when it was added is shown, and news to nobody
    newest = visit.rhythm.newest if visit.rhythm else source.newest or source.news_at
    reason = f"nothing new since {newest:%Y-%m-%d}, far longer than its longest silence" if newest else "nothing new"
    begun = Begun("stale", reason) if source.polled_at is not None else None
    return replace(visit, broken_by="stale", begun=begun, ended=before is not None)


def is_settled(one: Break, hours: WorkingHours, settle: timedelta) -> bool:
    """Whether polls met a break through *settle* of working time: nights and weekends of maintenance alarm nobody.

    What counts is when it was last met, not the time since: a source that failed for long is asked seldom, and may
    have been well again since Monday morning. A break of the service itself has lasted for hours when it begins.
    """
    return one.source is None or hours.between(one.began_at, one.seen_at) >= settle


def silence_of(dates: Sequence[datetime], known: Sequence[datetime], items: int, now: datetime) -> Silence:
    """When a source that brings news now, or is read for the first time, becomes quiet, and when stale.

    *dates* are those of its *items*, *known* those of entries before them. Both moments are measured in days of term
    from the newest date, by the longest silence among all of them: so a source that publishes twice a year may be
    silent for a year and a half, a daily one for three weeks of term, and vacations count nothing. With a year of
    entries among *known* it has its seasons. An old column is old on the day it is added; where few items are dated,
    our own clock counts.
    """
    is_dated = len(dates) * 2 >= items and len(dates) > 0
    last = min(max(dates), now) if is_dated else now
    gap = longest_gap([min(date, now) for date in (*dates, *known)]) if is_dated else None
    quiet, stale = STALE_UNKNOWN / 2, STALE_UNKNOWN
    if gap is not None:
        stale = min(max(gap * STALE_GAPS, STALE_FIRST), STALE_LAST)
        quiet = min(max(gap, QUIET_FIRST), stale)
    return Silence(after_term(last, quiet), after_term(last, stale))


def _trouble(cause: Fault, strikes: int) -> State:
    if cause == "gone":
        return "gone"
    return "failing" if strikes < BROKEN_AFTER else "broken"


def _known(fault: str | None) -> Fault | None:
    return cast(Fault, fault) if fault in get_args(Fault) else None


def _old_fault(poll: Poll | None) -> Fault:
    """Of a poll that was recorded without one."""
    if poll is None:
        return "program"
    if poll.cause == "status":
        return BY_STATUS.get(poll.status) or ("server" if (poll.status or 0) >= 500 else "blocked")
    return BY_CAUSE.get(poll.cause) or _known(poll.cause) or "protocol"
