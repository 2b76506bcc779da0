from urllib.parse import quote

import pytest

from aggregator.model import Site
from aggregator.web.language import QUERY_FAULTS
from tests.newsroom import NOW, app_of, empty_store, rules, story, visit


@pytest.fixture
def client(tmp_path):
    """Four entries of tags that an expression can tell apart; 海大 is an alias of 海棠大学."""
    with empty_store(tmp_path) as store:
        known = [
            (Site(site.name, site.university, ("海大",) * (site.name == "haitang")), rule) for site, rule in rules()
        ]
        store.sources.sync(known, NOW)
        tags = (("海棠大学", "科研"), ("海棠大学", "讲座"), ("海棠大学", "科研", "讲座"), ("云岭师范大学", "科研"))
        store.entries.record(
            [
                visit(
                    1,
                    *(story(number, hours=number, tags=its, title=f"第{number}条") for number, its in enumerate(tags)),
                )
            ]
        )
        yield app_of(store, tmp_path).test_client()


def shown(page):
    return [number for number in range(4) if f"第{number}条" in page.text]


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("海棠大学+科研", [0, 2]),
        ("科研|讲座", [0, 1, 2, 3]),
        ("海棠大学-讲座", [0]),
        ("-讲座", [0, 3]),
        ("云岭师范大学|海棠大学+讲座", [1, 2, 3]),
        ("科研", [0, 2, 3]),
    ],
)
def test_an_expression_has_a_page_and_feeds_like_a_tag(client, expression, numbers):
    assert numbers == shown(client.get(f"/tags/{quote(expression)}/"))
    for extension in ("atom", "rss", "json"):
        assert numbers == shown(client.get(f"/tags/{quote(expression)}.{extension}"))


@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        ("科研+海棠大学", "海棠大学+科研"),
        ("海大", "海棠大学"),
        ("海大+科研", "海棠大学+科研"),
        ("（科研｜讲座）－云岭师范大学", "科研-云岭师范大学|讲座-云岭师范大学"),
        ("科研|科研+讲座", "科研"),
    ],
)
@pytest.mark.parametrize("ending", ["/", ".atom", ".json"])
def test_what_means_the_same_leads_to_one_address(client, asked, canonical, ending):
    answer = client.get(f"/tags/{quote(asked)}{ending}?before=1742500000-9")

    assert 301 == answer.status_code
    assert quote(canonical) in quote(answer.headers["Location"], safe="%/?=")
    assert answer.headers["Location"].endswith(f"{ending}?before=1742500000-9")
    assert [200] == [one.status_code for one in [client.get(f"/tags/{quote(asked)}{ending}", follow_redirects=True)]]


@pytest.mark.parametrize("address", ["/tags/{}/", "/tags/{}.atom", "/digest/?tag={}", "/digest/2025-03-21/?tag={}"])
def test_an_expression_that_cannot_be_read_is_a_bad_request_at_a_column(client, address):
    answer = client.get(address.format(quote("科研||讲座")))

    assert 400 == answer.status_code
    assert "第 4 个字符处：这里缺一个标签。" in answer.text
    assert "At character 4" in client.get(address.format(quote("科研||讲座")), headers={"Accept-Language": "en"}).text


def test_each_fault_of_an_expression_is_told_in_words(client):
    texts = {
        "tag": "+", "operator": "a(b)", "bracket": "(a", "quote": '"a', "long": "a" * 401, "names": "|".join("abcdefghijk"),
        "terms": "(a|b|c)+(d|e|f)+(g|h|i|j)", "character": "a\x01", "nothing": "a-a", "everything": "a|-a",
    }  # fmt: skip

    answers = {fault: client.get(f"/tags/{quote(text)}/") for fault, text in texts.items()}

    assert QUERY_FAULTS.keys() == texts.keys()
    assert {400} == {answer.status_code for answer in answers.values()}
    assert len(texts) == len({answer.text for answer in answers.values()})


@pytest.mark.parametrize("name", ["没有", "科研+没有", "科研-没有"])
def test_an_unknown_tag_is_not_found(client, name):
    assert [404, 404, 404] == [
        client.get(address).status_code
        for address in (f"/tags/{quote(name)}/", f"/tags/{quote(name)}.rss", f"/digest/?tag={quote(name)}")
    ]


@pytest.mark.parametrize("query", ["海棠大学+科研", quote("海棠大学+科研"), quote("科研+海大")])
def test_a_digest_is_of_an_expression(client, query):
    """Even where the browser writes its + as it is, which stands for a blank behind the question mark."""
    page = client.get(f"/digest/2025-03-21/?tag={query}")

    assert [0, 2] == shown(page)
    assert "海棠大学+科研" in page.text


@pytest.mark.parametrize("odd", ["endpoint=x", "_method=POST", "_external=1&_scheme=ftp", "name=讲座", "extension=x"])
@pytest.mark.parametrize("place", ["/", ".atom"])
def test_the_way_to_the_one_address_takes_nothing_along_that_the_list_does_not_know(client, odd, place):
    answer = client.get(f"/tags/{quote('科研+海棠大学')}{place}?{odd}&before=9-9")

    there = f"/tags/{quote('海棠大学')}%2B{quote('科研')}{place}?before=9-9"
    assert (301, there) == (answer.status_code, answer.headers["Location"].replace("+", "%2B"))
