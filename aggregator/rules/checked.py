"""What looks at the sources of the catalogue found: instance/checked.toml, written by `aggregator catalogue check`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from aggregator.model import Checked, Fault
from aggregator.rules.files import editing, read_own, write_own
from aggregator.rules.table import Table

FILE = "checked.toml"
HEAD = "# What `aggregator catalogue check` found of each source, and when.\n"
FINDINGS = {"working": "working", **{fault: fault for fault in get_args(Fault)}}


def read_checked(instance: Path | None) -> dict[str, Checked]:
    """What was found of each source, by its name; raises RuleError."""
    if instance is None:
        return {}
    path = instance / FILE
    tables = read_own(path) or {}
    reader = Table(tables, str(path))
    return {name: _checked(source) for name in tables if (source := reader.table(name))}


def _checked(reader: Table) -> Checked:
    day, found = reader.day("checked"), reader.string("found", required=True)
    if day is None:
        reader.complain("checked", "is missing")
    if found not in FINDINGS:
        reader.complain("found", f"{found!r} is none of {', '.join(FINDINGS)}")
    checked = Checked(day, FINDINGS[found], reader.string("proof"))
    reader.done()
    return checked


def add_checked(instance: Path, checks: Mapping[str, Checked]) -> None:
    """Let *checks* be among those of *instance*, each in place of an older one; raises SettingsError, RuleError."""
    with editing(instance):
        write_own(instance / FILE, HEAD + "".join(_tables({**read_checked(instance), **checks})))


def _tables(checks: Mapping[str, Checked]) -> Iterator[str]:
    return (
        f'\n[{json.dumps(name)}]\nchecked = "{one.day.isoformat()}"\nfound = "{one.found}"\n'
        f"proof = {json.dumps(one.proof, ensure_ascii=False)}\n".replace("\x7f", "\\u007F")
        for name, one in sorted(checks.items())
    )
