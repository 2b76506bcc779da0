"""`aggregator add` and the comparison with what it recorded, as an operator meets them."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import instance, run
from tests.test_follow import column, rows

__all__ = ["instance"]


@pytest.fixture
def haitang(university):
    """The home page of a university with two columns."""
    home = f"""<title>海棠大学</title><body><h3>学校要闻</h3><a href="xwzx/xxyw.htm">更多</a><ul>{rows(1, 5)}</ul>
        <h3>通知公告</h3><a href="tzgg.htm">更多</a></body>"""
    university.serve("/xwzx/xxyw.htm", column("1", "学校要闻-海棠大学"))
    university.serve("/tzgg.htm", column("2", "通知公告-海棠大学"))
    return university.serve("/", home)


def test_a_home_page_is_added_by_its_best_column(instance, haitang):
    output = run("add", haitang, "--yes")

    assert "poll it now with: aggregator poll 1-127-0-0-xwzx-xxyw" in output
    text = (instance / "sites" / "1-127-0-0-xwzx-xxyw.toml").read_text("utf-8")
    assert 'university = "海棠大学"' in text
    assert "0 new of 12" in run("poll", "1-127-0-0-xwzx-xxyw")


def test_an_address_may_be_written_as_people_say_it(instance, haitang):
    assert "poll it now" in run("add", haitang.removeprefix("http://"), "--yes")
    assert "is not an address" in run("add", "nonsense", "--yes", code=2)


def test_a_dry_run_shows_what_is_found_and_writes_nothing(instance, haitang):
    before = sorted((instance / "sites").iterdir())

    output = run("add", haitang, "--dry-run")

    assert "1\tsure\tlist\t12, 12 dated\t2025-03-12\t学校要闻" in output
    assert before == sorted((instance / "sites").iterdir())
    assert not (instance / "cases").exists()


def test_an_address_in_the_catalogue_that_is_off_is_switched_on_if_wanted(instance, haitang):
    off = f'university = "海棠大学"\n[[source]]\nname = "haitang-news"\ntitle = "要闻"\nurl = "{haitang}index.htm"\nenabled = false\n'
    (instance / "sites" / "haitang.toml").write_text(off, "utf-8")

    assert "switched off; `aggregator catalogue enable haitang-news` switches it on" in run("add", haitang, code=2)
    assert "switched haitang-news on" in run("add", haitang, "--yes")
    assert "is followed already, as 'haitang-news'" in run("add", haitang, "--yes", code=2)


def test_a_source_is_compared_with_the_page_that_was_recorded(instance, university):
    url = university.serve("/tzgg.htm", column("2", "通知公告-海棠大学"))
    run("add", url, "--name", "own")

    assert "nothing lost" in run("try", "own")
    university.serve(
        "/tzgg.htm", "<title>通知公告</title><div>" + rows("2").replace("<span>2025", "<b>2025年前") + "</div>"
    )
    said = json.loads(run("try", url, "--json", code=1))
    assert {"selectors", "dates"} <= {one["what"] for one in said["case"]["differences"]}
    assert "other than recorded on" in run("try", "own", code=1)

    run("try", "own", "--record")
    assert [] == json.loads(run("try", "own", "--json"))["case"]["differences"]
    assert "there is no source called" in run("try", "nobody", "--record", code=2)
    assert "no source has the address" in run("try", "https://nobody.example/", "--record", code=2)


def test_at_a_terminal_it_asks_which_to_follow_and_what_to_call_it(instance, haitang):
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "dumb", "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "aggregator", "add", haitang]
    program = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True)
    os.close(theirs)
    said = b""
    for question, answer in (
        ("numbers)", "7"), ("of 1, 2, 3", "2,1"), ("Name", "Haitang!"), ("lower-case", "haitang"), ("University", ""), ("tags", "教务 本科"), ("Follow these", "y"),
    ):  # fmt: skip
        while question.encode() not in said:
            said += os.read(ours, 65_536)
        said = b""
        os.write(ours, f"{answer}\n".encode())

    assert 0 == program.wait(30)
    os.close(ours)
    text = (instance / "sites" / "haitang.toml").read_text("utf-8")
    assert ['name = "haitang"', 'name = "1-127-0-0-xwzx-xxyw"'] == [
        line for line in text.splitlines() if line.startswith("name")
    ]
    assert 2 == text.count('tags = ["教务", "本科"]')


def test_a_find_that_is_in_the_catalogue_is_switched_on_instead_of_added_twice(instance, haitang):
    off = f'university = "海棠大学"\nenabled = false\nhome = "{haitang}"\n[[source]]\nname = "haitang-news"\ntitle = "要闻"\nurl = "{haitang}xwzx/xxyw.htm"\n'
    (instance / "sites" / "haitang.toml").write_text(off, "utf-8")

    said = run("add", haitang, "--dry-run")
    assert "海棠大学 is in the catalogue with 1 sources, switched off: `aggregator catalogue enable haitang`" in said
    assert "学校要闻 (switched off: haitang-news)" in said

    assert "switched haitang-news on" in run("add", haitang, "--yes")
    assert not (instance / "cases").exists()
    assert "is followed already, as 'haitang-news'" in run("add", haitang, "--yes", code=2)
