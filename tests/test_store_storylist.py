"""Stories of a selection, page by page, on both databases."""

from datetime import timedelta

import pytest

from aggregator.query import EVERYTHING, Selection, parse
from aggregator.store import Store
from aggregator.store.storylist import newest_stories
from tests.newsroom import NOW, rules, story, visit

TEXT = "近日，学校与三所大学共建的第{0}号水稻基因库在青岭县揭牌，首批入库种质{1}万二千份，共建单位有{2}家。" * 5


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    opened = Store(url)
    opened.upgrade()
    opened.sources.sync(rules(), NOW)
    for number in range(5):
        told = {
            "title": f"四所大学共建第{number}号水稻基因库在青岭县揭牌",
            "text": TEXT.format(number, number + 3, number + 5),
            "hours": number * 24,
            "tags": ("要闻", "讲座")[number % 2 :][:1],
        }
        opened.entries.record([visit(1, story(100 + number, **told))])
        opened.entries.record([visit(3 + number % 2, story(200 + number, **told))])
    yield opened
    opened.close()


def places(store, selection=EVERYTHING, limit=10, **more):
    return [place for place, _ in newest_stories(store, limit, selection, **more)]


def test_stories_are_read_in_pages_the_last_known_first(store):
    whole = newest_stories(store, 10)

    assert [2] * 5 == [len(one.tellings) for _, one in whole]
    assert sorted(places(store), reverse=True) == places(store)
    assert places(store)[2:4] == places(store, limit=2, before=places(store)[1])
    assert [] == places(store, before=places(store)[-1])


def test_a_story_is_listed_where_an_entry_of_the_selection_tells_it(store):
    asked = [
        (Selection(parse("要闻")), 3),
        (Selection(parse("要闻|讲座")), 5),
        (Selection(parse("要闻+讲座")), 0),
        (Selection(university="星湖理工学院"), 0),
        (Selection(university="云岭师范大学"), 5),
        (Selection(source="yunling-notices"), 2),
        (Selection(parse("讲座"), university="云岭师范大学"), 2),
        (Selection(since=NOW - timedelta(hours=30)), 2),
        (Selection(until=NOW - timedelta(hours=30)), 3),
        (Selection(source="haitang-news", university="云岭师范大学"), 0),
    ]

    assert asked == [(selection, len(places(store, selection))) for selection, _ in asked]
