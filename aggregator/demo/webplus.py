"""Turns the posts of 云岭师范大学 into the pages of a WebPlus site: UTF-8, Word's spans, pictures that load late."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from aggregator.demo.files import BLANK, document, picture
from aggregator.demo.page import HTML, PDF, PNG, Page, digits, entries, fill, in_pages, newest_first, table
from aggregator.demo.stories import Block, Post

UNIVERSITY = "yunling"
COLUMNS = {"10": "师大要闻", "12": "通知公告"}
PAGE_SIZE = 8
ICON = "/_ueditor/themes/default/images/icon_pdf.gif"
NUMBER = re.compile(r"\d+")


def pages(posts: Sequence[Post], base: str) -> Iterator[tuple[str, Page]]:
    """Path and page of everything on the site, articles before the lists that name them. *posts*: oldest first."""
    del base  # every link is relative
    for post in posts:
        yield address(post), _article(post)
        if post.story.attachment:
            yield _upload(post, "files", "pdf"), Page(document(post.story.key), PDF)
        if any(block.kind == "picture" for block in post.blocks):
            yield _upload(post, "images", "png"), Page(picture(f"{UNIVERSITY}/{post.story.key}"), PNG)
    for path in (ICON, "/_images/blank.gif"):
        yield path, Page(BLANK, "image/gif")
    for column in COLUMNS:
        yield from _list(column, newest_first(posts, column))


def address(post: Post) -> str:
    """The path of the article; the day in it is the day it was made."""
    return f"/{post.published:%Y/%m%d}/c{post.story.column}a{45000 + post.number}/page.htm"


def _article(post: Post) -> Page:
    main = fill(
        "webplus_article.html",
        title=escape(post.title),
        author=escape(post.story.author or ""),
        date=f"{post.published:%Y-%m-%d}",
        number=45000 + post.number,
        body="\n".join(_html(post, block) for block in post.blocks) + _attachment(post),
    )
    return _page("page", escape(post.title), post.story.column, main)


def _html(post: Post, block: Block) -> str:
    if block.kind == "picture":
        late = _upload(post, "images", "png")
        image = f'<img data-layer="photo" src="/_images/blank.gif" data-src="{late}" class="lazy">'
        return f'<p style="text-align:center">{image}</p>\n<p style="text-align:center">{_words(block.lines[0])}</p>'
    if block.kind == "table":
        return f'<table border="1" cellspacing="0" class="MsoTableGrid"><tbody>{table(block)}</tbody></table>'
    if block.kind == "list":
        return f"<ul>{entries(block)}</ul>"
    style = "text-indent:32px;line-height:28px"
    return "\n".join(f'<p class="MsoNormal" style="{style}">{_words(line)}</p>' for line in block.lines)


def _words(line: str) -> str:
    """*line* as Word exports it: a span for the Chinese, another around each number."""
    numbered = NUMBER.sub(
        lambda match: f'<span lang="EN-US" style="font-family:Calibri">{match[0]}</span>', escape(line)
    )
    return f'<span style="font-size:16px;font-family:仿宋_GB2312">{numbered}</span>'


def _attachment(post: Post) -> str:
    if not post.story.attachment:
        return ""
    title = escape(post.story.attachment)
    link = f"<a href=\"{_upload(post, 'files', 'pdf')}\" sudyfile-attr=\"{{'title':'{title}'}}\">{title}</a>"
    return f'\n<p><img src="{ICON}">{link}</p>'


def _list(column: str, posts: Sequence[Post]) -> Iterator[tuple[str, Page]]:
    """/<column>/list.htm, /<column>/list2.htm and so on."""
    last = len(list(in_pages(posts, PAGE_SIZE)))
    for number, shown in in_pages(posts, PAGE_SIZE):
        rows = "\n".join(_row(place, post) for place, post in enumerate(shown, 1))
        listed = f'<div frag="窗口9" portletmode="simpleList"><ul class="news_list list2">\n{rows}\n</ul></div>'
        yield (
            _list_path(column, number),
            _page("list", COLUMNS[column], column, listed + _pager(column, number, last, posts)),
        )


def _row(place: int, post: Post) -> str:
    link = f"<a href='{address(post)}' target='_blank' title='{escape(post.title)}'>{escape(post.title)}</a>"
    date = f'<span class="news_meta">{post.published:%Y-%m-%d}</span>'
    return f'<li class="news n{place} clearfix"><span class="news_title">{link}</span>{date}</li>'


def _pager(column: str, number: int, last: int, posts: Sequence[Post]) -> str:
    def control(name: str, title: str, target: int) -> str:
        if not 1 <= target <= last:
            return f'<a class="{name}" href="javascript:void(0);"><span>{title}</span></a>'
        return f'<a class="{name}" href="{_list_path(column, target)}" target="_self"><span>{title}</span></a>'

    counts = f'每页 <em class="per_count">{PAGE_SIZE}</em> 记录 总共 <em class="all_count">{len(posts)}</em> 记录'
    controls = (
        control("first", "第一页", 1),
        control("prev", "&lt;&lt;上一页", number - 1),
        control("next", "下一页&gt;&gt;", number + 1),
        control("last", "尾页", last),
    )
    place = f'页码 <em class="curr_page">{number}</em>/<em class="all_pages">{last}</em>'
    return (
        f'\n<div id="wp_paging_w9"><ul class="wp_paging clearfix"><li class="pages_count">{counts}</li>'
        f'<li class="page_nav">{" ".join(controls)}</li><li class="page_jump">{place}</li></ul></div>'
    )


def _list_path(column: str, number: int) -> str:
    return f"/{column}/list{number if number > 1 else ''}.htm"


def _page(kind: str, head: str, column: str, main: str) -> Page:
    position = f'<a href="/">首页</a> &gt; <a href="{_list_path(column, 1)}">{COLUMNS[column]}</a>'
    return Page(fill("webplus_frame.html", kind=kind, head=head, position=position, main=main).encode(), HTML)


def _upload(post: Post, folder: str, extension: str) -> str:
    name = digits(UNIVERSITY, post, folder)
    parts = name[:8], name[8:12], name[12:16], name[16:20], name[20:32]
    return f"/_upload/article/{folder}/{name[32:34]}/{name[34:36]}/{'-'.join(parts)}.{extension}"
