"""What is kept and shown holds no secret."""

import pytest

from aggregator.mask import masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://x.edu.cn/feed?token=abc123&page=2", "http://x.edu.cn/feed?token=***&page=2"),
        ("http://reader:pass@x.edu.cn/feed", "http://***@x.edu.cn/feed"),
        ("http://x.edu.cn/a;jsessionid=0A1B2C?id=7", "http://x.edu.cn/a;jsessionid=***?id=7"),
        ("x?access_token=a answered 404, and y?api_key=b#c", "x?access_token=*** answered 404, and y?api_key=***#c"),
        ('<a href="/cas?service=s&amp;ticket=ST-1">', '<a href="/cas?service=s&amp;ticket=***">'),
        ("http://x.edu.cn/list.htm?author=li&design=1&keyword=k&sort=new", None),
        ("http://x.edu.cn/~li/@home?mail=a@b.cn", None),
    ],
)
def test_a_secret_in_an_address_is_masked_and_nothing_else(text, expected):
    assert (expected or text) == masked(text)
