import pytest

from aggregator.identity import domain_of, identity, slug, turn_of


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
        ("http://a.edu.cn:38080/x", "http://a.edu.cn:38081/x"),
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


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("news.nankai.edu.cn", "nankai.edu.cn"),
        ("nankai.edu.cn", "nankai.edu.cn"),
        ("www.ihep.ac.cn", "ihep.ac.cn"),
        ("www.moe.gov.cn", "moe.gov.cn"),
        ("a.b.example.com.cn", "example.com.cn"),
        ("www.example.tj.cn", "example.tj.cn"),
        ("www.cam.ac.uk", "cam.ac.uk"),
        ("www.hku.edu.hk", "hku.edu.hk"),
        ("www.u-tokyo.ac.jp", "u-tokyo.ac.jp"),
        ("www.ntu.edu.tw", "ntu.edu.tw"),
        ("news.anu.edu.au", "anu.edu.au"),
        ("www.snu.or.kr", "snu.or.kr"),
        ("news.mit.edu", "mit.edu"),
        ("mp.weixin.qq.com", "qq.com"),
        ("www.tsinghua.cn", "tsinghua.cn"),
        ("lab.github.io", "lab.github.io"),
        ("a.lab.github.io", "lab.github.io"),
        ("10.1.1.1", "10.1.1.1"),
        ("[2001:da8::1]", "2001:da8::1"),
        ("NEWS.nankai.edu.cn.", "nankai.edu.cn"),
        ("intranet", "intranet"),
    ],
)
def test_domain_of_names_the_owner_of_a_host(host, domain):
    assert domain == domain_of(f"http://{host}:8080/x")
    assert domain == turn_of(f"https://{host}/x")


def test_the_ports_of_this_machine_take_turns_of_their_own():
    assert ["127.0.0.1:80", "127.0.0.1:8000", "localhost:443"] == [
        turn_of("http://127.0.0.1/"),
        turn_of("http://127.0.0.1:8000/"),
        turn_of("https://localhost/"),
    ]


@pytest.mark.parametrize("url", ["http://：/", "http://[", "见正文", "http://a:x/"])
def test_what_is_no_address_has_no_owner(url):
    assert ("", "") == (domain_of(url), turn_of(url))
