"""Summaries: whole sentences of the lead, as they stand."""

import time

import pytest

from aggregator.classify.summarize import sentences, summarize

LONG = "会议指出，" + "要把论文写在祖国大地上，" * 6 + "不断前进。"


@pytest.mark.parametrize(
    "dateline",
    [
        "南开新闻网讯（记者 李明 摄影报道）",
        "南开新闻网讯 （学生记者 李明 通讯员 王芳）",
        "（通讯员 李明）",
        "（记者 李明\n摄影报道）",
        "本网讯",
        "本网讯 ",
        "本报讯（文/李明 图/王芳）",
        "校报讯：",
        "我校讯（记者李明）",
        "新华社北京3月1日电（记者李明、王芳）",
        "新华社北京3月1日电",
        "中新网天津9月18日电 (记者 李明)",
        "南开大学9月18日讯 ",
        "【记者 李明】",
        "　　本站讯　",
        "【南开新闻网讯】",
        "（本网讯）",
        "〔本网讯〕",
        "【南开大学新闻网】",
        "本网讯（党委宣传部）",
        "本报讯 记者李明 通讯员王芳 ",
        "本站讯 通讯员 李明 ",
        "南开大学新闻网讯（通讯员李明）",
        "光明日报天津9月18日电（记者 李明）",
        "清华新闻网3月20日电（通讯员 李明）",
        "新华社北京9月18日电 题：",
        "据新华社电 ",
        "央视网消息：",
        "央视网消息（记者 李明）：",
        "来源：新华网 ",
        "（国际处 供稿）",
        "(Reporter: Li Ming) ",
        "Beijing, Sept. 18 (Xinhua) -- ",
        "TIANJIN, China, Sept. 18, 2025 (Xinhua) -- ",
    ],
)
def test_dateline_and_byline_are_left_out(dateline):
    assert summarize(f"{dateline}3月1日，我校召开会议。") == "3月1日，我校召开会议。"


@pytest.mark.parametrize(
    "sentence",
    [
        "通讯工程学院举办讲座。",
        "近日，我校召开会议。",
        "9月18日上午，我校召开会议。",
        "我校3月1日电话通知各单位。",
        "（校园）作品展（摄影类）开幕。",
        "记者 李明从学校获悉，今天开学。",
        "本网讯息中心成立。",
        "编辑部成立。",
        "GDP增长5%。",
        "最新消息传来。",
        "央视网消息很多。",
        "（国际处供稿的图片）展出。",
        "本报讯 记者 从学校获悉，今天开学。"[4:],
        "来源于生活。",
        "【通讯】我校召开会议。",
        "Nankai, a university in Tianjin (China) -- opened a lab.",
    ],
)
def test_what_only_looks_like_a_dateline_stays(sentence):
    assert summarize(sentence) == sentence


@pytest.mark.parametrize(
    "credit",
    [
        "来源：新闻中心",
        "作者：李明",
        "记者 李明 通讯员 王芳",
        "文/李明 图/王芳",
        "点击：[ 12 ]",
        "发布时间：2021-09-18 09:44",
        "By Li Ming",
    ],
)
def test_lines_that_tell_who_and_when_are_left_out(credit):
    assert summarize(f"{credit}\n我校召开会议。") == "我校召开会议。"


def test_a_byline_at_the_end_of_a_block_is_left_out():
    assert summarize("我校召开会议。（文/李明 图/王芳）\n大家鼓掌。") == "我校召开会议。大家鼓掌。"


def test_at_most_three_sentences():
    assert summarize("一。二。三。四。") == "一。二。三。"


def test_only_as_many_sentences_as_fit():
    assert summarize("甲。" + "乙" * 9 + "。丙。", limit=11) == "甲。"
    assert summarize("甲。" + "乙" * 8 + "。丙。", limit=11) == "甲。" + "乙" * 8 + "。"


def test_a_first_sentence_longer_than_the_limit_is_kept_whole():
    assert summarize(LONG + "第二句。", limit=20) == LONG


def test_a_first_sentence_without_end_is_cut_at_a_clause():
    endless = "会议指出，" + "要把论文写在祖国大地上，" * 100

    summary = summarize(endless)

    assert len(summary) <= 400
    assert summary.endswith("要把论文写在祖国大地上…")
    assert endless.startswith(summary[:-1])


def test_a_sentence_that_is_too_long_makes_room_for_a_whole_one():
    assert summarize("会议指出，" + "要把论文写在祖国大地上，" * 40 + "不断前进。大家鼓掌。") == "大家鼓掌。"


def test_what_has_no_clause_is_cut_all_the_same():
    assert summarize("长" * 1000) == "长" * 399 + "…"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("增长3.14%，见http://a.cn/b.html?c=1!2。好。", ["增长3.14%，见http://a.cn/b.html?c=1!2。", "好。"]),
        ("校长说：“努力！”大家鼓掌。", ["校长说：“努力！”", "大家鼓掌。"]),
        ("“真好！”他说。“是的。”", ["“真好！”他说。", "“是的。”"]),
        ("他强调：“要努力。要奋斗。”大家赞同。", ["他强调：“要努力。要奋斗。”", "大家赞同。"]),
        ("会议（9月。）结束了？！是。", ["会议（9月。）结束了？！", "是。"]),
        ("真的?他说!", ["真的?", "他说!"]),
        ("没有结束", []),
        ("结束。没有", ["结束。"]),
        (
            "Dr. Smith of the U.S. opened a 3.5 km road. It works!",
            ["Dr. Smith of the U.S. opened a 3.5 km road.", "It works!"],
        ),
        ("“没有关上。第二句。", ["“没有关上。", "第二句。"]),
        ("1. 时间：3月1日。2. 地点：行政楼。", ["1. 时间：3月1日。", "2. 地点：行政楼。"]),
    ],
)
def test_sentences_end_where_they_end(text, expected):
    assert sentences(text) == expected


def test_english_sentences_have_a_space_between():
    text = "TIANJIN, March 1 (Xinhua) -- Nankai opened a lab.\nIt is large. Students came. They left."

    assert summarize(text) == "Nankai opened a lab. It is large. Students came."


def test_the_salutation_of_a_notice_is_passed_over():
    assert (
        summarize("各学院：\n为做好假期工作，现将安排公布。具体如下：\n一、10月1日放假。")
        == "为做好假期工作，现将安排公布。"
    )


def test_the_lines_of_an_announcement_are_its_summary():
    text = "题目：量子计算\n时间：9月18日15:00\n地点：津南校区\n主讲人简介：\n李明，教授。"

    assert summarize(text) == "题目：量子计算 时间：9月18日15:00 地点：津南校区 主讲人简介： 李明，教授。"


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), (" \n\u3000\n", ""), ("一个标题", "一个标题"), ("甲\n乙", "甲 乙")]
)
def test_a_text_without_sentence_gives_its_lines(text, expected):
    assert summarize(text) == expected


def test_white_space_is_one_space_and_numbers_stay():
    assert summarize("共\u3000 12,345.6\t万元，\x0b增长 3%。") == "共 12,345.6 万元， 增长 3%。"


@pytest.mark.parametrize(
    "text",
    [
        "（" * 100_000,
        "（记者" * 50_000,
        "讯" * 100_000,
        "a." * 50_000,
        "A " * 50_000,
        "\n" * 1_000_000,
        "时间：x\n" * 50_000,
        "“。" * 50_000,
    ],
)
def test_a_hostile_text_takes_no_time(text):
    before = time.process_time()

    summarize(text)

    assert time.process_time() - before < 1
