"""One TOML table being read, key by key, into checked values. Every complaint names the file, the key and the reason.

Knows no noun: what the keys mean stands where they are asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.errors import RuleError


class Table:
    """One TOML table being read: takes keys out, knows where it stands, and complains about what is left."""

    def __init__(self, table: Mapping[str, Any], origin: str, path: str = "") -> None:
        self._left = dict(table)
        self._origin = origin
        self._path = path

    def complain(self, key: str, reason: str) -> NoReturn:
        raise RuleError(f"{self._origin}: {self._path}{key}: {reason}")

    def done(self, told: str = "see the site file's keys in the README") -> None:
        """Complain of what nobody asked for; where the keys that there are stand is *told*."""
        for key in self._left:
            self.complain(key, f"unknown key; {told}")

    def string(self, key: str, default: str = "", *, required: bool = False) -> str:
        value = self._left.pop(key, None)
        if value is None:
            if required:
                self.complain(key, "is missing")
            return default
        if not isinstance(value, str) or (required and not value.strip()):
            self.complain(key, f"must be text, not {value!r}")
        return str(value)

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of texts; one alone may stand for a list of it."""
        value = self._left.pop(key, [])
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(part, str) and part.strip() for part in value):
            self.complain(key, f"must be a list of texts, not {value!r}")
        return tuple(value)

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self._left.pop(key, default)
        if not isinstance(value, bool):
            self.complain(key, f"must be true or false, not {value!r}")
        return bool(value)

    def minutes(self, key: str) -> int | None:
        value = self._left.pop(key, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            self.complain(key, f"must be a whole number of minutes, 1 or more, not {value!r}")
        return value

    def days(self, key: str) -> int | None:
        """A number of days, 0 for ever; None where there is none."""
        value = self._left.pop(key, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            self.complain(key, f"must be a whole number of days, 0 (for ever) or more, not {value!r}")
        return value

    def address(self, key: str, *, required: bool = False) -> str | None:
        value = self.string(key, required=required)
        if not value:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if not usable:
            self.complain(key, f"{value!r} is not an http or https address")
        return value

    def day(self, key: str) -> date | None:
        """A day as 2026-11-21, with or without quotes; None for "never", or nothing."""
        value = self._left.pop(key, "never")
        try:
            return None if value == "never" else date.fromisoformat(str(value))
        except ValueError:
            self.complain(key, f"{value!r} is neither a day like 2026-11-21 nor never")

    def timezone(self, key: str) -> ZoneInfo:
        value = self.string(key, "Asia/Shanghai")
        try:
            return ZoneInfo(value)
        except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            self.complain(key, f"{value!r} is not a time zone name like Asia/Shanghai")

    def selector(self, key: str, default: str = "", *, required: bool = False) -> str:
        value = self.string(key, default, required=required)
        if value:
            self._check_selector(key, value)
        return value

    def selectors(self, key: str) -> tuple[str, ...]:
        values = self.strings(key)
        for value in values:
            self._check_selector(key, value)
        return values

    def table(self, key: str) -> "Table | None":
        value = self._left.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.complain(key, f"must be a table [{self._path}{key}]")
        return Table(value, self._origin, f"{self._path}{key}.")

    def tables(self, key: str, *, required: bool = False) -> Sequence["Table"]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            self.complain(key, f"must be tables [[{self._path}{key}]]")
        if required and not value:
            self.complain(key, f"there is no [[{self._path}{key}]]")
        return [Table(part, self._origin, f"{self._path}{key}[{number}].") for number, part in enumerate(value, 1)]

    def _check_selector(self, key: str, value: str) -> None:
        """CSS, ``css/@attribute`` or XPath (begins with / or ./), as the readers in gather take them."""
        reason = selector_fault(value)
        if reason:
            self.complain(key, f"{value!r} is not a selector: {reason}")


def selector_fault(selector: str) -> str | None:
    """Why *selector* cannot be used, None where it can."""
    if selector.startswith(("/", "./")):
        from lxml import etree  # only site files with XPath pay for it

        try:
            etree.XPath(selector)
        except etree.XPathError as error:
            return f"XPath: {error}"
        return None
    from cssselect import SelectorError, parse

    css, _, attribute = selector.partition("/@")
    if "/@" in selector and not attribute.strip():
        return "an attribute's name is missing after /@"
    try:
        parse(css)
    except SelectorError as error:
        return f"CSS: {error}"
    return None
