"""What a look at a source of the catalogue finds, and the site file it proposes: pages served on loopback."""

import asyncio
import subprocess

import pytest

from aggregator.follow.catalogue import read_catalogue
from aggregator.follow.survey import Survey, corrected, difference
from aggregator.gather.fetch import Fetcher
from aggregator.rules import read_site
from aggregator.rules.files import parsed
from aggregator.settings import FetchSettings
from tests.test_follow import column
from tests.university import NOW

STORY = "<title>海棠大学召开会议</title><body><h1>海棠大学召开会议</h1><div class='v_news_content'><p>{}</p></div></body>".format(
    "会议在海棠楼召开，各学院的老师和同学参加了会议，讨论了新学年的工作。" * 5
)
SITE = """\
# a comment that stays
university = "海棠大学"
english = "Haitang University"
home = "{home}/"
enabled = false
checked = "never"
tags = ["海棠大学"]

# why this one
[[source]]
name = "haitang-tzgg"
title = "海棠大学通知公告"
url = "{home}/tzgg.htm"
kind = "list"
tags = ["通知公告"]
"""


@pytest.fixture
def haitang(tmp_path, university):
    """A university with one list of notices and its articles; give it pages, then look at it."""

    def serve_list(path, stem="1"):
        university.serve(path, column(stem))
        for number in range(1, 13):
            university.serve(f"/info/{stem}/{number}.htm", STORY)

    def look(text=SITE):
        (tmp_path / "sites").mkdir(exist_ok=True)
        (tmp_path / "sites" / "haitang.toml").write_text(text.format(home=university.url), "utf-8")
        known = read_catalogue(tmp_path)
        site = known.sites["haitang"]

        async def work():
            settings = FetchSettings(allow_private_networks=True, per_host_delay_seconds=0, respect_robots=False)
            async with Fetcher(settings, "tests") as fetcher:
                return await Survey(fetcher, known, NOW, NOW.date()).look(site, site.sources)

        seen = asyncio.run(work())
        return seen, known.files["haitang"]

    look.serve_list, look.university = serve_list, university
    return look


def test_a_list_that_is_read_with_an_article_works(haitang):
    haitang.serve_list("/tzgg.htm")

    (seen,), _ = haitang()

    assert ("working", NOW.date()) == (seen.checked.found, seen.checked.day)
    assert "list of 12 items, 12 dated, newest 2025-03-12; an article of " in seen.checked.proof


def test_day_and_proof_are_written_into_the_file_and_comments_stay(haitang):
    haitang.serve_list("/tzgg.htm")

    seen, file = haitang()
    text = corrected(file, seen, {})

    assert 'checked = "2025-03-21"\n' in text
    assert f'proof = "{seen[0].checked.proof}"\n' in text
    assert "# a comment that stays\n" in text
    assert "# why this one\n[[source]]\n" in text


def test_a_list_that_moved_is_found_by_the_columns_of_its_home_page(haitang):
    home = "<title>海棠大学</title><body><a href='/xxgk.htm'>学校概况</a><a href='/index/gg.htm'>通知公告</a></body>"
    haitang.university.serve("/", home)
    haitang.serve_list("/index/gg.htm")

    (seen,), file = haitang()
    text = corrected(file, [seen], {})

    assert ("moved", f"{haitang.university.url}/index/gg.htm") == (seen.checked.found, seen.url)
    site = read_site("haitang", parsed(text, "x"), "x")
    assert [seen.url] == [source.url for source in site.sources]
    assert "# why this one\n[[source]]\n" in text


def test_the_proposal_is_a_diff_that_patch_takes(haitang, tmp_path):
    haitang.university.serve("/", "<title>海棠大学</title><body><a href='/index/gg.htm'>通知公告</a></body>")
    haitang.serve_list("/index/gg.htm")
    seen, file = haitang()
    text = corrected(file, seen, {})
    there = tmp_path / "instance" / "sites"
    there.mkdir(parents=True)
    (there / "haitang.toml").write_text(file.text, "utf-8")

    patched = subprocess.run(
        ["patch", "-p1"], input=difference(file, text), cwd=tmp_path, text=True, capture_output=True, check=False
    )

    assert 0 == patched.returncode, patched.stdout
    assert text == (there / "haitang.toml").read_text("utf-8")


def test_a_permanent_redirect_is_the_new_address(haitang):
    haitang.serve_list("/new/tzgg.htm")
    haitang.university.serve("/tzgg.htm", "", status=301, headers={"Location": "/new/tzgg.htm"})

    (seen,), file = haitang()

    assert ("working", f"{haitang.university.url}/new/tzgg.htm") == (seen.checked.found, seen.url)
    assert f'url = "{seen.url}"' in corrected(file, [seen], {})


def test_a_rule_that_finds_nothing_any_more_is_left_out_where_general_reading_finds_the_list(haitang):
    haitang.serve_list("/tzgg.htm")
    rule = '\n[source.listing]\nitem = "ul.of-another-age > li"\n\n[source.article]\nbody = ".v_news_content"\n'

    (seen,), file = haitang(SITE + rule)
    text = corrected(file, [seen], {})

    assert ("redesigned", True) == (seen.checked.found, seen.is_rule_void)
    assert "listing" not in text
    assert '[source.article]\nbody = ".v_news_content"' in text


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        (b"", 404, "moved"),
        (b"", 410, "gone"),
        ("<title>统一身份认证</title>登录<input type=password name=p>".encode(), 200, "login"),
        ("<title>海棠大学</title><p>该网站仅限校内访问</p>".encode(), 200, "intranet"),
        ("<p>请求被拦截：WAF</p>".encode(), 403, "blocked"),
    ],
)
def test_what_cannot_be_read_says_why(haitang, body, status, found):
    haitang.university.serve("/tzgg.htm", body, status=status)

    (seen,), file = haitang()

    assert found == seen.checked.found
    assert file.text == corrected(file, [seen], {})


def test_a_list_whose_articles_cannot_be_read_does_not_work(haitang):
    haitang.university.serve("/tzgg.htm", column("1"))

    (seen,), _ = haitang()

    assert "articles" == seen.checked.found


def test_a_menu_is_no_list(haitang):
    menu = "".join(f"<li><a href='/c{n}.htm'>栏目{n}</a></li>" for n in range(9))
    haitang.university.serve("/tzgg.htm", f"<title>海棠大学</title><ul>{menu}</ul>")

    (seen,), _ = haitang()

    assert "working" != seen.checked.found


def test_a_university_without_sources_gets_those_its_home_page_leads_to(haitang):
    haitang.university.serve(
        "/", "<title>海棠大学</title><body><a href='/xw.htm'>学校要闻</a><a href='/gg.htm'>通知公告</a></body>"
    )
    haitang.serve_list("/xw.htm", "1")
    haitang.serve_list("/gg.htm", "2")

    seen, file = haitang(SITE.partition("\n# why")[0])
    site = read_site("haitang", parsed(corrected(file, seen, {}), "x"), "x")

    assert {f"{haitang.university.url}/xw.htm", f"{haitang.university.url}/gg.htm"} == {one.url for one in site.sources}
    assert not site.enabled
