"""One database into another and back, and into a file and back, with every kind of row."""

import sqlite3
import subprocess
import sys
from datetime import date
from subprocess import PIPE

import pytest
from sqlalchemy import select, text
from sqlmodel import SQLModel

from aggregator.errors import StoreError
from aggregator.mail.mailbox import mailbox
from aggregator.model import Choice, Edition, Terms
from aggregator.question import parse
from aggregator.settings import Settings
from aggregator.store import Store
from aggregator.store.backup import backup, examine, restore
from aggregator.store.copying import copy, rows_in, tables
from aggregator.tidying import tidy
from tests.newsroom import empty_store, fill, story, visit
from tests.university import NOW


@pytest.fixture
def store(tmp_path):
    """Some rows of most tables, on SQLite."""
    (tmp_path / "original").mkdir()
    with empty_store(tmp_path / "original") as found:
        fill(found)
        found.entries.record([visit(1, story(900, hours=24 * 900, title="旧闻\0𠮷"), story(901, hours=24 * 901))])
        one = found.entries.newest(1)[0]
        items = [{"rank": 1, "topic": "", "late": False, "entries": [{"id": one.id}]}]
        day = date(2025, 3, 1)
        found.digests.keep(
            Edition(name="2025-03-01", number=1, first=day, last=day, items=items, facts={"ids": []}, made_at=NOW)
        )
        tidy(Settings(instance=tmp_path), found, Terms(900), NOW)
        found.feeds.keep("/feed.atom", "all=1", "text/xml", b"\0\xff", NOW)
        found.subscribers.sign_up(mailbox("reader@example.org"), Choice(), NOW)
        found.index.catch_up()
        yield found


@pytest.fixture(params=["postgresql", "sqlite"])
def target(request, tmp_path):
    """An empty database of either kind."""
    postgresql = request.param == "postgresql"
    opened = Store(request.getfixturevalue("postgresql") if postgresql else f"sqlite:///{tmp_path}/target.db")
    yield opened
    opened.close()


def rows(store):
    """Every row of every table, without what is made anew."""
    with store.read() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables()}


def moved(source, target):
    for _ in copy(source, target):
        pass
    target.index.catch_up(10_000)


def test_a_copy_there_and_back_holds_the_same(store, target, tmp_path):
    back = Store(f"sqlite:///{tmp_path}/back.db")

    moved(store, target)
    moved(target, back)

    original = rows(store)
    original["entry"] = [row.replace("\\x00", "") for row in original["entry"]]
    assert original == rows(target)
    assert rows(target) == rows(back)
    assert target.is_current()
    assert ids(store, "水稻") == ids(target, "水稻") == ids(back, "水稻")
    assert [] == [*back.check(), *back.index.check(), *target.index.check()]
    back.close()


def ids(store, words):
    return [one.id for one in store.search.find(parse(words, NOW.tzinfo), limit=50).entries]


def test_every_table_of_the_models_is_copied_but_those_of_the_search_index():
    assert set(SQLModel.metadata.tables) - {"search_doc", "search_due"} == {table.name for table in tables()}


def test_a_copy_takes_new_entries_as_the_original_does(store, target):
    moved(store, target)

    brought = target.entries.record([visit(1, story(700), story(1, url="http://haitang.example/info/1001/0.htm"))])

    assert [1] == brought
    assert 1 == target.entries.count() - store.entries.count()


def test_a_copy_that_was_broken_off_goes_on(store, target):
    steps = copy(store, target)
    while next(steps).table != "entry":
        pass
    steps.close()

    with pytest.raises(StoreError, match="copy that is not finished"):
        target.is_current()
    moved(store, target)

    assert target.is_current()
    assert store.entries.count() == target.entries.count()


def test_a_copy_of_something_that_changed_meanwhile_is_not_taken_for_whole(store, target):
    steps = copy(store, target)
    while next(steps).table != "entry_body":
        pass
    steps.close()
    with store.write() as connection:
        connection.execute(text("UPDATE entry SET title = 'changed' WHERE id = 3"))

    with pytest.raises(StoreError, match="table entry differs"):
        moved(store, target)

    assert target.is_unfinished()


def test_a_database_in_use_is_not_copied_into(store, target):
    moved(store, target)

    with pytest.raises(StoreError, match="is in use: it holds"):
        moved(store, target)


def test_a_full_disk_leaves_a_copy_that_can_go_on(store, tmp_path):
    target = Store(f"sqlite:///{tmp_path}/target.db")
    next(copy(store, target))
    with target.write() as connection:  # SQLite's own limit answers as a full disk does
        pages = connection.execute(text("PRAGMA page_count")).scalar_one() + 5
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    with pytest.raises(StoreError, match="disk is full"):
        moved(store, target)
    target.close()
    again = Store(f"sqlite:///{tmp_path}/target.db")
    moved(store, again)

    assert rows_in(store) == rows_in(again)
    again.close()


def test_a_backup_comes_back_and_the_former_database_stays(store, tmp_path):
    path, kept = store.path, tmp_path / "backup.db"
    count = store.entries.count()
    assert [] == list(backup(store, kept))
    store.entries.record([visit(1, story(800))])
    store.close()

    former = restore(Store(f"sqlite:///{path}"), examine(kept), NOW)

    again, before = Store(f"sqlite:///{path}"), Store(f"sqlite:///{former}")
    assert (count, count + 1) == (again.entries.count(), before.entries.count())
    assert again.is_current()
    assert [] == [*again.check(), *again.index.check()]
    with pytest.raises(StoreError, match="exists already"):
        list(backup(again, kept))
    again.close()
    before.close()


def test_a_backup_of_postgresql_is_a_file_that_either_takes_back(store, postgresql, tmp_path):
    server = Store(postgresql)
    moved(store, server)

    steps = list(backup(server, tmp_path / "backup.db"))

    assert 2 * rows_in(server) == sum(step.rows for step in steps)
    assert store.entries.count() == examine(tmp_path / "backup.db").entries
    assert ["backup.db", "original"] == sorted(path.name for path in tmp_path.iterdir())
    server.close()


def test_nothing_is_restored_while_a_service_has_the_database_open(store, tmp_path):
    list(backup(store, tmp_path / "backup.db"))
    kept = examine(tmp_path / "backup.db")
    script = "import sys; from aggregator.store import Store; store = Store(sys.argv[1]); print(store.entries.count()); input()"
    with subprocess.Popen([sys.executable, "-c", script, str(store.url)], stdin=PIPE, stdout=PIPE) as web:
        web.stdout.readline()  # it reads pages, as `aggregator web` does

        with pytest.raises(StoreError, match="in use; stop the service first"):
            restore(Store(str(store.url)), kept, NOW)

        web.communicate(b"\n")
    with store.sole_scheduler(), pytest.raises(StoreError, match="another `aggregator run`"):
        restore(Store(str(store.url)), kept, NOW)


def test_a_broken_database_gives_way_to_its_backup(store, tmp_path):
    path = store.path
    list(backup(store, tmp_path / "backup.db"))
    store.close()
    path.write_bytes(b"\xff" * 100_000)

    former = restore(Store(f"sqlite:///{path}"), examine(tmp_path / "backup.db"), NOW)

    assert b"\xff" * 100_000 == former.read_bytes()
    assert [] == Store(f"sqlite:///{path}").check()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b"PGDMP" + bytes(100)), "no backup of ours"),
        (lambda path: path.write_bytes(path.read_bytes()[:50_000]), "is damaged"),
        (lambda path: path.write_bytes(b"".join((path.read_bytes()[:30_000], b"\xee" * 9000, path.read_bytes()[39_000:]))), "is damaged"),
        (lambda path: path.unlink(), "cannot read"),
        (lambda path: sql(path, "UPDATE alembic_version SET version_num = '9999'"), "newer version of this program"),
        (lambda path: sql(path, "UPDATE alembic_version SET version_num = 'copying'"), "not finished"),
        (lambda path: sql(path, "DROP TABLE alembic_version"), "not of this program"),
    ],
)  # fmt: skip
def test_what_cannot_be_restored_is_told_before_anything_is_touched(store, tmp_path, spoil, reason):
    kept = tmp_path / "backup.db"
    list(backup(store, kept))
    spoil(kept)

    with pytest.raises(StoreError, match=reason):
        examine(kept)


def sql(path, statement):
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_a_backup_that_finds_no_room_leaves_nothing(store, tmp_path):
    nowhere = tmp_path / "missing" / "backup.db"

    with pytest.raises(StoreError, match="cannot back up"):
        list(backup(store, nowhere))

    assert ["original"] == sorted(path.name for path in tmp_path.iterdir())
