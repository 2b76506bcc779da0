"""A recorded page beside today's: what differs is told, the news that came are not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.errors import SettingsError
from aggregator.follow.case import compare, read, record, recorded
from aggregator.model import SHANGHAI, Response, SourceRule
from tests.university import NOW

URL = "https://www.haitang.edu.cn/tzgg.htm"
RULE = SourceRule("own", "通知公告", URL, kind="list")


def row(n, *, dated=True, title="号全体会议在行政楼召开", tag="li"):
    day = f"<span>2025-03-{n:02}</span>" if dated else ""
    return f"<{tag}><a href='info/1/{n}.htm'>海棠大学第{n}{title}</a>{day}</{tag}>"


def page(rows, frame="ul class='list'"):
    return Response(
        URL, 200, f"<title>通知公告</title><body><{frame}>{''.join(rows)}</{frame.split()[0]}></body>".encode()
    )


THEN = page(map(row, range(12, 0, -1)))


@pytest.fixture
def case(tmp_path):
    record(tmp_path / "own", THEN, read(THEN, RULE, timezone=SHANGHAI, now=NOW), timezone=SHANGHAI, now=NOW)
    return recorded(tmp_path / "own")


def told(case, response, rule=RULE):
    found = compare(case, response, rule, timezone=SHANGHAI, now=NOW + timedelta(days=7))
    return {one.what: [title for _, title in one.items] for one in found}


def test_a_case_is_kept_as_it_was(case):
    assert (THEN.body, URL, NOW) == (case.response.body, case.response.url, case.recorded_at)
    assert 12 == len(case.items)


@pytest.mark.parametrize(
    "numbers",
    [range(12, 0, -1), range(15, 3, -1), range(24, 12, -1)],
    ids=["the same", "three more, three fewer", "all of them new"],
)
def test_news_are_no_difference(case, numbers):
    assert {} == told(case, page(map(row, numbers)))


def test_what_is_no_longer_kept_on_top_is_not_lost(tmp_path):
    then = page([row(1), *map(row, range(12, 5, -1))])
    record(tmp_path / "own", then, read(then, RULE, timezone=SHANGHAI, now=NOW), timezone=SHANGHAI, now=NOW)

    assert {} == told(recorded(tmp_path / "own"), page(map(row, range(12, 5, -1))))


def test_an_item_gone_from_the_middle_is_lost(case):
    assert {"lost": ["海棠大学第7号全体会议在行政楼召开"]} == told(
        case, page(row(n) for n in range(12, 0, -1) if n != 7)
    )


def test_dates_that_are_not_found_are_told(case):
    assert ["dates"] == list(told(case, page(row(n, dated=False) for n in range(12, 0, -1))))


def test_other_titles_are_told(case):
    assert 12 == len(told(case, page(row(n, title="号通知已经全部更正如下") for n in range(12, 0, -1)))["titles"])


def test_a_page_built_otherwise_is_told_though_it_is_read(case):
    built = page((row(n, tag="p") for n in range(12, 0, -1)), frame="div class='neu'")

    assert {"selectors": []} == told(case, built)


def test_another_list_and_no_list_are_told(case):
    old = page(row(n).replace("info/1", "info/9").replace("2025-03", "2019-03") for n in range(12, 0, -1))

    assert ["other"] == list(told(case, old))
    assert ["unreadable"] == list(told(case, Response(URL, 200, "<p>系统维护</p>".encode())))


def test_a_site_file_that_reads_the_recorded_page_otherwise_is_told(case):
    from aggregator.model import ListingRule

    ruled = replace(RULE, listing=ListingRule("li:nth-child(odd)"))

    assert "reading" in told(case, THEN, ruled)


def test_a_case_is_recorded_in_place_of_the_last_and_a_broken_one_is_named(tmp_path, case):
    now = page(map(row, range(20, 10, -1)))
    record(tmp_path / "own", now, read(now, RULE, timezone=SHANGHAI, now=NOW), timezone=SHANGHAI, now=NOW)
    assert 10 == len(recorded(tmp_path / "own").items)

    (tmp_path / "own" / "expectation.json").write_text("{", "utf-8")
    with pytest.raises(SettingsError, match="record it anew with `aggregator try --record`"):
        recorded(tmp_path / "own")
    assert None is recorded(tmp_path / "none")
