"""Rule files in, Rules out. Every complaint names the file, the key and the reason.

Shipped files stand beside this one; a file of the same name in the instance folder replaces the shipped one whole.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aggregator.errors import RuleError
from aggregator.model import ArticleRule, Family, ListingRule, Site, SourceRule

KINDS = ("auto", "feed", "list")
# a source's name stands in addresses (/sources/<name>/) and file names
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the rule files say, checked."""

    sites: Mapping[str, Site]
    families: Mapping[str, Family]

    def source(self, name: str) -> tuple[Site, SourceRule] | None:
        """The site and rule of the source called *name*, None where no file has it."""
        for site in self.sites.values():
            for source in site.sources:
                if source.name == name:
                    return site, source
        return None

    def only(self, names: Iterable[str]) -> "Rules":
        """These rules without any site but *names*."""
        return Rules({name: self.sites[name] for name in names}, self.families)

    def plus(self, site: Site) -> "Rules":
        """These rules and one more site; raises RuleError where they do not go together."""
        sites = {**self.sites, site.name: site}
        _check_across(sites.values(), self.families)
        return Rules(sites, self.families)

    @property
    def sources(self) -> list[tuple[Site, SourceRule]]:
        return [(site, source) for site in self.sites.values() for source in site.sources]


def load(instance: Path | None) -> Rules:
    """All families and sites; raises RuleError at the first file that cannot be used."""
    shipped = files("aggregator.rules")
    families = {
        name: read_family(name, table, origin) for name, table, origin in _tables(shipped, instance, "families")
    }
    sites = {name: read_site(name, table, origin) for name, table, origin in _tables(shipped, instance, "sites")}
    _check_across(sites.values(), families)
    return Rules(sites, families)


def feed_timezone(url: str, home: ZoneInfo) -> ZoneInfo:
    """What a feed of no known site means by a time without a zone: *home* under .cn, elsewhere UTC."""
    return home if (urlsplit(url).hostname or "").endswith(".cn") else ZoneInfo("UTC")


def read_family(name: str, table: Mapping[str, Any], origin: str) -> Family:
    """The Family that *table* describes; *origin* names the file in complaints."""
    reader = _Table(table, origin)
    family = Family(
        name=name,
        marks=reader.strings("marks"),
        article=_article(reader.table("article")) or ArticleRule(),
        same=tuple(_same(entry) for entry in reader.tables("same")),
    )
    reader.done()
    return family


def read_site(name: str, table: Mapping[str, Any], origin: str) -> Site:
    """The Site that *table* describes; *origin* names the file in complaints."""
    reader = _Table(table, origin)
    site = Site(
        name=name,
        university=reader.string("university", required=True),
        aliases=reader.strings("aliases"),
        home=reader.address("home"),
        timezone=reader.timezone("timezone"),
        tags=reader.strings("tags"),
        sources=tuple(_source(entry) for entry in reader.tables("source", required=True)),
    )
    reader.done()
    return site


def _tables(shipped: Traversable, instance: Path | None, folder: str) -> Iterable[tuple[str, dict[str, Any], str]]:
    found: dict[str, tuple[Traversable | Path, str]] = {}
    for file in shipped.joinpath(folder).iterdir():
        if file.name.endswith(".toml"):
            found[file.name] = (file, f"rules/{folder}/{file.name}")
    own = instance / folder if instance else None
    if own and own.is_dir():
        for path in own.iterdir():
            if path.suffix == ".toml":
                found[path.name] = (path, str(path))
    for file_name in sorted(found):
        file, origin = found[file_name]
        try:
            yield file_name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8-sig")), origin
        except tomllib.TOMLDecodeError as error:
            raise RuleError(f"{origin}: not valid TOML: {error}") from error
        except UnicodeDecodeError as error:
            raise RuleError(f"{origin}: not UTF-8 (byte {error.start}); save the file as UTF-8") from error
        except OSError as error:
            raise RuleError(f"{origin}: cannot be read: {error.strerror}") from error


def _check_across(sites: Collection[Site], families: Mapping[str, Family]) -> None:
    owners: dict[str, str] = {}
    for site in sites:
        for source in site.sources:
            if source.name in owners:
                raise RuleError(
                    f"sites/{site.name}.toml: source.name {source.name!r} is also in sites/{owners[source.name]}.toml; "
                    "names are addresses, give each source its own"
                )
            owners[source.name] = site.name
            if source.family is not None and source.family not in families:
                known = ", ".join(sorted(families))
                raise RuleError(
                    f"sites/{site.name}.toml: source.family {source.family!r} is unknown; there are: {known}"
                )
    _check_aliases(sites)


def _check_aliases(sites: Collection[Site]) -> None:
    """An alias leads to one university: it is no other one's name, alias or tag. Its own tags may be aliases, too."""
    owners = {site.university: site.university for site in sites}
    for site in sites:
        for name in site.tags:
            owners.setdefault(name, site.university)
    for site in sites:
        for source in site.sources:
            for name in source.tags:
                owners.setdefault(name, f"the source {source.name}, as a tag")
    for site in sites:
        for name in site.aliases:
            owner = owners.setdefault(name, site.university)
            if owner != site.university:
                raise RuleError(
                    f"sites/{site.name}.toml: aliases: {name!r} already belongs to {owner}; choose another one"
                )


def _source(reader: "_Table") -> SourceRule:
    name = reader.string("name", required=True)
    if not NAME.fullmatch(name):
        reader.complain("name", f"{name!r} must be lower-case letters, digits, '.', '_' or '-', at most 64 of them")
    kind = reader.string("kind", "auto")
    if kind not in KINDS:
        reader.complain("kind", f"{kind!r} is none of {', '.join(KINDS)}")
    rule = SourceRule(
        name=name,
        title=reader.string("title", required=True),
        url=reader.address("url", required=True) or "",
        kind=kind,  # type: ignore[arg-type]  # checked above
        family=reader.string("family", "") or None,
        tags=reader.strings("tags"),
        enabled=reader.boolean("enabled", default=True),
        interval_minutes=reader.minutes("interval_minutes"),
        keep_days=reader.days("keep_days"),
        allow_private_networks=reader.boolean("allow_private_networks", default=False),
        allow_invalid_certificate=reader.boolean("allow_invalid_certificate", default=False),
        listing=_listing(reader.table("listing")),
        article=_article(reader.table("article")),
    )
    reader.done()
    return rule


def _listing(reader: "_Table | None") -> ListingRule | None:
    if reader is None:
        return None
    rule = ListingRule(
        item=reader.selector("item", required=True),
        link=reader.selector("link", "a"),
        title=reader.selector("title"),
        date=reader.selector("date"),
    )
    reader.done()
    return rule


def _article(reader: "_Table | None") -> ArticleRule | None:
    if reader is None:
        return None
    rule = ArticleRule(
        title=reader.selectors("title"),
        body=reader.selectors("body"),
        date=reader.selectors("date"),
        author=reader.selectors("author"),
        section=reader.selectors("section"),
        remove=reader.selectors("remove"),
        full_text=reader.boolean("full_text", default=True),
    )
    reader.done()
    return rule


def _same(reader: "_Table") -> tuple[str, str]:
    pattern, key = reader.string("pattern", required=True), reader.string("key", required=True)
    try:
        re.compile(pattern)
    except re.error as error:
        reader.complain("pattern", f"{pattern!r} is not a regular expression: {error}")
    reader.done()
    return pattern, key


class _Table:
    """One TOML table being read: takes keys out, knows where it stands, and complains about what is left."""

    def __init__(self, table: Mapping[str, Any], origin: str, path: str = "") -> None:
        self._left = dict(table)
        self._origin = origin
        self._path = path

    def complain(self, key: str, reason: str) -> NoReturn:
        raise RuleError(f"{self._origin}: {self._path}{key}: {reason}")

    def done(self) -> None:
        for key in self._left:
            self.complain(key, "unknown key; see the site file's keys in the README")

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
        value = self._left.pop(key, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 36_500):
            self.complain(key, f"must be a whole number of days, 0 for ever, not {value!r}")
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

    def table(self, key: str) -> "_Table | None":
        value = self._left.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.complain(key, f"must be a table [{self._path}{key}]")
        return _Table(value, self._origin, f"{self._path}{key}.")

    def tables(self, key: str, *, required: bool = False) -> Sequence["_Table"]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            self.complain(key, f"must be tables [[{self._path}{key}]]")
        if required and not value:
            self.complain(key, f"there is no [[{self._path}{key}]]")
        return [_Table(part, self._origin, f"{self._path}{key}[{number}].") for number, part in enumerate(value, 1)]

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
