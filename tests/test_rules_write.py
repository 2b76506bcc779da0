import tomllib
from zoneinfo import ZoneInfo

from aggregator.follow.catalogue import read_catalogue
from aggregator.model import ArticleRule, ListingRule, Site, SourceRule
from aggregator.rules import read_site
from aggregator.rules.write import site_toml


def test_a_written_site_reads_back_the_same():
    source = SourceRule(
        name="haitang-news", title='要闻 "头条" \\ \x7f', url="http://news.haitang.example/", kind="list", tags=("要闻",),
        enabled=False, interval_minutes=30, allow_private_networks=True, allow_invalid_certificate=True, listing=ListingRule("ul > li", title="a/@title"),
        article=ArticleRule(body=("#txt",), remove=(".share", "script"), full_text=False),
    )  # fmt: skip
    site = Site(
        "haitang", "海棠大学", ("海棠", "HTU"), timezone=ZoneInfo("Asia/Urumqi"), tags=("海棠大学",), sources=(source,)
    )

    assert site == read_site("haitang", tomllib.loads(site_toml(site)), "haitang.toml")


def test_every_shipped_site_survives_being_written():
    for name, site in read_catalogue(None).sites.items():
        assert site == read_site(name, tomllib.loads(site_toml(site)), name)
