import pytest

from aggregator.errors import RuleError
from aggregator.model import ListingRule
from aggregator.rules import load

SITE = """
university = "海棠大学"
home = "https://www.haitang.example/"
tags = ["海棠大学"]

[[source]]
name = "haitang-news"
title = "海棠要闻"
url = "https://news.haitang.example/ywsd.htm"
"""


def instance_with(tmp_path, text, name="haitang"):
    (tmp_path / "sites").mkdir(exist_ok=True)
    (tmp_path / "sites" / f"{name}.toml").write_text(text, "utf-8")
    return tmp_path


def test_a_short_site_file_gets_the_defaults(tmp_path):
    site, source = load(instance_with(tmp_path, SITE)).source("haitang-news")

    assert ("海棠大学", "Asia/Shanghai") == (site.university, site.timezone.key)
    assert ("auto", True, None, None) == (source.kind, source.enabled, source.interval_minutes, source.listing)


def test_selectors_are_read(tmp_path):
    text = SITE + '[source.listing]\nitem = "ul.news > li"\ntitle = "a/@title"\ndate = ".//span[2]"\n'

    _, source = load(instance_with(tmp_path, text.replace(".//span", "./span"))).source("haitang-news")

    assert ListingRule("ul.news > li", "a", "a/@title", "./span[2]") == source.listing


def test_an_own_file_replaces_the_shipped_one_whole(tmp_path):
    rules = load(instance_with(tmp_path, SITE, name="nankai"))

    assert "海棠大学" == rules.sites["nankai"].university


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('name = "haitang-news"', 'name = "Haitang News"'), r"haitang\.toml: source\[1\]\.name: .*lower-case"),
        (('title = "海棠要闻"', ""), r"source\[1\]\.title: is missing"),
        (('title = "海棠要闻"', "title = 3"), r"source\[1\]\.title: must be text, not 3"),
        (('url = "https', 'url = "ftp'), r"source\[1\]\.url: .*not an http or https address"),
        (('url = "https://', 'url = "http://['), r"source\[1\]\.url: .*not an http or https address"),
        (("university", "univercity"), "university: is missing"),
        (("tags", "tagz"), "tagz: unknown key"),
        (("[[source]]", "[source]"), "source: must be tables"),
        (("[[source]]", "[[sources]]"), r"there is no \[\[source\]\]"),
        (('tags = ["海棠大学"]', "tags = [1]"), "tags: must be a list of texts"),
        (("[[source]]", 'timezone = "Asia/Haitang"\n[[source]]'), "timezone: .*not a time zone"),
        (("title =", 'kind = "page"\ntitle ='), r"source\[1\]\.kind: 'page' is none of auto, feed, list"),
        (("title =", 'enabled = "no"\ntitle ='), r"source\[1\]\.enabled: must be true or false"),
        (("title =", "interval_minutes = 0\ntitle ="), r"source\[1\]\.interval_minutes: must be a whole number"),
        (("title =", 'family = "moon"\ntitle ='), "family 'moon' is unknown; there are: .*vsb"),
        (("title =", 'listing = {item = "li["}\ntitle ='), r"source\[1\]\.listing\.item: .*CSS"),
        (("title =", 'listing = {item = "//li["}\ntitle ='), r"source\[1\]\.listing\.item: .*XPath"),
        (("title =", 'listing = {item = "li/@"}\ntitle ='), "attribute's name is missing"),
        (("title =", 'listing = {link = "a"}\ntitle ='), r"source\[1\]\.listing\.item: is missing"),
        (("university", "university university"), "not valid TOML"),
    ],
)
def test_a_bad_site_file_is_named_with_key_and_reason(tmp_path, change, complaint):
    text = SITE.replace(*change)
    assert text != SITE

    with pytest.raises(RuleError, match=complaint):
        load(instance_with(tmp_path, text))


def test_two_sources_of_one_name_are_refused(tmp_path):
    instance_with(tmp_path, SITE, name="one")

    with pytest.raises(RuleError, match=r"two\.toml: source\.name 'haitang-news' is also in sites/one\.toml"):
        load(instance_with(tmp_path, SITE, name="two"))


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("云岭大学", "云岭大学"),  # a university
        ("云大", "云岭大学"),  # its alias
        ("滇", "云岭大学"),  # a tag of all its sources
        ("要闻", "the source yunling-news, as a tag"),
    ],
)
def test_an_alias_that_means_something_else_is_refused(tmp_path, name, owner):
    other = """
university = "云岭大学"
aliases = ["云大"]
tags = ["滇"]
[[source]]
name = "yunling-news"
title = "要闻"
url = "http://yunling.example/"
tags = ["要闻"]
"""
    instance_with(tmp_path, other, name="a")

    with pytest.raises(RuleError, match=rf"sites/b\.toml: aliases: '{name}' already belongs to {owner}"):
        load(instance_with(tmp_path, f'aliases = ["{name}"]\n' + SITE, name="b"))


def test_an_alias_may_be_a_tag_of_the_same_university(tmp_path):
    text = SITE.replace("tags =", 'aliases = ["海大", "海棠"]\ntags = ["海棠", "海棠大学"]\n# ')

    assert ("海大", "海棠") == load(instance_with(tmp_path, text)).sites["haitang"].aliases


def test_a_site_file_that_is_not_utf8_is_named(tmp_path):
    instance_with(tmp_path, SITE)
    (tmp_path / "sites" / "haitang.toml").write_bytes(SITE.encode("gbk"))

    with pytest.raises(RuleError, match="not UTF-8"):
        load(tmp_path)
