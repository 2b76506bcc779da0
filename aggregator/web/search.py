"""The search page, what it suggests while one types, and how browsers learn of it (OpenSearch 1.1).

Adds to the blueprint of pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, jsonify, make_response, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from aggregator.errors import NotFound, QueryError, SearchError
from aggregator.model import FullEntry
from aggregator.publish import wire
from aggregator.query import Selection
from aggregator.question import MOST_CHARACTERS, Question, day, parse
from aggregator.snippet import Piece, marked, snippet
from aggregator.store.search import MOST_COUNTED, Found, Order
from aggregator.web.asking import tags_asked
from aggregator.web.language import QUERY_FAULTS, SEARCH_FAULTS
from aggregator.web.pages import blueprint
from aggregator.web.searching import catch_up, spend
from aggregator.web.service import address, service

LENGTH = 20  # results in one page
SUGGESTED = 5  # of each kind
SUGGESTION_PRICE = 0.2  # of a search: one is asked for with every letter
MARK = Markup("<mark>{}</mark>")
FIELDS = ("q", "tag", "university", "source", "since", "until", "order")


@dataclass(frozen=True, slots=True)
class Result:
    """An entry with what is to be seen of it: its title and its sentences with the words marked."""

    entry: FullEntry
    title: Markup
    snippet: Markup


@blueprint.get("/search")
def search() -> Response:
    """Without ``?q=`` or anything that narrows it the form alone; what cannot be read is told in the form: 400."""
    values = {name: request.args.get(name, "").strip() for name in FIELDS}
    if not any(values[name] for name in FIELDS if name != "order"):
        return _page(values)
    spend()
    here = service()
    order: Order = "relevance" if values["order"] == "relevance" else "newest"
    try:
        question = _question(values)
        catch_up()
        before = request.args.get("before")
        found = here.store.search.find(question, order=order, limit=LENGTH, before=before, bodies=True, count=True)
    except SearchError as error:
        fault = _("第 %(column)s 个字符处：%(fault)s。", column=error.column, fault=SEARCH_FAULTS[error.fault])
        return _page(values, fault, status=400)
    except QueryError as error:
        fault = _("第 %(column)s 个字符处：%(fault)s。", column=error.column, fault=QUERY_FAULTS[error.fault])
        return _page(values, _("看不懂这个标签式") + "：" + fault, status=400)
    except NotFound:
        if "before" in request.args:
            raise
        return _page(values, _("没有这个名字的标签、来源或学校。"), status=404)
    return _page(values, results=_results(found.entries, question), found=found)


@blueprint.get("/search/suggest")
def suggest() -> Response:
    """What the beginning of a search may become: [typed, names, kinds, addresses] (OpenSearch Suggestions 1.1)."""
    here, typed = service(), request.args.get("q", "").strip()[:MOST_CHARACTERS]
    spend(SUGGESTION_PRICE)
    rows: list[tuple[str, str, str]] = []
    if typed:
        kinds = {"tag": _("标签"), "university": _("高校"), "source": _("来源")}
        named = here.store.names.beginning(typed, SUGGESTED)
        rows += [(one.title, kinds[one.kind], url_for(f"pages.{one.kind}", name=one.name)) for one in named]
        try:
            titles = here.store.search.titles(parse(typed, here.settings.zone), SUGGESTED)
        except (SearchError, NotFound):  # it is not whole yet
            titles = []
        rows += [(entry.title, _("新闻"), url_for("pages.entry", slug=entry.slug)) for entry in titles]
    answer = jsonify([typed, *([row[column] for row in rows] for column in range(3))])
    answer.content_type = "application/x-suggestions+json; charset=utf-8"
    answer.cache_control.max_age = 60
    answer.vary.add("Accept-Language")  # in which the kinds are named
    return answer


@blueprint.get("/opensearch.xml")
def opensearch() -> Response:
    page, suggestions = (address(f"pages.{name}", q="WORDS") for name in ("search", "suggest"))
    drawn = render_template("opensearch.xml", page=page, suggestions=suggestions)
    answer = Response(drawn, content_type="application/opensearchdescription+xml; charset=utf-8")
    answer.vary.add("Accept-Language")
    return answer


def _question(values: dict[str, str]) -> Question:
    """What the form asks for; raises SearchError, QueryError, NotFound."""
    here = service()
    zone, university = here.settings.zone, values["university"] or None
    selection = Selection(
        tags=tags_asked() if values["tag"] else None,
        university=here.store.names.university(university) if university else None,
        source=values["source"] or None,
        since=day(values["since"], 1, zone)[0] if values["since"] else None,
        until=day(values["until"], 1, zone)[1] if values["until"] else None,
    )
    return parse(values["q"], zone, selection)


def _results(entries: Sequence[FullEntry], question: Question) -> list[Result]:
    forms = [word.form for word in question.words]
    return [
        Result(
            entry,
            _html(marked(wire.title(entry), forms)),
            _html(snippet(entry.text, forms) or marked(entry.summary, forms)),
        )
        for entry in entries
    ]


def _html(pieces: Sequence[Piece]) -> Markup:
    return Markup().join(MARK.format(text) if hit else text for text, hit in pieces)  # both are escaped


def _page(
    values: dict[str, str],
    fault: str = "",
    *,
    results: Sequence[Result] = (),
    found: Found | None = None,
    status: int = 200,
) -> Response:
    given = {name: value for name, value in values.items() if value}
    page = render_template(
        "search.html",
        values=values,
        given=given,
        # a feed is newest first
        feed={name: value for name, value in given.items() if name in ("q", "tag", "university", "source")},
        universities=service().store.names.universities(),
        fault=fault,
        results=results,
        found=found,
        most=MOST_COUNTED,
        is_first="before" not in request.args,
    )
    return make_response(page, status)
