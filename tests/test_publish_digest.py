"""Digests: which days, in which order, under which address."""

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import NotFound
from aggregator.publish.digest import digest_address, digest_json, make_digest, parse_address, period_bounds
from tests.published import ENTRY, SITE, SLUG, entry, source

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2001, 2, 2)


def at(hour, university="南开大学", number=1):
    return entry(id=number, sort=datetime(2001, 2, 2, hour, tzinfo=UTC), source=source(university=university))


def test_the_university_with_most_entries_comes_first_then_by_name():
    digest = make_digest([at(1, "乙校"), at(2, "甲校"), at(3, "丙校"), at(4, "丙校"), at(5, "Ａ校")], "day", DAY)

    assert [group.university for group in digest.groups] == ["丙校", "乙校", "甲校", "Ａ校"]
    assert digest.entry_count == 5


def test_entries_of_a_university_are_newest_first():
    digest = make_digest([at(1, number=1), at(3, number=2), at(3, number=3), at(2, number=4)], "day", DAY)

    assert [found.id for found in digest.groups[0].entries] == [3, 2, 4, 1]


def test_the_order_of_what_comes_in_does_not_matter():
    entries = [at(1, "甲校", 1), at(1, "甲校", 2), at(1, "乙校", 3)]

    assert make_digest(entries, "week", DAY) == make_digest(entries[::-1], "week", DAY)


def test_a_period_without_news_is_an_empty_digest():
    digest = make_digest([], "month", DAY, tag="科研")

    assert (digest.first, digest.last, digest.groups, digest.tag) == (date(2001, 2, 1), date(2001, 2, 28), (), "科研")


@pytest.mark.parametrize(
    ("period", "day", "first", "last", "address"),
    [
        ("day", date(2026, 11, 20), date(2026, 11, 20), date(2026, 11, 20), "2026-11-20"),
        ("week", date(2026, 11, 20), date(2026, 11, 16), date(2026, 11, 22), "2026-W47"),
        ("week", date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 3), "2026-W53"),
        ("month", date(2026, 11, 20), date(2026, 11, 1), date(2026, 11, 30), "2026-11"),
        ("month", date(2024, 2, 29), date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        ("month", date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31), "2026-12"),
    ],
)
def test_a_period_has_its_days_and_an_address_that_leads_back(period, day, first, last, address):
    digest = make_digest([], period, day)

    assert (digest.first, digest.last) == (first, last)
    assert digest_address(period, day) == digest_address(period, first) == address
    assert parse_address(address) == (period, first)


def test_a_day_goes_from_midnight_to_midnight_of_the_site():
    assert period_bounds("day", date(2001, 2, 2), SHANGHAI) == (
        datetime(2001, 2, 1, 16, tzinfo=UTC),
        datetime(2001, 2, 2, 16, tzinfo=UTC),
    )


def test_a_day_on_which_the_clocks_change_has_23_hours():
    start, end = period_bounds("day", date(2026, 3, 29), ZoneInfo("Europe/Berlin"))

    assert (end - start).total_seconds() == 23 * 3600


@pytest.mark.parametrize(
    "nonsense",
    [
        *("", "heute", "2026", "2026-13", "2026-00", "2026-02-30", "2026-W54", "2026-W00", "2027-W53", "2026-W5"),
        *("0000-01", "9999-12", "２０２６-11", "2026-11-20/", "2026-11-20\n", "2026-11-1", "1" * 100_000),
    ],
)
def test_an_address_that_means_no_period_is_not_found(nonsense):
    with pytest.raises(NotFound):
        parse_address(nonsense)


def test_json_is_plain_and_says_where_the_digest_stands():
    found = digest_json(make_digest([entry()], "week", DAY, tag="要闻"), SITE)

    assert json.loads(json.dumps(found)) == {
        "period": "week",
        "first": "2001-01-29",
        "last": "2001-02-04",
        "tag": "要闻",
        "url": f"{SITE}/digest/2001-W05/",
        "entry_count": 1,
        "groups": [
            {
                "university": "南开大学",
                "entries": [
                    {
                        "slug": SLUG,
                        "title": ENTRY.title,
                        "url": f"{SITE}/entries/{SLUG}/",
                        "first_published": ENTRY.url,
                        "published": "2001-02-02T01:44:00+00:00",
                        "source": "南开要闻",
                        "author": "李明",
                        "summary": ENTRY.summary,
                        "tags": ["南开大学", "要闻"],
                    }
                ],
            }
        ],
    }
