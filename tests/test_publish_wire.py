"""What every format says the same way."""

from datetime import UTC, datetime

import pytest

from aggregator.model import Attachment
from aggregator.publish import wire
from tests.published import entry, source


@pytest.mark.parametrize("unwritable", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_characters_that_xml_cannot_hold_are_dropped(unwritable):
    assert wire.writable(f"甲{unwritable}乙") == "甲乙"


def test_emoji_tabs_and_line_breaks_stay():
    assert wire.writable("甲\t乙\r\n😀") == "甲\t乙\r\n😀"


def test_an_address_loses_no_character_that_it_may_hold():
    address = "http://例.cn/a;b=1,2/%E5%8D%97?x=(1)&y=[2]~!*'#甲"

    assert wire.address(address) == address


def test_spaces_and_brackets_in_an_address_are_encoded():
    assert wire.address(' http://a.cn/附件 1<"\u3000>.pdf\n') == "http://a.cn/附件%201%3C%22%E3%80%80%3E.pdf"


def test_an_address_in_ascii_keeps_what_is_encoded():
    assert wire.uri("http://a.cn/%E5%8D%97 甲?x=(1)&y=[2]#~") == "http://a.cn/%E5%8D%97%20%E7%94%B2?x=(1)&y=[2]#~"


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (Attachment("http://a.cn/x.pdf", ""), "application/pdf"),
        (Attachment("http://a.cn/X.PDF?y=1#z", ""), "application/pdf"),
        (Attachment("http://a.cn/x.pdf", "", "image/png"), "image/png"),
        (Attachment("http://a.cn/x.pdf", "", "a pdf file"), "application/pdf"),
        (Attachment("http://a.cn/download.jsp?id=1", "附件1.xls"), "application/vnd.ms-excel"),
        (Attachment("http://a.cn/x.rar", ""), "application/vnd.rar"),
        (Attachment("http://a.cn/download.jsp?id=1", "附件"), None),
        (Attachment("http://[bad/x", "附件"), None),
    ],
)
def test_the_type_of_an_attachment_is_said_or_told_by_its_name(attachment, expected):
    assert wire.media_type(attachment) == expected


def test_a_negative_length_is_none():
    assert wire.length(Attachment("http://a.cn/x", "", length=-1)) is None


@pytest.mark.parametrize(
    ("author", "university", "expected"),
    [("李明", "南开大学", "李明"), (" \n", "南开大学", "南开大学"), (None, "", "南开要闻")],
)
def test_who_wrote_it_is_the_author_else_the_university(author, university, expected):
    assert wire.author(entry(author=author, source=source(university=university))) == expected


def test_the_university_is_not_said_twice_in_a_source_title():
    assert wire.source_title(source()) == "南开大学 南开要闻"
    assert wire.source_title(source(title="南开大学新闻网")) == "南开大学新闻网"


def test_a_time_without_zone_is_taken_as_utc_and_in_whole_seconds():
    assert wire.utc(datetime(2001, 2, 3, 4, 5, 6, 789)) == datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)  # noqa: DTZ001
