"""In flight: who gets which mail, and what comes back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Choice:
    """Which digest somebody wants, and when; see Subscriber."""

    language: str = "zh"
    period: str = "daily"
    hour: int = 7
    weekday: int = 0
    timezone: str = "Asia/Shanghai"
    tags: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail server says of a mail of ours: that it came back, or that its reader called it spam.

    The person is known by *subscriber_id* where the report holds a link that we signed, else by *address*.
    """

    key: str  # what tells it from all other reports
    kind: Literal["hard", "soft", "complaint"]
    address: str = ""
    subscriber_id: int | None = None
    code: str = ""  # RFC 3463
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MailLinks:
    """Addresses that a subscriber's mail carries: signed, for this person alone."""

    preferences: str
    unsubscribe: str  # GET asks whether one is sure, POST is the one click of RFC 8058


@dataclass(frozen=True, slots=True)
class Appointment:
    """The time at which some readers want their digest; *weekday* counts for weekly ones alone, Monday is 0."""

    period: str
    hour: int
    weekday: int
    timezone: str


@dataclass(frozen=True, slots=True)
class Slot:
    """An edition, by the name of its day or week, and since when it is due."""

    edition: str
    at: datetime
