"""How to read: sites, their sources, families of pages; and which tags are given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from aggregator.model.terms import SHANGHAI, Fault


@dataclass(frozen=True, slots=True)
class ListingRule:
    """Where the items of a list page stand.

    Each selector is CSS, or XPath when it begins with ``/`` or ``./``; ``css/@name`` takes an attribute.
    *link*, *title* and *date* are looked for inside one *item*; an empty one is found by general reading.
    """

    item: str
    link: str = "a"
    title: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class ArticleRule:
    """Where the parts of an article page stand: selectors as in ListingRule, in order of trust, the first hit wins."""

    title: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    full_text: bool = True  # False: keep what the feed or list says and do not fetch the page


@dataclass(frozen=True, slots=True)
class Family:
    """A content-management system and how it writes its pages: rules/families/<name>.toml."""

    name: str
    marks: tuple[str, ...]  # strings in a page's HTML, any of which tells the family
    article: ArticleRule
    same: tuple[tuple[str, str], ...] = ()  # (regular expression on a URL, what it becomes in the identity key)


@dataclass(frozen=True, slots=True)
class SourceRule:
    """One ``[[source]]`` of a site file."""

    name: str
    title: str
    url: str
    kind: Literal["feed", "list", "auto"] = "auto"
    family: str | None = None
    tags: tuple[str, ...] = ()
    enabled: bool = True
    interval_minutes: int | None = None  # None: adaptive
    keep_days: int | None = None  # its entries, 0: for ever; None: as the settings say
    allow_private_networks: bool = False  # on this source's domain, whoever else's pages lead there
    allow_invalid_certificate: bool = False  # likewise
    listing: ListingRule | None = None
    article: ArticleRule | None = None

    @property
    def allowance(self) -> "Allowance":
        return Allowance(self.url, self.allow_private_networks, self.allow_invalid_certificate)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What fetches for one source may do on the domain of *home*, and on no other."""

    home: str = ""
    private_networks: bool = False
    invalid_certificate: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """One university and its sources: rules/sites/<name>.toml."""

    name: str
    university: str
    aliases: tuple[str, ...] = ()
    home: str | None = None
    timezone: ZoneInfo = SHANGHAI
    tags: tuple[str, ...] = ()
    sources: tuple[SourceRule, ...] = ()
    english: str = ""  # its name for readers of English; "": not known
    city: str = ""
    enabled: bool = True  # False: it stands in the catalogue until somebody switches it on
    checked: date | None = None  # when somebody last saw that its sources can be read; None: never
    proof: str = ""  # what showed that, or where the addresses are from

    def given(self, source: SourceRule) -> list["Given"]:
        """The tags of every entry of *source*: the site's, the university, then the source's own, each once."""
        said: dict[str, Given] = {}
        for name in self.tags:
            said.setdefault(name, Given(name, "site"))
        said.setdefault(self.university, Given(self.university, "university"))
        for name in source.tags:
            said.setdefault(name, Given(name, "source"))
        return list(said.values())


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at a source of the catalogue found, on which day: a Fault, or that it works."""

    day: date
    found: Fault | Literal["working"]
    proof: str  # a sentence


@dataclass(frozen=True, slots=True)
class Topic:
    """One tag of rules/tags.toml and what tells it. How words are written stands there."""

    name: str
    english: str = ""
    words: tuple[str, ...] = ()
    title_words: tuple[str, ...] = ()
    where: Literal["lead", "title", "body", "both"] = "lead"  # where *words* count; lead: in the title, too
    exceptions: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    keep_days: int | None = None  # its entries are kept so long, 0: for ever; None: it does not say
    is_broad: bool = False  # it may tag more than half of all entries


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The topics by name, parents and words checked, and what tags that are no more are called today."""

    topics: Mapping[str, Topic] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)  # also tags that only site files give

    @property
    def aliases(self) -> dict[str, str]:
        """Every other name of a tag, with the tag's."""
        said = {alias: topic.name for topic in self.topics.values() for alias in topic.aliases}
        return said | dict(self.renamed)

    def ancestors(self, name: str) -> list[str]:
        """The parents of the topic *name*, their parents, and so on, nearest first, each once."""
        found: dict[str, None] = {}
        waiting = list(self.topics[name].parents)
        while waiting:
            one = waiting.pop(0)
            if one not in found:
                found[one] = None
                waiting += self.topics[one].parents
        return list(found)


# what a tag is there by: what the operator said of the site or source, what the publisher or the text says, a child
Ground = Literal["site", "university", "source", "section", "keyword", "title", "lead", "body", "child"]


class Given(NamedTuple):
    """A tag that the operator gives to all entries of a source, and by what."""

    tag: str
    by: Ground


class Reason(NamedTuple):
    """Why an entry has a tag: *what* the ground is, a word, a section, a name."""

    tag: str
    by: Ground
    what: str
