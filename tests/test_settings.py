import pytest

from aggregator.errors import SettingsError
from aggregator.instance import load


def test_defaults_serve_without_any_file(tmp_path):
    settings = load(tmp_path)

    assert f"sqlite:///{tmp_path}/aggregator.db" == settings.database_url
    assert "university-news-aggregator/0.1 (+http://127.0.0.1:8000)" == settings.user_agent


def test_a_variable_wins_over_the_file(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text("[fetch]\nconcurrency = 5\nper_host_delay_seconds = 2\n")
    monkeypatch.setenv("AGGREGATOR_FETCH__CONCURRENCY", "7")

    settings = load(tmp_path)

    assert (7, 2.0) == (settings.fetch.concurrency, settings.fetch.per_host_delay_seconds)


def test_the_instance_folder_comes_from_its_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_INSTANCE", str(tmp_path))

    assert tmp_path == load().instance


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[fetch]\nconcurency = 5\n", "config.toml: fetch.concurency: unknown key"),
        ("[fetsh]\n", r"unknown section \[fetsh\]"),
        ("[web]\nport = 'x'\n", "config.toml: web.port: .*found 'x'"),
        ("[web]\nport = 70000\n", "config.toml: web.port: "),
        ("[site]\nurl = 'news'\n", "config.toml: site.url: .*not an http or https address"),
        ("[site]\ntimezone = 'Moon/Sea'\n", "config.toml: site.timezone: .*not a time zone"),
        ("[site", "config.toml: not valid TOML"),
        ("[schedule]\nmin_interval_minutes = 60\nmax_interval_minutes = 5\n", "larger than"),
    ],
)
def test_a_bad_file_is_named_with_key_and_reason(tmp_path, text, complaint):
    (tmp_path / "config.toml").write_text(text)

    with pytest.raises(SettingsError, match=complaint):
        load(tmp_path)


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "config.toml").write_bytes('[site]\nname = "南开"\n'.encode("gbk"))

    with pytest.raises(SettingsError, match="not UTF-8"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("AGGREGATOR_FETCH__CONCURENCY", "5", "AGGREGATOR_FETCH__CONCURENCY: unknown key"),
        ("AGGREGATOR_FETCH", "5", "AGGREGATOR_FETCH: unknown variable"),
        ("AGGREGATOR_WEB__PORT", "no", "AGGREGATOR_WEB__PORT: .*found 'no'"),
    ],
)
def test_a_bad_variable_is_named(tmp_path, monkeypatch, name, value, complaint):
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=complaint):
        load(tmp_path)


def test_the_user_agent_is_one_line_of_ascii(tmp_path):
    (tmp_path / "config.toml").write_text(
        '[site]\nurl = "https://新闻.example.cn"\ncontact = "张三\\nadmin@example.com"\n', "utf-8"
    )

    agent = load(tmp_path).user_agent

    assert agent.isascii()
    assert agent.isprintable()
    assert "admin@example.com" in agent


def test_the_public_address_follows_the_port_until_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("AGGREGATOR_WEB__PORT", "8201")
    followed = load(tmp_path).site.url
    monkeypatch.setenv("AGGREGATOR_SITE__URL", "https://news.example.com")

    assert ("http://127.0.0.1:8201", "https://news.example.com") == (followed, load(tmp_path).site.url)


@pytest.mark.parametrize(
    "text",
    [
        "[fetch]\nproxy = '127.0.0.1:3128'\n",
        "[schedule]\nmax_interval_minutes = 1e10\n",
        "[mail]\nsender = 'news@大学.cn'\n",
        "[mail]\nreply_to = '新闻@example.org'\n",
        "[alert]\nmail = 'lin@example.org, 林@example.org'\n",
    ],
)
def test_a_value_that_would_fail_later_is_refused_now(tmp_path, text):
    (tmp_path / "config.toml").write_text(text)

    with pytest.raises(SettingsError, match=r"config\.toml"):
        load(tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "config.toml").write_text("[web]\nport = 8300\n", "utf-8-sig")

    assert 8300 == load(tmp_path).web.port
