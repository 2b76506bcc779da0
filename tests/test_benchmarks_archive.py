import pytest

from aggregator.query import Selection, tagged
from aggregator.store import Store
from tests.benchmarks.archive import HOTTEST, TAGS, UNIVERSITIES, build, tag_name, university


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    address = request.getfixturevalue("postgresql") if request.param == "postgresql" else f"sqlite:///{tmp_path}/a.db"
    opened = Store(address)
    build(opened, 3000)
    yield opened
    opened.close()


def test_the_archive_is_a_sound_database_of_its_size(store):
    tags = {tag.name: tag.entry_count for tag in store.entries.tags()}

    assert 3000 == store.entries.count()
    assert [] == store.check()
    assert HOTTEST * 3000 == pytest.approx(tags[tag_name(1)], rel=0.15)
    assert HOTTEST * 3000 / 10 == pytest.approx(tags[tag_name(10)], rel=0.5)
    assert 3000 == sum(tags[university(number)] for number in range(UNIVERSITIES))
    assert len({tag_name(number) for number in range(1, TAGS + 1)}) == TAGS
    assert tags[tag_name(1)] == len(store.entries.newest(3000, Selection(tagged(tag_name(1)))))
    assert tags[university(5)] == len(store.entries.newest(3000, Selection(university=university(5))))


def test_its_entries_are_read_like_those_of_visits(store):
    first, *_, last = store.entries.newest(3000, bodies=True)

    assert first.sort > last.sort
    assert all(60 < len(one.text) < 1500 and one.html.startswith("<p>") and one.title for one in (first, last))
    assert first.published.timestamp() == first.sort
