"""The rules of a WebSub subscriber: when a hub is asked again, which signatures count, and whether it is trusted.

Pure: rows, times and bytes in, decisions out. hubs.py asks the hubs, web/websub.py answers them, poll.py judges them.
W3C Recommendation WebSub, https://www.w3.org/TR/websub/.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from aggregator.model import HubSubscription, Precision, Source

# WebSub §8.2: ten days is a good default; what a hub grants beyond a month is not believed
LEASE, LONGEST_LEASE = timedelta(days=10), timedelta(days=30)
# of a hub that leaves out the lease it must name (§5.3)
UNNAMED_LEASE = timedelta(days=1)
# part of a lease after which it is renewed, so that a hub that is down for a day costs nothing
RENEWED_AFTER = 0.8
# no subscription is asked for more often, and no hub that failed is asked anything sooner
REST = timedelta(hours=1)
MAX_BACKOFF = timedelta(days=1)
# §5.2: a denied subscription "is not possible anymore"; publishers change their minds and their hubs
DENIED_REST = timedelta(days=10)

# entries a hub announces in time before polling relies on it: at first, and again after each that it missed
PROBATION = 3
# an entry that is younger may still be announced
IN_TIME = timedelta(minutes=10)
# publishers' clocks, and hubs that are told while the entry is being dated
CLOCK_SKEW = timedelta(minutes=2)
# a push brings the next poll forward, but not closer than that to the last one
EARLIEST = timedelta(minutes=1)

# "asked": it has not answered; "failed": it does not take our request; "lapsed": it did not renew the lease
Standing = Literal["asked", "subscribed", "denied", "failed", "lapsed"]
METHODS = ("sha1", "sha256", "sha384", "sha512")  # WebSub §7.1.1, weakest first


def is_active(subscription: HubSubscription, now: datetime) -> bool:
    """Whether the hub has confirmed that it announces, and its lease still runs."""
    return subscription.wanted and subscription.until is not None and now < subscription.until


def is_trusted(subscription: HubSubscription, now: datetime) -> bool:
    """Whether polling may rely on the hub."""
    return is_active(subscription, now) and subscription.owed == 0


def standing(subscription: HubSubscription, now: datetime) -> Standing:
    """How things stand with the hub, in a word."""
    if is_active(subscription, now):
        return "subscribed"
    if subscription.denied_at is not None:
        return "denied"
    if subscription.failed_at is not None:
        return "failed"
    return "lapsed" if subscription.until is not None else "asked"


# ---------------------------------------------------------------- asking


def next_ask_at(asked_at: datetime, tries: int) -> datetime:
    """When a subscription is asked for again that was asked for *tries* times without being confirmed."""
    return asked_at + min(REST * (1 << min(tries - 1, 10)), MAX_BACKOFF)


def lease_of(seconds: str | None) -> timedelta:
    """The lease that a hub grants, from its ``hub.lease_seconds`` (WebSub §5.3)."""
    if seconds is None or not (seconds.isascii() and seconds.isdecimal()):
        return UNNAMED_LEASE
    return min(timedelta(seconds=int(seconds[:9])), LONGEST_LEASE)


def renewal_at(asked_at: datetime, verified_at: datetime, lease: timedelta) -> datetime:
    """When a lease is renewed: before it ends, but never within REST of the last request."""
    return max(verified_at + lease * RENEWED_AFTER, asked_at + REST)


# ---------------------------------------------------------------- signatures


def signed_with(header: str | None, body: bytes, secret: str, best: str | None) -> str | None:
    """The method of a right ``X-Hub-Signature`` (WebSub §7.1.2); None: it is missing, unknown or wrong.

    *best* is the best method this hub has signed with. SHA-1 counts only for a hub that offers nothing better, as most
    do not: a collision does not forge an HMAC (RFC 6194 §3.3), and a forged push would gain no more than an early poll.
    From a hub that has signed with SHA-2, it would be somebody else's.
    """
    method, _, signature = (header or "").partition("=")
    method = method.strip().lower()
    if method not in METHODS or (method == "sha1" and best not in (None, "sha1")):
        return None
    right = hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()
    given = signature.strip().lower()
    return method if hmac.compare_digest(right.encode(), given.encode()) else None


def better(method: str, best: str | None) -> str:
    """The stronger of two methods."""
    return max(method, best or method, key=METHODS.index)


# ---------------------------------------------------------------- trust


def announced(
    published: datetime | None,
    precision: Precision | None,
    *,
    subscribed_at: datetime,
    pushed_at: datetime | None,
    read_at: datetime | None,
    now: datetime,
) -> bool | None:
    """Whether a hub announced an entry that a poll finds new *now*; None where that cannot be told yet, or at all.

    *pushed_at* is its last push, *read_at* when the page was last read without the entry, None where that is unknown.
    An entry whose minute is not known stands there since *read_at*. One from before *subscribed_at* says nothing.
    """
    since = published if published and precision == "minute" else read_at
    if since is None or since < subscribed_at:
        return None
    if pushed_at is not None and pushed_at >= since - CLOCK_SKEW:
        return True
    return False if now - since > IN_TIME else None


def owed_after(owed: int, verdicts: Iterable[bool | None]) -> int:
    """How many entries a hub has to announce in time before it is trusted (0: it is), after a poll with *verdicts*.

    One miss ends all trust: polling goes on as if there were no hub until PROBATION entries in a row were announced.
    """
    verdicts = list(verdicts)
    if False in verdicts:
        return PROBATION
    return max(owed - verdicts.count(True), 0)


def early_poll_at(now: datetime, polled_at: datetime | None) -> datetime:
    """When a source is polled that was last polled at *polled_at* and is announced to have news *now*."""
    return max(now, polled_at + EARLIEST) if polled_at else now


def was_pushed(source: Source) -> bool:
    """Whether a hub announced news since the last poll of *source* began."""
    return source.pushed_at is not None and (source.polled_at is None or source.pushed_at > source.polled_at)
