"""Site and source rules in, tag names out. Knows no database."""

from aggregator.model import Site, SourceRule


def tags_of(site: Site, source: SourceRule) -> tuple[str, ...]:
    """The tags of every entry of *source*: the university, then the site's, then the source's own, each once."""
    return tuple(dict.fromkeys((site.university, *site.tags, *source.tags)))
