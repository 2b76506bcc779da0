"""Tags as readers see them: topics by their names in the reader's language, and why an entry has each of its tags.

Rules come from rules/tags.toml; knows no address and no page.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from flask import current_app
from flask_babel import gettext as _

from aggregator.classify.tag import Tagger
from aggregator.model import FullEntry, Given, Reason, Tag, Taxonomy
from aggregator.rules.tags import has_own, load_taxonomy
from aggregator.web.language import language
from aggregator.web.service import service

TOPICS = "aggregator.topics"  # our key among the app's extensions


class Topics:
    """The topics of one app, read when a page first needs them; the operator's own at once: RuleError."""

    def __init__(self, instance: Path) -> None:
        self._instance = instance
        if has_own(instance):
            load_taxonomy(instance)  # what is wrong with them is said at the start

    @cached_property
    def taxonomy(self) -> Taxonomy:
        return load_taxonomy(self._instance)

    @cached_property
    def tagger(self) -> Tagger:
        return Tagger(self.taxonomy)


def topics() -> Topics:
    """The topics of the app that answers this request."""
    found = current_app.extensions[TOPICS]
    assert isinstance(found, Topics)
    return found


def tag_name(tag: str) -> str:
    """What *tag* is called in the reader's language; its own name where nobody said."""
    topic = topics().taxonomy.topics.get(tag) if language() == "en" else None
    return (topic and topic.english) or tag


def grouped(tags: Sequence[Tag]) -> list[tuple[str, list[Tag]]]:
    """*tags* by what they are: topics, universities (with all that site files call them), and what sources give."""
    known = topics().taxonomy.topics
    given = (one for said in service().store.tagging.given().values() for one in said or ())
    universities = {one.tag for one in given if one.by != "source"} | set(service().store.names.universities())
    kinds: dict[str, list[Tag]] = {_("主题"): [], _("高校"): [], _("其他"): []}
    of_topics, of_universities, others = kinds.values()
    for tag in tags:
        (of_topics if tag.name in known else of_universities if tag.name in universities else others).append(tag)
    return [(name, its) for name, its in kinds.items() if its]


def reasons(entry: FullEntry, given: Iterable[Given], brought: Sequence[str]) -> list[tuple[str, str]]:
    """(tag, why *entry* has it) of each of its tags; *given* are those of its source, *brought* came with it."""
    told = topics().tagger.reasons(given, entry.title, entry.text, entry.section, entry.keywords)
    said = {reason.tag: _reason(reason) for reason in told}
    if entry.removed_at and not entry.text:
        otherwise = str(_("来自不再显示的正文"))
    else:
        otherwise = str(_("规则已变，请运行 aggregator retag"))
    return [(tag, said.get(tag) or (str(_("导入时已有")) if tag in brought else otherwise)) for tag in entry.tags]


def _reason(reason: Reason) -> str:
    what = reason.what.strip("^$").replace("_", " ")
    said: dict[str, str] = {
        "site": _("这所学校的每条新闻都有"),
        "university": _("这所学校的新闻"),
        "source": _("这个来源的每条新闻都有"),
        "section": _("所在栏目：%(what)s", what=what),
        "keyword": _("首发页面的关键词：%(what)s", what=what),
        "title": _("标题里有：%(what)s", what=what),
        "lead": _("开头有：%(what)s", what=what),
        "body": _("正文里有：%(what)s", what=what),
        "child": _("因为有标签：%(what)s", what=tag_name(what)),
    }
    return said[reason.by]
