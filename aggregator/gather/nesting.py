"""Tags that are open, and one more -> whether a parser would leave it there (HTML §13.2.6.4.7 and after).

Knows the tags that clean writes, no tree and no attributes.
"""

from collections.abc import Sequence


def has_place(tag: str, open_tags: Sequence[str]) -> bool:
    """Whether *tag* may begin where *open_tags*, outermost first, are open.

    A parser drops a cell that is in no row, and lets an item, a heading or a link end the one that is open.
    """
    last = open_tags[-1] if open_tags else ""
    if tag in _PLACES:
        return last in _PLACES[tag]
    if tag in _ITEMS:
        wall = next((one for one in reversed(open_tags) if one not in _NO_WALLS), "")
        return wall not in _ITEMS[tag]
    if tag in _HEADINGS:
        return last not in _HEADINGS
    return tag != "a" or tag not in open_tags


_SECTIONS = ("thead", "tbody", "tfoot")
_PLACES = {"td": ("tr",), "th": ("tr",), "tr": _SECTIONS, **dict.fromkeys((*_SECTIONS, "caption"), ("table",))}
_ITEMS = {"li": ("li",), "dd": ("dd", "dt"), "dt": ("dd", "dt")}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# through these an item ends the one around it
_INLINE_TAGS = "a b strong i em u s del ins sub sup code kbd samp mark small q cite ruby rt rp"
_NO_WALLS = frozenset(("div", "p", *_INLINE_TAGS.split()))
