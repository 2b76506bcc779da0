"""A response's body in, a hash out that changes with its news and not with what servers write anew for every visitor.

Left out: comments, scripts, styles, hidden fields, counters of visits, the date of today, sessions in links; of a feed,
when it was made. Nothing else: another title, link or date is another hash. Takes time in proportion to the body.
"""

import hashlib
import re

from aggregator.model import Response

# larger bodies are taken as they are: to read one again costs less than to look through all of it
LARGEST = 2_000_000
# a comment may be empty (<!-->), so that its end may share the dashes of its beginning; data in a script is news to a
# page that is made of it
BEGIN = re.compile(
    r"(?P<comment><!(?=--))|(?P<script><script\b(?![^<>]{0,200}(?:json|xml)))|(?P<style><style\b)", re.IGNORECASE
)
END = {
    "comment": re.compile(r"-->"),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
}
# tags that hold a token, or a stylesheet's address with the time in it
TAG = re.compile(r"<(?:input|meta|link)\b[^<>]{0,1000}>", re.IGNORECASE)
PASSING = re.compile(r"type\s*=\s*['\"]?hidden|csrf|stylesheet", re.IGNORECASE)
# spelt out, case and all: a pattern that may begin with a few letters only is found ten times as fast
COUNTED = (
    "点击数|点击量|点击次数|点击|浏览数|浏览量|浏览次数|浏览|阅读数|阅读量|阅读次数|阅读|访问数|访问量|访问次数|访问人数|"
    "在线人数|人气|hits|Hits|views|Views"
)
COUNTER = re.compile(rf"((?:{COUNTED})\s?(?:[:：]\s?(?:<[^<>]{{0,200}}>\s?)?|<[^<>]{{0,200}}>\s?))\d+")
VISITOR = re.compile(r"(您是(?:本站)?第\s?(?:<[^<>]{0,200}>)?)\d+")
BLANK = r"(?:\s|&nbsp;|　){0,3}"
CLOCK = re.compile(
    rf"((?:今天|今日|现在|当前|北京)(?:日期|时间)?(?:是|为)?{BLANK}[:：]?{BLANK})\d{{4}}[年/-]\d{{1,2}}[月/-]\d{{1,2}}日?"
    rf"(?:{BLANK}(?:星期|周)[一二三四五六日天])?(?:{BLANK}\d{{1,2}}:\d{{2}}(?::\d{{2}})?)?"
)
SESSION = re.compile(r"[;?&](?:amp;)?(?i:jsessionid|phpsessid|sessionid|aspsessionid\w*)=[\w.!-]*")
FEED = re.compile(r"<(?:\w+:)?(?:rss|feed|rdf)\b", re.IGNORECASE)
FIRST_ENTRY = re.compile(r"<(?:\w+:)?(?:item|entry)[\s>]", re.IGNORECASE)
# when a feed was made, and with what: the words before its first entry
MADE = re.compile(
    r"<((?:\w+:)?(?:lastBuildDate|pubDate|updated|modified|generator|date))\b[^<>]{0,500}>[^<>]{0,500}</\1>",
    re.IGNORECASE,
)


def fingerprint(response: Response) -> str:
    """SHA-256, in hexadecimal digits, of what the body says."""
    if len(response.body) > LARGEST:
        return hashlib.sha256(response.body).hexdigest()
    text = _text(response.body)
    if FEED.search(text, 0, 2000):
        said = _of_feed(text)
    elif text.lstrip("\ufeff \t\r\n")[:1] == "<":
        said = _of_page(text)
    else:
        said = text
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _of_feed(text: str) -> str:
    first = FIRST_ENTRY.search(text)
    end = first.start() if first else len(text)
    return MADE.sub(r"<\1/>", _seen(text[:end])) + text[end:]


def _of_page(text: str) -> str:
    text = TAG.sub(lambda tag: "" if PASSING.search(tag[0]) else tag[0], _seen(text))
    for pattern in (COUNTER, VISITOR, CLOCK):
        text = pattern.sub(r"\1", text)
    return SESSION.sub("", text) if "sess" in text or "SESS" in text else text


def _seen(text: str) -> str:
    """*text* without its comments, scripts and styles, whichever begins first: one may name another. What never ends
    stays."""
    pieces = []
    position = searched = 0
    endless: set[str] = set()
    while start := BEGIN.search(text, searched):
        searched = start.end()
        kind = start.lastgroup or ""
        stop = None if kind in endless else END[kind].search(text, searched)
        if stop is None:
            endless.add(kind)  # looked for once: it stands nowhere behind this either
            continue
        pieces.append(text[position : start.start()])
        position = searched = stop.end()
    pieces.append(text[position:])
    return "".join(pieces)


def _text(body: bytes) -> str:
    """*body* so that two bodies give the same text only if they are the same."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("gb18030", "surrogateescape")
