"""`aggregator db` and what it leads to: tidying and sizes."""

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
    assert "no entry is too old" in run("db", "tidy")
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


def test_how_long_entries_are_kept_stands_in_settings_and_site_files():
    source = {"name": "a", "title": "a", "url": "http://a.example/", "keep_days": 30}
    site = read_site("haitang", {"university": "海棠大学", "source": [source]}, "a.toml")

    terms = terms_of(Settings(schedule={"retention_days": 400}), Rules({"haitang": site}, {}))

    assert Terms(400, {"a": 30}) == terms


@pytest.mark.parametrize("days", [-1, True, "30", 1.5])
def test_days_that_are_none_are_refused(days):
    from aggregator.errors import RuleError

    source = {"name": "a", "title": "a", "url": "http://a.example/", "keep_days": days}
    with pytest.raises(RuleError, match=r"a\.toml: source\[1\]\.keep_days: must be a whole number of days"):
        read_site("haitang", {"university": "海棠大学", "source": [source]}, "a.toml")
