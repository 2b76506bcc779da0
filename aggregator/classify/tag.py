"""Site and source rules in, tag names out. Knows no database."""

from aggregator.model import Site, SourceRule


def tags_of(site: Site, source: SourceRule) -> tuple[str, ...]:
    """The tags of every entry of *source*: the site's, the university, then the source's own, each once."""
    return tuple(dict.fromkeys((*site.tags, site.university, *source.tags)))
