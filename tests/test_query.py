from contextlib import suppress
from itertools import permutations, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.errors import QueryError
from aggregator.query import MOST_CHARACTERS, Term, parse, tagged

same_every_time = settings(
    derandomize=True, database=None, deadline=None, max_examples=300, suppress_health_check=[*HealthCheck]
)

CANONICAL = [
    ("南开大学", "南开大学"),
    ("科研+南开大学", "南开大学+科研"),
    ("就业|招生|就业", "就业|招生"),
    ("-讲座", "-讲座"),
    ("科研-讲座", "科研-讲座"),
    ("-讲座+科研", "科研-讲座"),
    ("科研+-讲座", "科研-讲座"),
    ("--a", "a"),
    ("a--b", "a+b"),
    ("a|b+c", "a|b+c"),
    ("a|b-c", "a|b-c"),
    ("(a|b)-c", "a-c|b-c"),
    ("a-(b|c)", "a-b-c"),
    ("-(a+b)", "-a|-b"),
    ("a-b-c", "a-b-c"),
    ("a+b|a-b", "a"),
    ("a|a+b", "a"),
    ("a+b|c-a", "a+b|b+c|c-a"),  # b+c is implied, and yet part of the form
    (" ( a ) ", "a"),
    ("（a｜b）＋c－d", "a+c-d|b+c-d"),
    ("「a+b」|“c|d”", '"a+b"|"c|d"'),
    ('"COVID-19"+科研', '"COVID-19"+科研'),
    ('"say ""hi"""', 'say "hi"'),
    ('"""hi"" he said"', '"""hi"" he said"'),
    ("Open   Day", "Open Day"),
    ('" a"', '" a"'),
    ("学习“二十大”精神", "学习“二十大”精神"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_an_expression_is_printed_in_its_canonical_form(text, canonical):
    assert canonical == str(parse(text))


@pytest.mark.parametrize(
    ("text", "fault", "column"),
    [
        ("", "tag", 1),
        ("  ", "tag", 1),
        ("+", "tag", 1),
        ("a+", "tag", 2),
        ("a + | b", "tag", 5),
        ("a||b", "tag", 3),
        ("()", "tag", 2),
        ("a-", "tag", 2),
        ("(a", "bracket", 1),
        ("(a|(b+c)", "bracket", 1),
        ("a)", "bracket", 2),
        ("a（b）", "operator", 2),
        ('a+"b"c', "operator", 6),
        ('科研+"讲座', "quote", 4),
        ("a+「b", "quote", 3),
        ('a+""', "quote", 3),
        ("a-a", "nothing", 1),
        ("a|-a", "everything", 1),
        ("a+\0", "character", 3),
        ("a\ud800", "character", 2),
        ("+".join("abcdefghijk"), "names", 21),
        ("x" * (MOST_CHARACTERS + 1), "long", MOST_CHARACTERS + 1),
        ("(a|b|c)+(d|e|f)+(g|h|i|j)", "terms", 1),
        ("+".join(f"({str(number) * 9}甲|{str(number) * 9}乙)" for number in range(5)), "long", 1),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_column(text, fault, column):
    with pytest.raises(QueryError) as refused:
        parse(text)

    assert (fault, column) == (refused.value.fault, refused.value.column)
    assert f"column {column}: " in str(refused.value)


def test_a_name_of_any_characters_is_a_tag():
    for name in ("南开大学", "a+b", '"', "-", " ", "(", "a|-b"):
        assert name == tagged(name).name
        assert tagged(name) == parse(str(tagged(name)))


def test_only_one_tag_alone_has_a_name():
    assert ["a", "a", None, None, None] == [parse(text).name for text in ("a", "(a|a+b)", "-a", "a+b", "a|b")]


def test_terms_say_what_entries_have_and_lack():
    assert (Term(("a",), ("b",)), Term(("c", "d"), ())) == parse("c+d|a-b").terms
    assert ("a", "b", "c", "d") == parse("c+d|a-b").names


def test_other_names_may_make_it_shorter():
    assert parse("南开大学") == parse("NKU|南开").renamed({"NKU": "南开大学", "南开": "南开大学"})
    assert parse("c+b") == parse("a+b").renamed({"a": "c"})
    with pytest.raises(QueryError, match="no entry"):
        parse("NKU-南开大学").renamed({"NKU": "南开大学"})


@pytest.mark.parametrize("text", ["(" * 400, "-" * 400, ")" * 400, "(" * 200 + "a", "-" * 399 + "a", "a|" * 200, '"' * 399, "「" * 400, "|".join(f"{a}-{b}" for a, b in permutations("abcdefghij", 2))])  # fmt: skip
def test_hostile_text_is_done_with_soon(text):
    with suppress(QueryError):
        parse(text)


NAMES = ("a", "b", "科研", "x-y", 'say "hi"')
TREES = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.one_of(
        st.tuples(st.just("-"), inner),
        st.tuples(st.sampled_from("+|"), inner, inner),
    ),
    max_leaves=12,
)


def spelled(tree):
    if isinstance(tree, str):
        return str(tagged(tree))
    if tree[0] == "-":
        return f"-({spelled(tree[1])})"
    return f"({spelled(tree[1])}{tree[0]}{spelled(tree[2])})"


def holds(tree, given_tags):
    if isinstance(tree, str):
        return tree in given_tags
    if tree[0] == "-":
        return not holds(tree[1], given_tags)
    return (all if tree[0] == "+" else any)(holds(one, given_tags) for one in tree[1:])


def truth(matches):
    """What *matches* says of every set of NAMES."""
    sets = [{name for name, kept in zip(NAMES, choice, strict=True) if kept} for choice in product((0, 1), repeat=5)]
    return tuple(matches(one) for one in sets)


def matches(expression):
    return lambda tags: any(set(term.have) <= tags and not set(term.lack) & tags for term in expression.terms)


def read(tree):
    """The expression that *tree* spells, or what is wrong with it."""
    try:
        return parse(spelled(tree))
    except QueryError as error:
        return error.fault


@same_every_time
@given(TREES, TREES)
def test_expressions_are_equal_exactly_if_they_mean_the_same(one, other):
    first, second = read(one), read(other)
    if "long" in (first, second):
        return

    meaning = truth(lambda tags: holds(one, tags))

    assert (meaning == truth(lambda tags: holds(other, tags))) == (first == second)
    if isinstance(first, str):
        assert {"nothing": {False}, "everything": {True}}[first] == set(meaning)
    else:
        assert meaning == truth(matches(first))
        assert first == parse(str(first))


@same_every_time
@given(st.one_of(st.text(max_size=60), st.text('ab+|-()"「」“”＋｜－（） \0', max_size=60)))
def test_any_text_is_read_or_refused_at_a_column_of_it(text):
    try:
        found = parse(text)
    except QueryError as refused:
        found = refused

    if isinstance(found, QueryError):
        assert 1 <= found.column <= max(1, len(text))
    else:
        assert found == parse(str(found))


@pytest.mark.parametrize(
    ("written", "left"),
    [("甲|乙", "甲"), ("甲-乙", "甲"), ("甲+乙|丙", "丙"), ("甲|丙", "丙|甲"), ("-(甲+乙)+丙", "丙"), ("-甲", "-甲")],
)
def test_a_tag_that_is_no_more_is_in_no_entry(written, left):
    assert parse(left) == parse(written).without({"乙"})


@pytest.mark.parametrize(("written", "fault"), [("乙", "nothing"), ("甲+乙", "nothing"), ("-乙", "everything")])
def test_without_its_tags_an_expression_may_mean_nothing_or_everything(written, fault):
    with pytest.raises(QueryError) as error:
        parse(written).without({"乙"})

    assert fault == error.value.fault
