"""What we read and what we publish, as lists that readers import (OPML). Endpoints of the feeds' blueprint."""

from flask import Response

from aggregator.publish.opml import render_feeds, render_sources
from aggregator.store.feeds import StoredFeed
from aggregator.web.feeds import blueprint
from aggregator.web.machines import published
from aggregator.web.service import address, service
from aggregator.web.stored import until_news

OPML = "text/x-opml"


@blueprint.get("/sources.opml")
def sources_opml() -> Response:
    """What we read: the sources that are switched on."""
    here = service()
    states = [state for state in here.store.counts.of_sources() if state.source.enabled]
    feeds = {state.source.name for state in states if "feed" in (state.source.found_kind, state.source.kind)}
    site = here.settings.site
    body = render_sources(site.name, site.url, [state.ref for state in states], feeds)
    return published(StoredFeed.made(OPML, body, here.now()), None)


@blueprint.get("/feeds.opml")
def feeds_opml() -> Response:
    """What we publish: everything, the digest, each tag, each university, each source."""
    here = service()
    site, promise = here.settings.site, until_news()
    states = [state for state in here.store.counts.of_sources() if state.source.enabled or state.entry_count]
    feeds = [(site.name, address("feeds.everything", extension="atom"), address("pages.index"))]
    feeds += [_line(tag.name, "tag", tag.name) for tag in here.store.entries.tags()]
    universities = dict.fromkeys(state.source.university for state in states)
    feeds += [_line(name, "university", name) for name in universities]
    feeds += [_line(state.source.title, "source", state.source.name) for state in states]
    return published(StoredFeed.made(OPML, render_feeds(site.name, site.url, feeds), here.now()), promise)


def _line(title: str, kind: str, name: str) -> tuple[str, str, str]:
    return title, address(f"feeds.{kind}", name=name, extension="atom"), address(f"pages.{kind}", name=name)
