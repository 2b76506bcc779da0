"""Which addresses programs may ask over HTTP, with which parameters; what they are told stands in contract.py.

One table: requests are checked against it, and the OpenAPI document is made from it. Knows no request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aggregator.publish.contract import (
    DIGEST,
    DIGEST_REF,
    ENTRY,
    PERIODS,
    SLUG,
    SOURCE,
    STORY,
    TAG,
    TEXT,
    Schema,
    Thing,
)

MOST, USUAL = 100, 50  # things in one answer
MOST_DIGESTS, USUAL_DIGESTS = 31, 14


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    schema: Schema
    about: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked with GET at *path*, in which {name} is a parameter of its own."""

    path: str
    thing: Thing
    about: str
    parameters: Sequence[Parameter] = ()
    is_list: bool = False
    place: Parameter | None = None  # the parameter that is part of the path
    more: Mapping[str, str] = field(default_factory=dict)  # further statuses and when they are answered

    @property
    def name(self) -> str:
        return (
            self.path.strip("/").partition("/")[0] if self.is_list else self.path.strip("/").partition("/")[0] + ".one"
        )


TAGS = Parameter(
    "tag",
    TEXT,
    "A tag, its alias, or an expression: a+b both, a|b either, a-b one and not the other, brackets, names in quotes.",
    "南开大学+科研-讲座",
)
_UNIVERSITY = Parameter("university", TEXT, "A university by its name or alias.", "南开大学")
_SOURCE = Parameter("source", TEXT, "A source by its name.", "nankai-ywsd")
_SINCE = Parameter("since", TEXT, "Dated on that day or later: a day, month or year.", "2026-11-01")
_UNTIL = Parameter("until", TEXT, "Dated on that day or earlier: a day, month or year.", "2026-11")
_ALL = Parameter("all", {"type": "string", "const": "1"}, "Every entry of each story, rather than the one seen first.")
CURSOR = Parameter("cursor", TEXT, "Where the answer before ended; follow *next* rather than make one.")


def _limit(most: int, usual: int) -> Parameter:
    return Parameter("limit", {"type": "integer", "minimum": 1, "maximum": most, "default": usual}, "How many at most.")


OPERATIONS: Mapping[str, Operation] = {
    one.name: one
    for one in (
        Operation(
            "/entries",
            ENTRY,
            "Entries, the newest first; all conditions must hold together.",
            (
                TAGS,
                _SOURCE,
                _UNIVERSITY,
                Parameter("q", TEXT, "What is searched for, as in the search field. Few searches a minute.", "碳中和"),
                _SINCE,
                _UNTIL,
                _ALL,
                Parameter("body", {"type": "string", "const": "1"}, "With html, text, images and attachments."),
                _limit(MOST, USUAL),
                CURSOR,
            ),
            is_list=True,
            more={"429": "Too many searches; Retry-After says how long to wait."},
        ),
        Operation(
            "/entries/{slug}", ENTRY, "One entry, with its text.", place=Parameter("slug", SLUG, "The entry's slug.")
        ),
        Operation("/tags", TAG, "Tags that have entries, by their names.", (_limit(MOST, USUAL), CURSOR), is_list=True),
        Operation(
            "/tags/{name}",
            TAG,
            "One tag; an alias leads to it.",
            place=Parameter("name", TEXT, "The tag's name.", "科研"),
        ),
        Operation(
            "/sources", SOURCE, "Sources, by their names.", (_UNIVERSITY, _limit(MOST, USUAL), CURSOR), is_list=True
        ),
        Operation(
            "/sources/{name}", SOURCE, "One source.", place=Parameter("name", TEXT, "The source's name.", "nankai-ywsd")
        ),
        Operation(
            "/stories",
            STORY,
            "Stories that an entry of the selection tells, the one known last first.",
            (TAGS, _SOURCE, _UNIVERSITY, _SINCE, _UNTIL, _limit(MOST, USUAL), CURSOR),
            is_list=True,
        ),
        Operation("/stories/{key}", STORY, "One story.", place=Parameter("key", TEXT, "The story's key.")),
        Operation(
            "/digests",
            DIGEST_REF,
            "Digests, the newest first.",
            (
                Parameter("period", {"type": "string", "enum": list(PERIODS), "default": "day"}, "How long they are."),
                TAGS,
                _limit(MOST_DIGESTS, USUAL_DIGESTS),
                CURSOR,
            ),
            is_list=True,
        ),
        Operation(
            "/digests/{name}",
            DIGEST,
            "One digest: the newest edition, or the one asked for.",
            (TAGS, Parameter("edition", {"type": "integer", "minimum": 1}, "Which edition.")),
            place=Parameter("name", TEXT, "A day, week or month: 2026-11-20, 2026-W47, 2026-11.", "2026-W47"),
        ),
    )
}
