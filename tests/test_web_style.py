import re
from itertools import product

import pytest

from aggregator.settings import PACKAGE, template_folder

STYLE = (PACKAGE / "web/static/style.css").read_text("utf-8")


def palettes():
    """The colours of the light and of the dark scheme, by name."""
    found = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return [dict(re.findall(r"--(\w+): #(\w{6});", block)) for block in found[:2]]


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(("text", "ground"), list(product(("ink", "soft", "accent"), ("paper", "tint"))))
def test_text_stands_out_from_its_ground(scheme, text, ground):
    dark, light = sorted(luminance(palettes()[scheme][name]) for name in (text, ground))

    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def test_pages_bring_nothing_from_elsewhere_and_no_script_in_them():
    templates = [path.read_text("utf-8") for path in template_folder().rglob("*.html")]

    assert not re.search(r"url\(|@import", STYLE)
    for template in templates:
        template = re.sub(r'<script (type="application/ld\+json">|src="\{\{ url_for)', "", template)
        assert not re.search(r"<script|\bstyle=|\bon\w+=|src=\"http|javascript:", template)


def test_only_cleaned_html_is_marked_safe():
    marks = [mark for path in template_folder().rglob("*") if path.is_file()
             for mark in re.findall(r"\|\s*(safe|readable)|autoescape", path.read_text("utf-8"))]  # fmt: skip

    assert ["readable"] == marks
