"""An entry's clean HTML into HTML for our page: lazy pictures, tables that scroll by themselves, headings below ours.

Trusts gather/clean.py that nothing in it runs; adds no text of its own.
"""

import re

from markupsafe import Markup

# a whole tag, so that what looks like one inside an attribute is passed over; nh3 writes no single quotes
TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:[^<>"]|"[^"]*")*)>')
HEADING = re.compile(r"</(h[1-5])>")
# an indent written with blanks: the style sheet indents
INDENT = re.compile(r"(<p>)(?:\s|\u3000|\xa0|&nbsp;)+")


def readable(html: str) -> Markup:
    """*html*, which gather/clean.py made, as it stands in an entry's page."""
    depth = 0
    # a page's own title is its h1: whatever levels the article uses follow it without a gap
    levels = {name: f"h{level}" for level, name in enumerate(sorted(set(HEADING.findall(html))), 2)}

    def written(tag: re.Match[str]) -> str:
        nonlocal depth
        closing, name, attributes = tag.groups()
        if name == "img":
            # without quotes: whatever the tag stands in, they cannot end it
            return f"<img loading=lazy decoding=async{attributes}>"
        if name in levels:
            return f"<{closing}{levels[name]}>"
        if name == "table":
            depth += -1 if closing else 1
            if closing and depth == 0:
                return "</table></div>"
            if not closing and depth == 1:
                return '<div class="scroll" tabindex="0"><table>'
        return tag.group()

    return Markup(TAG.sub(written, INDENT.sub(r"\1", html)))  # noqa: S704 - cleaned before it was stored
