"""A failed visit, or a strange page, into the Fault an operator would name, and the response that proves it.

Pure: what a server said in, a word out. Knows no store and no clock; what a fault means over time stands in health.py.
"""

import gzip
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.gather.charset import decode
from aggregator.gather.tree import parse, remove
from aggregator.identity import domain_of
from aggregator.mask import SECRET_NAME, masked
from aggregator.model import Fault, Item, Kept, Response
from aggregator.visit.redirects import is_sent_home

KEPT_BYTES = 65_536  # of a body
LOOKED_AT_BYTES = 262_144  # a page that tells why it is no list does so at once
FEW_LINKS = 5  # with a title's length: fewer make no list
TITLE = 8  # characters; the names of columns in a menu are shorter
SAYS_LITTLE = 200  # characters that are seen of a page made by its script
SAYS_SOMETHING = 2_000  # a page with more text than this is no notice of one sentence
ENOUGH = 3  # items or article pages that can testify

BY_CAUSE: dict[str, Fault] = {
    "address": "intranet",  # a name that leads to a private address: known outside, served inside
    "dns": "dns",
    "tls": "tls",
    "timeout": "timeout",
    "connect": "connect",
    "redirect": "redirect",
    "size": "size",
    "robots": "robots",
}
BY_STATUS: dict[int, Fault] = {
    **dict.fromkeys((300, 305), "redirect"),
    401: "login",
    404: "moved",
    407: "login",
    410: "gone",
    429: "limited",
}

CAMPUS = re.compile(
    r"校园网|校内|校外|内网|内部网|IP(?:地址)?(?:不在|受限|限制)|webvpn|(?:无权|没有权限|未授权)(?:访问|浏览|查看)",
    re.IGNORECASE,
)
# what firewalls call themselves, and the scripts with which they try whether a browser is there
FIREWALL = re.compile(
    r"防火墙|安全(?:验证|检测|拦截|狗)|人机(?:验证|校验|识别)|访问(?:验证|被拦截|被阻断|频率)|请求(?:被拦截|被阻断|存在威胁)|非法请求|"
    r"云锁|创宇盾|开启\s*javascript|enable\s+javascript|captcha|\bwaf\b|cloudflare|access denied|verify you are human",
    re.IGNORECASE,
)
CHALLENGE = re.compile(
    r"__jsl|acw_sc__v2|\$_ts\b|challenge-platform|document\.cookie\s*=|location\.reload|\b_0x[0-9a-f]{4}", re.IGNORECASE
)
SENDS_ON = re.compile(r"location(?:\.href|\.replace|\.assign)?\s*[=(]", re.IGNORECASE)
MISSING = re.compile(
    r"\b404\b|(?:页面|网页|文件|栏目|内容|资源)(?:不存在|未找到|找不到|已(?:被)?删除)|not found", re.IGNORECASE
)
NOTHING = re.compile(
    r"(?:暂无|暂时没有|没有找到|没有|无)(?:相关|任何|更多)?(?:数据|信息|内容|新闻|公告|通知|文章|记录)|"
    r"no (?:data|results|records|entries)\b",
    re.IGNORECASE,
)
LOGIN_ADDRESS = re.compile(
    r"(?:^|[/.])(?:login|signin|sso|cas|authserver|passport|idp|oauth2?)(?:[/.?]|$)", re.IGNORECASE
)
LOGIN_WORDS = re.compile(r"登录|登陆|统一身份认证|log ?in|sign ?in", re.IGNORECASE)


def fault_of(error: Exception, url: str) -> Fault:
    """What *error*, met while visiting the source at *url*, says is wrong with it."""
    response: Response | None = error.response if isinstance(error, SourceError) else None
    if isinstance(error, FetchError):
        if error.cause == "robots" and error.retry_after:
            return "server"  # robots.txt forbids nothing, it cannot be read
        if error.cause != "status" or error.status is None:
            return BY_CAUSE.get(error.cause, "protocol")
        return BY_STATUS.get(error.status) or _refusal(error.status, response)
    if isinstance(error, ParseError):
        return _unreadable(response, url) if response else "protocol"
    return "program"


def strangeness(
    url: str, response: Response, items: Sequence[Item], *, is_changed: bool, had_items: bool, tried: int, unread: int
) -> Fault | None:
    """What is wrong with a source at *url* that was read: its *items*, and of *tried* article pages *unread*.

    *had_items*: it is a fault to have none; lists without any are no lists, and were not read.
    """
    if _is_sent_home(url, response.url):
        return "moved"
    if had_items and not items:
        return "empty"
    if is_changed or (len(items) >= ENOUGH and len({item.title for item in items}) == 1):
        return "shape"
    return "articles" if tried >= ENOUGH and unread == tried else None


def says_missing(response: Response) -> bool:
    """Whether a page says that what was asked for is not there; no firewall says so, nor a login."""
    page = _Page(response)
    if len(page.text) >= SAYS_SOMETHING or page.is_challenge or page.asks_for_password:
        return False
    refuses = FIREWALL.search(page.text) or CAMPUS.search(page.text)
    return refuses is None and MISSING.search(page.text) is not None


def proof(response: Response | None, fault: Fault | None, before: str | None, *, good: bool = False) -> Kept | None:
    """*response* as it is kept and shown: at most KEPT_BYTES of its body, and no secret in header, address or body.

    The first of each trouble: None for one that says what the one *before* it said. Where all is well only if a *good*
    one is wanted: at each poll it would cost more than reading the page.
    """
    is_wanted = good if fault is None else fault != before
    if response is None or response.not_modified or not is_wanted:
        return None
    said = {name: masked(value) for name, value in response.headers.items() if not SECRET_NAME.search(name)}
    shown = masked(response.body[:KEPT_BYTES].decode("latin-1")).encode("latin-1")  # any charset: each byte a letter
    body = gzip.compress(shown, 1, mtime=0)  # a third of the usual time, hardly larger
    return Kept(fault is None, masked(response.url), response.status, said, body, len(response.body) > KEPT_BYTES)


def _refusal(status: int, response: Response | None) -> Fault:
    """Of a status that several guards use. A script instead of an answer is a firewall's, whatever status it has."""
    page = _Page(response) if response else None
    if page and CAMPUS.search(page.text):
        return "intranet"
    if status >= 500 and status != 521 and not (page and page.is_challenge):
        return "server"
    return "blocked"


def _unreadable(response: Response, url: str) -> Fault:
    """Of a page that was sent as if all were well, but holds no list of ours."""
    page = _Page(response)
    is_short = len(page.text) < SAYS_SOMETHING
    if page.is_too_much:
        return "size"
    if page.asks_for_password or (response.url != url and LOGIN_ADDRESS.search(_place(response.url))):
        return "login"
    if is_short and CAMPUS.search(page.text):
        return "intranet"
    if page.is_challenge or (is_short and FIREWALL.search(page.text)):
        return "blocked"
    if page.sends_on or _is_sent_home(url, response.url) or (is_short and MISSING.search(page.text)):
        return "moved"
    if page.titles < FEW_LINKS or (is_short and NOTHING.search(page.text)):
        return "empty"
    return "redesigned"


class _Page:
    """What a person would see of a page, and what a script in it is for."""

    def __init__(self, response: Response) -> None:
        html = decode(response.body[:LOOKED_AT_BYTES], response.content_type)
        self.is_too_much = False
        try:
            tree = parse(html)
        except ParseError:  # built to keep a parser busy
            self.text, self.titles, self.asks_for_password, self.is_challenge, self.sends_on = "", 0, False, True, False
            self.is_too_much = True
            return
        scripts = tree.css("script")
        source = " ".join(script.text() + " " + (script.attributes.get("src") or "") for script in scripts)
        refreshes = [one.attributes.get("content") or "" for one in tree.css('meta[http-equiv="refresh" i]')]
        remove([*scripts, *tree.css("style, template")])
        self.text = " ".join(tree.root.text(separator=" ").split()) if tree.root else ""
        self.titles = sum(len("".join(link.text().split())) >= TITLE for link in tree.css("a[href]"))
        self.asks_for_password = bool(tree.css("input[type=password]")) and bool(LOGIN_WORDS.search(self.text))
        is_bare = len(self.text) < SAYS_LITTLE
        self.is_challenge = is_bare and bool(CHALLENGE.search(source) or FIREWALL.search(source))
        self.sends_on = is_bare and (any("url" in one.lower() for one in refreshes) or bool(SENDS_ON.search(source)))


def _is_sent_home(url: str, landed: str) -> bool:
    """Whether a page below a site's home page leads there, or to another university, now."""
    asked, there = urlsplit(url), urlsplit(landed)
    if (asked.hostname, asked.path, asked.query) == (there.hostname, there.path, there.query):
        return False
    return is_sent_home(url, landed) or domain_of(url) != domain_of(landed)


def _place(url: str) -> str:
    """Host and path of *url*."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"
