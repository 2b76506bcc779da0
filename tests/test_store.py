import contextlib
import random
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel

from aggregator.errors import NotFound, StoreError
from aggregator.identity import identity, slug
from aggregator.model import Attachment, Item, Listing, ListingRule, Look, NewEntry, Site, SourceRule, Validators, Visit
from aggregator.query import Selection, tagged
from aggregator.store import Store, revisions
from aggregator.store.entries import Cursor
from aggregator.visit.compose import keyed

NOW = datetime(2025, 3, 21, 2, 30, tzinfo=UTC)
SITE = Site("haitang", "海棠大学", tags=("海棠大学",))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store with two sources, on either database."""
    if request.param == "postgresql":
        opened = Store(request.getfixturevalue("postgresql"))
    else:
        opened = Store(f"sqlite:///{tmp_path}/aggregator.db")
    yield filled(opened)
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path}/aggregator.db")
    yield filled(opened)
    opened.close()


def filled(opened):
    opened.upgrade()
    rules = [(SITE, SourceRule(name=name, title=name, url=f"http://{name}.example/")) for name in ("one", "two")]
    opened.sources.sync(rules, NOW)
    return opened


def entry(url, *, title="新闻", hours=0, tags=("海棠大学",), **fields):
    published = NOW - timedelta(hours=hours) if hours is not None else None
    values = {
        "published": published,
        "precision": "minute",
        "html": "<p>正文</p>",
        "text": "正文",
        "uid": identity(url),
    }
    return NewEntry(
        url=url, slug=slug(url), atom_id=f"tag:localhost,2025:{slug(url)}", title=title, seen_at=NOW, tags=tags, **values | fields
    )  # fmt: skip


def visit(source_id, *entries, **fields):
    values = {"next_poll_at": NOW + timedelta(hours=1)} | fields
    return Visit(source_id=source_id, polled_at=NOW, entries=entries, **values)


def titles(entries):
    return [one.title for one in entries]


def test_a_visit_is_kept_whole(store):
    learned = {
        "validators": Validators('"v1"', "friday"),
        "body_hash": "abc",
        "kind": "list",
        "rule": ListingRule("li"),
    }

    brought = store.entries.record([visit(1, entry("http://one.example/1"), items=20, status=200, **learned)])

    state = store.sources.by_name("one")
    assert [1] == brought
    assert ('"v1"', "friday", "abc", "list") == (
        state.source.etag, state.source.last_modified, state.source.body_hash, state.source.found_kind
    )  # fmt: skip
    assert {"item": "li", "link": "a", "title": "", "date": ""} == state.source.rule
    assert ("new", 20, 1, 200) == (
        state.polls[0].outcome,
        state.polls[0].items,
        state.polls[0].entries,
        state.polls[0].status,
    )
    assert NOW + timedelta(hours=1) == state.source.next_poll_at
    assert NOW == state.source.news_at


def test_an_entry_comes_back_as_it_went_in(store):
    new = entry(
        "http://one.example/1",
        author="记者 甲",
        origin="新闻网",
        section=("首页", "要闻"),
        images=("http://one.example/a.jpg",),
    )

    store.entries.record([visit(1, new)])

    found = store.entries.by_slug(new.slug)
    assert (new.title, new.author, new.origin, new.section) == (found.title, found.author, found.origin, found.section)
    assert (new.html, new.text, new.images, new.tags) == (found.html, found.text, found.images, found.tags)
    assert (NOW, "minute", "one", "海棠大学") == (
        found.published,
        found.precision,
        found.source.name,
        found.source.university,
    )


def test_a_known_entry_is_left_as_it_is(store):
    store.entries.record([visit(1, entry("http://one.example/1", title="第一"))])

    brought = store.entries.record([visit(2, entry("https://one.example/1#top", title="第二"))])

    assert [0] == brought
    assert ["第一"] == titles(store.entries.newest(10))


def test_stories_that_share_one_address_in_one_source_are_all_kept(store):
    stories = [entry("http://one.example/login", title=title, uid=title) for title in ("甲", "乙")]

    store.entries.record([visit(1, *stories)])
    store.entries.record([visit(1, entry("http://one.example/login", title="丙", uid="丙"))])
    store.entries.record([visit(2, entry("http://one.example/login", title="丁", uid="丁"))])

    assert {"甲", "乙", "丙"} == set(titles(store.entries.newest(10)))
    assert (
        3
        == len({one.slug for one in store.entries.newest(10)})
        == len({one.atom_id for one in store.entries.newest(10)})
    )


def test_entries_of_one_moment_keep_the_order_of_the_page(store):
    store.entries.record([visit(1, *(entry(f"http://one.example/{n}", title=str(n)) for n in range(5)))])

    assert ["0", "1", "2", "3", "4"] == titles(store.entries.newest(10))


def test_an_undated_entry_stands_where_it_was_seen(store):
    store.entries.record(
        [visit(1, entry("http://one.example/1", title="无", hours=None), entry("http://one.example/2", hours=1))]
    )

    found = store.entries.newest(10)
    assert ["无", "新闻"] == titles(found)
    assert found[0].published is None


def test_pages_follow_each_other_without_gap_or_repeat(store):
    store.entries.record([visit(1, *(entry(f"http://one.example/{n}", hours=n // 3) for n in range(20)))])
    tag = store.entries.tag("海棠大学")

    for choice in (Selection(), Selection(tagged(tag.name)), Selection(source="one")):
        seen, before = [], None
        while page := store.entries.newest(7, choice, before=before):
            seen += [one.id for one in page]
            before = Cursor.parse(str(Cursor(page[-1].sort, page[-1].id)))
        assert [one.id for one in store.entries.newest(100)] == seen


@pytest.mark.parametrize("wrong", ["", "x", "1", "1-", "-", "1-x", "9" * 30 + "-a"])
def test_a_cursor_that_is_none_is_not_found(wrong):
    with pytest.raises(NotFound):
        Cursor.parse(wrong)


def test_tags_count_their_entries(store):
    store.entries.record(
        [visit(1, entry("http://one.example/1", tags=("甲", "乙")), entry("http://one.example/2", tags=("甲",)))]
    )

    assert [("甲", 2), ("乙", 1)] == [(tag.name, tag.entry_count) for tag in store.entries.tags()]
    assert 1 == len(store.entries.newest(10, Selection(tagged("乙"))))


def test_between_gives_one_day(store):
    store.entries.record([visit(1, *(entry(f"http://one.example/{n}", title=str(n), hours=n) for n in range(5)))])

    assert ["1", "2"] == titles(store.entries.between(NOW - timedelta(hours=2), NOW))


def test_versions_move_with_what_changed_only(store):
    scopes = ("all", "source:1", "source:2")
    store.entries.record([visit(1, entry("http://one.example/1"))])
    before = [store.feeds.version([scope]) for scope in scopes]

    store.entries.record([visit(2, entry("http://two.example/1")), visit(1)])

    after = [store.feeds.version([scope]) for scope in scopes]
    assert [False, True, False] == [old == new for old, new in zip(before, after, strict=True)]


def test_a_stored_feed_is_current_at_its_version_only(store):
    kept = store.feeds.keep("/feed.atom", "all=1", "application/atom+xml", b"<feed/>", NOW)

    assert kept == store.feeds.current("/feed.atom", "all=1")
    assert store.feeds.current("/feed.atom", "all=2") is None


def test_a_changed_address_forgets_what_the_old_one_taught(store):
    store.entries.record(
        [visit(1, validators=Validators('"v1"'), body_hash="abc", kind="list", rule=ListingRule("li"))]
    )

    store.sources.sync([(SITE, SourceRule(name="one", title="one", url="http://new.example/"))], NOW)

    source = store.sources.by_name("one").source
    assert (None, None, None, None) == (source.etag, source.body_hash, source.found_kind, source.rule)


def test_a_source_that_left_the_files_is_off_and_keeps_its_entries(store):
    store.entries.record([visit(1, entry("http://one.example/1"))])

    store.sources.sync([(SITE, SourceRule(name="two", title="two", url="http://two.example/"))], NOW)

    assert not store.sources.by_name("one").source.enabled
    assert 1 == store.entries.count()


def test_pending_items_count_their_tries(store):
    for expected in (0, 1, 2):
        assert {"k": expected} == store.entries.unknown(["k"])
        store.entries.record([visit(1, pending=(("k", Item("http://one.example/1", "甲")),))])
        assert {"k": Item("http://one.example/1", "甲")} == store.entries.pending_of(1)

    store.entries.record([visit(2, entry("http://one.example/1", uid="k"))])

    assert {} == store.entries.unknown(["k"])
    assert {} == store.entries.pending_of(1)


def test_a_pending_item_keeps_all_that_the_list_said(store):
    item = Item(
        "http://one.example/1", "甲", NOW, "day", NOW, "guid", "作者", "<p>摘要</p>", None, ("标签",),
        (Attachment("http://one.example/1.pdf", "附件", "application/pdf", 7),),
    )  # fmt: skip

    store.entries.record([visit(1, resting=(("k", item),))])

    assert {"k": item} == store.entries.pending_of(1)


def test_a_pending_item_stays_with_every_source_that_lists_it(store):
    item = Item("http://one.example/1", "甲")
    store.entries.record([visit(1, pending=(("k", item),)), visit(2, pending=(("k", item),))])

    assert {"k": item} == store.entries.pending_of(1) == store.entries.pending_of(2)
    assert {"k": 2} == store.entries.unknown(["k"])

    store.entries.record([visit(2, entry("http://one.example/1", uid="k"))])

    assert {} == store.entries.pending_of(1) == store.entries.pending_of(2)


def test_an_address_that_is_stored_under_another_key_is_known_from_then_on(store):
    """Or its page would be fetched again at each poll."""
    item = Item("http://one.example/1", "甲")
    store.entries.record([visit(1, entry("http://one.example/1", uid="k")), visit(2, pending=(("other", item),))])

    store.entries.record([visit(2, entry("http://one.example/1", uid="other"))])

    assert 1 == store.entries.count()
    assert {} == store.entries.unknown(["k", "other"]) == store.entries.pending_of(2)


def test_what_one_source_stores_while_another_fails_is_not_pending(store):
    failed = visit(1, pending=(("k", Item("http://one.example/1", "甲")),))

    store.entries.record([failed, visit(2, entry("http://one.example/1", uid="k"))])

    assert {} == store.entries.unknown(["k"]) == store.entries.pending_of(1)


def test_one_row_that_cannot_be_stored_is_told_from_a_database_that_cannot(store):
    with pytest.raises(IntegrityError):
        store.entries.record([visit(99, entry("http://one.example/1"))])

    assert 0 == store.entries.count()


def test_a_changed_rule_reads_the_page_again(store):
    store.entries.record([visit(1, validators=Validators('"v1"'), body_hash="abc")])
    rule = SourceRule(name="one", title="one", url="http://one.example/", listing=ListingRule("li"))

    store.sources.sync([(SITE, rule)], NOW)

    assert (None, None) == (store.sources.by_name("one").source.etag, store.sources.by_name("one").source.body_hash)


def test_a_failed_transaction_stores_nothing(store):
    class BrokenError(Exception):
        pass

    def half():
        with store.write() as connection:
            connection.execute(text("UPDATE source SET title = 'half'"))
            raise BrokenError

    with pytest.raises(BrokenError):
        half()

    assert "one" == store.sources.by_name("one").source.title


def test_old_polls_are_tidied_away(store):
    for _ in range(5):
        store.entries.record([visit(1), visit(2)])

    assert 4 == store.sources.outdated(keep=3) == store.sources.tidy(keep=3)
    assert 3 == len(store.sources.by_name("one", polls=10).polls)


def test_migrations_make_the_schema_of_the_model(store):
    with store.read() as connection:
        made = inspect(connection)
        for table in SQLModel.metadata.tables.values():
            columns = {column["name"]: column["nullable"] for column in made.get_columns(table.name)}
            assert {column.name: column.nullable for column in table.columns} == columns
            indexes = {index["name"]: index["unique"] for index in made.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= indexes.keys()
            plain = {name for name, is_unique in indexes.items() if not is_unique}
            assert {index.name for index in table.indexes if not index.unique} == plain


def test_an_older_database_keeps_what_it_holds(tmp_path):
    with create_engine(f"sqlite:///{tmp_path}/aggregator.db").begin() as connection:  # as the first version left it
        config = Config()
        config.set_main_option("script_location", "aggregator:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            (
                "INSERT INTO source (name, site, university, title, url, kind, enabled, rule_hash, next_poll_at, failures)"
                " VALUES ('one', 'haitang', '海棠大学', '要闻', 'http://a.edu.cn/', 'auto', 1, '', '2025-03-20 00:00:00', 0)"
            ),
            (
                "INSERT INTO entry (slug, uid, atom_id, source_id, url, title, updated, sort, seen_at, section, summary)"
                " VALUES ('s', 'a.edu.cn/1', 'tag:s', 1, 'http://a.edu.cn/1', '旧闻', '2025-03-20 00:00:00', 1742428800,"
                " '2025-03-20 00:00:00', '[]', '')"
            ),
            (
                "INSERT INTO pending (uid, source_id, url, title, tries, tried_at)"
                " VALUES ('k', 1, 'http://a.edu.cn/2', '待读', 1, '2025-03-20 00:00:00')"
            ),
        ):
            connection.execute(text(statement))

    with contextlib.closing(Store(f"sqlite:///{tmp_path}/aggregator.db")) as again:
        again.upgrade()
        assert (revisions()[-1], ["旧闻"]) == (again.schema(), titles(again.entries.newest(10)))
        assert 1 == again.index.catch_up()  # search finds it, too
        assert {"k": Item("http://a.edu.cn/2", "待读")} == again.entries.pending_of(1)


def test_a_known_entry_at_a_new_address_stays_one_entry(store):
    old, new = entry("http://a.edu.cn/1"), entry("http://a.edu.cn/new/1")
    store.entries.record([visit(1, old)])
    (known,) = store.entries.known(1)
    versions = store.feeds.version(["sources"])
    moved = visit(1, moved=((new.uid, new.url, known.id),), look=Look(1, 1, 1), repair="how")
    store.entries.record([moved])

    assert {} == store.entries.unknown([old.uid, new.uid])
    assert [0] == store.entries.record([visit(1, new)])
    (kept,) = store.entries.newest(10)
    assert (old.slug, old.atom_id, new.url) == (kept.slug, kept.atom_id, kept.url)
    assert versions != store.feeds.version(["sources"])  # rendered feeds link the old address
    source = store.sources.by_name("one").source
    assert (Look(1, 1, 1, [], []), "how") == (Look(**source.look), source.repair)


def test_upgrading_twice_changes_nothing(store):
    store.upgrade()

    assert revisions()[-1] == store.schema()


def test_a_newer_database_is_refused_and_left_alone(store):
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match=r"newer version .*schema 9999.*Nothing was changed"):
        store.upgrade()


def test_somebody_elses_database_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE bookmarks (id)")
    other.close()

    with pytest.raises(StoreError, match="holds other tables"):
        Store(f"sqlite:///{tmp_path}/other.db").upgrade()


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "aggregator.db").write_text("this is not a database, it is a note of some length" * 100)

    with pytest.raises(StoreError, match="not a database"):
        Store(f"sqlite:///{tmp_path}/aggregator.db").upgrade()


@pytest.mark.parametrize("url", ["", "nonsense", "moon://host/db", "sqlite:////proc/no/such/folder/a.db"])
def test_a_database_address_that_cannot_be_used_is_named(url):
    with pytest.raises(StoreError):
        Store(url).upgrade()


def test_a_full_disk_says_so_and_loses_nothing(sqlite_store):
    sqlite_store.entries.record([visit(1, entry("http://one.example/1"))])
    with sqlite_store.write() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    big = [entry(f"http://one.example/big{n}", html="x" * 100_000) for n in range(20)]

    with sqlite_store.write() as connection:  # SQLite's own limit answers as a full disk does: SQLITE_FULL
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    with pytest.raises(StoreError, match="disk is full"):
        sqlite_store.entries.record([visit(1, *big)])

    assert ["http://one.example/1"] == [one.url for one in sqlite_store.entries.newest(10)]
    assert [] == sqlite_store.check()


def test_one_scheduler_at_a_time(sqlite_store):
    second = Store(str(sqlite_store.url))
    with (
        sqlite_store.sole_scheduler(),
        pytest.raises(StoreError, match="another `aggregator run`"),
        second.sole_scheduler(),
    ):
        pass

    with sqlite_store.sole_scheduler():
        pass


def noise(length):
    """Letters that no compression makes fewer."""
    draw = random.Random(length)
    return "".join(chr(draw.randrange(0x4E00, 0x9FA0)) for _ in range(length))


def test_the_longest_addresses_and_titles_that_a_feed_may_give_are_stored(store):
    """PostgreSQL would refuse keys longer than 2,704 bytes, and the whole run with them."""
    items = [
        Item(f"http://one.example/{noise(1900)}", "甲"),
        *(Item("http://one.example/login", noise(length)) for length in (1990, 1991)),
        *(Item("http://one.example/next", "同", guid=noise(length)) for length in (1992, 1993)),
    ]
    keys = keyed(Listing(kind="feed", title="x", items=tuple(items)), "http://one.example/", ())
    news = [entry(item.url, title=item.title, uid=key) for key, item in keys.items()]

    store.entries.record([visit(1, *news, pending=tuple(keys.items()))])

    assert 5 == len(keys)
    assert {} == store.entries.unknown(list(keys))
    assert list(keys) == list(keyed(Listing(kind="feed", title="x", items=tuple(items)), "http://one.example/", ()))


def test_a_row_that_the_database_refuses_is_no_fault_of_the_database(store):
    too_long = entry("http://one.example/1", uid=noise(3000))

    with contextlib.suppress(DBAPIError):  # SQLite takes it
        store.entries.record([visit(1, too_long)])

    assert [1] == store.entries.record([visit(1, entry("http://one.example/2"))])
