"""What documents are put together from: the pieces of pages and feeds, and those that parsers stumble on."""

WORDS = (
    "学校召开会议",
    "部署重点工作",
    "，",
    "。",
    "研究生院",
    "通知",
    "关于",
    "2025",
    " News ",
    "的",
    "公告",
    "（一）",
    "“双一流”",
    "\n",
)

DATES = (
    "2025-05-06", "2025年5月6日", "05-06", "5月6日", "06", "2025-05", "May 6, 2025", "6 May", "二〇二五年五月六日", "114-05-06",
    "民国114年5月6日", "25.05.06", "20250506", "2099-12-31", "0001-01-01", "1970-01-01", "02-29", "2024-02-29", "2025-02-30",
    " 08:05", " 00:00:00", "T24:00", "下午3时30分", "+08:00", "+99:99", " GMT+8", " CST", "Z", "今天", "昨天 ", "3小时前", "刚刚",
    "an hour ago", "999天前", "发布时间：", "日期", "\0", "年", "月", "-", "至", "　", "\n", "９", "٣", "²",
)  # fmt: skip

TAGS = (
    "html", "head", "body", "title", "p", "div", "span", "a", "b", "font", "i", "table", "tr", "td", "th", "tbody",
    "ul", "ol", "li", "dl", "dd", "h1", "h2", "form", "input", "select", "option", "textarea", "script", "style",
    "noscript", "template", "iframe", "object", "embed", "svg", "math", "frameset", "frame", "base", "meta", "link",
    "img", "br", "hr", "center", "marquee", "pre", "plaintext", "xmp", "listing", "blink", "nobr", "button", "label",
    "video", "audio", "source", "o:p", "st1:date", "x-y", "a1",
)  # fmt: skip

ATTRIBUTES = (
    'href="info/1055/1.htm"', "href=../a.htm", "href='javascript:alert(1)'", 'href="java&#9;script:alert(1)"', "href",
    'href="data:text/html,<script>1</script>"', 'href="http://[注]"', 'href="//b.example/x"', 'href="#"', 'href="mailto:a@b.example"',
    'href="vbscript:x"', 'href="http://a:b@c.example:99999/"', 'href="\\\\e.example\\x"', 'href="?page=2"', 'href="a.pdf"',
    'src="/p.png"', 'src="javascript:1"', 'src="data:image/png;base64,AAAA"', "src=x onerror=alert(1)", 'onclick="x()"',
    'ONLOAD="x()"', 'style="display:none"', "style='background:url(javascript:1)'", 'id="vsb_content"', 'class="news_list"',
    "class='wp_articlecontent'", 'class="v_news_content"', "class", 'title="<b>学校</b>"', "title='通知公告第一号'", "colspan=999999999",
    'rowspan="-1"', 'start="x"', 'content="2025-05-06"', 'name="PubDate"', "charset=gbk", 'http-equiv="refresh"', 'type="password"',
    'vurl="/v.mp4"', 'pdfsrc="/a.pdf"', 'sudy-wp-src="/v.mp4"', 'sudyfile-attr="{\'title\':\'a.docx\'}"', "=", '"', "'", "<", "/",
    "\0=\0", "a" * 300, "é", "名=值", 'xmlns="http://www.w3.org/2000/svg"', 'xlink:href="javascript:1"', 'formaction="javascript:1"',
)  # fmt: skip

PROSE = "<p>" + "学校召开春季学期重点工作部署会议，党委书记出席并讲话，各学院负责人参加。" * 4 + "</p>"

HTML = (
    *(f"<{tag}>" for tag in TAGS),
    *(f"</{tag}>" for tag in TAGS),
    *(f"<{tag} {attribute}>" for tag, attribute in zip((*TAGS, "a", "div", "img", "li") * 2, ATTRIBUTES * 3, strict=False)),
    *(f"<a {attribute}>关于举行学术报告会的通知</a>" for attribute in ATTRIBUTES),
    *(f'<li><a href="info/{number}.htm">关于第{number}次学术报告的通知</a><span>{date}</span></li>' for number, date in enumerate(DATES)),
    *(f"<span>发布时间：{date}</span>" for date in DATES),
    *DATES,
    *WORDS,
    PROSE,
    PROSE * 3,
    "<h1>海棠大学召开工作会议</h1>",
    "<title>海棠大学召开工作会议-新闻网</title>",
    '<div id="vsb_content"><div class="v_news_content">' + PROSE,
    '<div class="wp_articlecontent">' + PROSE + "</div>",
    "<!doctype html>", "<!--", "-->", "<!-->", "--!>", "<![CDATA[", "]]>", "<?xml version='1.0' encoding='gbk'?>", "<?php",
    "&nbsp;", "&#0;", "&#xD800;", "&#x110000;", "&#1;", "&lt;script&gt;", "&amp;lt;", "&notit;", "&", "&#", "&#60;script>",
    "<", "</", "<>", "</>", "<1>", "< p>", "<p", "<p/", "<a href=", "\0", "\x0b", "\x1b", "\u200b", "\ufeff", "\u2028", "\ufffe",
    "\ue000\ue001\ue000", "\U0001f600", "<script>showVsbpdfIframe('/a.pdf','100%','1')</script>",
    "<script>document.write('<a href=x>')</script>", "<noscript><img src=x onerror=alert(1)></noscript>",
    "<svg><style><img src=x onerror=alert(1)>", "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<table><tr><td><table><tr><td>", "<b><i><u><font>" * 12, "<div>" * 70, "<p " + "x=1 " * 50 + ">",
    "<p " + " ".join(f"a{number}=1" for number in range(10_000)) + ">",
)  # fmt: skip

FEED = (
    '<?xml version="1.0" encoding="utf-8"?>', '<?xml version="1.0" encoding="gb2312"?>', "\n\n", "<!DOCTYPE rss [<!ENTITY x 'y'>]>", "&x;",
    '<rss version="2.0">', "<rss><channel>", "</channel></rss>", "</rss>", "<channel>", "</channel>", "<item>", "</item>",
    '<feed xmlns="http://www.w3.org/2005/Atom">', "</feed>", "<entry>", "</entry>", '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">',
    "</rdf:RDF>", "<title>", "</title>", "<title>通知 & 公告 <em>一</em></title>", "<link>", "</link>", "<link>info/1.htm</link>", "<link>javascript:alert(1)</link>",
    '<link href="http://[注]"/>', '<link rel="alternate" href="/a"/>', '<link rel="enclosure" href="a.pdf" length="x"/>', "<guid>", "</guid>",
    '<guid isPermaLink="false">1</guid>', "<guid>http://a.example/1</guid>", "<description>", "</description>", "<description><![CDATA[<p onclick=x>", "]]></description>",
    "<content:encoded>", "</content:encoded>", '<content type="xhtml" xml:base="b/"><div xmlns="http://www.w3.org/1999/xhtml"><script>1</script>', "</div></content>",
    *(f"<pubDate>{date}</pubDate>" for date in (*DATES, "Tue, 06 May 2025 08:05:00 GMT", "Tue, 99 Zzz 2025 25:61:61 +9999", "1746489900", "99999999999999", "-1")),
    *(f"<updated>{date}</updated>" for date in ("2025-05-06T08:05:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "")),
    "<author>a@b.example (张三)</author>", '<enclosure url="a.mp3" length="-1" type="audio/mpeg"/>', "<dc:date>2025-05-06</dc:date>", "<category>", "</category>",
    "{", "}", "[", "]", '"', ",", ":", '{"version": "https://jsonfeed.org/version/1.1", "title": "新闻", "items": [', '{"id": "1", "url": "a", "title": "\\ud800", "date_published": "2025-05-06T08:05:00Z"}',
    '{"id": 1, "content_html": "<p>", "attachments": [{"url": "http://[", "size_in_bytes": 1e400}]}', "]}", "null", "1e999", "NaN",
    "<a><b><c>" * 30, "&nbsp;", "&", "&#0;", "\0", "\x08", "\ufffe", "<!--", "-->", "<?xml", "<![CDATA[", "]]>", *WORDS,
)  # fmt: skip
