"""No document, however made, keeps a reader busy or needs 100 MB above itself; the kernel counts.

The seconds are those of a slow machine: what is broken takes minutes. ``python -m tests.fuzz.hostile`` shows the strict.
"""

import subprocess
import sys
from functools import cache

import pytest

from tests.fuzz.hostile import CHOSEN
from tests.fuzz.reading import rounds


@cache
def outcomes():
    """What becomes of each document, by kind and name: one Python for all of them, a fork for each."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.hostile", "--chosen"], capture_output=True, check=True, text=True
    )
    lines = ([field.strip() for field in line.split("\t")] for line in run.stdout.splitlines())
    return {(kind, name): outcome for name, kind, _, _, outcome in lines}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "document"), CHOSEN)
def test_hostile_documents_are_bounded_by_the_kernel(kind, document):
    assert not outcomes()[kind, document].startswith("fault")


def test_a_thousand_changed_documents_break_no_promise():
    assert {} == rounds(7, most=1_000)[1]
