"""Words with few values, which several nouns share."""

from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["feed", "list", "article"]
Precision = Literal["minute", "day"]
Outcome = Literal["new", "unchanged", "failed"]
# how we know who published a story first: another's word, the times of publication, or only as we saw them
Evidence = Literal["origin", "time", "seen"]
# what is wrong with a source, as its operator would say it: diagnose.py finds it
Fault = Literal[
    "moved",  # not there any more, or sent on to the home page
    "gone",  # the publisher says: for good
    "redesigned",  # a page, but no list that is surely this source's
    "empty",  # a list without items
    "shape",  # a list, but not what it was: few items, no dates, foreign links, one title for all
    "articles",  # the list is read, its article pages are not
    "blocked",  # a firewall
    "intranet",  # for the campus only
    "login",
    "limited",  # asked too often
    "robots",
    "dns",
    "tls",
    "connect",
    "timeout",
    "server",  # 5xx
    "redirect",
    "protocol",  # no answer that a browser would take
    "size",
    "program",  # ours
    "stale",  # silent for much longer than it ever was
    "offline",  # of the service itself: no source can be reached
]
SHANGHAI = ZoneInfo("Asia/Shanghai")
