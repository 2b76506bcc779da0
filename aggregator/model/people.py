"""At rest: subscribers, and the mails they get."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from aggregator.model.row import Row


class Subscriber(Row, table=True):
    """Who gets digests by mail, has asked for them, or does not want them any more."""

    __tablename__ = "subscriber"
    __table_args__ = (
        Index("ix_subscriber_state", "state", "id"),
        Index("ix_subscriber_letter", "letter_at"),
        Index("ix_subscriber_appointment", "state", "period", "hour", "weekday", "timezone"),
    )

    id: int | None = Field(default=None, primary_key=True)
    address: str  # as written
    address_key: str = Field(unique=True)  # the same for all ways to write it: domain in lower case and ASCII
    language: str = "zh"
    period: str = "daily"  # "daily" or "weekly"
    hour: int = 7  # of the day in *timezone*, 0 to 23
    weekday: int = 0  # for "weekly": Monday is 0
    timezone: str = "Asia/Shanghai"
    tags: str = ""  # a canonical tag expression; empty: everything
    state: str = "pending"  # "active", "left", "bounced", "complained"
    asked_at: datetime  # when the form, or an operator, last asked for it
    asks: int = 0  # mails that the form had us send on the day (UTC) of asked_at
    confirmed_at: datetime | None = None  # NULL: never
    left_at: datetime | None = None
    token_salt: str  # part of what signs the links; another one makes old links void
    letter: str | None = None  # what is to be mailed besides digests: "confirm", "preferences"; NULL: nothing
    letter_at: datetime | None = None  # when to try that
    letter_tries: int = 0
    bounces: int = 0  # mails returned for good, in a row
    bounced_at: datetime | None = None
    last_edition: str | None = None  # the last digest handed over
    note: str = ""  # the operator's


class Delivery(Row, table=True):
    """One edition of a digest for one subscriber: written before it is handed over, and again after."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_edition", "subscriber_id", "edition", unique=True),
        Index("ix_delivery_due", "state", "next_try_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE")
    edition: str  # "2026-11-20" or "2026-W47", and "#" with the tags where not everything is meant
    message_id: str
    state: str = "planned"  # "sending", "sent", "failed", "empty"
    tries: int = 0
    next_try_at: datetime | None = None  # NULL: it is not tried again
    updated_at: datetime
    code: int | None = None  # what the server answered last
    reason: str = ""


class MailReport(Row, table=True):
    """A mail came back, or its reader called it spam. Each report counts once."""

    __tablename__ = "mail_report"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # what tells it from all others
    subscriber_id: int = Field(foreign_key="subscriber.id", index=True, ondelete="CASCADE")
    kind: str  # "hard", "soft", "complaint"
    code: str = ""  # RFC 3463: "5.1.1"
    reason: str = ""
    received_at: datetime


class Erased(Row, table=True):
    """An address that asked to be forgotten: what is left of it keeps it from being imported again."""

    __tablename__ = "erased"

    address_hash: str = Field(primary_key=True)  # keyed with the instance's secret
    erased_at: datetime
