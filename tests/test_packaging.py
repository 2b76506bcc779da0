"""What is shipped: the wheel holds all that the program reads, and nothing of an instance."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == built.returncode, built.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def files(folder, *patterns):
    return [path for pattern in patterns for path in (ROOT / folder).rglob(pattern) if path.is_file()]


def test_the_wheel_holds_what_the_package_reads(names):
    data = files("aggregator", "*.toml", "*.mako", "*.css", "*.svg", "*.mo", "*.html", "*.txt", "*.py")

    assert set() == {path.relative_to(ROOT).as_posix() for path in data} - names


def test_the_wheel_holds_the_templates_inside_the_package(names):
    shipped = files("templates", "*")

    assert shipped
    assert set() == {f"aggregator/{path.relative_to(ROOT).as_posix()}" for path in shipped} - names


def test_the_wheel_holds_no_tests_and_no_instance(names):
    assert set() == {name for name in names if name.startswith(("tests", "instance", "."))}


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }

    assert set() == {re.split(r"[\[<>=! ]", one)[0].lower() for one in wanted} - pinned
