"""The text of an article into a summary: its first whole sentences, without dateline and byline.

Takes sentences as they stand and writes none of its own. Knows no HTML and no language model.
"""

import re
import sys
from collections.abc import Iterator

MOST_SENTENCES = 3
LONGEST_SENTENCE = 400  # characters; a longer one is cut at a clause where there is no other
LEAD = 1000  # characters: what stands further down is not the lead

# whose report it is; between brackets only where such a word comes first, so that （摄影类） in a sentence stays
ROLE = (
    r"(?:本报|本网|本站|校报|学生|见习|实习|特约|全媒体)?"
    r"(?:记者|通讯员|摄影|摄像|撰稿|撰文|供稿|供图|作者|文字|图片|编辑|责编|审核|来源|[文图摄][/／、·和]?[图文摄影]{0,2}(?=[\s:：/／|丨]))"
)
BYLINE = re.compile(rf"[（(【\[]\s*{ROLE}[^（）()【】\[\]]{{0,80}}[）)】\]]")
BROKEN_BYLINE = re.compile(rf"([（(]\s*{ROLE}[^（）()\n]{{0,60}})\s*\n\s*([^（）()\n]{{1,60}}[）)])")
LEADING_BYLINE = re.compile(rf"\s*{BYLINE.pattern}[\s:：]*")
TRAILING_BYLINE = re.compile(rf"\s*{BYLINE.pattern}\s*$")
# 南开新闻网讯, 本网讯, 我校讯（…）; not 通讯工程学院
REPORT = re.compile(
    r"[^\s，。：；！？（）()]{0,12}(?:新闻网|新闻中心|本网|本报|本站|本刊|校报|网站)\s?讯(?!息)[\s:：]*"
    r"|[^\s，。：；！？（）()]{1,14}(?<![通资短简快])讯(?:[\s:：]+|(?=[（(]))"
)
# 【南开新闻网讯】, （本网讯）, 【南开新闻网】
BRACKETED_REPORT = re.compile(
    r"[【\[（(〔]\s*[^\s，。：；！？（）()【】\[\]〔〕]{0,14}(?:(?<![通资短简快喜])讯|新闻网|新闻中心)\s*[】\]）)〕][\s:：]*"
)
# after a dateline: 本网讯（党委宣传部）
SENDER = re.compile(r"[（(][^（）()，。、\d]{2,16}[）)]\s*")
# 央视网消息：, 央视网消息（记者 李明）：, 来源：新华网
MEDIUM = re.compile(
    r"(?:央视网|新华网|人民网|光明网|中新网|央广网|本网|本报|本台|本站)消息(?:[:：]\s*|(?=[（(]))|来源[:：]\s?[^\s，。：；]{2,16}\s+"
)
# 新华社北京3月1日电, 中新网天津3月1日电, 南开大学9月18日讯
AGENCY = re.compile(
    r"[^\s，。：；！？（）()]{2,14}?\s?(?:[0-9]{1,2}月)?[0-9]{1,2}日\s?[电讯](?=[\s:：（(])[\s:：]*|"
    r"(?:新华社|中新社|中新网|人民网|新华网)[^\s，。：；！？（）()]{0,8}[0-9]{1,2}月[0-9]{1,2}日[电讯]题?[\s:：]*|"
    r"据?(?:新华社|中新社)电[\s:：]+"
)
HEADED = re.compile(r"题[:：]\s*")  # what an agency writes before the headline, after its dateline
# after a dateline, without brackets: 记者李明 通讯员王芳; each ends with a blank
NAMED = re.compile(
    r"(?:(?:本报|本网|学生|见习|实习)?(?:记者|通讯员)\s?(?![从在昨今近日获])[\u4e00-\u9fff]{2,4}(?:[、·][\u4e00-\u9fff]{2,4}){0,3}\s+)+"
)
GIVEN = re.compile(r"[（(][^（）()，。]{1,20}(?:供稿|供图|撰稿|摄影报道)[）)][\s:：]*")
ENGLISH_BYLINE = re.compile(r"\((?:Reporters?|Correspondents?|Editors?|By|Text|Photos?)[: ][^()]{1,80}\)\s*")
# 新华社北京3月1日电,
# TIANJIN, March 1 (Xinhua) --
ENGLISH_DATELINE = re.compile(
    r"[A-Z]{3}[A-Z .'-]*(?:, [A-Z][a-z]+)?(?:, [A-Z][a-z]+\.? [0-9]{1,2})?(?:, [0-9]{4})?(?:\s\([A-Za-z ]{2,30}\))?"
    r"\s(?:--|—|–)\s"
    # Beijing, March 1 (Xinhua) --
    r"|[A-Z][A-Za-z .'-]{1,30}, [A-Z][a-z]+\.? [0-9]{1,2}(?:, [0-9]{4})?\s\([A-Za-z ]{2,30}\)\s(?:--|—|–)\s"
)
DATELINES = (
    ENGLISH_BYLINE,
    GIVEN,
    LEADING_BYLINE,
    BRACKETED_REPORT,
    MEDIUM,
    AGENCY,
    REPORT,
    ENGLISH_DATELINE,
    LEADING_BYLINE,
)
# what all of them share; most lines are none, and this is quicker to see
MAY_HAVE_DATELINE = re.compile(r"[（(【\[〔A-Z]|来源|[^，。；！？]{0,40}(?:[电讯]|消息)")
# a line of its own that tells who, when and how often read, and nothing of the news
CREDIT = re.compile(
    rf"(?:{ROLE}|发布时间|发布日期|发布者|发布人|浏览次数|浏览量|点击次数|点击数|点击量|阅读次数|阅读量|字号|责任编辑"
    r"|Author|Editor|Source|Photo|Posted)\s*[:：/／|丨\s][^。！？]{0,80}|By (?:[A-Z][\w.'-]+ ?){2,4}"
)
# 时间：…, 地点：…: how a lecture or a defence is announced
KEYED = re.compile(r"[^\s：:，。]{2,8}[：:]\s*\S.{0,100}")

ENUMERATOR = re.compile(r"[（(]?\d{1,3}\.")
OTHER_MARKS = "！？!?."
CLOSING = "”’」』）)】》\"'"
# begins with one class of characters, which the engine looks for much faster than for several alternatives
END = re.compile(
    rf"[。{OTHER_MARKS}](?:(?<=[。！？])[。！？!?]*[{CLOSING}]*"
    # ASCII marks end a sentence only before a space or a wide character: not in 3.14, not in an address
    rf"|(?<=[!?])[!?]*[{CLOSING}]*(?=\s|$|[\u2e80-\u9fff“「])"
    rf"|(?<=\.)\.*[{CLOSING}]*(?=\s|$))"
)
ABBREVIATION = re.compile(
    r"(?:^|[\s(“\"])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|Jr|Sr|Co|Ltd|Inc|Fig|Vol|pp|al|Univ|Dept|Ph\.D|[A-Za-z](?:\.[A-Za-z])+)\.$"
)
SPOKEN = {"“": "”", "「": "」", "『": "』"}
PAIRS = SPOKEN | {"（": "）", "【": "】"}
PAIRED = re.compile(f"[{''.join(PAIRS)}{''.join(PAIRS.values())}]")
BRACKETS = "）】)"
CLAUSE = re.compile(r"[，；、,;](?!\d)")


def summarize(text: str, limit: int = 160) -> str:
    """One to three sentences from the beginning of *text* (one block a line), together at most *limit* characters.

    A first sentence longer than *limit* is kept whole up to LONGEST_SENTENCE characters; one that is longer still makes
    room for the next. A text without a sentence, or one that opens with lines like ``时间：…``, gives its first lines;
    an empty text gives "".
    """
    lines = _lines(text[:LEAD])
    heads: list[str] = []  # lines before the first sentence
    lead: list[str] = []
    for line in lines:
        parts = sentences(line, MOST_SENTENCES - len(lead))
        if not parts and not lead:
            heads.append(line)
            continue
        if not lead and sum(1 for head in heads if KEYED.fullmatch(head)) >= 2:
            return _join([*heads, line, *lines], limit, between=" ")
        lead += parts
        if len(lead) == MOST_SENTENCES or not parts or not line.endswith(parts[-1]):
            break  # enough; or a heading or "as follows:", and what comes after does not follow on the sentences before
    lead = [sentence for sentence in lead if len(sentence) <= LONGEST_SENTENCE] or lead
    return _join(lead, limit) if lead else _join(heads, limit, between=" ")


def sentences(line: str, most: int = sys.maxsize) -> list[str]:
    """The whole sentences of one block, in order, at most *most*.

    What has no end mark is none. What stands in “” or （） is not parted, nor are they from the sentence that goes on.
    """
    if line.find("。") == len(line) - 1 and not any(map(line.__contains__, OTHER_MARKS)):
        return [line]  # most are so, and this is quicker to see
    inside: list[bool] | None = None  # made when it is first asked for: most lines end with their first sentence
    found, start = [], 0
    for mark in END.finditer(line):
        end = mark.end()
        closing = line[end - 1]
        if end < len(line):
            inside = inside or _quoted(line)
            if inside[end] or closing in BRACKETS or closing == SPOKEN.get(line[start]):
                continue
        if mark[0].startswith("."):
            is_number = ENUMERATOR.fullmatch(line, start, end)
            if is_number or ABBREVIATION.search(line[max(0, mark.start() - 12) : mark.start() + 1]):
                continue
        found.append(line[start:end])
        start = end + (line[end : end + 1] == " ")
        if len(found) == most:
            break
    return found


def _lines(text: str) -> Iterator[str]:
    """The blocks that tell something, without dateline and byline."""
    if "（" in text or "(" in text:  # most texts have none, and this is quicker to see
        text = BROKEN_BYLINE.sub(r"\1 \2", text)
    for block in text.split("\n"):
        line = " ".join(block.split())
        if not line or CREDIT.fullmatch(line):
            continue
        if line[-1] in "）)】]":
            line = TRAILING_BYLINE.sub("", line)
        line = _without_dateline(line)
        if line:
            yield line


def _without_dateline(line: str) -> str:
    if not MAY_HAVE_DATELINE.match(line):
        return line
    whole = line
    for pattern in DATELINES:
        found = pattern.match(line)
        if found:
            line = line[found.end() :]
    if line != whole:
        for pattern in (HEADED, NAMED, SENDER):
            found = pattern.match(line)
            if found:
                line = line[found.end() :]
    return line.strip()


def _quoted(line: str) -> list[bool]:
    """For each position of *line* whether it stands inside a pair of quotation marks or brackets that is closed."""
    inside = [False] * len(line)
    waiting: list[tuple[str, int]] = []
    for mark in PAIRED.finditer(line):
        character, position = mark[0], mark.start()
        if character in PAIRS:
            waiting.append((PAIRS[character], position))
        elif waiting and character == waiting[-1][0]:
            _, opened = waiting.pop()
            if not waiting:
                inside[opened + 1 : position + 1] = [True] * (position - opened)
    return inside


def _join(parts: list[str], limit: int, between: str = "") -> str:
    """The first of *parts*, and those after it as long as all fit; a space after a sentence in Latin letters."""
    summary = ""
    for part in parts:
        if not summary:
            summary = _bounded(part)
            continue
        space = between or (" " if summary.rstrip(CLOSING)[-1:].isascii() else "")
        if len(summary) + len(space) + len(part) > limit:
            break
        summary += space + part
    return summary


def _bounded(sentence: str) -> str:
    """*sentence*, cut after its last clause that fits where it is longer than LONGEST_SENTENCE."""
    if len(sentence) <= LONGEST_SENTENCE:
        return sentence
    lead = sentence[: LONGEST_SENTENCE - 1]
    clauses = [found.start() for found in CLAUSE.finditer(lead)]
    at = clauses[-1] if clauses else max(lead.rfind(" "), 0) or len(lead)
    return lead[:at].rstrip() + "…"
