"""Digests: which days, in which order, under which address."""

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import NotFound
from aggregator.model import Corrections, First
from aggregator.publish.digest import (
    LISTED,
    TOPICS,
    digest_address,
    fold,
    make_digest,
    parse_address,
    period_bounds,
)
from aggregator.publish.freeze import corrections, digest_json, freeze, thaw
from tests.published import ENTRY, SITE, SLUG, entry, source

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2001, 2, 2)
MADE_AT = datetime(2001, 2, 3, tzinfo=UTC)
TITLE = "水稻耐旱研究取得新进展"


def at(hour, university="南开大学", number=1, **fields):
    moment = datetime(2001, 2, 2, tzinfo=UTC) + timedelta(hours=hour)
    values = {"title": f"第{number}号新闻", "sort": int(moment.timestamp())}
    return entry(id=number, source=source(name=university, university=university), **values | fields)


def made(entries, period="day", day=DAY, zone=SHANGHAI, **values):
    return make_digest(fold(entries), period, day, zone, **values)


def topics(digest):
    """(topic, how many stories, universities) of each group."""
    return [(group.topic, group.count, [part.university for part in group.parts]) for group in digest.groups]


def titles(digest):
    return [story.entry.title for story in digest.stories]


# ------------------------------------------------------------ one item a story


def test_the_same_headline_at_another_university_is_the_same_story():
    entries = [at(3, "乙校", 2, title=f"　{TITLE}！"), at(1, "甲校", 1, title=TITLE), at(5, "丙校", 3, title=TITLE)]

    (story,) = made(entries).stories

    assert ("甲校", ("乙校", "丙校")) == (story.entry.source.university, story.elsewhere)


def test_a_story_goes_on_for_three_days_and_no_longer():
    first = at(1, "甲校", 1, title=TITLE)
    after = [at(1, "乙校", 2, title=TITLE)._replace(sort=first.sort + days * 86_400) for days in (3, 4)]

    assert [1, 2] == [len(fold([first, other])) for other in after]


def test_one_source_tells_two_stories_under_one_headline():
    assert 2 == len(fold([at(1, "甲校", 1, title=TITLE), at(2, "甲校", 2, title=TITLE)]))


@pytest.mark.parametrize("title", ["关于2025年清明节放假安排的通知", "我校召开年度工作会议", "新春贺词"])
def test_what_everybody_writes_is_one_story_only_where_it_reads_alike(title):
    two = [at(1, "甲校", 1, title=title, summary="甲。"), at(2, "乙校", 2, title=title, summary="乙。")]

    assert 2 == len(fold(two))
    assert 1 == len(fold([one._replace(summary="甲。") for one in two]))


# ------------------------------------------------------------ order


def test_what_most_universities_tell_comes_first_then_who_speaks_rarely_then_the_newest():
    entries = [
        at(9, "甲校", 1, title="甲校新的"),
        at(8, "甲校", 2, title="甲校旧的"),
        at(1, "乙校", 3, title="乙校只有这一条"),
        at(2, "甲校", 4, title=TITLE),
        at(3, "丙校", 5, title=TITLE),
    ]

    assert [TITLE, "乙校只有这一条", "甲校新的", "甲校旧的"] == titles(made(entries))


def test_a_digest_is_grouped_by_topic_then_university_and_what_has_no_topic_is_last():
    entries = [
        at(1, "甲校", 1, tags=("甲校", "科研")),
        at(2, "乙校", 2, tags=("乙校", "科研")),
        at(3, "乙校", 3, tags=("乙校", "要闻")),
        at(4, "丙校", 4, tags=("丙校", "甲校")),
    ]

    found = topics(made(entries, no_topics={"甲校", "乙校", "丙校"}))

    assert [("科研", 2, ["甲校", "乙校"]), ("要闻", 1, ["乙校"]), ("", 1, ["丙校"])] == found


def test_a_story_of_several_topics_stands_under_the_rarest():
    entries = [at(n, "甲校", n, tags=("要闻", "科研") if n < 3 else ("要闻",)) for n in range(1, 8)]

    assert [("要闻", 5), ("科研", 2)] == [(topic, count) for topic, count, _ in topics(made(entries))]


def test_only_the_fullest_topics_are_groups():
    entries = [at(n, "甲校", n, tags=(f"话题{min(n, TOPICS):02}",)) for n in range(1, TOPICS + 3)]
    entries.append(at(20, "甲校", 99, tags=("少见",)))

    found = topics(made(entries))

    assert TOPICS + 1 == len(found)
    assert ("话题12", 3) == found[0][:2]
    assert "" == found[-1][0]


def test_what_comes_in_may_come_in_any_order():
    entries = [
        at(n, f"{n % 7}校", n, tags=(f"话题{n % 5}",), title=TITLE if n % 9 == 0 else f"第{n}号") for n in range(1, 90)
    ]
    shuffled = Random(1).sample(entries, len(entries))

    assert made(entries, "week") == made(shuffled, "week")
    assert digest_json(made(entries), SITE) == digest_json(made(shuffled), SITE)


@pytest.mark.parametrize("number", [0, 1, 500, 1200])
def test_a_digest_counts_all_and_lists_the_best(number):
    digest = made([at(n % 16, f"{n % 30}校", n + 1) for n in range(number)])

    assert (number, number, min(number, LISTED)) == (digest.entry_count, digest.story_count, len(digest.stories))
    assert number == sum(count for _, count in digest.chart)
    assert (number == 0) == digest.is_empty


def test_a_week_has_its_days_and_a_day_its_universities():
    entries = [at(1, "甲校", 1), at(17, "乙校", 2), at(18, "乙校", 3)]  # 17:00 UTC is tomorrow in Shanghai

    assert (("乙校", 2), ("甲校", 1)) == made(entries).chart
    assert {"2001-02-02": 1, "2001-02-03": 2} == {day: count for day, count in made(entries, "week").chart if count}
    assert 7 == len(made(entries, "week").chart)


def test_a_period_without_news_is_an_empty_digest():
    digest = made([], "month", tag="科研")

    assert (date(2001, 2, 1), date(2001, 2, 28), (), "科研") == (digest.first, digest.last, digest.groups, digest.tag)


# ------------------------------------------------------------ editions


def full():
    entries = [
        at(1, "甲校", 1, tags=("科研",)),
        at(2, "甲校", 2, title=TITLE),
        at(3, "乙校", 3, title=TITLE, published=None),
    ]
    late = [[at(1, "乙校", 9)]]
    return made(entries, tag="科研|要闻", late=late, firsts=[First("topic", "科研"), First("university", "乙校")])


def test_what_is_frozen_thaws_as_it_was():
    frozen = freeze(full(), 2, MADE_AT, Corrections(added=1))
    frozen.items, frozen.facts = json.loads(json.dumps(frozen.items)), json.loads(json.dumps(frozen.facts))

    digest = thaw(frozen, 3)

    assert ("1 added", 2, 3, MADE_AT) == (frozen.note, digest.edition, digest.editions, digest.made_at)
    former = full()
    for name in ("groups", "late", "firsts", "chart", "ids", "story_count", "university_count", "tag", "period"):
        assert _plain(getattr(former, name)) == _plain(getattr(digest, name)), name


def _plain(value):
    """Without what a list of entries has not: bodies and files."""
    return (
        repr(value)
        .replace(repr(ENTRY.html), "''")
        .replace(repr(ENTRY.text), "''")
        .replace(repr(ENTRY.attachments), "()")
    )


def test_a_correction_says_what_changed():
    old = made([at(1, number=1), at(2, number=2), at(3, number=3)])
    new = made([at(1, number=1), at(2, number=2, title="改了题"), at(4, number=4), at(5, number=5)])

    assert Corrections(added=2, withdrawn=1, retitled=1) == corrections(old, new)
    assert not corrections(old, old)


# ------------------------------------------------------------ days and addresses


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
    digest = made([], period, day)

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
    found = digest_json(
        made([entry(sort=int(ENTRY.published.timestamp()))], "week", tag="要闻", no_topics={"要闻"}), SITE
    )

    (group,) = found.pop("groups")
    assert json.loads(json.dumps(group)) == {
        "topic": "",
        "count": 1,
        "universities": [
            {
                "university": "南开大学",
                "stories": [
                    {
                        "rank": 1,
                        "slug": SLUG,
                        "title": ENTRY.title,
                        "url": f"{SITE}/entries/{SLUG}/",
                        "first_published": ENTRY.url,
                        "published": "2001-02-02T01:44:00+00:00",
                        "university": "南开大学",
                        "source": "南开要闻",
                        "author": "李明",
                        "summary": ENTRY.summary,
                        "image": ENTRY.image,
                        "tags": ["南开大学", "要闻"],
                        "also": [],
                    }
                ],
            }
        ],
    }
    assert ("week", "2001-01-29", "2001-02-04", f"{SITE}/digest/2001-W05/", 1) == tuple(
        found[name] for name in ("period", "first", "last", "url", "entry_count")
    )
