import pytest

from aggregator.identity import domain_of, host_of, identity, slug


def test_the_slug_is_the_ancestors():
    url = "http://news.nankai.edu.cn/ywsd/system/2021/09/18/030047991.shtml"

    assert "7da87e74a3b958d3c0b7ddf222ef76d1" == slug(url)
    assert slug(url) == slug(url + "#top")


@pytest.mark.parametrize(
    "other",
    [
        "https://news.example.edu.cn/a/1.htm",
        "http://NEWS.example.edu.cn/a/1.htm",
        "http://news.example.edu.cn:80/a/1.htm",
        "https://news.example.edu.cn:443/a/1.htm",
        "http://news.example.edu.cn/a/1.htm#top",
        "http://news.example.edu.cn/a/1.htm?utm_source=x&spm=1",
        "http://news.example.edu.cn/a/1.htm;jsessionid=AB12",
        " http://news.example.edu.cn/a/1.htm ",
    ],
)
def test_addresses_of_one_article_are_one(other):
    assert identity("http://news.example.edu.cn/a/1.htm") == identity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.edu.cn/x?id=1", "http://a.edu.cn/x?id=2"),
        ("http://a.edu.cn/X.htm", "http://a.edu.cn/x.htm"),
        ("http://a.edu.cn:8080/x", "http://a.edu.cn/x"),
        ("http://a.edu.cn/#/news/1", "http://a.edu.cn/#/news/2"),  # a script-made page's routes
        ("http://a.edu.cn/%C4%CF", "http://a.edu.cn/%C4%CE"),
    ],
)
def test_different_articles_stay_apart(one, other):
    assert identity(one) != identity(other)


def test_a_familys_aliases_are_one_article():
    same = [
        (r"^([^/]+)/info/\d+/(\d+)\.htm$", r"\1 vsb \2"),
        (r"^([^/]+)/content\.jsp\?.*wbnewsid=(\d+).*$", r"\1 vsb \2"),
    ]

    assert "a.edu.cn vsb 7" == identity("http://a.edu.cn/info/1055/7.htm", same)
    assert "a.edu.cn vsb 7" == identity("https://a.edu.cn/content.jsp?wbtreeid=1055&wbnewsid=7", same)


@pytest.mark.parametrize("url", ["", "http://[", "见正文 https://x", "http://a:b/"])
def test_what_is_no_address_is_its_own_key(url):
    assert url.strip() == identity(url) or identity(url)


def test_host_of_names_whom_a_request_bothers():
    assert "a.edu.cn:81" == host_of("http://user:pw@A.edu.cn:81/x")


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://news.nankai.edu.cn/a", "nankai.edu.cn"),
        ("https://www.example.org/", "example.org"),
        ("http://：/", ""),
        ("http://[", ""),
        ("见正文", ""),
    ],
)
def test_domain_of_names_the_owner_of_a_host(url, domain):
    assert domain == domain_of(url)
