from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.errors import NotFound, QueryError
from aggregator.model import Site, SourceRule
from aggregator.query import EVERYTHING, Selection, parse, tagged
from aggregator.store import Store
from aggregator.store.entries import Cursor
from tests.newsroom import NOW, rules, story, text, visit
from tests.postgresql import emptied

TAGS = ("要闻", "科研", "讲座", "招生")
SITES = (Site("haitang", "海棠大学", ("海大",)), Site("yunling", "云岭大学", ("云大",)))
SOURCES = [
    (SITES[number % 2], SourceRule(f"s{number}", f"s{number}", f"http://s{number}.example/")) for number in range(4)
]


def stories(source):
    """Twelve entries of *source*, many of one time, with tags by their number in binary; one in four all sources tell."""
    for number in range(12):
        tags = tuple(tag for place, tag in enumerate(TAGS) if (number + 5 * source) >> place & 1)
        told = text(100 + number if number % 4 == 0 else source * 12 + number)
        yield story(source * 12 + number, hours=number // 2, tags=tags, text=told)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request, tmp_path_factory):
    """48 entries of four sources of two universities, on either database."""
    if request.param == "postgresql":
        opened = Store(emptied(request.getfixturevalue("postgresql_server")))
    else:
        opened = Store(f"sqlite:///{tmp_path_factory.mktemp('selecting')}/aggregator.db")
    opened.upgrade()
    opened.sources.sync(SOURCES, NOW)
    opened.entries.record([visit(1 + number, *stories(number)) for number in range(4)])
    yield opened
    opened.close()


def shown(selection, everything):
    """What a Selection means: of one story the first that we saw, of those that it has at any time."""
    ever = replace(selection, since=None, until=None)
    firsts = {}
    for one in sorted(everything, key=lambda one: one.id):
        if is_in(ever, one):
            firsts.setdefault(one.story.key if one.story and not selection.every else one.id, one.id)
    return [one for one in everything if is_in(selection, one) and one.id in firsts.values()]


def is_in(selection, entry):
    """What a Selection means for one entry."""
    terms = selection.tags.terms if selection.tags else ()
    return (
        (not terms or any(set(one.have) <= set(entry.tags) and not set(one.lack) & set(entry.tags) for one in terms))
        and selection.source in (None, entry.source.name)
        and selection.university in (None, entry.source.university)
        and (selection.since is None or entry.published >= selection.since)
        and (selection.until is None or entry.published < selection.until)
    )


def times(hours):
    return NOW - timedelta(hours=hours)


EXPRESSIONS = (
    "要闻", "要闻+科研", "科研-讲座", "要闻|招生", "要闻+科研|讲座-招生", "-讲座", "-要闻-科研|讲座+招生", "要闻+科研+讲座+招生",
    "(要闻|科研)+(讲座|招生)", "-(要闻+科研)",
)  # fmt: skip


@settings(derandomize=True, database=None, deadline=None, max_examples=80, suppress_health_check=[*HealthCheck])
@given(
    st.builds(
        Selection,
        st.one_of(st.none(), st.sampled_from(EXPRESSIONS).map(parse)),
        st.sampled_from((None, "s0", "s1")),
        st.sampled_from((None, "海棠大学", "云岭大学")),
        since=st.sampled_from((None, times(5), times(3))),
        until=st.sampled_from((None, times(1))),
        every=st.booleans(),
    ),
    st.integers(1, 20),
    st.one_of(
        st.none(),
        st.builds(Cursor, st.integers(0, 6).map(lambda hours: int(times(hours).timestamp())), st.integers(0, 49)),
    ),
)
def test_a_selection_gives_its_newest_entries(store, selection, limit, before):
    everything = store.entries.newest(100, Selection(every=True))

    found = store.entries.newest(limit, selection, before=before)

    expected = [
        one for one in shown(selection, everything) if before is None or (one.sort, one.id) < (before.sort, before.id)
    ]
    assert (48, expected[:limit]) == (len(everything), found)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("university", [None, "海棠大学"])
def test_entries_of_a_selection_are_counted(store, expression, university):
    bounds = [times(4), times(2), NOW + timedelta(hours=1)]
    selection = Selection(parse(expression), university=university, every=True)

    counted = store.counts.between(bounds, selection)

    assert [len(store.entries.between(*span, selection)) for span in pairwise(bounds)] == counted


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_oldest_entries_are_where_the_newest_end(store, expression):
    selection = Selection(parse(expression))

    places = [Cursor(one.sort, one.id) for one in store.entries.newest(100, selection)]

    assert places[::-1][:5] == store.entries.oldest(5, selection)


def test_entries_come_in_the_order_of_their_ids(store):
    everything = {one.id: one for one in store.entries.newest(100)}
    ids = sorted(everything)[3:30:7]

    assert [everything[id_] for id_ in ids] == store.entries.of([*ids, 10**9])
    assert [store.entries.by_slug(everything[ids[0]].slug)] == store.entries.of(ids[:1], bodies=True)


def test_whole_entries_have_their_bodies_and_tags_in_order(store):
    listed, whole = store.entries.newest(1), store.entries.newest(1, bodies=True)

    assert [one._replace(html="", text="", images=(), attachments=()) for one in whole] == listed
    assert whole[0] == store.entries.by_slug(whole[0].slug)
    ids = {tag.name: tag.id for tag in store.entries.tags()}
    assert all(sorted(one.tags, key=ids.get) == list(one.tags) for one in store.entries.newest(100))


def test_a_university_of_very_many_sources_is_read_at_once(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/aggregator.db")
    store.upgrade()
    store.sources.sync(
        [(SITES[0], SourceRule(f"s{number}", "s", f"http://s{number}.example/")) for number in range(150)], NOW
    )
    store.entries.record([visit(1 + number, story(number, hours=number)) for number in range(0, 150, 10)])

    found = store.entries.newest(9, Selection(university="海棠大学"))

    assert store.entries.newest(9) == found
    assert [3, 0] == store.counts.between(
        [times(20), NOW + timedelta(1), NOW + timedelta(2)], Selection(university="海棠大学")
    )
    store.close()


@pytest.mark.parametrize(
    ("selection", "complaint"),
    [
        (Selection(tagged("数学")), "no tag called '数学'$"),
        (Selection(tagged("科学")), "no tag called '科学'; near it are 科研"),
        (Selection(parse("要闻|科研会")), "no tag called '科研会'; near it are 科研"),
        (Selection(source="s01"), "no source called 's01'; near it are s1, s0"),
        (Selection(university="海棠学院"), "no university called '海棠学院'; near it are 海棠大学"),
    ],
)
def test_a_name_that_is_unknown_is_told_with_its_neighbours(store, selection, complaint):
    with pytest.raises(NotFound, match=complaint):
        store.entries.newest(9, selection)
    with pytest.raises(NotFound, match=complaint):
        store.names.scopes(selection)


def test_a_selection_names_the_scopes_that_change_it(store):
    ids = {tag.name: tag.id for tag in store.entries.tags()}

    assert ("all",) == store.names.scopes(EVERYTHING) == store.names.scopes(Selection(parse("-讲座|要闻")))
    assert {f"tag:{ids['要闻']}", f"tag:{ids['讲座']}"} == set(store.names.scopes(Selection(parse("要闻-讲座"))))
    of = {state.source.name: f"source:{state.source.id}" for state in store.sources.all()}
    assert (of["s0"],) == store.names.scopes(Selection(source="s0"))
    assert {of["s0"], of["s2"]} == set(store.names.scopes(Selection(university="海棠大学")))
    assert (of["s0"],) == store.names.scopes(Selection(parse("要闻"), source="s0", university="海棠大学"))


class TestNames:
    """What expressions mean where there are tags of odd names, and aliases."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def store(self, request, tmp_path):
        if request.param == "postgresql":
            opened = Store(request.getfixturevalue("postgresql"))
        else:
            opened = Store(f"sqlite:///{tmp_path}/aggregator.db")
        opened.upgrade()
        opened.sources.sync(SOURCES, NOW)
        tags = ("海棠大学", "科研", "COVID-19", "C++", "科研+教学", "教学", "Open Day", "未｜来")
        opened.entries.record([visit(1, story(1, tags=tags))])
        yield opened
        opened.close()

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("科研", "科研"),
            ("海大", "海棠大学"),
            ("海大+科研", "海棠大学+科研"),
            ("海大|海棠大学", "海棠大学"),
            ("教学+科研", "教学+科研"),
            ("科研+教学", "科研+教学"),  # a tag, though it reads as an expression
            ("C++", "C++"),
            ("COVID-19", "COVID-19"),
            ('"COVID-19"', "COVID-19"),
            ("未｜来", "未｜来"),
            ("科研-“C++”", '科研-"C++"'),
            (" Open  Day ", "Open Day"),
        ],
    )
    def test_a_text_means_a_tag_or_an_expression(self, store, text, address):
        assert address == store.names.expression(text).address

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("科研+", QueryError),
            ("海大-海棠大学", QueryError),
            ("没有", NotFound),
            ("云大", NotFound),
            ("科研+没有", NotFound),
            ("\ud800", QueryError),
        ],
    )
    def test_what_means_nothing_is_refused(self, store, text, error):
        with pytest.raises(error):
            store.names.expression(text)

    def test_universities_are_known_by_their_aliases(self, store):
        assert ["云岭大学", "云岭大学"] == [store.names.university(name) for name in ("云岭大学", "云大")]
        with pytest.raises(NotFound, match="no university called '云'"):
            store.names.university("云")

    def test_aliases_are_those_of_the_site_files(self, store):
        before = store.feeds.version(["sources"])

        store.sources.sync(SOURCES, NOW)
        assert before == store.feeds.version(["sources"])

        store.sources.sync(rules(), NOW)
        assert before != store.feeds.version(["sources"])
        with pytest.raises(NotFound):
            store.names.expression("海大")
