"""The conductor of an import: what a reader offers -> what is not stored yet -> stored, batch by batch.

A batch is one transaction, and what is stored is not offered to it again: an import that was broken off goes on where
it was when it is run again. Knows no file and no format.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from aggregator.errors import SourceError
from aggregator.model import Parcel
from aggregator.store import Store

BATCH = 500  # entries: a fifth of a second in which no poll can be recorded
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry that may be new: *keys* tell whether it is, and only then *parcel* is made, which may take time.

    *place* is where it stands, for complaints. *parcel* raises SourceError for what cannot be read.
    """

    place: str
    keys: tuple[str, ...]
    parcel: Callable[[], Parcel]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that cannot be an entry, where it stands and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(slots=True)
class Tally:
    """What became of what was offered."""

    new: int = 0
    known: int = 0
    refused: int = 0

    def __str__(self) -> str:
        bad = f", {self.refused} could not be read" if self.refused else ""
        return f"{self.new} new entries, {self.known} known already{bad}"


def receive(
    store: Store,
    offers: Iterable[Offer | Refusal],
    now: Callable[[], datetime],
    *,
    on_refusal: Callable[[Refusal], None],
    on_done: Callable[[int], None],
    dry: bool = False,
) -> Tally:
    """Store what is new of *offers*; *on_done* hears how many were looked at since it last did.

    *dry*: say what would be, and store nothing. Raises StoreError where the database cannot be written.
    """
    tally = Tally()

    def refuse(refusal: Refusal) -> None:
        tally.refused += 1
        on_refusal(refusal)

    for batch in _batches(offers, BATCH):
        offered: list[Offer] = []
        for one in batch:
            if isinstance(one, Refusal):
                refuse(one)
            else:
                offered.append(one)
        known = store.parcels.known({key for one in offered for key in one.keys})
        made: list[tuple[Offer, Parcel]] = []
        for one in offered:
            if not known.isdisjoint(one.keys):
                tally.known += 1
                continue
            try:
                made.append((one, one.parcel()))
            except SourceError as error:
                refuse(Refusal(one.place, str(error)))
        if dry:
            tally.new += len(made)
        else:
            _store(store, made, now(), tally, refuse)
        on_done(len(batch))
    return tally


def _store(
    store: Store,
    made: Sequence[tuple[Offer, Parcel]],
    now: datetime,
    tally: Tally,
    refuse: Callable[[Refusal], None],
) -> None:
    try:
        brought = store.parcels.add([parcel for _, parcel in made], now)
    except (DBAPIError, UnicodeEncodeError) as error:  # the latter: half of a character pair
        if len(made) > 1:  # one that the database does not take must not cost the others
            for one in made:
                _store(store, [one], now, tally, refuse)
        else:
            refuse(Refusal(made[0][0].place, f"the database does not take it: {getattr(error, 'orig', error)}"))
        return
    tally.new += brought
    tally.known += len(made) - brought


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
