"""`import` and `export`: what goes out comes in again as it was, once; what is broken costs nothing else."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml
from alembic import command
from alembic.config import Config
from click.testing import CliRunner
from sqlalchemy import create_engine, text
from warcio.archiveiterator import ArchiveIterator

from aggregator.cli import main
from aggregator.identity import slug
from aggregator.model import Attachment, FeedInfo, Front, FullEntry, Parcel, Revision, SourceRef
from aggregator.publish.parcels import pieces
from aggregator.rules import load
from aggregator.store import Store
from aggregator.store.burial import bury
from tests.posts import FIELDS, PICTURE, SHAPES, SLUG, post

NOW = datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=UTC)
NANKAI = SourceRef("nankai-news", "南开要闻", "http://news.nankai.edu.cn/ywsd/index.shtml", "南开大学")
INFO = FeedInfo("https://news.example.org/feed.json", "nankai.info", "https://news.example.org/", "x", "y", NOW)
OTHER = SourceRef("haitang", "海棠要闻", "https://news.haitang.example/", "海棠大学")


def parcel(number, **changes):
    url = f"http://news.nankai.edu.cn/ywsd/system/2021/09/18/{number}.shtml"
    entry = FullEntry(
        id=0,
        slug=slug(url),
        atom_id=f"tag:news.example.org,2021:{slug(url)}",
        url=url,
        title=f"第{number}号 <b>&amp; “新闻”\u2028",
        published=datetime(2021, 9, 17, 16, tzinfo=UTC),
        precision="day",
        updated=datetime(2022, 1, 1, tzinfo=UTC),
        sort=0,
        seen_at=datetime(2021, 9, 18, 3, 0, 1, 99, tzinfo=UTC),
        source=NANKAI,
        author="李明",
        origin="新华社",
        section=("首页", "要闻"),
        summary="会议 <10 个村 & 5 所学校。",
        image=PICTURE,
        tags=("南开大学", "要闻"),
        keywords=("帮扶", "会议"),
        html='<p>会议 &lt;10 &amp; 5。<a href="https://a.cn/?x=1&amp;y" rel="noopener noreferrer">附件</a></p>'
        f'<p><img src="{PICTURE}" alt="图"></p>',
        text="会议 <10 & 5。\n第二行",
        images=(PICTURE, "http://news.nankai.edu.cn/b.png?x=1&y=2"),
        attachments=(
            Attachment("http://news.nankai.edu.cn/名单 (1).docx", "名单", "application/msword", 12),
            Attachment("https://a.cn/x.jsp?id=3", "附件"),
        ),
    )
    return Parcel(entry._replace(**changes), url.removeprefix("http://"))


BARE = parcel(3, html="", text="", images=(), image=None, attachments=(), tags=("要闻",), title="").entry
FRONT = {"title": "三", "date": "2021-09-24 01:22:37.140616", "weight": 3, "extra": {"a": [1, None]}}
PAST = {
    "kind": "edited",
    "seen_at": datetime(2021, 9, 20, tzinfo=UTC),
    "what": ["title", "body"],
    "words": 3,
    "title": "旧",
}
REVISIONS = (
    Revision(entry_id=0, **PAST, html="<p>旧文</p>", text="旧文", published=datetime(2021, 9, 17, 16, tzinfo=UTC)),
    Revision(
        entry_id=0,
        kind="removed",
        seen_at=datetime(2021, 9, 21, tzinfo=UTC),
        what=["404"],
        title="新",
        html="<p>新</p>",
    ),
)
REMOVED = parcel(
    30, removed_at=REVISIONS[1].seen_at, changed_at=REVISIONS[1].seen_at, html="", text="", sort=1631890000
)
PARCELS = [
    parcel(1),
    replace(REMOVED, revisions=REVISIONS, is_withheld=True),
    parcel(2, published=None, precision=None, author=None, origin=None, section=(), summary="", source=OTHER),
    Parcel(
        BARE, "news.nankai.edu.cn/3", ("nankai.edu.cn/3", "news.nankai.edu.cn/old/3"), ("要闻",), Front("三", FRONT)
    ),
    *(parcel(number) for number in range(4, 30)),
]


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert code == result.exit_code, (result.output, result.exception)
    return result.output


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """Makes an instance the one in use; one of a PostgreSQL where its address is given."""

    def use(name, database=None):
        monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path / name))
        monkeypatch.setenv("AGGREGATOR_SITE__URL", "https://news.example.org")
        monkeypatch.setenv("AGGREGATOR_SITE__NAME", "nankai.info")
        if database:
            monkeypatch.setenv("AGGREGATOR_DATABASE__URL", database)
        else:
            monkeypatch.delenv("AGGREGATOR_DATABASE__URL", raising=False)
        (tmp_path / name / "sites").mkdir(parents=True, exist_ok=True)
        return tmp_path / name

    use("one")
    return use


BESIDE = ("uid", "addresses", "given", "front", "revisions", "is_withheld")


def opened(folder, database=None):
    store = Store(database or f"sqlite:///{folder}/aggregator.db")
    if not store.is_current():
        store.upgrade()
    return store


def filled(folder, parcels=PARCELS, database=None):
    store = opened(folder, database)
    assert len(parcels) == store.parcels.add(parcels, NOW)
    store.close()


def stored(folder, database=None):
    """All that is kept of all entries, but their ids."""
    store = opened(folder, database)
    found = [
        (one.entry._replace(id=0, story=None), *(getattr(one, name) for name in BESIDE))
        for one in store.parcels.walk(7)
    ]
    store.close()
    return found


def front(path):
    return yaml.safe_load(path.read_text("utf-8").split("---\n")[1])


@pytest.mark.parametrize("way", ["json DIR", "json FILE", "json", "db"])
def test_what_is_exported_comes_in_as_it_was(instance, tmp_path, way):
    filled(instance("one"))
    there = stored(instance("one"))
    target = tmp_path / ("archive.json" if way != "json DIR" else "archive")
    if way == "db":
        target = tmp_path / "one" / "aggregator.db"
    elif way == "json":
        target.write_text(run("export", "json"), "utf-8")
    else:
        run("export", "json", target)

    other = instance("two")
    first = run("import", way.split()[0], target)
    second = run("import", way.split()[0], target)

    assert (f"{len(PARCELS)} new entries, 0 known already\n", f"0 new entries, {len(PARCELS)} known already\n") == (
        first,
        second,
    )
    assert there == stored(other)


@pytest.mark.parametrize("name", ["archive", "archive.json"])
def test_withheld_texts_go_out_only_when_asked_for(instance, tmp_path, monkeypatch, name):
    filled(instance("one"))
    there = stored(tmp_path / "one")
    monkeypatch.setenv("AGGREGATOR_SCHEDULE__REMOVED", "withhold")

    said = run("export", "json", tmp_path / name)
    run("export", "json", tmp_path / f"whole-{name}", "--withheld")
    instance("bare")
    run("import", "json", tmp_path / name)
    instance("whole")
    run("import", "json", tmp_path / f"whole-{name}")

    assert "the withheld texts of 1 entries are left out; --withheld takes them along" in said
    files = [path for path in [tmp_path / name, *(tmp_path / name).glob("*")] if path.is_file()]
    assert "".join(path.read_text("utf-8") for path in files).count("<p>旧文</p>") == 0
    assert there == stored(tmp_path / "whole")
    bare = stored(tmp_path / "bare")
    assert [(one[0].slug, one[-1]) for one in there] == [(one[0].slug, one[-1]) for one in bare]
    kinds = [[(past.kind, past.title, past.text) for past in one[-2]] for one in bare if one[-2]]
    assert [[("edited", "旧", ""), ("removed", "新", "")]] == kinds


def test_entries_go_from_postgresql_to_sqlite_and_back(instance, tmp_path, postgresql):
    filled(instance("one"))
    there = stored(instance("one"))
    run("export", "json", tmp_path / "archive")
    instance("two", postgresql)

    run("import", "json", tmp_path / "archive")
    again = run("import", "json", tmp_path / "archive")
    in_postgresql = stored(None, postgresql)
    run("export", "json", tmp_path / "again")
    instance("three")
    run("import", "db", postgresql)

    assert f"0 new entries, {len(PARCELS)} known already\n" == again
    assert there == in_postgresql == stored(tmp_path / "three")
    assert [page.read_bytes() for page in sorted((tmp_path / "archive").glob("*.json"))] == [
        page.read_bytes() for page in sorted((tmp_path / "again").glob("*.json"))
    ]


def test_a_database_of_an_older_schema_is_read_from_a_copy(instance, tmp_path):
    old = tmp_path / "old.db"
    with create_engine(f"sqlite:///{old}").begin() as connection:  # as the first version left it
        config = Config()
        config.set_main_option("script_location", "aggregator:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        source = (
            "INSERT INTO source (name, site, university, title, url, kind, enabled, rule_hash, next_poll_at, failures)"
        )
        entry = (
            "INSERT INTO entry (slug, uid, atom_id, source_id, url, title, updated, sort, seen_at, section, summary)"
        )
        at = "'2025-03-20 00:00:00'"
        for statement in (
            f"{source} VALUES ('one', 'x', '海棠大学', '要闻', 'http://a.edu.cn/', 'auto', 1, '', {at}, 0)",
            f"{entry} VALUES ('s', 'a.edu.cn/1', 'tag:s', 1, 'http://a.edu.cn/1', '旧闻', {at}, 1742428800, {at}, '[]', '')",
        ):
            connection.execute(text(statement))
    before = old.read_bytes()

    assert "1 new entries, 0 known already\n" == run("import", "db", old)

    ((entry, uid, *_),) = stored(tmp_path / "one")
    assert ("s", "旧闻", "one", "a.edu.cn/1") == (entry.slug, entry.title, entry.source.name, uid)
    assert before == old.read_bytes()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "there is no file"), (b"no database", "not a database"), ("tables", "holds other tables")],
)
def test_what_is_no_database_of_ours_is_told(instance, tmp_path, content, complaint):
    path = tmp_path / "other.db"
    if content == "tables":
        with create_engine(f"sqlite:///{path}").begin() as connection:
            connection.execute(text("CREATE TABLE x (y)"))
    elif content:
        path.write_bytes(content)

    said = run("import", "db", path, code=2)

    assert complaint in said
    assert str(path) in said


AHEAD = "9999-12-31T23:59:59+00:00"
ELSEWHERE = {"name": "../../escaped", "title": "T", "url": "http://a.cn/", "university": "U"}


@pytest.mark.parametrize(
    "said",
    [
        {"slug": "../escaped"},
        {"slug": "/escaped"},
        {"source": ELSEWHERE},
        {"published": AHEAD},
        {"seen_at": "0001-01-01T00:00:00+00:00"},
        {"revisions": [{"kind": "x", "seen_at": "2021-01-01T00:00:00+00:00"}]},
        {"revisions": [{"kind": "edited", "what": ["x"], "seen_at": "2021-01-01T00:00:00+00:00"}]},
    ],
)
def test_what_no_page_and_no_file_could_be_made_of_is_refused(instance, tmp_path, said):
    filled(instance("one"), PARCELS[:1])
    run("export", "json", tmp_path / "archive.json")
    archive = json.loads((tmp_path / "archive.json").read_text("utf-8"))
    archive["items"][0]["_aggregator"] |= said
    (tmp_path / "archive.json").write_text(json.dumps(archive), "utf-8")
    instance("two")

    assert "0 new entries, 0 known already, 1 could not be read" in run(
        "import", "json", tmp_path / "archive.json", code=1
    )


def test_no_name_of_a_database_leads_an_export_out_of_its_folder(instance, tmp_path):
    filled(instance("one"), [parcel(1, slug="../escaped")])

    run("export", "hugo", tmp_path / "deep" / "posts", code=2)

    assert not list(tmp_path.rglob("escaped.md"))


def test_what_is_dated_ahead_of_our_clock_does_not_stand_above_all_news(instance, tmp_path):
    ahead = datetime(2999, 1, 1, tzinfo=UTC)
    filled(instance("one"), [parcel(1, seen_at=ahead, updated=ahead, sort=1 << 40)])
    instance("two")

    run("import", "db", tmp_path / "one" / "aggregator.db")

    ((entry, *_),) = stored(tmp_path / "two")
    assert entry.published.timestamp() == entry.sort
    assert datetime.now(UTC) > max(entry.seen_at, entry.updated)


# ---------------------------------------------------------------- Hugo


def write(folder, **posts):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in posts.items():
        (folder / f"{name}.md").write_text(content, "utf-8")
    return folder


@pytest.mark.parametrize("shape", SHAPES)
def test_a_post_that_came_in_goes_out_with_the_same_front_matter(instance, tmp_path, shape):
    posts = write(tmp_path / "posts", article=SHAPES[shape])

    run("import", "hugo", posts)
    run("export", "hugo", tmp_path / "site")
    exported = tmp_path / "site" / f"{SLUG}.md"

    if shape != "unquoted":  # that of the other is no YAML
        assert list(front(posts / "article.md").items()) == list(front(exported).items())
    assert "南开大学->" in front(exported)["title"]
    instance("two")
    run("import", "hugo", tmp_path / "site")
    run("export", "hugo", tmp_path / "again")
    assert exported.read_bytes() == (tmp_path / "again" / f"{SLUG}.md").read_bytes()


def test_a_post_belongs_to_the_source_of_its_site_file_else_to_one_made_for_its_host(instance, tmp_path):
    elsewhere = post("文。", url="https://www.haitang.example/1.htm", slug="0" * 32, title="海棠大学->新 | haitang.cc")
    rows = write(tmp_path / "posts", one=SHAPES["2019"], two=elsewhere)

    run("import", "hugo", rows)

    sources = {entry.url: entry.source for entry, *_ in stored(tmp_path / "one")}
    assert "南开大学" == sources[FIELDS].university
    assert not sources[FIELDS].name.startswith("imported-")
    made = sources["https://www.haitang.example/1.htm"]
    assert ("imported-haitang.example", "海棠大学", "https://www.haitang.example/") == (
        made.name,
        made.university,
        made.url,
    )
    store = opened(tmp_path / "one")
    state = store.sources.by_name("imported-haitang.example")
    assert not state.source.enabled  # no poll visits it
    store.close()


def test_publishers_whose_sources_are_called_the_same_stay_apart(instance, tmp_path):
    """Also where somebody took the names that would be given to them."""
    named = [
        ("imported-h.example.cn", "http://a.example.org/"),
        ("imported-h.example.cn-2", "http://b.example.com/"),
        ("imported-h.example.cn", "http://h.example.cn/"),
    ]
    parcels = [parcel(n, source=SourceRef(name, "要闻", url, "大学")) for n, (name, url) in enumerate(named)]
    items = [json.loads("".join(pieces(INFO, [one])))["items"][0] for one in parcels]
    (tmp_path / "feed.json").write_text(json.dumps({"version": "1.1", "items": items}), "utf-8")
    instance("two")

    run("import", "json", tmp_path / "feed.json")

    assert [named[0], named[1], ("imported-h.example.cn-3", "http://h.example.cn/")] == [
        (one[0].source.name, one[0].source.url) for one in stored(tmp_path / "two")
    ]


def test_a_folder_that_cannot_be_read_is_named(instance, tmp_path):
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.md").write_text(SHAPES["2020"], "utf-8")
    place = os.open(tmp_path / "posts", os.O_RDONLY)
    for _ in range(17):  # deeper than the 4,096 bytes that an address may have
        os.mkdir("x" * 250, dir_fd=place)
        inner = os.open("x" * 250, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)

    said = run("import", "hugo", tmp_path / "posts", code=1)

    assert "xxx: cannot be read: File name too long" in said
    assert "1 new entries, 0 known already, 1 could not be read" in said


def test_posts_that_cannot_be_read_are_named_and_cost_no_other(instance, tmp_path):
    posts = write(
        tmp_path / "posts",
        bare="文。\n",
        double="---\ntitle: 甲\n---\n---\ntitle: 乙\n---\n文。",
        good=SHAPES["2021"],
        draft="---\ntitle: 甲\ndraft: true\n---\n",
    )
    (posts / "binary.md").write_bytes(bytes(range(256)))

    said = run("import", "hugo", posts, code=1)

    assert f"{posts}/bare.md:1: there is no front matter" in said
    assert f"{posts}/double.md:4: a second front matter" in said
    assert f"{posts}/binary.md:1: " in said
    assert "1 new entries, 0 known already, 3 could not be read" in said
    assert "0 new entries, 1 known already, 3 could not be read" in run("import", "hugo", posts, code=1)


OTHER_URL = "http://news.nankai.edu.cn/2.htm"


@pytest.mark.parametrize(
    ("front", "url"),
    [
        ('{"title": "a\\ud800b\\u0000", "tags": ["\\udfff"], "author": "\\ud800"}', OTHER_URL),  # half a pair
        (f"---\ntitle: 甲\nslug: {'字' * 80}\n---", OTHER_URL),  # too long for the name of a file
        ("---\ntitle: 甲\nslug: index\n---", OTHER_URL),  # which Hugo makes the whole folder of
        ("---\ntitle: 甲\ndate: 9999-12-31T23:59:59Z\n---", OTHER_URL),
        ("---\ntitle: 甲\ndate: 0001-01-01 00:00:00\n---", OTHER_URL),
        ("---\ntitle: 甲\na: !!bool x\n---", OTHER_URL),  # over which the parser falls
        ("---\ntitle: 甲\n---", "http://[::1/x"),
        ("---\ntitle: 甲\n---", "http://a.cn:99999999/x"),
    ],
)
def test_a_hostile_post_costs_no_other_and_no_export(instance, tmp_path, front, url):
    posts = write(tmp_path / "posts", bad=f"{front}\n文。\n[转入文章首发地址]({url})\n", good=SHAPES["2019"])
    os.mkfifo(posts / "pipe.md")
    (posts / "endless.md").symlink_to("/dev/zero")

    said = run("import", "hugo", posts, code=int(url != OTHER_URL))

    assert "2 new" in said or "1 new entries, 0 known already, 1 could not be read" in said
    for kind in ("hugo", "markdown"):
        run("export", kind, tmp_path / kind)
    assert (tmp_path / "hugo" / f"{SLUG}.md").exists()
    assert not (tmp_path / "hugo" / "index.md").exists()


def test_an_entry_that_is_known_is_not_doubled_by_its_post(instance, tmp_path):
    secure = post("文。", url=FIELDS.replace("http:", "https:"), slug="1" * 32)  # the same article
    renamed = post("文。", url="http://news.nankai.edu.cn/new.htm")  # the same permalink
    run("import", "hugo", write(tmp_path / "posts", same=SHAPES["2019"]))

    said = run("import", "hugo", write(tmp_path / "posts", secure=secure, renamed=renamed))

    assert "0 new entries, 3 known already\n" == said


def test_an_entry_that_was_deleted_does_not_come_back(instance, tmp_path):
    posts = write(tmp_path / "posts", one=SHAPES["2019"])
    run("import", "hugo", posts)
    store = opened(tmp_path / "one")
    store.transact(lambda connection: bury(store, connection, [1], NOW))
    store.close()

    assert "0 new entries, 1 known already\n" == run("import", "hugo", posts)


def test_imported_entries_are_not_news(instance, tmp_path):
    filled(tmp_path / "one", [parcel(1, published=None, precision=None, seen_at=NOW, updated=NOW)])

    run("import", "hugo", write(tmp_path / "posts", old=SHAPES["2021"]))

    store = opened(tmp_path / "one")
    newest, old = store.entries.newest(10)
    assert (NOW, 2021, 2021) == (newest.seen_at, old.seen_at.year, old.updated.year)
    store.close()


def test_tags_that_came_with_an_entry_stay_when_all_are_made_again(instance, tmp_path):
    run("import", "hugo", write(tmp_path / "posts", one=SHAPES["2019"]))

    run("retag")

    ((entry, *_),) = stored(tmp_path / "one")
    assert {"南开", "南开大学", "nankai.info"} <= set(entry.tags)


def test_who_else_tells_an_imported_entry_is_found_later(instance, tmp_path):
    run("import", "hugo", write(tmp_path / "posts", one=SHAPES["2019"]))

    assert "1 entries compared" in run("db", "stories")


def test_a_dry_run_stores_nothing(instance, tmp_path):
    opened(tmp_path / "one").close()

    said = run("import", "hugo", write(tmp_path / "posts", one=SHAPES["2019"]), "--dry-run")

    assert "1 new entries, 0 known already; nothing is stored, for this was a dry run\n" == said
    assert [] == stored(tmp_path / "one")


@pytest.mark.parametrize("kind", ["hugo", "db"])
def test_a_dry_run_needs_no_database_and_makes_none(instance, tmp_path, kind):
    source = write(tmp_path / "posts", one=SHAPES["2019"])
    if kind == "db":
        run("import", "hugo", source)
        source = (tmp_path / "one" / "aggregator.db").rename(tmp_path / "other.db")

    assert "1 new entries, 0 known already" in run("import", kind, source, "--dry-run")
    assert not (tmp_path / "one" / "aggregator.db").exists()


def test_an_import_that_is_killed_goes_on_where_it_was(instance, tmp_path):
    posts = tmp_path / "posts"
    for number in range(1200):
        write(
            posts, **{f"p{number}": post("文。", url=f"http://news.nankai.edu.cn/{number}.htm", slug=f"{number:032x}")}
        )
    opened(tmp_path / "one").close()
    command = [sys.executable, "-m", "aggregator", "import", "hugo", str(posts)]
    process = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE)
    store = opened(tmp_path / "one")
    while not store.entries.count() and process.poll() is None:
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    done = store.entries.count()
    store.close()

    assert f"{1200 - done} new entries, {done} known already\n" == run("import", "hugo", posts)
    assert done in (500, 1000, 1200)


def test_an_export_writes_only_what_changed_and_removes_only_what_it_wrote(instance, tmp_path):
    filled(tmp_path / "one")
    site = tmp_path / "site"
    run("export", "hugo", site)
    (site / "about.md").write_text("mine", "utf-8")
    (site / "hugo.toml").write_text("title = 'mine'", "utf-8")
    changed, gone = (site / f"{one.entry.slug}.md" for one in PARCELS[:2])
    changed.write_text("damaged", "utf-8")
    store = opened(tmp_path / "one")
    with store.write() as connection:
        for table in ("entry_tag", "entry_body", "search_due"):
            connection.execute(text(f"DELETE FROM {table} WHERE entry_id = 2"))
        connection.execute(text("DELETE FROM entry WHERE id = 2"))
    store.close()

    again = run("export", "hugo", site)
    assert gone.exists()
    pruned = run("export", "hugo", site, "--prune")

    assert f"{site}: 1 posts written, {len(PARCELS) - 2} as they were\n" == again
    assert f"{site}: 0 posts written, {len(PARCELS) - 1} as they were, 1 removed\n" == pruned
    assert (False, "mine", "title = 'mine'") == (
        gone.exists(),
        (site / "about.md").read_text("utf-8"),
        (site / "hugo.toml").read_text("utf-8"),
    )


def test_hugo_builds_what_is_exported(instance, tmp_path):
    if shutil.which("hugo") is None:
        pytest.skip("no hugo")
    filled(tmp_path / "one")
    run("export", "hugo", tmp_path / "site")

    subprocess.run(["hugo", "--source", str(tmp_path / "site"), "--panicOnWarning"], check=True, capture_output=True)

    public = tmp_path / "site" / "public"
    assert [] == [one.uid for one in PARCELS if not (public / one.entry.slug / "index.html").is_file()]
    assert "第1号" in (public / "index.html").read_text("utf-8")


def test_a_folder_of_a_site_gets_posts_alone(instance, tmp_path):
    filled(tmp_path / "one", PARCELS[:2])
    (tmp_path / "hugo.toml").write_text("", "utf-8")

    run("export", "hugo", tmp_path / "content" / "posts")

    names = {path.name for path in (tmp_path / "content" / "posts").iterdir()}
    assert {".aggregator-export", *(f"{one.entry.slug}.md" for one in PARCELS[:2])} == names


# ---------------------------------------------------------------- other files


def test_any_json_feed_is_imported(instance, tmp_path):
    feed = {
        "version": "https://jsonfeed.org/version/1",
        "title": "x",
        "home_page_url": "https://blog.example/",
        "items": [
            {
                "id": "1",
                "url": "/1",
                "title": "一",
                "content_html": "<p onclick='x'>文<script>1</script></p>",
                "tags": ["甲"],
            },
            {
                "id": "2",
                "external_url": "http://news.nankai.edu.cn/2.htm",
                "content_text": "a < b",
                "date_published": "2020-01-01T00:00:00Z",
            },
            {"nothing": 1},
            {"id": "4", "_aggregator": {"uid": "x", "slug": 3}},
        ],
    }
    path = tmp_path / "feed.json"
    path.write_text(json.dumps(feed), "utf-8")
    os.utime(path, (1e9, 1e9))

    said = run("import", "json", path, code=1)

    assert f"{path}: item 3: says nothing" in said
    assert f"{path}: item 4: _aggregator.seen_at is missing" in said
    assert "2 new entries, 0 known already, 2 could not be read" in said
    (one, _, _, given, *_), (two, *_) = stored(tmp_path / "one")
    assert ("https://blog.example/1", "<p>文</p>", ("甲",), ("甲",), 2001) == (
        one.url,
        one.html,
        one.tags,
        given,
        one.seen_at.year,
    )
    assert ("a &lt; b", 2020, "南开大学") == (two.html, two.seen_at.year, two.source.university)
    assert "南开大学" in two.tags


def test_what_somebody_put_into_an_archive_does_no_harm(instance, tmp_path):
    filled(tmp_path / "one", PARCELS[:1])
    archive = tmp_path / "archive.json"
    run("export", "json", archive)
    document = json.loads(archive.read_text("utf-8"))
    document["items"][0]["content_html"] += "<script>1</script><a href='javascript:1' onclick=x>x</a>"
    document["items"][0]["_aggregator"]["images"].append("javascript:1")
    document["items"][0]["_aggregator"]["attachments"][0]["url"] = "javascript:1"
    archive.write_text(json.dumps(document), "utf-8")
    instance("two")

    run("import", "json", archive)

    ((entry, *_),) = stored(tmp_path / "two")
    assert entry.html == PARCELS[0].entry.html + '<a rel="noopener noreferrer">x</a>'
    assert (PARCELS[0].entry.images, 1) == (entry.images, len(entry.attachments))


def test_an_archive_that_is_cut_gives_what_is_left_of_it(instance, tmp_path):
    filled(tmp_path / "one")
    archive = tmp_path / "archive"
    run("export", "json", archive)
    page = archive / "entries-000001.json"
    page.write_bytes(page.read_bytes()[: page.stat().st_size // 2])
    instance("two")

    said = run("import", "json", archive, code=1)

    assert f"{page}: is not what the index says" in said
    assert f"{page}: line " in said
    assert 5 < len(stored(tmp_path / "two")) < len(PARCELS)


def test_the_index_of_an_archive_stands_for_its_pages_and_a_feed_of_that_name_for_itself(instance, tmp_path):
    filled(tmp_path / "one")
    run("export", "json", tmp_path / "archive")
    run("export", "json", tmp_path / "index.json")
    instance("two")

    said = run("import", "json", tmp_path / "archive" / "index.json")
    again = run("import", "json", tmp_path / "index.json")

    assert f"{len(PARCELS)} new entries, 0 known" in said
    assert f"0 new entries, {len(PARCELS)} known" in again


def test_an_archive_is_valid_json_feed_and_stays_as_it_is(instance, tmp_path):
    filled(tmp_path / "one")
    archive = tmp_path / "archive"
    run("export", "json", archive)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in archive.iterdir()}

    run("export", "json", archive)

    assert before == {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in archive.iterdir()}
    for path in archive.glob("*.json"):
        feed = json.loads(path.read_text("utf-8"))
        assert "https://jsonfeed.org/version/1.1" == feed["version"]
        assert all(isinstance(item["id"], str) for item in feed["items"])
        assert all("content_html" in item or "content_text" in item for item in feed["items"])
    (page,) = json.loads((archive / "index.json").read_text("utf-8"))["_aggregator"]["pages"]
    assert hashlib.sha256((archive / page["file"]).read_bytes()).hexdigest() == page["sha256"]


def test_an_export_to_markdown_is_a_page_an_entry(instance, tmp_path):
    filled(tmp_path / "one")

    run("export", "markdown", tmp_path / "pages")
    again = run("export", "markdown", tmp_path / "pages")

    page = (tmp_path / "pages" / "nankai-news" / "2021" / f"2021-09-18-{PARCELS[0].entry.slug}.md").read_text("utf-8")
    assert page.startswith(
        "# 第1号 \\<b>\\&amp; “新闻”\n\n2021-09-18 · 南开大学 · 南开要闻 · 李明\n\n`南开大学` `要闻`\n\n会议 \\<10 & 5。"
    )
    assert page.endswith(f"<{PARCELS[0].entry.url}>\n")
    assert again.startswith(f"{tmp_path / 'pages'}: 0 pages written, {len(PARCELS)} as they were")


def test_kept_responses_are_exported_as_warc(instance, tmp_path, demo, monkeypatch):
    demo.write_sites(instance("one"))
    monkeypatch.setenv("AGGREGATOR_FETCH__ALLOW_PRIVATE_NETWORKS", "true")
    run("poll", "demo-haitang-news")

    run("export", "warc", tmp_path / "kept.warc.gz")

    with (tmp_path / "kept.warc.gz").open("rb") as file:
        records = [
            (one.rec_type, one.rec_headers["WARC-Target-URI"], one.content_stream().read())
            for one in ArchiveIterator(file, check_digests="raise")
        ]
    assert ["warcinfo", "response"] == [kind for kind, _, _ in records]
    assert "海棠" in records[1][2].decode("gb18030")


@pytest.mark.parametrize("what", [("hugo", "target"), ("json", "target.json"), ("json", "target")])
def test_a_full_disk_leaves_what_was_there(instance, tmp_path, what):
    kind, name = what
    target = tmp_path / name
    filled(tmp_path / "one", PARCELS[:1])
    run("export", kind, target)
    before = {
        path: path.read_bytes()
        for path in sorted(tmp_path.rglob("target*/**/*") if target.is_dir() else [target])
        if path.is_file()
    }
    long = "".join(f"<p>第{number}段，学校召开会议。</p>" for number in range(9000))
    filled(tmp_path / "one", [parcel("long", html=long, text="x")])
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "from aggregator.cli import main; main(sys.argv[1:])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, "export", kind, str(target)], env=os.environ, capture_output=True, text=True
    )

    assert (2, True) == (
        done.returncode,
        f"cannot write to {target}: File too large; what was there before" in done.stderr,
    )
    assert before == {path: path.read_bytes() for path in before}
    assert [] == list(tmp_path.rglob("*.part"))
    run("export", kind, target)
    assert 2 == len(stored(tmp_path / "one"))


# ---------------------------------------------------------------- subscriptions

OPML = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0"><head><title>x</title></head><body>
<outline text="南开大学"><outline text="招生">
<outline type="rss" text="研招" xmlUrl="https://yzb.nankai.edu.cn/rss.xml"/>
</outline></outline>
<outline text="NKU"><outline type="rss" title="要闻" xmlUrl="http://news.nankai.edu.cn/feed.xml"/></outline>
<outline type="rss" text="海棠大学新闻" xmlUrl="https://www.haitang.example/feed"/>
<outline type="rss" text="ours" xmlUrl="https://old.example.org/sources/yunling-news.atom" htmlUrl="http://news.yunling.example/xw.htm"/>
<outline type="rss" text="no address"/>
<outline type="rss" text="odd" xmlUrl="feed:x"/>
"""


def test_subscriptions_become_site_files_that_load(instance, tmp_path):
    path = tmp_path / "feeds.opml"
    path.write_text(OPML + "</body></opml>", "utf-8")

    dry = run("import", "opml", path, "--dry-run", code=1)
    assert [] == list((tmp_path / "one" / "sites").iterdir())
    first = run("import", "opml", path, code=1)
    second = run("import", "opml", path, code=1)

    assert f"{path}:9: no address is a feed without an address (xmlUrl)" in first
    assert f"{path}:10: 'feed:x' is no address of a feed" in first
    assert "4 feeds would be followed in 3 site files" in dry
    assert "4 feeds are followed in 3 site files, 0 were already, 2 could not be read" in first
    assert "0 feeds are followed in 0 site files, 4 were already, 2 could not be read" in second
    rules = load(tmp_path / "one")
    made = {
        rule.url: (site.university, rule.kind, rule.tags) for site, rule in rules.sources if site.name.endswith("-opml")
    }
    assert {
        "https://yzb.nankai.edu.cn/rss.xml": ("南开大学", "feed", ("招生",)),
        "http://news.nankai.edu.cn/feed.xml": ("南开大学", "feed", ()),
        "https://www.haitang.example/feed": ("海棠大学新闻", "feed", ()),
        "http://news.yunling.example/xw.htm": ("ours", "list", ()),
    } == made


def test_a_broken_list_of_subscriptions_gives_what_can_be_read(instance, tmp_path):
    path = tmp_path / "feeds.opml"
    path.write_text(OPML.replace('text="研招"', 'text="研 & 招"') + "<outline", "utf-8")

    said = run("import", "opml", path, "--dry-run", code=1)

    assert f"{path}:4: " in said
    assert "4 feeds would be followed" in said
    path.write_text("no XML at all", "utf-8")
    assert "it is no" in run("import", "opml", path, code=1)


def test_our_own_subscriptions_are_followed_already(instance, tmp_path):
    opened(tmp_path / "one").close()
    path = tmp_path / "feeds.opml"
    path.write_text(run("export", "opml"), "utf-8")

    said = run("import", "opml", path)

    assert "0 feeds are followed in 0 site files" in said
