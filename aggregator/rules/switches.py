"""What the operator switched on and off of the catalogue: instance/enabled.toml, by names of site files and sources.

Nothing is copied for it, so that corrections of shipped files reach everybody. A source's switch goes before its
site's, a site's before what its file says.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from aggregator.model import Site, SourceRule
from aggregator.rules.files import RuleFile, editing, read_own, write_own
from aggregator.rules.table import Table
from aggregator.rules.write import toml_value

FILE = "enabled.toml"
HEAD = """\
# Universities and sources of the catalogue that are switched on or off here: names of site files, or of sources.
# Written by `aggregator catalogue enable` and `disable`.
"""

# a site, or one source of it
Pick = tuple[Site, SourceRule | None]


@dataclass(frozen=True, slots=True)
class Switches:
    on: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()

    def may_want(self, file: RuleFile) -> bool:
        """Whether anything of *file* may be switched on; what surely is not need not be parsed."""
        if file.name in self.off or file.is_surely_off:
            return file.name in self.on or any(name in file.text for name in self.on)
        return True

    def applied(self, site: Site) -> Site:
        """*site* with everything on or off as it is here."""
        is_on = site.name in self.on or (site.enabled and site.name not in self.off)
        sources = tuple(
            replace(one, enabled=one.name in self.on or (is_on and one.enabled and one.name not in self.off))
            for one in site.sources
        )
        return replace(site, enabled=is_on or any(one.name in self.on for one in site.sources), sources=sources)

    def enable(self, picks: Iterable[Pick]) -> "Switches":
        """These with *picks*, as their files say them, on; a site with all its sources that its file has on."""
        on, off = set(self.on), set(self.off)
        for site, source in picks:
            off -= {source.name} if source else {site.name, *(one.name for one in site.sources)}
            if not _is_on(Switches(frozenset(on), frozenset(off)).applied(site), source):
                on.add(source.name if source else site.name)
        return Switches(frozenset(on), frozenset(off))

    def disable(self, picks: Iterable[Pick]) -> "Switches":
        """These with *picks*, as their files say them, off; a site with all its sources."""
        on, off = set(self.on), set(self.off)
        for site, source in picks:
            on -= {source.name} if source else {site.name, *(one.name for one in site.sources)}
            if _is_on(Switches(frozenset(on), frozenset(off)).applied(site), source):
                off.add(source.name if source else site.name)
        return Switches(frozenset(on), frozenset(off))


def _is_on(site: Site, source: SourceRule | None) -> bool:
    return next(one.enabled for one in site.sources if one.name == source.name) if source else site.enabled


def read_switches(instance: Path | None) -> Switches:
    """The switches in *instance*; raises RuleError."""
    if instance is None:
        return Switches()
    path = instance / FILE
    table = read_own(path)
    if table is None:
        return Switches()
    reader = Table(table, str(path))
    switches = Switches(frozenset(reader.strings("on")), frozenset(reader.strings("off")))
    if both := sorted(switches.on & switches.off):
        reader.complain("off", f"{both[0]!r} is in on, too")
    reader.done()
    return switches


def switch(instance: Path, change: Callable[[Switches], Switches]) -> None:
    """Let the switches in *instance* be what *change* makes of them; raises SettingsError, RuleError."""
    with editing(instance):
        switches = change(read_switches(instance))
        write_own(instance / FILE, f"{HEAD}on = {_list(switches.on)}\noff = {_list(switches.off)}\n")


def _list(names: Collection[str]) -> str:
    """A TOML list of *names*, one a line."""
    return "[\n" + "".join(f"    {toml_value(name)},\n" for name in sorted(names)) + "]" if names else "[]"
