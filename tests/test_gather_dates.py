from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.gather.dates import date_in_url, find_dates, read_date

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2025, 6, 1, 4, 0, tzinfo=UTC)  # noon on a Sunday in Shanghai


def read(text, now=NOW, timezone=SHANGHAI):
    found = read_date(text, timezone=timezone, now=now)
    if found is None:
        return None
    local = found[0].astimezone(timezone)
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
        ("发布时间 : 2025 - 05 - 06 08 : 05", "2025-05-06 08:05"),
        ("2025 -05 -06", "2025-05-06"),
        ("２０２５－０５－０６　０８：０５", "2025-05-06 08:05"),
        ("2025·05·06", "2025-05-06"),
        ("2025。05。06", "2025-05-06"),
        ("21\n / 2025-05", "2025-05-21"),
        ("日期：20250521", "2025-05-21"),
        ("二零二四年十二月三十一日", "2024-12-31"),
        ("2025-05-06至05-09", "2025-05-06"),
        ("2025年5月6日-9日", "2025-05-06"),
        ("2024-02-29", "2024-02-29"),
        ("02-29", "2024-02-29"),
        ("1990-01-01", "1990-01-01"),
        ("Posted on May 6th, 2025 at 8:05am", "2025-05-06 08:05"),
        ("06-May-2025", "2025-05-06"),
        ("Tue, 06 May 2025 08:05:00 GMT", "2025-05-06 16:05"),
        ("Tue May 06 08:05:00 CST 2014", "2014-05-06 08:05"),
        ("Tue May  6 08:05:00 2014", "2014-05-06 08:05"),
    ],
)
def test_dates_as_universities_write_them(text, expected):
    assert expected == read(text)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("T08:05", "2025-05-06 08:05"),
        ("t08:05:00z", "2025-05-06 16:05"),
        (" 8:05:00", "2025-05-06 08:05"),
        (" 08时05分12秒", "2025-05-06 08:05"),
        (" 8点半", "2025-05-06 08:30"),
        (" 8:05 PM", "2025-05-06 20:05"),
        (" 12:05 a.m.", "2025-05-06 00:05"),
        (" 上午8:05", "2025-05-06 08:05"),
        ("上午 12:05", "2025-05-06 00:05"),
        ("（星期二）下午3时", "2025-05-06 15:00"),
        (" Tue 08:05", "2025-05-06 08:05"),
        ("晚8:05", "2025-05-06 20:05"),
        (" 傍晚6点", "2025-05-06 18:00"),
        (" 中午12:30", "2025-05-06 12:30"),
        (" 中午1点", "2025-05-06 13:00"),
        (" 08:05-10:00", "2025-05-06 08:05"),
        # what no minute of that day is leaves the day
        (" 24:00", "2025-05-06"),
        ("晚上12点", "2025-05-06"),
        (" 08:60", "2025-05-06"),
    ],
)
def test_clocks_behind_a_day(clock, expected):
    assert expected == read(f"2025-05-06{clock}")


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("+0800", "08:05"),
        ("+08:00", "08:05"),
        ("+00", "16:05"),
        (" -0500", "21:05"),
        (" GMT+8", "08:05"),
        (" GMT+0800 (China Standard Time)", "08:05"),
        (" (UTC+8)", "08:05"),
        (" UTC", "16:05"),
        (" CST", "08:05"),
        (" KST", "07:05"),
        (" EST", "21:05"),
        ("-12:00:00", "08:05"),  # until when, and no zone
        (" +99:00", "08:05"),
    ],
)
def test_zones_behind_a_clock(zone, expected):
    assert f"2025-05-06 {expected}" == read(f"2025-05-06 08:05:00{zone}")


def test_a_zone_is_the_sites_own_where_the_site_uses_its_name():
    assert "2025-01-06 08:05" == read("2025-01-06 08:05 CST", timezone=ZoneInfo("America/Chicago"))
    assert "2025-01-06 15:05" == read("2025-01-06 08:05 CST", timezone=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-05-06 00:00:00", "2025-05-06"),
        ("2025/5/6 0:00:00", "2025-05-06"),
        ("2025-05-06T00:00:00.000+08:00", "2025-05-06"),
        ("2025-05-06T00:00:00Z", "2025-05-06 08:00"),
        ("2025-05-06 00:00", "2025-05-06 00:00"),
    ],
)
def test_a_midnight_printed_with_its_seconds_is_a_day(text, expected):
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25-05-06", "2025-05-06"),
        ("[25.05.06]", "2025-05-06"),
        ("'25.05.06", "2025-05-06"),
        ("25-05-06 08:05", "2025-05-06 08:05"),
        ("25年5月6日", "2025-05-06"),
        ("发布时间: 25/5/6 阅读 12", "2025-05-06"),
        ("99-05-06", "1999-05-06"),
        ("114/05/06", "2025-05-06"),
        ("發布日期：114-5-6", "2025-05-06"),
        ("民國114年5月6日", "2025-05-06"),
        ("中華民國 一一四年五月六日", "2025-05-06"),
        ("民国38年5月6日", None),
        ("版本 25.05.06 已发布", None),
        ("编号 114-05-06 号", None),
        ("36-05-06", None),
    ],
)
def test_short_years_are_believed_where_they_stand_alone_or_with_a_label(text, expected):
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今日 08:30", "2025-06-01 08:30"),
        ("昨日", "2025-05-31"),
        ("前天 08:00", "2025-05-30 08:00"),
        ("Yesterday at 08:30", "2025-05-31 08:30"),
        ("刚刚", "2025-06-01 12:00"),
        ("发布于半小时前", "2025-06-01 11:30"),
        ("发布时间：1个小时前", "2025-06-01 11:00"),
        ("两天前", "2025-05-30"),
        ("十天前", "2025-05-22"),
        ("2周前", "2025-05-18"),
        ("an hour ago", "2025-06-01 11:00"),
        ("2 hrs ago", "2025-06-01 10:00"),
        ("1个月前", None),
        ("请提前3天前往", None),
        ("须于活动开始3天前完成", None),
        ("今天 星期日", None),
        ("今日头条", None),
    ],
)
def test_times_told_from_now(text, expected):
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("今天", "2025-05-31T16:05+00:00", "2025-06-01"),  # five past midnight in Shanghai
        ("昨天", "2025-05-31T15:55+00:00", "2025-05-30"),
        ("06-01", "2025-05-31T16:05+00:00", "2025-06-01"),
        ("12-31 23:59", "2025-01-01T00:00+08:00", "2024-12-31 23:59"),
        ("01-01", "2025-01-01T00:00+08:00", "2025-01-01"),
        ("01-02", "2025-01-01T00:00+08:00", "2024-01-02"),
        ("2025-06-02 09:00", "2025-06-01T10:00+08:00", "2025-06-02 09:00"),  # a server in another zone
        ("2025-06-02 09:00", "2025-06-01T08:00+08:00", None),
    ],
)
def test_days_are_the_sites_own(text, now, expected):
    assert expected == read(text, now=datetime.fromisoformat(now))


def test_an_hour_that_summer_time_leaves_out_is_read():
    assert "2025-03-30 03:30" == read("2025-03-30 02:30", timezone=ZoneInfo("Europe/Berlin"))


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
        "2025-02-29",
        "1989-12-31",
        "2025年5月",
        "05月,2025",
        "2024-2025-2学期",
        "校发〔2025〕5号",
        "20250506123",
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
        ("http://a.ac.cn/xw/202406/t20240612_8227704.html", "2024-06-12"),
        ("http://news.a.edu.cn/ywsd/system/2021/09/18/030047991.shtml", "2021-09-18"),
        ("http://a.edu.cn/info/1055/20251.htm", None),
    ],
)
def test_addresses_carry_dates(url, expected):
    found = date_in_url(url, timezone=SHANGHAI, now=NOW)

    assert expected == (f"{found[0].astimezone(SHANGHAI):%Y-%m-%d}" if found else None)


def test_an_address_may_not_lead_into_the_future():
    assert date_in_url("http://a.edu.cn/2030/0101/c1a2/page.htm", timezone=SHANGHAI, now=NOW) is None


@pytest.mark.parametrize(
    "text", ["9" * 1_000_000, " " * 1_000_000, "2025-" * 200_000, "年月日" * 300_000, "民国" * 500_000]
)
def test_long_texts_end(text):
    find_dates(text, timezone=SHANGHAI, now=NOW)
