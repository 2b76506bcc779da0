"""Turns the posts of 星湖理工学院 into an RSS 2.0 feed, an Atom feed and plain article pages."""

from collections.abc import Iterator, Sequence
from email.utils import format_datetime
from html import escape

from aggregator.demo.files import document, picture
from aggregator.demo.page import HTML, PDF, PNG, Page, digits, entries, fill, newest_first, table
from aggregator.demo.stories import Block, Post

UNIVERSITY = "xinghu"
NAME = "星湖理工学院"
MENU = '<a href="/">首页</a><a href="/feed.xml">新闻 RSS</a><a href="/lectures/atom.xml">讲座 Atom</a>'
FEED_SIZE = 10


def pages(posts: Sequence[Post], base: str) -> Iterator[tuple[str, Page]]:
    """Path and page of everything on the site, articles before the feeds that name them. *posts*: oldest first."""
    for post in posts:
        yield address(post), _article(post)
        if post.story.attachment:
            yield _file(post, "pdf"), Page(document(post.story.key), PDF)
        if any(block.kind == "picture" for block in post.blocks):
            yield _file(post, "png"), Page(picture(f"{UNIVERSITY}/{post.story.key}"), PNG)
    yield "/feed.xml", _rss(newest_first(posts, "news")[:FEED_SIZE], base)
    yield "/lectures/atom.xml", _atom(newest_first(posts, "lectures")[:FEED_SIZE], base)


def address(post: Post) -> str:
    """The path of the article."""
    return f"/{post.story.column}/{post.number}.html"


def _article(post: Post) -> Page:
    title, author = escape(post.title), escape(post.story.author or "")
    main = fill(
        "article.html",
        title=title,
        author=author,
        date=f"{post.published:%Y-%m-%d %H:%M}",
        machine_date=post.published.isoformat(),
        body=_body(post),
    )
    head = f"{title} - {NAME}"
    return Page(fill("page.html", head=head, links="", university=NAME, menu=MENU, main=main).encode(), HTML)


def _body(post: Post) -> str:
    attachment = post.story.attachment
    link = f'\n<p>附件：<a href="{_file(post, "pdf")}">{escape(attachment)}</a></p>' if attachment else ""
    return "\n".join(_html(post, block) for block in post.blocks) + link


def _html(post: Post, block: Block) -> str:
    if block.kind == "picture":
        caption = escape(block.lines[0])
        return f'<figure><img src="{_file(post, "png")}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    if block.kind == "table":
        return f"<table>{table(block)}</table>"
    if block.kind == "list":
        return f"<ul>{entries(block)}</ul>"
    return "\n".join(f"<p>{escape(line)}</p>" for line in block.lines)


def _rss(posts: Sequence[Post], base: str) -> Page:
    """Full text in content:encoded, the first paragraph in description."""
    items = "\n".join(_item(post, base) for post in posts)
    updated = format_datetime(posts[0].published)
    return Page(
        fill("rss.xml", base=base, updated=updated, entries=items).encode(), "application/rss+xml; charset=utf-8"
    )


def _item(post: Post, base: str) -> str:
    parts = [
        f"<title>{escape(post.title)}</title><link>{base}{address(post)}</link>",
        f'<guid isPermaLink="false">xinghu-news-{post.number}</guid>',
        f"<pubDate>{format_datetime(post.published)}</pubDate>",
        f"<dc:creator>{escape(post.story.author or '')}</dc:creator>",
        *(f"<category>{escape(tag)}</category>" for tag in post.story.tags),
        f"<description>{escape(post.text.splitlines()[0])}</description>",
        f"<content:encoded><![CDATA[{_body(post)}]]></content:encoded>",
    ]
    if post.story.attachment:
        length = len(document(post.story.key))
        parts.append(f'<enclosure url="{base}{_file(post, "pdf")}" length="{length}" type="{PDF}"/>')
    return f"<item>{''.join(parts)}</item>"


def _atom(posts: Sequence[Post], base: str) -> Page:
    """Every other entry has its full text, the rest only a summary."""
    found = "\n".join(_entry(post, base) for post in posts)
    updated = posts[0].published.isoformat()
    return Page(
        fill("atom.xml", base=base, updated=updated, entries=found).encode(), "application/atom+xml; charset=utf-8"
    )


def _entry(post: Post, base: str) -> str:
    moment = post.published.isoformat()
    parts = [
        f"<title>{escape(post.title)}</title><id>tag:xinghu.example,2020:lectures-{post.number}</id>",
        f'<link href="{base}{address(post)}"/>',
        f"<published>{moment}</published><updated>{moment}</updated>",
        f"<author><name>{escape(post.story.author or '')}</name></author>",
        *(f'<category term="{escape(tag)}"/>' for tag in post.story.tags),
        f"<summary>{escape(post.text.splitlines()[0])}</summary>",
    ]
    if post.number % 2:
        parts.append(f'<content type="html">{escape(_body(post))}</content>')
    if post.story.attachment:
        link, length = f"{base}{_file(post, 'pdf')}", len(document(post.story.key))
        title = escape(post.story.attachment)
        parts.append(f'<link rel="enclosure" href="{link}" type="{PDF}" length="{length}" title="{title}"/>')
    return f"<entry>{''.join(parts)}</entry>"


def _file(post: Post, extension: str) -> str:
    return f"/files/{digits(UNIVERSITY, post, extension)[:12]}.{extension}"
