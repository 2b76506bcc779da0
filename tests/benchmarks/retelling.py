"""How well republications are found, what it costs, and how long a look into a million entries takes.

    python -m tests.benchmarks.retelling [--stories 400] [--pages DIR] [--database postgresql+psycopg://...] [--million]

Edited copies of made-up articles (and of the real ones whose texts stand in DIR/*/truth.json) and 600 notices written
from templates go through the store as visits bring them. Printed, over pairs of entries: precision and recall with the
weakest edits, false pairs among the notices, how often the first publisher is right, CPU time an entry. With --million
the signatures of a million entries are made, and the look-up is timed among them.
"""

import argparse
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from opencc import OpenCC
from sqlalchemy import select, text

from aggregator.classify.story import Telling
from aggregator.classify.summarize import summarize
from aggregator.model import NewEntry, Site, SourceRule, StoryMember, Visit
from aggregator.store import Store
from tests.benchmarks.prose import BODIES, GIVEN, PLACES, SURNAMES, THINGS, Prose

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
UNIVERSITIES = [
    f"{place}{kind}"
    for place in ("海棠", "云岭", "星湖", "青岭", "临江", "白鹭", "松原", "北川")
    for kind in ("大学", "师范大学", "学院")
]
NOTICES = 200  # of each template
AT_ONCE = 20  # entries of one visit
EVERYDAY = 1000  # news of which a fifth is retold
MILLION, LOOKS = 1_000_000, 200
DIFFERENT, SPREAD = 6_000_000, 1_537_228_672_809  # signs in a million entries, and how far one is from the next
# nine signs an entry, in the order of the index: the rows of a year in half a minute
SIGNS_OF_SQLITE = f"""
    INSERT OR IGNORE INTO entry_signature (hash, entry_id)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9 * {MILLION} - 1)
    SELECT abs(random()) % {DIFFERENT} * {SPREAD} - {2**62} AS h, i / 9 + 1 FROM n ORDER BY h
"""
SIGNS_OF_POSTGRESQL = f"""
    INSERT INTO entry_signature (hash, entry_id)
    SELECT floor(random() * {DIFFERENT})::bigint * {SPREAD} - {2**62} AS h, i / 9 + 1
    FROM generate_series(0, 9 * {MILLION} - 1) AS n (i) ORDER BY h ON CONFLICT DO NOTHING
"""
HALF = str.maketrans("，。！？；：“”（）", ',.!?;:""()')
SYNONYMS = (
    ("召开", "举行"),
    ("举办", "承办"),
    ("表示", "指出"),
    ("介绍", "说"),
    ("近日", "日前"),
    ("进一步", "更好地"),
    ("参加", "出席"),
    ("学生", "同学"),
    ("我校", "学校"),
    ("关于", "有关"),
)
traditional = OpenCC("s2t").convert


@dataclass(frozen=True)
class Article:
    title: str
    text: str


@dataclass(frozen=True)
class Told:
    """An article as one source tells it; those of one *story* are the same, the *edit* "" is the original."""

    story: int
    edit: str
    source: int  # from 1
    article: Article
    published: datetime
    precision: str
    origin: str | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=400)
    parser.add_argument("--pages", type=Path, metavar="DIR", help="real articles: DIR/*/truth.json")
    parser.add_argument("--database", help="the address of an empty database, instead of a temporary file")
    parser.add_argument("--million", action="store_true", help="time the look-up among a million entries, too")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        store = Store(asked.database or f"sqlite:///{folder}/aggregator.db")
        store.upgrade()
        told = tellings(articles(asked.stories, asked.pages))
        notices = list(templates())
        store.sources.sync([*rules()], BEGIN)
        seconds = record(store, [*told, *notices])
        measure_signatures(told)
        news = everyday()
        record(store, news[:100])
        spent = record(store, news[100:])
        print(f"whole store path: {spent / (len(news) - 100) * 1000:.3f} ms CPU an entry where one in five is retold,")
        print(f"  {seconds / (len(told) + len(notices)) * 1000:.3f} where each is retold {len(EDITS)} times")
        report(store, told, notices, news)
        if asked.million:
            look_up_in_a_million(store)
        store.close()


# ------------------------------------------------------------ what is told


def articles(number: int, pages: Path | None) -> list[Article]:
    prose = Prose(11)
    made = [Article(prose.title(), "\n".join(prose.paragraphs())) for _ in range(number)]
    for path in sorted(pages.glob("*/truth.json")) if pages else ():
        truth = json.loads(path.read_text())
        if len(truth.get("main_text") or "") >= 300 and truth.get("title"):
            made.append(Article(truth["title"], truth["main_text"]))
    return made


def tellings(originals: Sequence[Article]) -> list[Told]:
    """Each article at one source, and each edit of it at another some hours later."""
    draw = random.Random(5)
    told = []
    for number, article in enumerate(originals):
        where = draw.sample(range(1, len(UNIVERSITIES) * 2 + 1), len(EDITS) + 1)
        first = BEGIN + timedelta(minutes=37 * number)
        told.append(Told(number, "", where[0], article, first, "minute", None))
        for (edit, change), source in zip(EDITS.items(), where[1:], strict=True):
            title, body = article.title, change(article.text, draw)
            if draw.random() < 0.4:
                title = draw.choice(("【转载】{}", "{}（图）", "媒体聚焦｜{}", "我校{}")).format(title)
            if edit in ("traditional", "traditional, by-line, tail cut 15 %"):
                title = traditional(title)
            # by day only, as half of all pages say it, and half of those say where it comes from
            is_dated_by_day, says = draw.random() < 0.5, draw.random() < 0.5
            at = first + timedelta(hours=draw.randint(1, 60))
            origin = university_of(where[0]) + draw.choice(("新闻网", "", "党委宣传部")) if says else None
            told.append(Told(number, edit, source, Article(title, body), *dated(at, is_dated_by_day), origin))
    # as crawlers come by: in the order of publication, more or less
    return sorted(told, key=lambda one: one.published + timedelta(minutes=draw.randint(0, 600)))


def dated(at: datetime, by_day: bool) -> tuple[datetime, str]:
    midnight = (at + timedelta(hours=8)).replace(hour=0, minute=0) - timedelta(hours=8)
    return (midnight, "day") if by_day else (at, "minute")


def by_line(body: str, draw: random.Random) -> str:
    return f"{draw.choice(UNIVERSITIES)}新闻网讯（记者 {name(draw)} 通讯员 {name(draw)}）{body}"


def editors_notes(body: str, draw: random.Random) -> str:
    date = f"2026-03-{draw.randint(1, 28):02}"
    return (
        f"发布时间：{date} 点击数：{draw.randint(10, 9000)}\n编者按：本文来源于兄弟高校新闻网，现予以转载，以飨读者。\n{body}\n"
        f"（编辑：{name(draw)} 审核：{name(draw)}）\n浏览次数：{draw.randint(10, 9000)}"
    )


def half_width(body: str, _draw: random.Random) -> str:
    return body.translate(HALF)


def worded(body: str, draw: random.Random) -> str:
    """One in three of the words that have a synonym is another."""
    for word, other in SYNONYMS:
        body = (
            "".join(part + (other if draw.random() < 0.33 else word) for part in body.split(word))
            .removesuffix(word)
            .removesuffix(other)
        )
    return body


def cut(share: float) -> Any:
    def without_tail(body: str, _draw: random.Random) -> str:
        sentences = body.replace("。", "。\0").split("\0")
        return "".join(sentences[: max(round(len(sentences) * (1 - share)), 1)])

    return without_tail


def dropped(body: str, draw: random.Random) -> str:
    return "".join(one for one in body.replace("。", "。\0").split("\0") if draw.random() > 0.15) or body


EDITS: dict[str, Any] = {
    "identical": lambda body, _draw: body,
    "new by-line": by_line,
    "editor's notes": editors_notes,
    "half-width punctuation": half_width,
    "traditional": lambda body, _draw: traditional(body),
    "wording": worded,
    "tail cut 15 %": cut(0.15),
    "tail cut 35 %": cut(0.35),
    "15 % of sentences dropped": dropped,
    "traditional, by-line, tail cut 15 %": lambda body, draw: traditional(by_line(cut(0.15)(body, draw), draw)),
    "half-width, wording, editor's notes": lambda body, draw: half_width(editors_notes(worded(body, draw), draw), draw),
    "excerpt of 40 %": cut(0.6),
}


def templates() -> Iterator[Told]:
    """Notices as everybody writes them, each of something else; all at other sources."""
    draw = random.Random(6)
    for number in range(NOTICES):
        day, days = draw.randint(1, 24), draw.randint(2, 8)
        month, school = draw.randint(1, 12), draw.choice(UNIVERSITIES)
        festival = draw.choice(("清明节", "劳动节", "端午节", "中秋节", "国庆节", "元旦", "寒假", "暑假"))
        holiday = (
            f"校内各单位：\n根据国务院办公厅通知精神，结合我校实际情况，现将2026年{festival}放假安排通知如下：\n"
            f"一、{month}月{day}日至{month}月{day + days - 1}日放假，共{days}天。{month}月{day + days}日（星期{draw.choice('一二三四五')}）正常上课、上班。\n"
            "二、各单位要妥善安排好值班和安全保卫等工作，遇有重大突发事件，要按规定及时报告并妥善处置，确保师生员工平安度过节日假期。\n"
            f"三、值班电话：{draw.randint(20000000, 89999999)}。\n特此通知。\n{school}校长办公室\n2026年{month}月{max(day - 7, 1)}日"
        )
        topic, speaker = draw.choice(THINGS), name(draw)
        lecture = (
            f"题目：{topic}的理论与方法\n主讲人：{speaker} 教授\n时间：2026年{month}月{day}日（周{draw.choice('一二三四五')}）{draw.randint(8, 19)}:{draw.choice(('00', '30'))}\n"
            f"地点：{draw.choice(PLACES)}{draw.randint(101, 620)}室\n主办单位：{draw.choice(BODIES)}\n"
            f"主讲人简介：{speaker}，{draw.choice(UNIVERSITIES)}教授、博士生导师，主要研究方向为{topic}，在国内外重要期刊发表论文{draw.randint(20, 180)}篇，"
            f"主持国家级项目{draw.randint(2, 9)}项。欢迎广大师生踊跃参加！"
        )
        unit = draw.choice(BODIES)
        recruitment = (
            f"因工作需要，{school}{unit}现面向社会公开招聘工作人员{draw.randint(1, 19)}名，现将有关事宜公告如下：\n"
            f"一、应聘条件：具有硕士研究生及以上学历，年龄在{draw.randint(28, 45)}周岁以下，身体健康，品行端正，具有良好的职业道德和团队合作精神。\n"
            f"二、报名方式：应聘者请于2026年{month}月{day}日前将个人简历发送至邮箱hr{draw.randint(100, 9999)}@example.edu.cn，邮件主题注明姓名和应聘岗位。\n"
            f"三、联系电话：{draw.randint(20000000, 89999999)}，联系人：{name(draw)}老师。"
        )
        for kind, (title, body) in enumerate(
            (
                (f"关于2026年{festival}放假安排的通知", holiday),
                (f"讲座预告｜{topic}的理论与方法", lecture),
                (f"{school}{unit}公开招聘公告", recruitment),
            )
        ):
            source = 2 * len(UNIVERSITIES) + 1 + 3 * number + kind
            at = BEGIN + timedelta(minutes=draw.randint(0, 14_000))
            yield Told(-1 - 3 * number - kind, "notice", source, Article(title, body), at, "minute", None)


def name(draw: random.Random) -> str:
    return draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=draw.randint(1, 2)))


# ------------------------------------------------------------ through the store


def rules() -> Iterator[tuple[Site, SourceRule]]:
    for number in range(1, 2 * len(UNIVERSITIES) + 3 * NOTICES + 1):
        university = university_of(number)
        site = Site(f"u{number % len(UNIVERSITIES)}", university, (university[:2] + "大",))
        yield site, SourceRule(f"s{number}", f"{BODIES[number % len(BODIES)]}新闻", f"http://s{number}.example/")


def university_of(source: int) -> str:
    return UNIVERSITIES[source % len(UNIVERSITIES)]


def entry(one: Told) -> NewEntry:
    url = (
        f"http://s{one.source}.example/{one.story}/{md5(one.edit.encode(), usedforsecurity=False).hexdigest()[:8]}.htm"
    )
    slug = md5(url.encode(), usedforsecurity=False).hexdigest()
    paragraphs = one.article.text.split("\n")
    return NewEntry(
        url=url,
        slug=slug,
        uid=url.removeprefix("http://"),
        atom_id=f"tag:news.example.org,2026:{slug}",
        title=one.article.title,
        seen_at=one.published + timedelta(hours=1),
        published=one.published,
        precision=one.precision,
        origin=one.origin,
        summary=summarize(one.article.text),
        html="".join(f"<p>{paragraph}</p>" for paragraph in paragraphs),
        text=one.article.text,
        tags=(university_of(one.source), "要闻"),
    )


def record(store: Store, told: Sequence[Told]) -> float:
    """CPU seconds."""
    ids = {state.source.name: state.source.id for state in store.sources.all(polls=0)}
    batches = [told[start : start + AT_ONCE] for start in range(0, len(told), AT_ONCE)]
    visits = []
    for batch in batches:
        its: dict[int, list[NewEntry]] = defaultdict(list)
        for one in batch:
            its[ids[f"s{one.source}"]].append(entry(one))
        at = max(one.published for one in batch)
        visits.append([Visit(source, at, at, status=200, entries=tuple(found)) for source, found in its.items()])
    began = process_time()
    for batch in visits:
        store.entries.record(batch)
    return process_time() - began


def measure_signatures(told: Sequence[Told]) -> None:
    _ = Telling("", "").signature
    began = process_time()
    for one in told:
        _ = Telling(one.article.title, one.article.text).signature
    print(f"signature: {(process_time() - began) / len(told) * 1000:.3f} ms CPU an entry")


def report(store: Store, told: Sequence[Told], notices: Sequence[Told], news: Sequence[Told]) -> None:
    told = [*told, *news]
    by_url = {entry(one).url: one for one in [*told, *notices]}
    stories: dict[int, list[Told]] = defaultdict(list)
    firsts: dict[int, Told] = {}
    with store.read() as connection:
        member = StoryMember.__table__
        rows = connection.execute(
            text(
                "SELECT m.story_id, e.url, s.first_entry_id = e.id AS leads FROM story_member m "
                "JOIN entry e ON e.id = m.entry_id JOIN story s ON s.id = m.story_id"
            )
        ).all()
        assert len(rows) == len(connection.execute(select(member.c.entry_id)).all())
    for story_id, url, leads in rows:
        stories[story_id].append(by_url[url])
        if leads:
            firsts[story_id] = by_url[url]
    true = false = among_notices = 0
    for members in stories.values():
        for one, other in combinations(members, 2):
            true += one.story == other.story
            false += one.story != other.story
            among_notices += one.edit == other.edit == "notice"
    sizes = Counter(one.story for one in told)
    possible = sum(size * (size - 1) // 2 for size in sizes.values())
    placed = {(one.story, one.edit): id_ for id_, members in stories.items() for one in members}
    print(
        f"{len(told):,} tellings of {len(sizes)} articles, {len(notices)} notices, in {len(stories)} stories of two or more"
    )
    print(
        f"precision {true / max(true + false, 1):.5f} ({false - among_notices} false pairs and {among_notices} among the notices of {len(notices) * (len(notices) - 1) // 2:,})"
    )
    print(f"recall {true / possible:.4f}; with the original, by edit:")
    for edit in EDITS:
        found = [placed.get((one.story, "")) == placed.get((one.story, edit), 0) for one in told if one.edit == edit]
        print(f"  {sum(found) / len(found):.3f}  {edit}")
    right = sum(first.edit == "" for first in firsts.values() if first.edit != "notice")
    print(f"first publisher right: {right / max(sum(first.edit != 'notice' for first in firsts.values()), 1):.4f}")


def everyday() -> list[Told]:
    """News as they come: of five one tells what another has told; of many words, so that few phrases are common."""
    draw = random.Random(8)
    told = []
    for seed in range(EVERYDAY // 50):
        prose = Prose(100 + seed)
        for number in range(40):
            story = EVERYDAY + 40 * seed + number
            original = Article(prose.title(), "\n".join(prose.paragraphs()))
            sources = draw.sample(range(1, 2 * len(UNIVERSITIES) + 1), 2)
            at = BEGIN + timedelta(days=100, minutes=10 * len(told))
            told.append(Told(story, "", sources[0], original, at, "minute", None))
            if number % 4 == 0:
                edit = draw.choice(list(EDITS))
                copy = Article(original.title, EDITS[edit](original.text, draw))
                told.append(Told(story, edit, sources[1], copy, at + timedelta(hours=2), "minute", None))
    return told


def look_up_in_a_million(store: Store) -> None:
    """Of rows as signatures have them: most signs are one entry's, some are phrases that many say."""
    with store.write() as connection:
        connection.execute(text("DELETE FROM entry_signature"))
        connection.execute(text(SIGNS_OF_SQLITE if store.is_sqlite else SIGNS_OF_POSTGRESQL))
        if not store.is_sqlite:
            connection.execute(text("ANALYZE entry_signature"))
        count = connection.execute(text("SELECT count(*) FROM entry_signature")).scalar_one()
    draw = random.Random(9)
    asked = [[sign(draw.randrange(DIFFERENT)) for _ in range(9 * AT_ONCE)] for _ in range(LOOKS)]
    with store.read() as connection:
        store.stories.joining.sharing(connection, asked[0])
        began, wall = process_time(), perf_counter()
        found = sum(len(store.stories.joining.sharing(connection, hashes)) for hashes in asked)
        spent, waited = process_time() - began, perf_counter() - wall
    entries = LOOKS * AT_ONCE
    print(
        f"look-up among {count:,} signs of {MILLION:,} entries: {spent / entries * 1000:.4f} ms CPU an entry, "
        f"{waited / entries * 1000:.4f} ms in all ({found / entries:.1f} of 9 signs known)"
    )


def sign(number: int) -> int:
    return number * SPREAD - 2**62


if __name__ == "__main__":
    sys.exit(main())
