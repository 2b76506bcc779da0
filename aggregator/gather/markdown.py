"""Markdown (CommonMark, with GitHub's tables and strikethrough) -> what an article page would have given: a Cleaned.

The only door to pyromark. Knows no front matter.
"""

import html
from itertools import groupby

import pyromark

from aggregator.gather.clean import Cleaned, clean
from aggregator.model import Attachment

_OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH


def read_markdown(markdown: str, base_url: str) -> Cleaned:
    """*markdown*, HTML in it too, as safe HTML, text, pictures and files; *base_url* is where relative addresses lead.

    Raises ParseError for markup built to keep a parser busy.
    """
    written = pyromark.html(markdown, options=_OPTIONS)
    lines = written.splitlines()
    if not all(line.startswith("<p>") and line.endswith("</p>") and line.count("<p>") == 1 for line in lines):
        return clean(written, base_url)
    # paragraphs of text alone take a tenth of the time of others: those that hold more are cleaned by themselves
    cleaned = [
        clean("".join(html.unescape(line) if plain else line for line in run), base_url)
        for plain, run in groupby(lines, _is_plain)
    ]
    return _joined(cleaned)


def _is_plain(line: str) -> bool:
    return line.find("<", 3, -4) < 0 and not ("&lt;" in line or "&gt;" in line or "&amp;" in line)


def _joined(parts: list[Cleaned]) -> Cleaned:
    files: dict[str, Attachment] = {}
    for file in (file for part in parts for file in part.attachments):
        files.setdefault(file.url, file)
    return Cleaned(
        "".join(part.html for part in parts),
        "\n".join(part.text for part in parts if part.text),
        tuple(dict.fromkeys(image for part in parts for image in part.images)),
        tuple(files.values()),
    )
