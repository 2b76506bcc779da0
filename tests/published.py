"""One feed and one entry, as the store hands them to publish; each test changes what it is about."""

from dataclasses import replace
from datetime import UTC, datetime

from aggregator.model import Attachment, FeedInfo, FullEntry, Note, SourceRef

SITE = "https://news.example.org"
SLUG = "7da87e74a3b958d3c0b7ddf222ef76d1"

INFO = FeedInfo(
    id=f"{SITE}/feed",
    title="高校新闻",
    url=f"{SITE}/",
    self_url=f"{SITE}/feed.atom",
    site_url=SITE,
    updated=datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
    subtitle="全部新闻",
)

ENTRY = FullEntry(
    id=1,
    slug=SLUG,
    atom_id=f"tag:news.example.org,2001:{SLUG}",
    url="http://news.nankai.edu.cn/ywsd/system/2021/09/18/030047991.shtml",
    title="我校召开会议推进定点帮扶工作",
    published=datetime(2001, 2, 2, 1, 44, tzinfo=UTC),
    precision="minute",
    updated=datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
    sort=datetime(2001, 2, 2, 1, 44, tzinfo=UTC),
    seen_at=datetime(2001, 2, 2, 3, tzinfo=UTC),
    source=SourceRef("nankai-news", "南开要闻", "http://news.nankai.edu.cn/ywsd/index.shtml", "南开大学"),
    author="李明",
    summary="会议要求，帮扶 <10 个村 & 5 所学校。",
    image="http://news.nankai.edu.cn/pic/1.jpg",
    tags=("南开大学", "要闻"),
    html='<p>会议要求，帮扶 &lt;10 个村 &amp; 5 所学校。</p><p><img src="http://news.nankai.edu.cn/pic/1.jpg"></p>',
    text="会议要求，帮扶 <10 个村 & 5 所学校。",
    attachments=(
        Attachment("http://news.nankai.edu.cn/a/名单 (1).docx", "名单.docx"),
        Attachment("http://news.nankai.edu.cn/b.pdf", "通知", "application/pdf", 1234),
        Attachment("http://news.nankai.edu.cn/download.jsp?id=3", "附件三"),
    ),
)

NOTE = Note(
    id="tag:news.example.org,2026:digest:2001-02-02",
    title="日报 2001年2月2日",
    url=f"{SITE}/digest/2001-02-02/",
    author="高校新闻",
    published=datetime(2001, 2, 2, 16, tzinfo=UTC),
    updated=datetime(2001, 2, 2, 16, tzinfo=UTC),
    text="3 条新闻 & 2 所高校",
    html="<h3>南开大学</h3><ul><li>我校召开会议</li></ul>",
)


def info(**changes):
    return replace(INFO, **changes)


def entry(**changes):
    return ENTRY._replace(**changes)


def source(**changes):
    return replace(ENTRY.source, **changes)
