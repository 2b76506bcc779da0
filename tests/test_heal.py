"""A list page after a redesign: read by a new rule, or left alone, and never taken for news."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import OtherListError, ParseError
from aggregator.identity import identity
from aggregator.model import Item, KnownEntry, ListingRule, Look, Response, SourceRule
from aggregator.visit.heal import Memory, ailment, look_at, moved, read_older, read_source

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2025, 3, 21, 2, 30, tzinfo=UTC)
URL = "https://news.haitang.edu.cn/xw.htm"
STORIES = [(f"/info/1055/{n}.htm", f"海棠大学第{n}号新闻：工作会议召开", f"2025-03-{20 - n:02}") for n in range(12)]
OTHERS = [(f"/info/2000/{n}.htm", f"信息公开第{n}号：年度预算与决算", f"2019-03-{20 - n:02}") for n in range(12)]

AUTO = SourceRule("haitang-news", "要闻", URL)
OLD = ListingRule("div.news > ul > li")
TWELVE = Look(12, 12, 12)


def page(body, title="要闻-海棠大学"):
    return Response(URL, 200, f"<html><head><title>{title}</title></head><body>{body}</body></html>".encode())


def as_list(stories=STORIES, name="news"):
    rows = "".join(f"<li><a href='{path}'>{title}</a><span>{day}</span></li>" for path, title, day in stories)
    return f"<div class='{name}'><ul>{rows}</ul></div>"


def as_cards(stories=STORIES, name="cards"):
    rows = "".join(
        f"<div class='card'><h4><a href='{path}'>{title}</a></h4><p class='day'>{day}</p></div>"
        for path, title, day in stories
    )
    return f"<section class='{name}'>{rows}</section>"


def stored(stories=STORIES):
    return [
        KnownEntry(n, identity(f"https://news.haitang.edu.cn{path}"), title, day_of(day))
        for n, (path, title, day) in enumerate(stories)
    ]


def day_of(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def read(response, rule=AUTO, kept=OLD, look=TWELVE, entries=(), now=NOW):
    memory = Memory(kept, look, lambda: list(entries))
    return read_source(response, rule, memory, timezone=SHANGHAI, now=now)


def paths(reading):
    return [item.url.removeprefix("https://news.haitang.edu.cn") for item in reading.listing.items]


ALL = [path for path, _, _ in STORIES]


def test_the_first_page_of_a_source_is_read_without_a_rule():
    reading = read(page(as_list()), kept=None, look=None)
    assert (ALL, None, Look(12, 12, 12)) == (paths(reading), reading.note, reading.look)


def test_a_page_that_did_not_change_is_no_news():
    reading = read(page(as_list()), entries=stored())
    assert (ALL, None, False) == (paths(reading), reading.note, reading.is_repaired)


@pytest.mark.parametrize("rule", [AUTO, SourceRule("haitang-news", "要闻", URL, listing=OLD)])
def test_a_redesign_is_read_by_a_new_rule_that_finds_the_known_entries(rule):
    reading = read(page(as_cards()), rule, entries=stored())
    assert (ALL, True) == (paths(reading), reading.is_repaired)
    assert "div.card" in reading.listing.rule.item
    assert "read by" in reading.note


def test_the_rule_of_a_repair_serves_until_the_written_one_is_mended():
    written = SourceRule("haitang-news", "要闻", URL, listing=OLD)
    repaired = read(page(as_cards()), written, entries=stored()).listing.rule
    reading = read(page(as_cards()), written, kept=repaired)
    assert (ALL, False) == (paths(reading), reading.is_repaired)
    assert "no items match" in reading.note
    mended = read(page(as_list()), written, kept=repaired)
    assert (ALL, None) == (paths(mended), mended.note)


def test_a_redesign_with_new_addresses_is_known_by_its_titles():
    there = [(path.replace("/info/1055", "/news/2025"), title, day) for path, title, day in STORIES]
    reading = read(page(as_cards(there)), entries=stored())
    assert ([path for path, _, _ in there], True) == (paths(reading), reading.is_repaired)


def test_another_list_is_not_taken_for_the_one_that_is_known():
    # the list went into a script, a sidebar of other columns stayed; three known titles still stand in a banner
    banner = "".join(f"<a href='{path}'>{title}</a>" for path, title, _ in STORIES[:3])
    body = f"<div class='banner'><p>{banner}</p></div>{as_cards(OTHERS)}"
    with pytest.raises(ParseError, match="finds only 0 of the 3 known entries"):
        read(page(body), entries=stored())


def test_a_page_of_old_articles_never_seen_is_refused():
    with pytest.raises(ParseError, match="older than what is known"):
        read(page(as_cards(OTHERS)), entries=stored())


def test_news_of_weeks_under_a_new_design_are_taken():
    later = [(f"/a/{n}.htm", f"海棠大学夏季学期第{n}次通报", f"2025-03-{21 - n:02}") for n in range(8)]
    reading = read(page(as_cards(later)), entries=stored([(p, t, "2025-01-02") for p, t, _ in STORIES]))
    assert ([path for path, _, _ in later], True) == (paths(reading), reading.is_repaired)


def test_navigation_is_no_list_even_when_nothing_else_is_left():
    links = "".join(f"<li><a href='/{n}.htm'>机构{n}</a></li>" for n in range(12))
    with pytest.raises(ParseError):
        read(page(f"<ul>{links}</ul>"), entries=stored())


def menu(links=5, name="机构设置与职能介绍"):
    return "".join(f"<li><a href='/menu/{n}.htm'>{name}{n}</a></li>" for n in range(links))


@pytest.mark.parametrize("body", [f"<ul>{menu()}</ul>", f"<ul>{menu(2)}</ul>", f"<ul>{menu(5, '机构')}</ul>"])
def test_a_known_rule_that_finds_only_a_menu_is_no_list_that_changed(body):
    with pytest.raises(ParseError, match="links without dates, none of them known"):
        read(page(body), kept=ListingRule("ul > li"), entries=stored())


def test_a_menu_under_the_known_rule_does_not_hide_the_list_beside_it():
    body = f"<ul>{menu()}</ul>" + as_cards(STORIES)
    reading = read(page(body), kept=ListingRule("ul > li"), entries=stored())
    assert (ALL, True) == (paths(reading), reading.is_repaired)


@pytest.mark.parametrize(
    "stories",
    [
        [(path, title, "") for path, title, _ in STORIES[:3]],  # known, though their dates are gone
        [(f"/info/9/{n}.htm", f"海棠大学新年第{n}号新闻", f"2025-03-{20 - n:02}") for n in range(3)],  # dated
    ],
)
def test_a_list_that_shrank_to_what_is_known_or_dated_is_kept(stories):
    reading = read(page(as_list(stories)), entries=stored())
    assert (3, False, True) == (len(reading.listing.items), reading.is_repaired, reading.is_changed)


def test_a_source_of_which_nothing_is_stored_is_not_measured_by_it():
    reading = read(page(f"<ul>{menu()}</ul>"), kept=ListingRule("ul > li"))
    assert 5 == len(reading.listing.items)


def test_far_fewer_items_are_looked_at_again():
    # the old box keeps two pinned rows, the list itself moved into another
    body = as_list(STORIES[:2]) + as_cards(STORIES)
    reading = read(page(body), entries=stored())
    assert (ALL, True) == (paths(reading), reading.is_repaired)


def test_a_list_that_really_shrank_is_kept_and_said():
    reading = read(page(as_list(STORIES[:3])), entries=stored())
    assert (ALL[:3], False, Look(3, 3, 3)) == (paths(reading), reading.is_repaired, reading.look)
    assert "shows 3 items where it had 12" in reading.note


def test_a_rule_that_finds_no_dates_any_more_is_healed():
    links = "".join(f"<li><a href='/col/{n}.htm'>栏目第{n}号的名称很长很长</a></li>" for n in range(12))
    body = f"<div class='news'><ul>{links}</ul></div>" + as_cards()
    reading = read(page(body), entries=stored())
    assert (ALL, True) == (paths(reading), reading.is_repaired)


def test_a_rule_that_finds_only_foreign_links_is_healed():
    links = "".join(
        f"<li><a href='https://www.other{n}.gov.cn/art/{n}234.htm'>友情链接之第{n}号机构门户</a><span>2025-03-1{n % 9}</span></li>"
        for n in range(12)
    )
    body = f"<div class='news'><ul>{links}</ul></div>" + as_cards()
    reading = read(page(body), entries=stored())
    assert (ALL, True) == (paths(reading), reading.is_repaired)


def test_a_kept_rule_watches_that_another_list_is_not_chosen():
    # a longer dated sidebar appears beside a short list: the kept rule still finds the list
    short = STORIES[:6]
    body = as_list(short) + as_cards(OTHERS, name="latest")
    reading = read(page(body), look=Look(6, 6, 6), entries=stored(short))
    assert [path for path, _, _ in short] == paths(reading)


def test_a_row_of_a_new_kind_is_not_lost_to_the_kept_rule():
    top = ("/info/1055/99.htm", "置顶：海棠大学关于举行毕业典礼的通知", "2025-03-21")
    body = as_list([top, *STORIES]).replace("<li>", "<li class='top'>", 1)
    reading = read(page(body), entries=stored())
    assert [top[0], *ALL] == paths(reading)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("<form><input type=password></form>", "login"),
        ("<p>提示信息：栏目不存在</p>", "提示信息"),
        ("<div id=app></div>", "script"),
    ],
)
def test_a_page_without_any_list_keeps_its_reason(body, word):
    with pytest.raises(ParseError, match=word):
        read(page(body, title=""), entries=stored())


@pytest.mark.parametrize(
    ("before", "ill"),
    [
        (None, False),
        (Look(12, 12, 12), False),
        (Look(25, 25, 25), True),
        (Look(3, 3, 3), False),
        (Look(24, 24, 24), False),
    ],
)
def test_an_ailment_is_told_beside_the_last_good_look(before, ill):
    listing = read(page(as_list()), look=None).listing
    assert Look(12, 12, 12) == look_at(listing, URL)
    assert ill == (ailment(listing, before, URL) is not None)


# ------------------------------------------------------------ known articles at new addresses


def items(stories, prefix="/new"):
    return {
        f"news.haitang.edu.cn{prefix}{path}": Item(prefix + path, title, day and day_of(day))
        for path, title, day in stories
    }


def ids(found):
    return {key.rpartition("/")[2]: one.id for key, one in found.items()}


def test_a_whole_page_at_new_addresses_is_known_by_title_and_day():
    there = items(STORIES)
    assert {f"{n}.htm": n for n in range(12)} == ids(moved(there, list(there), stored))


def test_what_is_new_among_them_stays_new():
    new = ("/info/1055/77.htm", "海棠大学第77号新闻：工作会议召开", "2025-03-21")
    there = items([new, *STORIES[:5]])
    found = moved(there, list(there), stored)
    assert {f"{n}.htm": n for n in range(5)} == ids(found)


def test_the_same_title_on_another_day_is_another_article():
    there = items([(path, title, "2025-02-01") for path, title, _ in STORIES])
    assert {} == moved(there, list(there), stored)


def test_one_title_twice_on_one_day_is_two_articles_while_the_old_address_is_shown():
    there = items(STORIES, prefix="") | items(STORIES)
    assert {} == moved(there, list(items(STORIES)), stored)


def test_a_usual_day_is_not_compared():
    def never():
        raise AssertionError("asked the store for nothing")

    there = items(STORIES)
    assert {} == moved(there, list(there)[:2], never)


def test_undated_items_are_known_by_title_where_most_of_the_page_is():
    there = items([(path, title, None) for path, title, _ in STORIES])
    assert 12 == len(moved(there, list(there), stored))
    mixed = items(
        [(path, title, None) for path, title, _ in STORIES[:2]] + [(p, t + "之二", None) for p, t, _ in STORIES[4:]]
    )
    assert {} == moved(mixed, list(mixed), stored)


def test_a_cut_title_is_known_by_its_beginning():
    there = items([(path, title[:12] + "...", day) for path, title, day in STORIES])
    assert 12 == len(moved(there, list(there), stored))


def test_a_day_off_by_one_is_still_the_same_article():
    there = items([(p, t, (datetime.fromisoformat(d) - timedelta(days=1)).strftime("%Y-%m-%d")) for p, t, d in STORIES])
    assert 12 == len(moved(there, list(there), stored))


# ---------------------------------------------------------------- a list without dates that begins anew

UNDATED = Look(12, 0, 12)
ANEW = [(f"/info/1055/{n}.htm", f"海棠大学新网站第{n}条新闻", "") for n in range(900, 904)]


def refused(response, look, now=NOW):
    """The look by which the next reading is judged, as the store gives it back."""
    with pytest.raises(ParseError, match="without dates, none of them known") as caught:
        read(response, look=look, entries=stored(), now=now)
    return look if caught.value.look is None else Look(**json.loads(json.dumps(asdict(caught.value.look))))


def test_an_undated_list_that_begins_anew_is_taken_when_three_days_show_it():
    first = refused(page(as_list(ANEW)), UNDATED)
    second = refused(page(as_list(ANEW)), first, NOW + timedelta(days=1))
    reading = read(page(as_list(ANEW)), look=second, entries=stored(), now=NOW + timedelta(days=4))
    assert ([path for path, _, _ in ANEW], True, Look(4, 0, 4)) == (
        paths(reading),
        reading.is_repaired,
        reading.look,
    )
    assert "4 items where it had 12" in reading.note
    assert "the same on 2025-03-21 and 2025-03-22 and 2025-03-25: taken for the list" in reading.note


def test_readings_of_one_day_count_once_however_many_they_are():
    look = UNDATED
    for hours in range(6):
        look = refused(page(as_list(ANEW)), look, NOW + timedelta(hours=hours))
    assert ["2025-03-21"] == list(look.doubted_on)


def test_a_day_is_a_day_of_the_site():
    evening = datetime(2025, 3, 21, 15, 59, tzinfo=UTC)
    look = refused(page(as_list(ANEW)), UNDATED, evening)
    look = refused(page(as_list(ANEW)), look, evening + timedelta(minutes=2))
    assert ["2025-03-21", "2025-03-22"] == list(look.doubted_on)


def test_a_new_list_that_grows_is_still_the_same():
    look = refused(page(as_list(ANEW[:3])), UNDATED)
    look = refused(page(as_list(ANEW)), look, NOW + timedelta(days=1))
    assert 2 == len(look.doubted_on)


def test_another_list_each_day_is_never_taken():
    look = UNDATED
    for day in range(6):
        rows = [(f"/info/1055/{day}00{n}.htm", f"海棠大学第{day}天的第{n}条推荐", "") for n in range(4)]
        look = refused(page(as_list(rows)), look, NOW + timedelta(days=day))
    assert 1 == len(look.doubted_on)


@pytest.mark.parametrize(
    ("rows", "look"),
    [
        ([(f"/menu/{name}.htm", f"机构设置与职能介绍{name}", "") for name in "abcd"], UNDATED),
        ([(f"/info/1055/{n}.htm", f"机构{n}", "") for n in range(900, 904)], UNDATED),
        (ANEW, TWELVE),
    ],
    ids=["a menu by its addresses", "a menu by its titles", "a list that had dates"],
)
def test_what_is_no_undated_list_is_refused_for_good(rows, look):
    for day in range(6):
        assert look == refused(page(as_list(rows)), look, NOW + timedelta(days=day))


def test_a_known_article_on_the_page_ends_the_doubt():
    look = refused(page(as_list(ANEW)), UNDATED)
    rows = [*ANEW, *((path, title, "") for path, title, _ in STORIES[:1])]
    reading = read(page(as_list(rows)), look=look, entries=stored(), now=NOW + timedelta(days=1))
    assert (5, ()) == (len(reading.listing.items), reading.look.doubted_on)


# ---------------------------------------------------------------- older pages


def older(body, listing=None):
    listing = listing or read(page(as_list()), kept=None, look=None).listing
    return read_older(page(body), listing, timezone=SHANGHAI, now=NOW)


def before(day="2025-03-0{}", path="/info/1055/{}.htm"):
    return [(path.format(500 + n), f"更早的第{n}号新闻：会议召开", day.format(8 - n)) for n in range(8)]


def test_an_older_page_of_another_design_is_read_at_once():
    found = older(as_cards(before()))
    assert [path for path, _, _ in before()] == [
        item.url.removeprefix("https://news.haitang.edu.cn") for item in found.items
    ]
    assert "div.card" in found.rule.item


@pytest.mark.parametrize(
    "rows",
    [
        before(path="/zs/{}.htm"),
        before(day="2019-03-0{}"),
        before(day="2025-03-2{}"),
        before(day=""),
    ],
    ids=["at other addresses", "of other years", "newer than the page before", "without dates"],
)
def test_an_older_page_with_another_list_is_not_read(rows):
    with pytest.raises(OtherListError, match="another list"):
        older(as_cards(rows))


def test_an_older_page_without_a_list_may_have_one_another_time():
    with pytest.raises(ParseError) as caught:
        older("<p>系统维护中</p>")
    assert ParseError is type(caught.value)


@pytest.mark.parametrize(("path", "goes_on"), [("/info/1055/{}.htm", True), ("/info/1060/{}.htm", False)])
def test_an_undated_older_page_must_lead_to_the_same_folder(path, goes_on):
    rows = [(path, title, "") for path, title, _ in STORIES]
    listing = read(page(as_list(rows)), kept=None, look=None).listing
    if goes_on:
        assert 8 == len(older(as_cards(before(day="", path=path)), listing).items)
    else:
        with pytest.raises(OtherListError):
            older(as_cards(before(day="", path=path)), listing)
