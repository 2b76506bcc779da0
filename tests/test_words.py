import random

import pytest

from aggregator.words import LONGEST, closed, fold, letters, occurrences, plain, words
from tests.benchmarks.prose import Prose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("南开大学", {"南开", "开大", "大学"}),
        ("南开、天大", {"南开", "天大"}),
        ("臺灣大學", {"台湾", "湾大", "大学"}),
        ("５Ｇ技术", {"5g", "5g技", "技术"}),
        ("COVID-19", {"covid", "19"}),
        ("211工程", {"211", "211工", "工程"}),
        ("第3届", {"第3", "3", "3届"}),
        ("A股", {"a", "a股"}),
        ("𠮷野家", {"𠮷野", "野家"}),
        ("水、火", {"水", "火"}),
        ("通\u200b知", {"通知"}),
        ("Universite\u0301", {"université"}),
        ("ひらがな", {"ひら", "らが", "がな"}),
        ("대학교", {"대학", "학교"}),
        ("𠮷", {"𠮷"}),
        ("。，！", set()),
        ("", set()),
        ("x" * 100, {"x" * LONGEST}),
    ],
)
def test_the_words_of_a_text(text, expected):
    assert expected == words(fold(text))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("通 知", "通知"),
        ("【公　　告】", "【公告】"),
        ("关于清明节放假安排的通\xa0知", "关于清明节放假安排的通知"),
        ("任 免 通 知 2025年第3号", "任免通知 2025年第3号"),
        ("校长 赴 南京 调研", "校长 赴 南京 调研"),
        ("A 股 5 G", "A 股 5 G"),
        ("水、火", "水、火"),
    ],
)
def test_letters_that_are_spread_stand_together(title, expected):
    assert expected == closed(title)


@pytest.mark.parametrize("text", ["第3届5G技术論壇、COVID-19！", "ＡＢＣ　Café\u200b 𠁞學", "", "|a|b 南開|"])
def test_a_text_is_plain_when_its_form_has_lost_its_bars(text):
    assert fold(text).replace("|", "") == plain(text)


def test_a_part_of_a_text_has_the_words_that_the_text_has_there():
    text = "".join(Prose().paragraphs())
    draw = random.Random(2)
    whole = words(fold(text))

    for _ in range(500):
        start = draw.randrange(len(text) - 2)
        part = text[start : start + 2]
        if all("\u4e00" <= letter <= "\u9fff" for letter in part):
            assert words(fold(part)) <= whole
            assert fold(part) in fold(text)


@pytest.mark.parametrize(
    ("text", "sought", "expected"),
    [
        ("南开大学与南开中学", "南开", ["南开", "南开"]),
        ("臺灣大學來訪", "台湾大学", ["臺灣大學"]),
        ("台湾大学来访", "臺灣大學", ["台湾大学"]),
        ("论坛谈５Ｇ技术", "5G技术", ["５Ｇ技术"]),
        ("15G与5G", "5G", ["5G"]),
        ("COVID-19疫苗", "covid 19", ["COVID-19"]),
        ("天津、大学", "天津大学", []),
        ("", "天津", []),
        ("大大大大", "大大", ["大大大大"]),
        ("《南开》", "南开", ["南开"]),
    ],
)
def test_where_a_word_stands(text, sought, expected):
    assert expected == [text[start:end] for start, end in occurrences(text, (fold(sought),))]


def test_the_single_letters_of_a_text():
    assert {"碳", "中", "和"} == letters(fold("碳中和 CO2"))
