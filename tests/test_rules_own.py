"""What commands write into the instance folder: whole, and nothing of what others write at the same time is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from aggregator import durable
from aggregator.errors import SettingsError
from aggregator.model import Checked
from aggregator.rules.checked import note_checked, read_checked
from aggregator.rules.switches import Switches, change_switches, read_switches

NAMES = [f"xinghu-{n}" for n in range(40)]


def at_once(work):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, NAMES))


def test_what_several_checks_find_at_once_is_all_noted(tmp_path):
    at_once(lambda name: note_checked(tmp_path, {name: Checked(date(2026, 11, 21), "working", "a list")}))

    assert set(NAMES) == set(read_checked(tmp_path))


def test_what_several_switch_on_at_once_is_all_on(tmp_path):
    at_once(lambda name: change_switches(tmp_path, lambda here: Switches(here.on | {name}, here.off)))

    assert set(NAMES) == read_switches(tmp_path).on


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path):
    durable.write(tmp_path / "kept", b"before")
    (tmp_path / "folder").mkdir()

    with pytest.raises(IsADirectoryError):
        durable.write(tmp_path / "folder", b"x")  # no file takes the place of a folder

    assert ["folder", "kept"] == sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(SettingsError, match="cannot write"):
        note_checked(tmp_path / "kept", {})
