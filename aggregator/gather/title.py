"""What ``<title>``, the headings and the lines above an article say -> its title, without site and column.

Takes texts; knows no trees and no rules.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence


def find_title(
    document: str,
    *,
    named: Sequence[str],
    before: Sequence[str],
    body: Sequence[str],
    headings: Iterable[str],
    links: Collection[str],
) -> str | None:
    """The title of the article, white space in it single; None where nothing says it.

    *document*: the text of ``<title>``. *named*: what rules and ``<meta>`` call the title, the trusted first. *before*
    and *body*: the lines above the article and its own. *headings*: the texts of the page's headings, looked at where
    ``<title>`` does not help. *links*: the texts of its links, squeezed: a short line among them names a column.
    """
    fitting = next((text for text in named if _fits(text, document, links)), None)
    if fitting:
        return _tidy(fitting)
    headline = _headline(document, [*before[-_CLOSE:], *body[:2]], links) or _headline(
        document, before[:-_CLOSE], links
    )
    if headline and not _may_be_a_name(headline, document):
        return _tidy(headline)
    above = _line_above({squeezed(heading) for heading in headings}, before, links)
    for text in (*named[:1], above, headline):
        if text:
            return _tidy(text)
    return _tidy(_without_site(document, {*map(squeezed, before), *links})) or None


def squeezed(text: str) -> str:
    """*text* without white space: what remains the same however a page is set."""
    return "".join(text.split())


def about(line: str) -> bool:
    """Whether *line* tells of the article, not what it tells: a date, a source, a click count."""
    return len(line) <= _LONGEST and _ABOUT.search(line) is not None


_LONGEST = 120
_SHORT = 8  # characters; as long as the name of a column
_LONG = 10  # a line so long that begins <title> is the title, whatever follows
_NAME = 6
_CLOSE = 60  # lines above the article, where its title is looked for first
_NEAR = 15  # lines between heading and article
_CUT = re.compile(r"(?:\.{2,}|…+)$")
_BETWEEN = re.compile(r"[\-_—–|·:：<>«»,，~/\\（(【\[﹣－]")
_SEPARATOR = re.compile(r"\s*[_|｜]\s*|\s*[-—–－·«»<>]{1,3}\s*")
_SITE_NAME = re.compile(
    r"^.{0,14}(?:大学|学院|学校|中学|研究院|研究所|中心|图书馆|医院|处|部|办公室|网|网站|首页|平台|委员会|新闻|公告|动态|主页|欢迎您?"
    r"|university|college|school|institute|home|news)$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:发布|发表|发稿|更新|录入|添加)\s*(?:时间|日期|于|者|人)|(?:浏览|点击|阅读|访问)\s*(?:次|量|数|\s*[:：\d])"
    r"|(?<![\u4e00-\u9fff])(?:来\s*源|作\s*者|日\s*期|时\s*间|编\s*辑|字\s*[体号])\s*[:：]"
    r"|^\W{0,3}(?:19|20)\d\d\s?[-/.年]\s?\d{1,2}|当前位置|您的位置|现在位置|分享到"
)


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _fits(text: str, document: str, links: Collection[str]) -> bool:
    """Whether ``<title>`` begins or ends with *text*, as far as it was not cut, and *text* is no column's name."""
    words, whole = squeezed(text), squeezed(document)
    if not words or (len(words) <= _SHORT and words in links and words != whole):
        return False
    stem = _CUT.sub("", whole)
    return whole.startswith(words) or whole.endswith(words) or (stem != whole and words.startswith(stem))


def _may_be_a_name(headline: str, document: str) -> bool:
    """Whether *headline* is the site's name, all that ``<title>`` says on some pages, or a column's."""
    words = squeezed(headline)
    return _SITE_NAME.search(words) is not None and (len(words) <= _NAME or words == squeezed(document))


def _headline(document: str, lines: Sequence[str], links: Collection[str]) -> str | None:
    """The longest line, or run of lines, that ``<title>`` begins or ends with; the last of equals."""
    whole = squeezed(document)
    stem = _CUT.sub("", whole)
    best, length = None, 1
    for text in _runs(lines, whole):
        words = squeezed(text)
        if len(words) < length or (len(words) <= _SHORT and words in links and words != whole):
            continue
        begins = whole.startswith(words) and (
            len(words) >= _LONG or len(words) == len(whole) or _BETWEEN.match(whole[len(words)])
        )
        ends = len(words) > 5 and whole.endswith(words) and _BETWEEN.match(whole[: -len(words)][-1:])
        continues = stem != whole and len(stem) > 5 and words.startswith(stem)
        if begins or ends or continues:
            best, length = text, len(words)
    return best


def _runs(lines: Sequence[str], whole: str) -> Iterator[str]:
    """Every line, and with it those that go on with the title: it may stand in several elements."""
    for number, line in enumerate(lines):
        yield line
        words, run = squeezed(line), line
        if words and words in whole:
            for following in lines[number + 1 : number + 5]:
                words += squeezed(following)
                if words not in whole:
                    break
                run = f"{run} {following}" if run.isascii() else run + following
                yield run


def _line_above(headings: Collection[str], before: Sequence[str], links: Collection[str]) -> str | None:
    """The heading between the article and the links above it; without one the phrase next above the article."""
    phrase = None
    for number in range(len(before) - 1, max(len(before) - _NEAR, 0) - 1, -1):
        line = before[number]
        words = squeezed(line)
        if about(line) or len(words) > _LONGEST or (len(words) <= _SHORT and words in links):
            continue
        heading = next((run for run in _joined(before[number:]) if squeezed(run) in headings), None)
        if heading:
            return heading
        if words in links:
            break
        if not phrase and len(words) > _SHORT and not _SITE_NAME.search(words):
            phrase = line
    return phrase


def _joined(lines: Sequence[str]) -> Iterator[str]:
    return ("".join(lines[:count]) for count in range(1, min(5, len(lines)) + 1))


def _without_site(document: str, known: Collection[str]) -> str:
    """*document* less the names after its last dashes: the site's, and what stands on the page as a name."""
    title = document.strip()
    while separators := list(_SEPARATOR.finditer(title)):
        last = separators[-1]
        name = title[last.end() :]
        if not last.start() or (name and squeezed(name) not in known and not _SITE_NAME.search(name)):
            break
        title = title[: last.start()]
    return title
