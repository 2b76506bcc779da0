"""What counts as a change of an article, and how it is shown."""

import pytest

from aggregator.classify.difference import LONGEST, differences
from aggregator.classify.revise import compare, is_another, is_other_title, state_of
from aggregator.model import Told


def told(text, title="学校召开会议", html="", files=(), pictures=()):
    return Told(title, None, None, html, text, files, pictures)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("会议召开。\n师生参加。", "会议召开。师生 参加。"),  # a line broken elsewhere
        ("会议召开。\n点击数：12", "会议召开。\n点击数：15"),
        ("会议召开。 浏览次数:[1.2万]", "会议召开。 浏览次数:[1.3万]"),
        ("会议召开。\n阅读 512", "会议召开。\n阅读 513"),
        ("会议召开。\n37次浏览", "会议召开。\n38次浏览"),
        ("会议召开。\n上一篇：图书馆东馆", "会议召开。\n上一篇：附属医院"),
        ("会议召开。\n相关阅读\n图书馆东馆试运行", "会议召开。\n相关阅读\n附属医院义诊\n体育馆开放"),
        ("会议召开。\n今天是2025年3月1日 星期六", "会议召开。\n今天是2025年3月2日 星期日"),
        ("会议召开，", "会议召开,"),  # full width
    ],
)
def test_what_passes_is_no_change(before, after):
    assert None is compare(told(before), told(after))
    assert state_of(told(before)) == state_of(told(after))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("馆内收藏500件文物。", "馆内收藏600件文物。", 1),
        ("下个月起开放。", "下个月起闭馆。", 2),
        ("来自12国的30人访问我校。", "来自12国的31人访问我校。", 1),
        ("图片\n学生在田间", "图片\n学生在车间", 1),
        ("会议召开。", "会议召开。特此更正。", 5),
    ],
)
def test_a_change_of_the_text_is_one(before, after, words):
    found = compare(told(before), told(after))

    assert (("body",), words, False) == (found.what, found.words, found.matters)


def test_what_another_reading_does_not_agree_on_is_none():
    assert None is compare(told("会议。\n广告一。"), told("会议。\n广告二。"), told("会议。\n广告三。"))


def test_a_change_beside_what_passes_is_found():
    before, after, again = (
        told(f"会议召开。\n服务器{number}。\n师生参加。\n{text}")
        for number, text in ((1, "甲。"), (2, "乙。"), (3, "乙。"))
    )
    close, closer, closest = (
        told(f"服务器{number}。\n{text}") for number, text in ((1, "甲。"), (2, "丙。乙。"), (3, "丙。乙。"))
    )

    assert 1 == compare(before, after, again).words
    assert ("body",) == compare(close, closer, closest).what


def test_a_list_of_links_is_no_part_of_an_article():
    links = "<ul><li><a href='/1'>甲</a></li><li><a href='/2'>乙</a></li><li><a href='/3'>丙</a></li></ul>"

    assert None is compare(told("会议。"), told("会议。\n甲\n乙\n丙", html=links))


def test_a_title_that_is_cut_is_the_same():
    assert not is_other_title("学校召开本学期本科教学工作会议", "学校召开本学期本科…")
    assert not is_other_title("“五四”讲座", "五四 讲座")
    assert is_other_title("学校召开会议", "学校召开大会")


def test_another_article_is_told_from_one_that_was_edited():
    before = told("会议于周一召开。师生参加。", title="学校召开本科教学工作会议")

    assert is_another(before, told("图书馆东馆试运行。", title="图书馆东馆今起试运行"))
    assert not is_another(before, told("会议改期。", title="学校召开本科教学工作会议（更正）"))
    assert not is_another(before, told("会议于周一召开。师生参加。", title="讲座预告"))


def test_differences_show_whole_words_and_what_is_around():
    found = differences("学校召开会议，部署工作。共有120人参加。", "学校召开大会，部署工作。共有130人参加。")

    assert [("same", "学校召开"), ("del", "会议"), ("ins", "大会"), ("same", "，部署工作。共有"), ("del", "120"), ("ins", "130"), ("same", "人参加。")] == found  # fmt: skip


def test_differences_leave_out_what_is_far_from_a_change():
    found = differences("甲" * 500 + "。改前。" + "乙" * 500, "甲" * 500 + "。改后。" + "乙" * 500)

    assert ["gap", "same", "del", "ins", "same", "gap"] == [kind for kind, _ in found]


def test_long_texts_are_compared_in_bounds():
    before, after = "甲" * 2_000_000, "乙" * 2_000_000

    assert 2_000_000 == compare(told(before), told(after)).words
    assert LONGEST == sum(len(piece.text) for piece in differences(before, after))
