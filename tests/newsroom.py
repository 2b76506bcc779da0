"""A store with two weeks of invented news, and the app that shows it: what the tests of web/ start from."""

import gzip
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from aggregator.identity import identity, slug
from aggregator.model import Attachment, Begun, Kept, NewEntry, Recheck, Site, SourceRule, Visit
from aggregator.settings import Settings, SiteSettings
from aggregator.store import Store
from aggregator.web.app import create_app
from tests.university import NOW

SITE_URL = "https://news.example.org"
PICTURE = "http://127.0.0.1:9/picture.jpg"  # nobody listens there

# site, university, sources (name, title)
UNIVERSITIES = (
    ("haitang", "海棠大学", (("haitang-news", "学校要闻"), ("haitang-rural", "乡村振兴"))),
    ("yunling", "云岭师范大学", (("yunling-news", "云岭师大要闻"), ("yunling-notices", "通知公告"))),
    ("xinghu", "星湖理工学院", (("xinghu-lectures", "星湖理工学院讲座与展览"),)),
)
HEADLINES = (
    "我校水稻耐旱研究取得新进展　亩均节水三成而产量基本不减",
    "学校召开本学期本科教学工作会议",
    "图书馆东馆今起试运行，新增阅览座位 1800 个",
    "关于2025年清明节放假安排的通知",
    "电子信息学院研制出低功耗心电监测芯片：一枚纽扣电池可用一年",
    "讲座预告｜C++ 与现代系统编程：从 RAII 到协程",
    "驻村三年，他们让老核桃树重新挂果",
    "附属医院专家团队赴青岭县义诊",
)
SUMMARY = (
    "近日，农学院作物生理课题组在水稻耐旱机制研究方面取得新进展，相关论文在线发表于国际学术期刊。"
    "课题组历时6年，从420份地方稻种中筛选出一个调控根系深扎的关键基因，并育成两个节水品系。"
)
ATTACHMENTS = (
    Attachment("http://haitang.example/files/list.docx", "海耐系列品种试种名单（2025年）.docx", length=48_200),
)


def body(picture):
    return (
        f"<p>　　{SUMMARY}</p><p>水稻是需水量最大的粮食作物之一。课题组负责人陆云舟教授介绍：“传统观点认为耐旱与高产"
        "难以兼得，原因在于植株一遇缺水便关闭气孔，光合作用（photosynthesis）随之减弱。”</p>"
        f'<p><img src="{picture}" alt="课题组成员在试验田测量根系深度"></p><h3>三县八点，两年测产</h3>'
        "<p>2023年至2024年，两个品系在三个县的八个试验点连续种植。测产结果显示，在灌溉量减少31%的条件下，"
        "平均亩产568公斤，仅比常规灌溉低2.4%。</p>"
        "<table><thead><tr><th>试验点</th><th>常规灌溉（公斤／亩）</th><th>节水三成（公斤／亩）</th><th>减产</th></tr></thead>"
        "<tbody><tr><td>青岭县南溪村</td><td>590</td><td>577</td><td>2.2%</td></tr>"
        "<tr><td>临江县双桥镇</td><td>574</td><td>559</td><td>2.6%</td></tr></tbody></table>"
        "<blockquote><p>根扎得深一点，日子就稳一点。</p></blockquote>"
        "<ul><li>论文：https://journal.example.org/articles/10.1000/a-very-long-address-without-any-break-2025</li>"
        "<li>品系：海耐1号、海耐2号</li></ul>"
    )


def text(number):
    """Of numbers of its own: what *number* tells is no other's story."""
    return f"{SUMMARY}稿件第{number}号，共{number + 3}字。"


def settings(folder, **site):
    return Settings(instance=folder, site=SiteSettings(**{"url": SITE_URL} | site))


def story(number, *, hours=0, tags=("海棠大学", "要闻"), picture=PICTURE, **fields):
    """An entry, *hours* old, by a number that makes its address its own."""
    url = fields.pop("url", f"http://haitang.example/info/1001/{number}.htm")
    published = NOW - timedelta(hours=hours)
    values = {"title": HEADLINES[number % len(HEADLINES)], "published": published, "precision": "minute"}
    values |= {
        "seen_at": published + timedelta(minutes=9),
        "summary": SUMMARY,
        "html": body(picture),
        "text": text(number),
    }
    values |= {"atom_id": f"tag:news.example.org,2025:{slug(url)}", "uid": identity(url), "slug": slug(url)}
    return NewEntry(url=url, tags=tags, **values | fields)


def visit(source_id, *entries, **fields):
    values = {"polled_at": NOW - timedelta(minutes=7), "next_poll_at": NOW + timedelta(minutes=23), "items": 20}
    values |= {"status": 200, "kind": "list", "milliseconds": 412}
    return Visit(source_id=source_id, entries=entries, **values | fields)


def rules(universities=UNIVERSITIES):
    return [
        (Site(site, university), SourceRule(name=name, title=title, url=f"http://{site}.example/{name}/"))
        for site, university, sources in universities
        for name, title in sources
    ]


@contextmanager
def empty_store(folder):
    """The universities' sources and not one entry."""
    (folder / "aggregator.db").write_bytes(blank())
    store = Store(f"sqlite:///{folder}/aggregator.db")
    store.sources.sync(rules(), NOW)
    yield store
    store.close()


@cache
def blank():
    """An empty database, made once: making one takes longer than most tests."""
    with TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/blank.db")
        store.upgrade()
        store.close()
        return Path(folder, "blank.db").read_bytes()


def app_of(store, folder, *, now=NOW, **site):
    app = create_app(settings(folder, **site), store, now=lambda: now)
    app.testing = True
    return app


def fill(store, picture=PICTURE):
    """Two weeks of news at four of the five sources; the fifth cannot be reached."""
    news = [
        story(
            number,
            hours=number * 5.5,
            picture=picture,
            images=(picture,) if number % 3 == 0 else (),
            attachments=ATTACHMENTS if number % 4 == 0 else (),
            author="沈知远" if number % 2 else None,
            origin="农学院" if number % 5 == 0 else None,
            section=("新闻中心", "学校要闻") if number % 2 else (),
            tags=(("海棠大学", "云岭师范大学")[number % 2], ("要闻", "通知", "讲座")[number % 3]),
            precision="day" if number % 7 == 6 else "minute",
        )
        for number in range(60)
    ]
    store.entries.record([visit(1 + number, *news[number::4]) for number in range(4)])
    store.entries.record([visit(2, status=304, items=0)])
    message = "http://xinghu.example/xinghu-lectures/ did not answer within 30 s; the server may be down"
    broken = {"cause": "timeout", "fault": "timeout", "status": None, "failures": 4, "strikes": 4, "items": 0}
    broken |= {"kind": None, "broken_by": "timeout", "begun": Begun("timeout", message)}
    body = gzip.compress("<title>维护</title><script>alert('网站维护中')</script>".encode(), mtime=0)
    refusal = Kept(
        False, "http://xinghu.example/", 503, {"content-type": "text/html; charset=utf-8"}, body, is_cut=False
    )
    store.entries.record([visit(5, message=message, kept=refusal, **broken)])


def watched(store):
    """The articles that are still looked at, the newest first."""
    with store.read() as connection:
        ids = connection.execute(select(Recheck.entry_id)).scalars().all()
    return store.rechecks.of(ids)
