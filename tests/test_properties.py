"""What holds for any input at all. The promises stand in tests/fuzz/promises.py; here are the inputs."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.errors import SourceError
from aggregator.gather.charset import decode
from aggregator.gather.clean import clean
from aggregator.gather.dates import date_in_url, find_dates, read_date
from aggregator.gather.links import absolute
from tests.fuzz.pieces import DATES, FEED, HTML, WORDS
from tests.fuzz.promises import KINDS, NOW, SHANGHAI, URL, is_address, is_past, keep

settings.register_profile(
    "same every time",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    suppress_health_check=[*HealthCheck],
)
settings.load_profile("same every time")

WRITTEN = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y年%m月%d日",
    "[%Y-%m-%d]",
    "%d %b %Y",
    "%B %d, %Y",
    "%d %Y-%m",
    "%Y%m%d",
)
CHARSETS = ("utf-8", "gb18030", "big5", "utf-16", "iso-8859-1")
CONTENT_TYPES = st.sampled_from(
    (None, "text/html", "application/xml", *(f"text/html; charset={name}" for name in CHARSETS))
)
ZONES = st.sampled_from(("Asia/Shanghai", "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata")).map(ZoneInfo)


def documents(pieces):
    """Documents put together from *pieces*, in any charset, as bytes."""
    parts = st.lists(st.sampled_from(pieces) | st.text(max_size=8), max_size=40)
    return st.builds(lambda found, charset: "".join(found).encode(charset, "replace"), parts, st.sampled_from(CHARSETS))


@pytest.mark.parametrize("kind", KINDS)
@given(body=st.binary(max_size=300), content_type=CONTENT_TYPES)
def test_any_bytes_give_a_result_or_a_source_error(kind, body, content_type):
    keep(kind, body, content_type)


@pytest.mark.parametrize("kind", KINDS)
@given(body=documents(HTML), content_type=CONTENT_TYPES)
def test_any_html_gives_a_result_or_a_source_error(kind, body, content_type):
    keep(kind, body, content_type)


@given(body=documents(FEED), content_type=CONTENT_TYPES)
def test_any_feed_gives_a_result_or_a_source_error(body, content_type):
    keep("feed", body, content_type)


@given(body=documents(HTML))
def test_cleaning_twice_is_cleaning_once(body):
    with suppress(SourceError):
        once = clean(decode(body), URL)
        twice = clean(once.html, URL)
        assert (once.html, once.text, once.images) == (twice.html, twice.text, twice.images)
        # a file may be named by an attribute, of a link that shows nothing
        assert {file.url for file in twice.attachments} <= {file.url for file in once.attachments}


@given(parts=st.lists(st.sampled_from(DATES) | st.text(max_size=4), max_size=6), timezone=ZONES)
def test_no_date_is_of_the_future_or_of_a_former_age(parts, timezone):
    text = "".join(parts)

    for found in find_dates(text, timezone=timezone, now=NOW):
        assert datetime(1989, 12, 31, tzinfo=UTC) <= found.at <= NOW + timedelta(days=1)
        assert 0 <= found.start < found.end <= len(text)


@given(at=st.integers(694_310_400, 1_795_132_800), timezone=ZONES)
def test_a_moment_in_iso_form_is_read_as_itself(at, timezone):
    moment = datetime.fromtimestamp(at, UTC)

    found = read_date(moment.astimezone(timezone).isoformat(), timezone=timezone, now=NOW)

    assert found is not None
    assert moment == found[0]


@given(day=st.dates(date(1990, 1, 1), date(2026, 11, 21)), form=st.sampled_from(WRITTEN))
def test_a_day_is_the_same_in_every_form(day, form):
    found = read_date(day.strftime(form), timezone=SHANGHAI, now=NOW)

    assert (day, "day") == (found and found[0].astimezone(SHANGHAI).date(), found and found[1])


@given(parts=st.lists(st.sampled_from(("2025", "0320", "/", "-", "t", "20991231", ".htm", "03", "20")), max_size=9))
def test_no_address_is_dated_in_the_future(parts):
    is_past(*(date_in_url("/".join(["http://a.cn", *parts]), timezone=SHANGHAI, now=NOW) or (None, None)))


@given(
    words=st.lists(st.sampled_from(WORDS), min_size=30, max_size=60),
    charset=st.sampled_from(("utf-8", "gbk", "gb18030")),
)
def test_texts_come_through_every_charset(words, charset):
    text = "".join(words)

    assert text == decode(text.encode(charset))


@given(
    words=st.lists(st.sampled_from(WORDS), min_size=10, max_size=40),
    place=st.integers(0, 39),
    charset=st.sampled_from(("utf-8", "gbk")),
)
def test_a_bad_byte_costs_one_character(words, place, charset):
    before, after = "".join(words[:place]), "".join(words[place:])

    assert f"{before}\ufffd{after}" == decode(before.encode(charset) + b"\xff" + after.encode(charset))


@given(
    href=st.text(max_size=20)
    | st.lists(
        st.sampled_from(
            ("http:", "//", "\\", "[", "]", "@", ":", "javascript:", "\t", "data:", "a", "%", "..", "/", "?", "#", "注")
        ),
        max_size=8,
    ).map("".join)
)
def test_an_absolute_address_can_be_followed(href):
    url = absolute(href, "https://news.example.edu.cn/xw/")

    if url is not None:
        is_address(url)
        assert url == absolute(url, "https://other.example/")
