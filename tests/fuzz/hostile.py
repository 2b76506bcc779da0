"""Documents that were made to keep a reader busy, each read in a process whose seconds and bytes the kernel counts.

``python -m tests.fuzz.hostile`` reads each in every way and prints a table: document, kind, seconds of CPU, MB, what
became of it. ``--chosen`` reads each only in the ways that it was made for; "SLOW" is more than two seconds.
"""

import argparse
import os
import resource
from collections.abc import Callable

from aggregator.errors import SourceError
from aggregator.model import Response
from tests.fuzz.promises import READERS, URL

STRICT_SECONDS = 2  # what we promise on a machine of today
MOST_SECONDS = 20  # what no machine needs that is not ten times slower; work that grows with the square takes minutes
BYTES = 100_000_000  # above the document
TEN = 10_000_000
NESTED = "div a table font b span select form p ul i svg"
PARAGRAPH = "<p>学校召开春季学期重点工作部署会议，党委书记出席并讲话。</p>"
ROW = '<li><a href="info/{0}.htm">关于举行第{0}次学术报告会的通知</a><span>2025-05-06</span></li>'


def page(inside):
    return f"<!doctype html><html><head><title>通知公告</title></head><body>{inside}</body></html>".encode()


def feed(items):
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>新闻</title>{items}</channel></rss>'.encode()


def nested(tag, closed=False):
    one = f"<{tag}>" + (f"</{tag}>" if closed else "")
    return page(one * (TEN // len(one)))


MARKUP: dict[str, Callable[[], bytes]] = {
    **{f"10 MB of <{tag}>": lambda tag=tag: nested(tag) for tag in NESTED.split()},
    **{f"10 MB of <{tag}></{tag}>": lambda tag=tag: nested(tag, closed=True) for tag in ("div", "a", "b")},
    "10 MB of <p><b>": lambda: page("<p><b>学" * (TEN // 9)),
    "10 MB of <p><a href=1>": lambda: page("<p><a href=1>学" * (TEN // 16)),
    "10 MB of <table><tr><td>": lambda: page("<table><tr><td>" * (TEN // 15)),
    "10 MB of <ul><li>": lambda: page("<ul><li>" * (TEN // 8)),
    "10 MB of NULs": lambda: b"\0" * TEN,
    "10 MB of FF": lambda: b"\xff" * TEN,
    "10 MB of noise": lambda: bytes(range(256)) * (TEN // 256),
    "200,000 attributes": lambda: page("<div " + " ".join(f"a{n}=1" for n in range(200_000)) + ">" + PARAGRAPH * 9),
    "15,000 attributes in 99 kB": lambda: page("<div " + " ".join(f"a{n}" for n in range(15_000)) + ">学"),
    "900 attributes a tag": lambda: page(("<p " + " ".join(f"a{n}" for n in range(900)) + ">学") * 1_500),
    "an open comment of 5 MB": lambda: page(PARAGRAPH * 9 + "<!--" + "<p>-" * 1_250_000),
    "an open script of 5 MB": lambda: page(PARAGRAPH * 9 + "<script>" + "var a = '<p>';" * 350_000),
    "5 MB of &": lambda: page("&" * 5_000_000),
    "5 MB of <": lambda: page("<" * 5_000_000),
    "5 MB of </": lambda: page("</" * 2_500_000),
}  # fmt: skip
LISTS: dict[str, Callable[[], bytes]] = {
    "3,000 lists in one another": lambda: page('<ul><li><a href="a.htm">学术报告会的通知</a>' * 3_000),
    "100,000 links": lambda: page("".join(map(ROW.format, range(100_000)))),
    "100,000 links to one page": lambda: page('<li><a href="a.htm">关于举行学术报告会的通知</a></li>' * 100_000),
    "39,000 links": lambda: page("".join(map(ROW.format, range(39_000)))),
    "20,000 links in one paragraph": lambda: page("<p>" + "".join(f"<a href={n}>学{n}</a>，" for n in range(20_000))),
    "a line of 5 MB in rows": lambda: page((ROW.format(1) + "学校召开会议，" * 10_000) * 20),
    "50,000 dated cells": lambda: page("<table>" + "<tr><td><a href=a>学</a><td>2025-05-06</tr>" * 25_000),
    "links in one another": lambda: page("<a href=1>学校召开会议<table><tr><td>" * 1_900),
    "a title of 1 MB beside 30,000 words": lambda: page(
        "<li><a href=1>" + "学校召开会议" * 50_000 + "</a>" + "<i>学校</i>" * 30_000
    ),
    "a date behind 50,000 texts": lambda: page("<li><a href=1>学校召开会议</a>" + "<i>学校</i>" * 50_000 + "2025-05-06"),
}  # fmt: skip
ARTICLES: dict[str, Callable[[], bytes]] = {
    "3,900 <div> in one another": lambda: page("<div>" * 3_900 + PARAGRAPH * 20),
    "a line of 5 MB": lambda: page("学校召开重点工作部署会议，" * 130_000),
    "a title of 5 MB": lambda: page("<h1>" + "学校召开会议" * 280_000 + "</h1>" + PARAGRAPH),
    "a page of NULs": lambda: page("\0" * 5_000_000 + PARAGRAPH * 20),
    "UTF-16 declared": lambda: page('<meta charset="utf-16">' + PARAGRAPH * 50_000),
    "GBK declared as UTF-8": lambda: page('<meta charset="utf-8">' + PARAGRAPH * 50_000).decode().encode("gbk"),
    "an attribute of 1 MB": lambda: page(f'<a href="{"a" * 1_000_000}">学术报告会的通知</a>' + PARAGRAPH * 9),
    "1 MB of style": lambda: page(f'<div style="{"display:" * 125_000}">' + PARAGRAPH * 9),
    "a comment of 5 MB": lambda: page("<!--" + "x" * 5_000_000 + "-->" + PARAGRAPH * 9),
    "155,000 comments": lambda: page("<!-- x -->学" * 155_000),
    "155,000 <br>": lambda: page("学<br>" * 155_000),
    "50,000 table cells": lambda: page("<table>" + "<tr><td>学校</td><td>会议</td></tr>" * 25_000 + "</table>"),
    "500,000 entities": lambda: page("&nbsp;&#23398;&amp;&lt;" * 125_000),
    "a page of dates": lambda: page("<p>2025-05-06 08:05 3天前 " * 100_000),
    "a page of labels": lambda: page("<p>发布时间：作者：来源：" * 100_000),
    "a page of headings": lambda: page("<h1>学校召开会议</h1>" * 75_000 + PARAGRAPH * 20),
    "a page of pictures": lambda: page("<p><img src=a.png>学</p>" * 50_000),
    "a page of tabs": lambda: page(PARAGRAPH * 9 + " \t\n" * 2_000_000 + PARAGRAPH),
    "a picture of 5 MB in the page": lambda: page(f'<p><img src="data:image/png;base64,{"A" * 5_000_000}">{PARAGRAPH * 9}'),
    "30,000 hidden blocks": lambda: page('<div style="display:none">学校</div>' * 30_000 + PARAGRAPH * 9),
}  # fmt: skip
FEEDS: dict[str, Callable[[], bytes]] = {
    "a feed of 100,000 items": lambda: feed("<item><title>学</title><link>a</link></item>" * 100_000),
    "a feed of one item of 9 MB": lambda: feed(
        f"<item><link>a</link><description><![CDATA[{PARAGRAPH * 100_000}]]></description></item>"
    ),
    "a feed in one another": lambda: feed("<item>" * 1_000_000),
    "a broken feed": lambda: feed("<item><title>学 & 校</title><link>a?b=1&c</link></item>" * 20_000),
    "a broken feed of tags": lambda: feed("& " + "<a><b>" * 150_000),
    "a feed of entities": lambda: b'<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;") for n in range(9)
    ) + b"]>" + feed("<item><title>&a8;</title></item>"),
    "a JSON feed of brackets": lambda: b"[" * 5_000_000,
    "a JSON feed of a number": lambda: b'{"version": "https://jsonfeed.org/version/1", "items": [' + b"9" * 5_000_000,
    "a JSON feed of 50,000 items": lambda: b'{"version": "https://jsonfeed.org/version/1", "items": ['
    + b'{"id": "a", "content_html": "<p>"},' * 50_000
    + b'{"id": "b", "content_html": "<p>"}]}',
}  # fmt: skip
DOCUMENTS = {**MARKUP, **LISTS, **ARTICLES, **FEEDS}
CHOSEN = [
    *(("list", name) for name in MARKUP),
    *((kind, name) for kind in ("list", "ruled list") for name in LISTS),
    *(("article", name) for name in ARTICLES),
    *(("feed", name) for name in FEEDS),
]


def outcome(kind, make):
    """Seconds, MB and what became of the document *make* gives, read as *kind*: "fault..." where a bound broke."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reading)
        os.write(writing, _read_within_bounds(kind, make()).encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        words = answer.read().decode(errors="replace")
    _, status, used = os.wait4(child, 0)
    if status or not words:
        words = f"?\tfault: ended by signal {os.WTERMSIG(status)}; 24 is more than {MOST_SECONDS} s of CPU"
    megabytes, _, words = words.partition("\t")
    return used.ru_utime + used.ru_stime, megabytes, " ".join(words.split())


def _read_within_bounds(kind, document):
    with open("/proc/self/clear_refs", "w") as counters:
        counters.write("5")  # the most memory held is counted from here (man 5 proc)
    held, most = _memory("VmRSS"), _memory("VmSize") + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    words = _read(kind, document)
    return f"{(_memory('VmHWM') - held) / 1e6:.0f}\t{words}"


def _read(kind, document):
    try:
        READERS[kind](Response(URL, 200, document, {"content-type": "text/html"}))
    except SourceError as error:
        return f"SourceError: {str(error)[:100]}"
    except MemoryError:
        return f"fault: more than {BYTES:,} bytes above the document"
    except BaseException as fault:  # whatever it is, it goes to the parent
        return f"fault: {type(fault).__name__}: {fault}"
    return "read"


def _memory(name):
    """Bytes of this process that the kernel counts as *name*."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(f"{name}:"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chosen", action="store_true")
    chosen = parser.parse_args().chosen
    kinds = ("list", "ruled list", "article", "feed")
    for name, make in DOCUMENTS.items():
        for kind in kinds:
            if not chosen or (kind, name) in CHOSEN:
                seconds, megabytes, words = outcome(kind, make)
                slow = " SLOW" if seconds > STRICT_SECONDS else ""
                print(f"{name:36}\t{kind:10}\t{seconds:5.1f}{slow}\t{megabytes:>4}\t{words}", flush=True)


if __name__ == "__main__":
    main()
