"""Stored entries tagged again, on both databases: as a fresh one would have them, whatever happened before."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from aggregator import tagging
from aggregator.classify.tag import Tagger
from aggregator.errors import NotFound, RuleError
from aggregator.model import Change, Edition, Looked, Site, SourceRule, Taxonomy, Trace
from aggregator.query import Selection, parse, tagged
from aggregator.rules.tags import load_taxonomy
from aggregator.store import Store
from aggregator.store.burial import bury
from aggregator.store.tagging import Change as Retagging
from tests.newsroom import watched
from tests.test_store import NOW, entry, visit

RULES = '[tag."试验田"]\nwords = "水稻"\naliases = ["田"]\n[tag."田野"]\nparents = ["试验田"]\nwords = "小麦"\n'
SOURCE = SourceRule("one", "要闻", "http://one.example/", tags=("要闻", "田"))
ALIASES = {"党的建设": "党建", "党建工作": "党建"}
SITE = Site("haitang", "海棠大学", tags=("海大",), sources=(SOURCE,))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """A store with one source and three entries that were tagged by no rules of topics."""
    opened = Store(
        request.getfixturevalue("postgresql") if request.param == "postgresql" else f"sqlite:///{tmp_path}/a.db"
    )
    opened.upgrade()
    opened.sources.sync([(SITE, SOURCE)], NOW)
    given = ("海大", "海棠大学", "要闻", "田")
    stories = ("水稻丰收", "小麦丰收", "晴天")
    opened.entries.record(
        [visit(1, *(entry(f"http://a.edu.cn/{n}", title=title, tags=given) for n, title in enumerate(stories)))]
    )
    yield opened
    opened.close()


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "tags.toml").write_text(RULES, "utf-8")
    return tmp_path


def retag(instance, store, **options):
    return tagging.retag(instance, store, lambda: NOW, **options)


def tags_of(store):
    return {one.title: set(one.tags) for one in store.entries.newest(9)}


def counted(store):
    with store.read() as connection:
        rows = connection.execute(
            text("SELECT t.name, t.entry_count, count(e.entry_id) FROM tag t LEFT JOIN entry_tag e ON e.tag_id = t.id GROUP BY 1, 2")
        )  # fmt: skip
        return {name: count for name, count, real in rows if count == real or pytest.fail(f"{name}: {count} {real}")}


def test_entries_get_the_tags_that_a_fresh_database_would_have(store, instance):
    assert (3, 3) == retag(instance, store)

    given = {"海大", "海棠大学", "要闻", "试验田"}
    assert {"水稻丰收": given, "小麦丰收": {*given, "田野"}, "晴天": given} == tags_of(store)
    assert {"海大": 3, "海棠大学": 3, "要闻": 3, "试验田": 3, "田野": 1} == counted(store)
    assert (3, 0) == retag(instance, store)


def test_a_withheld_text_keeps_the_tags_that_it_had(store, instance):
    store.withholds = True
    store.entries.record([visit(1, entry("http://a.edu.cn/w", title="喜讯", text="今年小麦丰收。", trace=Trace()))])
    retag(instance, store)
    (one,) = watched(store)
    removed = Looked(one.watch.entry_id, NOW, one.watch, (Change("removed", ("404",)),))
    store.entries.record([visit(1, looked=(removed,))])

    assert "" == next(one.text for one in store.entries.newest(9) if one.title == "喜讯")
    assert (4, 0) == retag(instance, store)
    assert "田野" in tags_of(store)["喜讯"]


def test_what_is_left_without_entries_makes_room_for_the_alias_of_its_name(store, instance):
    assert tagged("田") == store.names.expression("田")

    retag(instance, store)

    assert tagged("试验田") == store.names.expression("田")
    assert parse("要闻+试验田") == store.names.expression("要闻+田")


def test_feeds_and_search_hear_of_changed_tags_only(store, instance):
    store.index.catch_up()
    before = store.feeds.versions()
    retag(instance, store)
    after = store.feeds.versions()

    assert after["all"] > before["all"]
    assert after["source:1"] > before["source:1"]
    assert 3 == store.index.catch_up()
    retag(instance, store)
    assert (after, 0) == (store.feeds.versions(), store.index.behind())


def test_a_retag_that_was_broken_off_goes_on_where_it_was(store, instance):
    def broken_off(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retag(instance, store, batch=1, told=broken_off)

    assert 1 == store.tagging.progress().after_id
    assert (2, 2) == retag(instance, store)
    assert NOW == store.tagging.progress().ended_at
    assert (3, 0) == retag(instance, store)
    (instance / "tags.toml").write_text(RULES.replace("水稻", "晴天"), "utf-8")
    assert (3, 0) == retag(instance, store, anew=True)  # all have it from their source anyway


def test_entries_whose_site_file_is_gone_keep_what_it_gave(store, instance):
    store.sources.sync([], NOW)
    retag(instance, store)
    assert {"海大", "海棠大学", "要闻", "试验田"} == tags_of(store)["晴天"]

    with store.write() as connection:  # gone before an update of the program
        connection.execute(text("UPDATE source SET given = NULL"))
    retag(instance, store)
    assert {"海大", "海棠大学", "要闻"} == tags_of(store)["晴天"]


def test_an_operators_rule_that_tags_more_than_half_is_refused_with_its_share(store, instance):
    store.entries.record(
        [visit(1, *(entry(f"http://a.edu.cn/n{n}", title=f"水稻第{n}季" if n % 3 else "晴") for n in range(60)))]
    )

    with pytest.raises(RuleError, match=r'tags\.toml: tag."试验田": its words would tag 65% of the newest entries'):
        retag(instance, store)
    assert store.tagging.progress() is None
    (instance / "tags.toml").write_text(RULES.replace("words", "broad = true\nwords", 1), "utf-8")
    assert 63 == retag(instance, store).entries


def test_the_current_tagger_follows_its_files_and_keeps_to_the_last_sound_ones(store, instance, caplog):
    tagger = tagging.CurrentTagger(instance, store, lambda: NOW)
    assert ("试验田",) == tagger().tags((), "水稻", "")
    assert store.tagging.progress().ended_at is None  # what is stored waits for a retag

    (instance / "tags.toml").write_text(RULES.replace("水稻", "玉米"), "utf-8")
    assert ("试验田",) == tagger().tags((), "玉米", "")
    (instance / "tags.toml").write_text("[tag.", "utf-8")
    assert ("试验田",) == tagger().tags((), "玉米", "")
    assert "the rules of tags were not read again" in caplog.text
    with pytest.raises(RuleError):
        tagging.CurrentTagger(instance, store, lambda: NOW)


def test_two_who_note_the_names_of_topics_at_once_both_do(store):
    """What another has added since this one looked is a reason to look again, not a fault."""
    other = Store(store.url)
    with ThreadPoolExecutor(1) as pool:
        with other.write() as connection:
            other.tagging._keep_aliases(connection, ALIASES)
            second = pool.submit(store.tagging.keep_aliases, ALIASES)
            with pytest.raises(TimeoutError):
                second.result(0.5)
        second.result(10)
    other.close()
    with store.read() as connection:
        assert ALIASES == dict(
            connection.execute(text("SELECT alias, tag_name FROM tag_alias WHERE is_of_topic")).all()
        )


def test_a_renamed_tag_keeps_its_entries_and_its_old_name_leads_to_it(store):
    before = store.feeds.versions()

    assert 3 == store.tagging.rename("要闻", "头条")

    assert {"海大", "海棠大学", "头条", "田"} == tags_of(store)["晴天"]
    assert parse("头条-田") == store.names.surviving("要闻-田")
    assert 3 == len(store.entries.newest(9, Selection(store.names.expression("要闻"))))
    assert store.feeds.versions()["sources"] > before["sources"]


def test_no_tag_is_renamed_while_entries_get_it_or_lose_it(store):
    other = Store(store.url)
    works = (
        lambda connection: other.tagging.ids_of(connection, ["要闻"]),
        lambda connection: other.tagging.settle(connection, {1: ["海大"]}),
    )
    for work, old, new in zip(works, ("要闻", "头条"), ("头条", "海大"), strict=True):
        with ThreadPoolExecutor(1) as pool:
            with other.write() as connection:
                work(connection)
                renaming = pool.submit(store.tagging.rename, old, new)
                with pytest.raises(TimeoutError):
                    renaming.result(0.5)
            renaming.result(10)
    other.close()

    assert {"海大": 3, "海棠大学": 2, "田": 2} == counted(store)


def test_frozen_digests_of_a_renamed_tag_are_found_under_its_new_name(store):
    day = NOW.date()
    for name, tags in (("2025-03-19", "要闻"), ("2025-03-20", "要闻"), ("2025-03-20", "海大")):
        store.digests.keep(Edition(name=name, tags=tags, number=1, first=day, last=day, made_at=NOW))

    store.tagging.rename("要闻", "海大")

    assert store.digests.newest("2025-03-19", "海大")
    assert store.digests.newest("2025-03-20", "要闻")  # there were both: each stays what it is


def test_a_merged_tag_gives_its_entries_to_the_other_each_once(store):
    store.entries.record([visit(1, entry("http://a.edu.cn/9", title="新", tags=("田", "要闻2")))])

    assert 3 == store.tagging.rename("要闻", "海大")
    assert 1 == store.tagging.rename("要闻2", "海大")

    assert {"海大": 4, "海棠大学": 3, "田": 4} == counted(store)
    assert {tagged("海大")} == {store.names.expression(name) for name in ("要闻", "要闻2", "海大")}
    with pytest.raises(NotFound):
        store.names.expression("没有")


def test_entries_that_are_changed_get_their_tags_in_the_same_transaction(store):
    with store.write() as connection:
        store.tagging.settle(connection, {1: ["海棠大学", "新"], 2: ["新"], 99: ["新"]})
        store.tagging.settle(connection, {1: ["新", "海棠大学"]})

    assert {"海大": 1, "海棠大学": 2, "要闻": 1, "田": 1, "新": 2} == counted(store)


def test_a_retag_leaves_alone_what_was_changed_or_deleted_since_it_was_read(store):
    read = store.tagging.material(0, 9, 100)
    with store.write() as connection:
        store.tagging.settle(connection, {1: ["新"]})
        bury(store, connection, [2], NOW + timedelta(days=9))

    store.tagging.change([Retagging(one, frozenset(["田野"])) for one in read], "", 3)

    assert {"晴天": {"新"}, "水稻丰收": {"田野"}} == tags_of(store)
    assert {"新": 1, "田野": 1} == {name: count for name, count in counted(store).items() if count}


def test_aliases_of_site_files_go_before_those_of_topics(store):
    store.tagging.keep_aliases({"大": "要闻", "小": "要闻"})
    site = Site("haitang", "海棠大学", aliases=("大",), sources=(SOURCE,))
    store.sources.sync([(site, SOURCE)], NOW)
    store.tagging.keep_aliases({"大": "要闻", "小": "要闻"})

    assert [tagged("海棠大学"), tagged("要闻")] == [store.names.expression(name) for name in ("大", "小")]
    store.tagging.keep_aliases({})
    with pytest.raises(NotFound):
        store.names.expression("小")


def test_shares_of_few_entries_say_nothing(store):
    its = Tagger(Taxonomy(load_taxonomy(None).topics))

    assert {} == tagging.shares(its, store.tagging.newest(9, 9))
