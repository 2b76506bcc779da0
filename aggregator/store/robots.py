"""The robots.txt files that were read, kept from one process to the next."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from aggregator.model import Robots, RobotsFile
from aggregator.store.bulk import Bulk

if TYPE_CHECKING:
    from aggregator.store import Store

robots = Robots.__table__  # type: ignore[attr-defined]
COLUMNS = [column.name for column in robots.c]
# made once: that takes as long as asking
OF_ORIGIN = select(robots).where(robots.c.origin == bindparam("origin"))


class RobotsFiles:
    """The fetcher's memory of robots.txt."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        insert = store.insert(robots)
        again = {name: insert.excluded[name] for name in COLUMNS}
        self._put = Bulk(insert.on_conflict_do_update(index_elements=["origin"], set_=again))

    def get(self, origin: str) -> RobotsFile | None:
        """What was last put for *origin*, None where nothing was."""
        with self._store.read() as connection:
            row = connection.execute(OF_ORIGIN, {"origin": origin}).first()
        return RobotsFile(**row._mapping) if row else None

    def put(self, file: RobotsFile) -> None:
        """Keep *file* in place of an earlier one of its origin."""
        with self._store.write() as connection:
            self._put(connection, [{name: getattr(file, name) for name in COLUMNS}])

    def tidy(self, now: datetime, keep: timedelta = timedelta(days=60)) -> int:
        """Delete the files of origins that were not asked for so long; returns how many."""
        with self._store.write() as connection:
            return connection.execute(robots.delete().where(robots.c.ask_at < now - keep)).rowcount
