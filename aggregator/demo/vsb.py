"""Turns the posts of 海棠大学 into the pages of a VSB site: GBK that says gb2312, lists whose pages count backwards."""

from collections.abc import Iterator, Sequence
from html import escape

from aggregator.demo.files import document, picture
from aggregator.demo.page import PDF, PNG, Page, digits, entries, fill, in_pages, newest_first, table
from aggregator.demo.stories import Block, Post

UNIVERSITY = "haitang"
TREES = {"xxyw": 1055, "tszs": 1078}
SECTIONS = {"xxyw": ("新闻中心", "学校要闻"), "tszs": ("乡村振兴",)}
PAGE_SIZE = 8
TITLE_LENGTH = 24  # characters of a title that a list shows
HTML = "text/html"  # the charset stands in the page only, as these servers have it


def pages(posts: Sequence[Post], base: str) -> Iterator[tuple[str, Page]]:
    """Path and page of everything on the site, articles before the lists that name them. *posts*: oldest first."""
    del base  # every link is relative
    for place, post in enumerate(posts):
        newer = posts[place + 1] if place + 1 < len(posts) else None
        yield address(post), _article(post, newer, posts[place - 1] if place else None)
        if post.story.attachment:
            yield _download(post), Page(document(post.story.key), PDF)
        if any(block.kind == "picture" for block in post.blocks):
            yield _picture(post), Page(picture(f"{UNIVERSITY}/{post.story.key}"), PNG)
    yield "/system/resource/js/dynclicks.js", Page(b"function _showDynClicks(){document.write(37)}", "text/javascript")
    yield from _list("/xwzx/xxyw", newest_first(posts, "xxyw"))
    yield "/xczx.htm", _old_list(newest_first(posts, "tszs"))


def address(post: Post) -> str:
    """The path of the article."""
    return f"/info/{TREES[post.story.column]}/{3000 + post.number}.htm"


def _article(post: Post, newer: Post | None, older: Post | None) -> Page:
    story = post.story
    said = (("作者", story.author), ("来源", story.origin))
    main = fill(
        "vsb_article.html",
        title=escape(post.title),
        date=f"{post.published:%Y年%m月%d日 %H:%M}",
        byline="".join(f"{name}：{escape(value)}&nbsp;&nbsp;" for name, value in said if value),
        number=3000 + post.number,
        body="\n".join(_html(post, block) for block in post.blocks),
        attachments=_attachment(post),
        newer=_neighbour(newer),
        older=_neighbour(older),
    )
    position = ("首页", *(story.section or SECTIONS[story.column]), "正文")
    return _page(f"{escape(post.title)}-海棠大学新闻网", " &gt; ".join(position), main, post)


def _html(post: Post, block: Block) -> str:
    if block.kind == "picture":
        image = f'<IMG width="480" src="{_picture(post)}" orisrc="/upload/{post.story.key}.png">'
        caption = f'<P style="TEXT-ALIGN: center">{escape(block.lines[0])}</P>'
        return f'<P class="vsbcontent_img" style="TEXT-ALIGN: center">{image}</P>\n{caption}'
    if block.kind == "table":
        return f'<TABLE border="1" cellspacing="0"><TBODY>{table(block)}</TBODY></TABLE>'
    if block.kind == "list":
        return f"<UL>{entries(block)}</UL>"
    return "\n".join(f'<P style="TEXT-INDENT: 2em">{escape(line)}</P>' for line in block.lines)


def _attachment(post: Post) -> str:
    if not post.story.attachment:
        return ""
    link = f'<a href="{escape(_download(post))}" target="_blank">{escape(post.story.attachment)}</a>'
    return f"<ul><li>附件【{link}】已下载<span>12</span>次</li></ul>"


def _neighbour(post: Post | None) -> str:
    return f'<a href="{address(post)}">{escape(post.title)}</a>' if post else "没有了"


def _list(path: str, posts: Sequence[Post]) -> Iterator[tuple[str, Page]]:
    """The new kind of list: the newest posts at *path*.htm, then *path*/<last - 1>.htm down to *path*/1.htm."""
    last = len(list(in_pages(posts, PAGE_SIZE)))
    where = [f"{path}.htm", *(f"{path}/{last - number}.htm" for number in range(1, last))]
    for number, shown in in_pages(posts, PAGE_SIZE):
        here = where[number - 1]
        up = "../" * (here.count("/") - 1)
        rows = "\n".join(_row(place, post, up) for place, post in enumerate(shown))
        controls = _pager(number, where, len(posts))
        yield here, _page("学校要闻-海棠大学新闻网", "首页 &gt; 新闻中心 &gt; 学校要闻", f"<ul>{rows}</ul>\n{controls}")


def _row(place: int, post: Post, up: str) -> str:
    date = f"<SPAN>[{post.published:%Y-%m-%d}]</SPAN>"
    return f'<li id="line_u8_{place}">{date}{_link(post, up, "c1055")}<DIV class="clear"></DIV></li>'


def _link(post: Post, up: str, style: str) -> str:
    """A link as lists have it: the text cut, the whole title in an attribute."""
    cut = post.title if len(post.title) <= TITLE_LENGTH else post.title[:TITLE_LENGTH] + "..."
    href, title = up + address(post)[1:], escape(post.title)
    return f'<a class="{style}" href="{href}" target="_blank" title="{title}">{escape(cut)}</a>'


def _pager(number: int, where: Sequence[str], count: int) -> str:
    def control(name: str, title: str, target: int) -> str:
        if target == number or not 1 <= target <= len(where):
            return f'<span class="{name}_d p_fun_d">{title}</span>'
        return f'<span class="{name} p_fun"><a href="{where[target - 1]}">{title}</a></span>'

    numbers = (
        f'<span class="p_no_d">{page}</span>'
        if page == number
        else f'<span class="p_no"><a href="{path}">{page}</a></span>'
        for page, path in enumerate(where, 1)
    )
    controls = (
        control("p_first", "首页", 1) + control("p_prev", "上页", number - 1) + "".join(numbers),
        control("p_next", "下页", number + 1) + control("p_last", "尾页", len(where)),
    )
    total, found = f'<span class="p_t">共{count}条</span>', "".join(controls)
    return f'<div class="pb_sys_common pb_sys_normal pb_sys_style1">{total}<span class="p_pages">{found}</span></div>'


def _old_list(posts: Sequence[Post]) -> Page:
    """The old kind of list: one table row a post, the pager a cell of text."""
    rows = "\n".join(
        '<tr height="20"><td><span class="leaderfont43335">· </span></td>'
        f'<td style="font-size:9pt">{_link(post, "", "c43335")}</td>'
        f'<td><span class="timestyle43335">{post.published:%Y/%m/%d} </span></td></tr>'
        for post in posts
    )
    pager = f"<tr><td></td><td>共{len(posts)}条 1/1 首页 上页 下页 尾页</td><td></td></tr>"
    main = f'<table class="winstyle43335" width="100%" cellspacing="0">{rows}\n{pager}</table>'
    return _page("乡村振兴-海棠大学新闻网", "首页 &gt; 乡村振兴", main)


def _page(head: str, position: str, main: str, post: Post | None = None) -> Page:
    tree = TREES[post.story.column] if post else 1018
    kind, news = ("content", 3000 + post.number) if post else ("list", -1)
    text = fill("vsb_frame.html", head=head, tree=tree, kind=kind, news=news, position=position, main=main)
    return Page(text.encode("gbk", "xmlcharrefreplace"), HTML)


def _picture(post: Post) -> str:
    name = digits(UNIVERSITY, post, "picture").upper()
    return f"/__local/{name[0]}/{name[1:3]}/{name[3:5]}/{name[5:32]}_{name[32:40]}_A9F.png"


def _download(post: Post) -> str:
    name = digits(UNIVERSITY, post, "attachment").upper()[:32]
    return f"/system/_content/download.jsp?urltype=news.DownloadAttachUrl&owner=1207954321&wbfileid={name}"
