"""Markdown (CommonMark, with GitHub's tables and strikethrough) -> what an article page would have given: a Cleaned.

The only door to pyromark. Knows no front matter.
"""

import re
from html import escape, unescape
from itertools import groupby

import pyromark

from aggregator.gather.clean import Cleaned, clean
from aggregator.gather.media import picture
from aggregator.model import Attachment

_OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH


def read_markdown(markdown: str, base_url: str) -> Cleaned:
    """*markdown*, HTML in it too, as safe HTML, text, pictures and files; *base_url* is where relative addresses lead.

    Raises ParseError for markup built to keep a parser busy.
    """
    written = pyromark.html(markdown, options=_OPTIONS)
    lines = written.splitlines()
    if not (
        written.startswith("<p>")
        and written.endswith("</p>\n")
        and written.count("<p>") == written.count("</p>\n<p>") + 1 == len(lines)
    ):  # more than one paragraph a line
        return clean(written, base_url)
    # what is nothing but text, or a picture, takes a tenth of the time of all else: each kind by itself
    cleaned: list[Cleaned] = []
    for kind, run in groupby(lines, _kind):
        if kind == "picture":
            cleaned += (_picture(line, base_url) for line in run)
        else:
            together = "".join(run)
            cleaned.append(clean(unescape(together) if kind == "text" else together, base_url))
    return _joined(cleaned)


_PICTURE = re.compile(r'<p><img src="([^"&<>\x27]+)" alt="([^"&<>\x27]*)" /></p>')


def _kind(line: str) -> str:
    if line.find("<", 3, -4) < 0:
        return "markup" if "&lt;" in line or "&gt;" in line or "&amp;" in line else "text"
    return "picture" if line.isprintable() and _PICTURE.fullmatch(line) else "markup"


def _picture(line: str, base_url: str) -> Cleaned:
    """As ``clean`` gives it."""
    found = _PICTURE.fullmatch(line)
    assert found is not None
    url = picture({"src": found[1]}, base_url)
    if url is None or not url.isprintable() or escape(url) != url:
        return clean(line, base_url)
    return Cleaned(f'<p><img src="{url}" alt="{" ".join(found[2].split())}"></p>', "", (url,))


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
