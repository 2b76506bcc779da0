"""The elements of a feed's item -> which of them is its title, its link, its text: the role of each.

Knows the namespaces of RSS, RDF, Atom and their modules, as they are and as they are misspelt; reads no values.
"""

from collections.abc import Mapping
from functools import lru_cache

from lxml import etree

Parts = Mapping[str, list[etree._Element]]

ATOM = "{http://www.w3.org/2005/Atom}"
MOST_ALIKE = 200  # elements of one role in one item


@lru_cache(maxsize=16)
def roles_in(namespace: str) -> Mapping[str, str]:
    """The role of each element by its full name, in a feed whose items stand in *namespace*."""
    atom = {ATOM + name: role for name, role in ROLES.items()}
    return atom | FOREIGN_ROLES | {namespace + name: role for name, role in ROLES.items()}


def parts_of(entry: etree._Element, roles: Mapping[str, str]) -> dict[str, list[etree._Element]]:
    """The elements of each role; what stands in a group of Media RSS is the entry's."""
    parts: dict[str, list[etree._Element]] = {}
    for child in entry:
        role = roles.get(child.tag)
        if role is None:
            continue
        if role == "group":
            for inner, elements in parts_of(child, roles).items():
                parts[inner] = [*parts.get(inner, ()), *elements][:MOST_ALIKE]
        elif role not in parts:
            parts[role] = [child]
        elif len(parts[role]) < MOST_ALIKE:
            parts[role].append(child)
    return parts


# what an item's elements of the feed's own namespace are to us; RSS and Atom names do not collide
ROLES = {
    "title": "title",
    "link": "link",
    "guid": "id",
    "id": "id",
    "description": "summary",
    "summary": "summary",
    "content": "content",
    "pubDate": "published",
    "pubdate": "published",
    "published": "published",
    "issued": "published",
    "date": "other date",
    "created": "created",
    "updated": "updated",
    "modified": "updated",
    "author": "author",
    "category": "category",
    "enclosure": "enclosure",
}
MODULES = {
    "http://purl.org/rss/1.0/modules/content/": {"encoded": "content"},
    "http://www.w3.org/1999/xhtml": {"body": "content", "div": "content"},
    "http://purl.org/dc/elements/1.1/": {
        "title": "other title",
        "date": "other date",
        "creator": "author",
        "author": "author",
        "subject": "category",
        "description": "other summary",
    },
    "http://purl.org/dc/terms/": {"created": "created", "issued": "other date", "modified": "updated"},
    "http://www.itunes.com/dtds/podcast-1.0.dtd": {
        "title": "other title",
        "author": "other author",
        "summary": "other summary",
    },
    "http://search.yahoo.com/mrss/": {
        "title": "other title",
        "description": "other summary",
        "content": "media",
        "group": "group",
    },
}
MODULES["http://www.itunes.com/DTDs/Podcast-1.0.dtd"] = MODULES["http://www.itunes.com/dtds/podcast-1.0.dtd"]
# namespaces as they are, and as they are misspelt
FOREIGN_ROLES = {
    f"{{{scheme}:{address}}}{name}": role
    for namespace, roles in MODULES.items()
    for scheme in ("http", "https")
    for address in (namespace.partition(":")[2], namespace.partition(":")[2].rstrip("/"))
    for name, role in roles.items()
}
