import re
import subprocess
import sys
import tomllib
from base64 import b64encode
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator.errors import ParseError
from aggregator.gather.feed import MAX_MARKS, find_feeds, looks_like_feed, read_feed
from aggregator.gather.feed_last_resort import MAX_BYTES, reread
from aggregator.gather.feed_repair import repaired
from aggregator.gather.feed_values import Reading, claimed_date, is_full_text
from aggregator.identity import identity
from aggregator.model import Item, Response

SHANGHAI = ZoneInfo("Asia/Shanghai")
MEDIA = "http://search.yahoo.com/mrss/"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://news.example.edu.cn/rss.xml"
CASES = sorted((Path(__file__).parent / "feeds").glob("*.toml"))
FIELDS = [field.name for field in fields(Item)]

# what every broken feed below must still say
GOOD = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>通知公告</title>
<link>https://news.example.edu.cn/</link>
<item><title>第一条</title><link>https://news.example.edu.cn/1.htm?a=1&amp;b=2</link>
<description>&lt;p&gt;正文&lt;/p&gt;</description><pubDate>Wed, 04 Oct 2023 22:28:54 +0800</pubDate></item>
<item><title>第二条</title><link>https://news.example.edu.cn/2.htm</link>
<description><![CDATA[<p>正文 & 图</p>]]></description><dc:date>2023-10-03T08:00:00+08:00</dc:date></item>
</channel></rss>
"""


def read(body, content_type=None, url=URL):
    response = Response(url, 200, body.encode() if isinstance(body, str) else body, {"content-type": content_type})
    return read_feed(response, timezone=SHANGHAI, now=NOW)


def essence(listing):
    return [(item.title, item.url, item.published) for item in listing.items]


def rss(*items):
    return f"<rss version='2.0'><channel><link>https://a.example/</link>{''.join(items)}</channel></rss>"


# ---------------------------------------------------------------- well-formed feeds: tests/feeds


def read_case(path):
    expected = tomllib.loads(path.read_text("utf-8"))
    document = next(file for file in path.parent.glob(path.stem + ".*") if file != path)
    return expected, read(document.read_bytes(), url=expected["url"])


def case_facts():
    for path in CASES:
        for number, _ in enumerate(tomllib.loads(path.read_text("utf-8"))["items"]):
            for field in FIELDS:
                yield pytest.param(path, number, field, id=f"{path.stem}-{number + 1}-{field}")


@pytest.mark.parametrize(("path", "number", "field"), list(case_facts()))
def test_each_field_of_a_case_is_read(path, number, field):
    expected, listing = read_case(path)

    actual = getattr(listing.items[number], field)

    if field == "attachments":
        actual = [[file.url, file.title, file.media_type, file.length] for file in actual]
    missing = [] if field in ("tags", "attachments") else None
    assert expected["items"][number].get(field, missing) == (list(actual) if field == "tags" else actual)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_has_its_title_and_as_many_items_as_it_says(path):
    expected, listing = read_case(path)

    assert (expected["title"], len(expected["items"])) == (listing.title, len(listing.items))


@pytest.mark.parametrize(
    "namespace", ["http://my.netscape.com/rdf/simple/0.9/", "http://backend.userland.com/rss2", "urn:own"]
)
def test_any_namespace_serves(namespace):
    listing = read(GOOD.replace("<rss ", f"<rss xmlns='{namespace}' "))

    assert ["第一条", "第二条"] == [item.title for item in listing.items]


@pytest.mark.parametrize(
    "namespace", ["http://search.yahoo.com/mrss", "https://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss/"]
)
def test_a_module_is_known_by_its_misspelt_namespace(namespace):
    item = "<item><media:title>第一条</media:title></item>"

    listing = read(rss(item).replace("<rss ", f"<rss xmlns:media='{namespace}' "))

    assert "第一条" == listing.items[0].title


def test_what_stands_in_a_media_group_is_the_items():
    group = "<media:group><media:title>第一条</media:title><media:description>摘要</media:description></media:group>"

    item = read(rss(f"<item><link>/1</link>{group}</item>").replace("<rss", f"<rss xmlns:media='{MEDIA}'")).items[0]

    assert ("第一条", "摘要") == (item.title, item.summary)


def test_items_in_a_wrapper_are_found():
    wrapped = GOOD.replace("<item>", "<items><item>", 1).replace("</channel>", "</items></channel>")

    assert essence(read(GOOD)) == essence(read(wrapped))


def test_items_beside_the_channel_are_found():
    moved = GOOD.replace("</channel>", "").replace("<item>", "</channel><item>", 1)

    assert essence(read(GOOD)) == essence(read(moved))


# ---------------------------------------------------------------- items


def test_items_without_address_are_kept_apart_by_their_ids():
    listing = read(
        rss("<item><title>故障</title><guid>a</guid></item>", "<item><title>故障</title><guid>b</guid></item>")
    )

    keys = {identity(item.url) for item in listing.items}

    assert 2 == len(keys)
    assert all(item.url.startswith("https://a.example/#/") for item in listing.items)


@pytest.mark.parametrize(
    "link", ["https:///a.htm", "https://", "http://：", "http://[", "javascript:void(0)", "ftp://a/b"]
)
def test_a_link_that_nobody_can_follow_is_none(link):
    atom = f"<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>故障</title><link href='{link}'/></entry></feed>"
    json_feed = f'{{"version": "https://jsonfeed.org/version/1", "items": [{{"title": "故障", "url": "{link}"}}]}}'

    for document in (rss(f"<item><title>故障</title><link>{link}</link></item>"), atom, json_feed):
        assert read(document).items[0].url.startswith(("https://a.example/#/", f"{URL}#/"))


def test_an_item_without_address_needs_no_page():
    (item,) = read(rss("<item><title>故障</title><description>已修复</description></item>")).items

    assert ("已修复", None) == (item.html, item.summary)


def test_one_bad_item_does_not_lose_the_others():
    listing = read(
        rss("<item><title>x</title><link>http://[注]</link></item>", "<item/>", "<item><title>y</title></item>")
    )

    assert ["x", "y"] == [item.title for item in listing.items]


@pytest.mark.parametrize(
    ("description", "is_full"),
    [
        ("<p>" + "正文" * 200 + "</p><p>完</p>", True),
        ("<p>" + "正文" * 200 + "</p><p>未完 [&hellip;]</p>", False),
        ("<p>" + "正文" * 200 + "</p><p><a href='/1'>阅读全文 &raquo;</a></p>", False),
        ("<p>摘要</p><p>短</p>", False),
        ("正文" * 1000, False),
    ],
)
def test_a_long_description_in_paragraphs_is_the_full_text(description, is_full):
    assert is_full == is_full_text(description)


def test_an_author_is_a_name_where_there_is_one():
    (item,) = read(
        GOOD.replace("<title>第一", "<author>a@example.edu.cn</author><dc:creator>张三</dc:creator><title>第一")
    ).items[:1]

    assert "张三" == item.author


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("<title>a &amp;lt;b&amp;gt; c</title>", "a <b> c"),
        ("<title>a <![CDATA[<b>]]> c</title>", "a <b> c"),
        ("<title type='text'>&amp;amp; is written so</title>", "&amp; is written so"),
        ("<title type='html'>&lt;![CDATA[第一条]]&gt;</title>", "第一条"),
        (f"<title mode='base64'>{b64encode('第一条'.encode()).decode()}</title>", "第一条"),
        ("<title mode='base64'>第一条</title>", "第一条"),
    ],
)
def test_an_atom_title_is_what_its_type_says(title, expected):
    atom = f"<feed xmlns='http://www.w3.org/2005/Atom'><entry>{title}</entry></feed>"

    assert expected == read(atom).items[0].title


@pytest.mark.parametrize(
    ("guid", "expected"),
    [
        ("<guid>info/1/2.htm</guid>", "https://a.example/info/1/2.htm"),
        ("<guid>/2</guid>", "https://a.example/2"),
        ("<guid isPermaLink='true'>2</guid>", "https://a.example/2"),
        ("<guid isPermaLink='false'>info/1/2.htm</guid>", None),
        ("<guid>2024/17</guid>", None),
        ("<guid>tag:a.example,2024:1/2.htm</guid>", None),
    ],
)
def test_an_id_that_is_an_address_is_the_link(guid, expected):
    url = read(rss(f"<item><title>x</title>{guid}</item>")).items[0].url

    assert expected == (None if "#/" in url else url)


def test_the_address_may_stand_behind_an_empty_link():
    listing = read(rss("<item><title>x</title><link/>https://a.example/1\n<guid>1</guid></item>"))

    assert ["https://a.example/1"] == [item.url for item in listing.items]


def test_a_json_feed_may_have_line_breaks_in_its_texts():
    listing = read('{"items": [{"url": "https://a.example/1", "title": "第一\n条"}]}')

    assert ["第一 条"] == [item.title for item in listing.items]


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Wed, 4 Oct 2023 22:28:54 GMT", "2023-10-04T22:28:54+00:00"),
        ("04 Oct 23 22:28 EST", "2023-10-04T22:28:00-05:00"),
        ("Wed, 04 Oct 2023 22:28:54 CST", "2023-10-04T22:28:54+08:00"),
        ("Wed, 04 Oct 2023 22:28:54 GMT+8", "2023-10-04T22:28:54+08:00"),
        ("星期三, 04 十月 2023 22:28:54 +0800", "2023-10-04T22:28:54+08:00"),
        ("Wed Oct 04 22:28:54 CST 2023", "2023-10-04T22:28:54+08:00"),
        ("Wed Oct 04 2023 22:28:54 GMT+0800 (中国标准时间)", "2023-10-04T22:28:54+08:00"),
        ("2023-10-04T22:28:54+0800", "2023-10-04T22:28:54+08:00"),
        ("2023-10-04 22:28:54", "2023-10-04T22:28:54+08:00"),
        ("2023年10月4日 22:28", "2023-10-04T22:28:00+08:00"),
        ("1696429734000", "2023-10-04T22:28:54+08:00"),
        ("20231004222854", "2023-10-04T22:28:54+08:00"),
        ("20231004T142854Z", "2023-10-04T22:28:54+08:00"),
        ("2023-10-04T14:28:54&#43;00:00", "2023-10-04T22:28:54+08:00"),
        ("Wed, 04 Oct 2023 10:28:54 PM", "2023-10-04T22:28:54+08:00"),
        ("Wed, 04 Oct 2023 24:00:00 +0800", "2023-10-05T00:00:00+08:00"),
        ("Wed, 04 Oct 2023 22:28:60 +0800", "2023-10-04T22:29:00+08:00"),
        ("Wed, 10/04/2023 - 22:28", "2023-10-04T22:28:00+08:00"),
        ("Ср, 04 октября 2023 22:28:54 +0800", "2023-10-04T22:28:54+08:00"),
        ("mer., 04 juil. 2023 22:28:54 +0800", "2023-07-04T22:28:54+08:00"),
        ("quarta-feira, 4 de outubro de 2023 22:28", "2023-10-04T22:28:00+08:00"),
        ("Quarta, 4 Outubro, 2023 - 22:28", "2023-10-04T22:28:00+08:00"),
        ("04/Out/2023 22:28", "2023-10-04T22:28:00+08:00"),
        ("4 de outubro de 2023 22:28", "2023-10-04T22:28:00+08:00"),
        ("2023-10-04 오후 10:28:54", "2023-10-04T22:28:54+08:00"),
        ("Fri, 16 Sep 1983 14:09:00 GMT", "1983-09-16T14:09:00+00:00"),
        ("Fri, 8 Apr 2035 09:29:32 +0100", "2035-04-08T09:29:32+01:00"),
    ],
)
def test_a_date_is_read_as_the_publisher_means_it(written, expected):
    claimed = claimed_date(written, Reading(URL, SHANGHAI, NOW))

    assert (datetime.fromisoformat(expected), "minute") == claimed


@pytest.mark.parametrize(
    "written",
    [
        "",
        "751",
        "조회수 4,255",
        "0001-01-01T00:00:00Z",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 24:00:00 GMT",
        "99999999999999",
        "9" * 100,
    ],
)
def test_what_is_no_date_gives_none(written):
    assert claimed_date(written, Reading(URL, SHANGHAI, NOW)) is None


def test_a_day_in_another_language_is_its_midnight():
    claimed = claimed_date("4 de outubro de 2023", Reading(URL, SHANGHAI, NOW))

    assert (datetime(2023, 10, 3, 16, tzinfo=UTC), "day") == claimed


def test_cst_is_american_where_the_site_is_not_chinese():
    claimed = claimed_date("Wed, 04 Oct 2023 22:28:54 CST", Reading(URL, ZoneInfo("UTC"), NOW))

    assert datetime(2023, 10, 5, 4, 28, 54, tzinfo=UTC) == claimed[0]


# ---------------------------------------------------------------- charsets


@pytest.mark.parametrize(
    ("encoding", "declared", "content_type"),
    [
        ("gbk", "gb2312", None),
        ("gbk", "iso-8859-1", None),
        ("gb18030", "utf-8", None),
        ("gb18030", None, None),
        ("gb18030", None, "application/rss+xml; charset=gbk"),
        ("utf-8", "gb2312", None),
        ("utf-8", "iso-8859-1", None),
        ("utf-8", "utf-16", None),
        ("utf-8-sig", "utf-8", None),
        ("utf-16", "utf-16", None),
    ],
)
def test_the_charset_is_found_whatever_is_declared(encoding, declared, content_type):
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""

    listing = read(GOOD.replace('<?xml version="1.0" encoding="utf-8"?>', declaration).encode(encoding), content_type)

    assert essence(read(GOOD)) == essence(listing)


@pytest.mark.parametrize("title", ["The university’s “news”", "À la une : l’été déjà"])
def test_latin_1_is_believed_of_an_xml_declaration(title):
    declared = GOOD.replace("utf-8", "ISO-8859-1", 1).replace("第一条", title)

    listing = read(declared.encode("cp1252", "xmlcharrefreplace"))

    assert [title, "第二条"] == [item.title for item in listing.items]


def test_one_broken_byte_does_not_change_the_charset():
    listing = read(GOOD.encode().replace("正文".encode(), b"\xe6\xad", 1))

    assert essence(read(GOOD)) == essence(listing)


# ---------------------------------------------------------------- broken feeds

DEFECTS = {
    "blank line first": lambda text: "\n\n" + text,
    "warning first": lambda text: "<br />\n<b>Warning</b>: a & b() in <b>x.php</b> on line <b>3</b>\n" + text,
    "junk last": lambda text: text + "<script>if (a && b < c) {}</script></div>",
    "document twice": lambda text: text + text,
    "raw ampersands": lambda text: text.replace("&amp;b=2", "&b=2"),
    "HTML entities": lambda text: text.replace("&lt;p", "&hellip;&nbsp;&nosuch;&lt;p"),
    "control characters": lambda text: text.replace("正文", "正\x00\x0b\ufffe文"),
    "large X": lambda text: text.replace("第一条", "&#X7B2C;一条"),
    "impossible references": lambda text: text.replace("第一条", "第一条&#11;&#0;&#x110000;&#99999999;"),
    "stray less-than": lambda text: text.replace("&lt;p&gt;", "1 < 2 <3 <= "),
    "DTD": lambda text: text.replace("<rss", '<!DOCTYPE rss [<!ENTITY one "第一条">]><rss', 1).replace(
        ">第一条", ">&one;"
    ),
    "prefix not declared": lambda text: text.replace(' xmlns:dc="http://purl.org/dc/elements/1.1/"', ""),
    "foreign prefix": lambda text: text.replace("</item>", '<x:y z:w="1">v</x:y></item>'),
    "attributes twice": lambda text: text.replace("<rss ", "<rss a='1' a='2' ", 1),
    "attributes unquoted": lambda text: text.replace("<rss ", "<rss lang=zh hidden ", 1),
    "HTML not escaped": lambda text: text.replace("&lt;p&gt;", "<p>a <b>b<br><img src=x>"),
    "surplus end tags": lambda text: text.replace("</item>", "</div></p></item>"),
    "end tag misspelt": lambda text: text.replace("</title><link>", "</titel><link>"),
    "end tag missing": lambda text: text.replace("</item>", "", 1),
    "no end": lambda text: text.partition("</channel>")[0],
    "CDATA open": lambda text: text.partition("]]>")[0] + text.partition("]]>")[2].partition("<dc:date>")[0],
    "CDATA twice": lambda text: text.replace("<title>第一条", "<title><![CDATA[<![CDATA[第一条]]>]]>"),
    "CDATA without end": lambda text: text.replace("&lt;p", "<![CDATA[&lt;p").replace("第二条", "<![CDATA[第二条]]>"),
    "CDATA swallows an item": lambda text: text.replace("<description>&lt;p", "<description><![CDATA[&lt;p"),
    "enclosure without end": lambda text: text.replace(
        "<link>https://news.example.edu.cn/1", "<enclosure url='/1.pdf'><link>https://news.example.edu.cn/1"
    ),
    "body without end": lambda text: text.replace("</description>", ""),
    "less-than in an attribute": lambda text: text.replace("<item>", "<item about='1 < 2' n=\"a <= b\">"),
    ".NET's prefix": lambda text: text.replace("dc:date", "a10:updated"),
    "CDATA in CDATA": lambda text: text.replace("<p>正文 &", "<![CDATA[x]]><p>正文 &"),
    "comment with items": lambda text: text.replace("<item>", "<!-- -- <item><title>no</title></item> --><item>", 1),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_broken_feed_says_what_the_whole_one_says(defect):
    broken = DEFECTS[defect](GOOD)

    actual = essence(read(broken))

    expected = essence(read(GOOD))
    if defect == "CDATA open":  # the date was behind it
        expected[1] = (*expected[1][:2], None)
    assert broken != GOOD
    assert expected == actual


@pytest.mark.parametrize("halves", ["&#xD83D;&#xDE00;", "&#55357;&#56832;"])
def test_two_halves_of_a_character_become_one(halves):
    assert "<rss>&#8230;&#128512;</rss>" == repaired(f"<rss>&#8230;{halves}</rss>")


def test_a_broken_feed_without_items_is_an_answer():
    assert ("通知 公告", []) == (read("<rss><channel><title>通知&nbsp;公告</title></channel></rss>").title, [])


def test_unknown_angle_brackets_in_a_title_are_text():
    listing = read(GOOD.replace("第一条", "第一条 <K intelligence 2025>"))

    assert "第一条 <K intelligence 2025>" == listing.items[0].title


def test_an_item_cut_off_in_its_address_is_left_for_the_next_visit():
    listing = read(GOOD.partition("2.htm")[0])

    assert ["第一条"] == [item.title for item in listing.items]


# ---------------------------------------------------------------- what is no feed


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        (
            "<!DOCTYPE html><html><head><title>学院新闻</title></head><body><p>x</body></html>",
            "an HTML page titled '学院新闻'",
        ),
        ("<html><title>统一身份认证</title><input type='password'></html>", "a login page titled '统一身份认证'"),
        ("<?xml version='1.0'?><urlset/>", "a sitemap"),
        ("<opml version='2.0'/>", "an OPML list of feeds"),
        ("<recordset><record/></recordset>", "XML that begins with <recordset>"),
        ('{"code": 0}', "no list of items"),
        ('{"items": [', "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        (b"%PDF-1.7 \x00\x01", "a PDF file"),
        (bytes(range(256)) * 8, "binary data"),
        ("hello", "text that begins 'hello'"),
        ("<rss><channel>", "too broken"),
    ],
)
def test_the_complaint_says_what_the_document_is(body, complaint):
    with pytest.raises(ParseError) as raised:
        read(body)

    assert complaint in str(raised.value)
    assert URL in str(raised.value)


def test_a_feed_without_items_is_an_answer():
    assert [] == read(rss()).items


# ---------------------------------------------------------------- the last resort

CHANNEL_DEFINITION = """<?xml version="1.0"?><!DOCTYPE Channel SYSTEM "http://www.w3c.org/Channel.dtd">
<CHANNEL HREF="https://news.example.edu.cn/"><TITLE>通知公告</TITLE>
<ITEM HREF="https://news.example.edu.cn/1.htm?a=1&amp;b=2" LASTMOD="2023-10-04T22:28+0800"><TITLE>第一条</TITLE></ITEM>
<ITEM HREF="https://news.example.edu.cn/2.htm"><TITLE>第二条</TITLE></ITEM></CHANNEL>"""


def test_a_channel_definition_is_read_at_last():
    first, second = read(CHANNEL_DEFINITION).items

    assert ("第一条", "https://news.example.edu.cn/1.htm?a=1&b=2") == (first.title, first.url)
    assert (datetime(2023, 10, 4, 14, 28, tzinfo=UTC), None) == (first.published, second.published)


def test_a_feed_in_capitals_is_read_at_last():
    capitals = re.sub(r"<[^<>!?]*>", lambda tag: tag[0].upper(), GOOD.replace("dc:date", "pubDate"))

    assert [(item.title, item.published) for item in read(GOOD).items] == [
        (item.title, item.published) for item in read(capitals).items
    ]


def test_items_without_a_root_are_read_at_last():
    fragment = GOOD[GOOD.index("<item>") : GOOD.index("</channel>")]

    assert essence(read(GOOD))[0] == essence(read(fragment))[0]


def test_the_last_resort_has_so_much_time_and_no_more():
    """A pattern of feedparser's is quadratic in the length of an author that ends in @."""
    hostile = CHANNEL_DEFINITION.replace("</ITEM>", f"<AUTHOR>{'a' * 400_000}@</AUTHOR></ITEM>", 1)

    with pytest.raises(ParseError, match="stopped by SIGXCPU"):
        read(hostile)


def test_a_failure_of_the_last_resort_says_so():
    with pytest.raises(ParseError, match="feedparser failed on it: UnicodeEncodeError"):
        read(CHANNEL_DEFINITION.replace("第一条", "&#xD83D;"))


def test_the_last_resort_takes_no_large_documents():
    with pytest.raises(ParseError, match="too large for feedparser"):
        reread("<RSS>" + "x" * MAX_BYTES, URL)


def test_only_the_child_knows_feedparser():
    program = "import aggregator.gather.feed, sys; sys.exit('feedparser' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<menu><item>x</item></menu>", "XML that begins with <menu>"),
        ("<div><p>x<item>y</item></div>", "XML that begins with <div>"),
        ("<html><RSS><ITEM></ITEM></RSS>", "an HTML page"),
        (GOOD.partition("</item>")[0].partition("<link>https://news.example.edu.cn/1")[0], "too broken"),
    ],
)
def test_what_is_no_feed_does_not_become_one_at_last(body, complaint):
    with pytest.raises(ParseError, match=complaint):
        read(body)


# ---------------------------------------------------------------- hostile documents


@pytest.mark.parametrize(
    "body",
    [
        rss("<item/>" * MAX_MARKS),
        rss("<item><title>x</title></item>" * 30_000),
        rss("<item>" + "<category>x</category>" * MAX_MARKS + "</item>"),
        "x" * 10_000_001,
        "<rss>" + "&" * 1_000_001,
        '{"items": [' + "{}," * MAX_MARKS + "{}]}",
        '{"items": [' + '{"id": 1},' * 30_000 + "{}]}",
    ],
    ids=["items", "small items", "categories", "bytes", "broken", "json parts", "json items"],
)
def test_what_is_too_large_is_refused(body):
    with pytest.raises(ParseError):
        read(body)


def test_entities_are_neither_expanded_nor_fetched(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("canary")
    bomb = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    dtd = f'<!DOCTYPE rss [<!ENTITY e0 "ha"><!ENTITY file SYSTEM "{secret.as_uri()}">{bomb}]>'

    title = read(dtd + rss("<item><title a='&e9;'>&e9; &file;</title></item>")).items[0].title

    assert "&e9; &file;" == title


@pytest.mark.parametrize(
    "item",
    [
        "<a>" * 50_000,
        "<![CDATA[" * 50_000,
        "<!--<![CDATA[]]>" * 50_000,
        "<title>" * 50_000,
        '<a b="' * 50_000,
        "<a " + "b:" * 100_000 + ">",
        "&a" * 200_000,
        "&#xD83D;" * 100_000,
        "<description><![CDATA[</item>" * 30_000,
        "<a b='< " * 50_000,
        "<a b='" + "< " * 100_000,
        "<title>" + "<b " * 50_000 + "</title>",
        "<author>" + "a" * 100_000 + "@</author>",
        "<pubDate>" + "1" * 100_000 + "</pubDate>",
        "<link>" + "\n" * 100_000 + "x" * 100_000 + "</link>",
    ],
    ids=lambda item: item[:12],
)
def test_hostile_markup_takes_no_time(item):
    """Each of them took a general feed parser seconds to minutes; quadratic work would show in the suite's run."""
    listing = read(f"<rss><channel><item><title>x</title><link>https://a.example/1</link></item><item>{item}")

    assert "https://a.example/1" == listing.items[0].url


@pytest.mark.parametrize(
    "item",
    [
        "&" * 100_000,
        "<" * 100_000,
        "<a>" * 50_000,
        "<a " + "b " * 50_000 + ">",
        "<a:b c:d=''>" * 20_000,
        "]]>" * 50_000,
    ],
    ids=lambda item: item[:12],
)
def test_a_repaired_document_is_no_more_than_some_times_the_broken_one(item):
    broken = rss(f"<item><title>{item}</title></item>")

    assert len(repaired(broken)) < 6 * len(broken)


# ---------------------------------------------------------------- finding feeds


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (GOOD, True),
        (GOOD.encode("utf-16"), True),
        ("\ufeff\n<!-- made by hand --><feed xmlns='http://www.w3.org/2005/Atom'/>", True),
        ("<rdf:RDF xmlns='http://purl.org/rss/1.0/' xmlns:rdf='x'/>", True),
        ("<rdf:RDF xmlns:foaf='http://xmlns.com/foaf/0.1/' xmlns:rdf='x'/>", False),
        ('{"version": "https://jsonfeed.org/version/1.1", "items": []}', True),
        ('{"items": []}', False),
        ("<!DOCTYPE html><html><body><rss></body></html>", False),
        ("<urlset/>", False),
        ("", False),
    ],
)
def test_a_feed_is_known_by_its_beginning(body, expected):
    response = Response(URL, 200, body.encode() if isinstance(body, str) else body, {"content-type": "text/html"})

    assert expected == looks_like_feed(response)


def test_a_page_names_its_feeds():
    page = """<html><head><base href="/news/"><link rel="stylesheet" href="a.css">
        <link rel="alternate" type="application/rss+xml" title="要闻 &amp; 通知" href="rss.xml">
        <link rel='ALTERNATE' type='application/atom+xml; charset=utf-8' href='https://b.example/atom'>
        <link rel="alternate" type="application/rss+xml" href="rss.xml">
        <link rel="alternate" type="application/json" href="/wp-json/pages/1">
        <link rel="alternate" hreflang="en" href="/en/"><!-- <link rel="alternate" type="text/xml" href="old.xml"> -->"""

    feeds = find_feeds(page, "https://a.example/index.html")

    assert [("https://a.example/news/rss.xml", "要闻 & 通知"), ("https://b.example/atom", "")] == feeds


@pytest.mark.parametrize("page", ["", " ", "<", "\x00", "<!-- -->"])
def test_a_page_of_nothing_names_no_feeds(page):
    assert [] == find_feeds(page, URL)
