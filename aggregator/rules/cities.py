"""The English names of cities, from cities.toml beside this file."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache

from aggregator.rules.files import SHIPPED


def city_in_english(city: str) -> str:
    """The English name of *city*; empty where it is not known."""
    return _names().get(city, "")


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    return tomllib.loads((SHIPPED / "cities.toml").read_text("utf-8"))
