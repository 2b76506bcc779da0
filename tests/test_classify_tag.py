from aggregator.classify.tag import tags_of
from aggregator.model import Site, SourceRule


def test_an_entry_has_the_tags_of_its_site_its_university_and_its_source_once_each():
    site = Site("nankai", "南开大学", tags=("南开", "南开大学"))
    source = SourceRule("x", "x", "http://x/", tags=("要闻", "南开"))

    assert ("南开", "南开大学", "要闻") == tags_of(site, source)
    assert ("海棠大学",) == tags_of(Site("x", "海棠大学"), SourceRule("x", "x", "http://x/"))
