from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.gather.dates import date_in_url, find_dates, read_date

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2025, 6, 1, 4, 0, tzinfo=UTC)  # noon on a Sunday in Shanghai


def read(text, now=NOW):
    found = read_date(text, timezone=SHANGHAI, now=now)
    if found is None:
        return None
    local = found[0].astimezone(SHANGHAI)
    return f"{local:%Y-%m-%d}" if found[1] == "day" else f"{local:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021年03月10日 09:44  点击:[]", "2021-03-10 09:44"),
        ("发布时间： 2024年5月6日8时30分", "2024-05-06 08:30"),
        ("2025.05.29", "2025-05-29"),
        ("2024/12/17", "2024-12-17"),
        ("[2018-11-28]", "2018-11-28"),
        ("[ 2020年06月20日 ]", "2020-06-20"),
        ("2025/04/17 11:45:03", "2025-04-17 11:45"),
        ("发稿时间 : 2025/05/08 13:58", "2025-05-08 13:58"),
        ("27 05月,2025", "2025-05-27"),
        ("21 2025-05", "2025-05-21"),
        ("212025-05", "2025-05-21"),
        ("202505-21", "2025-05-21"),
        ("Nov.9 2024", "2024-11-09"),
        ("Oct 12, 2024", "2024-10-12"),
        ("12 Oct 2024", "2024-10-12"),
        ("Thu, 20 Mar 2025 09:44:00 +0800", "2025-03-20 09:44"),
        ("2025-03-20T01:44:00Z", "2025-03-20 09:44"),
        ("2025-03-20T09:44:00+08:00", "2025-03-20 09:44"),
        ("二〇二一年三月十日", "2021-03-10"),
        ("今天 08:30", "2025-06-01 08:30"),
        ("昨天", "2025-05-31"),
        ("3天前", "2025-05-29"),
        ("3小时前", "2025-06-01 09:00"),
        ("05-21", "2025-05-21"),
        ("12-30", "2024-12-30"),  # not in the future: last year's
        ("5月6日8时30分", "2025-05-06 08:30"),
    ],
)
def test_dates_as_universities_write_them(text, expected):
    assert expected == read(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "电话：022-23501234",
        "192.168.10.12",
        "3.15元",
        "2030-01-01",
        "1949年10月1日",
        "2025-13-40",
        "第10-12周",
        "邮编300071",
        "v2021.3.4.5",
    ],
)
def test_what_is_no_publication_date_is_none(text):
    assert read(text) is None


def test_a_day_that_names_its_year_comes_before_one_that_does_not():
    assert "2025-05-29" == read("05-20 2025-05-29")


def test_dates_are_found_where_they_stand():
    found = find_dates("时间：2025-05-29 9:30，地点", timezone=SHANGHAI, now=NOW)

    assert [(3, "minute")] == [(date.start, date.precision) for date in found]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.edu.cn/2025/0320/c1a2/page.htm", "2025-03-20"),
        ("http://a.ac.cn/xw/202506/t20250612_8227704.html", "2025-06-12"),
        ("http://news.a.edu.cn/ywsd/system/2021/09/18/030047991.shtml", "2021-09-18"),
        ("http://a.edu.cn/info/1055/20251.htm", None),
    ],
)
def test_addresses_carry_dates(url, expected):
    found = date_in_url(url, timezone=SHANGHAI)

    assert expected == (f"{found[0].astimezone(SHANGHAI):%Y-%m-%d}" if found else None)


@pytest.mark.parametrize("text", ["9" * 1_000_000, " " * 1_000_000, "2025-" * 200_000, "年月日" * 300_000])
def test_long_texts_end(text):
    find_dates(text, timezone=SHANGHAI, now=NOW)
