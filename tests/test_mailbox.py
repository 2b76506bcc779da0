import pytest

from aggregator.errors import AddressError
from aggregator.mail.mailbox import mailbox


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("lin@example.edu.cn", "lin@example.edu.cn"),
        ("  Lin.Yue+news@Example.EDU.cn\n", "Lin.Yue+news@example.edu.cn"),
        ("lin＠example．edu．cn", "lin@example.edu.cn"),
        ("lin@例子。中国", "lin@xn--fsqu00a.xn--fiqs8s"),
        ("lin@XN--FSQU00A.xn--fiqs8s", "lin@xn--fsqu00a.xn--fiqs8s"),
        ("o'brien@bücher.example", "o'brien@xn--bcher-kva.example"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
    ],
)
def test_an_address_is_known_by_one_form(written, key):
    assert key == mailbox(written).key


@pytest.mark.parametrize(
    "written",
    [
        *("", "@", "lin", "lin@", "@example.org", "lin@example", "lin@@example.org", "a b@example.org"),
        *(".lin@example.org", "lin.@example.org", "l..n@example.org", '"lin yue"@example.org', "林@example.org"),
        *(
            "lin@example.org\nBcc: all@example.org",
            "lin@example.org\r\n.\r\nQUIT",
            "lin\0@example.org",
            "lin@example.org,b@c.org",
        ),
        *(
            "Lin <lin@example.org>",
            "lin@[127.0.0.1]",
            "lin@127.0.0.1",
            "lin@exa_mple.org",
            "lin@-a.org",
            "lin@example.org.",
        ),
        *(
            "x" * 65 + "@example.org",
            "lin@" + "a." * 130 + "org",
            "lin@" + "a" * 64 + ".org",
            "lin(x)@example.org",
            "lin@a;b.org",
        ),
        *("<script>@example.org", "lin\u2028@example.org", "lin\ud800@example.org", "lin@exam\u200bple.org\u202e"),
    ],
)
def test_what_is_no_address_is_refused(written):
    with pytest.raises(AddressError):
        mailbox(written)


def test_ways_to_write_one_person_are_counted_as_one():
    assert mailbox("LIN+a@example.org").person == mailbox("lin+b@EXAMPLE.org").person


def test_the_trace_of_an_address_needs_the_secret():
    lin = mailbox("lin@example.org")

    assert lin.trace("one") == mailbox("LIN@example.org").trace("one")
    assert lin.trace("one") != lin.trace("another")
    assert "lin" not in lin.trace("one")
