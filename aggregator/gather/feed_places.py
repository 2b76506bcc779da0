"""A page -> the addresses where its feeds may be: those it links to, and those that its program is known to serve.

Few programs that universities use serve feeds: of the others none is guessed. Knows no network.
"""

import re
from urllib.parse import parse_qs, urljoin, urlsplit

from aggregator.gather.feed import find_feeds
from aggregator.gather.induce import base_of
from aggregator.gather.links import absolute
from aggregator.gather.tree import parse
from aggregator.identity import domain_of

MOST_LINKED = 3
HEAD = 200_000  # characters in which a program leaves its marks
# how feeds are called in links; a name alone says little, since many pages explain what RSS is
_ADDRESS = re.compile(
    r"(?:^|/)(?:rss|feed|atom|index)\.(?:xml|rss|rdf|php|jsp|aspx?)(?:$|\?)|(?:^|/)(?:rss|feed|atom)/?$|\.(?:rss|atom|rdf)$"
    r"|(?:^|/)feed\.json$|/rss/.*\.xml$|[?&](?:feed=\w|type=rss|format=feed)",
    re.IGNORECASE,
)
_INDEX = re.compile(r"(?:^|/)index\.(?!xml|rss|rdf)", re.IGNORECASE)
_COMMENTS = re.compile(r"comments?(?:/|$|\W)|评论|留言", re.IGNORECASE)
# marks of programs, and where their feeds are: of the page itself ("./"), else of the site
_PROGRAMS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), places)
    for pattern, places in (
        (r"/wp-(?:content|includes)/|content=[\"']WordPress", ("./feed/",)),
        (r"content=[\"']Typecho", ("/feed/",)),
        (r"content=[\"']Z-Blog", ("/feed.php",)),
        (r"content=[\"']Drupal", ("/rss.xml",)),
        (r"content=[\"']Joomla", ("./?format=feed&type=rss",)),
        (r"content=[\"']Hugo", ("./index.xml",)),
        (r"content=[\"'](?:Hexo|Jekyll)", ("/atom.xml", "/feed.xml")),
        (r"content=[\"'](?:Ghost)", ("/rss/",)),
        (r"EmpireCMS|/e/(?:data|public|member)/", ("/e/web/?type=rss2",)),
        (r"PbootCMS|AspCMS|MetInfo|phpcms", ("/rss.xml",)),
    )
)
_DEDE = re.compile(r"DedeCMS|织梦|/plus/list\.php\?tid=|/templets/", re.IGNORECASE)
_DEDE_COLUMN = re.compile(r"\btypeid\s*[=:]\s*['\"]?(\d{1,6})\b", re.IGNORECASE)
USUAL = ("/feed", "/rss.xml", "/atom.xml", "/feed.json")


def named_feeds(html: str, url: str) -> list[str]:
    """The feeds that the page names in its head or links to from its body; never those of comments."""
    found = [address for address, title in find_feeds(html, url) if not _COMMENTS.search(f"{address} {title}")]
    tree = parse(html)
    base = base_of(tree, url)
    for link in tree.css("a[href]")[:5_000]:
        target = absolute(link.attributes.get("href"), base)
        if (
            target
            and _ADDRESS.search(target)
            and not _INDEX.search(target)
            and not _COMMENTS.search(target)
            and domain_of(target) == domain_of(url)
        ):
            found.append(target)
    return list(dict.fromkeys(found))[:MOST_LINKED]


def usual_feeds(html: str, url: str, *, is_front: bool, is_feedless: bool) -> list[str]:
    """The addresses where a feed of the page at *url* may be though it names none, the likeliest first.

    *is_front*: of a site's home page, for which the names that are usual everywhere are tried, unless the program
    *is_feedless*: those of most universities serve no feeds.
    """
    head = html[:HEAD]
    folder = url.partition("?")[0].partition("#")[0]
    folder = folder if folder.endswith("/") or "." not in folder.rsplit("/", 1)[-1] else folder.rsplit("/", 1)[0]
    for mark, places in _PROGRAMS:
        if mark.search(head):
            return [
                folder.rstrip("/") + place[1:] if place.startswith("./") else urljoin(url, place) for place in places
            ]
    if _DEDE.search(head):
        number = parse_qs(urlsplit(url).query).get("tid", [""])[0]
        column = number if number.isdigit() else next(iter(_DEDE_COLUMN.findall(head)), "")
        return [urljoin(url, f"/data/rss/{column}.xml")] if column else []
    return [] if is_feedless or not is_front else [urljoin(url, place) for place in USUAL]
