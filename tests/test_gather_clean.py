"""Any HTML in, safe HTML with absolute links, lines of text, pictures and files out."""

import pytest

from aggregator.errors import ParseError
from aggregator.gather.clean import clean
from aggregator.model import Attachment

BASE = "https://www.example.edu.cn/info/1/2.htm"
SITE = "https://www.example.edu.cn"


def html(markup):
    return clean(markup, BASE).html


def text(markup):
    return clean(markup, BASE).text.split("\n")


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<img src='javascript:alert(1)'>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\tscript:alert(1)'>x</a>",
        "<a href='java&#1;script:alert(1)'>x</a>",
        "<a href='&#x6a;avascript:alert(1)'>x</a>",
        "<a href='vbscript:x'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<svg><script>alert(1)</script></svg>",
        "<svg onload=alert(1)>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<math href='javascript:alert(1)'>x</math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<template><script>alert(1)</script></template>",
        "<iframe src='javascript:alert(1)'></iframe><iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<iframe src='https://evil.example.com/'></iframe>",
        "<object data='x.swf'></object><embed src='x.swf'>",
        "<form action='javascript:alert(1)'><input onfocus=alert(1) autofocus><button>x</button></form>",
        "<p style='background:url(javascript:alert(1))' class=x id=y onclick='alert(1)' contenteditable>x</p>",
        "<video src='javascript:alert(1)' poster='javascript:alert(1)' onerror=alert(1)></video>",
        "<meta http-equiv=refresh content='0;url=javascript:alert(1)'><base href='https://evil.example.com/'>",
        "<scr\x00ipt>alert(1)</scr\x0bipt>",
        "<img src=x srcset='x onerror=alert(1)' alt='\"><script>alert(1)</script>'>",
        "<a href='https://a.example.com/\"><script>alert(1)</script>'>x</a>",
        "<div class=wp_video_player sudy-wp-src='javascript:alert(1)'></div>",
        "<script vurl='javascript:alert(1)'></script>",
        "<script>showVsbpdfIframe('javascript:alert(1)')</script>",
        "<xmp><script>alert(1)</script></xmp><listing><img src=x onerror=alert(1)></listing>",
        "<plaintext><script>alert(1)</script>",
        "<link rel=stylesheet href=//evil.example.com><style>@import '//evil.example.com'</style>",
    ],
)
def test_nothing_that_runs_comes_through(markup):
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(html(f"<p>a</p>{markup}<p>b</p>")).body

    allowed = {"href", "src", "alt", "rel", "controls"}
    for node in body.css("*"):
        assert node.tag not in {"script", "style", "iframe", "object", "embed", "svg", "math", "form", "input", "meta"}
        assert not set(node.attributes) - allowed
        assert all(
            value.startswith(("http://", "https://"))
            for name, value in node.attributes.items()
            if name in ("href", "src")
        )


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("3.htm", f"{SITE}/info/1/3.htm"),
        ("/a", f"{SITE}/a"),
        ("../3/4.htm", f"{SITE}/info/3/4.htm"),
        ("//cdn.example.com/a", "https://cdn.example.com/a"),
        (" https://other.example.com/a b ", "https://other.example.com/a%20b"),
        ("upload\\2005\\1.htm", f"{SITE}/info/1/upload/2005/1.htm"),
        ("mailto:office@example.edu.cn", "mailto:office@example.edu.cn"),
    ],
)
def test_links_become_absolute(href, url):
    assert f'<a href="{url}" rel="noopener noreferrer">x</a>' == html(f"<a href='{href}'>x</a>")


@pytest.mark.parametrize(
    "href", ["#top", "", "http://[", "直播网址见正文 投递：https://x", "about:blank", "file:///C:/a"]
)
def test_a_link_that_leads_nowhere_leaves_its_words(href):
    cleaned = html(f"<p>看<a href='{href}'>这里</a></p>")

    assert "看" in cleaned
    assert "这里" in cleaned
    assert "file:" not in cleaned


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="/images/loading.gif" data-src="/up/1.jpg">',
        '<img src="data:image/gif;base64,R0lGOD" data-original="/up/1.jpg">',
        '<img data-lazy-src="/up/1.jpg">',
        '<img src="/up/1.jpg" original-src="/up/1-large.jpg">',
        '<img src="" orisrc="/up/1.jpg">',
        '<img src="blank.gif" data-url="/up/1.jpg">',
        '<img srcset="/up/1.jpg 1x, /up/2.jpg 2x">',
        '<picture><source srcset="/up/1.webp"><img src="/up/1.jpg"></picture>',
    ],
)
def test_a_lazy_picture_is_the_picture(markup):
    assert (f"{SITE}/up/1.jpg",) == clean(markup, BASE).images


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="/images/spacer.gif">',
        '<img src="data:image/png;base64,iVBORw0K">',
        '<img src="file:///C:/Users/a/1.png">',
        '<img src="/count.php" width="1" height="1">',
        '<img src="/_ueditor/themes/default/images/icon_doc.gif">',
        '<img src="/ueditor/dialogs/attachment/fileTypeImages/icon_xls.gif">',
        '<img src="/sysimage/icon16/pdf.gif">',
        "<img>",
    ],
)
def test_what_is_no_picture_of_the_article_is_none(markup):
    cleaned = clean(f"<p>{markup}</p>", BASE)

    assert ((), "") == (cleaned.images, cleaned.html)


def test_word_is_flattened():
    markup = """<p class="MsoNormal" style="text-indent:2em"><span style="font-size:16pt">共<span lang="EN-US">74</span>支<span
        lang="EN-US"><o:p></o:p></span></span></p><p class="MsoNormal"><span lang="EN-US"><o:p>&nbsp;</o:p></span></p>
        <!--[if gte mso 9]><xml><w:WordDocument/></xml><![endif]--><xml><w:View>Normal</w:View></xml>"""

    assert "<p>共74支</p>" == html(markup)


def test_text_has_one_block_a_line_and_cells_in_reading_order():
    markup = """<h2>岗位</h2><p>　　第一&nbsp;段<br>换行</p><ul><li>甲</li><li>乙</li></ul>
        <table><tr><th>名</th><th>数</th></tr><tr><td><p>后勤</p></td><td>7</td></tr></table><div>末<b>尾</b></div>"""

    assert ["岗位", "第一 段", "换行", "甲", "乙", "名", "数", "后勤", "7", "末尾"] == text(markup)


def test_what_has_meaning_is_kept():
    markup = (
        '<h2>一</h2><blockquote>引</blockquote><ol start="3"><li>项</li></ol><p>H<sub>2</sub>O x<sup>2</sup></p>'
        "<figure><figcaption>图注</figcaption></figure>"
    )

    assert markup == html(markup)


def test_a_table_keeps_its_shape():
    markup = '<table class=a><caption>表</caption><tr><td colspan="2" width=9>甲</td></tr><tr><td></td><td>乙</td></tr></table>'

    assert (
        '<table><caption>表</caption><tbody><tr><td colspan="2">甲</td></tr><tr><td></td><td>乙</td></tr></tbody></table>'
        == html(markup)
    )


def test_a_formula_is_its_text():
    assert ["E=mc2"] == text(
        "<math><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup><annotation>TeX</annotation></math>"
    )


@pytest.mark.parametrize(("kind", "text"), [("math/tex", r"\(a<b^2\)"), ("math/tex; mode=display", r"\[a<b^2\]")])
def test_a_formula_for_mathjax_is_its_tex(kind, text):
    cleaned = clean(f'<p>设<script type="{kind}">a<b^2</script>。</p>', BASE)

    assert f"设{text}。" == cleaned.text
    assert f"<p>设{text}。</p>".replace("a<b", "a&lt;b") == cleaned.html


def test_word_for_windows_leaves_nothing_but_paragraphs():
    markup = """<!--[if gte mso 9]><xml><o:OfficeDocumentSettings/></xml><![endif]--><style>p.MsoNormal{margin:0}</style>
        <p class="MsoNormal" align="left"><b style="mso-bidi-font-weight:normal"><span style="font-family:仿宋_GB2312">一、</span></b><span
        lang="EN-US" style="font-size:16.0pt"><span style="mso-spacerun:'yes'">&nbsp;</span>2025</span><st1:chsdate><span>年</span></st1:chsdate><span
        lang="EN-US"><o:p></o:p></span></p><p class="MsoNormal"><!--[if !supportLists]--><span lang="EN-US">1.</span><!--[endif]-->细则</p>
        <v:shape><v:imagedata src="file:///C:/a.png"></v:imagedata></v:shape><p class="MsoNormal"><o:p>&nbsp;</o:p></p>"""

    assert "<p><b>一、</b> 2025年</p><p>1.细则</p>" == html(markup)


def test_a_form_is_no_content_but_what_it_holds_is():
    assert "<div><p>正文</p></div>" == html('<form name="_newscontent_fromname"><input value=x><p>正文</p></form>')


def test_empty_elements_and_trailing_breaks_go():
    assert "<p>文</p>" == html("<p>&nbsp;</p><div><span> </span></div><p>文<br><br></p><p><br/></p><strong></strong>")


def test_spaces_between_words_stay():
    assert "<p>a <b>b</b> c</p>" == html("<p> a<b> b </b>c </p>")


def test_preformatted_text_keeps_its_lines():
    cleaned = clean("<pre>a\n  b &lt; c</pre>", BASE)

    assert ("<pre>a\n  b &lt; c</pre>", "a\nb < c") == (cleaned.html, cleaned.text)


def test_what_is_hidden_is_not_shown_but_a_long_page_is():
    page = "后面一页的正文。" * 40

    assert ["见", page] == text(f"<p>见<span style='display: none'>隐</span></p><div style='display:none'>{page}</div>")


def test_files_are_offered_with_their_names():
    markup = """<a href="/_upload/article/files/1/a.docx" sudyfile-attr="{'title':'申请表（新）.docx'}">下载</a>
        <a href="/download.aspx?id=3">名单.xlsx</a><a href="/up/%E8%A1%A8.pdf"></a><a href="/about.htm">关于</a>"""

    assert (
        Attachment(
            f"{SITE}/_upload/article/files/1/a.docx", "申请表（新）.docx", clean(markup, BASE).attachments[0].media_type
        ),
        Attachment(f"{SITE}/download.aspx?id=3", "名单.xlsx", clean(markup, BASE).attachments[1].media_type),
        Attachment(f"{SITE}/up/%E8%A1%A8.pdf", "表.pdf", "application/pdf"),
    ) == clean(markup, BASE).attachments


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        (
            '<script name="_videourl" vurl="/v/1.mp4">showVsbVideo()</script>',
            f'<video controls="" src="{SITE}/v/1.mp4">',
        ),
        ('<div class="wp_video_player" sudy-wp-src="/v/1.mp4"></div>', f'<video controls="" src="{SITE}/v/1.mp4">'),
        ('<video><source src="/v/1.mp4"></video>', f'<video controls="" src="{SITE}/v/1.mp4">'),
        ('<embed src="/v/1.mp3">', f'<audio controls="" src="{SITE}/v/1.mp3">'),
        (
            '<iframe src="//player.bilibili.com/p.html?aid=1"></iframe>',
            'href="https://player.bilibili.com/p.html?aid=1"',
        ),
        ('<iframe data-src="https://v.qq.com/x.html"></iframe>', 'href="https://v.qq.com/x.html"'),
        ('<div class="wp_pdf_player" pdfsrc="/f/1.pdf"></div>', f'href="{SITE}/f/1.pdf"'),
        ('<iframe src="/web/viewer.html?file=/f/1.pdf"></iframe>', f'href="{SITE}/web/viewer.html?file=/f/1.pdf"'),
        ('<script>showVsbpdfIframe("/f/1.pdf","100%")</script>', f'href="{SITE}/f/1.pdf"'),
        ('<object data="/f/1.pdf" type="application/pdf"></object>', f'href="{SITE}/f/1.pdf"'),
        ('<embed src="/f/1.pdf">', f'href="{SITE}/f/1.pdf"'),
        (
            '<object><param name="src" value="/v/1.mp4"><embed src="/v/1.mp4"></object>',
            f'<video controls="" src="{SITE}/v/1.mp4">',
        ),
    ],
)
def test_what_a_player_plays_is_shown_without_it(markup, shown):
    cleaned = clean(markup, BASE)

    assert shown in cleaned.html
    assert "" == cleaned.text


def test_control_characters_and_halves_of_characters_go():
    cleaned = clean("<p>a\x0bb\x00c&#11;d\ud800e\u200bf\ufffe</p>", BASE)

    assert not set(cleaned.html + cleaned.text) & set("\x00\x0b\ud800\u200b\ufffe")
    assert cleaned.text.startswith("a b")


def test_cleaning_twice_changes_nothing():
    markup = "<div><p>文 <a href='/a'>链</a><br>二</p><table><tr><td>格</td></tr></table><img src='/1.jpg'></div>"

    assert html(markup) == html(html(markup))


@pytest.mark.parametrize(
    "markup",
    [
        "",
        "一",
        " 一\n 段 ",
        "<p>一</p>",
        "<p>一</p><p>二</p>",
        "<p>一</p><p></p><p>二</p>",
        "<p>one line</p> <p>two\u3000 lines</p>",
        "<h2>题 目</h2>\n<p>一  段</p>\n<p> </p>",
        "<p>一</p>二",
        "<p>一</p><p>1 < 2 &amp; 2 > 1</p>",
        "<p>一\u200b</p><p>\ufeff二\xad</p>",
    ],
)
def test_plain_paragraphs_need_no_tree_and_read_the_same(markup):
    short, long = clean(markup, BASE), clean(f"{markup}<i></i>", BASE)

    assert long == short


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 2_000_000,
        "<p " + " ".join(f"a{n}" for n in range(50_000)) + ">x",
        "".join(f"<p><b a{n}>x" for n in range(20_000)),
    ],
)
def test_markup_built_to_keep_a_parser_busy_is_refused(markup):
    with pytest.raises(ParseError):
        clean(markup, BASE)


def test_many_spans_and_open_fonts_are_read():
    spans = clean("<span>字</span>" * 50_000, BASE)
    fonts = clean("".join(f"<font a{n}>" for n in range(90)) + "<p>字" * 2_000, BASE)

    assert (50_000, 3_999) == (len(spans.text), len(fonts.text))


def test_what_is_nested_deep_comes_out_shallow():
    cleaned = html("<div>" * 3_000 + "深")

    assert "深" in cleaned
    assert cleaned.count("<div>") < 100


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("学校</p>会议", "学校\n会议"),  # a paragraph that shows nothing ends the line
        ("学校<br><table></table>会议", "学校\n会议"),
        ("学校 <b></b>", "学校"),
        ("<p><table><tr><td>学校</table>", "学校"),  # without a doctype a paragraph may hold a table
        ("<p>学校<iframe src='//v.qq.com/a'></iframe>会议", "学校\n会议"),
        ("<table><script>showVsbpdfIframe('/a.pdf')</script></table>", ""),
        ("<a href=1>学校<marquee><a href=2>会议</a></marquee></a>", "学校\n会议"),
        ("<ul><li>学校<form><li>会议</form></ul>", "学校\n会议"),
        ("<h1><span><h2>学校</h2></span></h1>", "学校"),
        ("<math><td>学校", "学校"),
        ("<listing>\x01\n\n学校<br>\x01", "学校"),
        ("\x01\t\x01学校", "学校"),
        ("<div>" * 70 + "学校<li>会议", "学校\n会议"),
    ],
)
def test_cleaning_twice_is_cleaning_once(markup, text):
    once = clean(markup, SITE)

    assert text == once.text
    assert once == clean(once.html, SITE)
