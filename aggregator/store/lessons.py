"""What a visit teaches about its source: the row of the poll, the source's own row, what its hub owes.

Knows no entries but how many there were.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Boolean, Connection, bindparam, case, func, update

from aggregator.model import Poll, Source, Visit
from aggregator.store import websub
from aggregator.store.bulk import Bulk
from aggregator.websub import early_poll_at

source, poll = Source.__table__, Poll.__table__  # type: ignore[attr-defined]

# made once: they run at every poll
POLLED = Bulk(poll.insert())
IS_HEARD = source.c.pushed_at.is_distinct_from(bindparam("heard", type_=source.c.pushed_at.type))
NEXT = bindparam("next", type_=source.c.next_poll_at.type)
RULED = func.coalesce(bindparam("ruled", type_=source.c.rule_hash.type), source.c.rule_hash)
IS_ARTICLE_FIRST = (source.c.recheck_at < NEXT) & ~bindparam("put_off", type_=Boolean)
LEARNED = Bulk(
    update(source)
    # its site file may say something else since it was claimed: then it is to be read again, as if it never was
    .where(source.c.id == bindparam("this"), source.c.rule_hash == RULED)
    .values(
        polled_at=bindparam("polled"),
        # announced since it was claimed: what was read may be older. By the value, not by clocks, which may differ
        next_poll_at=case(
            (IS_HEARD, bindparam("soon", type_=source.c.next_poll_at.type)),
            (IS_ARTICLE_FIRST, source.c.recheck_at),
            else_=NEXT,
        ),
        list_at=case((IS_ARTICLE_FIRST & ~IS_HEARD, NEXT)),
        failures=bindparam("failed"),
        news_at=func.coalesce(bindparam("news", type_=source.c.news_at.type), source.c.news_at),
        etag=bindparam("tag"),
        last_modified=bindparam("modified"),
        body_hash=bindparam("hash"),
        found_kind=bindparam("found"),
        rule=bindparam("list_rule"),
        look=func.coalesce(bindparam("looks", type_=source.c.look.type), source.c.look),
        repair=func.coalesce(bindparam("repaired"), source.c.repair),
        fetched_at=func.coalesce(bindparam("whole", type_=source.c.fetched_at.type), source.c.fetched_at),
        moved_to=bindparam("to"),
        moved_at=bindparam("since"),
        newest=func.coalesce(bindparam("latest", type_=source.c.newest.type), source.c.newest),
        per_day=func.coalesce(bindparam("rate", type_=source.c.per_day.type), source.c.per_day),
        working_share=func.coalesce(bindparam("share", type_=source.c.working_share.type), source.c.working_share),
        quiet_at=func.coalesce(bindparam("quiet", type_=source.c.quiet_at.type), source.c.quiet_at),
        stale_at=func.coalesce(bindparam("stale", type_=source.c.stale_at.type), source.c.stale_at),
        kept_at=func.coalesce(bindparam("proved", type_=source.c.kept_at.type), source.c.kept_at),
        fault=bindparam("wrong"),
        strikes=bindparam("struck"),
        broken_by=bindparam("broken"),
        refresh_seconds=bindparam("refreshed"),
        hub=bindparam("announcer"),
        topic=bindparam("known_as"),
    )
)
# of one whose site file says something else now
SEEN = Bulk(
    update(source)
    .where(source.c.id == bindparam("this"))
    .values(
        polled_at=bindparam("polled"),
        news_at=func.coalesce(bindparam("news", type_=source.c.news_at.type), source.c.news_at),
    )
)


def learn(connection: Connection, visits: Sequence[tuple[Visit, int]]) -> None:
    """Keep what *visits*, each with the number of its new entries, taught."""
    POLLED(connection, [_poll_row(visit, brought) for visit, brought in visits])
    learned = [_learned(visit, brought) for visit, brought in visits]
    learned.sort(key=lambda row: int(row["this"]))
    if LEARNED(connection, learned) < len(learned):
        SEEN(connection, learned)
    verdicts = [_judged(visit) for visit, _ in visits if visit.owed is not None]
    websub.judge(connection, sorted(verdicts, key=lambda row: row["this"]))


def _poll_row(visit: Visit, brought: int) -> dict[str, Any]:
    return {
        "source_id": visit.source_id,
        "polled_at": visit.polled_at,
        "outcome": visit.outcome(brought),
        "cause": visit.cause,
        "fault": visit.met,
        "status": visit.status,
        "items": visit.items,
        "entries": brought,
        "milliseconds": visit.milliseconds,
        "message": visit.message,
    }


def _learned(visit: Visit, brought: int) -> dict[str, Any]:
    return {
        "this": visit.source_id,
        "polled": visit.polled_at,
        "next": visit.next_poll_at,
        "heard": visit.pushed_at,
        "soon": min(visit.next_poll_at, early_poll_at(visit.polled_at, visit.polled_at)),
        "put_off": visit.is_put_off,
        "failed": visit.failures,
        "news": visit.polled_at if brought else None,
        "tag": visit.validators.etag,
        "modified": visit.validators.last_modified,
        "hash": visit.body_hash,
        "found": visit.kind,
        "list_rule": asdict(visit.rule) if visit.rule else None,
        "looks": asdict(visit.look) if visit.look else None,
        "repaired": visit.repair,
        "whole": visit.fetched_at,
        "to": visit.moved_to,
        "since": visit.moved_at,
        "latest": visit.rhythm.newest if visit.rhythm else None,
        "rate": visit.rhythm.per_day if visit.rhythm else None,
        "share": visit.rhythm.working_share if visit.rhythm else None,
        "quiet": visit.silence.quiet_at if visit.silence else None,
        "stale": visit.silence.stale_at if visit.silence else None,
        "proved": visit.polled_at if visit.kept and visit.kept.is_good else None,
        "wrong": visit.fault,
        "struck": visit.strikes,
        "broken": visit.broken_by,
        "refreshed": round(visit.refresh.total_seconds()) if visit.refresh else None,
        "announcer": visit.hub,
        "known_as": visit.topic,
        "ruled": visit.rule_hash,
    }


def _judged(visit: Visit) -> dict[str, Any]:
    return {"this": visit.source_id, "owes": visit.owed, "missed": visit.polled_at if visit.was_missed else None}
