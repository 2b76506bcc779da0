"""An entry into a Hugo post as nankai.info wrote them: YAML front matter, Markdown, a link to the first publication.

Knows no folder and no database; the file is to be called ``<slug>.md``. The only door to markdownify and PyYAML.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from bs4 import BeautifulSoup, Tag
from markdownify import ATX, MarkdownConverter

from aggregator.byline import mended
from aggregator.model import Front, FullEntry
from aggregator.publish import wire

MORE = "<!--more-->"
LEAD_CHARACTERS = 120  # how much text a list of posts shows before "more"
SPAN_LIMIT = 50  # columns or rows that one cell is believed to cover
NUMBER_LIMIT = 1000  # items of a numbered list: markdownify counts anew for each

# markup in the middle of a text for CommonMark (_ inside a word and /~ in an address are not) and {{ for Hugo
MARKUP = re.compile(r"[\\`*<\[\]]|(?<![^\W_])_|_(?![^\W_])|(?<!/)~|&(?=#?\w{1,31};)|\{(?=\{)")
# and what would be at the beginning of a line: quotation, heading, list, underline
LINE_MARKUP = re.compile(r"^([^\S\n]*)(>|#{1,6}(?!\S)|[-+](?!\S)|--+[^\S\n]*$|=+[^\S\n]*$)", re.MULTILINE)
LIST_NUMBER = re.compile(r"^([^\S\n]*[0-9]{1,9})([.)])(?!\S)", re.MULTILINE)
WIDE = r"[\u2e80-\u9fff\uff00-\uffef“”‘’…—]"
# a line break in the source between two wide characters is no space
SOURCE_BREAK = re.compile(rf"(?<={WIDE})\n(?={WIDE})")
BLANK_INDENT = re.compile(r"^[ \n]*(?:\xa0[ \n]*){2,}")
# full-width spaces open a paragraph, also where the page only broke the line
WIDE_INDENT = re.compile(r"(?:^|[^\S\n]*\n)[^\S\n]*\u3000[^\S\n]*")
NOT_TEXT = re.compile(r"!\[图\]\([^)]*\)|\]\([^)]*\)|\s")
TIMES = ("date", "lastmod", "publishDate", "expiryDate", "updated")
WRITTEN_TIME = re.compile(  # YAML 1.1
    r"\d{4}-\d\d-\d\d(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::?\d\d)?))?)?"
)
FENCE = re.compile(r"^\s*```", re.MULTILINE)
# what stands outside of ** so that CommonMark's flanking rule (§6.2) finds a letter inside
EDGES = " \t\r\n\u3000，。、；：？！…—“”‘’（）《》〈〉「」『』【】〔〕·:;,!?\"'"


def render_post(entry: FullEntry, site_name: str, timezone: ZoneInfo, kept: Front | None = None) -> str:
    """The whole text of ``<slug>.md``. ``date`` is the publication in *timezone*, else when we saw it.

    *kept* is what the post said that the entry was imported from: it says so again, but for what has changed since.
    """
    front = _front(entry, site_name, timezone)
    if kept is not None:
        front = _said_again(kept, entry, front, timezone)
    head = yaml.dump(front, Dumper=_FrontMatter, allow_unicode=True, sort_keys=False, width=float("inf"))
    text = _body(entry)
    blocks = [*_with_more(text), *_files(entry, text), f"[转入文章首发地址]({destination(entry.url)})"]
    return f"---\n{head}---\n\n" + "\n\n".join(blocks) + "\n"


def body(entry: FullEntry) -> list[str]:
    """The Markdown blocks of the text, and of the files that it does not link."""
    text = _body(entry)
    return [*text, *_files(entry, text)]


def _front(entry: FullEntry, site_name: str, timezone: ZoneInfo) -> dict[str, Any]:
    university = wire.one_line(entry.source.university)
    return {
        "title": f"{university}->{wire.title(entry)} | {site_name}",
        "date": wire.utc(entry.published or entry.seen_at).astimezone(timezone),
        "urlname": entry.slug,
        "slug": entry.slug,
        "tags": [wire.one_line(tag) for tag in entry.tags],
        "categories": [site_name, university],
        "authorbox": False,
        "sidebar": False,
    }


def _said_again(kept: Front, entry: FullEntry, ours: dict[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    """The front matter as it stood; title, date and tags are *ours* where the entry has others by now."""
    front = dict(kept.values)
    front |= {key: _Time(front[key]) for key in TIMES if isinstance(front.get(key), str)}
    if wire.title(entry) != wire.one_line(kept.title):
        front["title"] = ours["title"]
    moments = {wire.utc(at) for at in (entry.published, entry.seen_at) if at}
    if _moment(kept.values.get("date"), timezone) not in moments:
        front["date"] = ours["date"]
    said = kept.values.get("tags") or []
    said = said if isinstance(said, list) else [said]
    if {wire.one_line(str(tag)) for tag in said} != set(ours["tags"]):
        before = [tag for tag in map(str, said) if tag in ours["tags"]]
        front["tags"] = list(dict.fromkeys([*before, *ours["tags"]]))
    return front


def _moment(said: object, timezone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(said))
        return wire.utc(moment if moment.tzinfo else moment.replace(tzinfo=timezone))
    except (ValueError, OverflowError):  # the latter: a day at the end of all years
        return None


class _Time(str):
    """A time as it was written: no text that has to be quoted."""

    __slots__ = ()


class _FrontMatter(yaml.SafeDumper):
    """YAML with times as RFC 3339, which Hugo reads, and quoted whatever YAML 1.2 would take for a number."""


def _time(dumper: yaml.SafeDumper, time: datetime) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", time.isoformat())


def _written_time(dumper: yaml.SafeDumper, time: _Time) -> yaml.ScalarNode:
    is_time = WRITTEN_TIME.fullmatch(time)
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'timestamp' if is_time else 'str'}", str(time))


_FrontMatter.add_representer(datetime, _time)
_FrontMatter.add_representer(_Time, _written_time)
# PyYAML speaks YAML 1.1, where 12e34, as a slug may read, is text
_FrontMatter.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _files(entry: FullEntry, text: list[str]) -> list[str]:
    shown = "\n".join(text)
    links = [
        f"[{escaped(wire.one_line(attachment.title)) or '附件'}]({destination(attachment.url)})"
        for attachment in entry.attachments
    ]
    return [link for link in dict.fromkeys(links) if link.partition("](")[2] not in shown]


def _body(entry: FullEntry) -> list[str]:
    if entry.html:
        soup = BeautifulSoup(wire.writable(entry.html), "html.parser")
        _straighten(soup)
        try:
            return _blocks(_Converter(heading_style=ATX).convert_soup(soup))
        except RecursionError:  # nested deeper than markdownify can go; the text says the same
            pass
    lines = map(wire.one_line, (entry.text or entry.summary).split("\n"))
    return [escaped(line) for line in lines if line]


def _blocks(markdown: str) -> list[str]:
    """*markdown* cut at its blank lines, but not inside a list or a code block."""
    markdown = WIDE_INDENT.sub("\n\n", markdown)
    markdown = mended(markdown)
    # a shortcode that Hugo does not know would stop the building of the whole site
    markdown = markdown.replace("{{<", "{ {<").replace("{{%", "{ {%")
    blocks: list[str] = []
    in_code = False
    for piece in re.split(r"\n(?:[ \t]*\n)+", markdown.strip("\n")):
        if blocks and (in_code or piece.startswith(" ")):
            blocks[-1] += "\n\n" + piece
        elif piece.strip():
            blocks.append(piece if piece.startswith("```") else piece.rstrip().replace("****", ""))
        in_code ^= len(FENCE.findall(piece)) % 2 == 1
    return blocks


def _with_more(blocks: list[str]) -> list[str]:
    """*blocks* with MORE after the first ones that hold enough text, always between two of them where there are two."""
    length = position = 0
    while position < len(blocks) - 1 and length < LEAD_CHARACTERS:
        length += len(NOT_TEXT.sub("", blocks[position]))
        position += 1
    return [*blocks[: position or 1], MORE, *blocks[position or 1 :]]


def destination(url: str) -> str:
    """*url* as it may stand between the brackets of a Markdown link."""
    return wire.address(url).replace("(", "%28").replace(")", "%29")


def escaped(text: str) -> str:
    """Plain *text* as Markdown that shows it as it is."""
    text = MARKUP.sub(r"\\\g<0>", text)
    text = LINE_MARKUP.sub(r"\1\\\2", text)
    return LIST_NUMBER.sub(r"\1\\\2", text)


def _straighten(soup: BeautifulSoup) -> None:
    """Makes tables what Markdown can say: one that only lays out becomes blocks, spanned cells become blank ones."""
    for listing in soup.find_all("ol"):
        if not re.fullmatch(r"[0-9]{1,9}", str(listing.get("start", "1"))):
            del listing["start"]
        if len(_children(listing, "li")) > NUMBER_LIMIT:
            listing.name = "ul"
    for table in reversed(soup.find_all("table")):  # inner ones first
        sections = [table, *_children(table, "thead", "tbody", "tfoot")]
        rows = [row for section in sections for row in _children(section, "tr")]
        cells = [_children(row, "td", "th") for row in rows]
        if table.find("table") or max(map(len, cells), default=0) < 2:
            for part in (*sections, *rows, *(cell for row in cells for cell in row)):
                part.name = "div"
        else:
            _fill_spans(soup, rows)


def _children(parent: Tag, *names: str) -> list[Tag]:
    return [child for child in parent.children if isinstance(child, Tag) and child.name in names]


def _fill_spans(soup: BeautifulSoup, rows: Sequence[Tag]) -> None:
    """Puts a blank cell wherever one of an earlier row reaches down."""
    covered: dict[int, int] = {}  # column -> rows still to cover
    for row in rows:
        column = 0
        for cell in _children(row, "td", "th"):
            while covered.get(column):
                covered[column] -= 1
                column += 1
                cell.insert_before(soup.new_tag(cell.name))
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            cell["colspan"] = str(width)
            for reached in range(column, column + width):
                covered[reached] = height - 1
            column += width
        while covered.get(column):
            covered[column] -= 1
            column += 1
            row.append(soup.new_tag("td"))


def _span(cell: Tag, name: str) -> int:
    said = str(cell.get(name, ""))
    return min(max(int(said), 1), SPAN_LIMIT) if re.fullmatch(r"[0-9]{1,9}", said) else 1


def _emphasis(mark: str) -> Callable[["_Converter", Tag, str, set[str]], str]:
    """Puts *mark* around the letters and leaves the punctuation outside; none where it would show as asterisks."""

    def convert(self: "_Converter", el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG001
        core = text.strip(EDGES)
        if "_noformat" in parent_tags or not core or "\n\n" in core or not (core[0] + core[-1]).isalnum():
            return text
        before, _, after = text.partition(core)
        return f"{before}{mark}{core}{mark}{after}"

    return convert


def _media(label: str) -> Callable[["_Converter", Tag, str, set[str]], str]:
    """What Markdown cannot play becomes a link called *label*."""

    def convert(self: "_Converter", el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG001
        source = el if el.get("src") else el.find("source", src=True)
        return f"[{label}]({destination(str(source['src']))})" if isinstance(source, Tag) else ""

    return convert


class _Converter(MarkdownConverter):
    """markdownify, told what Chinese pages and CommonMark need."""

    convert_b = convert_strong = _emphasis("**")
    convert_i = convert_em = _emphasis("*")
    convert_video = convert_iframe = _media("视频")
    convert_audio = _media("音频")
    # CommonMark has no definition lists, and would take an indented one for code
    convert_dt = convert_dd = MarkdownConverter.convert_div  # type: ignore[attr-defined]

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: ARG002
        source = str(el.get("src") or "")
        return f"![图]({destination(source)})" if source else ""

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if el.get("href"):
            el["href"] = destination(str(el["href"]))
        text = re.sub(r"\s*\n\s*", " ", text)
        return str(super().convert_a(el, text, parent_tags))  # type: ignore[misc]  # its types leave this out

    def process_text(self, el: Tag, parent_tags: set[str]) -> str:
        text = str(super().process_text(el, parent_tags))  # type: ignore[misc]
        return text if "pre" in parent_tags else SOURCE_BREAK.sub("", text).replace("\n", " ")

    def escape(self, text: str, parent_tags: set[str]) -> str:
        text = escaped(BLANK_INDENT.sub("\u3000", text).replace("\xa0", " "))
        return text.replace("|", r"\|") if parent_tags & {"td", "th"} else text
