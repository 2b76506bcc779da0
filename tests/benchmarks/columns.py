"""Made-up columns of news in the shape of VSB's: list pages of 20 links, and article pages of about 12 KB.

Most of a page is its frame, as on the real ones: scripts, a menu of all departments, a column of notices, a footer.
"""

from datetime import datetime, timedelta
from html import escape

from tests.benchmarks.stories import CLAUSES, ENTRIES, EPOCH, story

DEPARTMENTS = ("学校概况", "机构设置", "人才培养", "科学研究", "师资队伍", "招生就业", "合作交流", "校园文化")
TOPICS = (
    "工作简介", "规章制度", "办事指南", "下载专区", "队伍建设", "成果展示", "学习园地", "常见问题", "工作动态", "联系我们",
)  # fmt: skip
MENU = "".join(
    f'<li class="nav_{one}"><a href="/{one}.htm" title="{department}">{department}</a><ul class="sub">'
    + "".join(
        f'<li><a href="/{one}/{two}.htm" title="{topic}">{topic}</a></li>' for two, topic in enumerate(TOPICS, 10)
    )
    + "</ul></li>"
    for one, department in enumerate(DEPARTMENTS, 10)
)
NOTICES = "".join(
    f'<li><a href="/info/1060/{number}.htm" title="关于{clause}的通知">关于{clause[:6]}...</a></li>'
    for number, clause in enumerate(CLAUSES, 2000)
)
HEAD = """<link rel="stylesheet" type="text/css" href="/_sitegray/_sitegray_d.css" />
<script language="javascript" src="/_sitegray/_sitegray.js"></script>
<script type="text/javascript" src="/system/resource/js/counter.js"></script>
<script type="text/javascript" src="/system/resource/js/jquery/jquery-latest.min.js"></script>
<style>body{font:14px/1.8 sans-serif;width:1000px;margin:0 auto;color:#333}a{color:#124;text-decoration:none}
.nav li{float:left}.nav .sub{display:none}.side{float:right;width:250px;background:#f6f6f6}.main{margin-right:310px}
.main li span{float:right;color:#888}.footer{clear:both;border-top:1px solid #ccc;color:#888}</style>
<script>$(function(){$(".nav>li").hover(function(){$(".sub",this).show()},function(){$(".sub",this).hide()})})</script>"""
FOOTER = "版权所有 农场大学党委宣传部　地址：农场大学行政楼三〇六室　电话：0000-6350001　邮编：000000"


def column(number: int, newer: int) -> bytes:
    """The list page of column *number* with its newest 20 articles, *newer* of which its first edition had not."""
    rows = "".join(_row(place, number * 1000 + place) for place in range(ENTRIES - 1 + newer, newer - 1, -1))
    pager = (
        f'<div class="pb_sys_common"><span class="p_t">共{ENTRIES * 9}条</span><span class="p_no_d">1</span>'
        f'<span class="p_no"><a href="{number}/8.htm">2</a></span>'
        f'<span class="p_next p_fun"><a href="{number}/8.htm">下页</a></span></div>'
    )
    return _page(f"校园新闻 {number}", "校园新闻", f'<ul class="list">{rows}</ul>{pager}')


def article(id_: int) -> bytes:
    """The page of article *id_*, always the same."""
    title, body = (part.replace("<p>", '<p style="text-indent: 2em;">') for part in story(id_))
    main = (
        f'<form name="_newscontent_fromname"><h1>{escape(title)}</h1>'
        f'<div class="meta">{_time(id_):%Y年%m月%d日 %H:%M}&nbsp;&nbsp;作者：农小禾&nbsp;&nbsp;来源：宣传部&nbsp;&nbsp;'
        f'点击:[<script>_showDynClicks("wbnews", 1207954321, {id_})</script>]</div>'
        f'<div id="vsb_content"><div class="v_news_content">{body}'
        f'<p class="vsbcontent_img"><img width="480" src="/__local/A/{id_}.jpg"></p></div></div>'
        f'<div class="around"><p>上一条：<a href="{id_ + 1}.htm">{escape(story(id_ + 1)[0])}</a></p></div></form>'
    )
    return _page(f"{escape(title)}-农场大学", "校园新闻 &gt; 正文", main)


def _row(place: int, id_: int) -> str:
    title, date = escape(story(id_)[0]), f"{_time(id_):%Y-%m-%d}"
    link = f'<a href="{path(id_)[1:]}" target="_blank" title="{title}">{title}</a>'
    return f'<li id="line_u8_{place}"><span>{date}</span>{link}</li>'


def path(id_: int) -> str:
    return f"/info/{1000 + id_ // 1000}/{id_}.htm"


def _time(id_: int) -> datetime:
    return EPOCH + timedelta(days=id_ % 1000, hours=9)


def _page(title: str, position: str, main: str) -> bytes:
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<!--Announced by Visual SiteBuilder 9-->\n{HEAD}</head>\n"
        f'<body><div class="header"><a href="/"><img src="/images/logo.png" alt="农场大学"></a></div>'
        f'<ul class="nav">{MENU}</ul>\n'
        f'<div class="side"><h3><a href="/tzgg.htm">通知公告</a></h3><ul>{NOTICES}</ul></div>\n'
        f'<div class="main"><div class="position">当前位置: 首页 &gt; {position}</div>\n{main}</div>\n'
        f'<div class="footer">{FOOTER}</div></body></html>'
    ).encode()
