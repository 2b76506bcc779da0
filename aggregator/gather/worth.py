"""The text and the address of a link -> how much it reads like one to an article; a text -> whether it shows a date.

Knows the looks of titles, addresses and dates, no trees. Addresses are as written.
"""

import re

COLUMN_WIDTH = 8.0  # where the names of columns end and titles begin


def title_worth(title: str, href: str) -> float:
    """How much a link reads like one to an article: up to one for its length, more or less for its address."""
    # characters of Chinese; a Latin letter says half as much
    width = len(title) - len(title.encode("ascii", "ignore")) / 2
    worth = (min(width, _FULL_WIDTH) - COLUMN_WIDTH) / (_FULL_WIDTH - COLUMN_WIDTH)
    address = f"/{href.lower()}"
    if _COLUMN.search(address):
        return worth - _ADDRESS_WORTH
    if _ARTICLE.search(address):
        return worth + _ADDRESS_WORTH
    return worth - _ADDRESS_WORTH if _NAME_ONLY.search(address) else worth


def is_column(href: str) -> bool:
    """Whether *href* is an address that columns have, and no article."""
    address = f"/{href.lower()}"
    if _COLUMN.search(address):
        return True
    return _NAME_ONLY.search(address) is not None and not is_article(href)


def is_article(href: str) -> bool:
    """Whether *href* is an address that articles have."""
    return _ARTICLE.search(f"/{href.lower()}") is not None


def may_have_date(text: str) -> bool:
    """Whether *text* has a sign that all dates have."""
    return _SIGN.search(text) is not None


def has_date(text: str) -> bool:
    """Whether *text*, what stands beside a title, shows what has the look of a date."""
    return may_have_date(text) and _DATE.search(text.lower()) is not None


def dates_itself(title: str) -> bool:
    """Whether *title* begins or ends with the date of its article, not with one that it tells of."""
    return ("20" in title or _NUMBERED.match(title) is not None) and _DATE_INSIDE.search(title) is not None


_FULL_WIDTH = 20.0  # characters; a longer title says no more
_ADDRESS_WORTH = 0.4
# All of lower case, which is three times as fast as ignoring case. Of VSB, WebPlus, TRS, enorth, WeChat, then numbers
# and names of home-made systems.
_ARTICLE = re.compile(
    r"/(?:info/\d+/\d+\.htm|c\d+a\d+/|t?20\d{6}|20\d\d[-/]?\d\d|[0-9a-f]{16,}|[0-9a-f]{8}-[0-9a-f]{4}-|\d{2,}(?:\.|$|/)"
    r"|[^/]*\d{4,}[^/]*$|\w+(?:-\w+){3,}/?$)"
    r"|urltype=news|_redirect\?|mp\.weixin\.qq\.com/s|[?&]\w*(?:id|article|news)=\w"
    r"|(?:content|article|detail|show|view|read|notice|news)\w{0,40}[/_=-]\d"
)
_COLUMN = re.compile(r"/(?:index|list|main|default)\d*\.\w+(?:$|[?#])|/list(?:$|[/?#])")
_NAME_ONLY = re.compile(r"/[a-z_]{1,20}(?:\.s?html?|\.aspx?|\.php|\.jsp|/)?$")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_SIGN = re.compile(r"[\d前天]")
_DATE = re.compile(
    r"(?:19|20)\d\d\s?[-./年]\s?\d{1,2}(?!\d)|20\d{4}[-./]\d\d|(?<![\d.])\d{1,2}[-/.月]\d{1,2}(?![\d.])"
    rf"|月[,，\s]*20\d\d|\d{{1,2}}\s+\d{{1,2}}月|[天时钟]前|[今昨前]天|\b{_MONTH}\.?[\s,]*\d|\d[\s,]+{_MONTH}\b"
)
_NUMBERED = re.compile(r".?\d")
# inside its link, where a date in the title must not have the look
_DATE_INSIDE = re.compile(
    r"^[\[(（【]?\d{1,2}[-/.月]\d{1,2}日?[\])）】]?\s|20\d\d\s\d\d[-.]\d\d|20\d\d\s?[-./]\s?\d{1,2}(?!\d)"
    r"|20\d\d年\d{1,2}月\d{1,2}日\s*$|\d{1,2}月[,，\s]*20\d\d(?!年)"
)
