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


def remnant(line: str) -> bool:
    """Whether *line* is what is left of a line about the article: a sign, ``]次``, the buttons after 字号 and 打印."""
    return len(line) <= _SHORT and _REMNANT.fullmatch(line) is not None


def bare(line: str) -> str:
    """*line* without white space and without the signs that join it to its neighbours in a breadcrumb."""
    return squeezed(line).strip(_SIGNS)


def is_name(words: str) -> bool:
    """Whether *words* end as the names of offices, columns and sites do: 处, 学院, 公告, 新闻网."""
    return _SITE_NAME.search(words) is not None


def standing(words: str, document: str) -> tuple[bool, bool, int] | None:
    """How well *words*, a whole part of the ``<title>`` *document* between its signs, would do as the article's title.

    More is better; None where they are no such part. Both are squeezed. The name of an office or column does worst, a
    part from the middle worse than the first and the last, and of those the longer is better.
    """
    place = document.find(words) if words else -1
    if place < 0:
        return None
    end = place + len(words)
    begins = place == 0 or (len(words) >= _SHORTEST_END and _BETWEEN.match(document[place - 1]))
    ends = end == len(document) or (place == 0 and len(words) >= _LONG) or _BETWEEN.match(document[end])
    if not begins or not ends:
        return None
    return not _SITE_NAME.search(words), place == 0 or end == len(document), len(words)


_LONGEST = 120
_SIGNS = "-—–>＞»›→|｜/\\·•<«_ \u3000\xa0"
_SHORTEST_END = 4  # characters
_SHORT = 8  # characters; as long as the name of a column
_LONG = 10  # a line so long that begins <title> is the title, whatever follows
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
    r"(?:发布|发表|发稿|编稿|更新|录入|添加|创建|上传|撰写|修改)\s*(?:时间|日期|于|者|人)"
    r"|(?:浏览|点击|阅读|访问)\s*(?:次|量|数|\s*[:：\d])|\d\s*次\s*(?:浏览|点击|阅读|访问)"
    r"|(?:信息|文章|稿件|新闻)来源\s*[:：]|发布(?:单位|部门|机构)\s*[:：]"
    r"|(?<![\u4e00-\u9fff])(?:来\s*源|作\s*者|日\s*期|时\s*间|编\s*辑|字\s*[体号])\s*[:：]"
    r"|^\W{0,3}(?:19|20)\d\d\s?[-/.年]\s?\d{1,2}|位置\s*[:：]|当前位置|您的位置|现在位置|分享到"
)
_REMNANT = re.compile(
    r"\W*(?:\d{0,7}\s*次(?:浏览|点击|阅读|访问)?|大|中|小|特大|超大|打印|打印本页|打印此页|关闭|收藏|复制|返回)?\W*"
)
_PLACE = re.compile("位置|分享")


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
    """Whether *headline* is the site's name or a column's, and ``<title>`` says nothing but such names."""
    if not _SITE_NAME.search(squeezed(headline)):
        return False
    return all(_SITE_NAME.search(squeezed(part)) for part in _SEPARATOR.split(document) if part.strip())


def _headline(document: str, lines: Sequence[str], links: Collection[str]) -> str | None:
    """The line, or run of lines, that does best as the part of ``<title>`` that is the title; the last of equals."""
    whole = squeezed(document)
    stem = _CUT.sub("", whole)
    best, best_standing = None, (False, False, 1)
    for text, run in _runs(lines, whole):
        words = run.strip(_SIGNS)
        if len(words) <= _SHORT and words in links and words != whole:
            continue
        continues = stem != whole and len(stem) > 5 and words.startswith(stem)
        found = (True, True, len(words)) if continues else standing(words, whole)
        if found and found >= best_standing:
            best, best_standing = text.strip(_SIGNS), found
    return best


def _runs(lines: Sequence[str], whole: str) -> Iterator[tuple[str, str]]:
    """Every line, and with it those that go on with the title: it may stand in several elements. Each also squeezed."""
    for number, line in enumerate(lines):
        words, run = squeezed(line), line
        yield run, words
        if words and words in whole:
            for following in lines[number + 1 : number + 5]:
                words += squeezed(following)
                begins = whole.startswith(words) and not following.startswith(">")
                if words not in whole or (following.startswith(tuple(_SIGNS)) and not begins):
                    break
                run = f"{run} {following}" if run.isascii() else run + following
                yield run, words


def _line_above(headings: Collection[str], before: Sequence[str], links: Collection[str]) -> str | None:
    """The line above the one about date and source; without such a one the heading between article and links."""
    phrase, told = None, False
    for number in range(len(before) - 1, max(len(before) - _NEAR, 0) - 1, -1):
        line = before[number]
        words = squeezed(line)
        if about(line):
            if _PLACE.search(line) and phrase:
                break
            if not told and not _PLACE.search(line):
                phrase, told = None, True  # what stands between that line and the article is no title
            continue
        if len(words) > _LONGEST or (len(words) <= _SHORT and words in links):
            continue
        if remnant(line) or words.isdecimal() or "。" in line:
            continue
        heading = next((run for run in _joined(before[number:]) if squeezed(run) in headings), None)
        if heading and (not phrase or not told or phrase in heading):
            return heading
        if words in links:
            break
        near = told or len(words) > _SHORT or (number == len(before) - 1 and len(words) > _SHORTEST_END)
        if not phrase and near and not _SITE_NAME.search(words) and line[0] not in "—(（":
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
