"""The shipped catalogue: every file loads, and each name leads to one university. Then what is asked of it."""

from collections import Counter
from urllib.parse import urlsplit

import pytest

from aggregator.errors import RuleError
from aggregator.follow.catalogue import read_catalogue
from aggregator.identity import domain_of
from aggregator.rules import check_across, load
from aggregator.rules.cities import city_in_english
from aggregator.rules.switches import Switches, read_switches, write_switches

# short for several universities: they lead to none
AMBIGUOUS = [
    "人大",
    "科大",
    "理工",
    "师大",
    "农大",
    "医大",
    "财大",
    "工大",
    "东大",
    "南大",
    "中大",
    "华师",
    "华工",
    "地大",
    "石大",
    "民大",
    "山大",
    "西大",
    "海大",
    "河大",
    "湖大",
    "大学",
    "西财",
    "湖科大",
    "辽工大",
]
# not of edu.cn
ELSEWHERE = {"gongxue.cn", "ucas.ac.cn"}
OWN = """
university = "星湖大学"
english = "Xinghu University"
aliases = ["星大"]
city = "星湖"
home = "https://www.xinghu.example/"
enabled = {enabled}
tags = ["星湖大学"]

[[source]]
name = "xinghu-news"
title = "星湖要闻"
url = "https://news.xinghu.example/ywsd.htm"
tags = ["要闻"]

[[source]]
name = "xinghu-zs"
title = "星湖招生"
url = "https://zs.xinghu.example/tzgg.htm"
tags = ["招生"]
"""


def write(tmp_path, text, name="xinghu"):
    (tmp_path / "sites").mkdir(exist_ok=True)
    (tmp_path / "sites" / f"{name}.toml").write_text(text, "utf-8")


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue(None)


def test_every_shipped_file_can_be_used_and_all_go_together(catalogue):
    assert {} == catalogue.faults
    assert len(catalogue.sites) >= 170
    assert sum(bool(site.sources) for site in catalogue.sites.values()) >= 150
    check_across(catalogue.sites.values(), catalogue.families)


@pytest.mark.parametrize(
    ("words", "city"), [("Tianjin", "天津"), ("Xi'an", "西安"), ("xian", "西安"), ("harbin", "哈尔滨")]
)
def test_a_city_is_known_by_its_english_name(catalogue, words, city):
    there = {site.name for site in catalogue.sites.values() if site.city == city}

    assert there == {site.name for site, _ in catalogue.named(words)}
    assert there <= {site.name for site in catalogue.search(words)}


def test_every_city_has_an_english_name(catalogue):
    assert [] == [site.city for site in catalogue.sites.values() if not city_in_english(site.city)]


@pytest.mark.parametrize(("short", "name"), [("NKU", "nankai"), ("PKU", "pku"), ("THU", "tsinghua"), ("SJTU", "sjtu")])
def test_a_university_is_found_by_its_english_initials(catalogue, short, name):
    assert name == catalogue.search(short)[0].name


def test_every_site_has_its_names_its_city_and_its_home(catalogue):
    for site in catalogue.sites.values():
        assert site.university
        assert site.english.isascii()
        assert site.english
        assert site.city
        assert urlsplit(site.home).path == "/"
        assert site.university in site.tags
        assert "Asia/Shanghai" == str(site.timezone)


def test_a_name_or_alias_leads_to_one_university(catalogue):
    sites = catalogue.sites.values()
    names = Counter(name.casefold() for one in sites for name in {one.name, one.university, one.english, *one.aliases})
    doubles = [name for name, count in names.items() if count > 1 and name not in catalogue.sites]

    assert [] == doubles
    # a file's name may be its own university's abbreviation, no other's
    assert [] == [
        (one.name, other.name)
        for one in sites
        for other in sites
        if one is not other and one.name in {alias.casefold() for alias in other.aliases}
    ]


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_is_short_for_several_universities_is_no_alias(catalogue, name):
    assert all(name not in site.aliases for site in catalogue.sites.values())


def test_sources_stand_at_their_universitys_own_addresses_each_but_once(catalogue):
    urls = Counter(source.url for site in catalogue.sites.values() for source in site.sources)
    hosts = {urlsplit(url).hostname for url in urls}

    assert [] == [url for url, count in urls.items() if count > 1]
    assert set() == {host for host in hosts if not host.endswith(".edu.cn")} - ELSEWHERE
    for site in catalogue.sites.values():
        homes = {domain_of(site.home)} | ELSEWHERE
        assert set() == {domain_of(source.url) for source in site.sources} - homes


def test_a_sources_name_begins_with_its_file(catalogue):
    for name, site in catalogue.sites.items():
        assert [] == [source.name for source in site.sources if not source.name.startswith(f"{name}-")]


def test_a_guessed_address_stays_off_when_its_site_is_switched_on(catalogue):
    guessed = Switches(on=frozenset({"gxu"})).applied(catalogue.sites["gxu"])

    assert [False, False] == [source.enabled for source in guessed.sources]


@pytest.mark.parametrize(
    ("host", "university"),
    [
        ("jwc.nankai.edu.cn", "南开大学"),
        ("NKU.nankai.edu.cn.", "南开大学"),
        ("gongxue.cn", "哈尔滨工程大学"),  # by a source
        ("today.hitwh.edu.cn", "哈尔滨工业大学（威海）"),
        ("edu.cn", None),
        ("www.example.com", None),
        ("", None),
    ],
)
def test_a_host_tells_its_university(catalogue, host, university):
    found = catalogue.university_of(host)

    assert university == (found and found.university)


def test_a_longer_name_tells_a_branch_from_its_university(tmp_path):
    write(tmp_path, OWN.format(enabled="true"))
    branch = OWN.replace("星湖大学", "星湖大学东区").replace("www.", "www.east.").replace("xinghu-", "east-")
    write(tmp_path, branch.replace("news.", "news.east.").replace("zs.", "zs.east.").format(enabled="true"), "east")

    catalogue = read_catalogue(tmp_path)

    assert "星湖大学东区" == catalogue.university_of("jwc.east.xinghu.example").university
    assert "星湖大学" == catalogue.university_of("jwc.xinghu.example").university


@pytest.mark.parametrize("words", ["南开", "NANKAI", "nankai university", "南開大學", "nku"])
def test_a_university_is_found_first_by_any_of_its_names(catalogue, words):
    assert "南开大学" == catalogue.search(words)[0].university


def test_a_short_form_that_is_no_alias_finds_all_that_it_may_mean(catalogue):
    found = [site.university for site in catalogue.search("科大")]

    assert {"中国科学技术大学", "电子科技大学"} <= set(found)
    assert found.index("电子科技大学") < found.index("中国医科大学")
    assert [] == catalogue.named("科大")


@pytest.mark.parametrize(
    ("name", "picks"),
    [
        ("xinghu-news", [("xinghu", "xinghu-news")]),
        ("xinghu", [("xinghu", None)]),
        ("星湖大学", [("xinghu", None)]),
        ("星大", [("xinghu", None)]),
        ("Xinghu University", [("xinghu", None)]),
        ("星湖", [("xinghu", None)]),  # the city
        ("nothing", []),
    ],
)
def test_a_name_means_a_source_a_file_a_university_or_a_city(tmp_path, name, picks):
    write(tmp_path, OWN.format(enabled="false"))

    found = read_catalogue(tmp_path).named(name)

    assert picks == [(site.name, source and source.name) for site, source in found]


def test_a_tag_means_the_sources_that_have_it(catalogue):
    found = catalogue.named("招生")

    assert len(found) > 10
    assert all("招生" in source.tags for _, source in found)


def test_what_is_switched_off_by_its_file_is_not_followed(tmp_path):
    write(tmp_path, OWN.format(enabled="false"))

    assert load(tmp_path).source("xinghu-news") is None
    assert "xinghu" in read_catalogue(tmp_path).sites


def test_a_site_that_is_switched_on_is_followed_from_the_next_start(tmp_path):
    write(tmp_path, OWN.format(enabled="false"))

    write_switches(tmp_path, read_switches(tmp_path).enable(read_catalogue(tmp_path).named("星湖大学")))

    assert [True, True] == [source.enabled for source in load(tmp_path).sites["xinghu"].sources]
    catalogue = read_catalogue(tmp_path)
    assert catalogue.switched(catalogue.sites["xinghu"]).enabled


def test_one_source_can_be_switched_on_alone_and_off_alone(tmp_path):
    write(tmp_path, OWN.format(enabled="false"))
    catalogue = read_catalogue(tmp_path)

    only = Switches().enable(catalogue.named("xinghu-zs"))
    without = Switches().enable(catalogue.named("xinghu")).disable(catalogue.named("xinghu-zs"))

    assert [False, True] == [source.enabled for source in only.applied(catalogue.sites["xinghu"]).sources]
    assert [True, False] == [source.enabled for source in without.applied(catalogue.sites["xinghu"]).sources]
    assert Switches() == only.disable(catalogue.named("xinghu"))


def test_to_switch_on_what_is_on_writes_down_nothing(catalogue):
    assert Switches() == Switches().enable(catalogue.named("南开大学"))
    assert Switches(off=frozenset({"nankai"})) == Switches().disable(catalogue.named("南开大学"))
    assert Switches() == Switches().disable(catalogue.named("南开大学")).enable(catalogue.named("南开大学"))


def test_a_wrong_key_stops_the_start_only_where_its_file_is_switched_on(tmp_path):
    wrong = OWN.format(enabled="false").replace("city", "ctiy")
    write(tmp_path, wrong)

    load(tmp_path)

    assert f"{tmp_path}/sites/xinghu.toml: ctiy: unknown key" in read_catalogue(tmp_path).faults["xinghu"]
    write_switches(tmp_path, Switches(on=frozenset({"xinghu-news"})))
    with pytest.raises(RuleError, match=r"xinghu\.toml: ctiy: unknown key"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('on = "pku"\noff = ["pku"]', r"enabled\.toml: off: 'pku' is in on, too"),
        ("on = [1]", r"enabled\.toml: on: must be a list of texts"),
        ("in = []", r"enabled\.toml: in: unknown key"),
        ("on = [", r"enabled\.toml: not valid TOML"),
    ],
)
def test_bad_switches_are_named_with_their_key(tmp_path, text, complaint):
    (tmp_path / "enabled.toml").write_text(text, "utf-8")

    with pytest.raises(RuleError, match=complaint):
        load(tmp_path)


def test_a_switch_for_what_is_not_there_stops_nothing_and_is_told(tmp_path):
    write_switches(tmp_path, Switches(on=frozenset({"atlantis"})))

    load(tmp_path)

    assert ["atlantis"] == read_catalogue(tmp_path).strangers


def test_a_changed_file_is_seen_at_once(tmp_path):
    write(tmp_path, OWN.format(enabled="false"))
    before = read_catalogue(tmp_path)

    again = read_catalogue(tmp_path)
    write(tmp_path, OWN.format(enabled="false").replace("星大", "星湖大"))

    assert before is again
    assert ("星湖大",) == read_catalogue(tmp_path).sites["xinghu"].aliases


@pytest.mark.parametrize(
    "head", ['note = """\nenabled = false\n"""\n', '"enabled" = false\n', "enabled=false # later\n"]
)
def test_whether_a_file_is_off_is_what_toml_says(tmp_path, head):
    text = head + OWN.format(enabled="x").replace("enabled = x\n", "")
    write(tmp_path, text)

    if "note" in head:
        with pytest.raises(RuleError, match="note: unknown key"):
            load(tmp_path)
    else:
        assert "xinghu" not in load(tmp_path).sites


def test_an_own_file_without_enabled_is_on(tmp_path):
    write(tmp_path, OWN.replace("enabled = {enabled}\n", ""))

    assert load(tmp_path).source("xinghu-news") is not None


@pytest.mark.parametrize(
    ("value", "day"), [('"never"', None), ('"2026-11-21"', "2026-11-21"), ("2026-11-21", "2026-11-21")]
)
def test_the_day_of_a_check_is_read_with_or_without_quotes(tmp_path, value, day):
    write(tmp_path, f"checked = {value}\n" + OWN.format(enabled="true"))

    checked = load(tmp_path).sites["xinghu"].checked

    assert day == (checked and checked.isoformat())


def test_a_day_that_is_none_is_refused(tmp_path):
    write(tmp_path, 'checked = "soon"\n' + OWN.format(enabled="true"))

    with pytest.raises(RuleError, match="checked: 'soon' is neither a day"):
        load(tmp_path)
