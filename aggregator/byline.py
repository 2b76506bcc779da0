"""Bylines that a page breaks over several lines or paragraphs: "（记者 付坤" and "摄影报道）". Knows no format."""

import re

BROKEN = re.compile(
    r"[（(](?:本报|本网|校报|学生)?(?:记者|通讯员|摄影|撰稿|供稿|作者|文|图)[^（）()\n]{0,60}"
    r"(?:\n\s{0,20}[^\s（）()][^（）()\n]{0,59}){1,3}[）)]"  # one way to match: blank lines without end cost nothing
)
BREAK = re.compile(r"[^\S\n]*\n\s*")


def mended(text: str) -> str:
    """*text* with every byline on one line, a space where each break was."""
    return BROKEN.sub(lambda found: BREAK.sub(" ", found[0]), text) if "\n" in text else text
