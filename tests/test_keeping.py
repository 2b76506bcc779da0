"""`aggregator db` and what it leads to: tidying, sizes, backups and copies."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from aggregator.cli import main
from aggregator.doctor import examine
from aggregator.model import Terms
from aggregator.rules import Rules, read_site
from aggregator.settings import Settings
from aggregator.tidying import terms_of, tidy
from tests.newsroom import app_of, empty_store, settings, story, visit
from tests.university import NOW


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))
    return tmp_path


def run(*arguments, code=0):
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert code == result.exit_code, result.output
    return result.output


def old(number, **fields):
    return story(number, hours=24 * 3000, picture="", **fields)


def test_tidy_says_what_would_go_and_then_deletes_it(instance):
    (instance / "config.toml").write_text("[schedule]\nretention_days = 2000\n")
    now = int((datetime.now(UTC) - NOW) / timedelta(hours=1))
    with empty_store(instance) as store:
        store.entries.record([visit(1, old(1, title="旧闻"), old(2), story(3, hours=-now + 1))])

    foreseen = run("db", "tidy", "--dry-run")
    done = run("db", "tidy")

    assert "2 entries would go" in foreseen
    assert "age, 2000 days" in foreseen
    assert "2 entries deleted" in done
    assert "no entry is too old; those of the running month" in run("db", "tidy")
    assert "1 entries" in next(check.finding for check in examine(NOW) if check.what == "database")
    assert any("entries 0.0 MB" in check.finding for check in examine(NOW) if check.what == "sizes")


def test_the_page_of_a_deleted_entry_names_the_original(tmp_path):
    with empty_store(tmp_path) as store:
        one = old(1, title="旧闻 <b>")
        store.entries.record([visit(1, one)])
        tidy(settings(tmp_path), store, Terms(365), NOW)
        client = app_of(store, tmp_path).test_client()

        page = client.get(f"/entries/{one.slug}/")
        english = client.get(f"/entries/{one.slug}/", headers={"Accept-Language": "en"})

    assert (410, 410) == (page.status_code, english.status_code)
    assert "旧闻 &lt;b&gt;" in page.text
    assert f'href="{one.url}"' in page.text
    assert "kept no longer" in english.text


def test_how_long_entries_are_kept_stands_in_settings_site_files_and_topics(tmp_path):
    source = {"name": "a", "title": "a", "url": "http://a.example/", "keep_days": 30}
    site = read_site("haitang", {"university": "海棠大学", "source": [source]}, "a.toml")

    (tmp_path / "tags.toml").write_text('[tag."后勤"]\nwords = ["后勤"]\nkeep_days = 90\n', "utf-8")

    terms = terms_of(Settings(instance=tmp_path, schedule={"retention_days": 400}), Rules({"haitang": site}, {}))

    assert Terms(400, {"a": 30}, {"后勤": 90}) == terms


@pytest.mark.parametrize("days", [-1, True, "30", 1.5])
def test_days_that_are_none_are_refused(days):
    from aggregator.errors import RuleError

    source = {"name": "a", "title": "a", "url": "http://a.example/", "keep_days": days}
    with pytest.raises(RuleError, match=r"a\.toml: source\[1\]\.keep_days: must be a whole number of days"):
        read_site("haitang", {"university": "海棠大学", "source": [source]}, "a.toml")


def test_a_backup_on_standard_output_is_restored(instance):
    with empty_store(instance) as store:
        store.entries.record([visit(1, story(1))])
    kept = instance / "kept.db"
    kept.write_bytes(CliRunner().invoke(main, ["db", "backup", "-"], catch_exceptions=False).stdout_bytes)
    (instance / "aggregator.db").write_bytes(b"broken")

    done = run("db", "restore", str(kept))

    assert "1 entries of" in done
    assert "what was there before is" in done
    assert "sound" in run("db", "check")
    assert "no backup of ours" in run("db", "restore", __file__, code=2)
    packed = instance / "kept.db.gz"
    packed.write_bytes(gzip.compress(kept.read_bytes()))
    assert f"is compressed; unpack it first: gunzip -k {packed}" in run("db", "restore", str(packed), code=2)


def test_a_copy_says_what_it_holds(instance, tmp_path):
    with empty_store(instance) as store:
        store.entries.record([visit(1, story(1), story(2))])

    done = run("db", "copy", f"sqlite:///{tmp_path}/other.db")

    assert "entry\t2" in done
    assert "rows and checksums compared" in done
    assert "is in use" in run("db", "copy", f"sqlite:///{tmp_path}/other.db", code=2)
    assert "a file's is sqlite:///" in run("db", "copy", str(tmp_path / "third.db"), code=2)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "cannot be used"),
        ("mysql://a/b", "cannot be used: SQLite (sqlite:///"),
        ("sqlite:////proc/nowhere/a.db", "check that its folder exists"),
        ("postgresql+psycopg://nobody@127.0.0.1:9/news", "does not answer"),
        ("sqlite:///{instance}/aggregator.db", "is the database itself"),
    ],
)
def test_a_copy_to_a_wrong_address_is_one_line(instance, url, reason):
    run("db", "upgrade")

    said = run("db", "copy", url.replace("{instance}", str(instance)), code=2)

    assert reason in said
    assert 1 == len(said.splitlines())
