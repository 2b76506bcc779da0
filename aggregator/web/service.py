"""What every view works with: settings, store and clock of the app at hand, and the public addresses of its pages.

Knows no page and no format.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import current_app
from werkzeug.routing import MapAdapter

from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.web.limit import Limit

# our keys among the app's extensions
SERVICE, ADDRESSES = "aggregator.service", "aggregator.addresses"


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one app; *now* gives an aware time."""

    settings: Settings
    store: Store
    now: Callable[[], datetime]
    searches: Limit
    is_static: bool = False  # answers become files, which nobody makes anew when a day is over

    @property
    def today(self) -> date:
        """The day it is where the site is."""
        return self.now().astimezone(self.settings.zone).date()

    def day_of(self, sort: int) -> date:
        """The day that an entry is dated where the site is, by its *sort*: its publication, or when we saw it first."""
        return datetime.fromtimestamp(sort, self.settings.zone).date()


def service() -> Service:
    """The service of the app that answers this request."""
    found = current_app.extensions[SERVICE]
    assert isinstance(found, Service)
    return found


def address(endpoint: str, **values: Any) -> str:
    """The public address of *endpoint*: below settings.site.url, whatever host the request came to."""
    found = current_app.extensions[ADDRESSES]
    assert isinstance(found, MapAdapter)
    return found.build(endpoint, values, force_external=True)
