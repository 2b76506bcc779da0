"""A JSON Feed read item by item: the same as read whole, however it is cut into pieces."""

import io
import json

import pytest

from aggregator.errors import ParseError
from aggregator.gather import json_items
from aggregator.gather.json_items import read_items

ITEMS = [
    {"id": "1", "title": '引号 " 反斜杠 \\ 换行 \n', "n": [1.5, -2e10, True, None, {"a": []}]},
    {"id": "2", "content_html": "<p>" + "长" * 700 + "</p>"},
    {"id": "3"},
]


class Dribble(io.StringIO):
    """Gives a few characters at a time, whatever it is asked for."""

    def read(self, size=-1):
        return super().read(7)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("file", [io.StringIO, Dribble])
def test_items_are_what_they_are_in_the_whole(file, indent):
    document = {"version": "x", "title": "名", "items": ITEMS, "home_page_url": "http://a.cn/", "count": 123}

    feed, *items = read_items(file(json.dumps(document, indent=indent, ensure_ascii=indent is None)))

    assert ITEMS == items
    assert {key: value for key, value in document.items() if key != "items"} == feed


@pytest.mark.parametrize("file", [io.StringIO, Dribble])
@pytest.mark.parametrize(
    ("document", "count", "complaint"),
    [
        ('{"items":[{"id":"1"},\n{"id":"2"},\n{"id":"3', 2, "line 3: "),
        ('{"items":[{"id":"1"}', 1, "line 1: the file ends early"),
        ('{"items":[{"id":"1"} {"id":"2"}]}', 1, "line 1: ',' was expected"),
        ('{"items":[{"id":"1"},7]}', 1, "line 1: an item that is no object"),
        ('{"items":[{"id":"1"},\n{"a":nonsense and a lot of it, and more, and more}]}', 1, "line 2: "),
        ("[]", 0, "line 1: '{' was expected"),
        ("", 0, "line 1: the file ends early"),
        ('{"items": 3}', 0, "it is JSON, but no JSON Feed"),
        ("{" * 5000, 0, "line 1: "),
        ('{"items":[' + "[" * 200_000, 0, "line 1: "),
    ],
)
def test_what_stands_before_a_fault_is_read(file, document, count, complaint):
    found = []

    with pytest.raises(ParseError) as raised:
        found.extend(read_items(file(document)))

    assert str(raised.value).startswith(complaint)
    assert count == len(found[1:])


def test_a_value_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(json_items, "LARGEST", 1000)

    with pytest.raises(ParseError) as raised:
        list(read_items(Dribble('{"items":[{"id":"' + "x" * 5000)))

    assert "a value of more than 1,000 characters" in str(raised.value)
