"""Any HTML -> safe HTML with absolute links, its text, pictures and files. Always the last to touch what we publish.

Knows no families and nothing of the page around the fragment. What scripts would have shown comes from media.py.
"""

import re
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import nh3
from selectolax.lexbor import LexborNode

from aggregator.gather.links import absolute, attachment
from aggregator.gather.media import PLAYERS, Player, picture, player, sudy_title
from aggregator.gather.nesting import has_place
from aggregator.gather.tree import parse, remove, select
from aggregator.model import Attachment


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A fragment made safe. *text* has one block a line, a table cell being one; *images* in their order, each once."""

    html: str
    text: str
    images: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


def clean(html: str, base_url: str) -> Cleaned:
    """*html* with every address absolute and nothing in it that runs, styles or tracks. Empty where it shows nothing.

    Raises ParseError for markup built to keep a parser busy.
    """
    if plain := _of_tidy_paragraphs(html) or _of_paragraphs(html):
        return plain
    body = parse(f"<body>{html}").body  # else a script that comes first stands in the head
    if body is None:  # a frameset
        return Cleaned("", "")
    return clean_element(body, base_url)


def still_safe(html: str) -> str:
    """HTML that ``clean`` gave once, and that was elsewhere since: the same, unless somebody put something into it.

    Raises ParseError for markup built to keep a parser busy.
    """
    if _of_tidy_paragraphs(html):
        return html
    if len(html) > 50_000:
        parse(html)  # refuses what is nested so deep that nh3 would take minutes
    return _SAFE.clean(html)


def clean_element(element: LexborNode, base_url: str) -> Cleaned:
    """*element* as clean gives it, without another tree. Cuts what is hidden out of it."""
    styled = select(element, '[style*="none"]')[:_MOST_HIDDEN]
    hidden = (node for node in styled if _HIDDEN.search(node.attributes["style"] or ""))
    # what is hidden and long is a later page of the article that a script would show
    remove(node for node in hidden if len(node.text()) < _SHORT and node.mem_id != element.mem_id)
    writer = _Writer(base_url)
    writer.write(element)
    if _UNSEEN.search("".join(writer.html)):
        writer = _Writer(base_url, unseen=True)
        writer.write(element)
    written = "".join(writer.html)
    if writer.unseen:  # those of attributes; before nh3, which keeps them: without them another word may stand there
        written = _UNSEEN.sub("", written)
    return Cleaned(
        html=_SAFE.clean(written),
        text="\n".join(writer.lines),
        images=tuple(writer.images),
        attachments=tuple(writer.attachments.values()),
    )


# soft hyphens, zero-width spaces, controls, halves of characters, non-characters: XML forbids most, nobody sees any
_NEVER_SEEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
_UNSEEN = re.compile(f"[{_NEVER_SEEN}]")


def _of_tidy_paragraphs(html: str) -> Cleaned | None:
    """As _of_paragraphs where no space and no empty paragraph has to go, seen in half of its time."""
    if not (html.startswith("<p>") and html.endswith("</p>") and html.isprintable()) or "<p></p>" in html:
        return None
    text = html[3:-4].replace("</p><p>", "\n")
    if "<" in text or ">" in text or "&" in text:
        return None
    if " " in text and ("  " in text or " \n" in text or "\n " in text or text != text.strip()):
        return None
    return Cleaned(html, text)


def _of_paragraphs(html: str) -> Cleaned | None:
    """What the long way gives for a text, or paragraphs of nothing but text, as many feeds carry; None for all else.

    They need no tree: a tenth of the time. What is not printable is left to the long way, which knows _UNSEEN.
    """
    *blocks, rest = " ".join(html.split()).split("</p>")
    lines = []
    for block in map(str.strip, blocks):
        if not block.startswith("<p>"):
            return None
        lines.append(block[3:].lstrip())
    rest = rest.strip()
    text = "".join(lines) + rest
    if (rest and blocks) or "<" in text or ">" in text or "&" in text or not text.isprintable():
        return None
    lines = [line for line in lines if line]
    return Cleaned(f"<p>{'</p><p>'.join(lines)}</p>" if lines else rest, "\n".join(lines) or rest)


_BLOCK_TAGS = (
    "p div h1 h2 h3 h4 h5 h6 ul ol li dl dt dd blockquote pre figure figcaption"
    " table caption thead tbody tfoot tr td th"
)
_LIKE_DIV = "section article main center form fieldset header footer aside nav address details hgroup marquee"
_INLINE_TAGS = "a b strong i em u s del ins sub sup code kbd samp mark small q cite ruby rt rp"
# gone with all they hold; <annotation> is TeX beside the formula, <xml> the settings of a Word document
_DROPPED_TAGS = (
    "annotation annotation-xml applet area base button canvas col colgroup datalist dialog frame frameset head input"
    " link map meta noscript object option param select source style svg template textarea title track xml"
)
_BLOCKS = (
    {tag: tag for tag in _BLOCK_TAGS.split()}
    | dict.fromkeys(_LIKE_DIV.split(), "div")
    | {"summary": "p", "legend": "p", "dir": "ul", "menu": "ul", "listing": "pre"}
)
_TAGS = _BLOCKS | {tag: tag for tag in _INLINE_TAGS.split()} | {"strike": "s", "tt": "code", "var": "i"}
_DROPPED = frozenset(_DROPPED_TAGS.split())
_BEGINNINGS = ("<a ", *(f"<{tag}>" for tag in _INLINE_TAGS.split()))
# what a player needs around it where a table has no cell for it
_CELLS = {
    "tr": ("<td>", "</td>"),
    **dict.fromkeys(("table", "thead", "tbody", "tfoot"), ("<tr><td>", "</td></tr>")),
}
_NUMBERS = {"ol": ("start",), "td": ("colspan", "rowspan"), "th": ("colspan", "rowspan")}
_SAFE = nh3.Cleaner(
    tags={*_TAGS.values(), "br", "hr", "img", "video", "audio"},
    attributes={
        "a": {"href"},
        "img": {"src", "alt"},
        "video": {"src", "controls"},
        "audio": {"src", "controls"},
        **{tag: set(names) for tag, names in _NUMBERS.items()},
    },
    clean_content_tags={"script", "style"},
    url_schemes={"http", "https", "mailto", "tel"},
)

_DEEPEST = 60  # elements in one another; what a browser draws with more looks the same with these
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_MOST_PARTS = 150_000  # texts, beginnings and ends of elements; a table of 5,000 rows of six has 100,000
_MOST_PICTURES = 5_000
_MOST_HIDDEN = 200  # elements; a page with more plays with us
_SHORT = 200  # characters


class _Opened(NamedTuple):
    """An element being written: where it began, how much a reader had seen before it, whether it began in a line."""

    begin: int
    seen: int
    in_line: bool


class _Writer:
    """Walks a tree once and writes it down twice: as HTML of few tags, and as lines of text."""

    def __init__(self, base_url: str, *, unseen: bool = False) -> None:
        self.unseen = unseen  # whether there are characters that nobody sees
        self.html: list[str] = []
        self.lines: list[str] = []
        self.images: dict[str, None] = {}
        self.attachments: dict[str, Attachment] = {}
        self._base_url = base_url
        self._line: list[str] = []
        self._space = False  # white space was read and matters if more text follows in the line
        self._seen = 0  # counts what a reader can see: an element that adds nothing is not written
        self._open_tags: list[str] = []
        self._paragraph: tuple[int, int] | None = None  # the open one: its places in html and among the open tags
        self._preformatted = 0
        self._pictures = 0

    def write(self, root: LexborNode) -> None:
        todo: list[LexborNode | _Opened] = []
        self._write_element(root, todo)
        while todo:
            node = todo.pop()
            if isinstance(node, _Opened):
                self._close(node)
            elif len(self.html) < _MOST_PARTS:
                if (following := node.next) is not None:
                    todo.append(following)
                if node.is_text_node:
                    self._text(node.text_content or "")
                else:
                    self._write_element(node, todo)
        self._break()

    def _write_element(self, node: LexborNode, todo: list["LexborNode | _Opened"]) -> None:
        """Writes *node* or begins it; what is to be done after that goes on top of *todo*."""
        tag = node.tag or ""
        if tag == "img":
            self._picture(node)
        elif tag in ("br", "hr"):
            self._line_break(tag)
        elif tag in PLAYERS and (played := player(node, self._base_url)):
            self._play(played)
        elif tag not in _DROPPED and (tag in _TAGS or tag not in PLAYERS) and tag[:1] not in "-!":
            opened = self._open(node, tag)
            if opened:
                todo.append(opened)
            elif tag in _BLOCKS and self._line:
                self._line_break("br")
            if (child := node.first_child) is not None:
                todo.append(child)

    def _text(self, text: str) -> None:
        if self.unseen:
            text = _UNSEEN.sub(lambda found: " " if found[0].isspace() else "", text)
        if self._preformatted:
            self._preformatted_text(text)
            return
        words = " ".join(text.split())
        if not words:
            self._space = self._space or bool(text)
            return
        if self._line and (self._space or text[0].isspace()):
            self._space_before()
        self._write(words)
        self._space = text[-1].isspace()
        self._seen += 1

    def _space_before(self) -> None:
        """Writes a space, outside of the inline elements that have just begun: Markdown knows no ``** bold**``."""
        place = len(self.html)
        while self.html[place - 1].startswith(_BEGINNINGS):
            place -= 1
        self.html.insert(place, " ")
        self._line.append(" ")

    def _preformatted_text(self, text: str) -> None:
        if self.html[-1] == "<pre>":
            text = text.lstrip("\n")  # the first is none to a parser
        if not text:
            return
        self.html.append(escape(text, quote=False))
        self._seen += bool(text.strip())
        *lines, last = text.split("\n")
        for line in lines:
            self._line.append(line)
            self._break()
        if last:
            self._line.append(last)

    def _write(self, text: str) -> None:
        self.html.append(escape(text, quote=False))
        self._line.append(text)

    def _break(self) -> None:
        line = "".join(self._line).strip()
        if line:
            self.lines.append(line)
        self._line.clear()
        self._space = False

    def _open(self, node: LexborNode, tag: str) -> _Opened | None:
        """Begins an element; None where its tag is not kept and only what it holds counts."""
        written = _TAGS.get(tag)
        if written is None or len(self._open_tags) >= _DEEPEST or not has_place(written, self._open_tags):
            return None
        in_line = bool(self._line) or self.html[-1:] == ["<br>"]
        if tag in _BLOCKS:
            self._begin_block()
        attributes = ""
        if tag == "a":
            href = self._link(node)
            if href is None:
                return None
            attributes = f' href="{escape(href)}"'
        elif written in _NUMBERS:
            given = ((name, node.attributes.get(name) or "") for name in _NUMBERS[written])
            attributes = "".join(f' {name}="{value}"' for name, value in given if value.isdecimal())
        self.html.append(f"<{written}{attributes}>")
        self._open_tags.append(written)
        self._preformatted += written == "pre"
        if written == "p":
            self._paragraph = len(self.html) - 1, len(self._open_tags) - 1
        return _Opened(len(self.html) - 1, self._seen, in_line)

    def _begin_block(self) -> None:
        """Ends the line. A paragraph holds no blocks, though a page without a doctype may have a table in one."""
        self._break()
        self._end_breaks()
        if self._paragraph is not None:
            begin, depth = self._paragraph
            self.html[begin], self._open_tags[depth] = "<div>", "div"
            self._paragraph = None

    def _end_breaks(self) -> None:
        while self.html[-1:] == ["<br>"]:
            self.html.pop()

    def _close(self, opened: _Opened) -> None:
        tag = self._open_tags.pop()
        self._preformatted -= tag == "pre"
        if tag == "p":
            self._paragraph = None
        if tag in _BLOCKS:
            self._break()
            self._end_breaks()
        # an empty cell keeps its place in the row
        if self._seen == opened.seen and tag not in ("td", "th") and not self._preformatted:
            del self.html[opened.begin :]
            if opened.in_line and not self._line and self.html[-1:] != ["<br>"]:
                self.html.append("<br>")  # the line ended with what is not written
        else:
            self.html.append(f"</{tag}>")

    def _link(self, node: LexborNode) -> str | None:
        href = (node.attributes.get("href") or "").strip()
        if href.lower().startswith(("mailto:", "tel:")):
            return href
        url = absolute(href, self._base_url)
        if url:
            self._offer(attachment(url, " ".join(node.text().split()), label=sudy_title(node)))
        return url

    def _offer(self, file: Attachment | None) -> None:
        if file:
            self.attachments.setdefault(file.url, file)

    def _line_break(self, tag: str) -> None:
        begins_block = not self._line and self.html[-1:] != ["<br>"]
        self._break()
        if tag == "hr":
            self.html.append("<hr>")
        elif not begins_block and self.html[-2:] != ["<br>", "<br>"]:
            self.html.append("<br>")

    def _picture(self, node: LexborNode) -> None:
        self._pictures += 1
        url = picture(node.attributes, self._base_url) if self._pictures <= _MOST_PICTURES else None
        if url:
            alt = " ".join((node.attributes.get("alt") or "").split())
            self.html.append(f'<img src="{escape(url)}" alt="{escape(alt)}">')
            self.images.setdefault(url)
            self._seen += 1

    def _play(self, played: Player) -> None:
        """A film in its place, or a link to where it plays. The link is no text of the page, so no line."""
        if played.kind == "formula":
            self._text(played.title)
            return
        url = escape(played.url)
        if played.kind in ("video", "audio"):
            self._seen += 1
            self._break()
            self.html.append(f'<{played.kind} controls="" src="{url}"></{played.kind}>')
            return
        if not has_place("a", self._open_tags):
            return
        self._seen += 1
        if played.kind == "file":
            self._offer(attachment(played.url, played.title) or Attachment(played.url, played.title))
        self._begin_block()
        before, after = _CELLS.get(self._open_tags[-1] if self._open_tags else "", ("", ""))
        self.html.append(f'{before}<figure><a href="{url}">{escape(played.title)}</a></figure>{after}')
