"""A Site as the text of a site file, the counterpart of the loader: reading it again gives the same Site."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from aggregator.model import ArticleRule, ListingRule, Site, SourceRule

_NO_COMMENT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # TOML 1.0, "Comment"


def site_toml(site: Site, comments: Mapping[str, Sequence[str]] | None = None) -> str:
    """*site* as TOML; keys that hold their default are left out.

    *comments* are the lines that stand above sources, by their names.
    """
    lines = [*_pairs(site, skip=("name", "sources"))]
    for source in site.sources:
        said = (comments or {}).get(source.name, ())
        lines += ["", *(f"# {_NO_COMMENT.sub(' ', line)}" for line in said)]
        lines += ["[[source]]", *_pairs(source, skip=("listing", "article"))]
        if source.listing:
            lines += ["", "[source.listing]", *_pairs(source.listing)]
        if source.article:
            lines += ["", "[source.article]", *_pairs(source.article)]
    return "\n".join(lines) + "\n"


def _pairs(noun: Site | SourceRule | ListingRule | ArticleRule, skip: tuple[str, ...] = ()) -> Iterable[str]:
    for one in fields(noun):
        value = getattr(noun, one.name)
        if one.name not in skip and value != one.default:
            yield f"{one.name} = {toml_value(value)}"


def toml_value(value: object) -> str:
    """*value* as TOML writes it; what is neither a number nor a list as text."""
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    # a JSON string is a TOML basic string, but for the one character that JSON leaves as it is
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
