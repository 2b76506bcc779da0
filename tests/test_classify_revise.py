"""What counts as a change of an article, and how it is shown."""

import pytest

from aggregator.classify.difference import LONGEST, differences
from aggregator.classify.revise import compare, is_another, is_cut, is_other_title, state_of
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
        ("会议召开。\n今天是2025年3月1日 星期六 晴 12℃", "会议召开。\n今天是2025年3月2日 星期日 小雨 -1~9℃"),
        ("会议召开。", "会议召开。\n点击数：12"),  # a script wrote it this time
        ("会议召开。\n浏览：加载中", "会议召开。\n浏览：12"),
        ("会议召开。\n点赞 12 收藏 3", "会议召开。\n点赞 13 收藏 4"),
        ("会议召开。\n您的IP是 192.0.2.1", "会议召开。\n您的IP是 192.0.2.77"),
        ("Held today.\nNext: A library", "Held today.\nNext: A hospital"),
        ("会议召开。\nCopyright © 2024 海棠大学", "会议召开。\nCopyright © 2025 海棠大学"),
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
        ("阅览室全年阅读量12万册。", "阅览室全年阅读量13万册。", 1),
        ("下个月起开放。", "下个月起闭馆。", 2),
        ("来自12国的30人访问我校。", "来自12国的31人访问我校。", 1),
        ("图片\n学生在田间", "图片\n学生在车间", 1),
        ("会议召开。", "会议召开。特此更正。", 5),
    ],
)
def test_a_change_of_the_text_is_one(before, after, words):
    found = compare(told(before), told(after))

    assert (("body",), words, False) == (found.what, found.words, found.matters)


def test_a_file_is_the_same_whoever_may_have_it_and_until_when():
    keys = ("a/x.pdf?Expires={0}&Signature={0}", "a/down?id=1&token={0}", "a/y.doc?sid={0}")
    one, other = (told("会议召开。", files=[key.format(number) for key in keys]) for number in (1, 2))

    assert None is compare(one, other)
    assert ("attachments",) == compare(one, told("会议召开。", files=[keys[1].replace("id=1", "id=2")])).what


def test_what_is_only_cut_is_told_from_what_is_edited():
    whole = told("会议召开。各学院院长发言。实验室将于四月开放。")

    cut = ("会议召开。各学院…", "会议召开。各学院院长发言。 [阅读全文]", "")
    assert [True] * 3 == [is_cut(whole, told(text)) for text in cut]
    assert [False] * 2 == [is_cut(whole, told(text)) for text in (whole.text, "会议召开。各学部部长发言。")]
    assert not is_cut(whole, told("…" * 100_000 + "。"))  # at once


def test_a_change_is_known_again_by_what_came_and_went():
    first = compare(told("会议召开。四月开放。气温十度。"), told("会议召开。五月开放。气温九度。"))
    second = compare(told("会议召开。四月开放。气温十度。"), told("会议召开。五月开放。气温八度。"))
    other = compare(told("会议召开。四月开放。"), told("会议召开。四月开放。", title="学校开会"))

    assert ("body",) == second.only(first.marks).what
    assert None is other.only(first.marks)


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
