"""`aggregator catalogue` as an operator meets it."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from aggregator.cli import main
from aggregator.follow.catalogue import read_catalogue
from aggregator.model import Checked
from aggregator.rules import load
from aggregator.rules.checked import read_checked, write_checked
from aggregator.store import Store
from tests.test_catalogue import OWN, write
from tests.test_follow import column
from tests.test_survey import STORY


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    monkeypatch.setenv("AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS", "true")
    monkeypatch.setenv("AGGREGATOR_FETCH__PER_HOST_DELAY_SECONDS", "0")
    monkeypatch.setenv("AGGREGATOR_FETCH__RESPECT_ROBOTS", "false")
    return tmp_path


@pytest.fixture
def xinghu(instance, university):
    """A university of the catalogue with two sources, of which the first works."""
    url = university.url
    text = OWN.replace("https://www.xinghu.example", url).replace("https://news.xinghu.example", url)
    write(instance, text.replace("https://zs.xinghu.example", url).format(enabled="false"))
    last_month = datetime.now(UTC) - timedelta(days=31)
    university.serve("/ywsd.htm", column("1").replace("2025-03", f"{last_month:%Y-%m}"))
    for number in range(1, 13):
        university.serve(f"/info/1/{number}.htm", STORY)
    return instance


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["catalogue", *arguments])
    assert code == result.exit_code, (result.output, result.exception)
    return result


def test_a_search_lists_what_is_found_and_whether_it_is_followed(instance):
    rows = json.loads(run("search", "南开", "--json").stdout)

    assert [("南开大学", "Nankai University", "天津", True)] == [
        (row["university"], row["english"], row["city"], row["followed"]) for row in rows
    ]
    assert "nankai\t南开大学\tNankai University\t天津\ton\tnankai-ywsd" in run("search", "Nankai").stdout


def test_a_search_for_nothing_there_exits_with_1(instance):
    run("search", "亚特兰蒂斯", code=1)


def test_the_followed_ones_can_be_listed_alone(instance):
    rows = json.loads(run("search", "--followed", "--json").stdout)

    assert len(load(None).sites) - 1 == len(rows)  # 西藏大学 has its only source off


def test_a_university_is_shown_with_its_sources_and_what_a_check_found(instance):
    write_checked(instance, {"whu-news": Checked(date(2026, 11, 21), "moved", "it leads home")})

    shown = run("show", "武大").stdout

    assert "武汉大学  Wuhan University" in shown
    assert "off whu-news" in shown
    assert "2026-11-21: moved; it leads home" in shown


def test_what_is_enabled_is_followed_and_what_is_disabled_is_not(instance):
    enabled = run("enable", "武大", "pku-admission").stdout

    assert "on  whu-news" in enabled
    assert "poll now with: aggregator poll" in enabled
    assert {"whu-news", "pku-admission"} <= {rule.name for _, rule in load(instance).sources if rule.enabled}

    run("disable", "武汉大学")
    assert load(instance).source("whu-news") is None
    assert not (instance / "aggregator.db").exists()


def test_a_running_service_hears_of_it(instance):
    store = Store(f"sqlite:///{instance / 'aggregator.db'}")
    store.upgrade()

    run("enable", "whu-news")

    assert store.sources.by_name("whu-news").source.enabled
    run("disable", "whu-news")
    assert not store.sources.by_name("whu-news").source.enabled
    store.close()


def test_a_whole_city_can_be_enabled_and_what_has_no_sources_yet_is_told(instance):
    result = run("enable", "长春")

    assert "on  jlu-ccst-news" in result.stdout
    assert "on  nenu-graduate" in result.stdout


def test_a_university_without_sources_is_not_enabled_but_told_how(instance):
    said = run("enable", "中央民族大学", code=2).stderr

    assert (
        "only its home page https://www.muc.edu.cn/; look for one there with: aggregator catalogue enable muc" in said
    )
    assert not (instance / "enabled.toml").exists()


def test_a_list_of_one_without_sources_is_looked_for_at_its_home_page_if_wanted(instance, university):
    head = OWN.partition("\n[[source]]")[0].format(enabled="false")
    write(instance, head.replace("https://www.xinghu.example", university.url))
    university.serve("/", f"<title>星湖大学</title><body><a href='tzgg.htm'>通知公告</a>{'校园风光。' * 90}</body>")

    assert "星湖大学: http" in run("enable", "xinghu", "--yes", code=1).stderr  # leads to no list yet
    university.serve("/tzgg.htm", column("2", "通知公告"))
    assert "poll it now with: aggregator poll 1-127-0-0-tzgg" in run("enable", "星大", "--yes").stdout

    assert "nothing changes" in run("enable", "xinghu").stdout
    ((site, source),) = [one for one in load(instance).sources if "127.0.0.1" in one[1].url]
    assert ("星湖大学", "通知公告", ("星湖大学",)) == (site.university, source.title, site.tags)


def test_of_a_university_without_any_page_a_page_is_asked_for(instance):
    head = OWN.partition("\n[[source]]")[0].format(enabled="false")
    write(instance, "".join(line for line in head.splitlines(True) if not line.startswith("home")))

    assert "星湖大学: no page of it is known" in run("enable", "xinghu", "--yes", code=2).stderr


def test_guessed_addresses_are_switched_on_one_by_one(instance):
    assert "switch them on one by one: gxu-news, gxu-tszs" in run("enable", "gxu", code=2).stderr

    run("enable", "gxu-news")
    assert [("gxu-news", True), ("gxu-tszs", False)] == [
        (one.name, one.enabled) for one in load(instance).sites["gxu"].sources
    ]


@pytest.mark.parametrize("name", ["科大", "人大", "理工"])
def test_an_ambiguous_name_is_refused_with_what_it_may_mean(instance, name):
    assert "do you mean" in run("enable", name, code=2).stderr


def test_a_name_that_an_own_site_takes_is_refused_before_the_start_would(instance):
    write(instance, OWN.format(enabled="true").replace("xinghu-news", "whu-news"))

    assert "'whu-news' is also in" in run("enable", "武大", code=2).stderr
    load(instance)


def test_an_address_that_an_own_site_follows_is_told_when_it_is_enabled(instance):
    (whu,) = [one for one in read_catalogue(None).sites["whu"].sources if one.name == "whu-news"]
    write(instance, OWN.format(enabled="true").replace("https://news.xinghu.example/ywsd.htm", whu.url))

    assert "xinghu-news follows the same address" in run("enable", "whu-news").stderr


def test_a_broken_file_is_told_with_file_and_key(instance):
    write(instance, OWN.format(enabled="false").replace("city", "ctiy"))

    assert "xinghu.toml: ctiy: unknown key" in run("enable", "xinghu", code=2).stderr
    assert "xinghu.toml: ctiy: unknown key" in run("check", "xinghu", code=1).stderr


def test_a_check_tells_what_works_and_writes_it_down(xinghu):
    result = run("check", "星湖大学")

    assert "xinghu-news  working  list of 12 items" in result.stdout
    assert "xinghu-zs  moved" in result.stdout
    assert "2 checked: 1 working, 1 moved" in result.stderr
    found = read_checked(xinghu)
    assert ["working", "moved"] == [found[name].found for name in ("xinghu-news", "xinghu-zs")]
    site = read_catalogue(xinghu).sites["xinghu"]
    assert datetime.now(UTC).year == site.checked.year


def test_a_check_where_nothing_works_exits_with_1(xinghu):
    run("check", "xinghu-zs", code=1)


def test_what_was_checked_lately_is_left_out(xinghu, university):
    run("check", "xinghu")
    asked = len(university.requests)

    assert "nothing is to be checked" in run("check", "xinghu", "--older-than", "30d").stderr
    assert asked == len(university.requests)


def test_what_was_not_looked_at_when_its_sibling_was_is_still_due(xinghu):
    run("check", "xinghu-news")

    result = run("check", "xinghu", "--older-than", "30d", code=1)

    assert "1 checked: 1 moved" in result.stderr


def test_a_check_prints_a_diff_or_an_array(xinghu):
    diff = run("check", "xinghu-news", "--diff").stdout
    rows = json.loads(run("check", "xinghu-news", "--json").stdout)

    assert diff.startswith("--- a/instance/sites/xinghu.toml\n+++ b/instance/sites/xinghu.toml\n")
    assert '+proof = "list of 12 items' in diff
    run("check", "xinghu", "--diff", "--json", code=2)
    assert [("xinghu-news", "working")] == [(row["source"], row["found"]) for row in rows]


def test_a_corrected_file_of_a_shipped_university_is_written_beside(xinghu):
    run("check", "xinghu-news", "--write")

    assert "proof = " in (xinghu / "sites" / "xinghu.toml").read_text("utf-8")
    assert load(xinghu)


def test_nothing_is_written_down_where_our_own_network_fails(instance, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_FETCH__PROXY", "http://127.0.0.1:9")  # nobody listens

    result = run("check", "whu", "pku", "tsinghua", "buaa", "bit", "bnu", code=1)

    assert "our own network fails" in result.stderr
    assert {} == read_checked(instance)


@pytest.mark.parametrize("age", ["soon", "-3d", ""])
def test_an_age_that_is_none_is_refused(instance, age):
    run("check", "--older-than", age, code=2)


def test_the_doctor_tells_of_broken_files_and_of_what_a_check_found(instance, monkeypatch):
    from aggregator.doctor import LOOKS
    from aggregator.instance import load as settings

    write(instance, OWN.format(enabled="false").replace("city", "ctiy"))
    write_checked(instance, {"nankai-ywsd": Checked(date(2026, 11, 21), "moved", "it leads home")})
    (instance / "enabled.toml").write_text('on = ["atlantis"]', "utf-8")

    said = [finding for verdict, finding in LOOKS["rules"](settings(), datetime.now(UTC)) if verdict == "warn"]

    assert "xinghu.toml: ctiy: unknown key" in said[0]
    assert "atlantis" in said[1]
    assert "nankai-ywsd" in said[2]
