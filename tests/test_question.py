import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import SearchError
from aggregator.query import Selection
from aggregator.question import parse

ZONE = ZoneInfo("Asia/Shanghai")


def forms(words):
    return [word.form for word in words]


@pytest.mark.parametrize(
    ("text", "words", "without"),
    [
        ("碳中和", ["碳中和"], []),
        ("碳中和　水稻", ["碳中和", "水稻"], []),
        ("“碳 中和” 「水稻」", ["碳 中和", "水稻"], []),
        ('"南 开"', ["南开"], []),
        ("奖学金 -公示 －名单", ["奖学金"], ["公示", "名单"]),
        ("COVID-19", ["|covid| |19|"], []),
        ("C++", ["|c|"], []),
        ("10:30 开会", ["|10| |30|", "开会"], []),
        ("研究 研究", ["研究"], []),
        ("研究 。 !", ["研究"], []),
    ],
)
def test_words_and_what_is_excluded(text, words, without):
    question = parse(text, ZONE)

    assert (words, without) == (forms(question.words), forms(question.without))


def test_filters_narrow_the_selection():
    selection = parse(
        "研究 tag:科研+要闻 -tag:讲座 学校：南开大学 source:nankai since:2026-03 until:2026-05-31", ZONE
    ).selection

    assert "科研+要闻-讲座" == str(selection.tags)
    assert ("南开大学", "nankai") == (selection.university, selection.source)
    assert datetime(2026, 3, 1, tzinfo=ZONE) == selection.since
    assert datetime(2026, 6, 1, tzinfo=ZONE) == selection.until


def test_a_filter_of_the_text_is_within_the_selection_that_is_given():
    selection = parse("研究 source:nankai", ZONE, Selection(university="南开大学")).selection

    assert ("南开大学", "nankai") == (selection.university, selection.source)


@pytest.mark.parametrize(
    ("text", "within"), [("tag:科研", Selection()), ("起:2026-03", Selection()), ("", Selection(university="南开大学"))]
)
def test_what_narrows_may_stand_without_words(text, within):
    assert () == parse(text, ZONE, within).words


def test_marks_alone_are_no_words_whatever_narrows_them():
    with pytest.raises(SearchError):
        parse("！？", ZONE, Selection(university="南开大学"))


@pytest.mark.parametrize(
    ("text", "fault", "column"),
    [
        ("", "empty", 1),
        ("-讲座", "empty", 1),
        ("！？", "empty", 1),
        ("研究 “水稻", "quote", 4),
        ('研究"', "quote", 3),
        ("研究 tag:", "filter", 4),
        ("研究 university:\0", "filter", 4),
        ("研究 -source:a", "filter", 4),
        ("研究 since:昨天", "date", 4),
        ("研究 since:2026-02-30", "date", 4),
        ("研究 until:0000", "date", 4),
        ("研究 since:2026 until:2025", "dates", 1),
        ("研究 tag:a+", "tags", 4),
        ("研究 tag:a -tag:a", "tags", 10),
        (" ".join("甲乙丙丁戊己庚辛壬癸子"), "many", 21),
        ("长" * 201, "long", 201),
    ],
)
def test_what_cannot_be_read_is_named_with_its_column(text, fault, column):
    with pytest.raises(SearchError) as caught:
        parse(text, ZONE)

    assert (fault, column) == (caught.value.fault, caught.value.column)


def test_whatever_is_typed_is_a_question_or_an_error_of_ours():
    draw = random.Random(4)
    signs = [*"研究 -“”\"「」:：tag+|()'\\*^\u3000９", "since:", "until:2026", "tag:", "\U0001f600", "\ud800", "\0"]

    for _ in range(3000):
        text = "".join(draw.choices(signs, k=draw.randint(0, 15)))
        try:
            question = parse(text, ZONE)
            assert question.words or question.selection != Selection(words=text.strip())
        except SearchError as error:
            column = error.column
        else:
            column = 1
        assert 1 <= column <= max(1, len(text))
