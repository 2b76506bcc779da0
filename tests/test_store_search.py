import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text, update

from aggregator.errors import NotFound
from aggregator.model import Entry
from aggregator.question import parse
from aggregator.store import Store, indexing
from tests.benchmarks.prose import Prose
from tests.test_store import entry, filled, visit

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store with two sources, on either database."""
    url = f"sqlite:///{tmp_path}/aggregator.db"
    opened = filled(Store(url if request.param == "sqlite" else request.getfixturevalue("postgresql")))
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path):
    opened = filled(Store(f"sqlite:///{tmp_path}/aggregator.db"))
    yield opened
    opened.close()


def keep(store, *news, source_id=1):
    """Store entries, given as (title, text) or titles, each an hour older than the one before; index them."""
    for number, one in enumerate(news):
        title, words = one if isinstance(one, tuple) else (one, "")
        store.entries.record(
            [visit(source_id, entry(f"http://one.example/{number}", title=title, text=words, hours=number))]
        )
    while store.index.catch_up():
        pass


def found(store, question, **options):
    return [one.title for one in store.search.find(parse(question, ZONE), **options).entries]


@cache
def articles(count):
    """Made-up entries, dated at random within ten years; many on the same day."""
    prose, draw = Prose(), random.Random(1)
    begin = datetime(2015, 1, 1, tzinfo=UTC)
    return [
        entry(
            f"http://one.example/{number}",
            title=prose.title(),
            text="\n".join(prose.paragraphs()),
            published=begin + timedelta(days=draw.randrange(3700), hours=draw.randrange(2) * 7),
            tags=tuple(draw.sample(["科研", "讲座", "招生"], draw.randrange(4))),
        )
        for number in range(count)
    ]


def holders(news, words):
    return sorted(one.url for one in news if words in one.title or words in one.text)


def index_all(store, news):
    store.entries.record([visit(1, *news)])
    while store.index.catch_up():
        pass


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("南开", "南开大学建校"),
        ("臺灣大學", "台湾大学代表团来访"),
        ("台湾大学", "臺灣大學代表團來訪"),
        ("5g", "５Ｇ技术论坛"),
        ("5G技术", "５Ｇ技术论坛"),
        ("covid-19", "COVID-19 疫苗"),
        ("COVID", "COVID-19 疫苗"),
        ("211工程", "“211工程”验收"),
        ("第3届", "我校第3届运动会"),
        ("𠮷野", "𠮷野家教授讲座"),
        ("碳", "碳中和研究"),
        ("中", "碳中和研究"),
        ("“南开大学”", "南开大学建校"),
        ("「大学 代表」", "台湾大学、代表团来访"),
        ("université", "Universite\u0301 de Paris"),
        ("が行く", "か\u3099行く"),
    ],
)
def test_an_entry_is_found_by(store, question, title):
    keep(store, title, "别的新闻")

    assert [title] == found(store, question)


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("5G", "15G 存储"),
        ("大学南开", "南开大学、学南"),
        ("开大", "南开、大学"),
        ("南开大学", "南开 开大 大学"),
        ("南开 -大学", "南开大学"),
        ("南开 -开大学", "南开大学"),
        ("南开 -校", "南开校友"),
    ],
)
def test_an_entry_is_not_found_by(store, question, title):
    keep(store, title, "别的新闻")

    assert [] == found(store, question)


def test_what_is_excluded_is_so_as_a_whole_phrase(store):
    keep(store, "南开 开大 大学", "南开大学的开大")

    assert ["南开 开大 大学"] == found(store, "开大 -南开大学")


def test_words_of_title_and_text_are_found(store):
    keep(store, ("校园网升级", "十月起停机检修。"), ("运动会", "校园里很热闹。"))

    assert ["校园网升级", "运动会"] == found(store, "校园")
    assert ["校园网升级"] == found(store, "校园 检修")


def test_the_newest_come_first_page_by_page(store):
    keep(store, *[f"新闻第{number}号" for number in range(25)])

    pages, before = [], None
    while True:
        page = store.search.find(parse("新闻", ZONE), limit=10, before=before)
        pages.append([one.title for one in page.entries])
        if page.after is None:
            break
        before = page.after

    assert [10, 10, 5] == [len(page) for page in pages]
    assert [f"新闻第{number}号" for number in range(25)] == [title for page in pages for title in page]


def test_the_most_relevant_have_the_word_in_their_title(store):
    keep(
        store,
        ("近日新闻", "提到图书馆一次。"),
        ("馆藏", "图书馆，图书馆，还是图书馆。"),
        ("图书馆开放", "欢迎。"),
    )  # fmt: skip

    assert ["图书馆开放", "馆藏", "近日新闻"] == found(store, "图书馆", order="relevance")
    assert ["近日新闻", "馆藏", "图书馆开放"] == found(store, "图书馆")


@pytest.mark.parametrize("asked", ["图书", "图书 开放", "图书馆 开放 欢迎"])
def test_pages_by_relevance_are_parts_of_one_list(store, asked):
    """Whether a page needs only titles or texts, too, for its order."""
    news = [
        (f"图书馆开放{'欢迎' * (n % 3)}{n}" if n % 2 else f"新闻{n}", "图书馆开放欢迎。" * (n % 4 + 1))
        for n in range(24)
    ]
    keep(store, *news)
    whole = [one.id for one in store.search.find(parse(asked, ZONE), order="relevance", limit=50).entries]

    paged, before = [], "0"
    while before is not None:
        page = store.search.find(parse(asked, ZONE), order="relevance", limit=5, before=before)
        paged, before = [*paged, *(one.id for one in page.entries)], page.after

    assert 24 == len(whole)
    assert whole == paged


def test_the_selection_of_a_search_holds(store):
    kept = [
        visit(1, entry("http://one.example/1", title="研究一", tags=("科研", "要闻"), hours=1)),
        visit(2, entry("http://two.example/2", title="研究二", tags=("科研",), hours=24)),
        visit(2, entry("http://two.example/3", title="研究三", tags=("讲座",), hours=24 * 400)),
    ]
    for one in kept:
        store.entries.record([one])
    store.index.catch_up()

    assert ["研究一", "研究二"] == found(store, "研究 tag:科研")
    assert ["研究二"] == found(store, "研究 tag:科研 -tag:要闻")
    assert ["研究二", "研究三"] == found(store, "研究 tag:-要闻")
    assert ["研究一", "研究三"] == found(store, "研究 标签:要闻|讲座")
    assert ["研究二", "研究三"] == found(store, "研究 source:two")
    assert ["研究一", "研究二", "研究三"] == found(store, "研究 university:海棠大学")
    assert ["研究一"] == found(store, "研究 since:2025-03-21")
    assert ["研究二", "研究三"] == found(store, "研究 until:2025-03-20")
    assert ["研究三"] == found(store, "研究 until:2024")


@pytest.mark.parametrize("question", ["研究 tag:没有", "研究 source:none", "研究 university:无"])
def test_a_name_that_is_not_there_is_said_to_be_unknown(store, question):
    keep(store, "研究")

    with pytest.raises(NotFound):
        found(store, question)


def test_a_place_that_is_none_is_said_to_be_unknown(store):
    keep(store, "研究")

    for order in ("newest", "relevance"):
        with pytest.raises(NotFound):
            found(store, "研究", order=order, before="x")


def test_every_two_letters_of_every_article_find_it(store):
    news = articles(300)
    index_all(store, news)
    words = "".join(one.title + one.text for one in news)
    places = random.Random(7).sample(range(len(words) - 1), 500)
    pairs = {
        words[place : place + 2] for place in places if re.fullmatch("[\u4e00-\u9fff]{2}", words[place : place + 2])
    }

    found = {pair: store.search.find(parse(pair, ZONE), limit=1000).entries for pair in sorted(pairs)}

    assert len(pairs) > 200
    assert {pair: holders(news, pair) for pair in pairs} == {
        pair: sorted(one.url for one in entries) for pair, entries in found.items()
    }


def test_both_databases_give_the_same_answers(sqlite_store, postgresql):
    other = filled(Store(postgresql))
    news = articles(700)
    for one in (sqlite_store, other):
        one.entries.record([visit(1, *news[:400]), visit(2, *news[400:])])
        while one.index.catch_up(200):
            pass

    questions = [
        "学院",
        "研究生 学院",
        "学生",
        "讲话 -校长",
        "教授 tag:科研",
        "教授 tag:讲座-科研",
        "碳",
        "大",
        "5 学生",
        "“学术年会”",
        "since:2019 until:2020 学生",
        "source:two 会议",
        "没有这个词",
    ]
    for question in questions:
        for order in ("newest", "relevance"):
            for before in (None, "40" if order == "relevance" else "1500000000-0"):
                asked = {"order": order, "before": before, "limit": 30, "count": True}
                answers = [one.search.find(parse(question, ZONE), **asked) for one in (sqlite_store, other)]
                shown = [([hit.title for hit in a.entries], a.after, a.is_complete, a.about) for a in answers]
                assert shown[0] == shown[1], (question, order)
    other.close()


def test_many_matches_are_in_order_and_none_is_missed(sqlite_store):
    news = articles(1500)
    index_all(sqlite_store, news)

    walked, before = [], None
    while True:
        page = sqlite_store.search.find(parse("学院", ZONE), limit=100, before=before)
        walked += page.entries
        before = page.after
        if before is None:
            break

    places = [(one.sort, one.id) for one in walked]
    assert sorted(places, reverse=True) == places
    assert holders(news, "学院") == sorted(one.url for one in walked)
    assert len(walked) > 900


def test_an_entry_of_before_1970_is_found(store):
    old = entry("http://one.example/1", title="建校典礼", published=datetime(1919, 9, 25, tzinfo=UTC))
    store.entries.record([visit(1, old)])
    keep(store, "别的新闻")

    assert ["建校典礼"] == found(store, "典礼")


def test_a_changed_entry_is_found_by_what_it_says_now(store):
    keep(store, "旧的标题", "别的新闻")

    with store.write() as connection:
        connection.execute(
            update(Entry.__table__).where(Entry.__table__.c.title == "旧的标题").values(title="改了说法")
        )
        indexing.note(connection, [1])
    store.index.catch_up()

    assert ["改了说法"] == found(store, "说法")
    assert [] == found(store, "旧的")
    assert [] == store.index.check()


def test_an_erased_entry_is_found_no_more(store):
    keep(store, "要删的新闻", "别的新闻")

    with store.write() as connection:
        for table in ("entry_tag WHERE entry_id", "entry_body WHERE entry_id", "entry WHERE id"):
            connection.execute(text(f"DELETE FROM {table} = 1"))

    assert ["别的新闻"] == found(store, "新闻")
    assert [] == store.index.check()


def test_the_answer_says_when_the_index_is_behind(store):
    keep(store, "研究一")
    store.entries.record([visit(1, entry("http://one.example/new", title="研究二"))])

    behind = store.search.find(parse("研究", ZONE))
    count = store.index.behind()
    store.index.catch_up()

    assert (1, False, True) == (count, behind.is_complete, store.search.find(parse("研究", ZONE)).is_complete)


def test_those_who_catch_up_together_index_nothing_twice(store):
    store.entries.record([visit(1, *articles(300))])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: [store.index.catch_up(50) for _ in range(8)], range(4)))

    with store.read() as connection:
        documents = connection.execute(text("SELECT count(*), count(DISTINCT entry_id) FROM search_doc")).one()
    assert (300, 300) == tuple(documents)
    assert 0 == store.index.behind()
    assert [] == store.index.check()


def test_a_process_killed_while_it_indexes_loses_and_doubles_nothing(sqlite_store):
    news = articles(400)
    sqlite_store.entries.record([visit(1, *news)])
    program = (
        "import sys\nfrom aggregator.store import Store\nstore = Store(sys.argv[1])\n"
        "while store.index.catch_up(20): print('more', flush=True)\n"
    )

    for lines in (1, 3, 6):
        command = [sys.executable, "-c", program, str(sqlite_store.url)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
    assert 0 < sqlite_store.index.behind() < 400
    while sqlite_store.index.catch_up():
        pass

    assert [] == sqlite_store.index.check()
    found = sqlite_store.search.find(parse("学院", ZONE), limit=1000)
    assert holders(news, "学院") == sorted(one.url for one in found.entries)


def test_an_index_is_rebuilt(store):
    keep(store, "研究一", "研究二")

    count = store.index.rebuild()
    store.index.catch_up()
    store.index.tidy()

    assert 2 == count
    assert ["研究一", "研究二"] == found(store, "研究")


def test_a_check_finds_what_the_index_lacks(store):
    keep(store, "研究一", "研究二", "研究三")

    with store.write() as connection:
        connection.execute(text("DELETE FROM search_doc WHERE entry_id = 1"))

    assert ["1 entries are not in the search index; run `aggregator db index --rebuild`"] == store.index.check()


def test_titles_are_suggested_newest_first(store):
    keep(store, "图书馆开放", ("开放日", "图书馆"), "图书馆讲座", "图书馆开放")

    assert ["图书馆开放", "图书馆讲座"] == [one.title for one in store.search.titles(parse("图书馆", ZONE))]


def test_no_question_is_an_error_of_the_database(store):
    keep(store, "研究 AND OR NOT NEAR", "it's a \\ \" test")
    draw = random.Random(3)
    signs = [*"研究南 -\\'*^:()&|!<>@#$=~?%_./+a1,;{}[]", "AND", "OR", "NEAR(", "\u3000", "＂", "😀", "''"]

    for _ in range(150):
        asked = "".join(draw.choices(signs, k=draw.randint(1, 12))) + " 研究"
        store.search.find(parse(asked, ZONE))
        store.search.find(parse(asked, ZONE), order="relevance")


def test_alembic_would_leave_the_index_alone(store):
    with store.write(alone=True) as connection:
        config = Config()
        config.set_main_option("script_location", "aggregator:migrations")
        config.attributes["connection"] = connection
        command.check(config)
