"""Articles looked at again: how many false revisions, how many changes missed, and what a look costs.

    python -m tests.benchmarks.rechecking [--articles 180] [--pages DIR]

Pages whose counters, session ids, clocks, recommendations, related lists, neighbours and markup are others at each
request are fetched at every look of a month; then the same with edits and removals put in between. DIR holds real pages
(a folder a page: page.html, meta.json, truth.json), which are moved and edited as a CMS would. CPU without the network.
"""

import argparse
import asyncio
import html
import json
import logging
import random
import re
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from statistics import median

from aggregator.demo.server import Answer, University
from aggregator.gather.fingerprint import fingerprint
from aggregator.identity import slug
from aggregator.model import Response
from aggregator.tagging import CurrentTagger
from aggregator.visit.looks import STEPS
from aggregator.visit.recheck import Rechecker
from tests.service import FAMILIES, NOW, Service, list_page, source

PER_LIST = 20
CHANGES = 200
WORDS = "学校 学院 教授 学生 课题组 实验室 图书馆 校园 讲座 论坛 会议 招生 就业 科研 项目 成果 论文 竞赛 志愿 服务 乡村 振兴 课程 建设 改革 合作 交流 师生 代表 专家".split()  # noqa: SIM905
VERBS = "召开 举行 发布 完成 启动 获得 参加 组织 推进 讨论 介绍 总结 部署 检查 表彰".split()  # noqa: SIM905
MARKUP = ("", " class='a'", " class='b' data-v='7'", " style='text-indent: 2em'")


class Story:
    """An article that a server tells a little differently at each request."""

    def __init__(self, number: int, draw: random.Random) -> None:
        self.number, self.template = number, number % 3
        self.path = f"/info/{1000 + self.template}/{number}.htm"
        self.title = (
            f"{draw.choice(WORDS)}{draw.choice(VERBS)}第{number}次{draw.choice(WORDS)}{draw.choice(WORDS)}工作会"
        )
        self.time = f"2025-03-{draw.randrange(1, 20):02} {draw.randrange(8, 18):02}:{draw.randrange(60):02}"
        self.lines = [self._line(draw) for _ in range(draw.randrange(3, 9))]
        self.files: list[str] = ["名单.docx"] if number % 5 == 0 else []
        self.pictures: list[str] = [f"{number}.jpg"] if number % 4 == 0 else []
        self.gone: Answer | None = None
        self.hits = draw.randrange(5000)

    def _line(self, draw: random.Random) -> str:
        parts = [
            f"{draw.choice(WORDS)}{draw.choice(VERBS)}{draw.choice(WORDS)}{draw.choice(WORDS)}{draw.randrange(2, 900)}项"
            for _ in range(draw.randrange(2, 5))
        ]
        return "，".join(parts) + "。"

    def answer(self, draw: random.Random) -> Answer:
        return self.gone or Answer(self.page(draw))

    def page(self, draw: random.Random) -> str:
        self.hits += draw.randrange(1, 9)
        session = f";jsessionid={draw.getrandbits(64):016X}"
        other = [
            f"{draw.choice(WORDS)}{draw.choice(VERBS)}{draw.choice(WORDS)}{draw.randrange(9999)}" for _ in range(6)
        ]
        links = [f"<a href='/info/9/{draw.randrange(9999)}.htm{session}'>{title}</a>" for title in other]
        blank = draw.choice(("", "\n", "\n   ", "&nbsp;"))
        body = "".join(f"<p{draw.choice(MARKUP)}>{blank}{html.escape(line)}{blank}</p>{blank}" for line in self.lines)
        body += "".join(
            f"<p><img src='/upload/{name}?t={draw.getrandbits(30)}' width='600'></p>" for name in self.pictures
        )
        body += "".join(f"<p><a href='/files/{name}{session}'>附件：{name}</a></p>" for name in self.files)
        related = f"<p>相关阅读</p><ul>{''.join(f'<li>{link}</li>' for link in links[:3])}</ul>"
        neighbours = f"<div class='near'><p>上一篇：{links[3]}</p><p>下一篇：{links[4]}</p></div>"
        hot = f"<div class='hot'><h3>热门推荐</h3><ul>{''.join(f'<li>{link}</li>' for link in links)}</ul></div>"
        if draw.random() < 0.5:  # two layouts of one page
            hot, neighbours = neighbours, hot
        counter = f"点击数：<span id='hits'>{self.hits}</span>"
        token = f"<input type='hidden' name='csrf' value='{draw.getrandbits(64):x}'>"
        clock = f"<div>今天是2025年3月{draw.randrange(1, 29)}日 星期{draw.choice('一二三四五六日')} 您是第{self.hits * 3}位访客</div>"
        head = f"<html><head><title>{self.title}-海棠大学</title><script>var t={draw.getrandbits(40)}</script></head><body>{clock}{token}"
        if self.template == 0:
            main = (
                f"<form name='_newscontent_fromname'><h1>{self.title}</h1><div>时间：{self.time} {counter}</div>"
                f"<div id='vsb_content'><div class='v_news_content'>{body}</div></div>{related}</form>"
            )
        elif self.template == 1:
            main = (
                f"<div class='article'><h1 class='arti_title'>{self.title}</h1><p class='arti_metas'>"
                f"<span class='arti_update'>发布时间：{self.time}</span> <span class='arti_views'>浏览次数：{self.hits}</span></p>"
                f"<div class='entry'><div class='wp_articlecontent'>{body}<p>阅读 {self.hits}</p>{related}</div></div></div>"
            )
        else:
            main = (
                f"<div class='box'><h2>{self.title}</h2><p>发布日期：{self.time}　{counter}次</p>"
                f"<div class='txt'>{body}{related}</div></div>"
            )
        return f"{head}{main}{neighbours}{hot}<div>Copyright {draw.getrandbits(16)}</div></body></html>"


class RealPage(Story):
    """A page of a real university, moved and edited as its CMS would."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number, self.gone, self.hits = number, None, 100
        self.truth = json.loads((folder / "truth.json").read_text())
        self.path, self.title, self.name = f"/real/{number}.htm", self.truth["title"], folder.name
        raw = (folder / "page.html").read_bytes()
        charset = re.search(rb"charset=[\"']?([\w-]+)", raw)
        try:
            self.source = raw.decode(charset[1].decode() if charset else "utf-8", "replace")
        except LookupError:
            self.source = raw.decode("utf-8", "replace")
        self.source = re.sub(r"charset=([\"']?)[\w-]+", r"charset=\1utf-8", self.source)

    def page(self, draw: random.Random) -> str:
        self.hits += draw.randrange(1, 9)
        text = re.sub(
            r"((?:点击|浏览|阅读|访问)(?:数|量|次数)?\s?[:：]\s?(?:<[^<>]*>)?)\d+", rf"\g<1>{self.hits}", self.source
        )
        text = re.sub(r"(\.(?:css|js))\b(?:\?[^'\"]*)?", rf"\1?v={draw.getrandbits(30)}", text)
        text = re.sub(r">\s*\n", lambda _: f">{draw.choice(('', ' ', chr(10), chr(10) * 2))}\n", text)
        links = "".join(
            f"<li><a href='/x/{draw.randrange(9999)}.htm'>{draw.choice(WORDS)}{draw.choice(VERBS)}{draw.randrange(99)}</a></li>"
            for _ in range(6)
        )
        moving = f"<div class='hot'><h3>热门推荐</h3><ul>{links}</ul></div><!-- {draw.getrandbits(40)} --><input type='hidden' value='{draw.getrandbits(40)}'></body>"
        return re.sub(r"</body>", lambda _: moving, text, count=1, flags=re.IGNORECASE)

    def edit(self) -> bool:
        """Whether a sentence could be put into the text."""
        start = self.source.lower().find("<body")
        head, body = self.source[:start], self.source[start:]
        for line in sorted(self.truth["main_text"].split("\n"), key=len, reverse=True):
            piece = line.strip()[:12]
            if len(piece) == 12 and body.count(piece) == 1:
                self.source = head + body.replace(piece, f"特此更正，原稿中的数字有误。{piece}")
                return True
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=180)
    parser.add_argument("--pages", type=Path)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    failed = unchanged(arguments.articles) + changed() + (real(arguments.pages) if arguments.pages else 0)
    costs()
    sys.exit(1 if failed else 0)


def unchanged(count: int) -> int:
    with Farm([Story(number, random.Random(number)) for number in range(count)]) as farm:
        farm.month()
        found = farm.revisions()
        looks = sum(farm.looks.values()) - count
    print(f"unchanged: {looks:,} fetches of {count} articles that move, {len(found)} false revisions")
    for path, what in list(found.items())[:5]:
        print(f"  {path} {what}")
    return len(found)


def changed() -> int:
    draw = random.Random(7)
    stories = [Story(number, random.Random(number)) for number in range(CHANGES)]
    expected: dict[str, str] = {}
    with Farm(stories) as farm:
        for story in stories:
            at = draw.randrange(1, len(STEPS))
            farm.later.setdefault(at, []).append((story, draw.choice(list(EDITS))))
        for edits in farm.later.values():
            expected |= {story.path: EDITS[name][1] for story, name in edits}
        farm.month()
        found = farm.revisions()
    missed = [path for path, what in expected.items() if what not in found.get(path, "")]
    kinds = Counter(name for edits in farm.later.values() for _, name in edits)
    print(f"changed: {CHANGES} edits and removals, {len(missed)} missed, {len(set(found) - set(expected))} more found")
    print("  " + ", ".join(f"{name} {number}" for name, number in sorted(kinds.items())))
    for path in missed[:8]:
        name = next(name for edits in farm.later.values() for story, name in edits if story.path == path)
        print(f"  missed: {path} {name}: {found.get(path)}")
    return len(missed)


def real(folder: Path) -> int:
    stories = []
    for one in sorted(folder.iterdir()):
        if (one / "truth.json").exists() and json.loads((one / "truth.json").read_text()).get("main_text"):
            stories.append(RealPage(len(stories), one))
    with Farm(stories) as farm:
        farm.month()
        false = farm.revisions()
        looks = sum(farm.looks.values()) - len(stories)
    edited = []
    with Farm(stories) as farm:
        farm.poll()
        edited = [story for story in stories if story.edit()]
        for _ in range(2):
            farm.look()
        found = farm.revisions()
    missed = [story.name for story in edited if "body" not in found.get(story.path, "")]
    names = {story.path: story.name for story in stories}
    print(
        f"real pages: {looks} fetches of {len(stories)}, {len(false)} false revisions; {len(edited)} edits, {len(missed)} missed"
    )
    print(
        "".join(f"  {names[path]}: {what}\n" for path, what in false.items())
        + "".join(f"  missed {name}\n" for name in missed),
        end="",
    )
    return len(false) + len(missed)


def _reworded(story: Story) -> None:
    story.lines[1] = story.lines[1].replace("，", "，并且", 1)


def _number(story: Story) -> None:
    story.lines[0] = re.sub(r"\d+", lambda found: str(int(found[0]) + 1), story.lines[0], count=1)


def _gone(status: int, body: str = "", **headers: str):
    return lambda story: setattr(story, "gone", Answer(body, status=status, headers=headers))


NOTICE = "<html><head><title>提示</title></head><body><p>对不起，您访问的页面不存在或已被删除！</p></body></html>"
# how a publisher changes an article, and by what it is told
EDITS = {
    "title": (lambda story: setattr(story, "title", story.title.replace("工作会", "推进会")), "title"),
    "date": (lambda story: setattr(story, "time", "2025-03-20" + story.time[10:]), "date"),
    "sentence more": (lambda story: story.lines.append("会议决定成立专门小组，四月底前提交报告。"), "body"),
    "sentence less": (lambda story: story.lines.pop(1), "body"),
    "word": (_reworded, "body"),
    "number": (_number, "body"),
    "attachment more": (lambda story: story.files.append("更正说明.pdf"), "attachments"),
    "picture more": (lambda story: story.pictures.append("new.jpg"), "pictures"),
    "404": (_gone(404), "404"),
    "410": (_gone(410), "410"),
    "home": (_gone(302, Location="/"), "home"),
    "notice": (_gone(200, NOTICE), "notice"),
}


class Farm:
    """A server with lists of stories, and a service that follows it."""

    def __init__(self, stories: list[Story]) -> None:
        self.stories, self.looks = stories, Counter()
        self.later: dict[int, list[tuple[Story, str]]] = {}

    def __enter__(self) -> "Farm":
        self._folder = tempfile.TemporaryDirectory()
        self.server = University()
        draw = random.Random(1)
        self.server.serve("/", "<html><body>海棠大学</body></html>")
        for story in self.stories:
            self.server.serve(story.path, self._told(story, draw))
        sources = []
        for first in range(0, len(self.stories), PER_LIST):
            rows = [(one.path.lstrip("/"), one.title, "2025-03-20") for one in self.stories[first : first + PER_LIST]]
            sources.append(
                source(self.server.serve(f"/list{first}.htm", list_page(*rows), etag='"1"'), f"list-{first}")
            )
        self.service = Service(Path(self._folder.name), *sources)
        return self

    def _told(self, story: Story, draw: random.Random):
        def told(_):
            self.looks[story.path] += 1
            return story.answer(draw)

        return told

    def poll(self) -> None:
        self.service.poll()

    def look(self) -> None:
        self.service.now += STEPS[0]
        self.poll()

    def month(self) -> None:
        """Poll, then look at every step; of *later*, what happens before each."""
        self.poll()
        for number, step in enumerate(STEPS):
            for story, name in self.later.get(number, []):
                EDITS[name][0](story)
            self.service.now = NOW + step
            self.poll()
        for _ in range(2):  # what is not there is looked for a day later
            self.service.now += timedelta(days=1, hours=1)
            self.poll()

    def revisions(self) -> dict[str, str]:
        """What was found, by the paths of articles."""
        store, found = self.service.store, {}
        for story in self.stories:
            entry = store.entries.by_slug(slug(self.server.url + story.path))
            told = [" ".join(past.what) for past in store.revisions.of(entry)]
            if told:
                found[story.path] = "; ".join(told)
        return found

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self.service.store.close()
        self._folder.cleanup()


class Wire:
    """In place of the network: gives the page that is set."""

    def __init__(self) -> None:
        self.give = None

    async def fetch(self, url: str, validators=None, *, allowance=None) -> Response:
        return self.give(url)


def costs() -> None:
    """CPU of a look, without the network and the record."""
    story, draw = Story(1, random.Random(1)), random.Random(1)
    with Farm([story]) as farm:
        farm.poll()
        farm.look()
        loop = asyncio.new_event_loop()
        wire = Wire()
        store, now = farm.service.store, farm.service.now
        tagger = CurrentTagger(None, store, lambda: now)
        rechecker = Rechecker(store, wire, tuple(FAMILIES.values()), tagger, lambda: now + timedelta(hours=5))
        rule = farm.service.site.sources[0]
        row = store.sources.by_name(rule.name).source

        def page(url: str) -> Response:
            return Response(url, 200, story.page(draw).encode(), {"content-type": "text/html; charset=utf-8"})

        still = page(story.path)
        print("ms CPU a look, without the network:", end="")
        for name, give in (
            ("304", lambda url: Response(url, 304, b"", {"etag": '"1"'})),
            ("same bytes", lambda url: Response(url, 200, still.body, still.headers)),
            ("moved, not changed", page),
            ("changed", page),
        ):
            with store.write() as connection:
                connection.exec_driver_sql(
                    "UPDATE recheck SET due_at = '2025-03-21 08:30:00.000000', step = 1, etag = '\"1\"'"
                )
            wire.give = give
            if name == "same bytes":
                with store.write() as connection:
                    connection.exec_driver_sql("UPDATE recheck SET body_hash = ?", (fingerprint(still),))
            if name == "changed":
                story.lines[0] = "会议改在四月举行，地点不变。"
                (seen,) = loop.run_until_complete(rechecker.look(row, farm.service.site, rule, 60))
                with store.write() as connection:  # as it was seen an hour ago
                    doubt = json.dumps(list(seen.watch.doubt))
                    told = "UPDATE recheck SET doubt = ?, doubted_at = '2025-03-21 03:30:00.000000'"
                    connection.exec_driver_sql(told, (doubt,))
            spent = []
            for _ in range(100):
                start = time.process_time()
                (looked,) = loop.run_until_complete(rechecker.look(row, farm.service.site, rule, 60))
                spent.append(time.process_time() - start)
                assert (bool(looked.changes), looked.watch.tries) == (name == "changed", 0), (name, looked)
            print(f"  {name} {median(spent) * 1e3:.2f}", end="")
        print()
        loop.close()


if __name__ == "__main__":
    main()
