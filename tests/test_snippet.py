import pytest

from aggregator.snippet import LIMIT, marked, snippet
from aggregator.words import fold

TEXT = (
    "近日，农学院课题组在水稻耐旱研究方面取得新进展。相关论文在线发表于国际学术期刊。\n"
    "课题组历时6年，从420份地方稻种中筛选出一个关键基因。\n"
    "测产结果显示，灌溉量减少31%，节水三成。学校将继续支持。"
)


def shown(pieces):
    return "".join(f"[{text}]" if hit else text for text, hit in pieces)


def found(text, *words, **options):
    return shown(snippet(text, [fold(word) for word in words], **options))


def test_the_sentence_that_holds_the_word_is_shown_whole():
    assert "近日，农学院课题组在[水稻]耐旱研究方面取得新进展。相关论文在线发表于国际学术期刊。" == found(TEXT, "水稻")


def test_of_several_words_each_has_its_sentence():
    expected = "近日，农学院课题组在[水稻]耐旱研究方面取得新进展。相关论文在线发表于国际学术期刊。…测产结果显示，灌溉量减少31%，[节水]三成。"

    assert expected == found(TEXT, "水稻", "节水")


@pytest.mark.parametrize(("word", "mark"), [("關鍵", "[关键]"), ("420", "[420]"), ("４２０份", "[420份]")])
def test_a_word_is_marked_however_it_was_typed(word, mark):
    assert mark in found(TEXT, word)


def test_traditional_letters_are_marked_too():
    assert "[臺灣大學]代表團來訪。" == found("臺灣大學代表團來訪。", "台湾大学")


def test_a_long_sentence_is_cut_at_a_clause_near_the_word():
    text = (
        "，".join(f"第{number}项内容是这样安排的" for number in range(40))
        + "，重点是碳中和，"
        + "然后还有很多很多的话，" * 20
    )

    said = found(text, "碳中和")

    assert "[碳中和]" in said
    assert said.startswith("…")
    assert said.endswith("…")
    assert len(said) <= LIMIT + 2


def test_a_text_without_an_end_mark_is_shown():
    assert "时间：周五 地点：[图书馆]报告厅" == found("时间：周五 地点：图书馆报告厅", "图书馆")


def test_a_text_without_the_word_gives_nothing():
    assert [] == snippet(TEXT, ["没有"])
    assert [] == snippet("", ["没有"])


def test_a_title_is_marked_whole():
    assert "关于[南开]大学[5G]实验室的通知" == shown(marked("关于南开大学5G实验室的通知", ["南开", "|5g|"]))
