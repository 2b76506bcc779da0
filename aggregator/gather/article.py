"""The page of a story and the rules for it -> an Article: title, time, people, text, pictures, files.

Knows no network and no clock. Fetches nothing that the page only links to.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.errors import ParseError
from aggregator.gather.body import find_body, remove_surroundings
from aggregator.gather.charset import decode
from aggregator.gather.clean import Cleaned, clean, clean_element
from aggregator.gather.dates import read_date
from aggregator.gather.links import absolute, attachment
from aggregator.gather.media import FORMULA_TYPE
from aggregator.gather.metadata import (
    Around,
    find_byline,
    find_published,
    find_section,
    first_value,
    read_fields,
    read_keywords,
    read_section,
)
from aggregator.gather.sequel import find_sequel
from aggregator.gather.title import about, find_title, squeezed
from aggregator.gather.tree import parse, remove, select, texts
from aggregator.model import Article, ArticleRule, Attachment, Family, Precision, Response


def read_article(
    response: Response,
    rule: ArticleRule | None,
    families: Sequence[Family],
    *,
    timezone: ZoneInfo,
    now: datetime,
    family: str | None = None,
) -> Article:
    """The article on the page *response*: by the site's own *rule*, else by its *family*, else by the other families.

    A family is known by its marks, or by its names for the body; where none fits, the page is read generally.
    *published* is None where the page gives no date; *text* is empty where the article is a picture, a film or a file.
    Raises ParseError for a page that holds no article: a login, a notice, an empty shell, a file.
    """
    _check_is_page(response)
    html = decode(response.body, response.content_type)
    if not _is_text(response.body, html):
        raise ParseError(f"{response.url} is no text: {len(response.body)} bytes in no charset")
    tree = parse(html)
    known = [each for each in families if each.name == family or any(mark in html for mark in each.marks)]
    known.sort(key=lambda each: each.name != family)
    rules = [each for each in (rule, *(each.article for each in known or families)) if each]
    page = _read_page(response.url, tree)
    sequel = find_sequel(html, tree, page.links, page.url, page.base_url)
    remove(sequel.pager)

    body = find_body(tree, page.title, rule, [*known, *(each for each in families if each not in known)])
    if body is None:
        raise ParseError(f"no article at {page.url}: {page.description()}")
    named = _read_rules(tree, rule, rules, timezone=timezone, now=now)
    files = list(_files_after(body.node, page.base_url))
    if _DOWNLOADED in html:
        files += _files_in(body.node, page.base_url)
    remove_surroundings(body.node, [selector for each in rules for selector in each.remove])
    cleaned = _cleaned(body.node, page.base_url)
    if body.empty and not files:
        raise ParseError(f"the article at {page.url} is empty; it may be for the campus network only")
    if len(cleaned.text) < _SHORT and (
        page.asks_password or _NOTICE.search(page.title) or _NOTICE.search(cleaned.text)
    ):
        raise ParseError(f"no article at {page.url}: {page.description()}")
    around = page.around(body.node)
    return _article(page, cleaned, files, named, around, sequel.url, timezone=timezone, now=now)


def joined(first: Article, following: Sequence[Article]) -> Article:
    """One article of its pages: title, time and section of the *first*, text and pictures of all in their order.

    Who wrote and edited it is often said on the last page only. A page that comes twice counts once.
    """
    pages = list({page.text or page.html: page for page in (first, *following)}.values())
    return replace(
        first,
        html="".join(page.html for page in pages),
        text="\n".join(page.text for page in pages if page.text),
        author=next((page.author for page in pages if page.author), None),
        origin=next((page.origin for page in pages if page.origin), None),
        editor=next((page.editor for page in pages if page.editor), None),
        images=tuple(dict.fromkeys(url for page in pages for url in page.images)),
        attachments=tuple({file.url: file for page in pages for file in page.attachments}.values()),
        next_page=pages[-1].next_page,
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """What the selectors of the rules found, the trusted first."""

    title: str | None  # by the site's own rule
    titles: list[str]  # by the families', which several sites share
    date: tuple[datetime, Precision] | None
    author: str | None
    section: str | None


@dataclass(slots=True)
class _Page:
    """What a page says outside the article."""

    url: str
    base_url: str
    tree: LexborHTMLParser
    title: str  # of <title>
    metas: Mapping[str, str]
    links: frozenset[str]

    @property
    def asks_password(self) -> bool:
        return self.tree.css_first('input[type="password"]') is not None

    def headings(self) -> Iterator[str]:
        for heading in select(self.tree, _HEADINGS)[:_MOST_HEADINGS]:
            yield heading.text()

    def description(self) -> str:
        """What there is instead of an article, for the operator."""
        if self.asks_password:
            return "the page asks for a password"
        text = " ".join(self.tree.body.text().split()) if self.tree.body else ""
        if not text:
            return "the page has no text; a script may build it in the browser"
        return f"a page {self.title!r} that begins {text[:60]!r}, {len(text)} characters"

    def around(self, body: LexborNode) -> tuple[list[str], list[str]]:
        """The lines before and after *body*, one a text node. Takes *body* out of the tree."""
        body.insert_before(_HERE)
        body.decompose()
        whole = self.tree.root.text(separator="\n") if self.tree.root else ""
        before, _, after = whole.partition(_HERE)
        return _lines(before), _lines(after)


def _check_is_page(response: Response) -> None:
    if response.body.startswith(b"%PDF-") or _FILE_TYPE.match(response.media_type):
        raise ParseError(f"{response.url} is a file ({response.media_type or 'PDF'}), not a page")


def _is_text(body: bytes, html: str) -> bool:
    """Whether *html*, decoded from *body*, is no picture or program: it has few of the characters that no text has."""
    if "\ufffd" in html and html.count("\ufffd") > len(html) / 5:
        return False
    return sum(body.count(one) for one in _BINARY if one in body) <= len(html) / 200


def _read_page(url: str, tree: LexborHTMLParser) -> _Page:
    """Looks around before anything is cut. Scripts go, but for players and formulas, which ``clean`` reads."""
    scripts = select(tree, "script")
    remove(script for script in scripts if not _is_content(script))
    title = tree.css_first("title")
    document_title = title.text() if title else ""
    metas: dict[str, str] = {}
    for meta in tree.css("meta[content]"):
        said = meta.attributes
        name = said.get("name") or said.get("property") or said.get("itemprop") or ""
        metas.setdefault(name.lower(), (said.get("content") or "").strip())
    times = tree.css("time[datetime]")
    if len(times) == 1:
        metas.setdefault("datepublished", times[0].attributes.get("datetime") or "")
    base = tree.css_first("base[href]")
    page = _Page(
        url=url,
        base_url=absolute(base.attributes.get("href"), url) or url if base else url,
        tree=tree,
        title=" ".join(document_title.split()),
        metas=metas,
        links=frozenset(squeezed(link.text()) for link in tree.css("a")),
    )
    remove(select(tree, _UNREAD))
    return page


def _is_content(script: LexborNode) -> bool:
    kind = (script.attributes.get("type") or "").lower()
    return "vurl" in script.attributes or kind.startswith(FORMULA_TYPE) or _PLAYER in script.text()


def _read_rules(
    tree: LexborHTMLParser, own: ArticleRule | None, rules: Sequence[ArticleRule], *, timezone: ZoneInfo, now: datetime
) -> _Named:
    dates = (read_date(text, timezone=timezone, now=now) for rule in rules for text in _found(tree, rule.date))
    authors = (_author(text) for rule in rules for text in _found(tree, rule.author))
    return _Named(
        title=next(_found(tree, own.title), None) if own else None,
        titles=[text for rule in rules for text in _found(tree, rule.title)],
        date=next((date for date in dates if date), None),
        author=next((author for author in authors if author), None),
        section=next(
            (node.text(separator="\n") for rule in rules for path in rule.section for node in select(tree, path)), None
        ),
    )


def _found(tree: LexborHTMLParser, selectors: Iterable[str]) -> Iterator[str]:
    for selector in selectors:
        yield from texts(tree, selector)


def _author(text: str) -> str | None:
    """``发布者：张三`` is 张三, ``发布者：`` is nobody, and so is a line that tells something else."""
    name = " ".join(text.split())
    return first_value(read_fields(text), "author") or (None if about(name) or name.endswith((":", "：")) else name)


def _article(
    page: _Page,
    cleaned: Cleaned,
    files: Sequence[Attachment],
    named: _Named,
    around: tuple[list[str], list[str]],
    next_page: str | None,
    *,
    timezone: ZoneInfo,
    now: datetime,
) -> Article:
    before, after = around
    lines = cleaned.text.split("\n")
    title = named.title or find_title(
        page.title,
        named=[*named.titles, *(page.metas[name] for name in _TITLE_METAS if page.metas.get(name))],
        before=before,
        body=lines,
        headings=page.headings(),
        links=page.links,
    )
    above, below = _split_at(before, squeezed(title or ""))
    lines_around = Around(above, below[-_LINES_BETWEEN:], after)
    near = read_fields("\n".join(lines_around.below))
    far = read_fields("\n".join((*after[:_LINES_AFTER], *(line for line in lines[-3:] if about(line)))))
    published = named.date or find_published(lines_around, near, page.metas, page.url, timezone=timezone, now=now)
    attachments = {file.url: file for file in (*cleaned.attachments, *files)}
    return Article(
        url=page.url,
        title=title,
        published=published[0] if published else None,
        precision=published[1] if published else None,
        html=cleaned.html,
        text=cleaned.text,
        author=named.author or first_value(near, "author") or find_byline(cleaned.text) or first_value(far, "author"),
        origin=first_value(near, "origin") or first_value(far, "origin") or page.metas.get("contentsource") or None,
        editor=first_value(near, "editor") or first_value(far, "editor"),
        section=read_section(named.section, title or "") if named.section else find_section(above, title or ""),
        keywords=read_keywords(page.metas.get("keywords", "")),
        images=cleaned.images,
        attachments=tuple(attachments.values()),
        next_page=next_page,
    )


def _split_at(lines: Sequence[str], title: str) -> tuple[list[str], list[str]]:
    """The lines above and below the last *title*, which may take several; else all lines and the last few."""
    for number in range(len(lines) - 1 if title else -1, -1, -1):
        words = squeezed(lines[number])
        if not words or (words not in title and title not in words):
            continue
        run = ""
        for end in range(number, min(number + 5, len(lines))):
            run += squeezed(lines[end])
            if title in run:
                return list(lines[:number]), list(lines[end + 1 :])
    return list(lines), list(lines[-_LINES_ABOVE:])


def _files_in(body: LexborNode, base_url: str) -> Iterator[Attachment]:
    return (file for link in body.css("a[href]") if (file := _file(link, base_url)))


def _files_after(body: LexborNode, base_url: str) -> Iterator[Attachment]:
    """The files offered next to the article: VSB lists them after it, outside of the element that holds it."""
    around: LexborNode | None = body
    for _ in range(_LEVELS_AROUND):
        if around is None or around.tag == "body":
            return
        found = False
        sibling = around.next
        while sibling is not None:
            links = sibling.css("a[href]") if sibling.is_element_node else []
            files = [file for link in links if (file := _file(link, base_url))]
            if len(files) * 2 >= len(links):  # else a list of links with a file among them
                found = found or bool(files)
                yield from files
            sibling = sibling.next
        if found:
            return
        around = around.parent


def _file(link: LexborNode, base_url: str) -> Attachment | None:
    url = absolute(link.attributes.get("href"), base_url)
    return attachment(url, " ".join(link.text().split())) if url else None


def _cleaned(body: LexborNode, base_url: str) -> Cleaned:
    """The element as it can be read on its own: rows belong in a table."""
    if body.tag in ("tr", "tbody"):
        return clean(f"<table>{body.html}</table>", base_url)
    return clean_element(body, base_url)


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.split("\n")) if line]


_HERE = "\ue000\ue001\ue000"  # private characters: where the article stood
_BINARY = (b"\x01", b"\x02", b"\x03")  # bytes of no text; in a picture they are a hundredth of all
_SHORT = 200  # characters; a notice is no longer
_LINES_AFTER = 8
_LINES_ABOVE = 8  # without a title among them
_LINES_BETWEEN = 40
_MOST_HEADINGS = 100
_LEVELS_AROUND = 4
_DOWNLOADED = "已下载"  # VSB counts it in the line of a file, which is cut out of the text
_PLAYER = "showVsbpdfIframe"
_UNREAD = "title, style, noscript, template, textarea, select, option, button"
_HEADINGS = "h1, h2, h3, h4, h5, h6, [class*=title], [class*=Title], [class*=tit], [id*=title], [class*=bt]"
_TITLE_METAS = ("articletitle", "pagetitle", "og:title")
_NOTICE = re.compile(
    r"^\W{0,3}(?:(?:(?:非常|很)?抱歉|对不起|sorry)\W{0,3})?(?:(?:提示信息|系统提示|错误提示|错误信息|出错了?|用户登录|登录|统一身份认证(?:平台|系统)?|login|error)\W*$"
    r"|(?:http )?(?:404|403|500)(?!\w)|页面不存在|页面未找到|找不到(?:页面|文件)|您访问的|您当前ip|您无权|无权访问"
    r"|访问受限|没有权限"
    r"|(?:该|此|本|这篇|您?(?:要|所)?(?:浏览|查看|请求|查找)的)?(?:页面?|网页|文章|内容|信息|新闻|数据|记录)(?:不存在|未找到|已经?被?删除)(?:或|\W|$)"
    r"|page not found|not found|forbidden|access denied)",
    re.IGNORECASE,
)
_FILE_TYPE = re.compile(r"(?:image|audio|video|font)/|application/(?!xhtml|xml|json|javascript|octet)")
