"""Topics told by words in titles and leads, and by what the publisher says."""

import tomllib
from pathlib import Path

import pytest

from aggregator.classify.tag import Tagger
from aggregator.model import Given, Site, SourceRule, Taxonomy, Topic
from aggregator.rules.tags import load_taxonomy

CASES = tomllib.loads((Path(__file__).parent / "tags.toml").read_text("utf-8"))
SHIPPED = load_taxonomy(None)
TAGGER = Tagger(SHIPPED)


def tagger(*topics, renamed=None):
    return Tagger(Taxonomy({topic.name: topic for topic in topics}, renamed or {}))


def reasons(topic, title="", text=""):
    return [(one.by, one.what) for one in tagger(topic).reasons((), title, text)]


@pytest.mark.parametrize("topic", SHIPPED.topics)
def test_each_shipped_topic_is_proved_by_titles(topic):
    case = CASES[topic]
    told = {title: topic in TAGGER.topics(title, "") for title in (*case["is"], *case["isnt"])}

    assert dict.fromkeys(case["is"], True) | dict.fromkeys(case["isnt"], False) == told
    assert SHIPPED.topics[topic].english


@pytest.mark.parametrize("title", ["通 知", "关于清明节放假安排的通　　知", "公 告（2025年第3号）"])
def test_a_title_whose_letters_are_spread_tells_its_topic(title):
    assert "通知公告" in TAGGER.topics(title, "")


def test_a_site_gives_its_tags_its_university_and_those_of_the_source_once_each():
    site = Site("nankai", "南开大学", tags=("南开", "南开大学"))
    source = SourceRule("x", "x", "http://x/", tags=("要闻", "南开"))

    assert [("南开", "site"), ("南开大学", "site"), ("要闻", "source")] == site.given(source)
    assert [("海棠大学", "university")] == Site("x", "海棠大学").given(SourceRule("x", "x", "http://x/"))


def test_a_word_counts_in_the_title_and_the_lead_and_not_behind_it():
    topic = Topic("讲座", words=("讲座",), title_words=("开讲",))

    assert [("title", "讲座")] == reasons(topic, "周五讲座", "讲座在图书馆。")
    assert [("lead", "讲座")] == reasons(topic, "周五", "讲座在图书馆。")
    assert [] == reasons(topic, "周五", "开讲。")
    assert [] == reasons(topic, "周五", "正文" * 60 + "讲座")


@pytest.mark.parametrize(
    ("where", "found"),
    [("title", ["title"]), ("body", ["body"]), ("both", ["title", "body"])],
)
def test_a_rule_says_where_its_words_count(where, found):
    topic = Topic("讲座", words=("讲座",), where=where)
    places = [reasons(topic, "讲座", ""), reasons(topic, "", "正文" * 60 + "讲座"), reasons(topic, "", "另一件事")]

    assert found == [by for place in places for by, _ in place]


@pytest.mark.parametrize(
    ("word", "title", "is_there"),
    [
        ("通知$", "关于放假的通知（2025年）", True),
        ("通知$", "通知书已经寄出", False),
        ("^央视", "【央视】一校一景", True),
        ("^央视", "登上央视", False),
        ("召开…会$", "我校召开2025年“双一流”建设推进会", True),
        ("召开…会$", "召开" + "很" * 40 + "会", False),
        ("四_六级", "四、六级报名", True),
        ("臺灣", "台湾学生", True),
        ("5g", "5G技术", True),
        ("5g", "15G流量", False),
        ("forum", "Forums", False),
        ("forum", "The Ｆｏｒｕｍ opens", True),
    ],
)
def test_words_are_found_as_they_are_meant(word, title, is_there):
    assert is_there == bool(reasons(Topic("x", title_words=(word,)), title))


def test_what_shares_a_letter_with_an_exception_does_not_count():
    topic = Topic("招生", title_words=("招生",), exceptions=("幼儿园…招生",))

    assert [] == reasons(topic, "附属幼儿园2025年招生通知")
    assert [("title", "招生")] == reasons(topic, "招生办来到幼儿园")


def test_parents_come_with_their_children_and_say_so():
    parent, child = Topic("会议", title_words=("例会",)), Topic("年会", title_words=("年会",), parents=("会议",))
    told = tagger(parent, child).reasons((), "学会年会开幕", "")

    assert [("会议", "child", "年会"), ("年会", "title", "年会")] == list(told)


def test_a_section_or_keyword_counts_where_it_names_a_topic_and_is_no_tag_itself():
    topic = Topic("讲座", title_words=("学术报告",), aliases=("讲坛",))
    its = tagger(topic)

    assert [("讲座", "section", "學術報告")] == list(its.reasons((), "周五", "", ("新闻", "學術報告")))
    assert [("讲座", "keyword", "讲坛")] == list(its.reasons((), "周五", "", (), ("南开", "讲坛")))
    assert () == its.reasons((), "周五", "", ("讲坛与展览",), ("南开",))


def test_given_tags_come_first_under_todays_names_and_bring_their_parents():
    parent, child = Topic("会议"), Topic("年会", aliases=("大年会",), parents=("会议",))
    its = tagger(parent, child, renamed={"旧闻": "要闻"})
    told = its.reasons([Given("旧闻", "source"), Given("大年会", "site")], "", "")

    assert [("要闻", "source", "旧闻"), ("年会", "site", "大年会"), ("会议", "child", "年会")] == list(told)


def test_texts_of_any_length_can_be_told():
    topic = Topic("讲座", words=("讲座…开讲",), where="both")
    text = "讲座" * 1_300_000  # 5 MB

    assert [] == reasons(topic, "", "")
    assert [] == reasons(topic, text, text)
    assert [("body", "讲座…开讲")] == reasons(topic, "", "讲座开讲" + text)


def test_without_topics_there_are_the_given_tags():
    assert [("要闻", "source", "要闻")] == list(tagger().reasons([Given("要闻", "source")], "讲座", "讲座"))
