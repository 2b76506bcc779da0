"""An entry as a page of Markdown for people: title, what is known of it, text, the article's address.

Knows no folder; ``path`` says where in one the page belongs.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from aggregator.model import FullEntry
from aggregator.publish import hugo, wire


def path(entry: FullEntry, timezone: ZoneInfo) -> str:
    """``<source>/<year>/<day>-<slug>.md``."""
    day = _day(entry, timezone)
    return f"{entry.source.name}/{day:%Y}/{day:%Y-%m-%d}-{entry.slug}.md"


def render_page(entry: FullEntry, timezone: ZoneInfo) -> str:
    """The text of the page."""
    day = _day(entry, timezone)
    facts = [
        f"{day:%Y-%m-%d %H:%M}" if entry.precision == "minute" else f"{day:%Y-%m-%d}",
        *(wire.one_line(fact) for fact in (entry.source.university, entry.source.title, entry.author or "") if fact),
    ]
    tags = " ".join(f"`{wire.one_line(tag)}`" for tag in entry.tags)
    heading = hugo.escaped(wire.title(entry))
    blocks = [f"# {heading}", hugo.escaped(" · ".join(facts)), *([tags] if tags else []), *hugo.body(entry)]
    return "\n\n".join([*blocks, f"<{hugo.destination(entry.url)}>"]) + "\n"


def _day(entry: FullEntry, timezone: ZoneInfo) -> datetime:
    return wire.utc(entry.published or entry.seen_at).astimezone(timezone)
