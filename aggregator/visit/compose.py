"""What a list says and what a page says, as one: Item and Article in, NewEntry out, each under its identity key.

Pure: knows no network, no store and no clock.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from aggregator.classify.revise import file_key
from aggregator.classify.summarize import summarize
from aggregator.classify.tag import LEAD, Tagger
from aggregator.gather.clean import clean
from aggregator.identity import bounded, identity, slug
from aggregator.model import Article, Attachment, Item, Listing, NewEntry, Site, SourceRule, Trace

WEB = ("http://", "https://")
LONGEST_ADDRESS = 2000  # characters; browsers open little more
MOST_KEYWORDS, LONGEST_KEYWORD = 30, 60
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL or UTF-8 refuses


def keyed(listing: Listing, source_url: str, same: Sequence[tuple[str, str]]) -> dict[str, Item]:
    """The items by their identity keys, in the order of the page.

    An item is its address; where a page gives one address to several (a login page), guid or title tell them apart.
    """
    said = [_reachable(item, source_url) for item in listing.items]
    keys = [identity(item.url, same) for item in said]
    shared = Counter(keys)
    items: dict[str, Item] = {}
    for key, item in zip(keys, said, strict=True):
        items.setdefault(own_key(key, item) if shared[key] > 1 else key, item)
    return items


def own_key(key: str, item: Item) -> str:
    """The key that *item* has, or would have, where others share its address."""
    mark = f" {_storable(item.guid or item.title)[:LONGEST_ADDRESS]}"
    return key if key.endswith(mark) else bounded(key + mark)


def says_more(items: Mapping[str, Item], unknown: Mapping[str, int]) -> bool:
    """Whether all of a page is unknown but what is pinned to its top: then the page before it may be, too."""
    keys = list(items)
    while keys and keys[0] not in unknown:
        keys.pop(0)
    return bool(keys) and all(key in unknown for key in keys)


def article_of(item: Item) -> Article:
    """What the feed or list itself says of the article."""
    cleaned = clean(item.html or item.summary or "", item.url)
    return Article(
        item.url,
        item.title,
        item.published,
        item.precision,
        cleaned.html,
        cleaned.text,
        author=item.author,
        images=cleaned.images,
        attachments=cleaned.attachments,
    )


def _files(said: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """Each file once, with all that page and list say of it: its length stands in feeds only."""
    files: dict[str, Attachment] = {}
    for one in said:
        known = files.get(one.url, one)
        files[one.url] = replace(
            known,
            title=known.title or one.title,
            media_type=known.media_type or one.media_type,
            length=one.length if known.length is None else known.length,
        )
    return tuple(file for file in files.values() if file.url.startswith(WEB))


def entry_of(
    key: str,
    item: Item,
    article: Article,
    site: Site,
    rule: SourceRule,
    tagger: Tagger,
    *,
    seen_at: datetime,
    host: str | None,
    trace: Trace | None = None,
) -> NewEntry:
    """The page's word before the list's, the list's where the page has none. *host* names the minter of Atom ids."""
    published, precision = article.published, article.precision
    if published is None or (
        precision == "day" and item.precision == "minute" and _same_day(published, item.published)
    ):
        published, precision = item.published, item.precision
    name = slug(item.url)
    title = _storable(_title(item, article))
    keywords = entry_keywords(item.tags, article.keywords, title, article.text)
    return NewEntry(
        url=item.url,
        slug=name,
        uid=key,
        atom_id=f"tag:{host},{seen_at.year}:{name}",
        title=title,
        seen_at=seen_at,
        published=published,
        precision=precision,
        author=_storable(article.author or item.author or "") or None,
        origin=article.origin,
        section=article.section,
        summary=summarize(article.text),
        html=article.html,
        text=article.text,
        images=article.images,
        attachments=_files(article.attachments + item.attachments),
        tags=tagger.tags(site.given(rule), title, article.text, article.section, keywords),
        keywords=keywords,
        trace=trace,
    )


def entry_keywords(categories: Iterable[str], of_page: Iterable[str], title: str, text: str) -> tuple[str, ...]:
    """What the publisher says that an entry is about: the feed's categories, and keywords of the page.

    Of these only what the title or the lead says: many sites name the same for search engines on all their pages.
    """
    lead = text[:LEAD]
    spoken = (word for word in of_page if word in title or word in lead)
    said = dict.fromkeys(word for word in (*categories, *spoken) if len(word) <= LONGEST_KEYWORD)
    return tuple(said)[:MOST_KEYWORDS]


def trace_of(kind: Literal["page", "feed", "list"], item: Item, article: Article) -> Trace:
    """How *article*, which is of that *kind*, stands now."""
    return Trace(
        kind,
        article.validators,
        digest_of(item) if kind == "feed" else None,
        _storable(article.title or "") or None,
        article.published,
        article.precision,
        tuple(map(file_key, article.attachments)),
        item.title,
    )


def digest_of(item: Item) -> str:
    """A hash of what a feed or list says of an article."""
    files = ((file.url, file.length) for file in item.attachments)
    said = "\0".join(map(str, (item.title, item.published, item.summary, item.html, *files)))
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _same_day(day: datetime, minute: datetime | None) -> bool:
    return minute is not None and timedelta(0) <= minute - day < timedelta(days=1)


def _reachable(item: Item, source_url: str) -> Item:
    """*item* without what no database stores, and with an address that may stand in a link: not javascript:."""
    url = _storable(item.url)
    if not url.startswith(WEB) or len(url) > LONGEST_ADDRESS:
        url = f"{source_url.partition('#')[0]}#/{slug(item.url)}"
    item = item if url == item.url else replace(item, url=url)
    said = (item.title, item.guid, item.author, item.summary, *item.tags)
    files = (part for file in item.attachments for part in (file.url, file.title, file.media_type))
    if not UNSTORABLE.search("".join(filter(None, (*said, *files)))):
        return item
    return replace(
        item,
        title=_storable(item.title),
        guid=item.guid and _storable(item.guid),
        author=item.author and _storable(item.author),
        summary=item.summary and _storable(item.summary),
        tags=tuple(map(_storable, item.tags)),
        attachments=tuple(
            replace(
                file,
                url=_storable(file.url),
                title=_storable(file.title),
                media_type=file.media_type and _storable(file.media_type),
            )
            for file in item.attachments
        ),
    )


def _storable(text: str) -> str:
    return UNSTORABLE.sub("", text)


def _title(item: Item, article: Article) -> str:
    """The list's title, unless it is cut short or missing and the page's is not."""
    if article.title and (not item.title or item.title.rstrip().endswith(("...", "…"))):
        return article.title
    return item.title or article.title or item.url
