"""/api/: every answer is what the OpenAPI document says, every list is read to its end, and errors can be read."""

import json
import re
from datetime import datetime, timedelta
from typing import get_args
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from aggregator.health import State
from aggregator.publish.contract import STATES
from aggregator.publish.operations import OPERATIONS
from aggregator.web.problem import KINDS
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, fill, story, visit

CHECKER = FormatChecker(formats=())
CHECKER.checks("date-time", raises=ValueError)(
    lambda text: not isinstance(text, str) or datetime.fromisoformat(text).utcoffset() == timedelta(0)
)
CHECKER.checks("iri")(lambda text: not isinstance(text, str) or bool(urlsplit(text).hostname))
TEXT = "近日，学校与三所大学共建的水稻基因库在青岭县揭牌，首批入库种质一万二千份。" * 6


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        fill(opened)
        told = {"title": "四所大学共建水稻基因库在青岭县揭牌", "text": TEXT, "hours": 3}
        opened.entries.record([visit(1, story(901, **told)), visit(3, story(902, **told))])
        opened.entries.record([visit(4, story(903, **told | {"tags": ("讲座",)}))])
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


@pytest.fixture
def document(client):
    return client.get("/api/v1/openapi.json").json


def check(document, schema, said):
    """That *said* is what *schema* of *document* says."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], **schema}
    faults = Draft202012Validator(whole, format_checker=CHECKER).iter_errors(said)
    assert [] == [f"{fault.json_path}: {fault.message}" for fault in faults]


def schema_of(document, path):
    return document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def everything(client, path):
    """All items of a list, page by page, as a program reads them."""
    items, pages = [], 0
    while path:
        answer = client.get(path)
        assert 200 == answer.status_code, (path, answer.text)
        assert (answer.json["next"] is not None) == ("Link" in answer.headers)
        items += answer.json["items"]
        path = (answer.json["next"] or "").removeprefix(SITE_URL)
        pages += 1
        assert pages < 100
    return items


SOME = [
    "/entries", "/entries?tag=要闻", "/entries?university=海棠大学&body=1&limit=3", "/entries?q=水稻&limit=10",
    "/entries?source=haitang-news&since=2025-03-01&until=2025-03-20&all=1", "/tags", "/tags/要闻", "/sources",
    "/sources?university=海棠大学&limit=1", "/sources/xinghu-lectures", "/stories", "/stories?tag=讲座", "/digests",
    "/digests?period=week&tag=要闻", "/digests/2025-03-20", "/digests/2025-W12", "/digests/2025-03?tag=要闻",
]  # fmt: skip


@pytest.mark.parametrize("asked", SOME)
def test_every_answer_is_what_the_document_says(client, document, asked):
    answer = client.get(f"/api/v1{asked}")

    path = next(
        path for path in document["paths"]
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), asked.partition("?")[0])
    )  # fmt: skip
    assert (200, "application/json") == (answer.status_code, answer.mimetype)
    check(document, schema_of(document, path), answer.json)
    assert answer.json.get("items", True)


def test_each_item_of_a_list_can_be_asked_for_alone(client, document):
    for name, key in (
        ("entries", "slug"),
        ("tags", "name"),
        ("sources", "name"),
        ("stories", "key"),
        ("digests", "name"),
    ):
        items = client.get(f"/api/v1/{name}").json["items"]
        one = client.get(f"/api/v1/{name}/{items[-1][key]}")
        check(document, schema_of(document, f"/{name}/{{{OPERATIONS[f'{name}.one'].place.name}}}"), one.json)
        if name != "digests":
            assert items[-1].items() <= one.json.items()


def test_the_document_describes_what_the_app_answers_and_nothing_else(client, document):
    rules = {rule.rule for rule in client.application.url_map.iter_rules() if rule.rule.startswith("/api/v1/")}
    paths = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.removeprefix("/api/v1")) for rule in rules}

    assert set(document["paths"]) == paths - {"/openapi.json"}
    assert "3.1.0" == document["openapi"]
    assert f"{SITE_URL}/api/v1" == document["servers"][0]["url"]
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    for reference in re.findall(r'"#/components/(\w+)/(\w+)"', text):
        assert reference[1] in document["components"][reference[0]]
    assert get_args(State) == STATES


@pytest.mark.parametrize("limit", [1, 7, 49])
def test_all_entries_are_read_by_following_next(client, store, limit):
    slugs = [one["slug"] for one in everything(client, f"/api/v1/entries?all=1&limit={limit}")]

    assert store.entries.count() == len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("name", ["tags", "sources", "digests"])
def test_other_lists_are_read_to_their_end(client, name):
    whole = everything(client, f"/api/v1/{name}")

    assert whole == everything(client, f"/api/v1/{name}?limit=1")
    assert len(whole) > 3


def test_a_search_is_read_to_its_end(client):
    found = everything(client, "/api/v1/entries?q=水稻&limit=9")

    assert len(found) == len({one["slug"] for one in found}) > 9


def test_entries_are_told_once_a_story_and_the_story_has_them_all(client):
    first, *others = client.get("/api/v1/stories").json["items"]
    folded = {one["slug"] for one in everything(client, "/api/v1/entries")}
    every = {one["slug"] for one in everything(client, "/api/v1/entries?all=1")}

    told = {one["slug"] for one in first["entries"]}
    assert (3, []) == (len(told), others)
    assert 1 == len(told & folded)
    assert told <= every
    assert [first["key"]] == [one["key"] for one in client.get("/api/v1/stories?tag=讲座").json["items"]]
    assert [] == client.get("/api/v1/stories?tag=通知").json["items"]


def test_the_body_is_sent_where_it_is_asked_for(client):
    plain = client.get("/api/v1/entries?limit=1").json["items"][0]
    whole = client.get("/api/v1/entries?body=1&limit=1").json["items"][0]

    assert {"html", "text", "images", "attachments"} == set(whole) - set(plain)
    assert whole == client.get(f"/api/v1/entries/{plain['slug']}").json


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ("entries?tag=通知|要闻&source=haitang-news", "entries?tag=要闻|通知&source=haitang-news"),
        ("entries?limit=50", "entries"),
        ("entries?q=", "entries"),
        ("entries?limit=007", "entries?limit=7"),
        ("entries?limit=5&tag=要闻", "entries?tag=要闻&limit=5"),
        ("digests?period=day", "digests"),
        ("digests/2025-W12?tag=要闻 | 要闻", "digests/2025-W12?tag=要闻"),
    ],
)
def test_what_means_the_same_has_one_address(client, asked, leads):
    answer = client.get(f"/api/v1/{asked}")

    assert 301 == answer.status_code
    there = client.get(answer.headers["Location"])
    assert (200, client.get(f"/api/v1/{leads}").json) == (there.status_code, there.json)


@pytest.mark.parametrize(
    ("asked", "status", "kind", "says"),
    [
        ("entries?colour=red", 400, "parameter", "'colour' is no parameter here; there are: tag, source"),
        ("entries?limit=0", 400, "parameter", "no whole number from 1 to 100"),
        ("entries?limit=1000", 400, "parameter", "no whole number from 1 to 100"),
        ("entries?all=yes", 400, "parameter", "it is 1, or left out"),
        ("entries?tag=要闻&tag=通知", 400, "parameter", "given 2 times"),
        ("entries?cursor=x", 400, "parameter", "follow *next*"),
        ("stories?cursor=-1", 400, "parameter", "follow *next*"),
        ("digests?cursor=2025-W12", 400, "parameter", "follow *next*"),
        ("digests?period=year", 400, "parameter", "none of day, week, month"),
        ("entries?since=2025-03-02&until=2025-03-01", 400, "parameter", "after until"),
        ("entries?since=gestern", 400, "search", "no day like"),
        ("entries?q=%22水稻", 400, "search", "not closed"),
        ("entries?tag=(要闻", 400, "expression", "column"),
        ("entries?tag=要文", 404, "not-found", "要闻"),
        ("entries?university=海堂大学", 404, "not-found", "海棠大学"),
        ("entries/0", 404, "not-found", "no entry"),
        ("stories/0", 404, "not-found", "no story"),
        ("digests/tomorrow", 404, "not-found", ""),
        ("sources/haitang-new", 404, "not-found", "haitang-news"),
        ("tags/要闻|通知", 404, "not-found", "is no tag but an expression"),
        ("nothing/at/all", 404, "not-found", "openapi.json says what there is"),
    ],
)
def test_what_is_wrong_is_told_as_rfc_9457_says(client, document, asked, status, kind, says):
    answer = client.get(f"/api/v1/{asked}")

    assert (status, "application/problem+json") == (answer.status_code, answer.mimetype)
    check(document, {"$ref": "#/components/schemas/Problem"}, answer.json)
    assert (f"/api/#{kind}", status) == (answer.json["type"], answer.json["status"])
    assert says in answer.text
    assert "*" == answer.headers["Access-Control-Allow-Origin"]


def test_every_kind_of_problem_has_its_lines_for_people(client):
    page = client.get("/api/").text

    assert [] == [kind for kind in KINDS if f'id="{kind}"' not in page]
    assert [] == [one.path for one in OPERATIONS.values() if f"/api/v1{one.path}<" not in page]
    assert "Interface for programs" in client.get("/api/?lang=en").text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(client, method):
    answer = getattr(client, method)("/api/v1/entries")

    assert (405, "application/problem+json") == (answer.status_code, answer.mimetype)
    assert "GET" in answer.headers["Allow"]


def test_searches_are_limited_and_say_for_how_long(client):
    while (answer := client.get("/api/v1/entries?q=水稻")).status_code == 200:
        pass

    assert (429, "/api/#too-many") == (answer.status_code, answer.json["type"])
    assert int(answer.headers["Retry-After"]) > 0
    assert 200 == client.get("/api/v1/entries").status_code


@pytest.mark.parametrize(
    "asked", ["entries", "entries?tag=要闻&limit=3", "tags", "sources", "stories", "digests", "digests/2025-W12"]
)
def test_what_has_not_changed_is_not_sent_again(client, asked):
    first = client.get(f"/api/v1/{asked}")
    packed = client.get(f"/api/v1/{asked}", headers={"Accept-Encoding": "gzip"})
    head = client.head(f"/api/v1/{asked}")

    assert 304 == client.get(f"/api/v1/{asked}", headers={"If-None-Match": first.headers["ETag"]}).status_code
    assert ("gzip", True) == (packed.headers["Content-Encoding"], len(packed.data) < len(first.data))
    assert (b"", first.headers["ETag"], len(first.data)) == (head.data, head.headers["ETag"], head.content_length)


def test_an_answer_changes_with_the_news_and_no_sooner(client, store, tmp_path):
    asked = ("/api/v1/entries", "/api/v1/entries?tag=要闻", "/api/v1/tags")
    before = {path: client.get(path).headers["ETag"] for path in asked}
    assert before == {path: app_of(store, tmp_path).test_client().get(path).headers["ETag"] for path in asked}

    store.entries.record([visit(1, story(950, tags=("通知",)))])

    after = {path: client.get(path).headers["ETag"] for path in asked}
    assert [True, False, True] == [before[path] != after[path] for path in asked]


def test_scripts_of_other_sites_may_ask(client):
    answer = client.options("/api/v1/entries")

    assert (204, "*") == (answer.status_code, answer.headers["Access-Control-Allow-Origin"])
    assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
    assert "Link" in client.get("/api/v1/entries").headers["Access-Control-Expose-Headers"]


def test_what_publishers_write_breaks_no_answer(client, store, document):
    odd = story(960, title='a"}\x07</script>', author="\x1f", url="http://haitang.example/a b/新闻")
    store.entries.record([visit(1, odd)])

    answer = client.get(f"/api/v1/entries/{odd.slug}")

    check(document, schema_of(document, "/entries/{slug}"), answer.json)
    assert "http://haitang.example/a%20b/新闻" == answer.json["external_url"]
    assert NOW.isoformat() == answer.json["published"]
