"""`aggregator retag` and `tags` as an operator meets them."""

import subprocess
import sys
from contextlib import contextmanager
from os import environ

import pytest
from click.testing import CliRunner

from aggregator.cli import main
from aggregator.model import Site, SourceRule
from aggregator.rules.tags import read_renamed
from aggregator.store import Store
from aggregator.tagging import untagged
from tests.test_store import NOW, entry, visit

RULES = '[tag."丰收"]\nenglish = "Harvest"\nwords = "水稻 小麦"\naliases = ["收成"]\n'
SOURCE = SourceRule("one", "要闻", "http://one.example/", tags=("要闻",))
SITE = """university = "海棠大学"\n[[source]]\nname = "one"\ntitle = "要闻"\nurl = "http://one.example/"\ntags = ["要闻"]\n"""


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """An instance with three entries and a topic of its own."""
    fill(tmp_path, f"sqlite:///{tmp_path}/aggregator.db")
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    return tmp_path


def fill(tmp_path, url):
    (tmp_path / "tags.toml").write_text(RULES, "utf-8")
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "haitang.toml").write_text(SITE, "utf-8")
    with stored(tmp_path, url) as store:
        store.upgrade()
        store.sources.sync([(Site("haitang", "海棠大学", sources=(SOURCE,)), SOURCE)], NOW)
        titles = ("水稻满仓", "小麦满仓", "晴", "陈云舟教授赴北京大学", "陈云舟教授回到北京大学")
        news = (entry(f"http://a.edu.cn/{n}", title=t, tags=("海棠大学", "要闻")) for n, t in enumerate(titles))
        store.entries.record([visit(1, *news)])


@contextmanager
def stored(folder, url=None):
    store = Store(url or f"sqlite:///{folder}/aggregator.db")
    try:
        yield store
    finally:
        store.close()


def run(*arguments, code=0):
    result = CliRunner().invoke(main, arguments)
    assert code == result.exit_code, (result.output, result.exception)
    return result.output


def counts(folder):
    with stored(folder) as store:
        return {tag.name: tag.entry_count for tag in store.entries.tags()}


def test_a_changed_rule_is_checked_and_tags_what_is_stored(instance):
    assert "stored entries have the tags of other rules; run `aggregator retag`" in run("tags", "check")

    assert "5 entries looked at, 2 have other tags now" in run("retag")

    assert {"海棠大学": 5, "要闻": 5, "丰收": 2} == counts(instance)
    assert "stored entries have the tags of these rules" in run("tags", "check")
    assert "2\t丰收\tHarvest\t\t收成" in run("tags", "list")
    assert "5 entries looked at, 0 have other tags now" in run("retag")


def test_a_broken_rule_stops_what_would_tag_by_it(instance):
    (instance / "tags.toml").write_text('[tag."丰收"]\nwords = "奖学金"\n', "utf-8")

    for command in (("tags", "check"), ("retag",)):
        assert 'tags.toml: tag."丰收".words: \'奖学金\' is also in tag."奖助学金".words' in run(
            *command, code=2
        ).replace(str(instance), "")


def test_a_renamed_tag_stays_renamed(instance):
    run("retag")

    assert "丰收 is 秋收 now; 2 entries had it" in run("tags", "rename", "丰收", "秋收")
    assert "要闻 is 头条 now; 5 entries had it" in run("tags", "rename", "要闻", "头条")

    assert {"海棠大学": 5, "头条": 5, "秋收": 2} == counts(instance)
    with stored(instance) as store:
        assert "" == untagged(instance, store)
    assert "5 entries looked at, 0 have other tags now" in run("retag")
    assert {"海棠大学": 5, "头条": 5, "秋收": 2} == counts(instance)
    with stored(instance) as store:
        assert ["秋收", "秋收", "头条"] == [store.names.expression(name).name for name in ("丰收", "收成", "要闻")]
    assert "头条 is 要闻 now; 5 entries had it" in run("tags", "rename", "头条", "要闻")
    assert "5 entries looked at, 0 have other tags now" in run("retag")


def test_tags_are_merged_into_one(instance):
    run("retag")

    assert "丰收 is 要闻 now; 2 entries had it" in run("tags", "merge", "丰收", "要闻")

    assert {"海棠大学": 5, "要闻": 5} == counts(instance)
    assert "5 entries looked at, 0 have other tags now" in run("retag")


@pytest.mark.parametrize(
    ("arguments", "complaint", "code"),
    [
        (("rename", "要闻", "海棠大学"), "there is a tag '海棠大学' already; `aggregator tags merge", 2),
        (("rename", "海棠大学", "海大"), "海棠大学 is a university, whose name its site file says", 2),
        (("rename", "要文", "头条"), "there is no tag called '要文'; near it are 要闻", 1),
        (("rename", "要闻", " "), "' ' is no other name for a tag", 2),
        (("rename", "要闻", "讲座"), "'讲座' is another name of 学术讲座; name that one", 2),
        (("merge", "要闻", "讲座"), "'讲座' is another name of '学术讲座'; name that one", 2),
        (("merge", "要闻", "没有"), "there is no tag called '没有'; `aggregator tags rename 要闻 没有` makes it", 1),
    ],
)
def test_a_name_that_cannot_be_meant_changes_nothing(instance, arguments, complaint, code):
    assert complaint in run("tags", *arguments, code=code)

    assert {"海棠大学": 5, "要闻": 5} == counts(instance)
    assert "5 entries looked at, 2 have other tags now" in run("retag")


def test_two_merged_into_each_other_are_one(instance):
    run("retag")
    run("tags", "merge", "丰收", "要闻")

    assert "'丰收' is another name of '要闻'; name that one" in run("tags", "merge", "要闻", "丰收", code=2)
    assert {"海棠大学": 5, "要闻": 5} == counts(instance)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_tags_renamed_by_two_at_once_are_both_renamed_and_each_once(tmp_path, request, database):
    url = f"sqlite:///{tmp_path}/aggregator.db" if database == "sqlite" else request.getfixturevalue("postgresql")
    fill(tmp_path, url)
    env = environ | {"AGGREGATOR_INSTANCE": str(tmp_path), "AGGREGATOR_DATABASE__URL": url}
    wanted = (("要闻", "头条"), ("丰收", "秋收"), ("要闻", "头条"))

    working = [
        subprocess.Popen(
            [sys.executable, "-m", "aggregator", "tags", "rename", *names], env=env, stderr=subprocess.PIPE
        )
        for names in wanted
    ]
    said = [one.communicate()[1].decode() for one in working]

    assert [0, 0, 2] == sorted(one.returncode for one in working)
    assert 0 == working[1].returncode
    assert "there is a tag '头条' already" in said[0] + said[2]
    assert {"要闻": "头条", "丰收": "秋收"} == read_renamed(tmp_path)
    with stored(tmp_path, url) as store:
        assert {"海棠大学": 5, "头条": 5} == {tag.name: tag.entry_count for tag in store.entries.tags()}


def test_names_that_are_no_tags_are_suggested(instance):
    pytest.importorskip("rjieba")

    lines = run("tags", "suggest", "--least", "2").splitlines()

    assert "2\t北京大学\torganisation" in lines
    assert not any("海棠大学" in line for line in lines)
