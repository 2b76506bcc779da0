"""An entry's clean HTML into HTML for our page: our pictures, tables that scroll by themselves, headings below ours.

Trusts gather/clean.py that nothing in it runs; adds no text of its own and no address but those that *picture* gives.
"""

import re
from collections.abc import Callable
from html import unescape

from markupsafe import Markup, escape

from aggregator.web.pictures import Picture

# a whole tag, so that what looks like one inside an attribute is passed over; nh3 writes no single quotes
TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:[^<>"]|"[^"]*")*)>')
HEADING = re.compile(r"</(h[1-6])>")
# an indent written with blanks: the style sheet indents
INDENT = re.compile(r"(<p>)(?:\s|\u3000|\xa0|&nbsp;)+")
ATTRIBUTE = re.compile(r'\s(src|alt)="([^"]*)"')


def readable(html: str, picture: Callable[[str], Picture | None]) -> Markup:
    """*html*, which gather/clean.py made, as it stands in an entry's page; *picture* says how each is shown."""
    depth = 0
    # a page's own title is its h1: whatever levels the article uses follow it without a gap
    levels = {name: f"h{min(level, 6)}" for level, name in enumerate(sorted(set(HEADING.findall(html))), 2)}

    def written(tag: re.Match[str]) -> str:
        nonlocal depth
        closing, name, attributes = tag.groups()
        if name == "img":
            return _image(attributes, picture)
        if name in levels:
            return f"<{closing}{levels[name]}>"
        if name == "table":
            depth += -1 if closing else 1
            if closing and depth == 0:
                return "</table></div>"
            if not closing and depth == 1:
                return '<div class="scroll" tabindex="0"><table>'
        if name == "pre" and not closing:  # it scrolls, so the keyboard must reach it
            return '<pre tabindex="0">'
        if name in ("video", "audio") and not closing:  # nobody but us is asked before a reader plays it
            return f'<{name}{attributes} preload="none">'
        return tag.group()

    return Markup(TAG.sub(written, INDENT.sub(r"\1", html)))  # noqa: S704 - cleaned before it was stored


def _image(attributes: str, picture: Callable[[str], Picture | None]) -> str:
    """The tag made anew from its two attributes: nothing of the old one is taken over unescaped."""
    given = {name: unescape(value) for name, value in ATTRIBUTE.findall(attributes)}
    shown, alt = picture(given.get("src", "")), escape(given.get("alt", ""))
    if shown is None:
        return f'<span class="unshown">{alt}</span>'
    size = f' width="{shown.kind.width}" height="{shown.kind.height}"' if shown.kind and shown.kind.width else ""
    return (
        f'<img src="{escape(shown.address)}" alt="{alt}"{size} loading="lazy" decoding="async"'
        ' referrerpolicy="no-referrer">'
    )
