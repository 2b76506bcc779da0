"""From finds to a site file with comments and recorded pages."""

import tomllib
from dataclasses import replace

import pytest

from aggregator.errors import SettingsError
from aggregator.follow.catalogue import read_catalogue
from aggregator.follow.enrol import enrol, followed_by, free_name, site_of
from aggregator.follow.explore import Find
from aggregator.model import SHANGHAI, Item, Listing, ListingRule, Response
from aggregator.rules import load
from tests.university import NOW

KNOWN = read_catalogue(None)
URL = "https://jwc.haitang.edu.cn/tzgg.htm"


def find(url=URL, kind="list", title="通知公告 · 教务处"):
    items = [Item(f"{url}?id={n}", f"海棠大学第{n}号通知", NOW, "day") for n in range(6)]
    listing = Listing(kind, title, items, rule=ListingRule("ul > li", date="span\n[x]") if kind == "list" else None)
    return Find(url, title, listing, Response(url, 200, b"<p>page</p>"), "here", 1.0)


def test_a_site_file_says_where_it_is_from_and_is_loaded_again(tmp_path):
    finds = [find(), find("https://jwc.haitang.edu.cn/xw.htm", title="教务\x7f新闻")]
    site = site_of(finds, KNOWN, university="海棠大学", tags=["教务"])

    path = enrol(tmp_path, site, finds, NOW)

    again = load(tmp_path).sites["haitang-jwc-tzgg"]
    assert (site.sources, site.tags, "海棠大学") == (again.sources, ("海棠大学",), again.university)
    assert "# Added on 2025-03-21: the page that was named. Then it had 6 items, 6 of them dated" in path.read_text(
        "utf-8"
    )
    assert b"<p>page</p>" == (tmp_path / "cases" / "haitang-jwc-xw" / "page").read_bytes()


def test_a_source_of_a_known_university_gets_its_tags_and_time(tmp_path):
    site = site_of([find("https://math.nankai.edu.cn/tzgg.htm")], KNOWN, university="南开大学")

    assert KNOWN.sites["nankai"].tags == site.tags
    assert SHANGHAI == site.timezone


@pytest.mark.parametrize(
    "form",
    [
        "https://news.nankai.edu.cn/ywsd/index.shtml#top",
        "http://news.nankai.edu.cn:80/ywsd/",
        "https://NEWS.nankai.edu.cn/ywsd/index.html?utm_source=x",
    ],
)
def test_an_address_that_is_followed_is_known_however_it_is_written(form):
    assert "nankai-ywsd" == followed_by(KNOWN, "https://x.edu.cn/", form)[1].name
    assert None is followed_by(KNOWN, "https://news.nankai.edu.cn/another/index.shtml")


def test_an_own_source_of_a_name_that_the_catalogue_has_too_stops_no_other(tmp_path):
    own = 'university = "武汉大学"\n[[source]]\nname = "whu-news"\ntitle = "要闻"\nurl = "https://news.whu.edu.cn/wdzx/wdyw.htm"\n'
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "whu-news.toml").write_text(own, "utf-8")
    known = read_catalogue(tmp_path)

    enrol(tmp_path, site_of([find()], known, university="海棠大学"), [find()], NOW)

    assert {"whu-news", "haitang-jwc-tzgg"} <= {rule.name for _, rule in load(tmp_path).sources}
    assert "whu-news" == followed_by(known, "https://news.whu.edu.cn/wdzx/wdyw.htm")[0].name


def test_a_source_that_is_switched_off_is_known_too():
    source = next(one for one in KNOWN.sites["nankai"].sources if one.name == "nankai-nkyw")

    assert not source.enabled
    assert "nankai-nkyw" == followed_by(KNOWN, source.url)[1].name


def test_names_that_are_taken_get_a_number():
    assert "nankai-2" == free_name("https://www.nankai.edu.cn/", KNOWN)
    assert "haitang-3" == free_name("https://www.haitang.edu.cn/", KNOWN, ["haitang", "haitang-2"])


def test_nothing_is_left_where_the_page_cannot_be_recorded(tmp_path):
    (tmp_path / "cases").write_text("in the way", "utf-8")
    site = site_of([find()], KNOWN, university="海棠大学")

    with pytest.raises(SettingsError, match="cannot write"):
        enrol(tmp_path, site, [find()], NOW)

    assert [] == list(tmp_path.glob("sites/*"))


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "own.toml").write_text("mine", "utf-8")
    site = replace(site_of([find()], KNOWN, university="海棠大学"), name="own")

    with pytest.raises(SettingsError, match="exists already"):
        enrol(tmp_path, site, [find()], NOW)

    assert "mine" == (tmp_path / "sites" / "own.toml").read_text("utf-8")


def test_what_two_add_at_once_goes_together(tmp_path):
    other = find("https://jwc.haitang.edu.cn/xw.htm")
    sites = [site_of(finds, KNOWN, university="海棠大学") for finds in ([find(), other], [other])]
    enrol(tmp_path, sites[0], [find(), other], NOW)

    with pytest.raises(SettingsError, match="haitang-jwc-xw"):
        enrol(tmp_path, sites[1], [other], NOW)
    assert ["haitang-jwc-tzgg"] == [path.stem for path in tmp_path.glob("sites/*")]
    assert (tmp_path / "cases" / "haitang-jwc-xw" / "page").exists()


def test_what_a_page_says_breaks_no_file(tmp_path):
    hostile = find(title='"""\n[[source]]\nname = "x"')
    site = site_of([hostile], KNOWN, university="海棠\u2028大学")

    path = enrol(tmp_path, site, [hostile], NOW)

    assert 1 == len(tomllib.loads(path.read_text("utf-8"))["source"])
