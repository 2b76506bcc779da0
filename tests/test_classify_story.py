from datetime import UTC, datetime, timedelta

import pytest

from aggregator.classify.story import Teller, Telling, first_of, is_same, origins

TITLE = "我校水稻耐旱研究取得新进展"
TEXT = (
    "近日，农学院作物生理课题组在水稻耐旱机制研究方面取得新进展，相关论文在线发表于国际学术期刊。"
    "课题组历时6年，从420份地方稻种中筛选出一个调控根系深扎的关键基因，并育成两个节水品系。\n"
    "水稻是需水量最大的粮食作物之一。课题组负责人陆云舟教授介绍，传统观点认为耐旱与高产难以兼得，原因在于植株一遇缺水便关闭气孔，光合作用随之减弱。\n"
    "2023年至2024年，两个品系在三个县的8个试验点连续种植。测产结果显示，在灌溉量减少31%的条件下，平均亩产568公斤，仅比常规灌溉低2.4%。"
)
HALF = TEXT.translate(str.maketrans("，。：", ",.:"))
TRADITIONAL = (
    "近日，農學院作物生理課題組在水稻耐旱機制研究方面取得新進展，相關論文在線發表於國際學術期刊。"
    "課題組歷時6年，從420份地方稻種中篩選出一個調控根系深扎的關鍵基因，並育成兩個節水品系。"
)
HOLIDAY = (
    "校内各单位：根据国务院办公厅通知精神，结合我校实际情况，现将{name}放假安排通知如下。"
    "{month}月{day}日至{month}月{end}日放假，共{days}天，{month}月{end}日之后正常上课、上班。"
    "各单位要妥善安排好值班和安全保卫等工作，遇有重大突发事件，要按规定及时报告并妥善处置，确保师生员工平安度过节日假期。"
)
QINGMING = HOLIDAY.format(name="清明节", month=4, day=4, end=6, days=3)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def same(one, other, apart=HOUR, *, titles=(TITLE, TITLE), of_one_source=False):
    tellings = [Telling(title, text) for title, text in zip(titles, (one, other), strict=True)]
    return is_same(*tellings, apart, of_one_source=of_one_source)


@pytest.mark.parametrize(
    "retold",
    [
        TEXT,
        f"云岭大学新闻网讯（记者 张三 通讯员 李四）{TEXT}",
        f"发布时间：2026-03-09 点击数：731\n编者按：本文转载自兄弟高校。\n{TEXT}\n（编辑：王五 审核：赵六）\n浏览次数：92",
        HALF,
        TRADITIONAL,
        TEXT[: len(TEXT) * 2 // 5],
        TEXT.replace("介绍", "说").replace("近日", "日前").replace("筛选出", "找到"),
    ],
    ids=["word for word", "by-line", "editor's notes", "half-width", "traditional", "excerpt", "wording"],
)
def test_an_edited_copy_tells_the_same_and_shares_a_sign(retold):
    assert same(TEXT, retold, titles=(TITLE, f"【媒体】{TITLE}"))
    assert same(retold, TEXT)
    assert set(Telling(TITLE, TEXT).signature) & set(Telling("另一个题目，长短差不多", retold).signature)


@pytest.mark.parametrize(
    "other",
    [
        HOLIDAY.format(name="清明节", month=4, day=3, end=7, days=5),
        HOLIDAY.format(name="劳动节", month=5, day=1, end=5, days=5),
    ],
)
def test_notices_of_one_template_with_other_dates_are_not_the_same(other):
    assert not same(QINGMING, other, titles=("关于清明节放假安排的通知",) * 2)
    assert same(QINGMING, f"{QINGMING}\n校长办公室", titles=("关于清明节放假安排的通知", "清明放假通知"))


APPOINTED = (
    "根据《干部选拔任用工作条例》和学校有关规定，经校党委研究，现将{name}同志拟任职情况予以公示。公示期为3月3日至8日。"
    "在公示期限内，任何单位和个人均可通过来信、来电、来访等形式向党委组织部反映公示对象存在的问题。联系电话：022-12345678。"
)


@pytest.mark.parametrize(
    ("titles", "names", "expected"),
    [
        (("关于李明同志任职前的公示", "关于王芳同志任职前的公示"), ("李明", "王芳"), False),
        (("关于李明同志任职前的公示", "干部任前公示"), ("李明", "李明"), True),
        (("我校关于李明同志任职前的公示", "海棠大学关于李明同志任职前的公示"), ("我校李明", "海棠大学李明"), True),
    ],
)
def test_notices_of_one_template_are_the_same_only_about_the_same(titles, names, expected):
    one, other = (APPOINTED.format(name=name) for name in names)

    assert expected == same(one, other, titles=titles)


LECTURE = (
    "主讲人：陆云舟教授。时间：{day}（星期五）14:30—16:30。地点：图书馆报告厅二楼。内容提要：本次讲座介绍水稻耐旱机制研究的最新进展，"
    "并与师生讨论在三个县的试验点开展的连续种植试验与测产结果。欢迎广大师生参加。\n教务处\n{signed}"
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("3月5日", "3月5日", True),
        ("3月5日", "3月6日", False),
        ("3 月 5 日", "3 月 15 日", False),
        ("2025年3月5日", "2025年3月6日", False),
        ("2025-03-05", "2025-03-06", False),
        ("2025.3.5", "2025.3.6", False),
    ],
)
@pytest.mark.parametrize("title", ["讲座预告：水稻耐旱机制研究的新进展", "【通知】水稻耐旱机制研究的新进展"])
def test_what_is_announced_for_another_day_is_another_story_whatever_day_it_was_signed(title, one, other, expected):
    first = LECTURE.format(day=one, signed="2025年3月1日")
    second = LECTURE.format(day=other, signed="2025年3月2日")

    assert expected == same(first, second, titles=(title, title))


def test_titles_that_count_differently_are_of_two_stories():
    assert not same(TEXT, TEXT, titles=("第3届水稻节水论坛举行", "第4届水稻节水论坛举行"))


def test_what_is_published_again_after_months_is_told_anew():
    assert not same(TEXT, TEXT, timedelta(days=61))
    assert same(TEXT, TEXT, None)  # nobody knows


def test_one_source_tells_a_story_again_only_word_for_word():
    assert same(TEXT, TEXT, of_one_source=True)
    assert not same(TEXT, TEXT[:-80], of_one_source=True)
    assert not same(TEXT, TEXT, titles=(TITLE, "另有一则新闻"), of_one_source=True)
    assert not same("内容详见附件。", "内容详见附件。", of_one_source=True)


@pytest.mark.parametrize(
    ("title", "apart", "expected"),
    [
        (TITLE, HOUR, True),
        (TITLE, timedelta(days=4), False),
        (TITLE, None, False),
        ("关于2026年清明节放假安排的通知", HOUR, False),
        ("我校举行开学典礼", HOUR, False),
    ],
)
def test_without_a_text_only_a_title_of_its_own_within_days_tells_the_same(title, apart, expected):
    assert expected is same("", TEXT, apart, titles=(title, title))


def test_no_text_and_a_text_of_5_mb_are_looked_at():
    assert () == Telling("", "").signature
    assert 0 < len(Telling("短", TEXT * 12_000).signature) <= 8
    assert same(TEXT * 12_000, TEXT * 12_000)


def test_an_article_says_where_it_comes_from_on_its_page_or_at_either_end_of_its_text():
    assert ("海棠大学新闻网",) == origins("海棠大学新闻网", TEXT)
    assert ("海棠大学新闻网",) == origins(None, f"{TEXT}\n（来源：海棠大学新闻网）")
    assert ("海棠日报",) == origins(None, f"本文转载自《海棠日报》\n{TEXT}")
    assert () == origins(None, TEXT)


def teller(id_, university, hours, *, precision="minute", origin=(), length=400):
    published = None if hours is None else NOON + hours * HOUR
    return Teller(id_, university, "新闻", published, precision, (university[:2] + "大",), origin, length)


@pytest.mark.parametrize(
    ("tellers", "expected"),
    [
        ([teller(1, "云岭大学", 5), teller(2, "海棠大学", 1)], (2, "time")),
        # what others say of the origin counts more than times
        ([teller(1, "云岭大学", 1, origin=("海棠大新闻网",)), teller(2, "海棠大学", 5)], (2, "origin")),
        # one that names somebody else here was not first
        ([teller(1, "云岭大学", 1, origin=("海棠大学",)), teller(2, "海棠大学", 9), teller(3, "星湖学院", 5)], (2, "origin")),
        # an origin that is none of them tells nothing
        ([teller(1, "云岭大学", 1, origin=("新华网",)), teller(2, "海棠大学", 5)], (1, "time")),
        # a day holds all its hours
        ([teller(1, "云岭大学", -12, precision="day"), teller(2, "海棠大学", 1)], (1, "seen")),
        ([teller(3, "云岭大学", -12, precision="day"), teller(2, "海棠大学", 1)], (2, "seen")),
        ([teller(1, "云岭大学", -12, precision="day"), teller(2, "海棠大学", 30)], (1, "time")),
        # of two that may have been first, one tells only a part
        ([teller(1, "云岭大学", -12, precision="day", length=150), teller(2, "海棠大学", 1)], (2, "seen")),
        ([teller(1, "云岭大学", None), teller(2, "海棠大学", 5)], (2, "time")),
        ([teller(2, "云岭大学", None), teller(1, "海棠大学", None)], (1, "seen")),
    ],
)  # fmt: skip
def test_who_was_first_is_told_by_origin_then_by_time_as_far_as_it_is_known(tellers, expected):
    assert expected == first_of(tellers) == first_of(tellers[::-1])
