"""A Poller with what it needs and a clock that is set by hand, and the pages that it reads."""

import asyncio
from datetime import UTC, datetime

import pytest

from aggregator.gather.fetch import Fetcher
from aggregator.model import Site, SourceRule
from aggregator.poll import Poller
from aggregator.rules import Rules, load
from aggregator.settings import FetchSettings, Settings
from aggregator.store import Store

NOW = datetime(2025, 3, 21, 2, 30, tzinfo=UTC)  # 10:30 in Shanghai
FAMILIES = load(None).families


class Service:
    """A Poller with what it needs, and a clock that is set by hand."""

    def __init__(self, folder, *sources, **fetch):
        fetch = {"per_host_delay_seconds": 0, "timeout_seconds": 2, "respect_robots": False} | fetch
        fetch = {"allow_private_networks": True} | fetch
        self.settings = Settings.model_construct(instance=folder, fetch=FetchSettings(**fetch))
        self.now = NOW
        self.site = Site("haitang", "海棠大学", tags=("海棠大学",), sources=sources)
        self.rules = Rules({"haitang": self.site}, FAMILIES)
        self.store = Store(self.settings.database_url)
        self.store.upgrade()
        self.store.sources.sync(self.rules.sources, self.now)

    def poll(self, *names):
        async def work():
            async with Fetcher(self.settings.fetch, "tests") as fetcher:
                poller = Poller(self.settings, self.rules, self.store, fetcher, lambda: self.now)
                try:
                    await poller.poll_all_due(list(names) or None)
                finally:
                    await poller.stop()

        asyncio.run(work())

    def last(self, name):
        return self.store.sources.by_name(name).polls[0]

    def titles(self):
        return [entry.title for entry in self.store.entries.newest(100)]


@pytest.fixture
def service(tmp_path):
    made = []

    def make(*sources, **fetch):
        made.append(Service(tmp_path, *sources, **fetch))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def source(url, name="haitang-news", **fields):
    return SourceRule(name=name, title="海棠要闻", url=url, **fields)


def list_page(*articles):
    """A list of (path, title, day)."""
    rows = "".join(
        f'<li id="line_u5_{n}"><a href="{path}" title="{title}">{title}</a><span>{day}</span></li>'
        for n, (path, title, day) in enumerate(articles)
    )
    return f"<html><head><title>海棠要闻-海棠大学</title></head><body><div class='list'><ul>{rows}</ul></div></body></html>"


def article_page(title, time="2025-03-20 09:44", body="<p>学校召开会议，部署春季学期重点工作，师生代表参加。</p>" * 3):
    return (
        f"<html><head><title>{title}-海棠大学</title></head><body><p>当前位置: <a href='/'>首页</a> > <a href='/xw'>新闻</a> > 正文</p>"
        f"<form name='_newscontent_fromname'><h1>{title}</h1><div>时间：{time} 作者：林月</div>"
        f"<div id='vsb_content'><div class='v_news_content'>{body}</div></div></form></body></html>"
    )


def column(university, count=6, etag='"v1"', **extra):
    """A list of *count* articles and their pages; the address of the list."""
    rows = [
        (f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议召开", f"2025-03-{20 - n:02}")
        for n in range(count)
    ]
    for path, title, day in rows:
        university.serve("/" + path, article_page(title, f"{day} 09:44"))
    return university.serve("/xw.htm", list_page(*rows), etag=etag, **extra)


def page_of(university, numbers, following):
    """A list of the articles *numbers*, whose pages are served, with a pager to *following*."""
    rows = [(f"info/1055/{n}.htm", f"海棠大学第{n}号新闻：春季学期工作会议召开", "2025-03-20") for n in numbers]
    for path, title, _ in rows:
        university.serve("/" + path, article_page(title))
    return list_page(*rows).replace("</body>", f"<div><a href='{following}'>下一页</a></div></body>")


def rss(*items):
    body = "".join(
        f"<item><title>{title}</title><link>{link}</link><guid isPermaLink='false'>{guid}</guid>"
        f"<pubDate>Thu, 20 Mar 2025 09:44:00 +0800</pubDate><description><![CDATA[<p>{title}的正文。</p>]]></description>"
        f"<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'><![CDATA[<p>{title}的全文。</p>]]>"
        "</content:encoded></item>"
        for title, link, guid in items
    )
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>海棠</title><link>/</link>{body}</channel></rss>"


def redesigned(rows, prefix):
    """The same articles in another template, at addresses of another kind."""
    cards = "".join(
        f"<div class='card'><h4><a href='{prefix}{path}'>{title}</a></h4><p>{day}</p></div>"
        for path, title, day in rows
    )
    return f"<html><head><title>要闻</title></head><body><section>{cards}</section></body></html>"
